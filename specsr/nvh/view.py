"""Maps over time or speed (horizontal) and frequency or order (vertical).

A `View` is for plots and export; unlike a `SpecMap` it cannot be converted back to samples.  On a
speed axis, columns are averaged by the time that they spend in each speed step, so the sweep rate
does not matter.  On an order axis, each order takes the nearest row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from specsr.choices import XAxis, YAxis, check
from specsr.errors import SpecsrError
from specsr.io.limits import check_size
from specsr.maps.spec_map import FLOOR_DB, SpecMap
from specsr.maps.windows import coverage
from specsr.nvh.levels import to_level
from specsr.nvh.speed import column_rpm
from specsr.units import REFERENCES, reference_label

X_AXES: dict[str, tuple[str, str]] = {"time": ("Time", "s"), "rpm": ("Speed", "rpm")}
Y_AXES: dict[str, tuple[str, str]] = {"freq": ("Frequency", "Hz"), "order": ("Order", "")}
"""Axis -> its title and unit."""

RPM_STEPS = 300
"""Approximate number of columns of a speed axis without a given step."""
MAX_STEPS = 100_000
"""Largest number of columns of a speed axis."""


@dataclass(frozen=True, eq=False)
class View:
    """Levels over (time or speed) x (frequency or order).

    Attributes:
        power: mean square in unit² (unit²/Hz for psd) of every cell, float64 [C, Y, X]; nan where
            nothing was measured.
        x: centres of the columns, evenly spaced, s or 1/min, [X].
        y: centres of the rows, evenly spaced, Hz or orders, [Y].
        x_axis: ``"time"`` or ``"rpm"``.
        y_axis: ``"freq"`` or ``"order"``.
        rpm: speed in every column, 1/min, [X]; None where unknown.
        unit: of the samples, a key of `specsr.units.REFERENCES`.
        scaling: ``"rms"`` or ``"psd"``.
        channels: one name per channel; ``ch1``, ``ch2`` by default.
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
        """Levels in dB re the unit's reference, float32 [C, Y, X]; nan as in ``power``."""
        power = np.maximum(self.power, 10 ** (FLOOR_DB / 10))  # nan stays nan
        return to_level(power, REFERENCES[self.unit]).astype(np.float32)

    @property
    def level_label(self) -> str:
        """Unit of the levels, such as ``"dB re 20 µPa"``."""
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
    """Return a map over other axes.

    ``x="rpm", y="freq"`` is the Campbell diagram.  Every cell keeps its level: on an order axis
    the rows stay ``df`` Hz wide, which is many orders at low speed.  For recordings,
    `specsr.order_map` avoids this by resampling in the angle domain.

    Args:
        spec: a calibrated map, full or pooled.
        x: ``"time"`` or ``"rpm"``; speeds passed more than once hold the mean power.
        y: ``"freq"`` or ``"order"``.
        rpm: speed in 1/min, one or one per sample [spec.grid.length]; None takes the map's own.
        rpm_step: width of a column in 1/min; None gives about 300 columns.
        max_order: highest order; None takes the one below half the sampling rate at all times.

    Raises:
        SpecsrError: unknown axes, no speed, a speed that does not change on a speed axis, zero
            speed on an order axis, or a step or order that is not above zero.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> campbell = specsr.view(specsr.spectrogram(run.signal), "rpm")
        >>> campbell.x_axis, campbell.y_axis
        ('rpm', 'freq')
    """
    check(x, XAxis, "x")
    check(y, YAxis, "y")
    grid, power, rows, columns = spec.grid, spec.power, spec.grid.freqs(), spec.grid.times()
    rpm = spec.rpm if rpm is None else rpm
    if rpm is None and (x, y) == ("time", "freq"):
        return View(power, columns, rows, x, y, None, grid.unit, grid.scaling, spec.channels)
    speed = np.abs(column_rpm(rpm, grid))
    if y == "order":
        power, rows = _order_rows(spec, speed, max_order)
    if x == "rpm":
        power, columns = onto_rpm(power, speed, coverage(grid), rpm_step)
        speed = columns
    return View(power, columns, rows, x, y, speed, grid.unit, grid.scaling, spec.channels)


