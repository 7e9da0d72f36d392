"""A photo of 300 megapixels is filled without ever lying in memory whole, and the blocks of 98 are carried over."""

import subprocess
import sys
from pathlib import Path

import pytest
import pyvips

from makers import exif

HEIGHT, WIDTH = 15_000, 20_000
LIMIT = 1_000_000_000
FILL = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import Constant
from inpainter.engine.batch import fill_file
report = fill_file(*map(Path, sys.argv[1:]), Constant())
# Not getrusage: what it tells of a new process is at least what its parent held.
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(report.filled_pixels, int(peak) * 1024)
"""


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "photo.jpg"
    noise = pyvips.Image.gaussnoise(WIDTH // 40, HEIGHT // 40, mean=128, sigma=40, seed=1)
    colours = noise.bandjoin([noise.rot180(), 255 - noise]).copy(interpretation="srgb").cast("uchar")
    colours.resize(40, kernel="linear").crop(0, 0, WIDTH, HEIGHT).jpegsave(str(path), Q=80)
    return path


def peak_of(photo: Path, folder: Path) -> int:
    """Fill a hole of 600×600 in a process of its own; the bytes that it held."""
    script = FILL.format(tests=str(Path(__file__).parents[1]))
    words = [sys.executable, "-c", script, *map(str, (photo, folder / "mask.png", folder / "out.jpg"))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    filled, peak = map(int, done.stdout.split())
    assert filled == 600 * 600
    return peak


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_of_98_megapixels_whose_blocks_are_carried_over(photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("jpeglib")
    width, height = 12_000, 8_167
    part = pyvips.Image.jpegload(str(photo)).crop(0, 0, width, height)
    part.jpegsave(str(tmp_path / "part.jpg"), Q=90, subsample_mode="off")
    hole = pyvips.Image.black(width, height).insert(pyvips.Image.black(600, 600) + 255, 5_000, 4_000).cast("uchar")
    hole.pngsave(str(tmp_path / "mask.png"), bitdepth=1)
    assert peak_of(tmp_path / "part.jpg", tmp_path) < LIMIT
    old, new = (pyvips.Image.jpegload(str(tmp_path / name)) for name in ("part.jpg", "out.jpg"))
    changed = ((old - new).abs() > 0).find_trim(threshold=0, background=[0, 0, 0])
    assert changed == [5_000, 4_000, 600, 600]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("orientation", [1, 6])
def test_memory_of_a_300_megapixel_jpeg(photo: Path, tmp_path: Path, orientation: int) -> None:
    left, top = 14_300, 13_000
    width, height = (WIDTH, HEIGHT) if orientation == 1 else (HEIGHT, WIDTH)
    if orientation != 1:
        data, block = photo.read_bytes(), b"Exif\0\0" + exif(orientation)
        photo = tmp_path / "turned.jpg"
        photo.write_bytes(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    hole = pyvips.Image.black(width, height).insert(pyvips.Image.black(600, 600) + 255, left, top).cast("uchar")
    hole.pngsave(str(tmp_path / "mask.png"), bitdepth=1)
    peak = peak_of(photo, tmp_path)
    assert peak < LIMIT
    out = pyvips.Image.jpegload(str(tmp_path / "out.jpg"))
    assert (out.width, out.height) == (WIDTH, HEIGHT)
    # Turned to the right, what was at the left comes to the top, and what was at the bottom to the left.
    x, y = (left, top) if orientation == 1 else (top, HEIGHT - left - 600)
    inside = out.crop(x + 16, y + 16, 568, 568)
    assert abs(inside.avg() - 128) < 2
    assert inside.deviate() < 4
    print(f"peak {peak / 1e6:.0f} MB")
