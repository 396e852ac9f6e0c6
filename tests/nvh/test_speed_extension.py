"""A speed known in a short part of a map: extended, refined, and refused where it is wrong."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from specsr import SpectrogramTransform
from specsr.maps.pooling import pool
from specsr.nvh.order_candidates import candidate_orders
from specsr.nvh.order_fit import select
from specsr.nvh.order_model import OrderModel
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_correction import correct_speed
from specsr.nvh.speed_track import FINE_STEPS, refine, track_speed
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise

SCALE = (4, 4)


@functools.lru_cache
def machine(rpm: tuple[float, float] = (3000.0, 4200.0), hop_length: int = 128):
    """Power of a coarse map of 1.5 s, the fine grid, the rotation frequency."""
    orders = tuple(Order(float(k), -k / 6, 0.7 * k) for k in range(2, 40, 2))
    made = synthesise(RunUp(rate=8192.0, duration=1.5, rpm=rpm, orders=orders,
                            line_to_noise=15.0, seed=4))  # fmt: skip
    low = pool(SpectrogramTransform(1024, hop_length)(made.signal), *SCALE)
    grid = low.grid.refined(*SCALE)
    return low.power[0], grid, column_rotation_hz(low.rpm, grid)


@pytest.mark.parametrize("rpm", [(3000.0, 4200.0), (4200.0, 3000.0)])
def test_a_speed_of_a_third_of_a_second_is_extended_to_both_edges(rpm):
    power, grid, right = machine(rpm)
    start = np.zeros_like(right)
    start[40:61] = right[40:61]
    found = track_speed(power, grid, SCALE, start)
    assert (found > 0).all()
    assert np.abs(found[4:-4] / right[4:-4] - 1).max() < 0.004


def test_a_speed_is_extended_down_to_lines_two_rows_apart():
    power, grid, right = machine((1500.0, 500.0))  # 16 Hz, two rows, at the speed of 960 1/min
    start = np.zeros_like(right)
    start[:30] = right[:30]
    found = track_speed(power, grid, SCALE, start)
    assert (found[:40] > 0).all() and found[found > 0].min() > 2 * grid.df
    assert not found[right < 0.9 * 2 * grid.df].any()


def test_without_speed_sound_or_columns_nothing_is_found():
    power, grid, right = machine()
    assert not track_speed(power, grid, SCALE, np.zeros_like(right)).any()
    assert not track_speed(np.zeros_like(power), grid, SCALE, right).any()
    for columns in (12, 16):  # 16 fine columns are needed
        part = power[:, 8 : 8 + columns // 4], grid, SCALE, right[32 : 32 + columns]
        assert track_speed(*part).any() == (columns == 16)
        wrong = 1.001 * part[3]
        assert columns == 16 or (correct_speed(*part[:3], wrong)[0] == wrong).all()


@pytest.mark.parametrize("hop_length", [64, 128])
def test_a_refined_speed_is_smooth_at_any_hop(hop_length):
    power, grid, right = machine(hop_length=hop_length)
    model = OrderModel(power, grid, SCALE, right)
    levels, _, _ = select(model, candidate_orders(model))
    found = refine(model, levels, FINE_STEPS)
    bend = np.diff(np.log(found), 2) / grid.dt**2
    assert np.sqrt(np.mean(bend**2)) < 1.5  # 1/s²; two to eight times that without smoothing
    assert np.abs(found / right - 1).max() < 0.005
