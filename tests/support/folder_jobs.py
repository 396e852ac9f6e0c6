"""Work on recordings for the tests of folder jobs: fast, with errors on demand."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import specsr
from specsr.cli.output import bar
from specsr.jobs import manifest
from specsr.jobs.options import Batch
from specsr.jobs.plan import Result, plan
from specsr.jobs.run import run
from specsr.jobs.task import Task, Work


@dataclass(frozen=True)
class Gain(Work):
    """Recordings times a gain.

    Files of these names fail: ``deadly`` kills its process, ``flaky`` raises an error once,
    ``bug`` always, ``deep`` in a recursion without end, ``locked`` one that cannot be pickled,
    ``mistake`` a `SpecsrError`.  Every attempt is recorded in the folder ``tries``.
    """

    tries: str
    gain: float = 2.0
    seconds: float = 0.0
    model: str | None = None
    command: ClassVar[str] = "gain"

    def __call__(self, task: Task) -> Result:
        name = task.file.stem
        with open(Path(self.tries) / name, "a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        if name == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "bug" or (name == "flaky" and tries(Path(self.tries), name) == 1):
            raise RuntimeError("something broke")
        if name == "deep":
            _without_end()
        if name == "locked":
            raise OSError(threading.Lock(), "is held")
        if name == "mistake":
            raise specsr.SpecsrError("expected another file")
        recording = specsr.read(task.file)
        return Result(recording.replace(samples=recording.samples * self.gain))

    def model_file(self, file: Path) -> Path | None:
        return None if self.model is None else Path(self.model)


def _without_end() -> None:
    _without_end()


def tries(folder: Path, name: str) -> int:
    """Return the number of attempts for a file."""
    path = folder / name
    return len(path.read_text().split()) if path.exists() else 0


def recordings(folder: Path, *names: str, seconds: float = 0.05) -> Path:
    """Write short recordings of different noise and return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        noise = np.random.default_rng(i).standard_normal((1, round(24000 * seconds)))
        samples = (0.01 * noise).astype(np.float32)
        specsr.write(folder / f"{name}.wav", specsr.Signal(samples, 24000.0, "1"))
    return folder


def go(source: Path, out: Path, work: Any, **batch: Any) -> tuple[int, list[str], list[str]]:
    """Run a folder job; return the number of failures, the messages and the error messages."""
    said: list[str] = []
    wrong: list[str] = []
    how = Batch(**batch)
    failed = run(plan([source], [out], None, how), work, how, said.append, wrong.append, bar)
    return failed, said, wrong


def states(out: Path) -> list[tuple[str, str]]:
    """Return (file name, state) of every line of the manifest but those of state ``started``."""
    records = manifest.read(out / manifest.NAME)
    return sorted((Path(r.input).stem, r.state) for r in records if r.state != "started")
