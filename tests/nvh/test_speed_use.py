"""Choice of a speed: the given one, one found in the map, or none."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from specsr import SpectrogramTransform
from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.nvh.order_candidates import MachineOrders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_options import SpeedOptions
from specsr.nvh.speed_use import (
    CLEAR,
    COMB,
    LEAST,
    LEAST_STEADY,
    ShaftEvidence,
    SpeedFit,
    better,
    column_stretches,
    fit_speed,
    found_speed,
    given_speed,
    is_clear,
    rotation_of,
)
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise

SCALE = (4, 4)


@functools.lru_cache
def machine():
    """Fine expected power and coarse power of a run-up, [1, F, T], the grid, the speed in Hz."""
    orders = tuple(Order(float(k), -k / 6, 0.7 * k) for k in range(2, 40, 2))
    made = synthesise(RunUp(rate=8192.0, duration=4.0, rpm=(1500.0, 3600.0), orders=orders,
                            line_to_noise=15.0, seed=4))  # fmt: skip
    fine = SpectrogramTransform(1024, 128)(made.signal)
    low = pool(fine, *SCALE)
    grid = low.grid.refined(*SCALE)
    right = column_rotation_hz(low.rpm, grid)
    return made.expected_power(fine.grid)[None, :-1], low.power.astype(float), grid, right


def test_a_right_speed_is_clear_and_its_orders_are_confirmed(caplog):
    _, low, grid, right = machine()
    with caplog.at_level("INFO", "specsr"):
        fit = given_speed(low, grid, SCALE, right)
    assert fit is not None and fit.source == "given" and is_clear(fit) and not caplog.text
    np.testing.assert_array_equal(fit.rotation_hz, right)
    np.testing.assert_array_equal(fit.rpm, 60 * right)
    np.testing.assert_array_equal(rotation_of(fit, len(right)), right)
    assert set(range(8, 40, 2)) <= set(fit.own.orders) and fit.own.confidence.mean() > 0.9
    assert fit.fits[0] is not None and fit.share == fit.fits[0].share > 0.02


def test_a_speed_slightly_off_is_corrected_on_request(caplog):
    _, low, grid, right = machine()
    with caplog.at_level("INFO", "specsr"):
        fit = given_speed(low, grid, SCALE, 1.004 * right)
    assert fit is not None and fit.source == "corrected" and "corrected by -0." in caplog.text
    # a quarter of a row at the highest order: a Hann window reads its line 0.35 dB low there
    row = grid.df / (38 * right.max())
    assert np.sqrt(np.mean((fit.rotation_hz / right - 1)[8:-8] ** 2)) < 0.25 * row
    kept = given_speed(low, grid, SCALE, 1.004 * right, find=False)
    assert kept is not None and kept.source == "given"
    np.testing.assert_array_equal(kept.rotation_hz, 1.004 * right)
    assert kept.share < fit.share


def test_a_speed_with_gaps_is_corrected_without_a_division_by_zero():
    _, low, grid, right = machine()
    gap = np.where(np.arange(len(right)) < 20, 0.0, 1.004 * right)
    with np.errstate(divide="raise", invalid="raise"):
        fit = given_speed(low, grid, SCALE, gap)
    assert fit is not None and fit.source == "corrected" and not fit.rotation_hz[:20].any()


@pytest.mark.parametrize("change", ["3 % high", "10 % high", "37 % low", "late", "reversed"])
def test_a_wrong_speed_is_replaced_by_that_of_the_lines(change, caplog):
    estimate, low, grid, right = machine()
    at = np.arange(len(right))
    wrong = {
        "3 % high": 1.03 * right, "10 % high": 1.1 * right, "37 % low": 0.63 * right,
        "late": np.interp(at - 0.3 / grid.dt, at, right), "reversed": right[::-1].copy(),
    }[change]  # fmt: skip
    with caplog.at_level("INFO", "specsr"):
        given = given_speed(low, grid, SCALE, wrong)
        assert not is_clear(given) and not rotation_of(given, len(right)).any()
        fit = better(given, found_speed(np.sqrt(estimate), low, grid, SCALE))
    assert fit is not None and fit.source == "found"
    ratio = fit.rotation_hz / right
    np.testing.assert_allclose(ratio[8:-8], 2, rtol=0.003)  # the spacing of the lines
    assert "not used" in caplog.text and "harmonic lines with a spacing" in caplog.text


def test_no_speed_explains_noise(caplog):
    _, low, grid, right = machine()
    cells = np.random.default_rng(0).exponential(size=(*low.shape, 16)).mean(axis=-1)
    with caplog.at_level("INFO", "specsr"):
        assert given_speed(cells, grid, SCALE, right) is None
    assert "the lines of this map are no evidence of the given speed: not used" in caplog.text
    noise = np.random.default_rng(1).exponential(size=(1, 512, len(right)))
    assert found_speed(np.sqrt(noise), cells, grid, SCALE) is None
    assert not is_clear(None) and rotation_of(None, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "last, count, known", [(1750, 10, False), (1750, 20, True), (3000, 10, True)]
)
def test_a_steady_comb_of_few_lines_is_no_machine(last, count, known):
    """Ten steady lines could also be tones of two machines that lie on one comb."""
    orders = tuple(Order(float(k), 0.0, 0.7 * k) for k in range(2, 2 * count + 2, 2))
    made = synthesise(RunUp(rate=8192.0, duration=4.0, rpm=(1500.0, float(last)), orders=orders,
                            line_to_noise=20.0, seed=4))  # fmt: skip
    fine = SpectrogramTransform(1024, 128)(made.signal)
    low = pool(fine, *SCALE)
    estimate = made.expected_power(fine.grid)[None, :-1]
    fit = found_speed(np.sqrt(estimate), low.power.astype(float), low.grid.refined(*SCALE), SCALE)
    assert (fit is not None) == known


def test_a_steady_speed_needs_more_confidence_and_a_found_one_many_orders():
    flat, sweep = np.full(40, 20.0), np.linspace(20.0, 40.0, 40)
    few, many = tuple(range(1, COMB)), tuple(range(1, COMB + 1))

    def fit(source, speed, confidence, orders):
        one = ShaftEvidence("", speed, np.full(40, confidence), orders)
        return one.is_evidence(COMB if source == "found" else 0)

    assert fit("found", sweep, LEAST, few) and not fit("given", sweep, LEAST - 0.01, many)
    assert fit("given", flat, LEAST_STEADY, few) and not fit(
        "given", flat, LEAST_STEADY - 0.01, many
    )
    assert fit("found", flat, LEAST_STEADY, many) and not fit("found", flat, 1.0, few)
    assert fit("given", sweep, 0.38, few) and not fit("given", sweep, 0.36, few)
    assert fit("given", flat, 0.46, few) and not fit("given", flat, 0.44, few)
    assert fit("found", flat, 1.0, tuple(range(15))) and not fit("found", flat, 1.0, (1,) * 14)
    nearly = ShaftEvidence("", np.linspace(20, 24.2, 40), np.ones(40), few)
    assert nearly.is_steady and not replace(nearly, rotation_hz=np.linspace(20, 24.7, 40)).is_steady


def test_known_orders_are_fitted_beside_half_orders():
    orders = tuple(Order(3.57 * k, 0.0, 0.7 * k) for k in range(1, 9))
    made = synthesise(RunUp(rate=8192.0, duration=4.0, rpm=(2000.0, 4000.0), orders=orders,
                            line_to_noise=20.0, seed=4))  # fmt: skip
    low = pool(SpectrogramTransform(1024, 128)(made.signal), *SCALE)
    grid = low.grid.refined(*SCALE)
    right = column_rotation_hz(low.rpm, grid)
    known = tuple(3.57 * k for k in range(1, 9))
    fit = given_speed(low.power, grid, SCALE, right, MachineOrders(known), find=False)
    assert fit is not None and set(known[1:]) <= set(fit.own.orders) and is_clear(fit)
    plain = given_speed(low.power, grid, SCALE, right, find=False)
    assert plain is None or plain.share < fit.share


@pytest.mark.parametrize("order", [0.0, -1.0, np.nan, np.inf])
def test_known_orders_are_above_zero(order):
    with pytest.raises(SpecsrError, match="expected numbers above zero"):
        SpeedOptions(orders=(2.0, order))


def test_without_a_speed_or_sound_nothing_is_fitted(caplog):
    _, low, grid, right = machine()
    with caplog.at_level("INFO", "specsr"):
        assert given_speed(low, grid, SCALE, 0 * right) is None
    assert not caplog.text
    assert fit_speed(0 * low, grid, SCALE, right, "given") is None


def test_a_silent_channel_has_no_fit_and_does_not_count():
    _, low, grid, right = machine()
    both = fit_speed(np.concatenate([low, 0 * low]), grid, SCALE, right, "given")
    one = fit_speed(low, grid, SCALE, right, "given")
    assert both is not None and one is not None
    assert both.fits[1] is None and both.share == one.share and both.own.orders == one.own.orders
    np.testing.assert_array_equal(both.own.confidence, one.own.confidence)


def test_the_fit_that_explains_more_cells_is_better():
    speed, known = np.array([0.0, 2.0, 2.0]), np.array([0.0, CLEAR, CLEAR])
    own = ShaftEvidence("", speed, known, ())
    given = SpeedFit("given", own, (), 0.2)
    found = replace(given, source="found", share=0.3)
    assert better(given, found) is found and better(replace(given, share=0.3), found) is not found
    assert better(given, None) is given and better(None, found) is found
    assert better(None, None) is None
    # the confidence of columns with a speed counts
    assert is_clear(given)
    assert not is_clear(replace(given, own=replace(own, confidence=0.99 * known)))


def test_stretches_hold_whole_columns_and_channels_count_alike():
    power = np.random.default_rng(0).uniform(1, 2, (2, 3, 500))
    power[1] *= 1e6
    parts = list(column_stretches(power, 1999, 4))
    assert [part for part, _ in parts] == [slice(0, 1000), slice(1000, 1999)]
    for (_, mean), columns in zip(parts, (power[..., :250], power[..., 250:]), strict=True):
        np.testing.assert_allclose(mean, sum(x / x.mean() for x in columns), rtol=1e-12)
