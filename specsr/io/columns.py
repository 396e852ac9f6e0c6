"""Columns of a table: their names and units, and the one that is the axis of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.axis_labels import meaning, quantity
from specsr.io.facts import MAYBE_RATES, RATES, STEPS, key
from specsr.io.sampling import DATES, Sampling, agreed, asked, of_rate, of_step, of_values
from specsr.io.table_head import LONGEST, Head
from specsr.io.titles import kind_of_name, split_title
from specsr.io.unit_labels import clean, is_known

_AXES = ("angle", "distance", "frequency", "order", "index")
_SLOW = 10.0
"""Rates up to here, Hz, from times without a unit are noted."""


@dataclass(frozen=True)
class Column:
    """Name and unit label of a column."""

    name: str
    label: str


def column(title: str, position: int) -> Column:
    """Return the column with a title such as ``mic [Pa]``; ``ch1``, ... without a name."""
    name, label = split_title(title[:LONGEST])
    return Column(name or f"ch{position + 1}", clean(label))


def axis(columns: list[Column], table: np.ndarray, head: Head) -> tuple[int | None, Sampling]:
    """Return the position of the axis of a table, None without one, and the sampling.

    The axis is a column of time stamps, one named time, or the first one if its unit or its name
    is one of an axis and its values increase.  ``x`` alone names a direction, not an axis.

    Args:
        columns: of the table.
        table: its numbers, [rows, columns].
        head: its comments.

    Raises:
        SpecsrError: a rate that is no number, or times that do not increase.
    """
    stated = _stated(head)
    at = _position(columns, table, head, bool(stated))
    if at is None or len(table) < 2:
        return at, agreed(stated)
    values, label = table[:, at], columns[at].label
    if at in head.stamped:
        found = of_values(values - values[0], "s")
        found = replace(found, note=DATES)
    else:
        kind = "index" if _counts(values, columns[at]) else kind_of_name(columns[at].name)
        found = of_values(values, label, kind or "time")
    if found.over or found.problem:
        return at, agreed(stated) if stated and found.problem else found
    if found.times is not None:
        return at, found
    if not label and not stated and found.rate is not None and found.rate <= _SLOW:
        note = f"its times have no unit and are read in s: {found.rate:g} Hz"
        found = replace(found, note=found.note or note)
    return at, agreed([*stated, (f"the column {columns[at].name}", found)])


def _stated(head: Head) -> list[tuple[str, Sampling]]:
    """Return the sampling that the comments state."""
    found = []
    begin = quantity(head.facts.get("start"))  # a date is no start on the axis of times
    start = begin[0] if begin and begin[1] in ("", "s") else 0.0
    comments = [
        (name, text)
        for name, last in head.facts.items() for text in head.repeated.get(name, (last,))
    ]  # fmt: skip
    for name, text in comments:
        value = quantity(text)
        if key(name) in (*RATES, *MAYBE_RATES):
            if value is None:
                raise SpecsrError(f"{name} is {text!r}: expected a number")
            found.append((f"the comment {name}", of_rate(*value, name=name)))
        elif key(name) in STEPS and value is not None:
            found.append((f"the comment {name}", of_step(value[0], 0.0, value[1])))
    return [(name, replace(one, start=start)) for name, one in found]


def _position(columns: list[Column], table: np.ndarray, head: Head, has_rate: bool) -> int | None:
    if head.stamped:
        return head.stamped[0]
    for i, one in enumerate(columns):
        found = meaning(one.label)
        if kind_of_name(one.name) != "time":
            continue
        if found is not None and found.kind != "time":
            continue
        if is_known(one.label) and found is None:
            continue  # a torque t [N]
        if one.name.lower() == "t" and not _increases(table[:, i]):
            continue
        return i
    first, values = columns[0], table[:, 0]
    found = meaning(first.label)
    named = kind_of_name(first.name) if len(first.name) > 1 else None  # "F" may be a force
    kind = found.kind if found else None if first.label else named
    if len(columns) < 2 or not _increases(values):
        return None
    if kind == "time" or (not has_rate and kind in _AXES):
        return 0
    return 0 if _counts(values, first) else None


def _counts(values: np.ndarray, one: Column) -> bool:
    """Return whether a column without a unit counts the samples: 0, 1, 2, ... or 1, 2, 3, ..."""
    if one.label or kind_of_name(one.name) != "index" and one.name.lower() not in ("ch1", "x"):
        return False
    return values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def _increases(values: np.ndarray) -> bool:
    return len(values) > 1 and bool((np.diff(values) > 0).all())


def copies(columns: list[Column], table: np.ndarray, at: int | None) -> set[int]:
    """Return the positions of further columns with the times of the axis, which are no channels.

    Args:
        columns, table: as in `axis`.
        at: position of the axis, None without one.

    Raises:
        SpecsrError: further columns with other times.
    """
    found = set()
    for i, one in enumerate(columns):
        unit = meaning(one.label)
        times = kind_of_name(one.name) == "time" and (
            unit.kind == "time" if unit else not one.label
        )
        if i == at or at is None or not times or not _increases(table[:, i]):
            continue
        if not np.array_equal(table[:, i], table[:, at]) or one.label != columns[at].label:
            raise SpecsrError(
                f"has several columns of times ({columns[at].name}, {one.name}) that differ: "
                "export one table for each rate"
            )
        found.add(i)
    return found


def suspect(columns: list[Column], table: np.ndarray) -> Sampling:
    """Return why there is no rate, if the first column looks like the times of the others."""
    values = table[:, 0]
    even = len(columns) > 1 and len(values) > 2 and _increases(values) and not columns[0].label
    if even and np.ptp(np.diff(values)) < 0.1 * np.diff(values).mean():
        name = columns[0].name
        return asked(f"its column {name} increases evenly: if it is the time, name it 'time [s]'")
    return Sampling()
