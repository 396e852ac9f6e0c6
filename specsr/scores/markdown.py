"""Rows of results as a Markdown table."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from numbers import Integral, Real
from typing import Any


def markdown_table(
    rows: Sequence[Mapping[str, Any]],
    digits: int = 3,
    *,
    decimals: int | None = None,
    text: Collection[str] | None = None,
) -> str:
    """Return rows as a Markdown table; columns in the order of their first use.

    Numbers: integers in full; floats with ``digits`` significant digits and no decimals from 100
    up, or with a fixed number of ``decimals``; nan as ``-``.  A pair (mean, error) reads
    ``mean ± error``, without the error where it is nan.  None and a missing value give an empty
    cell.  Text, titles too, is copied with ``|`` escaped.

    Args:
        rows: column title -> value, one mapping a row.
        digits: significant digits of floats.
        decimals: decimals of floats, in place of ``digits``.
        text: titles of the columns that are aligned left; None: those without a number.

    Returns:
        The lines of the table, padded to equal width, without a trailing newline.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    if text is None:
        text = [n for n in names if not any(isinstance(r.get(n), (Real, tuple)) for r in rows)]

    def number(value: Any) -> str:
        if isinstance(value, Integral):
            return str(value)
        if math.isnan(value):
            return "-"
        if decimals is not None:
            return f"{value:.{decimals}f}"
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"

    def cell(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, tuple):
            mean, error = value
            return number(mean) + ("" if math.isnan(error) else f" ± {number(error)}")
        if isinstance(value, Real) and not isinstance(value, bool):
            return number(value)
        return str(value).replace("|", "\\|")

    heads = [name.replace("|", "\\|") for name in names]
    cells = [heads, *([cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    left = [name in text for name in names]

    def line(values: Sequence[str]) -> str:
        padded = (
            value.ljust(width) if is_text else value.rjust(width)
            for value, width, is_text in zip(values, widths, left, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    ends = ("-" if is_text else ":" for is_text in left)
    rule = "|".join("-" * (width + 1) + end for width, end in zip(widths, ends, strict=True))
    return "\n".join([line(heads), f"|{rule}|", *map(line, cells[1:])])
