"""Jobs on a cluster: the same results as in one process, and no file lost with a worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import specsr
from specsr.jobs import cluster, connection, manifest
from specsr.jobs.manifest import NAME
from specsr.jobs.task import Task
from support.command import run as specsr_command
from support.folder_jobs import Gain, go, recordings, states, tries

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")  # comes with distributed
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",  # rounding of sums depends on the number of threads
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path]),
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
}


def same_samples(path: Path, other: Path) -> None:
    """Check that the samples are equal bit for bit (the files hold their time of writing)."""
    np.testing.assert_array_equal(specsr.read(path).samples, specsr.read(other).samples)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Yield the address of a scheduler with two workers, started from the command line."""
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "dask"]
    commands = [
        [*dask, "scheduler", "--host", address, "--dashboard-address", ":0"],
        [*dask, "worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard",
         "--death-timeout", "120"],
    ]  # fmt: skip
    running = [
        subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        with connection.connect(address, timeout=120) as client:
            client.wait_for_workers(2, timeout=120)
        yield address
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:  # dask's own shutdown hangs at times under load
                process.kill()
                process.wait(20)


@pytest.fixture
def work(tmp_path: Path) -> Gain:
    (tmp_path / "tries").mkdir()
    return Gain(str(tmp_path / "tries"))


@pytest.mark.parametrize(
    "where", ["local", "local:0", "local:-1", "local:x", "4", "tcp://host", "http://host:8786", ""]
)
def test_invalid_cluster_addresses_are_refused(where, tmp_path, capsys):
    source = recordings(tmp_path / "in", "a")
    code, _, err = specsr_command(
        capsys, "denoise", source, "-o", tmp_path / "out", "--cluster", where
    )
    assert code == 1 and "expected local:4" in err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_a_port_out_of_range_is_refused_at_once(port: int) -> None:
    where = f"tcp://127.0.0.1:{port}"
    with (
        pytest.raises(specsr.SpecsrError, match="expected a port from 1 to 65535"),
        connection.connect(where),
    ):
        pass


def test_error_names_the_missing_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        pytest.raises(specsr.SpecsrError, match=r"pip install 'specsr\[cluster\]'"),
        connection.connect("local:2"),
    ):
        pass


def test_error_names_a_scheduler_that_does_not_answer():
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        pytest.raises(specsr.SpecsrError, match="no scheduler answers there"),
        connection.connect(address, timeout=1),
    ):
        pass


def test_the_event_loop_has_ended_with_the_connection(monkeypatch):
    # Dask's own loop would fail at random: its thread must start within 10 s
    monkeypatch.delattr("distributed.utils._CollectErrorThread")
    before = set(threading.enumerate())
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        pytest.raises(specsr.SpecsrError, match="no scheduler answers there") as caught,
        connection.connect(address, timeout=1),
    ):
        pass
    assert "_CollectErrorThread" not in str(caught.value)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {"specsr-cluster", "IO loop"} & left


def silent(answer: bytes = b"") -> Iterator[int]:
    """Yield the port of a socket that accepts connections and sends no more than ``answer``."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        end = threading.Event()

        def accept() -> None:
            kept = []
            while not end.is_set():
                try:
                    kept.append(listening.accept()[0])
                    kept[-1].sendall(answer)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            end.set()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64])
def test_an_address_that_accepts_and_does_not_answer_ends_in_time(answer):
    for port in silent(answer):
        began = time.monotonic()
        with (
            pytest.raises(specsr.SpecsrError, match="no scheduler answers there") as caught,
            connection.connect(f"tcp://127.0.0.1:{port}", timeout=2),
        ):
            pass
        assert time.monotonic() - began < 8  # the wait of 2 s, and Dask's import
        assert "\n" not in str(caught.value)


def test_the_default_wait_is_twenty_seconds():
    assert connection.TIMEOUT == 20


def listening_on() -> dict[int, set[str]]:
    """Return the addresses on which this process and its children listen, by process."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return {
        process.pid: {
            one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN
        }
        for process in processes
    }


