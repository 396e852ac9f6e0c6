"""Dialect of a table of numbers: separators, decimal commas, quotes, names and their units."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from specsr.errors import SpecsrError
from specsr.io.axis_labels import meaning
from specsr.io.stamps import is_stamp
from specsr.io.titles import kind_of_name
from specsr.io.unit_labels import clean, is_known

_DECIMAL = re.compile(r"[-+]?\d*,?\d+(?:[eE][-+]?\d+)?")
_WHOLE_PAIR = re.compile(r"[-+]?\d+,\d+")


def dialect(lines: Sequence[str], title: str) -> tuple[str | None, bool]:
    """Return the separator of lines of numbers, and whether commas in them are decimal.

    Args:
        lines: the first lines of numbers; the first of them decides unless it is ambiguous.
        title: the line above them, which may hold the column names.

    Raises:
        SpecsrError: lines that may be one column with decimal commas or two columns.
    """
    line = lines[0] if lines else ""
    for divider in ("\t", ";"):
        if divider in line:
            return divider, True
    # whole numbers have no comma: a later line may show it
    line = next((text for text in lines if "," in text and text.strip()[0] not in "#%"), line)
    if "," not in line:
        return None, False
    cells = unquoted(line, None).split()
    if len(cells) > 1 and all(map(_DECIMAL.fullmatch, cells)):
        return None, True
    # one column with decimal commas, or two columns of whole numbers
    if _WHOLE_PAIR.fullmatch(line.strip()) is None:
        return ",", False
    pairs = [text.strip() for text in lines]
    whole = [text for text in pairs if re.fullmatch(r"[-+]?\d+", text)]
    pairs = [text for text in pairs if text not in whole]
    if not all(map(_WHOLE_PAIR.fullmatch, pairs)) or len(names_of(title, ",", False)) > 1:
        return ",", False
    # a whole number has no sign before zero and no zeros before its digits
    certain = any(re.match(r"[-+]0,", pair) or re.search(r",0\d", pair) for pair in pairs)
    certain |= bool(whole) and whole[0] == lines[0].strip()  # one cell alone
    if certain or title.strip().endswith(("]", ")")):
        return None, True
    if title:
        raise SpecsrError(
            f"may hold one column with decimal commas or two columns ({pairs[0]!r} under one name, "
            f"{title.strip()[:40]!r}): write decimal points, or one name for each column"
        )
    return ",", False


def stamped_cells(line: str, divider: str | None) -> tuple[int, ...]:
    """Return the positions of the cells that are time stamps."""
    return tuple(i for i, cell in enumerate(cells_of(line, divider)) if is_stamp(cell))


def with_units(above: str, line: str, divider: str | None, count: int) -> tuple[str, ...]:
    """Return the column names in a line, or in the line above it if it holds their units."""
    titles = names_of(line, divider, single=count == 1)
    named = names_of(above, divider, single=count == 1) if above else ()
    labels = [clean(title) for title in titles]
    if not (named and len(named) == len(titles) == count and any(labels)):
        return titles
    axis = meaning(labels[0])
    if kind_of_name(named[0]) == "time" and axis is not None and axis.kind == "time":
        units = True
    else:
        units = all(not text or text == "-" or is_known(text) or meaning(text) for text in labels)
    if not units:
        return titles
    return tuple(f"{name.strip()} [{text}]" if text else name for name, text in zip(named, labels))


def cells_of(line: str, divider: str | None) -> list[str]:
    """Return the cells of a line of numbers, without quotes and empty cells at the end."""
    cells = [cell.strip() for cell in unquoted(line, divider).split(divider)]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def unquoted(line: str, divider: str | None) -> str:
    """Return a line without the quotes around cells; a separator in quotes keeps them."""
    return re.sub(rf'"([^"{divider or " "}]*)"', r"\1", line) if '"' in line else line


def names_of(line: str, divider: str | None, single: bool) -> tuple[str, ...]:
    """Return the column names in a line; a ``single`` column may have blanks in its name."""
    if divider is None:
        return (line,) if single else tuple(re.split(r"\s+(?![\[(])", line))
    names = next(csv.reader([line], delimiter=divider, skipinitialspace=True))
    while names and not names[-1].strip():
        names.pop()
    return tuple(names)


def to_number(text: str, comma: bool) -> float:
    return float(text.replace(",", ".") if comma else text)


def are_numbers(cells: Sequence[str], comma: bool) -> bool:
    try:
        numbers = [to_number(cell, comma) for cell in cells if not is_stamp(cell)]
    except ValueError:
        return False
    return bool(numbers)
