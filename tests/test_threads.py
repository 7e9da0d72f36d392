"""Fills from several threads at once, and what a fill of a large array holds in memory."""

import signal
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

import inpainter


@pytest.mark.parametrize("method", ["auto", "telea", "fsr"])
def test_fills_from_several_threads_are_those_made_alone(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that all threads share is set."""

    def forbidden(*_: object) -> None:
        raise AssertionError("set for all threads")

    pictures = [np.random.default_rng(seed).integers(0, 256, (48, 56, 3), np.uint8) for seed in range(8)]
    mask = np.zeros((48, 56), bool)
    mask[20:28, 24:33] = mask[3:5, 2:30] = True
    before = repr(np.random.get_state()), cv2.getNumThreads()
    alone = [inpainter.fill(picture, mask, method) for picture in pictures]
    monkeypatch.setattr(signal, "signal", forbidden)
    monkeypatch.setattr(cv2, "setNumThreads", forbidden)
    monkeypatch.setattr(np.random, "seed", forbidden)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda picture: inpainter.fill(picture, mask, method), pictures))
        # One loaded method serves all threads too.
        ready = inpainter.load(method)
        shared = list(pool.map(lambda picture: ready.fill(picture, mask), pictures))
    for one, other, third in zip(alone, together, shared, strict=True):
        np.testing.assert_array_equal(other, one)
        np.testing.assert_array_equal(third, one)
    assert (repr(np.random.get_state()), cv2.getNumThreads()) == before


@pytest.mark.parametrize("method", ["auto", "telea"])
def test_a_large_array_is_copied_once(method: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), np.uint8)
    mask = np.zeros((3000, 4000), bool)
    mask[1500:1512, 2000:2012] = True
    ready = inpainter.load(method)
    tracemalloc.start()
    try:
        filled = ready.fill(image, mask)
        extra = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert filled.shape == image.shape
    assert extra < 1.5 * image.nbytes, f"{extra / image.nbytes:.2f} copies of the image"
