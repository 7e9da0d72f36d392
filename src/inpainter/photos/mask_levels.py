"""Whether a picture can be a black and white mask, by its brightness: photos and label maps are none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.core import InputError
from inpainter.photos.mask_colour import HALF, grey_of, hexadecimal, opaque_of

# What is so near to black or white is one of them, a little off as JPEG leaves it.
NEAR = 24
# Brightness that is neither: JPEG's ringing in a mask does not reach that far.
_DARK, _BRIGHT = 32, 223
# All of 120 photos have more of it than 31 %, 117 more than half; masks feathered by 8 px less than 40 %.
_BETWEEN_IN_COLOUR, _BETWEEN_IN_GREY = 0.3, 0.5
# Masks are grey, and smooth where they are neither black nor white, as no photo is, blurred as it may be.
_COLOURED, _COLOURED_SHARE = 24, 0.02
_ROUGH, _ROUGH_SHARE = 2, 0.1
# The share of what is neither that equals its neighbour, above which it is no soft edge.
_FLAT_SHARE = 0.8
# A mask of few values is drawn, not photographed; more of them nobody wants to read.
_FEW, _NAMED = 32, 8


@dataclass(frozen=True)
class Spoken:
    """How errors and notes speak of a mask."""

    name: str
    """The mask itself, where an error begins."""
    short: str = ""
    """The same in a note."""
    other_colour: bool = True
    """Whether a colour may be named that means "fill this", as for masks that are files."""
    exact: bool = True
    """Whether its values are what somebody wrote, and not what lossy compression left of them."""

    def choose(self, colour: str) -> str:
        """The remedy that picks a colour."""
        return f"pass mask_colour='{colour}'" if self.other_colour else "give a mask that is white where it counts"


class Levels:
    """What there is to know of a mask's brightness, gathered strip by strip."""

    def __init__(self) -> None:
        self._histogram = np.zeros(256, np.int64)
        self._coloured = self._rough = self._flat = self.transparent = 0

    def add(self, strip: NDArray[np.uint8], colours: int) -> None:
        """Take `(H, W, bands)` samples into account."""
        grey, opaque = grey_of(strip, colours), opaque_of(strip, colours)
        if opaque is not None:
            self.transparent += opaque.size - int(np.count_nonzero(opaque))
        seen = grey if opaque is None else grey[opaque]
        whole = seen if seen.dtype == np.uint8 else np.ceil(seen - 0.5).astype(np.uint8)
        self._histogram += np.bincount(whole.ravel(), minlength=256)
        between = (grey >= _DARK) & (grey <= _BRIGHT)
        if opaque is not None:
            between &= opaque
        if not between.any():
            return
        self._flat += int(np.count_nonzero(between[:, 1:] & (grey[:, 1:] == grey[:, :-1])))
        if colours == 3:
            chroma = strip[..., :3].max(axis=2) - strip[..., :3].min(axis=2)
            self._coloured += int(np.count_nonzero((chroma > _COLOURED) & between))
        exact = grey.astype(np.float32)
        self._rough += int(np.count_nonzero((np.abs(exact - cv2.blur(exact, (3, 3))) > _ROUGH) & between))

    @property
    def soft(self) -> bool:
        """Whether anything is neither black nor white."""
        return bool(self._histogram[NEAR + 1 : 255 - NEAR].any())

    @property
    def coloured(self) -> bool:
        """Whether some of what is neither black nor white has a colour."""
        return self._coloured > _COLOURED_SHARE * self._between

    @property
    def _between(self) -> int:
        """How many samples are neither black nor white."""
        return int(self._histogram[_DARK : _BRIGHT + 1].sum())

    @property
    def brightest(self) -> int:
        """The highest value that is not transparent; 0 where there is none."""
        return int(np.flatnonzero(self._histogram).max(initial=0))

    def judge(
        self, strips: Callable[[], Iterable[NDArray[np.uint8]]], colours: int, spoken: Spoken
    ) -> tuple[float, list[str]]:
        """Return from where up brightness is white, with a note where that is no matter of course.

        `strips` reads the samples once more, where colours are to be named. Raises InputError.
        """
        values = np.flatnonzero(self._histogram)
        between = self._between
        share = between / max(int(self._histogram.sum()), 1)
        few = spoken.exact and len(values) <= _FEW
        if few and len(values) == 2 and values[0] == 0 and values[1] < HALF:
            # Several colours may be equally bright.
            found = [_named(one) for one in _distinct(strips(), colours)]
            if len(found) == 2:
                note = (
                    f"{spoken.short or spoken.name}: holds only {found[0]} and {found[1]}: {found[1]} counts as white"
                )
                return values[1] / 2, [note]
        no_white = self.brightest < HALF or (self.brightest <= _BRIGHT and share > _BETWEEN_IN_COLOUR)
        if few:
            labels = len(values) > 1 and not (len(values) == 2 and self.brightest > HALF)
        else:
            # A map of many classes: in a mask that is soft, neighbours in between differ.
            labels = spoken.exact and share > _BETWEEN_IN_COLOUR and self._flat > _FLAT_SHARE * between
        if no_white and labels:
            raise InputError(self._labels(strips(), colours, spoken))
        rough = self._rough > _ROUGH_SHARE * between
        photo = (self.coloured and share > _BETWEEN_IN_COLOUR) or (rough and share > _BETWEEN_IN_GREY)
        if photo and len(values) > _FEW:
            raise InputError(self._photo(share, spoken))
        return HALF, []

    def _labels(self, strips: Iterable[NDArray[np.uint8]], colours: int, spoken: Spoken) -> str:
        found = _distinct(strips, colours)
        named = ", ".join(map(_named, found[:_NAMED]))
        more = ", …" if len(found) > _NAMED else ""
        picked = f"{hexadecimal(found[1] if len(found) > 1 else found[0])}:0"
        what = "values" if colours == 1 else "colours"
        remedy = spoken.choose(picked) + (" to fill one of them" if spoken.other_colour else "")
        return f"{spoken.name}: holds the {what} {named}{more}, none of them white, like a map of labels; {remedy}"

    def _photo(self, share: float, spoken: Spoken) -> str:
        said = f"{spoken.name}: looks like a photo, not a mask: {share:.0%} of it is neither black nor white"
        if not spoken.other_colour:
            return f"{said}; {spoken.choose('white')}"
        alpha = ", or mask_colour='alpha' for what is transparent" if self.transparent else ""
        return (
            f"{said}; for a copy of the photo that you painted on, pass it by painted=, or mask_colour='red' "
            f"for red paint{alpha}"
        )


def _named(colour: NDArray[np.uint8]) -> str:
    return str(colour[0]) if len(colour) == 1 else hexadecimal(colour)


def _distinct(strips: Iterable[NDArray[np.uint8]], colours: int) -> list[NDArray[np.uint8]]:
    """The colours that some samples have, in order; where there are very many, not all."""
    found = np.empty((0, colours), np.uint8)
    for strip in strips:
        opaque = opaque_of(strip, colours)
        samples = (strip if opaque is None else strip[opaque])[..., :colours].reshape(-1, colours)
        # Runs of one colour are long in such a picture, and sorting takes its time.
        starts = np.flatnonzero(np.r_[True, (samples[1:] != samples[:-1]).any(axis=1)][: len(samples)])
        found = np.unique(np.concatenate([found, samples[starts]]), axis=0)
        if len(found) > 256:
            break
    return list(found)
