"""Pulses of a machine and the pauses between them, where the spectrum of the noise is known.

Gains of longer windows keep the noise in the pauses between pulses that repeat fast, as of a
diesel, or take from the pulses.  Here what was kept, Y, and what was removed, R, are seen through
windows of 5 ms, in tiles of `ROWS` rows.  With the mean gain g of a tile and the power N of its
noise n, <n, Y> = g N and <n, R> = (1 - g) N.  So b R with b = 1 - (1 - g) N / RR of the removed
part is signal, and a Y with a = 1 - (g N - YR) / YY of the kept one: the factors of least squared
error, the first limited as that of James and Stein (Proc. 4th Berkeley Symp., 1961).

The gain g is read as the share of the power that was kept, through windows that resolve lines and
through windows that resolve pulses.  Where a window resolves the signal, its cells are either kept
or not; elsewhere g is too large, as the signal in a cell counts.  So the smaller one is taken.

By the same sums the error is estimated (Stein, Ann. Statist. 9(6), 1981), and the result is changed
only in bands and seconds where it falls by more than by chance.  Pulses do so; lines, tones and
steady noise do not, and noise that is louder than its recording is left alone.  The constants were
chosen on machines of sets 3 and 4 of `benchmarks/generator.py` in white noise, and ventilation and
outdoor background of audio/train.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter, uniform_filter1d

from specsr.choices import MAX_ATTENUATION
from specsr.enhance.noise_profile import noise_spectrum
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal

ROW_HZ = 200.0
"""Approximate distance of the rows, Hz."""

GAIN_HZ = (3.125, 25.0)
"""The same of the maps that the gains are read from."""

SHORTEST = 32
"""Least window, samples: at lower rates a tile has too few rows, and nothing is changed."""

ROWS, COLUMNS = 8, 3
"""Rows of a tile, and columns over which the kept part is averaged."""

INDEPENDENT = 1.5
"""Rows of a Hann window for every independent one."""

LOWEST_HZ = 300.0
"""Nothing is changed below: tiles hold lines of many orders."""

LIMIT = 2.0
"""Factor on the power of removed noise above which the removed part is signal."""

PAUSE = 0.75
"""Share of the power of kept noise that counts as such: less, since gains err."""

SECONDS = 1.0
"""Time over which the error and the level of the removed part are read, s."""

BENEFIT = (0.06, 0.1)
"""Fall of the error in power of the noise from which the result is changed in part, and in full."""

LOUDER = (1.2, 1.6)
"""Level of the removed part over that of the noise, in power, up to which the result is changed in
full, and from which not at all: noise that is not as recorded."""

STEP = (4, 16)
"""Rows and columns between the places at which the level of the removed part is read."""

LEAST_GAIN = 0.05
"""Share of removed noise that is counted at least where that level is read."""

SILENT = 1e-9
"""Power of a row below that of the loudest from which it counts as silent."""

FARTHEST = 1e15
"""Largest ratio of the largest sample and the noise of a row, and of the noise and that sample.

