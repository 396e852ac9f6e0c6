"""Tables of numbers in text files: comments, column names, separators and decimal commas.

Cells are separated by commas, semicolons, tabs or blanks.  Decimal commas are understood where
semicolons, tabs or blanks separate, and in a single column.  Lines before the numbers are comments
(``#`` or ``%``, with facts as ``key: value``), free text, and a line of column names right above
the numbers, or above a line of their units.  Texts are UTF-8, UTF-16 or cp1252.  Time stamps
(``2024-05-01 12:00:00.001``, ``12:00:00,001``) become seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.axis_labels import quantity
from specsr.io.dialect import (
    are_numbers,
    cells_of,
    dialect,
    stamped_cells,
    to_number,
    unquoted,
    with_units,
)
from specsr.io.guard import naming
from specsr.io.limits import check_size
from specsr.io.schema import misspelt, names
from specsr.io.stamps import is_stamp, seconds

_PAIR = re.compile(r"([A-Za-z_ -]+?)\s*(?:[\[(]([^\[\]()]{1,12})[\])]\s*)?[:=]\s*([^,;]+)")
_HEAD_LINES = 200
LONGEST = 300
"""Longest part of a comment, column name or message that is used, characters."""
LONGEST_LINE = 1_000_000
"""Longest line before the numbers, characters."""
_JSON = ("channels", "origin")
"""Comments of specsr that hold JSON."""
KEYS = (
    "format", "unit", "values", "scaling", "window", "cell", "rate", "channel", "channels", "rows",
    "samples", "start", "full_scale", "type", "weighting",
)  # fmt: skip
"""Keys of comments that mean something; `misspelt` finds words that were to be one of them."""
_WORDS = ("sampling", "sample", "scale", "time", "date", "name", "types", "state", "stop")
"""Usual keys of other programs that resemble one of `KEYS` and are none."""


@dataclass(frozen=True)
class Head:
    """Facts and column names from the lines before the numbers of a table.

    Attributes:
        facts: ``key: value`` pairs of the comments, keys in lower case.
        lines: number of lines before the first line of numbers.
        divider: separator of the cells; None means blanks.
        comma: whether commas are decimal commas.
        names: column names, with units of a line of their own in brackets; () without a line of
            names.
        times: times of the columns, s, if the line of names is that of a map, else ().
        channels: channel names in a comment of specsr; () without one.
        origin: JSON text in a comment of specsr, see `specsr.io.origin`; None without one.
        stamped: positions of the columns that hold time stamps.
        repeated: key -> its values, of the comments that state several.
    """

    facts: dict[str, str]
    lines: int
    divider: str | None
    comma: bool
    names: tuple[str, ...] = ()
    times: tuple[float, ...] = ()
    channels: tuple[str, ...] = ()
    origin: str | None = None
    stamped: tuple[int, ...] = ()
    repeated: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_map(self) -> bool:
        """Whether the table is a map of specsr or has times in its line of names."""
        return self.facts.get("format") == "specsr-map" or bool(self.times)

    def number(self, key: str) -> float | None:
        """Return a fact as a number, without a unit Hz or s; None if the fact is absent.

        Raises:
            SpecsrError: the fact is not a finite number, or has another unit.
        """
        if key not in self.facts:
            return None
        found = quantity(self.facts[key])
        if found is None or not np.isfinite(found[0]) or found[1] not in ("", "Hz", "s"):
            raise SpecsrError(f"{key} is {self.facts[key]!r}: expected a number")
        return found[0]

    def misspelt(self) -> dict[str, str]:
        """Return keys of comments that are no known key but resemble one that is absent."""
        return misspelt(self.facts, KEYS, _WORDS)


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


def read_head(path: Path) -> Head:
    """Return facts and column names from the lines before the numbers of a table.

    Raises:
        SpecsrError: the first lines hold no table of numbers.
    """
    # float64 of cells of 8 characters or more, as columns, as channels and stacked
    check_size(4 * path.stat().st_size, "the table")
    facts: dict[str, str] = {}
    repeated: dict[str, tuple[str, ...]] = {}
    more: dict[str, Any] = {"repeated": repeated}
    above = ""
    with _opened(path) as file:
        lines = [line.rstrip("\n")[:LONGEST_LINE] for _, line in zip(range(_HEAD_LINES), file)]
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith(("#", "%")) or not text:
            text = text.lstrip("#% ")
            key, _, value = text.partition(": ")
            if key in _JSON and facts.get("format", "").startswith("specsr-"):
                more[key] = names({key: value}) if key == "channels" else value
                continue
            if text.startswith("specsr-map"):
                facts["format"] = "specsr-map"
            for key, value in _pairs(text):
                if (former := facts.setdefault(key, value)) != value:
                    repeated[key] = (*repeated.get(key, (former,)), value)
                    facts[key] = value
            continue
        later = [text for text in lines[number:] if text.strip() and text.strip()[0] not in "#%"]
        divider, comma = dialect(later, title=above)
        if are_numbers(cells_of(text, divider), comma):
            stamped = stamped_cells(text, divider)
            return Head(facts, number, divider, comma, **more, stamped=stamped)
        divider, comma = dialect(later[1:], title=text)
        if len(later) < 2 or not are_numbers(cells_of(later[1], divider), comma):
            above = text  # a line of text above the names
            continue
        count = len(cells_of(later[1], divider))
        titles = with_units(above, text, divider, count)
        times: tuple[float, ...] = ()
        if len(titles) > 2 and are_numbers(titles[1:], comma):
            times = tuple(to_number(title, comma) for title in titles[1:])
        stamped = stamped_cells(later[1], divider)
        return Head(facts, number + 1, divider, comma, titles, times, **more, stamped=stamped)
    raise SpecsrError(
        "cannot be read as a table: expected columns of numbers under a line of names"
    )


def comment_facts(text: str) -> dict[str, str]:
    """Return the ``key: value`` pairs of a comment, keys in lower case."""
    return dict(_pairs(text))


def _pairs(text: str) -> list[tuple[str, str]]:
    found = [
        (key.strip().lower(), f"{value.strip()} {unit}".strip())
        for key, unit, value in _PAIR.findall(text[:LONGEST])
    ]
    return [("unit" if key == "units" else key, value) for key, value in found]


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
        with _opened(path) as file:
            table = _loadtxt(file, head)
    except ValueError:  # cleaning takes longer, so only if needed
        try:
            with _opened(path) as file:
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
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            text = re.split("[#%]", line, maxsplit=1)[0].strip()
            if number <= head.lines or not text:
                continue
            cells = cells_of(text, head.divider)
            count = count or len(cells)
            if len(cells) != count or not are_numbers(cells, head.comma):
                return f"line {number} is {text[:LONGEST]!r}: expected {count} numbers"
    return ""


def _opened(path: Path) -> TextIO:
    """Open a table as UTF-8, UTF-16, or cp1252, the Windows encoding of older programs."""
    with open(path, "rb") as raw:
        start = raw.read(1000)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif start.count(0) > len(start) // 3:  # no mark: every other byte of plain text is zero
        encoding = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    else:
        encoding = "utf-8-sig"
        try:
            with open(path, encoding=encoding) as file:
                file.read(1 << 20)
        except UnicodeDecodeError:
            encoding = "cp1252"
    return open(path, encoding=encoding, errors="replace", newline=None)
