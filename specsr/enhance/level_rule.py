"""Levels of an expected map: measured cells of lines, and measured band power.

Two rules keep what the measurement knows better than a network.  A cell of a line is hardly random:
it is moved towards the measured one by what is known of either (`towards_measured`).  The power of
a band over many cells is hardly random either: it is made that of the measurement (`keep_bands`).
The uncertainty that is left is `calibrated`.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import median_filter

from specsr.maps.grid import Grid
from specsr.maps.windows import main_lobe
from specsr.nvh.levels import band_power, row_edges

NEPER = 10 / math.log(10)
"""dB of a power that is larger by a factor of e."""

FLOOR_ROWS, FLOOR_STEP = 11, 3
"""The floor under a line is the median of so many rows, every third one."""

ODDS = 0.1
"""Odds of a line in a cell of which half is noise, before its level is known.  Chosen on machines
of training seeds."""

MOST_NOISE = 0.8
"""Share of noise above which no cell is taken for one of a line: it would hardly be moved."""

MEAN_DB = 3.0
"""Least uncertainty of a line in the rows that a mean (DC) reaches, dB: the network has seen no
means."""

CALIBRATION = (-0.24, 0.5, -0.03)
"""Logarithm of the factor on the uncertainty: constant, per 4 q (1 - q), per ln q, with q the share
of noise.  Quantile regression (68.3 %) on machines of training seeds and of the sets 1 to 3 of
`benchmarks/generator.py`, all kinds with equal weight, gives a constant of -0.29.  Recorded noise
is less even: steady recordings of the training data would need -0.05."""

LEAST_ROWS = 4
"""Least rows of a band whose power is kept: the main lobe of a Hann window."""

ROUNDS = 100
"""Most rounds of `keep_bands`."""

EXACT_DB = 0.01
"""Deviation of the band powers at which the rounds end, dB."""


def mean_rows(grid: Grid) -> int:
    """Return the number of rows that a mean (DC) reaches: half the main lobe of the window."""
    return math.ceil(main_lobe(grid) / 2 / grid.df - 1e-6)


def noise_share(estimate_db: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the share of noise in the expected power of every cell, 0 to 1, [F, T].

    It is the floor under lines over the power of the cell; the floor is that of the rows around,
    without those of a mean (DC).

    Args:
        estimate_db: expected levels, [F, T].
        grid: of the map.
    """
    first = min(mean_rows(grid), len(estimate_db) - 1)
    some = median_filter(estimate_db[first::FLOOR_STEP], (FLOOR_ROWS, 1), mode="nearest")
    floor = np.repeat(some, FLOOR_STEP, axis=0)[: len(estimate_db) - first]
    floor = np.concatenate([np.repeat(floor[:1], first, axis=0), floor])
    return np.asarray(10 ** (np.minimum(floor - estimate_db, 0) / 10))


def towards_measured(
    estimate_db: np.ndarray,
    measured_db: np.ndarray,
    uncertainty_db: np.ndarray,
    noise: np.ndarray,
    grid: Grid,
) -> tuple[np.ndarray, np.ndarray]:
    """Return an estimate moved towards the measured levels of lines, dB.

    A cell is one of a line with little noise or one of noise (a wide maximum of the noise spectrum
    stands above the floor too).  As one of a line with a share q of noise it has a relative
    variance of 2 q, and its level is the mean of estimate and measurement, weighted by the inverse
    of their variances.  As one of noise it keeps its estimate.  The result is the mean over both
    cases, weighted by their probabilities: of the measured level under either, and `ODDS` times
    (1 - q) / q before it is known.

    Args:
        estimate_db: expected levels by the network, [F, T].
        measured_db: measured levels, [F, T].
        uncertainty_db: half-width of the 68 % interval of the estimate, dB, [F, T].
        noise: share of noise (`noise_share`), [F, T].
        grid: of the map.

    Returns:
        Levels and their uncertainty, dB, [F, T] each.
    """
    level, uncertainty = estimate_db.copy(), uncertainty_db.copy()
    cells = noise < MOST_NOISE
    q, off, own = noise[cells], (measured_db - estimate_db)[cells], np.square(uncertainty_db[cells])
    low = np.broadcast_to(np.arange(len(noise))[:, None] < mean_rows(grid), noise.shape)[cells]
    prior = np.maximum(own, np.where(low, MEAN_DB**2, 0.0))
    total = np.maximum(prior + 2 * NEPER**2 * q, 1e-300)
    line = np.exp(-0.5 * np.square(off) / total) / np.sqrt(2 * math.pi * total)
    ratio = 10 ** (off / 10)
    speckle = ratio * np.exp(-ratio) / NEPER  # density of the level of an exponential variate
    line *= ODDS * (1 - q)
    line /= line + q * speckle + 1e-300
    step = prior / total * off
    level[cells] += line * step
    known = prior * (1 - prior / total)  # of a line, by estimate and measurement
    uncertainty[cells] = np.sqrt(own + line * (known - own) + line * (1 - line) * np.square(step))
    return level, uncertainty


def calibrated(uncertainty_db: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return uncertainties that hold for 68 % of the cells, dB, [F, T].

    The network states too much for noise, and too little for cells that are half noise: whether a
    weak line is there it cannot know.

    Args:
        uncertainty_db: half-width of the 68 % interval by `towards_measured`, dB, [F, T].
        noise: share of noise (`noise_share`), [F, T].
    """
    constant, mixed, pure = CALIBRATION
    q = np.maximum(noise, 1e-6)
    return uncertainty_db * np.exp(constant + mixed * 4 * q * (1 - q)) * q**pure


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
