"""What is marked is what is meant: tools, undo, zoom, fingers, keys, mask files. The photo has 320 × 240 pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from browser import hands


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return hands.saved(tmp_path / "photo.png", hands.photo())


@pytest.fixture
def editing(page: Any, photo: Path) -> Any:
    """A page with the photo open, nothing marked."""
    hands.open_photo(page, photo)
    return page


def around(point: tuple[float, float], *offsets: tuple[float, float]) -> list[tuple[float, float]]:
    return [(point[0] + x, point[1] + y) for x, y in offsets]


def covered(mask: np.ndarray) -> set[str]:
    """The colours whose squares are marked wholly; none may be marked in part."""
    shares = {name: mask[hands.square(name)].mean() for name in hands.COLOURS}
    assert set(shares.values()) <= {0.0, 1.0}, shares
    return {name for name, share in shares.items() if share}


def test_a_stroke_covers_its_way(editing: Any) -> None:
    """Also between the samples of a fast pointer: the way is one piece, as wide as the brush everywhere."""
    red, green = hands.find(editing, "red"), hands.find(editing, "green")
    editing.mouse.move(*red)
    editing.mouse.down()
    editing.mouse.move(*green, steps=1)
    editing.mouse.up()
    mask = hands.marked(editing)
    between = mask[:, 100:220].sum(axis=0)
    scale = (green[0] - red[0]) / 160
    assert between.min() == between.max() == pytest.approx(90 / scale, abs=1)


def test_undo_and_redo(editing: Any) -> None:
    """Step by step back and forth, by buttons and keys; a new stroke forgets what was undone."""
    for colour in ("red", "green", "blue"):
        hands.dab(editing, hands.find(editing, colour))
    editing.click("#undo")
    assert covered(hands.marked(editing)) == {"red", "green"}
    editing.keyboard.press("Control+z")
    assert covered(hands.marked(editing)) == {"red"}
    editing.keyboard.press("Control+Shift+z")
    editing.keyboard.press("Control+y")
    assert covered(hands.marked(editing)) == {"red", "green", "blue"}
    assert editing.locator("#redo").is_disabled()
    editing.click("#undo")
    hands.dab(editing, hands.find(editing, "yellow"))
    assert editing.locator("#redo").is_disabled()
    assert covered(hands.marked(editing)) == {"red", "green", "yellow"}
    editing.click("#clear")
    assert not hands.marked(editing).any()
    editing.click("#undo")
    assert covered(hands.marked(editing)) == {"red", "green", "yellow"}
    for _ in range(3):
        editing.click("#undo")
    assert not hands.marked(editing).any()
    assert editing.locator("#undo").is_disabled()


def test_undo_after_many_strokes_is_exact(editing: Any) -> None:
    """Whatever was painted and erased, each step back is the mask as it was, bit for bit."""
    rng = np.random.default_rng(5)
    seen = []
    box = editing.locator("#stage").bounding_box()
    for step in range(8):
        editing.keyboard.press("e" if step % 3 == 2 else "b")
        hands.set_size(editing, int(rng.integers(10, 120)))
        at = rng.uniform(0.1, 0.9, (3, 2))
        hands.drag(editing, *[(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in at])
        seen.append(hands.marked(editing))
    for before in reversed(seen[:-1]):
        editing.keyboard.press("Control+z")
        assert np.array_equal(hands.marked(editing), before)
    for after in seen[1:]:
        editing.keyboard.press("Control+y")
        assert np.array_equal(hands.marked(editing), after)


def test_eraser(editing: Any) -> None:
    places = {colour: hands.find(editing, colour) for colour in hands.COLOURS}
    for point in places.values():
        hands.dab(editing, point)
    editing.click("[data-tool=eraser].tool")
    hands.set_size(editing, 140)
    hands.dab(editing, places["green"])
    assert covered(hands.marked(editing)) == {"red", "blue", "yellow"}


def test_rectangle(editing: Any) -> None:
    """From corner to corner, whichever is first."""
    point = hands.find(editing, "blue")
    editing.keyboard.press("r")
    hands.drag(editing, *around(point, (60, 45), (-60, -45)))
    mask = hands.marked(editing)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert len(columns) / len(rows) == pytest.approx(120 / 90, rel=0.1)
    assert hands.middle(mask) == pytest.approx(hands.centre("blue"), abs=1)


def test_lasso(editing: Any) -> None:
    """What the outline encloses: here a triangle, of which a corner of its box stays free."""
    point = hands.find(editing, "yellow")
    editing.keyboard.press("l")
    hands.drag(editing, *around(point, (-110, 80), (0, -130), (110, 80), (-110, 80)))
    mask = hands.marked(editing)
    assert covered(mask) == {"yellow"}
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert box.mean() == pytest.approx(0.5, abs=0.03)
    assert not box[0, 0]
    assert not box[0, -1]


def test_a_click_with_lasso_or_rectangle_marks_nothing(editing: Any) -> None:
    for key in ("l", "r"):
        editing.keyboard.press(key)
        hands.dab(editing, hands.find(editing, "red"))
    assert not hands.marked(editing).any()


@pytest.mark.parametrize("density", [1, 2])
def test_zoomed_and_moved(opened: Any, photo: Path, density: int) -> None:
    """Under the brush is what goes, zoomed by the wheel and moved with the space bar; and the brush is finer there."""
    page = opened(device_scale_factor=density)
    hands.open_photo(page, photo)
    start = hands.find(page, "green")
    page.mouse.move(*start)
    for _ in range(3):
        page.mouse.wheel(0, -250)
    page.wait_for_timeout(200)  # The wheel's events come when the browser likes.
    page.keyboard.down(" ")
    hands.drag(page, start, (start[0] - 150, start[1] + 90))
    page.keyboard.up(" ")
    page.wait_for_timeout(100)
    point = hands.find(page, "green")
    assert np.hypot(point[0] - start[0], point[1] - start[1]) > 100
    hands.set_size(page, 40)
    hands.dab(page, point)
    hands.set_grow(page, 0)
    mask = hands.fill(page)["mask"]
    assert hands.middle(mask) == pytest.approx(hands.centre("green"), abs=0.8)
    assert mask.sum() < 120


def test_the_wheel_with_shift_and_the_brackets_size_the_brush(editing: Any) -> None:
    size, zoom = editing.locator("#size"), editing.inner_text("#zoom-value")
    editing.mouse.move(*hands.find(editing, "red"))
    editing.keyboard.down("Shift")
    editing.mouse.wheel(0, 300)
    editing.wait_for_timeout(200)
    editing.keyboard.up("Shift")
    smaller = int(size.input_value())
    assert smaller < 90
    editing.keyboard.press("]")
    editing.keyboard.press("]")
    assert int(size.input_value()) > smaller
    assert editing.inner_text("#zoom-value") == zoom


def test_fingers(opened: Any, photo: Path) -> None:
    """On a phone one finger paints, and two zoom and move without painting; what is under the finger is what goes."""
    page = opened(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True, device_scale_factor=2)
    hands.open_photo(page, photo)
    hands.set_size(page, 40)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    x, y = hands.find(page, "green")
    send("touchStart", (x - 20, y))
    send("touchStart", (x - 20, y), (x + 20, y))
    for spread in range(20, 60, 5):
        send("touchMove", (x - spread, y), (x + spread, y))
    send("touchEnd")
    page.wait_for_timeout(100)
    assert not hands.marked(page).any()
    point = hands.find(page, "green")
    send("touchStart", point)
    send("touchMove", (point[0] + 1, point[1]))
    send("touchMove", point)
    send("touchEnd")
    mask = hands.fill(page)["mask"]
    assert hands.middle(mask) == pytest.approx(hands.centre("green"), abs=1.2)
    assert mask[hands.centre("green")[1], hands.centre("green")[0]]


def test_take_from_and_not_from(editing: Any) -> None:
    """Two more masks, which go along with the mask and are never part of it."""
    hands.dab(editing, hands.find(editing, "red"))
    for layer, colour in (("source", "green"), ("avoid", "blue")):
        point = hands.find(editing, colour)
        editing.click("#more")
        editing.click(f"[data-layer={layer}]")
        editing.keyboard.press("r")
        hands.drag(editing, *around(point, (-90, -90), (90, 90)))
        editing.click("#layer-done")
    sent = hands.fill(editing)
    assert {name: covered(sent[name]) for name in ("mask", "source", "avoid")} == {
        "mask": {"red"}, "source": {"green"}, "avoid": {"blue"},
    }  # fmt: skip
    assert sent["image"]


def test_methods_without_source_are_sent_none(editing: Any) -> None:
    hands.dab(editing, hands.find(editing, "red"))
    editing.click("#more")
    editing.click("[data-layer=avoid]")
    editing.keyboard.press("b")
    hands.dab(editing, hands.find(editing, "blue"))
    editing.click("#layer-done")
    editing.click("#more")
    editing.click("#method-option summary")
    editing.click("[data-method=telea]")
    assert editing.locator("#texture-option").is_hidden()
    assert editing.locator("#quality-option").is_hidden()
    editing.keyboard.press("Escape")
    sent = hands.fill(editing)
    assert "avoid" not in sent
    assert (sent["options"]["method"], sent["options"]["settings"]) == ("telea", {})
    assert editing.locator("#again").is_disabled()


def test_quality_and_grow_are_sent(editing: Any) -> None:
    hands.dab(editing, hands.find(editing, "red"))
    editing.click("#more")
    editing.click("[data-quality=fast]")
    editing.keyboard.press("Escape")
    hands.set_grow(editing, 7)
    options = hands.fill(editing)["options"]
    assert options == {"method": "auto", "settings": {"quality": "fast"}, "grow": 7, "seed": 0, "candidates": 1}


def test_mask_saved_and_opened(editing: Any, tmp_path: Path) -> None:
    """The saved mask, opened again, is the same; undo takes the opened one back."""
    hands.dab(editing, hands.find(editing, "yellow"))
    mask = hands.marked(editing)
    path = tmp_path / "mask.png"
    Image.fromarray(mask).save(path)
    editing.click("#clear")
    editing.set_input_files("#mask-input", path)
    editing.wait_for_selector("#live:has-text('Mask opened')", state="attached")
    assert np.array_equal(hands.marked(editing), mask)
    editing.click("#undo")
    assert not hands.marked(editing).any()


def test_a_mask_of_another_size_is_scaled_and_says_so(editing: Any, tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    small = np.zeros((120, 160), np.uint8)
    small[30:60, 40:80] = 255
    Image.fromarray(small).save(path)
    editing.set_input_files("#mask-input", path)
    editing.wait_for_selector("#notes:has-text('scaled')")
    wanted = np.kron(small > 127, np.ones((2, 2), bool))
    assert (hands.marked(editing) != wanted).mean() < 0.01


def test_a_mask_of_another_shape_is_refused(editing: Any, tmp_path: Path) -> None:
    """It is another photo's: stretched it would fit nothing."""
    Image.new("L", (240, 320), 255).save(tmp_path / "tall.png")
    editing.set_input_files("#mask-input", tmp_path / "tall.png")
    editing.wait_for_selector("#message-text:has-text('“tall.png” has 240 × 320 pixels and the photo 320 × 240')")
    assert not hands.marked(editing).any()


