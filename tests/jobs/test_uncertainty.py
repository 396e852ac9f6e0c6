"""Summary of an uncertainty: the same for parts as for the whole, at the resolution of its text."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.jobs.uncertainty import UncertaintySummary

FREQS = np.linspace(0, 5000, 31)
"""Of 31 rows, 12 of them below 2 kHz."""


def note(*parts: np.ndarray, freqs: np.ndarray = FREQS) -> str:
    summary = UncertaintySummary(freqs)
    for part in parts:
        summary.add(part)
    return summary.note


@pytest.mark.parametrize("seed", range(5))
def test_median_and_share_are_those_of_numpy(seed: int) -> None:
    values = np.random.default_rng(seed).gamma(2.0, 1.0, (2, 31, 47)).astype(np.float32)
    values[:, :12] *= 3
    found = note(values[..., :10], values[..., 10:])
    assert found == note(values)
    medians = [float(x.split(" dB")[0]) for x in found.split("\N{PLUS-MINUS SIGN}")[1:]]
    true = [np.median(values), np.median(values[:, :12])]
    assert medians == pytest.approx(true, abs=0.05 + 0.01)
    share = float(found.split(" in ")[1].split(" %")[0])
    assert share == pytest.approx(100 * (values > 3).mean(), abs=0.5 + 100 * 0.01)


def test_cells_beyond_the_largest_count_as_large_ones() -> None:
    rows = np.array([3000.0, 4000.0])
    large = note(np.array([[1e9], [np.inf]]), freqs=rows)
    assert "median \N{PLUS-MINUS SIGN} 100.0 dB, over 3 dB in 100 %" in large
    assert "over 3 dB in 0 %" in note(np.array([[3.0], [0.0]]), freqs=rows)


def test_maps_that_end_below_2_khz_have_one_median() -> None:
    assert "kHz" not in note(np.ones((31, 4)), freqs=FREQS / 4)
    assert "below 2 kHz \N{PLUS-MINUS SIGN} 1.0 dB" in note(np.ones((31, 4)))
