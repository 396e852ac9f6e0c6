"""Noise that is found in the recording itself, where no recording of it alone exists.

The power of a row that is there throughout is noise: a low percentile of its power over time,
smoothed, times the ratio of mean to percentile of noise (minimum statistics: Martin, IEEE Trans.
Speech Audio Process. 9(5), 2001; percentiles: Stahl et al., ICASSP 2000).  Smoothed noise of K
degrees of freedom has a gamma distribution, which gives the ratio.  Rows that stand out of those
beside are steady lines of the machine: their noise is that of the rows beside.

Broadband sound of the machine that never pauses, and steady lines closer than the rows of the map,
count as noise.  Noise that comes and goes is not found.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter1d, uniform_filter1d
from scipy.stats import gamma

from specsr.enhance.noise_floor import N_FFT
from specsr.enhance.noise_profile import Noise
from specsr.enhance.noise_windows import CROSSOVER_HZ, level_transforms
from specsr.enhance.removed_lines import FEWEST_ROWS, FLOOR_SHARE, STEP, floor_around
from specsr.errors import SpecsrError
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal, Source

SHORTEST = 1.0
"""Shortest recording in which noise is sought, s."""

STRETCH, STRETCHES = 5.0, 24
"""Length of the stretches that are read, s, and most of them: two minutes, spread over a longer
recording."""

SMOOTHING = (0.3, 0.15)
"""Time over which power is averaged in the maps with long and with short windows, s."""

HOPS = 4
"""Columns of these maps in one window."""

SHARE = 5.0
"""Percentile over time, %."""

ROWS = 1.0
"""Standard deviation of the smoothing over frequency, rows."""

LINE_DB, BESIDE_DB = 5.0, 1.5
"""Power over the rows beside from which a row is a line, and what it is then set to, dB: the floor
of the rows beside is their lowest fifth, below their mean.  These and the values above were chosen
on machines of set 3 of `benchmarks/generator.py` in white noise and ventilation of audio/train."""

STEADY_DB, STEADY_ROWS, STEADY_COLUMNS = 3.5, 3, 30
"""Estimate of noise over the mean power, in the mean of so many rows, from which rows are steady,
dB, and fewest columns for that (4 s).  With windows of 0.3 s it is 5.8 dB where power is constant,
and below 3.0 dB in 99.9 % of the rows of white noise."""

SECONDS = 8.0
"""Length of the recording of noise that is returned, s."""


def find_noise(noisy: Source) -> Noise:
    """Return the noise that a recording holds throughout, for `specsr.denoise`.

    Args:
        noisy: a recording of a second or more, or an open file (`specsr.io.stream`), of which up
            to two minutes are read.

    Returns:
        Noise of the estimated spectrum in every channel: `SECONDS` of random phase, the same for
        the same input.

    Raises:
        SpecsrError: a shorter recording, or a rate below 64 Hz.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(32000)
        >>> tone = 3 * np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)
        >>> found = specsr.find_noise(specsr.Signal(noise + tone, 16000))
        >>> bool(abs(found.recording.samples.std() - 1) < 0.1)
        True
    """
    if noisy.length < SHORTEST * noisy.rate:
        raise SpecsrError(
            f"the recording has {noisy.length / noisy.rate:.3g} s: noise is found in at least "
            f"{SHORTEST:g} s; give a longer one, or a recording of the noise alone"
        )
    if noisy.rate < N_FFT[0] / SECONDS:
        raise SpecsrError(
            f"the recording has a rate of {noisy.rate:g} Hz: noise is found from "
            f"{N_FFT[0] / SECONDS:g} Hz up"
        )
    transforms = [
        SpectrogramTransform(each.n_fft, each.n_fft // HOPS, scaling="psd")
        for each in level_transforms(noisy.rate)
    ]
    maps: list[list[np.ndarray]] = [[] for _ in transforms]
    for part in _stretches(noisy):
        unit = part.unit
        for found, transform, seconds in zip(maps, transforms, SMOOTHING, strict=True):
            found.append(_smoothed(part, transform, seconds))
    low, high = (
        _floor(np.concatenate(found, axis=-1), transform, seconds, noisy.rate)
        for found, transform, seconds in zip(maps, transforms, SMOOTHING, strict=True)
    )
    samples = [_noise(_lower(*each, noisy.rate), noisy) for each in zip(low, high, strict=True)]
    recording = Signal(
        np.stack(samples).astype(np.float32), noisy.rate, unit, channels=noisy.channels
    )
    return Noise(recording, found=True)


def _stretches(noisy: Source) -> Iterator[Signal]:
    """Yield consecutive stretches of a recording, or such that are spread over a longer one."""
    length = round(STRETCH * noisy.rate)
    count = max(1, noisy.length // length)
    if count <= STRETCHES:
        borders = np.linspace(0, noisy.length, count + 1).astype(int)
        pairs = list(zip(borders, borders[1:]))
    else:
        firsts = np.linspace(0, noisy.length - length, STRETCHES).astype(int)
        pairs = [(first, first + length) for first in firsts]
    for first, last in pairs:
        yield noisy.cut(int(first), int(last))


def _columns(transform: SpectrogramTransform, seconds: float, rate: float) -> int:
    return max(1, round(seconds * rate / (transform.n_fft // HOPS)))


def _smoothed(part: Signal, transform: SpectrogramTransform, seconds: float) -> np.ndarray:
    """Return the power density of a stretch over a time, at half of that apart, [C, F, T]."""
    spec = transform(part)
    columns = _columns(transform, seconds, part.rate)
    edge = min(2, (spec.grid.frames - 1) // 2)  # windows that reach over the edges
    power = np.square(spec.magnitude[..., edge : spec.grid.frames - edge], dtype=np.float64)
    smooth = uniform_filter1d(power, columns, axis=-1, mode="reflect")
    # its running sums leave small negative values where the sound stops
    return np.maximum(smooth[..., :: max(1, columns // 2)], 0.0)


def _floor(
    smooth: np.ndarray, transform: SpectrogramTransform, seconds: float, rate: float
) -> np.ndarray:
    """Return the power density of the noise, [C, F], of smoothed power [C, F, T]."""
    freedom = degrees(transform, _columns(transform, seconds, rate))
    ratio = freedom / gamma.ppf(SHARE / 100, freedom)
    power = ratio * np.percentile(smooth, SHARE, axis=-1)
    rows = _steady(power, smooth)
    power = np.stack([under_lines(*channel) for channel in zip(power, rows, strict=True)])
    return gaussian_filter1d(power, ROWS, axis=-1, mode="nearest")


def _steady(power: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """Return the rows with a steady line and those of its main lobe, [C, F].

    Noise fluctuates, and its percentile over time is below its mean by the ratio that its estimate
    has.  Constant power does not, and its estimate is that much too high.
    """
    if smooth.shape[-1] < STEADY_COLUMNS:
        return np.zeros(power.shape, bool)
    least = np.finfo(np.float64).tiny
    over = 10 * np.log10((power + least) / (smooth.mean(axis=-1) + least))
    steady = uniform_filter1d(over, STEADY_ROWS, axis=-1, mode="nearest") > STEADY_DB
    return np.asarray(binary_dilation(steady, np.ones((1, 5))))


def degrees(transform: SpectrogramTransform, columns: int) -> float:
    """Return the number of independent cells in the mean of ``columns`` overlapping Hann windows.

    The variance of such a mean over that of a cell (Welch, IEEE Trans. Audio 15(2), 1967).
    """
    window = np.hanning(transform.n_fft + 1)[:-1]
    total = 1.0
    for offset in range(1, columns):
        shift = offset * (transform.n_fft // HOPS)
        if shift >= len(window):
            break
        overlap = float(window[shift:] @ window[: len(window) - shift] / (window @ window))
        total += 2 * (1 - offset / columns) * overlap**2
    return columns / total


def under_lines(power: np.ndarray, steady: np.ndarray | None = None) -> np.ndarray:
    """Return the power of rows, [F], with those that stand out set to the level of those beside.

    The lowest rows have few below them, all in the skirt of a line there: those of ``steady``, [F],
    are compared with the rows above alone.  Others may be noise that rises towards 0 Hz.
    """
    rows = np.arange(len(power))
    count = 1 + int(np.ceil(np.log(len(power)) / np.log(STEP)))
    at = np.unique(np.minimum(np.round(STEP ** np.arange(count)).astype(int), rows[-1]))
    floor = np.interp(rows, at, [floor_around(power[:, None], row)[0] for row in at])
    lowest = np.zeros(0, bool) if steady is None else steady[:FEWEST_ROWS]
    for row in np.flatnonzero(lowest):
        above = np.percentile(power[max(row, 1) : row + FEWEST_ROWS + 1], FLOOR_SHARE)
        floor[row] = min(floor[row], above)
    line = power > 10 ** (LINE_DB / 10) * floor
    return np.where(line, 10 ** (BESIDE_DB / 10) * floor, power)


def _lower(low: np.ndarray, high: np.ndarray, rate: float) -> np.ndarray:
    """Return the power density of the noise at fine steps from those with long and short windows.

    Sound of the machine can only raise either: long windows resolve steady lines, short ones see
    between moving ones.  So above `CROSSOVER_HZ` the lower one counts, below it the first.
    """
    freqs = np.fft.rfftfreq(round(SECONDS * rate), 1 / rate)
    wide = gaussian_filter1d(low, len(low) / len(high), mode="nearest")
    own, smooth, short = (
        np.interp(freqs, np.linspace(0, rate / 2, len(x)), x) for x in (low, wide, high)
    )
    return np.where(freqs < CROSSOVER_HZ, own, np.minimum(smooth, short))


def _noise(density: np.ndarray, noisy: Source) -> np.ndarray:
    """Return samples with a power density in unit²/Hz up to half the rate, and random phase."""
    length = round(SECONDS * noisy.rate)
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, len(density))
    magnitude = np.sqrt(density * noisy.rate * length / 2)
    return np.fft.irfft(magnitude * np.exp(1j * phase), length)
