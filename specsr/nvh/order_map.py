"""Order analysis by angular resampling: equal steps of angle instead of equal steps of time.

Sampled by the turn, an order is a steady tone whatever the speed does, so its line stays one row
wide from idle to the limiter.  A frequency of the structure (a resonance) smears in exchange.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from specsr.choices import XAxis, check
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.maps.windows import coverage, main_lobe
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.speed import checked_rpm
from specsr.nvh.view import View, onto_speed
from specsr.signal import Signal

OVERSAMPLING = 4
"""Before cubic interpolation, whose error is then below 0.01 dB up to half the rate."""

_ROOM, _KEPT = 1.28, 1.15
"""Half the samples a turn, and where the low-pass begins, over the highest order."""

SLOWEST = 1 / 20
"""Part of the mean speed below which a stretch is not resampled: it would take too many samples."""


@dataclass(frozen=True, eq=False)
class OrderMap:
    """Spectra over the turn, from `order_map`.

    Attributes:
        spec: the map in turns: its ``grid.rate`` is samples a turn, its frequencies are orders.
        times: centre of every column in s, [T].
        rpm: speed at every column, 1/min, [T].
        top: order of half the sampling rate in every column, [T]; nothing was measured above.
        max_order: highest order that was asked for; the low-pass takes what lies far above.
    """

    spec: SpecMap
    times: np.ndarray
    rpm: np.ndarray
    top: np.ndarray
    max_order: float

    @property
    def orders(self) -> np.ndarray:
        """Order of every row."""
        return self.spec.grid.freqs()

    @property
    def bandwidth(self) -> float:
        """Orders that the line of a steady order fills, null to null: the least for a cut."""
        return main_lobe(self.spec.grid)

    def cut(self, order: float, bandwidth: float | None = None) -> OrderCut:
        """Return the level of an order over time, summed over ``bandwidth`` orders about it.

        None takes `bandwidth`, which holds the whole line.  Levels are nan in columns whose
        window hangs over an end, and where the band reaches below 0 or above half the rate.

        Raises:
            SpecsrError: an order or bandwidth that is not above zero, or above the map.
        """
        width = self.bandwidth if bandwidth is None else bandwidth
        if order + width / 2 > _KEPT * self.max_order:
            raise SpecsrError(
                f"order {order:g} with a band of {width:g} reaches above this map, which holds "
                f"orders up to {self.max_order:g}: make it with a larger max_order"
            )
        # in turns, an order is a frequency at one turn a second
        found = order_cut(self.spec, 60.0, order, width)
        levels = np.where(order + width / 2 <= self.top, found.levels, np.nan)
        return OrderCut(found.order, self.times, self.rpm, levels, width * self.rpm / 60)

    def view(self, x: str = "rpm", rpm_step: float | None = None) -> View:
        """Return the map over speed or, in even steps, over time; rows are orders."""
        check(x, XAxis, "x")
        spec = self.spec
        rows = self.orders <= self.max_order + spec.grid.df / 2
        orders = self.orders[rows]
        power = np.where(orders[:, None] <= self.top, spec.power[:, rows], np.nan)
        if x == "rpm":
            power, columns = onto_speed(power, self.rpm, coverage(spec.grid), rpm_step)
            speed = columns
        else:
            # the columns are even in turns: each moment shows the nearest one
            columns = np.linspace(self.times[0], self.times[-1], self.times.size)
            middle = (self.times[1:] + self.times[:-1]) / 2
            power = power[..., np.searchsorted(middle, columns)]
            speed = np.interp(columns, self.times, self.rpm)
        unit, scaling = spec.grid.unit, spec.grid.scaling
        return View(power, columns, orders, x, "order", speed, unit, scaling, spec.channels)


def order_map(
    signal: Signal,
    rpm: np.ndarray | float | None = None,
    *,
    resolution: float = 0.1,
    max_order: float = 20.0,
    overlap: float = 0.75,
    window: str = "hann",
) -> OrderMap:
    """Return the spectra over orders of a recording, resampled by angle.

    The samples are interpolated at equal angles, as many a turn as keep the whole band of the
    recording at its slowest, and then decimated to what ``max_order`` needs: a low-pass that moves
    with the speed, so nothing folds back.  A window spans ``1 / resolution`` turns.

    Args:
        signal: the recording; cut a run out of a longer one first (`specsr.find_runs`).
        rpm: speed in 1/min, one or one a sample; None takes the signal's own.
        resolution: distance of the rows in orders.
        max_order: highest order of interest.
        overlap: part of a window shared with the next, 0 to below 1.
        window: a scipy window.

    Raises:
        SpecsrError: no speed, a standstill, an option out of range, or a recording of fewer turns
            than one window has.
    """
    rpm = checked_rpm(signal.rpm if rpm is None else rpm, signal.length)
    if not (0 < resolution <= 1 and max_order >= resolution and math.isfinite(max_order)):
        raise SpecsrError(
            f"resolution is {resolution}, max_order {max_order}: expected above zero up to 1 "
            "order, and an order above it"
        )
    speed = np.abs(rpm) / 60
    if speed.min() < max(SLOWEST * speed.mean(), 1e-9):
        at = signal.start + int(np.argmin(speed)) / signal.rate
        raise SpecsrError(
            f"the speed falls to {60 * speed.min():.3g} rpm at {at:.3g} s, less than a "
            f"{1 / SLOWEST:.0f}th of its mean: cut a run out of the recording first (find_runs)"
        )
    turns = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)]) / signal.rate
    if turns[-1] * resolution < 1:
        raise SpecsrError(
            f"the recording holds {turns[-1]:.3g} turns, one window of resolution {resolution:g} "
            f"needs {1 / resolution:.3g}: choose a coarser resolution"
        )
    fine = _by_angle(signal, turns, math.ceil(signal.rate / speed.min()))
    per_turn = min(2 * math.ceil(_ROOM * max_order), fine.rate)
    coarse = fine.resample(per_turn)
    n_fft = 2 * round(per_turn / resolution / 2)
    transform = SpectrogramTransform.for_rate(per_turn, n_fft=n_fft, overlap=overlap, window=window)
    spec = transform(coarse).replace(phase=None)
    at = np.clip(spec.grid.times(), 0, turns[-1])
    samples = np.arange(signal.length)
    centre = np.interp(at, turns, samples)
    rates = np.interp(centre, samples, speed)
    times = signal.start + centre / signal.rate
    return OrderMap(spec, times, 60 * rates, signal.rate / 2 / rates, float(max_order))


def _by_angle(signal: Signal, turns: np.ndarray, per_turn: int) -> Signal:
    """Return the signal at ``per_turn`` samples a turn; its time axis counts turns from 0."""
    from scipy.ndimage import map_coordinates

    close = signal.resample(OVERSAMPLING * signal.rate).samples.astype(np.float64)
    angles = np.arange(math.floor(turns[-1] * per_turn) + 1) / per_turn
    at = OVERSAMPLING * np.interp(angles, turns, np.arange(signal.length))
    samples = np.stack([map_coordinates(x, [at], order=3, mode="nearest") for x in close])
    return replace(signal, samples=samples, rate=float(per_turn), start=0.0, rpm=None)
