"""What was removed beyond the power of a known noise is given back where it is no noise.

With gains g of the cells of a map X, the removed part is R = (1 - g) X.  Of all multiples c R, the
one with c = N R / R R leaves the least error, N the noise.  N R is the sum of (1 - g) N over the
cells, R R that of (1 - g)² X² (means of power; signal and noise are uncorrelated).  Where more
power was removed than the noise has, as of pulses between quiet cells, c is below 1.

The noise may be louder than its recording.  That is alike in most third octaves, so the median
excess of all counts as noise; and what is distributed like noise (`specsr.enhance.restraint`) is
not given back.  The constants were chosen on machines of set 2 of `benchmarks/generator.py`.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from specsr.enhance.decided import Decision
from specsr.enhance.level_rule import band_edges
from specsr.enhance.restraint import BANDS, band_shares, has_waveform, row_shares
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap

LOWEST_HZ = 300.0
"""Nothing is given back below: third octaves hold too few cells there, and wind and ventilation
change most."""

EXCESS_SECONDS = 2.0
"""Time over which removed power and noise are compared, s."""

EXCESS_DB = 0.5
"""Removed power over that of the noise that is allowed, dB."""

ERRORS = 2.0
"""Standard errors of the power of noise that are allowed on top."""

OVERLAP = 3.0
"""Columns of a map with a hop of a quarter of a window for every independent one."""

MOST = 1e3
"""Largest excess that counts: of a band whose noise is silent."""


def without_excess(
    noisy: SpecMap, gain: np.ndarray, noise: list[np.ndarray], device: str = "cpu",
    decision: Decision | None = None,
) -> np.ndarray:  # fmt: skip
    """Return gains, raised where they remove more than the noise and what is no noise.

    Args:
        noisy: full map; without a phase the gains stay.
        gain: 0 to 1, of all rows but the last, [C, F - 1, T].
        noise: mean power of the noise, for each channel [F - 1, T] or [F - 1, 1].
        device: torch device to compute on, or ``"auto"``.
        decision: `excess_shares` over time; None for those of this map.
    """
    if not _is_compared(noisy):
        return gain
    if decision is None:
        decision = Decision.constant(excess_shares(noisy, gain, device))
    power = np.square(noisy.image(), dtype=np.float64)
    over = (noisy.freqs >= LOWEST_HZ)[:-1, None]
    back = [
        over * row_shares(bands, noisy.freqs[:-1]) * excess(gains, cells, known, noisy.grid)
        for bands, gains, cells, known in zip(
            decision.at(noisy.grid), gain, power, noise, strict=True
        )
    ]
    return np.asarray(gain + np.stack(back) * (1 - gain))


def excess_shares(noisy: SpecMap, gain: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Return the shares of bands in which removed excess is given back, [C, B].

    Args:
        noisy: full map; without a phase all are 0.
        gain: 0 to 1, of all rows but the last, [C, F - 1, T].
        device: torch device to compute on, or ``"auto"``.
    """
    if not _is_compared(noisy):
        return np.zeros((len(gain), len(BANDS)))
    full = np.concatenate([gain, gain[:, -1:]], axis=1).astype(np.float32)
    clean = noisy.replace(magnitude=noisy.magnitude * full)
    return band_shares(noisy, clean, device, quiet=False)


def _is_compared(noisy: SpecMap) -> bool:
    return has_waveform(noisy) and bool(noisy.freqs[-2] >= LOWEST_HZ)


def excess(gain: np.ndarray, power: np.ndarray, noise: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the share 1 - c of the removed part that is more than noise, [F, T].

    Args:
        gain: 0 to 1, [F, T].
        power: measured, of the cells of the map, [F, T].
        noise: mean power of the noise, [F, T] or [F, 1].
        grid: of the map, with F rows or one more.
    """
    edges = np.unique(np.round(band_edges(grid) / grid.df).astype(int))
    starts, counts = edges[:-1], np.diff(edges)
    columns = min(gain.shape[1], max(1, round(EXCESS_SECONDS / grid.dt)))
    taken = 1 - gain
    removed, known = (
        uniform_filter1d(np.add.reduceat(x, starts, axis=0), columns, axis=1, mode="reflect")
        for x in (np.square(taken) * power, taken * noise)
    )
    error = ERRORS / np.sqrt(np.maximum(1, counts[:, None] * columns / OVERLAP))
    over = np.full_like(removed, MOST)
    np.divide(removed, known, out=over, where=removed < MOST * known)
    over[removed <= 0] = 0
    common = np.maximum(1, np.median(over, axis=0))
    allowed = common * 10 ** (EXCESS_DB / 10) + error
    return np.asarray(
        np.repeat(np.maximum(0, 1 - allowed / np.maximum(over, 1e-9)), counts, axis=0)
    )
