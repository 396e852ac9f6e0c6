"""Lines and transients of one map looked for in another: which are lost, which are invented.

A ridge is a chain of local maxima: over frequency for a line (an order, a whine), over time for a
transient (a click).  Speckle makes maxima too, but no chain of them: neighbouring windows that do
not overlap, and rows more than a main lobe apart, have nothing to do with each other.
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
"""How far in dB a ridge stands above the valleys beside it."""

FAINT = 2.0
"""What suffices, in dB, for a counterpart: a ridge that is there but weaker was not invented."""

NEIGHBOURHOOD = 49
"""Cells in which the valleys are looked for."""


@dataclass(frozen=True)
class RidgeErrors:
    """What became of the ridges of a reference.

    Attributes:
        found: share of the reference's ridge cells with a counterpart, 0 to 1; nan without ridges.
        found_apart: the same over ridges that are farther than ``apart`` from the next.
        invented: share of the estimate's ridge cells without a counterpart; nan without ridges.
        reference_cells, estimate_cells: how many ridge cells each has.
        position_rms: distance in cells between a found ridge and its counterpart, rms.
        level_rms_db, level_bias_db: their levels, estimate minus reference.
        level_bias_apart_db: the bias over ridges farther than ``apart`` from the next.
    """

    found: float
    found_apart: float
    invented: float
    reference_cells: int
    estimate_cells: int
    position_rms: float
    level_rms_db: float
    level_bias_db: float
    level_bias_apart_db: float


def peaks(db: np.ndarray, prominence: float) -> np.ndarray:
    """Return where a map [F, T] in dB has maxima over its rows of this prominence, bool."""
    found = np.zeros(db.shape, dtype=bool)
    with warnings.catch_warnings():
        # a rise to the end of the neighbourhood is no peak, and need not be told
        warnings.simplefilter("ignore", RuntimeWarning)
        for column in np.flatnonzero(np.ptp(db, axis=0) >= prominence):
            rows, _ = find_peaks(db[:, column], prominence=prominence, wlen=NEIGHBOURHOOD)
            found[rows, column] = True
    return found


def ridges(db: np.ndarray, length: int, prominence: float = PROMINENCE) -> np.ndarray:
    """Return the maxima over rows that go on for ``length`` columns or more, bool [F, T].

    From one column to the next a ridge moves by up to a row: more would chain up speckle.
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
    apart: int = 8,
) -> RidgeErrors:
    """Compare the ridges over rows of two maps [F, T] in dB.

    Args:
        length: columns that a ridge lasts at least.
        reach: rows within which a counterpart lies.
        apart: rows within which a ridge that stands alone has no other.

    Raises:
        SpecsrError: the shapes differ.
    """
    reference_db, estimate_db = (np.asarray(x, np.float64) for x in (reference_db, estimate_db))
    if reference_db.shape != estimate_db.shape or reference_db.ndim != 2:
        raise SpecsrError(
            f"reference has shape {reference_db.shape} and estimate {estimate_db.shape}: expected "
            "two maps [rows, columns] of the same shape"
        )
    true, ours = (ridges(x, length) for x in (reference_db, estimate_db))
    any_true, any_ours = (peaks(x, FAINT) for x in (reference_db, estimate_db))
    rows, columns, offsets = _nearest(true, any_ours, reach)
    found = np.abs(offsets) <= reach
    _, _, back = _nearest(ours, any_true, reach)
    alone = _alone(any_true & _near(true), apart)[rows, columns]
    level = estimate_db[np.clip(rows + offsets, 0, len(true) - 1), columns]
    error = level - reference_db[rows, columns]

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if values.size else float("nan")

    return RidgeErrors(
        mean(found), mean(found[alone]), mean(np.abs(back) > reach),
        int(true.sum()), int(ours.sum()), mean(np.square(offsets[found])) ** 0.5,
        mean(np.square(error[found])) ** 0.5, mean(error[found]), mean(error[found & alone]),
    )  # fmt: skip


def split_lines(
    truth_db: np.ndarray, lines: np.ndarray, length: int, apart: int = 8, reach: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Part the cells of lines into those of ridges that stand alone and those of close ones.

    Args:
        lines: which cells are lines, bool [F, T], see `specsr.scores.map_errors.line_mask`.
        apart: rows within which a ridge that stands alone has no other.
        reach: rows on either side that belong to a ridge; a line cell farther from any ridge is
            in neither part.

    Returns:
        Two masks [F, T].
    """
    found = peaks(truth_db, FAINT) & _near(ridges(truth_db, length))
    # one column is out of another's reach: the nearest ridge is that of the same column
    distance, (row, column) = ndimage.distance_transform_edt(
        ~found, sampling=(1, 4 * len(found)), return_indices=True
    )
    alone = _alone(found, apart)[row, column]
    near = lines & (distance <= reach)
    return near & alone, near & ~alone


def ridge_length(grid: Grid, windows: float = 3.0) -> int:
    """Columns of a map that some window lengths take: what a line lasts at least."""
    return max(3, round(windows * grid.n_fft / (grid.hop_length * grid.cell[1])))


def compare_lines(reference_db: np.ndarray, estimate_db: np.ndarray, grid: Grid) -> RidgeErrors:
    """Compare the lines of two maps: ridges over frequency that last three windows or more."""
    return compare_ridges(reference_db, estimate_db, ridge_length(grid))


def compare_transients(
    reference_db: np.ndarray, estimate_db: np.ndarray, grid: Grid
) -> RidgeErrors:
    """Compare the transients of two maps: ridges over time that span 16 rows or more.

    Positions are judged within half a window: no map says it finer.
    """
    reach = max(2, round(grid.n_fft / (2 * grid.hop_length * grid.cell[1])))
    true, found = (np.ascontiguousarray(np.asarray(x).T) for x in (reference_db, estimate_db))
    return compare_ridges(true, found, length=16, reach=reach, apart=2 * reach)


def _near(cells: np.ndarray) -> np.ndarray:
    """The cells and those one row and column around them."""
    return ndimage.binary_dilation(cells, np.ones((3, 3), dtype=bool))


def _alone(cells: np.ndarray, apart: int) -> np.ndarray:
    """Which cells have no other in their column within ``apart`` rows, bool like ``cells``."""
    around = ndimage.convolve1d(cells.astype(np.int32), np.ones(2 * apart + 1, np.int32), axis=0,
                                mode="constant")  # fmt: skip
    return cells & (around == 1)


def _nearest(
    cells: np.ndarray, others: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of cells, and how many rows on the nearest other of the column lies.

    ``reach + 1`` where none is within ``reach``.
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
