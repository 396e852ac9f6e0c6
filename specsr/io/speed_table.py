"""Tables of a speed over time, or of one speed per sample, in any suffix and with any units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.axis_labels import Meaning, meaning
from specsr.io.columns import Column, column
from specsr.io.guard import naming
from specsr.io.sampling import DATES, date_unit
from specsr.io.speeds import check_speed
from specsr.io.table import read_columns
from specsr.io.table_head import Head
from specsr.io.titles import kind_of_name
from specsr.io.unit_labels import is_speed, speed_factor

_LAYOUT = "one or two columns of numbers (time in s, speed in 1/min)"
_ENDED = re.compile(r"(?i).*[ _.](rad_s|rad_sec|rev_s|deg_s|1_min|rev_min|r_min|krpm|rps|hz)")
_SWAPPED = "; its columns seem swapped: expected times first, or names with units"
CONFIDENCE, SURE = "confidence", 0.5
"""Name of the column with the confidence of a found speed, and the value below which a note is
made."""


@dataclass(frozen=True, eq=False)
class SpeedTable:
    """A speed in a table.

    Attributes:
        times: s, [N]; None for one speed per sample.
        rpm: speed, 1/min, finite, [N].
        notes: on the times, one sentence each.
        hint: text for errors in the times, if the two columns seem swapped, or "".
    """

    times: np.ndarray | None
    rpm: np.ndarray
    notes: tuple[str, ...] = ()
    hint: str = ""

    def per_sample(self, path: Path, length: int) -> np.ndarray:
        """Return the speeds of a table without times, one per sample, [length].

        Raises:
            SpecsrError: another number of speeds; the message names the file ``path``.
        """
        if len(self.rpm) != length:
            raise SpecsrError(
                f"{path}: {len(self.rpm)} speeds for {length} samples: expected one per "
                "sample, or a column of times before them"
            )
        return self.rpm


def read_speeds(path: Path) -> SpeedTable:
    """Return the speed in a table.

    Names or units tell the columns apart, in any order and among others; without them the first of
    two columns holds times in s, the second speeds in 1/min.

    Raises:
        SpecsrError: no such file, no table, no column or several columns of speeds, or units that
            are none of time and speed; the message names the file.
    """
    try:
        head, table = read_columns(path)
    except SpecsrError as error:
        if isinstance(error.__cause__, OSError):
            raise
        raise SpecsrError(f"{error}; a table of speeds has {_LAYOUT}") from None
    with naming(path):
        return _speeds(head, table)


def _speeds(head: Head, table: np.ndarray) -> SpeedTable:
    count = table.shape[1]
    titles = head.names or ("",) * count
    if count > 2 and not head.names:
        raise SpecsrError(f"has {count} columns: expected {_LAYOUT}")
    if len(titles) != count:
        raise SpecsrError(f"has {len(titles)} column names for {count} columns")
    columns = [column(title, i) for i, title in enumerate(titles)]
    if count == 1:
        _check_finite(table[:, 0], columns[0])
        return SpeedTable(None, _rpm(columns[0], table[:, 0]))
    at = _times(columns, head)
    notes: tuple[str, ...] = ()
    speed = _speed(columns, at)
    values = table[:, at]
    _check_finite(values, columns[at])
    _check_finite(table[:, speed], columns[speed], values)
    rpm = _rpm(columns[speed], table[:, speed])
    found = meaning(columns[at].label)
    date = Meaning("time", 1.0) if at in head.stamped else date_unit(values, columns[at].label)
    if date is not None:
        values, found, notes = values - values[0], date, (DATES,)
    factor = found.factor if found else 1.0
    increases = bool((np.diff(table[:, speed]) > 0).all())
    hint = _SWAPPED if increases and not head.names else ""
    for i, one in enumerate(columns):
        if one.name == CONFIDENCE:
            notes += _confidence_note(table[:, i])
    return SpeedTable(values * factor, rpm, notes, hint)


def _confidence_note(confidence: np.ndarray) -> tuple[str, ...]:
    """Return a note if a found speed is unsure at some of its times."""
    unsure = 100 * float(np.mean(~(confidence >= SURE)))
    if not unsure:
        return ()
    return (f"the confidence of the speed is below {SURE:g} at {unsure:.0f} % of its times",)


def _times(columns: list[Column], head: Head) -> int:
    """Return the position of the times."""
    if head.stamped:
        return head.stamped[0]
    named = [i for i, one in enumerate(columns) if _is_time(one)]
    if len(named) > 1:
        names = ", ".join(columns[i].name for i in named)
        raise SpecsrError(f"has several columns of times ({names}): keep one")
    if named:
        return named[0]
    speeds = [i for i, one in enumerate(columns) if is_speed(one.label, one.name)]
    rest = [i for i in range(len(columns)) if i not in speeds]
    at = rest[0] if len(columns) == 2 and len(speeds) == 1 else 0
    label = columns[at].label
    found = meaning(label)
    if label and (found is None or found.kind != "time"):
        what = "is no time" if found else "is unknown"
        raise SpecsrError(
            f"its column {columns[at].name} has the unit {label!r}, which {what}: expected times "
            "in s, ms, us, min or h"
        )
    kind = kind_of_name(columns[at].name)
    if head.names and kind not in (None, "time"):
        raise SpecsrError(f"its column {columns[at].name} is no time: expected times in s")
    if len(columns) > 2:
        raise SpecsrError(
            f"has {len(columns)} columns and none is named time: expected {_LAYOUT}, or names"
        )
    return at


def _is_time(one: Column) -> bool:
    found = meaning(one.label)
    if found is not None:
        return found.kind == "time"
    # an unknown unit of a time is named as such, not passed over
    if kind_of_name(one.name) == "time" and one.label:
        raise SpecsrError(
            f"its column {one.name} has the unit {one.label!r}, which is unknown: expected times "
            "in s, ms, us, min or h"
        )
    return kind_of_name(one.name) == "time"


def _speed(columns: list[Column], at: int) -> int:
    """Return the position of the speed."""
    rest = [i for i in range(len(columns)) if i != at]
    if len(rest) == 1:
        return rest[0]
    named = [
        i for i in rest
        if is_speed(columns[i].label, columns[i].name)
        or (kind_of_name(columns[i].name) == "speed" and speed_factor(columns[i].label))
    ]  # fmt: skip
    if len(named) != 1:
        names = ", ".join(columns[i].name for i in named) or "none of its names or units is one"
        raise SpecsrError(f"expected one column of speeds in 1/min: {names}")
    return named[0]


def _rpm(one: Column, values: np.ndarray) -> np.ndarray:
    label = one.label
    if not label:  # a unit at the end of the name: omega_rad_s, n_krpm
        ended = _ENDED.fullmatch(one.name.strip())
        label = ended[1].replace("_", "/") if ended else ""
    factor = speed_factor(label)
    if factor is None:
        raise SpecsrError(
            f"its speed {one.name} has the unit {one.label!r}: expected 1/min, rpm, Hz, "
            "1/s or rad/s"
        )
    rpm = values * factor
    check_speed(rpm, f"its speed {one.name}", "correct its values or its unit: speed [rad/s]")
    return rpm


def _check_finite(values: np.ndarray, one: Column, times: np.ndarray | None = None) -> None:
    """Raise `SpecsrError` for values that are not finite; with the number and time of the first."""
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        i = int(wrong[0])
        at = "" if times is None else f" (time {times[i]:.6g})"
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise SpecsrError(
            f"its column {one.name} is not finite: {values[i]} in row {i + 1} of its numbers{at}"
            f"{more}; remove these rows, the speed is then interpolated"
        )
