"""What goes wrong is said in a sentence, and nothing that was painted is lost."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from browser import hands
from browser.conftest import serving

GONE = "not running any more"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return hands.saved(tmp_path / "photo.png", hands.photo())


def message(page: Any) -> str:
    page.wait_for_selector("#message:not([hidden])")
    text = page.inner_text("#message-text")
    assert text[0].isupper() or text[0] == "“"
    assert text.endswith(".")
    return text


def cut(path: Path) -> Path:
    """A JPEG that ends in the middle of its header."""
    path.write_bytes(hands.saved(path.with_suffix(".jpg"), hands.photo()).read_bytes()[:300])
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("no photo") and path, "not a photo that can be filled"),
        (lambda path: path.touch() or path, "is empty"),
        (lambda path: Image.new("L", (8, 8)).save(path, "gif") or path, "not a photo that can be filled"),
        (lambda path: Image.new("1", (8000, 6300)).save(path, "png") or path, "51 megapixels; at most 50"),
        (lambda path: path.write_bytes(bytes(64_000_001)) and path, "65 MB; at most 64"),
        (cut, "damaged or cut short"),
    ],
)
def test_files_that_cannot_be_filled(opened: Any, tmp_path: Path, make: Any, says: str) -> None:
    """Each is refused before it is filled; the page stays where it was, and the next photo opens."""
    page = opened(grumbles=("400", "415"))
    page.set_input_files("#photo-input", make(tmp_path / "strange.png"))
    assert says in message(page)
    assert hands.state(page) == "start"
    hands.open_photo(page, hands.saved(tmp_path / "good.png", hands.photo()))
    assert page.locator("#message").is_hidden()


def test_a_photo_that_needs_more(opened: Any, tmp_path: Path) -> None:
    """What is not installed has a way around it."""
    page = opened(grumbles=("501",))
    told = {"code": "missing-extra", "what": "a HEIC photo needs pi_heif", "remedy": "pip install it", "message": "no"}
    page.route("**/v1/preview", lambda route: route.fulfill(status=501, json={"error": told}))
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    page.set_input_files("#photo-input", tmp_path / "photo.heic")
    assert "Save it as JPEG, or install what is missing: pip install it." in message(page)


def test_a_fill_that_is_refused(opened: Any, photo: Path, tmp_path: Path) -> None:
    """The program's own sentence; the marks stay."""
    page = opened(grumbles=("400",))
    hands.open_photo(page, photo)
    Image.new("L", (320, 240), 255).save(tmp_path / "all.png")
    page.set_input_files("#mask-input", tmp_path / "all.png")
    page.wait_for_selector("#live:has-text('Mask opened')", state="attached")
    page.click("#fill")
    message(page)
    assert hands.state(page) == "edit"
    assert hands.marked(page).all()


def test_nothing_marked(page: Any, photo: Path) -> None:
    """Remove says what is missing instead of doing nothing."""
    hands.open_photo(page, photo)
    page.click("#fill", force=True)  # It is marked as disabled, but says why.
    assert hands.state(page) == "edit"
    page.wait_for_selector("#hint.again")
    assert "mark what should go" in page.locator("#live").inner_text()


