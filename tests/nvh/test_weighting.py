"""Frequency weightings at their edges; `tests/conformance` has the table of the standard."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.nvh.weighting import weighting_power


def test_zero_hertz_one_kilohertz_and_z() -> None:
    assert weighting_power(np.array([0.0, 1000.0]), "A") == pytest.approx([0, 1])
    assert weighting_power(np.array([0.0, 3.0, 20000.0]), "Z").tolist() == [1, 1, 1]


def test_an_unknown_weighting_is_refused() -> None:
    for weighting in ("B", "a", ""):
        with pytest.raises(SpecsrError, match="expected one of A, C, Z"):
            weighting_power(np.array([1000.0]), weighting)
