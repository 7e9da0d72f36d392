"""Filling a JPEG without encoding it again: blocks of DCT coefficients that a fill does not touch are carried over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainter.core import InputError
from inpainter.photos.jpeg_header import APP14, SOI, Jpeg, can_carry, read_header, segments
from inpainter.photos.jpeg_library import LARGEST, CarryError, Plane, change_blocks

_STRIP_UNITS = 16  # rows of coded units that are worked on at once, to bound memory
# Measured on two photos at quality 75 to 95: these take two fifths or more off the mean error of known pixels in
# touched blocks and add a tenth to that of the fill; more sweeps gain nothing.
_SWEEPS = 12
_FILL_WEIGHT = 0.3


def _cosines() -> NDArray[np.float32]:
    """The orthonormal DCT-II, `(8, 8)`, which is that of annex A.3.3 along one direction."""
    frequency, position = np.mgrid[:8, :8]
    cosines = np.cos((2 * position + 1) * frequency * np.pi / 16) / 2
    cosines[0] /= np.sqrt(2)
    return cosines.astype(np.float32)


_COSINES = _cosines()


@dataclass(frozen=True)
class StoredPatch:
    """A filled part of a picture, placed as the file stores the picture (not turned by its EXIF orientation)."""

    x: int
    y: int
    """The left upper corner, in pixels."""
    colours: NDArray
    """`(h, w)`, `(h, w, 1)` or `(h, w, 3)`; uint8, or float in [0, 1]."""
    mask: NDArray[np.bool_]
    """`(h, w)`; only pixels where it is True are taken."""


def patch_blocks(source: bytes | Jpeg, patches: Sequence[StoredPatch]) -> bytes:
    """Return the JPEG `source` with patches in it, every block that no patch's mask touches keeping its coefficients.

    Size, quantisation tables, sampling, component numbers and progressive coding stay; restart markers are lost, which
    changes no pixel. Of the metadata only Adobe's segment, which says what the colours are, comes along. Pixels of
    touched blocks that the mask leaves out change by rounding only, which is chosen in their favour; decoders that
    smooth chroma let the fill reach one sample further.

    Raises InputError when the file is damaged or cut short, CarryError when its blocks cannot be carried over. Damage
    inside a scan that libjpeg conceals is not noticed: let a strict decoder see the file first.
    """
    jpeg = source if isinstance(source, Jpeg) else read_header(source)
    if reason := can_carry(jpeg):
        raise CarryError(reason)
    if not jpeg.complete:
        raise InputError("the JPEG is cut short; get a whole copy of the file")

    def change(number: int, plane: Plane, table: NDArray[np.uint16]) -> None:
        for patch in patches:
            for strip in _strips(patch, jpeg.unit[0] * _STRIP_UNITS):
                if strip.mask.any():
                    _apply(plane, table, jpeg, number, strip)

    written = change_blocks(jpeg, change)
    tables = next(one.start for one in segments(written) if one.marker != SOI and not one.is_metadata)
    adobe = [jpeg.data[one.start : one.end] for one in jpeg.segments if one.marker == APP14]
    return b"".join([b"\xff\xd8", *adobe, written[tables:]])


def _strips(patch: StoredPatch, rows: int) -> Iterator[StoredPatch]:
    """Cut a patch along multiples of `rows`, so that no block belongs to two strips."""
    end = patch.y + patch.mask.shape[0]
    for top in range(patch.y // rows * rows, end, rows):
        first, last = max(top, patch.y), min(top + rows, end)
        part = slice(first - patch.y, last - patch.y)
        yield StoredPatch(patch.x, first, patch.colours[part], patch.mask[part])


def _apply(coefficients: Plane, table: NDArray[np.uint16], jpeg: Jpeg, number: int, patch: StoredPatch) -> None:
    """Put a patch into the coefficients of one component, in place."""
    component = jpeg.components[number]
    (unit_height, unit_width), (height, width) = jpeg.unit, patch.mask.shape
    up, left = patch.y // unit_height, patch.x // unit_width
    down, right = -(-(patch.y + height) // unit_height), -(-(patch.x + width) // unit_width)
    top, start = patch.y - up * unit_height, patch.x - left * unit_width
    bottom, end = top + height, start + width
    part = coefficients[up * component.v : down * component.v, left * component.h : right * component.h]

    def spread(values: NDArray[np.float32] | float) -> NDArray[np.float32]:
        """Lay values of the patch's pixels into the whole coded units that it reaches into, and take their cells."""
        whole = np.zeros(((down - up) * unit_height, (right - left) * unit_width), np.float32)
        whole[top:bottom, start:end] = values * patch.mask
        # The padding of border blocks changes as its neighbours do: a leap there would ring back.
        if patch.y + height == jpeg.height:
            whole[bottom:] = whole[bottom - 1]
        if patch.x + width == jpeg.width:
            whole[:, end:] = whole[:, end - 1 : end]
        if component.cell != (1, 1):
            (high, wide), (rows, columns) = component.cell, whole.shape
            whole = whole.reshape(rows // high, high, columns // wide, wide).mean(axis=(1, 3))
        return whole

    share = spread(1)
    known = 1 - share
    known[-(-(jpeg.height - up * unit_height) // component.cell[0]) :] = 0
    known[:, -(-(jpeg.width - left * unit_width) // component.cell[1]) :] = 0
    planes = (spread(_centred(patch.colours, number)), share, known)
    _change(part, table, *(_to_blocks(plane)[: part.shape[0], : part.shape[1]] for plane in planes))


def _centred(colours: NDArray, number: int) -> NDArray[np.float32]:
    """Turn colours into Y − 128, Cb − 128 or Cr − 128 (JFIF 1.02: full range, BT.601)."""
    scale = np.float32(1 if colours.dtype == np.uint8 else 255)
    values = np.atleast_3d(colours).astype(np.float32) * scale
    red, green, blue = np.moveaxis(np.broadcast_to(values, (*values.shape[:2], 3)), 2, 0)
    # Grey as it is: three products would round it.
    luma = red if values.shape[2] == 1 else 0.299 * red + 0.587 * green + 0.114 * blue
    # Cb = (B − Y) / 1.772 and Cr = (R − Y) / 1.402 are the JFIF equations, written so that grey gives exactly none.
    return [luma - 128, (blue - luma) / 1.772, (red - luma) / 1.402][number]


def _to_blocks(plane: NDArray) -> NDArray:
    """Cut `(8 R, 8 C)` into `(R, C, 8, 8)`."""
    return plane.reshape(plane.shape[0] // 8, 8, plane.shape[1] // 8, 8).swapaxes(1, 2)


def _transform(samples: NDArray) -> NDArray:
    # Small products on purpose: one large one would be spread over threads, which takes longer than the work.
    return _COSINES @ samples @ _COSINES.T


def _restore(coefficients: NDArray) -> NDArray:
    return _COSINES.T @ coefficients @ _COSINES


def _change(coefficients: NDArray[np.int16], table: NDArray[np.uint16], *planes: NDArray[np.float32]) -> None:
    """Code the touched blocks again, in place: samples become `fill + (1 − share)` × old.

    The planes, `(R, C, 8, 8)` as the coefficients, are the fill times the masked share, that share, and how much of
    each sample is known.
    """
    touched = np.asarray(planes[1].any(axis=(2, 3)))
    fill, share, known = (plane[touched] for plane in planes)
    steps = table.astype(np.float32)
    samples = fill + (1 - share) * _restore(coefficients[touched] * steps)
    levels = np.rint(_transform(samples) / steps)
    partly = known.any(axis=(1, 2))
    levels[partly] = _settle(levels[partly], samples[partly], known[partly], steps)
    coefficients[touched] = np.clip(levels, -LARGEST, LARGEST)


def _settle(levels: NDArray, samples: NDArray, known: NDArray, steps: NDArray) -> NDArray:
    """Choose roundings that keep known samples closest to what they were, at the cost of the fill's.

    Greedy descent on Σ w (decoded − wanted)² over whole levels, w = 1 where known and `_FILL_WEIGHT` in the fill: of
    each block's 64 levels the one move that gains most is made, `_SWEEPS` times. All arrays `(N, 8, 8)`.
    """
    weight = known + _FILL_WEIGHT * (1 - known)
    curvature = np.square(_COSINES) @ weight @ np.square(_COSINES).T * np.square(steps)
    blocks = np.arange(len(levels))
    for _ in range(_SWEEPS):
        slope = _transform(weight * (_restore(levels * steps) - samples)) * steps
        move = np.rint(-slope / curvature)
        gain = -(2 * slope + curvature * move) * move
        best = gain.reshape(-1, 64).argmax(axis=1)
        levels.reshape(-1, 64)[blocks, best] += move.reshape(-1, 64)[blocks, best]
    return levels
