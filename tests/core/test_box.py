import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inpainter.core import Box

boxes = st.builds(Box, st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20))


def pixels(box: Box) -> np.ndarray:
    plane = np.zeros((60, 60), bool)
    plane[box.slices] = True
    return plane


@given(boxes, boxes)
def test_agrees_with_sets_of_pixels(a, b):
    assert a.area == pixels(a).sum()
    assert a.meets(b) == bool((pixels(a) & pixels(b)).any())
    both = pixels(a) | pixels(b)
    united = pixels(a.united(b))
    assert (united >= both).all()
    rows, columns = np.nonzero(both)
    assert a.united(b).area == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


@given(boxes, st.integers(0, 9), st.integers(40, 50), st.integers(40, 50))
def test_widening_stays_inside_the_picture(box, margin, height, width):
    wide = box.within(height, width, margin)
    plane = np.zeros((height, width), bool)
    plane[wide.slices] = True
    for y, x in ((box.y - margin, box.x - margin), (box.bottom + margin - 1, box.right + margin - 1)):
        if 0 <= y < height and 0 <= x < width:
            assert plane[y, x]
    assert wide.x >= 0 <= wide.y
    assert wide.right <= width
    assert wide.bottom <= height
    assert wide.x in (0, box.x - margin)
    assert wide.bottom in (height, box.bottom + margin)
