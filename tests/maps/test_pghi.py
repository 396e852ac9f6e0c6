"""Phase gradient heap integration: gradient, order of integration, known rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import chirp

from specsr.maps import phase as ph
from specsr.maps.pghi import BLOCK, gamma_of, integrate, phase_gradient
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


@pytest.mark.parametrize("size", [(180, 16), (1270, 128)])  # a queue of two and of three levels
def test_pghi_integrates_the_loudest_cells_first(size):
    """Same result as a list that is searched for its loudest cell at every step."""
    rng = np.random.default_rng(3)
    grid = grid_of(*size, 10)
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


@pytest.mark.parametrize("known", [False, True])
def test_blocks_of_frames_go_on_from_each_other(known):
    """The phase of a steady tone advances evenly over several blocks."""
    length = 3 * BLOCK * 64
    x = np.cos(2 * np.pi * 777.0 * np.arange(length) / RATE + 0.5)
    grid = grid_of(length)
    spectrum = spectrum_of(x, grid)
    rows = torch.arange(grid.rows) < 24 if known else None  # the line is at row 24.9
    ours = ph.pghi(spectrum.abs(), grid, spectrum.angle() if known else None, rows)
    error = (ours * spectrum.conj())[25, 8:-8]
    assert (error[1:] * error[:-1].conj()).angle().abs().max() < 0.05


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


def test_cells_below_a_millionth_of_the_maximum_get_a_random_phase():
    grid = grid_of(2000)
    magnitude = np.full((grid.rows, grid.frames), 1e-9)
    magnitude[40:50, 10:20] = 1.0
    magnitude[40:50, 20] = 1.03e-6
    magnitude[50, 10:20] = 0.97e-6
    first, second = (integrate(magnitude, grid, seed=seed) for seed in (0, 1))
    same = np.isclose(first, second)
    assert same[40:50, 10:21].all() and not same[50, 10:20].any()
    assert not same[1:40].any() and not same[51:-1].any()
    assert (np.abs(first) <= np.float32(np.pi)).all()
    loose = integrate(magnitude, grid, tolerance=1e-5, seed=1)
    assert not np.isclose(loose, first)[40:50, 20].any()


def test_regions_start_with_phase_zero_and_real_rows_keep_their_sign():
    grid = grid_of(2000)
    magnitude = np.zeros((grid.rows, grid.frames))
    magnitude[30, 5], magnitude[60, 20] = 1.0, 0.5
    found = integrate(magnitude, grid)
    assert found[30, 5] == found[60, 20] == 0
    assert np.isin(found[[0, -1]], np.float32([0, np.pi, -np.pi])).all()
    assert 0.2 < np.mean(found[0] == 0) < 0.8
    known = np.zeros(grid.rows, dtype=bool)
    known[0] = True
    phase = np.full(magnitude.shape, 0.3)
    kept = integrate(magnitude, grid, phase=phase, known=known)
    assert kept[0] == pytest.approx(0.3) and not np.isclose(kept[-1], 0.3).any()
    assert integrate(np.zeros_like(magnitude), grid).shape == magnitude.shape


def test_a_block_of_rows_has_the_gradient_of_the_whole():
    grid = grid_of(2000, hop_length=48)
    magnitude = np.random.default_rng(0).exponential(size=(grid.rows, grid.frames))
    whole, block = phase_gradient(magnitude, grid), phase_gradient(magnitude[20:60], grid, 20)
    for a, b in zip(whole, block, strict=True):
        np.testing.assert_allclose(a[21:59], b[1:-1])
    log = np.log(magnitude)
    gamma = 0.25645 * 256**2
    per_frame = 48 * 256 / gamma * (log[31] - log[29]) / 2 + 2 * np.pi * 48 / 256 * 30
    np.testing.assert_allclose(whole[0][30], per_frame - 2 * np.pi * 5)  # without whole turns
    per_row = -gamma / (48 * 256) * (log[:, 12] - log[:, 10]) / 2 - np.pi
    np.testing.assert_allclose(whole[1][:, 11], per_row)
    # symmetric about DC and Nyquist; the edge repeated in time
    np.testing.assert_allclose(whole[0][[0, -1]].T, [[0, 0]] * grid.frames, atol=1e-9)
    first = -gamma / (48 * 256) * (log[:, 1] - log[:, 0]) / 2 - np.pi
    np.testing.assert_allclose(whole[1][:, 0], first)


def test_a_single_known_cell_is_a_starting_point():
    grid = grid_of(2000)
    known = np.zeros(grid.rows, dtype=bool)
    known[0] = True
    found = integrate(
        np.ones((grid.rows, 1)), grid, phase=np.full((grid.rows, 1), 0.3), known=known
    )
    rows = np.arange(grid.rows - 1)  # without a change over the frames the step is -pi a row
    expected = np.exp(1j * (0.3 - np.pi * rows))
    np.testing.assert_allclose(np.exp(1j * found[:-1, 0]), expected, atol=1e-4)
