"""Noise above the measured band of a recording: the simplest estimate, without a network."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d

from specsr.maps.transform import SpectrogramTransform, istft, stft
from specsr.signal import Signal

SECONDS = 0.043
"""Approximate length of the window in s, rounded to a power of two."""

KNOWN, ROWS = 6, 8
"""The level is continued from the top 6th of the known band, and from so many rows at least."""

FRAMES = 5
"""Frames over which that level is averaged."""

BLOCK = 1 << 16
"""Samples of noise with one seed: parts of a recording that overlap have the same noise."""

QUANTILE = 0.25
"""Quantile of the levels of these rows that is the level of the noise: lines do not move it."""

NOISE_DB = 5.41
"""Mean power of noise over that quantile, dB: -10 log10(-ln(1 - `QUANTILE`))."""

CENTRES = 561.23 * 2 ** (np.arange(16) / 3)
"""Centres of the third octaves of `SPECTRA`, Hz."""

SPECTRA = {
    "speech": (0.0, -3.1, -5.1, -6.6, -8.7, -10.7, -10.6, -12.0, -15.2, -19.5, -22.6, -25.0, -29.5,
               -31.4, -33.7, -36.7),
    "other": (0.0, -1.9, -2.9, -4.8, -6.1, -8.3, -9.2, -10.8, -12.9, -15.0, -17.2, -19.8, -22.8,
              -26.2, -30.2, -34.2),
}  # fmt: skip
"""Mean density spectra of the training recordings, dB re the lowest of `CENTRES`.

They are the sums of the mean differences between neighbouring third octaves, over 224 recordings of
speech and 203 of machines, vehicles, surroundings and instruments, in each below the end of its
content.
"""


def noise_transform(rate: float) -> SpectrogramTransform:
    """Return the transform in which noise is shaped at a sampling rate in Hz."""
    n_fft = max(16, 2 ** round(math.log2(max(16.0, SECONDS * rate))))
    return SpectrogramTransform(n_fft, n_fft // 4)


def noise_above(
    known: Signal, cut: int, top: float, speech: bool, first: tuple[int, int] = (0, 0)
) -> Signal:
    """Return a recording with noise above its band, whose level continues that of the band.

    Args:
        known: the recording at the high rate, samples [C, N].
        cut: first unknown row of its map by `noise_transform`.
        top: highest frequency with noise, Hz.
        speech: take the typical spectrum of speech.
        first: positions of the first channel and of the first sample in the whole recording.

    Returns:
        float64 samples [C, N]; below the cut the recording.
    """
    grid = noise_transform(known.rate).grid(known)
    freqs = grid.freqs()
    shape = _density_db(freqs, SPECTRA["speech" if speech else "other"])
    near = slice(max(0, cut - max(ROWS, cut // KNOWN)), cut)
    energy = float(np.square(grid.window_samples()).sum())
    samples = np.empty(known.samples.shape)
    for channel, measured in enumerate(known.samples):
        spectrum = stft(torch.from_numpy(measured.astype(np.float64)), grid)
        power = spectrum[near].abs().square().numpy()
        db = 10 * np.log10(np.maximum(power, 1e-300)) - shape[near, None]
        level = np.quantile(db, QUANTILE, axis=0)
        level = uniform_filter1d(level, FRAMES, mode="nearest")
        gain = 10 ** ((level + shape[cut:, None] + NOISE_DB) / 20) / math.sqrt(energy)
        gain[freqs[cut:] > top] = 0.0
        gain[:, ~power.any(axis=0)] = 0.0
        noise = stft(torch.from_numpy(_white(first[0] + channel, first[1], grid.length)), grid)
        spectrum[cut:] = noise[cut:] * torch.from_numpy(gain)
        samples[channel] = istft(spectrum, grid).numpy()
    return known.replace(samples=samples)


def _white(channel: int, first: int, length: int) -> np.ndarray:
    """Return white noise of variance 1 at samples ``first`` to ``first`` + ``length``."""
    blocks = range(first // BLOCK, (first + length) // BLOCK + 1)
    noise = [np.random.default_rng([channel, b + 1]).standard_normal(BLOCK) for b in blocks]
    return np.concatenate(noise)[first % BLOCK :][:length]


def _density_db(freqs: np.ndarray, spectrum: tuple[float, ...]) -> np.ndarray:
    """Return a spectrum in dB at frequencies in Hz; beyond its ends it falls as beside them."""
    octaves = np.log2(np.maximum(freqs, freqs[1]) / CENTRES[0])
    places = np.log2(CENTRES / CENTRES[0])
    inside = np.interp(octaves, places, spectrum)
    below = (spectrum[3] - spectrum[0]) / (places[3] - places[0]) * np.minimum(octaves, 0)
    slope = (spectrum[-1] - spectrum[-4]) / (places[-1] - places[-4])
    return inside + below + slope * np.maximum(octaves - places[-1], 0)