def test_a_rectangle_by_keyboard(editing: Any) -> None:
    """Tab to the photo, arrows and Enter: no pointer at all, up to the result."""
    editing.locator("#stage").focus()
    for _ in range(3):
        editing.keyboard.press("ArrowLeft")
    editing.keyboard.press("Enter")
    for _ in range(5):
        editing.keyboard.press("ArrowLeft")
    for _ in range(4):
        editing.keyboard.press("ArrowUp")
    for _ in range(3):
        editing.keyboard.press("Shift+ArrowUp")
    assert "by" in editing.locator("#live").inner_text()
    editing.keyboard.press("Enter")
    assert editing.locator("#live").inner_text().startswith("Marked")
    mask = hands.marked(editing)
    step = (np.flatnonzero(mask.any(axis=0)).size) / 5
    assert np.flatnonzero(mask.any(axis=1)).size == 4 * step + 3
    assert mask.sum() == 5 * step * (4 * step + 3)
    assert np.flatnonzero(mask.any(axis=1))[-1] == 119
    editing.locator("#stage").focus()
    editing.keyboard.press("Control+Enter")
    hands.wait_for(editing, "result")


def test_a_window_that_changes_its_size(editing: Any) -> None:
    """Fitted, the photo fits again; zoomed, the middle stays; the marks are where they were, and so is the brush."""
    hands.dab(editing, hands.find(editing, "green"))
    editing.set_viewport_size({"width": 900, "height": 640})
    editing.wait_for_timeout(200)
    hands.dab(editing, hands.find(editing, "red"))
    assert covered(hands.marked(editing)) == {"red", "green"}
    for _ in range(3):
        editing.click("#zoom-in")
    editing.set_viewport_size({"width": 1100, "height": 760})
    editing.wait_for_timeout(200)
    hands.dab(editing, hands.find(editing, "yellow"))
    assert hands.marked(editing)[hands.centre("yellow")[1], hands.centre("yellow")[0]]


