"""Files that appear whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from inpainter.core import InputError


def check_output(output: Path, *, overwrite: bool, sources: tuple[Path, ...] = ()) -> None:
    """Raise InputError unless a file may be written at `output`; nothing is touched.

    `sources` are the files that the output is made from: writing over one of them counts as overwriting.
    """
    try:
        _check_place(output)
        exists = os.path.lexists(output)
    except OSError as error:  # such as a name that is too long
        raise output_error(output, error) from error
    if overwrite or not exists:
        return
    for source in sources:
        if source.exists() and output.exists() and source.samefile(output):
            raise InputError(f"{output}: the output would replace its own input; name another or pass --overwrite")
    raise InputError(f"{output}: exists already; name another output or pass --overwrite")


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
    with explained(output), _temporary(output) as (temporary, target):
        yield temporary
        _publish(temporary, target, overwrite=overwrite)


@contextmanager
def atomic_all(outputs: Sequence[Path], *, overwrite: bool) -> Iterator[list[Path]]:
    """Give a temporary path beside each of `outputs`; when the block ends well, all become them.

    Whatever goes wrong, none of them is there that was not before. What the block cannot write it has to say itself,
    by `explained`, because it alone knows of which output that is.
    """
    appeared: list[Path] = []
    with ExitStack() as stack:
        places: list[tuple[Path, Path]] = []
        for output in outputs:
            with explained(output):
                places.append(stack.enter_context(_temporary(output)))
        yield [temporary for temporary, _ in places]
        try:
            for output, (temporary, target) in zip(outputs, places, strict=True):
                new = not os.path.lexists(target)
                with explained(output):
                    _publish(temporary, target, overwrite=overwrite)
                if new:
                    appeared.append(target)
        except BaseException:
            for target in appeared:
                target.unlink(missing_ok=True)
            raise


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
    target = output.resolve() if output.is_symlink() else output
    name = ""
    try:
        handle, name = tempfile.mkstemp(prefix=".inpainter-", suffix=".part", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        yield temporary, target
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


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
    if error.errno == errno.EEXIST:
        return InputError(f"{output}: exists already; name another output or pass --overwrite")
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{output}: cannot be written ({reason}); choose another place")


def _publish(temporary: Path, target: Path, *, overwrite: bool) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
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
