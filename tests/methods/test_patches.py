"""What fills from patches share: the nearest place against a search of all places."""

import numpy as np

from inpainter.methods.patches import nearest


def test_each_pixel_gets_the_nearest_true_one(rng):
    where = rng.random((23, 31)) < 0.05
    found = nearest(where)
    places = np.flatnonzero(where)
    assert np.isin(found, places).all()
    # One that is True is its own.
    assert np.array_equal(found.ravel()[places], places)
    rows, columns = np.divmod(np.arange(where.size), 31)
    all_ways = np.hypot(rows[:, None] - places // 31, columns[:, None] - places % 31)
    way = np.hypot(rows - found.ravel() // 31, columns - found.ravel() % 31)
    # OpenCV adds up steps in 16 directions, which is a few hundredths off.
    assert (way <= 1.03 * all_ways.min(axis=1) + 1e-9).all()
