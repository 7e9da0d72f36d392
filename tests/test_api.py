"""The public Python interface: paths, arrays and PIL images, answered in kind."""

import doctest
import tempfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import inpainter
from conftest import Constant, Drawing
from inpainter.core import InputError, View
from inpainter.methods import METHODS

MASK = np.zeros((40, 50), bool)
MASK[10:20, 15:30] = True


def smooth(rng, *bands):
    return cv2.GaussianBlur(rng.random((40, 50, *bands), np.float32), (0, 0), 4).reshape(40, 50, *bands)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [(), (1,), (2,), (3,), (4,)])
def test_arrays_in_kind(rng, dtype, bands):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = (smooth(rng, *bands) * top).astype(dtype)
    before = image.copy()
    answer = inpainter.fill(image, MASK, method="telea")
    assert isinstance(answer, np.ndarray)
    assert answer.dtype == dtype
    assert answer.shape == image.shape
    assert (image == before).all()
    assert answer[~MASK].tobytes() == image[~MASK].tobytes()
    colours = slice(None) if bands in ((), (1,), (3,)) else slice(-1)
    changed = answer[MASK][..., colours] if bands else answer[MASK]
    assert (changed != (image[MASK][..., colours] if bands else image[MASK])).any()
    if bands in ((2,), (4,)):
        assert (answer[..., -1] == image[..., -1]).all()
    # Smooth pictures are filled smoothly: within a fifth of the range of what was there.
    assert np.abs(answer.astype(float) - image)[MASK].max() < 0.2 * top


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_images_in_kind(rng, mode):
    image = Image.fromarray((smooth(rng, 3) * 255).astype(np.uint8)).convert(mode)
    image.info["dpi"] = (72, 72)
    answer = inpainter.fill(image, Image.fromarray(MASK), method="telea")
    assert isinstance(answer, Image.Image)
    assert answer.mode == mode
    assert answer.info["dpi"] == (72, 72)
    assert (np.asarray(answer)[~MASK] == np.asarray(image)[~MASK]).all()


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_in_kind(tmp_path, rng, kind):
    cv2.imwrite(str(tmp_path / "photo.png"), smooth(rng, 3) * 255)
    cv2.imwrite(str(tmp_path / "mask.png"), MASK * np.uint8(255))
    answer = inpainter.fill(kind(tmp_path / "photo.png"), kind(tmp_path / "mask.png"), method="telea")
    assert answer == tmp_path / "photo-filled.png"
    wanted = inpainter.fill(cv2.imread(str(tmp_path / "photo.png")), MASK, method="telea")
    assert (cv2.imread(str(answer)) == wanted).all()
    other = inpainter.fill(
        kind(tmp_path / "photo.png"), kind(tmp_path / "mask.png"), "telea", output=kind(tmp_path / "other.tif"), grow=1
    )
    assert other == tmp_path / "other.tif"
    assert cv2.imread(str(other)).shape == (40, 50, 3)


def test_uint8_masks_and_grow(rng):
    image = smooth(rng, 3)
    soft = np.where(MASK, 128, 127).astype(np.uint8)
    same = inpainter.fill(image, soft, method="telea"), inpainter.fill(image, MASK, method="telea")
    assert (same[0] == same[1]).all()
    wide = cv2.dilate(MASK.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))) > 0
    grown = inpainter.fill(image, MASK, method="telea", grow=2)
    assert (grown == inpainter.fill(image, wide, method="telea")).all()


def test_a_loaded_method_can_be_handed_over(rng):
    image = smooth(rng, 3)
    loaded = inpainter.load("navier-stokes")
    assert (inpainter.fill(image, MASK, loaded) == inpainter.fill(image, MASK, "navier-stokes")).all()


def test_an_empty_mask_gives_a_copy(rng):
    image = smooth(rng, 3)
    with pytest.warns(inpainter.FillNote, match="nothing to fill: the image comes back as it is"):
        filled = inpainter.fill(image, np.zeros((40, 50), bool))
    assert filled is not image
    assert (filled == image).all()


ENCODED = {
    ".png": lambda image: cv2.imencode(".png", image)[1].tobytes(),
    ".jpg": lambda image: cv2.imencode(".jpg", image)[1].tobytes(),
    ".tif": lambda image: cv2.imencode(".tif", image)[1].tobytes(),
    ".webp": lambda image: cv2.imencode(".webp", image)[1].tobytes(),
}


