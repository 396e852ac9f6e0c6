"""Tables of numbers in text files: comments, column names, separators and decimal commas.

Cells are separated by commas, semicolons, tabs or blanks.  Decimal commas are understood where
semicolons or tabs separate.  Lines before the numbers are comments (``#`` or ``%``, with facts as
``key: value``), free text, and a line of column names right above the numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.guard import naming
from specsr.io.limits import check_size
from specsr.io.schema import names

_PAIR = re.compile(r"([A-Za-z_ -]+?)\s*[:=]\s*([^,;]+)")
_HEAD_LINES = 200
LONGEST = 300
"""Longest part of a comment, column name or message that is used, characters."""
LONGEST_LINE = 1_000_000
"""Longest line before the numbers, characters."""
_JSON = ("channels", "origin")
"""Comments of specsr that hold JSON."""


@dataclass(frozen=True)
class Head:
    """Facts and column names from the lines before the numbers of a table.

    Attributes:
        facts: ``key: value`` pairs of the comments, keys in lower case.
        lines: number of lines before the first line of numbers.
        divider: separator of the cells; None means blanks.
        comma: whether commas are decimal commas.
        names: column names; () without a line of names.
        times: times of the columns, s, if the line of names is that of a map, else ().
        channels: channel names in a comment of specsr; () without one.
        origin: JSON text in a comment of specsr, see `specsr.io.origin`; None without one.
    """

    facts: dict[str, str]
    lines: int
    divider: str | None
    comma: bool
    names: tuple[str, ...] = ()
    times: tuple[float, ...] = ()
    channels: tuple[str, ...] = ()
    origin: str | None = None

    @property
    def is_map(self) -> bool:
        """Whether the table is a map of specsr or has times in its line of names."""
        return self.facts.get("format") == "specsr-map" or bool(self.times)

    def number(self, key: str) -> float | None:
        """Return a fact as a number, without a unit Hz or s; None if the fact is absent.

        Raises:
            SpecsrError: the fact is not a finite number.
        """
        if key not in self.facts:
            return None
        try:
            value = float(re.sub(r"\s*(Hz|s)$", "", self.facts[key]))
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            raise SpecsrError(f"{key} is {self.facts[key]!r}: expected a number")
        return value


def read_columns(path: Path) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the column names and the numbers of a table; the file may have any suffix.

    Empty cells at the end of a line and lines of empty cells are skipped.

    Returns:
        The names as written, () without a line of names, and the numbers, float64 [rows, columns].

    Raises:
        SpecsrError: no such file, or no table of numbers; the message names the file.
    """
    with naming(path):
        head, table = read_table(path, gaps=True)
        return head.names, table


def read_head(path: Path) -> Head:
    """Return facts and column names from the lines before the numbers of a table.

    Raises:
        SpecsrError: the first lines hold no table of numbers.
    """
    # float64 of cells of 8 characters or more, as columns, as channels and stacked
    check_size(4 * path.stat().st_size, "the table")
    facts: dict[str, str] = {}
    more: dict[str, Any] = {}
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
            facts |= comment_facts(text)
            continue
        divider, comma = _divider(line)
        if _are_numbers(_cells(text, divider), comma):
            return Head(facts, number, divider, comma, **more)
        following = next((later for later in lines[number + 1 :] if later.strip()), "")
        divider, comma = _divider(following)
        if not following or not _are_numbers(_cells(following, divider), comma):
            continue  # a line of text above the names
        titles = _names(text, divider, single=len(_cells(following, divider)) == 1)
        times: tuple[float, ...] = ()
        if len(titles) > 2 and _are_numbers(titles[1:], comma):
            times = tuple(_number(title, comma) for title in titles[1:])
        return Head(facts, number + 1, divider, comma, titles, times, **more)
    raise SpecsrError(
        "cannot be read as a table: expected columns of numbers under a line of names"
    )


def comment_facts(text: str) -> dict[str, str]:
    """Return the ``key: value`` pairs of a comment, keys in lower case."""
    pairs = _PAIR.findall(text[:LONGEST])
    return {key.strip().lower(): value.strip() for key, value in pairs}


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
    """Yield lines without quotes, decimal commas and empty cells at their end."""
    ends = " \r\n" + (head.divider or "")
    for line in file:
        kept = _unquoted(line, head.divider).rstrip(ends)
        kept = kept if kept or gaps else line
        yield kept.replace(",", ".") if head.comma else kept


def _wrong_line(path: Path, head: Head) -> str:
    """Return a message on the first line without the numbers of the others; "" if there is none."""
    count = 0
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            text = re.split("[#%]", line, maxsplit=1)[0].strip()
            if number <= head.lines or not text:
                continue
            cells = _cells(text, head.divider)
            count = count or len(cells)
            if len(cells) != count or not _are_numbers(cells, head.comma):
                return f"line {number} is {text[:LONGEST]!r}: expected {count} numbers"
    return ""


def _opened(path: Path) -> TextIO:
    """Open a table as UTF-8, or as cp1252, the Windows encoding of older programs."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            file.read(1 << 20)
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "cp1252"
    return open(path, encoding=encoding, errors="replace", newline=None)


def _divider(line: str) -> tuple[str | None, bool]:
    """Return the separator of a line of numbers, and whether commas in it are decimal."""
    for divider in ("\t", ";"):
        if divider in line:
            return divider, True
    if "," in line:
        return ",", False
    return None, False


def _cells(line: str, divider: str | None) -> list[str]:
    """Return the cells of a line of numbers, without quotes and empty cells at the end."""
    cells = [cell.strip() for cell in _unquoted(line, divider).split(divider)]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _unquoted(line: str, divider: str | None) -> str:
    """Return a line without the quotes around cells; a separator in quotes keeps them."""
    return re.sub(rf'"([^"{divider or " "}]*)"', r"\1", line) if '"' in line else line


def _names(line: str, divider: str | None, single: bool) -> tuple[str, ...]:
    """Return the column names in a line; a ``single`` column may have blanks in its name."""
    if divider is None:
        return (line,) if single else tuple(re.split(r"\s+(?![\[(])", line))
    names = next(csv.reader([line], delimiter=divider, skipinitialspace=True))
    while names and not names[-1].strip():
        names.pop()
    return tuple(names)


def _number(text: str, comma: bool) -> float:
    return float(text.replace(",", ".") if comma else text)


def _are_numbers(cells: Sequence[str], comma: bool) -> bool:
    try:
        numbers = [_number(cell, comma) for cell in cells]
    except ValueError:
        return False
    return bool(numbers)
