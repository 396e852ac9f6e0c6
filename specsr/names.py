"""Names of channels and files, which are free text: what is stored, shown, and put into tables."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from specsr.errors import SpecsrError

# Control characters, controls of writing direction, line separators, marks without width, and
# lone surrogates (bytes of a file name that are not UTF-8).
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_NOT_STORED = re.compile("[\x00\ud800-\udfff]")
_FORMULA = "(?='*[-=+@\t\r\uff1d\uff0b\uff0d\uff20])"
_STARTS = r"(?:^|(?<=[;\t\r\n]))"
_ESCAPED = re.compile(f"{_STARTS}'{_FORMULA}")
_TO_ESCAPE = re.compile(f"{_STARTS}{_FORMULA}")


def plain(text: object) -> str:
    r"""Return text without characters that act on a terminal or reorder it: ``\x1b``, ``\u202e``.

    Control characters, newlines included, are shown as escapes.  The bytes of a file name that are
    not UTF-8 appear as ``\udcXX``.
    """
    return _HIDDEN.sub(_escape, str(text))


def storable(name: str) -> str:
    r"""Return a name with NUL and lone surrogates as escapes (``\x00``, ``\ud800``).

    No file format keeps them.
    """
    return _NOT_STORED.sub(_escape, name)


def check_names(names: Iterable[str]) -> None:
    """Raise `SpecsrError` for a name with NUL or a lone surrogate."""
    for name in names:
        if storable(name) != name:
            raise SpecsrError(
                f"channel name {ascii(name)} holds NUL or a lone surrogate, which no file can "
                "store: rename the channel"
            )


def for_spreadsheet(text: str) -> str:
    """Return the text of a table cell so that no spreadsheet evaluates it as a formula.

    A leading ``=``, ``+``, ``-``, ``@``, tab or carriage return gets an apostrophe before it, also
    behind a semicolon, tab or line end, where other programs may split the cell.  Numbers stay.
    `from_spreadsheet` removes the apostrophes.
    """
    try:
        float(text)
    except ValueError:
        return _TO_ESCAPE.sub("'", text)
    return text


def from_spreadsheet(text: str) -> str:
    """Return the text that `for_spreadsheet` escaped."""
    return _ESCAPED.sub("", text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV text with a header line; no text is a formula for a spreadsheet."""
    rows = [[for_spreadsheet(x) if isinstance(x, str) else x for x in row] for row in rows]
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue()
