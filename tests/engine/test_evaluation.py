"""Methods side by side: same pictures, same masks, numbers that mean what their names say."""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import inpainter
from conftest import Constant
from inpainter.apps.figures import GAP, LINE, SIDE
from inpainter.apps.report import html_page, markdown_page, read_results, write_figures, write_report
from inpainter.apps.study import evaluate as evaluate_command
from inpainter.core import Card, Inpainter, InputError, View
from inpainter.engine.evaluation import Evaluation, _keep_extreme, evaluate
from inpainter.masks import KINDS
from inpainter.metrics import METRICS

COUNT = 6


@pytest.fixture
def truths() -> np.ndarray:
    coarse = np.random.default_rng(5).integers(0, 256, (COUNT, 5, 5, 3), dtype=np.uint8)
    return np.stack([cv2.resize(picture, (24, 20), interpolation=cv2.INTER_CUBIC) for picture in coarse])


@pytest.fixture
def source(tmp_path, truths) -> str:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = pa.array([{"bytes": cv2.imencode(".png", t[..., ::-1])[1].tobytes(), "path": ""} for t in truths], kind)
    pq.write_table(pa.table({"image": rows}), tmp_path / "p.parquet")
    return str(tmp_path / "p.parquet")


class Seeing(Inpainter):
    """Answers the truth plus an offset in raw, remembering what it saw."""

    card = Card("seeing", "knows", "tests", "tests", "photos")

    def __init__(self):
        self.seen = []

    def predict(self, image, mask, work):
        self.seen.append((image.copy(), mask.copy()))
        return np.full_like(image, 0.5)

    def raw(self, images, masks):
        assert (images[masks] == 0).all()
        return np.clip(np.where(masks[..., None], np.float32(0.5), images + np.float32(0.1)), 0, 1)


def run(source, methods, **more):
    return evaluate(Evaluation(methods=list(methods), data=source, **more), lambda name: methods[name])


