"""For everybody: screen readers (axe), the keyboard alone, narrow screens."""

from pathlib import Path
from typing import Any

import pytest

from browser import hands

SIZES = [(1440, 900), (1024, 700), (900, 600), (768, 1024), (390, 780), (320, 568), (740, 360)]


def faults(page: Any) -> list[str]:
    """What axe finds wrong, a line each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    return [
        f"{fault['id']}: {node['html'][:120]} {node.get('failureSummary', '')}"
        for fault in found.response["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(opened: Any, tmp_path: Path, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    found = {"start": faults(page)}
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    found["edit"] = faults(page)
    hands.dab(page, hands.find(page, "red"))
    found["painted"] = faults(page)
    page.click("#more")
    page.click("#method-option summary")
    found["more"] = faults(page)
    page.click("[data-layer=source]")
    found["source"] = faults(page)
    page.click("#layer-done")
    page.route("**/events", lambda route: None)
    page.click("#fill")
    page.wait_for_selector("#progress-text:has-text('Starting')")
    found["fill"] = faults(page)
    page.click("#cancel")
    page.unroute("**/events")
    hands.fill(page)
    found["result"] = faults(page)
    page.evaluate("import('/page/ui.js').then((ui) => ui.showNotes(['left out: EXIF thumbnail', 'another note']))")
    page.wait_for_selector("#notes p")
    found["notes"] = faults(page)
    page.locator("#divider").press("PageUp")
    found["compare"] = faults(page)
    page.keyboard.press("?")
    found["help"] = faults(page)
    page.keyboard.press("Escape")
    page.set_input_files("#photo-input", tmp_path / "photo.png")
    page.wait_for_selector("#leave[open]")
    found["leave"] = faults(page)
    page.keyboard.press("Escape")
    (tmp_path / "none.txt").write_text("no photo")
    page.click("#download")
    page.set_input_files("#photo-input", tmp_path / "none.txt")
    page.wait_for_selector("#message:not([hidden])")
    found["message"] = faults(page)
    assert {state: lines for state, lines in found.items() if lines} == {}


def test_by_keyboard_alone(page: Any) -> None:
    """From the start to the download: Tab reaches everything, focus is where the page goes on."""

    def tab_to(selector: str) -> None:
        for _ in range(40):
            if page.locator(selector).evaluate("(element) => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by Tab")

    tab_to("#try-sample")
    page.keyboard.press("Enter")
    hands.wait_for(page, "edit")
    tab_to("#stage")
    for key in ("ArrowUp", "Enter", *["ArrowDown"] * 6, *["ArrowRight"] * 4, "Enter"):
        page.keyboard.press(key)
    tab_to("#fill")
    page.keyboard.press("Enter")
    hands.wait_for(page, "result")
    assert page.evaluate("document.activeElement.id") == "download"
    tab_to("#divider")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#divider", "aria-valuenow") == "2"
    tab_to("#download")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "sample-filled.jpg"


@pytest.mark.parametrize("size", SIZES)
def test_everything_fits(opened: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    """At every size each button that is shown is whole, and no two lie on one another."""
    page = opened(viewport={"width": size[0], "height": size[1]})
    problems = overlaps(page, "start")
    hands.open_photo(page, hands.saved(tmp_path / "a photo with quite a long name of its own.png", hands.photo()))
    problems += overlaps(page, "edit")
    hands.dab(page, hands.find(page, "red"))
    hands.fill(page)
    problems += overlaps(page, "result")
    page.click("#back")
    problems += overlaps(page, "marks")
    assert problems == []


def overlaps(page: Any, state: str) -> list[str]:
    """Buttons and sliders that reach beyond the window or over one another, or are smaller than 24 pixels."""
    boxes = page.evaluate("""
        [...document.querySelectorAll("header button, #start button, #dock button, #dock label, .pill")]
          .filter((element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length)
          .map((element) => {
            const { left, top, right, bottom } = element.getBoundingClientRect();
            return [element.id || element.textContent.trim(), left, top, right, bottom];
          })
    """)
    width, height = page.viewport_size["width"], page.viewport_size["height"]
    found = [
        f"{state}: {name} at {box}"
        for name, *box in boxes
        if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height or min(box[2] - box[0], box[3] - box[1]) < 24
    ]
    for i, (name, *a) in enumerate(boxes):
        for other, *b in boxes[:i]:
            if min(a[2], b[2]) - max(a[0], b[0]) > 0.5 and min(a[3], b[3]) - max(a[1], b[1]) > 0.5:
                found.append(f"{state}: {name} lies on {other}")
    return found


@pytest.mark.parametrize("size", [*SIZES, (1280, 720)])
def test_more_leaves_the_way_back_in_sight(opened: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    """The panel lies on neither the button to the result nor, on a desktop, a photo of the usual shape."""
    page = opened(viewport={"width": size[0], "height": size[1]})
    hands.open_photo(page, hands.saved(tmp_path / "photo.png", hands.photo()))
    hands.set_size(page, 40)
    hands.dab(page, hands.find(page, "red"))
    hands.fill(page)
    page.click("#back")
    places = [hands.find(page, colour) for colour in ("green", "yellow")]
    page.click("#more")
    panel, way = page.locator("#options").bounding_box(), page.locator("#see-results").bounding_box()
    assert panel["y"] >= way["y"] + way["height"]
    assert panel["height"] >= 180
    if size == (1280, 720):
        edge = places[0][0] + (places[1][1] - places[0][1]) * 80 / 120
        assert panel["x"] >= edge - 1
    headings = page.locator("#options :is(h3, label b, summary)").evaluate_all("""
        (all) => all.filter((one) => one.checkVisibility()).map((one) => {
          const { fontSize, fontWeight, color } = getComputedStyle(one);
          return [one.getBoundingClientRect().left, fontSize, fontWeight, color].join();
        })
    """)
    assert len(headings) >= 5
    assert len(set(headings)) == 1


def test_help_for_fingers(opened: Any) -> None:
    """On a touch screen gestures come first, then keys; elsewhere keys alone."""
    phone = opened(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    phone.click("#open-help")
    headings = phone.locator("#keys h3").all_inner_texts()
    assert headings[0] == "With fingers"
    assert "Two fingers" in phone.locator("#keys section").first.inner_text()
    desktop = opened()
    desktop.click("#open-help")
    assert desktop.locator("#keys h3").all_inner_texts() == headings[1:]
