"""Windows of several lengths: the error that is estimated, and which window is taken where."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.enhance import noise_windows
from specsr.enhance.noise_windows import (
    CROSSOVER_HZ,
    WIDTH_HZ,
    blend_transform,
    error_terms,
    least_error,
    level_transforms,
    noise_transforms,
    risk_edges,
    row_weights,
    usable,
    window_shares,
)
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal

RATE = 16000.0


def recording(samples: np.ndarray) -> Signal:
    return Signal(samples[None], RATE, "Pa")


def white(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def oracle(samples: np.ndarray, noise: np.ndarray, transform: SpectrogramTransform):
    """The map of a sum, the gains that know its parts, and the power of white noise."""
    clean, other = (transform(recording(x)).image()[0].astype(float) ** 2 for x in (samples, noise))
    spec = transform(recording(samples + noise))
    power = np.full((len(clean), 1), 1.5 * 2 / transform.n_fft * np.mean(np.square(noise)))
    return spec, clean / (clean + other + 1e-12), power


@pytest.mark.parametrize("n_fft", (256, 2048))
@pytest.mark.parametrize("gain", (0.0, 0.3, 1.0))
def test_the_estimated_error_of_fixed_gains_is_their_error(n_fft: int, gain: float) -> None:
    """Stein's identity is exact for gains that do not depend on the cells (and KEPT = 1)."""
    transform = SpectrogramTransform(n_fft, n_fft // 4)
    clean, noise = 0.5 * white(8.0, 1), white(8.0, 2)
    parts = [transform(recording(x)) for x in (clean, clean + noise)]
    true, cells = (each.image()[0] for each in parts)
    phases = [each.phase[0, :-1] for each in parts]
    error = gain * cells * np.exp(1j * phases[1]) - true * np.exp(1j * phases[0])
    edges = np.array([1000.0, 3000.0, 6000.0])
    known = np.full((n_fft // 2, 1), 1.5 * 2 / n_fft)
    with patch.object(noise_windows, "KEPT", 1.0):
        terms = error_terms(np.full(cells.shape, gain), cells, known, parts[0].grid, edges)
    found = (terms[0] + terms[2])[0]
    rows = slice(*np.searchsorted(parts[0].freqs, edges[:2]))
    wanted = np.square(np.abs(error[rows])).sum(axis=0).mean()
    # 2000 Hz and 8 s of noise of variance 1: 16000 independent cells, power 1/4 of it in the band
    assert found.mean() == pytest.approx(wanted, abs=4 * 0.25 * 1.5 / np.sqrt(16000) * 2)


def test_a_steady_tone_has_long_windows_and_a_click_short_ones() -> None:
    time = np.arange(round(3 * RATE)) / RATE
    tone = np.sin(2 * np.pi * 1000 * time) + np.sin(2 * np.pi * 1013 * time)
    click = np.zeros_like(time)
    click[time.size // 2] = 300.0
    transforms = noise_transforms(RATE)
    edges, at = risk_edges(RATE), blend_transform(RATE).grid(recording(tone))
    chosen = []
    for samples in (tone, click):
        made = [oracle(samples, white(3.0, 3), each) for each in transforms]
        terms = [error_terms(g, spec.image()[0], n, spec.grid, edges) for spec, g, n in made]
        chosen.append(window_shares(terms, [spec.grid for spec, *_ in made], at))
    band = np.searchsorted(edges, 1000.0, side="right") - 1
    assert chosen[0][0, band].mean() > 0.9
    assert chosen[1][-1, :, at.frames // 2].mean() > 0.9
    for shares in chosen:
        np.testing.assert_allclose(shares.sum(axis=0), 1)


def test_noise_louder_than_known_does_not_change_the_choice() -> None:
    """The oracle gains see the true noise; known is a tenth of its power, in all bands alike."""
    time = np.arange(round(3 * RATE)) / RATE
    samples = sum(np.sin(2 * np.pi * f * time) for f in (500, 1000, 1013, 2000, 5000))
    transforms = noise_transforms(RATE)
    edges, at = risk_edges(RATE), blend_transform(RATE).grid(recording(samples))
    made = [oracle(samples, white(3.0, 3), each) for each in transforms]
    found = []
    for factor in (1.0, 0.1):
        terms = [error_terms(g, s.image()[0], factor * n, s.grid, edges) for s, g, n in made]
        found.append(window_shares(terms, [spec.grid for spec, *_ in made], at))
    assert np.abs(found[0] - found[1]).mean() < 0.1


def test_gains_of_one_give_the_recording_and_of_zero_silence() -> None:
    samples = recording(white(1.0))
    maps = [each(samples) for each in noise_transforms(RATE)]
    powers = [[np.full((spec.grid.rows - 1, 1), 0.1)] for spec in maps]
    for gain in (0.0, 1.0):
        gains = [np.full((1, spec.grid.rows - 1, spec.grid.frames), gain) for spec in maps]
        found = least_error(maps, gains, powers)
        np.testing.assert_allclose(found.samples, gain * samples.samples, atol=2e-6)


def test_channels_do_not_depend_on_each_other_and_levels_scale() -> None:
    both = np.stack([white(1.0, 4), 1e-3 * white(1.0, 5)])
    samples = Signal(both, RATE)

    def found(signal: Signal, factors: tuple[float, ...]) -> np.ndarray:
        maps = [each(signal) for each in noise_transforms(RATE)]
        rng = np.random.default_rng(6)
        gains = [np.repeat(rng.random((1, *s.image().shape[1:])), len(factors), 0) for s in maps]
        powers = [[np.full((s.grid.rows - 1, 1), f**2 * 3 / s.grid.n_fft) for f in factors]
                  for s in maps]  # fmt: skip
        return least_error(maps, gains, powers).samples

    together = found(samples, (1.0, 1e-3))
    np.testing.assert_array_equal(together[:1], found(recording(both[0]), (1.0,)))
    np.testing.assert_allclose(
        1e3 * together[1:], found(recording(1e3 * both[1]), (1.0,)), atol=1e-4
    )


@settings(deadline=None, max_examples=40)
@given(st.floats(64.0, 2e5), st.integers(1, 400_000))
def test_windows_and_bands_suit_any_rate(rate: float, length: int) -> None:
    assert len(level_transforms(rate)) == 2
    for transforms in (noise_transforms(rate), level_transforms(rate)):
        sizes = [each.n_fft for each in transforms]
        assert sizes == sorted(sizes, reverse=True)
        kept = usable(transforms, length)
        assert kept and (len(kept) == 1 or all(3 * each.n_fft <= length for each in kept))
    edges = risk_edges(rate)
    if rate / 2 <= CROSSOVER_HZ:
        assert not len(edges)
        return
    assert edges[0] == CROSSOVER_HZ and edges[-1] == rate / 2
    widths = np.diff(edges)
    assert (widths >= WIDTH_HZ - 1e-6).all() or len(widths) == 1
    grid = Grid(rate, blend_transform(rate).n_fft, blend_transform(rate).hop_length, 4096)
    shares = np.zeros((3, len(widths), grid.frames))
    shares[1] = 1
    weights = row_weights(shares, edges, grid)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    freqs = grid.freqs()
    assert (weights[0][freqs < CROSSOVER_HZ / 2] > 0.99).all()
    assert (weights[1][freqs > 2 * CROSSOVER_HZ] > 0.99).all()


def test_windows_at_common_rates() -> None:
    assert [each.n_fft for each in noise_transforms(25600.0)] == [8192, 2048, 256]
    assert [each.n_fft for each in noise_transforms(8000.0)] == [2048, 512, 256]
    assert [each.n_fft for each in noise_transforms(1e6)] == [16384, 8192]
    assert [each.n_fft for each in level_transforms(1e6)] == [16384, 16384]
    assert [each.n_fft for each in level_transforms(25600.0)] == [8192, 1024]
    assert len(usable(noise_transforms(25600.0), 8192)) == 2
    assert len(usable(noise_transforms(25600.0), 100)) == 1
    assert not usable(noise_transforms(25600.0), 100, least=0)


def test_a_map_alone_is_inverted() -> None:
    samples = recording(white(0.5))
    spec: SpecMap = SpectrogramTransform(512, 128)(samples)
    gain = np.full((1, 256, spec.grid.frames), 0.5)
    found = least_error([spec], [gain], [[np.ones((256, 1))]])
    np.testing.assert_allclose(found.samples, 0.5 * samples.samples, atol=2e-6)
