"""Order-tracking filter: keep the components locked to the shaft speed, remove the rest.

Orders are lines in frames on the shaft angle (`specsr.enhance.order_tracks`).  Any ratio to the
speed is kept, so gear mesh and whine at non-integer orders are kept as well; tones of constant
frequency are removed while the speed changes.  Lines beside a carrier (`specsr.enhance.carrier`)
are kept where it is known.
"""

from __future__ import annotations

import logging
import math

import numpy as np

from specsr.choices import SEGMENT
from specsr.enhance.carrier import carrier_lines, check_carrier
from specsr.enhance.order_tracks import TRACK_FRAMES, AngleFrames, line_gain
from specsr.enhance.segments import join, plan, process
from specsr.errors import SpecsrError
from specsr.nvh.speed import fill_gaps
from specsr.progress import Progress
from specsr.signal import Signal

log = logging.getLogger(__name__)

SECONDS = 0.32
"""Approximate length of a window, s."""
LEAST_TURN = 0.5
"""Revolutions in a recording below which a note asks for the unit of the speed."""


def keep_orders(
    noisy: Signal, segment: float = SEGMENT, progress: Progress | None = None,
    carrier_hz: float | np.ndarray | None = None,
) -> Signal:  # fmt: skip
    """Return the components of a recording that are locked to its speed.

    Orders, gear mesh and whine of any ratio to the speed are kept; steady tones, broadband noise
    and impacts are removed.  Samples [C, N] keep their type, unit and channels.

    Args:
        noisy: a recording with ``rpm`` at every sample.  Gaps in it (zero or negative values) are
            interpolated.  A recording whose speed is zero throughout gives silence.
        segment: length of the segments that are processed one after the other, s.
        progress: wraps the segments.
        carrier_hz: frequency of a carrier in Hz, one value or one at every sample [N], such as the
            switching frequency of an inverter: lines at it and its multiples, +- any multiple of
            the rotation, are kept too.

    Raises:
        SpecsrError: no speed, a recording shorter than a window, or a carrier below ten
            times the highest rotation or above half the rate.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> kept = specsr.keep_orders(run.signal)
        >>> bool(kept.level()[0] < run.signal.level()[0])
        True
    """
    n_fft = window_length(noisy.rate)
    if noisy.length < n_fft:
        raise SpecsrError(
            f"the recording has {noisy.length} samples: order tracking needs windows of {n_fft} "
            f"({n_fft / noisy.rate:.2f} s); use a longer one, or denoise without --orders"
        )
    if noisy.rpm is None:
        raise SpecsrError(
            "order tracking needs the speed of the machine, and the recording has none: give it "
            "with --rpm (rpm=), or denoise without --orders"
        )
    if note := _no_order(fill_gaps(noisy.rpm) / 60, noisy.rate):
        log.warning("%s", note)
    cuts = plan(segment, noisy.rate, n_fft // 4, margin(noisy.rate), noisy.length)
    carrier = None
    if carrier_hz is not None:
        check_carrier(carrier_hz, noisy)
        carrier = np.broadcast_to(np.asarray(carrier_hz, np.float64), noisy.length)

    def work(part: Signal, *_: object) -> Signal:
        first = round((part.start - noisy.start) * noisy.rate)
        own = None if carrier is None else carrier[first : first + part.length]
        return _filtered(part, n_fft, own)

    return join(process(noisy, work, cuts, progress))


def _no_order(rotation_hz: np.ndarray, rate: float) -> str:
    """Return why a recording can hold no order of a speed that is not zero, or ""."""
    if not rotation_hz.any():
        return ""
    lowest, turns = float(rotation_hz.min()), float(rotation_hz.sum() / rate)
    if lowest >= rate / 2:
        return (
            f"the speed is {60 * lowest:.4g} 1/min or more: all of its orders lie above half the "
            f"rate ({rate / 2:g} Hz); expected 1/min of the shaft: check its unit"
        )
    if turns < LEAST_TURN:
        return (
            f"the shaft turns by {turns:.2g} revolutions in {len(rotation_hz) / rate:.3g} s: its "
            "orders cannot be told apart; expected 1/min of the shaft: check its unit"
        )
    return ""


def window_length(rate: float) -> int:
    """Return the length of a window in samples: the power of two nearest to `SECONDS`."""
    return 2 ** round(math.log2(SECONDS * rate))


def margin(rate: float) -> int:
    """Return the number of samples on either side of a segment that its result depends on."""
    n_fft = window_length(rate)
    # the frames of a track, the median of the noise, and windows up to twice as long at low speed
    return (TRACK_FRAMES // 2 + 3) * (n_fft // 4) + 4 * n_fft


def _filtered(noisy: Signal, n_fft: int, carrier_hz: np.ndarray | None) -> Signal:
    """Return the components of one segment that are locked to the speed, and to a carrier."""
    assert noisy.rpm is not None
    rotation_hz = fill_gaps(noisy.rpm) / 60
    if not rotation_hz.any():
        return noisy.replace(samples=np.zeros_like(noisy.samples))
    frames = AngleFrames.along(rotation_hz, noisy.rate, n_fft)
    out = []
    for channel in noisy.samples:
        samples = np.asarray(channel, dtype=np.float64)
        spectra = frames.spectra(samples)
        gain = line_gain(np.square(np.abs(spectra)), frames.rotation_hz)
        kept = frames.signal(spectra * gain)
        if carrier_hz is not None:
            kept += carrier_lines(samples - kept, carrier_hz, frames, noisy.rate)
        out.append(kept)
    return noisy.replace(samples=np.stack(out).astype(noisy.samples.dtype))
