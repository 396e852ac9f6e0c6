"""Markdown tables: columns, alignment and formats of numbers."""

from __future__ import annotations

import math

import numpy as np

from specsr.scores.markdown import markdown_table


def cells(table: str) -> list[list[str]]:
    """The cells of a table without their padding."""
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()]


def test_columns_come_in_the_order_of_their_first_use_and_lines_have_one_width() -> None:
    table = markdown_table([{"name": "a", "dB": 1.0}, {"dB": 22.5, "note": "longer text"}])
    head, _, *rows = cells(table)
    assert head == ["name", "dB", "note"]
    assert rows == [["a", "1", ""], ["", "22.5", "longer text"]]
    assert len({len(line) for line in table.splitlines()}) == 1
    assert not table.endswith("\n")


def test_columns_with_numbers_are_aligned_right_and_text_left() -> None:
    table = markdown_table([{"text": "a", "number": 1}, {"text": "b", "number": "n/a"}])
    assert table.splitlines() == [
        "| text | number |",
        "|------|-------:|",
        "| a    |      1 |",
        "| b    |    n/a |",
    ]
    given = markdown_table([{"set": "Set5", "PSNR": "33.66/.9299"}], text=("set",))
    assert given.splitlines()[1] == "|------|------------:|"


def test_floats_have_significant_digits_or_decimals() -> None:
    row = {"a": 123.456, "b": 0.012345, "c": -2.0, "d": 7, "e": np.float32(0.5), "f": math.inf}
    assert cells(markdown_table([row]))[2] == ["123", "0.0123", "-2", "7", "0.5", "inf"]
    assert cells(markdown_table([row], 2))[2] == ["123", "0.012", "-2", "7", "0.5", "inf"]
    fixed = markdown_table([row], decimals=2)
    assert cells(fixed)[2] == ["123.46", "0.01", "-2.00", "7", "0.50", "inf"]


def test_missing_values_and_errors_of_a_mean() -> None:
    row = {"nan": math.nan, "none": None, "mean": (1.234, 0.05), "single": (2.0, math.nan)}
    assert cells(markdown_table([row], decimals=2))[2] == ["-", "", "1.23 ± 0.05", "2.00"]
    right = [rule.endswith(":") for rule in cells(markdown_table([row]))[1]]
    assert right == [True, False, True, True]


def test_bars_in_text_are_escaped() -> None:
    assert markdown_table([{"a": "x|y"}]).splitlines()[2] == "| x\\|y |"


def test_bars_in_titles_are_escaped() -> None:
    head, rule, row = markdown_table([{"quantity": "level", "a|b": 1.0}]).splitlines()
    assert head.startswith(r"| quantity | a\|b |") and len(head) == len(rule) == len(row)
