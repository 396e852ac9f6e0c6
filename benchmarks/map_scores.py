"""Scores of an estimated map against a measured one, in parts of the time (blocks)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.maps.windows import coverage, main_lobe
from specsr.nvh.levels import band_power, row_edges, third_octave_bands
from specsr.nvh.order_cut import order_cut
from specsr.scores.metrics import whittle_deviance
from specsr.scores.ridges import compare_ridges, peaks

BLOCKS = 6
"""Parts of the time."""

LINE_COLUMNS, LINE_PROMINENCE = 16, 10.0
"""Columns whose mean power lines are looked for in, and their prominence, dB."""

OCTAVE_SECONDS, ORDER_SECONDS = 0.25, 0.32
"""Times that third octaves and order cuts are averaged over, s."""

ORDERS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)

SCORES = {
    "deviance": "deviance",
    "level": "lines, level, dB rms",
    "peak": "lines, peak, dB rms",
    "place": "lines, place, rows rms",
    "missed": "lines missed, %",
    "invented": "lines invented, %",
    "octaves": "third octaves, dB rms",
    "orders": "order cuts, dB rms",
}
"""Name of a score -> its label.  The lower, the better."""

SQUARES = ("level", "peak", "place", "octaves", "orders")
"""Scores that are the root of a mean of squares."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A measured fine map of one channel, prepared for `score`.

    Attributes:
        grid: of the full map.
        columns: those whose window lies inside the recording; only they are scored.
        power: of these columns, below the highest scored frequency, [F, T].
        grouped: mean power of groups of columns, [F, groups].
        octaves: levels of third octaves, dB, [time, bands].
        bands: lower and upper edges of the third octaves, Hz.
        cuts: order -> its level in every column of the map; empty without a speed.
        rpm: speed in 1/min, one per sample; None without.
    """

    grid: Grid
    columns: slice
    power: np.ndarray
    grouped: np.ndarray
    octaves: np.ndarray
    bands: tuple[np.ndarray, np.ndarray]
    cuts: dict[float, np.ndarray]
    rpm: np.ndarray | None


def measured(fine: SpecMap, highest: float) -> Measured:
    """Return the reference of the scores, from the first channel of a full map.

    Args:
        fine: the map; if it has a speed, order cuts are scored.
        highest: highest frequency that is scored, Hz.

    Raises:
        SpecsrError: no window lies inside the recording.
    """
    rows = int(np.searchsorted(fine.freqs[:-1], highest))
    inside = np.flatnonzero(coverage(fine.grid) > 0.999)
    if not inside.size:
        raise SpecsrError(
            f"a recording of {fine.grid.length} samples is shorter than the window of "
            f"{fine.grid.n_fft}: expected a longer one"
        )
    columns = slice(int(inside[0]), int(inside[-1]) + 1)
    power = np.square(fine.magnitude[0, :rows, columns], dtype=np.float64)
    _, _, low, high = third_octave_bands()
    kept = (high <= fine.freqs[rows - 1]) & (high - low >= main_lobe(fine.grid))
    bands = low[kept], high[kept]
    orders = () if fine.rpm is None else ORDERS
    cuts = {k: _cut(fine, k) for k in orders if k * fine.rpm.max() / 60 < highest}
    return Measured(
        fine.grid, columns, power, _grouped(power, LINE_COLUMNS),
        _octaves(power, fine.grid, bands), bands, cuts, fine.rpm,
    )  # fmt: skip


def score(reference: Measured, power: np.ndarray) -> dict[str, np.ndarray]:
    """Return every score of an estimate as sum and count, name of `SCORES` -> [BLOCKS, 2].

    Sums of several maps can be added; `value` makes scores of them.

    Args:
        reference: the measured map.
        power: estimate without the Nyquist row, [n_fft/2, T].
    """
    grid = reference.grid
    estimate = power[: len(reference.power), reference.columns]
    grouped = _grouped(estimate, LINE_COLUMNS)
    lobe = 1 + 2 * round(main_lobe(grid) / grid.df / 2)
    octaves = _octaves(estimate, grid, reference.bands) - reference.octaves
    sums = {name: np.zeros((BLOCKS, 2)) for name in SCORES}
    for block, part in _parts(reference.power.shape[1]):
        if part.stop > part.start:
            deviance = whittle_deviance(reference.power[:, part], estimate[:, part])
            sums["deviance"][block] = deviance, 1
    for block, part in _parts(grouped.shape[1]):
        if part.stop > part.start:
            found = _line_scores(reference.grouped[:, part], grouped[:, part], lobe)
            for name, of_lines in found.items():
                sums[name][block] = of_lines
    for block, part in _parts(len(octaves)):
        sums["octaves"][block] = _mean_square(octaves[part])
    if reference.cuts:
        magnitude = grid.with_nyquist(np.sqrt(power))
        spec = SpecMap(magnitude[None], grid, rpm=reference.rpm)
        errors = np.array([_cut(spec, k) - true for k, true in reference.cuts.items()])
        errors = errors[:, reference.columns]
        for block, part in _parts(errors.shape[1]):
            sums["orders"][block] = _mean_square(errors[:, part])
    return sums


def value(name: str, sums: np.ndarray) -> np.ndarray:
    """Return a score from its sums and counts [..., 2], shape [...]; nan where nothing counts.

    Without a line of its own an estimate has invented none.
    """
    total, count = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    none = 0.0 if name == "invented" else np.nan
    found = np.where(count > 0, total / np.where(count > 0, count, 1), none)
    return np.sqrt(found) if name in SQUARES else found


def _line_scores(true: np.ndarray, ours: np.ndarray, lobe: int) -> dict[str, tuple[float, int]]:
    """Sums and counts over the lines of power averaged over groups of columns, [F, groups].

    ``lobe``: rows of the main lobe of a line.
    """
    true_db, ours_db = (to_db(x).astype(np.float64) for x in (true, ours))
    near = compare_ridges(true_db, ours_db, 1, reach=1, prominence=LINE_PROMINENCE)
    far = compare_ridges(true_db, ours_db, 1, reach=3, prominence=LINE_PROMINENCE)
    lines = peaks(true_db, LINE_PROMINENCE)
    wide = [to_db(uniform_filter1d(x, lobe, axis=0, mode="constant")) for x in (true, ours)]
    count, own = near.reference_cells, near.estimate_cells
    placed = round(far.found * count) if count else 0
    return {
        "level": (float(np.square(wide[1] - wide[0])[lines].sum()), count),
        "peak": (float(np.square(ours_db - true_db)[lines].sum()), count),
        "place": (far.position_rms**2 * placed if placed else 0.0, placed),
        "missed": (100 * (1 - near.found) * count if count else 0.0, count),
        "invented": (100 * near.invented * own if own else 0.0, own),
    }


def _parts(count: int) -> Iterator[tuple[int, slice]]:
    """Yield the blocks and their columns of ``count``; some are empty if there are fewer."""
    for block in range(BLOCKS):
        yield block, slice(-(-count * block // BLOCKS), -(-count * (block + 1) // BLOCKS))


def _grouped(power: np.ndarray, columns: int) -> np.ndarray:
    """Mean power of groups of ``columns`` columns, without a rest, [F, groups]."""
    columns = max(1, min(columns, power.shape[1]))
    groups = power.shape[1] // columns
    kept = power[:, : groups * columns].reshape(len(power), groups, columns)
    return np.asarray(kept.mean(axis=2))


def _octaves(
    power: np.ndarray, grid: Grid, bands: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:  # fmt: skip
    """Levels of third octaves over time, dB, [time, bands]."""
    columns = max(1, round(OCTAVE_SECONDS / grid.dt))
    starts = np.arange(0, max(1, power.shape[1] - columns + 1), columns)
    held = np.add.reduceat(power, starts, axis=1).T
    edges = row_edges(grid)[: len(power) + 1]
    return to_db(np.maximum(band_power(held, edges, *bands), 0)).astype(np.float64)


def _cut(spec: SpecMap, order: float) -> np.ndarray:
    """Level of an order over time, averaged, dB, [T]; nan where not valid."""
    levels = order_cut(spec, spec.rpm, order).levels[0]
    columns = max(1, min(round(ORDER_SECONDS / spec.grid.dt), len(levels)))
    power = np.convolve(10 ** (levels / 10), np.ones(columns) / columns, "same")
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power))


def _mean_square(errors: np.ndarray) -> tuple[float, int]:
    """Mean square of the errors that are not nan, and 1; zeros without any."""
    kept = errors[np.isfinite(errors)]
    return (float(np.mean(np.square(kept))), 1) if kept.size else (0.0, 0)
