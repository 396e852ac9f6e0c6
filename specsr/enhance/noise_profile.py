"""Noise of known spectrum: its power in every cell of a map, from a recording of the noise alone.

The spectrum is that of the whole recording.  Noise whose level changes can be followed: by one gain
over time for all frequencies, the least rise of the third octaves.  Sound of the machine that fills
every third octave and changes may look the same (`specsr.enhance.noise_change`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter

from specsr.enhance.level_rule import band_edges
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal, Source

log = logging.getLogger(__name__)

SECONDS, ENOUGH_SECONDS = 0.25, 1.0
"""Shortest recording of noise, and length from which no note says that it is short, s."""

LOWEST_RATE = 2000.0
"""Least rate of noise in a recording of a higher rate, Hz: lower ones are those of slow channels,
such as speeds and temperatures."""

ROWS = 0.7
"""Standard deviation of the smoothing of the spectrum over frequency, rows."""

FOLLOWED_SECONDS = 0.8
"""Time over which a change of the level is sought, s."""

ROW_SHARE, BAND_SHARE = 25.0, 15.0
"""Percentiles: of the levels over the noise within a third octave, and of the third octaves."""

FEWEST_ROWS = 8
"""Least rows of a third octave whose level is followed."""

COMPARED = 1 << 20
"""Samples that tell whether two recordings are one."""

STEADY_DB = 1.0
"""Change of the level that is taken for scatter, dB."""

ALWAYS_SHARE = 10.0
"""Share of the time, %, with the least rise: a rise that is larger throughout is no change.  Chosen
on a bearing and a diesel of set 2 of `benchmarks/generator.py`."""


@dataclass(frozen=True, eq=False)
class Noise:
    """A recording of noise alone, with options.

    Attributes:
        recording: of the noise, any rate, one channel or as many as the recording that it is in.
        follow: its level changes with time, alike in all third octaves.  Broadband sound of the
            machine that changes like that is removed too.  None: where the recording that it is in
            shows it (`specsr.enhance.noise_change`), but not if it was ``found`` there.
        found: it comes from the recording that it is in (`specsr.find_noise`): what was removed and
            is no noise is given back (`specsr.enhance.restraint`).
    """

    recording: Signal
    follow: bool | None = None
    found: bool = False


def noise_spectrum(noise: Signal, transform: SpectrogramTransform) -> np.ndarray:
    """Return the mean power of the rows of a map of the noise, float64 [C, F].

    Args:
        noise: recording of the noise alone, [C, N].
        transform: of the map that it is compared with; F rows up to half the rate.

    Raises:
        SpecsrError: a recording shorter than `SECONDS` or than one window.
    """
    spec = transform(noise)
    grid = spec.grid
    inner = -(-grid.n_fft // 2 // grid.hop_length)  # frames whose windows reach over the edges
    shortest = max(SECONDS, grid.n_fft / noise.rate)
    if noise.length < shortest * noise.rate or grid.frames <= 2 * inner:
        raise SpecsrError(
            f"the noise has {noise.length / noise.rate:.3g} s: expected at least {shortest:.2g} s, "
            "better two or more; give a longer part"
        )
    power = np.square(spec.magnitude[..., inner:-inner], dtype=np.float64).mean(axis=-1)
    return gaussian_filter1d(power, ROWS, axis=-1, mode="nearest")


def fitting(noise: Signal, noisy: Source | SpecMap, found: bool = False) -> Signal:
    """Return a recording of noise with rate and channels of the recording or map that it is in.

    A warning names the frequency up to which noise of a lower rate is removed, and of noise that
    was not ``found`` in the recording also silent channels, a short recording, and a recording
    that is given as its own noise.

    Raises:
        SpecsrError: another unit, another number of channels that is not one, or a rate below both
            `LOWEST_RATE` and that of the recording.
    """
    axes = noisy.grid if isinstance(noisy, SpecMap) else noisy.cut(0, 1)
    unit, rate = axes.unit, axes.rate
    count = len(noisy.channels)
    if noise.unit != unit:
        raise SpecsrError(
            f"the noise is in {noise.unit}, the recording in {unit}: give both in one unit (--unit)"
        )
    if len(noise.channels) not in (1, count):
        raise SpecsrError(
            f"the noise has {len(noise.channels)} channels, the recording {count}: expected one or "
            "as many; choose with --channel"
        )
    if noise.rate < min(rate, LOWEST_RATE):
        raise SpecsrError(
            f"the noise has a rate of {noise.rate:g} Hz, the recording {rate:g} Hz: expected noise "
            f"of {LOWEST_RATE:g} Hz or more, better that of the recording"
        )
    if noise.rate < rate:
        log.warning(
            "the noise has a rate of %g Hz: noise is removed up to %g Hz; above, nothing is known "
            "of it", noise.rate, noise.rate / 2,
        )  # fmt: skip
    if found:
        return noise
    if noise.length < ENOUGH_SECONDS * noise.rate:
        log.warning(
            "the noise has %.2g s: its spectrum is known roughly, and part of the machine is "
            "removed with it; give two seconds or more", noise.length / noise.rate,
        )  # fmt: skip
    if silent := silent_channels(noise):
        log.warning(
            "the noise is silent (%s): nothing is removed by it; give a recording of the "
            "background with the machine at rest", ", ".join(silent),
        )  # fmt: skip
    elif not isinstance(noisy, SpecMap) and _same(noise, noisy):
        log.warning(
            "the noise is the recording itself: the sound in it is removed too; give a recording "
            "of the noise alone, or a part of it (--noise-from 0:1.5)"
        )
    if noise.rate != rate:
        noise = noise.resample(rate)
    return noise


def silent_channels(noise: Signal) -> list[str]:
    """Return the names of the channels of constant samples."""
    return [
        name for name, x in zip(noise.channels, noise.samples) if float(x.max()) == float(x.min())
    ]


def _same(noise: Signal, noisy: Source) -> bool:
    """Return whether two recordings are one; of long ones the first part is compared."""
    if (noise.rate, noise.length) != (noisy.rate, noisy.length):
        return False
    part = min(noise.length, COMPARED)
    return bool(np.array_equal(noise.cut(0, part).samples, noisy.cut(0, part).samples))


def followed(spectrum: np.ndarray, expected: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the power of noise whose level changes with time, [F, T].

    Args:
        spectrum: power of the noise alone, [F].
        expected: expected power of the noisy map, [F, T].
        grid: of the map, with F rows or one more.
    """
    change = level_change(least_rise(spectrum, expected, grid), grid)
    return spectrum[:, None] * 10 ** (change / 10)


