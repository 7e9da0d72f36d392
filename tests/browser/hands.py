"""The eyes and hands of a user at the page: what is seen on the screen is where the pointer goes."""

import base64
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLOURS = {"red": (230, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 230), "yellow": (230, 220, 20)}
# Where each colour's square is in a test photo, as shares of its width and height.
PLACES = {"red": (0.25, 0.25), "green": (0.75, 0.25), "blue": (0.25, 0.75), "yellow": (0.75, 0.75)}

# Keeps what the page sends, which the browser's own tools do not show for files; and what moves in the layout.
WATCH = """
window.sent = [];
const send = window.fetch;
window.fetch = async (path, options) => {
  if (options?.body instanceof FormData) {
    const fields = {};
    for (const [name, value] of options.body) fields[name] = value instanceof Blob ? await inBase64(value) : value;
    window.sent.push({ path, fields });
  }
  return send(path, options);
};
function inBase64(blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.readAsDataURL(blob);
  });
}
window.shifted = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
    for (const { node, previousRect, currentRect } of entry.sources) {
      window.shifted.push([node?.id || node?.parentNode?.id || node?.nodeName, previousRect, currentRect]);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@contextlib.contextmanager
def watched(browser: Any, grumbles: tuple[str, ...] = (), **context: Any) -> Iterator[Any]:
    """A page that must not complain in its console, but for lines that hold one of `grumbles`, nor move its layout."""
    options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, "reduced_motion": "reduce"}
    made = browser.new_context(**(options | context))
    made.set_default_timeout(20_000)
    page = made.new_page()
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: lines.append(str(error)))
    page.add_init_script(WATCH)
    try:
        yield page
        complaints = [line for line in lines if not any(word in line for word in grumbles)]
        assert not complaints, complaints
        shifted = page.evaluate("window.shifted")
        assert not shifted, shifted
    finally:
        made.close()


# ---------------------------------------------------------------- photos


def photo(width: int = 320, height: int = 240, seed: int = 0) -> np.ndarray:
    """Grey texture with one square of each colour, `(height, width, 3)` uint8."""
    texture = np.random.default_rng(seed).integers(100, 140, (height, width, 1), np.uint8)
    samples = np.repeat(texture, 3, axis=2)
    for name in COLOURS:
        samples[square(name, width, height)] = COLOURS[name]
    return samples


def square(name: str, width: int = 320, height: int = 240) -> tuple[slice, slice]:
    """The rows and columns of a colour's square."""
    x, y = centre(name, width, height)
    half = max(min(width, height) // 24, 2)
    return slice(y - half, y + half), slice(x - half, x + half)


def centre(name: str, width: int = 320, height: int = 240) -> tuple[int, int]:
    return round(PLACES[name][0] * width), round(PLACES[name][1] * height)


def saved(path: Path, samples: np.ndarray, **options: Any) -> Path:
    if path.suffix == ".jpg":
        options = {"quality": 95, "subsampling": 0} | options
    Image.fromarray(samples).save(path, **options)
    return path


# ---------------------------------------------------------------- eyes


def find(page: Any, colour: str) -> tuple[float, float]:
    """Where a colour is on the screen, in CSS pixels: the middle of all that has it."""
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    there = np.abs(shot - COLOURS[colour]).max(axis=2) < 40
    assert there.any(), f"nothing {colour} on the screen"
    ys, xs = np.nonzero(there)
    density = page.evaluate("devicePixelRatio")
    return (xs.mean() + 0.5) / density, (ys.mean() + 0.5) / density


def state(page: Any) -> str:
    return page.locator("body").get_attribute("data-state")


def wait_for(page: Any, name: str) -> None:
    page.wait_for_selector(f"body[data-state={name}]")


def sent(page: Any) -> dict[str, Any]:
    """The last job that the page asked for: the file, masks (True = white) and options."""
    jobs = [one["fields"] for one in page.evaluate("window.sent") if one["path"] == "/v1/jobs"]
    fields = {name: base64.b64decode(value) for name, value in jobs[-1].items() if name != "options"}
    masks = {name: read_mask(value) for name, value in fields.items() if name != "image"}
    return {"image": fields["image"], "options": json.loads(jobs[-1]["options"]), **masks}


def read_mask(data: bytes) -> np.ndarray:
    """A mask as the page writes it; it must be a 1-bit PNG."""
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode) == ("PNG", "1")
    return np.asarray(image)


def middle(mask: np.ndarray) -> tuple[float, float]:
    """The mean place of what is set, (x, y)."""
    ys, xs = np.nonzero(mask)
    return xs.mean() + 0.5, ys.mean() + 0.5


# ---------------------------------------------------------------- hands


def open_photo(page: Any, path: Path) -> None:
    """Open a photo, and take a brush that covers one of its squares."""
    page.set_input_files("#photo-input", path)
    wait_for(page, "edit")
    page.wait_for_timeout(50)  # A frame, so that the photo is seen.
    set_size(page, 90)


def set_size(page: Any, size: int) -> None:
    """The brush's width in CSS pixels."""
    page.locator("#size").fill(str(size))


def set_grow(page: Any, pixels: int) -> None:
    page.click("#more")
    page.locator("#grow").fill(str(pixels))
    page.keyboard.press("Escape")


def drag(page: Any, *points: tuple[float, float]) -> None:
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def dab(page: Any, point: tuple[float, float]) -> None:
    drag(page, point)


KEEP = """() => {
  window.kept = null;
  window.make ??= URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob) => (window.kept = blob, window.make(blob));
}"""
"""Keeps what the page makes an address of."""
KEPT = """async () => {
  while (!window.kept) await new Promise((next) => setTimeout(next, 20));
  return [...new Uint8Array(await window.kept.arrayBuffer())];
}"""
"""Its bytes."""


def fill(page: Any) -> dict[str, Any]:
    """Press Remove and wait for the result; returns what was sent."""
    page.click("#fill")
    wait_for(page, "result")
    return sent(page)


def marked(page: Any) -> np.ndarray:
    """The mask as the page would save it, or all False where nothing is marked."""
    page.click("#more")
    try:
        if page.locator("#mask-save").is_disabled():
            return np.zeros((1, 1), bool)
        # Taken where the page hands it to the browser: of many downloads in a row Chromium now and then loses one.
        page.evaluate(KEEP)
        page.click("#mask-save")
        return read_mask(bytes(page.evaluate(KEPT)))
    finally:
        page.keyboard.press("Escape")


def downloaded(page: Any) -> tuple[str, bytes]:
    """Press Download: the file's name and bytes."""
    with page.expect_download() as download:
        page.click("#download")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()
