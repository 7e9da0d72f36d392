"""Files that appear whole or not at all."""

import errno
import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from inpainter.core import InputError
from inpainter.core.paths import exists


def check_output(output: Path, *, overwrite: bool, sources: tuple[Path, ...] = (), keep_sources: bool = False) -> None:
    """Raise InputError unless a file may be written at `output`; nothing is touched.

    `sources` are the files that the output is made from: writing over one of them counts as overwriting, and with
    `keep_sources` is never allowed.
    """
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
    if source:
        raise InputError(f"{output}: the output would replace its own input; name another or pass --overwrite")
    raise InputError(f"{output}: exists already; name another output or pass --overwrite")


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
    folder = output.parent
    if not folder.exists():
        raise InputError(f"{output}: its folder does not exist; make it first (mkdir -p '{folder}')")
    if not folder.is_dir():
        raise InputError(f"{output}: {folder} is not a folder; choose another output")
    if output.is_dir():
        raise InputError(f"{output}: is a folder; name a file in it")
    if output.exists() and not output.is_file():
        raise InputError(f"{output}: is a pipe or a device, which nothing can replace; name a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{output}: no permission to write into its folder; choose another with -o")


@contextmanager
def atomic(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `output`; when the block ends well, it becomes `output` in one step.

    Whatever goes wrong in between, the temporary file is removed and `output` is as it was.
    Raises InputError when the disk is full or the output came into being meanwhile.
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
            with explained(output), temporary.open("rb") as file:
                os.fsync(file.fileno())
        with undisturbed(), ExitStack() as old, ExitStack() as undo:
            for output, (temporary, target) in zip(outputs, places, strict=True):
                with explained(output):
                    # The last, or only, one is replaced in one step, and nothing can fail after it.
                    kept = _kept(target, temporary.with_suffix(".old")) if target != places[-1][1] else None
                    if kept:
                        undo.callback(kept.replace, target)
                        old.callback(kept.unlink, missing_ok=True)
                    new = not os.path.lexists(target) and not kept
                    _publish(temporary, target, overwrite=overwrite)
                    if new:
                        undo.callback(target.unlink, missing_ok=True)
            undo.pop_all()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C and a termination back until the block is over; only the main thread is ever disturbed by them."""
    came: list[int] = []
    try:
        with ExitStack() as held:
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGINT, signal.SIGTERM):
                    held.enter_context(_held(number, came))
            yield
    finally:
        if came:
            signal.raise_signal(came[0])


@contextmanager
def _held(number: int, came: list[int]) -> Iterator[None]:
    before = signal.getsignal(number)
    # None: a handler that is not Python's, and that could not be put back.
    if before is None:
        yield
        return
    try:
        signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def gone_afterwards(path: Path) -> Iterator[None]:
    """Remove a file, if it is there, when the block is over, however it ends."""
    try:
        yield
    finally:
        try:
            path.unlink(missing_ok=True)
        finally:
            # A signal may have come before the first was done.
            path.unlink(missing_ok=True)


@contextmanager
def explained(output: Path) -> Iterator[None]:
    """Turn what the operating system says of a file that cannot be written into an InputError."""
    try:
        yield
    except OSError as error:
        raise output_error(output, error) from error


@contextmanager
def _temporary(output: Path) -> Iterator[tuple[Path, Path]]:
    """An empty file beside `output` that is gone in the end, and the file that it is to become."""
    # A link is followed, so that the file it names is replaced and the link stays.
    target = Path(os.path.realpath(output)) if output.is_symlink() else output
    with ExitStack() as stack:
        with undisturbed():
            handle, name = tempfile.mkstemp(prefix=".inpainter-", suffix=".part", dir=target.parent)
            os.close(handle)
            temporary = Path(name)
            stack.enter_context(gone_afterwards(temporary))
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        yield temporary, target


def _kept(target: Path, aside: Path) -> Path | None:
    """A file that is to be replaced, under another name; None where there is none to keep."""
    if not target.is_file():
        return None
    try:
        # By a second name of it, so that the first one is never missing.
        os.link(target, aside)
    except OSError:  # a file system without hard links
        target.replace(aside)
    return aside


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, in the place of an older one, so that whoever opens it finds the old content or the new.

    Raises InputError when the disk is full or the folder cannot be written to; `path` is then as it was.
    """
    with atomic(path, overwrite=True) as temporary:
        temporary.write_bytes(data)


def output_error(output: Path, error: OSError) -> InputError:
    """Say in one line why a file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"{output}: the disk is full; free some space or choose another disk")
    if error.errno == errno.EFBIG:
        return InputError(
            f"{output}: larger than a file may be here (the disk's or the system's limit); choose another place"
        )
    if error.errno == errno.EEXIST:
        return InputError(f"{output}: exists already; name another output or pass --overwrite")
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{output}: cannot be written ({reason}); choose another place")


def _publish(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(target)
        return
    try:
        # A hard link fails where the name is taken, so that nobody's file is lost in a race.
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists", str(target)) from None
        temporary.replace(target)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