@pytest.mark.parametrize("suffix", ENCODED)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, BytesIO])
def test_bytes_and_file_objects_come_back_as_bytes_of_the_same_format(tmp_path, rng, suffix, kind):
    data = ENCODED[suffix]((smooth(rng, 3) * 255).astype(np.uint8))
    answer = inpainter.fill(kind(data), MASK, method="telea")
    assert isinstance(answer, bytes)
    (tmp_path / f"photo{suffix}").write_bytes(data)
    written = inpainter.fill(tmp_path / f"photo{suffix}", MASK, method="telea")
    assert answer == written.read_bytes()


def test_every_kind_of_mask_goes_with_every_kind_of_picture(tmp_path, rng):
    array = (smooth(rng, 3) * 255).astype(np.uint8)
    data, drawn = ENCODED[".png"](array[..., ::-1]), MASK * np.uint8(255)
    (tmp_path / "photo.png").write_bytes(data)
    (tmp_path / "mask.png").write_bytes(ENCODED[".png"](drawn))
    masks = [MASK, drawn, Image.fromarray(drawn), tmp_path / "mask.png", str(tmp_path / "mask.png"),
             (tmp_path / "mask.png").read_bytes(), BytesIO((tmp_path / "mask.png").read_bytes())]  # fmt: skip
    wanted = inpainter.fill(array, MASK, method="telea")
    for i, mask in enumerate(masks):
        again = (lambda m: BytesIO(m.getvalue()) if isinstance(m, BytesIO) else m)(mask)
        assert (inpainter.fill(array, again, method="telea") == wanted).all()
        again = (lambda m: BytesIO(m.getvalue()) if isinstance(m, BytesIO) else m)(mask)
        assert (np.asarray(inpainter.fill(Image.fromarray(array), again, method="telea")) == wanted).all()
        again = (lambda m: BytesIO(m.getvalue()) if isinstance(m, BytesIO) else m)(mask)
        out = inpainter.fill(tmp_path / "photo.png", again, method="telea", output=tmp_path / f"{i}.png")
        assert (cv2.imread(str(out))[..., ::-1] == wanted).all()


@pytest.mark.parametrize(
    "mask",
    [
        MASK.astype(np.uint8), MASK.astype(np.int64), MASK.astype(np.float32), MASK.astype(np.float64),
        MASK[..., None], MASK.astype(np.int32) * 255, np.where(MASK, 128, 127).astype(np.int16),
        MASK[..., None].astype(np.uint8) * np.uint8(200), np.asfortranarray(MASK), Image.fromarray(MASK),
    ],
    ids=range(10),
)  # fmt: skip
def test_masks_of_ones_or_of_numbers(rng, mask):
    image = smooth(rng, 3)
    assert (inpainter.fill(image, mask, "telea") == inpainter.fill(image, MASK, "telea")).all()


def test_float64_comes_back_as_float64(rng):
    image = smooth(rng, 3).astype(np.float64) + 1e-12
    answer = inpainter.fill(image, MASK, "telea")
    assert answer.dtype == np.float64
    assert answer[~MASK].tobytes() == image[~MASK].tobytes()
    assert np.abs(answer - inpainter.fill(image.astype(np.float32), MASK, "telea")).max() < 1e-6


def test_a_view_into_a_larger_array_is_filled_and_left_alone(rng):
    large = (rng.random((80, 100, 4)) * 255).astype(np.uint8)
    view, before = large[::2, ::2, :3][:, ::-1], large.copy()
    answer = inpainter.fill(view, MASK, "telea")
    assert (answer == inpainter.fill(np.ascontiguousarray(view), MASK, "telea")).all()
    assert (large == before).all()


def test_a_palette_becomes_full_colour_with_a_note(rng):
    image = Image.fromarray((smooth(rng, 3) * 255).astype(np.uint8)).quantize(40)
    with pytest.warns(inpainter.FillNote, match="palette becomes full colour"):
        answer = inpainter.fill(image, MASK, "telea")
    assert answer.mode == "RGB"
    assert (np.asarray(answer)[~MASK] == np.asarray(image.convert("RGB"))[~MASK]).all()
    image.info["transparency"] = 3
    with pytest.warns(inpainter.FillNote):
        answer = inpainter.fill(image, MASK, "telea")
    assert answer.mode == "RGBA"
    assert (np.asarray(answer)[~MASK] == np.asarray(image.convert("RGBA"))[~MASK]).all()


