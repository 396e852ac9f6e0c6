"""Distances between a reference and an estimate: waveforms [..., N] and maps in dB [..., F, T].

Every function takes the reference first and returns float64 numbers, one for each leading index
(a plain number for a single channel), except where it says otherwise.  Errors are estimate minus
reference, so a positive bias is too loud.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from .errors import SpecsrError

LSD_N_FFT = 2048
LSD_HOP = 512
LSD_FLOOR = 1e-8
"""Smallest |X|² of a plain, unnormalised STFT that the log-spectral distance tells apart."""

_BLOCK = 1 << 21
"""Samples in one block of frames: long recordings are walked through, not held as a map."""


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


def power_frames(
    samples: np.ndarray, n_fft: int, hop_length: int, pad: int | None = None, mode: str = "reflect"
) -> Iterator[np.ndarray]:
    """Yield |STFT|² of samples [N] in blocks [frames, n_fft//2 + 1], plain and unnormalised.

    Periodic Hann window.  Frames start every hop from ``pad`` samples before the first one; the
    signal is continued there as `numpy.pad` does in ``mode``.  With pad None (half a window) and
    "reflect" these are the frames of ``torch.stft`` with its defaults.
    """
    from scipy.signal import get_window

    window = get_window("hann", n_fft)
    padding: Any = mode  # numpy's stubs take one of a list of names
    padded = np.pad(np.asarray(samples, np.float64), n_fft // 2 if pad is None else pad, padding)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    step = max(1, _BLOCK // n_fft)
    for first in range(0, len(frames), step):
        spectrum = np.fft.rfft(frames[first : first + step] * window, axis=-1)
        yield np.square(spectrum.real) + np.square(spectrum.imag)


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


def floored(
    reference: np.ndarray, estimate: np.ndarray, range_db: float
) -> tuple[np.ndarray, np.ndarray]:
    """Raise levels in dB to a floor that lies ``range_db`` below the reference's highest.

    Below it the levels of a silent cell are a matter of rounding; above it nothing is cut, so an
    estimate that is too loud, or that puts sound where there was none, counts in full.
    """
    reference, estimate = _pair(reference, estimate)
    if not (np.isfinite(range_db) and range_db > 0):
        raise SpecsrError(f"range is {range_db} dB: expected a number above zero, such as 80")
    floor = reference.max() - range_db
    return np.maximum(reference, floor), np.maximum(estimate, floor)


def psnr(rmse: float, range_db: float) -> float:
    """Peak signal-to-noise ratio in dB of an rms error in dB, over a stated range in dB."""
    return float(_ratio_db(np.array(range_db) ** 2, np.array(rmse) ** 2))


def ssim(reference: np.ndarray, estimate: np.ndarray, data_range: float) -> float:
    """Structural similarity of images [..., F, T] with values from 0 to ``data_range``; 1 is equal.

    Gaussian window, sigma 1.5, 11 x 11; the mean over the windows that lie inside the image (over
    all, ends reflected, along an axis shorter than a window).  Source: Wang, Bovik, Sheikh and
    Simoncelli, IEEE Trans. Image Processing 13(4), 2004, equation 13, K1 = 0.01, K2 = 0.03.
    """
    x, y = _pair(reference, estimate)
    sigma = (0.0,) * (x.ndim - 2) + (1.5, 1.5)

    def smooth(image: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(image, sigma, mode="reflect", radius=5)

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    index = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    index /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    inside = tuple(slice(5, -5) if n > 10 else slice(None) for n in x.shape[-2:])
    return float(index[(..., *inside)].mean())


@dataclass(frozen=True)
class MapErrors:
    """Errors of a map in dB; see `map_errors`.

    Attributes:
        rmse_db: root mean square error.
        bias_db: mean error, estimate minus reference.
        mae_db: mean absolute error.
        psnr_db: 20 log10(range_db / rmse_db); inf for equal maps.
        ssim: structural similarity over the same range.
        range_db: the range that all five are taken over.
    """

    rmse_db: float
    bias_db: float
    mae_db: float
    psnr_db: float
    ssim: float
    range_db: float


def map_errors(
    reference_db: np.ndarray, estimate_db: np.ndarray, range_db: float = 80.0
) -> MapErrors:
    """Return the errors of a map of levels in dB, [..., F, T], as single numbers over all of it.

    Both maps are raised to a floor ``range_db`` below the reference's highest level first
    (`floored`); a PSNR says nothing without that range: 1 dB rms is 38.1 dB over 80 dB and 35.6 dB
    over 60 dB.
    """
    reference, estimate = floored(reference_db, estimate_db, range_db)
    error = estimate - reference
    rmse = float(np.sqrt(np.mean(error**2)))
    floor = reference.max() - range_db
    return MapErrors(
        rmse_db=rmse,
        bias_db=float(error.mean()),
        mae_db=float(np.abs(error).mean()),
        psnr_db=psnr(rmse, range_db),
        ssim=ssim(reference - floor, estimate - floor, range_db),
        range_db=float(range_db),
    )


def line_mask(
    truth_db: np.ndarray, prominence: float = 8.0, size: tuple[int, int] = (49, 17)
) -> np.ndarray:
    """Return which cells of a map [..., F, T] in dB stand out as lines, bool.

    A cell is one if its level is more than ``prominence`` dB above the mean level of the ``size``
    (frequency x time) cells around it.  Past the ends the map is mirrored with its last cell
    doubled (scipy's "reflect"), so a mean at an edge is one of cells that are there.
    """
    truth = np.asarray(truth_db, dtype=np.float64)
    around = ndimage.uniform_filter(truth, (1,) * (truth.ndim - 2) + tuple(size), mode="reflect")
    return truth > around + prominence


def split_errors(
    truth_db: np.ndarray, estimate_db: np.ndarray, mask: np.ndarray | None = None
) -> dict[str, dict[str, float]]:
    """Return the errors of a map [..., F, T] in dB apart for its lines and for the rest.

    Meant for a truth without speckle (an expected or averaged power).  No level is clipped.

    Args:
        mask: cells that are lines; None takes `line_mask` of the truth.

    Returns:
        ``{"all": ..., "lines": ..., "rest": ...}``, each with ``rmse`` and ``bias`` in dB and the
        number of ``cells``; rmse and bias are nan where there are no cells.
    """
    truth, estimate = _pair(truth_db, estimate_db)
    lines = line_mask(truth) if mask is None else np.asarray(mask, dtype=bool)
    error = estimate - truth

    def errors(cells: np.ndarray) -> dict[str, float]:
        picked = error[cells]
        if not picked.size:
            return {"rmse": float("nan"), "bias": float("nan"), "cells": 0}
        rmse = float(np.sqrt(np.mean(picked**2)))
        return {"rmse": rmse, "bias": float(picked.mean()), "cells": picked.size}

    return {"all": errors(np.ones_like(lines)), "lines": errors(lines), "rest": errors(~lines)}
