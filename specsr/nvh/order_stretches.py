"""Fit of the orders of a whole map, in overlapping stretches of its columns.

Kept are the levels of every stretch, which are small.  Powers on the fine grid are made for the
columns that are asked for: those of a large map would take three times the memory of its result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from specsr.maps.grid import Grid
from specsr.maps.pooling import enlarge
from specsr.nvh.order_candidates import MachineOrders
from specsr.nvh.order_fit import OrderFit, ShaftLines, Solution, solve
from specsr.nvh.order_model import OrderModel
from specsr.progress import Progress

SEGMENT, OVERLAP = 256, 32
"""Coarse columns fitted at a time, and how many of them two neighbours share."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """One stretch of a map.

    Attributes:
        first, last: its coarse columns, ``last`` exclusive.
        weight: of the columns, [last - first]; over all stretches the weights of one add up to 1.
        solution: levels of its fit; None without a speed, where all power is the rest.
    """

    first: int
    last: int
    weight: np.ndarray
    solution: Solution | None


@dataclass(frozen=True, eq=False)
class MapFit:
    """Fit of a map.

    Attributes:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        speeds: rotation frequency of every shaft at each fine column, Hz, [S, T']; 0 where unknown.
        stretches: of the coarse columns, in order.
        shafts: the shaft of the speed of the map, then the further ones.
        share: of the coarse cells that lines fill, each times its confidence, 0 to 1.
    """

    power: np.ndarray
    grid: Grid
    scale: tuple[int, int]
    speeds: np.ndarray
    stretches: tuple[Stretch, ...]
    shafts: tuple[ShaftLines, ...]
    share: float

    @property
    def orders(self) -> tuple[float, ...]:
        """Orders of the speed of the map that the fit holds, ascending."""
        return self.shafts[0].orders

    @property
    def confirmed(self) -> tuple[float, ...]:
        """Orders of the speed of the map with a confidence above one half in a stretch."""
        return self.shafts[0].confirmed

    @property
    def confidence(self) -> np.ndarray:
        """Confidence of the orders of the speed of the map, 0 to 1, [T']."""
        return self.shafts[0].confidence

    def fine(self, first: int = 0, last: int | None = None) -> OrderFit:
        """Return the powers on the fine grid, of coarse columns ``first`` to ``last`` (exclusive).

        Args:
            first: a coarse column.
            last: another; None for the end of the map.
        """
        s_f, s_t = self.scale
        frames = self.speeds.shape[1]
        start, stop = first * s_t, frames if last is None else min(last * s_t, frames)
        shape = self.power.shape[0] * s_f, stop - start
        found = OrderFit(*(np.zeros(shape) for _ in range(3)))
        for stretch in self.stretches:
            own = slice(stretch.first * s_t, min(stretch.last * s_t, frames))
            low, high = max(own.start, start), min(own.stop, stop)
            if low >= high:
                continue
            inside, at = slice(low - own.start, high - own.start), slice(low - start, high - start)
            share = np.repeat(stretch.weight, s_t)[: own.stop - own.start][inside]
            parts = self._powers(stretch, own)
            for total, part in zip((found.lines, found.credible, found.rest), parts):
                total[:, at] += share * part[:, inside]
        return found

    def _powers(self, stretch: Stretch, columns: slice) -> tuple[np.ndarray, ...]:
        """Return lines, credible lines and the rest of a stretch, whose fine columns are given."""
        part = self.power[:, stretch.first : stretch.last]
        if stretch.solution is None:
            flat = enlarge(part, *self.scale, columns.stop - columns.start)
            return np.zeros_like(flat), np.zeros_like(flat), flat
        model = _model(part, self.grid, self.scale, self.speeds[:, columns])
        return model.fine(stretch.solution.levels, stretch.solution.trust)


def _model(power: np.ndarray, grid: Grid, scale: tuple[int, int], speeds: np.ndarray) -> OrderModel:
    """Return the model of a stretch: its coarse power and the speeds of all shafts in it."""
    return OrderModel(power, grid, scale, speeds[0], list(speeds[1:]))


def fit_orders(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
    machine: MachineOrders = MachineOrders(), progress: Progress | None = None,
) -> MapFit | None:  # fmt: skip
    """Fit orders and noise to a coarse map.

    Args:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        rotation_hz: rotation frequency at each fine column, Hz, [T']; 0 where unknown: no order
            there.
        machine: known orders and further shafts.
        progress: wraps the iterable of stretches, for a bar.

    Returns:
        The fit, or None if no speed is known or the map is silent.
    """
    speeds = np.stack([rotation_hz, *(shaft.rotation_hz for shaft in machine.shafts)])
    if not (speeds > 0).any() or not power.any():
        return None
    columns, s_t = power.shape[1], scale[1]
    sures = np.zeros(speeds.shape)
    total = 0.0
    made: list[Stretch] = []
    held: list[set[float]] = [set() for _ in speeds]
    confirmed: list[set[float]] = [set() for _ in speeds]
    evident: list[set[float]] = [set() for _ in speeds]
    parts = list(stretches(columns))
    for first, last, weight in progress(parts) if progress else parts:
        fine = slice(first * s_t, min(last * s_t, len(rotation_hz)))
        part = power[:, first:last]
        solution = None
        if (speeds[:, fine] > 0).any() and part.any():
            solution = solve(_model(part, grid, scale, speeds[:, fine]), machine.cut(fine))
            share = np.repeat(weight, s_t)[: fine.stop - fine.start]
            for i, shaft in enumerate(solution.shafts):
                held[i].update(shaft.orders)
                confirmed[i].update(shaft.confirmed)
                evident[i].update(shaft.evident)
                sures[i, fine] += share * shaft.confidence
            total += solution.share * weight.sum() / columns
        made.append(Stretch(first, last, weight, solution))
    shafts = tuple(
        ShaftLines(tuple(sorted(own)), sure, tuple(sorted(firm)), tuple(sorted(seen)))
        for own, sure, firm, seen in zip(held, sures, confirmed, evident)
    )
    return MapFit(power, grid, scale, speeds, tuple(made), shafts, total)


def stretches(columns: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the overlapping stretches in which a map of so many coarse columns is fitted.

    First column, last column + 1, and the weights of the columns [last - first]; over all
    stretches the weights of a column add up to 1.
    """
    step = SEGMENT - OVERLAP
    starts = list(range(0, max(1, columns - OVERLAP), step))
    for i, first in enumerate(starts):
        last = columns if i == len(starts) - 1 else first + SEGMENT
        weight = np.ones(last - first)
        ramp = (np.arange(OVERLAP) + 0.5) / OVERLAP
        if i:
            weight[:OVERLAP] = ramp
        if last < columns:
            weight[-OVERLAP:] = ramp[::-1]
        yield first, last, weight
