"""Phase gradient heap integration: gradient, order of integration, known rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import chirp

from specsr.maps import phase as ph
from specsr.maps.pghi import gamma_of, integrate, phase_gradient
from support.phase_samples import RATE, convergence, grid_of, harmonics, spectrum_of


def test_gamma_of_other_windows_is_the_closest_gaussian():
    hann = gamma_of(grid_of(1000))
    assert hann == pytest.approx(0.25645 * 256**2)
    for window in ("hamming", "blackman", "blackmanharris"):
        grid = grid_of(1000, window=window)
        t = np.arange(256) - 128

        def misfit(gamma, grid=grid, t=t):
            return np.linalg.norm(grid.window_samples() - np.exp(-np.pi * t**2 / gamma))

        best = gamma_of(grid)
        assert misfit(best) < min(misfit(0.98 * best), misfit(1.02 * best))


@pytest.mark.parametrize("kind", ["sine", "impulse", "chirp"])
def test_phase_gradient_matches_the_true_phase(kind):
    """Against differences of the true phase in loud cells, where Hann is close to a Gaussian."""
    length = 4096
    t = np.arange(length) / RATE
    x = {
        "sine": np.cos(2 * np.pi * 1010.0 * t + 0.4),
        "impulse": (np.arange(length) == 2048).astype(float),
        "chirp": chirp(t, 500, t[-1], 3000),
    }[kind]
    grid = grid_of(length, 256, 32)
    spectrum = spectrum_of(x, grid).numpy()[:, 20:-20]
    magnitude = np.abs(spectrum)
    per_frame, per_row = phase_gradient(magnitude, grid)
    loud = magnitude > 0.2 * magnitude.max()
    loud[[0, -1]] = loud[:, [0, -1]] = False
    for step, axis in ((per_frame, 1), (per_row, 0)):
        near = np.moveaxis(loud, axis, 0)
        both = near[1:] & near[:-1]
        if not both.any():
            continue
        angle = np.moveaxis(np.angle(spectrum), axis, 0)
        guess = np.moveaxis(step, axis, 0)
        error = np.angle(np.exp(1j * (np.diff(angle, axis=0) - (guess[1:] + guess[:-1]) / 2)))
        power = np.moveaxis(magnitude, axis, 0)[1:][both] ** 2
        assert np.abs(error[both]).max() < 0.35
        assert np.sqrt(np.average(error[both] ** 2, weights=power)) < 0.12


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "blackmanharris"])
@pytest.mark.parametrize("kind", ["sine", "gaussian", "chirp", "harmonics"])
def test_pghi_is_15_db_better_than_random_phase(kind, window):
    length = 8000
    t = np.arange(length) / RATE
    x = {
        "sine": np.cos(2 * np.pi * 777.0 * t),
        "gaussian": np.exp(-0.5 * ((t - 0.5) / 0.004) ** 2) * np.cos(2 * np.pi * 1500 * t),
        "chirp": chirp(t, 200, t[-1], 3500),
        "harmonics": harmonics(length),
    }[kind]
    grid = grid_of(length, 256, 32, window=window)
    magnitude = spectrum_of(x, grid).abs()
    random = convergence(ph.random_phase(magnitude), magnitude, grid)
    ours = ph.pghi(magnitude, grid)
    assert convergence(ours, magnitude, grid) < random - 15
    torch.testing.assert_close(ours.abs(), magnitude)
    assert ours[..., [0, -1], :].imag.abs().max() < 1e-5 * magnitude.max()


def test_pghi_integrates_the_loudest_cells_first():
    """Same result as a list that is searched for its loudest cell at every step."""
    rng = np.random.default_rng(3)
    grid = grid_of(180, 16, 10)
    magnitude = rng.exponential(size=(grid.rows, grid.frames)).astype(np.float32)
    per_frame, per_row = phase_gradient(magnitude, grid)
    phase = np.full(magnitude.shape, np.nan)
    border: list[tuple[int, int]] = []
    while np.isnan(phase).any():
        if not border:
            loudest = np.argmax(np.where(np.isnan(phase), magnitude, -1))
            cell = np.unravel_index(loudest, phase.shape)
            phase[cell] = 0
            border.append(cell)
        border.sort(key=lambda c: magnitude[c])
        r, c = border.pop()
        for dr, dc in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            step = per_row if dr else per_frame
            to = (r + dr, c + dc)
            if 0 <= to[0] < grid.rows and 0 <= to[1] < grid.frames and np.isnan(phase[to]):
                phase[to] = phase[r, c] + (dr + dc) * (step[r, c] + step[to]) / 2
                border.append(to)
    inner = slice(1, -1)  # DC and Nyquist are made real afterwards
    found = integrate(magnitude, grid)
    difference = np.exp(1j * found[inner]) - np.exp(1j * phase[inner])
    assert np.abs(difference).max() < 1e-4


def test_pghi_starts_from_the_known_rows():
    x = np.cos(2 * np.pi * 777.0 * np.arange(8000) / RATE + 1.234)
    grid = grid_of(8000, 256, 32)
    spectrum = spectrum_of(x, grid)
    known = torch.arange(grid.rows) <= 25  # the line is at row 24.9
    ours = ph.pghi(spectrum.abs(), grid, known_phase=spectrum.angle(), known=known)
    torch.testing.assert_close(ours[known], spectrum[known], rtol=1e-5, atol=1e-4)
    error = (ours - spectrum)[:, 8:-8].norm() / spectrum[:, 8:-8].norm()
    free = (ph.pghi(spectrum.abs(), grid) - spectrum)[:, 8:-8].norm() / spectrum.norm()
    assert error < 0.05 < free
