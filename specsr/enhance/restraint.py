"""What a noise reduction removed and is no noise is given back, band by band.

The power of noise in the cells of a map is exponentially distributed: mean square over squared mean
is 2.  Impacts, pulses and lines that move have more, steady lines less.  Where the removed part
differs from noise like that, part of the machine is in it.  So it is, mostly, where the removed
part of a band is 16 to 22 dB below the kept part: a reduction errs by about as much.  Rows that
stand out of the removed part are lines (`specsr.enhance.removed_lines`).

The share that is given back grows with either deviation.  The constants were chosen on machines of
set 2 of `benchmarks/generator.py` in white and recorded noise, for all methods alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from specsr.enhance.decided import Decision
from specsr.enhance.removed_lines import line_share
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal


@dataclass(frozen=True)
class Band:
    """A band and the windows that its distribution is read with.

    Attributes:
        low, high: edges, Hz.
        short, long: distance of the rows of the maps, Hz; the same for one map.
    """

    low: float
    high: float
    short: float
    long: float


IMPULSIVE, LINES = 400.0, 6.25
"""Distance of the rows at which pulses of a train stand apart, and lines, Hz."""

BANDS = (
    Band(0, 150, 6.25, 6.25), Band(150, 500, 25, 6.25), Band(500, 1500, 50, 6.25),
    Band(1500, 5000, IMPULSIVE, 25), Band(5000, np.inf, IMPULSIVE, 25),
)  # fmt: skip

SLOW = tuple(Band(low, high, 3.125, 3.125) for low, high in ((0, 150), (0, 50), (50, 150)))
"""Parts of the lowest band in which lines, which have a moment below that of noise, are sought with
longer windows: the orders of an idling engine lie 6 Hz apart.  A band with lines in one part and
pulses in another may have the moment of noise."""

SLOW_ERRORS = 2.0
"""Standard errors of the moment of noise by which such a part has to be below 2."""

LEVEL_SECONDS, STEADY_SECONDS = 0.1, 1.0
"""Time over which the level is taken out, s: of the rows of `IMPULSIVE` maps, and of the bands of
all maps.  Else steady lines under noise whose level changes would have the moment of noise."""

QUIET_DB, SILENT_DB = -16.0, -22.0
"""Level of the removed part over the kept one: given back in part below the first, all below the
second."""

ABOVE = {"short": (0.1, 0.2), "long": (0.3, 0.2)}
"""Excess over 2 that counts as none, and further excess at which half is given back."""

BELOW = (0.07, 0.1)
"""The same for values below 2."""

FADE = 1.19
"""Factor on the frequency of an edge over which neighbouring bands fade."""


def share_given_back(
    removed: np.ndarray, kept: np.ndarray, rate: float, quiet: bool = True
) -> np.ndarray:
    """Return the share of the removed part that is given back in each of `BANDS`, 0 to 1.

    Args:
        removed: samples that were removed, [N].
        kept: samples that were kept, [N].
        rate: Hz.
        quiet: what is far below the kept part is given back too.
    """
    shares = np.zeros(len(BANDS))
    duration = len(removed) / rate
    maps = {
        hz: _powers(removed, rate, hz) for hz in {hz for b in BANDS for hz in (b.short, b.long)}
    }
    powers = [_band_powers(x, rate) for x in (removed, kept)]
    for i, band in enumerate(BANDS):
        ours, theirs = powers[0][i], powers[1][i]
        if ours <= 0:
            continue
        level = 10 * np.log10(ours / max(theirs, 1e-30 * ours))
        found = [np.clip((QUIET_DB - level) / (QUIET_DB - SILENT_DB), 0, 1) if quiet else 0.0]
        for name, hz in (("short", band.short), ("long", band.long)):
            value, error = _moment(maps[hz], band, rate, hz, duration)
            zone, half = ABOVE[name]
            found.append(_share(value - 2 - max(zone, error), half))
            found.append(_steady(value, error))
        if band.low == 0:  # orders of slow machines lie close
            found.append(slow_share(removed, rate))
        shares[i] = max(found)
    return shares


def slow_share(removed: np.ndarray, rate: float) -> float:
    """Return the share of the lowest band that is given back for lines in parts of it, 0 to 1.

    Args:
        removed: samples that were removed, [N].
        rate: Hz.
    """
    power = _powers(removed, rate, SLOW[0].long)
    moments = [_moment(power, part, rate, part.long, len(removed) / rate) for part in SLOW]
    return max(_steady(value, SLOW_ERRORS * error) for value, error in moments)


def _steady(value: float, error: float) -> float:
    """Return the share by a moment below that of noise, as lines have."""
    zone, half = BELOW
    return _share(2 - max(zone, error) - value, half)


def _share(excess: float, half: float) -> float:
    return 1 - 1 / (1 + (max(excess, 0.0) / half) ** 2)


def _transform(rate: float, hz: float) -> SpectrogramTransform:
    """Return the transform with rows about ``hz`` Hz apart."""
    n_fft = max(4, 2 ** round(np.log2(rate / hz)))
    return SpectrogramTransform(n_fft, n_fft // 2 if hz == IMPULSIVE else n_fft // 4)


def _powers(samples: np.ndarray, rate: float, hz: float) -> np.ndarray:
    """Return the power of a map with rows about ``hz`` Hz apart, [F, T]."""
    spec = _transform(rate, hz)(Signal(np.asarray(samples, np.float64)[None], rate))
    power = np.square(spec.magnitude[0], dtype=np.float64)
    if hz == IMPULSIVE:
        columns = max(3, int(LEVEL_SECONDS / spec.grid.dt))
        level = uniform_filter1d(power, columns, axis=1, mode="nearest")
        mean = power.mean(axis=1, keepdims=True)
        power = mean * np.divide(power, level, out=np.ones_like(power), where=level > 1e-12 * mean)
    return power


def _moment(
    power: np.ndarray, band: Band, rate: float, hz: float, duration: float
) -> tuple[float, float]:
    """Return mean square over squared mean of the cells of a band, and its error for noise.

    Rows count by their power.  Of M independent cells the standard deviation is 2 / sqrt(M).  Noise
    over its own level, a mean of L independent cells, has 2 L / (L + 1) in place of 2.
    """
    freqs = np.arange(len(power)) * rate / (2 * (len(power) - 1))
    rows = (freqs >= max(band.low, 1.5 * hz)) & (freqs < band.high)
    rows[-1] = False  # at half the rate cells are real, as at 0 Hz
    weight = power[rows].mean(axis=1)
    if not rows.any() or weight.sum() <= 0:
        return 2.0, np.inf
    overlap = 2 if hz == IMPULSIVE else 4
    wide = weight.sum() ** 2 / np.square(weight).sum()  # rows of equal power
    columns = max(1, round(STEADY_SECONDS / duration * power.shape[1]))
    level = uniform_filter1d(power[rows].sum(axis=0), columns, mode="reflect")
    over = power[rows] * weight.sum() / np.maximum(level, 1e-12 * weight.sum())
    held = wide * max(1.0, columns / overlap)
    value = np.square(over).mean(axis=1) / np.maximum(np.square(over.mean(axis=1)), 1e-300)
    value = value * (held + 1) / held
    cells = wide * max(1.0, power.shape[1] / overlap)
    return float(value @ weight / weight.sum()), float(2 / np.sqrt(cells))


def _band_powers(samples: np.ndarray, rate: float) -> list[float]:
    """Return the energy of each of `BANDS`."""
    spectrum = np.square(np.abs(np.fft.rfft(np.asarray(samples, np.float64))))
    freqs = np.arange(spectrum.size) * rate / max(1, len(samples))
    return [float(spectrum[(freqs >= b.low) & (freqs < b.high)].sum()) for b in BANDS]


def row_shares(shares: np.ndarray, freqs: np.ndarray) -> np.ndarray:
    """Return the shares of `BANDS`, [B] or [B, T], at frequencies in Hz, faded over the edges."""
    edges = np.array([band.low for band in BANDS[1:]])
    points = np.stack([edges / FADE, edges * FADE], axis=1).ravel()
    beside = np.repeat(np.eye(len(BANDS)), 2, axis=1)[:, 1:-1]  # of each band, at the points
    weights = [np.interp(freqs, points, each) for each in beside]
    return np.asarray(np.stack(weights, axis=-1) @ shares)


def restrained_map(
    noisy: SpecMap, clean: SpecMap, device: str = "cpu", decision: Decision | None = None
) -> SpecMap:
    """Return a denoised full map with what is no noise given back.

    Args:
        noisy: the map before, with its phase; without one ``clean`` is returned.
        clean: the map after: the same cells, attenuated.
        device: torch device to compute on, or ``"auto"``.
        decision: `band_shares` over time; None for those of this map.
    """
    if not has_waveform(noisy):
        return clean
    if decision is None:
        decision = Decision.constant(band_shares(noisy, clean, device))
    taken = noisy.magnitude - clean.magnitude
    bands = [row_shares(each, noisy.freqs) for each in decision.at(noisy.grid)]
    lines = [line_share(np.square(c, dtype=np.float64), noisy.grid) for c in taken]
    shares = np.stack([np.maximum(*each) for each in zip(bands, lines, strict=True)])
    back = shares.astype(np.float32) * taken
    return clean.replace(magnitude=np.clip(clean.magnitude + back, 0, noisy.magnitude))


def has_waveform(spec: SpecMap) -> bool:
    """Whether a map can be turned into the samples that shares are decided from."""
    return spec.phase is not None and spec.grid.is_invertible()


def band_shares(
    noisy: SpecMap, clean: SpecMap, device: str = "cpu", quiet: bool = True
) -> np.ndarray:
    """Return the shares of `BANDS` that are given back of a denoised full map with phase, [C, B].

    Args:
        noisy: the map before.
        clean: after: the same cells, attenuated.
        device: torch device to compute on, or ``"auto"``.
        quiet: as for `share_given_back`.
    """
    taken = np.maximum(noisy.magnitude - clean.magnitude, 0)
    parts = (
        SpectrogramTransform.inverse(noisy.replace(magnitude=each), device).samples
        for each in (taken, clean.magnitude)
    )
    return np.stack(
        [
            share_given_back(removed, kept, noisy.grid.rate, quiet)
            for removed, kept in zip(*parts, strict=True)
        ]
    )


def signal_shares(noisy: Signal, clean: Signal) -> np.ndarray:
    """Return the shares of `BANDS` that are given back of a denoised recording, [C, B].

    Args:
        noisy: the recording before.
        clean: after, of the same shape.
    """
    removed = noisy.samples - clean.samples
    pairs = zip(removed, clean.samples, strict=True)
    return np.stack([share_given_back(*pair, noisy.rate) for pair in pairs])


def restrained(
    noisy: Signal, clean: Signal, decision: Decision | None = None, device: str = "cpu"
) -> Signal:
    """Return a denoised recording with what is no noise given back.

    Args:
        noisy: the recording before.
        clean: after, of the same shape.
        decision: `signal_shares` over time; None for those of this recording.
        device: torch device to compute on, or ``"auto"``.
    """
    if decision is None:
        decision = Decision.constant(signal_shares(noisy, clean))
    removed = noisy.replace(samples=noisy.samples - clean.samples)
    spec = _transform(noisy.rate, LINES)(removed)
    shares = [
        np.maximum(row_shares(bands, spec.freqs), line_share(power, spec.grid))
        for bands, power in zip(
            decision.at(spec.grid), np.square(spec.magnitude, dtype=np.float64), strict=True
        )
    ]
    gain = np.stack(shares).astype(np.float32)
    back = SpectrogramTransform.inverse(spec.replace(magnitude=spec.magnitude * gain), device)
    samples = clean.samples + back.samples.astype(clean.samples.dtype)
    return clean.replace(samples=samples)
