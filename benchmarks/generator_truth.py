"""A synthetic machine of `benchmarks/generator.py`, and the exact expected power of its map.

A machine is a deterministic part, given as samples, plus Gaussian noise of known spectrum and
varying level.  The expected power of a cell is |STFT of the deterministic part|² + that of the
noise, the transform of the product of two autocorrelations: of the noise, and of the window times
its level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TAPS = 16384
"""Length of the noise filters and of the table of the noise spectrum, samples."""
PASCAL = 0.05
"""Overall rms level of a machine, Pa."""


@dataclass(frozen=True, eq=False)
class Noise:
    """Gaussian noise of one spectrum and a varying level.

    Attributes:
        gain: factor of the noise over time, [N].
        response: magnitude response of the filter of white noise of variance 1,
            [TAPS / 2 + 1], from 0 to half the rate.
    """

    gain: np.ndarray
    response: np.ndarray


@dataclass(frozen=True, eq=False)
class Machine:
    """A synthetic machine.

    Attributes:
        kind: one of `KINDS`.
        seed: of its parameters and noise.
        rate: sampling rate, Hz.
        clean: deterministic part in Pa, [N].
        noises: the parts of the noise.
        rpm: speed of the main shaft in 1/min, [N]; None for a machine without a shaft.
        others: speeds of further shafts that do not follow the main one, 1/min, [N] each.
        impacts: times of single impacts on a quiet floor, s; not those of a regular train.
    """

    kind: str
    seed: int
    rate: float
    clean: np.ndarray
    noises: tuple[Noise, ...]
    rpm: np.ndarray | None = None
    others: tuple[np.ndarray, ...] = ()
    impacts: tuple[float, ...] = ()

    def samples(self, realisation: int = 0) -> np.ndarray:
        """Return the deterministic part plus a realisation of the noise, Pa, [N]."""
        rng = np.random.default_rng([self.seed, 1, realisation])
        total = self.clean.copy()
        for noise in self.noises:
            white = rng.standard_normal(total.size + TAPS)
            taps = np.fft.fftshift(np.fft.irfft(noise.response, TAPS))
            size = 2 ** int(np.ceil(np.log2(white.size + TAPS)))
            coloured = np.fft.irfft(np.fft.rfft(white, size) * np.fft.rfft(taps, size), size)
            total += noise.gain * coloured[TAPS // 2 : TAPS // 2 + total.size]
        return total


def hann(n_fft: int) -> np.ndarray:
    """Return the periodic Hann window, [n_fft]."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def frames(samples: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Return the stretches centred on multiples of the hop, zeros outside, [frames, n_fft]."""
    count = 1 + -(-samples.size // hop)
    padded = np.zeros((count - 1) * hop + n_fft)
    padded[n_fft // 2 : n_fft // 2 + samples.size] = samples
    return np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][:count]


def clean_power(machine: Machine, n_fft: int, hop: int) -> np.ndarray:
    """Return the mean square of the deterministic part in every cell, [n_fft / 2, frames].

    A sine of 1 Pa rms reads 1 Pa² in its row; rows from 0 up to but without half the rate.
    """
    window = hann(n_fft)
    spectrum = np.fft.rfft(frames(machine.clean, n_fft, hop) * window, axis=1)[:, :-1].T
    return np.square(np.abs(spectrum)) * _calibration(window)


def noise_power(machine: Machine, n_fft: int, hop: int) -> np.ndarray:
    """Return the expected mean square of the noise in every cell, [n_fft / 2, frames]."""
    window = hann(n_fft)
    total = np.zeros((n_fft // 2, 1 + -(-machine.clean.size // hop)))
    lags = np.arange(-n_fft + 1, n_fft)
    for noise in machine.noises:
        # the autocorrelation of the noise times that of the window with the gain in it
        covariance = np.fft.irfft(np.square(noise.response), TAPS)
        weighted = np.fft.rfft(frames(noise.gain, n_fft, hop) * window, 2 * n_fft, axis=1)
        own = np.fft.irfft(np.square(np.abs(weighted)), 2 * n_fft, axis=1)
        product = np.zeros(own.shape)
        product[:, lags] = own[:, lags] * covariance[lags]
        total += np.fft.rfft(product, axis=1).real[:, ::2][:, : n_fft // 2].T
    return np.maximum(total, 0) * _calibration(window)


def expected_power(machine: Machine, n_fft: int, hop: int) -> np.ndarray:
    """Return the expected mean square of every cell, Pa², [n_fft / 2, frames]."""
    return clean_power(machine, n_fft, hop) + noise_power(machine, n_fft, hop)


def _calibration(window: np.ndarray) -> np.ndarray:
    """Return mean square / |STFT|² of every row, [n_fft / 2, 1]."""
    factor = np.full((window.size // 2, 1), 2 / window.sum() ** 2)
    factor[0] /= 2
    return factor
