"""Lines beside a carrier: carrier +- k times the rotation, as the switching of an inverter makes.

Their ratio to the speed changes, so they are no orders.  With the carrier shifted to 0 Hz they are:
the lines on either side of it are tracked as orders (`specsr.enhance.order_tracks`) and shifted
back.  Multiples of the carrier have sidebands of their own (Holmes, Lipo, Pulse Width Modulation
for Power Converters, 2003, chapter 3) and follow one after the other, each in the rest of the one
before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from specsr.enhance.order_tracks import AngleFrames, line_gain
from specsr.errors import SpecsrError
from specsr.nvh.speed import fill_gaps
from specsr.signal import Signal

REACH = 0.9
"""Distance from a carrier up to which its lines are sought, as a share of the lowest carrier."""

HIGHEST = 0.95
"""Share of half the rate up to which multiples of the carrier are sought."""

MULTIPLES = 20
"""Most multiples of the carrier that are sought.  Those above have 3 % of the power of lines that
fall as 1/m, as of pulses."""

PULSES = 10.0
"""Least ratio of a carrier to the rotation.  With fewer pulses in a period, inverters switch in
step with it (Holmes, Lipo, chapter 3): such lines are orders."""

FADE = 0.1
"""Width over which the band around a carrier is faded out, as a share of `REACH`."""


def check_carrier(carrier_hz: float | np.ndarray, noisy: Signal) -> None:
    """Raise `SpecsrError` for a carrier of another length than a recording, or out of range.

    The range is from `PULSES` times the highest rotation to `HIGHEST`.
    """
    found, highest = np.asarray(carrier_hz, np.float64), HIGHEST * noisy.rate / 2
    if found.shape not in ((), (noisy.length,)):
        raise SpecsrError(
            f"the carrier has the shape {found.shape}: expected one value or one for each of the "
            f"{noisy.length} samples"
        )
    low, high = float(found.min()), float(found.max())
    if not 0 < low <= high < highest:
        span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        raise SpecsrError(
            f"the carrier is {span} Hz: expected a frequency above 0 and below {highest:g} Hz, "
            f"{HIGHEST:.0%} of half the rate"
        )
    rotation = 0.0 if noisy.rpm is None else float(fill_gaps(noisy.rpm).max()) / 60
    if low < PULSES * rotation:
        raise SpecsrError(
            f"the carrier is {low:g} Hz at its lowest, the rotation up to {rotation:.4g} Hz: "
            f"expected a carrier of {PULSES:g} times the rotation, {PULSES * rotation:.4g} Hz, or "
            "more; leave it out for lower ones, whose lines are orders"
        )


def multiples(carrier_hz: float, rate: float) -> int:
    """Return the number of multiples of a carrier that are sought; all in Hz."""
    return min(MULTIPLES, int(HIGHEST * rate / 2 / carrier_hz))


def carrier_lines(
    samples: np.ndarray, carrier_hz: np.ndarray, frames: AngleFrames, rate: float
) -> np.ndarray:
    """Return the lines at the carrier and its multiples, +- any multiple of the rotation, [N].

    Args:
        samples: float64 [N].
        carrier_hz: frequency of the carrier at every sample, [N].
        frames: along the speed at every sample.
        rate: Hz.
    """
    turns = np.cumsum(carrier_hz) / rate
    reach = REACH * float(np.min(carrier_hz)) / rate
    edge, fade = (1 + FADE) * reach, FADE * reach
    # without negative frequencies: shifted, these would lie among the lines
    rest = _filtered(samples, lambda freqs: freqs > 0)
    found = np.zeros_like(samples)
    for multiple in range(1, multiples(float(np.max(carrier_hz)), rate) + 1):
        shift = np.exp(-2j * np.pi * multiple * turns)
        band = _filtered(rest * shift, lambda freqs: np.clip((edge - abs(freqs)) / fade, 0, 1))
        lines = _lines(band, frames, reach) * shift.conj()
        rest -= lines
        found += 2 * lines.real
    return found


def _filtered(samples: np.ndarray, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return samples [N] after a gain over frequency, as a share of the rate; complex."""
    spectrum = np.fft.fft(samples, 2 * len(samples))
    spectrum *= gain(np.fft.fftfreq(spectrum.size))
    return np.asarray(np.fft.ifft(spectrum)[: len(samples)])


def _lines(samples: np.ndarray, frames: AngleFrames, reach: float) -> np.ndarray:
    """Return the components of complex samples [N] at constant ratios to the speed, either sign.

    ``reach``: highest frequency, as a share of the rate.
    """
    real, imaginary = (frames.spectra(x) for x in (samples.real, samples.imag))
    above, below = real + 1j * imaginary, real - 1j * imaginary  # of f and, conjugate, of -f
    centre = len(real) - 1
    power = np.square(np.abs(np.concatenate([below[:0:-1], above])))
    gain = line_gain(power, frames.rotation_hz, centre)
    # points lie one sample apart at the centre of a frame
    gain[np.abs(np.arange(len(power)) - centre) > reach * len(frames.positions)] = 0
    above, below = gain[centre:] * above, gain[centre::-1] * below
    parts = (above + below) / 2, (above - below) / 2j
    real, imaginary = (frames.signal(x) for x in parts)
    return np.asarray(real + 1j * imaginary)
