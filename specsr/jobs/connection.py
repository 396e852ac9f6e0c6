"""Start or join a Dask cluster (extra ``cluster``): addresses, waits that end, one-line errors."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io.limits import MAX_MEMORY_VARIABLE, limit_of_each

if TYPE_CHECKING:
    from distributed import Client
    from tornado.ioloop import IOLoop

DEATHS = 1
"""Worker deaths that a file of a local cluster is allowed, beside other files and alone."""

TIMEOUT = 20.0
"""Seconds to wait for a scheduler, and then for its first worker."""

HIGHEST_PORT = 65535
"""Highest number of a TCP port."""

LOOPBACK = "127.0.0.1"
"""Interface on which the processes of ``local:N`` listen."""


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
    if not local and not 0 < int(where.rpartition(":")[2]) <= HIGHEST_PORT:
        raise SpecsrError(f"--cluster is {where!r}: expected a port from 1 to {HIGHEST_PORT}")
    require("distributed", "cluster", "clusters (--cluster)")
    with ExitStack() as stack:
        stack.enter_context(_quiet_dask())
        loop = stack.enter_context(_event_loop())
        address = stack.enter_context(_local(int(local[1]), loop)) if local else where
        try:
            client = stack.enter_context(_bounded_client(address, timeout, loop))
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


@contextmanager
def _event_loop() -> Iterator[IOLoop]:
    """Yield an event loop that runs in a thread of its own and has ended when the context ends.

    Dask's own loop fails if its thread needs more than 10 s to start, which happens on a loaded
    machine, and its tasks still log after the log's levels were restored.
    """
    from tornado.ioloop import IOLoop

    started: Future[tuple[IOLoop, asyncio.Event]] = Future()

    async def until_stopped() -> None:
        stop = asyncio.Event()
        started.set_result((IOLoop.current(), stop))
        await stop.wait()

    thread = threading.Thread(
        target=asyncio.run, args=(until_stopped(),), name="specsr-cluster", daemon=True
    )
    with _interrupts_blocked():
        thread.start()
    loop, stop = started.result()
    try:
        yield loop
    finally:
        loop.add_callback(stop.set)
        thread.join(TIMEOUT)


def _bounded_client(address: object, timeout: float, loop: IOLoop) -> Client:
    """Return a client whose whole start takes ``timeout`` seconds at most.

    Dask waits without a limit for the handshake of an address that accepts a connection.
    """
    from distributed import Client

    class Bounded(Client):
        async def _start(self, *args: Any, **options: Any) -> Any:
            try:
                return await asyncio.wait_for(super()._start(*args, **options), timeout)
            except BaseException as error:
                await self._close(fast=True)  # not when it is collected: its loop has ended then
                if isinstance(error, asyncio.TimeoutError):
                    raise OSError("no answer") from None
                raise

    return Bounded(address, timeout=timeout, set_as_default=False, loop=loop)


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
def _local(workers: int, loop: IOLoop) -> Iterator[object]:
    """Yield a cluster of this machine: one file per process, the cores divided among them.

    Its processes listen on the loopback interface only, without dashboard and without HTTP pages.

    Raises:
        SpecsrError: a worker did not start.
    """
    import dask
    from dask.system import CPU_COUNT
    from distributed import LocalCluster

    threads = max(1, CPU_COUNT // workers)
    # Not numba's: the starting process reads it too, and numba refuses a change of its threads.
    # The compiled functions of specsr use one thread.
    names = ("OMP", "MKL", "OPENBLAS")
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
                host=LOOPBACK, dashboard_address=None, loop=loop,
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
