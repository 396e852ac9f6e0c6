"""Reading between samples of a signal and between rows of a map."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.nvh.interpolation import read_between, read_rows


@pytest.mark.parametrize("freq", [0.01, 0.2, 0.45])
def test_a_tone_is_read_between_its_samples(freq: float) -> None:
    """``freq`` in cycles per sample."""
    positions = np.random.default_rng(0).uniform(200, 1800, (5, 40))
    found = read_between(np.sin(2 * np.pi * freq * np.arange(2000)), positions)
    np.testing.assert_allclose(found, np.sin(2 * np.pi * freq * positions), atol=2e-3)


def test_positions_at_samples_give_the_samples_and_outside_the_edge_value() -> None:
    samples = np.hanning(101)
    np.testing.assert_allclose(read_between(samples, np.arange(101.0)), samples, atol=1e-5)
    assert read_between(samples, np.array([-5.0, 200.0])) == pytest.approx([0, 0], abs=1e-3)


def test_rows_are_interpolated_linearly() -> None:
    cells = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]])
    rows = np.array([[0.5, 0.25], [2.0, 1.5]])
    assert read_rows(cells, rows, np.arange(2)).tolist() == [[1.0, 2.0], [4.0, 4.0]]
