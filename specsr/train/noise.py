"""Noise of training examples: generated, or from recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal
from specsr.synth.synthesis import Synthetic
from specsr.train.config import Config
from specsr.train.recordings import chosen_files, find_recordings, read_recording

COLOURED = 0.35
"""Share of generated noise where another stretch of the noise is known (``noise``)."""

STRETCH = 4.0
"""Least length of a recording of such noise, s."""

PROFILE = 6.0
"""Most of the other stretch that is known, s."""


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
        noise = _recorded_noise(noise_files(config), signal.length, signal.rate, rng)
    return noise


def noise_and_profile(
    config: Config, length: int, rate: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return noise of any level, [length], and another stretch of it, [N]."""
    files = noise_files(config)
    if files and rng.random() >= COLOURED:
        signal = read_recording(files[int(rng.integers(len(files)))])
        samples = signal.replace(samples=signal.samples[:1], channels=(), rpm=None)
        samples = samples.resample(rate).samples[0].astype(np.float64)
        if samples.any() and samples.size >= STRETCH * rate:
            border = int((1 - rng.uniform(0.5, 0.7)) * samples.size)
            border = max(samples.size - length, border)
            return np.resize(samples[border:], length), samples[:border][: round(PROFILE * rate)]
    made = coloured_noise(length + round(rng.uniform(1, 5) * rate), rng)
    return made[:length], made[length:]


def noise_files(config: Config) -> list[Path]:
    """Return the recordings of noise of a config; none without folders.

    Raises:
        SpecsrError: all are excluded.
    """
    found = find_recordings(config.data.noise)
    files = chosen_files(found, config.data.exclude)
    if found and not files:
        raise SpecsrError(
            f"data.exclude: leaves none of the {len(found)} recordings in data.noise: expected one "
            "or more; change the patterns, or leave data.noise out"
        )
    return files


def unused_noise(config: Config) -> dict[str, int]:
    """Return how many recordings in ``data.noise`` are not used, by reason; none without any.

    Raises:
        SpecsrError: all are excluded, or one cannot be read.
    """
    files = noise_files(config)
    counts = {"excluded": len(find_recordings(config.data.noise)) - len(files)}
    if config.pair.kind == "noise":
        lengths = [read_recording(file).duration for file in files]
        counts[f"shorter than {STRETCH:g} s"] = sum(length < STRETCH for length in lengths)
    return {reason: count for reason, count in counts.items() if count}
