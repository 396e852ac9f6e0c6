"""Distances between a reference and an estimate: waveforms [..., N] and magnitudes [..., F, T].

Every function takes the reference first and returns float64 numbers, one for each leading index
(a single number for one channel).  Errors are estimate minus reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.frames import power_frames

LSD_N_FFT = 2048
LSD_HOP = 512
LSD_FLOOR = 1e-8
"""|X|² of a plain, unnormalised STFT is clamped to this value for the log-spectral distance."""
WHITTLE_RANGE_DB = 120.0
"""Range below the maximum of a map that the Whittle deviance counts, dB."""


def as_pair(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64 arrays.

    Raises:
        SpecsrError: the shapes differ or the arrays are empty.
    """
    reference = np.asarray(reference, dtype=np.float64)
    estimate = np.asarray(estimate, dtype=np.float64)
    if reference.shape != estimate.shape or not reference.size:
        raise SpecsrError(
            f"reference has shape {reference.shape}, estimate {estimate.shape}: expected the same "
            "shape, not empty; cut or resample one of them first"
        )
    return reference, estimate


def lsd_frames(
    reference: np.ndarray, estimate: np.ndarray, floor: float = LSD_FLOOR, axis: int = -1
) -> np.ndarray:
    """Log-spectral distance of every frame from powers |X|², decades of power.

    Root mean square over ``axis`` (frequency); powers are clamped to ``floor`` first.
    """
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


def lsd(
    reference: np.ndarray,
    estimate: np.ndarray,
    rate: float,
    low: float = 0.0,
    high: float | None = None,
) -> np.ndarray:
    """Log-spectral distance of waveforms [..., N] in decades of power, shape [...]; 0 for equal.

    Hann 2048/512 at ``rate``, frames centred on multiples of the hop, the signal continued by
    reflection.  log10(|X|²) with |X|² clamped to 1e-8; root mean square over the rows with
    low <= f < high; mean over time.  |X| is the plain (unnormalised) STFT of samples in digital
    full scale: divide samples in Pa by the signal's full scale first.  Not a ratio: a gain counts.

    ``low=0, high=cut`` is LSD-LF, ``low=cut`` is LSD-HF.  Source: the published code of
    NU-Wave 2 (Han and Lee, Interspeech 2022) and AERO (Mandel, Tal and Adi, ICASSP 2023).

    Args:
        reference, estimate: samples, full scale 1.
        rate: sampling rate, Hz.
        low, high: frequency band, Hz; high None includes the last row.

    Raises:
        SpecsrError: the shapes differ or the band contains no row.
    """
    return lsd_bands(reference, estimate, rate, [(low, high)])[0]


def lsd_bands(
    reference: np.ndarray,
    estimate: np.ndarray,
    rate: float,
    bands: Sequence[tuple[float, float | None]],
) -> list[np.ndarray]:
    """Log-spectral distance as `lsd` in several frequency bands, with one analysis for all.

    Args:
        reference, estimate: samples, full scale 1, [..., N].
        rate: sampling rate, Hz.
        bands: lower and upper frequency of each, Hz; upper None includes the last row.

    Returns:
        One value of shape [...] for each band.
    """
    rows = [_rows(LSD_N_FFT, rate, low, high) for low, high in bands]
    reference, estimate = as_pair(reference, estimate)
    length = reference.shape[-1]
    means: list[list[float]] = [[] for _ in rows]
    for one, other in zip(reference.reshape(-1, length), estimate.reshape(-1, length), strict=True):
        blocks = zip(
            power_frames(one, LSD_N_FFT, LSD_HOP), power_frames(other, LSD_N_FFT, LSD_HOP),
            strict=True,
        )  # fmt: skip
        found = [[lsd_frames(a[:, band], b[:, band]) for band in rows] for a, b in blocks]
        for mean, each in zip(means, zip(*found)):
            mean.append(np.concatenate(each).mean())
    return [np.reshape(mean, reference.shape[:-1])[()] for mean in means]


def ratio_db(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return 10 log10(signal / noise) of two energies: inf without noise, -inf without signal.

    nan where both are zero.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10 * (np.log10(signal) - np.log10(noise))


def snr(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Signal-to-noise ratio in dB of waveforms [..., N], shape [...]; noise: estimate - reference.

    inf without noise, nan where both are silent.

    Raises:
        SpecsrError: the shapes differ or the arrays are empty.
    """
    reference, estimate = as_pair(reference, estimate)
    return ratio_db(np.sum(reference**2, -1), np.sum((estimate - reference) ** 2, -1))


def si_sdr(reference: np.ndarray, estimate: np.ndarray, zero_mean: bool = False) -> np.ndarray:
    """Scale-invariant signal-to-distortion ratio in dB of waveforms [..., N], shape [...].

    The reference is scaled to the estimate by least squares, so gain and polarity do not count.
    ``zero_mean`` subtracts the mean of each first; nan where one is silent.
    Source: Le Roux et al., SDR - half-baked or well done?, ICASSP 2019.

    Raises:
        SpecsrError: the shapes differ or the arrays are empty.
    """
    reference, estimate = as_pair(reference, estimate)
    if zero_mean:
        reference = reference - reference.mean(-1, keepdims=True)
        estimate = estimate - estimate.mean(-1, keepdims=True)
    energy = np.sum(reference**2, -1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sum(estimate * reference, -1, keepdims=True) / energy
    target = scale * reference
    return ratio_db(np.sum(target**2, -1), np.sum((estimate - target) ** 2, -1))


def spectral_convergence(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Spectral convergence in dB of magnitudes [..., F, T], shape [...].

    20 log10(||R - E|| / ||R||); lower is better, -inf for equal magnitudes.  Source: Sturmel and
    Daudet, Signal reconstruction from STFT magnitude: a state of the art, DAFx 2011.

    Raises:
        SpecsrError: the shapes differ or the arrays are empty.
    """
    reference, estimate = as_pair(reference, estimate)
    error = np.sum((reference - estimate) ** 2, (-2, -1))
    return ratio_db(error, np.sum(reference**2, (-2, -1)))


def whittle_deviance(
    reference: np.ndarray, estimate: np.ndarray, db_range: float = WHITTLE_RANGE_DB
) -> np.ndarray:
    """Whittle deviance of powers [..., F, T], shape [...]: the mean of r - ln r - 1.

    r is measured over estimated power.  The deviance is zero for equal powers and above zero
    otherwise.  The measured power of a noise-like cell has an exponential distribution; then the
    expected deviance is least for the true expected power, where it is Euler's constant, 0.577 (an
    estimate that contains the random part of the measurement can be lower).  So estimates with
    and without this random part can be compared.

    Cells of the reference more than ``db_range`` below its maximum are left out, and the estimate
    is raised to that floor.  nan for a silent reference.  Source: Whittle, The analysis of multiple
    stationary time series, J. R. Stat. Soc. B 15(1), 1953; as a distance of spectra: Itakura and
    Saito, Analysis synthesis telephony based on the maximum likelihood method, ICA 1968.

    Args:
        reference: measured power.
        estimate: estimated power, same shape.
        db_range: from the maximum of the reference down to the floor, dB.

    Raises:
        SpecsrError: the shapes differ or the arrays are empty.
    """
    reference, estimate = as_pair(reference, estimate)
    floor = reference.max((-2, -1), keepdims=True) * 10 ** (-db_range / 10)
    counted = (reference >= floor) & (reference > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(counted, reference / np.maximum(estimate, floor), 1.0)
        return np.sum(ratio - np.log(ratio) - 1, (-2, -1)) / np.sum(counted, (-2, -1))
