"""Run a job: its files one after the other or on a cluster, logged in a manifest, resumable."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence

from specsr import io
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

    Raises:
        SpecsrError: with ``resume`` an output has to be replaced that no earlier run wrote, or
            the cluster cannot be used.
    """
    log = None if plan.folder is None else Manifest(plan.folder)
    tasks = [Task(file, targets, batch.overwrite) for file, targets in plan.files]
    if batch.resume and log is not None:
        tasks = _remaining(tasks, work, batch.overwrite, log)
        done = len(plan.files) - len(tasks)
        say(f"{done} of {len(plan.files)} are done already")

    def begin(task: Task) -> None:
        if log is not None:
            log.append(planned(work, task, log))

    failed = 0
    for task, record in _finished(tasks, work, batch, begin, say, bar):
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
        from specsr.jobs import cluster

        with cluster.connect(batch.cluster) as client:
            say(cluster.describe(client))
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
