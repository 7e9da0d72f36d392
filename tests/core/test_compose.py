import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inpainter.core import compose

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(st.data(), shapes, st.sampled_from([np.uint8, np.uint16, np.float32]), st.sampled_from([(), (1,), (3,), (4,)]))
def test_takes_each_pixel_from_the_right_side_bit_for_bit(data, shape, dtype, bands):
    image = data.draw(hnp.arrays(dtype, (*shape, *bands)))
    filled = data.draw(hnp.arrays(dtype, (*shape, *bands)))
    mask = data.draw(hnp.arrays(np.bool_, shape))
    answer = compose(image, filled, mask)
    assert answer.dtype == dtype
    for index in np.ndindex(shape):
        wanted = filled[index] if mask[index] else image[index]
        assert answer[index].tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    ("image", "filled", "mask"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 1)), np.zeros((2, 3), bool)),
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 3)), np.zeros((3, 2), bool)),
        (np.zeros((2, 3)), np.zeros((2, 3), np.float32), np.zeros((2, 3), bool)),
        (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3), np.uint8)),
    ],
)
def test_refuses_what_does_not_fit(image, filled, mask):
    with pytest.raises(ValueError, match="differ"):
        compose(image, filled, mask)
