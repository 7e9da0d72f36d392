"""Several fills of one picture: their order, their files, and that all of these are there or none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Constant, Drawing
from inpainter.core import Cancelled, InputError
from inpainter.core.seed import LARGEST_SEED
from inpainter.engine.batch import FillOptions
from inpainter.engine.candidates import MOST, candidate_outputs, fill_file_candidates, make_candidates
from inpainter.engine.pictures import source_for
from inpainter.engine.removal import Picture
from makers import assert_helpful, assert_nothing_left, box_mask, picture, save, save_mask, stored

HEIGHT, WIDTH = 120, 160
MASK = box_mask(HEIGHT, WIDTH, 30, 40, 50, 70)
FILES = ("photo-filled-1.png", "photo-filled-2.png", "photo-filled-3.png", "photo-candidates.png")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png", picture(HEIGHT, WIDTH))


def shade(path: Path) -> int:
    with Image.open(path) as image:
        samples = np.asarray(image)
    return int(samples[40, 55, 0])


# ---------------------------------------------------------------- any picture


def candidates_of(inpainter, count, mask=MASK, **options):
    samples = picture(HEIGHT, WIDTH)
    asked = []

    def read(boxes):
        asked.append(list(boxes))
        return [samples[box.slices] for box in boxes]

    return (*make_candidates(inpainter, Picture(mask, read, **options), count), asked)


def test_the_best_by_the_methods_own_measure_is_first() -> None:
    drawing = Drawing(says="by chance")
    made, notes, asked = candidates_of(drawing, 5)
    assert [one.seed for one in made] == [2, 1, 3, 0, 4]
    assert [one.fill.energy for one in made] == pytest.approx([0.1, 0.9, 1.1, 1.9, 2.1])
    assert [one.fill.patches[0].samples.max() for one in made] == [60, 50, 70, 40, 80]
    assert notes == ["by chance"]
    # One look at the picture, and one batch.
    assert len(asked) == 1
    assert drawing.batches == [5]


def test_seeds_go_on_from_the_one_given() -> None:
    made, notes, _ = candidates_of(Drawing(), 3, seed=2)
    assert [one.seed for one in made] == [2, 3, 4]
    assert notes == []


def test_without_a_measure_the_order_is_by_seed_and_said() -> None:
    made, notes, _ = candidates_of(Drawing(measures=False), 3)
    assert [one.seed for one in made] == [0, 1, 2]
    assert notes == ["constant does not say which of its fills is best: they are ordered by seed"]
    assert candidates_of(Drawing(measures=False), 1)[1] == []


class Repeating(Drawing):
    """Draws the same for some seeds."""

    def __init__(self, *shades: int, **options) -> None:
        super().__init__(**options)
        self.shades = shades

    def shade(self, seed: int) -> float:
        return self.shades[seed] / 255


def test_fills_that_are_the_same_are_told_of() -> None:
    unmeasured = "constant does not say which of its fills is best: they are ordered by seed"
    for measures in (True, False):
        notes = candidates_of(Repeating(9, 9, 9, measures=measures), 3)[1]
        assert notes == ["all 3 fills are the same: another seed changes nothing here"]
        assert candidates_of(Repeating(9, measures=measures), 1)[1] == []
    notes = candidates_of(Repeating(9, 8, 7, 8, 9, 9, measures=False), 6)[1]
    assert notes == [unmeasured, "the same fill: 1, 5 and 6; 2 and 4"]
    # In their order, not by their seeds.
    notes = candidates_of(Repeating(9, 8, 7, 9), 4)[1]
    assert notes == ["the same fill: 3 and 4"]


def test_a_hole_each_weighs_what_it_has() -> None:
    mask = MASK | box_mask(HEIGHT, WIDTH, 100, 140, 110, 150)
    made, _, _ = candidates_of(Drawing(), 3, mask)
    assert [len(one.fill.patches) for one in made] == [2, 2, 2]
    assert [one.seed for one in made] == [2, 1, 0]


@pytest.mark.parametrize("count", [0, -1, MOST + 1, 2.5, True, "3", None])
def test_how_many_there_may_be(count: object) -> None:
    with pytest.raises(InputError, match=f"candidates {count}: give a whole number from 1 to {MOST}"):
        candidates_of(Drawing(), count)


def test_a_method_that_draws_nothing_is_refused_and_makes_one() -> None:
    with pytest.raises(InputError, match="constant makes the same fill from every seed: leave candidates out"):
        candidates_of(Constant(), 2)
    assert len(candidates_of(Constant(), 1)[0]) == 1
    assert len(candidates_of(Drawing(), np.int64(MOST))[0]) == MOST


def test_there_is_something_to_choose_from_only_where_something_is_filled() -> None:
    with pytest.raises(InputError, match="the mask: nothing to fill"):
        candidates_of(Drawing(), 2, np.zeros_like(MASK))


def test_seeds_end_somewhere() -> None:
    with pytest.raises(InputError, match=f"seed {LARGEST_SEED + 1}"):
        candidates_of(Drawing(), 2, seed=LARGEST_SEED)
    with pytest.raises(InputError, match=f"seed {LARGEST_SEED + 1}"):
        candidates_of(Drawing(), 2, seed=np.uint64(LARGEST_SEED))


# ---------------------------------------------------------------- files


def test_names() -> None:
    outputs, sheet = candidate_outputs(Path("a/b.c.JPG"), None, 2)
    assert outputs == [Path("a/b.c-filled-1.JPG"), Path("a/b.c-filled-2.JPG")]
    assert sheet == Path("a/b.c-candidates.png")
    outputs, sheet = candidate_outputs(Path("a/b.JPG"), Path("x/out.tif"), 1)
    assert (outputs, sheet) == ([Path("x/out-1.tif")], Path("x/out-candidates.png"))


def test_files_are_written_in_order_and_the_sheet_shows_all(photo: Path) -> None:
    seen: list[tuple[float, float]] = []
    made = fill_file_candidates(
        photo, MASK, None, 3, Drawing(says="by chance"), on_step=lambda done, total: seen.append((done, total))
    )
    assert_nothing_left(photo.parent, "photo.png", *FILES)
    assert made.outputs == tuple(photo.parent / name for name in FILES[:3])
    assert [shade(path) for path in made.outputs] == [60, 50, 40]
    assert (made.filled_pixels, made.notes) == (600, ("by chance",))
    assert {total for _, total in seen} == {1800}
    assert seen[-1][0] == 1800
    before = np.asarray(Image.open(photo).copy())
    for path in made.outputs:
        assert (np.asarray(Image.open(path).copy())[~MASK] == before[~MASK]).all()
    sheet = np.asarray(Image.open(made.sheet).copy())
    for value in (60, 50, 40):
        assert (np.abs(sheet.astype(int) - value).max(axis=2) <= 1).sum() > 500


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_every_format_turned_or_not(tmp_path: Path, suffix: str, orientation: int) -> None:
    # Grey, so that the mask on the sheet is all that has a colour.
    samples = stored(np.repeat(picture(HEIGHT, WIDTH, 1), 3, axis=2), orientation)
    options = {"lossless": True} if suffix == ".webp" else {}
    photo = save(tmp_path / f"photo{suffix}", samples, orientation=orientation, **options)
    made = fill_file_candidates(photo, MASK, None, 2, Drawing())
    assert {path.suffix for path in made.outputs} == {suffix}
    with Image.open(made.sheet) as image:
        sheet = np.asarray(image)
    # The mask, 20 × 30 upright, in its colour.
    rows, columns = np.nonzero(sheet[..., 0] > sheet[..., 1].astype(int) + 60)
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(1.5, abs=0.15)


@pytest.mark.parametrize("bands", [2, 4])
def test_sixteen_bits_and_alpha(tmp_path: Path, bands: int) -> None:
    photo = save(tmp_path / "photo.png", picture(HEIGHT, WIDTH, bands, 16))
    made = fill_file_candidates(photo, MASK, None, 2, Drawing())
    with Image.open(made.sheet) as image:
        assert image.mode == "RGB"
        assert np.asarray(image).std() > 10


def test_a_small_and_a_large_photo_have_a_sheet_to_look_at(tmp_path: Path) -> None:
    small = save(tmp_path / "small.png", picture(24, 30))
    large = save(tmp_path / "large.jpg", picture(1500, 2600))
    for photo, mask in ((small, box_mask(24, 30, 5, 5, 12, 15)), (large, box_mask(1500, 2600, 10, 10, 1400, 2500))):
        made = fill_file_candidates(photo, mask, None, 4, Drawing())
        with Image.open(made.sheet) as image:
            assert 500 < image.width <= 2000


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_overwritten_unless_asked(photo: Path, name: str) -> None:
    (photo.parent / name).write_text("precious")
    drawing = Drawing()
    with pytest.raises(InputError) as caught:
        fill_file_candidates(photo, MASK, None, 3, drawing)
    assert_helpful(caught.value, photo.parent / name)
    assert not drawing.seen, "it was filled before the names were looked at"
    assert (photo.parent / name).read_text() == "precious"
    assert_nothing_left(photo.parent, "photo.png", name)
    fill_file_candidates(photo, MASK, None, 3, drawing, FillOptions(overwrite=True))
    assert shade(photo.parent / FILES[0]) == 60


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("taken", ["a-1.png", "a-2.png", "a-candidates.png"])
@pytest.mark.parametrize("what", ["photo", "mask", "texture"])
@pytest.mark.parametrize("linked", [False, True])
def test_no_candidate_replaces_a_file_that_it_is_made_from(
    photo: Path, what: str, taken: str, overwrite: bool, linked: bool
) -> None:
    files = {"photo": photo, "mask": save_mask(photo.with_name("mask.png"), MASK)}
    files["texture"] = save_mask(photo.with_name("texture.png"), ~MASK)
    if linked:
        photo.with_name(taken).symlink_to(files[what])
    else:
        files[what] = files[what].rename(photo.with_name(taken))
    before = {path.name: path.read_bytes() for path in photo.parent.iterdir()}
    told = source_for(Drawing(uses_source=True), files["texture"], None, FillOptions())
    with pytest.raises(InputError, match="which it is made from") as caught:
        fill_file_candidates(
            files["photo"], files["mask"], photo.with_name("a.png"), 2, Drawing(), FillOptions(overwrite=overwrite),
            source=told,
        )  # fmt: skip
    assert_helpful(caught.value, photo.with_name(taken))
    assert {path.name: path.read_bytes() for path in photo.parent.iterdir()} == before


def test_two_outputs_that_are_one_file_are_refused(photo: Path) -> None:
    photo.with_name("a-1.png").symlink_to("a-2.png")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"the same file|exists already"):
            fill_file_candidates(photo, MASK, photo.with_name("a.png"), 2, Drawing(), FillOptions(overwrite=overwrite))
    assert_nothing_left(photo.parent, "photo.png", "a-1.png")


@pytest.mark.parametrize("stop", [Cancelled, KeyboardInterrupt, RuntimeError])
def test_stopped_it_leaves_nothing(photo: Path, stop: type[BaseException]) -> None:
    def step(done: float, total: float) -> None:
        if done > total / 2:
            raise stop

    with pytest.raises(stop):
        fill_file_candidates(photo, MASK, None, 3, Drawing(), on_step=step)
    assert_nothing_left(photo.parent, "photo.png")


def test_a_lost_race_for_one_name_leaves_only_what_won(photo: Path) -> None:
    taken = photo.parent / FILES[1]

    class Racer(Drawing):
        def predict(self, image, mask, work):
            taken.write_text("somebody else's")
            return super().predict(image, mask, work)

    with pytest.raises(InputError) as caught:
        fill_file_candidates(photo, MASK, None, 3, Racer())
    assert_helpful(caught.value, taken)
    assert taken.read_text() == "somebody else's"
    assert_nothing_left(photo.parent, "photo.png", taken.name)


def test_an_empty_mask_is_one_line(photo: Path) -> None:
    mask = save_mask(photo.with_name("mask.png"), np.zeros_like(MASK))
    with pytest.raises(InputError) as caught:
        fill_file_candidates(photo, mask, None, 2, Drawing())
    assert_helpful(caught.value, mask)
    assert_nothing_left(photo.parent, "photo.png", "mask.png")
