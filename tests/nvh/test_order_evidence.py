"""Evidence of the position of lines: sweeps and flanks, against tones elsewhere in the cell."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.maps.grid import Grid
from specsr.nvh.order_candidates import MachineOrders
from specsr.nvh.order_evidence import own_share, position_confidence
from specsr.nvh.order_model import Levels, OrderModel
from specsr.nvh.order_stretches import fit_orders

SCALE = (4, 4)
GRID = Grid(8192.0, 1024, 128, 128 * 159)  # 160 fine columns, 8 Hz rows, 1/64 s
STEADY, SWEEP = np.full(160, 100.0), np.linspace(80.0, 130.0, 160)


def levels_of(made: OrderModel, orders: np.ndarray, power: float, floor: float) -> Levels:
    """Constant powers."""
    return Levels(orders, np.full((len(orders), len(made.knots)), power),
                  np.full(made.noise.size, floor), np.zeros(made.clicks.size))  # fmt: skip


def confidence(
    speed: np.ndarray, true: list[float], fitted: list[float], prior: float = 0.0,
    floor: float = 0.01,
) -> np.ndarray:  # fmt: skip
    """Confidence of fitted orders in a map of true ones."""
    source = OrderModel(np.ones((32, 40)), GRID, SCALE, speed)
    orders = np.array(true)
    _, power = source.fit(source.cells(orders), levels_of(source, orders, 1.0, floor), 0)
    made, orders = OrderModel(power, GRID, SCALE, speed), np.array(fitted)
    cells = made.cells(orders)
    levels, _ = made.fit(cells, made.first(orders, cells), 60)
    return position_confidence(made, cells, levels, np.full(len(orders), prior))


def confidence_at(factor: float) -> float:
    """Confidence of a line at a Bayes factor for its order against six displaced positions.

    Without evidence each of the seven positions has the probability 1/7: prior odds 1 to 6.  A
    factor below 3 is hardly worth a mention, one above 20 strong evidence (Kass, Raftery, JASA
    90(430), 1995, p. 777).
    """
    probability = factor / (factor + 6)
    return (7 * probability - 1) / 6


WEAK, STRONG = confidence_at(3), confidence_at(20)


def test_a_sweep_shows_that_a_line_is_an_order():
    np.testing.assert_allclose(confidence(SWEEP, [2.0, 5.0], [2.0, 5.0]), 1, atol=0.05)


def test_a_steady_line_in_the_middle_of_a_cell_could_lie_anywhere_in_it():
    # row 25.5 of the cell of rows 24 to 27, under a floor that hides its flanks
    assert confidence(STEADY, [2.04], [2.04], floor=0.1) < WEAK


def test_the_flank_in_the_next_cell_shows_where_a_steady_line_lies():
    """Row 27 is the last of its cell; the lower the floor, the more of the flank is seen."""
    found = [confidence(STEADY, [2.16], [2.16], floor=floor) for floor in (0.1, 0.01, 1e-4)]
    assert found[0] < WEAK < found[1] < found[2] and found[2] > STRONG


@pytest.mark.parametrize("off", [-0.2, 0.2])
def test_a_tone_two_rows_away_is_not_the_order(off):
    assert confidence(SWEEP, [5.0 + off], [5.0]) < 0.02
    assert confidence(STEADY, [2.16 + off], [2.16]) < WEAK


def test_a_given_order_needs_no_evidence_but_none_against_it():
    assert confidence(STEADY, [2.04], [2.04], 0.8, floor=0.1) > STRONG
    assert confidence(SWEEP, [5.2], [5.0], 0.8) < 0.05


def test_the_confidence_depends_neither_on_the_levels_fitted_nor_on_the_unit():
    source = OrderModel(np.ones((32, 40)), GRID, SCALE, SWEEP)
    orders = np.array([2.0, 4.0])
    cells = source.cells(orders)
    _, power = source.fit(cells, levels_of(source, orders, 1.0, 0.02), 0)
    found = []
    for factor in (1.0, 1e9):
        made = OrderModel(factor * power, GRID, SCALE, SWEEP)
        levels, _ = made.fit(cells, made.first(orders, cells), 60)
        found.append(position_confidence(made, cells, levels, np.zeros(2)))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


@pytest.mark.parametrize("prior", [0.0, 0.3, 0.9, 1.0])
def test_without_evidence_the_confidence_is_the_prior(prior):
    """A line without power explains no cell, at its order or displaced."""
    made = OrderModel(np.ones((32, 40)), GRID, SCALE, SWEEP)
    orders = np.array([2.0, 5.0])
    levels = levels_of(made, orders, 0.0, 1.0)
    found = position_confidence(made, made.cells(orders), levels, np.full(2, prior))
    np.testing.assert_allclose(found, prior, atol=1e-9)


def test_the_own_share_follows_levels_that_change_between_knots():
    made = OrderModel(np.ones((32, 40)), GRID, SCALE, SWEEP)
    orders = np.array([3.0])
    cells = made.cells(orders)
    levels = levels_of(made, orders, 0.0, 0.0)
    levels.lines[0] = np.arange(len(made.knots))
    order, share = own_share(cells, levels, np.ones((32, 40)))
    at = cells.knot % levels.lines.shape[1]
    expected = cells.below * at + cells.above * (at + 1)
    np.testing.assert_allclose(share, np.minimum(expected, 1.0), rtol=1e-6)
    assert not order.any() and (share == 1.0).any()


def test_the_own_share_of_a_line_is_its_part_of_the_power():
    made = OrderModel(np.ones((32, 40)), GRID, SCALE, STEADY)
    orders = np.array([2.0, 7.0])
    cells = made.cells(orders)
    levels = levels_of(made, orders, 2.0, 0.5)
    _, expected = made.fit(cells, levels, 0)
    order, share = own_share(cells, levels, expected)
    total = np.bincount(cells.cell, share, expected.size).reshape(expected.shape)
    np.testing.assert_allclose(total, 1 - 0.5 / expected, atol=1e-9)
    assert (np.bincount(order) == np.diff(cells.first)).all()


def test_a_fit_is_credible_as_far_as_its_orders_are():
    """One order sweeps, a tone that follows no order lies in the cells of others."""
    source = OrderModel(np.ones((32, 160)), GRID, (4, 1), SWEEP)
    orders = np.array([2.0, 6.21])
    _, power = source.fit(source.cells(orders), levels_of(source, orders, 1.0, 0.02), 0)
    fit = fit_orders(power, GRID, (4, 1), SWEEP)
    assert fit is not None and 2.0 in fit.confirmed and set(fit.confirmed) <= set(fit.orders)
    fine = fit.fine()
    assert (fine.credible <= fine.lines + 1e-12).all() and 0 < fit.share < 1
    assert fit.confidence.min() >= 0 and fit.confidence.max() <= 1
    columns = np.arange(10, 150)
    lowest, highest = (np.round(k * SWEEP / 8).astype(int)[columns] for k in orders)
    whole, credible = fine.lines, fine.credible
    assert (credible[lowest, columns] > 0.9 * whole[lowest, columns]).mean() > 0.9
    assert credible[highest, columns].sum() < 0.2 * whole[highest, columns].sum()
    # known to the user, the order is fitted and credible
    known = fit_orders(power, GRID, (4, 1), SWEEP, MachineOrders((6.21,)))
    assert known is not None and {2.0, 6.21} <= set(known.confirmed) and known.share > fit.share
