"""Blocks that a fill does not touch stay: checked with Pillow and jpeglib as independent readers."""

import ctypes
import io
import os
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from inpainter.core import InputError
from inpainter.photos.jpeg_header import Jpeg, can_carry, read_header, segments

# Some machines have no wheel of it; there no block is carried over.
jpeglib = pytest.importorskip("jpeglib")
from inpainter.photos import jpeg, jpeg_library  # noqa: E402
from inpainter.photos.jpeg import StoredPatch, patch_blocks  # noqa: E402
from inpainter.photos.jpeg_library import CarryError  # noqa: E402

SAMPLINGS = {"444": (1, 1), "422": (1, 2), "420": (2, 2), "440": (2, 1), "411": (1, 4)}
"""(height, width) in pixels of a chroma cell."""
SIZES = [(1, 1), (5, 7), (33, 17), (50, 75)]


@pytest.fixture(params=["at once", "one by one"])
def planes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large photos hold one plane at a time."""
    if request.param == "one by one":
        monkeypatch.setattr(jpeg_library, "_AT_ONCE", 0)


def scene(height: int, width: int) -> np.ndarray:
    """Smooth colours with some grain, as a photo has."""
    y, x = np.mgrid[:height, :width].astype(float)
    colours = np.stack([110 + 60 * np.sin(x / 9), 120 + 50 * np.cos(y / 7), 100 + x - y / 2], axis=-1)
    grain = np.random.default_rng(7).normal(0, 6, colours.shape)
    return np.clip(colours + grain, 0, 255).astype(np.uint8)


def encode(image: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    # With a quality Pillow would scale the tables it is given.
    quality = {} if "qtables" in options else {"quality": 92}
    Image.fromarray(image).save(out, "JPEG", **({"subsampling": 0} | quality | options))
    return out.getvalue()


def encode_sampled(image: np.ndarray, sampling: str, *, progressive: bool, path: Path) -> bytes:
    """Encode with a cell that Pillow may not know; jpeglib does."""
    height, width = SAMPLINGS[sampling]
    source = jpeglib.from_spatial(image)
    source.samp_factor = np.array([[height, width], [1, 1], [1, 1]])
    source.progressive_mode = progressive
    source.write_spatial(str(path), qt=92)
    return path.read_bytes()


def decode(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def coefficients(data: bytes, path: Path) -> tuple[list[np.ndarray], jpeglib.DCTJPEG]:
    path.write_bytes(data)
    read = jpeglib.read_dct(str(path))
    read.load()
    return [plane.copy() for plane in (read.Y, read.Cb, read.Cr) if plane is not None], read


def touched(mask: np.ndarray, cell: tuple[int, int], blocks: tuple[int, ...]) -> np.ndarray:
    """Which of a component's blocks lie over masked pixels, one by one."""
    height, width = 8 * cell[0], 8 * cell[1]
    return np.array(
        [
            [mask[r * height : (r + 1) * height, c * width : (c + 1) * width].any() for c in range(blocks[1])]
            for r in range(blocks[0])
        ]
    )


