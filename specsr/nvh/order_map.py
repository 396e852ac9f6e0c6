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
from specsr.io.limits import check_size
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.maps.windows import coverage, main_lobe
from specsr.nvh.interpolation import read_between
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.speed import checked_rpm, revolutions
from specsr.nvh.view import View, onto_rpm
from specsr.signal import Signal, fit_length

_NYQUIST, _PASSBAND = 1.28, 1.15
"""Half the samples per revolution, and the edge of the pass band, over the highest order."""

PART, GUARD = 1 << 22, 4096
"""Samples by angle that are made at once, and samples beside them that the filters reach."""

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
    if not (0 < resolution <= 1 and max_order >= resolution and math.isfinite(max_order)):
        raise SpecsrError(
            f"resolution is {resolution}, max_order {max_order}: expected above zero up to 1 "
            "order, and an order above it"
        )
    rotation_hz = np.abs(rpm) / 60
    slowest = rotation_hz.min()
    if slowest < max(MIN_SPEED * rotation_hz.mean(), 1e-9):
        at = signal.start + int(np.argmin(rotation_hz)) / signal.rate
        raise SpecsrError(
            f"the speed falls to {60 * slowest:.3g} rpm at {at:.3g} s, less than 1/"
            f"{1 / MIN_SPEED:.0f} of its mean: cut a run out of the recording first (find_runs)"
        )
    check_rotation(float(slowest), signal.rate)
    angle = revolutions(rotation_hz, signal.rate)
    if angle[-1] * resolution < 1:
        raise SpecsrError(
            f"the recording holds {angle[-1]:.3g} revolutions, a window of resolution "
            f"{resolution:g} needs {1 / resolution:.3g}: choose a coarser resolution"
        )
    fine = math.ceil(signal.rate / slowest)
    per_rev = min(2 * math.ceil(_NYQUIST * max_order), fine)
    coarse = _decimated(signal, angle, fine, per_rev)
    n_fft = 2 * round(per_rev / resolution / 2)
    transform = SpectrogramTransform.for_rate(per_rev, n_fft=n_fft, overlap=overlap, window=window)
    spec = transform(coarse).replace(phase=None)
    centre = _positions(angle, np.clip(spec.grid.times(), 0, angle[-1]))
    times = signal.start + centre / signal.rate
    below = np.minimum(centre.astype(int), signal.length - 2)
    part = centre - below
    speed = (1 - part) * rotation_hz[below] + part * rotation_hz[below + 1]
    return OrderMap(spec, times, 60 * speed, signal.rate / 2 / speed, float(max_order))


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


def by_angle(signal: Signal, angle: np.ndarray, per_rev: int) -> Signal:
    """Return the signal at ``per_rev`` samples per revolution; its time axis is revolutions.

    Raises:
        SpecsrError: more samples than the memory limit allows.
    """
    count = math.floor(angle[-1] * per_rev) + 1
    rpm = 60 * angle[-1] / signal.duration
    check_size(
        # angles and positions; the samples, their stack and what is made of it
        8 * count * (2 + 3 * len(signal.channels)),
        f"resampling by angle at {rpm:.4g} rpm in the mean and {per_rev} samples per revolution",
    )
    return _turned(signal, angle, 0.0, count, per_rev)


def _decimated(signal: Signal, angle: np.ndarray, fine: int, per_rev: int) -> Signal:
    """Return the signal at ``per_rev`` samples per revolution, decimated from ``fine`` of them.

    In parts of whole revolutions that overlap by more than the filters reach, so the memory does
    not grow with the finer signal.
    """
    turns = max(1, PART // fine)
    if angle[-1] <= turns:
        return by_angle(signal, angle, fine).resample(per_rev)
    guard = math.ceil(GUARD / per_rev)
    total = round((math.floor(angle[-1] * fine) + 1) * per_rev / fine)
    check_size(8 * total * (1 + len(signal.channels)), "a recording resampled by angle")
    samples = np.empty((len(signal.channels), total), signal.samples.dtype)
    for first in range(0, math.ceil(angle[-1]), turns):
        begin = max(first - guard, 0)
        end = min(float(first + turns + guard), float(angle[-1]))
        near = slice(
            max(int(np.searchsorted(angle, begin)) - GUARD, 0),
            int(np.searchsorted(angle, end)) + GUARD,
        )
        part = signal.replace(samples=signal.samples[:, near], rpm=None)
        count = math.floor((end - begin) * fine) + 1
        found = _turned(part, angle[near], float(begin), count, fine).resample(per_rev).samples
        kept = slice(first * per_rev, min((first + turns) * per_rev, total))
        at = (first - begin) * per_rev
        # the last part may lack the sample that rounding adds to the whole
        found = fit_length(found[:, at:], kept.stop - kept.start)
        samples[:, kept] = found
    return replace(signal, samples=samples, rate=float(per_rev), start=0.0, rpm=None)


def _turned(signal: Signal, angle: np.ndarray, begin: float, count: int, per_rev: int) -> Signal:
    """Return ``count`` samples from an angle on, ``per_rev`` per revolution."""
    wanted = begin + np.arange(count) / per_rev
    positions = _positions(angle, wanted)
    samples = np.stack([read_between(channel, positions) for channel in signal.samples])
    return replace(signal, samples=samples, rate=float(per_rev), start=0.0, rpm=None)


def _positions(angle: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the positions in samples, fractional, at which the shaft has some angles."""
    below = np.clip(np.searchsorted(angle, wanted, side="right") - 1, 0, len(angle) - 2)
    return below + (wanted - angle[below]) / (angle[below + 1] - angle[below])
