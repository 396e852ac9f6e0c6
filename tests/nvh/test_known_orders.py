"""Lists of orders, and the orders of rolling bearings."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.nvh.known_orders import MOST_ORDERS, Bearing, parse_orders


@pytest.mark.parametrize(
    "text, orders",
    [
        ("3.57", (3.57,)),
        ("4.93, 1 ,2,1", (1, 2, 4.93)),
        ("0.5:0.5:2", (0.5, 1, 1.5, 2)),
        ("0.1:0.1:0.3", (0.1, 0.2, 0.3)),
        ("1:2:6", (1, 3, 5)),
        ("1:1:3*2.5, 37", (2.5, 5, 7.5, 37)),
        ("1*0.333333333", (0.333333333,)),
        ("1e-09, 1e9", (1e-9, 1e9)),
        ("1..4", (1, 2, 3, 4)),
        ("0.5..2", (0.5, 1.5)),
        ("0.482*1..3", (0.482, 0.964, 1.446)),
        ("pump=0.5*1:1:3, 7", (0.5, 1, 1.5, 7)),
        ("fan = 23", (23,)),
        ("2*3", (6,)),
        ("1e-3..1", (0.001,)),
    ],
)
def test_a_list_holds_numbers_ranges_and_ratios(text, orders):
    assert parse_orders(text) == orders


@pytest.mark.parametrize(
    "text",
    ["", "1,", "x", "0", "-1", "1:2", "1:0:3", "nan", "inf", "1*x", "1*2*3", "1..", "..3",
     "1..2..3", "5/3",
     "pump=", "bearing=9", "bearing=9/8", "bearing=9.5/8/40", "bearing=9/8/40/0/1", "gear=9/8/40"],
)  # fmt: skip
def test_other_items_are_refused(text):
    with pytest.raises(SpecsrError, match="expected a number above zero or first:step:last"):
        parse_orders(text)


@pytest.mark.parametrize("text", ["5:1:1", "3, 2:1:1", "pump=0.5*4..3"])
def test_a_range_without_an_order_is_refused(text):
    with pytest.raises(SpecsrError, match="expected a last order not below the first"):
        parse_orders(text)


def test_a_bearing_is_named_by_its_geometry():
    one = Bearing(9, 7.94, 39.04, 15.0)
    found = parse_orders("bearing=9/7.94/39.04/15")
    rings = [k * order for k in range(1, 6) for order in (one.bpfo, one.bpfi)]
    np.testing.assert_allclose(found, sorted([one.ftf, one.bsf, *rings]), atol=1e-9)
    second = parse_orders("0.482*bearing=9/7.94/39.04/15")
    np.testing.assert_allclose(second, 0.482 * np.array(found), atol=1e-9)
    assert parse_orders("bearing=9/7.94/39.04/15*0.482") == second
    with pytest.raises(SpecsrError, match="expected balls smaller than the pitch"):
        parse_orders("bearing=9/79.4/39.04")


def test_a_ratio_is_above_zero_and_a_list_is_limited():
    with pytest.raises(SpecsrError, match="expected a ratio above zero"):
        parse_orders("1*0")
    assert len(parse_orders(f"1:1:{MOST_ORDERS}")) == MOST_ORDERS == 1000
    with pytest.raises(SpecsrError, match=f"more than {MOST_ORDERS} orders"):
        parse_orders(f"1:1:{MOST_ORDERS},0.5")


@pytest.mark.parametrize("text", ["1e-300", "1e-12", "1e300", "1e308*1e308", "1e-5*1e-5"])
def test_orders_out_of_range_are_named_as_they_were_given(text):
    with pytest.raises(SpecsrError, match=rf"'{re.escape(text)}': expected orders from 1e-09"):
        parse_orders(text)


def test_a_bearing_follows_its_geometry():
    """6205: 9 balls of 7.94 mm on 39.04 mm: 3.585, 5.415, 2.357, 0.398."""
    one = Bearing(9, 7.94, 39.04)
    assert one.bpfo == pytest.approx(3.585, abs=1e-3)
    assert one.bpfi == pytest.approx(5.415, abs=1e-3)
    assert one.bsf == pytest.approx(2.357, abs=1e-3)
    assert one.ftf == pytest.approx(0.398, abs=1e-3)


def test_the_unit_of_the_lengths_does_not_matter():
    assert Bearing(9, 0.00794, 0.03904).bpfo == pytest.approx(Bearing(9, 7.94, 39.04).bpfo)


def test_rolling_without_slip():
    """A ball passes either ring once a turn of the cage against it; a contact angle slows it."""
    one = Bearing(12, 10.0, 60.0, 40.0)
    assert one.bpfo + one.bpfi == pytest.approx(12)
    assert one.bpfo == pytest.approx(12 * one.ftf)
    surface = (60.0 + 10.0 * math.cos(math.radians(40.0))) / 2  # radius of the inner contact + ball
    assert one.bsf == pytest.approx(one.ftf * surface * 2 / 10.0)


@pytest.mark.parametrize(
    "geometry", [(0, 1, 5), (8, 0, 5), (8, 5, 5), (8, 1, 5, 90), (8, 1, 5, -1)]
)
def test_impossible_geometries_are_refused(geometry):
    with pytest.raises(SpecsrError, match="expected balls smaller than the pitch"):
        Bearing(*geometry)
