"""Envelope of a frequency band: the modulation of a resonance, as by a fault of a bearing."""

from __future__ import annotations

import math

import numpy as np

from specsr.errors import SpecsrError
from specsr.signal import Signal

FLANK = 0.1
"""Width of the cosine flanks outside a band, as a fraction of its width."""
_REACH = 1.25
"""Rate of the envelope over twice the width of the band with its flanks."""


def envelope(signal: Signal, band: tuple[float, float]) -> Signal:
    """Return the envelope of a band of every channel: the magnitude of its analytic signal.

    A carrier A sin(2 pi f t) within the band gives A, its amplitude.  The envelope is a recording
    of its own, in the unit of the signal and with its speed, at the lowest whole fraction of the
    rate that holds modulations up to the width of the band: its spectrum, orders and levels are
    those of any recording.  The filter has zero phase: flat in the band, with cosine flanks of a
    tenth of its width outside.

    Source: Randall, Antoni, Mech. Syst. Signal Process. 25(2), 2011, section 5.2.

    Args:
        signal: the recording.
        band: lower and upper edge, Hz.

    Raises:
        SpecsrError: edges that are not ascending between 0 and half the rate.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> slow = 1 + 0.5 * np.cos(2 * np.pi * 30 * t)
        >>> signal = specsr.Signal(slow * np.sin(2 * np.pi * 2000 * t), 8000)
        >>> found = specsr.envelope(signal, (1500, 2500)).samples[0]
        >>> int(np.abs(np.fft.rfft(found - found.mean())).argmax())  # Hz
        30
    """
    low, high = checked_band(band, signal.rate)
    width = high - low
    flank = FLANK * width
    size = _fast_length(signal.length + math.ceil(4 * signal.rate / flank))
    freqs = np.fft.fftfreq(size, 1 / signal.rate)
    outside = np.maximum(np.maximum(low - freqs, freqs - high), 0)
    gain = np.where(freqs > 0, np.cos(np.pi / 2 * np.minimum(outside / flank, 1)) ** 2, 0)
    found = np.empty(signal.samples.shape)
    for row, channel in enumerate(signal.samples):
        spectrum = np.fft.fft(channel.astype(np.float64), size) * (2 * gain)
        found[row] = np.abs(np.fft.ifft(spectrum)[: signal.length])
    every = max(1, math.floor(signal.rate / (2 * _REACH * (width + 2 * flank))))
    return signal.replace(samples=found).resample(signal.rate / every)


def checked_band(band: tuple[float, float], rate: float) -> tuple[float, float]:
    """Return the edges of a band in Hz, or raise `SpecsrError`."""
    low, high = map(float, band)
    if not 0 <= low < high <= rate / 2:
        raise SpecsrError(
            f"band {low:g} to {high:g} Hz: expected two ascending frequencies from 0 to "
            f"{rate / 2:g} Hz, half the sampling rate"
        )
    return low, high


def amplitude_spectrum(signal: Signal, df: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (frequencies in Hz [F], rms of the sine at each [C, F]) of a recording, float64.

    Mean power of Hann windows of 1 / ``df`` s with 75 % overlap, the mean of the samples left out;
    a sine at one of the frequencies reads its rms value.

    Args:
        signal: the recording, such as an `envelope`.
        df: distance of the frequencies, Hz.

    Raises:
        SpecsrError: ``df`` that needs more samples than there are, or not two of them.
    """
    from scipy.signal import welch

    size = round(signal.rate / df) if df > 0 and math.isfinite(df) else 0
    if not 2 <= size <= signal.length:
        raise SpecsrError(
            f"df is {df:g} Hz: expected {signal.rate / signal.length:.3g} (one window in the "
            f"recording) to {signal.rate / 2:g} Hz"
        )
    freqs, power = welch(
        signal.without_mean().samples.astype(np.float64), signal.rate, "hann", size,
        noverlap=3 * size // 4, detrend=False, scaling="spectrum", axis=-1,
    )  # fmt: skip
    return freqs, np.sqrt(power)


def _fast_length(size: int) -> int:
    from scipy.fft import next_fast_len

    return int(next_fast_len(size))
