"""Scores of an estimated map against a measured one, in parts of the time (blocks)."""

from __future__ import annotations

import math
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
    """Return every score of an estimate, name of `SCORES` -> one number per block, [BLOCKS].

    nan where a block has nothing to score.

    Args:
        reference: the measured map.
        power: estimate without the Nyquist row, [n_fft/2, T].
    """
    grid = reference.grid
    estimate = power[: len(reference.power), reference.columns]
    grouped = _grouped(estimate, LINE_COLUMNS)
    lobe = 1 + 2 * round(main_lobe(grid) / grid.df / 2)
    octaves = _octaves(estimate, grid, reference.bands) - reference.octaves
    values = {name: np.full(BLOCKS, np.nan) for name in SCORES}
    for block, part in _parts(reference.power.shape[1]):
        values["deviance"][block] = whittle_deviance(reference.power[:, part], estimate[:, part])
    for block, part in _parts(grouped.shape[1]):
        if part.stop > part.start:
            found = _line_scores(reference.grouped[:, part], grouped[:, part], lobe)
            for name, value in found.items():
                values[name][block] = value
    for block, part in _parts(len(octaves)):
        values["octaves"][block] = _rms(octaves[part])
    if reference.cuts:
        magnitude = grid.with_nyquist(np.sqrt(power))
        spec = SpecMap(magnitude[None], grid, rpm=reference.rpm)
        errors = np.array([_cut(spec, k) - true for k, true in reference.cuts.items()])
        errors = errors[:, reference.columns]
        for block, part in _parts(errors.shape[1]):
            each = [_rms(x[np.isfinite(x)]) for x in errors[:, part]]
            values["orders"][block] = _mean(each)
    return values


def _line_scores(true: np.ndarray, ours: np.ndarray, lobe: int) -> dict[str, float]:
    """Scores of the lines of power averaged over groups of columns, [F, groups].

    ``lobe``: rows of the main lobe of a line.
    """
    true_db, ours_db = (to_db(x).astype(np.float64) for x in (true, ours))
    near = compare_ridges(true_db, ours_db, 1, reach=1, prominence=LINE_PROMINENCE)
    far = compare_ridges(true_db, ours_db, 1, reach=3, prominence=LINE_PROMINENCE)
    lines = peaks(true_db, LINE_PROMINENCE)
    wide = [to_db(uniform_filter1d(x, lobe, axis=0, mode="constant")) for x in (true, ours)]
    return {
        "level": _rms((wide[1] - wide[0])[lines]),
        "peak": _rms((ours_db - true_db)[lines]),
        "place": far.position_rms,
        "missed": 100 * (1 - near.found),
        # no line of its own: none invented
        "invented": 100 * near.invented if near.estimate_cells else 0.0,
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


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if np.size(values) else math.nan


def _mean(values: list[float]) -> float:
    kept = [v for v in values if not math.isnan(v)]
    return sum(kept) / len(kept) if kept else math.nan
