"""Limit of the memory that an input may take, checked from its declared sizes before it is read.

The limit is half of the memory that was free at the first check, or `MAX_MEMORY_VARIABLE` in the
environment, or that of `max_memory`.  Readers compare the memory that reading really takes: the
stored array, its conversion to float32 or float64, and the copies on the way to a `Signal` or map.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError

MAX_MEMORY_VARIABLE = "SPECSR_MAX_MEMORY"
"""Environment variable with the limit, such as 8G; processes of a local cluster inherit it."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_UNLIMITED = 1 << 60
"""Limits of control groups from here on mean none."""

_chosen: ContextVar[int | None] = ContextVar("max_memory", default=None)


def parse_size(text: str | int) -> int:
    """Return a size in bytes from text such as ``8G``, ``512M`` or ``1.5GiB`` (powers of 1024).

    Raises:
        SpecsrError: other text, or a size of zero.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]?)(?:i?B)?\s*", str(text), re.IGNORECASE)
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if size < 1:
        raise SpecsrError(f"memory limit is {text!r}: expected a size above zero, such as 8G, 512M")
    return size


def memory_limit() -> int:
    """Return the memory that one input may take, bytes.

    Raises:
        SpecsrError: the environment variable holds no size.
    """
    return _explicit() or _half_of_free()


def limit_of_each(processes: int) -> int:
    """Return the limit for each of several processes: a share of the default, or the given one."""
    return _explicit() or max(1, _half_of_free() // processes)


def _explicit() -> int | None:
    text = os.environ.get(MAX_MEMORY_VARIABLE)
    return _chosen.get() or (parse_size(text) if text else None)


@contextmanager
def max_memory(size: str | int) -> Iterator[None]:
    """Set the memory that one input may take, within a ``with`` block of this thread.

    Args:
        size: bytes, or text such as ``"8G"``.

    Raises:
        SpecsrError: the text is no size.
    """
    token = _chosen.set(parse_size(size))
    try:
        yield
    finally:
        _chosen.reset(token)


def check_size(nbytes: int, what: str) -> None:
    """Raise `SpecsrError` if ``nbytes`` of memory for ``what`` exceed the limit."""
    limit = memory_limit()
    if nbytes > limit:
        raise SpecsrError(
            f"{what} needs {_shown(nbytes)} of memory, the limit is {_shown(limit)}: split it into "
            f"parts, or raise the limit (specsr --max-memory SIZE, or {MAX_MEMORY_VARIABLE})"
        )


class Total:
    """Running total of the memory for several parts of one input, compared with the limit.

    Args:
        what: name of the input in messages.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.nbytes = 0

    def add(self, nbytes: int) -> None:
        """Add a part; raise `SpecsrError` if the total exceeds the limit."""
        self.nbytes += nbytes
        check_size(self.nbytes, self.what)


def array_memory(count: int, dtype: np.dtype) -> int:
    """Return the memory that an array of a file takes until it is a `Signal` or map, bytes.

    The stored array; twice the floating-point array (the conversion, then the stack of channels or
    the power of a map): float32 for items of up to 2 bytes and float32 itself, else float64; and
    one byte for the test of finite values.
    """
    size = dtype.itemsize
    single = size <= 2 or (dtype.kind == "f" and size == 4)
    return count * (size + 2 * (4 if single else 8) + 1)


def _shown(nbytes: int) -> str:
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 1e8 else f"{nbytes / 1e6:.3g} MB"


@functools.cache
def _half_of_free() -> int:
    """Return half of the memory that is free now; later calls return the same."""
    return max(1, min(_free_of_machine(), free_of_groups()) // 2)


def _free_of_machine() -> int:
    try:
        text = Path("/proc/meminfo").read_text()
        return 1024 * int(re.search(r"(?m)^MemAvailable:\s*(\d+)", text)[1])  # type: ignore[index]
    except (OSError, TypeError):
        pass
    try:  # without /proc: the free pages, else all pages
        name = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 8 << 30  # no such interface (Windows)


def free_of_groups(root: Path = Path("/sys/fs/cgroup"), own: str = "/proc/self/cgroup") -> int:
    """Return the memory left in the control groups of this process, versions 1 and 2, bytes."""
    free = _UNLIMITED
    try:
        lines = Path(own).read_text().splitlines()
    except OSError:
        return free
    for line in lines:
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers == "":
            base, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base, names = root / "memory", (
                "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            )  # fmt: skip
        else:
            continue
        # a limit may be set on any group above; inside a container the path may not exist
        place = Path(path.lstrip("/"))
        for folder in (base / place, *(base / above for above in place.parents), base):
            free = min(free, _free_of_group(folder, *names))
    return free


def _free_of_group(folder: Path, limit: str, used: str, cached: str) -> int:
    try:
        most = int((folder / limit).read_text())
        taken = int((folder / used).read_text())
        # pages of files that were read count as used, but are given back
        statistics = (folder / "memory.stat").read_text()
    except (OSError, ValueError):  # no such file, or "max"
        return _UNLIMITED
    found = re.search(rf"(?m)^{cached} (\d+)", statistics)
    return max(0, most - taken + (int(found[1]) if found else 0)) if most < _UNLIMITED else most