@pytest.mark.slow
def test_a_local_cluster_listens_on_the_loopback_interface_only():
    before = {pid for pid, places in listening_on().items() if places}
    with connection.connect("local:2") as client:
        found = {pid: places for pid, places in listening_on().items() if pid not in before}
        http = {w["services"].get("dashboard") for w in client.scheduler_info()["workers"].values()}
        port = client.scheduler_info()["services"].get("dashboard")
        for served in {port, *http} - {None}:
            for page in ("status", "info/main/workers.html", "json/counts.json", "metrics"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://127.0.0.1:{served}/{page}", timeout=10)
    assert set().union(*found.values()) == {"127.0.0.1"}
    assert sum(map(bool, found.values())) >= 2


@pytest.mark.slow
def test_a_worker_that_dies_while_starting_is_one_line(tmp_path):
    (tmp_path / "dies.py").write_text("import os\nos._exit(3)\n")
    code = (
        "import dask\nfrom specsr.jobs import connection\nfrom specsr.errors import SpecsrError\n"
        "if __name__ == '__main__':\n"
        f"    dask.config.set({{'distributed.worker.preload': [{str(tmp_path / 'dies.py')!r}]}})\n"
        "    try:\n"
        "        connection.connect('local:2').__enter__()\n"
        "    except SpecsrError as error:\n"
        "        print(error)\n"
    )
    (tmp_path / "job.py").write_text(code)
    done = subprocess.run(
        [sys.executable, tmp_path / "job.py"], env=ENVIRONMENT, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.stdout.startswith("local:2: a worker process did not start")
    assert done.stdout.count("\n") == 1 and done.stderr == ""


def test_worker_of_another_version_is_refused(tmp_path, work):
    task = Task(recordings(tmp_path / "in", "a") / "a.wav", (tmp_path / "a.wav",))
    assert "install the same" in cluster.remote(work, task, "0.0.1").error
    assert not (tmp_path / "a.wav").exists()
    assert cluster.remote(work, task, specsr.__version__).error is None


@pytest.mark.slow
def test_cluster_and_single_process_give_equal_results(scheduler, tmp_path, work):
    source = recordings(tmp_path / "in", *"abcdef")
    assert go(source, tmp_path / "plain", work)[0] == 0
    failed, said, _ = go(source, tmp_path / "out", work, cluster=scheduler)
    assert failed == 0 and said[0] == "2 workers on 1 machine"
    for path in (tmp_path / "plain").glob("*.wav"):
        same_samples(tmp_path / "out" / path.name, path)
    assert states(tmp_path / "out") == [(name, "done") for name in "abcdef"]
    pids = {r.pid for r in manifest.read(tmp_path / "out" / NAME) if r.state == "done"}
    assert os.getpid() not in pids
    assert go(source, tmp_path / "out", work, cluster=scheduler, resume=True)[1] == [
        "6 of 6 are done already"
    ]


@pytest.mark.slow
def test_only_errors_other_than_specsr_error_are_retried(scheduler, tmp_path, work):
    source = recordings(tmp_path / "in", "a", "bug", "flaky", "mistake")
    failed, _, wrong = go(source, tmp_path / "out", work, cluster=scheduler)
    assert failed == 2 and "2 of 4 files failed" in wrong[-1]
    assert states(tmp_path / "out") == [
        ("a", "done"), ("bug", "failed"), ("flaky", "done"), ("mistake", "failed"),
    ]  # fmt: skip
    count = [tries(tmp_path / "tries", name) for name in ("a", "bug", "flaky", "mistake")]
    assert count == [1, 1 + cluster.RETRIES, 2, 1]
    errors = {Path(r.input).stem: r.error for r in manifest.read(tmp_path / "out" / NAME)}
    assert errors["bug"] == "RuntimeError: something broke"
    assert errors["mistake"] == "expected another file"


@pytest.mark.slow
def test_only_the_file_that_kills_its_workers_fails(scheduler, tmp_path, work):
    source = recordings(tmp_path / "in", "a", "b", "c", "deadly", "e", "f")
    failed, _, wrong = go(source, tmp_path / "out", work, cluster=scheduler)
    assert failed == 1 and "deadly.wav: every worker that processed it died" in wrong[0]
    assert states(tmp_path / "out") == [
        (name, "failed" if name == "deadly" else "done")
        for name in ("a", "b", "c", "deadly", "e", "f")
    ]
    # beside other files, then alone: DEATHS + 1 attempts each
    assert tries(tmp_path / "tries", "deadly") == 4
    assert not (tmp_path / "out" / "deadly.wav").exists()


@pytest.mark.slow
def test_killed_worker_loses_no_file(tmp_path, capsys):
    names = "abcde"
    source, out = recordings(tmp_path / "in", *names, seconds=1.0), tmp_path / "out"
    command = [sys.executable, "-m", "specsr", "denoise", str(source), "-o", str(out)]
    with subprocess.Popen(
        [*command, "--cluster", "local:2"], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 300
        while not (done := [r for r in manifest.read(out / NAME) if r.state == "done"]):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        victim = done[0].pid
        assert victim != process.pid
        os.kill(victim, signal.SIGKILL)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Traceback" not in err and "distributed" not in err
    assert states(out) == [(name, "done") for name in names]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        code, _, err = specsr_command(capsys, "denoise", source, "-o", tmp_path / "plain")
    finally:
        torch.set_num_threads(threads)
    assert code == 0, err
    for name in names:
        same_samples(out / f"{name}.wav", tmp_path / "plain" / f"{name}.wav")
