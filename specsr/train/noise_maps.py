"""Examples of the pair ``noise``: maps of a signal in noise whose spectrum is known.

The spectrum of the noise comes from another stretch of it.  The maps are those that
`specsr.denoise(noise=...)` makes, with expected power from the bundled model.
"""

from __future__ import annotations

import numpy as np

from specsr.enhance.expected import expected
from specsr.enhance.noise_profile import followed, noise_spectrum
from specsr.maps.grid import Grid
from specsr.maps.transform import SpectrogramTransform
from specsr.pairs.noise_input import noise_image
from specsr.signal import Signal
from specsr.train.config import Config
from specsr.train.noise import noise_and_profile

TARGETS = 4
"""Maps of a target, dB over the mean power of the noise: the power of the noise that is known, of
the signal, of the measured cell, and of the noise in it."""

ROW_HZ = (2.2, 35.4)
"""Distances of rows that occur, Hz: half an octave beyond those of `specsr.enhance.known_noise`."""

VARYING, RMS_DB, SECONDS = 0.25, 4.0, (0.5, 2.0)
"""Share of the examples whose noise changes its level, by how much, and points per second."""

KNOWN_DB = 0.5
"""Standard deviation of the error of the known level, dB."""

ROWS, COLUMNS = 512, 128
"""Most rows and columns of an example; half of them begin at 0 Hz."""

LOWEST = 1e-10
"""Least power of a target over the mean power of the noise."""


def noise_example(
    clean: Signal, config: Config, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Grid]:
    """Return the input, float32 [3, F, T], the target, float32 [TARGETS, F, T], and the grid.

    Args:
        clean: the signal without noise, one channel.
        config: options of the run: grids, ``data.noise``, ``pair.snr``.
        rng: source of all draws.
    """
    assert config.pair.snr is not None
    transform = _transform(config, clean.rate, rng)
    noise, profile = noise_and_profile(config, clean.length, clean.rate, rng)
    varies = rng.random() < VARYING
    if varies:
        count = max(3, round(clean.length / clean.rate * rng.uniform(*SECONDS)))
        points = rng.normal(0, RMS_DB, count)
        level = np.interp(np.linspace(0, count - 1, noise.size), range(count), points)
        noise = noise * 10 ** (level / 20)
    power = np.mean(np.square(clean.samples, dtype=np.float64)) or 1.0
    ratio = 10 ** (rng.uniform(*config.pair.snr) / 10)
    gain = np.sqrt(power / ratio / np.mean(np.square(noise)))
    known_gain = gain * 10 ** (rng.normal(0, KNOWN_DB) / 20)
    alone = Signal(known_gain * profile, clean.rate, clean.unit)
    low, high = noise_maps(clean, gain * noise, alone, transform, varies)
    rows, columns = low.shape[1:]
    first = 0 if rng.random() < 0.5 else int(rng.integers(0, max(1, rows - ROWS)))
    start = int(rng.integers(0, max(1, columns - COLUMNS + 1)))
    part = (..., slice(first, first + ROWS), slice(start, start + COLUMNS))
    return low[part], high[part], transform.grid(clean)


def noise_maps(
    clean: Signal, noise: np.ndarray, alone: Signal, transform: SpectrogramTransform, follow: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return input and target of whole maps, as `noise_example`.

    Args:
        clean: the signal without noise, one channel.
        noise: that is added to it, [N].
        alone: what is known of the noise.
        transform: of the maps.
        follow: the level of the noise is followed.
    """
    noisy = clean.replace(samples=clean.samples + noise, rpm=None)
    spec = transform(noisy)
    signal, measured, rest = (
        np.square(each.image()[0], dtype=np.float64)
        for each in (transform(clean), spec, transform(clean.replace(samples=noise[None])))
    )
    estimate = expected(spec)
    assert estimate.uncertainty_db is not None
    power = np.square(estimate.image()[0], dtype=np.float64)
    known = noise_spectrum(alone, transform)[0, :-1]
    at = followed(known, power, spec.grid) if follow else known[:, None]
    low = noise_image(power, measured, estimate.uncertainty_db[0, :-1], at)
    parts = np.stack([np.broadcast_to(at, signal.shape), signal, measured, rest])
    high = 10 * np.log10(np.maximum(parts / rest.mean(), LOWEST))
    return low, high.astype(np.float32)


def _transform(config: Config, rate: float, rng: np.random.Generator) -> SpectrogramTransform:
    """Return one of the transforms of a config, of those with rows that occur at a rate in Hz."""
    fitting = [g for g in config.grids if ROW_HZ[0] <= rate / g.n_fft <= ROW_HZ[1]] or config.grids
    grid = fitting[int(rng.integers(len(fitting)))]
    return SpectrogramTransform(grid.n_fft, grid.hop_length, grid.window)
