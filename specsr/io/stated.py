"""What facts state about an array: its sampling, its scale and its gaps (`specsr.io.facts`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.axis_labels import Kind, meaning, quantity
from specsr.io.facts import (
    AXIS_NAMES,
    AXIS_UNITS,
    BANDWIDTHS,
    DURATIONS,
    FACTORS,
    FILLS,
    MAYBE_RATES,
    OFFSETS,
    RATES,
    STARTS,
    STEPS,
    UNUSED,
    Facts,
    contradicting,
)
from specsr.io.sampling import Sampling, agreed, asked, of_rate, of_step, of_values
from specsr.io.titles import kind_of_name

_SAME_RATE = 1e-4
"""Largest relative difference of rates that are stated as numbers: one may be rounded."""


@dataclass(frozen=True, eq=False)
class Times:
    """Values of an axis in a file.

    Attributes:
        values: [N].
        label: their unit, "" without one.
        name: of the axis.
    """

    values: np.ndarray
    label: str
    name: str

    @property
    def kind(self) -> Kind:
        """Kind of the axis, by its unit or its name."""
        found = meaning(self.label)
        return found.kind if found else kind_of_name(self.name) or "time"


def sampling_of(facts: Facts, times: Sequence[Times], length: int) -> tuple[Sampling, list[str]]:
    """Return the sampling that the facts and the times of an array state, and notes.

    Facts that contradict each other give no rate, with the reason: a rate and a step, the rate of
    the shaft and that of the samples, a rate and a duration or a bandwidth.

    Args:
        facts: of the array.
        times: its axes: those of the file of its length.
        length: number of its samples.

    Raises:
        SpecsrError: a fact that should be a number is none.
    """
    found: list[tuple[str, Sampling]] = []
    notes: list[str] = []
    label = facts.text(*AXIS_UNITS)
    kind: Kind = kind_of_name(facts.text(*AXIS_NAMES)) or "time"
    begin = facts.number(*STARTS) if not facts.text(*STARTS) else None
    start = begin[1] if begin else 0.0
    rates: list[tuple[str, float, str, str]] = []
    for name, value, unit, of in facts.numbers(*RATES, *MAYBE_RATES):
        if of in MAYBE_RATES and rates and abs(rates[0][1] - value) > 0.01 * rates[0][1]:
            notes.append(
                f"{name} is {value:g}: it is not the sampling rate, which is {rates[0][0]}"
            )
            continue
        rates.append((name, value, unit, of))
    steps = facts.numbers(*STEPS)
    for stated in (
        [(name, of_rate(value, unit, name)) for name, value, unit, _ in rates],
        [(name, of_step(value, 0.0, unit or label, kind)) for name, value, unit, _ in steps],
    ):
        exact = agreed(stated, _SAME_RATE)
        if len(stated) > 1 and exact.problem:
            return exact, notes
        found += stated
    for axis in times:
        named = kind_of_name(axis.name) or "time"
        found.append((axis.name, of_values(axis.values, axis.label, named)))
    other = next((one for _, one in found if one.over or one.times is not None), None)
    if other is not None:
        return other, notes
    result = agreed(found)
    if result.note:
        notes.append(result.note)
    reason = _implausible(facts, result.rate, length) if result.rate else ""
    if reason:
        return asked(reason), notes
    if start and not result.start and begin and not begin[2]:
        result = Sampling(result.rate, start, problem=result.problem)
    return result, notes


def _implausible(facts: Facts, rate: float, length: int) -> str:
    """Return what speaks against a rate: a duration or bandwidth in the file; "" for nothing."""
    duration = facts.number(*DURATIONS) if not facts.text(*DURATIONS) else None
    if duration and duration[1] > 0 and not duration[2]:
        seconds = length / rate
        # a duration of a whole number of seconds may be rounded
        if abs(seconds - duration[1]) > 0.05 * max(seconds, duration[1]) + 2 / rate:
            return (
                f"its rate of {rate:.9g} Hz gives {seconds:.6g} s, but {duration[0]} is "
                f"{duration[1]:g}"
            )
    band = facts.number(*BANDWIDTHS) if not facts.text(*BANDWIDTHS) else None
    if band and band[1] > rate / 2 and not band[2]:
        return f"its rate is {rate:.9g} Hz, but {band[0]} is {band[1]:g}: more than half of it"
    return ""


def scaled(samples: np.ndarray, facts: Facts, takes_shared: bool) -> tuple[np.ndarray, list[str]]:
    """Return samples times their scale plus their offset, fill values as NaN, and notes.

    Args:
        samples: as stored, [N] or [C, N].
        facts: of the array.
        takes_shared: whether a scale of the group is that of this array.
    """
    notes = []
    for one in (facts.find(name) for name in FILLS):
        if one is not None and one.own and isinstance(one.value, (int, float)):
            gap = samples == one.value
            if gap.any():
                samples = np.where(gap, np.nan, samples.astype(np.float64))
                notes.append(
                    f"{int(gap.sum())} samples are {one.name} ({one.value:g}) and become gaps"
                )
    factor, offset = _fact(facts, FACTORS, takes_shared), _fact(facts, OFFSETS, takes_shared)
    if factor and factor[1] != 1 or offset and offset[1] != 0:
        scale, shift = factor[1] if factor else 1.0, offset[1] if offset else 0.0
        samples = samples.astype(np.float64) * scale + shift
        names = ", ".join(f"{one[0]} {one[1]:g}" for one in (factor, offset) if one)
        notes.append(f"samples are converted by {names}")
    for name in UNUSED:
        found = facts.find(name)
        value = quantity(found.value) if found else None
        if found and value and value[0] not in (0.0, 1.0) and (found.own or takes_shared):
            notes.append(
                f"{found.name} {value[0]:g} is not applied: the samples are taken as they are"
            )
    return samples, notes


def _fact(facts: Facts, keys: tuple[str, ...], takes_shared: bool) -> tuple[str, float] | None:
    found = facts.stated(*keys)
    if not found or not (found[0].own or takes_shared):
        return None
    values = [quantity(one.value) for one in found]
    for one, value in zip(found, values):
        if value is None:
            continue
        if not np.isfinite(value[0]) or (keys is FACTORS and value[0] == 0):
            raise SpecsrError(f"{one.name} is {one.value!r}: expected a finite number, not zero")
    stated = [(one, value[0]) for one, value in zip(found, values) if value is not None]
    for one, number in stated[1:]:
        if number != stated[0][1]:
            raise contradicting(stated[0][0], one)
    return (stated[0][0].name, stated[0][1]) if stated else None
