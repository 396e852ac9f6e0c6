"""Further shafts in a coarse map: candidates, fit, evidence, options."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import specsr
from specsr import Signal, SpectrogramTransform
from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.pooling import pool
from specsr.maps.shaft_speed import ShaftSpeed
from specsr.nvh.order_candidates import (
    GIVEN_PRIOR,
    FurtherShaft,
    MachineOrders,
    candidate_orders,
)
from specsr.nvh.order_lines import joined_cells
from specsr.nvh.order_model import Levels, OrderModel
from specsr.nvh.speed import column_rotation_hz, revolutions
from specsr.nvh.speed_options import SpeedOptions
from specsr.nvh.speed_use import fit_speed, given_speed

RATE, SECONDS, SCALE = 8192.0, 4.0, (4, 4)
AT = np.linspace(0, 1, round(RATE * SECONDS))
ENGINE = 1500 + 2100 * AT
FAN = 2900 + 900 * np.cos(2.5 * np.pi * AT)
ORDERS = {"engine": (2.0, 4.0, 6.0, 8.0), "fan": (1.0, 7.0, 14.0, 21.0)}


@functools.lru_cache
def two_shafts(fan: float = 0.5):
    """A coarse map of two shafts whose orders cross, its fine grid, and the truth in dB.

    The fan has ``fan`` times the amplitude of the engine.
    """
    rng = np.random.default_rng(3)
    tones = np.zeros(AT.size)
    for rpm, name, level in ((ENGINE, "engine", 1.0), (FAN, "fan", fan)):
        angle = 2 * np.pi * revolutions(rpm / 60, RATE)
        for k, order in enumerate(ORDERS[name]):
            tones += level * np.cos(order * angle + k) * 10 ** (-k / 20)
    noise = 0.05 * rng.standard_normal(tones.size)
    transform = SpectrogramTransform(1024, 128)
    fine = transform(Signal((tones + noise)[None], RATE, rpm=ENGINE))
    clean = transform(Signal(tones[None], RATE)).power[0, :-1]
    floor = 2 * 0.05**2 * 1.5 / 1024  # white noise behind a Hann window
    return pool(fine, *SCALE), fine.grid, levels.to_db(clean + floor)


def fan(orders: tuple[float, ...] = (), rpm: np.ndarray = FAN) -> FurtherShaft:
    return FurtherShaft("fan", column_rotation_hz(rpm, two_shafts()[1]), orders)


def test_candidates_are_half_orders_known_ones_and_those_of_each_shaft():
    grid = two_shafts()[1]
    slow, fast = np.full(grid.frames, 100.0), np.full(grid.frames, 700.0)
    model = OrderModel(np.ones((128, 64)), grid, SCALE, slow, [fast, fast])
    machine = MachineOrders(
        (2.0, 3.57), (FurtherShaft("a", fast), FurtherShaft("b", fast, (4.5, 1.25))), None
    )
    tried = candidate_orders(model, machine)
    assert (np.diff(tried.shaft) >= 0).all()
    own = [tried.orders[tried.shaft == i].tolist() for i in range(3)]
    assert own[0] == sorted({*np.arange(0.5, 41, 0.5).tolist(), 3.57})
    assert own[1] == [1, 2, 3, 4, 5] and own[2] == [1.25, 4.5]
    known = tried.prior > 0
    assert tried.orders[known].tolist() == [2.0, 3.57, 1.25, 4.5]
    assert set(tried.prior[known]) == {GIVEN_PRIOR}
    few = candidate_orders(model, MachineOrders((3.57,), (), (1.0, 2.5, 900.0)))
    assert few.orders.tolist() == [1, 2.5, 3.57]


def test_without_a_speed_a_shaft_has_its_own_orders_alone():
    grid = two_shafts()[1]
    model = OrderModel(np.ones((128, 64)), grid, SCALE, np.zeros(grid.frames), [fan().rotation_hz])
    tried = candidate_orders(model, MachineOrders(shafts=(fan((7.0,)),)))
    assert tried.orders.tolist() == [7.0] and tried.shaft.tolist() == [1]


def test_the_cells_of_a_shaft_are_those_of_a_model_at_its_speed():
    grid = two_shafts()[1]
    first, second = column_rotation_hz(ENGINE, grid), fan().rotation_hz
    power = np.random.default_rng(0).uniform(1, 2, (128, 64))
    both = OrderModel(power, grid, SCALE, first, [second])
    orders, shaft = np.array([2.0, 4.0, 7.0]), np.array([0, 0, 1])
    found = both.cells(orders, shaft=shaft, shift=1.0)
    alone = (
        OrderModel(power, grid, SCALE, first).cells(orders[:2], shift=1.0),
        OrderModel(power, grid, SCALE, second).cells(orders[2:], shift=1.0),
    )
    wanted = joined_cells(alone, len(both.knots))
    for name in ("first", "cell", "knot", "below", "above"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.knot[found.first[2]] // len(both.knots) == 2
    # on the fine grid each line follows its shaft
    lines = np.ones((3, len(both.knots)))
    noise, clicks = np.zeros(both.noise.size), np.zeros(both.clicks.size)
    made, _, _ = both.fine(Levels(orders, lines, noise, clicks, shaft), np.ones(3))
    for order, speed in ((2.0, first), (4.0, first), (7.0, second)):
        rows = np.round(order * speed / grid.df).astype(int)
        assert (made[rows, np.arange(grid.frames)] > 0.3).all()


def test_both_shafts_are_fitted_and_confirmed():
    low, grid, _ = two_shafts()
    engine = column_rotation_hz(ENGINE, grid)
    fit = given_speed(low.power, grid, SCALE, engine, MachineOrders(shafts=(fan(),)), find=False)
    assert fit is not None and [shaft.name for shaft in fit.shafts] == ["fan"]
    assert set(ORDERS["engine"]) <= set(fit.own.orders)
    assert set(ORDERS["fan"][1:]) <= set(fit.shafts[0].orders)
    assert fit.shafts[0].sure > 0.7 and fit.own.sure > 0.7
    alone = given_speed(low.power, grid, SCALE, engine, find=False)
    assert alone is None  # the lines of the fan lie near half orders of the engine


def test_a_wrong_shaft_is_left_out_and_changes_nothing(caplog):
    low, grid, _ = two_shafts(0.0)
    engine = column_rotation_hz(ENGINE, grid)
    wrong = fan(rpm=1.07 * FAN[::-1])
    with caplog.at_level("INFO", "specsr"):
        fit = given_speed(low.power, grid, SCALE, engine, MachineOrders(shafts=(wrong,)), False)
    assert "no evidence of the shaft fan: not used" in caplog.text
    alone = given_speed(low.power, grid, SCALE, engine, MachineOrders(), False)
    assert fit is not None and alone is not None and fit.shafts == () and fit.share == alone.share
    np.testing.assert_array_equal(fit.fits[0].fine().lines, alone.fits[0].fine().lines)


@pytest.mark.parametrize("rpm", [1300.0, 1900.0, 2700.0])
def test_a_shaft_that_is_not_there_is_left_out_where_other_lines_sweep_through_its_orders(rpm):
    low, grid, _ = two_shafts()
    engine = column_rotation_hz(ENGINE, grid)
    ghost = FurtherShaft(
        "ghost", column_rotation_hz(np.full(FAN.size, rpm), grid), tuple(range(1, 13))
    )
    fit = fit_speed(low.power, grid, SCALE, engine, "given", MachineOrders(shafts=(fan(), ghost)))
    assert fit is not None and [shaft.name for shaft in fit.shafts] == ["fan"]
    assert (
        fit_speed(low.power, grid, SCALE, engine, "given", MachineOrders(shafts=(ghost,))) is None
    )


def test_a_wrong_speed_does_not_keep_a_right_shaft_out():
    low, grid, _ = two_shafts()
    wrong = column_rotation_hz(1.07 * ENGINE[::-1], grid)
    fit = fit_speed(low.power, grid, SCALE, wrong, "given", MachineOrders(shafts=(fan(),)))
    assert fit is not None and not fit.has_speed and fit.shafts[0].sure > 0.7
    only = given_speed(low.power, grid, SCALE, 0 * wrong, MachineOrders(shafts=(fan(),)))
    assert only is not None and only.share == fit.share
    assert fit_speed(low.power, grid, SCALE, wrong, "given") is None


def test_a_map_is_finer_with_the_speeds_of_both_shafts_and_holds_them(tmp_path):
    low, grid, truth = two_shafts()
    lines = truth > np.median(truth) + 15

    def error(**given: object) -> tuple[float, specsr.SpecMap]:
        options = SpeedOptions(find=False, **given)  # type: ignore[arg-type]
        high = specsr.upscale(low, 4, "pool", model="map-small", speed=options)
        return float(np.sqrt(np.mean(np.square(high.db[0, :-1] - truth)[lines]))), high

    one, plain = error()
    both, high = error(shafts={"fan": FAN}, orders={"fan": ORDERS["fan"], "": ()})
    assert both < 0.85 * one and plain.shafts == ()
    (shaft,) = high.shafts
    np.testing.assert_array_equal(shaft.rpm, FAN)
    assert shaft.name == "fan" and shaft.confidence.mean() > 0.7 < high.rpm_confidence.mean()
    for name in ("map.npz", "map.h5"):
        specsr.write_map(tmp_path / name, high)
        (read,) = specsr.read_map(tmp_path / name).shafts
        assert read.name == "fan"
        np.testing.assert_array_equal(read.rpm, shaft.rpm)
        np.testing.assert_array_equal(read.confidence, shaft.confidence)


def test_the_shafts_of_a_map_are_used_and_replaced_by_stated_ones():
    held = (ShaftSpeed("fan", FAN), ShaftSpeed("pump", ENGINE))
    options = SpeedOptions(orders={"pump": (3,)}, shafts={"fan": 1480, "aux": FAN})
    speeds = options.speeds(held, AT.size)
    assert [shaft.name for shaft in speeds] == ["fan", "pump", "aux"]
    assert (speeds[0].rpm == 1480).all() and speeds[1].rpm is ENGINE
    machine = options.machine(speeds, two_shafts()[1])
    assert [shaft.orders for shaft in machine.shafts] == [(), (3.0,), ()] and machine.known == ()
    np.testing.assert_allclose(machine.shafts[0].rotation_hz, 1480 / 60)
    assert SpeedOptions(orders=(3.57,)).machine((), two_shafts()[1]).known == (3.57,)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"orders": {"pump": (1,)}}, "orders of the shaft 'pump': expected one of fan"),
        ({"orders": {"fan": (0,)}}, "expected numbers above zero"),
        ({"shafts": {"": FAN}}, "a shaft has no name"),
        ({"shafts": {"fan": FAN[1:]}}, "rpm has shape"),
        ({"shafts": {"fan": np.nan}}, "not finite"),
    ],
)
def test_wrong_shafts_are_refused(given, message):
    with pytest.raises(SpecsrError, match=message):
        SpeedOptions(**{"shafts": {"fan": FAN}, **given}).speeds((), AT.size)


def test_a_map_of_other_columns_holds_the_shafts_without_confidence():
    low = two_shafts()[0]
    examined = low.replace(shafts=[ShaftSpeed("fan", FAN, np.ones(low.grid.frames))])
    options = SpeedOptions(find=False)
    high = specsr.upscale(examined, 4, "pool", model="bicubic", speed=options)
    for other in (pool(examined, 2, 2), high):
        (shaft,) = other.shafts
        np.testing.assert_array_equal(shaft.rpm, FAN)
        assert shaft.name == "fan" and shaft.confidence is None


@pytest.mark.parametrize(
    "shafts, message",
    [
        ([ShaftSpeed("a", ENGINE), ShaftSpeed("a", FAN)], "each name once"),
        ([ShaftSpeed("a", ENGINE[1:])], "rpm of the shaft a has shape"),
        ([ShaftSpeed("a", ENGINE, np.array([2.0]))], "confidence of the shaft a has shape"),
    ],
)
def test_a_map_checks_its_shafts(shafts, message):
    with pytest.raises(SpecsrError, match=message):
        two_shafts()[0].replace(shafts=shafts)
