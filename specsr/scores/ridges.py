"""Ridges (lines and transients) of a reference map, matched with those of an estimate.

A ridge is a chain of local maxima: over frequency for a line (an order, a whine), over time for a
transient (a click).  Noise also has local maxima, but rarely chains of them: windows that do not
overlap are statistically independent, and so are rows farther apart than a main lobe.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.signal import find_peaks

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid

PROMINENCE = 6.0
"""Prominence of a ridge over the minima on both sides, dB."""

FAINT = 2.0
"""Prominence that a counterpart needs, dB: a ridge with a weaker counterpart was not invented."""

NEIGHBOURHOOD = 49
"""Window for the prominence (``wlen`` of `scipy.signal.find_peaks`), cells."""


@dataclass(frozen=True)
class RidgeErrors:
    """Errors of the ridges of an estimate; nan where there is nothing to average.

    Attributes:
        found: share of the reference's ridge cells with a counterpart, 0 to 1.
        found_single: the same over single ridges, farther than ``separation`` from the next.
        invented: share of the estimate's ridge cells without a counterpart, 0 to 1.
        reference_cells, estimate_cells: number of ridge cells of each.
        position_rms: distance between found ridge cells and their counterparts, rms, cells.
        level_rms_db, level_bias_db: error of their levels, estimate minus reference, rms and mean.
        level_bias_single_db: mean error of the levels over single ridges.
    """

    found: float
    found_single: float
    invented: float
    reference_cells: int
    estimate_cells: int
    position_rms: float
    level_rms_db: float
    level_bias_db: float
    level_bias_single_db: float


def peaks(db: np.ndarray, prominence: float) -> np.ndarray:
    """Return the local maxima over frequency of a map [F, T] in dB, bool [F, T].

    ``prominence`` is their least prominence in dB.
    """
    found = np.zeros(db.shape, dtype=bool)
    with warnings.catch_warnings():
        # scipy warns of maxima with a prominence of 0, which are not kept anyway
        warnings.simplefilter("ignore", RuntimeWarning)
        for column in np.flatnonzero(np.ptp(db, axis=0) >= prominence):
            rows, _ = find_peaks(db[:, column], prominence=prominence, wlen=NEIGHBOURHOOD)
            found[rows, column] = True
    return found


def ridges(db: np.ndarray, length: int, prominence: float = PROMINENCE) -> np.ndarray:
    """Return the cells of maxima over frequency that last ``length`` columns or more, bool [F, T].

    A ridge moves by at most one row per column; a wider search would connect maxima of noise.
    """
    found = peaks(db, prominence)
    labels, count = ndimage.label(found, np.ones((3, 3), dtype=int))
    spans = [places[1].stop - places[1].start for places in ndimage.find_objects(labels)]
    long = np.concatenate([[False], np.asarray(spans, dtype=int) >= length]) if count else [False]
    return found & np.asarray(long)[labels]


def compare_ridges(
    reference_db: np.ndarray,
    estimate_db: np.ndarray,
    length: int,
    reach: int = 3,
    separation: int = 8,
    prominence: float = PROMINENCE,
) -> RidgeErrors:
    """Compare the ridges over frequency of two maps [F, T] in dB.

    Args:
        reference_db, estimate_db: levels in dB, one shape.
        length: least length of a ridge, columns.
        reach: largest distance of a counterpart, rows.
        separation: a single ridge has no other within this many rows.
        prominence: of a ridge over the minima on both sides, dB.

    Raises:
        SpecsrError: the shapes differ, or the arrays do not have two dimensions.
    """
    reference_db, estimate_db = (np.asarray(x, np.float64) for x in (reference_db, estimate_db))
    if reference_db.shape != estimate_db.shape or reference_db.ndim != 2:
        raise SpecsrError(
            f"reference has shape {reference_db.shape}, estimate {estimate_db.shape}: expected two "
            "maps [rows, columns] of the same shape"
        )
    true, ours = (ridges(x, length, prominence) for x in (reference_db, estimate_db))
    any_true, any_ours = (peaks(x, FAINT) for x in (reference_db, estimate_db))
    rows, columns, offsets = _nearest(true, any_ours, reach)
    found = np.abs(offsets) <= reach
    _, _, back = _nearest(ours, any_true, reach)
    alone = _alone(any_true & _near(true), separation)[rows, columns]
    at, column = rows[found], columns[found]
    error = estimate_db[at + offsets[found], column] - reference_db[at, column]

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if values.size else float("nan")

    return RidgeErrors(
        mean(found), mean(found[alone]), mean(np.abs(back) > reach),
        int(true.sum()), int(ours.sum()), mean(np.square(offsets[found])) ** 0.5,
        mean(np.square(error)) ** 0.5, mean(error), mean(error[alone[found]]),
    )  # fmt: skip


def split_lines(
    truth_db: np.ndarray, lines: np.ndarray, length: int, separation: int = 8, reach: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Split the cells of lines into those of single ridges and those of close ones.

    Args:
        truth_db: levels in dB, [F, T].
        lines: cells that belong to lines, bool [F, T] (`specsr.scores.map_errors.line_mask`).
        length: least length of a ridge, columns.
        separation: a single ridge has no other within this many rows.
        reach: rows on either side that belong to a ridge; a line cell farther from any ridge is
            in neither mask.

    Returns:
        Masks of single and of close lines, bool [F, T] each.
    """
    found = peaks(truth_db, FAINT) & _near(ridges(truth_db, length))
    # a step in time costs more than all rows together: the nearest ridge is in the same column
    distance, (row, column) = ndimage.distance_transform_edt(
        ~found, sampling=(1, 4 * len(found)), return_indices=True
    )
    alone = _alone(found, separation)[row, column]
    near = lines & (distance <= reach)
    return near & alone, near & ~alone


