"""Levels over time or speed: overall level with order cuts, frequency and time weighting."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from specsr.choices import TimeWeighting, Weighting, XAxis, check
from specsr.errors import SpecsrError
from specsr.nvh.level_steps import held_over_rpm, interpolated
from specsr.nvh.levels import finite_power, to_level
from specsr.nvh.order_cut import OrderCut
from specsr.nvh.order_map import check_orders, order_map
from specsr.nvh.runs import turning
from specsr.nvh.time_weighting import TIME_CONSTANTS, readings
from specsr.nvh.view import nice_step, onto_rpm
from specsr.nvh.weighted import weighted
from specsr.nvh.weighting import check_weighting
from specsr.signal import Signal
from specsr.units import REFERENCES, reference_label

STEP = 0.05
"""Distance of the readings, s."""
RPM_STEPS = 100
"""Approximate number of steps of a speed axis without a given step."""
IN_STEP, SHORTEST_INTERVAL = 4, 1e-3
"""Levels of an order that are read in a step of speed, and their minimum distance in s."""


@dataclass(frozen=True)
class CurveOptions:
    """What `level_curve` reads.

    Attributes:
        over: ``"time"`` or ``"rpm"``.
        weighting: ``"A"``, ``"C"`` or ``"Z"`` (none), of the overall level and the orders.
        time_weighting: ``"fast"``, ``"slow"``, ``"rms"`` or ``"peak"``
            (`specsr.nvh.time_weighting`); with ``"peak"`` orders have the level of their amplitude,
            3 dB above their rms level.
        hold: the highest level so far, or over speed the highest of each step, instead of the
            current or mean one.
        step: distance of the points, s or 1/min; None gives 0.05 s, or about 100 steps of speed.
        orders: orders to cut too.
        bandwidth: of the orders, in orders; None takes the width of their lines.
    """

    over: XAxis = "time"
    weighting: Weighting = "Z"
    time_weighting: TimeWeighting = "fast"
    hold: bool = False
    step: float | None = None
    orders: tuple[float, ...] = ()
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        check(self.over, XAxis, "over")
        check(self.time_weighting, TimeWeighting, "time_weighting")
        check(self.weighting, Weighting, "weighting")
        if self.step is not None and not (math.isfinite(self.step) and self.step > 0):
            unit = "s" if self.over == "time" else "1/min"
            raise SpecsrError(f"step is {self.step}: expected a distance in {unit} above zero")


@dataclass(frozen=True, eq=False)
class LevelCurve:
    """Levels over time or speed.

    Attributes:
        x: times of the readings in s, or centres of the steps of speed in 1/min, [T].
        rpm: speed at every point, 1/min, [T]; None without a speed.
        overall: level in dB re the unit's reference, [C, T]; -inf for silence, nan where the speed
            was not reached.
        orders: order -> its level, likewise; nan where it cannot be read.
        options: what was read.
        unit: of the samples.
        channels: one name per channel.
    """

    x: np.ndarray
    rpm: np.ndarray | None
    overall: np.ndarray
    orders: dict[float, np.ndarray]
    options: CurveOptions
    unit: str
    channels: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """Name of the overall level: frequency weighting, time weighting, peak hold."""
        held = ", held" if self.options.hold else ""
        return f"level {self.options.weighting}, {self.options.time_weighting}{held}"

    def order_name(self, order: float) -> str:
        """Name of the level of an order, with its frequency weighting if any."""
        weighting = self.options.weighting
        return f"order {order:g}" + (f", {weighting}" if weighting != "Z" else "")

    @property
    def level_label(self) -> str:
        """Unit of the levels, such as ``"dB re 20 µPa"``."""
        return f"dB {reference_label(self.unit)}"

    def linear(self, levels: np.ndarray) -> np.ndarray:
        """Return levels as values in ``unit``: rms, with time weighting ``peak`` peak values."""
        return REFERENCES[self.unit] * 10 ** (levels / 20)


def level_curve(signal: Signal, options: CurveOptions = CurveOptions()) -> LevelCurve:
    """Return overall level and order levels of a recording over time or speed.

    The mean (DC) is left out.  Readings are those of a sound level meter at the end of every step
    (``fast``, ``slow``), or of the step as a whole (``rms``, ``peak``; their time is its middle).
    Over speed, a step holds the mean power of the readings that pass through it, weighted by time,
    in run-ups and run-downs alike.  An exponential average follows a level with a delay of its
    time constant: in a run-up of 100 rpm/s, Fast reads 12 rpm late.

    Orders are cut after resampling by angle (`specsr.order_map`), where the shaft turns; between
    the middles of its windows their levels are linear in dB, outside of them nan.

    Args:
        signal: the recording; with a speed for orders or a speed axis.
        options: weightings, axis, orders.

    Raises:
        SpecsrError: no speed where one is needed, a speed that does not change on a speed axis, A
            or C weighting of a vibration, a step shorter than a sample, or orders that cannot be
            cut.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> options = specsr.CurveOptions(time_weighting="rms", step=0.25)
        >>> specsr.level_curve(tone, options).overall.round(1)
        array([[94., 94., 94., 94.]])
    """
    check_weighting(options.weighting, signal.unit)
    if signal.rpm is None and (options.orders or options.over == "rpm"):
        raise SpecsrError(
            f"{'orders need' if options.orders else 'a speed axis needs'} a speed, and the "
            "recording has none"
        )
    heard = weighted(signal.without_mean(), options.weighting)
    interval = (options.step if options.over == "time" else None) or STEP
    size = round(interval * signal.rate)
    if size < 1 and (options.over == "rpm" or options.step is None):
        raise SpecsrError(
            f"the rate of {signal.rate:g} Hz is too low for readings every {STEP} s: expected more "
            f"than {0.5 / STEP:g} Hz"
            + (f", or a step of {1 / signal.rate:g} s" if options.over == "time" else "")
        )
    if size < 1:
        raise SpecsrError(
            f"step is {interval:g} s: expected at least one sample, {1 / signal.rate:g} s"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        power = readings(heard.samples, heard.rate, size, options.time_weighting, options.hold)
    power = finite_power(power)
    at = _reading_samples(signal.length, size, options.time_weighting)
    times = signal.start + at / signal.rate
    rpm = None
    if signal.rpm is not None:
        rpm = np.interp(at, np.arange(signal.length), np.abs(signal.rpm))
    cuts = _cuts(heard, options)
    reference = signal.reference
    if options.over == "time":
        if options.hold:
            power = np.maximum.accumulate(power, axis=-1)
        found = {cut.order: _over_time(cut, times, options.hold) for cut in cuts}
        overall = to_level(power, reference)
        return LevelCurve(times, rpm, overall, found, options, signal.unit, signal.channels)
    assert rpm is not None
    step = options.step or _rpm_step(rpm)
    power, x = _over_rpm(power, rpm, step, options.hold)
    found = {
        cut.order: _onto(x, step, *_cut_over_rpm(cut, signal, step, options.hold)) for cut in cuts
    }
    overall = to_level(power, reference)
    return LevelCurve(x, x, overall, found, options, signal.unit, signal.channels)


def _reading_samples(length: int, size: int, time_weighting: str) -> np.ndarray:
    """Return the position of every reading in samples: the end or the middle of its step."""
    first = np.arange(0, length, size)
    last = np.minimum(first + size, length)
    return last.astype(float) if time_weighting in TIME_CONSTANTS else (first + last) / 2


def _cuts(heard: Signal, options: CurveOptions) -> list[OrderCut]:
    if not options.orders:
        return []
    check_orders(options.orders)
    by_angle = order_map(turning(heard), max_order=1.25 * max(options.orders))
    cuts = [by_angle.cut(order, options.bandwidth) for order in options.orders]
    if options.time_weighting != "peak":
        return cuts
    amplitude = 20 * np.log10(np.sqrt(2))
    return [_raised(cut, amplitude) for cut in cuts]


def _raised(cut: OrderCut, gain: float) -> OrderCut:
    return OrderCut(cut.order, cut.times, cut.rpm, cut.levels + gain, cut.bandwidth)


def _over_time(cut: OrderCut, times: np.ndarray, hold: bool) -> np.ndarray:
    levels = interpolated(cut.levels, cut.times, times)
    return np.fmax.accumulate(levels, axis=-1) if hold else levels


def _rpm_step(rpm: np.ndarray) -> float:
    low, high = float(rpm.min()), float(rpm.max())
    # a speed that does not change is refused by `onto_rpm`
    return nice_step(max(high - low, 1e-6 * max(high, 1.0)), RPM_STEPS)


def _over_rpm(
    power: np.ndarray, rpm: np.ndarray, step: float, hold: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the power of the readings [C, T] over steps of speed, and the centres of these."""
    mean, x = onto_rpm(power[:, None], rpm, np.ones(rpm.size), step)
    return (held_over_rpm(power, rpm, x, step) if hold else mean[:, 0]), x


