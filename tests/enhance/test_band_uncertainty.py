"""Uncertainty of the levels above the measured band."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from specsr.enhance.band_uncertainty import HALF_WIDTHS, level_uncertainty_db, uncertainty_note


def test_the_uncertainty_is_that_of_the_octaves_above_the_cut() -> None:
    freqs = 4000 * 2.0 ** np.array([-1.0, 0.0, 0.25, 0.75, 1.25, 2.0, 9.0])
    found = level_uncertainty_db(freqs, 4000.0)
    widths = [width for _, width in HALF_WIDTHS]
    np.testing.assert_array_equal(found, [0, 0, *widths, widths[-1]])
    note = uncertainty_note(4000.0, 24000.0)
    assert f"{widths[0]:.1f} dB next to" in note and f"{widths[-1]:.1f} dB at 24000 Hz" in note


def test_the_uncertainty_is_the_measured_one() -> None:
    results = Path(__file__).parents[2] / "benchmarks" / "results" / "band.json"
    measured = json.loads(results.read_text())["tables"]["Levels of the estimated band"]
    assert [row["octaves above the cut"].split(" to ")[1] for row in measured[:-1]] == [
        f"{octaves:g}" for octaves, _ in HALF_WIDTHS[:-1]
    ]
    assert [round(row["half-width, dB"], 1) for row in measured] == [w for _, w in HALF_WIDTHS]
