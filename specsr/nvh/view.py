"""Maps on the axes an engineer reads: time or speed across, frequency or order up.

A `View` is for looking, cutting and exporting; unlike a `SpecMap` it has no way back to samples.
Columns are put on a speed axis by the time they spend in each step of speed, so a run at any
sweep rate fills it evenly; rows are put on an order axis by the row nearest to each order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsr.choices import XAxis, YAxis, check
from specsr.errors import SpecsrError
from specsr.maps.spec_map import FLOOR_DB, SpecMap
from specsr.maps.windows import coverage
from specsr.nvh.levels import to_level
from specsr.nvh.speed import frame_rpm
from specsr.units import REFERENCES, reference_label

X_AXES: dict[str, tuple[str, str]] = {"time": ("Time", "s"), "rpm": ("Speed", "rpm")}
Y_AXES = {"freq": ("Frequency", "Hz"), "order": ("Order", "")}
RPM_STEPS = 300
"""Columns, about, of a speed axis that is left to itself."""


@dataclass(frozen=True, eq=False)
class View:
    """Levels over (time or speed) x (frequency or order).

    Attributes:
        power: mean square in unit² (unit²/Hz for psd) in every cell, float64 [C, Y, X]; nan where
            nothing was measured.
        x, y: centres of the columns and rows, evenly spaced, [X], [Y]: s or 1/min, Hz or orders.
        x_axis: ``"time"`` or ``"rpm"``.
        y_axis: ``"freq"`` or ``"order"``.
        rpm: speed in every column, 1/min, [X]; None where it is not known.
        unit, scaling: as in `specsr.Grid`.
        channels: one name a channel.
    """

    power: np.ndarray
    x: np.ndarray
    y: np.ndarray
    x_axis: str
    y_axis: str
    rpm: np.ndarray | None = None
    unit: str = "1"
    scaling: str = "rms"
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.channels:
            names = tuple(f"ch{i + 1}" for i in range(len(self.power)))
            object.__setattr__(self, "channels", names)

    @property
    def db(self) -> np.ndarray:
        """Levels in dB re the unit's reference, float32 [C, Y, X]; nan where nothing is."""
        power = np.maximum(self.power, 10 ** (FLOOR_DB / 10))  # keeps nan
        return to_level(power, REFERENCES[self.unit]).astype(np.float32)

    @property
    def level_label(self) -> str:
        """What the levels are, such as ``"dB re 20 µPa"``."""
        return f"dB{'/Hz' if self.scaling == 'psd' else ''} {reference_label(self.unit)}"

    def edges(self) -> tuple[float, float, float, float]:
        """Outer edges of the cells: left, right, bottom, top."""
        dx, dy = (float(a[1] - a[0]) if a.size > 1 else 1.0 for a in (self.x, self.y))
        return (
            float(self.x[0] - dx / 2), float(self.x[-1] + dx / 2),
            float(self.y[0] - dy / 2), float(self.y[-1] + dy / 2),
        )  # fmt: skip


def view(
    spec: SpecMap,
    x: XAxis = "time",
    y: YAxis = "freq",
    rpm: np.ndarray | float | None = None,
    rpm_step: float | None = None,
    max_order: float | None = None,
) -> View:
    """Return a map on other axes.

    ``x="rpm", y="freq"`` is the Campbell diagram.  Every cell keeps the level it has in the map:
    on an order axis the rows stay ``df`` Hz wide, which is many orders at low speed; where that
    matters and there is a recording, `specsr.order_map` resamples it by angle instead.

    Args:
        spec: a calibrated map, full or pooled.
        x: ``"time"`` or ``"rpm"``; a speed that was passed more than once holds the mean power.
        y: ``"freq"`` or ``"order"``.
        rpm: speed in 1/min, one or one a sample; None takes the map's own.
        rpm_step: width of a column in 1/min; None makes about 300 columns.
        max_order: highest order; None takes the one that lies below half the rate at all times.

    Raises:
        SpecsrError: other axes, no speed, or a speed that does not change on a speed axis.
    """
    check(x, XAxis, "x")
    check(y, YAxis, "y")
    grid = spec.grid
    if rpm is None:
        rpm = spec.rpm
    speed: Any = None
    if rpm is not None or (x, y) != ("time", "freq"):  # without a speed this says so
        speed = np.abs(frame_rpm(rpm, grid))  # type: ignore[arg-type]
    power, rows = spec.power, grid.freqs()
    if y == "order":
        power, rows = _order_rows(spec, speed, max_order)
    columns = grid.times()
    if x == "rpm":
        power, columns = onto_speed(power, speed, coverage(grid), rpm_step)
        speed = columns
    return View(power, columns, rows, x, y, speed, grid.unit, grid.scaling, spec.channels)


