"""Levels of orders over time: the power around order * rpm / 60 in a calibrated map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.choices import OrderScale, check
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.maps.windows import coverage, main_lobe
from specsr.nvh.levels import band_power, row_edges, row_power, to_level
from specsr.nvh.speed import checked_rpm, column_rpm
from specsr.units import REFERENCES, reference_label, shown_unit

NARROWEST = 0.1
"""Smallest width of a cut, in rows of its map: a narrower one holds next to nothing of a line."""


@dataclass(frozen=True, eq=False)
class OrderCut:
    """The level of one order over time.

    Attributes:
        order: multiple of the rotation frequency.
        times: centre of every column in s, [T].
        rpm: speed in every column, 1/min, [T].
        levels: rms level in dB re the unit's reference, [C, T]; nan where not valid.
        bandwidth: width of the summed range, or of the filter, in Hz, [T].
        phase: re the shaft angle times the order, rad, [C, T]; None if not measured.
        shaft: name of the shaft; empty for the only one.
        uncertainty_db: half-width of the 68 % interval of each level, dB, [C, T]; None for a
            measurement.
    """

    order: float
    times: np.ndarray
    rpm: np.ndarray
    levels: np.ndarray
    bandwidth: np.ndarray
    phase: np.ndarray | None = None
    shaft: str = ""
    uncertainty_db: np.ndarray | None = None

    @property
    def name(self) -> str:
        """Shaft and order as text."""
        return f"{self.shaft} {self.order:g}".strip()

    @property
    def bandwidth_orders(self) -> np.ndarray:
        """Width of the summed range in orders, [T]; nan at standstill."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.rpm == 0, np.nan, self.bandwidth * 60 / np.abs(self.rpm))

    @property
    def freqs(self) -> np.ndarray:
        """Frequency of the order in Hz, [T]."""
        return self.order * np.abs(self.rpm) / 60


@dataclass(frozen=True)
class CutScale:
    """Scale of the levels of orders in tables and figures.

    Attributes:
        unit: of the samples, a key of `specsr.units.REFERENCES`.
        kind: ``"db"``; or ``"rms"`` or ``"peak"`` (amplitude of the sine), in the unit: velocities
            in mm/s, displacements in µm.
    """

    unit: str
    kind: OrderScale = "db"

    def __post_init__(self) -> None:
        check(self.kind, OrderScale, "scale")

    @property
    def label(self) -> str:
        """Unit of the values, such as ``"dB re 20 µPa"`` or ``"mm/s rms"``."""
        if self.kind == "db":
            return f"dB {reference_label(self.unit)}"
        return f"{shown_unit(self.unit)[0]} {self.kind}"

    @property
    def column(self) -> str:
        """Name of the column of a table, such as ``"level_db"`` or ``"rms_mm/s"``."""
        return "level_db" if self.kind == "db" else f"{self.kind}_{shown_unit(self.unit)[0]}"

    def values(self, levels: np.ndarray) -> np.ndarray:
        """Return levels in dB on this scale, same shape."""
        if self.kind == "db":
            return levels
        factor = shown_unit(self.unit)[1] * REFERENCES[self.unit]
        return factor * (np.sqrt(2) if self.kind == "peak" else 1.0) * 10 ** (levels / 20)


def order_cut(
    spec: SpecMap,
    rpm: np.ndarray | float | None,
    order: float,
    bandwidth: float | None = None,
    unit: str = "Hz",
) -> OrderCut:
    """Return the level of an order over time: the power summed around order * rpm / 60.

    A sine of constant order gives its rms level with any window.  Levels are nan where the summed
    range extends below 0 Hz or above half the sampling rate, and in columns whose window extends
    past the edges of the recording.  A map with an uncertainty gives one of the levels: the mean
    over the range, weighted by power, because the errors of the cells of a line go together.

    Args:
        spec: a calibrated map, full or pooled.
        rpm: speed in 1/min, one or one per sample [spec.grid.length]; None takes the map's own.
        order: multiple of the rotation frequency, above zero.
        bandwidth: full width of the summed range in ``unit``; None takes the main lobe of the
            window plus the sweep of the order within one window, the minimum that holds the whole
            line.  A smaller width gives too low a level; a larger one includes more noise and
            possibly neighbouring orders.
        unit: ``"Hz"``, ``"orders"`` (multiples of rpm / 60) or ``"rows"`` (of the map).

    Raises:
        SpecsrError: no speed, a speed of another length, an order or width that is not above zero,
            a width below `NARROWEST`, or an unknown unit.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> cut = specsr.order_cut(specsr.spectrogram(run.signal, n_fft=1024), run.rpm, order=2)
        >>> float(np.nanmean(cut.levels).round(1))  # dB
        83.3
    """
    grid = spec.grid
    speed = checked_rpm(spec.rpm if rpm is None else rpm, grid.length)
    if not (np.isfinite(order) and order > 0):
        raise SpecsrError(f"order is {order}: expected a number above zero, such as 2 or 0.5")
    if bandwidth is not None and not (np.isfinite(bandwidth) and bandwidth > 0):
        raise SpecsrError(f"bandwidth is {bandwidth}: expected a width above zero in {unit}")
    mean_rpm = column_rpm(speed, grid)
    freq = order * np.abs(mean_rpm) / 60
    if bandwidth is None:
        first, last = (frame * grid.hop_length for frame in grid.spans())
        start = np.clip(first - grid.n_fft // 2, 0, grid.length - 1)
        end = np.clip(last + grid.n_fft // 2, 0, grid.length - 1)
        width = main_lobe(grid) + order / 60 * np.abs(speed[end] - speed[start])
    else:
        per_unit = {"Hz": 1.0, "orders": np.abs(mean_rpm) / 60, "rows": grid.df}
        if unit not in per_unit:
            raise SpecsrError(f"unit is {unit!r}: expected one of {', '.join(per_unit)}")
        width = np.broadcast_to(bandwidth * per_unit[unit], freq.shape)
        if 0 < width.max() < NARROWEST * grid.df:
            raise SpecsrError(
                f"bandwidth is {bandwidth:g}, {width.max() / grid.df:.2g} of a row: "
                f"expected {NARROWEST} or more, the whole line needs "
                f"{main_lobe(grid) / grid.df:.3g} rows"
            )
    low, high = freq - width / 2, freq + width / 2
    power = np.moveaxis(row_power(spec), 1, 2)
    summed = band_power(power, row_edges(grid), low[:, None], high[:, None])  # one range a column
    levels = to_level(summed.squeeze(-1), grid.reference)
    valid = (low >= 0) & (high <= grid.rate / 2) & (coverage(grid) > 0.999)
    uncertainty = None
    if spec.uncertainty_db is not None:
        weighted = power * np.moveaxis(spec.uncertainty_db, 1, 2)
        over = band_power(weighted, row_edges(grid), low[:, None], high[:, None])
        mean = np.divide(over, summed, out=np.zeros_like(over), where=summed > 0)
        uncertainty = np.where(valid, mean.squeeze(-1), np.nan)
    return OrderCut(
        float(order), grid.times(), mean_rpm, np.where(valid, levels, np.nan), width.copy(),
        uncertainty_db=uncertainty,
    )  # fmt: skip
