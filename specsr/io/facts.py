"""Facts beside samples: rate, step, unit, scale and their like, found by their names.

In files without a schema a fact is an attribute of the array, a variable named after it (``fs_rpm``
for ``rpm``), or a variable of its group or of the whole file (``fs``), searched in that order.  The
unit of a fact is part of its text (``"48 kHz"``) or a fact of its own (``fs_unit``).  Facts of one
place that contradict each other (``fs`` and ``Fs``, ``unit`` and ``units``) are never chosen from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels
from specsr.io.axis_labels import quantity

RATES = (
    "fs", "samplerate", "samplingrate", "samplefrequency", "samplingfrequency", "sr", "fsamp",
    "fsample", "frequencysampling", "abtastrate", "dsamplingrate",
)  # fmt: skip
MAYBE_RATES = ("rate",)
"""Names of a sampling rate, unless one of `RATES` is there too: then it is another rate."""
STEPS = (
    "dt", "increment", "wfincrement", "xincrement", "samplinginterval", "sampleinterval",
    "timestep", "deltat", "tsample", "samplingperiod", "xdelta", "deltax",
)  # fmt: skip
UNITS = ("unit", "units", "unitstring", "yunit", "unity", "yunits", "szunit", "engineeringunit")
AXIS_UNITS = ("xunit", "xunits", "xunitstring", "wfxunitstring", "abscissaunit", "unitx")
AXIS_NAMES = ("xname", "xlabel", "wfxname", "abscissa", "xquantity")
STARTS = ("start", "t0", "starttime", "wfstartoffset", "startoffset", "xstart")
DURATIONS = ("duration", "durations", "durationseconds", "recordlength", "lengthseconds", "seconds")
BANDWIDTHS = ("bandwidth", "bandwidthhz", "fmax", "maxfrequency")
FACTORS = ("scalefactor", "scale")
OFFSETS = ("addoffset",)
FILLS = ("fillvalue", "missingvalue")
_SUFFIXES = ("khz", "hz", "ms", "us", "s")
"""Units at the end of a name: ``fs_khz``, ``dt_ms``."""
UNUSED = ("sensitivity", "gain", "calibration", "calibrationfactor", "calfactor")
"""Names of facts that may be part of the samples already: they are named and not applied."""
_FAMILIES = tuple(
    {*family, *(one + unit for one in family for unit in _SUFFIXES)}
    for family in ((*RATES, *MAYBE_RATES), STEPS, UNITS, AXIS_UNITS, AXIS_NAMES, STARTS)
)
"""Names of one meaning: a group with one of them does not inherit the others."""


def key(name: str) -> str:
    """Return a name as it is compared: letters and digits in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def single(value: Any) -> Any:
    """Return a fact as a Python object: an array of one element is its element.

    None for anything else.
    """
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0].item() if value.dtype.kind in "biufSU" else None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, (str, int, float)) else None


@dataclass(frozen=True)
class Contradiction:
    """Different values of one fact, whose names differ in case and signs alone: name -> value."""

    values: Mapping[str, Any]

    def __str__(self) -> str:
        return " or ".join(f"{value} ({name})" for name, value in self.values.items())