def test_every_method_gets_the_same_blanked_pictures_and_masks(source, truths):
    one, other = Seeing(), Seeing()
    run(source, {"one": one, "other": other}, masks=("lines", "blocks"))
    assert len(one.seen) == 2 * COUNT
    for (a, m), (b, n) in zip(one.seen, other.seen, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(m, n)
        assert (a[m] == 0).all()
    for (image, mask), truth in zip(one.seen, [*truths, *truths], strict=True):
        np.testing.assert_array_equal(image[~mask], truth[~mask].astype(np.float32) / np.float32(255))


def test_the_numbers_against_a_plain_computation(source, truths):
    seeing = Seeing()
    (result,) = run(source, {"seeing": seeing}, bare=True)
    hole, raw = [], []
    for (_, mask), truth in zip(seeing.seen, truths / np.float32(255), strict=True):
        hole.append(((0.5 - truth[mask]) ** 2).mean())
        answer = np.clip(np.where(mask[..., None], 0.5, truth + 0.1), 0, 1)
        raw.append(((answer - truth) ** 2).mean())
    found = result.kinds["lines"]["metrics"]
    assert found["mse_hole"]["mean"] == pytest.approx(np.mean(hole), rel=1e-5)
    assert found["mse_hole"]["spread"] == pytest.approx(np.std(hole), rel=1e-5)
    assert found["mse_whole_raw"]["mean"] == pytest.approx(np.mean(raw), rel=1e-4)
    assert found["mse_hole"]["pictures"] == COUNT
    assert "lpips_whole_composed" not in found


class Shading(Inpainter):
    """Answers a ramp over the picture that it is shown: another one for every frame."""

    card = Card("shading", "a ramp", "tests", "tests", "photos")
    view = View(context="pixels", amount=2)

    def predict(self, image, mask, work):
        return np.broadcast_to(np.linspace(0, 1, mask.shape[1], dtype=np.float32)[None, :, None], image.shape).copy()


def test_what_is_measured_is_what_inpainter_fill_makes(source, truths):
    (result,) = run(source, {"m": Shading()}, masks=("scatter",), metrics=("l1_hole",))
    (bare,) = run(source, {"m": Shading()}, masks=("scatter",), metrics=("l1_hole", "l1_whole_raw"), bare=True)
    assert (result.to_dict()["through"], bare.to_dict()["through"]) == ("fill", "bare")
    for truth, shown, whole in zip(truths, result.shown["scatter"], bare.shown["scatter"], strict=True):
        wanted = inpainter.fill(truth, shown.mask, Shading())
        assert (np.rint(shown.answer * 255) == wanted).all()
        # Holes seen one by one: not the ramp over the whole picture.
        assert (
            whole.answer[shown.mask] == np.linspace(0, 1, 24, dtype=np.float32)[np.nonzero(shown.mask)[1], None]
        ).all()
    assert (result.shown["scatter"][0].answer != bare.shown["scatter"][0].answer).any()


def test_a_page_says_which_way_each_was_measured(source):
    mixed = [run(source, {"m": Seeing()}, bare=bare)[0].to_dict() for bare in (False, True)]
    rows = [line for line in markdown_page(mixed).splitlines() if line.startswith("| m |")]
    assert [row.split(" | ")[1] for row in rows] == ["fill", "bare"]
    # A raw answer is the bare network's.
    heads = next(line for line in markdown_page(mixed).splitlines() if line.startswith("| method")).split(" | ")
    assert rows[0].split(" | ")[heads.index("MSE, whole, raw")] == "not measured"
    assert rows[1].split(" | ")[heads.index("MSE, whole, raw")] != "not measured"


def test_networks_are_measured_many_pictures_at_a_time(source):
    class Counting(Constant):
        def predict_batch(self, images, masks, works):
            self.batches = [*getattr(self, "batches", []), len(images)]
            return np.full_like(images, 0.5)

    for bare in (False, True):
        counting = Counting(view=View(fixed=(32, 32)))
        run(source, {"m": counting}, bare=bare)
        assert counting.batches == [COUNT]


def test_what_a_method_has_no_raw_answer_for_is_not_measured(source):
    results = run(source, {"constant": Constant(0.5), "seeing": Seeing()}, bare=True)
    assert "mse_whole_raw" not in results[0].kinds["lines"]["metrics"]
    page = markdown_page([r.to_dict() for r in results])
    assert "not measured" in page


@pytest.mark.parametrize("fitting_first", [True, False])
def test_a_metric_that_some_pictures_have_is_the_mean_over_those(tmp_path, rng, fitting_first):
    """Pictures of two sizes, of which a network of one size has a raw answer of one only."""
    for i, side in enumerate((32, 40, 40) if fitting_first else (40, 32, 40)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), rng.integers(0, 256, (side, side, 3)).astype(np.uint8))
    seeing = Seeing()
    seeing.view = View(fixed=(32, 32))
    (result,) = run(str(tmp_path), {"m": seeing}, bare=True, by_cover=True)
    found = result.kinds["lines"]["metrics"]
    assert (found["mse_hole"]["pictures"], found["mse_whole_raw"]["pictures"]) == (3, 1)
    bins = result.kinds["lines"]["by_cover"]
    assert sum(entry["metrics"].get("mse_whole_raw", {"pictures": 0})["pictures"] for entry in bins) == 1
    assert sum(entry["metrics"]["mse_hole"]["pictures"] for entry in bins) == 3


def test_masks_are_a_function_of_seed_and_place(source):
    whole, again, other = Seeing(), Seeing(), Seeing()
    first = run(source, {"m": whole})[0].facts
    assert run(source, {"m": again}, first=2, limit=3)[0].facts["data"]["pictures"] == 3
    for (_, a), (_, b) in zip(whole.seen[2:5], again.seen, strict=True):
        np.testing.assert_array_equal(a, b)
    second = run(source, {"m": other}, seed=1)[0].facts
    assert first["mask_hashes"] != second["mask_hashes"]
    assert first["mask_hashes"] == run(source, {"m": Seeing()})[0].facts["mask_hashes"]


