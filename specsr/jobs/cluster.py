"""Run a job on several processes or machines with Dask distributed (extra ``cluster``).

Only as many files are submitted as the workers have threads.  So the manifest lists exactly the
files in progress, a new worker gets the next file, and a worker that dies affects few files.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import logging
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io.claim import claiming, is_claimed
from specsr.io.limits import MAX_MEMORY_VARIABLE, limit_of_each
from specsr.io.temporaries import temporary_paths
from specsr.jobs.manifest import Record
from specsr.jobs.task import Task, Work, attempt, planned
from specsr.version import __version__

if TYPE_CHECKING:
    from distributed import Client


RETRIES = 2
"""Further attempts for a file after an error that is not a `SpecsrError`."""

DEATHS = 1
"""Worker deaths that a file of a local cluster is allowed, beside other files and alone."""

TIMEOUT = 20.0
"""Seconds to wait for a scheduler, and then for its first worker."""

LOOPBACK = "127.0.0.1"
"""Interface on which the processes of ``local:N`` listen."""

_one_at_a_time = threading.Lock()  # torch has its own threads: two files would share the cores


@contextmanager
def connect(where: str, timeout: float = TIMEOUT) -> Iterator[Client]:
    """Yield the client of a cluster.

    Args:
        where: ``local:N`` for N processes of this machine that share its cores and end with the
            job; or ``tcp://host:port`` (``tls://``) of a scheduler, which keeps running.
        timeout: seconds to wait for the scheduler, and then for its first worker.

    Raises:
        SpecsrError: ``where`` is neither, the extra is missing, or nothing answers.
    """
    local = re.fullmatch(r"local:([1-9]\d{0,3})", where)
    if not local and not re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d+", where):
        raise SpecsrError(
            f"--cluster is {where!r}: expected local:4 (processes of this machine) or the address "
            "of a Dask scheduler, such as tcp://host:8786"
        )
    require("distributed", "cluster", "clusters (--cluster)")
    with ExitStack() as stack:
        stack.enter_context(_quiet_dask())
        address = stack.enter_context(_local(int(local[1]))) if local else where
        try:
            client = stack.enter_context(_bounded_client(address, timeout))
        # whatever listens there may send anything: its answer decides where reading it fails
        except Exception as error:
            raise SpecsrError(
                f"{where}: no scheduler answers there ({_reason(error)}, within {timeout:g} s): "
                "start one with `dask scheduler`, or check the address and the firewall"
            ) from None
        try:
            client.sync(_first_worker, client, callback_timeout=timeout)
        except (OSError, TimeoutError, asyncio.TimeoutError):
            raise SpecsrError(
                f"{where}: the scheduler has no workers: start some with "
                f"`dask worker {where} --nworkers 4 --nthreads 1`"
            ) from None
        yield client


def _bounded_client(address: object, timeout: float) -> Client:
    """Return a client whose whole start takes ``timeout`` seconds at most.

    Dask waits without a limit for the handshake of an address that accepts a connection.
    """
    from distributed import Client

    class Bounded(Client):
        async def _start(self, *args: Any, **options: Any) -> Any:
            try:
                return await asyncio.wait_for(super()._start(*args, **options), timeout)
            except asyncio.TimeoutError:
                await self._close(fast=True)
                raise OSError("no answer") from None

    return Bounded(address, timeout=timeout, set_as_default=False)


async def _first_worker(client: Client) -> None:
    """Wait until the scheduler has a worker."""
    scheduler: Any = client.scheduler
    while not (await scheduler.identity())["workers"]:
        await asyncio.sleep(0.1)


def _reason(error: BaseException) -> str:
    """Return an error on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextmanager
def _quiet_dask() -> Iterator[None]:
    """Suppress the log of Dask unless ``-v`` is given; specsr reports errors itself."""
    if logging.getLogger().isEnabledFor(logging.INFO):
        yield
        return
    logs = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for log, level in zip(logs, levels):
            log.setLevel(level)


@contextmanager
def _local(workers: int) -> Iterator[object]:
    """Yield a cluster of this machine: one file per process, the cores divided among them.

    Its processes listen on the loopback interface only, without dashboard and without HTTP pages.

    Raises:
        SpecsrError: a worker did not start.
    """
    import dask
    from dask.system import CPU_COUNT
    from distributed import LocalCluster

    threads = max(1, CPU_COUNT // workers)
    names = ("OMP", "MKL", "OPENBLAS", "NUMBA")
    config = {
        "distributed.scheduler.allowed-failures": DEATHS,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        # values that the environment sets take precedence
        "distributed.nanny.pre-spawn-environ": {
            **{f"{name}_NUM_THREADS": threads for name in names},
            MAX_MEMORY_VARIABLE: limit_of_each(workers),
        },
    }
    quiet = not logging.getLogger().isEnabledFor(logging.INFO)
    try:
        with dask.config.set(config), _interrupts_blocked():
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, memory_limit=None,
                host=LOOPBACK, dashboard_address=None,
                scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
                silence_logs=logging.CRITICAL if quiet else False,
            )  # fmt: skip
    except (OSError, RuntimeError, TimeoutError, asyncio.TimeoutError) as error:
        raise SpecsrError(
            f"local:{workers}: a worker process did not start ({_reason(error)}): use fewer "
            "processes, or specsr -v to see Dask's log"
        ) from None
    with dask.config.set(config), cluster:
        yield cluster


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in threads and processes that are started in this context.

    A terminal sends it to the workers too; only the command handles it, and ends the workers.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def describe(client: Client) -> str:
    """Return the number of workers and of their machines, as one line."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    hosts = {worker["host"] for worker in workers}
    return (
        f"{len(workers)} worker{'s' if len(workers) > 1 else ''} on "
        f"{len(hosts)} machine{'s' if len(hosts) > 1 else ''}"
    )


def run(
    client: Client, work: Work, tasks: Sequence[Task], begin: Callable[[Task], None]
) -> Iterator[tuple[Task, Record]]:
    """Process tasks on a cluster; yield each with its record as it ends.

    A file whose worker dies is given to another worker.  After `DEATHS` deaths it is tried once
    more while no other file is in progress, so that only the file that kills its workers fails.
    After an error that is not a `SpecsrError` a file is tried again `RETRIES` times.

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
    """Process one file in a worker; warnings that are logged become notes."""
    if version != __version__:
        return _failed(
            work, task, f"this worker has specsr {__version__}, the job was started by {version}: "
            "install the same version on all machines",
        )  # fmt: skip
    # a worker that died may have written the output: this one may replace it, but no other file
    mine = all(is_claimed(task.claim, target) for target in task.targets)
    task = dataclasses.replace(task, overwrite=task.overwrite or mine)
    with _one_at_a_time, _collected_warnings() as warnings, claiming(task.claim):
        record = attempt(work, task)
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
    text = f"{type(end).__name__}: {end}"
    if isinstance(end, ModuleNotFoundError):
        text += ": install the same packages on all machines"
    elif isinstance(end, MemoryError):
        text = "not enough memory on the worker: use fewer workers per machine"
    return _failed(work, task, text)


def _failed(work: Work, task: Task, error: str) -> Record:
    return dataclasses.replace(planned(work, task), state="failed", error=error)


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """Yield a list that receives the warnings that specsr logs in this context."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    collector = Collector(logging.WARNING)
    log = logging.getLogger("specsr")
    log.addHandler(collector)
    try:
        yield messages
    finally:
        log.removeHandler(collector)