def facts_of(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts among the values of a group, by `key`."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in group.items():
        if (fact := single(value)) is not None:
            found.setdefault(key(name), {})[name] = fact
    return {short: _agreed(facts) for short, facts in found.items()}


def _agreed(facts: Mapping[str, Any]) -> Any:
    first, *others = facts.values()
    return Contradiction(facts) if any(value != first for value in others) else first


def within(inherited: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that hold inside a group: its own, and those around it that it has not."""
    hidden = set().union(*(family for family in _FAMILIES if family & own.keys()))
    return {name: value for name, value in inherited.items() if name not in hidden} | dict(own)


class Fact(NamedTuple):
    """A fact: its name, its value, whether it is the array's own, and which of the keys it is."""

    name: str
    value: Any
    own: bool
    of: str


@dataclass(frozen=True)
class Facts:
    """Facts of one array.

    Attributes:
        own: of the array itself, by `key`.
        around: of the groups around it, by `key`.
        name: of the array.
    """

    own: Mapping[str, Any]
    around: Mapping[str, Any]
    name: str

    def stated(self, *keys: str) -> list[Fact]:
        """Return all facts under some keys in the nearest place that has one.

        A fact that is named after the array counts as its own.
        """
        mine = key(self.name)
        named = [(pair, one) for one in keys for pair in (one + mine, mine + one) if mine]
        plain = [(one, one) for one in keys]
        for place, names, own in (
            (self.own, plain, True), (self.around, named, True), (self.around, plain, False)
        ):  # fmt: skip
            found = []
            for name, one in names:
                value = place.get(name)
                several = value.values if isinstance(value, Contradiction) else {name: value}
                found += [Fact(k, v, own, one) for k, v in several.items() if name in place]
            if found:
                return found
        return []

    def find(self, *keys: str) -> Fact | None:
        """Return the first fact; None without one.

        Raises:
            SpecsrError: it has another value under a name that differs in case alone.
        """
        found = self.stated(*keys)
        for other in found[1:]:
            if key(other.name) == key(found[0].name):
                raise contradicting(found[0], other)
        return found[0] if found else None

    def text(self, *keys: str) -> str:
        """Return a fact that is a text, "" without one."""
        found = self.find(*keys)
        return found.value if found and isinstance(found.value, str) else ""

    def number(self, *keys: str) -> tuple[str, float, str] | None:
        """Return name, value and unit label of the first fact that is a number; None without one.

        Raises:
            SpecsrError: a text that is no number, or as `find`.
        """
        found = self.find(*keys, *(one + unit for unit in _SUFFIXES for one in keys))
        return None if found is None else self._number(found, keys)

    def numbers(self, *keys: str) -> list[tuple[str, float, str, str]]:
        """Return name, value, unit label and key of all numbers in the nearest place.

        Raises:
            SpecsrError: none of them is a number.
        """
        found = self.stated(*keys, *(one + unit for one in keys for unit in _SUFFIXES))
        numbers = [one for one in found if quantity(one.value) is not None]
        read = [(self._number(one, keys), one.of) for one in numbers or found]
        return [(*number, of) for number, of in read if number is not None]

    def unit(self, *keys: str) -> tuple[str, bool] | None:
        """Return the label of the unit of the array, and whether it is its own; None without one.

        The keys are `UNITS` unless others are given.  Labels that contradict each other become one
        that is no unit and names both: the user is asked for the unit.
        """
        found = self.stated(*(keys or UNITS))
        if not found:
            return None
        texts = {one.name: unit_labels.clean(one.value) for one in found
                 if isinstance(one.value, str)}  # fmt: skip
        texts = {name: label for name, label in texts.items() if label}
        first = next(iter(texts.values()), "")
        if all(unit_labels.are_same(first, label) for label in texts.values()):
            return first, found[0].own
        return str(Contradiction(texts)), found[0].own

    def _number(self, fact: Fact, keys: tuple[str, ...]) -> tuple[str, float, str] | None:
        if isinstance(fact.value, bool):
            return None
        value = quantity(fact.value)
        if value is None:
            raise SpecsrError(f"{fact.name} is {fact.value!r}: expected a number")
        ended = next((unit for unit in _SUFFIXES if fact.of.removesuffix(unit) in keys), "")
        suffix = "" if fact.of in keys else ended
        return fact.name, value[0], value[1] or self._unit_of(key(fact.name)) or suffix

    def _unit_of(self, fact: str) -> str:
        for place in (self.own, self.around):
            for name in (f"{fact}unit", f"unit{fact}", f"{fact}units"):
                if isinstance(place.get(name), (str, Contradiction)):
                    return str(place[name])
        return ""


def contradicting(one: Fact, other: Fact) -> SpecsrError:
    """Return the error for two facts of different values."""
    return SpecsrError(
        f"{one.name} is {one.value!r} and {other.name} is {other.value!r}, which contradict each "
        "other: keep the right one in the file"
    )
