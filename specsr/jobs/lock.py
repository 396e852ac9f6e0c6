"""Lock of an output folder: one job at a time writes into it and into its manifest."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from uuid import uuid4

from specsr.errors import SpecsrError
from specsr.io.commit import identity, place
from specsr.io.temporaries import OLD, is_running, make_folder, remove_empty

try:
    import fcntl
except ImportError:  # Windows: the existence of the file is the lock
    fcntl = None  # type: ignore[assignment]

NAME = "specsr-manifest.lock"

_UNSUPPORTED = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""Errors of `fcntl.flock` on file systems without locks."""


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder, which is created if it is missing.

    The system releases the lock of a process that ends in any manner.  On file systems without
    locks the existence of the file is the lock, and that of a dead process of this host is taken
    over.

    Raises:
        SpecsrError: another job holds the lock, or the folder is not writable.
    """
    created: list[Path] = []
    try:
        try:
            created = make_folder(folder)
            path = folder / NAME
            handle = _acquire(path)
        except OSError as error:
            raise SpecsrError(
                f"{folder}: could not be locked for this job ({error.strerror or error}): choose "
                "a writable folder"
            ) from error
        try:
            yield
        finally:
            _release(path, handle)
    finally:
        remove_empty(created)


def _acquire(path: Path) -> int:
    """Return the open lock file, locked.

    Raises:
        SpecsrError: another job holds it.
        OSError: the file cannot be opened.
    """
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            new = True
        except FileExistsError:
            try:
                handle = os.open(path, os.O_RDWR)
            except FileNotFoundError:  # released in between
                continue
            new = False
        try:
            if _lock(handle, new, path) and _same_file(handle, path):
                os.ftruncate(handle, 0)
                os.write(handle, _holder().encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # removed by its holder, or stale and removed here: try again


def _lock(handle: int, new: bool, path: Path) -> bool:
    """Lock an open file without waiting; False if a stale file was removed instead.

    Raises:
        SpecsrError: another job holds it.
    """
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            raise _busy(path) from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    if new:
        return True
    content = path.read_bytes()
    if not _is_stale(content, path):
        raise _busy(path)
    _remove_stale(path, content)
    return False


def _is_stale(content: bytes, path: Path) -> bool:
    """Whether a lock file is that of a dead process of this host, or was never filled."""
    try:
        holder = json.loads(content)
        pid, host = int(holder["pid"]), holder["host"]
        return bool(host == socket.gethostname()) and not is_running(pid)
    except (ValueError, TypeError, KeyError):
        return time.time() - path.stat().st_mtime > OLD


def _remove_stale(path: Path, content: bytes) -> None:
    """Remove a stale lock file, but not the new one of a job that was faster."""
    aside = path.with_name(f".specsr-{uuid4().hex[:12]}.lock")
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return
    if aside.read_bytes() == content:
        aside.unlink()
    else:
        place(aside, path)


def _same_file(handle: int, path: Path) -> bool:
    """Whether the open file still has the name of the lock: its holder removes it at the end."""
    found = os.fstat(handle)
    return identity(path) == (found.st_dev, found.st_ino)


def _release(path: Path, handle: int) -> None:
    if os.name == "nt":  # an open file cannot be removed there
        os.close(handle)
        path.unlink(missing_ok=True)
        return
    try:
        if _same_file(handle, path):
            path.unlink(missing_ok=True)
    except OSError:  # the folder is gone or not writable any more: the lock ends all the same
        pass
    finally:
        os.close(handle)


def _holder() -> str:
    since = datetime.now(timezone.utc).isoformat("T", "seconds")
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": since})


def _busy(path: Path) -> SpecsrError:
    """Return the error that names the holder of a lock."""
    try:
        holder = json.loads(path.read_bytes())
        who = f" (process {holder['pid']} on {holder['host']}, since {holder['since']})"
    except (OSError, ValueError, TypeError, KeyError):
        who = ""
    return SpecsrError(
        f"{path.parent}: another job{who} writes into this folder: wait until it ends, or choose "
        "another output folder"
    )
