"""The settings that encode a WebP or AVIF photo anew at the quality it came with, read from its headers.

Neither format says which quality its encoder was asked for, but both hold the quantiser that came of it. The maps from
quality to quantiser of the two encoders that we write with are known, so they are inverted here.
"""

import math
from typing import Any

from inpainter.core import InputError
from inpainter.photos.av1 import av1_quantiser
from inpainter.photos.isobmff import primary_av1_item
from inpainter.photos.sniff import brands
from inpainter.photos.vp8 import Vp8Quantiser, vp8_quantiser

# base_q_idx that pyvips 8.18 (libheif with libaom) writes for Q = 1 to 100; the same for every picture, bit depth and
# effort. Measured, and measured again by the tests.
# fmt: off
AVIF_QUANTISERS = (
    255, 255, 249, 249, 249, 244, 244, 240, 240, 236, 236, 232, 232, 228, 228, 224, 224, 220, 220, 216,
    216, 212, 212, 208, 208, 204, 204, 200, 200, 196, 196, 192, 192, 188, 184, 184, 180, 180, 176, 172,
    172, 168, 168, 164, 160, 160, 156, 156, 152, 148, 148, 144, 144, 140, 136, 132, 132, 128, 124, 120,
    120, 116, 112, 108, 108, 104, 100, 96, 96, 92, 88, 84, 84, 80, 76, 72, 72, 68, 64, 60,
    60, 56, 52, 48, 48, 44, 40, 36, 36, 32, 28, 24, 24, 20, 16, 12, 12, 8, 4, 0,
)
# fmt: on


def webp_settings(data: bytes) -> dict[str, Any]:
    """Choose the keyword arguments for `pyvips.Image.webpsave` that come nearest to those the file was made with.

    `data` is the WebP file. A lossless one (VP8L) gives `lossless` and `exact`: every sample comes back, colours under
    full transparency too. A lossy one (VP8) gives `Q` (0 to 100), and `alpha_q=100` with `exact`: its alpha plane
    (chunk ALPH of the extended format VP8X) comes back bit for bit. Of an animated file the first frame counts.
    Raises InputError when the header is damaged.
    """
    try:
        kind, body = _webp_picture(data)
        if kind == b"VP8L":
            return {"lossless": True, "exact": True}
        return {"Q": _webp_quality(vp8_quantiser(body[:1024])), "alpha_q": 100, "exact": True}
    except ValueError as error:
        raise InputError(
            f"the header of this WebP file is damaged ({error}): open it elsewhere and save it anew"
        ) from error


def avif_settings(data: bytes, *, alpha: bool = False) -> dict[str, Any]:
    """Choose the keyword arguments for `pyvips.Image.heifsave` that come nearest to those the file was made with.

    `data` is the AVIF file. They are always `compression` and `bitdepth` (8, 10 or 12), and either `lossless`, or `Q`
    (1 to 100) with `subsample_mode`. pyvips writes no 4:2:2, which becomes 4:4:4 so that nothing is lost. A file whose
    coefficients are all kept becomes `lossless` unless its colours are subsampled: then `Q` is 100.

    pyvips writes the alpha of a lossy file lossily: with `alpha=True`, for a photo whose alpha must come back bit for
    bit, the whole file becomes lossless, and larger. Samples deeper than 8 bits are loaded, and have to be handed over,
    as 16-bit numbers whose highest `bitdepth` bits count: the others are 0 when loaded, and dropped when saved.

    Of a picture made of tiles the first tile counts, of a layered one the first layer.
    Raises InputError when the header is damaged.
    """
    try:
        item = primary_av1_item(data)
        quantiser = av1_quantiser(item.units)
    except ValueError as error:
        raise InputError(
            f"the header of this AVIF file is damaged ({error}): open it elsewhere and save it anew"
        ) from error
    settings: dict[str, Any] = {"compression": "av1", "bitdepth": item.bit_depth}
    if alpha or (quantiser.lossless and item.subsampling == "4:4:4"):
        return settings | {"lossless": True}
    subsampled = item.subsampling in ("4:2:0", "4:0:0")
    return settings | {"Q": _avif_quality(quantiser.base_q_idx), "subsample_mode": "on" if subsampled else "off"}


def is_sequence(data: bytes) -> bool:
    """Whether a WebP or AVIF file is animated; `data` is its beginning, 64 bytes or more.

    A WebP file says so in a flag of its VP8X chunk (RFC 9649, section 2.7), an AVIF file by the brand `avis`.
    """
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
        return len(data) > 20 and bool(data[20] & 2)
    return b"avis" in brands(data)


def _webp_picture(data: bytes) -> tuple[bytes, bytes]:
    """The first chunk with a picture, and what is in it (RFC 9649, section 2.3)."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError("it is not WebP")
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if kind in (b"VP8 ", b"VP8L"):
            return kind, data[at : at + size]
        # A frame of an animation (section 2.7.1.1) has 16 bytes of its own before its chunks.
        at += 16 if kind == b"ANMF" else size + size % 2
    raise ValueError("there is no picture in it")


def _webp_quality(quantiser: Vp8Quantiser) -> int:
    """Invert libwebp's map from quality to quantiser.

    libwebp turns Q into c = (linear(Q/100))^(1/3) with linear(t) = 2t/3 below 3/4 and 2t - 1 above, and each segment's
    susceptibility aᵢ, which is relative to the picture's mean, into the index qᵢ = ⌊127 (1 - c^(1 - k aᵢ))⌋. The mean
    of aᵢ over all macroblocks is 0, so with the shares wᵢ of the segments Σ wᵢ ln(1 - qᵢ/127) = ln c, whatever k is.
    Where libwebp limits an aᵢ the mean is not quite 0: on photographs the answer is within 1 of Q; where half of the
    picture is blank and half noise, up to 3 above it.
    """
    if not any(quantiser.indices):
        return 100
    # Half an index more, for the mean of what the floor cuts off.
    mean = sum(
        share * math.log(1 - min(index + 0.5, 126.75) / 127)
        for index, share in zip(quantiser.indices, quantiser.shares, strict=True)
    )
    linear = math.exp(3 * mean)
    return round(100 * (1.5 * linear if linear < 0.5 else (linear + 1) / 2))


def _avif_quality(base_q_idx: int) -> int:
    """The highest Q whose quantiser is nearest."""
    return min(range(100, 0, -1), key=lambda q: abs(AVIF_QUANTISERS[q - 1] - base_q_idx))
