"""Script of the process of `specsr.io.isolated`: runs a reader and writes its arrays as ``.npz``.

Its arguments are READER.py IN OUT.npz and the bytes of memory that reading may take besides the
libraries.  The reader is a script with a function ``read(path)``.  Nothing of specsr is imported:
the process may crash, and starts fast.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np


def limit_memory(nbytes: int) -> None:
    """Limit the memory of this process from now on, where the system can (not on Windows)."""
    try:
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + nbytes, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        pass


def main() -> None:
    """Read the file; exit with 3 if the library does not load, with 1 if reading fails."""
    source = Path(sys.argv[1])
    names: dict[str, Any] = {"__name__": "reader"}
    code = 3
    try:
        exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), names)
        code = 1
        limit_memory(int(sys.argv[4]))
        np.savez(sys.argv[3], **names["read"](Path(sys.argv[2])))
    except Exception as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "), file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
