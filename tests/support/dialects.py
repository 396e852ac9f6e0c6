"""One table of numbers in the forms in which programs and offices export it.

All hold a time in s and a pressure in Pa, or a speed in 1/min: the same numbers in every form.
`TABLES` maps the name of a form to a function of (names, units, rows) that returns its bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Maker = Callable[[list[str], list[str], list[list[str]]], bytes]


def numbers(columns: list[np.ndarray]) -> list[list[str]]:
    """Return the cells of a table with six decimals; the first row is whole numbers."""
    rows = [[f"{value:.6f}" for value in row] for row in zip(*columns)]
    rows[0] = [f"{round(float(cell))}" for cell in rows[0]]
    return rows


def _lines(names: list[str], rows: list[list[str]], divider: str, comma: bool = False) -> str:
    lines = [divider.join(names)]
    for row in rows:
        lines.append(divider.join(cell.replace(".", ",") if comma else cell for cell in row))
    return "\n".join(lines) + "\n"


def _titled(names: list[str], units: list[str]) -> list[str]:
    return [f"{name} [{unit}]" for name, unit in zip(names, units)]


def _quoted(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    cells = [_titled(names, units), *rows]
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in cells).encode()


def _trailing(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    text = _lines(_titled(names, units), rows, ";", comma=True)
    return text.replace("\n", ";\n").encode()


def _units_row(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    return _lines(names, [units, *rows], ",").encode()


def _units_row_brackets(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    return _lines(names, [[f"[{unit}]" for unit in units], *rows], "\t").encode()


def _slash(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    titles = [f"{name} / {unit}" for name, unit in zip(names, units)]
    return _lines(titles, rows, ";", comma=True).encode()


def _comments(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    head = "# exported by a logger\n% operator: A. B.\n\n"
    return (head + _lines(_titled(names, units), rows, ",") + "# end of file\n").encode()


def _free_text(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    head = "Test bench 3, run 12\nOperator; A. B.\n\n"
    return (head + _lines(_titled(names, units), rows, ";", comma=True)).encode()


def _clock(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    stamped = [[f"12:00:{float(row[0]):09.6f}", *row[1:]] for row in rows]
    return _lines([names[0], *_titled(names, units)[1:]], stamped, ",").encode()


def _dates(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
    stamped = [
        [f"01.05.2024 23:10:{float(row[0]):09.6f}".replace(".", ",", 3).replace(",", ".", 2),
         *(cell.replace(".", ",") for cell in row[1:])] for row in rows
    ]  # fmt: skip
    return _lines([names[0], *_titled(names, units)[1:]], stamped, ";").encode()


def _plain(divider: str, comma: bool = False, encoding: str = "utf-8") -> Maker:
    def make(names: list[str], units: list[str], rows: list[list[str]]) -> bytes:
        titles = _titled(names, units)
        if divider == " ":
            titles = [title.replace(" ", "") for title in titles]
        return _lines(titles, rows, divider, comma).encode(encoding)

    return make


TABLES: dict[str, Maker] = {
    "commas": _plain(","),
    "semicolons": _plain(";"),
    "semicolons, decimal commas": _plain(";", comma=True),
    "tabs": _plain("\t"),
    "tabs, decimal commas": _plain("\t", comma=True),
    "blanks": _plain(" "),
    "blanks, decimal commas": _plain(" ", comma=True),
    "quoted": _quoted,
    "trailing dividers": _trailing,
    "row of units": _units_row,
    "row of units in brackets": _units_row_brackets,
    "name / unit": _slash,
    "comments": _comments,
    "text above the names": _free_text,
    "clock": _clock,
    "dates": _dates,
    "UTF-8 with mark": _plain(",", encoding="utf-8-sig"),
    "UTF-16": _plain("\t", comma=True, encoding="utf-16"),
    "UTF-16 without mark": _plain(",", encoding="utf-16-le"),
    "cp1252": _plain(";", comma=True, encoding="cp1252"),
}  # fmt: skip
"""Form -> function (names, units, rows) that returns the bytes of the table."""
