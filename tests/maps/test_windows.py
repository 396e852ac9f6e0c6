"""Effects of the window: coverage at the edges, width of a line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.maps.grid import Grid
from specsr.maps.windows import coverage, main_lobe


@given(
    length=st.integers(1, 400), hop=st.integers(1, 32), s_t=st.integers(1, 3),
    window=st.sampled_from(["hann", "hamming", "boxcar"]),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_coverage_is_the_energy_of_the_window_inside(length, hop, s_t, window) -> None:
    grid = Grid(1000.0, 32, hop, length, window=window, cell=(1, s_t))
    energy = np.square(grid.window_samples())
    found = []
    for frame in range(grid.fine_frames):
        at = frame * hop - 16 + np.arange(32)
        found.append(energy[(at >= 0) & (at < length)].sum() / energy.sum())
    pooled = [np.mean(found[i : i + s_t]) for i in range(0, len(found), s_t)]
    np.testing.assert_allclose(coverage(grid), pooled, atol=1e-12)


@pytest.mark.parametrize("n_fft", [64, 256])
@pytest.mark.parametrize(
    "window, rows", [("boxcar", 2), ("hann", 4), ("hamming", 4), ("blackman", 6), ("nuttall", 8)]
)
def test_the_main_lobe_is_that_of_the_cosine_window(window: str, rows: int, n_fft: int) -> None:
    """A sum of K cosines has its first null at K rows, K = 1 for the rectangle."""
    grid = Grid(8000.0, n_fft, 16, 1000, window=window)
    df = 8000 / n_fft
    # found on a grid of 1/16 row; the zeros of the lobe may lie between two points
    assert main_lobe(grid) == pytest.approx(rows * df, abs=2 / 16 * df)
    pooled = Grid(8000.0, n_fft, 16, 1000, window=window, cell=(4, 2))
    assert main_lobe(pooled) == pytest.approx(main_lobe(grid) + 6 * df)


@pytest.mark.parametrize("n_fft", [64, 256])
def test_a_null_between_two_points_of_the_spectrum_is_found(n_fft: int) -> None:
    """The window of Tukey (half of it constant) has its first null at 4/3 rows."""
    grid = Grid(8000.0, n_fft, 16, 1000, window="tukey")
    assert main_lobe(grid) == pytest.approx(8 / 3 * 8000 / n_fft, abs=8000 / n_fft / 16)