def _cut_over_rpm(
    cut: OrderCut, signal: Signal, step: float, hold: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the levels of an order over steps of speed, dB, and the centres of these.

    Read at even times, several in every step: a window of a cut may pass through many steps, which
    would all have its level.
    """
    times = cut.times
    if times.size > 1:
        gaps = np.diff(times)
        fastest = max(float(np.max(np.abs(np.diff(cut.rpm)) / gaps)), 1e-9)
        interval = max(min(float(gaps.min()), step / IN_STEP / fastest), SHORTEST_INTERVAL)
        count = math.ceil((times[-1] - times[0]) / interval) + 1
        even = np.linspace(times[0], times[-1], count)
        times = np.union1d(even, times) if hold else even  # a window has the highest level
    assert signal.rpm is not None
    at = (times - signal.start) * signal.rate
    rpm = np.interp(at, np.arange(signal.length), np.abs(signal.rpm))
    levels = interpolated(cut.levels, cut.times, times)
    power, x = _over_rpm(10 ** (levels / 10), rpm, step, hold)
    return to_level(power, 1.0), x


def _onto(x: np.ndarray, step: float, levels: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return levels [C, K] at the steps ``own`` placed at the steps ``x``; nan elsewhere."""
    found = np.full((len(levels), x.size), np.nan)
    place = np.rint((own - x[0]) / step).astype(int)
    inside = (place >= 0) & (place < x.size)
    found[:, place[inside]] = levels[:, inside]
    return found
