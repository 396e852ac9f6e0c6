"""Snapshot of the files that a job reads: detects a file that changes during the work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from specsr.errors import SpecsrError
from specsr.io.sidecar import sidecar_path

State = tuple[int, int, int, int]
"""Size in bytes, time of the last change in ns, inode, time of its last change in ns.

The last one cannot be set by a program, and also changes with names and permissions.
"""


@dataclass(frozen=True)
class Snapshot:
    """State of files before they are read; see `snapshot`.

    Attributes:
        files: each file with its state; None for a missing one.
    """

    files: tuple[tuple[Path, State | None], ...] = ()

    def check(self) -> None:
        """Raise `SpecsrError` if one of the files has changed since; to be called before a commit.

        Raises:
            SpecsrError: the message names the file.
        """
        for path, before in self.files:
            now = _state(path)
            if now != before:
                raise SpecsrError(
                    f"{path}: changed while it was read ({_text(before)}, now {_text(now)}): wait "
                    "until it is complete, and run again"
                )


def snapshot(paths: Iterable[Path | None]) -> Snapshot:
    """Return the present state of files and of their sidecars; None among the paths is skipped."""
    files = [each for path in paths if path is not None for each in (path, sidecar_path(path))]
    return Snapshot(tuple((path, _state(path)) for path in dict.fromkeys(files)))


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns


def _text(state: State | None) -> str:
    return "missing" if state is None else f"{state[0]} bytes"
