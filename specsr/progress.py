"""Progress of a job: the type of what wraps its steps, and lines of JSON for other programs.

With the environment variable ``SPECSR_PROGRESS=json`` a command writes lines such as

    {"progress": {"label": "run.wav", "done": 3, "total": 8, "seconds": 1.5, "seconds_left": 2.5}}

to stderr instead of a bar.  ``total`` and ``seconds_left`` are null where they are not known.  A
command may have several parts, each from ``done`` 0 on.  All other lines of stderr are messages.
"""

from __future__ import annotations

import json
import operator
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

Progress = Callable[[Iterable[Any]], Iterable[Any]]

VARIABLE = "SPECSR_PROGRESS"
"""Environment variable that asks for lines of JSON."""

INTERVAL = 0.1
"""Shortest time between two lines of one part, s; the first and the last are always written."""

_START = '{"progress": {'


def lines_wanted() -> bool:
    """Whether the program that started this one asks for lines of JSON."""
    return os.environ.get(VARIABLE) == "json"


def lines(label: str, total: int | None = None) -> Progress:
    """Return a wrapper of iterables that writes a line of JSON to stderr after every step.

    Args:
        label: what is processed.
        total: number of steps, for iterables without a length.
    """

    def wrap(steps: Iterable[Any]) -> Iterator[Any]:
        count = total or operator.length_hint(steps) or None
        start = last = time.monotonic()
        _write(label, 0, count, 0.0)
        for done, step in enumerate(steps, 1):
            yield step
            now = time.monotonic()
            if now - last >= INTERVAL or done == count:
                last = now
                _write(label, done, count, now - start)

    return wrap


def _write(label: str, done: int, total: int | None, seconds: float) -> None:
    left = seconds / done * max(total - done, 0) if total is not None and done else None
    fields = {
        "label": label, "done": done, "total": total, "seconds": round(seconds, 3),
        "seconds_left": None if left is None else round(left, 3),
    }  # fmt: skip
    with suppress(OSError):  # nobody reads any more; the work goes on
        print(json.dumps({"progress": fields}), file=sys.stderr, flush=True)


def parsed(line: str) -> dict[str, Any] | None:
    """Return the fields of a line of progress; None for a message."""
    if not line.startswith(_START):
        return None
    try:
        return dict(json.loads(line)["progress"])
    except ValueError:
        return None
