"""Masks of lettering, as of captions and watermarks."""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from inpainter.core import Mask
from inpainter.masks.kind import MaskKind, nearest

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WORDS = (
    *("summer", "harbour", "the", "morning", "light", "by", "river", "and", "stone", "garden", "old", "town", "after"),
    *("rain", "with", "love", "from", "north", "wind", "1987", "sample", "photo", "of", "my", "house", "copyright"),
)


@dataclass(frozen=True, kw_only=True)
class Text(MaskKind):
    """A caption of several lines that fill the width, in OpenCV's built-in lettering.

    The letters are those of the installed OpenCV: version 5 draws another typeface than version 4. The least cover is
    0 for a text of your own, which may be all full stops; at least one pixel is masked.
    """

    text: str | None = None
    """The caption, of ASCII characters, repeated as often as the lines take; words drawn by the seed unless given."""
    lines: int = 3
    """The number of lines, 1 to 5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_between(1, 5, "lines")
        if self.text is not None:
            written = self.text.isascii() and self.text.isprintable() and self.text.strip() != ""
            self._require(written, f"text is {self.text!r}: give letters, digits and signs of ASCII")

    @property
    def cover(self) -> tuple[float, float]:
        if self.text is not None:
            # Not even full blocks of ink would exceed this: there are gaps between the lines.
            return 0.0, 0.75
        return 0.01 * min(self.lines, 3) / 3, 0.35

    def _draw(self, height: int, width: int, rng: np.random.Generator) -> Mask:
        if self.text is not None:
            mask = _write(self.text.split(), self.lines, height, width, rng)
            self._require(bool(mask.any()), f"text {self.text!r} leaves no mark on {height}×{width}: give letters")
            return mask
        # In pictures longer than 1:4, three lines may not cover the least share with any words.
        least = self.cover[0] if max(height, width) <= 4 * min(height, width) else 0
        while True:
            mask = _write([_WORDS[i] for i in rng.permutation(len(_WORDS))], self.lines, height, width, rng)
            if least <= mask.mean() <= self.cover[1]:
                return mask


_CAPITAL = 20.0
"""Height of a capital in pixels at font scale 1, within a tenth in OpenCV 4 and 5, whose `getTextSize` differ in it."""
_SMALLEST_CAPITAL = 5.0
"""Height of a capital, in pixels, below which letters cannot be read."""
_PITCH = 1.9
"""Distance of two lines, in heights of a capital."""
_BELOW = 0.5
"""The part of it that lies below the baseline."""
_STRETCH = 1.35
"""How much larger a line may be drawn so that it fills the width."""
_FILLED = 0.94
"""How much of the picture's width a line takes."""
_INK = 64
"""The grey, of 255, from which on a pixel that a letter touches is masked."""


@dataclass(frozen=True)
class _Line:
    text: str
    capital: float
    """Height of its capitals in pixels."""

    @property
    def scale(self) -> float:
        return self.capital / _CAPITAL

    @property
    def thickness(self) -> int:
        return max(1, nearest(self.capital / 9))

    @property
    def length(self) -> int:
        return cv2.getTextSize(self.text, _FONT, self.scale, self.thickness)[0][0]

    @property
    def pitch(self) -> float:
        return self.capital * _PITCH


def _write(words: list[str], count: int, height: int, width: int, rng: np.random.Generator) -> Mask:
    """Write up to `count` lines of `words` one under the other, at a random height."""
    capital = max(_SMALLEST_CAPITAL, min(height, width) / max(10, count * _PITCH * _STRETCH))
    lines = _lay_out(words, count, capital, height, width)
    canvas = np.zeros((height, width), dtype=np.uint8)
    bottom = rng.uniform(0, height - sum(line.pitch for line in lines))
    for line in lines:
        bottom += line.pitch
        start = nearest((width - line.length) / 2), nearest(bottom - line.capital * _BELOW)
        cv2.putText(canvas, line.text, start, _FONT, line.scale, 255, line.thickness, cv2.LINE_AA)
    return canvas >= _INK


def _lay_out(words: list[str], count: int, capital: float, height: int, width: int) -> list[_Line]:
    """Set `words`, over and over, in up to `count` lines, as many as the height holds, each stretched to the width."""
    lines: list[_Line] = []
    waiting: deque[str] = deque()
    while len(lines) < count:
        text = _next_line(words, waiting, capital, _FILLED * width)
        stretch = min(_STRETCH, max(1, _FILLED * width / _Line(text, capital).length))
        line = _Line(text, capital * stretch)
        if sum(other.pitch for other in lines) + line.pitch > height:
            break
        lines.append(line)
    return lines


def _next_line(words: list[str], waiting: deque[str], capital: float, room: float) -> str:
    """Take words from `waiting`, refilled with `words`, as long as they fit; a word too long for any line is cut."""
    line = ""
    while True:
        if not waiting:
            waiting.extend(words)
        longer = f"{line} {waiting[0]}".strip()
        if _Line(longer, capital).length <= room:
            line = longer
            waiting.popleft()
        elif line:
            return line
        else:
            word = waiting.popleft()
            cut = next((n for n in range(len(word) - 1, 1, -1) if _Line(word[:n], capital).length <= room), 1)
            waiting.appendleft(word[cut:])
            return word[:cut]
