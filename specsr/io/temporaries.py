"""Temporary files beside outputs: their names, and removal of those that killed processes left."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

OLD = 60.0
"""Age in s from which the temporary file of a dead process is removed."""

_NAME = re.compile(r"\.specsr-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}-\d+\.(tmp|old)")


@functools.lru_cache
def host_key() -> str:
    """Return 8 hex digits that stand for this host: a process number is unique on its host only."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def temporary_paths(finals: Sequence[Path]) -> list[Path]:
    """Return a new path beside each output: ``.specsr-HOST-PID-TOKEN-NUMBER.tmp``."""
    start = f".specsr-{host_key()}-{os.getpid()}-{uuid4().hex[:12]}"
    return [final.with_name(f"{start}-{i}.tmp") for i, final in enumerate(finals)]


def sweep(folder: Path, everything: bool = False) -> None:
    """Remove the temporary files of dead processes of this host that are older than `OLD`.

    Args:
        folder: where they are; it need not exist.
        everything: remove those of all processes and hosts, of any age: for a folder that belongs
            to the caller alone.
    """
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.name.startswith(".specsr-")]
    except OSError:  # missing, or not readable
        return
    for entry in found:
        if everything and entry.name.endswith((".tmp", ".old")):
            Path(entry.path).unlink(missing_ok=True)
        elif (match := _NAME.fullmatch(entry.name)) and match[1] == host_key():
            _remove_dead(Path(entry.path), int(match[2]))


def sweep_process(folder: Path, pid: int) -> None:
    """Remove the temporary files of a process of this host that has ended, of any age."""
    for path in folder.glob(f".specsr-{host_key()}-{pid}-*"):
        if _NAME.fullmatch(path.name):
            with suppress(OSError):  # a later job removes it
                path.unlink()


def _remove_dead(path: Path, pid: int) -> None:
    try:
        if time.time() - path.lstat().st_mtime > OLD and not is_running(pid):
            path.unlink(missing_ok=True)
    except OSError:  # removed by another process, or not ours
        return


def is_running(pid: int) -> bool:
    """Whether a process of this host exists."""
    if os.name == "nt":  # os.kill would end the process there
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # a process of another user
        return True
    return True


def _is_running_on_windows(pid: int) -> bool:
    import ctypes

    synchronize, still_active = 0x00100000, 0x102  # access right; result of the wait
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(synchronize, False, pid)
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0) == still_active)
    finally:
        kernel.CloseHandle(handle)


def make_folder(folder: Path) -> list[Path]:
    """Create a folder with its parents and return the folders that were missing, outermost first.

    Raises:
        OSError: it cannot be created.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove the folders that `make_folder` created, as far as they are empty."""
    for folder in reversed(folders):
        try:
            folder.rmdir()
        except OSError:  # in use by now
            return
