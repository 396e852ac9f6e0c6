"""Correction of a measured speed: kept where foreign lines alone support another one."""

from __future__ import annotations

import numpy as np
import pytest

from specsr import Signal, SpectrogramTransform
from specsr.maps.pooling import pool
from specsr.nvh.order_candidates import FurtherShaft, MachineOrders
from specsr.nvh.speed import column_rotation_hz, revolutions
from specsr.nvh.speed_correction import correct_speed

RATE, SECONDS, SCALE = 8192.0, 4.0, (4, 4)
AT = np.linspace(0, 1, round(RATE * SECONDS))
ENGINE = 1500 + 2100 * AT
SLIP = 1.0064


def tones(rpm: np.ndarray, orders: np.ndarray, level: float = 1.0) -> np.ndarray:
    angle = 2 * np.pi * revolutions(rpm / 60, RATE)
    return level * sum(np.cos(k * angle + k * k) for k in orders)


def coarse(samples: np.ndarray):
    """Coarse power [F, T] of tones in noise, and the fine grid."""
    noise = 0.1 * np.random.default_rng(2).standard_normal(AT.size)
    low = pool(SpectrogramTransform(1024, 128)(Signal((samples + noise)[None], RATE)), *SCALE)
    return low.power[0], low.grid.refined(*SCALE)


@pytest.mark.parametrize("seed", [2, 3])
def test_tones_beside_the_orders_do_not_draw_an_exact_speed_along(seed):
    """Steady: a tone within a cell of an order fits it at another speed, each at its own."""
    rng = np.random.default_rng(seed)
    rpm = np.full(AT.size, 2400.0)
    orders = np.arange(2, 26, 2.0)
    foreign = np.arange(3, 60, 2) / 2 * (1 + rng.uniform(-0.02, 0.02, 29))
    power, grid = coarse(tones(rpm, orders, 0.3) + tones(rpm, foreign))
    right = column_rotation_hz(rpm, grid)
    np.testing.assert_array_equal(correct_speed(power, grid, SCALE, right)[0], right)


def test_a_declared_shaft_of_nearly_the_speed_does_not_draw_it_along():
    power, grid = coarse(
        tones(ENGINE, np.arange(2, 20, 2.0), 0.25) + tones(SLIP * ENGINE, np.arange(2, 40, 2.0))
    )
    right = column_rotation_hz(ENGINE, grid)
    motor = MachineOrders(shafts=(FurtherShaft("motor", SLIP * right),))
    alone, _ = correct_speed(power, grid, SCALE, right)
    assert not np.array_equal(alone, right)  # the louder shaft, as long as nothing is known of it
    np.testing.assert_array_equal(correct_speed(power, grid, SCALE, right, motor)[0], right)


@pytest.mark.parametrize("factor", [1.003, 0.994])
def test_a_speed_slightly_off_is_corrected_beside_a_declared_shaft(factor):
    fan = 2900 + 900 * np.cos(2.5 * np.pi * AT)
    power, grid = coarse(tones(ENGINE, np.arange(2, 26, 2.0)) + tones(fan, np.arange(1, 9.0)))
    right, other = (column_rotation_hz(each, grid) for each in (ENGINE, fan))
    machine = MachineOrders(shafts=(FurtherShaft("fan", other),))
    found, _ = correct_speed(power, grid, SCALE, factor * right, machine)
    errors = (found / right - 1)[16:-16]
    assert np.sqrt(np.mean(errors**2)) < 0.3 * abs(factor - 1)
