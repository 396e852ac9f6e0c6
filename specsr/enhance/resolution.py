"""The coarse map of a recording: window and hop that keep neighbouring orders apart.

With n_fft samples in a window at a rate R, a fine row is R / n_fft high and a coarse one
s_f R / n_fft.  Two orders ``spacing`` apart lie ``spacing`` r Hz apart at a rotation frequency r.
They never share a coarse row if that is at least its height, so at the lowest usual r

    n_fft >= s_f R / (spacing r).

A longer window smears orders whose frequency changes.  Within the effective length of a Hann
window, half of n_fft / R, order k sweeps k (dr/dt) n_fft / (2 R) Hz.  That stays below one fine row
if

    n_fft <= R sqrt(2 / (k dr/dt)).

`window_length` takes the shortest window that separates half orders, or else whole orders, within
this bound; if none does, the longest one within the bound.  k is `HIGHEST`.  Without a speed the
window lasts about `SECONDS`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from specsr.choices import WINDOW, SignalPair
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.speed_options import SpeedOptions
from specsr.pairs.pair import coarse_transform
from specsr.signal import Signal

SECONDS = 0.08
"""Length of the window without a speed: 2048 samples at 25.6 kHz, rows of 12.5 Hz."""

LENGTHS = (512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384)
"""Lengths that are chosen from: fast to transform, and near the models' training data."""

HOPS = 8
"""Hops in a window: 87.5 % overlap, as in most of the training data of the models."""

SPACINGS = (0.5, 1.0)
"""Distances of orders to separate: half orders (four-stroke engines), or else whole ones."""

HIGHEST = 8
"""Highest order that should not sweep over more than a row: the firing order of 16 cylinders."""

_LOWEST, _SWEEP = 0.05, 0.9
"""Quantiles that stand for the lowest usual speed and for the usual rate of change."""

_STEP = 0.25
"""Time over which the rate of change is measured, s."""

_STANDSTILL = 1 / 20
"""Fraction of the mean speed below which the machine counts as standing."""


@dataclass(frozen=True)
class SpeedRange:
    """What the choice of a window depends on.

    Attributes:
        lowest: lowest usual rotation frequency, Hz.
        sweep: usual rate of change of the rotation frequency, Hz/s; 0 for a steady speed.
    """

    lowest: float
    sweep: float


def speed_range(rpm: np.ndarray | None, rate: float) -> SpeedRange | None:
    """Return the range of a speed; None without one.

    Args:
        rpm: 1/min at every sample, [N]; zero, negative or not finite where unknown.
        rate: samples per second.
    """
    if rpm is None:
        return None
    rotation_hz = np.asarray(rpm, dtype=np.float64) / 60
    running = np.isfinite(rotation_hz) & (rotation_hz > 0)
    if not running.any():
        return None
    running &= rotation_hz > _STANDSTILL * rotation_hz[running].mean()
    lowest = float(np.quantile(rotation_hz[running], _LOWEST))
    step = min(max(1, round(_STEP * rate)), len(rotation_hz) - 1)
    if step < 1:
        return SpeedRange(lowest, 0.0)
    both = running[step:] & running[:-step]
    change = np.abs(rotation_hz[step:] - rotation_hz[:-step])[both] * rate / step
    return SpeedRange(lowest, float(np.quantile(change, _SWEEP)) if change.size else 0.0)


def window_length(rate: float, s_f: int, speed: SpeedRange | None = None) -> int:
    """Return the samples in a window of the fine map, one of `LENGTHS`, as a multiple of 2 s_f.

    Args:
        rate: sampling rate, Hz.
        s_f: fine rows in a coarse one.
        speed: of the machine; None if unknown.
    """
    usual = min(max(2 ** round(math.log2(SECONDS * rate)), LENGTHS[0]), LENGTHS[-1])
    if speed is None:
        return _multiple(usual, s_f)
    bound = math.inf if speed.sweep == 0 else rate * math.sqrt(2 / (HIGHEST * speed.sweep))
    allowed = [n for n in LENGTHS if n <= bound] or [LENGTHS[0]]
    for spacing in SPACINGS:
        enough = [n for n in allowed if _multiple(n, s_f) * spacing * speed.lowest >= s_f * rate]
        if enough:
            return _multiple(max(enough[0], min(usual, allowed[-1])), s_f)
    return _multiple(allowed[-1], s_f)


def _multiple(n_fft: int, s_f: int) -> int:
    return 2 * s_f * max(1, round(n_fft / (2 * s_f)))


