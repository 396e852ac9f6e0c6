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


@dataclass(frozen=True, eq=False)
class Ridges:
    """The ridges over frequency of a map, to be compared with those of others (`compare_found`).

    Attributes:
        db: levels of the map in dB, float64 [F, T].
        cells: cells of ridges, bool [F, T].
        faint: local maxima with a prominence of `FAINT` or more, bool [F, T].
        reach: largest distance of a counterpart, rows.
        separation: a single ridge has no other within this many rows.
    """

    db: np.ndarray
    cells: np.ndarray
    faint: np.ndarray
    reach: int
    separation: int


def peaks(db: np.ndarray, prominence: float) -> np.ndarray:
    """Return the local maxima over frequency of a map [F, T] in dB, bool [F, T].

    ``prominence`` is their least prominence in dB.
    """
    return _peaks(db, prominence)[0]


def _peaks(db: np.ndarray, *prominences: float) -> list[np.ndarray]:
    """Return the local maxima over frequency for each least prominence, bool [F, T] each."""
    found = [np.zeros(db.shape, dtype=bool) for _ in prominences]
    least = min(prominences)
    with warnings.catch_warnings():
        # scipy warns of maxima with a prominence of 0, which are not kept anyway
        warnings.simplefilter("ignore", RuntimeWarning)
        for column in np.flatnonzero(np.ptp(db, axis=0) >= least):
            rows, of = find_peaks(db[:, column], prominence=least, wlen=NEIGHBOURHOOD)
            for each, prominence in zip(found, prominences):
                each[rows[of["prominences"] >= prominence], column] = True
    return found


def ridges(db: np.ndarray, length: int, prominence: float = PROMINENCE) -> np.ndarray:
    """Return the cells of maxima over frequency that last ``length`` columns or more, bool [F, T].

    A ridge moves by at most one row per column; a wider search would connect maxima of noise.
    """
    return _lasting(peaks(db, prominence), length)


def _lasting(found: np.ndarray, length: int) -> np.ndarray:
    """Return the connected maxima [F, T] that span ``length`` columns or more, bool [F, T]."""
    labels, count = ndimage.label(found, np.ones((3, 3), dtype=int))
    spans = [places[1].stop - places[1].start for places in ndimage.find_objects(labels)]
    long = np.concatenate([[False], np.asarray(spans, dtype=int) >= length]) if count else [False]
    return found & np.asarray(long)[labels]


def find_ridges(
    db: np.ndarray,
    length: int,
    reach: int = 3,
    separation: int = 8,
    prominence: float = PROMINENCE,
) -> Ridges:
    """Return the ridges of a map [F, T] in dB; arguments as in `compare_ridges`.

    Raises:
        SpecsrError: the array does not have two dimensions.
    """
    db = np.asarray(db, np.float64)
    if db.ndim != 2:
        raise SpecsrError(f"the map has shape {db.shape}: expected [rows, columns]")
    strong, faint = _peaks(np.ascontiguousarray(db), prominence, FAINT)
    return Ridges(db, _lasting(strong, length), faint, reach, separation)


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
        SpecsrError: the shapes differ, or an array does not have two dimensions.
    """
    true, ours = (
        find_ridges(x, length, reach, separation, prominence) for x in (reference_db, estimate_db)
    )
    return compare_found(true, ours)


def compare_found(reference: Ridges, estimate: Ridges) -> RidgeErrors:
    """Compare the ridges of two maps, with the reach of the reference.

    Raises:
        SpecsrError: the shapes differ.
    """
    if reference.db.shape != estimate.db.shape:
        raise SpecsrError(
            f"reference has shape {reference.db.shape}, estimate {estimate.db.shape}: expected two "
            "maps [rows, columns] of the same shape"
        )
    reach = reference.reach
    rows, columns, offsets = _nearest(reference.cells, estimate.faint, reach)
    found = np.abs(offsets) <= reach
    _, _, back = _nearest(estimate.cells, reference.faint, reach)
    single = _alone(reference.faint & _near(reference.cells), reference.separation)
    alone = single[rows, columns]
    at, column = rows[found], columns[found]
    error = estimate.db[at + offsets[found], column] - reference.db[at, column]

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if values.size else float("nan")

    return RidgeErrors(
        mean(found), mean(found[alone]), mean(np.abs(back) > reach), int(reference.cells.sum()),
        int(estimate.cells.sum()), mean(np.square(offsets[found])) ** 0.5,
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


def find_lines(db: np.ndarray, grid: Grid) -> Ridges:
    """Return the lines of a map [F, T] in dB: ridges that last three windows or more."""
    return find_ridges(db, ridge_length(grid))


def find_transients(db: np.ndarray, grid: Grid) -> Ridges:
    """Return the transients of a map [F, T] in dB: ridges of the map [T, F] that span 16 rows.

    A counterpart may lie half a window away, the time resolution of a map.
    """
    reach = max(2, round(grid.n_fft / (2 * grid.hop_length * grid.cell[1])))
    return find_ridges(np.asarray(db).T, length=16, reach=reach, separation=2 * reach)


def compare_lines(reference_db: np.ndarray, estimate_db: np.ndarray, grid: Grid) -> RidgeErrors:
    """Compare the lines of two maps [F, T] in dB (`find_lines`)."""
    return compare_found(find_lines(reference_db, grid), find_lines(estimate_db, grid))


def compare_transients(
    reference_db: np.ndarray, estimate_db: np.ndarray, grid: Grid
) -> RidgeErrors:
    """Compare the transients of two maps [F, T] in dB (`find_transients`)."""
    true, found = (find_transients(x, grid) for x in (reference_db, estimate_db))
    return compare_found(true, found)


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