Float32 holds the squares of cells with a factor of 1e7 to spare; its samples have no noise 300 dB
below the largest one, which is 150 dB below their rounding."""


def pulse_transform(rate: float) -> SpectrogramTransform:
    """Return the transform by the rate in Hz: a power of two near 1 / `ROW_HZ`, Hann, 75 %."""
    return _transform(rate, ROW_HZ)


def pulse_reach(rate: float) -> tuple[int, int]:
    """Return the samples on either side that a sample depends on, and the steps of that in time."""
    step = pulse_transform(rate).n_fft // 4 * STEP[1]
    return round(2.5 * SECONDS * rate) + 4 * _transform(rate, GAIN_HZ[0]).n_fft, step


def restored(
    noisy: Signal, clean: Signal, noise: Signal, attenuation: float = MAX_ATTENUATION,
    device: str = "cpu",
) -> Signal:  # fmt: skip
    """Return a denoised recording with its pulses given back and the pauses between them cleared.

    Args:
        noisy: the recording before, samples [C, N].
        clean: after, of the same shape, by gains of cells.
        noise: recording of the noise alone, of the same rate, one channel or as many.
        attenuation: largest attenuation of a cell, dB.
        device: torch device to compute on, or ``"auto"``.
    """
    transform = pulse_transform(noisy.rate)
    gains = [_transform(noisy.rate, hz) for hz in GAIN_HZ]
    if transform.n_fft < SHORTEST or noisy.length < gains[-1].n_fft:
        return clean
    gains = [each for each in gains if each.n_fft <= noisy.length]
    power = np.broadcast_to(
        noise_spectrum(noise, transform), (len(noisy.channels), transform.n_fft // 2 + 1)
    )
    out = []
    for before, after, known in zip(noisy.samples, clean.samples, power, strict=True):
        if not known.any():
            out.append(after)
            continue
        exponent = _exponent(before, after)
        kept, removed = (
            Signal(np.ldexp(x, -exponent)[None].astype(np.float64), noisy.rate)
            for x in (after, before - after)
        )
        maps = transform(kept), transform(removed)
        taken = np.max([_taken(kept, removed, maps[1], each) for each in gains], axis=0)
        scaled = np.ldexp(known, -2 * exponent)
        lack, back = shares(_cells(maps[0]), _cells(maps[1]), taken, scaled, maps[0])
        least = 10 ** (-attenuation / 20)
        lack = np.minimum(lack, np.maximum(1 - least / np.maximum(1 - taken, 1e-9), 0))
        noise_kept, signal_removed = (
            SpectrogramTransform.inverse(
                spec.replace(magnitude=spec.magnitude * share), device
            ).samples[0]
            for spec, share in zip(maps, (lack, back), strict=True)
        )
        result = after - np.ldexp(noise_kept, exponent) + np.ldexp(signal_removed, exponent)
        out.append(result.astype(clean.samples.dtype))
    return clean.replace(samples=np.stack(out))


def shares(
    kept: np.ndarray, removed: np.ndarray, taken: np.ndarray, noise: np.ndarray, spec: SpecMap
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the kept part that is noise, and that of the removed part that is none.

    Args:
        kept, removed: complex cells of samples up to 1, [F, T].
        taken: mean of 1 - g around every cell, [F, T].
        noise: power of the noise in every row, [F].
        spec: a map with the grid of the cells.

    Returns:
        Two arrays of 0 to 1, [F, T].
    """
    white = np.sqrt(np.maximum(noise, SILENT * noise.max()))[:, None]
    white = np.clip(white, 1 / FARTHEST, FARTHEST).astype(np.float32)
    y, r = kept / white, removed / white
    yy, rr = (x.real**2 + x.imag**2 for x in (y, r))
    yr = y.real * r.real + y.imag * r.imag
    rows = (spec.freqs >= LOWEST_HZ)[:, None]
    known = uniform_filter1d(taken, ROWS, axis=0, mode="nearest")
    level = uniform_filter1d(rr, ROWS, axis=0, mode="nearest")
    seconds = max(1, round(SECONDS / spec.grid.dt))
    louder, loudest = _louder(level, known, seconds)
    allowed = LIMIT * known * louder
    over = allowed / np.maximum(level, 1e-9)
    back = np.maximum(1 - over, 0) * rows
    mean = (uniform_filter(x, (ROWS, COLUMNS), mode="nearest") for x in (yy, yr, taken))
    own, cross, share = mean
    lack = np.clip((PAUSE * (1 - share) - cross) / np.maximum(own, 1e-9), 0, 1) * rows
    # Stein: the mean of n c for a factor c of the cells, with its dependence on them
    change = lack**2 * yy + back**2 * rr - 2 * lack * back * yr
    to_noise = back * taken - lack * (1 - taken)
    to_noise += np.where(back > 0, over * taken, 0) * INDEPENDENT / ROWS
    fall = 2 * (back * rr - lack * yr - to_noise) - change
    fall = uniform_filter(fall, (ROWS, seconds), mode="reflect")
    weight = np.clip((fall - BENEFIT[0]) / (BENEFIT[1] - BENEFIT[0]), 0, 1)
    weight *= np.clip((LOUDER[1] - loudest) / (LOUDER[1] - LOUDER[0]), 0, 1)
    weight[-1] = 0  # real cells, of other scatter
    return (weight * lack).astype(np.float32), (weight * back).astype(np.float32)


def _louder(level: np.ndarray, known: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the median over time of the removed power over that of the noise, at least 1, and the
    largest such value around."""
    rows, step = STEP
    over = level[::rows, ::step] / np.maximum(known[::rows, ::step], LEAST_GAIN)
    # reflected, not repeated: the median of many equal values would have the scatter of one
    over = np.maximum(median_filter(over, (1, max(1, columns // step)), mode="reflect"), 1)
    # what changes in most rows is the noise, then in the others too, and some time before and after
    common = maximum_filter1d(np.median(over, axis=0), 2 * columns // step + 1, mode="nearest")
    shape = level.shape
    found = (over, np.maximum(over, common))
    wide = (np.repeat(np.repeat(x, rows, axis=0), step, axis=1) for x in found)
    first, second = (np.asarray(x[: shape[0], : shape[1]]) for x in wide)
    return first, second


def _exponent(*samples: np.ndarray) -> int:
    """Return the least power of two above all samples: a factor that rounds nothing."""
    return int(np.frexp(max(float(np.abs(x).max(initial=0.0)) for x in samples))[1])


def _transform(rate: float, hz: float) -> SpectrogramTransform:
    n_fft = max(4, 2 ** round(np.log2(rate / hz)))
    return SpectrogramTransform(n_fft, n_fft // 4)


def _cells(spec: SpecMap) -> np.ndarray:
    assert spec.phase is not None
    return np.asarray(spec.magnitude[0] * np.exp(1j * spec.phase[0]), np.complex64)


def _taken(kept: Signal, removed: Signal, spec: SpecMap, gains: SpectrogramTransform) -> np.ndarray:
    """Return 1 - g in the cells of a map with short windows, seen through longer ones, [F, T]."""
    y, r = _cells(gains(kept)), _cells(gains(removed))
    x = y + r
    power = x.real**2 + x.imag**2
    least = 1e-12 * float(power.max(initial=0.0)) + np.finfo(np.float32).tiny
    taken = np.clip((x.real * r.real + x.imag * r.imag) / np.maximum(power, least), 0, 1)
    ratio = gains.n_fft // spec.grid.n_fft
    hops = spec.grid.hop_length / (gains.n_fft // 4)
    coarse = uniform_filter1d(taken, ratio, axis=0, mode="nearest")[::ratio]
    at = hops * np.arange(spec.grid.frames)
    first = np.minimum(at.astype(int), coarse.shape[1] - 1)
    part = (at - first).astype(np.float32)
    after = np.minimum(first + 1, coarse.shape[1] - 1)
    return np.asarray(coarse[:, first] * (1 - part) + coarse[:, after] * part)
