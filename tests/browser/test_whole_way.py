"""From a photo on disk to the filled photo on disk."""

import io
from pathlib import Path
from typing import Any

import cv2
import jpeglib
import numpy as np
import pytest
from PIL import Image

from browser import hands


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return away <= pixels + 0.5


def test_from_photo_to_file(page: Any, tmp_path: Path) -> None:
    """A PNG: what is under the mask has changed, every sample outside is as it was, and the file keeps its name."""
    before = hands.photo()
    path = hands.saved(tmp_path / "a day out.png", before)
    hands.open_photo(page, path)
    hands.dab(page, hands.find(page, "red"))
    sent = hands.fill(page)
    name, data = hands.downloaded(page)
    assert name == "a day out-filled.png"
    assert sent["image"] == path.read_bytes()
    assert sent["mask"][hands.square("red")].all()
    assert not any(sent["mask"][hands.square(other)].any() for other in ("green", "blue", "yellow"))
    after = np.asarray(Image.open(io.BytesIO(data)))
    where = grown(sent["mask"], sent["options"]["grow"])
    assert np.array_equal(after[~where], before[~where])
    red = after[hands.square("red")].astype(int)
    assert (np.ptp(red, axis=2) < 60).all(), "the square is still there"


def test_a_jpeg_keeps_its_blocks(page: Any, tmp_path: Path) -> None:
    """The bytes that are sent are the file's own, and blocks outside the mask come back as they were."""
    path = hands.saved(tmp_path / "photo.JPG".lower(), hands.photo())
    hands.open_photo(page, path)
    hands.dab(page, hands.find(page, "blue"))
    sent = hands.fill(page)
    filled = tmp_path / "filled.jpg"
    filled.write_bytes(hands.downloaded(page)[1])
    one, other = jpeglib.read_dct(str(path)), jpeglib.read_dct(str(filled))
    where = grown(sent["mask"], sent["options"]["grow"])
    touched = where.reshape(30, 8, 40, 8).any(axis=(1, 3))
    for name in ("Y", "Cb", "Cr"):
        same = (getattr(one, name) == getattr(other, name)).all(axis=(2, 3))
        assert same[~touched].all()
    assert not same[touched].all()


def test_dropped_and_pasted(page: Any, tmp_path: Path) -> None:
    path = hands.saved(tmp_path / "photo.png", hands.photo())
    for kind, at in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(
            """async ([kind, at, bytes]) => {
                const carried = new DataTransfer();
                carried.items.add(new File([new Uint8Array(bytes)], `${kind}.png`));
                const event = kind === "drop" ? new DragEvent(kind, { [at]: carried, cancelable: true })
                  : new ClipboardEvent(kind, { [at]: carried });
                window.dispatchEvent(event);
            }""",
            [kind, at, list(path.read_bytes())],
        )
        page.wait_for_selector(f"#file-name:has-text('{kind}.png')")
        hands.wait_for(page, "edit")


def test_the_sample(opened: Any, address: str) -> None:
    """It is there to try at once; what the page asks for comes from the program alone, and is small without it."""
    page, asked = opened("about:blank"), {}
    page.on("response", lambda reply: asked.update({reply.url: reply}))
    page.goto(address)
    page.click("#try-sample")
    hands.wait_for(page, "edit")
    assert page.inner_text("#file-name") == "sample.jpg"
    assert [url for url in asked if not url.startswith(address)] == []
    sizes = {url: len(reply.body()) for url, reply in asked.items() if "/v1/" not in url}
    assert len(sizes) > 15
    assert sum(size for url, size in sizes.items() if not url.endswith("sample.jpg")) <= 150_000


def test_another_try(page: Any, tmp_path: Path) -> None:
    """Another try is another seed; the earlier ones stay to choose from, and what is shown is what is downloaded."""
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    hands.set_size(page, 120)
    hands.dab(page, hands.find(page, "red"))
    assert hands.fill(page)["options"]["seed"] == 0
    first = hands.downloaded(page)[1]
    page.click("#again")
    page.wait_for_selector("#try-text:has-text('Try 2 of 2')")
    assert hands.sent(page)["options"]["seed"] == 1
    second = hands.downloaded(page)[1]
    assert first != second
    page.click("#try-back")
    page.wait_for_selector("#try-text:has-text('Try 1 of 2')")
    assert hands.downloaded(page)[1] == first
    page.click("#back")
    page.click("#see-results")
    page.wait_for_selector("#try-text:has-text('Try 1 of 2')")


def test_go_on_from_the_result(page: Any, tmp_path: Path) -> None:
    """The result's own bytes are what is sent next, and the download is still named after the photo."""
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    hands.dab(page, hands.find(page, "red"))
    hands.fill(page)
    first = hands.downloaded(page)[1]
    page.click("#go-on")
    hands.wait_for(page, "edit")
    hands.dab(page, hands.find(page, "green"))
    sent = hands.fill(page)
    assert sent["image"] == first
    assert not sent["mask"][hands.square("red")].any()
    name, data = hands.downloaded(page)
    assert name == "photo-filled.png"
    after = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    assert all((np.ptp(after[hands.square(colour)], axis=2) < 60).all() for colour in ("red", "green"))


