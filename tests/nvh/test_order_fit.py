"""Fit of order levels to the coarse maps of known machines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import get_window

import specsr
from specsr import Signal, SpectrogramTransform
from specsr.maps import levels
from specsr.maps.pooling import pool, pool_power
from specsr.nvh.order_fit import MAX_WEIGHT, OrderFit, blend_fit
from specsr.nvh.order_lines import PARTS, REACH, SLOPES, line_shapes
from specsr.nvh.order_stretches import OVERLAP, SEGMENT, MapFit, fit_orders, stretches
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_options import SpeedOptions
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise

TRANSFORM = SpectrogramTransform(1024, 128)
SCALE = (4, 4)


def machine(**options: object):
    """A run-up whose orders lie closer than a coarse cell: map, fine grid, speed, truth."""
    orders = tuple(Order(k, level, 0.3 * k) for k, level in ((2, 0), (2.5, -6), (4, -3), (9, -10)))
    given = {"rate": 8192.0, "duration": 4.0, "rpm": (1500.0, 3600.0), "orders": orders,
             "line_to_noise": 15.0, "seed": 4, **options}  # fmt: skip
    made = synthesise(RunUp(**given))  # type: ignore[arg-type]
    fine = TRANSFORM(made.signal)
    low = pool(fine, *SCALE)
    return made, low, fine.grid, column_rotation_hz(low.rpm, fine.grid)


def fitted(low, grid, speed) -> MapFit:
    found = fit_orders(low.power[0], grid, SCALE, speed)
    assert found is not None
    return found


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman"])
def test_the_line_shape_of_a_steady_tone_is_the_window_spectrum(window):
    shapes = line_shapes(window)
    n = 2048
    taps = get_window(window, n)
    for away in (-2.5, -1.0, 0.0, 0.25, 1.0, 3.0):
        tone = np.exp(2j * np.pi * 100 * np.arange(n) / n)
        amplitude = abs(np.sum(taps * tone * np.exp(-2j * np.pi * (100 + away) * np.arange(n) / n)))
        at = round((away + REACH) * PARTS)
        assert shapes[0, at] == pytest.approx((amplitude / taps.sum()) ** 2, abs=2e-4)


def test_a_sweep_widens_a_line_and_keeps_its_energy():
    shapes = line_shapes("hann")
    inside = SLOPES < 50  # the widest extend beyond the table
    energy = shapes[inside].sum(axis=1)
    np.testing.assert_allclose(energy, energy[0], rtol=0.01)
    peaks = shapes.max(axis=1)
    assert (np.diff(peaks) < 0).all() and peaks[0] == pytest.approx(1)


def test_orders_and_their_levels_are_found():
    made, low, grid, speed = machine()
    fit = fitted(low, grid, speed)
    assert {2.0, 2.5, 4.0, 9.0} <= set(fit.orders) and len(fit.orders) < 12
    lines = fit.fine().lines
    # on the cells of an order, away from the edges, its power is the squared rms
    for order, envelope in made.envelopes.items():
        rows = np.round(order * speed / grid.df).astype(int)
        columns = np.arange(len(speed))[20:-20]
        peak = lines[rows[columns], columns]
        wanted = made.truth(grid).power[0][rows[columns], columns]
        assert abs(10 * np.log10(np.median(peak / wanted))) < 1.5, (order, envelope.mean())


def test_orders_within_one_coarse_cell_are_separated():
    made, low, grid, speed = machine()
    fit = fitted(low, grid, speed).fine()
    truth = levels.to_db(made.expected_power(grid)[:-1])
    ours = levels.to_db(fit.lines + fit.rest)
    flat = levels.to_db(np.kron(low.power[0], np.ones(SCALE)))[:, : truth.shape[1]]
    lines = np.zeros(truth.shape, dtype=bool)
    for order in (2.0, 2.5):
        lines[np.round(order * speed / grid.df).astype(int), np.arange(len(speed))] = True
    lines[:8] = False

    def rms(x: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.square(x - truth)[lines])))

    assert rms(ours) < 2.0 < 0.6 * rms(flat)


def test_noise_contains_no_order():
    noise = np.random.default_rng(0).standard_normal((1, 32768)).astype(np.float32)
    signal = Signal(noise, 8192.0, "Pa", rpm=np.linspace(1500, 3600, 32768))
    fine = TRANSFORM(signal)
    low = pool(fine, *SCALE)
    fit = fitted(low, fine.grid, column_rotation_hz(low.rpm, fine.grid)).fine()
    assert fit.lines.sum() < 0.05 * (fit.lines + fit.rest).sum()
    level = levels.to_db(fit.rest[16:-16])
    assert level.std() < 2.5  # smooth: a periodogram has 5.6 dB


def test_a_click_is_not_taken_for_an_order():
    _, low, grid, speed = machine(orders=(Order(4, 0),), line_to_noise=10.0)
    power = low.power[0].copy()
    column = power.shape[1] // 2
    power[:, column] += 100 * np.median(power)
    fit = fit_orders(power, grid, SCALE, speed)
    assert fit is not None
    at = slice(4 * column, 4 * column + 4)
    assert fit.fine().rest[:, at].sum() > 0.9 * (100 * np.median(low.power[0]) * 4 * power.shape[0])


def test_no_fit_without_speed_or_sound():
    _, low, grid, speed = machine()
    assert fit_orders(low.power[0], grid, SCALE, np.zeros_like(speed)) is None
    assert fit_orders(np.zeros_like(low.power[0]), grid, SCALE, speed) is None


def test_no_order_where_the_speed_is_unknown():
    _, low, grid, speed = machine()
    fit = fitted(low, grid, np.where(np.arange(len(speed)) < len(speed) // 2, speed, 0))
    lines = fit.fine().lines
    assert lines[:, len(speed) // 2 :].sum() == 0 < lines.sum()


def test_the_fit_is_independent_of_level_and_unit():
    _, low, grid, speed = machine()
    power = low.power[0].astype(np.float64)
    first, loud = (fit_orders(f * power, grid, SCALE, speed) for f in (1.0, 1e9))
    assert first is not None and loud is not None and first.orders == loud.orders
    np.testing.assert_allclose(loud.fine().lines, 1e9 * first.fine().lines, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("columns", [1, 31, SEGMENT, SEGMENT + 1, 1000, 3 * SEGMENT])
def test_the_weights_of_stretches_add_up_to_one(columns):
    total = np.zeros(columns)
    for first, last, weight in stretches(columns):
        assert 0 < last - first <= SEGMENT + OVERLAP and len(weight) == last - first
        total[first:last] += weight
    np.testing.assert_allclose(total, 1)


def test_a_long_map_is_fitted_in_stretches():
    made, low, grid, speed = machine(duration=20.0)
    assert low.power.shape[-1] > SEGMENT
    fit = fitted(low, grid, speed)
    assert {2.0, 4.0, 9.0} <= set(fit.orders)
    fine = fit.fine()
    again = (fine.lines + fine.rest).sum()
    assert again == pytest.approx(low.power[0].sum() * 16, rel=0.1)
    shares = [stretch.solution.share for stretch in fit.stretches if stretch.solution]
    assert len(shares) > 1 and min(shares) <= fit.share <= max(shares)
    # columns by themselves are those of the whole, across the border of two stretches too
    for first, last in ((0, 7), (SEGMENT - OVERLAP - 3, SEGMENT - OVERLAP + 5), (300, None)):
        part, at = fit.fine(first, last), slice(4 * first, last and 4 * last)
        for name in ("lines", "credible", "rest"):
            np.testing.assert_array_equal(getattr(part, name), getattr(fine, name)[:, at])


def test_the_fit_has_weight_only_on_lines_that_it_explains():
    made, low, grid, speed = machine()
    fit = fitted(low, grid, speed).fine()
    network = np.ones(fit.lines.shape)
    uncertainty = np.full((1, *fit.lines.shape), 3.0, dtype=np.float32)
    measured = low.power[0].astype(np.float64)
    mixed, less = blend_fit(network, uncertainty, measured, fit, SCALE)
    share = fit.lines / (fit.lines + fit.rest)
    assert (mixed[share > 0.95] != 1).mean() > 0.8
    assert less.dtype == np.float32 and (less <= uncertainty).all() and (less > 0).all()
    # a fit that does not match the measured map has no weight
    wrong = replace(fit, lines=fit.lines[::-1] * 1e3, credible=fit.lines[::-1] * 1e3)
    assert np.allclose(blend_fit(network, uncertainty, measured, wrong, SCALE)[0], 1, atol=0.05)
    # a network without uncertainty
    assert blend_fit(network, uncertainty[:0], measured, fit, SCALE)[1].shape == (
        0,
        *uncertainty.shape[1:],
    )


@pytest.mark.parametrize("coarse_row", [0, 1, 5])
def test_a_line_that_holds_all_power_has_the_same_weight_in_any_row(coarse_row):
    """Orders 1 and 2 of a car lie in the two lowest coarse rows at high sampling rates."""
    lines, rest = np.full((64, 40), 1e-9), np.full((64, 40), 1e-9)
    lines[4 * coarse_row + 2] = 1.0
    fit = OrderFit(lines, lines, rest)
    network = np.full((64, 40), 0.01)
    low = pool_power(lines + rest, *SCALE)
    mixed, _ = blend_fit(network, np.ones((1, 64, 40), np.float32), low, fit, SCALE)
    gained = np.log(mixed / network) / np.log((lines + rest) / network)
    np.testing.assert_allclose(gained[4 * coarse_row + 2], MAX_WEIGHT, rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_large_and_zero_misfits_side_by_side_give_finite_levels():
    lines, rest = np.full((64, 400), 1e-3), np.ones((64, 400))
    low = pool_power(lines + rest, *SCALE)
    far = 10.0 ** np.random.default_rng(0).uniform(-25, 25, low[:, :50].shape)
    low[:, :50] *= far  # leaves rounding in the running sum
    fit = OrderFit(lines, lines, rest)
    mixed, uncertainty = blend_fit(rest, np.ones((1, 64, 400), np.float32), low, fit, SCALE)
    assert np.isfinite(mixed).all() and np.isfinite(uncertainty).all()


def test_upscaling_with_the_speed_has_smaller_errors_on_close_lines():
    made, low, grid, _ = machine()
    truth = levels.to_db(made.expected_power(grid)[:-1])
    rows = np.round(np.array([[2.0], [2.5]]) * column_rotation_hz(low.rpm, grid) / grid.df).astype(
        int
    )
    off = {}
    for name, given in (("speed", low), ("none", low.replace(rpm=None))):
        high = specsr.upscale(given, scale=4, speed=SpeedOptions(find=False))
        high = levels.to_db(high.image()[0].astype(np.float64) ** 2)
        error = (high - truth)[rows[:, 20:-20], np.arange(truth.shape[1])[20:-20]]
        off[name] = float(np.sqrt(np.mean(np.square(error))))
    assert off["speed"] < 0.85 * off["none"]


def test_columns_without_a_speed_do_not_divide_by_zero():
    _, low, grid, speed = machine(duration=2.0)
    known = np.where(np.arange(len(speed)) < len(speed) // 2, speed, 0)
    with np.errstate(divide="raise", invalid="raise"):
        assert {2.0, 4.0} <= set(fitted(low, grid, known).orders)


def test_an_empty_cell_leaves_the_rest_of_the_map_to_the_fit():
    _, low, grid, speed = machine(duration=2.0)
    power = low.power[0].astype(np.float64)
    power[20, 5] = 0
    fit = fit_orders(power, grid, SCALE, speed)
    assert fit is not None and {2.0, 4.0} <= set(fit.orders)
