"""Files are written on systems and shares that differ from this one, beside other threads, and after killed runs."""

import errno
import fcntl
import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inpainter.core import InputError
from inpainter.photos import files
from inpainter.photos.files import atomic, atomic_all, check_output, write_whole
from makers import assert_helpful, assert_nothing_left


def failing(number: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


# ---------------------------------------------------------------- Windows


def test_only_what_is_open_for_writing_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []

    def as_on_windows(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flushed.append(descriptor)

    monkeypatch.setattr(os, "fsync", as_on_windows)
    write_whole(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert flushed


def test_a_system_without_a_hang_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    write_whole(tmp_path / "a", b"whole")
    assert_nothing_left(tmp_path, "a")


def test_a_temporary_file_that_is_still_open_hides_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows removes no open file; what went wrong before is what the user must hear of."""
    monkeypatch.setattr(os, "unlink", failing(errno.EACCES))
    with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "a", overwrite=False):
        raise KeyboardInterrupt


def test_a_write_protected_file_is_named_before_the_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "a"
    output.write_bytes(b"mine")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != output or not mode & os.W_OK)
    with pytest.raises(InputError, match="write-protected") as caught:
        check_output(output, overwrite=True)
    assert_helpful(caught.value, output)


# ---------------------------------------------------------------- shares

REFUSALS = pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS])


@REFUSALS
@pytest.mark.parametrize("module_name", [(os, "fsync"), (Path, "chmod"), (os, "chmod")], ids=str)
def test_a_share_without_permissions_or_flushing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module_name: tuple[object, str], number: int
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    monkeypatch.setattr(*module_name, failing(number))
    monkeypatch.setattr(os, "link", failing(number))
    with atomic_all([tmp_path / "old", tmp_path / "new"], overwrite=True) as places:
        for place in places:
            place.write_bytes(b"whole")
    assert [(tmp_path / name).read_bytes() for name in ("old", "new")] == [b"whole", b"whole"]
    assert_nothing_left(tmp_path, "old", "new")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(InputError) as caught:
        write_whole(tmp_path / "a", b"new")
    assert_helpful(caught.value, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert_nothing_left(tmp_path, "a")


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_overwritten_is_never_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """A program that is killed between any two steps leaves the old file or the new one."""
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    outputs = [tmp_path / name for name in "abc"]
    for output in outputs:
        output.write_bytes(b"old")
        output.chmod(0o640)
    seen = []

    def watched(name: str):
        real = getattr(Path, name)

        def step(path: Path, *given: object) -> object:
            done = real(path, *given)
            seen.append([output.read_bytes() for output in outputs])
            return done

        monkeypatch.setattr(Path, name, step)

    watched("replace")
    watched("rename")
    with pytest.raises(InputError), atomic_all(outputs, overwrite=True) as places:  # noqa: PT012
        for place in places:
            place.write_bytes(b"new")
        places[2].unlink()
        monkeypatch.setattr(files, "_flush", lambda _: None)
    assert [b"new", b"new", b"old"] in seen
    assert [output.read_bytes() for output in outputs] == [b"old"] * 3
    assert {stat.S_IMODE(output.stat().st_mode) for output in outputs} == {0o640}
    assert_nothing_left(tmp_path, "a", "b", "c")


# ---------------------------------------------------------------- other threads


def test_the_umask_of_other_threads_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one umask for all threads, so that it is never set, not for a moment."""
    monkeypatch.setattr(os, "umask", failing(errno.EINVAL))

    def write(number: int) -> int:
        write_whole(tmp_path / str(number), b"whole")
        return stat.S_IMODE((tmp_path / str(number)).stat().st_mode)

    (tmp_path / "plain").touch()
    with ThreadPoolExecutor(4) as pool:
        modes = set(pool.map(write, range(40)))
    assert modes == {stat.S_IMODE((tmp_path / "plain").stat().st_mode)}


def test_a_file_that_replaces_a_private_one_is_never_open_to_others(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    (tmp_path / "a").chmod(0o600)
    with atomic(tmp_path / "a", overwrite=True) as temporary:
        assert [stat.S_IMODE(path.stat().st_mode) for path in (temporary, temporary.parent)] == [0o600, 0o700]
        temporary.write_bytes(b"new")


def test_only_the_main_thread_touches_signals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python lets no other thread set a handler."""
    monkeypatch.setattr(signal, "signal", failing(errno.EINVAL))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: write_whole(tmp_path / name, b"whole"), "abcd"))
    assert_nothing_left(tmp_path, *"abcd")


# ---------------------------------------------------------------- killed runs

LEFT = [".inpainter-1a2b3c4d", ".inpainter-ab_9xyz0"]
NOT_OURS = [".inpainter-mine", "a.part", ".inpainter-1a2b3c4d.png", ".inpainter-00000000", "out.old"]


def test_what_runs_killed_long_ago_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NOT_OURS:
        (tmp_path / name).write_bytes(b"half")
    for name in LEFT:
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_bytes(b"half")
    link = ".inpainter-00000001"
    (tmp_path / link).symlink_to(".")
    monkeypatch.setattr(files, "_DEAD_AFTER", 0.05)
    time.sleep(0.2)
    write_whole(tmp_path / "new", b"whole")
    assert_nothing_left(tmp_path, "new", link, *NOT_OURS)


def test_what_a_running_program_writes_is_not_removed(tmp_path: Path) -> None:
    """Nor a photo of ten years ago that it has just put aside."""
    photo = tmp_path / "photo"
    photo.write_bytes(b"old")
    os.utime(photo, (1.4e9, 1.4e9))
    (tmp_path / LEFT[0]).mkdir()
    os.link(photo, tmp_path / LEFT[0] / "part.old")
    with atomic(tmp_path / "a", overwrite=False) as temporary:
        temporary.write_bytes(b"whole")
        files._tidied.clear()
        write_whole(tmp_path / "b", b"whole")
    assert_nothing_left(tmp_path, "a", "b", "photo", LEFT[0])


def test_a_folder_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of a hundred thousand photos would otherwise list a hundred thousand names as often."""
    looked, real = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: looked.append(folder) or real(folder))
    for name in "abc":
        write_whole(tmp_path / name, b"whole")
    assert looked.count(tmp_path) == 1


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("name", "says"),
    [("loop", "leads back to itself"), ("self", "leads back to itself"), ("folder", "is a folder"),
     ("dangling", "folder does not exist"), ("loop/out.png", "leads nowhere"), ("nowhere/out.png", "leads nowhere"),
     ("locked", "no permission")],
)  # fmt: skip
def test_links_that_lead_to_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    for link, to in (("loop", "back"), ("back", "loop"), ("self", "self"), ("folder", "."), ("dangling", "absent/a"),
                     ("nowhere", "absent"), ("locked", "private/a")):  # fmt: skip
        (tmp_path / link).symlink_to(to)
    (tmp_path / "private").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "private")
    before = {path: path.readlink() if path.is_symlink() else None for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=says) as caught:
        check_output(tmp_path / name, overwrite=True)
    assert_helpful(caught.value, tmp_path / name)
    assert {path: path.readlink() if path.is_symlink() else None for path in tmp_path.iterdir()} == before
