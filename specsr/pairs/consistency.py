"""Data consistency: corrections that make a result reproduce its input, and the deviation left.

For the pair ``pool``, the mean power of the result over coarse cells should equal the input.  The
correction of every coarse cell is interpolated between the cells, so the result has no steps at
their borders: iterated back-projection (Irani, Peleg, CVGIP 53, 1991), in dB.

A measured cell holds speckle: the level of a noise cell scatters about its expected level.  Mode
``measured`` reproduces the measured levels; the correction of noise is mostly speckle, so it is
interpolated by the correlation of noise (`specsr.maps.noise_interpolation`), lines by a cubic.
Mode ``expected`` moves each cell only as far as its measured level is more reliable than the
network's.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from specsr.choices import Consistency, check
from specsr.errors import SpecsrError
from specsr.maps.levels import difference_db
from specsr.maps.noise_interpolation import NoiseInterpolation
from specsr.maps.pooling import enlarge, enlarge_cubic, pool_power

ROUNDS = 3
"""Rounds of back-projection; more change less than 0.01 dB on recordings."""

LIMIT = 8.0
"""Largest interpolated correction, dB.  What is left, at steps such as the start of a sound, is
corrected cell by cell: a cubic of larger steps overshoots."""

FLOOR_ROWS, FLOOR_COLUMNS = 33, 17
"""Fine rows around a cell whose median is its noise floor, which lines do not move; and coarse
columns over which the median of these floors is its upper limit, which clicks do not move."""


def impose(
    high: np.ndarray,
    low: np.ndarray,
    scale: tuple[int, int],
    mode: Consistency = "measured",
    uncertainty_db: np.ndarray | None = None,
    variance: float = 1.0,
    between: NoiseInterpolation | None = None,
) -> np.ndarray:
    """Return high-resolution power corrected towards the measured power of the coarse cells.

    Args:
        high: power [..., F s_f, T'], with ceil(T' / s_t) = T.
        low: measured power [..., F, T].
        scale: (s_f, s_t).
        mode: ``"measured"``: the power of every low cell is reproduced (up to rounding);
            ``"expected"``: the level of every low cell moves by the share w = s_m² / (s_m² + s_s²)
            of its deviation, s_m the network's uncertainty of the cell and s_s the speckle of its
            noise share; ``"off"``: ``high`` is returned unchanged.
        uncertainty_db: uncertainty of ``high`` in dB, same shape; needed for ``expected``.
        variance: relative variance of the power of a low cell of noise, for ``expected``
            (`specsr.maps.pooling.noise_variance`).
        between: interpolation of the correction of noise for ``measured``; None for a cubic.

    Returns:
        Power of the shape of ``high``, float64.

    Raises:
        SpecsrError: unknown mode, no uncertainty for ``expected``, or s_f does not divide the rows
            of ``high``.
    """
    check(mode, Consistency, "consistency")
    if mode == "off":
        return high
    high = np.asarray(high, dtype=np.float64)
    low = np.asarray(low, dtype=np.float64)
    if mode == "measured":
        return back_project(high, low, scale, between=between)
    require_uncertainty(uncertainty_db is not None)
    assert uncertainty_db is not None
    again = pool_power(high, *scale)
    width = np.square(pool_power(np.asarray(uncertainty_db, dtype=np.float64), *scale))
    speckle = np.square(speckle_db(noise_share(high, scale), variance))
    weight = width / np.maximum(width + speckle, 1e-30)
    with np.errstate(divide="ignore", invalid="ignore"):
        target = np.where((again > 0) & (low > 0), again * (low / again) ** weight, low)
    return back_project(high, target, scale)


def require_uncertainty(has_one: bool) -> None:
    """Raise `SpecsrError` for the mode ``expected`` of a model without an uncertainty output."""
    if not has_one:
        raise SpecsrError(
            "consistency 'expected' needs the uncertainty of the network, which this model does "
            "not have: use 'measured', or another model"
        )


def back_project(
    power: np.ndarray, low: np.ndarray, scale: tuple[int, int], rounds: int = ROUNDS,
    between: NoiseInterpolation | None = None,
) -> np.ndarray:  # fmt: skip
    """Return power whose mean over every coarse cell is ``low``, corrected smoothly.

    The factors are interpolated between the cells, found by iteration; the last factor of each
    cell, which makes its mean exact, is constant within it.

    Args:
        power: [..., F s_f, T'].
        low: [..., F, T], T = ceil(T' / s_t).
        scale: (s_f, s_t).
        rounds: iterations of the smooth correction; 0 for factors constant within each cell.
        between: interpolation of the noise's share of the factors in dB; the rest, and all of it if
            None, is interpolated by a cubic.

    Raises:
        SpecsrError: s_f does not divide the rows of ``power``.
    """
    frames = power.shape[-1]
    correction = np.zeros(low.shape)
    noise = np.zeros(low.shape) if between is None else noise_share(power, scale)
    result = power
    for _ in range(rounds):
        # an empty or silent cell has no ratio: it is left to the last step
        missing = difference_db(low, pool_power(result, *scale))
        correction = np.clip(correction + missing, -LIMIT, LIMIT)
        if between is None:
            fine = enlarge_cubic(correction, *scale, frames)
        else:
            fine = between(noise * correction, frames)
            fine += enlarge_cubic((1 - noise) * correction, *scale, frames)
        result = power * 10 ** (fine / 10)
    again = pool_power(result, *scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = low / again
    # a cell that the network left empty gets its measured power in equal parts
    empty = ~np.isfinite(factor)
    result = result * enlarge(np.where(empty, 0.0, factor), *scale, frames)
    if empty.any():
        result = result + enlarge(np.where(empty, low, 0.0), *scale, frames)
    return result


def noise_share(power: np.ndarray, scale: tuple[int, int]) -> np.ndarray:
    """Return the share of noise in the power of every coarse cell, 0 to 1, [..., F, T].

    Args:
        power: estimate of the fine map, [..., F s_f, T'].
        scale: (s_f, s_t).
    """
    _, steady = floors(power, scale)
    return np.minimum(steady / np.maximum(pool_power(power, *scale), 1e-300), 1.0)


def floors(power: np.ndarray, scale: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the floor of every coarse cell, and the part of it that is steady, [..., F, T] each.

    The floor is the median over rows, which lines do not move; clicks, of many rows at once, do.
    Its steady part is at most the median of the floor over columns, which they do not move.

    Args:
        power: estimate of the fine map, [..., F s_f, T'].
        scale: (s_f, s_t).
    """
    middle = power[..., scale[1] // 2 :: scale[1]]  # one fine column per coarse one
    if middle.shape[-1] < -(-power.shape[-1] // scale[1]):  # of a short last cell, the last
        middle = np.concatenate([middle, power[..., -1:]], axis=-1)
    one = (1,) * (power.ndim - 2)
    floor = median_filter(middle, size=(*one, FLOOR_ROWS, 1), mode="nearest")
    steady = median_filter(floor, size=(*one, 1, FLOOR_COLUMNS), mode="nearest")
    return pool_power(floor, scale[0], 1), pool_power(np.minimum(floor, steady), scale[0], 1)


def speckle_db(share: np.ndarray, variance: float = 1.0) -> np.ndarray:
    """Return the standard deviation in dB of the level of a coarse cell, shape of ``share``.

    A noise share q of relative variance v, and its cross terms with the rest, vary by
    v (q² + 2 q (1 - q)).

    Args:
        share: share of noise in the power of the cell, 0 to 1.
        variance: relative variance v of the power of a cell of noise alone.
    """
    return 10 / np.log(10) * np.sqrt(variance * (share**2 + 2 * share * (1 - share)))


def consistency_db(high: np.ndarray, low: np.ndarray, scale: tuple[int, int]) -> float:
    """Return the rms deviation in dB of the result, pooled again, from its input.

    Args:
        high: power [..., F s_f, T'].
        low: power [..., F, T].  Cells more than 120 dB below the maximum are rounding noise and
            are left out.
        scale: (s_f, s_t).
    """
    again = pool_power(np.asarray(high, dtype=np.float64), *scale)
    low = np.asarray(low, dtype=np.float64)
    usable = low > low.max() * 1e-12
    if not usable.any():
        return 0.0
    ratio = np.maximum(again[usable], 1e-300) / low[usable]
    return float(np.sqrt(np.mean(np.square(10 * np.log10(ratio)))))
