"""Facts beside samples: rate, step, unit, scale and their like, found by their names.

In files without a schema a fact is an attribute of the array, a variable named after it (``fs_rpm``
for ``rpm``), or a variable of its group or of the whole file (``fs``), searched in that order.  The
unit of a fact is part of its text (``"48 kHz"``) or a fact of its own (``fs_unit``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.axis_labels import Kind, quantity
from specsr.io.sampling import Sampling, agreed, asked, of_rate, of_step, of_values
from specsr.io.titles import kind_of_name

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
class Facts:
    """Facts of one array.

    Attributes:
        own: of the array itself, by `key`.
        around: of the groups around it, by `key`.
        name: of the array.
    """

    own: dict[str, Any]
    around: dict[str, Any]
    name: str

    def find(self, *keys: str) -> tuple[str, Any, bool] | None:
        """Return key, value and whether it is the array's own, of the first fact; None without one.

        A fact that is named after the array counts as its own.
        """
        mine = key(self.name)
        for one in keys:
            if one in self.own:
                return one, self.own[one], True
        for one in keys:
            for pair in (one + mine, mine + one):
                if mine and pair in self.around:
                    return pair, self.around[pair], True
        for one in keys:
            if one in self.around:
                return one, self.around[one], False
        return None

    def text(self, *keys: str) -> str:
        """Return a fact that is a text, "" without one."""
        found = self.find(*keys)
        return found[1] if found and isinstance(found[1], str) else ""

    def number(self, *keys: str) -> tuple[str, float, str] | None:
        """Return key, value and unit label of a fact that is a number; None without one.

        Raises:
            SpecsrError: the fact is a text that is no number.
        """
        found, suffix = self.find(*keys), ""
        for unit in _SUFFIXES if found is None else ():
            found = found or self.find(*(one + unit for one in keys))
            suffix = suffix or (unit if found else "")
        if found is None or isinstance(found[1], bool):
            return None
        value = quantity(found[1])
        if value is None:
            raise SpecsrError(f"{found[0]} is {found[1]!r}: expected a number")
        return found[0], value[0], value[1] or self._unit_of(found[0]) or suffix

    def _unit_of(self, fact: str) -> str:
        for place in (self.own, self.around):
            for name in (f"{fact}unit", f"unit{fact}", f"{fact}units"):
                if isinstance(place.get(name), str):
                    return place[name]
        return ""


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


def sampling_of(facts: Facts, times: Times | None, length: int) -> tuple[Sampling, list[str]]:
    """Return the sampling that the facts and the times of an array state, and notes.

    Facts that contradict each other give no rate, with the reason: a rate and a step, the rate of
    the shaft and that of the samples, a rate and a duration or a bandwidth.

    Args:
        facts: of the array.
        times: its axis, if the file has one of its length.
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
    step = facts.number(*STEPS)
    rate, maybe = facts.number(*RATES), facts.number(*MAYBE_RATES)
    if rate and maybe and abs(rate[1] - maybe[1]) > 0.01 * rate[1]:
        notes.append(f"{maybe[0]} is {maybe[1]:g}: it is not the sampling rate, which is {rate[0]}")
        maybe = None
    for stated in filter(None, (rate, maybe)):
        found.append((stated[0], of_rate(stated[1], stated[2], stated[0])))
    if step:
        found.append((step[0], of_step(step[1], 0.0, step[2] or label, kind)))
    if times is not None:
        named = kind_of_name(times.name)
        found.append((times.name, of_values(times.values, times.label, named or "time")))
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
        if one is not None and one[2] and isinstance(one[1], (int, float)):
            gap = samples == one[1]
            if gap.any():
                samples = np.where(gap, np.nan, samples.astype(np.float64))
                notes.append(f"{int(gap.sum())} samples are {one[0]} ({one[1]:g}) and become gaps")
    factor, offset = _fact(facts, FACTORS, takes_shared), _fact(facts, OFFSETS, takes_shared)
    if factor and factor[1] != 1 or offset and offset[1] != 0:
        scale, shift = factor[1] if factor else 1.0, offset[1] if offset else 0.0
        samples = samples.astype(np.float64) * scale + shift
        names = ", ".join(f"{one[0]} {one[1]:g}" for one in (factor, offset) if one)
        notes.append(f"samples are converted by {names}")
    for name in UNUSED:
        found = facts.find(name)
        value = quantity(found[1]) if found else None
        if found and value and value[0] not in (0.0, 1.0) and (found[2] or takes_shared):
            notes.append(
                f"{found[0]} {value[0]:g} is not applied: the samples are taken as they are"
            )
    return samples, notes


def _fact(facts: Facts, keys: tuple[str, ...], takes_shared: bool) -> tuple[str, float] | None:
    found = facts.find(*keys)
    if found is None or not (found[2] or takes_shared):
        return None
    value = quantity(found[1])
    if value is None:
        return None
    if not np.isfinite(value[0]) or (keys is FACTORS and value[0] == 0):
        raise SpecsrError(f"{found[0]} is {found[1]!r}: expected a finite number, not zero")
    return found[0], value[0]