def _order_rows(
    spec: SpecMap, rpm: np.ndarray, max_order: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the power of the row nearest to each order [C, orders, frames], and the orders."""
    grid = spec.grid
    fastest = float(rpm.max()) / 60
    if fastest <= 0:
        raise SpecsrError("the speed is zero throughout: an order axis needs a speed above zero")
    top = grid.rate / 2 / fastest if max_order is None else max_order
    if not (math.isfinite(top) and top > 0):
        raise SpecsrError(f"max_order is {max_order}: expected a number above zero")
    step = grid.df / fastest  # no row is skipped, even at the highest speed
    orders = np.arange(max(2, math.floor(top / step) + 1)) * step
    # rows of pooled cells start above 0 Hz
    row = np.rint((orders[:, None] * rpm / 60 - grid.freqs()[0]) / grid.df).astype(int)
    power = np.take_along_axis(
        spec.power, np.clip(row, 0, grid.rows - 1)[None].repeat(len(spec.channels), 0), axis=1
    )
    power[:, (row >= grid.rows) | (rpm <= 0)] = np.nan
    return power, orders


def nice_step(span: float, count: int) -> float:
    """Return 1, 2 or 5 times a power of ten: the step of about ``count`` intervals in ``span``."""
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    return power * min((1, 2, 5, 10), key=lambda m: abs(math.log(m * power / raw)))


def check_rpm_step(step: float, low: float, high: float) -> None:
    """Raise `SpecsrError` for a step of speed that is not above zero, or too small for the range.

    Args:
        step: 1/min.
        low, high: range of the speed, 1/min.
    """
    if not (math.isfinite(step) and step > 0):
        raise SpecsrError(f"rpm_step is {step}: expected a width in 1/min above zero")
    if (high - low) / MAX_STEPS > step:
        raise SpecsrError(
            f"the step of speed is {step:g} 1/min: from {low:.6g} to {high:.6g} rpm it has to be "
            f"{(high - low) / MAX_STEPS:.2g} or more, {MAX_STEPS} steps"
        )


def onto_rpm(
    power: np.ndarray, rpm: np.ndarray, weight: np.ndarray, step: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return power over even steps of speed, [C, Y, B], and their centres in 1/min, [B].

    A column lasts from halfway to the one before it to halfway to the one after it.  Each step
    holds the mean of the columns that pass through it, weighted by time; nan for none.

    Args:
        power: [C, Y, T]; nan is ignored.
        rpm: speed in every column, 1/min, [T].
        weight: fraction of the window's energy inside the recording, for every column, [T].
        step: 1/min; None gives about `RPM_STEPS` columns.

    Raises:
        SpecsrError: a speed that does not change, a step that is not above zero or gives more
            than `MAX_STEPS`, or steps beyond the memory limit.
    """
    from scipy.sparse import coo_array

    low, high = float(rpm.min()), float(rpm.max())
    if high - low < 1e-6 * max(high, 1.0):
        raise SpecsrError(
            f"the speed stays at {high:g} rpm: a speed axis needs one that changes; choose x='time'"
        )
    if step is None:
        step = nice_step(high - low, RPM_STEPS)
    check_rpm_step(step, low, high)
    middle = (rpm[1:] + rpm[:-1]) / 2
    edges = np.stack([np.append(rpm[:1], middle), np.append(middle, rpm[-1:])])
    # a small width for columns without change of speed, so that they count too
    first, last = edges.min(0) - 1e-6 * step, edges.max(0) + 1e-6 * step
    origin = math.floor(low / step + 0.5)  # steps are centred on multiples of the step
    count = math.floor(high / step + 0.5) - origin + 1
    a, b = (np.clip(np.floor(e / step + 0.5) - origin, 0, count - 1) for e in (first, last))
    per = (b - a + 1).astype(int)
    # six arrays of the pairs below; power, time and their quotient
    nbytes = 8 * (6 * int(per.sum()) + 3 * power[..., 0].size * count)
    check_size(nbytes, f"a speed axis of {count} steps of {step:g} 1/min")
    # one entry for every pair of a column and a step that it passes through
    column = np.repeat(np.arange(rpm.size), per)
    place = np.arange(per.sum()) - np.repeat(np.cumsum(per) - per, per) + np.repeat(a, per)
    left = (place + origin - 0.5) * step
    inside = np.minimum(last[column], left + step) - np.maximum(first[column], left)
    share = np.maximum(inside, 0) / (last - first)[column]
    shares = coo_array((share, (column, place.astype(int))), (rpm.size, count)).tocsr()
    good = ~np.isnan(power)
    total, time = (x.reshape(-1, rpm.size) for x in (np.where(good, power, 0), good * weight))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (total @ shares) / (time @ shares)
    return mean.reshape(*power.shape[:-1], count), (np.arange(count) + origin) * step
