"""Give written files their final names: all of them or none, flushed to the disk."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from specsr.errors import SpecsrError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NO_LINKS = {
    errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL,
    errno.EMLINK, errno.EXDEV,
}  # fmt: skip
"""Errors of `os.link` on file systems without hard links (FAT, some network drives)."""

_NO_FOLDER_SYNC = {errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}
"""Errors of file systems that cannot flush a folder."""

LOCK_SECONDS = 10.0
"""Time after which renaming no longer waits for another process that renames in the same folder."""


def exists_error(path: Path, when: str = "exists already") -> SpecsrError:
    """Return the error for an output that exists and may not be replaced."""
    return SpecsrError(
        f"{path}: {when} and was kept: choose another name, or allow replacing it "
        "(overwrite=True, --overwrite)"
    )


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file, of a link itself; None for a missing one."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def sync_file(path: Path) -> None:
    """Flush a file to the disk: some file systems report a full disk only here."""
    if path.exists():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system supports it."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


@contextmanager
def renaming(folders: Iterable[Path]) -> Iterator[None]:
    """Exclude other processes and threads that rename files in the same folders.

    So the files of two jobs with one output are not mixed.  Where folders cannot be locked (some
    network drives, Windows) nothing is excluded, and the checksum in a sidecar reveals a mix.
    """
    with ExitStack() as stack:
        for folder in sorted(set(folders)):  # one order: two processes never wait for each other
            try:
                handle = os.open(folder, os.O_RDONLY)
            except OSError:
                continue
            stack.callback(os.close, handle)
            _wait_for_lock(handle)
        yield


def _wait_for_lock(handle: int) -> None:
    if fcntl is None:
        return
    end = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < end:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.001)
        except OSError:  # not supported
            return


def commit(
    finals: Sequence[Path], temps: Sequence[Path], olds: Sequence[Path], overwrite: bool
) -> None:
    """Rename temporary files to their final names: the companions, then the main file (the first).

    A companion without a temporary file is deleted.  After an exception the final names are as
    they were before.

    Args:
        finals: final names.
        temps: temporary files in the same folders.
        olds: names for the files that are replaced, until all are renamed.
        overwrite: replace existing files; else a file that appeared meanwhile is kept.

    Raises:
        SpecsrError: a file has appeared under a final name.
        OSError: a file cannot be renamed or flushed.
    """
    for temp in temps:
        sync_file(temp)
    with renaming(final.parent for final in finals):
        _rename_all(finals, temps, olds, overwrite)


def _rename_all(
    finals: Sequence[Path], temps: Sequence[Path], olds: Sequence[Path], overwrite: bool
) -> None:
    made = [identity(temp) for temp in temps]
    before = [identity(final) for final in finals]
    order = [*range(1, len(finals)), 0]
    try:
        if overwrite:
            for i in order:
                if before[i] is not None:
                    _keep(finals[i], olds[i], copied=i > 0)
        for i in order:
            if i and made[i] is None:
                if before[i] is None:
                    continue
                if not overwrite:
                    raise FileExistsError(errno.EEXIST, "exists", str(finals[i]))
                finals[i].unlink(missing_ok=True)
            elif overwrite:
                os.replace(temps[i], finals[i])
            else:
                place(temps[i], finals[i])
        for folder in dict.fromkeys(final.parent for final in finals):
            sync_folder(folder)
    except BaseException as error:
        _undo(finals, olds, made, before)
        if isinstance(error, FileExistsError) and not overwrite:
            taken = next((f for f, own in zip(finals, made) if _foreign(f, own)), finals[0])
            raise exists_error(taken, "appeared during the work") from None
        raise


def place(temp: Path, final: Path) -> None:
    """Rename a file to a name that does not exist yet; `os.rename` would replace a file.

    A hard link fails if the name exists.  Where links are not supported the name is first taken by
    an empty file that must not exist before.

    Raises:
        FileExistsError: the name exists, also as a link to nothing; nothing was changed.
        OSError: the file system refuses.
    """
    try:
        os.link(temp, final)
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno not in _NO_LINKS:
            raise
    else:
        with suppress(OSError):  # it is in place; `specsr.io.atomic` removes what is left
            temp.unlink()
        return
    os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    placeholder = identity(final)
    try:
        os.replace(temp, final)
    except BaseException:
        if identity(final) == placeholder:
            final.unlink()
        raise


def _keep(final: Path, old: Path, copied: bool) -> None:
    """Give a file that is replaced a second name; ``copied``: copy it where links do not exist."""
    try:
        os.link(final, old)
    except OSError:
        if copied:
            shutil.copy2(final, old)


def _undo(
    finals: Sequence[Path],
    olds: Sequence[Path],
    made: Sequence[tuple[int, int] | None],
    before: Sequence[tuple[int, int] | None],
) -> None:
    """Restore the final names.  Decided by the files found: an interrupt may come at any line."""
    if before[0] is not None and identity(finals[0]) == made[0] and not olds[0].exists():
        return  # all are in place, and the former main file is gone (no hard links)
    for final, old, own, former in zip(finals, olds, made, before, strict=True):
        if former is not None:
            if old.exists():
                os.replace(old, final)
        elif own is not None and identity(final) == own:
            final.unlink(missing_ok=True)


def _foreign(final: Path, own: tuple[int, int] | None) -> bool:
    return identity(final) not in (None, own)
