"""Tables of numbers in text files, below their head (`specsr.io.table_head`).

Quotes, decimal commas and empty cells at the end of a line are read; time stamps
(``2024-05-01 12:00:00.001``, ``12:00:00,001``) become seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.dialect import are_numbers, cells_of, unquoted
from specsr.io.guard import naming
from specsr.io.stamps import is_stamp, seconds
from specsr.io.table_head import LONGEST, Head, opened, read_head


def read_columns(path: Path) -> tuple[Head, np.ndarray]:
    """Return the head and the numbers of a table; the file may have any suffix.

    Empty cells at the end of a line and lines of empty cells are skipped.

    Returns:
        The head, and the numbers, float64 [rows, columns].

    Raises:
        SpecsrError: no such file, or no table of numbers; the message names the file.
    """
    with naming(path):
        return read_table(path, gaps=True)


def read_table(path: Path, gaps: bool = False) -> tuple[Head, np.ndarray]:
    """Return the head and the numbers of a table, float64 [rows, columns].

    Args:
        path: the file.
        gaps: skip lines of empty cells; otherwise they are an error.

    Raises:
        SpecsrError: no table of numbers, or fewer lines than its head declares.
    """
    head = read_head(path)
    try:
        with opened(path) as file:
            table = _loadtxt(file, head)
    except ValueError:  # cleaning takes longer, so only if needed
        try:
            with opened(path) as file:
                table = _loadtxt(_cleaned(file, head, gaps), head)
        except ValueError as error:
            reason = _wrong_line(path, head) or error
            raise SpecsrError(f"cannot be read as a table of numbers: {reason}") from None
    if table.size == 0:
        raise SpecsrError("holds no numbers")
    declared = head.number("samples") or head.number("rows") or len(table)
    own = head.facts.get("format", "").startswith("specsr-")
    with open(path, "rb") as raw:
        raw.seek(-1, 2)
        if own and raw.read() not in (b"\n", b"\r"):
            raise SpecsrError("is cut off: its last line has no end; copy it again")
    if len(table) < declared:
        raise SpecsrError(
            f"is cut off: its header declares {declared:g} lines, it holds {len(table)}; copy it "
            "again"
        )
    return head, table


def _loadtxt(lines: Iterable[str], head: Head) -> np.ndarray:
    return np.loadtxt(
        lines, delimiter=head.divider, skiprows=head.lines, comments=("#", "%"), ndmin=2
    )


def _cleaned(file: TextIO, head: Head, gaps: bool) -> Iterator[str]:
    """Yield lines without quotes, decimal commas, time stamps and empty cells at their end.

    Raises:
        ValueError: a decimal comma in one line and a decimal point in another.
    """
    ends = " \r\n" + (head.divider or "")
    comma = point = False
    for number, line in enumerate(file):
        kept = unquoted(line, head.divider).rstrip(ends)
        kept = kept if kept or gaps else line
        if number < head.lines:
            yield kept
            continue
        if head.stamped:
            kept = _without_stamps(kept, head)
        if head.comma and not kept.startswith(("#", "%")):
            # stamps are already seconds, with a point
            rest = kept if not head.stamped else _rest(kept, head)
            comma |= "," in rest
            point |= "." in rest
            if comma and point:
                raise ValueError(
                    f"line {number + 1} is {kept.strip()[:LONGEST]!r}: expected decimal commas or "
                    "decimal points throughout, not both"
                )
            kept = kept.replace(",", ".")
        yield kept


def _without_stamps(line: str, head: Head) -> str:
    cells = line.split(head.divider)
    for i in head.stamped:
        if i < len(cells) and is_stamp(cells[i]):
            cells[i] = repr(seconds(cells[i]))
    return (head.divider or " ").join(cells)


def _rest(line: str, head: Head) -> str:
    cells = line.split(head.divider)
    return " ".join(cell for i, cell in enumerate(cells) if i not in head.stamped)


def _wrong_line(path: Path, head: Head) -> str:
    """Return a message on the first line without the numbers of the others; "" if there is none."""
    count = 0
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            text = re.split("[#%]", line, maxsplit=1)[0].strip()
            if number <= head.lines or not text:
                continue
            cells = cells_of(text, head.divider)
            count = count or len(cells)
            if len(cells) != count or not are_numbers(cells, head.comma):
                return f"line {number} is {text[:LONGEST]!r}: expected {count} numbers"
    return ""
