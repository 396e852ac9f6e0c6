"""Speeds of parts of a map that differ by a simple factor."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from specsr.nvh.speed_factor import (
    FACTORS,
    LARGEST,
    TOLERANCE,
    simple_factor,
    stated_factor,
    with_one_factor,
)

SPEED = np.linspace(20.0, 40.0, 90)


def test_simple_factors_are_apart():
    ratios = [float(b / a) for a, b in zip(FACTORS, FACTORS[1:])]
    assert len(FACTORS) == 23 and max(FACTORS) == LARGEST
    assert min(ratios) > (1 + TOLERANCE) / (1 - TOLERANCE)


@pytest.mark.parametrize("factor", [Fraction(1), Fraction(2), Fraction(1, 2), Fraction(3, 2)])
def test_a_simple_factor_is_found_and_no_other(factor):
    found = simple_factor(float(factor) * SPEED, 1.005 * SPEED)
    assert found == factor
    assert simple_factor(1.1 * float(factor) * SPEED, SPEED) in (1, *FACTORS)
    assert simple_factor(1.09 * SPEED, SPEED) == 1
    assert simple_factor(0 * SPEED, SPEED) == 1


@pytest.mark.parametrize("factor", [Fraction(1), Fraction(4), Fraction(1, 3)])
@pytest.mark.parametrize("off", [0.96, 1.0, 1.04])
def test_a_stated_speed_that_is_off_sets_the_factor_of_the_found_one(factor, off):
    wrong = np.where(np.arange(90) < 40, 1.8, 1.0)  # in some columns altogether
    assert stated_factor(float(factor) * off * wrong * SPEED, SPEED) == factor


def test_a_stated_speed_sets_no_factor_if_the_found_one_is_of_another_shaft():
    assert stated_factor(1.5 * SPEED, 1.005 * SPEED) == Fraction(3, 2)
    assert stated_factor(1.57 * SPEED, SPEED) == 1
    assert stated_factor(0 * SPEED, SPEED) == stated_factor(SPEED, 0 * SPEED) == 1
    assert stated_factor(np.where(np.arange(90) < 40, 4, 1.57) * SPEED, SPEED) == 1


@pytest.mark.parametrize("factors", [(1, 2, 1), (2, 1, 3), (1, 1.5, 3), (3, 2, 1), (1, 1, 1)])
def test_parts_that_meet_get_one_factor(factors):
    parts = np.repeat(factors, 30) * SPEED
    ratio = with_one_factor(parts, [30, 60]) / SPEED
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
    # the lines of every part are half orders of the result
    for factor in factors:
        assert (2 * factor / ratio[0]) % 1 == pytest.approx(0, abs=1e-9)


def test_parts_that_do_not_meet_or_of_another_machine_are_kept():
    gap = np.where((np.arange(90) > 20) & (np.arange(90) < 45), 0.0, SPEED)
    gap[45:] *= 2
    np.testing.assert_array_equal(with_one_factor(gap, [30]), gap)
    other = np.where(np.arange(90) < 30, SPEED, 1.37 * SPEED)
    np.testing.assert_array_equal(with_one_factor(other, [30]), other)
    assert with_one_factor(SPEED, []).tolist() == SPEED.tolist()
