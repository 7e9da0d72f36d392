"""The settings found in a file's header encode it anew with the quantiser that it came with."""

import contextlib
import io
import os
import pathlib
from typing import Any

import numpy as np
import PIL.Image
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inpainter.core import InputError
from inpainter.photos.av1 import av1_quantiser
from inpainter.photos.isobmff import primary_av1_item
from inpainter.photos.quality import AVIF_QUANTISERS, avif_settings, is_sequence, webp_settings
from inpainter.photos.vp8 import vp8_quantiser

Samples = NDArray[Any]
DATA = pathlib.Path(os.environ.get("INPAINTER_DATA") or pathlib.Path(__file__).parents[2] / ".." / "shared" / "data")


def scene(height: int = 96, width: int = 130, seed: int = 0) -> Samples:
    """A picture with smooth, sharp and noisy parts, so that an encoder finds segments that differ."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    colours = np.stack([rows, columns, (np.hypot(rows - 0.4, columns - 0.5) < 0.25) * 0.8], axis=-1)
    colours[:, width // 2 :] += random.normal(0, 0.15, (height, width - width // 2, 3))
    return (np.clip(colours, 0, 1) * 255).astype(np.uint8)


def with_alpha(colours: Samples, seed: int = 1) -> Samples:
    alpha = np.random.default_rng(seed).integers(0, 256, colours.shape[:2], dtype=np.uint8)
    alpha[: len(alpha) // 2] = 0
    return np.dstack([colours, alpha])


def vips(samples: Samples) -> pyvips.Image:
    image = pyvips.Image.new_from_array(np.ascontiguousarray(samples))
    return image.copy(interpretation="rgb16" if samples.dtype == np.uint16 else "srgb")


def loaded(data: bytes) -> Samples:
    return pyvips.Image.new_from_buffer(data, "").numpy()


def pillow(samples: Samples, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(samples).save(file, kind, **options)
    return file.getvalue()


# --- WebP


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("alpha", [False, True])
def test_lossy_webp_quality_comes_back(seed: int, alpha: bool) -> None:
    samples = with_alpha(scene(seed=seed)) if alpha else scene(seed=seed)
    for quality in [*range(0, 100, 9), 93, 96, 98, 100]:
        found = webp_settings(pillow(samples, "WEBP", quality=quality))
        # A blank half beside noise makes libwebp limit a segment; what that does may cost bytes, but no quality.
        assert -1 <= found["Q"] - quality <= 3, (quality, found)


def test_lossy_webp_quality_of_photographs() -> None:
    photos = sorted((DATA / "removal" / "images").glob("*.png"))
    if not photos:
        pytest.skip("the shared photographs are absent: set INPAINTER_DATA to the folder that has removal/images")
    for photo in photos:
        samples = np.asarray(PIL.Image.open(photo).convert("RGB").resize((320, 240)))
        for quality in (5, 35, 60, 75, 80, 90, 97):
            found = webp_settings(pillow(samples, "WEBP", quality=quality, method=2))
            assert abs(found["Q"] - quality) <= 1, (photo.name, quality, found)


def test_lossy_webp_of_other_methods_and_presets() -> None:
    for options in (
        {"effort": 0},
        {"effort": 6},
        {"preset": "drawing"},
        {"preset": "photo"},
        {"smart_subsample": True},
        {"passes": 4},
    ):
        found = webp_settings(vips(scene()).webpsave_buffer(Q=64, **options))
        assert -1 <= found["Q"] - 64 <= 3, (options, found)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (17, 16)])
def test_small_and_flat_webp(shape: tuple[int, int]) -> None:
    for quality in (10, 50, 90):
        found = webp_settings(pillow(np.full((*shape, 3), 120, np.uint8), "WEBP", quality=quality))
        assert abs(found["Q"] - quality) <= 1, (quality, found)


def test_alpha_of_lossy_webp_is_kept_bit_for_bit() -> None:
    source = vips(with_alpha(scene())).webpsave_buffer(Q=40)
    before = loaded(source)
    after = loaded(pyvips.Image.new_from_buffer(source, "").webpsave_buffer(**webp_settings(source)))
    assert (after[..., 3] == before[..., 3]).all()
    # Colours under full transparency are coded too, not replaced.
    error = after[..., :3].astype(int) - before[..., :3]
    assert np.abs(error[before[..., 3] == 0]).mean() < 8


@pytest.mark.parametrize("alpha", [False, True])
def test_lossless_webp_is_kept_bit_for_bit(alpha: bool) -> None:
    samples = with_alpha(scene()) if alpha else scene()
    source = pillow(samples, "WEBP", lossless=True, exact=True, icc_profile=b"odd" * 5)
    found = webp_settings(source)
    assert found == {"lossless": True, "exact": True}
    assert (loaded(vips(loaded(source)).webpsave_buffer(**found)) == samples).all()


def test_first_frame_of_an_animated_webp() -> None:
    frames = [PIL.Image.fromarray(scene(seed=seed)) for seed in (0, 1)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], quality=70)
    assert is_sequence(file.getvalue()[:64])
    assert abs(webp_settings(file.getvalue())["Q"] - 70) <= 2
    assert not is_sequence(pillow(with_alpha(scene()), "WEBP", quality=70)[:64])


class BoolEncoder:
    """RFC 6386, section 7.3, kept as an exact fraction: the decoder's opposite, with no carries to get wrong."""

    def __init__(self) -> None:
        self.bottom, self.range, self.shift = 0, 255, 0

    def bool(self, value: int, probability: int = 128) -> None:
        split = 1 + (((self.range - 1) * probability) >> 8)
        if value:
            self.bottom, self.range = self.bottom + split, self.range - split
        else:
            self.range = split
        while self.range < 128:
            self.bottom, self.range, self.shift = self.bottom << 1, self.range << 1, self.shift + 1

    def literal(self, value: int, bits: int) -> None:
        for i in reversed(range(bits)):
            self.bool(value >> i & 1)

    def optional(self, value: int | None, bits: int) -> None:
        self.bool(value is not None)
        if value is not None:
            self.literal(abs(value), bits)
            self.bool(value < 0)

    def bytes(self) -> bytes:
        # The first bool splits the highest 8 bits; the rest is padded to whole bytes.
        bits = self.shift + 8
        padded = -bits % 8
        return (self.bottom << padded).to_bytes((bits + padded) // 8, "big") + bytes(4)


@given(
    st.integers(0, 127),
    st.lists(st.none() | st.integers(-127, 127), min_size=4, max_size=4),
    st.lists(st.none() | st.integers(0, 255), min_size=3, max_size=3) | st.none(),
    st.sampled_from(["none", "delta", "absolute", "kept"]),
    st.lists(st.none() | st.integers(-63, 63), min_size=8, max_size=8) | st.none(),
)
def test_vp8_headers(
    base: int,
    updates: list[int | None],
    tree: list[int | None] | None,
    segments: str,
    filters: list[int | None] | None,
) -> None:
    bits = BoolEncoder()
    bits.literal(0, 2)
    bits.bool(segments != "none")
    if segments != "none":
        bits.bool(tree is not None)
        bits.bool(segments != "kept")
        if segments != "kept":
            bits.bool(segments == "absolute")
            for update in updates:
                bits.optional(update, 7)
            for update in (None, 5, -5, None):
                bits.optional(update, 6)
        for probability in tree or []:
            bits.bool(probability is not None)
            if probability is not None:
                bits.literal(probability, 8)
    bits.literal(0b1_101010_011, 10)
    bits.bool(filters is not None)
    if filters is not None:
        bits.bool(1)
        for value in filters:
            bits.optional(value, 6)
    bits.literal(1, 2)
    bits.literal(base, 7)
    found = vp8_quantiser(b"\x10\0\0\x9d\x01\x2a\x10\0\x10\0" + bits.bytes())

    values = [update or 0 for update in updates] if segments in ("delta", "absolute") else [0] * 4
    wanted = [value if segments == "absolute" else base + value for value in values]
    assert found.indices == tuple(np.clip(wanted, 0, 127) if segments != "none" else [base])
    assert sum(found.shares) == pytest.approx(1)
    if tree is not None and segments != "none":
        first, _, high = (255 if probability is None else probability for probability in tree)
        assert found.shares[2] == pytest.approx((1 - first / 255) * high / 255)


# --- AVIF


@pytest.mark.parametrize("depth", [8, 12])
def test_the_table_is_what_pyvips_writes(depth: int) -> None:
    samples = scene(24, 40) if depth == 8 else scene(24, 40).astype(np.uint16) << 8
    for quality in range(1, 101):
        data = vips(samples).heifsave_buffer(compression="av1", Q=quality, bitdepth=depth, effort=0)
        item = primary_av1_item(data)
        assert av1_quantiser(item.units).base_q_idx == AVIF_QUANTISERS[quality - 1], quality
        assert item.bit_depth == depth
        assert item.subsampling == ("4:4:4" if quality >= 90 else "4:2:0")


@pytest.mark.parametrize("subsampling", ["4:0:0", "4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("quality", [30, 75, 96])
def test_lossy_avif_comes_back_with_its_quantiser(subsampling: str, quality: int) -> None:
    source = pillow(scene(), "AVIF", quality=quality, subsampling=subsampling, speed=9)
    before = primary_av1_item(source)
    assert before.subsampling == subsampling
    again = vips(loaded(source)).heifsave_buffer(**avif_settings(source), effort=0)
    after = primary_av1_item(again)
    assert av1_quantiser(after.units) == av1_quantiser(before.units)
    assert after.subsampling == {"4:0:0": "4:2:0", "4:2:2": "4:4:4"}.get(subsampling, subsampling)


def test_tiles_and_tunings_of_another_writer() -> None:
    plain = pillow(scene(400, 600), "AVIF", quality=60, speed=10, advanced={"tune": "ssim"})
    tiled = pillow(scene(400, 600), "AVIF", quality=60, speed=10, advanced={"tune": "ssim"}, tile_rows=2, tile_cols=3)
    # libavif's own map (100 to 0 onto 0 to 63) and libaom's (0 to 63 onto 0 to 255, in steps of 4 at first).
    level = ((100 - 60) * 63 + 50) // 100
    for data in (plain, tiled):
        assert av1_quantiser(primary_av1_item(data).units).base_q_idx == 4 * level


def test_a_picture_wider_than_a_tile() -> None:
    data = pillow(np.full((16, 9001, 3), 90, np.uint8), "AVIF", quality=60, speed=10, advanced={"tune": "ssim"})
    assert av1_quantiser(primary_av1_item(data).units).base_q_idx == 100


def test_first_frame_of_an_animated_avif() -> None:
    """Its headers are of the long kind, not those of a still picture."""
    frames = [PIL.Image.fromarray(scene(seed=seed)) for seed in (0, 1)]
    found = []
    for quality in (10, 40, 70, 95):
        file = io.BytesIO()
        frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:], quality=quality, speed=10)
        assert is_sequence(file.getvalue()[:64])
        found.append(avif_settings(file.getvalue())["Q"])
    assert found == sorted(set(found))
    assert not is_sequence(pillow(scene(), "AVIF", speed=10)[:64])


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("bands", [3, 4])
def test_lossless_avif_is_kept_bit_for_bit(depth: int, bands: int) -> None:
    random = np.random.default_rng(depth)
    samples = random.integers(0, 1 << depth, (31, 45, bands)).astype(np.uint8 if depth == 8 else np.uint16)
    if depth > 8:
        samples <<= 16 - depth
    source = vips(samples).heifsave_buffer(compression="av1", lossless=True, bitdepth=depth)
    found = avif_settings(source)
    assert found == {"compression": "av1", "bitdepth": depth, "lossless": True}
    assert (loaded(source) == samples).all()
    assert (loaded(vips(loaded(source)).heifsave_buffer(**found)) == samples).all()


def test_alpha_of_lossy_avif_is_kept_bit_for_bit_when_ask() -> None:
    source = pillow(with_alpha(scene()), "AVIF", quality=50, speed=9)
    before = vips(loaded(source))
    kept = loaded(before.heifsave_buffer(**avif_settings(source, alpha=True), effort=0))
    assert (kept == before.numpy()).all()
    # The reason for it: should this ever fail, lossy files can keep their size.
    lossy = loaded(before.heifsave_buffer(**avif_settings(source), effort=0))
    assert (lossy[..., 3] != before.numpy()[..., 3]).any()


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def full_box(kind: bytes, version: int, *parts: bytes) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def u16(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def grid_of_two(tile: bytes, configuration: bytes, side: int) -> bytes:
    """An AVIF file of two equal tiles side by side: item 1 is the grid, in `idat`; items 2 and 3 are its tiles."""
    entries = [full_box(b"infe", 2, u16(i, 0), b"av01" if i > 1 else b"grid", b"\0") for i in (1, 2, 3)]
    sizes = [full_box(b"ispe", 0, w.to_bytes(4, "big"), side.to_bytes(4, "big")) for w in (2 * side, side)]
    channels = full_box(b"pixi", 0, b"\3\x08\x08\x08")
    owned = b"".join(u16(i) + bytes([len(own), *own]) for i, own in ((1, [1, 3]), (2, [2, 3, 0x84]), (3, [2, 3, 0x84])))
    layout = b"\0\0\0\1" + u16(2 * side, side)
    head = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")

    def meta(start: int) -> bytes:
        places = [u16(1, 1, 0, 1), (0).to_bytes(4, "big"), len(layout).to_bytes(4, "big")]
        for i in (2, 3):
            places += [u16(i, 0, 0, 1), start.to_bytes(4, "big"), len(tile).to_bytes(4, "big")]
        return full_box(
            b"meta",
            0,
            full_box(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", 0, u16(1)),
            full_box(b"iloc", 1, b"\x44\0", u16(3), *places),
            full_box(b"iinf", 0, u16(3), *entries),
            full_box(b"iref", 0, box(b"dimg", u16(1, 2, 2, 3))),
            box(
                b"iprp",
                box(b"ipco", *sizes, channels, box(b"av1C", configuration)),
                full_box(b"ipma", 0, u16(0, 3), owned),
            ),
            box(b"idat", layout),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", tile)


def test_a_picture_made_of_tiles_is_read_by_its_first() -> None:
    source = vips(scene(64, 64)).heifsave_buffer(compression="av1", Q=71, subsample_mode="off", effort=0)
    at = source.index(b"av1C")
    configuration = source[at + 4 : at - 4 + int.from_bytes(source[at - 4 : at], "big")]
    tile = primary_av1_item(source).units[len(configuration) - 4 :]
    grid = grid_of_two(tile, configuration, 64)
    # libheif agrees that this is a picture, and which.
    assert (loaded(grid)[:, 64:] == loaded(source)).all()
    assert avif_settings(grid) == avif_settings(source)


class BitWriter:
    def __init__(self) -> None:
        self.bits = ""

    def f(self, value: int, count: int) -> None:
        self.bits += f"{value:0{count}b}" if count else ""

    def bytes(self) -> bytes:
        padded = self.bits + "0" * (-len(self.bits) % 8)
        return int(padded or "0", 2).to_bytes(len(padded) // 8, "big")


def unit(kind: int, payload: bytes) -> bytes:
    assert len(payload) < 128
    return bytes([kind << 3 | 2, len(payload)]) + payload


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_av1_headers(data: st.DataObject) -> None:
    """Headers written field by field as sections 5.5 and 5.9 of the specification list them, with what no encoder at
    hand writes: timing and decoder models, frame ids, superresolution, uneven tiles, separate chroma deltas."""

    def some(most: int) -> int:
        return data.draw(st.integers(0, most))

    sequence, frame = BitWriter(), BitWriter()
    # sequence_header_obu: profile 0, not still, not reduced
    sequence.f(0, 5)
    timing, model, equal, delay = some(1), some(1), some(1), some(1)
    sequence.f(timing, 1)
    if timing:
        sequence.f(1 << 32 | 25, 64)
        sequence.f(equal, 1)
        if equal:
            sequence.f(0b00101, 5)  # uvlc
        sequence.f(model, 1)
        if model:
            sequence.f(9, 5)
            sequence.f(25, 32)
            sequence.f(11, 5)
            sequence.f(6, 5)
    model = timing and model
    sequence.f(delay, 1)
    points = [(0, 5, some(1)), (0x103, 9, some(1)), (0x202, 8, some(1))]
    sequence.f(len(points) - 1, 5)
    for idc, level, modelled in points:
        sequence.f(idc, 12)
        sequence.f(level, 5)
        if level > 7:
            sequence.f(1, 1)
        if model:
            sequence.f(modelled, 1)
            if modelled:
                sequence.f(some((1 << 21) - 1), 21)
        if delay:
            sequence.f(1, 1)
            sequence.f(3, 4)
    width, height = 700, 300
    sequence.f(9, 4)
    sequence.f(8, 4)
    sequence.f(width - 1, 10)
    sequence.f(height - 1, 9)
    ids, large, order, screen, superres = some(1), some(1), some(1), some(2), some(1)
    sequence.f(ids, 1)
    if ids:
        sequence.f(4, 4)  # 6 bits of difference
        sequence.f(2, 3)  # 9 bits of id
    sequence.f(large, 1)
    sequence.f(0b11_1010, 6)
    sequence.f(order, 1)
    if order:
        sequence.f(1, 2)
    sequence.f(int(screen == 2), 1)
    if screen != 2:
        sequence.f(screen, 1)
    if screen:
        sequence.f(1, 1)
    if order:
        sequence.f(6, 3)  # 7 bits
    sequence.f(superres, 1)
    sequence.f(0b11, 2)
    apart = some(1)
    sequence.f(0, 1)  # high_bitdepth
    sequence.f(0, 1)  # mono_chrome
    sequence.f(1, 1)
    sequence.f(1 << 16 | 13 << 8 | 6, 24)
    sequence.f(1, 1)
    sequence.f(2, 2)
    sequence.f(apart, 1)
    sequence.f(0, 1)

    # uncompressed_header: a key frame
    shown, override, cdf, tools = some(1), some(1), some(1), some(1)
    frame.f(0, 3)
    frame.f(shown, 1)
    if shown and model and not equal:
        frame.f(some(127), 7)
    if not shown:
        frame.f(0b11, 2)  # showable_frame, error_resilient_mode
    frame.f(cdf, 1)
    if screen == 2:
        frame.f(tools, 1)
    tools = tools if screen == 2 else screen
    if tools:
        frame.f(1, 1)
    if ids:
        frame.f(some(511), 9)
    frame.f(override, 1)
    if order:
        frame.f(some(127), 7)
    if model:
        frame.f(1, 1)
        for idc, _, modelled in points:
            if modelled and (idc == 0 or (idc & 1 and idc >> 8 & 1)):
                frame.f(some(4095), 12)
    if not shown:
        frame.f(0x0F, 8)
        if order:
            frame.f(some((1 << 56) - 1), 56)
    if override:
        # Sizes at which one sample more or less needs another superblock, scaled or not.
        width = data.draw(st.sampled_from([1, 64, 65, 128, 129, 135, 144, 145, 383, 385, 640, 641]))
        height = 1 + some(299)
        frame.f(width - 1, 10)
        frame.f(height - 1, 9)
    scaled = superres and some(1)
    if superres:
        frame.f(scaled, 1)
    if scaled:
        denominator = 9 + some(7)
        frame.f(denominator - 9, 3)
        width = (width * 8 + denominator // 2) // denominator
    frame.f(1, 1)
    frame.f(some((1 << 32) - 1), 32)
    if tools and not scaled:
        frame.f(0, 1)
    if not cdf:
        frame.f(1, 1)
    side = 128 if large else 64
    columns, rows = -(-width // side), -(-height // side)
    even = some(1)
    frame.f(even, 1)
    logs = []
    for blocks in (columns, rows):
        if even:
            most = int(np.ceil(np.log2(blocks)))
            log = some(most)
            frame.f((1 << log) - 1, log)
            if log < most:
                frame.f(0, 1)
        else:
            count, left = 0, blocks
            while left:
                size = 1 + some(left - 1)
                # ns(left), section 4.10.7
                short = (1 << left.bit_length()) - left
                if size - 1 < short:
                    frame.f(size - 1, left.bit_length() - 1)
                else:
                    frame.f(size - 1 + short, left.bit_length())
                count, left = count + 1, left - size
            log = int(np.ceil(np.log2(count)))
        logs.append(log)
    if sum(logs):
        frame.f(0, sum(logs))
        frame.f(3, 2)
    base = data.draw(st.sampled_from([0, 0, 0, 0, 1, 255]))
    frame.f(base, 8)
    deltas = []
    for plane in range(3):
        if plane == 1 and apart:
            different = some(1)
            frame.f(different, 1)
        if plane == 2 and not (apart and different):
            break
        for _ in range(2 if plane else 1):
            deltas.append(data.draw(st.sampled_from([None] * 8 + [-64, 0, 63])))
            frame.f(deltas[-1] is not None, 1)
            if deltas[-1] is not None:
                frame.f(deltas[-1] & 127, 7)
    matrices, segmented = some(1), some(1)
    frame.f(matrices, 1)
    if matrices:
        frame.f(some(255), 8)
        if apart:
            frame.f(some(15), 4)
    frame.f(segmented, 1)

    found = av1_quantiser(unit(2, b"") + unit(1, sequence.bytes()) + unit(5, b"about it") + unit(6, frame.bytes()))
    assert found.base_q_idx == base
    assert found.lossless == (base == 0 and not any(deltas) and not segmented)


# --- damaged files


WEBP = pillow(with_alpha(scene()), "WEBP", quality=60)
AVIF = pillow(with_alpha(scene(32, 32)), "AVIF", quality=60, speed=10)


def ask(data: bytes) -> None:
    """Nothing but an answer or an InputError may come."""
    for choose in (webp_settings, avif_settings):
        with contextlib.suppress(InputError):
            assert choose(data)
    is_sequence(data)


@pytest.mark.parametrize(("choose", "data"), [(webp_settings, WEBP), (avif_settings, AVIF)])
def test_a_file_that_ends_before_its_quantiser(choose: Any, data: bytes) -> None:
    assert choose(data)
    for end in (0, 3, 11, 16, 29, 40):
        with pytest.raises(InputError, match="damaged"):
            choose(data[:end])


def test_wrong_files() -> None:
    for choose, data in ((webp_settings, AVIF), (avif_settings, WEBP), (avif_settings, b"\0" * 5000)):
        with pytest.raises(InputError, match="damaged"):
            choose(data)


def test_cut_anywhere() -> None:
    for data in (WEBP, AVIF):
        for end in range(min(len(data), 900)):
            ask(data[:end])


@given(st.sampled_from([WEBP, AVIF]), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6))
def test_bytes_changed_anywhere(data: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    ask(bytes(damaged))
