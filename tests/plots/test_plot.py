"""`specsr.plot`: maps and views through one function."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.nvh.view import View, view
from support.plot_samples import bar_labels, flat, run_up_maps


@pytest.fixture
def spec() -> SpecMap:
    return run_up_maps()["high"]


@pytest.fixture(params=["map", "campbell", "order map"])
def shown(request, spec: SpecMap) -> SpecMap | View:
    """A map, and views of it with other axes."""
    if request.param == "map":
        return spec
    return view(spec, "rpm") if request.param == "campbell" else view(spec, "time", "order")


@pytest.mark.parametrize(
    ("axes", "labels"),
    [
        (None, ("Time (s)", "Frequency (Hz)")),
        (("time", "freq"), ("Time (s)", "Frequency (Hz)")),
        (("rpm", "freq"), ("Speed (rpm)", "Frequency (Hz)")),
        (("rpm", "order"), ("Speed (rpm)", "Order")),
    ],
)
def test_maps_and_views_have_the_axes_of_their_data(spec, axes, labels) -> None:
    ax = specsr.plot(spec if axes is None else view(spec, *axes))
    assert (ax.get_xlabel(), ax.get_ylabel()) == labels
    assert bar_labels(ax.figure) == {"Level (dB re 20 µPa)"}


def test_a_map_and_its_view_over_time_and_frequency_show_the_same_levels(spec) -> None:
    one, other = specsr.plot(spec), specsr.plot(view(spec))
    np.testing.assert_allclose(one.images[0].get_array(), other.images[0].get_array(), atol=1e-3)
    assert one.images[0].get_extent() == pytest.approx(other.images[0].get_extent())


def test_title_range_and_given_axes(shown) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    ax = specsr.plot(shown, ax=right, title="Run-up", vmax=70.0, db_range=30.0)
    assert ax is right and not left.images
    assert ax.get_title() == "Run-up"
    assert ax.images[0].get_clim() == (40.0, 70.0)


def test_orders_are_marked_at_their_frequency_or_order(shown) -> None:
    ax = specsr.plot(shown, orders=(10, 20))
    assert [line.get_label() for line in ax.lines] == ["order 10", "order 20"]
    assert {text.get_text() for text in ax.texts} == {"order 10", "order 20"}
    ten, twenty = (line.get_ydata() for line in ax.lines)
    np.testing.assert_allclose(twenty, 2 * ten)
    if ax.get_ylabel() == "Order":
        np.testing.assert_array_equal(ten, 10)
    else:  # the speed runs from 1200 to 3600 1/min
        assert (ten.min(), ten.max()) == pytest.approx((200, 600), rel=0.05)


def test_max_freq_limits_a_frequency_axis_and_is_refused_on_an_order_axis(shown) -> None:
    if isinstance(shown, View) and shown.y_axis == "order":
        with pytest.raises(SpecsrError, match="max_freq needs a frequency axis.*max_order"):
            specsr.plot(shown, max_freq=500.0)
        return
    assert specsr.plot(shown, max_freq=500.0).get_ylim() == (0.0, 500.0)
    for value in (0.0, np.inf):
        with pytest.raises(SpecsrError, match="max_freq is"):
            specsr.plot(shown, max_freq=value)


def test_a_channel_is_selected_by_position_or_name() -> None:
    spec = flat(60, channels=2)
    spec = spec.replace(magnitude=spec.magnitude * [[[1]], [[10]]], channels=("left", "right"))
    for x in (spec, view(spec)):
        levels = [specsr.plot(x, channel=c).images[0].get_array().max() for c in (0, 1, "right")]
        assert levels == pytest.approx([60, 80, 80], abs=1e-3)
        with pytest.raises(SpecsrError, match="'rear'.*left, right"):
            specsr.plot(x, channel="rear")


def test_orders_need_a_speed() -> None:
    for x in (flat(60), view(flat(60))):
        with pytest.raises(SpecsrError, match="need a speed"):
            specsr.plot(x, orders=(2,))
