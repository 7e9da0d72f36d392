"""Files appear whole or not at all."""

import contextlib
import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from inpainter.core import InputError
from inpainter.photos.files import atomic, atomic_all, check_output, output_error
from makers import assert_helpful, assert_nothing_left


def test_appears_when_done_and_not_before(tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    with atomic(output, overwrite=False) as temporary:
        assert temporary.parent.parent == tmp_path
        temporary.write_bytes(b"whole")
        assert not output.exists()
    assert output.read_bytes() == b"whole"
    assert_nothing_left(tmp_path, "out.png")


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_is_left_when_stopped(tmp_path: Path, stop: type[BaseException], overwrite: bool) -> None:
    output = tmp_path / "out.png"
    if overwrite:
        output.write_bytes(b"mine")
    with pytest.raises(stop), atomic(output, overwrite=overwrite) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half")
        raise stop
    assert_nothing_left(tmp_path, *(["out.png"] if overwrite else []))
    assert not overwrite or output.read_bytes() == b"mine"


def test_a_name_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    with pytest.raises(InputError, match="exists already"), atomic(output, overwrite=False) as temporary:  # noqa: PT012
        temporary.write_bytes(b"ours")
        output.write_bytes(b"theirs")
    assert output.read_bytes() == b"theirs"
    assert_nothing_left(tmp_path, "out.png")


@pytest.mark.parametrize("taken", [False, True])
def test_without_hard_links(tmp_path: Path, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_link)
    output = tmp_path / "out.png"
    if taken:
        with pytest.raises(InputError, match="exists"), atomic(output, overwrite=False) as temporary:  # noqa: PT012
            temporary.write_bytes(b"ours")
            output.write_bytes(b"theirs")
    else:
        with atomic(output, overwrite=False) as temporary:
            temporary.write_bytes(b"ours")
    assert output.read_bytes() == (b"theirs" if taken else b"ours")
    assert_nothing_left(tmp_path, "out.png")


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o400])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    output = tmp_path / "out.png"
    output.write_bytes(b"old")
    output.chmod(mode)
    with atomic(output, overwrite=True) as temporary:
        if os.access(temporary, os.W_OK):
            temporary.write_bytes(b"new")
    assert stat.S_IMODE(output.stat().st_mode) == mode


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_heeds_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with atomic(tmp_path / "out.png", overwrite=False) as temporary:
            temporary.write_bytes(b"new")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o666 & ~umask


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.png", tmp_path / "link.png"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with atomic(link, overwrite=True) as temporary:
        temporary.write_bytes(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert_nothing_left(tmp_path / "elsewhere", "real.png")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EEXIST, errno.EROFS, errno.EIO, errno.EFBIG])
def test_every_failure_is_one_helpful_line(tmp_path: Path, number: int) -> None:
    output = tmp_path / "out.png"
    assert_helpful(output_error(output, OSError(number, os.strerror(number))), output)
    with pytest.raises(InputError) as caught, atomic(output, overwrite=False):
        raise OSError(number, os.strerror(number))
    assert_helpful(caught.value, output)
    assert_nothing_left(tmp_path)


def test_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for overwrite in (False, True):
        for name in ("absent/out.png", "file/out.png", "folder.png", "pipe.png", "n" * 300 + ".png"):
            with pytest.raises(InputError) as caught:
                check_output(tmp_path / name, overwrite=overwrite)
            assert_helpful(caught.value, tmp_path / name)
    check_output(tmp_path / "new.png", overwrite=False)
    check_output(tmp_path / "file", overwrite=True)
    assert_nothing_left(tmp_path, "file", "folder.png", "pipe.png")


# ---------------------------------------------------------------- several at a time