def test_inks_stay_outside_the_mask(rng):
    image = Image.fromarray((rng.random((40, 50, 4)) * 255).astype(np.uint8), "CMYK")
    answer = inpainter.fill(image, MASK, "telea", grow=2)
    wide = cv2.dilate(MASK.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))) > 0
    assert answer.mode == "CMYK"
    assert (np.asarray(answer)[~wide] == np.asarray(image)[~wide]).all()
    wanted = inpainter.fill(image.convert("RGB"), MASK, "telea", grow=2)
    assert np.abs(np.asarray(answer.convert("RGB")).astype(int) - np.asarray(wanted))[wide].max() <= 1


def test_a_note_on_a_file_is_a_warning(tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((40, 50, 3), 90, np.uint8))
    with pytest.warns(inpainter.FillNote, match="nothing to fill: the photo is copied"):
        inpainter.fill(tmp_path / "photo.png", np.zeros((40, 50), bool))


def test_method_may_be_a_path_or_carry_settings(tmp_path, rng):
    image = smooth(rng, 3)
    wide = inpainter.fill(image, MASK, "telea:radius=9")
    assert (wide == inpainter.load("telea", radius=9).fill(image, MASK)).all()
    assert (wide != inpainter.fill(image, MASK, "telea")).any()
    with pytest.raises(InputError, match=r"none\.onnx: there is no such model"):
        inpainter.fill(image, MASK, tmp_path / "none.onnx")


def test_an_inpainter_fills_what_fill_takes(tmp_path, rng):
    """Also what it does not take as it is: the strict call refuses, fill pads."""
    image = smooth(rng, 3)
    one_size = Constant(0.25, view=View(fixed=(32, 32)))
    with pytest.raises(ValueError, match="its `fill` takes any size"):
        one_size(image, MASK)
    assert (one_size.fill(image, MASK)[MASK] == 0.25).all()
    assert one_size.seen[-1][0].shape == (32, 32, 3)
    cv2.imwrite(str(tmp_path / "photo.png"), image * 255)
    assert one_size.fill(tmp_path / "photo.png", MASK, seed=5) == tmp_path / "photo-filled.png"
    assert one_size.seen[-1][2].seed == 5


def test_progress_and_cancel_reach_python(tmp_path, rng):
    cv2.imwrite(str(tmp_path / "photo.png"), smooth(rng, 3) * 255)
    told = []
    inpainter.fill(smooth(rng, 3), MASK, "telea", on_step=lambda *step: told.append(step))
    assert told == [(0, 150), (150, 150)]

    def stop(done, total):
        raise inpainter.Cancelled

    with pytest.raises(inpainter.Cancelled):
        inpainter.fill(tmp_path / "photo.png", MASK, "telea", on_step=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mask_colour": "black"}, "mask_colour is for a mask that is a file"),
        ({"resize_mask": True}, "resize_mask is for a mask that is a file"),
        ({"output": "x.png"}, "output is for a photo that is a path"),
        ({"overwrite": True}, "overwrite is for a photo that is a path"),
    ],
)
def test_an_option_that_cannot_apply_is_refused(rng, options, says):
    with pytest.raises(TypeError, match=says):
        inpainter.fill(smooth(rng, 3), MASK, **options)


def test_bytes_that_are_no_picture_are_told_without_a_place(tmp_path):
    for data in (b"", b"hello", ENCODED[".png"](np.zeros((40, 50, 3), np.uint8))[:60]):
        with pytest.raises(InputError) as caught:
            inpainter.fill(data, MASK)
        assert str(caught.value).startswith("image")
        assert tempfile.gettempdir() not in str(caught.value)


def test_a_mask_file_of_another_size_is_one_line_or_scaled(tmp_path, rng):
    cv2.imwrite(
        str(tmp_path / "mask.png"), cv2.resize(MASK * np.uint8(255), (100, 80), interpolation=cv2.INTER_NEAREST)
    )
    with pytest.raises(InputError, match=r"mask\.png: the mask is 100×80, but the picture is 50×40"):
        inpainter.fill(smooth(rng, 3), tmp_path / "mask.png")
    with pytest.warns(inpainter.FillNote, match="scaled"):
        inpainter.fill(smooth(rng, 3), tmp_path / "mask.png", resize_mask=True)


