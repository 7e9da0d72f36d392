"""The page in a real browser: process start to first paint, stroke to screen at 24 megapixels, layout shift."""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

import measure

PHOTO = measure.DATA / "large" / "leaf-on-snow_Nikon-D3100.jpg"
TIMES = 9
EVENTS = 100
FRAME = 1000 / 60
"""Milliseconds."""
# Where a machine lends the browser no graphics card, as here, it draws with the processor.
SWITCHES = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
# For each event of the pointer: when it happened, when the page took it up and was done with it, and when the frame
# that shows it was drawn (a message sent in a frame's callback arrives once that frame is painted).
WATCH = """
window.strokes = [];
const painted = new MessageChannel();
let waiting = [];
painted.port1.onmessage = () => {
  for (const one of waiting) one.drawn = performance.now();
  window.strokes.push(...waiting.splice(0));
};
window.addEventListener("pointermove", (event) => {
  const one = { happened: event.timeStamp, taken: performance.now() };
  if (event.buttons) waiting.push(one);
}, true);
window.addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  waiting.at(-1).done = performance.now();
  requestAnimationFrame(() => painted.port2.postMessage(0));
});
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def main() -> None:
    """Measure, and write results/page.json."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("no Chromium found: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(SWITCHES))
        result = {
            "start": start(browser),
            "twenty_four_megapixels": stroke(browser),
            "layout_shift": shift(browser),
            "browser": browser.version,
        }
        browser.close()
    measure.write("page", result, ("inpainter", "starlette", "uvicorn", "playwright"))


@contextmanager
def served() -> Iterator[str]:
    """The address of a server of its own."""
    command = [sys.executable, "-m", "inpainter", "serve", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            yield next(word for word in process.stdout.readline().split() if word.startswith("http"))
        finally:
            process.terminate()


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """An empty page in a window of a common size."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(WATCH)
    yield page
    context.close()


def start(browser: Browser) -> dict[str, float]:
    """Seconds from the start of the process to the page's first paint, in a browser that runs already."""
    seconds = []
    for _ in range(TIMES + 1):
        with opened(browser) as page:
            before = time.time()
            with served() as address:
                page.goto(address)
            paint = page.wait_for_function(
                "performance.timeOrigin + performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            ).json_value()
            seconds.append(paint / 1000 - before)
    return {"seconds_to_first_paint": measure.median(seconds[1:]), "slowest_seconds": round(max(seconds[1:]), 3)}


def stroke(browser: Browser) -> dict[str, float]:
    """Milliseconds from a movement of the pointer to its stroke on the screen, on a photo of 6000 × 4000 pixels."""
    with tempfile.TemporaryDirectory() as folder, served() as address, opened(browser) as page:
        page.goto(address)
        path = Path(folder) / "large.jpg"
        picture = cv2.imread(str(PHOTO))
        if picture is None:
            raise SystemExit(f"{PHOTO}: no such photo; set INPAINTER_DATA")
        cv2.imwrite(str(path), cv2.resize(picture, (6000, 4000), interpolation=cv2.INTER_AREA))
        page.set_input_files("#photo-input", path)
        page.wait_for_selector("body[data-state=edit]", timeout=60_000)
        page.wait_for_timeout(500)
        for angle in np.linspace(0, 6 * np.pi, EVENTS + 11):
            x, y = 720 + 250 * np.cos(angle), 420 + 200 * np.sin(0.77 * angle)
            page.mouse.move(x, y)
            if angle == 0:
                page.mouse.down()
            page.wait_for_timeout(20)  # One event for each frame: what came together would be counted as one.
        page.mouse.up()
        strokes = page.evaluate("window.strokes")[10:]
    page_ms = [one["done"] - one["taken"] for one in strokes]
    frame_ms = [one["drawn"] - one["taken"] for one in strokes]
    whole_ms = [one["drawn"] - one["happened"] for one in strokes]
    return {
        "events": len(strokes),
        "page_ms": measure.median(page_ms, 1),
        "page_slowest_ms": round(max(page_ms), 1),
        "event_taken_to_frame_ms": measure.median(frame_ms, 1),
        "event_taken_to_frame_slowest_ms": round(max(frame_ms), 1),
        "event_to_frame_ms": measure.median(whole_ms, 1),
        "event_to_frame_slowest_ms": round(max(whole_ms), 1),
        "within_one_frame_share": round(statistics.mean(ms <= FRAME for ms in whole_ms), 2),
    }


def shift(browser: Browser) -> float:
    """The sum of layout shifts on the whole way with the sample."""
    with served() as address, opened(browser) as page:
        page.goto(address)
        page.click("#try-sample")
        page.wait_for_selector("body[data-state=edit]")
        page.mouse.move(720, 400)
        page.mouse.down()
        page.mouse.move(740, 440)
        page.mouse.up()
        page.click("#fill")
        page.wait_for_selector("body[data-state=result]", timeout=60_000)
        page.wait_for_timeout(500)
        return page.evaluate("window.shift")


if __name__ == "__main__":
    main()
