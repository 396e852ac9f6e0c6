"""Data consistency: corrections of a result, and the deviation from its input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.pooling import pool_power, pool_weights
from specsr.pairs.consistency import consistency_db, impose, put_band_back
from specsr.signal import Signal

SHAPES = {
    "s_f": st.integers(1, 4),
    "s_t": st.integers(1, 4),
    "rows": st.integers(1, 6),
    "frames": st.integers(1, 30),
    "seed": st.integers(0, 999),
}


def maps(s_f: int, s_t: int, rows: int, frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unrelated high and low power of two channels, over a range of 100 dB."""
    rng = np.random.default_rng(seed)
    high = rng.exponential(1.0, (2, rows * s_f, frames)) * 10 ** rng.uniform(-5, 5, (2, 1, frames))
    low = rng.exponential(1.0, (2, rows, -(-frames // s_t))) * 1e-3
    return high, low


def largest_deviation_db(again: np.ndarray, low: np.ndarray) -> float:
    return float(np.abs(10 * np.log10(again / low)).max())


@given(**SHAPES)
@settings(max_examples=60, deadline=None)
def test_mode_cell_reproduces_every_cell(
    s_f: int, s_t: int, rows: int, frames: int, seed: int
) -> None:
    high, low = maps(s_f, s_t, rows, frames, seed)
    result = impose(high, low, (s_f, s_t), "cell")
    assert result.shape == high.shape
    assert largest_deviation_db(pool_power(result, s_f, s_t), low) < 1e-6
    assert consistency_db(result, low, (s_f, s_t)) < 1e-6
    assert consistency_db(result, low, (s_f, s_t), per="row") < 1e-6
    # the distribution within a cell is the network's
    ratio = (result / high)[:, :s_f, :s_t]
    np.testing.assert_allclose(ratio, ratio[:, :1, :1] * np.ones_like(ratio), rtol=1e-9)
    # idempotent
    np.testing.assert_allclose(impose(result, low, (s_f, s_t), "cell"), result, rtol=1e-12)


@given(**SHAPES)
@settings(max_examples=60, deadline=None)
def test_mode_row_reproduces_the_mean_of_every_row(
    s_f: int, s_t: int, rows: int, frames: int, seed: int
) -> None:
    high, low = maps(s_f, s_t, rows, frames, seed)
    result = impose(high, low, (s_f, s_t), "row")
    # the energy of a low row is the sum over its cells, weighted by their number of frames
    lengths = np.array([min(s_t, frames - j) for j in range(0, frames, s_t)])
    energy = result.reshape(2, rows, s_f, frames).mean(axis=2).sum(axis=-1)
    assert largest_deviation_db(energy, (low * lengths).sum(axis=-1)) < 1e-6
    assert consistency_db(result, low, (s_f, s_t), per="row") < 1e-6
    # one factor per row: the course over time is the network's
    ratio = result / high
    np.testing.assert_allclose(ratio, ratio[..., :1] * np.ones_like(ratio), rtol=1e-9)
    np.testing.assert_array_equal(pool_weights(frames, s_t), lengths)


def test_off_is_the_identity() -> None:
    high, low = maps(2, 3, 4, 20, 0)
    assert impose(high, low, (2, 3), "off") is high


@pytest.mark.parametrize("mode", ["cell", "row"])
def test_cells_that_the_network_left_empty_get_their_power_in_equal_parts(mode: str) -> None:
    high = np.ones((4, 7))
    high[:2] = 0
    low = np.array([[3.0, 3.0, 3.0, 3.0], [5.0, 5.0, 5.0, 5.0]])
    result = impose(high, low, (2, 2), mode)
    np.testing.assert_allclose(result[:2], 3.0)
    np.testing.assert_allclose(result[2:], 5.0)


@pytest.mark.parametrize("mode", ["cell", "row"])
def test_silence_stays_silence(mode: str) -> None:
    high = np.array([[0.0, 0.0], [0.0, 0.0], [2.0, 2.0], [2.0, 2.0]])
    low = np.array([[0.0], [0.0]])
    np.testing.assert_array_equal(impose(high, low, (2, 2), mode), np.zeros((4, 2)))
    assert consistency_db(np.zeros((4, 2)), low, (2, 2)) == 0.0


def test_mode_row_leaves_a_single_empty_cell_empty() -> None:
    """Only the level of the row is reproduced."""
    high = np.array([[1.0, 1.0, 0.0, 0.0]])
    low = np.array([[2.0, 4.0]])
    np.testing.assert_allclose(impose(high, low, (1, 2), "row"), [[6.0, 6.0, 0.0, 0.0]])
    np.testing.assert_allclose(impose(high, low, (1, 2), "cell"), [[2.0, 2.0, 4.0, 4.0]])


def test_consistency_db_is_the_rms_of_the_deviations() -> None:
    low = np.array([[1.0, 1.0]])
    high = np.array([[10.0, 10.0, 1.0, 1.0]] * 2)
    assert consistency_db(high, low, (2, 2)) == pytest.approx(10 / np.sqrt(2))
    assert consistency_db(high, low, (2, 2), per="row") == pytest.approx(10 * np.log10(5.5))
    assert consistency_db(low, low, (1, 1)) == 0.0
    # an empty cell counts; a cell more than 120 dB below the maximum does not
    deep = np.array([[1.0, 1e-13]])
    assert consistency_db(np.array([[1.0, 1.0]]), deep, (1, 1)) == 0.0
    assert consistency_db(np.array([[1.0, 0.0]]), low, (1, 1)) > 100


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(SpecsrError, match="'cells': expected one of cell, row, off"):
        impose(np.ones((2, 2)), np.ones((1, 1)), (2, 2), "cells")


@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("length", [24000, 24001, 24007])
def test_the_measured_band_is_put_back(ratio: float, length: int) -> None:
    rng = np.random.default_rng(3)
    truth = Signal(rng.standard_normal((2, length)), 24000.0, "Pa")
    measured = truth.resample(24000 / ratio)
    estimate = truth.replace(samples=rng.standard_normal((2, length)).astype(np.float32))
    result = put_band_back(estimate, measured)
    assert result.samples.shape == estimate.samples.shape
    assert result.samples.dtype == np.float32
    again = result.resample(measured.rate)
    assert again.length == measured.length
    # magnitude and phase away from the edges, below 0.9 of the measured Nyquist frequency
    inside = slice(400, -400)
    window = np.hanning(measured.length - 800)
    a, b = (np.fft.rfft(window * s.samples[:, inside].astype(float)) for s in (again, measured))
    passband = slice(0, int(0.9 * a.shape[1]))
    deviation = np.sqrt(np.mean(np.square(np.abs(a - b)[:, passband])))
    level = np.sqrt(np.mean(np.square(np.abs(b)[:, passband])))
    assert deviation < 1e-4 * level
    # above the measured band the estimate is kept
    window = np.hanning(length - 2000)
    high, own = (
        np.fft.rfft(window * s.samples[:, 1000:-1000].astype(float)) for s in (result, estimate)
    )
    above = slice(int(1.05 * high.shape[1] / ratio), None)
    kept = np.abs(high - own)[:, above].max()
    assert kept < 1e-4 * np.abs(own).max()


def test_cells_count_from_120_db_below_the_maximum_up() -> None:
    for faint, counts in ((1.02e-12, True), (0.98e-12, False)):
        low = np.array([[1.0, faint]])
        found = consistency_db(np.array([[1.0, 10 * faint]]), low, (1, 1))
        assert found == pytest.approx(10 / np.sqrt(2) if counts else 0.0)
    rows = np.array([[1.0, 1.0], [1.02e-12, 1.02e-12], [0.98e-12, 0.98e-12]])
    high = rows * np.array([[1.0], [10.0], [100.0]])
    assert consistency_db(high, rows, (1, 1), per="row") == pytest.approx(10 / np.sqrt(2))


def test_rows_are_means_over_frames_with_a_shorter_last_cell() -> None:
    low = np.array([[2.0, 8.0]])
    high = np.array([[1.0, 1.0, 1.0]])
    result = impose(high, low, (1, 2), "row")
    np.testing.assert_allclose(result, [[4.0, 4.0, 4.0]])  # (2 * 2 + 8) / 3
    assert consistency_db(result, low, (1, 2), per="row") == pytest.approx(0, abs=1e-9)
    assert consistency_db(result, low, (1, 2)) == pytest.approx(10 * np.log10(2))
    assert consistency_db(np.zeros((1, 3)), low, (1, 2), per="row") > 1000
