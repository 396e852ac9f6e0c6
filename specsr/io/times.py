"""Sampling rates from values of limited precision: time stamps, or a rounded time step."""

from __future__ import annotations

import math

import numpy as np

from specsr.errors import SpecsrError

_TOLERANCE = 0.1
"""Largest deviation of uniform time stamps, in steps: above rounding, below a lost sample."""


def even_times(times: np.ndarray) -> tuple[float, float, str] | None:
    """Return rate (Hz), start (s) and a note for uniform time stamps; None if they are not uniform.

    The mean rate is rounded to 1 Hz if the rounded rate matches the stamps equally well.

    Args:
        times: s, [N].

    Raises:
        SpecsrError: fewer than two stamps, or stamps that are not finite or do not increase.
    """
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or len(times) < 2:
        raise SpecsrError("has fewer than two time stamps: expected one per sample")
    if not np.isfinite(times).all():
        raise SpecsrError("its time stamps hold values that are not finite")
    steps = np.arange(len(times))
    step = (times[-1] - times[0]) / (len(times) - 1)
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back) or not step > 0:
        i = int(back[0]) + 1 if len(back) else 1
        raise SpecsrError(
            f"its time stamps do not increase: {times[i]:.9g} s comes after {times[i - 1]:.9g} s, "
            f"at position {i} from 0"
        )
    off = np.abs(times - times[0] - step * steps).max() / step
    if off > _TOLERANCE:
        return None
    mean, whole = 1 / step, float(round(1 / step))
    if whole and np.abs(times - times[0] - steps / whole).max() / step <= max(off, 0.02):
        return whole, float(times[0]), _snap_note(mean, whole)
    return mean, float(times[0]), ""


def snap(rate: float, relative: float = 1e-6) -> tuple[float, str]:
    """Return a rate of limited precision rounded to 1 Hz where it fits, and a note if it changed.

    Args:
        rate: Hz.
        relative: largest relative error of ``rate``; larger changes are not made.

    Raises:
        SpecsrError: the rate is not a positive number.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise SpecsrError(f"its rate is {rate}: expected a sampling rate in Hz above zero")
    whole = float(round(rate))
    if not whole or abs(rate - whole) > relative * rate:
        return rate, ""
    return whole, _snap_note(rate, whole)


def _snap_note(rate: float, whole: float) -> str:
    # Changes below 1e-9 are the rounding of doubles and need no note.
    changed = abs(rate - whole) > 1e-9 * rate
    return f"its rate of {rate:.9g} Hz is rounded to {whole:g} Hz" if changed else ""
