"""Several runs over one speed axis: levels and order cuts, differences, mean and scatter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.transform import spectrogram
from specsr.maps.windows import coverage
from specsr.nvh.levels import row_power, third_octave_levels, to_level
from specsr.nvh.order_map import check_orders, order_map
from specsr.nvh.runs import find_runs, turning, widest_run
from specsr.nvh.speed import column_rpm
from specsr.nvh.view import check_rpm_step, nice_step, onto_rpm
from specsr.nvh.weighted import weighted
from specsr.nvh.weighting import check_weighting, weighting_power
from specsr.signal import Signal
from specsr.units import REFERENCES

OVERALL = "overall"
"""Name of the level over all frequencies."""
_STEPS = 60
"""Approximate number of steps of speed without a given step."""
_DF = 5.0
"""Row spacing of the spectra of the overall level, Hz: windows of 0.2 s."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """One channel of R runs over the speeds that all of them reach.

    Attributes:
        channel: its name.
        unit: of its samples.
        runs: names, [R].
        reference: position of the run that the others are compared with.
        rpm: centres of the steps of speed, 1/min, [B].
        quantities: ``overall`` and the orders (``order 2``), [Q].
        levels: dB re the unit's reference, [R, Q, B]; nan where not measured, -inf for silence.
        nominal: nominal mid-band frequencies of third octaves in Hz, [T].
        bands: levels of third octaves over the whole run, dB, [R, T].
        weighting: frequency weighting of all levels.
    """

    channel: str
    unit: str
    runs: tuple[str, ...]
    reference: int
    rpm: np.ndarray
    quantities: tuple[str, ...]
    levels: np.ndarray
    nominal: np.ndarray
    bands: np.ndarray
    weighting: str

    def difference(self, levels: np.ndarray) -> np.ndarray:
        """Return ``levels`` or ``bands`` minus those of the reference, dB, same shape.

        nan where one of the two is not a number, or silence.
        """
        with np.errstate(invalid="ignore"):
            apart = levels - levels[self.reference]
        return np.where(np.isfinite(apart), apart, np.nan)

    def silent(self) -> tuple[str, ...]:
        """Return the runs that have no power at some speed or in some third octave."""
        return tuple(
            run
            for run, levels, bands in zip(self.runs, self.levels, self.bands)
            if np.isneginf(levels).any() or np.isneginf(bands).any()
        )


def mean_level(levels: np.ndarray) -> np.ndarray:
    """Return the level of the mean power over the first axis, dB; silence and nan are left out.

    nan without any level.
    """
    known = np.isfinite(levels)
    total = np.where(known, 10 ** (levels / 10), 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10 * np.log10(total / known.sum(axis=0))


def scatter(levels: np.ndarray) -> np.ndarray:
    """Return the standard deviation over the first axis, dB; silence and nan are left out.

    nan for fewer than two levels.
    """
    known = np.isfinite(levels)
    count = known.sum(axis=0)
    kept = np.where(known, levels, 0.0)
    mean = kept.sum(axis=0) / np.maximum(count, 1)
    squares = np.where(known, np.square(kept - mean), 0.0).sum(axis=0)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def finite(values: np.ndarray) -> np.ndarray:
    """Return the values that are finite, [n]."""
    return values[np.isfinite(values)]


def compare_runs(
    runs: Mapping[str, Signal],
    orders: Sequence[float] = (2.0, 4.0),
    *,
    reference: str | None = None,
    rpm_step: float | None = None,
    weighting: str = "Z",
) -> list[Comparison]:
    """Compare recordings of runs over speed, one comparison for each channel.

    Of each recording the run with the largest change of speed counts.  Channels of one name and
    unit are compared; each needs two runs.  Steps of speed are those that all runs of a channel
    reach; each holds the mean power of the time that a run spends in it, so the sweep rate does not
    matter.

    Args:
        runs: name -> recording with its speed.
        orders: orders to cut, by angular resampling.
        reference: name of the run that the others are compared with; None for the first.
        rpm_step: width of a step, 1/min; None gives about 60.
        weighting: ``"A"``, ``"C"`` or ``"Z"``, of all levels.

    Raises:
        SpecsrError: a recording without a speed or with one that does not change, an unknown
            reference, an order that cannot be cut, a step out of range, runs without a common
            range of speed, or no channel that two runs have.

    Example:
        >>> runs = {}
        >>> for name, seed in (("before", 1), ("after", 2)):
        ...     machine = specsr.RunUp(rate=8000, duration=3.0, seed=seed)
        ...     runs[name] = specsr.synthesise(machine).signal
        >>> found = specsr.compare_runs(runs, orders=[2])
        >>> found[0].runs
        ('before', 'after')
    """
    if reference is not None and reference not in runs:
        raise SpecsrError(f"reference is {reference!r}: expected one of {', '.join(runs)}")
    check_orders(orders)
    measured = {name: _Run(name, signal, orders, weighting) for name, signal in runs.items()}
    keys = [key for run in measured.values() for key in run.channels]
    found = []
    for key in dict.fromkeys(keys):
        having = [run for run in measured.values() if key in run.channels]
        if len(having) > 1:
            found.append(_comparison(key, having, reference, rpm_step, weighting))
    if not found:
        raise SpecsrError(
            "no channel of one name and unit in two of the runs: "
            + "; ".join(f"{run.name}: {', '.join(n for n, _ in run.channels)}"
                        for run in measured.values())
        )  # fmt: skip
    return found


class _Run:
    """Power of a run over its own columns.

    Attributes:
        channels: (name, unit) -> position.
        parts: quantity -> power [C, T] in unit², speed [T] and weight [T] of its columns.
        bands: third octaves.
        low, high: range of the speed, 1/min.
    """

    def __init__(self, name: str, signal: Signal, orders: Sequence[float], weighting: str) -> None:
        check_weighting(weighting, signal.unit)
        if signal.rpm is None:
            raise SpecsrError(f"{name}: has no speed: a comparison needs one")
        widest = widest_run(find_runs(signal.rpm, signal.rate, signal.start), signal, 1.0)
        if widest is None:
            raise SpecsrError(f"{name}: the speed does not change: expected a run-up or run-down")
        part = turning(widest.of(signal))
        assert part.rpm is not None
        self.name, self.unit = name, part.unit
        self.channels = {(c, part.unit): i for i, c in enumerate(part.channels)}
        speed = np.abs(part.rpm)
        self.low, self.high = float(speed.min()), float(speed.max())
        spec = spectrogram(part, df=max(_DF, 2 * part.rate / part.length), overlap=0.5)
        gain = weighting_power(spec.grid.freqs(), weighting)
        power = np.einsum("crt,r->ct", row_power(spec), gain)
        self.parts = {OVERALL: (power, column_rpm(speed, spec.grid), coverage(spec.grid))}
        if orders:
            heard = weighted(part.replace(rpm=speed), weighting)
            tracked = order_map(heard, max_order=1.25 * max(orders))
            for order in orders:
                cut = tracked.cut(order)
                power = 10 ** (cut.levels / 10) * REFERENCES[part.unit] ** 2
                self.parts[f"order {order:g}"] = (power, cut.rpm, np.ones(cut.rpm.size))
        self.bands = third_octave_levels(part, weighting=weighting)


def _comparison(
    key: tuple[str, str],
    runs: list[_Run],
    reference: str | None,
    rpm_step: float | None,
    weighting: str,
) -> Comparison:
    low, high = max(run.low for run in runs), min(run.high for run in runs)
    if low >= high:
        ranges = ", ".join(f"{run.name} {run.low:.0f} to {run.high:.0f}" for run in runs)
        raise SpecsrError(f"the runs have no speed in common: {ranges} rpm")
    step = nice_step(high - low, _STEPS) if rpm_step is None else rpm_step
    if not (step > 0 and math.isfinite(step)) or step > high - low:
        raise SpecsrError(f"rpm_step is {step:g}: expected up to {high - low:.0f} 1/min in common")
    check_rpm_step(step, low, high)
    # a centre that is missed by a hundredth of a step counts
    first, last = math.ceil(low / step - 0.01), math.floor(high / step + 0.01)
    axis = step * np.arange(first, last + 1)
    quantities = tuple(runs[0].parts)
    levels = np.full((len(runs), len(quantities), axis.size), np.nan)
    for r, run in enumerate(runs):
        for q, name in enumerate(quantities):
            power, rpm, weight = run.parts[name]
            row = power[run.channels[key]][None, None]
            found, centres = onto_rpm(row, rpm, weight, step)
            at = np.round((axis - centres[0]) / step).astype(int)
            inside = (at >= 0) & (at < centres.size)
            levels[r, q, inside] = to_level(found[0, 0, at[inside]], REFERENCES[key[1]])
    names = tuple(run.name for run in runs)
    count = min(run.bands.nominal.size for run in runs)  # recordings of lower rates have fewer
    bands = np.stack([run.bands.levels[run.channels[key], :count] for run in runs])
    return Comparison(
        key[0], key[1], names, names.index(reference) if reference in names else 0, axis,
        quantities, levels, runs[0].bands.nominal[:count], bands, weighting,
    )  # fmt: skip
