"""Figure of a run: the band of the Campbell diagram, and labels of orders."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from specsr.nvh.order_cut import OrderCut
from specsr.nvh.view import View
from specsr.plots.cuts import plot_cuts, plot_shafts
from specsr.plots.parts import draw_orders
from specsr.plots.views import campbell_top, plot_run

RPM = np.linspace(1200, 6000, 80)


def campbell(loud_to: float, rows: int = 1200, below: float = 1e-9) -> View:
    """Return a view to 12 kHz of which the rows up to a frequency are loud."""
    freqs = np.arange(rows) * 10.0
    power = np.where(freqs <= loud_to, 1.0, below)[None, :, None] * np.ones((1, 1, RPM.size))
    return View(power, RPM, freqs, "rpm", "freq", RPM, "Pa")


def test_the_band_holds_the_orders_and_the_energy() -> None:
    # order 4 is at 400 Hz
    assert campbell_top(campbell(100.0), (2, 4)) == 500
    assert 800 <= campbell_top(campbell(800.0), (2, 4)) < 900
    assert campbell_top(campbell(11000.0), (2, 4)) == 1200  # at most 3 times the orders
    assert campbell_top(campbell(11000.0), (200,)) == pytest.approx(11995)  # all there is
    assert 5000 <= campbell_top(campbell(5000.0)) < 5500  # no order
    # rows 30 dB down count within a colour range of 80 dB, not of 40
    assert campbell_top(campbell(800.0, below=1e-3), (30,), db_range=80) == 9000
    assert campbell_top(campbell(800.0, below=1e-3), (10,), db_range=40) == 1300
    holes = campbell(800.0)
    holes.power[:, :, ::2] = np.nan
    assert campbell_top(holes, (4,)) == campbell_top(campbell(800.0), (4,))
    silence = View(np.zeros((1, 50, 80)), RPM, np.arange(50.0), "rpm", "freq", RPM, "Pa")
    assert campbell_top(silence) > 0


def test_the_run_shows_that_band_unless_another_is_given() -> None:
    view = campbell(100.0)
    orders = View(np.ones((1, 40, 80)), RPM, np.arange(40) / 4, "rpm", "order", RPM, "Pa")
    level = np.full((1, 80), 60.0)
    cuts = [OrderCut(k, RPM / 100, RPM, level, np.full(80, 4.0)) for k in (2.0, 4.0)]
    assert plot_run(view, orders, cuts).axes[0].get_ylim() == (0, 500)
    assert plot_run(view, orders, cuts, max_freq=3000).axes[0].get_ylim() == (0, 3000)


@pytest.mark.parametrize("count", [3, 14])
def test_every_order_in_view_has_a_label(count: int) -> None:
    figure = Figure(figsize=(5, 4))
    ax = figure.subplots()
    ax.set_xlim(1200, 6000)
    orders = [0.5, *range(1, count)]
    ax.set_ylim(0, 100.0 * count)
    draw_orders(ax, orders, RPM, RPM / 60)
    texts = [text.get_text() for text in ax.texts]
    assert texts == [f"order {k:g}" if count == 3 else f"{k:g}" for k in orders]
    ax.set_ylim(0, 3.0)  # all lines out of view
    for text in list(ax.texts):
        text.remove()
    draw_orders(ax, orders, RPM, RPM / 60)
    assert not ax.texts


def test_each_shaft_has_its_own_speed_and_many_curves_their_own_colours() -> None:
    def cut(order: float, shaft: str, ratio: float) -> OrderCut:
        level = np.full((1, 80), 60 + order)
        return OrderCut(order, RPM / 100, ratio * RPM, level, np.full(80, 1.5), shaft=shaft)

    cuts = [cut(2, "motor", 1), cut(4, "motor", 1), cut(1, "pump", 0.5)]
    one, two = plot_shafts(cuts).axes
    assert one.get_xlabel() == "Speed of motor (rpm)" and two.get_xlabel() == "Speed of pump (rpm)"
    assert [len(ax.lines) for ax in (one, two)] == [2, 1] and one.get_xlim()[1] == 6000
    assert two.get_xlim()[1] == 3000
    (over_time,) = plot_shafts(cuts, x="time").axes
    assert len(over_time.lines) == 3 and over_time.get_xlabel() == "Time (s)"
    (alone,) = plot_shafts([cut(2, "", 1)]).axes
    assert alone.get_xlabel() == "Speed (rpm)"
    many = plot_cuts([cut(k, "", 1) for k in range(1, 16)])
    assert len({line.get_color() for line in many.lines}) == 15