def test_the_original_is_the_photo_that_was_opened(page: Any, tmp_path: Path) -> None:
    """However often one has gone on from a result."""
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    colours = ("red", "green", "blue")
    places = {colour: hands.find(page, colour) for colour in colours}
    for number, colour in enumerate(colours):
        if number:
            page.click("#go-on")
            hands.wait_for(page, "edit")
            with pytest.raises(AssertionError, match="nothing"):
                hands.find(page, "red")
        hands.dab(page, places[colour])
        hands.fill(page)
    page.locator("#hold").press("Enter")
    for colour, place in places.items():
        assert hands.find(page, colour) == pytest.approx(place, abs=1)


def test_going_on_stays_where_it_is(page: Any, tmp_path: Path) -> None:
    """Who works at high zoom goes on there."""
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    hands.dab(page, hands.find(page, "red"))
    for _ in range(4):
        page.keyboard.press("+")
    zoom = page.inner_text("#zoom-value")
    hands.fill(page)
    page.click("#go-on")
    hands.wait_for(page, "edit")
    assert page.inner_text("#zoom-value") == zoom


def test_before_and_after(page: Any, tmp_path: Path) -> None:
    """The divider shows the original to its left; held, the photo or the button shows it everywhere."""
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    red, green = hands.find(page, "red"), hands.find(page, "green")
    for place in (red, green):
        hands.dab(page, place)
    hands.fill(page)
    for colour in ("red", "green"):
        with pytest.raises(AssertionError, match="nothing"):
            hands.find(page, colour)
    knob = page.locator(".divider-knob").bounding_box()
    hands.drag(page, (knob["x"] + 21, knob["y"] + 21), ((red[0] + green[0]) / 2, knob["y"]))
    assert hands.find(page, "red") == pytest.approx(red, abs=1)
    with pytest.raises(AssertionError, match="nothing"):
        hands.find(page, "green")
    page.mouse.move(*hands.find(page, "yellow"))
    page.mouse.down()
    page.wait_for_selector("#stage.holding")
    assert hands.find(page, "green") == pytest.approx(green, abs=1)
    page.mouse.up()
    page.wait_for_selector("#stage:not(.holding)")
    page.locator("#hold").press("Enter")
    assert hands.find(page, "green") == pytest.approx(green, abs=1)


