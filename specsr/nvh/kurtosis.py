"""Spectral kurtosis: the band in which a recording is most impulsive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.signal import Signal

SHORTEST, LONGEST = 16, 512
"""Windows in samples, powers of two between them."""
_TURN = 0.2
"""Longest window with a speed, revolutions: in a longer one an order that sweeps through a row
looks like an impulse."""
_BLOCK = 1 << 20
"""Samples of windows that are transformed at a time."""
_FRAMES = 40
"""Fewest independent frames of a window length that counts."""
_SIGNIFICANT = 5.0
"""Standard deviations of the kurtosis of Gaussian noise above which a band may be impulsive."""
_IMPULSIVE = 0.5
"""Least kurtosis of an impulsive band.

Noise of a steep spectrum reaches 0.2 in short windows, whose cells are not quite complex; noise
whose level swings by 1.5 dB has as much."""


@dataclass(frozen=True, eq=False)
class Kurtogram:
    """Spectral kurtosis of every channel for several window lengths.

    Attributes:
        n_fft: window lengths in samples, [W].
        freqs: of the rows of each window length, Hz, W arrays [R].
        kurtosis: W arrays [C, R]: 0 for Gaussian noise, -1 for a sine, above 0 for impulses.
        scatter: standard deviation of the kurtosis of Gaussian noise, [W].
        rate: sampling rate, Hz.
    """

    n_fft: np.ndarray
    freqs: tuple[np.ndarray, ...]
    kurtosis: tuple[np.ndarray, ...]
    scatter: np.ndarray
    rate: float

    def band(self, channel: int | None = None) -> tuple[float, float]:
        """Return the edges in Hz of the most impulsive band: a row between its -6 dB points.

        Args:
            channel: position of the channel; None takes the most impulsive one.

        Raises:
            SpecsrError: no band is more impulsive than noise.
        """
        count = len(self.kurtosis[0])
        wanted = range(count) if channel is None else [channel]
        best = max((self._best(k) for k in wanted), default=(0.0, None))
        if best[1] is None:
            raise SpecsrError(
                "no band is more impulsive than noise (spectral kurtosis): give one, such as "
                "2000:6000"
            )
        return best[1]

    def channel(self) -> int:
        """Return the position of the most impulsive channel."""
        return int(np.argmax([self._best(k)[0] for k in range(len(self.kurtosis[0]))]))

    def _best(self, channel: int) -> tuple[float, tuple[float, float] | None]:
        """Return the highest kurtosis beyond that of noise and its band; (0, None) for none."""
        best: tuple[float, tuple[float, float] | None] = (0.0, None)
        for n_fft, freqs, all_k, sd in zip(self.n_fft, self.freqs, self.kurtosis, self.scatter):
            k = all_k[channel]
            row = int(np.argmax(k))
            if k[row] > max(best[0], _SIGNIFICANT * sd, _IMPULSIVE):
                half = self.rate / n_fft
                low, high = float(freqs[row] - half), float(freqs[row] + half)
                best = float(k[row]), (max(0.0, low), min(self.rate / 2, high))
        return best


def kurtogram(signal: Signal) -> Kurtogram:
    """Return the spectral kurtosis of a recording, from its short-time spectra.

    K(f) = <|X|^4> / <|X|^2>^2 - 2 over Hann windows of 16 to 512 samples, with a speed up to a
    fifth of the shortest revolution, with 50 % overlap.  Its maximum over window length and
    frequency is the band that shows impulses best: the window is then about as long as their
    ringing.  The variance for Gaussian noise is about 4 over the
    number of independent frames.

    Source: Antoni, Mech. Syst. Signal Process. 20(2), 2006; Antoni, Randall, same issue (the
    short-time kurtogram).

    Args:
        signal: the recording.

    Raises:
        SpecsrError: a recording shorter than 40 windows of 16 samples.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(16000)
        >>> noise[::1000] += 50  # clicks
        >>> bool(specsr.kurtogram(specsr.Signal(noise, 8000)).kurtosis[0].max() > 1)
        True
    """
    lengths, freqs, found, scatter = [], [], [], []
    samples = signal.without_mean().samples
    n_fft = SHORTEST
    longest = min(LONGEST, signal.length // _FRAMES)
    if signal.rpm is not None and signal.rpm.any():
        turn = 60 * signal.rate / float(np.abs(signal.rpm).max())
        longest = min(longest, max(SHORTEST, int(_TURN * turn)))
    while n_fft <= longest:
        rows = slice(2, n_fft // 2 - 1)  # next to 0 and half the rate the cells are not complex
        lengths.append(n_fft)
        freqs.append(np.fft.rfftfreq(n_fft, 1 / signal.rate)[rows])
        found.append(np.stack([_kurtosis(channel, n_fft)[rows] for channel in samples]))
        scatter.append(np.sqrt(4 * n_fft / signal.length))
        n_fft *= 2
    if not lengths:
        raise SpecsrError(
            f"the recording has {signal.length} samples: the spectral kurtosis needs at least "
            f"{SHORTEST * _FRAMES}"
        )
    return Kurtogram(np.array(lengths), tuple(freqs), tuple(found), np.array(scatter), signal.rate)


def _kurtosis(channel: np.ndarray, n_fft: int) -> np.ndarray:
    """Return the spectral kurtosis of the rows of one window length, [n_fft // 2 + 1]."""
    from scipy.signal.windows import hann

    frames = np.lib.stride_tricks.sliding_window_view(channel, n_fft)[:: n_fft // 2]
    window = hann(n_fft, sym=False)
    square, fourth = np.zeros(n_fft // 2 + 1), np.zeros(n_fft // 2 + 1)
    step = max(1, _BLOCK // n_fft)
    for first in range(0, len(frames), step):
        spectrum = np.fft.rfft(frames[first : first + step] * window)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        square += power.sum(0)
        fourth += np.square(power).sum(0)
    heard = square > 1e-24 * square.max()
    ratio = len(frames) * fourth / np.square(np.where(heard, square, 1))
    return np.where(heard, ratio - 2, 0)
