"""Data consistency: corrections that make a result reproduce its input, and the deviation left.

For the pair ``pool``, the mean power of the result over coarse cells should equal the input.  If
this is imposed on every cell, it holds exactly but restores the speckle of the input.  If it is
imposed on every frequency row over time, the levels of the rows hold without the speckle.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from specsr.choices import Consistency, check
from specsr.maps.pooling import enlarge, pool_power, pool_weights
from specsr.signal import Signal, fit_length


def impose(
    high: np.ndarray, low: np.ndarray, scale: tuple[int, int], mode: Consistency = "row"
) -> np.ndarray:
    """Return high-resolution power scaled so that its mean over coarse cells is ``low``.

    Args:
        high: power [..., F s_f, T'], with ceil(T' / s_t) = T.
        low: measured power [..., F, T].
        scale: (s_f, s_t).
        mode: ``"cell"``: the power of every low cell is reproduced (up to rounding); ``"row"``: the
            mean power of every low row over time; ``"off"``: ``high`` is returned unchanged.

    Returns:
        Power of the shape of ``high``, float64.

    Raises:
        SpecsrError: unknown mode, or s_f does not divide the rows of ``high``.
    """
    check(mode, Consistency, "consistency")
    if mode == "off":
        return high
    high = np.asarray(high, dtype=np.float64)
    low = np.asarray(low, dtype=np.float64)
    again = pool_power(high, *scale)
    if mode == "row":
        # the last cell may hold fewer frames and then has a smaller weight
        weights = pool_weights(high.shape[-1], scale[1])
        low = (low * weights).sum(axis=-1, keepdims=True) / weights.sum()
        again = (again * weights).sum(axis=-1, keepdims=True) / weights.sum()
        low, again = (
            np.broadcast_to(x, (*high.shape[:-2], x.shape[-2], weights.size)) for x in (low, again)
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = low / again
    # a cell (or row) that the network left empty gets its measured power in equal parts
    empty = ~np.isfinite(factor)
    result = high * enlarge(np.where(empty, 0.0, factor), *scale, high.shape[-1])
    if empty.any():
        result = result + enlarge(np.where(empty, low, 0.0), *scale, high.shape[-1])
    return result


def consistency_db(
    high: np.ndarray, low: np.ndarray, scale: tuple[int, int], per: Literal["cell", "row"] = "cell"
) -> float:
    """Return the rms deviation in dB of the result, pooled again, from its input.

    Args:
        high: power [..., F s_f, T'].
        low: power [..., F, T].
        scale: (s_f, s_t).
        per: ``"cell"``, or ``"row"`` for the mean power of rows over time.  Cells or rows more than
            120 dB below the maximum are rounding noise and are left out.
    """
    again = pool_power(np.asarray(high, dtype=np.float64), *scale)
    low = np.asarray(low, dtype=np.float64)
    if per == "row":
        weights = pool_weights(high.shape[-1], scale[1])
        again, low = ((x * weights).sum(axis=-1) for x in (again, low))
    usable = low > low.max() * 1e-12
    if not usable.any():
        return 0.0
    ratio = np.maximum(again[usable], 1e-300) / low[usable]
    return float(np.sqrt(np.mean(np.square(10 * np.log10(ratio)))))


def put_band_back(estimate: Signal, measured: Signal) -> Signal:
    """Return an estimate with its low band replaced by the measured recording.

    The part of the estimate that decimation to the measured rate keeps is subtracted, and the
    measured samples, resampled to the high rate, are added.  So decimating the result gives the
    measured recording.

    Args:
        estimate: a recording at the high rate, samples [C, N].
        measured: the recording at the low rate, of the same channels.

    Returns:
        The estimate with other samples, same shape and dtype.
    """
    up = fit_length(measured.resample(estimate.rate).samples, estimate.length)
    own = estimate.resample(measured.rate).resample(estimate.rate).samples
    kept = estimate.samples - fit_length(own, estimate.length)
    return estimate.replace(samples=(up + kept).astype(estimate.samples.dtype))
