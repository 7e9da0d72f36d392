"""Where an inpainter looks: frames hold the hole, have a size that can be handed over, and stay in the picture."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inpainter.core import Box, View

views = st.builds(
    View,
    minimum=st.integers(1, 40),
    multiple=st.integers(1, 16),
    fixed=st.none() | st.tuples(st.integers(8, 64), st.integers(8, 64)),
    context=st.sampled_from(["ratio", "pixels", "whole", "square"]),
    amount=st.floats(0, 3),
)


@st.composite
def holes(draw: st.DrawFn) -> tuple[Box, int, int]:
    height, width = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return Box(x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y))), height, width


@given(view=views, hole=holes(), widened=st.sampled_from([1, 2, 8]))
def test_a_frame_holds_the_hole_and_has_a_size_that_can_be_handed_over(view, hole, widened):
    box, height, width = hole
    frame = view.frame(box, height, width, widened)
    assert frame.united(box) == frame
    if view.fixed is None:
        assert view.accept(frame.height, frame.width)
    else:
        # Never smaller than the network, and of its aspect to the pixel.
        rows, columns = view.fixed
        assert frame.height >= rows
        assert frame.width >= columns
        scale = max(frame.height / rows, frame.width / columns)
        assert frame.height == pytest.approx(rows * scale, abs=rows / columns + 1)
        assert frame.width == pytest.approx(columns * scale, abs=columns / rows + 1)


@given(view=views, hole=holes())
def test_a_frame_grows_as_it_is_widened_until_it_holds_the_whole_picture(view, hole):
    box, height, width = hole
    frames = [view.frame(box, height, width, 2**times) for times in range(12)]
    for narrow, wide in pairwise(frames):
        assert wide.height >= narrow.height
        assert wide.width >= narrow.width
    assert frames[-1].within(height, width) == Box(0, 0, width, height)


@given(view=views, hole=holes())
def test_what_lies_outside_the_picture_is_only_what_the_picture_has_not(view, hole):
    box, height, width = hole
    frame = view.frame(box, height, width)
    if view.context != "square":
        assert frame.height <= height or frame.y <= 0 <= frame.bottom - height
        assert frame.width <= width or frame.x <= 0 <= frame.right - width
        if frame.height <= height and frame.width <= width:
            assert frame.within(height, width) == frame


@pytest.mark.parametrize(
    ("view", "box", "wanted"),
    [
        # Half the longer side, at least 48 px.
        (View(), Box(300, 200, 100, 40), Box(250, 150, 200, 140)),
        (View(), Box(300, 200, 10, 10), Box(252, 152, 106, 106)),
        (View(context="pixels", amount=6), Box(300, 200, 100, 40), Box(294, 194, 112, 52)),
        (View(context="whole"), Box(300, 200, 100, 40), Box(0, 0, 640, 480)),
        (View(context="whole", multiple=32), Box(300, 200, 100, 40), Box(0, 0, 640, 480)),
        (View(context="square", amount=2), Box(300, 200, 100, 40), Box(250, 120, 200, 200)),
        # In the corner the hole stays in the middle, and the frame sticks out.
        (View(context="square", amount=2), Box(0, 0, 100, 40), Box(-50, -80, 200, 200)),
        (View(context="square", amount=2, fixed=(128, 128)), Box(0, 0, 10, 10), Box(-59, -59, 128, 128)),
        # A network of one size: not scaled where the hole is small, evenly where it is large, slid into the picture.
        (View(fixed=(128, 128)), Box(300, 200, 10, 10), Box(241, 141, 128, 128)),
        (View(fixed=(128, 128)), Box(0, 470, 10, 10), Box(0, 352, 128, 128)),
        (View(fixed=(128, 128)), Box(300, 200, 100, 100), Box(250, 150, 200, 200)),
        # No larger than the picture where the hole allows that: nothing is mirrored.
        (View(fixed=(128, 128)), Box(100, 90, 300, 300), Box(10, 0, 480, 480)),
        (View(fixed=(128, 128)), Box(0, 200, 640, 20), Box(0, -80, 640, 640)),
        (View(fixed=(64, 128)), Box(300, 200, 100, 100), Box(150, 150, 400, 200)),
        # Multiples are reached with what is there, not mirrored.
        (View(multiple=64), Box(600, 440, 20, 20), Box(512, 352, 128, 128)),
    ],
)
def test_frames_in_a_picture_of_640_by_480(view, box, wanted):
    assert view.frame(box, 480, 640) == wanted
