"""Judges of the order fit: columns held out show that a line goes on, not where it lies."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.maps.grid import Grid
from specsr.nvh.order_evidence import position_confidence
from specsr.nvh.order_model import Levels, OrderModel
from support.benchmark_scripts import script

GRID = Grid(8192.0, 1024, 128, 128 * 159)  # 160 fine columns, 8 Hz rows
STEADY = np.full(160, 100.0)
with script("held_out") as held_out:
    pass


def fitted(power: np.ndarray):
    """A model of a map, and the cells and levels of order 2.16 in it."""
    model, orders = OrderModel(power, GRID, (4, 4), STEADY), np.array([2.16])
    cells = model.cells(orders)
    return model, cells, model.fit(cells, model.first(orders, cells), 60)[0]


def tone(order: float) -> np.ndarray:
    """Power of a steady tone over a floor, [F, T]."""
    source, orders = OrderModel(np.ones((32, 40)), GRID, (4, 4), STEADY), np.array([order])
    lines = np.ones((1, len(source.knots)))
    floor = np.full(source.noise.size, 1e-3), np.zeros(source.clicks.size)
    return source.fit(source.cells(orders), Levels(orders, lines, *floor), 0)[1]


@pytest.mark.parametrize("order", [2.16, 1.96])
def test_columns_held_out_accept_a_tone_elsewhere_in_the_cell(order):
    model = fitted(tone(order))
    none = np.zeros(1)
    assert held_out.held_out_confidence(*model, none) > 0.5  # odds of more than 3 to 1
    shown = position_confidence(*model, none)
    assert shown > 0.7 if order == 2.16 else shown < 0.2


def test_columns_held_out_refuse_a_line_in_noise():
    rng = np.random.default_rng(0)
    model = fitted(rng.exponential(size=(32, 40, 4)).mean(axis=-1))
    assert held_out.held_out_confidence(*model, np.zeros(1)) < 0.2
    assert held_out.every_line(*model, np.zeros(1)) == 1


def test_the_fit_to_other_columns_does_not_see_those_held_out():
    model, cells, levels = fitted(tone(2.16))
    held = np.arange(40) % 8 < 2
    changed = OrderModel(np.where(held, 100.0, model.power), GRID, (4, 4), STEADY)
    one, other = (held_out.predicted(each, cells, levels, held) for each in (model, changed))
    np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_allclose(one[25:28, held], model.power[25:28, held], rtol=0.2)
