"""Iterations of the phase: projections, Griffin-Lim and ADMM against their published updates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.maps import phase as ph
from specsr.maps.grid import Grid
from specsr.maps.griffin_lim import ConsistencyProjection, admm, griffin_lim
from specsr.maps.transform import istft, stft
from support.phase_samples import (
    convergence,
    grid_of,
    harmonics,
    inconsistency,
    spectrum_of,
)

# -- consistency -----------------------------------------------------------------------------


def test_an_stft_is_consistent_and_a_random_phase_is_not():
    grid = grid_of(4000)
    spectrum = spectrum_of(harmonics(4000), grid)
    assert inconsistency(spectrum, grid) < -200
    assert convergence(spectrum, spectrum.abs(), grid) < -200
    assert -8 < inconsistency(ph.random_phase(spectrum.abs()), grid) < 0


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 500),
    half=st.integers(2, 32),
    part=st.floats(0.05, 0.7),
    window=st.sampled_from(["hann", "hamming", "blackman"]),
    channels=st.integers(1, 3),
)
def test_fast_projection_equals_istft_then_stft(length, half, part, window, channels):
    grid = grid_of(length, 2 * half, max(1, int(2 * half * part)), window=window)
    if not grid.is_invertible():
        return
    rng = np.random.default_rng(length)
    shape = (channels, grid.rows, grid.frames)
    spectrum = torch.from_numpy(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    fast = ConsistencyProjection(grid, spectrum.real)(spectrum.mT.contiguous()).mT
    torch.testing.assert_close(fast, stft(istft(spectrum, grid), grid), rtol=1e-6, atol=1e-8)


# -- iterations ------------------------------------------------------------------------------


def framewise_griffin_lim(magnitude, angle, grid: Grid, iterations: int, momentum: float):
    """(Fast) Griffin-Lim frame by frame, divided by the sum of the squared windows."""
    window, n_fft, hop = grid.window_samples(), grid.n_fft, grid.hop_length
    frames = magnitude.shape[1]
    size = (frames - 1) * hop + n_fft
    spectrum, before = magnitude * np.exp(1j * angle), None
    for _ in range(iterations):
        total, weight = np.zeros(size), np.zeros(size)
        for m in range(frames):
            at = slice(m * hop, m * hop + n_fft)
            total[at] += np.fft.irfft(spectrum[:, m], n_fft) * window
            weight[at] += window**2
        x = np.zeros(size)
        inside = slice(n_fft // 2, n_fft // 2 + grid.length)
        x[inside] = total[inside] / weight[inside]
        after = np.stack(
            [np.fft.rfft(x[m * hop : m * hop + n_fft] * window) for m in range(frames)], axis=1
        )
        pushed = after if before is None else after + momentum * (after - before)
        before = after
        spectrum = magnitude * np.exp(1j * np.angle(pushed))
    return spectrum


@pytest.mark.parametrize("hop_length", [16, 24])
@pytest.mark.parametrize("momentum", [0, 0.99])
def test_griffin_lim_equals_a_loop_over_frames(hop_length, momentum):
    grid = grid_of(700, 64, hop_length)
    magnitude = spectrum_of(harmonics(700), grid).abs()
    start = ph.random_phase(magnitude, seed=5)
    ours = griffin_lim(magnitude, grid, start, iterations=7, momentum=momentum).numpy()
    expected = framewise_griffin_lim(magnitude.numpy(), start.angle().numpy(), grid, 7, momentum)
    np.testing.assert_allclose(ours[1:-1], expected[1:-1], atol=1e-7 * magnitude.max())


@pytest.mark.parametrize(
    ("options", "penalties"),
    [({"rho": 0.2}, [0.2] * 9), ({}, [*np.geomspace(0.001, 0.3, 8), 0.3])],
)  # by default from a wide search to convergence
def test_admm_equals_the_published_updates(options, penalties):
    grid = grid_of(700, 64, 16)
    magnitude = spectrum_of(harmonics(700), grid).abs()
    start = ph.random_phase(magnitude, seed=5)
    u = torch.zeros_like(start)

    def amplitude(x):
        return magnitude * x / x.abs()

    x = start
    for rho in map(float, penalties):
        v = x + u
        z = (rho * v + stft(istft(v, grid), grid)) / (1 + rho)
        u = v - z
        last = z
        x = amplitude(z - u)
    ours = admm(magnitude, grid, start, iterations=8, **options)
    torch.testing.assert_close(ours[1:-1], amplitude(last)[1:-1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("start", ["pghi", "random"])
def test_iterations_improve_the_start_and_admm_improves_griffin_lim(start):
    grid = grid_of(8000)
    magnitude = spectrum_of(harmonics(), grid).abs()
    first = ph.pghi(magnitude, grid) if start == "pghi" else ph.random_phase(magnitude)
    before = convergence(first, magnitude, grid)
    plain = convergence(griffin_lim(magnitude, grid, first, 40, 0), magnitude, grid)
    fast = convergence(griffin_lim(magnitude, grid, first, 40), magnitude, grid)
    settled = admm(magnitude, grid, first, 30)
    polished = convergence(griffin_lim(magnitude, grid, settled, 10), magnitude, grid)
    assert plain < before - 3
    assert fast < plain
    assert convergence(settled, magnitude, grid) < before - 3
    assert polished < plain


def test_plain_griffin_lim_never_gets_worse():
    grid = grid_of(4000)
    magnitude = spectrum_of(harmonics(4000), grid).abs()
    spectrum = ph.random_phase(magnitude)
    values = []
    for _ in range(12):
        values.append(inconsistency(spectrum, grid))
        spectrum = griffin_lim(magnitude, grid, spectrum, 1, momentum=0)
    assert np.all(np.diff(values) < 1e-9)


@pytest.mark.parametrize("method", [griffin_lim, admm])
def test_known_rows_keep_their_values(method):
    grid = grid_of(8000)
    spectrum = spectrum_of(harmonics(), grid)
    magnitude, known = spectrum.abs(), torch.arange(grid.rows) < 20
    start = ph.pghi(magnitude, grid, spectrum.angle(), known)
    ours = method(magnitude, grid, start, 30, known=known, known_spectrum=spectrum)
    assert torch.equal(ours[known], spectrum[known])
    assert not torch.any(ours[20:-1] == spectrum[20:-1])
    torch.testing.assert_close(ours.abs(), magnitude)


@pytest.mark.parametrize("method", [griffin_lim, admm])
def test_a_batch_equals_its_single_channels(method):
    grid = grid_of(2000)
    magnitude = spectrum_of(np.stack([harmonics(2000, i) for i in range(3)]), grid).abs()
    start = ph.pghi(magnitude, grid)
    before = start.clone()
    together = method(magnitude, grid, start, 10)
    assert torch.equal(start, before)
    for i in range(3):
        alone = method(magnitude[i], grid, ph.pghi(magnitude[i], grid), 10)
        torch.testing.assert_close(together[i], alone, rtol=1e-6, atol=1e-9)