def map_transform(
    signal: Signal,
    scale: int | tuple[int, int],
    *,
    df: float | None = None,
    overlap: float | None = None,
    n_fft: int | None = None,
    hop_length: int | None = None,
    window: str = WINDOW,
) -> SpectrogramTransform:
    """Return the settings of the fine map of a recording whose rows the scale divides.

    Args:
        signal: the recording; its rate and speed decide what is not given (`window_length`).
        scale: factor of both axes, or (s_f, s_t).
        df: largest spacing of the fine rows in Hz; the next shorter one that fits the scale is
            used.
        overlap: fraction of a window shared with the next; 0.875 if neither this nor
            ``hop_length`` is given.
        n_fft: instead of ``df``: samples in one window.
        hop_length: instead of ``overlap``: samples from one frame to the next.
        window: name of a scipy window.

    Raises:
        SpecsrError: both of two alternatives are given, a value out of range, or an ``n_fft`` that
            the scale does not divide.
    """
    s_f, _ = both_axes(scale)
    # checks the alternatives and ranges
    given = SpectrogramTransform.for_rate(
        signal.rate, n_fft=n_fft, hop_length=hop_length, df=df, overlap=overlap, window=window
    )
    if df is not None:
        n_fft = 2 * s_f * max(1, math.ceil(signal.rate / df / (2 * s_f) - 1e-9))
    elif n_fft is None:
        n_fft = window_length(signal.rate, s_f, speed_range(signal.rpm, signal.rate))
    elif n_fft % (2 * s_f):
        raise SpecsrError(
            f"n_fft is {n_fft}: expected a multiple of {2 * s_f} for a scale of {s_f}, such as "
            f"{_multiple(n_fft, s_f)}"
        )
    if overlap is not None:
        hop_length = max(1, round(n_fft * (1 - overlap)))
    elif hop_length is None:
        hop_length = max(1, round(n_fft / HOPS))
    return SpectrogramTransform(n_fft, hop_length, given.window)


def low_map(
    signal: Signal,
    scale: int | tuple[int, int],
    pair: SignalPair = "pool",
    transform: SpectrogramTransform | None = None,
) -> SpecMap:
    """Return the coarse map of a recording that super-resolution starts from.

    Args:
        signal: the recording.
        scale: factor of both axes, or (s_f, s_t).
        pair: ``"pool"`` or ``"stft"``.
        transform: settings of the fine map; None for those of `map_transform`.

    Raises:
        SpecsrError: another pair, or a scale that does not fit the transform.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8192)
        >>> transform = specsr.SpectrogramTransform(n_fft=512, hop_length=128)
        >>> low = specsr.low_map(specsr.Signal(noise, 25600), 4, transform=transform)
        >>> low.magnitude.shape, low.grid.cell
        ((1, 64, 17), (4, 4))
    """
    s_f, s_t = both_axes(scale)
    require_map_pair(pair)
    transform = transform or map_transform(signal, scale)
    if pair == "pool":
        return pool(transform(signal), s_f, s_t)
    return coarse_transform(transform, s_f, s_t)(signal)


def shared_cells(
    low: Grid,
    rpm: np.ndarray | None,
    recording: bool = True,
    options: SpeedOptions = SpeedOptions(),
) -> str | None:
    """Return a note on neighbouring orders that share coarse cells; None if there are none.

    Args:
        low: grid of the coarse map.
        rpm: 1/min at every sample, [low.length]; None if unknown.
        recording: whether the map can be made anew: the note then names the option ``--df``.
        options: with the orders that the machine is known to have.
    """
    speed = speed_range(rpm, low.rate)
    if speed is None:
        return None
    pairs = (
        (a, b) for a, b in _neighbours(options) if (b - a) * speed.lowest < low.df * (1 - 1e-9)
    )
    lower, upper = next(pairs, (0.0, 0.0))
    spacing = upper - lower
    if not spacing:
        return None
    orders = f"orders {lower:g} and {upper:g}"
    note = f"{orders} share coarse cells below {60 * low.df / spacing:.0f} 1/min: "
    height = spacing * speed.lowest
    if not recording:
        return note + f"rows of {_shorter(height):g} Hz or less separate them, not {low.df:g}"
    df = _shorter(height / low.cell[0])
    note += f"--df {df:g} separates them"
    swept = HIGHEST * speed.sweep / (2 * df**2)
    return note if swept <= 1 else note + f", but order {HIGHEST} then sweeps over {swept:.1f} rows"


def _neighbours(options: SpeedOptions) -> list[tuple[float, float]]:
    """Return pairs of neighbouring orders, widest spacing first.

    Those known of the shaft of the speed; without any the lowest of whole and of half orders.  If
    orders of further shafts are known, half orders are not assumed.
    """
    if known := sorted(set(options.orders_of(""))):
        return sorted(pairwise(known), key=lambda pair: pair[0] - pair[1])
    spacings = (1.0,) if options.orders else reversed(SPACINGS)
    return [(spacing, 2 * spacing) for spacing in spacings]


def _shorter(value: float) -> float:
    """Return a positive value rounded down to two digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.floor(value / unit + 1e-9) * unit:.2g}")


def both_axes(scale: int | tuple[int, int]) -> tuple[int, int]:
    """Return (s_f, s_t) of a scale.

    Raises:
        SpecsrError: not a whole number from 2 up, nor two from 1 up.
    """
    factors = tuple(scale) if isinstance(scale, Sequence) else (scale, scale)
    whole = all(isinstance(factor, (int, np.integer)) for factor in factors)
    if not whole or len(factors) != 2 or min(factors) < 1 or max(factors) == 1:
        raise SpecsrError(
            f"scale is {scale}: expected a whole number from 2 up, or two (frequency, time)"
        )
    return int(factors[0]), int(factors[1])


def require_map_pair(pair: str) -> None:
    """Raise `SpecsrError` unless a pair is one of maps."""
    if pair not in ("pool", "stft"):
        raise SpecsrError(f"pair is {pair!r}: expected pool or stft for a map")
