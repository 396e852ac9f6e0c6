"""Run a job: its files one after the other or on a cluster, logged in a manifest, resumable."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from specsr import io
from specsr.jobs.lock import folder_lock
from specsr.jobs.manifest import Manifest, Record, stamp
from specsr.jobs.options import Batch
from specsr.jobs.plan import Plan
from specsr.jobs.task import Task, Work, attempt, planned
from specsr.progress import Progress


def run(
    plan: Plan,
    work: Work,
    batch: Batch,
    say: Callable[[str], None],
    complain: Callable[[str], None],
    bar: Callable[..., Progress],
    ended: Callable[[Task, Record], None] | None = None,
) -> int:
    """Process every file of a plan and return the number of failures.

    A file that fails is reported and the others are processed.  A job into a folder keeps a
    `specsr.jobs.manifest`, from which it can be resumed.

    Args:
        plan: inputs and outputs.
        work: the processing of each file.
        batch: resume, overwrite, cluster.
        say: called with each line on finished work.
        complain: called with each error message.
        bar: ``bar(label, total)`` wraps an iterable to show its progress; ``total`` is optional.
        ended: called with every file and the record of how it ended.

    Raises:
        SpecsrError: options that `Work.check` refuses, another job writes into the folder, an
            output exists that may not be replaced (with ``resume``: that no earlier run wrote), or
            the cluster cannot be used.
    """
    work.check()
    with _locked_log(plan.folder) as log:
        tasks = [Task(file, targets, batch.overwrite) for file, targets in plan.files]
        if batch.resume and log is not None:
            tasks = _remaining(tasks, work, batch.overwrite, log)
            done = len(plan.files) - len(tasks)
            say(f"{done} of {len(plan.files)} are done already")
        else:  # again, now that no other job can write here
            for target in (target for task in tasks for target in task.targets):
                io.check_output(target, batch.overwrite)
        kept: dict[Path, list[int] | None] = {}

        def begin(task: Task) -> None:
            if log is not None:
                kept.update({target: log.own_stamp(target) for target in task.targets})
                log.append(planned(work, task, log))

        failed = 0
        for task, record in _finished(tasks, work, batch, begin, say, bar):
            if log is not None:
                log.append(_with_outputs(record, task, log, kept))
            if ended is not None:
                ended(task, record)
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
        again = "; --resume tries these again" if plan.folder is not None else ""
        complain(f"{failed} of {len(plan.files)} files failed, the others are done{again}")
    return failed


@contextmanager
def _locked_log(folder: Path | None) -> Iterator[Manifest | None]:
    """Yield the manifest of an output folder, which is locked for this job; None without one."""
    if folder is None:
        yield None
        return
    with folder_lock(folder):
        yield Manifest(folder)


def _with_outputs(
    record: Record, task: Task, log: Manifest, kept: dict[Path, list[int] | None]
) -> Record:
    """Return a record with the stamps of the outputs that are those of this job or a former one.

    After a failure a file may be there that is of neither: it appeared during the work.
    """
    outputs: dict[str, list[int] | None] = {}
    for target in task.targets:
        found = stamp(target)
        own = record.error is None or found == kept[target]
        outputs[log.name(target)] = found if own else None
    return dataclasses.replace(record, outputs=outputs)


def _finished(
    tasks: Sequence[Task],
    work: Work,
    batch: Batch,
    begin: Callable[[Task], None],
    say: Callable[[str], None],
    bar: Callable[..., Progress],
) -> Iterator[tuple[Task, Record]]:
    """Yield every task as it ends: here one after the other, on a cluster in any order."""
    if batch.cluster is not None and tasks:
        from specsr.jobs import cluster, connection

        with connection.connect(batch.cluster) as client:
            say(connection.describe(client))
            ends = cluster.run(client, work, tasks, begin)
            yield from bar(f"{len(tasks)} files", len(tasks))(ends)
        return
    for i, task in enumerate(tasks, 1):
        count = f"{i}/{len(tasks)} " if len(tasks) > 1 else ""
        begin(task)
        try:
            progress = bar(f"{count}{task.file.name}")
            record = attempt(work, dataclasses.replace(task, progress=progress))
        except MemoryError:
            text = "not enough memory for this input: cut it into parts"
            record = dataclasses.replace(planned(work, task), state="failed", error=text)
        yield task, record


def _remaining(tasks: list[Task], work: Work, overwrite: bool, log: Manifest) -> list[Task]:
    """Return the tasks that are not done; outputs of an earlier run may be replaced."""
    left = []
    for task in tasks:
        if log.is_done(planned(work, task, log)):
            continue
        mine = all(not os.path.lexists(t) or log.owns(t) for t in task.targets)
        for target in task.targets:
            io.check_output(target, overwrite or mine)
        left.append(dataclasses.replace(task, overwrite=overwrite or mine))
    return left
