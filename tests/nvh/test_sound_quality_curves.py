"""Loudness, sharpness and roughness over time of sounds with values in the literature."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.nvh.sound_quality_curves import exceeded, roughness
from specsr.signal import Signal
from support.command import run

RATE = 48000.0


def modulated(depth: float, seconds: float = 0.5) -> Signal:
    """A tone of 1 kHz and 60 dB, modulated with 70 Hz."""
    t = np.arange(round(seconds * RATE)) / RATE
    x = (1 + depth * np.sin(2 * np.pi * 70 * t)) * np.sin(2 * np.pi * 1000 * t)
    return Signal(20e-3 * x / np.sqrt(np.mean(x**2)), RATE, "Pa")


@pytest.fixture(autouse=True)
def _mosqito() -> None:
    pytest.importorskip("mosqito")


def test_one_asper_and_a_steady_tone() -> None:
    """Fastl, Zwicker, Psychoacoustics, chapter 11: the first sound has 1 asper by definition."""
    both = np.concatenate([modulated(1.0).samples, modulated(0.0).samples])
    found = specsr.sound_quality_curves(Signal(both, RATE, "Pa", start=2.0))
    assert found.roughness[0] == pytest.approx(np.ones(found.window_times.size), abs=0.17)
    assert found.roughness[1].max() < 0.05  # 0.17 is the smallest difference that is heard
    assert found.window_times[0] == pytest.approx(2.1, abs=1e-3)
    late = found.times >= 2.25  # half the recording
    assert found.loudness[1, late] == pytest.approx(4.0, rel=0.05)  # 60 phon
    assert np.isnan(found.sharpness[:, ~late]).all()
    steady = specsr.sharpness(modulated(0.0))
    assert found.sharpness[1, late] == pytest.approx(np.full(late.sum(), steady), rel=0.05)


def test_the_start_of_a_steady_tone_is_not_in_its_sharpness() -> None:
    t = np.arange(round(0.65 * RATE)) / RATE
    found = specsr.sound_quality_curves(Signal(np.cos(2 * np.pi * 1000 * t), RATE, "Pa"))
    known = found.sharpness[0][np.isfinite(found.sharpness[0])]
    assert known.size and np.ptp(known) < 0.01 * known[-1]
    assert np.isnan(found.sharpness[0][found.times < 0.325]).all()

    from specsr.plots.sound_quality import plot_sound_quality

    axes = plot_sound_quality(found, ["tone"]).axes
    for ax, values in zip(axes, (found.loudness, known, found.roughness)):
        assert ax.get_ylim()[1] > 1.05 * values.max()


def test_percentiles_are_values_that_are_exceeded() -> None:
    curve = np.stack([np.arange(101.0), np.full(101, np.nan)])
    curve[0, :1] = np.nan
    assert exceeded(curve, 5)[0] == pytest.approx(95.05) and np.isnan(exceeded(curve, 5)[1])
    for percent in (5, 50, 90):
        share = np.mean(curve[0, 1:] > exceeded(curve, percent)[0])
        assert share == pytest.approx(percent / 100, abs=0.011)
    with pytest.raises(SpecsrError, match="percent is 0"):
        exceeded(curve, 0)


def test_a_short_recording_is_named() -> None:
    with pytest.raises(SpecsrError, match="at least 0.4 s"):
        specsr.sound_quality_curves(modulated(1.0, 0.3))
    with pytest.raises(SpecsrError, match="at least 0.2 s"):
        roughness(modulated(1.0, 0.15))
    times, asper = roughness(modulated(1.0, 0.2))
    assert times == pytest.approx([0.1], abs=1e-3) and asper.shape == (1, 1)


def test_the_command_prints_percentiles_and_writes_curves(tmp_path, capsys) -> None:
    path, table, figure = (tmp_path / name for name in ("am.wav", "curves.csv", "curves.png"))
    specsr.write(path, modulated(1.0, 0.4))
    code, shown, err = run(capsys, "sound-quality", path, "-o", table, "-o", figure)
    assert code == 0 and "roughness, asper" in shown and "shorter than 2 s" in err, err
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["quantity"] for row in rows} == {
        "loudness_sone", "sharpness_acum", "roughness_asper"
    }  # fmt: skip
    assert figure.stat().st_size > 10000
    code, _, err = run(capsys, "sound-quality", path, "--unit", "1", "--calib", 1)
    assert code == 1 and "am.wav: loudness needs sound pressure in Pa" in err
