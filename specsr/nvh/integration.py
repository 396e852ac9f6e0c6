"""Vibration as acceleration, velocity or displacement: integration and differentiation."""

from __future__ import annotations

from functools import partial

import numpy as np

from specsr.choices import HIGHPASS, Detrend, Quantity, check
from specsr.errors import SpecsrError
from specsr.nvh.fourier_filter import fourier_filter
from specsr.signal import Signal
from specsr.units import STANDARD_GRAVITY

UNITS: dict[str, str] = {"acceleration": "m/s2", "velocity": "m/s", "displacement": "m"}
"""Quantity -> unit of its samples."""
_DERIVATIVE = {"m": 0, "m/s": 1, "m/s2": 2, "g": 2}
"""Unit -> derivative of the displacement."""
SETTLED = 4.0
"""Time in which the high-pass decays by 80 dB, in periods of its cut-off."""
INACCURATE = 2.0
"""Periods of the high-pass inside the edges in which an integration is off by over 1 %."""
_SLOPE = 8
"""Twice the order of the high-pass."""
_EDGE = 0.05
"""Continuation of a recording that is differentiated, s."""


def to_quantity(signal: Signal, quantity: Quantity, highpass: float = HIGHPASS) -> Signal:
    """Return a vibration as acceleration in m/s², velocity in m/s or displacement in m, float64.

    Integration divides the spectrum by 2 pi i f, exactly at all frequencies, and applies one
    high-pass without phase, |H|² = 1 / (1 + (highpass / f)^8), of whatever number of integrations:
    -3 dB at ``highpass``, -0.02 dB at twice it.  Without it the drift of a sensor would exceed the
    vibration.  Differentiation multiplies by 2 pi i f and needs no high-pass; the noise near half
    the rate rises with it.  The mean is removed in both.

    The motion before and after the recording is missing: a sine is within 1 % of its amplitude from
    2 / ``highpass`` s inside the edges; at an edge a displacement is off by up to its amplitude.

    Args:
        signal: in m/s2, g, m/s or m.
        quantity: ``"acceleration"``, ``"velocity"`` or ``"displacement"``; the one that the signal
            has already changes g to m/s2 and is not filtered.
        highpass: cut-off in Hz, above zero and below half the rate.

    Raises:
        SpecsrError: samples in another unit, an unknown quantity, or a cut-off out of range.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> signal = specsr.Signal(np.sin(2 * np.pi * 100 * t), 8000, unit="m/s2")
        >>> specsr.to_quantity(signal, "velocity").unit
        'm/s'
    """
    check(quantity, Quantity, "quantity")
    if signal.unit not in _DERIVATIVE:
        raise SpecsrError(
            f"the samples are in {signal.unit}: expected a vibration in m/s2, g, m/s or m to get "
            f"its {quantity}"
        )
    if not 0 < highpass < signal.rate / 2:
        raise SpecsrError(
            f"the high-pass is {highpass:g} Hz: expected above zero and below half the sampling "
            f"rate, {signal.rate / 2:g} Hz"
        )
    unit = UNITS[quantity]
    times = _DERIVATIVE[unit] - _DERIVATIVE[signal.unit]
    factor = STANDARD_GRAVITY if signal.unit == "g" else 1.0
    if times == 0:
        with np.errstate(over="ignore"):  # `Signal` refuses what is not finite
            samples = signal.samples.astype(np.float64) * factor
    else:
        response = partial(_response, times=times, highpass=highpass)
        margin = SETTLED / highpass if times < 0 else _EDGE
        mean_free = signal.without_mean().samples * factor
        samples = fourier_filter(mean_free, signal.rate, response, margin, about_zero=times < 0)
    peak = float(np.abs(samples).max())
    full_scale = peak if 0 < peak < np.inf else 1.0
    return signal.replace(samples=samples, unit=unit, full_scale=full_scale)


def _response(freqs: np.ndarray, times: int, highpass: float) -> np.ndarray:
    """Return the response of ``times`` derivatives, or integrals where negative."""
    s = 2j * np.pi * freqs
    if times > 0:
        return s**times
    with np.errstate(divide="ignore", invalid="ignore"):
        size = 1 / np.sqrt(1 + (highpass / freqs) ** _SLOPE)
        return np.where(freqs > 0, size * s ** float(times), 0)


def detrended(signal: Signal, detrend: Detrend) -> Signal:
    """Return a recording without its mean or without its straight line, float64.

    Args:
        signal: the recording.
        detrend: ``"mean"``; ``"linear"``: the line of least squares of every channel.

    Raises:
        SpecsrError: another value.

    Example:
        >>> drift = specsr.Signal(np.linspace(0, 5, 1000), 8000)
        >>> bool(np.allclose(specsr.detrended(drift, "linear").samples, 0))
        True
    """
    check(detrend, Detrend, "detrend")
    found = signal.without_mean()
    if detrend == "mean" or signal.length < 2:
        return found
    along = np.linspace(-1, 1, signal.length)
    slope = found.samples @ along / (along @ along)
    return found.replace(samples=found.samples - slope[:, None] * along)
