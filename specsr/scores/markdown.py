"""Rows of results as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown_table(rows: Sequence[Mapping[str, Any]], digits: int = 3) -> str:
    """Return rows as a Markdown table; columns in the order of their first use.

    A column with a number in it is aligned right.  Floats have ``digits`` significant digits, and
    none behind the point from 100 on; a missing value or None is an empty cell, text stays as it
    is but for ``|``, which is escaped.  No trailing newline.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name), digits) for name in names] for row in rows]
    number = [any(isinstance(row.get(name), (int, float)) for row in rows) for name in names]
    widths = [max(len(c) for c in column) for column in zip(names, *cells, strict=True)]
    widths = [max(width, 3) for width in widths]

    def line(values: Sequence[str]) -> str:
        padded = (
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, number, strict=True)
        )  # fmt: skip
        return f"| {' | '.join(padded)} |"

    rule = (f"{'-' * (w - 1)}:" if right else "-" * w for w, right in zip(widths, number))
    return "\n".join([line(names), f"| {' | '.join(rule)} |", *map(line, cells)])


def _cell(value: Any, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value).replace("|", "\\|")
    if isinstance(value, int):
        return str(value)
    if value != value:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"
