"""Filters given by their response at every frequency, applied to whole recordings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Response = Callable[[np.ndarray], np.ndarray]
"""Frequencies in Hz, zero or above, to complex gains."""


def fourier_filter(
    samples: np.ndarray, rate: float, response: Response, margin: float, about_zero: bool = False
) -> np.ndarray:
    """Return samples filtered by a response, float64 [C, N].

    The response is met exactly from 0 Hz to half the rate.  A recording starts and stops abruptly,
    which would be filtered as an impact: it is continued by its own reflection, which fades to
    zero.

    Args:
        samples: [C, N].
        rate: sampling rate, Hz.
        response: of the filter.
        margin: length of the continuation in s, after which the filter has settled.
        about_zero: reflect about zero, which keeps the mean zero, instead of about the first and
            last sample, which keeps the curve continuous.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    length = samples.shape[-1]
    pad = min(length - 1, round(margin * rate))
    size = next_fast_len(length + 3 * max(pad, 1), real=True)
    gains = response(np.fft.rfftfreq(size, 1 / rate))
    fade = np.square(np.sin(np.pi / 2 * (np.arange(pad) + 0.5) / max(pad, 1)))
    found = np.empty(samples.shape)
    for i, channel in enumerate(samples):
        x = np.asarray(channel, dtype=np.float64)
        if about_zero:  # about half a sample outside, so that the edge itself adds nothing
            before, after = -x[:pad][::-1], -x[length - pad :][::-1]
        else:
            before = 2 * x[0] - x[1 : pad + 1][::-1]
            after = 2 * x[-1] - x[length - 1 - pad : -1][::-1]
        whole = rfft(np.concatenate([before * fade, x, after * fade[::-1]]), size)
        found[i] = irfft(whole * gains, size)[pad : pad + length]
    return found
