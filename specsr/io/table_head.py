"""Head of a table of numbers: comments with facts, column names, separators, encoding.

Cells are separated by commas, semicolons, tabs or blanks.  Decimal commas are understood where
semicolons, tabs or blanks separate, and in a single column.  Lines before the numbers are comments
(``#`` or ``%``, with facts as ``key: value``), free text, and a line of column names right above
the numbers, or above a line of their units.  Texts are UTF-8, UTF-16 or cp1252.
"""

from __future__ import annotations

import re
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
    with_units,
)
from specsr.io.limits import check_size
from specsr.io.schema import misspelt, names

_PAIR = re.compile(r"([A-Za-z_ -]+?)\s*(?:[\[(]([^\[\]()]{1,12})[\])]\s*)?[:=]\s*([^,;]+)")
_HEAD_LINES = 200
LONGEST = 300
"""Longest part of a comment, column name or message that is used, characters."""
LONGEST_LINE = 1_000_000
"""Longest line before the numbers, and of numbers, characters."""
MOST_COLUMNS = 4096
"""Largest number of columns of a table that is no map: more are samples across the page."""
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
    with opened(path) as file:
        lines = [_bounded(line) for _, line in zip(range(_HEAD_LINES), file)]
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
            head = Head(facts, number, divider, comma, **more, stamped=stamped)
            return _checked(head, text)
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
        head = Head(facts, number + 1, divider, comma, titles, times, **more, stamped=stamped)
        return _checked(head, later[1])
    raise SpecsrError(
        "cannot be read as a table: expected columns of numbers under a line of names"
    )


def _bounded(line: str) -> str:
    if len(line) > LONGEST_LINE + 1:
        raise SpecsrError(
            f"has a line of {len(line)} characters, {line[:20]!r}...: expected up to "
            f"{LONGEST_LINE}, with a line for each sample; transpose the table"
        )
    return line.rstrip("\n")


def _checked(head: Head, line: str) -> Head:
    """Return a head after a check of the number of columns in a line of numbers."""
    count = len(cells_of(line, head.divider))
    if count > MOST_COLUMNS and not head.is_map:
        raise SpecsrError(
            f"has {count} columns: expected up to {MOST_COLUMNS}, one for each channel, and a line "
            "for each sample; transpose the table"
        )
    return head


def comment_facts(text: str) -> dict[str, str]:
    """Return the ``key: value`` pairs of a comment, keys in lower case."""
    return dict(_pairs(text))


def _pairs(text: str) -> list[tuple[str, str]]:
    found = [
        (key.strip().lower(), f"{value.strip()} {unit}".strip())
        for key, unit, value in _PAIR.findall(text[:LONGEST])
    ]
    return [("unit" if key == "units" else key, value) for key, value in found]


def opened(path: Path) -> TextIO:
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
