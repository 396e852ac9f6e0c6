"""Choice of a speed for a coarse map: the given one, one found in the map, or none.

A speed counts as far as its lines are known to lie at their orders (`specsr.nvh.order_evidence`).
The given speed is corrected where the map is clear; one of low confidence competes with the speed
found from the lines of the map, and the one that explains more cells is used.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from specsr.choices import SpeedSource
from specsr.maps.grid import Grid
from specsr.nvh.order_candidates import MachineOrders
from specsr.nvh.order_stretches import MapFit, fit_orders
from specsr.nvh.speed_correction import correct_speed
from specsr.nvh.speed_factor import with_one_factor
from specsr.nvh.speed_search import MAX_SPACING, find_line_spacing
from specsr.nvh.speed_track import STRETCH, track_speed
from specsr.progress import Progress

log = logging.getLogger(__name__)

CLEAR = 0.7
"""Mean confidence from which a given speed is used without a search for another one."""
LEAST, LEAST_STEADY = 0.37, 0.45
"""Least mean confidence of a speed that is used: of one that varies, of a nearly constant one.  5 %
of wrong speeds of synthetic machines exceed them (benchmarks/evidence.py, set 1)."""
STEADY = 0.2
"""Relative change, from the 5 % to the 95 % quantile, below which a speed is nearly constant: its
lines do not sweep through cells, so the map is less evidence of where they lie."""
WIDEST = (MAX_SPACING, MAX_SPACING / 2)
"""Largest spacings of the search, rows: if the map does not support a wide one, such as that of the
strongest lines of a few, a narrower one is searched for."""
COMB = 15
"""Confirmed orders that a found, nearly constant speed needs: tones of several machines, such as
two fans or four rotors, also lie on one comb if it has few lines.
"""
SHOWN = 2
"""Orders of a further shaft, or all that are known, that the map shows by itself: a line of another
machine may sweep like one order of a shaft that does not exist (benchmarks/evidence.py).

