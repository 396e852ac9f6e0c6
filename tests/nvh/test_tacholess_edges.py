"""Speed before the first and after the last clear column."""

from __future__ import annotations

import numpy as np
import pytest

from specsr import Signal, SpeedSearch, find_speed
from specsr.nvh.tacholess_edges import LONGEST, Lines, continued
from specsr.nvh.tacholess_path import STEP, speeds_between

RATE, COLUMN = 4096.0, 0.05
SILENCE = Signal(np.zeros(8 * 1000), 1000.0)


def silent(clear: slice, slope: float, **known: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the log of a speed at a constant slope in silence, of it continued, and where."""
    times = COLUMN * np.arange(161)
    speed = 30 * np.exp(slope * (times - 4))
    sure = np.zeros(len(times))
    sure[clear] = 0.99
    bent = np.where(sure > 0, speed, 17.0)
    lines = Lines([np.arange(1.0, 41)], speeds_between(8.0, 100.0), **known)
    found, changed = continued(SILENCE, bent, sure, COLUMN, lines)
    assert np.array_equal(found[~changed], bent[~changed])
    return np.log(speed), np.log(found), changed


@pytest.mark.parametrize("slope", [-0.4, 0.0, 0.25])
def test_without_lines_a_speed_keeps_its_slope(slope):
    true, found, changed = silent(slice(60, 101), slope)
    reach = round(LONGEST / COLUMN)
    assert np.flatnonzero(changed).tolist() == [*range(60 - reach, 60), *range(101, 101 + reach)]
    # slopes are whole steps of the search per column: half a step off in each of `reach` columns
    assert np.abs(found - true)[changed].max() < STEP * (reach + 5) / 2 + STEP


def test_a_start_value_bends_the_speed_to_it():
    true, found, changed = silent(slice(30, 161), 0.0, start=24.0)
    assert changed[:30].all() and not changed[30:].any()
    assert abs(found[0] - np.log(24.0)) < 0.3 * abs(true[0] - np.log(24.0))
    assert np.abs(np.diff(found[:30], 2)).max() < 0.02  # in a smooth curve


def test_nothing_is_continued_without_clear_columns_or_columns_beside():
    for clear in (slice(0, 0), slice(0, 161)):
        assert not silent(clear, 0.1)[2].any()


@pytest.mark.parametrize("seed", range(3))
def test_lines_that_rise_out_of_the_noise_are_followed_from_below_it(seed):
    times = np.arange(round(3 * RATE)) / RATE
    rpm = 1000 + 1500 * np.sin(np.pi / 2 * np.clip(times / 2.5, 0, 1)) ** 2
    turns, orders = np.cumsum(rpm) / 60 / RATE, np.arange(1, 21) / 2
    lines = sum(np.cos(2 * np.pi * k * turns + k * k) for k in orders) * (rpm / 2500) ** 3
    noise = np.random.default_rng(seed).standard_normal(rpm.size)
    signal = Signal(lines + noise, RATE)
    found = find_speed(signal, SpeedSearch((800, 3000), orders=tuple(orders)))
    off = np.abs(found.rpm / np.interp(found.times, times, rpm) - 1)
    assert np.mean(off < 0.03) >= 0.9  # 0.85 to 0.87 if the speed is held
