"""Sampling of channels: rate, start or times from the facts of a file, or why there is no rate.

A file states the sampling as a rate, as a step, or as values of an axis, each with or without a
unit.  Each becomes a `Sampling`; `agreed` compares several.  An axis that is no time, a unit that
is unknown and facts that contradict each other give no rate: the reason is kept, and the user is
asked for the rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.axis_labels import ADVICE, Kind, Meaning, meaning
from specsr.io.times import even_times, snap

_DATENUM = (600_000.0, 900_000.0)
"""Days since the year 0 in the years 1642 to 2464, as MATLAB counts them."""
_EXCEL = (20_000.0, 80_000.0)
"""Days since 1900 in the years 1954 to 2119, as spreadsheets count them."""
_EPOCHS = ((1e17, 1e19, 1e-9), (1e14, 1e17, 1e-6), (1e11, 1e14, 1e-3))
"""Ranges of times since 1970 in the years 1973 to 2286, and their units in s."""
DATES = "its times are dates: the first is at 0 s"
"""Note on dates that were read as times."""
_FASTEST = 1e6
"""Rates beyond this, Hz, are no sampling rates of sound or vibration."""
_AGREE = 0.01
"""Largest relative difference of two statements of one rate."""
_WORDS: dict[Kind, str] = {
    "frequency": "frequency", "speed": "speed", "angle": "angle", "distance": "distance",
    "order": "order", "index": "sample number", "time": "time",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sampling:
    """How channels are sampled.

    Attributes:
        rate: sampling rate, Hz; None if it is unknown or the times are not uniform.
        start: time of the first sample, s.
        times: times of all samples, s, [N], if they are not uniform.
        over: the axis if it is not time, such as "angle (deg)"; "" for time.
        problem: why there is no rate; "" if nothing is known against one.
        note: a correction, one sentence, or "".
    """

    rate: float | None = None
    start: float = 0.0
    times: np.ndarray | None = None
    over: str = ""
    problem: str = ""
    note: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the fields of a `specsr.io.recording.Channel`."""
        return {
            "rate": self.rate, "start": self.start, "times": self.times, "over": self.over,
            "problem": self.problem,
        }  # fmt: skip


def of_rate(value: float, label: str = "", name: str = "rate") -> Sampling:
    """Return the sampling at a stated rate.

    Args:
        value: the rate.
        label: its unit; Hz without one.
        name: of the entry, for messages.

    Raises:
        SpecsrError: the rate is not above zero.
    """
    found = meaning(label) if label else None
    if label and (found is None or found.kind != "frequency"):
        return asked(f"its {name} has the unit {label!r}: expected Hz or kHz")
    rate, note = snap(value * (found.factor if found else 1.0))
    return Sampling(rate, note=note)


def of_step(
    step: float, start: float = 0.0, label: str = "", kind: Kind = "time", relative: float = 1e-6
) -> Sampling:
    """Return the sampling at a stated step.

    Args:
        step: from sample to sample.
        start: of the first sample, in the same unit.
        label: unit of both; the base unit of ``kind`` without one.
        kind: of the axis, if there is no label.
        relative: largest relative error of the step.

    Raises:
        SpecsrError: the step is not above zero.
    """
    if not (np.isfinite(step) and step > 0):
        raise SpecsrError(f"its time step is {step}: expected a value above zero")
    other = _not_time(label, kind)
    if other is not None:
        return other
    found = meaning(label)
    factor = found.factor if found else 1.0
    rate, note = snap(1 / (step * factor), relative)
    return Sampling(rate, start * factor, note=note)


