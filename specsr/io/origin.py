"""Origin of a result, stored in its file: what its values depend on besides the input.

A job sets it (`stating`), and the writers of audio sidecars, ``.npy``, ``.npz``, HDF5, ``.mat``,
``.tdms``, tables, figures and PNG images store it as one JSON object.  Reading a recording or a map
ignores it; ``specsr info`` shows that of recordings and maps.  Its fields are plain
data; a job writes::

    command               its name
    model, model_sha256   name and checksum of the model; absent without one (bicubic: no checksum)
    specsr, python, numpy, torch, threads, precision, device, processor
                          see `specsr.jobs.environment`
    options               options of the command with their defaults, but those that are None

It has neither the time of writing nor the name of the machine or of a folder: the same input gives
the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

KEY = "origin"
"""Name of the entry in a file."""

_stated: ContextVar[dict[str, Any] | None] = ContextVar("origin", default=None)


@contextmanager
def stating(origin: dict[str, Any] | None) -> Iterator[None]:
    """Store an origin in all files that are written in this context; None for files without one."""
    token = _stated.set(origin)
    try:
        yield
    finally:
        _stated.reset(token)


def stated() -> dict[str, Any] | None:
    """Return the origin of the files that are written now; None for files without one."""
    return _stated.get()


def text() -> str | None:
    """Return the origin of the files that are written now as JSON text in ASCII, or None."""
    origin = stated()
    return None if origin is None else json.dumps(origin)


def from_text(value: Any) -> dict[str, Any] | None:
    """Return the origin in an entry of a file: JSON text or a dict; None for anything else."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def line(origin: dict[str, Any]) -> str:
    """Return an origin on one line, the name of the command first."""
    texts = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in origin.items()
    }
    command = texts.pop("command", "")
    return ", ".join(filter(None, [command, *(f"{key} {text}" for key, text in texts.items())]))