def _order_rows(
    spec: SpecMap, speed: np.ndarray, max_order: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Power [C, orders, frames] of the row nearest to each order, and the orders."""
    grid = spec.grid
    fastest = float(speed.max()) / 60
    if fastest <= 0:
        raise SpecsrError("the speed is zero all along: there are no orders")
    top = grid.rate / 2 / fastest if max_order is None else max_order
    if not (math.isfinite(top) and top > 0):
        raise SpecsrError(f"max_order is {max_order}: expected a number above zero")
    step = grid.df / fastest  # no row is passed over, even at the highest speed
    orders = np.arange(max(2, math.floor(top / step) + 1)) * step
    # rows of pooled cells start above 0 Hz
    row = np.rint((orders[:, None] * speed / 60 - grid.freqs()[0]) / grid.df).astype(int)
    power = np.take_along_axis(
        spec.power, np.clip(row, 0, grid.rows - 1)[None].repeat(len(spec.channels), 0), axis=1
    )
    power[:, (row >= grid.rows) | (speed <= 0)] = np.nan
    return power, orders


def nice_step(span: float, count: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that cuts ``span`` into about ``count``."""
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    return power * min((1, 2, 5, 10), key=lambda m: abs(math.log(m * power / raw)))


def onto_speed(
    power: np.ndarray, speed: np.ndarray, weight: np.ndarray, step: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return power [C, Y, B] over even steps of speed and their centres in 1/min, [B].

    A column lasts from halfway to the one before it to halfway to the next; each step holds the
    mean of what was measured in it, weighted by time.  Steps that were not passed are nan.

    Args:
        power: [C, Y, T]; nan is left out.
        speed: 1/min in every column, [T].
        weight: part of every column's window that saw the signal, [T].
        step: 1/min; None makes about `RPM_STEPS` columns.
    """
    from scipy.sparse import coo_array

    low, high = float(speed.min()), float(speed.max())
    if high - low < 1e-6 * max(high, 1.0):
        raise SpecsrError(
            f"the speed stays at {high:g} rpm: a speed axis needs one that changes; choose x='time'"
        )
    if step is None:
        step = nice_step(high - low, RPM_STEPS)
    if not (math.isfinite(step) and step > 0):
        raise SpecsrError(f"rpm_step is {step}: expected a width in 1/min above zero")
    middle = (speed[1:] + speed[:-1]) / 2
    ends = np.stack([np.append(speed[:1], middle), np.append(middle, speed[-1:])])
    # a column without change of speed still has its place
    first, last = ends.min(0) - 1e-6 * step, ends.max(0) + 1e-6 * step
    origin = math.floor(low / step + 0.5)  # steps are centred on multiples of themselves
    count = math.floor(high / step + 0.5) - origin + 1
    a, b = (np.clip(np.floor(e / step + 0.5) - origin, 0, count - 1) for e in (first, last))
    per = (b - a + 1).astype(int)
    column = np.repeat(np.arange(speed.size), per)
    place = np.arange(per.sum()) - np.repeat(np.cumsum(per) - per, per) + np.repeat(a, per)
    left = (place + origin - 0.5) * step
    inside = np.minimum(last[column], left + step) - np.maximum(first[column], left)
    share = np.maximum(inside, 0) / (last - first)[column]
    shares = coo_array((share, (column, place.astype(int))), (speed.size, count)).tocsr()
    good = ~np.isnan(power)
    flat, there = (x.reshape(-1, speed.size) for x in (np.where(good, power, 0), good * weight))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (flat @ shares) / (there @ shares)
    return mean.reshape(*power.shape[:-1], count), (np.arange(count) + origin) * step
