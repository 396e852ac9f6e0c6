"""Run a job on several processes or machines with Dask distributed (extra ``cluster``).

Only as many files are submitted as the workers have threads.  So the manifest lists exactly the
files in progress, a new worker gets the next file, and a worker that dies affects few files.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from specsr.errors import SpecsrError
from specsr.io.claim import claiming, is_claimed
from specsr.io.temporaries import temporary_paths
from specsr.jobs.manifest import Record
from specsr.jobs.task import Task, Work, attempt, planned
from specsr.jobs.warned import collected_warnings
from specsr.version import __version__

if TYPE_CHECKING:
    from distributed import Client


RETRIES = 2
"""Further attempts for a file after an error that is not a `SpecsrError`."""

_one_at_a_time = threading.Lock()  # torch has its own threads: two files would share the cores


class Broken(Exception):
    """An error in a worker that is not a `SpecsrError`, as its text.

    The error itself may not survive the way to the client: some exceptions cannot be pickled, and
    the traceback of a recursion has a thousand frames.  The client would wait for it for ever.
    """


def run(
    client: Client, work: Work, tasks: Sequence[Task], begin: Callable[[Task], None]
) -> Iterator[tuple[Task, Record]]:
    """Process tasks on a cluster; yield each with its record as it ends.

    A file whose worker dies is given to another worker.  After `specsr.jobs.connection.DEATHS`
    deaths it is tried once more while no other file is in progress, so that only the file that
    kills its workers fails.  After an error that is not a `SpecsrError` a file is tried again
    `RETRIES` times.

    Args:
        client: client of the cluster.
        work: the processing of each file.
        tasks: the files; their folders must be accessible on all machines.
        begin: called with a task before it is submitted.

    Raises:
        SpecsrError: the connection to the scheduler was lost.
    """
    from distributed import KilledWorker

    claims = [path for task in tasks for path in temporary_paths(task.targets[:1])]
    tasks = [dataclasses.replace(task, claim=path) for task, path in zip(tasks, claims)]
    suspects = []
    try:
        for task, end in _submitted(client, work, tasks, begin, None):
            if isinstance(end, KilledWorker):
                suspects.append(task)
            else:
                yield task, _record(work, task, end)
        for task, end in _submitted(client, work, suspects, begin, 1):
            yield task, _record(work, task, end)
    finally:
        for claim in claims:
            claim.unlink(missing_ok=True)


def _submitted(
    client: Client, work: Work, tasks: Sequence[Task], begin: Callable[[Task], None],
    width: int | None,
) -> Iterator[tuple[Task, Record | BaseException]]:  # fmt: skip
    """Keep ``width`` tasks in progress (None: one per thread); yield each with its outcome."""
    from distributed import as_completed

    waiting = collections.deque(tasks)
    active: dict[object, Task] = {}
    ends = as_completed(loop=client.loop)
    portable = work.absolute()
    try:
        while waiting or active:
            free = width or max(1, sum(client.nthreads().values()))
            while waiting and len(active) < free:
                task = waiting.popleft()
                begin(task)
                future = client.submit(
                    remote, portable, task.absolute(), __version__, key=f"specsr-{uuid4().hex}",
                    retries=RETRIES, pure=False,
                )  # fmt: skip
                active[future] = task
                ends.add(future)
            future = next(ends)
            task = active.pop(future)
            if future.status in ("cancelled", "lost"):
                raise SpecsrError(
                    "the scheduler was lost: start it again and continue with --resume"
                )
            yield task, future.exception() or future.result()
            future.release()
    finally:
        if active:
            client.cancel(list(active), force=True)


def remote(work: Work, task: Task, version: str) -> Record:
    """Process one file in a worker; warnings that are logged become notes.

    Raises:
        Broken: an error that is not a `SpecsrError`; Dask tries the file again.
    """
    if version != __version__:
        return _failed(
            work, task, f"this worker has specsr {__version__}, the job was started by {version}: "
            "install the same version on all machines",
        )  # fmt: skip
    # a worker that died may have written the output: this one may replace it, but no other file
    mine = all(is_claimed(task.claim, target) for target in task.targets)
    task = dataclasses.replace(task, overwrite=task.overwrite or mine)
    with _one_at_a_time, collected_warnings() as warnings, claiming(task.claim):
        try:
            record: Record | str = attempt(work, task)
        except Exception as error:
            record = _text(error)
    if isinstance(record, str):  # here, where the error and its traceback are gone
        raise Broken(record)
    return dataclasses.replace(record, notes=(*warnings, *record.notes))


def _record(work: Work, task: Task, end: Record | BaseException) -> Record:
    """Return the record of a task that ended well or with an exception."""
    from distributed import KilledWorker

    if isinstance(end, Record):
        return end
    if isinstance(end, KilledWorker):
        return _failed(
            work, task, "every worker that processed it died (out of memory, or killed): see the "
            "workers' logs, or process this file alone",
        )  # fmt: skip
    return _failed(work, task, str(end) if isinstance(end, Broken) else _text(end))


def _text(error: BaseException) -> str:
    """Return an error of a worker as one line."""
    if isinstance(error, MemoryError):
        return "not enough memory on the worker: use fewer workers per machine"
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, ModuleNotFoundError):
        text += ": install the same packages on all machines"
    return text


def _failed(work: Work, task: Task, error: str) -> Record:
    return dataclasses.replace(planned(work, task), state="failed", error=error)
