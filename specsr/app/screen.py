"""Maps on the screen: any part in the cells of a screen, on axes of Hz or order and s or rpm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from specsr.choices import XAxis, YAxis
from specsr.maps.grid import Grid
from specsr.maps.pyramid import Pyramid, Statistic
from specsr.maps.spec_map import FLOOR_DB, SpecMap
from specsr.nvh.speed import column_rpm
from specsr.nvh.view import View, view
from specsr.nvh.weighted import weighted
from specsr.nvh.weighting import weighting_power
from specsr.signal import channel_position

VIEW_CELLS = 1 << 24
"""Cells of a channel that are turned to axes of speed or order; of longer maps the mean power of
several columns is taken first."""

Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Picture:
    """Part of a map in the cells of a screen.

    Attributes:
        values: [rows, columns], float32; nan where nothing was measured.
        left, right, bottom, top: outer edges, on the axes of the plane.
        block: rows and columns of the map in every cell.
    """

    values: np.ndarray
    left: float
    right: float
    bottom: float
    top: float
    block: tuple[int, int] = (1, 1)

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the values of the cells at columns x [X] and rows y [Y]; nan outside, [Y, X]."""
        rows, columns = self.values.shape
        k = np.floor((x - self.left) / (self.right - self.left) * columns).astype(int)
        i = np.floor((y - self.bottom) / (self.top - self.bottom) * rows).astype(int)
        found = self.values[np.clip(i, 0, rows - 1)][:, np.clip(k, 0, columns - 1)]
        outside = ((i < 0) | (i >= rows))[:, None] | ((k < 0) | (k >= columns))
        return np.where(outside, np.nan, found).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Plane:
    """One channel of a map on a pair of axes, with its levels of detail.

    Attributes:
        pyramid: magnitudes, or uncertainties in dB.
        x, y: centre of the first column or row and the spacing: s or 1/min, Hz or orders.
        reference: value of 0 dB; None for values that are no magnitudes.
        gain: factor of every row; None for 1.
    """

    pyramid: Pyramid
    x: Range
    y: Range
    reference: float | None = None
    gain: np.ndarray | None = None

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Outer edges of its cells: left, right, bottom, top."""
        rows, columns = self.pyramid.levels[0].shape
        (x, dx), (y, dy) = self.x, self.y
        return x - dx / 2, x + (columns - 0.5) * dx, y - dy / 2, y + (rows - 0.5) * dy

    def picture(self, x: Range, y: Range, size: tuple[int, int]) -> Picture | None:
        """Return the part within ranges of the axes; None where it has no cells.

        Args:
            x, y: from and to, on the axes.
            size: most rows and columns.
        """
        parts = []
        shape = self.pyramid.levels[0].shape
        for (low, high), (first, step), count in ((y, self.y, shape[0]), (x, self.x, shape[1])):
            if not (math.isfinite(low) and math.isfinite(high)):
                return None
            part = (math.floor((low - first) / step + 0.5), math.ceil((high - first) / step + 0.5))
            part = max(0, part[0]), min(count, max(part[1], part[0] + 1))
            if part[0] >= part[1]:
                return None
            parts.append(part)
        tile = self.pyramid.tile(parts[0], parts[1], size, self.gain)
        left, right, bottom, top = tile.edges(self.x, self.y)
        return Picture(self._levels(tile.values), left, right, bottom, top, tile.block)

    def _levels(self, values: np.ndarray) -> np.ndarray:
        if self.reference is None:
            return values.astype(np.float32)
        level = 20 * np.log10(np.maximum(values, 10 ** (FLOOR_DB / 20)))  # nan stays nan
        return (level - 20 * math.log10(self.reference)).astype(np.float32)

    def value(self, x: float, y: float) -> float:
        """Return the value of the single cell at a point, in dB; nan outside."""
        at = []
        shape = self.pyramid.levels[0].shape
        for point, (first, step), count in ((y, self.y, shape[0]), (x, self.x, shape[1])):
            k = math.floor((point - first) / step + 0.5) if math.isfinite(point) else -1
            if not 0 <= k < count:
                return math.nan
            at.append(k)
        cell = self.pyramid.levels[0][at[0], at[1]]
        gain = 1.0 if self.gain is None else self.gain[at[0]]
        return float(self._levels(np.asarray(cell * gain)))


@dataclass(frozen=True, eq=False)
class Axes:
    """How a map is looked at.

    Attributes:
        x: ``"time"`` or ``"rpm"``.
        y: ``"freq"`` or ``"order"``.
        weighting: ``"Z"`` or ``"A"``.
        by: value of a cell of the screen: ``"max"`` keeps lines, ``"rms"`` the power.
    """

    x: XAxis = "time"
    y: YAxis = "freq"
    weighting: str = "Z"
    by: Statistic = "max"


@dataclass(frozen=True, eq=False)
class ScreenMap:
    """A map for the screen; the magnitudes of a long one are in a file.

    Attributes:
        grid, channels, rpm: as those of a `SpecMap`.
        magnitude: in the unit of the grid, float32 [C, rows, frames].
        uncertainty_db: dB, same shape; None if not estimated.
        empty: makes the array of a level of detail from its shape and dtype.
    """

    grid: Grid
    channels: tuple[str, ...]
    magnitude: np.ndarray
    rpm: np.ndarray | None = None
    uncertainty_db: np.ndarray | None = None
    empty: Callable[[Sequence[int], np.dtype], np.ndarray] = np.empty
    _planes: dict = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, spec: SpecMap) -> ScreenMap:
        """Return the map of the library for the screen."""
        return cls(spec.grid, spec.channels, spec.magnitude, spec.rpm, spec.uncertainty_db)

    def plane(self, channel: str | int, axes: Axes = Axes()) -> Plane:
        """Return a channel on a pair of axes; it is made once.

        Raises:
            SpecsrError: no such channel, or axes that its speed does not allow (`specsr.view`).
        """
        position = channel_position(self.channels, channel)
        key = (position, axes.x, axes.y, axes.by, axes.weighting)
        if (axes.x, axes.y) == ("time", "freq"):
            key = (position, "time", "freq", axes.by, "")  # the weighting is a factor of the rows
        if key not in self._planes:
            self._planes[key] = self._made(position, axes)
        plane = self._planes[key]
        if axes.weighting != "Z" and (axes.x, axes.y) == ("time", "freq"):
            gain = np.sqrt(weighting_power(self.grid.freqs(), axes.weighting))
            return replace(plane, gain=gain)
        return plane

    def _made(self, position: int, axes: Axes) -> Plane:
        if (axes.x, axes.y) == ("time", "freq"):
            pyramid = Pyramid(self.magnitude[position], axes.by, self.empty)
            return Plane(pyramid, *self._spacing(), self.grid.reference)
        seen = self.view(position, axes)
        magnitude = np.sqrt(seen.power[0]).astype(np.float32)
        columns, rows = (
            (float(a[0]), float(a[1] - a[0]) if len(a) > 1 else 1.0) for a in (seen.x, seen.y)
        )
        return Plane(Pyramid(magnitude, axes.by), columns, rows, self.grid.reference)

    def view(self, position: int, axes: Axes) -> View:
        """Return a channel over other axes; of a long map the mean power of several columns.

        Raises:
            SpecsrError: axes that its speed does not allow (`specsr.view`).
        """
        return view(weighted(self._shortened(position), axes.weighting), axes.x, axes.y)

    def _spacing(self) -> tuple[Range, Range]:
        grid = self.grid
        return (float(grid.times()[0]), grid.dt), (float(grid.freqs()[0]), grid.df)

    def _shortened(self, position: int) -> SpecMap:
        """Return one channel, with the mean power of several columns if it is a long one."""
        rows, columns = self.magnitude.shape[1:]
        channels = self.channels[position : position + 1]
        if rows * columns <= VIEW_CELLS:
            return SpecMap(self.magnitude[position], self.grid, channels=channels, rpm=self.rpm)
        size = math.ceil(rows * columns / VIEW_CELLS)
        plane = self.plane(position, Axes(by="rms"))
        tile = plane.pyramid.tile((0, rows), (0, columns), (rows, math.ceil(columns / size)))
        grid = self.grid.pooled(1, tile.block[1])
        values = tile.values[: grid.rows]  # a pooled map has no Nyquist row
        return SpecMap(values, grid, channels=channels, rpm=self.rpm)

    def uncertainty(self, channel: str | int) -> Plane | None:
        """Return the uncertainty of a channel over time and frequency, dB; None without one."""
        position = channel_position(self.channels, channel)
        if self.uncertainty_db is None:
            return None
        key = (position, "uncertainty")
        if key not in self._planes:
            pyramid = Pyramid(self.uncertainty_db[position], "max")
            self._planes[key] = Plane(pyramid, *self._spacing())
        found: Plane = self._planes[key]
        return found

    def rpm_at(self, time: float) -> float | None:
        """Return the speed at a time in s, 1/min, between those of the columns; None if unknown."""
        if self.rpm is None:
            return None
        if "rpm" not in self._planes:
            self._planes["rpm"] = np.abs(column_rpm(self.rpm, self.grid))
        return float(np.interp(time, self.grid.times(), self._planes["rpm"]))

    def speed_curve(self, points: int = 400) -> tuple[np.ndarray, np.ndarray] | None:
        """Return times in s and speeds in 1/min, at most ``points`` each; None if unknown."""
        if self.rpm is None:
            return None
        self.rpm_at(0.0)
        rpm = self._planes["rpm"]
        chosen = np.unique(np.linspace(0, len(rpm) - 1, min(len(rpm), points)).astype(int))
        return self.grid.times()[chosen], rpm[chosen]


def difference(
    first: Plane, second: Plane, x: Range, y: Range, size: tuple[int, int]
) -> Picture | None:
    """Return levels of the second map minus those of the first, dB, in the cells of the second.

    Both maps are drawn by their power (planes with ``"rms"``); cells of a coarse map are repeated.
    """
    b, a = second.picture(x, y, size), first.picture(x, y, size)
    if a is None or b is None:
        return None
    rows, columns = b.values.shape
    xs = b.left + (np.arange(columns) + 0.5) * (b.right - b.left) / columns
    ys = b.bottom + (np.arange(rows) + 0.5) * (b.top - b.bottom) / rows
    return replace(b, values=b.values - a.at(xs, ys))
