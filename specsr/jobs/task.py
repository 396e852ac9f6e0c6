"""Task."""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from specsr.choices import Phase
from specsr.errors import SpecsrError
from specsr.jobs.manifest import Manifest, Record, sha256, stamps
from specsr.jobs.plan import Result, levels_line, save
from specsr.progress import Progress
from specsr.version import __version__


@dataclass(frozen=True)
class Task:
    """One file to be done.

    Attributes:
        file: input.
        targets: outputs.
        overwrite: whether outputs that exist may be replaced.
        progress: wraps the iterable of steps, for a bar.
    """

    file: Path
    targets: tuple[Path, ...]
    overwrite: bool = False
    progress: Progress | None = None

    def absolute(self) -> Task:
        """The same for another process: absolute paths and no bar."""
        targets = tuple(Path(os.path.abspath(target)) for target in self.targets)
        return Task(Path(os.path.abspath(self.file)), targets, self.overwrite)


class Work(Protocol):
    """What is done to every file: a frozen dataclass of plain data, so that it can travel.

    Its fields are the options that the manifest holds; a `Path` among them is a file that the
    result depends on.
    """

    command: ClassVar[str]

    @property
    def phase(self) -> Phase:
        """How a waveform that is to be written gets its phase."""

    def __call__(self, task: Task) -> Result:
        """Do one file."""

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model for an input; None without one."""

    def absolute(self) -> Work:
        """The same for another process: absolute paths."""


def attempt(work: Work, task: Task) -> Record:
    """Do one file and return what became of it; a user's mistake becomes its ``error``."""
    start = time.perf_counter()
    record = planned(work, task)
    error: str | None = None
    notes: tuple[str, ...] = ()
    try:
        result = work(task)
        for target in task.targets:
            save(target, result, work.phase, task.overwrite)
        notes = (*result.notes, *levels_line(result.output))
    except SpecsrError as found:
        error = str(found)
    return dataclasses.replace(
        record, state="failed" if error else "done", seconds=round(time.perf_counter() - start, 3),
        notes=notes, error=error,
    )  # fmt: skip


def planned(work: Work, task: Task, log: Manifest | None = None) -> Record:
    """Return the record of a task that starts here and now; a manifest names its outputs."""
    work = work.absolute()
    try:
        model = work.model_file(task.file)
    except SpecsrError:  # the work itself will say so
        model = None
    options = {f.name: getattr(work, f.name) for f in dataclasses.fields(work)}  # type: ignore
    tables = [value for value in options.values() if isinstance(value, Path)]
    name, checksum = (None, None) if model is None else (model.stem, sha256(model))
    return Record(
        "started", os.path.abspath(task.file), stamps(task.file, *tables),
        {} if log is None else dict.fromkeys(map(log.name, task.targets)),
        work.command, _plain(options), name, checksum,
        host=socket.gethostname(), pid=os.getpid(), version=__version__,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """Options as JSON holds them."""
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _with_rpm(x: Any, rpm: Path | None) -> Any:
    """A recording or map with the speed of a table, if there is one."""
    if rpm is None:
        return x
    from specsr.nvh.speed import read_rpm

    return x.replace(rpm=read_rpm(rpm, getattr(x, "grid", x)))


def _absolute_path(path: Path | None) -> Path | None:
    """The same file named from the root."""
    return None if path is None else Path(os.path.abspath(path))


def _absolute(model: str | None) -> str | None:
    """A model's file with its whole path; a name or None as it is."""
    return os.path.abspath(model) if model is not None and Path(model).is_file() else model