def least_rise(spectrum: np.ndarray, expected: np.ndarray, grid: Grid) -> np.ndarray:
    """Return how far columns are over the noise, dB, [T]: the least of the third octaves.

    Arguments are those of `followed`, of all columns of a map or of some.
    """
    least = 1e-30 * max(float(expected.max(initial=0.0)), 1e-270)
    over = 10 * np.log10(np.maximum(expected, least) / np.maximum(spectrum, least)[:, None])
    edges = np.unique(np.round(band_edges(grid) / grid.df).astype(int))
    bands = [
        np.percentile(over[a:b], ROW_SHARE, axis=0)
        for a, b in zip(edges, np.minimum(edges[1:], len(over)))
        if b - a >= FEWEST_ROWS
    ]
    if not bands:
        return np.zeros(expected.shape[1])
    return np.asarray(np.percentile(np.stack(bands), BAND_SHARE, axis=0))


def level_change(rise: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the change of the level of the noise over its recording, dB, [T].

    Args:
        rise: of all columns of a map (`least_rise`), dB, [T].
        grid: of the map.
    """
    columns = max(1, round(FOLLOWED_SECONDS / grid.dt))
    change = percentile_filter(rise, 50, columns, mode="nearest")
    change = gaussian_filter1d(change, columns / 4, mode="nearest")
    # what is over the recording nearly always is the machine
    always = max(0.0, float(np.percentile(change, ALWAYS_SHARE)))
    change = np.where(change > 0, np.maximum(change - always, 0), change)
    return np.asarray(np.sign(change) * np.maximum(np.abs(change) - STEADY_DB, 0))
