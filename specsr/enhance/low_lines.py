"""What an order-tracking filter removed and is no noise is given back, low lines one by one.

Below 150 Hz a line is seldom alone: the tones of a second shaft stand in the noise of ventilation
or wind, and given back as a band (`specsr.enhance.restraint`) they bring all of that noise.  Here
the rows of a long window that hold lines are given back by the share of the band, and the band
again only as far as the rest without those lines is no noise.  Lines that even the long window
does not resolve, such as the half orders of an idling engine, stay with their band.
"""

from __future__ import annotations

import numpy as np

from specsr.enhance.decided import Decision
from specsr.enhance.removed_lines import line_share
from specsr.enhance.restraint import (
    BANDS,
    FADE,
    restrained,
    share_given_back,
    signal_shares,
    slow_share,
)
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal

ROW_HZ = 3.125
"""Approximate distance of the rows of the long window, Hz."""

STEADY, DROWNED_DB, EXPLAINED = 0.3, 8.0, 0.25
"""Share for steady lines (`specsr.enhance.restraint.slow_share`) from which lines are there; level
of the removed part over the kept one, dB, from which they may be lost in noise; and share of the
power of the band that they then have at least if the long window resolves them.  Chosen on machines
of set 2 of `benchmarks/generator.py`."""


def restrained_orders(noisy: Signal, clean: Signal, device: str = "cpu") -> Signal:
    """Return the result of `specsr.keep_orders` with what is no noise given back.

    Args:
        noisy: the recording before.
        clean: after, of the same shape.
        device: torch device to compute on, or ``"auto"``.
    """
    shares = signal_shares(noisy, clean)
    removed = noisy.samples - clean.samples
    lines = low_lines(noisy.replace(samples=removed), device)
    back = np.zeros_like(lines)
    for channel, (taken, kept, own) in enumerate(zip(removed, clean.samples, lines, strict=True)):
        band = float(shares[channel, 0])
        if band > 0 and _resolved(taken, kept, own, noisy.rate):
            rest = share_given_back(taken - own, kept + own, noisy.rate)[0]
            shares[channel, 0] = min(band, rest)
            back[channel] = min(1.0, 2 * band) * own
    with_lines = clean.replace(samples=clean.samples + back.astype(clean.samples.dtype))
    return restrained(noisy, with_lines, Decision.constant(shares), device)


def low_lines(removed: Signal, device: str = "cpu") -> np.ndarray:
    """Return the lines of the lowest of `specsr.enhance.restraint.BANDS`, samples [C, N].

    Args:
        removed: what was removed of a recording, [C, N].
        device: torch device to compute on, or ``"auto"``.
    """
    n_fft = max(4, 2 ** round(np.log2(removed.rate / ROW_HZ)))
    spec = SpectrogramTransform(n_fft, n_fft // 4)(removed)
    top = BANDS[0].high
    below = np.clip((top * FADE - spec.freqs) / (top * (FADE - 1 / FADE)), 0, 1)[:, None]
    power = np.square(spec.magnitude, dtype=np.float64)
    gain = np.stack([line_share(each, spec.grid) * below for each in power]).astype(np.float32)
    lines = SpectrogramTransform.inverse(spec.replace(magnitude=spec.magnitude * gain), device)
    return lines.samples.astype(np.float64)


def _resolved(removed: np.ndarray, kept: np.ndarray, lines: np.ndarray, rate: float) -> bool:
    """Return whether the lines of the lowest band are those that its distribution shows."""
    if slow_share(removed, rate) < STEADY:
        return True
    powers = [_low_power(samples, rate) for samples in (removed, kept, lines)]
    drowned = powers[0] > 10 ** (DROWNED_DB / 10) * powers[1]
    return not drowned or powers[2] >= EXPLAINED * powers[0]


def _low_power(samples: np.ndarray, rate: float) -> float:
    """Return the energy of the lowest band."""
    spectrum = np.square(np.abs(np.fft.rfft(np.asarray(samples, np.float64))))
    freqs = np.arange(spectrum.size) * rate / max(1, len(samples))
    return float(spectrum[freqs < BANDS[0].high].sum())