def ridge_length(grid: Grid, windows: float = 3.0) -> int:
    """Least length of a line in columns: that of ``windows`` analysis windows, at least 3."""
    return max(3, round(windows * grid.n_fft / (grid.hop_length * grid.cell[1])))


def compare_lines(reference_db: np.ndarray, estimate_db: np.ndarray, grid: Grid) -> RidgeErrors:
    """Compare the lines of two maps [F, T] in dB: ridges that last three windows or more."""
    return compare_ridges(reference_db, estimate_db, ridge_length(grid))


def compare_transients(
    reference_db: np.ndarray, estimate_db: np.ndarray, grid: Grid
) -> RidgeErrors:
    """Compare the transients of two maps [F, T] in dB: ridges that span 16 rows or more.

    A counterpart may lie half a window away, the time resolution of a map.
    """
    reach = max(2, round(grid.n_fft / (2 * grid.hop_length * grid.cell[1])))
    true, found = (np.ascontiguousarray(np.asarray(x).T) for x in (reference_db, estimate_db))
    return compare_ridges(true, found, length=16, reach=reach, separation=2 * reach)


def _near(cells: np.ndarray) -> np.ndarray:
    """The cells and their eight neighbours."""
    return ndimage.binary_dilation(cells, np.ones((3, 3), dtype=bool))


def _alone(cells: np.ndarray, separation: int) -> np.ndarray:
    """Cells without another in their column within ``separation`` rows, bool like ``cells``."""
    window = np.ones(2 * separation + 1, np.int32)
    around = ndimage.convolve1d(cells.astype(np.int32), window, axis=0, mode="constant")
    return cells & (around == 1)


def _nearest(
    cells: np.ndarray, others: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of cells, and the offset in rows to the nearest other of the same column.

    The offset is ``reach + 1`` where none lies within ``reach``.
    """
    rows, columns = np.nonzero(cells)
    best = np.full(rows.size, reach + 1)
    for offset in sorted(range(-reach, reach + 1), key=abs, reverse=True):
        at = rows + offset
        inside = (at >= 0) & (at < len(cells))
        hit = np.zeros(rows.size, dtype=bool)
        hit[inside] = others[at[inside], columns[inside]]
        best[hit] = offset
    return rows, columns, best
