"""Claim of an output by the job that writes it: tells its own file from that of another program.

A worker of a cluster can die after its output appeared and before it reported that.  The file is
then made again by another worker, which may replace that output, but no file of another program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_claim: ContextVar[Path | None] = ContextVar("claim", default=None)


@contextmanager
def claiming(claim: Path | None) -> Iterator[None]:
    """Record the outputs that are written in this context in a file; None for no record."""
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)


def record(temp: Path) -> None:
    """Record a complete file before it gets its final name, which changes none of its marks.

    Raises:
        OSError: the record cannot be written.
    """
    claim = _claim.get()
    if claim is not None and temp.exists():
        claim.write_text(json.dumps(_marks(temp)))


def is_claimed(claim: Path | None, output: Path) -> bool:
    """Whether an output is the file that was recorded in a claim."""
    if claim is None:
        return False
    try:
        return bool(json.loads(claim.read_text()) == _marks(output))
    except (OSError, ValueError):
        return False


def _marks(path: Path) -> list[int]:
    found = path.lstat()
    return [found.st_ino, found.st_size, found.st_mtime_ns]