def test_several_appear_together(tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in "abc"]
    with atomic_all(outputs, overwrite=False) as places:
        for place, text in zip(places, (b"1", b"2", b"3"), strict=True):
            place.write_bytes(text)
        assert not any(output.exists() for output in outputs)
    assert [output.read_bytes() for output in outputs] == [b"1", b"2", b"3"]
    assert_nothing_left(tmp_path, "a", "b", "c")


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("overwrite", [False, True])
def test_of_several_nothing_is_left_when_stopped(tmp_path: Path, stop: type[BaseException], overwrite: bool) -> None:
    (tmp_path / "b").write_bytes(b"mine")
    with pytest.raises(stop), atomic_all([tmp_path / "a", tmp_path / "b"], overwrite=overwrite) as places:  # noqa: PT012
        places[0].write_bytes(b"half")
        raise stop
    assert (tmp_path / "b").read_bytes() == b"mine"
    assert_nothing_left(tmp_path, "b")


def test_where_one_name_is_taken_meanwhile_none_appears(tmp_path: Path) -> None:
    with (  # noqa: PT012
        pytest.raises(InputError, match="b: exists already"),
        atomic_all([tmp_path / name for name in "abc"], overwrite=False) as places,
    ):
        for place in places:
            place.write_bytes(b"ours")
        (tmp_path / "b").write_bytes(b"theirs")
    assert (tmp_path / "b").read_bytes() == b"theirs"
    assert_nothing_left(tmp_path, "b")


def test_where_one_cannot_be_begun_none_is(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught, atomic_all([tmp_path / "a", tmp_path / "no" / "b"], overwrite=False):
        pass
    assert_helpful(caught.value, tmp_path / "no" / "b")
    assert_nothing_left(tmp_path)


def test_old_files_are_back_when_another_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o640)
    with pytest.raises(InputError), atomic_all([tmp_path / name for name in "cab"], overwrite=True) as places:  # noqa: PT012
        for place in places:
            place.write_bytes(b"new")
        (tmp_path / "b").mkdir()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert_nothing_left(tmp_path, "a", "b")


@pytest.mark.parametrize("links", [True, False])
def test_several_are_replaced(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", no_link)
    outputs = [tmp_path / name for name in "abc"]
    for output in outputs[:2]:
        output.write_bytes(b"old")
    with atomic_all(outputs, overwrite=True) as places:
        for place in places:
            place.write_bytes(b"new")
    assert [output.read_bytes() for output in outputs] == [b"new"] * 3
    assert_nothing_left(tmp_path, "a", "b", "c")


MOMENTS = [(module, name, place) for module, name in (
    (os, "link"), (os, "fsync"), (os, "close"), (os, "open"), (Path, "replace"), (Path, "unlink"),
    (Path, "chmod"),
) for place in (1, 2, 3)]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(("module", "name", "place"), MOMENTS, ids=[f"{name} {n}" for _, name, n in MOMENTS])
def test_a_signal_at_any_moment_leaves_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module, name: str, place: int, before: bool, overwrite: bool,
    number: int,
) -> None:  # fmt: skip
    outputs = [tmp_path / letter for letter in "abc"]
    if overwrite:
        for output in outputs:
            output.write_bytes(b"old")
    real, calls = getattr(module, name), 0

    def disturbed(*given, **more):
        nonlocal calls
        calls += 1
        if before and calls == place:
            signal.raise_signal(number)
        answer = real(*given, **more)
        if not before and calls == place:
            signal.raise_signal(number)
        return answer

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    handler = signal.signal(number, stop)
    monkeypatch.setattr(module, name, disturbed)
    try:
        with contextlib.suppress(KeyboardInterrupt), atomic_all(outputs, overwrite=overwrite) as places:
            for temporary in places:
                temporary.write_bytes(b"new")
        assert signal.getsignal(number) is stop
    finally:
        monkeypatch.undo()
        signal.signal(number, handler)
    held = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    old = {"a": b"old", "b": b"old", "c": b"old"} if overwrite else {}
    assert held in (old, {"a": b"new", "b": b"new", "c": b"new"})