def test_a_method_of_other_sizes_is_padded_to(source):
    constant = Constant(0.25, view=View(minimum=32, multiple=16))
    (result,) = run(source, {"constant": constant})
    assert constant.seen[0][0].shape == (32, 32, 3)
    assert result.shown["lines"][0].answer.shape == (20, 24, 3)


def test_squares_are_cut_from_the_middle(source, truths):
    seeing = Seeing()
    run(source, {"m": seeing}, size=16)
    image, mask = seeing.seen[0]
    np.testing.assert_array_equal(image[~mask], (truths[0][2:18, 4:20] / np.float32(255)).astype(np.float32)[~mask])


def test_by_cover_sorts_every_picture_once(source):
    (result,) = run(source, {"m": Seeing()}, masks=("blob",), by_cover=True)
    bins = result.kinds["blob"]["by_cover"]
    assert sum(entry["pictures"] for entry in bins) == COUNT
    whole = result.kinds["blob"]["metrics"]["mse_hole"]["mean"]
    weighed = sum(e["pictures"] * e["metrics"]["mse_hole"]["mean"] for e in bins) / COUNT
    assert weighed == pytest.approx(whole)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"masks": ("stripes",)}, "no kind 'stripes'"),
        ({"metrics": ("beauty",)}, "no metric 'beauty'"),
        ({"first": 99}, "none from number 99"),
        ({"size": 500}, "smaller than 500 px"),
        ({"lpips_weights": "/nowhere"}, "no LPIPS weights"),
    ],
)
def test_one_line_for_what_does_not_fit(source, more, reason):
    with pytest.raises(InputError, match=reason) as caught:
        run(source, {"m": Seeing()}, **more)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------------------------ report


@pytest.fixture
def results(source):
    methods = {"good": Seeing(), "folder/bad<b>": Constant(0.0)}
    return run(source, methods, masks=("lines", "centre"), by_cover=True, bare=True)


def test_the_best_of_a_column_is_bold(results):
    lines = [line for line in markdown_page([r.to_dict() for r in results]).splitlines() if line.startswith("| ")]
    heads = lines[0].split(" | ")
    column = heads.index("MSE, hole")
    good, bad = (line.split(" | ") for line in lines[1:3])
    means = [r.kinds["lines"]["metrics"]["mse_hole"]["mean"] for r in results]
    assert means[0] < means[1]
    assert good[column].startswith(f"**{means[0]:.5f}** ±")
    assert bad[column].startswith(f"{means[1]:.5f} ±")
    # Only one method has it, so there is no best.
    raw = heads.index("MSE, whole, raw")
    assert not good[raw].startswith("**")
    assert bad[raw] == "not measured"


def test_the_page_stands_alone_and_escapes_names(results):
    page = html_page(results)
    assert "http" not in page.replace("http-equiv", "")
    assert "bad<b>" not in page
    assert page.count("<svg") == 2 * 3
    # Truth, input and two cells a method, for each picture and kind; and of the extremes what was given and the fill.
    assert page.count("<img") == 2 * COUNT * 6 + 2 * 2 * COUNT * 2


def test_the_best_and_the_worst_fills_are_shown(source, tmp_path):
    (result,) = run(source, {"m": Seeing()}, masks=("lines",), metrics=("psnr_hole",))
    found = result.extremes["lines"]
    assert [psnr for psnr, _ in found] == sorted((psnr for psnr, _ in found), reverse=True)
    psnrs = [METRICS["psnr_hole"].measure(one.truth, one.answer, one.mask) for _, one in found]
    assert psnrs == pytest.approx([psnr for psnr, _ in found])
    mean = result.kinds["lines"]["metrics"]["psnr_hole"]["mean"]
    assert found[0][0] > mean > found[-1][0]
    write_figures([result], tmp_path)
    height, width = cv2.imread(str(tmp_path / "extremes-lines.png")).shape[:2]
    assert width == len(found) * (SIDE + GAP) + GAP
    assert height == 2 * (LINE + GAP) + 2 * (SIDE + GAP)


