"""Summary of an uncertainty: the same for parts as for the whole, at the resolution of its text."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.jobs.uncertainty import UncertaintySummary


def note(*parts: np.ndarray) -> str:
    summary = UncertaintySummary()
    for part in parts:
        summary.add(part)
    return summary.note


@pytest.mark.parametrize("seed", range(5))
def test_median_and_share_are_those_of_numpy(seed: int) -> None:
    values = np.random.default_rng(seed).gamma(2.0, 1.0, (2, 31, 47)).astype(np.float32)
    found = note(values[:, :10], values[:, 10:])
    assert found == note(values)
    median = float(found.split("\N{PLUS-MINUS SIGN}")[1].split(" dB")[0])
    assert median == pytest.approx(np.median(values), abs=0.05 + 0.01)
    share = float(found.split(" in ")[1].split(" %")[0])
    assert share == pytest.approx(100 * (values > 3).mean(), abs=0.5 + 100 * 0.01)


def test_cells_beyond_the_largest_count_as_large_ones() -> None:
    assert "\N{PLUS-MINUS SIGN} 100.0 dB, over 3 dB in 100 %" in note(np.array([1e9, np.inf]))
    assert "over 3 dB in 0 %" in note(np.array([3.0, 0.0]))
