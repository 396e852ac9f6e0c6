"""Going through the files of a job: one after the other or on a cluster, logged, resumable."""

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
    """Do every job; a broken input is named and the others are done.  Returns how many failed.

    A job into a folder keeps a `specsr.jobs.manifest`, and with it can be resumed.

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
            shown = dataclasses.replace(task, progress=bar(f"{count}{task.file.name}"))
            record = attempt(work, shown)
        except MemoryError:
            text = "not enough memory for this input: cut it into parts"
            record = dataclasses.replace(planned(work, task), state="failed", error=text)
        yield task, record


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
