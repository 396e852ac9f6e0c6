"""Power cepstrum: families of evenly spaced lines, and echoes."""

from __future__ import annotations

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.levels import psd
from specsr.signal import Signal


def cepstrum(signal: Signal, df: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return (quefrencies in s [Q], power cepstrum of every channel [C, Q]), float64.

    The inverse Fourier transform of the natural logarithm of the power spectral density (Welch,
    Hann, rows of ``df``).  Lines f apart, such as sidebands or harmonics, give a peak at 1 / f; an
    echo of gain a after t s gives a at t.

    Source: Bogert, Healy, Tukey 1963; Randall, Mech. Syst. Signal Process. 97, 2017.

    Args:
        signal: the recording.
        df: spacing of the rows, Hz; the highest quefrency is 1 / (2 ``df``).

    Raises:
        SpecsrError: ``df`` out of range, or a channel without any power.

    Example:
        >>> clicks = np.zeros(8000)
        >>> clicks[::80] = 1  # one every 10 ms
        >>> quefrency, found = specsr.cepstrum(specsr.Signal(clicks, 8000), df=2)
        >>> float(quefrency[40 + found[0, 40:120].argmax()])
        0.01
    """
    _, density = psd(signal.without_mean(), df)
    for name, each in zip(signal.channels, density):
        if not (each > 0).any():
            raise SpecsrError(f"channel {name} is silent: it has no cepstrum")
    # rows without power, such as the mean, take the lowest level that there is
    least = np.where(density > 0, density, np.inf).min(-1, keepdims=True)
    found = np.fft.irfft(np.log(np.maximum(density, least)), axis=-1)
    half = density.shape[-1]
    return np.arange(half) / ((2 * half - 2) * (signal.rate / (2 * half - 2))), found[:, :half]
