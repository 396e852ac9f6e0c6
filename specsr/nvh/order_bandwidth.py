"""Bandwidth of a Vold-Kalman filter that adapts: wide where an order changes fast, else narrow.

Envelopes are solved for at ascending bandwidths.  At every instant the narrowest one is taken whose
envelope agrees with all wider ones within the noise: Lepski's rule, the intersection of confidence
intervals (Goldenshluger, Nemirovski, Math. Methods Stat. 6, 1997; Katkovnik, IEEE Trans. Signal
Process. 47(9), 1999).  The noise between two bandwidths is the median over some seconds of the
squared difference of their envelopes: a resonance is passed sooner, a line beside the order stays
and counts as noise.  A line that is not cut and crosses the order is passed as soon as a resonance:
the filter widens there too and lets it in.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

from specsr.nvh.vold_kalman import VoldKalman

RATIO = math.sqrt(2)
"""From one bandwidth to the next."""
SAME = math.sqrt(RATIO)
"""Ratio of two bandwidths, at the limit of an order, below which they are not compared."""
AGREEMENT = 12.0
"""Square of a difference over its mean in noise up to which two envelopes agree: 6e-6 are above."""
NOISE_MEMORY = 12.0
"""Time over which the noise is found, times the narrowest bandwidth."""
WATCHED = 4.0
"""Factor up to which a constant bandwidth is compared with wider ones; its knots allow no more."""
SURE = 0.9
"""Confidence of a speed found in the recording above which it is right as a rule."""
NAMED = 2.0
"""A bandwidth needed over the one stated from which an order is named: one step of `RATIO` changes
a level less than noise."""


def watched(method: VoldKalman) -> VoldKalman:
    """Return the filter that a constant one is compared with, up to `WATCHED` times as wide."""
    return dataclasses.replace(method, widest=WATCHED * method.bandwidth)


def narrow_note(
    name: str, times: np.ndarray, rpm: np.ndarray, factor: np.ndarray, method: VoldKalman,
    confidence: np.ndarray | None = None,
) -> str | None:  # fmt: skip
    """Return a line on an order that changes faster than its bandwidth follows; None if it doesn't.

    Args:
        name: of the order.
        times: s, [T].
        rpm: speed of its shaft, 1/min, [T].
        factor: bandwidth needed over that of the filter, [T]; from 1, nan out of range.
        method: with the bandwidth stated.
        confidence: of a speed found in the recording, [T]; below `SURE` the speed may be at fault.
            None for one that was given.
    """
    above = np.flatnonzero(factor >= NAMED)
    if not len(above):
        return None
    most = int(np.nanargmax(factor))
    needed = factor[most] * method.bandwidth
    more = " or more" if factor[most] >= WATCHED / SAME else ""
    seconds = len(above) * float(times[-1] - times[0]) / max(1, len(times) - 1)
    head = (
        f"order {name} changes faster than {method.bandwidth:g} {method.unit} follows for "
        f"{seconds:.2g} s, most of all at {times[most]:.4g} s ({rpm[most]:.0f} rpm): "
    )
    if confidence is not None and confidence[most] < SURE:
        return head + (
            "the speed may be at fault, which was found in the recording with a confidence of "
            f"{confidence[most]:.2f} there; a table of the speed (--rpm), or limits (--rpm "
            "auto:800:6000), may help"
        )
    return head + (
        f"at a resonance its levels may be off by 1 dB and more, and a bandwidth of {needed:.2g} "
        f"{method.unit}{more} follows it (--max-bandwidth {2 * WATCHED * method.bandwidth:g} "
        "widens it there alone); where another line crosses it, add that line to --cut and widen "
        "nothing"
    )


def levels_of(method: VoldKalman) -> np.ndarray:
    """Return the bandwidths that are tried, as multiples of the narrowest, ascending from 1."""
    most = method.widening
    count = 1 + max(1, math.ceil(math.log(most) / math.log(RATIO) - 1e-9))
    return np.geomspace(1.0, most, count)


def limits(freqs: np.ndarray, rpm: np.ndarray, bandwidth: np.ndarray, rate: float) -> np.ndarray:
    """Return the widest bandwidth that each order may take, Hz, [K, T].

    Half the distance to the other orders; half the rotation frequency, so that half orders that
    are not cut lie a bandwidth away; the frequency of the order, and twice its distance to half the
    sampling rate.

    Args:
        freqs: of the orders, Hz, [K, T].
        rpm: of their shafts, 1/min, [K, T].
        bandwidth: the narrowest, Hz, [K, T]; limits are not below it.
        rate: sampling rate, Hz.
    """
    found = np.minimum(np.minimum(rpm / 120, freqs), rate - 2 * freqs)
    for k in range(len(freqs)):
        others = np.delete(freqs, k, axis=0)
        if len(others):
            found[k] = np.minimum(found[k], np.abs(others - freqs[k]).min(axis=0) / 2)
    return np.maximum(found, bandwidth)


def chosen_bandwidth(
    narrowest: np.ndarray,
    widest: np.ndarray,
    method: VoldKalman,
    seconds: float,
    envelopes: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the bandwidth of every order at every instant, Hz, [K, T].

    Args:
        narrowest: Hz, [K, T].
        widest: limits of the orders, from `limits`, [K, T].
        method: of the filter; ``widest`` of it is set.
        seconds: from one instant to the next.
        envelopes: bandwidths [K, T] -> complex envelopes of all channels, [K, C, T].
    """
    tried = [np.minimum(factor * narrowest, widest) for factor in levels_of(method)]
    found = [envelopes(width) for width in tried]
    memory = NOISE_MEMORY / narrowest.mean() / seconds
    size = 2 * int(min(memory, narrowest.shape[1]) / 2) + 1
    steps, before = [], np.zeros(found[0].shape)
    for one, two, lower, upper in zip(found, found[1:], tried, tried[1:]):
        before = _density(two - one, lower, upper, method, before)
        steps.append(median_filter(before, (1, 1, size), mode="reflect") / math.log(2))
    best = tried[-1].copy()
    agreeing = np.ones(narrowest.shape, dtype=bool)
    for m in range(len(tried) - 2, -1, -1):
        density = np.zeros(found[m].shape)
        edge = _edge(tried[m], seconds)
        for n in range(m + 1, len(tried)):
            density = np.maximum(density, steps[n - 1])
            ratio = tried[n] / tried[m]
            noise = density * (_difference(method, ratio) * tried[m] * edge)[:, None]
            apart = np.square(np.abs(found[n] - found[m]))
            agreeing &= (apart <= AGREEMENT * noise).all(axis=1) | (ratio < SAME)
        best = np.where(agreeing, tried[m], best)
    # an envelope follows a change only if the filter is wide around it too
    around = 2 * int(0.5 / narrowest.mean() / seconds / 2) + 1
    return np.minimum(maximum_filter1d(best, around, axis=1), widest)


