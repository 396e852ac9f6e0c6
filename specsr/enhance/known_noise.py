"""Noise reduction with a recording of the noise alone: a Wiener gain for every cell of a map.

The gain is r / (1 + r), r the ratio of signal to noise in the power of a cell.  The network `noise`
estimates r from the expected power (`specsr.enhance.expected`), its uncertainty, the measured power
and the power of the noise (`specsr.enhance.noise_profile`).  The gain of least squared error for
the waveform is that of Wiener; the log-spectral one of Ephraim and Malah (IEEE Trans. ASSP 33(2),
1985) from the same r is kept for comparison in ``benchmarks/denoise_kinds.py``.  What is removed
beyond the power of the noise and is no noise is given back (`specsr.enhance.excess`).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from specsr.enhance.excess import EXCESS_SECONDS, without_excess
from specsr.enhance.expected import PAIR as EXPECTED
from specsr.enhance.expected import expected
from specsr.enhance.level_interval import level_uncertainty
from specsr.enhance.noise_floor import N_FFT
from specsr.enhance.noise_profile import (
    FOLLOWED_SECONDS,
    Noise,
    fitting,
    followed,
    noise_spectrum,
)
from specsr.enhance.restraint import restrained
from specsr.enhance.segments import plan, process
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.pairs.noise_input import noise_image
from specsr.progress import Progress
from specsr.signal import Signal, Source

PAIR = "noise"
"""Pair of the models for the ratio of signal to noise."""

ROW_HZ = (3.125, 25.0)
"""Approximate distance of the rows of the two maps that a recording is turned into, Hz: lines lie
close at low frequencies, pulses and sweeps are short at high ones."""

CROSSOVER_HZ = 300.0
"""The result is that of the first map below, that of the second above.  From 200 to 400 Hz little
depends on it."""


@dataclass(frozen=True, eq=False)
class KnownNoise:
    """What is known of the noise.

    Attributes:
        recording: of the noise alone, rate and channels of the recording that it is in, or one
            channel.
        follow: its level changes with time.
        found: it comes from the recording that it is in.
        models: for expected maps and for `PAIR`.
    """

    recording: Signal
    follow: bool
    found: bool
    models: tuple[Model, Model]

    @classmethod
    def of(
        cls, noise: Signal | Noise, noisy: Source | SpecMap, model: str | Path | Model | None
    ) -> KnownNoise:
        """Return the noise of a recording or map; ``model`` is one for `PAIR`, None: bundled.

        Raises:
            SpecsrError: as `specsr.enhance.noise_profile.fitting`, or no such model.
        """
        given = Noise(noise) if isinstance(noise, Signal) else noise
        models = find_model(None, EXPECTED, (1, 1)), find_model(model, PAIR, (1, 1))
        fitted = fitting(given.recording, noisy, given.found)
        return cls(fitted, given.follow, given.found, models)


def signal_to_noise(
    estimate: SpecMap, measured: SpecMap, noise: np.ndarray, model: Model, options: InferOptions,
    follow: bool = False,
) -> list[np.ndarray]:  # fmt: skip
    """Return the ratio of signal to noise in the power of every cell, for each channel, [F, T].

    Args:
        estimate: expected map.
        measured: the map that it comes from.
        noise: power of the noise in every row, [C, F + 1] or [1, F + 1], up to half the rate.
        model: a model for `PAIR`.
        options: how the network is run.
        follow: the level of the noise changes with time.
    """
    assert estimate.uncertainty_db is not None
    found = []
    powers = noise_powers(noise, estimate, follow)
    for i, (ours, theirs) in enumerate(zip(estimate.image(), measured.image(), strict=True)):
        power, cells = (np.square(x, dtype=np.float64) for x in (ours, theirs))
        image = noise_image(power, cells, estimate.uncertainty_db[i, :-1], powers[i])
        result = run_tiled(model.net, torch.from_numpy(image), (1, 1), options).numpy()
        found.append(10 ** (np.clip(result[0].astype(np.float64), -60, 80) / 10))
    return found


def noise_powers(noise: np.ndarray, estimate: SpecMap, follow: bool) -> list[np.ndarray]:
    """Return the mean power of the noise in the cells of every channel, [F, T] or [F, 1].

    Args:
        noise: power of the noise in every row, [C, F + 1] or [1, F + 1], up to half the rate.
        estimate: expected map.
        follow: the level of the noise changes with time.
    """
    known = np.broadcast_to(noise[:, :-1], (len(estimate.channels), noise.shape[1] - 1))
    if not follow:
        return [row[:, None] for row in known]
    power = np.square(estimate.image(), dtype=np.float64)
    return [followed(*each, estimate.grid) for each in zip(known, power, strict=True)]


def without_noise(
    noisy: SpecMap, noise: KnownNoise, attenuation: float, options: InferOptions,
    progress: Progress | None = None, channel: int | None = None,
) -> SpecMap:  # fmt: skip
    """Return a full map with every cell attenuated by the share of the noise in it.

    Args:
        noisy: measured map, with or without a phase, which is kept.
        noise: what is known of the noise.
        attenuation: largest attenuation of a cell, dB.
        options: how the networks are run.
        progress: wraps the blocks.
        channel: position of the first channel of the map in the recording.

    Returns:
        A map with the uncertainty of its levels.

    Raises:
        SpecsrError: as `specsr.expected` and `specsr.enhance.noise_profile.noise_spectrum`.
    """
    spectrum = _spectrum(noise, noisy)
    if channel is not None and len(spectrum) > 1:
        spectrum = spectrum[channel : channel + len(noisy.channels)]
    estimate = expected(noisy, model=noise.models[0], options=options, progress=progress)
    ratios = signal_to_noise(estimate, noisy, spectrum, noise.models[1], options, noise.follow)
    gain = np.stack([wiener(ratio, attenuation) for ratio in ratios])
    powers = noise_powers(spectrum, estimate, noise.follow)
    gain = without_excess(noisy, gain, powers, options.device)
    gain = np.concatenate([gain, gain[:, -1:]], axis=1)  # Nyquist as the row below
    clean = noisy.replace(magnitude=noisy.magnitude * gain.astype(np.float32))
    return _with_uncertainty(clean, noisy, estimate, powers)


def _spectrum(noise: KnownNoise, spec: SpecMap) -> np.ndarray:
    """Return the power of the noise in the rows of a map, [C, F]."""
    grid = spec.grid
    transform = SpectrogramTransform(grid.n_fft, grid.hop_length, grid.window, grid.scaling)
    return noise_spectrum(noise.recording, transform)


def with_uncertainty(
    clean: SpecMap, noisy: SpecMap, noise: KnownNoise, options: InferOptions,
    progress: Progress | None = None,
) -> SpecMap:  # fmt: skip
    """Return the map of a denoised recording with the uncertainty of its levels.

    Args:
        clean: map of the result of `noise_pieces`.
        noisy: map of the recording before, on the same grid.
        noise: what is known of the noise.
        options: how the network for expected maps is run.
        progress: wraps the blocks.

    Raises:
        SpecsrError: as `without_noise`.
    """
    estimate = expected(noisy, model=noise.models[0], options=options, progress=progress)
    powers = noise_powers(_spectrum(noise, noisy), estimate, noise.follow)
    return _with_uncertainty(clean, noisy, estimate, powers)


def _with_uncertainty(
    clean: SpecMap, noisy: SpecMap, estimate: SpecMap, powers: list[np.ndarray]
) -> SpecMap:
    """Return ``clean`` with its uncertainty; ``estimate`` is the expected map of ``noisy``."""
    found = []
    images = zip(clean.image(), noisy.image(), estimate.image(), strict=True)
    for at, maps in zip(powers, images, strict=True):
        result, measured, power = (np.square(x, dtype=np.float64) for x in maps)
        found.append(level_uncertainty(result, measured, power, at).astype(np.float32))
    uncertainty = np.stack(found)
    return clean.replace(uncertainty_db=np.concatenate([uncertainty, uncertainty[:, -1:]], axis=1))


def noise_transforms(rate: float) -> tuple[SpectrogramTransform, SpectrogramTransform]:
    """Return the transforms of a recording by its rate in Hz: powers of two near 1 / `ROW_HZ`."""
    low, high = (int(np.clip(2 ** round(np.log2(rate / hz)), *N_FFT)) for hz in ROW_HZ)
    return SpectrogramTransform(low, low // 4), SpectrogramTransform(high, high // 4)


def noise_pieces(
    noisy: Source, noise: KnownNoise, attenuation: float, options: InferOptions,
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:  # fmt: skip
    """Yield a recording without its noise in pieces of ``options.segment`` seconds, in order.

    Arguments and errors are those of `without_noise`.
    """
    transforms = noise_transforms(noisy.rate)
    longest = noise.recording.length  # a short recording of noise has no long windows
    usable = [each for each in transforms if 3 * each.n_fft <= longest] or [transforms[-1]]

    def work(part: Signal, first: int, steps: Progress | None) -> Signal:
        found = []
        for transform in usable:
            spec = without_noise(transform(part), noise, attenuation, options, steps, first)
            found.append(SpectrogramTransform.inverse(spec, options.device))
        samples = joined(found[0].samples, found[-1].samples, part.rate)
        clean = found[0].replace(samples=samples, full_scale=part.full_scale)
        return restrained(part, clean) if noise.found else clean

    longer = usable[0].grid(noisy.cut(0, 1))
    reach = sum(model.net.reach((1, 1))[1] for model in noise.models)
    margin = reach * longer.hop_length + 4 * longer.n_fft
    margin += round((FOLLOWED_SECONDS + EXCESS_SECONDS / 2) * noisy.rate)
    fold = max(model.net.config.fold[1] for model in noise.models)
    cuts = plan(options.segment, noisy.rate, longer.hop_length * fold, margin, noisy.length)
    return process(noisy, work, cuts, progress)


def joined(low: np.ndarray, high: np.ndarray, rate: float) -> np.ndarray:
    """Return ``low`` below `CROSSOVER_HZ` and ``high`` above it, samples [C, N] without delay."""
    if low is high:
        return low
    length = low.shape[-1]
    freqs = np.fft.rfftfreq(2 * length, 1 / rate)
    share = 1 / (1 + (freqs / CROSSOVER_HZ) ** 8)
    difference = np.fft.rfft(low.astype(np.float64) - high, 2 * length)
    return (high + np.fft.irfft(share * difference, 2 * length)[..., :length]).astype(low.dtype)


def wiener(ratio: np.ndarray, attenuation: float) -> np.ndarray:
    """Return the gain of least squared error for ratios of signal to noise in power.

    ``attenuation`` is the largest one in dB.
    """
    return np.maximum(ratio / (1 + ratio), 10 ** (-attenuation / 20))
