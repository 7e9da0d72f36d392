"""A rectangle of pixels."""

from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle: its left and top corner, its width and height, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column that is no longer inside."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row that is no longer inside."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """How many pixels it holds."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """The index of its pixels in a `(H, W, …)` array."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def united(self, other: "Box") -> "Box":
        """Return the smallest box that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def meets(self, other: "Box") -> bool:
        """Whether the two share a pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def within(self, height: int, width: int, margin: int = 0) -> "Box":
        """Widen by `margin` on every side, then cut to a picture of `height` × `width`."""
        x, y = max(self.x - margin, 0), max(self.y - margin, 0)
        return Box(x, y, min(self.right + margin, width) - x, min(self.bottom + margin, height) - y)

    def moved_into(self, height: int, width: int) -> "Box":
        """Move as little as needed to lie in a picture of `height` × `width`; where larger, to its middle."""
        x, y = (
            min(max(start, 0), room - length) if length <= room else (room - length) // 2
            for start, length, room in ((self.x, self.width, width), (self.y, self.height, height))
        )
        return Box(x, y, self.width, self.height)

    def relative_to(self, other: "Box") -> "Box":
        """The same box, seen from the corner of `other`."""
        return Box(self.x - other.x, self.y - other.y, self.width, self.height)