def test_a_fill_in_many_threads_is_the_fill_in_one(rng):
    image = smooth(rng, 3)
    wanted = inpainter.fill(image, MASK, "fsr").tobytes()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: inpainter.fill(image, MASK, "fsr").tobytes(), range(8))) == {wanted}


@pytest.mark.parametrize(
    ("image", "mask", "error", "says"),
    [
        (np.zeros((4, 5, 3), np.int32), np.zeros((4, 5), bool), InputError, "int32: give uint8"),
        (np.zeros((4, 5, 7), np.uint8), np.zeros((4, 5), bool), InputError, "1 to 4"),
        (np.zeros((0, 5, 3), np.uint8), np.zeros((0, 5), bool), InputError, "1 to 4"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), bool), InputError, "make them equal"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), InputError, "255 = fill"),
        (np.zeros((4, 5, 3), np.uint8), np.ones((4, 5), bool), InputError, "covers the whole picture"),
        (np.zeros((4, 5, 3), np.uint8), "none.png", InputError, "none.png: no such file"),
        (np.zeros((4, 5, 3), np.uint8), 7, TypeError, "not int"),
        ("none.png", np.zeros((4, 5), bool), InputError, "none.png: no such file"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 300), InputError, "from 300 to 300"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), -1), InputError, "from -1"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 0.5), InputError, "from 0.5"),
        (np.full((4, 5, 3), 255.0), np.eye(4, 5) > 0, InputError, r"from 255.0 to 255.0: give values in \[0, 1\]"),
        (StringIO("text"), np.eye(4, 5) > 0, TypeError, "binary"),
        (7, np.zeros((4, 5), bool), TypeError, "not int"),
        (Image.new("F", (5, 4)), np.zeros((4, 5), bool), InputError, "mode F"),
    ],
    ids=range(16),
)
def test_what_cannot_be_filled_is_said(image, mask, error, says):
    with pytest.raises(error, match=says):
        inpainter.fill(image, mask)


@pytest.mark.filterwarnings("ignore::inpainter.FillNote")
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "LA", "RGBA", "P with transparency", "I;16", "CMYK"])
def test_a_pil_mask_says_what_its_file_says(tmp_path, rng, mode):
    """White is to be filled, transparent is not, half and more of any depth is."""
    grey = np.where(MASK, 255, 0).astype(np.uint8)
    # Luma would call pure green light; the mean of the channels does not.
    colours = np.dstack([grey, grey, grey])
    colours[:4, :4] = (0, 255, 0)
    alpha = np.full((40, 50), 255, np.uint8)
    alpha[12:14] = 0
    match mode:
        case "RGBA" | "LA":
            image = Image.fromarray(np.dstack([colours if mode == "RGBA" else grey, alpha]))
        case "P with transparency":
            image = Image.fromarray(np.where(MASK, np.where(alpha == 0, 2, 1), 0).astype(np.uint8), "P")
            image.putpalette([0, 0, 0, 255, 255, 255, 255, 255, 255])
            image.info["transparency"] = 2
        case "I;16":
            image = Image.fromarray(np.where(MASK, 32768, 32767).astype(np.uint16))
        case "RGB":
            image = Image.fromarray(colours)
        case _:
            image = Image.fromarray(grey).convert(mode)
    assert image.mode == mode.split()[0]
    suffix = ".tif" if mode == "CMYK" else ".png"
    options = {"transparency": 2} if "transparency" in mode else {}
    image.save(tmp_path / f"mask{suffix}", **options)
    photo = smooth(rng, 3)
    told = inpainter.fill(photo, tmp_path / f"mask{suffix}", "mean")
    assert (inpainter.fill(photo, image, "mean") == told).all()
    assert (told[15] != photo[15]).any()


@pytest.mark.parametrize("mode", ["F", "LAB", "HSV"])
def test_a_pil_mask_of_which_white_is_no_colour_is_refused(rng, mode):
    with pytest.raises(InputError, match=f"mask: PIL image of mode {mode}: convert it to L"):
        inpainter.fill(smooth(rng, 3), Image.new(mode, (50, 40)))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_subclass_of_an_array_is_an_array(rng):
    image = smooth(rng)
    wanted = inpainter.fill(image, MASK, "telea")
    answer = inpainter.fill(np.matrix(image), np.matrix(MASK), "telea")
    assert type(answer) is np.ndarray
    assert (answer == wanted).all()


