"""Frequency weightings against the table of the standard."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.nvh.weighting import weighting_power

# IEC 61672-1:2013, table 3: nominal frequency in Hz, A and C in dB
TABLE = """
10 -70.4 -14.3|12.5 -63.4 -11.2|16 -56.7 -8.5|20 -50.5 -6.2|25 -44.7 -4.4|31.5 -39.4 -3.0
40 -34.6 -2.0|50 -30.2 -1.3|63 -26.2 -0.8|80 -22.5 -0.5|100 -19.1 -0.3|125 -16.1 -0.2
160 -13.4 -0.1|200 -10.9 0.0|250 -8.6 0.0|315 -6.6 0.0|400 -4.8 0.0|500 -3.2 0.0|630 -1.9 0.0
800 -0.8 0.0|1000 0.0 0.0|1250 0.6 0.0|1600 1.0 -0.1|2000 1.2 -0.2|2500 1.3 -0.3|3150 1.2 -0.5
4000 1.0 -0.8|5000 0.5 -1.3|6300 -0.1 -2.0|8000 -1.1 -3.0|10000 -2.5 -4.4|12500 -4.3 -6.2
16000 -6.6 -8.5|20000 -9.3 -11.2
"""


@pytest.mark.parametrize(("weighting", "column"), [("A", 1), ("C", 2)])
def test_weightings_match_the_table(weighting: str, column: int) -> None:
    rows = [list(map(float, row.split())) for row in TABLE.strip().replace("\n", "|").split("|")]
    table = np.array(rows)
    exact = 1000 * 10.0 ** (np.round(10 * np.log10(table[:, 0] / 1000)) / 10)
    assert len(table) == 34
    found = 10 * np.log10(weighting_power(exact, weighting))
    assert found == pytest.approx(table[:, column], abs=0.0501)


def test_zero_hertz_one_kilohertz_and_z() -> None:
    assert weighting_power(np.array([0.0, 1000.0]), "A") == pytest.approx([0, 1])
    assert weighting_power(np.array([0.0, 3.0, 20000.0]), "Z").tolist() == [1, 1, 1]


def test_an_unknown_weighting_is_refused() -> None:
    for weighting in ("B", "a", ""):
        with pytest.raises(SpecsrError, match="expected one of A, C, Z"):
            weighting_power(np.array([1000.0]), weighting)
