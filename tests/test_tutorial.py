"""The tutorial: every command and every line of Python in it runs, and makes its pictures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

import specsr
from support.command import run

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"


def blocks(kind: str) -> list[str]:
    """Return the code blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.M | re.S)


@pytest.mark.slow
def test_every_line_of_the_tutorial_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bokeh")
    (tmp_path / "examples").mkdir()
    signal = specsr.read(ROOT / "examples" / "runup.flac")
    part = signal.cut(0, round(2.5 * signal.rate))  # saves time
    specsr.write(tmp_path / "examples" / "runup.flac", part)
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("sh")[1:] for line in block.splitlines()]  # not pip
    assert len(lines) >= 6
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "specsr"
        code, _, problem = run(capsys, *words)
        assert code == 0, (line, problem)
    for block in blocks("python"):
        exec(compile(block, str(PAGE), "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(r"order 4: up to \d+\.\d dB", printed) and "nan" not in printed
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"measured.npz", "fine.npz", "expected.npz", "cuts.csv", "report.html"} <= made
    for shown in (PAGE.parent / "tutorial").glob("*.jpg"):
        drawn = tmp_path / "out" / f"{shown.stem}.png"
        with Image.open(shown) as old, Image.open(drawn) as new:
            assert old.width / old.height == pytest.approx(new.width / new.height, rel=0.01)
