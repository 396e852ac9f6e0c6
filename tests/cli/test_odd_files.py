"""Every command on odd files: an answer or one plain line, never a traceback."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command import run
from support.odd_files import ODD
from support.processor import at_most

COMMANDS: dict[str, Callable[[Path, Path], list[object]]] = {
    "info": lambda file, out: ["info", file, "-o", out / "o.json"],
    "spectrogram": lambda file, out: [
        "spectrogram",
        file,
        "-o",
        out / "o.npz",
        "-o",
        out / "o.png",
    ],
    "levels": lambda file, out: ["levels", file, "-o", out / "o.csv", "-o", out / "o.png"],
    "orders": lambda file, out: ["orders", file, "-o", out / "o.csv", "-o", out / "o.png"],
    "denoise": lambda file, out: ["denoise", file, "-o", out / "o.h5", "-o", out / "o.png"],
    "upscale": lambda file, out: ["upscale", file, "-o", out / "o.h5"],
    "report": lambda file, out: ["report", file, "-o", out / "o.html"],
    "evaluate": lambda file, out: ["evaluate", file, file, "-o", out / "o.json"],
}
GENEROUS = 120
"""Limit of processor time, s: each takes under 5 s on a fast machine."""


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers_or_complains_in_one_line(tmp_path, capsys, command, odd):
    file = ODD[odd](tmp_path)
    out = tmp_path / "out"
    with at_most(GENEROUS):
        code, printed, messages = run(capsys, *COMMANDS[command](file, out))
    assert code in (0, 1)
    errors = [line for line in messages.splitlines() if line.startswith("error: ")]
    assert len(errors) == code and "Traceback" not in messages
    assert "Warning" not in messages
    assert not set(printed + messages) & {"\x1b", "\u202e"}
    assert code == 1 or any(out.iterdir())


def test_nan_in_a_speed_is_shown_and_is_strict_json(tmp_path, capsys):
    file = ODD["nan in the speed"](tmp_path)
    code, printed, _ = run(capsys, "info", "--json", file)

    def refuse(name: str) -> None:
        raise ValueError(name)

    [found] = json.loads(printed, parse_constant=refuse)["result"]["files"]
    speed = found["channels"][1]
    assert code == 0 and (speed["lowest"], speed["highest"]) == (1000, 3999)
    assert speed["problem"] == "holds values that are not finite"


def test_the_level_of_huge_and_tiny_samples_is_exact(tmp_path, capsys):
    _, printed, _ = run(capsys, "info", "--json", ODD["1e300"](tmp_path))
    [found] = json.loads(printed)["result"]["files"]
    assert found["channels"][0]["level_db"] == pytest.approx(6090.97, abs=0.1)
    (tmp_path / "a.h5").unlink()
    _, printed, _ = run(capsys, "info", "--json", ODD["1e-300"](tmp_path))
    [found] = json.loads(printed)["result"]["files"]
    assert found["channels"][0]["level_db"] == pytest.approx(-5909.03, abs=0.1)


@pytest.mark.parametrize("command", ["levels", "orders", "spectrogram"])
def test_a_figure_that_fails_stops_no_later_output(tmp_path, capsys, monkeypatch, command):
    from matplotlib.figure import Figure

    def fail(*args: object, **options: object) -> None:
        raise ValueError("no such glyph")

    monkeypatch.setattr(Figure, "savefig", fail)
    file = ODD["names in a table"](tmp_path)
    last = tmp_path / ("b.npz" if command == "spectrogram" else "b.csv")
    code, _, messages = run(capsys, command, file, "-o", tmp_path / "a.png", "-o", last)
    assert code == 1 and last.is_file() and not (tmp_path / "a.png").exists()
    assert "a.png: cannot be written as .png (ValueError: no such glyph)" in messages


@pytest.mark.skipif(sys.platform == "win32", reason="file names of bytes are those of POSIX")
def test_a_file_name_that_is_not_utf8_is_in_the_json_and_the_manifest(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    file = ODD["name of bytes"](folder)
    _, printed, _ = run(capsys, "info", "--json", file)
    assert json.loads(printed)["result"]["files"][0]["path"] == str(file)
    for resumed in (False, True):
        options = ["--resume"] if resumed else []
        code, _, messages = run(capsys, "spectrogram", folder, "-o", tmp_path / "out", *options)
        assert code == 0
    assert "1 of 1 are done already" in messages