def disc(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (y - height * 0.6) ** 2 + (x - width * 0.55) ** 2 < (0.28 * min(height, width)) ** 2 + 0.7


def quantization(data: bytes) -> dict[int, list[int]]:
    return Image.open(io.BytesIO(data)).quantization  # pyright: ignore[reportAttributeAccessIssue]


def assert_same_coding(before: bytes, after: bytes) -> None:
    old, new = read_header(before), read_header(after)
    assert (new.width, new.height, new.precision) == (old.width, old.height, old.precision)
    assert new.components == old.components
    assert (new.progressive, new.colour, new.complete) == (old.progressive, old.colour, True)
    assert quantization(after) == quantization(before)


def assert_only_touched_change(before: bytes, after: bytes, mask: np.ndarray, folder: Path) -> None:
    header = read_header(before)
    old, _ = coefficients(before, folder / "old.jpg")
    new, info = coefficients(after, folder / "new.jpg")
    assert bool(info.progressive_mode) == header.progressive
    for component, was, now in zip(header.components, old, new, strict=True):
        changeable = touched(mask, component.cell, was.shape)
        assert was.shape == now.shape
        np.testing.assert_array_equal(now[~changeable], was[~changeable])


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.usefixtures("planes")
def test_untouched_blocks_are_identical(sampling: str, progressive: bool, size: tuple[int, int], tmp_path: Path):
    height, width = size
    before = encode_sampled(scene(height, width), sampling, progressive=progressive, path=tmp_path / "made.jpg")
    assert read_header(before).progressive == progressive
    mask = disc(height, width)
    y, x = np.mgrid[:height, :width]
    fill = np.stack([90 + x, 140 - y, 80 + y], axis=-1).astype(np.uint8)
    after = patch_blocks(before, [StoredPatch(0, 0, fill, mask)])

    assert_same_coding(before, after)
    assert_only_touched_change(before, after, mask, tmp_path)
    was, now = decode(before), decode(after)
    # Decoders smooth chroma over one sample on each side.
    cell = SAMPLINGS[sampling]
    reach = np.zeros_like(mask)
    for row, column in np.argwhere(touched(mask, cell, (-(-height // (8 * cell[0])), -(-width // (8 * cell[1]))))):
        top, left = row * 8 * cell[0], column * 8 * cell[1]
        bottom, right = top + 9 * cell[0], left + 9 * cell[1]
        reach[max(top - cell[0], 0) : bottom, max(left - cell[1], 0) : right] = True
    np.testing.assert_array_equal(now[~reach], was[~reach])
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs((now - fill)[mask] @ luma).mean() < 3.5
    known = reach & ~mask
    if known.any():
        assert np.abs((now - was)[known] @ luma).mean() < 1.5
        assert np.abs((now - was)[known] @ luma).max() < 12


@pytest.mark.parametrize(
    "options",
    [
        {"optimize": True},
        {"restart_marker_blocks": 2},
        {"restart_marker_rows": 1, "progressive": True, "subsampling": 2},
        {"qtables": [list(range(1, 65)), list(range(2, 66)), list(range(40, 104))]},
        {"qtables": [[300 + k for k in range(64)], [3] * 64]},
        {"qtables": [[1] * 64, [1] * 64], "subsampling": 2},
        {"quality": 5, "subsampling": 1},
    ],
    ids=["optimised", "restarts", "restarts-progressive", "three-tables", "16-bit-tables", "finest", "coarsest"],
)
@pytest.mark.usefixtures("planes")
def test_other_codings(options: dict, tmp_path: Path):
    before = encode(scene(45, 70), **options)
    mask = disc(45, 70)
    fill = np.random.default_rng(1).integers(0, 256, (45, 70, 3)).astype(np.uint8)
    after = patch_blocks(before, [StoredPatch(0, 0, fill, mask)])
    assert_same_coding(before, after)
    assert_only_touched_change(before, after, mask, tmp_path)
    assert (decode(after) != decode(before)).any()


@pytest.mark.usefixtures("planes")
def test_grey(tmp_path: Path):
    image = scene(30, 41)[..., 0]
    before = encode(image)
    mask = disc(30, 41)
    fill = np.full((30, 41), 77, np.uint8)
    after = patch_blocks(before, [StoredPatch(0, 0, fill, mask)])
    assert_same_coding(before, after)
    assert_only_touched_change(before, after, mask, tmp_path)
    assert np.abs(decode(after)[mask] - 77).mean() < 3
    same = patch_blocks(before, [StoredPatch(0, 0, np.stack([fill] * 3, axis=-1), mask)])
    assert same == after


def test_grey_that_declares_sampling_factors_keeps_them(tmp_path: Path):
    made = bytearray(encode(scene(30, 41)[..., 0]))
    frame = next(s for s in segments(bytes(made)) if s.marker == 0xC0)
    made[frame.payload + 7] = 0x22
    before = bytes(made)
    after = patch_blocks(before, [StoredPatch(8, 8, np.zeros((3, 3), np.uint8), np.ones((3, 3), bool))])
    frame = next(s for s in segments(after) if s.marker == 0xC0)
    assert after[frame.payload + 7] == 0x22
    mask = np.zeros((30, 41), bool)
    mask[8:11, 8:11] = True
    assert_only_touched_change(before, after, mask, tmp_path)


@pytest.mark.usefixtures("planes")
def test_component_numbers_stay(tmp_path: Path):
    made = bytearray(encode(scene(20, 20), subsampling=2))
    for segment in segments(bytes(made)):
        first = {0xC0: segment.payload + 6, 0xDA: segment.payload + 1}.get(segment.marker)
        step = 3 if segment.marker == 0xC0 else 2
        if first:
            made[first : first + 3 * step : step] = bytes([7, 0, 200])
    after = patch_blocks(bytes(made), [StoredPatch(0, 0, *blot(4, 4))])
    assert [c.id for c in read_header(after).components] == [7, 0, 200]
    assert_same_coding(bytes(made), after)


@pytest.mark.usefixtures("planes")
def test_scans_of_one_component_each(tmp_path: Path):
    planes = np.moveaxis(np.asarray(Image.fromarray(scene(26, 35)).convert("YCbCr")), 2, 0)
    parts = [encode(plane) for plane in planes]
    found = {s.marker: parts[0][s.start : s.end] for s in segments(parts[0])}
    frame = bytes.fromhex("ffc00011080000000003011100021100031100")
    frame = frame[:5] + found[0xC0][5:9] + frame[9:]
    before = b"\xff\xd8" + found[0xDB] + frame
    before += b"".join(parts[0][s.start : s.end] for s in segments(parts[0]) if s.marker == 0xC4)
    for number, part in enumerate(parts, 1):
        scan = next(s for s in segments(part) if s.marker == 0xDA)
        before += b"\xff\xda\x00\x08\x01" + bytes([number]) + part[scan.payload + 2 : scan.end]
    before += b"\xff\xd9"
    np.testing.assert_array_equal(decode(before).shape, (26, 35, 3))
    mask = disc(26, 35)
    after = patch_blocks(before, [StoredPatch(0, 0, np.zeros((26, 35, 3), np.uint8), mask)])
    assert_same_coding(before, after)
    assert_only_touched_change(before, after, mask, tmp_path)
    assert decode(after)[mask].mean() < 6


def blot(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full((height, width, 3), 200, np.uint8), np.ones((height, width), bool)


@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
def test_an_empty_mask_leaves_every_coefficient(progressive: bool, tmp_path: Path):
    before = encode(scene(50, 61), progressive=progressive, subsampling=2)
    nothing = np.zeros((50, 61), bool)
    for patches in ([], [StoredPatch(0, 0, np.zeros((50, 61, 3), np.uint8), nothing)]):
        after = patch_blocks(before, patches)
        assert_only_touched_change(before, after, nothing, tmp_path)
        np.testing.assert_array_equal(decode(after), decode(before))


def test_several_patches_and_floats(tmp_path: Path):
    before = encode(scene(60, 80), subsampling=2, quality=95)
    colours, mask = blot(9, 13)
    patches = [StoredPatch(1, 2, colours, mask), StoredPatch(67, 51, colours, mask), StoredPatch(10, 4, colours, mask)]
    after = patch_blocks(before, patches)
    whole = np.zeros((60, 80), bool)
    for patch in patches:
        whole[patch.y : patch.y + 9, patch.x : patch.x + 13] = True
    assert_only_touched_change(before, after, whole, tmp_path)
    assert np.abs(decode(after)[whole] - 200).mean() < 8
    floats = [StoredPatch(p.x, p.y, (p.colours / 255).astype(np.float32), p.mask) for p in patches]
    difference = np.abs(decode(patch_blocks(before, floats)) - decode(after))
    assert difference.max() <= 2


def test_colours_are_those_of_the_fill(tmp_path: Path):
    fill = np.random.default_rng(3).integers(0, 256, (3, 3, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    before = encode(scene(24, 24), qtables=[[1] * 64] * 2)
    after = patch_blocks(before, [StoredPatch(0, 0, fill, np.ones((24, 24), bool))])
    assert np.abs(decode(after) - fill).max() <= 2


def test_a_chroma_sample_is_the_mean_of_new_and_old(tmp_path: Path):
    before = encode(np.full((17, 17, 3), (200, 60, 30), np.uint8), qtables=[[1] * 64] * 2, subsampling=2)
    mask = np.zeros((17, 17), bool)
    mask[:, ::2] = True
    fill = np.full((17, 17, 3), (20, 90, 220), np.uint8)
    (_, old, _), _ = coefficients(before, tmp_path / "old.jpg")
    (_, new, _), _ = coefficients(patch_blocks(before, [StoredPatch(0, 0, fill, mask)]), tmp_path / "n.jpg")
    was = old[0, 0, 0, 0] / 8
    wanted = (220 - (0.299 * 20 + 0.587 * 90 + 0.114 * 220)) / 1.772
    assert abs(new[0, 0, 0, 0] / 8 - (was + wanted) / 2) < 0.1
    # The last cell holds but one column of the picture, which is masked; its padding follows.
    assert abs(new[0, 1, 0, 0] / 8 - wanted) < 0.1
    assert not new.reshape(-1, 64)[:, 1:].any()


def test_padding_beyond_the_border_does_not_ring(tmp_path: Path):
    before = encode(np.full((9, 9, 3), 128, np.uint8), quality=50)
    mask = np.zeros((9, 9), bool)
    mask[:, 8] = True
    after = patch_blocks(before, [StoredPatch(0, 0, np.zeros((9, 9, 3), np.uint8), mask)])
    (luma, *_), _ = coefficients(after, tmp_path / "new.jpg")
    assert (luma[:, 1, 0, 0] < -50).all()
    assert not luma[:, 1].reshape(-1, 64)[:, 1:].any()


@pytest.mark.parametrize("quality", [75, 90, 97])
def test_roundings_are_chosen_for_the_known_pixels(quality: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = encode(scene(96, 96), quality=quality)
    mask = disc(96, 96)
    patch = StoredPatch(0, 0, np.full((96, 96, 3), 120, np.uint8), mask)

    def errors() -> tuple[float, float]:
        now = decode(patch_blocks(before, [patch]))
        return np.square(now - decode(before))[~mask].mean(), np.square(now - 120)[mask].mean()

    chosen, fill = errors()
    monkeypatch.setattr(jpeg, "_SWEEPS", 0)
    plain, plain_fill = errors()
    assert chosen < 0.6 * plain
    assert fill < 2 * plain_fill


def test_metadata_and_previews_do_not_come_along(tmp_path: Path):
    made = encode(scene(20, 30), comment=b"secret remark", exif=b"Exif\0\0secret camera")
    thumbnail = b"\xff\xe0" + (16 + 3 * 4).to_bytes(2, "big") + made[6:18] + b"\x02\x02" + b"thumb" * 2 + b"zz"
    app1 = b"".join(b"\xff\xe1\x00\x0asecret" + bytes([65 + k % 26, 0]) for k in range(80))
    before = b"\xff\xd8" + thumbnail + app1 + made[20:] + b"secret trailer"
    after = patch_blocks(before, [StoredPatch(3, 3, *blot(5, 5))])
    assert b"secret" not in after
    assert b"thumb" not in after
    assert not [s.marker for s in segments(after) if s.is_metadata]
    mask = np.zeros((20, 30), bool)
    mask[3:8, 3:8] = True
    assert_only_touched_change(made, after, mask, tmp_path)


def test_threads_do_not_disturb_each_other_and_the_library_stays_as_it_was():
    before = jpeglib.version.get()
    photos = [encode(scene(90, 90 + number), progressive=number % 2 == 1) for number in range(6)]
    patch = StoredPatch(20, 20, *blot(30, 30))
    alone = [patch_blocks(photo, [patch]) for photo in photos]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda photo: patch_blocks(photo, [patch]), photos))
    assert together == alone
    assert jpeglib.version.get() == before


@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
def test_a_file_cut_short_is_refused_wherever_it_is_cut(progressive: bool):
    data = encode(scene(40, 40), progressive=progressive)
    for length in [*range(0, len(data) - 1, 37), len(data) - 1]:
        with pytest.raises(InputError, match="whole copy"):
            patch_blocks(read_header(data[:length]), [])


def test_damaged_files_never_end_the_process(tmp_path: Path):
    # jpeglib crashes on headers that libjpeg refuses; a crash here must not take the other tests along.
    script = """
        import random, sys
        from pathlib import Path
        from inpainter.core import InputError
        from inpainter.photos.jpeg import patch_blocks
        whole, rng, refused = Path(sys.argv[1]).read_bytes(), random.Random(5), 0
        scan = whole.index(b"\\xff\\xda")
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(2, scan + 14)] = rng.randrange(256)
            try:
                patch_blocks(bytes(data), [])
            except (InputError, ValueError):
                refused += 1
        print("refused", refused)
    """
    (tmp_path / "whole.jpg").write_bytes(encode(scene(24, 24), subsampling=2))
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "whole.jpg")]
    child = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"TMPDIR": str(tmp_path / "tmp")}, check=False
    )
    assert child.returncode == 0, child.stderr[-2000:]
    assert int(child.stdout.split()[-1]) > 40
    assert child.stderr == ""


def test_what_is_no_jpeg_is_refused():
    for data in (b"", b"\xff", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\xff\xd8" + bytes(50), b"\xff\xd8\xff\xd9"):
        with pytest.raises(InputError, match="JPEG"):
            read_header(data)


def with_frame(data: bytes, **changes: int) -> Jpeg:
    """Read the header of `data` with bytes of its frame changed."""
    made = bytearray(data)
    frame = next(s for s in segments(data) if 0xC0 <= s.marker <= 0xC2)
    where = {
        "marker": frame.start + 1,
        "precision": frame.payload,
        "high": frame.payload + 1,
        "wide": frame.payload + 3,
    }
    for name, value in changes.items():
        made[where[name] if name in where else frame.payload + int(name[1:])] = value
    return read_header(bytes(made))


def test_what_can_be_carried_over():
    colour, grey = encode(scene(16, 16), subsampling=2), encode(scene(16, 16)[..., 0])
    assert can_carry(read_header(colour)) is None
    assert can_carry(read_header(grey)) is None
    cmyk = io.BytesIO()
    Image.new("CMYK", (16, 16)).save(cmyk, "JPEG")
    reasons = {
        "CMYK": read_header(cmyk.getvalue()),
        "RGB": read_header(encode(scene(16, 16), keep_rgb=True)),
        "arithmetic": with_frame(colour, marker=0xC9),
        "lossless": with_frame(colour, marker=0xC3),
        "hierarchical": with_frame(colour, marker=0xC5),
        "12 bits": with_frame(colour, marker=0xC1, precision=12),
        "150 megapixels": with_frame(colour, high=60, wide=40),
        "fractional": with_frame(colour, _7=0x32, _10=0x21),
        "too many blocks": with_frame(colour, _7=0x44),
    }
    for reason, header in reasons.items():
        assert reason in (can_carry(header) or "")


def test_a_file_that_cannot_be_carried_is_no_input_error():
    with pytest.raises(CarryError, match="colours are RGB") as caught:
        patch_blocks(encode(scene(16, 16), keep_rgb=True), [])
    assert not isinstance(caught.value, InputError)


def test_odd_quantisation_is_not_carried():
    plain = encode(scene(16, 16), progressive=True)
    tables = [plain[s.start : s.end] for s in segments(plain) if s.marker == 0xDB]
    scans = [s.start for s in segments(plain) if s.marker == 0xDA]
    again = plain[: scans[1]] + tables[0] + plain[scans[1] :]
    assert can_carry(read_header(again)) is None
    other = plain[: scans[1]] + tables[0][:9] + b"\7" + tables[0][10:] + plain[scans[1] :]
    assert "changes between scans" in (can_carry(read_header(other)) or "")
    with pytest.raises(CarryError, match="by 0"):
        patch_blocks(plain.replace(tables[0], tables[0][:9] + b"\0" + tables[0][10:]), [])


def test_header():
    data = encode(scene(20, 33), subsampling=1, restart_marker_blocks=3, progressive=True)
    header = read_header(data)
    assert (header.width, header.height, header.precision) == (33, 20, 8)
    assert [(c.id, c.h, c.v) for c in header.components] == [(1, 2, 1), (2, 1, 1), (3, 1, 1)]
    assert header.progressive
    assert header.complete
    assert header.jfif
    assert header.colour == "YCbCr"
    assert not read_header(data[:-2]).complete
    assert read_header(data + b"more").complete
    bare = data[:2] + data[20:]  # without JFIF
    assert read_header(bare).colour == "YCbCr"
    adobe = b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0"
    assert read_header(bare[:2] + adobe + b"\0" + bare[2:]).colour == "RGB"
    assert read_header(bare[:2] + adobe + b"\1" + bare[2:]).colour == "YCbCr"


def test_made_to_measure_codes_are_told_from_general_ones():
    assert read_header(encode(scene(64, 64))).general_huffman
    assert not read_header(encode(scene(64, 64), optimize=True)).general_huffman


def test_no_copy_of_the_photo_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also when libjpeg fails in the middle: the copy would show what was to be removed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    photo = encode(scene(64, 64))
    patch_blocks(photo, [])
    assert not list(tmp_path.iterdir())
    # What is read: a table of ones.
    read = Mock(side_effect=lambda *pointers: bool(ctypes.memset(pointers[5], 1, 512)))
    library = Mock(read_jpeg_dct=read, write_jpeg_dct=Mock(return_value=0))
    monkeypatch.setattr(jpeg_library, "_library", Mock(return_value=library))
    with pytest.raises(InputError, match="no room"):
        patch_blocks(photo, [])
    library.read_jpeg_dct = Mock(return_value=0)
    with pytest.raises(InputError, match="damaged"):
        patch_blocks(photo, [])
    monkeypatch.setattr(Path, "write_bytes", Mock(side_effect=OSError(28, "no space")))
    with pytest.raises(InputError, match="no room"):
        patch_blocks(photo, [])
    assert not list(tmp_path.iterdir())
