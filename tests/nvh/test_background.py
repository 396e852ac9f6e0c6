"""Background correction against the equation and examples of the standard."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.nvh.background import without_background
from specsr.nvh.levels import third_octave_levels
from specsr.signal import Signal
from support.command import run

RATE = 16000.0
RNG = np.random.default_rng(0)
SOURCE, NOISE = RNG.standard_normal((2, 8 * 16000))


def bands(samples: np.ndarray, rate: float = RATE):
    return third_octave_levels(Signal(samples, rate, "Pa"), low=100, high=4000)


@pytest.mark.parametrize(
    ("over", "k1", "bound"),
    # ISO 3744:2010, 8.2.3: 1.3 dB at 6 dB, 0.46 at 10, none from 15 dB on
    [(20.0, 0.0, False), (15.0, 0.0, False), (10.0, 0.4576, False), (6.0, 1.2563, False),
     (3.0, 1.2563, True), (0.0, 1.2563, True)],
)  # fmt: skip
def test_the_correction_is_that_of_the_standard(over: float, k1: float, bound: bool) -> None:
    noise = bands(NOISE)
    measured = bands(NOISE * 10 ** ((over + 1e-9) / 20))
    found = without_background(measured, noise)
    assert found.correction == pytest.approx(k1, abs=1e-4)
    assert found.upper_bound.all() == bound and found.upper_bound.any() == bound
    assert found.levels == pytest.approx(measured.levels - k1, abs=1e-4)


def test_independent_noise_is_taken_off() -> None:
    truth, mixed = bands(SOURCE), bands(SOURCE + 0.4 * NOISE)
    found = without_background(mixed, bands(0.4 * NOISE))
    before = np.abs(mixed.levels - truth.levels).mean()
    assert np.abs(found.levels - truth.levels).mean() < before / 3


def test_silence_corrects_nothing_and_mistakes_are_named() -> None:
    source = bands(SOURCE)
    assert not without_background(source, bands(0 * NOISE)).correction.any()
    with pytest.raises(SpecsrError, match="the background has 2 channels, the recording 1"):
        without_background(source, bands(np.stack([NOISE, NOISE])))
    with pytest.raises(SpecsrError, match="background is too short for the third octave at"):
        without_background(source, bands(NOISE[:1000]))
    with pytest.raises(SpecsrError, match="no third octave at 3150 Hz"):
        without_background(source, bands(NOISE[:20000], 6000.0))


def test_levels_take_a_background(tmp_path: Path, capsys) -> None:
    source, idle, table = (tmp_path / name for name in ("run.wav", "idle.wav", "bands.csv"))
    specsr.write(source, Signal(0.1 * (SOURCE + 0.4 * NOISE), RATE, "Pa"))
    specsr.write(idle, Signal(0.04 * NOISE, RATE, "Pa"))
    code, _, err = run(capsys, "levels", source, "--background", idle, "-o", table)
    assert code == 0, err
    assert "without the background" in err and "are upper bounds" in err and "warning" not in err
    both = third_octave_levels(Signal(0.1 * (SOURCE + 0.4 * NOISE), RATE, "Pa")).levels
    total = 10 * np.log10(np.sum(10 ** (both / 10)))
    assert f"{total:.2f} with, " in err
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = np.array([float(row["level_db"]) for row in rows[6:]])
    truth = third_octave_levels(Signal(0.1 * SOURCE, RATE, "Pa")).levels[0, 6:]
    assert np.abs(found - truth).mean() < 0.2
    assert {row["upper_bound"] for row in rows} <= {"0", "1"}
    specsr.write(idle, Signal(0.3 * NOISE, RATE, "Pa"), overwrite=True)
    short = tmp_path / "short.wav"
    specsr.write(short, Signal(0.1 * SOURCE[:8000], RATE, "Pa"))
    code, _, err = run(capsys, "levels", short, "--background", idle)
    assert code == 0 and "warning: ch1: the background, " in err and "at least as loud" in err
    specsr.write(idle, Signal(NOISE, RATE, "m/s2"), overwrite=True)
    code, _, err = run(capsys, "levels", source, "--background", idle)
    assert code == 1 and "is in m/s2" in err


def test_backgrounds_of_several_channels_are_taken_by_their_names(tmp_path: Path, capsys) -> None:
    quiet, loud = 0.004 * NOISE, 0.04 * NOISE
    source, idle = tmp_path / "run.wav", tmp_path / "idle.wav"
    pair = np.stack([0.1 * SOURCE + quiet, 0.1 * SOURCE + loud])
    specsr.write(source, Signal(pair, RATE, "Pa", channels=("left", "right")))
    printed = []
    for names, samples in ((("left", "right"), [quiet, loud]), (("right", "left"), [loud, quiet])):
        specsr.write(idle, Signal(np.stack(samples), RATE, "Pa", channels=names), overwrite=True)
        code, _, err = run(capsys, "levels", source, "--background", idle)
        assert code == 0, err
        printed.append([line for line in err.splitlines() if "without the background" in line])
    assert printed[0] == printed[1] and len(printed[0]) == 2
    specsr.write(idle, Signal(np.stack([quiet, loud]), RATE, "Pa", channels=("a", "b")),
                 overwrite=True)  # fmt: skip
    assert "taken by their position" in run(capsys, "levels", source, "--background", idle)[2]
