"""What reaches a terminal, a full disk or a closed pipe, in real processes."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from specsr import io
from specsr.cli.output import bar
from specsr.signal import Signal
from support.command import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX devices and limits")
NAMES = ("Mic [left]", "[/red]", "\x1b]0;title\x07\x1b[31m", "ab\u202edc", "two\nlines", "µ 日本")


LEVELS = pytest.param(["levels"], marks=pytest.mark.slow)
"""The same as ``info`` in a process that takes longer to start."""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    samples = np.sin(np.arange(len(NAMES) * 4000.0)).reshape(len(NAMES), 4000)
    io.write(tmp_path / "[a].wav", Signal(samples, 8000.0, "Pa", NAMES))
    return tmp_path / "[a].wav"


def _process(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "specsr", *map(str, args)]
    given: dict = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run(command, timeout=600, check=False, **given)


def _one_line(done: subprocess.CompletedProcess[str], match: str) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    assert match in done.stderr


@pytest.mark.parametrize("command", ["info", "levels"])
def test_names_are_printed_as_they_are_but_for_control_characters(capsys, recording, command):
    code, printed, messages = run(capsys, command, recording)
    assert code == 0
    for name in ("Mic [left]", "[/red]", r"\x1b]0;title\x07\x1b[31m", r"ab\u202edc", r"two\nlines"):
        assert name in printed
    assert not set(printed + messages) & {"\x1b", "\x07", "\u202e"}


def test_a_folder_of_files_is_printed_without_markup(capsys, recording):
    io.write(recording.with_name("[/b].wav".replace("/", "")), Signal(np.ones(9), 10.0))
    code, printed, _ = run(capsys, "info", recording.parent)
    assert code == 0 and "[a].wav" in printed and "[b].wav" in printed


@pytest.mark.parametrize(
    "args",
    [["info", "no\x1b[31m.wav"], ["info", "a", "--no\x1b[31m"], ["levels", "a", "b\x1b[31m"]],
)
def test_arguments_in_errors_have_no_control_characters(capsys, args):
    code, printed, messages = run(capsys, *args)
    assert code in (1, 2) and r"\x1b[31m" in messages
    assert "\x1b" not in printed + messages and "Traceback" not in messages


def test_memory_that_torch_cannot_have_ends_in_one_line(capsys, monkeypatch, recording):
    def load(*_):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] can't allocate memory: 9 bytes.")

    monkeypatch.setattr("specsr.cli.diagnosis.read_recording", load)
    code, _, messages = run(capsys, "cepstrum", recording)
    assert code == 1 and "error: not enough memory for this input" in messages
    assert "Traceback" not in messages


def test_the_label_of_a_bar_has_no_markup(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(bar("[/red] {x} \x07")([1, 2])) == [1, 2]
    assert r"[/red] {x} \x07" in capsys.readouterr().err


def test_log_messages_have_no_control_characters(capsys, tmp_path):
    io.write(tmp_path / "a\x1b[31m.npz", Signal(np.ones((2, 9)), 10.0, channels=("a", "a")))
    _, _, messages = run(capsys, "levels", tmp_path / "a\x1b[31m.npz")
    assert "was changed to 'a (2)'" in messages and "\x1b" not in messages


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_terminal_without_unicode_is_enough(recording, environment, options):
    done = _process("info", recording, *options, env=os.environ | environment)
    assert (done.returncode, done.stderr) == (0, "")
    if options:
        assert json.loads(done.stdout)["result"]["files"][0]["channels"][5]["name"] == NAMES[5]


@pytest.mark.parametrize(
    "args", [["info"], ["info", "--json"], ["levels"], ["--version"], ["--help"]]
)
def test_a_full_output_ends_in_one_line(recording, args):
    files = [] if args[0].startswith("-") else [recording]
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "w") as full:
        _one_line(_process(*args, *files, stdout=full), "No space left on device")


@pytest.mark.parametrize("args", [["info"], ["info", "--json"], LEVELS])
def test_a_closed_pipe_ends_in_one_line(recording, args):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        _one_line(_process(*args, recording, stdout=writing), "Broken pipe")
    finally:
        os.close(writing)


def test_closed_streams_are_no_error(recording):
    command = f"{sys.executable} -m specsr info '{recording}' >&- 2>&-"
    assert subprocess.run(command, shell=True, timeout=600, check=False).returncode in (0, 1)


@pytest.mark.parametrize(
    ("command", "name"),
    [("spectrogram", "o.npz"), ("spectrogram", "o.png"), ("levels", "o.csv"), ("info", "o.json")],
)
def test_a_full_disk_ends_in_one_line(tmp_path, recording, command, name):
    """Simulated by a limit of the size of files, which fails like a full disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    out = tmp_path / "out" / name
    if out.suffix == ".png":  # matplotlib finds its list of fonts, which takes seconds to make
        from matplotlib import font_manager, get_cachedir

        assert font_manager.fontManager.ttflist
        for path in Path(get_cachedir()).glob("fontlist*"):
            shutil.copy(path, tmp_path)
    environment = {"MPLCONFIGDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | {
        # a measurement of coverage could not write its own file
        key: value
        for key, value in os.environ.items()
        if not key.startswith("COV")
    }
    done = _process(command, recording, "-o", out, preexec_fn=limit, env=environment)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and len(errors) == 1 and "Traceback" not in done.stderr
    assert f"{name}" in errors[0] and not list(out.parent.glob("*"))


@pytest.mark.parametrize(
    "command", ["spectrogram", "levels", "info", pytest.param("report", marks=pytest.mark.slow)]
)
def test_a_folder_that_takes_no_files_ends_in_one_line(recording, command):
    name = {"spectrogram": "o.npz", "levels": "o.png", "info": "o.json", "report": "o.html"}
    done = _process(command, recording, "-o", Path("/proc/none") / name[command])
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and len(errors) == 1 and "Traceback" not in done.stderr
