"""One job at a time in an output folder: real processes, killed jobs, systems without locks."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from specsr.errors import SpecsrError
from specsr.jobs import lock
from specsr.jobs.lock import NAME, folder_lock
from support.command import run as specsr_command
from support.folder_jobs import Gain, go, recordings, states

ROOT = Path(__file__).parents[2]
HOLDER = "from specsr.jobs.lock import folder_lock; from pathlib import Path; import sys\n"
HOLDER += "with folder_lock(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
JOB = "from support.folder_jobs import *; import sys\n"
JOB += "go(Path(sys.argv[1]), Path(sys.argv[2]), Gain(sys.argv[3], seconds=600))"


@pytest.fixture(params=["locks", "no locks", "no fcntl"])
def file_system(request, monkeypatch):
    """File systems with locks, without, and another operating system."""
    if request.param == "no fcntl":
        monkeypatch.setattr(lock, "fcntl", None)
    elif request.param == "no locks":
        monkeypatch.setattr(lock.fcntl, "flock", unsupported)


def unsupported(*call: object) -> None:
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


@contextlib.contextmanager
def running(code: str, *arguments: object) -> Iterator[subprocess.Popen]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def test_a_held_folder_is_refused_with_the_name_of_the_holder(tmp_path, file_system):
    with folder_lock(tmp_path / "out"):
        expected = f"process {os.getpid()} on {socket.gethostname()}, since 20"
        with pytest.raises(SpecsrError, match=expected) as error, folder_lock(tmp_path / "out"):
            pass
        assert str(tmp_path / "out") in str(error.value) and "\n" not in str(error.value)
        assert os.listdir(tmp_path / "out") == [NAME]
    assert os.listdir(tmp_path) == []  # the folder was empty: removed


@pytest.mark.parametrize("end", [SpecsrError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_the_lock_is_released_at_any_end(tmp_path, file_system, end):
    with pytest.raises(type(end)), folder_lock(tmp_path):
        raise end
    assert os.listdir(tmp_path) == []
    with folder_lock(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, file_system):
    with running(HOLDER, tmp_path) as process:
        assert process.stdout.readline() == b"\n"
        pid = process.pid
        assert json.loads((tmp_path / NAME).read_text())["pid"] == pid
        with pytest.raises(SpecsrError, match=f"process {pid} on"), folder_lock(tmp_path):
            pass
    assert (tmp_path / NAME).exists()
    with folder_lock(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"host": 1}'])
def test_an_unreadable_lock_file_is_taken_over_when_it_is_old(tmp_path, monkeypatch, content):
    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    (tmp_path / NAME).write_text(content)
    with pytest.raises(SpecsrError, match="another job writes"), folder_lock(tmp_path):
        pass
    os.utime(tmp_path / NAME, (0, 0))
    with folder_lock(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_the_lock_of_another_host_is_kept_where_the_system_has_no_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    holder = {"host": "elsewhere", "pid": 1 << 22, "since": "then"}
    (tmp_path / NAME).write_text(json.dumps(holder))
    os.utime(tmp_path / NAME, (0, 0))
    with (
        pytest.raises(SpecsrError, match=r"\(process 4194304 on elsewhere, since then\)"),
        folder_lock(tmp_path),
    ):
        pass


def test_a_lock_that_ends_while_it_is_asked_for_is_not_held_twice(tmp_path, monkeypatch):
    """The holder removes its file after another job has opened that and before it locks it."""
    real = lock.fcntl.flock
    calls = []

    def late(handle, how):
        if not calls:
            (tmp_path / NAME).unlink()
        calls.append(handle)
        real(handle, how)

    (tmp_path / NAME).write_text("")
    monkeypatch.setattr(lock.fcntl, "flock", late)
    with folder_lock(tmp_path):
        assert len(calls) == 2 and (tmp_path / NAME).exists()
        with pytest.raises(SpecsrError, match="another job"), folder_lock(tmp_path):
            pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SpecsrError, match="file/out: could not be locked"),
        folder_lock(tmp_path / "file" / "out"),
    ):
        pass


def test_two_processes_into_one_folder(tmp_path, capsys, monkeypatch):
    """The second one fails before it works; the first is killed, and the next one takes over."""

    def refused(*_: object) -> None:
        raise AssertionError("a job without the lock must not start a cluster")

    monkeypatch.setattr("specsr.jobs.connection.connect", refused)
    source, out = recordings(tmp_path / "in", "a", "b"), tmp_path / "out"
    (tmp_path / "tries").mkdir()
    with running(JOB, source, out, tmp_path / "tries") as process:
        while not (tmp_path / "tries" / "a").exists():
            assert process.poll() is None
            time.sleep(0.01)
        for options in ([], ["--overwrite"], ["--resume"], ["--cluster", "local:2"]):
            code, _, err = specsr_command(capsys, "spectrogram", source, "-o", out, *options)
            assert code == 1 and process.poll() is None
            assert err.startswith(f"error: {out}: another job (process ") and err.count("\n") == 1
        assert set(os.listdir(out)) == {NAME, "specsr-manifest.jsonl"}
    failed, said, _ = go(source, out, Gain(str(tmp_path / "tries")), resume=True)
    assert failed == 0 and said[0] == "0 of 2 are done already"
    assert states(out) == [("a", "done"), ("b", "done")]
    names = [f"{name}.wav{end}" for name in "ab" for end in ("", ".json")]
    assert sorted(os.listdir(out)) == [*names, "specsr-manifest.jsonl"]
