"""What was measured stays as measured: corrections after the network, and their measure.

For ``pool``, measuring the result again (mean power over cells) should give the input.  Imposed
on every cell it holds exactly, but brings back the speckle of the input; imposed on every row
over time, levels of bands hold and the speckle stays out.
"""

from __future__ import annotations

import numpy as np

from specsr.choices import Consistency, check
from specsr.maps.pooling import enlarge, pool_power, pool_weights
from specsr.signal import Signal, fit_length


def impose(
    high: np.ndarray, low: np.ndarray, scale: tuple[int, int], mode: Consistency = "row"
) -> np.ndarray:
    """Return high-resolution power scaled so that it measures as ``low`` again.

    Args:
        high: power [..., F s_f, T'], with ceil(T' / s_t) = T.
        low: measured power [..., F, T].
        scale: (s_f, s_t).
        mode: ``"cell"``: every low cell gets its power exactly (to float rounding);
            ``"row"``: every low row gets its mean power over time; ``"off"``: as it is.

    Raises:
        SpecsrError: unknown mode.
    """
    check(mode, Consistency, "consistency")
    if mode == "off":
        return high
    high = np.asarray(high, dtype=np.float64)
    low = np.asarray(low, dtype=np.float64)
    again = pool_power(high, *scale)
    if mode == "row":
        # a last cell with fewer frames weighs as much as it has
        weights = pool_weights(high.shape[-1], scale[1])
        low = (low * weights).sum(axis=-1, keepdims=True) / weights.sum()
        again = (again * weights).sum(axis=-1, keepdims=True) / weights.sum()
        low, again = (
            np.broadcast_to(x, (*high.shape[:-2], x.shape[-2], weights.size)) for x in (low, again)
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = low / again
    # a cell (or row) that the network emptied is filled evenly with what was measured
    empty = ~np.isfinite(factor)
    result = high * enlarge(np.where(empty, 0.0, factor), *scale, high.shape[-1])
    if empty.any():
        result = result + enlarge(np.where(empty, low, 0.0), *scale, high.shape[-1])
    return result


def consistency_db(
    high: np.ndarray, low: np.ndarray, scale: tuple[int, int], per: str = "cell"
) -> float:
    """Return the rms deviation in dB of the result, measured again, from the input.

    ``per`` is ``"cell"`` or ``"row"`` (over all time).  Cells more than 120 dB below the
    loudest are left out: they hold rounding, not sound.
    """
    again = pool_power(np.asarray(high, dtype=np.float64), *scale)
    low = np.asarray(low, dtype=np.float64)
    if per == "row":
        weights = pool_weights(high.shape[-1], scale[1])
        again, low = ((x * weights).sum(axis=-1) for x in (again, low))
    heard = low > low.max() * 1e-12
    if not heard.any():
        return 0.0
    ratio = np.maximum(again[heard], 1e-300) / low[heard]
    return float(np.sqrt(np.mean(np.square(10 * np.log10(ratio)))))


def put_band_back(estimate: Signal, measured: Signal) -> Signal:
    """Return the estimate with its low band replaced by the measured recording.

    Whatever part of the estimate survives decimation to the measured rate is exchanged for the
    measured samples, brought up to the high rate; what does not survive is kept.  Decimating the
    result gives the measured recording again.
    """
    up = fit_length(measured.resample(estimate.rate).samples, estimate.length)
    own = estimate.resample(measured.rate).resample(estimate.rate).samples
    kept = estimate.samples - fit_length(own, estimate.length)
    return estimate.replace(samples=(up + kept).astype(estimate.samples.dtype))
