"""Speed benchmark of whole jobs, and the files it writes; no time is asserted."""

from __future__ import annotations

import json

import pytest
import torch
from typer.main import get_command

from specsr.benchmark.jobs import jobs
from specsr.benchmark.options import SpeedOptions
from specsr.cli.app import app
from support.command import run


def command_line(arguments: list[str]) -> None:
    get_command(app).main(arguments, standalone_mode=False)


def test_the_parts_of_a_job_add_up_to_its_time():
    options = SpeedOptions(seconds=2.0, repeats=1)
    rows = jobs(options, {"upscale": ["band"], "denoise": ["denoise"]}, command_line)
    assert [row["job"] for row in rows] == ["upscale, band", "denoise, denoise"]
    for row in rows:
        parts = [value for key, value in row.items() if key.endswith("%")]
        assert all(value >= -1e-6 for value in parts)
        assert sum(parts) == pytest.approx(100)
        assert row["network, %"] > 0 and row["phase, %"] > 0 and row["read, %"] > 0


def test_tables_and_numbers_are_written(tmp_path, capsys):
    code, shown, _ = run(
        capsys, "benchmark", "speed", "--only", "phase", "--seconds", "2", "--repeats", "1",
        "-o", tmp_path / "s.json", "--markdown", tmp_path / "s.md",
    )  # fmt: skip
    assert code == 0 and "| librosa, Griffin-Lim, 32 |" in shown
    assert (tmp_path / "s.md").read_text().strip() == shown.strip()
    stored = json.loads((tmp_path / "s.json").read_text())["result"]
    assert stored["machine"]["threads"] == torch.get_num_threads()
    rows = stored["tables"]["phase"]
    assert [row["method"].split(",")[0] for row in rows] == ["librosa", "specsr", "specsr"]
    convergence = [row["spectral convergence, dB"] for row in rows]
    assert convergence[2] < convergence[1] < 0


def test_an_unknown_part_is_refused(capsys):
    code, _, message = run(capsys, "benchmark", "speed", "--only", "network,colour")
    assert code == 1 and "colour: expected of network" in message
