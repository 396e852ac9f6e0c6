"""Commands in processes of their own: progress, end, cancel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.app import process
from specsr.app.process import Child
from specsr.io.temporaries import is_running, temporary_paths

RUNS = '{"progress": {"label": "run", "done": 1, "total": 4, "seconds": 1, "seconds_left": 3}}'

LINGERS = f"""
import os, subprocess, sys, time
from pathlib import Path
from specsr.io.temporaries import temporary_paths
temporary_paths([Path("out.wav")])[0].write_text("half")
Path(os.environ["TMPDIR"], "scratch").write_text("half")
sleep = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
inner = subprocess.Popen([sys.executable, "-c", sleep])
print(inner.pid, flush=True)
print('{RUNS}', file=sys.stderr, flush=True)
"""


def script(code: str, folder: Path) -> Child:
    return Child(["-c", code], folder, program=[sys.executable])


def lingering(child: Child) -> int:
    """Wait for the first lines of `LINGERS`; return the number of the process that it started."""
    # its two streams are read apart: the line of progress may come before the other one
    while (now := child.status).fraction is None or not now.messages:
        assert now.state == "running", now
        time.sleep(0.02)
    assert now.fraction == 0.25
    return int(now.messages[0])


def wait_for_end(pid: int) -> None:
    end = time.monotonic() + 300
    while is_running(pid) and not _is_zombie(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_messages_and_the_end(tmp_path: Path) -> None:
    code = f"import sys; print('a'); print('{RUNS}', file=sys.stderr); print('b\\xe9')"
    found = script(code, tmp_path).join(300)
    assert found.state == "done"
    assert found.messages == ("a", "b\xe9")
    assert (found.label, found.fraction, found.seconds_left) == ("run", 1.0, 0.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "code, error",
    [
        ("import sys; print('note'); print('error: x: no', file=sys.stderr); sys.exit(1)", "x: no"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "code -9"),
    ],
)
def test_a_failure_is_one_line(tmp_path: Path, code: str, error: str) -> None:
    found = script(code, tmp_path).join(300)
    assert found.state == "failed"
    assert error in found.error and "\n" not in found.error


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_cancel_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    """Neither a process nor a file is left, also if the command ignores the interrupt."""
    monkeypatch.setattr(process, "PATIENCE", 0.2)
    ignore = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" if stubborn else ""
    other = temporary_paths([tmp_path / "of another.wav"])[0]
    other.write_text("kept")
    child = script(f"{ignore}{LINGERS}time.sleep(600)", tmp_path)
    inner = lingering(child)
    child.cancel()
    assert child.status.state == "cancelled" and not child.status.error
    assert list(tmp_path.iterdir()) == [other]
    wait_for_end(inner)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and waits for its parent, which may be a container's first."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_command_that_ended_before_the_cancel_is_done(tmp_path: Path) -> None:
    child = script("", tmp_path)
    child.join(300)
    child.cancel()
    assert child.status.state == "done"


@pytest.mark.slow
def test_a_real_command_reports_its_progress_and_is_cancelled(tmp_path: Path) -> None:
    # so long that its end is far away whenever this test looks at it
    noise = np.random.default_rng(0).normal(size=(1, 300 * 24000)).astype(np.float32)
    specsr.write(tmp_path / "long.wav", specsr.Signal(noise, 24000, "Pa"))
    before = {path.name for path in tmp_path.iterdir()}
    child = Child(["denoise", "long.wav", "-o", "out.wav", "--segment", "2"], tmp_path)
    while not (now := child.status).fraction:
        assert now.state == "running", now
        time.sleep(0.05)
    assert 0 < now.fraction < 1 and now.seconds_left
    child.cancel()
    assert child.status.state == "cancelled"
    assert {path.name for path in tmp_path.iterdir()} == before


def test_the_end_of_the_server_ends_all(tmp_path: Path) -> None:
    children = [script("import time; time.sleep(600)", tmp_path) for _ in range(2)]
    process.cancel_all()
    assert {child.status.state for child in children} == {"cancelled"}
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_killed_server_ends_its_commands_with_all_they_started(tmp_path: Path) -> None:
    server = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from specsr.app.process import Child\n"
        f"child = Child(['-c', {LINGERS + 'time.sleep(600)'!r}], Path('.'), [sys.executable])\n"
        "while not child.status.messages: time.sleep(0.02)\n"
        "print(child.status.messages[0], flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", server], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        inner = int(process.stdout.readline())
        process.kill()
    wait_for_end(inner)
