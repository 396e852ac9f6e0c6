"""Temporary files: named after their process, removed when that is dead."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from specsr.io import replacing
from specsr.io.atomic import check_outputs
from specsr.io.temporaries import host_key, is_running, sweep


def dead_process() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def left(folder: Path, pid: int, age: float, host: str = "", kind: str = "tmp") -> Path:
    path = folder / f".specsr-{host or host_key()}-{pid}-0123456789ab-0.{kind}"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_processes_are_found():
    assert is_running(os.getpid()) and is_running(os.getppid())
    assert not is_running(dead_process())


def test_a_temporary_name_carries_host_and_process(tmp_path):
    with replacing(tmp_path / "a.txt") as [temp]:
        assert temp.name.startswith(f".specsr-{host_key()}-{os.getpid()}-")
        temp.write_bytes(b"")
        os.utime(temp, (0, 0))
        sweep(tmp_path)  # of a running process: stays at any age
        assert temp.exists()


@pytest.mark.parametrize("kind", ["tmp", "old"])
def test_old_files_of_dead_processes_are_removed(tmp_path, kind):
    dead = dead_process()
    gone = left(tmp_path, dead, 61, kind=kind)
    kept = {
        left(tmp_path, os.getpid(), 1e6, kind=kind),
        left(tmp_path, dead, 61, host="00000000", kind=kind),
        tmp_path / f".specsr-other.{kind}",
        tmp_path / "a.wav",
    }
    for path in kept:
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    sweep(tmp_path)
    assert not gone.exists() and set(tmp_path.iterdir()) == kept
    young = left(tmp_path, dead, 0, kind=kind)
    sweep(tmp_path)
    assert young.exists()
    sweep(tmp_path, everything=True)
    assert set(tmp_path.iterdir()) == {tmp_path / "a.wav"}
    sweep(tmp_path / "missing")


def test_the_next_command_into_a_folder_removes_them(tmp_path):
    gone = left(tmp_path, dead_process(), 61)
    check_outputs([tmp_path / "a.txt"])
    assert not gone.exists()
