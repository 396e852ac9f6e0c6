"""Sampling rates of limited precision: from time stamps, or from a rounded step."""

from __future__ import annotations

import math

import numpy as np

from specsr.errors import SpecsrError

_TOLERANCE = 0.1
"""Steps that a time stamp may be off its even place: rounding does less, a lost sample more."""


def even_times(times: np.ndarray) -> tuple[float, float, str] | None:
    """Return rate, start and a note of even time stamps [N] in s; None where they are not even.

    The rate is the whole number beside the mean one where that explains the stamps as well.

    Raises:
        SpecsrError: fewer than two stamps, or stamps that are no numbers or do not rise.
    """
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or len(times) < 2:
        raise SpecsrError("has fewer than two time stamps: expected one a sample")
    if not np.isfinite(times).all():
        raise SpecsrError("its time stamps hold values that are no finite numbers")
    steps = np.arange(len(times))
    step = (times[-1] - times[0]) / (len(times) - 1)
    if not step > 0:
        raise SpecsrError("its time stamps do not rise")
    off = np.abs(times - times[0] - step * steps).max() / step
    if off > _TOLERANCE:
        return None
    mean, whole = 1 / step, float(round(1 / step))
    if whole and np.abs(times - times[0] - steps / whole).max() / step <= max(off, 0.02):
        return whole, float(times[0]), _snap_note(mean, whole)
    return mean, float(times[0]), ""


def snap(rate: float, relative: float = 1e-6) -> tuple[float, str]:
    """Return the whole number of Hz beside a rate of limited precision, and a note where it is
    another number than the file's."""
    if not (math.isfinite(rate) and rate > 0):
        raise SpecsrError(f"its rate is {rate}: expected a sampling rate in Hz above zero")
    whole = float(round(rate))
    if not whole or abs(rate - whole) > relative * rate:
        return rate, ""
    return whole, _snap_note(rate, whole)


def _snap_note(rate: float, whole: float) -> str:
    # Below a billionth it is the rounding of doubles and not worth a word.
    return f"its rate of {rate:.9g} Hz is taken as {whole:g} Hz" if abs(
        rate - whole
    ) > 1e-9 * rate else ""  # fmt: skip
