"""One file of a job: the task, the work done on it, and the record of how it ended."""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from specsr.choices import Phase
from specsr.errors import SpecsrError
from specsr.io.atomic import together
from specsr.io.guard import naming
from specsr.io.markers import keeping
from specsr.io.origin import stating
from specsr.io.snapshot import snapshot
from specsr.jobs.environment import environment
from specsr.jobs.manifest import Manifest, Record, sha256, stamps
from specsr.jobs.options import Speed
from specsr.jobs.plan import Result, levels_line, save
from specsr.progress import Progress
from specsr.version import __version__


@dataclass(frozen=True)
class Task:
    """One file to process.

    Attributes:
        file: input.
        targets: outputs.
        overwrite: whether existing outputs may be replaced.
        progress: wraps the iterable of steps, for a bar.
        claim: file that records the output, so that another attempt may replace it; see
            `specsr.io.claim`.
    """

    file: Path
    targets: tuple[Path, ...]
    overwrite: bool = False
    progress: Progress | None = None
    claim: Path | None = None

    def absolute(self) -> Task:
        """Return the task for another process: absolute paths and no bar."""
        targets = tuple(Path(os.path.abspath(target)) for target in self.targets)
        claim = None if self.claim is None else Path(os.path.abspath(self.claim))
        return Task(Path(os.path.abspath(self.file)), targets, self.overwrite, claim=claim)


class Work(Protocol):
    """The processing of every file of a job: a frozen dataclass of plain data.

    It can be sent to another process.  Its fields are the options that the manifest records.
    """

    command: ClassVar[str]

    @property
    def phase(self) -> Phase:
        """Phase method for a waveform that is written from a map."""
        return "auto"

    def check(self) -> None:
        """Check the options before any file is read.

        Raises:
            SpecsrError: options that are out of range, that exclude each other or have no effect.
        """
        return None

    def __call__(self, task: Task) -> Result:
        """Process one file."""

    def model_file(self, file: Path) -> Path | None:
        """Return the model file for an input; None if no model is used."""
        return None

    def tables(self) -> tuple[Path, ...]:
        """Return the files among the options that the result depends on, the model apart."""
        return ()

    def absolute(self) -> Work:
        """Return the work for another process: absolute paths."""
        return self


def attempt(work: Work, task: Task) -> Record:
    """Process one file and return its record; a `SpecsrError` becomes the record's ``error``.

    The outputs appear together at the end, after a check that no file that was read has changed.
    """
    start = time.perf_counter()
    read = snapshot((task.file, *work.tables(), _model(work, task.file)))
    record = planned(work, task)
    error: str | None = None
    notes: tuple[str, ...] = ()
    try:
        with together() as outputs, stating(origin(work, record)), keeping(task.file):
            try:
                result = work(task)
            except SpecsrError:
                read.check()  # the error may come from a file that changed: name that instead
                raise
            errors = _save_each(task, result, work)
            read.check()
            errors += outputs.commit()
        if errors:
            some = "; the other outputs were written" * (len(errors) < len(task.targets))
            raise SpecsrError("; ".join(errors) + some)
        notes = (*result.notes, *levels_line(result.output))
    except SpecsrError as found:
        error = str(found)
    return dataclasses.replace(
        record, state="failed" if error else "done", seconds=round(time.perf_counter() - start, 3),
        notes=notes, error=error,
    )  # fmt: skip


def _save_each(task: Task, result: Result, work: Work) -> list[str]:
    """Write every output, although one of them fails; return the errors."""
    network = getattr(work, "options", None)
    device = "cpu" if network is None else network.device
    errors = []
    for target in task.targets:
        try:
            with naming(target, "written"):
                save(target, result, task.overwrite, work.phase, device)
        except SpecsrError as error:
            errors.append(str(error))
    return errors


def planned(work: Work, task: Task, log: Manifest | None = None) -> Record:
    """Return the record of a task that starts now, in this process.

    Args:
        work: the processing.
        task: the file.
        log: manifest that names the outputs; without one the record has none.
    """
    work = work.absolute()
    model = _model(work, task.file)
    options = _plain(work)
    name, checksum = (None, None) if model is None else (model.stem, sha256(model))
    return Record(
        "started", os.path.abspath(task.file), stamps(task.file, *work.tables()),
        {} if log is None else dict.fromkeys(map(log.name, task.targets)),
        work.command, options, name, checksum,
        host=socket.gethostname(), pid=os.getpid(), version=__version__,
        environment=environment(getattr(work, "options", None)),
    )  # fmt: skip


def origin(work: Work, record: Record) -> dict[str, Any]:
    """Return what a result depends on besides its input, see `specsr.io.origin`.

    Args:
        work: the processing.
        record: its record from `planned`.
    """
    options = _plain(work, text=lambda path: path.name)
    options.pop("figure", None)  # no part of the result
    named = options.pop("model", None)  # stored by itself; bicubic interpolation has no file
    return _without_none({
        "command": work.command, "model": record.model or named,
        "model_sha256": record.model_sha256, **record.environment, "options": options,
    })  # fmt: skip


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields without those of None, in dicts within them too."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in fields.items()
        if value is not None
    }


def _model(work: Work, file: Path) -> Path | None:
    """Return the model file for an input; None if no model is used or found."""
    try:
        return work.model_file(file)
    except SpecsrError:  # the work itself raises it again, as the error of the file
        return None


def _plain(value: Any, text: Callable[[Path], str] = str) -> Any:
    """Return options as JSON values, paths as ``text`` returns them.

    Fields with the metadata ``recorded=False`` are left out.
    """
    if dataclasses.is_dataclass(value):
        value = {
            f.name: getattr(value, f.name)
            for f in dataclasses.fields(value)
            if f.metadata.get("recorded", True)
        }
    if isinstance(value, dict):
        return {key: _plain(each, text) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each, text) for each in value]
    return text(value) if isinstance(value, Path) else value


def absolute_speed(speed: Speed) -> Speed:
    """Return a speed source with the absolute path of its table."""
    table = speed.table
    if table is None or speed.is_auto:
        return speed
    return dataclasses.replace(speed, table=Path(os.path.abspath(table)))


def absolute_model(model: str | None) -> str | None:
    """Return the absolute path of a model file; the name of a bundled model or None as it is."""
    return os.path.abspath(model) if model is not None and Path(model).is_file() else model


def speed_tables(speed: Speed) -> tuple[Path, ...]:
    """Return the table of a speed source, if it is one, for `Work.tables`."""
    return () if speed.table is None or speed.is_auto else (speed.table,)