@pytest.mark.parametrize("under_way", [False, True])
def test_the_program_has_ended(opened: Any, photo: Path, under_way: bool) -> None:
    """Before the fill or during it: said in a sentence, and the marks stay."""
    streams: list[Any] = []
    with serving() as address:
        page = opened(address, grumbles=("net::", "500"))
        hands.open_photo(page, photo)
        hands.set_size(page, 200)
        box = page.locator("#stage").bounding_box()
        hands.dab(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
        before = hands.marked(page)
        if under_way:
            # The stream of events hangs, so that the fill is under way for as long as it takes.
            page.route("**/events", lambda route: streams.append(route))
            page.click("#fill")
            page.wait_for_selector("#progress-text:has-text('Starting')")
    if under_way:
        streams[0].abort()
    else:
        page.click("#fill")
    assert GONE in message(page)
    assert hands.state(page) == "edit"
    assert np.array_equal(hands.marked(page), before)


def test_a_full_queue_waits(opened: Any, photo: Path) -> None:
    """The page tries again by itself when it was told to, and says so."""
    page = opened(grumbles=("429",))
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    left = [1, 1]

    def refuse(route: Any) -> None:
        if route.request.method == "POST" and left:
            left.pop()
            route.fulfill(status=429, headers={"Retry-After": "1"}, json={"error": {"message": "full"}})
        else:
            route.continue_()

    page.route("**/v1/jobs", refuse)
    page.click("#fill")
    page.wait_for_selector("#progress-text:has-text('Trying again in 1 s')")
    hands.wait_for(page, "result")
    assert not left


def test_a_job_that_was_given_up(page: Any, photo: Path) -> None:
    """What the program stops when the page was away is said, and not taken for the user's own cancel."""
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    stopped = 'event: cancelled\ndata: {"state": "cancelled"}\n\n'
    page.route("**/events", lambda route: route.fulfill(content_type="text/event-stream", body=stopped))
    page.click("#fill")
    assert "out of reach" in message(page)
    assert hands.state(page) == "edit"
    assert hands.marked(page).any()


def test_a_result_that_cannot_be_shown(opened: Any, photo: Path) -> None:
    """It counts for nothing: those before it stay, and no button leads to it."""
    page = opened(grumbles=("415",))
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    page.route("**/results/*", lambda route: route.fulfill(body="garbage"))
    page.click("#fill")
    assert "is no picture" in message(page)
    assert hands.state(page) == "edit"
    assert page.locator("#see-results").is_hidden()
    page.unroute("**/results/*")
    hands.fill(page)
    page.route("**/results/*", lambda route: route.fulfill(body="garbage"))
    page.click("#again")
    message(page)
    hands.wait_for(page, "result")
    assert page.inner_text("#try-text") == "Try 1 of 1"


def test_buttons_pressed_faster_than_they_do(page: Any, photo: Path) -> None:
    """Each press counts once, and what is late does not show itself over what came after."""
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    jobs = []
    page.on("request", lambda request: jobs.append(request) if request.method == "POST" else None)
    page.evaluate("fill = document.getElementById('fill'); fill.click(); fill.click()")
    hands.wait_for(page, "result")
    assert page.inner_text("#try-text") == "Try 1 of 1"
    assert len(jobs) == 1
    press = "(ids) => ids.forEach((id) => document.getElementById(id).click())"
    page.evaluate(press, ["back", "see-results", "back"])
    page.wait_for_timeout(300)
    assert hands.state(page) == "edit"
    page.click("#see-results")
    hands.wait_for(page, "result")
    page.evaluate(press, ["go-on", "go-on", "see-results"])
    page.wait_for_timeout(300)
    assert hands.state(page) == "edit"
    hands.dab(page, hands.find(page, "blue"))
    hands.fill(page)


@pytest.mark.parametrize("kind", ["txt", "png"])
def test_masks_that_are_none(page: Any, photo: Path, tmp_path: Path, kind: str) -> None:
    """A file that is no picture, and a picture with nothing white; what was painted stays."""
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    before = hands.marked(page)
    path = tmp_path / f"mask.{kind}"
    if kind == "txt":
        path.write_text("no picture")
    else:
        Image.new("L", (320, 240), 100).save(path)
    page.set_input_files("#mask-input", path)
    assert "mask" in message(page)
    assert np.array_equal(hands.marked(page), before)


def test_cancel(opened: Any, photo: Path) -> None:
    """The page is back with its marks at once, and the program has forgotten the job."""
    page = opened(grumbles=("404",))
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    ids = []
    page.on("response", lambda reply: ids.append(reply.json()["id"]) if reply.status == 202 else None)
    page.route("**/events", lambda route: None)
    page.click("#fill")
    page.wait_for_selector("#progress-text:has-text('Starting')")
    page.click("#cancel")
    hands.wait_for(page, "edit")
    page.unroute("**/events")
    page.wait_for_function("async (id) => (await (await fetch(`/v1/jobs/${id}`)).json()).error", arg=ids[0])
    assert not page.locator("#message").is_visible()
    assert hands.marked(page).any()


@pytest.mark.parametrize("lost", ["**/v1/jobs/*", "**/results/1"])
def test_a_job_that_the_program_does_not_know(opened: Any, photo: Path, lost: str) -> None:
    """After a start of the program, said as what it means to the user."""
    page = opened(grumbles=("404", "net::"))
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    if lost.endswith("*"):
        page.route("**/events", lambda route: route.abort())
    page.route(lost, lambda route: route.fulfill(status=404, json={"error": {"message": "there is nothing here"}}))
    page.click("#fill")
    assert "was started again" in message(page)
    assert hands.marked(page).any()


def test_leaving_with_marks(page: Any, photo: Path) -> None:
    """What was painted is not lost without a question, either."""
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    page.set_input_files("#photo-input", photo)
    page.click("#leave [data-close=stay]")
    assert hands.marked(page).any()
    page.click("#clear")
    page.set_input_files("#photo-input", photo)
    page.wait_for_selector("#live:has-text('is open')", state="attached")


def test_leaving_with_an_unsaved_result(page: Any, photo: Path) -> None:
    """Another photo, or another page, is opened only after a question; once downloaded, at once."""
    hands.open_photo(page, photo)
    hands.dab(page, hands.find(page, "red"))
    hands.fill(page)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.set_input_files("#photo-input", photo)
    page.click("#leave [data-close=stay]")
    assert hands.state(page) == "result"
    page.evaluate("location.reload()")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    hands.downloaded(page)
    page.set_input_files("#photo-input", photo)
    hands.wait_for(page, "edit")


def test_the_token_leaves_the_address(opened: Any, photo: Path) -> None:
    """The token behind the # becomes a cookie; without it the page says what to open."""
    with serving("--host", "0.0.0.0") as printed:
        address = re.sub(r"//[^:/]+", "//127.0.0.1", printed)
        assert "#token=" in address
        page = opened(address, grumbles=("net::", "500"))
        page.wait_for_function("!location.hash")
        hands.open_photo(page, photo)
        hands.dab(page, hands.find(page, "red"))
        hands.fill(page)
        stranger = opened(address.split("#")[0], grumbles=("401", "net::", "500"))
        assert "token" in message(stranger)
