"""ICC profiles for colours that a file describes by numbers (ITU-T H.273), as AVIF and HEIC do."""

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyvips

from inpainter.core import InputError
from inpainter.photos.avif import avif_colours

# Red, green, blue and white, x and y each: H.273, table 2.
_D65 = (0.3127, 0.329)
_PRIMARIES = {
    1: ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), _D65),
    5: ((0.64, 0.33), (0.29, 0.6), (0.15, 0.06), _D65),
    6: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07), _D65),
    9: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), _D65),
    11: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.314, 0.351)),
    12: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), _D65),
}
_PRIMARIES[7] = _PRIMARIES[6]
_NAMES = {5: "BT.601 (625)", 6: "BT.601 (525)", 7: "SMPTE 240M", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
# ICC's parametric curve of type 3: g, a, b, c, d; H.273, table 3. The second is the inverse of BT.709's curve.
_SRGB = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_VIDEO = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_CURVES = {2: _SRGB, 13: _SRGB} | dict.fromkeys((1, 6, 14, 15), _VIDEO)
_CURVES |= {4: (2.2, 1, 0, 1, 0), 5: (2.8, 1, 0, 1, 0), 8: (1, 1, 0, 1, 0)}
_HDR = {16: "PQ", 18: "HLG"}
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def grey_profile(data: bytes) -> bool:
    """Whether the ICC profile of an AVIF or HEIC file is of grey; its header names the space and how it is measured."""
    return b"GRAYXYZ " in data or b"GRAYLab " in data


def in_own_colours(image: pyvips.Image, data: bytes) -> pyvips.Image:
    """Give the picture of an AVIF or HEIC file the profile and the range that the file describes by numbers.

    libvips reads no such description. Raises InputError for HDR, and for what no profile can say.
    """
    colours = avif_colours(data)
    if colours.grey and not colours.full_range and image.interpretation in ("srgb", "rgb16"):
        # libheif hands out the limited range of grey as it is stored; of 10 and 12 bit in the highest bits of 16.
        deep = image.format == "ushort"
        bits: Any = image.get("bits-per-sample") if deep else 8
        unit = 1 << (16 - bits) if deep else 1
        black, span, top = 16 << (bits - 8), 219 << (bits - 8), (1 << bits) - 1
        levels = (((image[:3] / unit - black) * (top / span)).rint() * unit).cast(image.format)
        joined = levels.bandjoin(image[3:]) if image.bands > 3 else levels
        image = joined.copy(interpretation=image.interpretation)
    if image.bands > 2 and grey_profile(data):
        # libheif writes it into no file of three channels.
        tones = image[0].copy(interpretation="b-w" if image.format == "uchar" else "grey16")
        converted: Any = tones.icc_transform("srgb", embedded=True, depth=8 if image.format == "uchar" else 16)
        converted = converted.bandjoin(image[3:]) if image.bands > 3 else converted
        image = with_block(converted.copy(interpretation=image.interpretation), "icc-profile-data", b"")
    elif not image.get_typeof("icc-profile-data") and (profile := profile_for(colours.primaries, colours.transfer)):
        image = with_block(image, "icc-profile-data", profile)
    return image


def with_block(image: pyvips.Image, name: str, block: bytes) -> pyvips.Image:
    """Return the image with a block of metadata in the place of its own; b"" for none."""
    changed: Any = image.copy()
    if changed.get_typeof(name):
        changed.remove(name)
    if block:
        changed.set_type(pyvips.GValue.blob_type, name, block)
    return changed


def profile_for(primaries: int, transfer: int) -> bytes:
    """Return the ICC profile of these colours; b"" where every reader takes them for sRGB anyway.

    Raises InputError for what no profile can say.
    """
    # The curve of television is shown as sRGB's wherever the primaries are those of both.
    if primaries in (1, 2) and _CURVES.get(transfer) in (_SRGB, _VIDEO):
        return b""
    primaries = 1 if primaries == 2 else primaries
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        what = f"HDR ({_HDR[transfer]})" if transfer in _HDR else f"unusual colours (CICP {primaries}/{transfer})"
        raise InputError(f"its {what} cannot be kept; export it as a standard (SDR) photo", code="unsupported")
    *colours, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in _PRIMARIES[primaries])
    columns = np.stack(colours, axis=1)
    columns = columns * np.linalg.solve(columns, white)
    adapt = np.linalg.solve(_BRADFORD, np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white)) @ _BRADFORD)
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(_CURVES[transfer])
    name = f"{_NAMES.get(primaries, 'BT.709')}, transfer {transfer}"
    tags = {b"desc": _text(name), b"cprt": _text("No copyright"), b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50)}
    tags[b"chad"] = b"sf32\0\0\0\0" + _fixed(adapt.ravel())
    for letter, column in zip(b"rgb", (adapt @ columns).T, strict=True):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(column)
        tags[bytes([letter]) + b"TRC"] = curve
    return _profile(tags)


def _fixed(numbers: Iterable[float]) -> bytes:
    return b"".join(struct.pack(">i", round(float(number) * 65536)) for number in numbers)


def _text(text: str) -> bytes:
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 2 * len(text), 28) + text.encode("utf-16-be")


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """ICC.1:2022, section 7: header, tag table, data."""
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(data), len(value))
        data += value.ljust(-(-len(value) // 4) * 4, b"\0")
    size = 128 + len(table) + len(data)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x04400000, b"mntr", b"RGB ", b"XYZ ", b"acsp").ljust(68, b"\0")
    return (head + _fixed(_D50)).ljust(128, b"\0") + table + data
