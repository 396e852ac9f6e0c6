"""Linear model of a coarse map against direct sums, and the blend of fit and estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import get_window

from specsr.maps.grid import Grid
from specsr.maps.pooling import pool_power
from specsr.nvh.order_fit import OrderFit, blend_fit
from specsr.nvh.order_lines import fine_cells
from specsr.nvh.order_model import Levels, OrderModel
from specsr.nvh.order_stretches import stretches

SCALE = (4, 4)
GRID = Grid(8192.0, 1024, 128, 128 * 159)  # 160 fine columns, 8 Hz rows, 1/64 s


def model(
    speed: np.ndarray, power: np.ndarray | None = None, scale: tuple[int, int] = SCALE
) -> OrderModel:
    columns = -(-len(speed) // scale[1])
    power = np.ones((128 // scale[0], columns)) if power is None else power
    return OrderModel(power, GRID, scale, speed)


def fine(made: OrderModel, order: float) -> tuple[np.ndarray, ...]:
    """Fine row, fine column and power of the cells of an order of power 1."""
    return fine_cells(order, made.tracks, made.grid.window, made.fine_rows)


def pooled(made: OrderModel, order: float, level: np.ndarray, **options: object) -> np.ndarray:
    """Coarse power of an order alone, [F, T]."""
    cells = made.cells(np.array([order]), **options)  # type: ignore[arg-type]
    zero = np.zeros(made.noise.size), np.zeros(made.clicks.size)
    return made.fit(cells, Levels(np.array([order]), level[None], *zero), 0)[1]


def fit_of(lines: np.ndarray, rest: np.ndarray) -> OrderFit:
    """A fit of full confidence."""
    return OrderFit(lines, lines, rest)


def steady_line(away: np.ndarray) -> np.ndarray:
    """Power of a steady tone so many rows from a row, 1 on it, for a Hann window."""
    taps = get_window("hann", 1024)
    at = np.arange(1024) / 1024
    values = [abs(np.sum(taps * np.exp(2j * np.pi * a * at))) ** 2 for a in np.ravel(away)]
    return np.reshape(values, np.shape(away)) / taps.sum() ** 2


def test_a_steady_order_has_the_power_of_the_window_on_its_rows():
    row, column, value = fine(model(np.full(40, 100.0)), 2.0)  # 200 Hz: row 25
    image = np.zeros((128, 40))
    image[row, column] = value
    np.testing.assert_allclose(image, steady_line(np.arange(128) - 25.0)[:, None] * np.ones(40),
                               atol=2e-4)  # fmt: skip
    assert image[25] == pytest.approx(1) and image[[24, 26]] == pytest.approx(0.25, abs=1e-3)
    assert value.min() > 1e-4
    between = fine(model(np.full(40, 102.0)), 2.0)  # row 25.5
    assert set(between[0]) >= {24, 25, 26, 27}
    assert between[2].max() == pytest.approx(steady_line(np.array(0.5)), abs=1e-3)


def test_orders_outside_the_map_or_without_a_speed_have_no_cells():
    speed = np.full(40, 100.0)
    made = model(speed)
    outside = np.array([0.03, 10.2, 11.0])  # 3 Hz is below half a row, order 10.2 in row 127.5
    assert made.cells(outside).first.tolist() == [0, 0, 0, 0]
    assert all(not fine(made, order)[0].size for order in outside)
    assert made.cells(np.array([10.1])).cell.size and fine(made, 10.1)[0].size
    speed[:20] = 0
    assert set(fine(model(speed), 2.0)[1]) == set(range(20, 40))
    assert not pooled(model(speed), 2.0, np.ones(4))[:, :5].sum() > 1e-9


def test_a_sweep_spreads_the_power_over_the_rows_it_crosses():
    seconds = np.arange(160) / 64
    found = fine(model(100 + 160 * seconds), 2.0)  # 320 Hz/s over windows of 1/8 s: 5 rows
    image = np.zeros((128, 160))
    image[found[0], found[1]] = found[2]
    taps, at = get_window("hann", 1024), (np.arange(1024) - 512) / 8192
    for column in (40, 90):
        freq = 2 * (100 + 160 * column / 64)
        tone = taps * np.exp(2j * np.pi * (freq * at + 160 * at**2))
        power = np.abs(np.fft.fft(tone)[:128]) ** 2 / taps.sum() ** 2
        np.testing.assert_allclose(image[:, column], power, atol=0.02)


@pytest.mark.parametrize("scale, step", [((4, 4), 16), ((4, 3), 15), ((2, 5), 15), ((1, 40), 40)])
@pytest.mark.parametrize("slope", [0.0, 1.8])
def test_the_cells_of_an_order_pool_its_power(scale, step, slope):
    """Levels linear between knots of about 16 columns; a shorter last coarse column."""
    speed = 60 + slope * np.arange(38)
    made = model(speed, scale=scale)
    assert made.knots.tolist() == list(range(0, 38 + step, step))
    level = np.random.default_rng(0).uniform(1, 5, len(made.knots))
    row, column, value = fine(made, 3.0)
    image = np.zeros((128, 38))
    np.add.at(image, (row, column), value * np.interp(column, made.knots, level))
    np.testing.assert_allclose(pooled(made, 3.0, level), pool_power(image, *scale), atol=1e-12)
    nothing = Levels(np.array([3.0]), level[None], np.zeros(made.noise.size),
                     np.zeros(made.clicks.size))  # fmt: skip
    lines, weighted, rest = made.fine(nothing, np.array([0.25]))
    np.testing.assert_allclose(lines, image)
    np.testing.assert_allclose(weighted, 0.25 * image)
    assert not rest.any()


@pytest.mark.parametrize("frames", range(30, 36))
def test_the_last_knot_lies_behind_the_last_column(frames):
    made = model(np.full(frames, 90.0))
    assert made.knots[-1] >= frames > made.knots[-1] - 16 or made.knots[-2] < frames
    cells = made.cells(np.array([2.0]))
    assert cells.knot.max() + 1 < len(made.knots)


@pytest.mark.parametrize("shift", [-3.0, 1.0])
def test_a_displaced_line_is_that_of_another_order_at_a_steady_speed(shift):
    made = model(np.full(40, 80.0))  # 10 rows
    level = np.ones(len(made.knots))
    there = pooled(made, 4.0 + shift / 10, level)
    np.testing.assert_allclose(pooled(made, 4.0, level, shift=shift), there, atol=1e-12)


def test_constant_powers_of_the_noise_give_a_constant_floor():
    made = model(np.full(38, 80.0))
    none = np.zeros(0)
    cells = made.cells(none)
    for noise, clicks in ((1.0, 0.0), (0.0, 1.0)):
        levels = Levels(none, np.zeros((0, len(made.knots))), np.full(made.noise.size, noise),
                        np.full(made.clicks.size, clicks))  # fmt: skip
        np.testing.assert_allclose(made.fit(cells, levels, 0)[1], 1)
        np.testing.assert_allclose(made.fine(levels, none)[2], 1)


def test_the_noise_floor_is_bilinear_between_its_knots():
    """A fine cell lies at its centre, in coarse cells; beyond the first one the floor is flat."""
    made = model(np.full(40, 80.0))
    noise = np.random.default_rng(0).uniform(1, 2, made.noise.size + made.clicks.size)
    expected, at = np.zeros((128, 40)), 0
    levels = Levels(np.zeros(0), np.zeros((0, 4)), *np.split(noise, [made.noise.size]))
    rows, columns = ((np.arange(n) - 1.5) / 4 for n in (128, 40))
    for part, knots in zip((made.noise, made.clicks), ([0, 6, 12], range(11))):
        assert part.columns.tolist() == list(knots)
        surface = noise[at : at + part.size].reshape(len(part.rows), len(part.columns))
        at += part.size
        along = np.array([np.interp(columns, part.columns, line) for line in surface])
        expected += np.array([np.interp(rows, part.rows, line) for line in along.T]).T
    np.testing.assert_allclose(made.fine(levels, np.zeros(0))[2], expected)
    coarse = made.fit(made.cells(np.zeros(0)), levels, 0)[1]
    at_rows, at_columns = np.arange(32.0), np.arange(10.0)
    both = [made.noise.at(levels.noise, at_rows, at_columns),
            made.clicks.at(levels.clicks, at_rows, at_columns)]  # fmt: skip
    np.testing.assert_allclose(coarse, sum(both))
    # knots denser at low frequencies: from 1.5 to 6 rows apart, and from 8 rows for transients
    steady, transient = made.noise.rows, made.clicks.rows
    np.testing.assert_allclose(steady[:8], np.r_[0:9:1.5, 9, 10.8][:8])
    assert np.diff(steady).max() <= 6 and steady[-1] >= 31 > steady[-2]
    np.testing.assert_allclose(transient, [0, 8, 16, 24, 32.4])
    for rows in (1, 2):  # two knots at least, for the line between them
        small = OrderModel(np.ones((rows, 10)), GRID, SCALE, np.full(40, 8.0))
        assert [small.noise.rows.tolist(), small.clicks.rows.tolist()] == [[0, 1.5], [0, 8]]


def test_a_fit_reproduces_a_map_that_the_model_made():
    speed = np.linspace(70, 110, 80)
    power = 5 * pooled(model(speed), 2.0, np.full(6, 4.0)) + 0.1
    made, orders = model(speed, power), np.array([2.0])
    cells = made.cells(orders)
    levels, expected = made.fit(cells, made.first(orders, cells), 200)
    assert 10 * np.log10(levels.lines[0] / 20) == pytest.approx(np.zeros(6), abs=0.5)
    np.testing.assert_allclose(expected, power, rtol=0.15)
    # the likelihood of an exact fit is the highest there is
    best = made.log_likelihood(power)
    np.testing.assert_allclose(best, -(1 + np.log(power)))
    assert (made.log_likelihood(expected) <= best).all()
    # what is lost without the order: the sum over the cells it fills
    own = pooled(made, 2.0, levels.lines[0])
    without = np.maximum(expected - own, 1e-6 * expected)
    ratio = power / without + np.log(without) - power / expected - np.log(expected)
    gain = made.gains(cells, levels, expected)
    assert gain.shape == (1,)
    assert gain[0] == pytest.approx(ratio[own > 1e-3 * expected].sum())
    # none at all change nothing
    again, same = made.fit(cells, levels, 0)
    np.testing.assert_array_equal(again.lines, levels.lines)
    np.testing.assert_array_equal(same, expected)


def test_a_start_is_the_mean_level_of_the_covered_cells_at_any_other_levels():
    rng = np.random.default_rng(0)
    made, orders = model(np.full(40, 100.0), rng.uniform(1, 9, (32, 10))), np.array([2.0, 30.0])
    cells = made.cells(orders)
    first = made.first(orders, cells)
    shares = np.array([pooled(made, 2.0, row) for row in np.eye(len(made.knots))])
    total = (shares * np.log(made.power)).sum(axis=(1, 2)) / np.maximum(
        shares.sum(axis=(1, 2)), 1e-12)  # fmt: skip
    held = shares.sum(axis=(1, 2)) > 1e-9
    np.testing.assert_allclose(first.lines[0], np.where(held, np.exp(total), 0))
    assert not first.lines[1].any()  # outside the map
    assert first.noise.min() > 1 and first.noise.max() < 9 and first.clicks.max() < 0.9
    other = Levels(orders, 7 * np.ones_like(first.lines), first.noise, first.clicks)
    np.testing.assert_array_equal(made.start(cells, other).lines, first.lines)
    assert first.only(np.array([True, False])).orders.tolist() == [2.0]


def test_a_single_column_is_a_map_too():
    for frames in (1, 3):
        made, orders = model(np.full(frames, 100.0)), np.array([2.0])
        cells = made.cells(orders)
        levels, expected = made.fit(cells, made.first(orders, cells), 3)
        assert made.tracks.swept.tolist() == [0] * frames
        assert expected.shape == (32, 1) and np.isfinite(expected).all()
        lines, _, rest = made.fine(levels, np.ones(1))
        assert lines.shape == rest.shape == (128, frames)


def test_another_speed_is_used_where_the_own_one_is_known():
    speed = np.full(40, 100.0)
    speed[:10] = 0
    level = np.ones(4)
    there = pooled(model(np.where(speed > 0, 90.0, 0.0)), 4.0, level)
    np.testing.assert_allclose(
        pooled(model(speed), 4.0, level, rotation_hz=np.full(40, 90.0)), there
    )


# --- blend ----------------------------------------------------------------------------------


def test_where_orders_hold_all_power_the_fit_has_three_quarters_of_the_weight():
    """Levels in dB averaged 3 to 1; uncertainty less by 0.3 around and 0.5 more on lines."""
    lines, rest = np.full((32, 40), 8.0), np.zeros((32, 40))
    fit = fit_of(lines, rest)
    network = np.full((32, 40), 0.5)
    uncertainty = np.full((1, 32, 40), 2.0, np.float32)
    low = pool_power(lines, *SCALE)
    power, reduced = blend_fit(network, uncertainty, low, fit, SCALE)
    np.testing.assert_allclose(power, 0.5**0.25 * 8.0**0.75)
    np.testing.assert_allclose(reduced[0], 2 * (1 - 0.75 * 0.8), rtol=1e-6)


def test_the_weight_falls_with_the_misfit_and_the_share_of_the_orders():
    lines, rest = np.full((32, 40), 1.0), np.full((32, 40), 3.0)
    network, uncertainty = np.ones((32, 40)), np.ones((1, 32, 40), np.float32)
    fit = fit_of(lines, rest)
    for misfit, quality in ((0.0, 1.0), (2.0, 1.0), (2.7, math.exp(-1)), (3.4, math.exp(-4))):
        low = pool_power(lines + rest, *SCALE) * 10 ** (misfit / 10)
        power, reduced = blend_fit(network, uncertainty, low, fit, SCALE)
        weight = 0.75 * quality * 0.25**1.5
        np.testing.assert_allclose(np.log(power), weight * math.log(4), rtol=1e-5)
        np.testing.assert_allclose(reduced[0], 1 - weight * (0.3 + 0.5 * 0.25**2), rtol=1e-6)


def test_the_misfit_is_the_rms_over_3_rows_and_5_columns():
    lines = np.full((64, 80), 2.0)
    low = pool_power(lines, *SCALE)
    low[8, 10] *= 10
    network, uncertainty = np.ones((64, 80)), np.ones((1, 64, 80), np.float32)
    power, _ = blend_fit(network, uncertainty, low, fit_of(lines, 0 * lines), SCALE)
    quality = np.log(power[::4, ::4]) / math.log(2) / 0.75
    expected = np.ones((16, 20))
    expected[7:10, 8:13] = math.exp(-((((100 / 15) ** 0.5 - 2) / 0.7) ** 2))
    np.testing.assert_allclose(quality, expected, atol=1e-6)


def test_a_line_gives_weight_to_the_cells_within_one_coarse_row():
    lines, rest = np.zeros((32, 40)), np.ones((32, 40))
    lines[18] = 1e6
    fit = fit_of(lines, rest)
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
