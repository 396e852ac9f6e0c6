"""Distances between a reference and an estimate: waveforms [..., N] and maps in dB [..., F, T].

Every function takes the reference first and returns float64 numbers, one for each leading index
(a plain number for a single channel), except where it says otherwise.  Errors are estimate minus
reference, so a positive bias is too loud.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.frames import power_frames

LSD_N_FFT = 2048
LSD_HOP = 512
LSD_FLOOR = 1e-8
"""Smallest |X|² of a plain, unnormalised STFT that the log-spectral distance tells apart."""


def _pair(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64 arrays of one shape, or raise `SpecsrError`."""
    reference = np.asarray(reference, dtype=np.float64)
    estimate = np.asarray(estimate, dtype=np.float64)
    if reference.shape != estimate.shape or not reference.size:
        raise SpecsrError(
            f"reference has shape {reference.shape} and estimate {estimate.shape}: expected two of "
            "the same shape that are not empty; cut or resample one of them first"
        )
    return reference, estimate


def lsd_frames(
    reference: np.ndarray, estimate: np.ndarray, floor: float = LSD_FLOOR, axis: int = -1
) -> np.ndarray:
    """Log-spectral distance of each frame from powers |X|²: rms over ``axis`` (frequency)."""
    difference = np.log10(np.maximum(reference, floor)) - np.log10(np.maximum(estimate, floor))
    return np.sqrt(np.mean(np.square(difference), axis=axis))


def _rows(n_fft: int, rate: float, low: float, high: float | None) -> slice:
    """Rows whose frequency f is low <= f < high; high None includes the last row."""
    freqs = np.arange(n_fft // 2 + 1) * (rate / n_fft)
    first = int(np.searchsorted(freqs, low))
    last = len(freqs) if high is None else int(np.searchsorted(freqs, high))
    if first >= last:
        raise SpecsrError(
            f"no spectral row lies from {low:g} Hz to below {high or rate / 2:g} Hz: expected a "
            f"band inside 0 to {rate / 2:g} Hz that is wider than {rate / n_fft:.4g} Hz"
        )
    return slice(first, last)


def _mean_over_frames(
    reference: np.ndarray, estimate: np.ndarray, n_fft: int, hop_length: int,
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:  # fmt: skip
    """Mean over time of ``distance`` (two blocks of powers -> one value a frame)."""
    reference, estimate = _pair(reference, estimate)
    length = reference.shape[-1]
    means = []
    for one, other in zip(reference.reshape(-1, length), estimate.reshape(-1, length), strict=True):
        blocks = zip(
            power_frames(one, n_fft, hop_length), power_frames(other, n_fft, hop_length),
            strict=True,
        )  # fmt: skip
        means.append(np.concatenate([distance(a, b) for a, b in blocks]).mean())
    return np.reshape(means, reference.shape[:-1])[()]


def lsd(
    reference: np.ndarray,
    estimate: np.ndarray,
    rate: float,
    low: float = 0.0,
    high: float | None = None,
) -> np.ndarray:
    """Ratio-free log-spectral distance of waveforms [..., N], in decades of power; 0 is equal.

    Hann 2048/512 at ``rate``; log10(|X|²), |X|² clamped at 1e-8; root mean square over the rows
    with low <= f < high; mean over time.  |X| is the plain (unnormalised) STFT of samples in full
    scale, 1.0 being digital full scale: divide samples in Pa by the signal's full scale first.
    Frames are centred on multiples of the hop, the ends continued by reflection.

    ``low=0, high=cut`` is LSD-LF, ``low=cut`` is LSD-HF.  Source: the published code of
    NU-Wave 2 (Han and Lee, Interspeech 2022) and AERO (Mandel, Tal and Adi, ICASSP 2023).

    Raises:
        SpecsrError: the shapes differ or the band holds no row.
    """
    rows = _rows(LSD_N_FFT, rate, low, high)
    return _mean_over_frames(
        reference, estimate, LSD_N_FFT, LSD_HOP, lambda a, b: lsd_frames(a[:, rows], b[:, rows])
    )


def lsd_ssr_eval(reference: np.ndarray, estimate: np.ndarray, rate: float) -> np.ndarray:
    """Log-spectral distance of waveforms [..., N] as the ssr_eval tool defines it.

    n_fft = 2048 * rate / 44100, hop = rate / 100 (both cut to whole samples), and
    log10(t² / (e + 1e-12)² + 1e-12) of the plain magnitudes t (reference) and e (estimate).  Not
    symmetric; far larger than `lsd` where the estimate is empty.  Source: Liu et al., Neural
    vocoder is all you need for speech super-resolution, arXiv 2203.14941, and its tool.
    """
    n_fft, hop_length = int(2048 * rate / 44100), int(rate / 100)
    if hop_length < 1:
        raise SpecsrError(f"rate is {rate:g} Hz: expected at least 100 Hz")

    def distance(target: np.ndarray, output: np.ndarray) -> np.ndarray:
        ratio = np.log10(target / np.square(np.sqrt(output) + 1e-12) + 1e-12)
        return np.sqrt(np.mean(np.square(ratio), axis=-1))

    return _mean_over_frames(reference, estimate, n_fft, hop_length, distance)


def _ratio_db(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """10 log10 of two energies: inf without noise, -inf without signal, nan without both."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10 * (np.log10(signal) - np.log10(noise))


def snr(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Signal-to-noise ratio in dB of waveforms [..., N], the noise being estimate - reference.

    inf without noise, nan where both are silent.
    """
    reference, estimate = _pair(reference, estimate)
    return _ratio_db(np.sum(reference**2, -1), np.sum((estimate - reference) ** 2, -1))


def si_sdr(reference: np.ndarray, estimate: np.ndarray, zero_mean: bool = False) -> np.ndarray:
    """Scale-invariant signal-to-distortion ratio in dB of waveforms [..., N].

    The reference is scaled to the estimate by least squares, so gain and polarity do not count.
    ``zero_mean`` takes the mean off both first; nan where one is silent.
    Source: Le Roux et al., SDR - half-baked or well done?, ICASSP 2019.
    """
    reference, estimate = _pair(reference, estimate)
    if zero_mean:
        reference = reference - reference.mean(-1, keepdims=True)
        estimate = estimate - estimate.mean(-1, keepdims=True)
    energy = np.sum(reference**2, -1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sum(estimate * reference, -1, keepdims=True) / energy
    target = scale * reference
    return _ratio_db(np.sum(target**2, -1), np.sum((estimate - target) ** 2, -1))


def spectral_convergence(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Spectral convergence in dB of magnitudes [..., F, T]: 20 log10(||R - E|| / ||R||).

    Lower is better, -inf is equal.  Source: Sturmel and Daudet, Signal reconstruction from STFT
    magnitude: a state of the art, DAFx 2011.
    """
    reference, estimate = _pair(reference, estimate)
    error = np.sum((reference - estimate) ** 2, (-2, -1))
    return _ratio_db(error, np.sum(reference**2, (-2, -1)))