@pytest.mark.parametrize("orientation", [6, 3, 5])
def test_a_rotated_photo_is_painted_where_the_eye_sees(page: Any, tmp_path: Path, orientation: int) -> None:
    """The mask is in the upright photo's pixels: what lies under the brush is what goes."""
    turned = {6: lambda a: np.rot90(a, 1), 3: lambda a: np.rot90(a, 2), 5: lambda a: a.swapaxes(0, 1)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(turned[orientation](hands.photo()))
    hands.open_photo(page, hands.saved(tmp_path / "turned.jpg", stored, exif=exif))
    hands.dab(page, hands.find(page, "green"))
    sent = hands.fill(page)
    assert sent["mask"].shape == (240, 320)
    assert hands.middle(sent["mask"]) == pytest.approx(hands.centre("green"), abs=1)
    with Image.open(io.BytesIO(hands.downloaded(page)[1])) as image:
        assert image.size == stored.shape[1::-1]
        assert image.getexif()[0x0112] == orientation


def test_a_file_that_the_browser_cannot_show(page: Any, tmp_path: Path) -> None:
    """A TIFF is shown as the program sees it, and filled at its full size, which is larger than what is shown."""
    path = hands.saved(tmp_path / "scan.tif", hands.photo(2400, 1800))
    hands.open_photo(page, path)
    hands.dab(page, hands.find(page, "yellow"))
    sent = hands.fill(page)
    assert sent["image"] == path.read_bytes()
    assert sent["mask"].shape == (1800, 2400)
    assert hands.middle(sent["mask"]) == pytest.approx(hands.centre("yellow", 2400, 1800), abs=4)
    name, data = hands.downloaded(page)
    assert (name, data[:2]) == ("scan-filled.tif", path.read_bytes()[:2])


def test_twenty_four_megapixels(page: Any, tmp_path: Path) -> None:
    """A large photo is painted at its own size, and the pixels that the brush covers are the ones that go."""
    path = hands.saved(tmp_path / "large.jpg", hands.photo(6000, 4000), subsampling=2)
    hands.open_photo(page, path)
    point = hands.find(page, "red")
    hands.dab(page, point)
    mask = hands.marked(page)
    assert mask.shape == (4000, 6000)
    assert hands.middle(mask) == pytest.approx(hands.centre("red", 6000, 4000), abs=6)
    page.mouse.move(*point)
    for _ in range(4):
        page.mouse.wheel(0, -300)
    page.click("#clear")
    hands.set_size(page, 60)
    hands.dab(page, hands.find(page, "red"))
    assert hands.middle(hands.marked(page)) == pytest.approx(hands.centre("red", 6000, 4000), abs=2)


def test_back_to_the_photo_before(page: Any, tmp_path: Path) -> None:
    """Undo goes on past the first stroke: to the result that one went on from, its tries and its marks."""
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    assert page.locator("#undo").is_disabled()
    places = {colour: hands.find(page, colour) for colour in ("red", "green", "blue")}
    sent, results = [], []
    for number, place in enumerate(places.values()):
        if number:
            page.click("#go-on")
            hands.wait_for(page, "edit")
        hands.dab(page, place)
        sent.append(hands.fill(page))
        results.append(hands.downloaded(page)[1])
    for earlier in (1, 0):
        page.click("#back")
        page.click("#undo")
        page.click("#undo")
        hands.wait_for(page, "result")
        assert hands.downloaded(page) == ("photo-filled.png", results[earlier])
    page.click("#back")
    assert np.array_equal(hands.marked(page), sent[0]["mask"])
    assert hands.fill(page)["image"] == sent[0]["image"]
    page.click("#back")
    page.click("#undo")
    assert hands.find(page, "red") == pytest.approx(places["red"], abs=1)
    assert page.locator("#undo").is_disabled()


def test_a_held_undo_stays_with_the_photo(page: Any, tmp_path: Path) -> None:
    """The key repeats faster than one sees where the strokes end; pressed again it goes back."""
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    hands.dab(page, hands.find(page, "red"))
    hands.fill(page)
    page.click("#go-on")
    hands.wait_for(page, "edit")
    hands.dab(page, hands.find(page, "green"))
    page.keyboard.down("Control")
    for _ in range(3):
        page.keyboard.down("z")
    page.keyboard.up("z")
    assert hands.state(page) == "edit"
    assert not hands.marked(page).any()
    page.keyboard.up("Control")
    page.keyboard.press("Control+z")
    hands.wait_for(page, "result")


def test_going_back_asks_before_a_result_is_lost(page: Any, tmp_path: Path) -> None:
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    for number, place in enumerate([hands.find(page, "red"), hands.find(page, "green")]):
        if number:
            page.click("#go-on")
            hands.wait_for(page, "edit")
        hands.dab(page, place)
        hands.fill(page)
    page.click("#back")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.click("#leave [data-close=stay]")
    page.click("#see-results")
    hands.wait_for(page, "result")
    page.click("#back")
    page.keyboard.press("Control+z")
    page.click("#leave [data-close=leave]")
    hands.wait_for(page, "result")
    with pytest.raises(AssertionError, match="nothing"):
        hands.find(page, "red")
    assert hands.find(page, "green")


def test_notes_in_plain_words(opened: Any, tmp_path: Path) -> None:
    """What was left out of the file is said without jargon, beside the photo's middle, and can be put away."""
    page = opened(viewport={"width": 320, "height": 568})
    plain = hands.saved(tmp_path / "plain.jpg", hands.photo()).read_bytes()
    thumbnail, thermal = b"\xff\xe0\0\x0dJFXX\0\x13\1\1\x09\x09\x09", b"\xff\xe1\0\x09FLIR\0\0\0"
    (tmp_path / "photo.jpg").write_bytes(plain[:20] + thumbnail + thermal + plain[20:])
    hands.open_photo(page, tmp_path / "photo.jpg")
    hands.set_size(page, 60)
    hands.dab(page, hands.find(page, "red"))
    hands.fill(page)
    assert set(page.locator("#notes p").all_inner_texts()) == {
        "Small previews hidden in the file were left out: they would still show what you removed.",
        "Left out: thermal picture",
    }
    stage, chip = page.locator("#stage").bounding_box(), page.locator(".notes").bounding_box()
    assert chip["y"] > stage["y"] + stage["height"] * 0.6
    page.click("#notes-close")
    assert page.locator(".notes").is_hidden()
    page.click("#back")
    page.click("#see-results")
    hands.wait_for(page, "result")
    assert page.locator(".notes").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_transparent_shows_squares(opened: Any, tmp_path: Path, scheme: str) -> None:
    """Two quiet colours beneath, the same beside a result as before it; beneath an opaque photo none."""

    def seen() -> np.ndarray:
        shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        x, y = round(yellow[0]), round(yellow[1] - (yellow[0] - blue[0]) * 120 / 160)  # Where green would be.
        return shot[y - 60 : y + 60, x - 60 : x + 60]

    page = opened(color_scheme=scheme)
    alpha = np.full((240, 320, 1), 255, np.uint8)
    alpha[:90] = 0
    path = hands.saved(tmp_path / "photo.png", np.concatenate([hands.photo(), alpha], axis=2))
    hands.open_photo(page, path)
    blue, yellow = hands.find(page, "blue"), hands.find(page, "yellow")
    before = seen()
    colours = np.unique(before.reshape(-1, 3), axis=0).astype(int)
    assert len(colours) == 2
    assert 6 <= np.ptp(colours.mean(axis=1)) <= 40
    assert (colours.mean() > 200) == (scheme == "light")
    hands.dab(page, blue)
    hands.fill(page)
    assert np.array_equal(seen(), before)
