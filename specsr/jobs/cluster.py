"""Many files on many processes and machines, with Dask distributed (extra ``cluster``).

Only as many files are under way as there are threads to do them: what is begun is what the
manifest says, a new worker is used from the next file on, and few files are near a worker that
dies.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib.util
import logging
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from specsr.errors import SpecsrError
from specsr.jobs.manifest import Record
from specsr.jobs.task import Task, Work, attempt, planned
from specsr.version import __version__

if TYPE_CHECKING:
    from distributed import Client


RETRIES = 2
"""How often a file is tried again after an error that is not its user's mistake."""

DEATHS = 1
"""How many deaths of its worker a file of a local cluster survives, beside others and alone."""

TIMEOUT = 20.0
"""Seconds to wait for a scheduler, and then for its first worker."""

_one_at_a_time = threading.Lock()  # torch has its own threads; two jobs would fight for the cores


@contextmanager
def connect(where: str, timeout: float = TIMEOUT) -> Iterator[Client]:
    """Yield the client of a cluster.

    Args:
        where: ``local:N``, N processes of this machine that share its cores, ended afterwards; or
            ``tcp://host:port`` (``tls://``) of a scheduler, which is left running.
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
    if importlib.util.find_spec("distributed") is None:
        raise SpecsrError(
            "--cluster needs Dask distributed, which is not installed: "
            "pip install 'specsr[cluster]'"
        )
    from distributed import Client

    with ExitStack() as stack:
        stack.enter_context(_quiet())
        address = stack.enter_context(_local(int(local[1]))) if local else where
        try:
            client = stack.enter_context(Client(address, timeout=timeout, set_as_default=False))
        except (OSError, TimeoutError) as error:
            raise SpecsrError(
                f"{where}: no scheduler answers there ({type(error).__name__} after {timeout:g} "
                "s): start one with `dask scheduler`, or see to the address and the firewall"
            ) from None
        try:
            client.wait_for_workers(1, timeout=timeout)
        except TimeoutError:
            raise SpecsrError(
                f"{where}: the scheduler has no workers: start some with "
                f"`dask worker {where} --nworkers 4 --nthreads 1`"
            ) from None
        yield client


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own log to those who asked for more (``-v``): what matters is told by specsr."""
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
    """A cluster of this machine: one file a process at a time, its threads a share of the cores."""
    import dask
    from dask.system import CPU_COUNT
    from distributed import LocalCluster

    threads = max(1, CPU_COUNT // workers)
    names = ("OMP", "MKL", "OPENBLAS", "NUMBA")
    config = {
        "distributed.scheduler.allowed-failures": DEATHS,
        # the environment's own values, where it has any, come before these
        "distributed.nanny.pre-spawn-environ": {f"{name}_NUM_THREADS": threads for name in names},
    }
    quiet = not logging.getLogger().isEnabledFor(logging.INFO)
    with dask.config.set(config), _deaf():
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, memory_limit=None,
            dashboard_address=":0", silence_logs=logging.CRITICAL if quiet else False,
        )  # fmt: skip
    with dask.config.set(config), cluster:
        yield cluster


@contextmanager
def _deaf() -> Iterator[None]:
    """Keep Ctrl-C from the threads and processes started meanwhile, and from their processes.

    A terminal sends it to the workers too; here it is for the command alone, which ends them.
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
    """Say in a line how many workers there are, and where."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    hosts = {worker["host"] for worker in workers}
    return (
        f"{len(workers)} worker{'s' if len(workers) > 1 else ''} on "
        f"{len(hosts)} machine{'s' if len(hosts) > 1 else ''}"
    )


def run(
    client: Client, work: Work, tasks: Sequence[Task], begin: Callable[[Task], None]
) -> Iterator[tuple[Task, Record]]:
    """Do tasks on a cluster; yield each with what became of it, as they end.

    A file whose worker dies is done by another.  One that saw too many deaths is tried once more
    when nothing else is under way, so that only the file that kills its workers fails.  An error
    that is not a `SpecsrError` is tried again `RETRIES` times.

    Args:
        client: of the cluster.
        work: what is done to each file.
        tasks: the files; their folders must be the same for all machines.
        begin: called with a task before it is sent.

    Raises:
        SpecsrError: the scheduler went away.
    """
    from distributed import KilledWorker

    suspects = []
    for task, end in _flights(client, work, tasks, begin, None):
        if isinstance(end, KilledWorker):
            suspects.append(task)
        else:
            yield task, _record(work, task, end)
    for task, end in _flights(client, work, suspects, begin, 1):
        yield task, _record(work, task, end)


def _flights(
    client: Client, work: Work, tasks: Sequence[Task], begin: Callable[[Task], None],
    width: int | None,
) -> Iterator[tuple[Task, Record | BaseException]]:  # fmt: skip
    """Keep ``width`` tasks under way (None: one a thread) and yield their ends."""
    from distributed import as_completed

    waiting = collections.deque(tasks)
    flying: dict[object, Task] = {}
    ends = as_completed(loop=client.loop)
    travelling = work.absolute()
    try:
        while waiting or flying:
            free = width or max(1, sum(client.nthreads().values()))
            while waiting and len(flying) < free:
                task = waiting.popleft()
                begin(task)
                # what a worker wrote before it died is this job's own: the next may replace it
                sent = dataclasses.replace(task.absolute(), overwrite=True)
                future = client.submit(
                    remote, travelling, sent, __version__, key=f"specsr-{uuid4().hex}",
                    retries=RETRIES, pure=False,
                )  # fmt: skip
                flying[future] = task
                ends.add(future)
            future = next(ends)
            task = flying.pop(future)
            if future.status in ("cancelled", "lost"):
                raise SpecsrError("the scheduler went away: start it again and go on with --resume")
            yield task, future.exception() or future.result()
            future.release()
    finally:
        if flying:
            client.cancel(list(flying), force=True)


def remote(work: Work, task: Task, version: str) -> Record:
    """Do one file in a worker; warnings of its reading become notes."""
    if version != __version__:
        return _failed(
            work, task, f"this worker has specsr {__version__}, the job comes from {version}: "
            "install the same on all machines",
        )  # fmt: skip
    with _one_at_a_time, _heard() as warnings:
        record = attempt(work, task)
    return dataclasses.replace(record, notes=(*warnings, *record.notes))


def _record(work: Work, task: Task, end: Record | BaseException) -> Record:
    """Return the record of a task that ended well or with an exception."""
    from distributed import KilledWorker

    if isinstance(end, Record):
        return end
    if isinstance(end, KilledWorker):
        return _failed(
            work, task, "each worker that took it died (out of memory, or killed): see the "
            "workers' logs, or do this file alone",
        )  # fmt: skip
    text = f"{type(end).__name__}: {end}"
    if isinstance(end, ModuleNotFoundError):
        text += ": install the same specsr on all machines"
    elif isinstance(end, MemoryError):
        text = "not enough memory on the worker: use fewer workers a machine"
    return _failed(work, task, text)


def _failed(work: Work, task: Task, error: str) -> Record:
    return dataclasses.replace(planned(work, task), state="failed", error=error)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect what specsr warns of meanwhile."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    ear = Ear(logging.WARNING)
    log = logging.getLogger("specsr")
    log.addHandler(ear)
    try:
        yield heard
    finally:
        log.removeHandler(ear)
