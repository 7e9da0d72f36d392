"""Runs that the tests of training start from."""

from dataclasses import replace

import cv2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inpainter.engine.job import Job
from small_runs import GAME, TINY, smooth_pictures


@pytest.fixture
def source(tmp_path) -> str:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    encoded = [cv2.imencode(".png", picture)[1].tobytes() for picture in smooth_pictures(28)]
    pq.write_table(
        pa.table({"image": pa.array([{"bytes": e, "path": ""} for e in encoded], kind)}), tmp_path / "p.parquet"
    )
    return str(tmp_path / "p.parquet")


@pytest.fixture
def job(tmp_path, source) -> Job:
    return Job(
        method="blind-autoencoder", recipe=TINY, data=source, out=tmp_path / "run", device="cpu", quiet=True,
        log_every=2, checkpoint_every=5, sample_every=6,
    )  # fmt: skip


@pytest.fixture
def game(job, tmp_path) -> Job:
    """A training of two players, on pictures that are larger than the network."""
    (tmp_path / "game").mkdir()
    for i, picture in enumerate(smooth_pictures(12, 40)):
        cv2.imwrite(str(tmp_path / "game" / f"{i}.png"), picture)
    return replace(job, method="context-encoder", recipe=GAME, data=str(tmp_path / "game"))
