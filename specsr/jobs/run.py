"""Going through the files of a job: one after the other or on a cluster, logged, resumable."""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from . import __version__, io
from .cli_options import Batch
from .errors import SpecsrError
from .jobs import Plan, Result, levels_line, save
from .manifest import Manifest, Record, sha256, stamp, stamps

Progress = Callable[[Iterable[Any]], Iterable[Any]]


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
    def phase(self) -> str:
        """How a waveform that is to be written gets its phase."""

    def __call__(self, task: Task) -> Result:
        """Do one file."""

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model for an input; None without one."""

    def absolute(self) -> Work:
        """The same for another process: absolute paths."""


def run(
    plan: Plan,
    work: Work,
    batch: Batch,
    say: Callable[[str], None],
    complain: Callable[[str], None],
    bar: Callable[..., Progress],
) -> int:
    """Do every job; a broken input is named and the others are done.  Returns how many failed.

    A job into a folder keeps a `specsr.manifest`, and with it can be resumed.

    Args:
        plan: which file goes where.
        work: what is done to each.
        batch: how they are gone through.
        say, complain: tell the user what was done and what went wrong.
        bar: ``bar(label, total)`` wraps an iterable to show its progress.

    Raises:
        SpecsrError: an output that ``resume`` would have to replace is not of an earlier run, or
            the cluster cannot be used.
    """
    log = None if plan.folder is None else Manifest(plan.folder)
    tasks = [Task(file, targets, batch.overwrite) for file, targets in plan.files]
    if batch.resume and log is not None:
        tasks = _remaining(tasks, work, batch.overwrite, log)
        say(f"{len(plan.files) - len(tasks)} of {len(plan.files)} are done already")

    def begin(task: Task) -> None:
        if log is not None:
            log.append(planned(work, task, log))

    failed = 0
    for task, record in _ended(tasks, work, batch, begin, say, bar):
        if log is not None:
            outputs = {log.name(target): stamp(target) for target in task.targets}
            log.append(dataclasses.replace(record, outputs=outputs))
        if record.error is None:
            for target in task.targets:
                say(f"{task.file} -> {target}")
            for note in record.notes:
                say(f"  {note}")
        else:
            failed += 1
            text = record.error
            complain(text if str(task.file) in text else f"{task.file}: {text}")
    if failed and len(plan.files) > 1:
        again = "; --resume tries these again" if log is not None else ""
        complain(f"{failed} of {len(plan.files)} files failed, the others are done{again}")
    return failed


def _ended(
    tasks: Sequence[Task],
    work: Work,
    batch: Batch,
    begin: Callable[[Task], None],
    say: Callable[[str], None],
    bar: Callable[..., Progress],
) -> Iterator[tuple[Task, Record]]:
    """Yield every task as it ends; here one after the other, on a cluster as they come."""
    if batch.cluster is not None and tasks:
        from . import cluster

        with cluster.connect(batch.cluster) as client:
            say(cluster.describe(client))
            ends = cluster.run(client, work, tasks, begin)
            yield from bar(f"{len(tasks)} files", len(tasks))(ends)
        return
    for i, task in enumerate(tasks, 1):
        count = f"{i}/{len(tasks)} " if len(tasks) > 1 else ""
        begin(task)
        try:
            shown = dataclasses.replace(task, progress=bar(f"{count}{task.file.name}"))
            record = attempt(work, shown)
        except MemoryError:
            text = "not enough memory for this input: cut it into parts"
            record = dataclasses.replace(planned(work, task), state="failed", error=text)
        yield task, record


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


def _remaining(tasks: list[Task], work: Work, overwrite: bool, log: Manifest) -> list[Task]:
    """Return the tasks that are not done, with leave to replace what an earlier run wrote."""
    left = []
    for task in tasks:
        if log.is_done(planned(work, task, log)):
            continue
        mine = all(not os.path.lexists(t) or log.owns(t) for t in task.targets)
        for target in task.targets:
            io.check_output(target, overwrite or mine)
        left.append(dataclasses.replace(task, overwrite=overwrite or mine))
    return left
