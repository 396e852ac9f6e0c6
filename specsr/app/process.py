"""A command of specsr in a process of its own: its progress, its messages, and its end."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from specsr import progress
from specsr.io.temporaries import sweep_process

PROGRAM = (sys.executable, "-m", "specsr")
"""The command line of this installation."""

PATIENCE = 2.0
"""Time in s that a cancelled command has to end by itself."""

_GUARD = """
import os, signal, sys
if not sys.stdin.read(1):
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
"""
"""Ends a group of processes when its input ends without a letter: the server was killed."""

State = Literal["running", "done", "failed", "cancelled"]

_ERROR = "error: "

_running: set[Child] = set()


@dataclass(frozen=True)
class Status:
    """What is known of a command.

    Attributes:
        state: whether it runs, or how it ended.
        label: part that it works on; empty before the first.
        fraction: done of that part, 0 to 1; None where it is not known.
        seconds_left: of that part; None where it is not known.
        messages: lines that it wrote, stdout and stderr, without errors.
        error: its error message, one line; empty without one.
    """

    state: State = "running"
    label: str = ""
    fraction: float | None = None
    seconds_left: float | None = None
    messages: tuple[str, ...] = ()
    error: str = ""


class Child:
    """A command that runs in a process of its own.

    Args:
        arguments: of the command line, without the name of the program.
        folder: its working folder.  Outputs are written there: `cancel` removes what is incomplete.
        program: what is started with the arguments.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, program: Sequence[str] = PROGRAM
    ) -> None:
        self.folder = folder
        self._temporary = tempfile.mkdtemp(prefix=".child-", dir=folder)
        self._lock = threading.Lock()
        self._status = Status()
        self._cancelled = False
        # its own group: Ctrl-C ends the server, which then ends its commands with all they started
        self._process = subprocess.Popen(
            [*program, *arguments],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, encoding="utf-8", errors="backslashreplace", start_new_session=True,
            env={
                **os.environ, progress.VARIABLE: "json", "TMPDIR": self._temporary,
                "TEMP": self._temporary, "PYTHONIOENCODING": "utf-8",
            },
        )  # fmt: skip
        self._guard = None if os.name == "nt" else subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _GUARD, str(self._process.pid)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        _running.add(self)
        readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self._process.stdout, self._process.stderr)
        ]
        for reader in readers:
            reader.start()
        self._end = threading.Thread(target=self._wait, args=(readers,), daemon=True)
        self._end.start()

    @property
    def status(self) -> Status:
        """What is known now."""
        with self._lock:
            return self._status

    def join(self, seconds: float | None = None) -> Status:
        """Wait for the end, at most some seconds, and return the status."""
        self._end.join(seconds)
        return self.status

    def cancel(self) -> None:
        """End the command and wait for its end; no incomplete file is left in its folder."""
        self._cancelled = True
        self._signal(getattr(signal, "SIGINT", signal.SIGTERM))
        self._end.join(PATIENCE)
        if self._end.is_alive():
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            self._end.join()

    def _signal(self, number: int) -> None:
        with suppress(OSError):  # it has just ended
            if os.name == "nt":
                self._process.terminate()
            else:
                os.killpg(self._process.pid, number)

    def _read(self, stream: object) -> None:
        assert stream is not None
        for line in stream:  # type: ignore[attr-defined]  # a text file
            self._take(line.rstrip("\r\n"))

    def _take(self, line: str) -> None:
        with self._lock:
            fields = progress.parsed(line)
            now = self._status
            if fields is not None:
                total, done = fields.get("total"), fields.get("done")
                self._status = replace(
                    now, label=str(fields.get("label", "")),
                    fraction=min(done / total, 1.0) if total and done is not None else None,
                    seconds_left=fields.get("seconds_left"),
                )  # fmt: skip
            elif line.startswith(_ERROR):
                self._status = replace(now, error=now.error or line[len(_ERROR) :])
            elif line.strip():
                self._status = replace(now, messages=(*now.messages, line))

    def _wait(self, readers: Sequence[threading.Thread]) -> None:
        code = self._process.wait()
        if self._cancelled:  # what it started may hold the pipes open
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        for reader in readers:
            reader.join()
        if self._guard is not None:
            self._guard.communicate(b"x")
        sweep_process(self.folder, self._process.pid)
        shutil.rmtree(self._temporary, ignore_errors=True)
        _running.discard(self)
        with self._lock:
            now = self._status
            if self._cancelled and code:
                self._status = replace(now, state="cancelled", error="")
            elif code:
                error = now.error or (now.messages[-1] if now.messages else "")
                unknown = f"the command ended with code {code} and without a message"
                self._status = replace(now, state="failed", error=error or unknown)
            else:
                self._status = replace(now, state="done", fraction=1.0, seconds_left=0.0)


def cancel_all() -> None:
    """End all commands that run, as at the end of the server."""
    for child in list(_running):
        child.cancel()


atexit.register(cancel_all)
