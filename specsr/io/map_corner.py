"""Axes of a map in a table, from its upper left cell: ``freq [kHz] \\ time [ms]``, ``t/f``."""

from __future__ import annotations

import re

from specsr.errors import SpecsrError
from specsr.io.axis_labels import Kind, Meaning, meaning
from specsr.io.titles import kind_of_name, split_title

_PARTS = re.compile(r"\\|\||/(?![^\[(]*[\])])|\bvs\.?\b|\bover\b")
_AXES: tuple[Kind, ...] = ("frequency", "time")


def map_axes(corner: str) -> tuple[Meaning, Meaning]:
    """Return what the first column and the first line of a map hold.

    The cell names the axis of the first column, then that of the first line.  Without names the
    first column holds Hz and the first line s.

    Raises:
        SpecsrError: an axis of another kind, an unknown unit, or the same axis twice.
    """
    name, label = split_title(corner)
    whole = meaning(label)
    if whole is not None and whole.kind == kind_of_name(name):  # "Frequenz / kHz": one axis
        parts = [corner]
    else:
        parts = [part.strip() for part in _PARTS.split(corner) if part.strip()]
    found = [_axis(part) for part in parts[:2]]
    down = found[0] if found else None
    across = found[1] if len(found) > 1 else None
    if down is None:
        down = Meaning("time", 1.0) if across and across.kind == "frequency" else None
    if down is None:
        down = Meaning("frequency", 1.0)
    if across is None:
        across = Meaning("time" if down.kind == "frequency" else "frequency", 1.0)
    if down.kind == across.kind:
        raise SpecsrError(
            f"its upper left cell is {corner[:60]!r}: expected a frequency and a time"
        )
    return down, across


def _axis(text: str) -> Meaning | None:
    """Return what one axis is; None for a text that means no axis."""
    name, label = split_title(text)
    kind = kind_of_name(name)
    found = meaning(label) if label else meaning(name) if kind is None else None
    if label and found is None:
        raise SpecsrError(
            f"its axis {text!r} has the unit {label!r}, which is unknown: expected Hz or kHz, s or "
            "ms"
        )
    if found is None:
        found = Meaning(kind, 1.0) if kind else None
    if found is not None and found.kind not in _AXES:
        raise SpecsrError(f"is a map over {found.kind} ({text}): expected frequency and time")
    return found