def ring(page: Any, point: tuple[float, float], radius: float) -> None:
    """Drag the brush once around a point."""
    turns = np.linspace(0, 2 * np.pi, 25)
    hands.drag(page, *around(point, *[(radius * np.cos(turn), radius * np.sin(turn)) for turn in turns]))


def test_gaps_that_scribbling_leaves_are_closed(editing: Any) -> None:
    """A gap within the mark that is smaller than the brush is painted with the stroke around it; a larger one stays."""
    red, green = hands.find(editing, "red"), hands.find(editing, "green")
    hands.set_size(editing, 60)
    ring(editing, red, 45)
    assert hands.marked(editing)[hands.centre("red")[::-1]]
    editing.click("#undo")
    assert not hands.marked(editing).any()
    editing.click("#redo")
    assert hands.marked(editing)[hands.centre("red")[::-1]]
    ring(editing, green, 70)
    assert not hands.marked(editing)[hands.centre("green")[::-1]]


def test_a_gap_between_two_strokes_is_closed(editing: Any) -> None:
    """Also where the stroke only completes what was painted before."""
    x, y = hands.find(editing, "blue")
    hands.set_size(editing, 40)
    hands.drag(editing, (x + 22, y - 25), (x - 22, y - 25), (x - 22, y + 25), (x + 22, y + 25))
    assert not hands.marked(editing)[hands.centre("blue")[::-1]]
    hands.drag(editing, (x + 27, y - 25), (x + 27, y + 25))
    assert hands.marked(editing)[hands.centre("blue")[::-1]]


def test_what_was_erased_stays_unpainted(editing: Any) -> None:
    """Until it is painted again; once all is erased, the next mark starts afresh."""
    red = hands.find(editing, "red")
    at = hands.centre("red")[::-1]
    hands.set_size(editing, 150)
    hands.dab(editing, red)
    editing.keyboard.press("e")
    hands.set_size(editing, 40)
    hands.dab(editing, red)
    editing.keyboard.press("b")
    hands.set_size(editing, 60)
    ring(editing, red, 45)
    assert not hands.marked(editing)[at]
    editing.keyboard.press("e")
    hands.set_size(editing, 200)
    hands.dab(editing, red)
    assert not hands.marked(editing).any()
    editing.keyboard.press("b")
    hands.set_size(editing, 60)
    ring(editing, red, 45)
    assert hands.marked(editing)[at]


def test_an_eraser_that_erases_nothing_is_no_step(editing: Any) -> None:
    hands.dab(editing, hands.find(editing, "red"))
    editing.keyboard.press("e")
    hands.dab(editing, hands.find(editing, "blue"))
    editing.click("#undo")
    assert not hands.marked(editing).any()