def _edge(bandwidth: np.ndarray, seconds: float) -> np.ndarray:
    """Return the gain of the noise power by an edge of the block, [K, T]: 4 within 1 / B, else 1.

    A smoothing spline has about four times the variance at an edge.
    """
    at = np.arange(bandwidth.shape[1])
    away = np.minimum(at, at[::-1]) * seconds
    return np.where(away * bandwidth < 1, 4.0, 1.0)


def _density(
    apart: np.ndarray, narrow: np.ndarray, wide: np.ndarray, method: VoldKalman, before: np.ndarray
) -> np.ndarray:
    """Return the density of the difference of two envelopes, unit²/Hz, [K, C, T].

    Where the bandwidths are about equal, at the limit of the order, that ``before`` is returned.
    """
    ratio = wide / narrow
    known = ratio >= SAME
    per = np.where(known, _difference(method, ratio) * narrow, 1)
    return np.where(known[:, None], np.square(np.abs(apart)) / per[:, None], before)


def _difference(method: VoldKalman, ratio: np.ndarray) -> np.ndarray:
    """Return the power of white noise between filters of bandwidths 1 and ``ratio``, per Hz."""
    known, power = _differences(method.poles)
    return np.interp(np.log(ratio), known, power)


@functools.cache
def _differences(poles: Literal[1, 2]) -> tuple[np.ndarray, np.ndarray]:
    """Return logarithms of ratios of bandwidths, and the power of `_difference` for each."""
    method = VoldKalman(poles=poles)
    freqs = np.append(0.0, np.geomspace(1e-3, 1e6, 4000))
    ratios = np.geomspace(1.0, 1e4, 600)
    narrow = method.response(freqs, 1.0)
    apart = [np.square(method.response(freqs, ratio) - narrow) for ratio in ratios]
    return np.log(ratios), 2 * np.trapezoid(np.stack(apart), freqs, axis=1)
