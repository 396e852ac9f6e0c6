"""Jobs on a cluster: the same results as in one process, and no file lost with a worker."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
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


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a scheduler with two workers, started from the command line."""
    known = tmp_path_factory.mktemp("scheduler") / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    commands = [
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0",
         "--scheduler-file", known],
        [*dask, "worker", "--scheduler-file", known, "--nworkers", "2", "--nthreads", "1",
         "--no-dashboard", "--death-timeout", "600"],
    ]  # fmt: skip
    running: list[subprocess.Popen] = []
    try:
        for command in commands:
            running.append(subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL))
            while not (known.exists() and known.read_text().strip().endswith("}")):
                assert running[0].poll() is None
                time.sleep(0.05)
        address = json.loads(known.read_text())["address"]
        with connection.connect(address, timeout=600) as client:
            client.wait_for_workers(2, timeout=600)
        yield address
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:  # dask's own shutdown hangs at times under load
                process.kill()
                process.wait()


@pytest.fixture
def work(tmp_path: Path) -> Gain:
    (tmp_path / "tries").mkdir()
    return Gain(str(tmp_path / "tries"))


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
        timeout=600,
    )  # fmt: skip
    assert done.stdout.startswith("local:2: a worker process did not start")
    assert done.stdout.count("\n") == 1 and done.stderr == ""


def test_worker_of_another_version_is_refused(tmp_path, work):
    task = Task(recordings(tmp_path / "in", "a") / "a.wav", (tmp_path / "a.wav",))
    assert "install the same" in cluster.remote(work, task, "0.0.1").error
    assert not (tmp_path / "a.wav").exists()
    assert cluster.remote(work, task, specsr.__version__).error is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep", "RecursionError: maximum recursion depth exceeded"),
        ("locked", "OSError: .*is held"),
    ],
)
def test_an_error_of_a_worker_can_be_sent_whatever_it_holds(name, text, tmp_path, work):
    task = Task(recordings(tmp_path / "in", name) / f"{name}.wav", (tmp_path / "a.wav",))
    with pytest.raises(cluster.Broken, match=text) as caught:
        cluster.remote(work, task, specsr.__version__)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert len(caught.traceback) == 2  # this test and `remote`: Dask sends the traceback too
    assert caught.value.__context__ is None


@pytest.mark.slow
def test_a_job_ends_after_errors_that_cannot_be_sent(scheduler, tmp_path, work):
    source = recordings(tmp_path / "in", "a", "deep", "locked")
    failed, _, wrong = go(source, tmp_path / "out", work, cluster=scheduler)
    assert failed == 2 and len(wrong) == 3
    assert any("deep.wav: RecursionError: maximum recursion depth" in each for each in wrong)
    assert any("locked.wav: OSError: " in each and "is held" in each for each in wrong)
    assert tries(tmp_path / "tries", "deep") == 1 + cluster.RETRIES


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


KILLED_ONCE = """
import os, pathlib, signal
from specsr.jobs import cluster

begun, remote = [], getattr(cluster, "original", cluster.remote)
cluster.original = remote  # this file is run twice in a worker

def killed_at_the_second_file(work, task, version):
    begun.append(task)
    if len(begun) == 2:
        try:
            pathlib.Path({mark!r}).touch(exist_ok=False)
        except FileExistsError:  # the other worker
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return remote(work, task, version)

cluster.remote = killed_at_the_second_file
"""
"""Kills one worker of a cluster, with a file done, another one begun and others to come."""


@pytest.mark.slow
def test_killed_worker_loses_no_file(tmp_path, capsys):
    names = "abcde"
    source, out = recordings(tmp_path / "in", *names, seconds=1.0), tmp_path / "out"
    command = [sys.executable, "-m", "specsr", "denoise", str(source), "-o", str(out)]
    (tmp_path / "kill.py").write_text(KILLED_ONCE.format(mark=str(tmp_path / "killed")))
    done = subprocess.run(
        [*command, "--cluster", "local:2"], capture_output=True, text=True, timeout=1200,
        env=ENVIRONMENT | {"DASK_DISTRIBUTED__WORKER__PRELOAD": str(tmp_path / "kill.py")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "killed").exists()
    assert "Traceback" not in done.stderr and "distributed" not in done.stderr
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