def test_of_many_fills_the_three_best_and_the_three_worst_are_kept(rng):
    scores, kept = rng.permutation(20).astype(float).tolist(), []
    for score in scores:
        _keep_extreme(kept, score, score)
    assert [score for score, _ in kept] == [19, 18, 17, 2, 1, 0]
    assert all(score == shown for score, shown in kept)


def test_the_folder_has_a_file_a_method_that_makes_the_same_tables(results, tmp_path):
    write_report(results, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    figures = [f"{name}-{kind}.png" for name in ("comparison", "extremes") for kind in ("centre", "lines")]
    assert names == ["bad<b>.json", *figures, "good.json", "report.html", "report.md"]
    read = read_results([tmp_path / "out" / "good.json", tmp_path / "out" / "bad<b>.json"])
    assert [r["masks"] for r in read] == [r.kinds for r in results]
    text = (tmp_path / "out" / "report.md").read_text()
    assert markdown_page(read).splitlines()[3:] == text.splitlines()[3:]


def test_results_of_different_masks_are_told(source):
    mixed = [run(source, {"m": Seeing()}, seed=seed)[0].to_dict() for seed in (0, 1)]
    assert "NOT the same pictures and masks" in markdown_page(mixed)


def test_a_file_that_is_no_result_is_one_line(tmp_path):
    for content in ("{", "[]", json.dumps({"method": "x"})):
        path = tmp_path / "r.json"
        path.write_text(content)
        with pytest.raises(InputError, match=r"r\.json"):
            read_results([path])


def test_the_command_measures_real_methods(source, tmp_path, capsys):
    code = evaluate_command(
        methods="telea, navier-stokes", data=source, masks="lines", output=tmp_path / "report", limit=3, by_cover=True
    )
    assert code == 0
    assert "2 methods on 3 pictures" in capsys.readouterr().out
    found = json.loads((tmp_path / "report" / "telea.json").read_text())
    # Smooth pictures with thin holes: a working method is far from the blank.
    assert found["masks"]["lines"]["metrics"]["psnr_hole"]["mean"] > 20
    assert Path(tmp_path / "report" / "report.html").stat().st_size > 10_000


def test_nsd_alone_has_no_other_column_and_says_for_whom_it_is_not_defined(source, tmp_path):
    evaluate_command(methods="telea,mean", data=source, output=tmp_path / "report", limit=2, metrics="nsd")
    note = "NSD is not defined for telea, mean: no code to measure."
    for name in ("report.md", "report.html"):
        page = (tmp_path / "report" / name).read_text()
        assert page.count(note) == 1
        assert "LPIPS" not in page


def test_a_report_without_nsd_has_no_word_of_it(results):
    page = markdown_page([r.to_dict() for r in results])
    assert "NSD" not in page
    assert "LPIPS" in page


def test_every_kind_of_mask_can_be_measured(source):
    (result,) = run(source, {"m": Seeing()}, masks=tuple(KINDS), limit=1, metrics=("mse_hole",))
    assert set(result.kinds) == set(KINDS)


def test_two_runs_are_two_results(source):
    names = ("runs/first/weights", "runs/second/weights", "others/first/weights")
    results = evaluate(Evaluation(methods=names, data=str(source), limit=1, metrics=("l1_hole",)), lambda _: Constant())
    assert len({result.method for result in results}) == 3
    assert [result.method for result in results[:2]] == ["first", "second"]


def test_a_mistyped_method_is_found_before_anything_is_measured(source):
    first = Constant()

    def load(name: str) -> Inpainter:
        if name == "second":
            raise InputError("no such method")
        return first

    with pytest.raises(InputError, match="no such method"):
        evaluate(Evaluation(methods=("first", "second"), data=str(source), limit=1, metrics=("l1_hole",)), load)
    assert not first.seen
