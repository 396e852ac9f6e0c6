"""Text of names: shown, stored, and put into tables."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.names import check_names, csv_text, for_spreadsheet, from_spreadsheet, plain, storable
from support.texts import texts

FORMULAS = "=+-@\t\r\n;'a1 "


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mic [left] µ 日本", "Mic [left] µ 日本"),
        ("\x1b[31m\x9b2J\x07", r"\x1b[31m\x9b2J\x07"),
        ("a\u202eb\u2066\u2028", r"a\u202eb\u2066\u2028"),
        ("caf\udce9\n", r"caf\udce9\n"),
    ],
)
def test_text_is_shown_without_characters_that_act(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_names_that_no_file_keeps_are_refused() -> None:
    assert storable("a\0\ud800b") == r"a\x00\ud800b"
    with pytest.raises(SpecsrError, match=r"'a\\ud800' holds NUL or a lone surrogate"):
        check_names(["ok", "a\ud800"])


@given(st.one_of(texts(), st.text(alphabet=FORMULAS)))
def test_no_cell_is_a_formula_and_every_cell_is_read_back(text: str) -> None:
    kept = for_spreadsheet(text)
    assert from_spreadsheet(kept) == text
    if not _is_number(text):
        for separator in ("\t", "\r", "\n"):
            text = text.replace(separator, ";")
        assert not any(part[:1] in tuple("=+-@") for part in kept.split(";") if part)


@given(st.lists(texts(), min_size=1, max_size=3))
def test_tables_of_text_are_read_back(names: list[str]) -> None:
    text = csv_text(["name", "level"], [(name, "-12.5") for name in names])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [[from_spreadsheet(cell) for cell in row] for row in rows[1:]] == [
        [name, "-12.5"] for name in names
    ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