@pytest.mark.parametrize("image", [np.zeros(5, np.uint8), np.zeros((), np.uint8)])
def test_an_array_that_is_no_picture_is_said_whatever_the_mask_is(tmp_path, image):
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros((4, 5), np.uint8))
    with pytest.raises(InputError, match=r"give \(H, W\)"):
        inpainter.fill(image, tmp_path / "mask.png")


def test_an_inverted_mask_is_turned_as_its_kind_is(tmp_path, rng):
    image, full = (smooth(rng, 3) * 255).astype(np.uint8), np.ones((40, 50), bool)
    white, photo = ENCODED[".png"](full * np.uint8(255)), ENCODED[".png"](image)
    (tmp_path / "photo.png").write_bytes(photo)
    for given in (image, photo, tmp_path / "photo.png", Image.fromarray(image)):
        with pytest.raises(InputError, match="inverted, pass ~mask") as caught:
            inpainter.fill(given, full)
        assert "mask_colour" not in str(caught.value)
        with pytest.raises(InputError, match="inverted, pass mask_colour='black'") as caught:
            inpainter.fill(given, white)
        assert tempfile.gettempdir() not in str(caught.value)
    most = full.copy()
    most[0] = False
    with pytest.warns(inpainter.FillNote, match="inverted, pass ~mask"):
        inpainter.fill(photo, most, "mean")


def test_a_mask_of_bytes_that_is_no_picture_is_told_without_a_place(tmp_path, rng):
    image = (smooth(rng, 3) * 255).astype(np.uint8)
    (tmp_path / "photo.png").write_bytes(ENCODED[".png"](image))
    for given in (image, ENCODED[".png"](image), tmp_path / "photo.png", Image.fromarray(image)):
        with pytest.raises(InputError) as caught:
            inpainter.fill(given, b"abc")
        assert str(caught.value).startswith("mask: not a picture")


def test_a_file_object_may_read_what_is_like_bytes(rng):
    class Memory:
        def read(self):
            return memoryview(ENCODED[".png"]((smooth(rng, 3) * 255).astype(np.uint8)))

    assert isinstance(inpainter.fill(Memory(), MASK, "mean"), bytes)


@pytest.mark.parametrize(("value", "says"), [(np.nan, "not numbers"), (1.0000001, "to 1.0000001: give")])
def test_values_that_are_none_can_be_seen_in_the_line(rng, value, says):
    image = smooth(rng, 3).astype(np.float64)
    image[8, 8] = value
    with pytest.raises(InputError, match=says):
        inpainter.fill(image, MASK, "mean")


def test_a_note_points_at_the_line_that_asked(tmp_path, rng):
    image = (smooth(rng, 3) * 255).astype(np.uint8)
    (tmp_path / "photo.png").write_bytes(ENCODED[".png"](image))
    soft = ENCODED[".png"](np.where(MASK, 200, 0).astype(np.uint8))
    for given in (image, ENCODED[".png"](image), tmp_path / "photo.png", Image.fromarray(image)):
        for fill in (inpainter.fill, inpainter.load("mean").fill):
            with pytest.warns(inpainter.FillNote, match="soft edges") as caught:
                fill(given, soft, **({"overwrite": True} if isinstance(given, Path) else {}))
            assert {warning.filename for warning in caught} == {__file__}


def test_methods_have_summaries():
    assert inpainter.list_methods() == {name: entry.summary for name, entry in METHODS.items()}
    assert all(summary.endswith(".") and "\n" not in summary for summary in inpainter.list_methods().values())


def test_the_public_names_are_there():
    assert all(hasattr(inpainter, name) for name in inpainter.__all__)
    assert inpainter.InputError is InputError
    with pytest.raises(AttributeError, match="no attribute 'fil'"):
        inpainter.fil  # noqa: B018


def halves(rng):
    """A photo whose left half is red and whose right is blue, with a hole in the left, and where the right is."""
    image = np.zeros((120, 200, 3), np.float32)
    image[:, :100, 0] = image[:, 100:, 2] = 200
    image = np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
    mask, right = np.zeros((120, 200), bool), np.zeros((120, 200), bool)
    mask[40:80, 30:70] = right[:, 110:] = True
    return image, mask, right


