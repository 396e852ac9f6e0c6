"""Two recordings out of one, alike in what is steady in them and independent in their noise.

Of a real recording the expected power of a cell is not known.  A network can be trained on another
estimate of the same cell as well, if its error is independent of all that the network sees (noise
to noise).  Other tapers of the same samples are not: their cells are sums of the neighbouring
cells of the input, so a network learns to keep the input's random part.

For Gaussian noise n and an independent w of the same covariance, n + w and n - w are independent:
their covariance is that of n less that of w.  So x + w and x - w of a recording x have the same
expected power in every cell, |STFT of the deterministic part|² + 2 x that of the noise, and
independent random parts.  w is white noise, filtered to the noise floor of x.  Where w is off by e
dB, the powers of the two correlate by about (e / 8.7)² (0.013 for 1 dB).

Source: Rasines and Young, Splitting strategies for post-selection inference, Biometrika 110(3),
2023; as training of denoisers: Pang et al., Recorrupted-to-Recorrupted, CVPR 2021.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal

N_FFT = 2048
"""Longest window of the analysis that the noise floor is estimated by; the hop is a quarter."""

AROUND = (17, 13)
"""Rows and columns of the medians: lines up to half as many rows and clicks up to half as many
columns are no part of the floor."""


def noise_floor(power: np.ndarray) -> np.ndarray:
    """Return the median over time and then over frequency of a map [F, T], same shape.

    Of noise it is lower than the mean, by a factor that does not depend on its level.
    """
    over_time = median_filter(power, (1, AROUND[1]), mode="nearest")
    return median_filter(over_time, (AROUND[0], 1), mode="nearest")


def split(signal: Signal, n_fft: int, rng: np.random.Generator) -> tuple[Signal, Signal]:
    """Return a recording plus and minus noise like its own, float32 [1, N] each.

    Args:
        signal: one channel, [1, N].
        n_fft: window of the map to be trained on, samples; longer floors of `N_FFT` are not needed.
        rng: source of the noise.
    """
    n_fft = min(n_fft, N_FFT)
    transform = SpectrogramTransform(n_fft, n_fft // 4)
    measured = np.square(transform(signal).magnitude[0], dtype=np.float64)
    white = signal.replace(samples=rng.standard_normal(signal.samples.shape).astype(np.float32))
    noise = transform(white)
    flat = noise_floor(np.square(noise.magnitude[0], dtype=np.float64))
    # both floors are low by the same factor; rows 0 and n_fft / 2 by one of their own
    gain = np.sqrt(noise_floor(measured) / flat.mean(axis=1, keepdims=True))
    noise = noise.replace(magnitude=(noise.magnitude * gain[None]).astype(np.float32))
    added = SpectrogramTransform.inverse(noise).samples
    return tuple(signal.replace(samples=signal.samples + s * added) for s in (1, -1))  # type: ignore
