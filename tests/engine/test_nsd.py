"""NSD as a step of an evaluation: of methods with an encoder, on the same pictures under the same masks."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from conftest import Constant
from inpainter.apps.figures import GAP, LINE, SIDE, Cell, grid
from inpainter.apps.report import html_page, markdown_page, write_report
from inpainter.apps.study import evaluate as evaluate_command
from inpainter.core import Card, InputError, View
from inpainter.engine.evaluation import Evaluation, evaluate
from inpainter.methods import context_encoder
from inpainter.nn.network import Network, NetworkInpainter
from results_page import results_page

SIZE, COUNT = 20, 5


class Coding(Network):
    """A network with a latent code, which remembers what it encoded."""

    encodes = True
    view = View(fixed=(SIZE, SIZE))

    def __init__(self, dimensions=3):
        super().__init__()
        torch.manual_seed(dimensions)
        self.layer = nn.Conv2d(3, dimensions, 5, 4)
        self.pictures, self.drawn, self.codes = [], [], []

    def code(self, image, mask):
        code = self.layer(image).relu().mean((2, 3))
        self.pictures.append(image)
        self.drawn.append(mask)
        self.codes.append(code)
        return code

    def predict(self, image, mask, works):
        return torch.full_like(image, 0.25)


def inpainter(network):
    return NetworkInpainter(network, Card("coding", "codes", "tests", "tests", "photos"))


@pytest.fixture
def source(tmp_path):
    coarse = np.random.default_rng(5).integers(0, 256, (COUNT, 5, 5, 3), dtype=np.uint8)
    (tmp_path / "pictures").mkdir()
    for i, picture in enumerate(coarse):
        cv2.imwrite(str(tmp_path / "pictures" / f"{i}.png"), cv2.resize(picture, (24, SIZE)))
    return str(tmp_path / "pictures")


def run(source, methods, **more):
    options = {"masks": ("blocks",), "size": SIZE, "limit": 2, "metrics": ("nsd", "mse_hole"), "nsd_masks": 4} | more
    return evaluate(Evaluation(methods=list(methods), data=source, **options), lambda name: methods[name])


def test_the_number_is_that_of_the_codes_of_blanked_pictures(source):
    network = Coding()
    (result,) = run(source, {"m": inpainter(network)})
    found = result.kinds["blocks"]["nsd"]
    codes = torch.cat(network.codes).double().numpy().reshape(COUNT, 4, 3)
    pairs = [((one[:, None] - one[None]) ** 2).sum() / 16 / 2 / 3 for one in codes]
    assert found["raw"]["mean"] == pytest.approx(np.mean(pairs))
    assert found["raw"]["spread"] == pytest.approx(np.std(pairs))
    scaled = (codes - codes.mean((0, 1))) / codes.std((0, 1))
    pairs = [((one[:, None] - one[None]) ** 2).sum() / 16 / 2 / 3 for one in scaled]
    assert found["standardised"]["mean"] == pytest.approx(np.mean(pairs))
    assert found["standardised"]["spread"] == pytest.approx(np.std(pairs))
    sizes = {name: found[name] for name in ("pictures", "masks", "dimensions", "constant_dimensions")}
    # The other metrics' limit of two is none of NSD's.
    assert sizes == {"pictures": COUNT, "masks": 4, "dimensions": 3, "constant_dimensions": 0}
    assert found["seconds"] > 0
    for pictures, masks in zip(network.pictures, network.drawn, strict=True):
        assert (pictures.masked_select(masks) == 0).all()
        assert len(masks.flatten(1).unique(dim=0)) == 4
    assert result.kinds["blocks"]["metrics"]["mse_hole"]["pictures"] == 2


def test_all_methods_get_the_same_masks_of_seed_kind_and_place(source):
    one, other, again, later, new = (Coding(d) for d in (3, 4, 3, 3, 3))
    first = run(source, {"one": inpainter(one), "other": inpainter(other)}, masks=("blocks", "blob"))
    assert all(torch.equal(a, b) for a, b in zip(one.drawn, other.drawn, strict=True))
    (second,) = run(source, {"m": inpainter(again)}, masks=("blob",))
    assert all(torch.equal(a, b) for a, b in zip(one.drawn[COUNT:], again.drawn, strict=True))
    hashes = [r.kinds["blob"]["nsd"]["mask_hash"] for r in (*first, second)]
    assert len(set(hashes)) == 1
    run(source, {"m": inpainter(later)}, masks=("blob",), first=2)
    assert all(torch.equal(a, b) for a, b in zip(again.drawn[2:], later.drawn, strict=True))
    (third,) = run(source, {"m": inpainter(new)}, masks=("blob",), seed=1)
    assert third.kinds["blob"]["nsd"]["mask_hash"] != hashes[0]
    assert not torch.equal(new.drawn[0], again.drawn[0])


def test_it_is_taken_only_where_it_is_asked_for(source):
    network = Coding()
    (result,) = evaluate(Evaluation(methods=["m"], data=source, size=SIZE), lambda _: inpainter(network))
    assert not network.codes
    assert "nsd" not in result.kinds["lines"]
    assert "NSD" not in markdown_page([result.to_dict()])


def test_a_kind_that_draws_one_mask_only_gives_nothing(source):
    with pytest.warns(UserWarning, match="all masks of an image are equal"):
        (result,) = run(source, {"m": inpainter(Coding())}, masks=("centre",))
    assert result.kinds["centre"]["nsd"]["standardised"]["mean"] == 0


class Broken(Coding):
    def code(self, image, mask):
        return super().code(image, mask) / (len(self.codes) != 3)


@pytest.mark.parametrize(
    ("network", "more", "reason"),
    [
        (Coding, {"size": 16}, r"nsd: m takes 20×20 \(height×width\) only, not pictures of 16×16: give .* --size"),
        (Coding, {"size": None}, "not pictures of 20×24"),
        (Coding, {"nsd_masks": 1}, "1 masks each: give"),
        (Coding, {"nsd_pictures": 0}, "0 pictures"),
        (Coding, {"metrics": ("nds",)}, "no metric 'nds': .*nsd"),
        (Broken, {}, "m, masks blocks: nsd: image 2: the encoder returned NaN"),
    ],
)
def test_one_line_for_what_does_not_fit(source, network, more, reason):
    with pytest.raises(InputError, match=reason) as caught:
        run(source, {"m": inpainter(network())}, **more)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------------------------ report


@pytest.fixture
def results(source):
    methods = {"large": inpainter(Coding(8)), "none": Constant(0.75), "small": inpainter(Coding())}
    return run(source, methods, metrics=("nsd", "mse_hole", "ssim_hole"))


def test_the_tables_have_it_and_say_where_it_is_not_measured(results):
    page = markdown_page([r.to_dict() for r in results])
    heads, *rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    column = heads.index("NSD, standardised")
    found = [r.kinds["blocks"].get("nsd", {}).get("standardised") for r in results]
    assert rows[1][column] == rows[1][heads.index("NSD, raw")] == "not measured"
    for row, of in zip((rows[0], rows[2]), (found[0], found[2]), strict=True):
        assert row[column].strip("*").startswith(f"{of['mean']:.3f}")
        assert row[column].endswith(f"± {of['spread']:.3f}")
    best = 0 if found[0]["mean"] < found[2]["mean"] else 2
    assert [row[column].startswith("**") for row in rows] == [i == best for i in range(3)]
    # Raw numbers of different networks are not on one scale.
    assert not any("**" in row[heads.index("NSD, raw")] for row in rows)
    assert "5 pictures" in page
    assert "large 8 (0 constant)" in page
    assert "normalized squared-distortion" in page
    assert "NSD, raw" in html_page(results)


def test_one_picture_under_several_masks_with_each_ones_distance(results):
    shown = results[2].under_masks["blocks"]
    network = inpainter(Coding())
    with torch.inference_mode():
        codes = [
            network.network.encode(
                torch.from_numpy(np.where(one.mask[..., None], 0, one.truth)).permute(2, 0, 1)[None],
                torch.from_numpy(one.mask)[None, None],
            )[0].double()
            for one in shown
        ]
    mean = sum(codes) / 4
    for one, code in zip(shown, codes, strict=True):
        assert one.distance == pytest.approx(float(((code - mean) ** 2).sum() / 3), rel=1e-4)
        np.testing.assert_array_equal(one.answer, np.where(one.mask[..., None], np.float32(0.25), one.truth))
    page = html_page(results)
    assert all(f">{one.distance:.4f}<" in page for one in shown)
    # Six images for each of two pictures of the comparison, and one row of what is given and two of answers.
    assert page.count("<img") == 2 * (2 + 2 * 3) + 3 * 4


def test_at_most_six_masks_are_shown(source):
    (result,) = run(source, {"m": inpainter(Coding())}, nsd_masks=9)
    assert len(result.under_masks["blocks"]) == 6


def test_figures_are_files(results, tmp_path):
    write_report(results, tmp_path / "out")
    across = {"comparison-blocks.png": 5, "masks-blocks.png": 4}
    for name, columns in across.items():
        sheet = cv2.imread(str(tmp_path / "out" / name))
        assert sheet.shape[1] == GAP + columns * (SIDE + GAP)
    comparison = cv2.imread(str(tmp_path / "out" / "comparison-blocks.png"))[..., ::-1].astype(int)
    first = results[0].shown["blocks"][0]
    middle = [comparison[LINE + GAP :][:SIDE, GAP + i * (SIDE + GAP) :][:, :SIDE] for i in range(5)]
    # A known pixel is in all of them, a missing one white, filled, filled, filled, and true.
    for wanted, (y, x) in (("known", np.argwhere(~first.mask)[0]), ("missing", np.argwhere(first.mask)[0])):
        samples = [picture[y * 8 + 4, x * 8 + 4] for picture in middle]
        truth = np.round(first.truth[y, x] * 255)
        fills = [truth] * 4 if wanted == "known" else [np.full(3, v) for v in (255, 64, 191, 64)]
        np.testing.assert_allclose(samples, [*fills, truth], atol=1)


def test_pictures_of_a_figure_keep_their_shape():
    sheet = grid(["a long name that has to be made smaller to fit", "b"], [[Cell(np.zeros((40, 20, 3), np.float32))]])
    row = sheet[LINE + GAP :]
    dark = (row == 0).all(2)
    assert (dark.any(1).sum(), dark.any(0).sum()) == (SIDE, SIDE // 2)
    # The long head does not run into the next column.
    assert (sheet[:LINE, GAP + SIDE : 2 * GAP + SIDE + SIDE // 3] == 255).all()


def test_the_command_takes_it_beside_other_metrics(source, tmp_path, monkeypatch):
    methods = {"coding": inpainter(Coding()), "constant": Constant()}
    monkeypatch.setattr("inpainter.methods.load", lambda name, device: methods[name])
    folder = tmp_path / "results" / "tried"
    code = evaluate_command(methods="coding,constant", data=source, masks="blocks,lines", output=folder, size=SIZE,
                            metrics="nsd,psnr_hole", nsd_pictures=3, nsd_masks=2)  # fmt: skip
    assert code == 0
    found = json.loads((folder / "coding.json").read_text())["masks"]
    for kind in ("blocks", "lines"):
        assert (found[kind]["nsd"]["pictures"], found[kind]["nsd"]["masks"]) == (3, 2)
        assert found[kind]["metrics"].keys() == {"psnr_hole"}
    assert "nsd" not in json.loads((folder / "constant.json").read_text())["masks"]["blocks"]
    page = results_page(Path(tmp_path / "results"))
    assert f"{found['lines']['nsd']['standardised']['mean']:.3f}" in page
    assert "results/evaluation/tried/masks-lines.png" in page


def test_the_command_says_in_a_line_that_equal_masks_measure_nothing(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("inpainter.methods.load", lambda name, device: inpainter(Coding()))
    evaluate_command(methods="coding", data=source, masks="centre", output=tmp_path / "report", size=SIZE, limit=2,
                     metrics="nsd", nsd_pictures=2, nsd_masks=3)  # fmt: skip
    said = capsys.readouterr().err.strip().splitlines()
    assert said == ["note: nsd: all masks of an image are equal, so that its NSD is 0 for any encoder"]


def test_the_results_page_has_the_ratio_to_the_context_encoder(results, tmp_path):
    (tmp_path / "set").mkdir()
    plain = [results[i].to_dict() for i in (0, 2, 1)]
    weights = {"method": "context-encoder", "preset": "128-blocks", "epochs": 3.0}
    recipe = context_encoder.PRESETS["128-blocks"].to_dict()
    plain[0] |= {"method": "first", "weights": {**weights, "recipe": recipe}}
    plain[1] |= {"method": "second", "weights": {**weights, "method": "cascade", "recipe": recipe}}
    trained = plain[1] | {"method": "third", "weights": {**weights, "preset": "nsd-loss", "recipe": recipe}}
    # Of other layers: there is nothing to hold it against.
    other = plain[1] | {"method": "fourth", "weights": {**plain[1]["weights"], "recipe": {**recipe, "width": 8}}}
    for entry in (*plain, trained, other):
        (tmp_path / "set" / f"{entry['method']}.json").write_text(json.dumps(entry))
    rows = [line.split(" | ") for line in results_page(tmp_path).splitlines() if " | blocks | " in line]
    assert [row[:5] for row in rows] == [[f"| {name}", "3.0", "first", "3.0", "blocks"] for name in ("second", "third")]
    one, two = (entry["masks"]["blocks"] for entry in plain[:2])
    ratios = [f"{two['nsd'][form]['mean'] / one['nsd'][form]['mean']:.2f}" for form in ("standardised", "raw")]
    assert [[row[9], row[11].removesuffix(" |")] for row in rows] == [ratios, ratios]
    shown = " → ".join(f"{entry['metrics']['ssim_hole']['mean']:.4f}" for entry in (one, two))
    assert [row[5:8] for row in rows] == [["not measured", shown, "not measured"]] * 2
