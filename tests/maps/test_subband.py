"""Rows of a map as a map of their own: same values, same projection, same phase."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.maps.grid import Grid
from specsr.maps.griffin_lim import ConsistencyProjection
from specsr.maps.subband import GUARD, Subband, row_step
from specsr.maps.transform import istft, stft
from support.phase_samples import RATE, grid_of, harmonics, inconsistency, spectrum_of


def above(grid: Grid, cut: int) -> np.ndarray:
    return np.arange(grid.rows) >= cut


def test_rows_are_the_stft_of_the_shifted_and_decimated_signal():
    """A band-limited signal, shifted by the first row and decimated by hand, has the same cells."""
    grid = grid_of(8192, 256, 64)
    part = Subband.around(grid, above(grid, 70))
    assert part is not None and part.first == 60 and part.n_fft % row_step(grid) == 0
    t = np.arange(8192) / 256  # in windows
    middle = part.first + part.n_fft / 2
    envelope = np.exp(-0.5 * ((t - 16) / 1.5) ** 2)
    low = envelope * np.exp(2j * np.pi * ((middle - 3.3) * t + 0.3 * (t - 16) ** 2))
    spectrum = spectrum_of(low.real, grid)[part.rows].numpy()
    # the analytic signal at the times of the lower rate, which need not be whole samples
    u = np.arange(part.length) / part.n_fft
    again = (
        np.exp(-0.5 * ((u - 16) / 1.5) ** 2)
        / 2
        * np.exp(2j * np.pi * ((middle - 3.3) * u + 0.3 * (u - 16) ** 2 - part.first * u))
    )
    padded = np.pad(again, (part.n_fft // 2, part.n_fft))
    frames = np.stack([
        np.fft.fft(part.window_samples() * padded[m * part.hop_length :][: part.n_fft])
        for m in range(part.fine_frames - 4)
    ], axis=1) * (grid.n_fft / part.n_fft)  # fmt: skip
    found = spectrum[:, : frames.shape[1]]
    assert np.abs(frames[: len(found)] - found).max() < 1e-3 * np.abs(found).max()


@pytest.mark.parametrize(("n_fft", "hop"), [(256, 64), (256, 32), (512, 96)])
def test_the_projection_is_that_of_the_whole_map(n_fft, hop):
    """Unknown rows at random: the projection agrees where neither edge of the rows is near."""
    grid = grid_of(6000, n_fft, hop)
    cut = n_fft // 4
    spectrum = spectrum_of(harmonics(6000), grid)
    rng = torch.Generator().manual_seed(0)
    phase = torch.rand(spectrum.shape, generator=rng, dtype=torch.float64) * 2 * np.pi
    spectrum[cut:] = torch.polar(spectrum[cut:].abs() + 1, phase[cut:])
    whole = stft(istft(spectrum, grid), grid)
    part = Subband.around(grid, above(grid, cut))
    assert part is not None and part.n_fft < grid.rows
    rows = part.extend(spectrum[part.rows])
    found = ConsistencyProjection(part, spectrum.real)(rows.mT.contiguous()).mT
    inner = slice(cut, grid.rows - GUARD)
    local = slice(cut - part.first, inner.stop - part.first)
    frames = slice(8, -8)
    error = (found[local, frames] - whole[inner, frames]).norm() / whole[inner, frames].norm()
    assert error < 0.01


@settings(max_examples=60, deadline=None)
@given(
    half=st.integers(8, 400), part=st.floats(0.05, 0.6), cut=st.floats(0, 1), top=st.floats(0, 1)
)
def test_rows_hold_the_wanted_ones_with_their_guards(half, part, cut, top):
    grid = grid_of(3000, 2 * half, max(1, int(2 * half * part)))
    first = min(grid.rows - 1, int(cut * grid.rows))
    last = min(grid.rows, first + 1 + int(top * (grid.rows - first)))
    wanted = np.zeros(grid.rows, bool)
    wanted[first:last] = True
    found = Subband.around(grid, wanted)
    if found is None:
        return
    assert 0 <= found.first <= first - GUARD and found.first % row_step(grid) == 0
    assert found.first + found.n_fft >= last + GUARD
    assert found.n_fft < grid.rows and found.n_fft % 2 == 0
    assert found.hop_length * grid.n_fft == grid.hop_length * found.n_fft
    rows = torch.arange(grid.rows)[found.rows]
    assert len(found.extend(rows)) == found.n_fft


def test_rows_above_nyquist_are_the_mirrored_ones():
    grid = grid_of(4000)
    part = Subband.around(grid, above(grid, 100))
    assert part is not None
    samples = torch.as_tensor(harmonics(4000))
    frame = torch.fft.fft(samples[500:756] * torch.as_tensor(grid.window_samples()))
    two_sided = frame[part.first : part.first + part.n_fft, None]
    torch.testing.assert_close(part.extend(frame[part.rows, None]), two_sided)


def test_no_rows_are_taken_where_that_saves_nothing():
    grid = grid_of(4000)
    assert Subband.around(grid, above(grid, 2)) is None  # nearly all rows
    assert Subband.around(grid, ~above(grid, 40)) is None  # down to 0 Hz
    odd = grid_of(4000, 256, 61)  # rows that all frames see at one phase are n_fft apart
    assert Subband.around(odd, above(odd, 100)) is None


def test_a_wave_of_the_unknown_band_stays_consistent():
    grid = grid_of(8000)
    x = np.cos(2 * np.pi * 2900.0 * np.arange(8000) / RATE + 0.7)
    assert inconsistency(spectrum_of(x, grid), grid) < -200
    part = Subband.around(grid, above(grid, 70))
    assert part is not None
    rows = part.extend(spectrum_of(x, grid)[part.rows])
    again = ConsistencyProjection(part, rows.real)(rows.mT.contiguous()).mT
    error = (again - rows)[:, 8:-8].norm() / rows[:, 8:-8].norm()
    assert error < 1e-3