CLEAR, WIDEST, COMB and SHOWN were chosen on synthetic machines of all kinds
(benchmarks/generator.py, sets 1 and 2, not those of the published table)."""


@dataclass(frozen=True, eq=False)
class ShaftEvidence:
    """A shaft and how far a map shows it.

    Attributes:
        name: of the shaft; "" for that of the speed of the map.
        rotation_hz: rotation frequency at each fine column, Hz, [T']; 0 where unknown.
        confidence: how far the lines of a column are known to lie at its orders, 0 to 1, [T'].
        orders: confirmed in one channel or more, ascending.
        evident: the same by the evidence of the map alone, without what is known.
    """

    name: str
    rotation_hz: np.ndarray
    confidence: np.ndarray
    orders: tuple[float, ...]
    evident: tuple[float, ...] = ()

    @property
    def sure(self) -> float:
        """Mean confidence over the columns with a speed, 0 to 1; 0 without a speed."""
        known = self.rotation_hz > 0
        return float(self.confidence[known].mean()) if known.any() else 0.0

    @property
    def is_steady(self) -> bool:
        """Whether the speed is nearly constant, see `STEADY`."""
        known = self.rotation_hz[self.rotation_hz > 0]
        if not known.size:
            return True
        low, high = np.quantile(known, (0.05, 0.95))
        return bool(high < (1 + STEADY) * low)

    def is_evidence(self, least_orders: int = 0) -> bool:
        """Whether the map is evidence enough to use the speed.

        Args:
            least_orders: confirmed orders that a nearly constant speed needs.
        """
        if not self.is_steady:
            return self.sure >= LEAST
        return self.sure >= LEAST_STEADY and len(self.orders) >= least_orders

    def is_shown(self, known: Sequence[float]) -> bool:
        """Whether the map shows so many orders by itself that the shaft is there, see `SHOWN`.

        Args:
            known: orders that the shaft is known to have, and no other; none if unknown.
        """
        return len(self.evident) >= min(SHOWN, len(set(known)) or SHOWN)


@dataclass(frozen=True, eq=False)
class SpeedFit:
    """A speed, the fits of all channels at it, and what it explains.

    Attributes:
        source: ``"given"``, ``"corrected"`` (given, then corrected) or ``"found"``.
        own: the shaft of that speed.  A found speed is the spacing of the lines: the rotation
            frequency up to a simple factor.  Zero throughout if only further shafts are used.
        fits: of every channel; None for a silent one.
        share: of the coarse cells that lines fill, each counted by its confidence, 0 to 1.
        shafts: the further shafts that are used.
    """

    source: SpeedSource
    own: ShaftEvidence
    fits: tuple[MapFit | None, ...]
    share: float
    shafts: tuple[ShaftEvidence, ...] = ()

    @property
    def rotation_hz(self) -> np.ndarray:
        """Rotation frequency of the speed at each fine column, Hz, [T']; 0 where unknown."""
        return self.own.rotation_hz

    @property
    def has_speed(self) -> bool:
        """Whether the speed is used, and not further shafts alone."""
        return bool((self.rotation_hz > 0).any())

    @property
    def rpm(self) -> np.ndarray:
        """Return the speed at each fine column, 1/min, [T']; 0 where unknown."""
        return 60 * self.rotation_hz


def fit_speed(
    measured: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
    source: SpeedSource, machine: MachineOrders = MachineOrders(),
    progress: Progress | None = None,
) -> SpeedFit | None:  # fmt: skip
    """Return the fits of a map at a speed; None if the map is no evidence of it or of a shaft.

    Shafts that the map is no evidence of are left out, and the others fitted again.

    Args:
        measured: power of the coarse map, [C, F, T].
        grid: fine grid.
        scale: (s_f, s_t).
        rotation_hz: at each fine column, Hz, [T']; 0 where unknown.
        source: of the speed.
        machine: known orders and further shafts.
        progress: wraps the stretches of every channel.
    """
    fits = tuple(
        fit_orders(channel, grid, scale, rotation_hz, machine, progress) for channel in measured
    )
    held = [fit for fit in fits if fit is not None and any(shaft.orders for shaft in fit.shafts)]
    if not held:
        return None
    speeds = [("", rotation_hz), *((each.name, each.rotation_hz) for each in machine.shafts)]
    own, *others = (
        ShaftEvidence(
            name, speed, np.mean([fit.shafts[i].confidence for fit in held], axis=0),
            tuple(sorted(set().union(*(fit.shafts[i].confirmed for fit in held)))),
            tuple(sorted(set().union(*(fit.shafts[i].evident for fit in held)))),
        )
        for i, (name, speed) in enumerate(speeds)
    )  # fmt: skip
    accepted = own.is_evidence(COMB if source == "found" else 0)
    used = [
        shaft.is_evidence() and shaft.is_shown(known.orders)
        for shaft, known in zip(others, machine.shafts)
    ]
    if all(used) and (accepted or not (rotation_hz > 0).any()):
        share = float(np.mean([fit.share for fit in held]))
        return SpeedFit(source, own, fits, share, tuple(others))
    if not (accepted or any(used)):
        return None
    kept = tuple(shaft for shaft, right in zip(machine.shafts, used) if right)
    return fit_speed(
        measured, grid, scale, rotation_hz * accepted, source, replace(machine, shafts=kept),
        progress,
    )  # fmt: skip


def given_speed(
    measured: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
    machine: MachineOrders = MachineOrders(), find: bool = True,
    progress: Progress | None = None,
) -> SpeedFit | None:  # fmt: skip
    """Return the fits at given speeds, or None without one or without evidence of any.

    Args:
        find: whether the speed of the map is corrected where the map is clear
            (`specsr.nvh.speed_correction`); those of further shafts are taken as they are.
        measured, grid, scale, rotation_hz, machine, progress: see `fit_speed`.
    """
    known = rotation_hz > 0
    if not (known.any() or any((shaft.rotation_hz > 0).any() for shaft in machine.shafts)):
        return None
    corrected = rotation_hz.copy()
    kept: set[float] | None = set()
    if find and known.any():
        for part, power in column_stretches(measured, len(rotation_hz), scale[1]):
            corrected[part], orders = correct_speed(
                power, grid, scale, rotation_hz[part], machine.cut(part)
            )
            kept = None if kept is None or orders is None else kept.union(orders)
    changed = bool((corrected != rotation_hz).any())
    if find and known.any() and kept is not None and not changed and len(measured) == 1:
        machine = replace(machine, half=tuple(sorted(kept)))  # the others gain nothing: no search
    source: SpeedSource = "corrected" if changed else "given"
    fit = fit_speed(measured, grid, scale, corrected, source, machine, progress)
    if known.any() and not (fit is not None and fit.has_speed):
        log.info("speed: the lines of this map are no evidence of the given speed: not used")
    elif changed:
        off = 100 * (corrected / np.where(known, rotation_hz, 1) - 1)[known]
        log.info(
            "speed: corrected by %.2f to %.2f %% from the lines in the map", off.min(), off.max()
        )
    for shaft in machine.shafts:
        if fit is None or shaft.name not in [each.name for each in fit.shafts]:
            log.info(
                "speed: the lines of this map are no evidence of the shaft %s: not used", shaft.name
            )
    return fit


def found_speed(
    magnitude: np.ndarray, measured: np.ndarray, grid: Grid, scale: tuple[int, int],
    machine: MachineOrders = MachineOrders(), progress: Progress | None = None,
) -> SpeedFit | None:  # fmt: skip
    """Return the fits at the speed found from the lines of a map; None where it is not clear.

    Args:
        magnitude: estimate of the fine map, [C, F s_f, T'].
        measured, grid, scale, machine, progress: see `fit_speed`.
    """
    rotation_hz = np.zeros(magnitude.shape[-1])
    borders = []
    for part, power in column_stretches(measured, len(rotation_hz), scale[1]):
        borders.append(part.start)
        estimate = np.square(magnitude[..., part], dtype=np.float64)
        for widest in WIDEST:
            spacing = find_line_spacing(estimate, grid, widest)
            rotation_hz[part] = track_speed(power, grid, scale, spacing)
            if rotation_hz[part].any() or spacing.max() <= min(WIDEST) * grid.df:
                break
    rotation_hz = with_one_factor(rotation_hz, borders[1:])
    found = rotation_hz[rotation_hz > 0]
    if not len(found):
        return None
    fit = fit_speed(measured, grid, scale, rotation_hz, "found", machine, progress)
    if fit is None or not fit.has_speed:
        return None
    log.info(
        "speed: harmonic lines with a spacing of %.4g to %.4g Hz in %.0f %% of the map, used as "
        "orders of one machine with a confidence of %.0f %%",
        found.min(), found.max(), 100 * len(found) / len(rotation_hz),
        100 * fit.own.sure,
    )  # fmt: skip
    return fit


def better(given: SpeedFit | None, found: SpeedFit | None) -> SpeedFit | None:
    """Return the fit whose lines fill more cells; the given one if both fill as many."""
    if given is None or found is None:
        return given or found
    if found.share <= given.share:
        return given
    log.info("speed: the lines at the given speed fill fewer cells than at the one found: not used")
    return found


def is_clear(fit: SpeedFit | None) -> bool:
    """Return whether a speed explains the lines so well that no other one is searched for."""
    return fit is not None and fit.own.sure >= CLEAR


def rotation_of(fit: SpeedFit | None, frames: int) -> np.ndarray:
    """Return the speed of a clear fit in Hz, [T'], for an order-conditioned network; else zeros."""
    return fit.rotation_hz if fit is not None and is_clear(fit) else np.zeros(frames)


def column_stretches(
    measured: np.ndarray, frames: int, s_t: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield stretches of nearly equal length: fine columns, and power of all channels, [F, T].

    Every channel is divided by its mean, as all show one machine but may differ in unit.
    """
    columns = measured.shape[-1]
    count = -(-frames // STRETCH)
    borders = [i * columns // count for i in range(count + 1)]
    for first, last in zip(borders, borders[1:]):
        coarse = measured[..., first:last]
        normalised = coarse / np.maximum(coarse.mean(axis=(1, 2), keepdims=True), 1e-300)
        yield slice(first * s_t, min(last * s_t, frames)), normalised.sum(axis=0)
