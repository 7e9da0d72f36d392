"""Pictures from folders and parquet files; broken ones are counted and named."""

import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from inpainter.core import InputError
from inpainter.data import sources
from inpainter.data.sources import read_pictures


def png(array) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def write_parquet(path, encoded, paths=None):
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    paths = paths or [None] * len(encoded)
    rows = pa.array([{"bytes": data, "path": name} for data, name in zip(encoded, paths, strict=True)], kind)
    pq.write_table(pa.table({"image": rows}), path, row_group_size=3)


@pytest.fixture
def arrays(rng):
    return rng.integers(0, 256, (7, 20, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize("workers", [0, 2])
def test_reads_parquet_pixel_for_pixel_in_order(tmp_path, arrays, workers, monkeypatch):
    monkeypatch.setattr("inpainter.data.sources.CHUNK", 2)
    write_parquet(tmp_path / "a.parquet", [png(a) for a in arrays[:4]])
    write_parquet(tmp_path / "b.parquet", [png(a) for a in arrays[4:]])
    for source in (f"{tmp_path}/a.parquet,{tmp_path}/b.parquet", f"{tmp_path}/*.parquet"):
        found = read_pictures(source, workers=workers)
        np.testing.assert_array_equal(found.pictures, arrays)
        assert found.names == [f"a.parquet#{i}" for i in range(4)] + [f"b.parquet#{i}" for i in range(3)]


def test_rows_whose_path_begins_as_said_do_not_count(tmp_path, arrays):
    paths = ["a/x/1", None, "b/2", "a/y/3", "a/x/4", "", "ab/5"]
    write_parquet(tmp_path / "a.parquet", [png(a) for a in arrays], paths)
    found = read_pictures(tmp_path / "a.parquet", without="a/x")
    np.testing.assert_array_equal(found.pictures, arrays[[1, 2, 3, 5, 6]])
    assert found.names == [f"a.parquet#{i}" for i in (1, 2, 3, 5, 6)]
    assert found.fingerprint != read_pictures(tmp_path / "a.parquet").fingerprint
    assert read_pictures(tmp_path / "a.parquet", without="a/x", limit=2).names == ["a.parquet#1", "a.parquet#2"]


@pytest.mark.parametrize(
    ("rows", "wanted"), [("[1:3]", [1, 2]), ("[2:]", [2, 3]), ("[:1]", [0]), ("[:]", [0, 1, 2, 3])]
)
def test_reads_some_rows_of_a_parquet_file(tmp_path, arrays, rows, wanted):
    write_parquet(tmp_path / "a.parquet", [png(a) for a in arrays[:4]])
    found = read_pictures(f"{tmp_path}/a.parquet{rows}")
    np.testing.assert_array_equal(found.pictures, arrays[wanted])
    assert found.names == [f"a.parquet#{i}" for i in wanted]


def test_rows_that_there_are_not_are_refused(tmp_path, arrays):
    write_parquet(tmp_path / "a.parquet", [png(arrays[0])])
    for rows, said in (("[3:2]", "no rows"), ("[5:]", "no picture to use")):
        with pytest.raises(InputError, match=said):
            read_pictures(f"{tmp_path}/a.parquet{rows}")
    # A name is a name where there is such a file.
    (tmp_path / "a.parquet[0:1]").mkdir()
    with pytest.raises(InputError, match="no pictures in it"):
        read_pictures(f"{tmp_path}/a.parquet[0:1]")


def test_reads_a_folder_in_the_order_of_names(tmp_path, arrays):
    (tmp_path / "sub").mkdir()
    for i, name in enumerate(["b.png", "a.png", "sub/c.png"]):
        (tmp_path / name).write_bytes(png(arrays[i]))
    (tmp_path / "notes.txt").write_text("not a picture")
    found = read_pictures(tmp_path)
    assert found.names == ["a.png", "b.png", "sub/c.png"]
    np.testing.assert_array_equal(found.pictures, arrays[[1, 0, 2]])


def test_pictures_of_several_sizes_stay_a_list(tmp_path, arrays):
    write_parquet(tmp_path / "a.parquet", [png(arrays[0]), png(arrays[1][:18])])
    found = read_pictures(tmp_path / "a.parquet")
    assert [picture.shape for picture in found.pictures] == [(20, 24, 3), (18, 24, 3)]


def test_grey_and_alpha_become_rgb(tmp_path, arrays):
    grey = arrays[0][..., 0]
    with_alpha = np.concatenate([arrays[1], arrays[0][..., :1]], axis=2)
    write_parquet(tmp_path / "a.parquet", [png(grey), png(with_alpha)])
    found = read_pictures(tmp_path / "a.parquet")
    np.testing.assert_array_equal(found.pictures[0], np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_array_equal(found.pictures[1], arrays[1])


def test_broken_and_small_ones_are_named_and_left_out(tmp_path, arrays):
    good = png(arrays[0])
    write_parquet(tmp_path / "a.parquet", [good, b"", b"no picture", good[: len(good) // 2], png(arrays[1][:8])])
    found = read_pictures(tmp_path / "a.parquet", smallest=10)
    assert len(found) >= 1
    assert found.names[0] == "a.parquet#0"
    text = "\n".join(found.broken)
    assert "a.parquet#1: empty" in text
    assert "a.parquet#2: does not decode" in text
    assert "a.parquet#4: 8×24 (height×width) is smaller than 10 px" in text


def test_the_fingerprint_is_of_names_bytes_and_order(tmp_path, arrays):
    def of(encoded):
        write_parquet(tmp_path / "x.parquet", encoded)
        return read_pictures(tmp_path / "x.parquet").fingerprint

    a, b = png(arrays[0]), png(arrays[1])
    assert of([a, b]) == of([a, b])
    assert len({of([a, b]), of([b, a]), of([a]), of([a, a])}) == 4


def test_the_limit_reads_the_first(tmp_path, arrays):
    write_parquet(tmp_path / "a.parquet", [png(a) for a in arrays])
    np.testing.assert_array_equal(read_pictures(tmp_path / "a.parquet", limit=3).pictures, arrays[:3])


@pytest.mark.parametrize("workers", [0, 2])
def test_reading_says_how_many_it_has_read(tmp_path, arrays, monkeypatch, workers):
    monkeypatch.setattr(sources, "CHUNK", 3)
    write_parquet(tmp_path / "a.parquet", [*(png(a) for a in arrays), b"broken"])
    heard = []
    read_pictures(tmp_path / "a.parquet", workers=workers, on_read=heard.append)
    assert heard == [3, 6, 8]


def test_split_holds_out_the_last(tmp_path, arrays):
    write_parquet(tmp_path / "a.parquet", [png(a) for a in arrays])
    training, held = read_pictures(tmp_path / "a.parquet").split(2)
    np.testing.assert_array_equal(training.pictures, arrays[:5])
    np.testing.assert_array_equal(held.pictures, arrays[5:])
    with pytest.raises(InputError, match="leave none"):
        training.split(5)


def test_one_line_for_what_cannot_be_read(tmp_path, arrays):
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.parquet").write_bytes(b"PAR1" + b"\0" * 20)
    (tmp_path / "text.txt").write_text("hello")
    pq.write_table(pa.table({"label": [1, 2]}), tmp_path / "labels.parquet")
    write_parquet(tmp_path / "broken.parquet", [b"", b"x"])
    cases = {
        "missing": "no such folder or file",
        "empty": "no pictures in it",
        "torn.parquet": "cannot be read as parquet",
        "text.txt": "neither a parquet file nor a picture",
        "labels.parquet": "no column `image`",
        "broken.parquet": "no picture to use",
    }
    for name, reason in cases.items():
        with pytest.raises(InputError, match=reason) as caught:
            read_pictures(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_unreadable_file_is_one_line(tmp_path, arrays, monkeypatch):
    (tmp_path / "a.png").write_bytes(png(arrays[0]))

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match=r"a\.png: cannot be read \(Permission denied\)"):
        read_pictures(tmp_path)


def test_an_unreadable_folder_is_one_line(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\): give a folder you may read"):
        read_pictures(tmp_path)


def test_cifar_is_read_pixel_for_pixel(data):
    path = data / "cifar10" / "test.parquet"
    found = read_pictures(path, limit=50)
    rows = pq.ParquetFile(path).read_row_group(0, columns=["image"]).column("image")
    wanted = [np.asarray(Image.open(io.BytesIO(rows[i].as_py()["bytes"])).convert("RGB")) for i in range(50)]
    np.testing.assert_array_equal(found.pictures, np.stack(wanted))
    assert not found.broken
