"""Files that appear whole or not at all."""

import errno
import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from inpainter.core import InputError
from inpainter.core.paths import exists

# What a share may say of permissions and flushing that it does not have; the rest, such as EIO, is a failure.
_REFUSED = {errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
# The folders that a file is made in.
_TEMPORARY = re.compile(r"\.inpainter-[0-9a-z_]{8}")
# Nothing is written for so long without a change to its file, s.
_DEAD_AFTER = 24 * 60 * 60
# The folders in which this process has looked for what killed runs left.
_tidied: set[Path] = set()


def check_output(output: Path, *, overwrite: bool, sources: tuple[Path, ...] = (), keep_sources: bool = False) -> None:
    """Raise InputError unless a file may be written at `output`; nothing is touched.

    `sources` are the files that the output is made from: writing over one of them counts as overwriting, and with
    `keep_sources` is never allowed.
    """
    if "\0" in str(output):
        raise InputError(f"{str(output)!r}: no file can have this name; name another output")
    try:
        _check_place(output)
        there = os.path.lexists(output)
        source = next((source for source in sources if _is_same(source, output)), None) if there else None
    except OSError as error:  # such as a name that is too long
        raise output_error(output, error) from error
    if source and keep_sources:
        raise InputError(f"{output}: would replace {source.name}, which it is made from; name another output")
    if overwrite or not there:
        return
    what = "the output would replace its own input; name another" if source else "exists already; name another output"
    raise InputError(f"{output}: {what} or pass overwrite=True", code="exists")


def check_apart(outputs: Sequence[Path]) -> None:
    """Raise InputError where two outputs are one file, by a link."""
    places: dict[str, Path] = {}
    for output in outputs:
        other = places.setdefault(os.path.realpath(output), output)
        if other is not output:
            raise InputError(f"{output}: is the same file as {other}; remove the link or name another output")


def _is_same(source: Path, output: Path) -> bool:
    return exists(source) and exists(output) and source.samefile(output)


def _check_place(output: Path) -> None:
    target = _target(output)
    folder = target.parent
    for wrong, what in (
        (target.is_symlink(), "is a link that leads back to itself; remove it or name another output"),
        (folder.is_symlink() and not folder.exists(), "its folder is a link that leads nowhere; choose another output"),
        (not folder.exists(), f"its folder does not exist; make it first (mkdir -p '{folder}')"),
        (not folder.is_dir(), f"{folder} is not a folder; choose another output"),
        (output.is_dir(), "is a folder; name a file in it"),
        (exists(output) and not output.is_file(), "is a pipe or a device, which nothing can replace; name a file"),
        (exists(output) and not os.access(output, os.W_OK), "is write-protected; name another output or allow writing"),
        (not os.access(folder, os.W_OK | os.X_OK), "no permission to write into its folder; name another output"),
    ):
        if wrong:
            raise InputError(f"{output}: {what}")


@contextmanager
def atomic(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `output`, which becomes `output` in one step when the block ends well.

    Whatever goes wrong, `output` is as it was. Raises InputError.
    """
    with explained(output), atomic_all([output], overwrite=overwrite) as (temporary,):
        yield temporary


@contextmanager
def atomic_all(outputs: Sequence[Path], *, overwrite: bool) -> Iterator[list[Path]]:
    """Give a temporary path beside each of `outputs`; when the block ends well, all become them.

    Whatever goes wrong, each is as it was; a signal is heard before or after all appear. Only of two programs that
    overwrite the same names at once may each leave some. What the block cannot write it has to say itself, by
    `explained`, because it alone knows of which output that is.
    """
    with ExitStack() as stack:
        places: list[tuple[Path, Path]] = []
        for output in outputs:
            with explained(output):
                places.append(stack.enter_context(_temporary(output)))
        yield [temporary for temporary, _ in places]
        for output, (temporary, _) in zip(outputs, places, strict=True):
            with explained(output):
                _flush(temporary)
        with undisturbed(), ExitStack() as undo:
            for output, (temporary, target) in zip(outputs, places, strict=True):
                with explained(output):
                    # The last, or only, one is replaced in one step, and nothing can fail after it.
                    if target != places[-1][1] and target.is_file():
                        aside = temporary.with_suffix(".old")
                        _keep(target, aside)
                        undo.callback(aside.replace, target)
                    new = not os.path.lexists(target)
                    _publish(temporary, target, overwrite=overwrite)
                    if new:
                        undo.callback(target.unlink, missing_ok=True)
            undo.pop_all()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back what stops a program until the block is over; only the main thread is ever disturbed by it."""
    came: list[int] = []
    before = {}
    try:
        # SIGINT, whose handler raises, last. Windows has no hang-up of the terminal.
        for name in ("SIGHUP", "SIGTERM", "SIGINT") if threading.current_thread() is threading.main_thread() else ():
            # None: a handler that is not Python's, and that could not be put back.
            if (number := getattr(signal, name, None)) and (handler := signal.getsignal(number)) is not None:
                before[number] = handler
                signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def explained(output: Path) -> Iterator[None]:
    """Turn what the operating system says of a file that cannot be written into an InputError."""
    try:
        yield
    except OSError as error:
        raise output_error(output, error) from error


@contextmanager
def _temporary(output: Path) -> Iterator[tuple[Path, Path]]:
    """An empty file, in a private folder beside `output` that is gone in the end, and the file that it is to become."""
    target = _target(output)
    with ExitStack() as stack:
        with undisturbed():
            folder = Path(tempfile.mkdtemp(prefix=".inpainter-", dir=target.parent))
            # Twice: a signal may come before the first is done. What cannot be removed is left for a later run.
            for _ in range(2):
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
        _remove_dead(folder)
        temporary = folder / "part"
        temporary.touch()
        if target.exists():
            _take_permissions(temporary, target)
        yield temporary, target


def _target(output: Path) -> Path:
    """The file that is written: a link is followed, so that the file it names is replaced and the link stays."""
    return Path(os.path.realpath(output)) if output.is_symlink() else output


def _remove_dead(made: Path) -> None:
    """Remove what killed runs have left beside a folder just made, once in a process.

    Only their age says that nobody writes them any more: on a share they may be another machine's, whose processes
    cannot be seen from here. It is counted by the clock that dated the new folder, which is the share's.
    """
    if (beside := made.parent.absolute()) in _tidied:
        return
    _tidied.add(beside)
    with suppress(OSError), os.scandir(beside) as entries:
        now = made.stat().st_mtime
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                held = [Path(entry.path), *Path(entry.path).iterdir()]
                if now - max(path.lstat().st_mtime for path in held) > _DEAD_AFTER:
                    shutil.rmtree(entry.path, ignore_errors=True)


def _flush(path: Path) -> None:
    # Windows flushes only what is open for writing.
    with path.open("r+b") as file, _if_possible():
        os.fsync(file.fileno())


def _take_permissions(path: Path, of: Path) -> None:
    with _if_possible():
        path.chmod(of.stat().st_mode & 0o777)


@contextmanager
def _if_possible() -> Iterator[None]:
    """Do without what a share does not have."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise


def _keep(target: Path, aside: Path) -> None:
    """Give a file that is to be replaced a second name; the first one is never missing, should the program die."""
    try:
        os.link(target, aside)
    except OSError:  # a file system without hard links
        shutil.copyfile(target, aside)
        _take_permissions(aside, target)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, or replace it, so that whoever opens it finds the old content or the new; raises InputError."""
    with atomic(path, overwrite=True) as temporary:
        temporary.write_bytes(data)


def output_error(output: Path, error: OSError) -> InputError:
    """Say in one line why a file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"{output}: the disk is full; free some space or choose another disk", code="no-space")
    if error.errno == errno.EEXIST:
        return InputError(f"{output}: exists already; name another output or pass overwrite=True", code="exists")
    what = f"cannot be written ({(error.strerror or str(error)).lower()})"
    if error.errno == errno.EFBIG:
        what = "larger than a file may be here (the disk's or the system's limit)"
    return InputError(f"{output}: {what}; choose another place")


def _publish(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(target)
        return
    try:
        # A hard link fails where the name is taken, so that nobody's file is lost in a race.
        os.link(temporary, target)
    except OSError:  # or a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists", str(target)) from None
        # Windows renames only to a name that is free.
        temporary.rename(target)