def of_values(values: np.ndarray, label: str = "", kind: Kind = "time") -> Sampling:
    """Return the sampling at the values of an axis.

    Without a unit, times that can only be dates (MATLAB's days, a spreadsheet's days, units of
    1970) are read as such, with a note.

    Args:
        values: [N], numbers or ``datetime64``.
        label: their unit; the base unit of ``kind`` without one.
        kind: of the axis, if there is no label.

    Raises:
        SpecsrError: values of time that are not finite or do not increase.
    """
    values = np.asarray(values)
    if values.dtype.kind in "Mm":
        elapsed = (values - values[0]) / np.timedelta64(1, "ns") * 1e-9
        return replace(_even(elapsed), note=DATES)
    other = _not_time(label, kind)
    if other is not None:
        return other
    raw, values = values, values.astype(np.float64)
    found = meaning(label)
    date = date_unit(values, label)
    if date is not None:
        elapsed = (raw - raw[0]) * date.factor  # integers keep their last digit
        return replace(_even(elapsed), note=DATES)
    if found is None:
        return _without_unit(values)
    return _even(values * found.factor)


def date_unit(values: np.ndarray, label: str) -> Meaning | None:
    """Return the unit of times that are dates as numbers; None for times of another kind.

    Days since the year 0 (MATLAB) or 1900 (spreadsheets) by their unit, or because seconds would
    mean a rate of no recording; times since 1970 in ms, us or ns by their size.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    first, last = float(values[0]), float(values[-1])
    days = Meaning("time", 86400.0)
    if label:
        return days if meaning(label) == days and abs(first) > _EXCEL[0] else None
    for low, high, factor in _EPOCHS:
        if low <= first < high and low <= last < high:
            return Meaning("time", factor)
    step = (last - first) / (len(values) - 1)
    dates = any(low <= first and last < high for low, high in (_DATENUM, _EXCEL))
    return days if dates and 0 < step < 1 / _FASTEST else None


def agreed(found: Sequence[tuple[str, Sampling]], relative: float = _AGREE) -> Sampling:
    """Return the sampling that several facts of a file state, each with its name.

    The first with a rate counts.  Facts that differ from it by more than ``relative`` give none.
    """
    rated = [(name, one) for name, one in found if one.rate is not None]
    if not rated:
        return found[0][1] if found else Sampling()
    first, best = rated[0]
    assert best.rate is not None
    for name, one in rated[1:]:
        assert one.rate is not None
        if abs(one.rate - best.rate) > relative * best.rate:
            return asked(
                f"its rate is {best.rate:.9g} Hz by {first} and {one.rate:.9g} Hz by {name}"
            )
    # times know the start that a rate does not
    starts = [one.start for _, one in rated if one.start]
    return replace(best, start=best.start or (starts[0] if starts else 0.0))


def asked(reason: str) -> Sampling:
    """Return no sampling, for a reason: the user is asked for the rate."""
    return Sampling(problem=f"{reason}; {ADVICE}")


def _not_time(label: str, kind: Kind) -> Sampling | None:
    """Return the sampling of an axis that is no time or has an unknown unit; None for time."""
    found = meaning(label) if label else None
    if label and found is None:
        return asked(
            f"its axis of {_WORDS[kind]} has the unit {label!r}, which is unknown: expected s, ms, "
            "us, ns, min, h or d"
        )
    kind = found.kind if found else kind
    if kind == "time":
        return None
    if kind == "index":
        return asked("its axis counts samples and states no rate")
    return Sampling(over=f"{_WORDS[kind]} ({label})" if label else _WORDS[kind])


def _even(times: np.ndarray) -> Sampling:
    even = even_times(times)
    if even is None:
        return Sampling(times=times)
    rate, start, note = even
    return Sampling(rate, start, note=note)


def _without_unit(values: np.ndarray) -> Sampling:
    """Return the sampling at times without a unit: seconds, unless days are as likely."""
    first, last = (float(values[0]), float(values[-1])) if len(values) else (0.0, 0.0)
    step = (last - first) / max(1, len(values) - 1)
    if _DATENUM[0] <= first and last < _DATENUM[1] and 0 < step < 1 / 86400:
        return asked(
            f"its times start at {first:.9g} without a unit: they are s at {1 / step:.6g} Hz, or "
            f"days at {1 / step / 86400:.6g} Hz"
        )
    return _even(values)
