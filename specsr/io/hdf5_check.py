"""Check of HDF5 files in a process of its own, before this one opens them.

A few wrong bytes, such as a size of zero in the heap of the texts, make HDF5 loop for ever, crash,
or take gigabytes for one text; no handler in this process can end that.  So
`specsr.io.hdf5_process` reads attributes, texts and the index of the data first.  The process is
started with the first file and kept for the next ones.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from specsr.errors import SpecsrError

CPU_SECONDS, BYTES_PER_SECOND = 3.0, 1e7
"""Limit of the processor time of a check: `CPU_SECONDS` plus the size over `BYTES_PER_SECOND`."""
LONGEST = 120.0
"""Limit of the time of a check, s, on systems without the other limit or without free time."""

MEMORY = 1 << 26
"""Memory that a check may take besides HDF5 itself and what is in the file, bytes."""


def check(path: Path) -> None:
    """Raise `SpecsrError` for a file at which HDF5 hangs or crashes, or takes too much memory.

    The message does not name the file.  Other damage is left to the reader.
    """
    state = path.stat()
    _check(str(path.resolve()), state.st_ino, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=64)  # a file is opened several times for its kind, content and origin
def _check(path: str, _inode: int, size: int, _changed: int) -> None:
    seconds = size / BYTES_PER_SECOND
    checker = _checker(os.getpid())
    answer = checker.ask([path, CPU_SECONDS + seconds, MEMORY + 4 * size], LONGEST + seconds)
    if not answer:
        _checker.cache_clear()
        raise SpecsrError("is damaged: HDF5 hangs or crashes at it; write or copy it again")
    if answer == "memory":
        raise SpecsrError(
            "is damaged: a text in it is longer than the file; write or copy it again"
        )


@functools.lru_cache(maxsize=1)
def _checker(process: int) -> _Checker:
    """Return the checking process of this one; a fork of this one starts its own."""
    return _Checker(process)


class _Checker:
    """A process that reads files on request."""

    def __init__(self, owner: int) -> None:
        # Passed as text: run by its name it would put this folder first on the import path.
        script = Path(__file__).with_name("hdf5_process.py").read_text(encoding="utf-8")
        self._owner = owner
        self._process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, encoding="ascii",
        )  # fmt: skip
        self._answers: queue.Queue[str] = queue.Queue()
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self._end)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line.strip())
        self._answers.put("")  # it has ended

    def ask(self, request: list[str | float], seconds: float) -> str:
        """Return the answer to a request; "" from a process that ended or exceeds a time in s."""
        assert self._process.stdin is not None
        answer = ""
        with self._lock, suppress(OSError, ValueError, queue.Empty):  # ValueError: it is closed
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._answers.get(timeout=seconds)
        if not answer:
            self._process.kill()
            self._end()
        return answer

    def _end(self) -> None:
        atexit.unregister(self._end)
        if self._owner == os.getpid():  # not in a fork
            assert self._process.stdin is not None
            with suppress(OSError):
                self._process.stdin.close()
            self._process.wait()
