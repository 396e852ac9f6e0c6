"""Order analysis by angular resampling: equal steps of shaft angle instead of time.

In the angle domain an order is a steady tone at any change of speed, so its line stays one row
wide over the whole speed range.  Resonances, which are fixed in frequency, are smeared instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from specsr.choices import MAX_ORDER, ORDER_RESOLUTION, WINDOW, XAxis, check
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.maps.windows import coverage, main_lobe
from specsr.nvh.angle_resampling import decimated_by_angle
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.shaft_angle import ShaftAngle
from specsr.nvh.shafts import Shaft
from specsr.nvh.speed import checked_rpm
from specsr.nvh.view import View, onto_rpm
from specsr.signal import Signal, Source

_NYQUIST, _PASSBAND = 1.28, 1.15
"""Half the samples per revolution, and the edge of the pass band, over the highest order."""

MIN_SPEED = 1 / 20
"""Fraction of the mean speed below which a recording is not resampled: it would need too many
samples."""


@dataclass(frozen=True, eq=False)
class OrderMap:
    """Order spectra of a recording, from `order_map`.

    Attributes:
        spec: the map over revolutions: ``grid.rate`` is samples per revolution, its frequencies
            are orders.
        times: centre of every column in s, [T].
        rpm: speed at every column, 1/min, [T].
        top: order of half the sampling rate in every column, [T]; nothing is measured above.
        max_order: highest order requested; the low-pass attenuates higher ones.
    """

    spec: SpecMap
    times: np.ndarray
    rpm: np.ndarray
    top: np.ndarray
    max_order: float

    @property
    def orders(self) -> np.ndarray:
        """Order of every row, [F]."""
        return self.spec.grid.freqs()

    @property
    def bandwidth(self) -> float:
        """Width of the line of a steady order, null to null, in orders: the minimum for a cut."""
        return main_lobe(self.spec.grid)

    def cut(self, order: float, bandwidth: float | None = None) -> OrderCut:
        """Return the level of an order over time: the power summed around it.

        Levels are nan in columns whose window extends past the edges of the recording, and where
        the summed range extends below 0 or above half the sampling rate.

        Args:
            order: multiple of the rotation frequency, above zero.
            bandwidth: full width of the summed range in orders; None takes `bandwidth`, which
                holds the whole line.

        Raises:
            SpecsrError: an order or bandwidth that is not above zero, or above the map.
        """
        width = self.bandwidth if bandwidth is None else bandwidth
        if order + width / 2 > _PASSBAND * self.max_order:
            raise SpecsrError(
                f"order {order:g} with a bandwidth of {width:g} lies above this map, which holds "
                f"orders up to {self.max_order:g}: make it with a larger max_order"
            )
        # over revolutions, an order is a frequency at one revolution per second, 60 rpm
        found = order_cut(self.spec, 60.0, order, width)
        inside = order + width / 2 <= self.top
        uncertainty = found.uncertainty_db
        return replace(
            found,
            times=self.times,
            rpm=self.rpm,
            levels=np.where(inside, found.levels, np.nan),
            bandwidth=width * self.rpm / 60,
            uncertainty_db=None if uncertainty is None else np.where(inside, uncertainty, np.nan),
        )

    def view(self, x: XAxis = "rpm", rpm_step: float | None = None) -> View:
        """Return the map over speed, or over time in even steps; rows are orders.

        Args:
            x: ``"rpm"`` or ``"time"``.
            rpm_step: width of a column in 1/min; None gives about 300 columns.

        Raises:
            SpecsrError: another axis, or a speed that does not change on a speed axis.
        """
        check(x, XAxis, "x")
        spec = self.spec
        rows = self.orders <= self.max_order + spec.grid.df / 2
        orders = self.orders[rows]
        power = np.where(orders[:, None] <= self.top, spec.power[:, rows], np.nan)
        if x == "rpm":
            power, columns = onto_rpm(power, self.rpm, coverage(spec.grid), rpm_step)
            rpm = columns
        else:
            # columns are evenly spaced in revolutions: each instant shows the nearest one
            columns = np.linspace(self.times[0], self.times[-1], self.times.size)
            middle = (self.times[1:] + self.times[:-1]) / 2
            power = power[..., np.searchsorted(middle, columns)]
            rpm = np.interp(columns, self.times, self.rpm)
        unit, scaling = spec.grid.unit, spec.grid.scaling
        return View(power, columns, orders, x, "order", rpm, unit, scaling, spec.channels)


def order_map(
    signal: Signal,
    rpm: np.ndarray | float | None = None,
    *,
    resolution: float = ORDER_RESOLUTION,
    max_order: float = MAX_ORDER,
    overlap: float = 0.75,
    window: str = WINDOW,
) -> OrderMap:
    """Return the order spectra of a recording, resampled by shaft angle.

    The samples are interpolated at equal angles, with enough samples per revolution to keep the
    whole spectrum at the lowest speed, and then decimated to the rate that ``max_order`` needs.
    The low-pass of the decimation follows the speed, so nothing is aliased.  A window spans
    ``1 / resolution`` revolutions.

    Source: Fyfe, Munck, Mech. Syst. Signal Process. 11(2), 1997 (computed order tracking).

    Args:
        signal: the recording; cut a run out of a longer one first (`specsr.find_runs`).
        rpm: speed in 1/min, one or one per sample [N]; None takes the signal's own.
        resolution: distance of the rows in orders, above 0 up to 1.
        max_order: highest order of interest.
        overlap: fraction of a window shared with the next, 0 to below 1.
        window: a scipy window.

    Raises:
        SpecsrError: no speed, a standstill, a speed of fewer than two samples per revolution, an
            option out of range, or a recording of fewer revolutions than a window.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> orders = specsr.order_map(run.signal, max_order=10)
        >>> float(np.nanmean(orders.cut(2).levels).round(1))  # dB
        83.7
    """
    rpm = checked_rpm(signal.rpm if rpm is None else rpm, signal.length)
    options = OrderResolution(resolution, float(max_order), overlap, window)
    return order_map_of(signal, Shaft("", rpm), (0, signal.length), options)


@dataclass(frozen=True)
class OrderResolution:
    """Resolution of an order map.

    Attributes:
        resolution, max_order, overlap, window: as for `order_map`.
    """

    resolution: float = ORDER_RESOLUTION
    max_order: float = MAX_ORDER
    overlap: float = 0.75
    window: str = WINDOW

    def __post_init__(self) -> None:
        if not (
            0 < self.resolution <= 1
            and self.max_order >= self.resolution
            and math.isfinite(self.max_order)
        ):
            raise SpecsrError(
                f"resolution is {self.resolution}, max_order {self.max_order}: expected above zero "
                "up to 1 order, and an order above it"
            )


def order_map_of(
    source: Source, shaft: Shaft, span: tuple[int, int], options: OrderResolution
) -> OrderMap:
    """Return the order spectra of a recording that may be read in parts; see `order_map`.

    The samples at the rate of the recording are in memory one part at a time; the result is that of
    the whole.

    Args:
        source: the recording.
        shaft: its speed.
        span: samples to be analysed, the last one exclusive.
        options: resolution.

    Raises:
        SpecsrError: as `order_map`.
    """
    first, last = span
    start, resolution = source.start + first / source.rate, options.resolution
    angle = ShaftAngle(shaft, first, last, source.rate)
    if angle.slowest < max(MIN_SPEED * angle.mean, 1e-9):
        raise SpecsrError(
            f"the speed falls to {60 * angle.slowest:.3g} rpm at "
            f"{start + angle.slowest_at / source.rate:.3g} s, less than 1/{1 / MIN_SPEED:.0f} of "
            "its mean: cut a run out of the recording first, without standstill"
        )
    check_rotation(angle.slowest, source.rate)
    if angle.total * resolution < 1:
        raise SpecsrError(
            f"the recording holds {angle.total:.3g} revolutions, a window of resolution "
            f"{resolution:g} needs {1 / resolution:.3g}: choose a coarser resolution"
        )
    fine = math.ceil(source.rate / angle.slowest)
    per_rev = min(2 * math.ceil(_NYQUIST * options.max_order), fine)
    coarse = decimated_by_angle(source, first, angle, fine, per_rev)
    n_fft = 2 * round(per_rev / resolution / 2)
    transform = SpectrogramTransform.for_rate(
        per_rev, n_fft=n_fft, overlap=options.overlap, window=options.window
    )
    spec = transform(coarse).replace(phase=None)
    centre = angle.positions(np.clip(spec.grid.times(), 0, angle.total))
    times = start + centre / source.rate
    below = np.minimum(centre.astype(int), angle.length - 2)
    part = centre - below
    speed = (1 - part) * angle.rotation_hz(below) + part * angle.rotation_hz(below + 1)
    return OrderMap(spec, times, 60 * speed, source.rate / 2 / speed, options.max_order)


def check_orders(orders: Sequence[float]) -> None:
    """Raise `SpecsrError` for an order that no map of the default resolution shows."""
    for order in orders:
        if not (math.isfinite(order) and order >= ORDER_RESOLUTION):
            raise SpecsrError(
                f"order is {order:g}: expected a number above zero, from {ORDER_RESOLUTION} (the "
                "distance of the rows), such as 2 or 0.5"
            )


def check_rotation(slowest_hz: float, rate: float) -> None:
    """Raise `SpecsrError` for fewer than two samples per revolution at the lowest speed.

    Args:
        slowest_hz: lowest rotation frequency, Hz.
        rate: sampling rate, Hz.
    """
    if rate < 2 * slowest_hz:
        raise SpecsrError(
            f"the shaft turns at {60 * slowest_hz:.4g} rpm or more, {rate / slowest_hz:.2g} "
            f"samples per revolution at {rate:g} Hz: expected two or more; check the unit and the "
            "factor of the speed"
        )
