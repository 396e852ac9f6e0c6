"""Whether a recording repeats with a shaft: its orders beside what is between them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

from specsr.nvh.synchronous_average import synchronous_average
from specsr.signal import Signal

CLEAR_DB = 15.0
"""Level of an order over the mean of its neighbours from which it repeats with the shaft.

In noise, the power of an order over the mean of its 8 neighbours has an F distribution: it exceeds
x with probability (1 + x / 8)^-8, at 15 dB with 3e-6.
"""

BESIDE = (-5, -4, -2, -1, 1, 2, 4, 5)
"""Neighbours of an order, in thirds of one; half orders, of four-stroke engines, are none."""

FEWEST = 6
"""Least revolutions that can be judged."""


def repeats(signal: Signal, ratio: float = 1.0) -> np.ndarray:
    """Return for every channel whether it repeats with a shaft, bool [C].

    The mean of three revolutions has the orders of the shaft at multiples of 3, and between them
    what does not repeat with it.  True for fewer than `FEWEST` revolutions.

    Args:
        signal: the recording with its speed.
        ratio: speed of the shaft over that speed.

    Raises:
        SpecsrError: as `specsr.nvh.synchronous_average.synchronous_average`.
    """
    one = signal.replace(samples=signal.samples[:1], channels=signal.channels[:1])
    if synchronous_average(one, ratio=ratio).count < FEWEST:
        return np.ones(len(signal.channels), dtype=bool)
    thirds = synchronous_average(signal.without_mean(), ratio=ratio / 3)
    power = np.square(thirds.orders())
    beside = np.zeros(2 * max(BESIDE) + 1)
    beside[np.array(BESIDE) + max(BESIDE)] = 1 / len(BESIDE)
    around = convolve1d(power, beside, axis=-1, mode="mirror")
    orders = slice(3, power.shape[1] - 1, 3)
    clear = power[:, orders] > 10 ** (CLEAR_DB / 10) * around[:, orders]
    return np.asarray(clear.any(axis=-1))
