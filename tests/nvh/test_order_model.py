"""Linear model of a coarse map against direct sums, and the blend of fit and estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import get_window

from specsr.maps.grid import Grid
from specsr.maps.pooling import pool_power
from specsr.nvh.order_fit import OrderFit, blend_fit, stretches
from specsr.nvh.order_model import OrderModel

SCALE = (4, 4)
GRID = Grid(8192.0, 1024, 128, 128 * 159)  # 160 fine columns, 8 Hz rows, 1/64 s


def model(
    speed: np.ndarray, power: np.ndarray | None = None, scale: tuple[int, int] = SCALE
) -> OrderModel:
    columns = -(-len(speed) // scale[1])
    power = np.ones((128 // scale[0], columns)) if power is None else power
    return OrderModel(power, GRID, scale, speed)


def steady_line(away: np.ndarray) -> np.ndarray:
    """Power of a steady tone so many rows from a row, 1 on it, for a Hann window."""
    taps = get_window("hann", 1024)
    at = np.arange(1024) / 1024
    values = [abs(np.sum(taps * np.exp(2j * np.pi * a * at))) ** 2 for a in np.ravel(away)]
    return np.reshape(values, np.shape(away)) / taps.sum() ** 2


def test_a_steady_order_has_the_power_of_the_window_on_its_rows():
    row, column, value = model(np.full(40, 100.0)).order(2.0)  # 200 Hz: row 25
    image = np.zeros((128, 40))
    image[row, column] = value
    np.testing.assert_allclose(image, steady_line(np.arange(128) - 25.0)[:, None] * np.ones(40),
                               atol=2e-4)  # fmt: skip
    assert image[25] == pytest.approx(1) and image[[24, 26]] == pytest.approx(0.25, abs=1e-3)
    assert value.min() > 1e-4
    between = model(np.full(40, 102.0)).order(2.0)  # row 25.5
    assert set(between[0]) >= {24, 25, 26, 27}
    assert between[2].max() == pytest.approx(steady_line(np.array(0.5)), abs=1e-3)


def test_orders_outside_the_map_or_without_a_speed_have_no_cells():
    speed = np.full(40, 100.0)
    assert model(speed).order(0.03) is None  # 3 Hz: below half a row
    assert model(speed).order(10.2) is None and model(speed).order(10.1) is not None  # row 127.5
    assert model(speed).matrix(11.0) is None
    speed[:20] = 0
    _, column, _ = model(speed).order(2.0)
    assert set(column) == set(range(20, 40))


def test_a_sweep_spreads_the_power_over_the_rows_it_crosses():
    seconds = np.arange(160) / 64
    found = model(100 + 160 * seconds).order(2.0)  # 320 Hz/s over windows of 1/8 s: 5 rows
    image = np.zeros((128, 160))
    image[found[0], found[1]] = found[2]
    taps, at = get_window("hann", 1024), (np.arange(1024) - 512) / 8192
    for column in (40, 90):
        freq = 2 * (100 + 160 * column / 64)
        tone = taps * np.exp(2j * np.pi * (freq * at + 160 * at**2))
        power = np.abs(np.fft.fft(tone)[:128]) ** 2 / taps.sum() ** 2
        np.testing.assert_allclose(image[:, column], power, atol=0.02)


@pytest.mark.parametrize("scale", [(4, 4), (4, 3), (2, 5)])
def test_the_matrix_of_an_order_pools_its_cells(scale):
    """Levels linear between knots of 16 columns; a shorter last coarse column."""
    speed = np.linspace(60, 130, 38)
    made = model(speed, scale=scale)
    level = np.array([1.0, 3.0, 2.0, 5.0])
    assert made.knots.tolist() == [0, 16, 32, 48]
    row, column, value = made.order(3.0)
    fine = np.zeros((128, 38))
    np.add.at(fine, (row, column), value * np.interp(column, made.knots, level))
    expected = pool_power(fine, *scale)
    np.testing.assert_allclose(made.matrix(3.0) @ level, expected.ravel(), atol=1e-12)
    lines, rest = made.fine({3.0: level}, np.zeros(sum(part.size for part in made.noise)))
    np.testing.assert_allclose(lines, fine)
    assert not rest.any()


def test_constant_powers_of_the_noise_give_a_constant_floor():
    made = model(np.full(38, 80.0))
    steady, transient = (part.size for part in made.noise)
    for noise in (np.r_[np.ones(steady), np.zeros(transient)],
                  np.r_[np.zeros(steady), np.ones(transient)]):  # fmt: skip
        np.testing.assert_allclose(made.smooth @ noise, 1)
        np.testing.assert_allclose(made.fine({}, noise)[1], 1)


def test_the_noise_floor_is_bilinear_between_its_knots():
    """A fine cell lies at its centre, in coarse cells; beyond the first one the floor is flat."""
    made = model(np.full(40, 80.0))
    noise = np.random.default_rng(0).uniform(1, 2, sum(part.size for part in made.noise))
    expected, at = np.zeros((128, 40)), 0
    rows, columns = ((np.arange(n) - 1.5) / 4 for n in (128, 40))
    for part, knots in zip(made.noise, ([0, 6, 12], range(11)), strict=True):
        assert part.columns.tolist() == list(knots)
        surface = noise[at : at + part.size].reshape(len(part.rows), len(part.columns))
        at += part.size
        along = np.array([np.interp(columns, part.columns, line) for line in surface])
        expected += np.array([np.interp(rows, part.rows, line) for line in along.T]).T
    np.testing.assert_allclose(made.fine({}, noise)[1], expected)
    # knots denser at low frequencies: from 1.5 to 6 rows apart, and from 8 rows for transients
    steady, transient = (part.rows for part in made.noise)
    np.testing.assert_allclose(steady[:8], np.r_[0:9:1.5, 9, 10.8][:8])
    assert np.diff(steady).max() <= 6 and steady[-1] >= 31 > steady[-2]
    np.testing.assert_allclose(transient, [0, 8, 16, 24, 32.4])
    for rows in (1, 2):  # two knots at least, for the line between them
        small = OrderModel(np.ones((rows, 10)), GRID, SCALE, np.full(40, 8.0))
        assert [part.rows.tolist() for part in small.noise] == [[0, 1.5], [0, 8]]


def test_a_fit_reproduces_a_map_that_the_model_made():
    speed = np.linspace(70, 110, 80)
    truth = model(speed)
    power = (5 * np.asarray(truth.matrix(2.0) @ np.full(6, 4.0)) + 0.1).reshape(32, 20)
    made = model(speed, power)
    levels, noise, expected = made.fit([2.0], 200, {}, None)
    assert 10 * np.log10(levels[2.0] / 20) == pytest.approx(np.zeros(6), abs=0.5)
    np.testing.assert_allclose(expected.reshape(32, 20), power, rtol=0.15)
    # the likelihood of an exact fit is the highest there is
    best = made.column_likelihood(power.ravel())
    np.testing.assert_allclose(best, -(1 + np.log(power)).sum(axis=0))
    assert (made.column_likelihood(expected) <= best).all()
    # what is lost without the order: the sum over the cells it fills
    own = made.matrix(2.0) @ levels[2.0]
    without = np.maximum(expected - own, 1e-6 * expected)
    cells = own > 1e-3 * expected
    ratio = (power.ravel() / without + np.log(without) - power.ravel() / expected
             - np.log(expected))  # fmt: skip
    assert made.gain(2.0, levels[2.0], expected) == pytest.approx(ratio[cells].sum())
    # more iterations from there change little, none at all change nothing
    again = made.fit([2.0], 0, levels, noise)
    np.testing.assert_allclose(again[0][2.0], levels[2.0])
    np.testing.assert_allclose(again[2], expected)


def test_a_single_column_is_a_map_too():
    for frames in (1, 3):
        made = model(np.full(frames, 100.0))
        levels, noise, expected = made.fit([2.0], 3, {}, None)
        assert made.slope.tolist() == [0] * frames
        assert expected.shape == (32,) and np.isfinite(expected).all()
        lines, rest = made.fine(levels, noise)
        assert lines.shape == rest.shape == (128, frames)


def test_another_speed_is_used_where_the_own_one_is_known():
    speed = np.full(40, 100.0)
    speed[:10] = 0
    other = model(speed).at_speed(np.full(40, 90.0))
    assert other.rotation_hz.tolist() == [0.0] * 10 + [90.0] * 30
    row, column, value = other.order(4.0)
    assert row[value.argmax()] == 45 and set(column) == set(range(10, 40))
    assert math.isclose(other.slope.max(), 0, abs_tol=1e-9)


# --- blend ----------------------------------------------------------------------------------


def test_where_orders_hold_all_power_the_fit_has_three_quarters_of_the_weight():
    """Levels in dB averaged 3 to 1; uncertainty less by 0.3 around and 0.5 more on lines."""
    lines, rest = np.full((32, 40), 8.0), np.zeros((32, 40))
    fit = OrderFit((1.0,), lines, rest)
    network = np.full((32, 40), 0.5)
    uncertainty = np.full((1, 32, 40), 2.0, np.float32)
    low = pool_power(lines, *SCALE)
    power, reduced = blend_fit(network, uncertainty, low, fit, SCALE)
    np.testing.assert_allclose(power[8:], 0.5**0.25 * 8.0**0.75)
    np.testing.assert_allclose(reduced[0, 8:], 2 * (1 - 0.75 * 0.8), rtol=1e-6)
    # no weight in the two lowest coarse rows
    assert (power[:8] == 0.5).all() and (reduced[0, :8] == 2).all()


def test_the_weight_falls_with_the_misfit_and_the_share_of_the_orders():
    lines, rest = np.full((32, 40), 1.0), np.full((32, 40), 3.0)
    network, uncertainty = np.ones((32, 40)), np.ones((1, 32, 40), np.float32)
    fit = OrderFit((1.0,), lines, rest)
    for misfit, quality in ((0.0, 1.0), (2.0, 1.0), (2.7, math.exp(-1)), (3.4, math.exp(-4))):
        low = pool_power(lines + rest, *SCALE) * 10 ** (misfit / 10)
        power, reduced = blend_fit(network, uncertainty, low, fit, SCALE)
        weight = 0.75 * quality * 0.25**1.5
        np.testing.assert_allclose(np.log(power[8:]), weight * math.log(4), rtol=1e-5)
        np.testing.assert_allclose(
            reduced[0, 8:], 1 - weight * (0.3 + 0.5 * 0.25**2), rtol=1e-6
        )  # fmt: skip


def test_the_misfit_is_the_rms_over_3_rows_and_5_columns():
    lines = np.full((64, 80), 2.0)
    low = pool_power(lines, *SCALE)
    low[8, 10] *= 10
    network, uncertainty = np.ones((64, 80)), np.ones((1, 64, 80), np.float32)
    power, _ = blend_fit(network, uncertainty, low, OrderFit((1.0,), lines, 0 * lines), SCALE)
    quality = np.log(power[::4, ::4]) / math.log(2) / 0.75
    expected = np.ones((16, 20))
    expected[:2] = 0
    expected[7:10, 8:13] = math.exp(-((((100 / 15) ** 0.5 - 2) / 0.7) ** 2))
    np.testing.assert_allclose(quality, expected, atol=1e-6)


def test_a_line_gives_weight_to_the_cells_within_one_coarse_row():
    lines, rest = np.zeros((32, 40)), np.ones((32, 40))
    lines[18] = 1e6
    fit = OrderFit((1.0,), lines, rest)
    low = pool_power(lines + rest, *SCALE)
    network, uncertainty = np.full((32, 40), 100.0), np.ones((1, 32, 40), np.float32)
    power, _ = blend_fit(network, uncertainty, low, fit, SCALE)
    changed = np.flatnonzero((power != 100).any(axis=1))
    assert changed.tolist() == list(range(14, 23))  # four rows on either side
    np.testing.assert_allclose(power[14], 100**0.25, rtol=1e-5)


@pytest.mark.parametrize("columns", [257, 288, 289, 700])
def test_neighbouring_stretches_share_32_columns_with_linear_weights(columns):
    parts = list(stretches(columns))
    for (_, last, weight), (first, _, following) in zip(parts, parts[1:]):
        assert last - first == 32 and last == first + 32
        np.testing.assert_allclose(weight[-32:] + following[:32], 1)
        np.testing.assert_allclose(np.diff(following[:32]), 1 / 32)
        assert following[0] == 1 / 64
    assert [first for first, _, _ in parts] == list(range(0, max(1, columns - 32), 224))
