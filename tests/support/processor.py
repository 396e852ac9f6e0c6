"""Bounds of processor time, which other programs on the machine do not change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def processor_time() -> float:
    """Return the processor time of this process and of its children that ended, s."""
    return sum(os.times()[:4])


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Check that the block takes no more processor time."""
    before = processor_time()
    yield
    taken = processor_time() - before
    assert taken < seconds, f"took {taken:.1f} s of processor time"
