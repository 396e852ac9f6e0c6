"""Refinement of a speed by the phases of its orders.

Demodulated by the shaft angle, the phase of order k stands still if the speed is right.  If it
advances by d cycles within a time h, the rotation frequency is off by d / (k h).  All orders are
combined by their line-to-noise ratios, from low orders, which are unambiguous, to high ones, which
are accurate.  The sum of corrections and speed is smoothed (Whittaker) with the weight of the
evidence in every column, so that noise falls back to a smooth curve.

Source: Bonnardot, El Badaoui, Randall, Daniere, Guillet, Mech. Syst. Signal Process. 19(4), 2005
(speed by phase demodulation of one order).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.ndimage import uniform_filter1d

from specsr.nvh.speed_curve import smooth
from specsr.nvh.tacholess_source import RATE, angle_of
from specsr.signal import Signal

LAG, LONGEST = 2, 0.15
"""Columns between the two phases of a difference, even.  Where these are more than `LONGEST` s
apart, the phases are taken `SHORT` s apart around each column: over a long time they are ambiguous.
"""
SHORT = 0.1
"""See `LONGEST`."""
ERRORS = (0.01, 0.003, 0.001)
"""Relative error of the speed that each round can take: higher orders are left out."""
FEW, FEW_ERROR = 3, 0.05
"""Number of orders up to which a first round takes a larger error: a harmonic sum is as broad as
the line of its highest order, and the sum of few strong lines has a plateau of several percent."""
GAPS = 4.0
"""Least length of a window times the distance of two orders in Hz: their main lobes are apart."""
MODEL = 0.2
"""Standard deviation in rad of a phase difference without noise, as of an order at a resonance."""
ACCELERATION = 1.0
"""Standard deviation of the second derivative of log(speed), 1/s²."""
COARSE, KEPT = 0.004, 0.02
"""Relative standard deviations of the speed to be refined: of the steps of the search, for a first
smoothing; and of the whole, for the corrections."""


def refine_by_phase(
    signal: Signal, rotation_hz: np.ndarray, step: float, orders: np.ndarray
) -> np.ndarray:
    """Return a speed refined by the phases of its orders, Hz, [T].

    Args:
        signal: the recording; its speed is not used.
        rotation_hz: speed in columns ``step`` s apart from the first sample on, [T], T from 3 up.
        step: distance of the columns, s.
        orders: of the lines, ascending, [K].
    """
    low = signal.replace(rpm=None).resample(min(RATE, signal.rate))
    log = _smoothed(np.log(rotation_hz), np.full(len(rotation_hz), COARSE**-2), step)
    for error in ERRORS if len(orders) > FEW else (FEW_ERROR, *ERRORS):
        log = _round(low, log, step, orders, error)
    return np.exp(log)


def _round(
    signal: Signal, log: np.ndarray, step: float, orders: np.ndarray, error: float
) -> np.ndarray:
    """Return log(speed) after one correction, without orders that ``error`` makes ambiguous."""
    speed = np.exp(log)
    turns = angle_of(speed, step, signal.rate, signal.length)
    instants, lag, (early, middle, late) = _instants(len(log), step)
    centres = np.round(instants * signal.rate).astype(int)
    speeds = np.interp(instants, np.arange(len(log)) * step, speed)
    bounds = np.concatenate([[0.0], orders])
    points = np.concatenate([orders, (bounds[1:] + bounds[:-1]) / 2])
    gap = float(np.diff(orders).min()) if len(orders) > 1 else float(orders[0])
    half = np.maximum(GAPS / gap / speeds, 2 * lag) / 2 * signal.rate
    half = half.astype(int)
    curvature = np.zeros(len(log))
    cycles = orders[:, None] * speed[middle] * lag  # of every order within the lag
    top = orders[:, None] * speeds < 0.45 * signal.rate
    clear = (cycles * error < 0.3) & top[:, early] & top[:, late]
    shifts, weights = [], []
    for samples in signal.samples:
        found = demodulated(samples, turns, centres, half, points)
        lines, between = found[: len(orders)], np.square(np.abs(found[len(orders) :]))
        noise = np.concatenate([(between[:-1] + between[1:]) / 2, between[-1:]])
        noise = uniform_filter1d(noise, 9, axis=1) + 1e-300
        ratio = np.maximum(np.square(np.abs(lines)) / noise - 1, 1e-6)
        variance = 1 / ratio[:, early] + 1 / ratio[:, late] + MODEL**2
        shifts.append(np.angle(lines[:, late] * lines[:, early].conj()))
        weights.append(np.where(clear, 1 / variance, 0.0))
    shift, weight = np.concatenate(shifts), np.concatenate(weights)
    weight[weight < 1.0] = 0.0  # a phase of its own noise alone
    rates = 2 * np.pi * np.concatenate([cycles] * len(shifts))
    correction = np.zeros(shift.shape[1])
    for _ in range(4):
        rest = shift - rates * correction
        robust = weight / (1 + np.square(rest) * weight)  # Cauchy: phases that disagree count less
        curvature[middle] = (robust * rates**2).sum(axis=0)
        moved = (robust * rates * shift).sum(axis=0) / np.maximum(curvature[middle], 1e-9)
        correction = np.clip(moved, -error, error)
    target = log.copy()
    target[middle] += correction
    return _smoothed(target, curvature + KEPT**-2, step)


def _instants(columns: int, step: float) -> tuple[np.ndarray, float, tuple[slice, slice, slice]]:
    """Return the instants of the phases in s, their lag, and the pairs of a difference.

    The pairs are those of early instants, columns and late instants.
    """
    times = np.arange(columns) * step
    if LAG * step <= LONGEST:
        pairs = (slice(0, columns - LAG), slice(LAG // 2, columns - LAG // 2), slice(LAG, columns))
        return times, LAG * step, pairs
    instants = (times[:, None] + np.array([-SHORT, SHORT]) / 2).ravel()
    return instants, SHORT, (slice(0, None, 2), slice(0, columns), slice(1, None, 2))


def _smoothed(log: np.ndarray, weight: np.ndarray, step: float) -> np.ndarray:
    return smooth(log, weight, 1 / (ACCELERATION * step**2) ** 2)


def demodulated(
    x: np.ndarray, turns: np.ndarray, centres: np.ndarray, half: np.ndarray, orders: np.ndarray
) -> np.ndarray:
    """Return the components of orders around instants, complex [K, T]; Hann windows.

    Args:
        x: samples, [N].
        turns: shaft angle in revolutions, [N].
        centres: samples at the instants, [T].
        half: half the length of each window in samples, [T].
        orders: [K].
    """
    # one rotation for each distance that occurs between an order and the next
    distances, which = np.unique(np.diff(orders, prepend=0.0), return_inverse=True)
    return _demodulated(x, turns, centres, half, distances, which)


@njit(cache=True)
def _demodulated(x, turns, centres, half, distances, which):  # type: ignore[no-untyped-def]  # pragma: no cover
    found = np.zeros((len(which), len(centres)), np.complex128)
    turned = np.empty(len(distances), np.complex128)
    for t in range(len(centres)):
        sums, total = np.zeros(len(which), np.complex128), 0.0
        for n in range(max(0, centres[t] - half[t]), min(len(x), centres[t] + half[t] + 1)):
            w = 0.5 + 0.5 * np.cos(np.pi * (n - centres[t]) / (half[t] + 1))
            total += w
            for d in range(len(distances)):
                angle = 2 * np.pi * ((distances[d] * turns[n]) % 1.0)
                turned[d] = complex(np.cos(angle), -np.sin(angle))
            value = w * x[n] * complex(1.0, 0.0)
            for k in range(len(which)):
                value *= turned[which[k]]
                sums[k] += value
        if total > 0:
            found[:, t] = sums / total
    return found
