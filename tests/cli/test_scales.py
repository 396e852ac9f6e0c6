"""Linear scales of order levels, and the table of a power spectral density."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.nvh.order_cut import CutScale, OrderCut
from specsr.plots.cuts import plot_cuts
from specsr.signal import Signal
from support.command import run

RATE = 4000.0
T = np.arange(round(4 * RATE)) / RATE
RPM = 1200 + 300 * T
WAVE = 0.5 * np.sin(4 * np.pi * np.cumsum(RPM / 60) / RATE)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "run.wav"
    specsr.write(path, Signal(WAVE, RATE, "m/s", ("mount",), full_scale=1.0, rpm=RPM))
    return path


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("method", "kind"), [("resample", "rms"), ("vold-kalman", "peak")])
def test_levels_of_orders_in_the_unit(tmp_path, recording, capsys, method, kind) -> None:
    cuts = tmp_path / "cuts.csv"
    code, text, err = run(
        capsys, "orders", recording, "--cut", 2, "--method", method, "--scale", kind, "-o", cuts,
        "--run", "all",
    )  # fmt: skip
    assert code == 0 and f"mean, mm/s {kind}" in text, err
    expected = 500 if kind == "peak" else 500 / np.sqrt(2)  # mm/s
    read = [float(row[f"{kind}_mm/s"]) for row in table(cuts) if row[f"{kind}_mm/s"]]
    assert len(read) > 5 and read == pytest.approx([expected] * len(read), rel=0.02)


def test_the_scale_is_that_of_table_and_figure() -> None:
    levels = np.array([[80.0, np.nan, -np.inf]])
    assert CutScale("Pa").values(levels) is levels and CutScale("Pa").column == "level_db"
    rms = CutScale("Pa", "rms").values(levels)[0]
    assert rms[0] == pytest.approx(0.2) and np.isnan(rms[1]) and rms[2] == 0
    assert CutScale("m", "peak").label == "µm peak"
    cut = OrderCut(2.0, np.arange(3.0), np.arange(3.0), levels, np.ones(3),
                   uncertainty_db=np.full((1, 3), 6.0206))  # fmt: skip
    axes = plot_cuts([cut], scale=CutScale("Pa", "peak"))
    assert axes.get_ylabel() == "Level (Pa peak)"
    assert axes.lines[0].get_ydata()[0] == pytest.approx(0.2 * np.sqrt(2))
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(0.4 * np.sqrt(2), rel=1e-4)
    with pytest.raises(SpecsrError, match="scale is 'power'"):
        CutScale("Pa", "power")


def test_the_density_is_a_table_whose_sum_is_the_power(tmp_path, recording, capsys) -> None:
    path = tmp_path / "psd.csv"
    code, _, err = run(capsys, "levels", recording, "--psd", path, "--df", 5)
    assert code == 0 and f"-> {path}" in err
    rows = table(path)
    assert [float(row["freq_hz"]) for row in rows] == pytest.approx(np.arange(0, 2001, 5.0))
    power = sum(float(row["mount [(m/s)^2/Hz]"]) for row in rows) * 5
    assert power == pytest.approx(0.125, rel=0.02)
    for options, words in (
        (("--psd", path), "exists"),
        (("--psd", tmp_path / "psd.txt"), "expected .csv"),
        (("--psd", tmp_path / "x.csv", "--over", "time"), "--psd: not with --over"),
    ):
        code, _, err = run(capsys, "levels", recording, *options)
        assert code == 1 and words in err and err.count("\n") == 1
