"""Script that reads what damaged HDF5 files hang at, in a process that may hang or crash.

`specsr.io.hdf5_check` runs it.  It takes requests on stdin, one line of JSON each: the path of a
file, and the processor time and the memory that it may take.  It answers ``read``, or ``memory``
for a file that needs more of it.  Other errors of HDF5 are no failure: the reader that comes after
it reports them.  Nothing of specsr is imported, so that it starts fast.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SMALL = 1 << 20
"""Bytes up to which values are read."""
MOST_TEXTS = 512
"""Texts of an array that are read, as in `specsr.io.hdf5`."""


def walk(path: str, nbytes: int) -> None:
    """Read all attributes and texts of a file, and the places of its stored chunks."""
    size = Path(path).stat().st_size

    def visit(_: str, item: Any) -> None:
        for key in item.attrs:
            about = item.attrs.get_id(key)
            # each text may be as long as the file
            needed = math.prod(about.shape or ()) * size if about.dtype.kind == "O" else 0
            if about.get_storage_size() <= SMALL and needed <= nbytes:
                item.attrs[key]
        if not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
            return
        if item.dtype.kind == "O":
            for i in range(min(item.size or 0, MOST_TEXTS)):
                item[np.unravel_index(i, item.shape)]
        elif item.chunks:
            item.id.get_num_chunks()

    with h5py.File(path, "r") as file:
        visit("", file)
        file.visititems(visit)


def limit(seconds: float, nbytes: int) -> None:
    """Limit processor time and memory of this process from now on, where the system can."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its end is no fault to be examined
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + nbytes, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        pass


def answer(path: str, seconds: float, nbytes: int) -> str:
    """Return the answer to a request."""
    limit(seconds, nbytes)
    try:
        walk(path, nbytes)
    except MemoryError:
        return "memory"
    except Exception as error:
        return "memory" if "allocat" in str(error) else "read"
    return "read"


if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(*json.loads(line)), flush=True)
