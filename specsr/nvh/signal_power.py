"""Power of a recording over frequency, every sample with equal weight, without abrupt edges."""

from __future__ import annotations

import numpy as np

from specsr.signal import Signal

EVENT = 10.0
"""Ratio of the mean square at an edge to that of the frame beside it from which it is an event."""
LONGEST_WINDOW = 1 << 22
"""Longest window for third octaves, samples; from 6 MHz up the lowest ones are not resolved."""


def signal_power(signal: Signal, df: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the mean square in every row of a recording, the edges of the rows, the main lobe.

    Welch's method with Hann windows inside the recording.  Samples near the edges have less weight
    in the windows; the power that they lack gets the spectrum of the first or the last window, so
    the rows add up to the mean square of the recording.  Where its mean square exceeds `EVENT`
    times that of the window, such as for an impact at the first sample, it has its own spectrum.

    Args:
        signal: the recording.
        df: maximum distance of the rows in Hz; larger where the window would exceed
            `LONGEST_WINDOW`.

    Returns:
        Mean square in unit², float64 [C, rows]; edges in Hz, [rows + 1], from 0 to half the
        sampling rate; width of the window's main lobe in Hz.
    """
    from scipy.fft import next_fast_len

    wanted = min(int(np.ceil(signal.rate / df / 4)), LONGEST_WINDOW // 4)
    n_fft = 4 * next_fast_len(wanted, real=True)
    power = np.array([_equal_weight(x.astype(np.float64), n_fft) for x in signal.samples])
    power[:, 1:-1] *= 2
    freqs = np.arange(n_fft // 2 + 2) - 0.5
    edges = np.clip(freqs * (signal.rate / n_fft), 0, signal.rate / 2)
    lobe = 4 * signal.rate / min(n_fft, signal.length)
    return power / (n_fft * signal.length), edges, lobe


def _equal_weight(samples: np.ndarray, n_fft: int) -> np.ndarray:
    """Return the sum of |spectrum|² of windows of samples [N], of n_fft Σx², [n_fft//2 + 1]."""
    from scipy.signal import get_window

    hop_length, size = n_fft // 4, min(n_fft, samples.size)
    window = np.square(get_window("hann", size))
    if size < n_fft:
        first = last = total = _squared_spectrum(samples, window, n_fft)
        count = 1
    else:
        from specsr.maps.frames import power_frames  # imports torch

        # in blocks: scipy.signal.welch holds all frames of a recording at once
        blocks = power_frames(samples, n_fft, hop_length, 0)
        block = next(blocks)
        first, last, total, count = block[0].copy(), block[-1], block.sum(0), len(block)
        for block in blocks:
            last, total, count = block[-1], total + block.sum(0), count + len(block)
    start = (count - 1) * hop_length  # of the last window
    middle = samples.size // 2
    # squared Hann windows at a distance of a quarter add up to 1.5
    head, tail = (middle, middle) if count < 4 else (3 * hop_length, start + hop_length)
    total = total / 1.5
    for spectrum, begin, a, b in ((first, 0, 0, head), (last, start, tail, samples.size)):
        weight = np.zeros(b - a)
        for at in range(0, start + 1, hop_length):
            low, high = max(at, a), min(at + size, b)
            if low < high:
                weight[low - a : high - a] += window[low - at : high - at] / 1.5
        lacking = np.clip(1 - weight, 0, 1)
        lost = np.sum(lacking * np.square(samples[a:b]))
        kept = np.sum(window * np.square(samples[begin : begin + size]))
        if lost * window.sum() > EVENT * kept * lacking.sum():
            total = total + _squared_spectrum(samples[a:b], lacking, n_fft)
        elif lost > 0:
            total = total + spectrum * (lost / kept)
    return total


def _squared_spectrum(samples: np.ndarray, weight: np.ndarray, n_fft: int) -> np.ndarray:
    """Return |spectrum|² of samples, with the weights of their squares, [n_fft//2 + 1]."""
    return np.square(np.abs(np.fft.rfft(samples * np.sqrt(weight), n_fft)))