def blueness(filled):
    inside = np.asarray(filled)[48:72, 38:62].astype(int)
    return (inside[..., 2] - inside[..., 0]).mean()


def test_texture_comes_from_where_it_is_told_to_whatever_the_kinds(tmp_path, rng):
    image, mask, right = halves(rng)
    cv2.imwrite(str(tmp_path / "photo.png"), image[..., ::-1])
    cv2.imwrite(str(tmp_path / "right.png"), right * np.uint8(255))
    assert blueness(inpainter.fill(image, mask)) < -100
    assert blueness(inpainter.fill(image, mask, source=right)) > 60
    assert blueness(inpainter.fill(image, mask, avoid=~right)) > 60
    assert blueness(inpainter.fill(image, mask, source=np.ones_like(mask), avoid=right)) < -100
    assert blueness(inpainter.fill(Image.fromarray(image), mask, source=tmp_path / "right.png")) > 60
    written = inpainter.fill(tmp_path / "photo.png", mask, source=(tmp_path / "right.png").read_bytes())
    assert blueness(cv2.imread(str(written))[..., ::-1]) > 60
    data = inpainter.fill((tmp_path / "photo.png").read_bytes(), mask, source=right)
    assert blueness(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]) > 60


def test_a_method_that_cannot_be_told_says_so_and_one_without_a_source_too(tmp_path, rng):
    image, mask, right = halves(rng)
    with pytest.raises(InputError, match="telea cannot be restricted in where it copies from"):
        inpainter.fill(image, mask, "telea", source=right)
    with pytest.raises(InputError, match="source of"):
        inpainter.fill(image, mask, source=right[:5])
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((5, 6), np.uint8))
    data = (tmp_path / "small.png").read_bytes()
    for name in ("source", "avoid"):
        for empty in (mask, np.zeros_like(mask)):
            with pytest.raises(InputError, match=rf"small\.png: the {name} mask is 6×5, but the picture is 200×120"):
                inpainter.fill(image, empty, **{name: tmp_path / "small.png"})
            with pytest.raises(InputError, match=rf"^{name}\.png: the {name} mask is 6×5"):
                inpainter.fill(image, empty, **{name: data})
            with pytest.raises(InputError, match=f"{name} of shape .* and float64: give"):
                inpainter.fill(image, empty, **{name: np.zeros((1, 2, 3, 4))})
            with pytest.raises(InputError, match=f"{name} of uint16 from 0 to 300: give"):
                inpainter.fill(image, empty, **{name: np.array([[0, 300]], np.uint16)})
            with pytest.raises(TypeError, match=f"wanted the {name} as a path"):
                inpainter.fill(image, empty, **{name: 7})
    with pytest.warns(inpainter.FillNote, match="too little is left to take texture from"):
        inpainter.fill(image, mask, source=mask)


# ---------------------------------------------------------------------------------------------------------- candidates


def shades(fills):
    """What each fill has in the middle of the hole, in levels of 8 bits."""
    levels = []
    for fill in fills:
        value = float(np.asarray(fill)[12, 20].flat[0])
        levels.append(round(value * 255 if np.asarray(fill).dtype.kind == "f" else value))
    return levels


