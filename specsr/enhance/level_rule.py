"""Levels of an expected map: measured cells of lines, and measured band power.

Two rules keep what the measurement knows better than a network.  A cell of a line is hardly random:
it is moved towards the measured one by what is known of either (`towards_measured`).  The power of
a band over many cells is hardly random either: it is made that of the measurement (`keep_bands`).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import median_filter

from specsr.maps.grid import Grid
from specsr.nvh.levels import band_power, row_edges

FLOOR_ROWS, FLOOR_STEP = 11, 3
"""The floor under a line is the median of so many rows, every third one."""

SKEW = 60.0
"""Weight of q² in the relative variance 2 q + `SKEW` q² of a measured cell with a share q of noise.
For noise alone it is 1.  A larger value keeps cells that noise interferes with, whose levels are
skewed and which the network has seen, away from the rule.  Chosen on machines of training seeds."""

LEAST_ROWS = 4
"""Least rows of a band whose power is kept: the main lobe of a Hann window."""

ROUNDS = 100
"""Most rounds of `keep_bands`."""

EXACT_DB = 0.01
"""Deviation of the band powers at which the rounds end, dB."""


def towards_measured(
    estimate_db: np.ndarray, measured_db: np.ndarray, uncertainty_db: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return an estimate moved towards the measured levels where these are the surer ones, dB.

    The mean of both, weighted by the inverse of their variances: that of the network's uncertainty,
    and that of a cell whose share of noise is the estimated floor over the estimate.

    Args:
        estimate_db: expected levels by the network, [F, T].
        measured_db: measured levels, [F, T].
        uncertainty_db: half-width of the 68 % interval of the estimate, dB, [F, T].

    Returns:
        Levels and their uncertainty, dB, [F, T] each.
    """
    some = median_filter(estimate_db[::FLOOR_STEP], (FLOOR_ROWS, 1), mode="nearest")
    floor = np.repeat(some, FLOOR_STEP, axis=0)[: len(estimate_db)]
    noise = np.minimum(10 ** ((floor - estimate_db) / 10), 1)
    own = np.square(uncertainty_db)
    scatter = (10 / math.log(10)) ** 2 * (2 * noise + SKEW * np.square(noise))
    weight = own / np.maximum(own + scatter, 1e-12)
    moved = estimate_db + weight * (measured_db - estimate_db)
    return moved, uncertainty_db * np.sqrt(1 - weight)


def band_edges(grid: Grid) -> np.ndarray:
    """Return the edges of the bands of a full map in Hz, ascending, from 0 to half the rate.

    They are those of third octaves (IEC 61260-1:2014), without the ones that would leave fewer
    than `LEAST_ROWS` rows to a band.
    """
    least = LEAST_ROWS * grid.df
    edges = [grid.rate / 2]
    lowest, highest = np.log10(grid.df / 1000), np.log10(grid.rate / 2000)
    # from the top, so that no third octave of enough rows is joined with a narrower one
    for exponent in np.arange(np.ceil(10 * highest), np.floor(10 * lowest), -1):
        edge = float(1000 * 10 ** ((exponent + 0.5) / 10))
        if edges[-1] - edge >= least and edge >= least:
            edges.append(edge)
    return np.array([0.0, *reversed(edges)])


def keep_bands(power: np.ndarray, measured: np.ndarray, grid: Grid) -> np.ndarray:
    """Return power whose mean over time in every band of `band_edges` is the measured one.

    The correction is a gain over frequency, linear in dB between the centres of the bands, found by
    iteration.

    Args:
        power: of the estimate, without the Nyquist row, [F, T].
        measured: power, [F, T].
        grid: of the full map; T may be a part of its columns.
    """
    rows = row_edges(grid)[:-1]
    edges = np.minimum(band_edges(grid), rows[-1])
    centres = (edges[:-1] + edges[1:]) / 2
    ours, theirs = (
        power.mean(axis=1),
        band_power(measured.mean(axis=1), rows, edges[:-1], edges[1:]),
    )
    freqs, total, gain = grid.freqs()[:-1], np.zeros(centres.size), np.ones(len(power))
    for _ in range(ROUNDS):
        now = band_power(ours * gain, rows, edges[:-1], edges[1:])
        both = (now > 0) & (theirs > 0)
        missing = 10 * np.log10(np.where(both, theirs, 1) / np.where(both, now, 1))
        if np.abs(missing).max() < EXACT_DB:
            break
        total += missing
        gain = 10 ** (np.interp(freqs, centres, total) / 10)
    return power * gain[:, None]


def nyquist_gain(estimate: np.ndarray, measured: np.ndarray, grid: Grid) -> float:
    """Return the gain of an estimated Nyquist row that gives it its measured power over time.

    The estimate is that of the row below, which holds for noise.  A deviation within three standard
    deviations of the mean power of noise leaves it: the row is real, so the power of a window has
    one degree of freedom and a relative variance of 2.

    Args:
        estimate, measured: magnitudes of the row, [T].
        grid: of the full map; T may be a part of its columns.
    """
    ours, theirs = (float(np.mean(np.square(x, dtype=np.float64))) for x in (estimate, measured))
    if ours == 0:
        return 1.0
    windows = max(1.0, len(measured) * grid.hop_length / grid.n_fft)
    within = abs(theirs / ours - 1) <= 3 * np.sqrt(2 / windows)
    return 1.0 if within else float(np.sqrt(theirs / ours))
