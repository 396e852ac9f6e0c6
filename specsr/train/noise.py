"""Noise of training examples: generated, or from recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal
from specsr.synth.synthesis import Synthetic
from specsr.train.config import Config
from specsr.train.recordings import find_recordings, read_recording


def coloured_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise with a smooth random spectrum (half the time white), [length]."""
    noise = rng.standard_normal(length)
    if rng.random() < 0.5:
        return noise
    spectrum = np.fft.rfft(noise)
    octave = np.log2(np.arange(spectrum.size) + 1.0)
    points = np.linspace(0, octave[-1], 10)
    shape = np.interp(octave, points, np.cumsum(rng.normal(-1, 3, 10)))
    return np.fft.irfft(spectrum * 10 ** (shape / 20), length)


def _recorded_noise(
    paths: list[Path], length: int, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a random part of one channel of one recording, repeated if too short, [length]."""
    signal = read_recording(paths[int(rng.integers(len(paths)))])
    channel = int(rng.integers(signal.samples.shape[0]))
    samples = signal.replace(samples=signal.samples[channel : channel + 1], channels=(), rpm=None)
    samples = samples.resample(rate).samples[0]
    if not samples.any():
        return rng.standard_normal(length)
    first = int(rng.integers(0, samples.size))
    return np.take(samples, np.arange(first, first + length), mode="wrap")


def before_background(
    made: Synthetic, config: Config, transform: SpectrogramTransform, rng: np.random.Generator,
    windows: int = 8,
) -> Synthetic:  # fmt: skip
    """Return the machine with a steady recording added, if that has ``windows`` windows."""
    paths = find_recordings(config.data.backgrounds)
    signal = read_recording(paths[int(rng.integers(len(paths)))]).resample(made.run.rate)
    samples = signal.samples[int(rng.integers(signal.samples.shape[0]))]
    if samples.size < windows * transform.n_fft or not samples.any():
        return made
    return made.with_recorded_noise(samples, transform.n_fft, transform.window)


def example_noise(config: Config, signal: Signal, rng: np.random.Generator) -> np.ndarray:
    """Return noise of any level for one example: generated, or half the time recorded."""
    noise = coloured_noise(signal.length, rng)
    if config.data.noise and rng.random() < 0.5:
        noise = _recorded_noise(find_recordings(config.data.noise), signal.length, signal.rate, rng)
    return noise
