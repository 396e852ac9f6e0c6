"""Cursors of the page: values at a point, and harmonic lines over a map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from specsr.app.screen import Axes, ScreenMap
from specsr.maps.grid import Grid

MOST_LINES = 60
"""Largest number of harmonic lines."""


@dataclass(frozen=True)
class Reading:
    """What a cursor reads from one map; None where it is not known.

    Attributes:
        time: s.
        freq: Hz.
        order: frequency over rotation frequency.
        rpm: speed, 1/min.
        level: dB re the reference of the unit.
        uncertainty_db: half-width of the 68 % interval, dB.
    """

    time: float | None
    freq: float | None
    order: float | None
    rpm: float | None
    level: float | None
    uncertainty_db: float | None

    def position(self) -> str:
        """Return time, speed, frequency and order as text."""
        parts = [
            "" if self.time is None else f"{self.time:.3f} s",
            "" if self.rpm is None else f"{self.rpm:.0f} rpm",
            "" if self.freq is None else f"{self.freq:.1f} Hz",
            "" if self.order is None else f"order {self.order:.3f}",
        ]
        return ", ".join(filter(None, parts))

    def value(self, unit: str = "dB") -> str:
        """Return the level and its uncertainty as text."""
        if self.level is None:
            return "no data"
        uncertainty = "" if self.uncertainty_db is None else f" ± {self.uncertainty_db:.1f} dB"
        return f"{self.level:.1f} {unit}{uncertainty}"


def reading(screen: ScreenMap, channel: str, axes: Axes, x: float, y: float) -> Reading:
    """Return what a map has at a point of a pair of axes, from its single cell.

    Raises:
        SpecsrError: as `ScreenMap.plane`.
    """
    level = screen.plane(channel, axes).value(x, y)
    time = x if axes.x == "time" else None
    rpm = screen.rpm_at(x) if axes.x == "time" else x
    rotation = None if rpm is None or rpm <= 0 else rpm / 60
    freq: float | None = y
    order: float | None = y
    if axes.y == "freq":
        order = None if rotation is None else y / rotation
    else:
        freq = None if rotation is None else y * rotation
    uncertainty = None
    plane = screen.uncertainty(channel)
    if plane is not None and time is not None and freq is not None:
        uncertainty = _known(plane.value(time, freq))
    return Reading(time, freq, order, rpm, _known(level), uncertainty)


def level_unit(grid: Grid, weighting: str = "Z") -> str:
    """Return the unit of the levels of a map: ``"dB re 20 µPa"``, ``"dB(A) re 20 µPa"``."""
    unit = grid.level_label
    return unit if weighting == "Z" else unit.replace("dB", f"dB({weighting})", 1)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def base_at(point: Reading) -> float | None:
    """Return the base of harmonic lines through a point: its order, or without a speed its Hz."""
    return point.freq if point.order is None else point.order


def harmonic_lines(
    screen: ScreenMap, axes: Axes, base: float, count: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the lines of the multiples 1 to ``count`` of an order, or of a frequency in Hz.

    Args:
        screen: the map; without a speed ``base`` is a frequency.
        axes: how it is looked at.
        base: order, or Hz, above zero.
        count: number of lines, at most `MOST_LINES`.

    Returns:
        x and y of every line, on the axes; none for a base that is not above zero.
    """
    if not (math.isfinite(base) and base > 0):
        return []
    curve = screen.speed_curve()
    grid = screen.grid
    ends = np.array([grid.start, grid.start + grid.length / grid.rate])
    if curve is None:
        x, factor = ends, np.ones(2)
    elif axes.x == "time":
        x, rpm = curve
        factor = rpm / 60
    else:
        x = np.array([curve[1].min(), curve[1].max()])
        factor = x / 60
    if curve is not None and axes.y == "order":
        factor = np.ones(len(x))
    return [(x, n * base * factor) for n in range(1, min(count, MOST_LINES) + 1)]