@pytest.mark.parametrize("bands", [(), (1,), (3,), (4,)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_candidates_of_an_array_are_arrays_best_first(rng, bands, dtype):
    image = (smooth(rng, *bands) * (1 if dtype == np.float32 else 255)).astype(dtype)
    fills = inpainter.fill(image, MASK, Drawing(), candidates=4)
    assert shades(fills) == [60, 50, 70, 40]
    for fill in fills:
        assert (fill.dtype, fill.shape) == (dtype, image.shape)
        assert fill[~MASK].tobytes() == image[~MASK].tobytes()
        assert not np.shares_memory(fill, image)
    assert not np.shares_memory(*fills[:2])
    assert shades(Drawing().fill(image, MASK, candidates=2, seed=3)) == [70, 80]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_candidates_of_a_pil_image_are_such(rng, mode):
    image = Image.fromarray((smooth(rng, 3) * 255).astype(np.uint8)).convert(mode)
    image.info["dpi"] = (72, 72)
    fills = inpainter.fill(image, MASK, Drawing(), candidates=3)
    assert [(fill.mode, fill.info["dpi"]) for fill in fills] == [(mode, (72, 72))] * 3
    assert shades(fill.convert("RGB") for fill in fills) == [60, 50, 40]


def test_candidates_of_a_path_are_paths_and_of_bytes_bytes(tmp_path, rng):
    data = ENCODED[".png"]((smooth(rng, 3) * 255).astype(np.uint8))
    (tmp_path / "photo.png").write_bytes(data)
    paths = inpainter.fill(tmp_path / "photo.png", MASK, Drawing(), candidates=2)
    assert paths == [tmp_path / "photo-filled-1.png", tmp_path / "photo-filled-2.png"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "photo.png", "photo-filled-1.png", "photo-filled-2.png", "photo-candidates.png",
    }  # fmt: skip
    assert shades(cv2.imread(str(path)) for path in paths) == [50, 40]
    for given in (data, BytesIO(data)):
        fills = inpainter.fill(given, MASK, Drawing(), candidates=2)
        assert fills == [path.read_bytes() for path in paths]
    others = inpainter.fill(tmp_path / "photo.png", MASK, Drawing(), candidates=1, output=str(tmp_path / "o.tif"))
    assert others == [tmp_path / "o-1.tif"]


def test_candidates_go_over_in_one_batch_and_progress_is_of_all(rng):
    drawing, told = Drawing(), []
    inpainter.fill(smooth(rng, 3), MASK, drawing, candidates=4, on_step=lambda *step: told.append(step))
    assert drawing.batches == [4]
    assert {total for _, total in told} == {600}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (600, 600)


def test_candidates_that_cannot_be_are_one_line_whatever_the_kinds(tmp_path, rng):
    image = (smooth(rng, 3) * 255).astype(np.uint8)
    data = ENCODED[".png"](image)
    (tmp_path / "photo.png").write_bytes(data)
    for given in (image, Image.fromarray(image), data, tmp_path / "photo.png"):
        for count, method, says in (
            (0, "auto", "candidates 0: give a whole number from 1 to 16"),
            (2, "telea", "telea makes the same fill from every seed"),
        ):
            with pytest.raises(InputError, match=says):
                inpainter.fill(given, MASK, method, candidates=count)
        with pytest.raises(InputError, match="nothing to fill, so there is nothing to choose from"):
            inpainter.fill(given, np.zeros_like(MASK), candidates=2)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_what_a_method_says_is_a_warning_for_every_kind_and_told_once(tmp_path, rng):
    image = (smooth(rng, 3) * 255).astype(np.uint8)
    data = ENCODED[".png"](image)
    (tmp_path / "photo.png").write_bytes(data)
    for given in (image, Image.fromarray(image), data, tmp_path / "photo.png"):
        for options in ({}, {"candidates": 3}):
            with pytest.warns(inpainter.FillNote, match="made up") as caught:
                inpainter.fill(given, MASK, Drawing(says="made up"), **options)
            assert [warning.filename for warning in caught] == [__file__]


def test_the_example_in_the_docstring_of_fill_runs():
    tried = doctest.testmod(inpainter, raise_on_error=True)
    assert tried.attempted >= 5


def test_an_inpainter_says_what_it_is():
    telea = inpainter.load("telea")
    assert repr(telea) == f"<inpainter telea: {inpainter.list_methods()['telea']}>"


def test_boxes_that_are_no_list_and_names_that_no_file_has_are_one_line(tmp_path):
    image = np.full((40, 50, 3), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    with pytest.raises(InputError, match="boxes: give a list"):
        inpainter.fill(image, boxes=(1, 1, 5, 5))
    with pytest.raises(InputError, match="empty name"):
        inpainter.fill("", MASK)
    with pytest.raises(InputError, match="no such file"):
        inpainter.fill(f"{tmp_path}/a\0.png", MASK)
    with pytest.raises(InputError, match="no file can have this name"):
        inpainter.fill(tmp_path / "a.png", MASK, output=f"{tmp_path}/b\0.png")
    with pytest.warns(inpainter.FillNote, match="reaches beyond the photo, which is 50×40, and is cut"):
        inpainter.fill(image, boxes=[(45, 30, 20, 5)], method="telea")


def test_the_public_names_are_listed():
    assert dir(inpainter) == sorted(inpainter.__all__)
