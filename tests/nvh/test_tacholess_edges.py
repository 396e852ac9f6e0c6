"""Speed before the first and after the last clear column."""

from __future__ import annotations

import numpy as np
import pytest

from specsr import Signal, SpeedSearch, find_speed
from specsr.nvh import tacholess_edges
from specsr.nvh.tacholess_confidence import LOST
from specsr.nvh.tacholess_edges import LONGEST, Lines, continued
from specsr.nvh.tacholess_path import STEP, speeds_between

RATE, COLUMN = 4096.0, 0.05
SILENCE = Signal(np.zeros(8 * 1000), 1000.0)


def without_lines(
    clear: slice, slope: float, **stated: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the log of a speed at a constant slope, of it continued, and where it is known."""
    times = COLUMN * np.arange(161)
    speed = 30 * np.exp(slope * (times - 4))
    sure = np.zeros(len(times))
    sure[clear] = 0.99
    bent = np.where(sure > 0, speed, 17.0)
    lines = Lines([np.arange(1.0, 41)], speeds_between(8.0, 100.0), **stated)
    found, known = continued(SILENCE, bent, sure, COLUMN, lines)
    assert np.array_equal(found[~known], bent[~known])
    return np.log(speed), np.log(found), known & (sure == 0)


@pytest.mark.parametrize("slope", [-0.4, 0.0, 0.25])
def test_until_its_lines_have_ended_a_speed_keeps_its_slope(slope, monkeypatch):
    monkeypatch.setattr(tacholess_edges, "SHORTFALL", np.inf)
    true, found, changed = without_lines(slice(60, 101), slope)
    reach = round(LONGEST / COLUMN)
    assert np.flatnonzero(changed).tolist() == [*range(60 - reach, 60), *range(101, 101 + reach)]
    # slopes are whole steps of the search per column: half a step off in each of `reach` columns
    assert np.abs(found - true)[changed].max() < STEP * (reach + 5) / 2 + STEP


def test_a_start_value_bends_the_speed_to_it(monkeypatch):
    monkeypatch.setattr(tacholess_edges, "SHORTFALL", np.inf)
    true, found, changed = without_lines(slice(30, 161), 0.0, start=24.0)
    assert changed[:30].all() and not changed[30:].any()
    assert abs(found[0] - np.log(24.0)) < 0.3 * abs(true[0] - np.log(24.0))
    assert np.abs(np.diff(found[:30], 2)).max() < 0.02  # in a smooth curve


def ending(after_db: float, pause: bool, channels: int = 1) -> tuple[Signal, np.ndarray]:
    """Return orders in noise with 2.5 s of quieter noise around or within, and their speed.

    Args:
        after_db: level of the quieter noise over that of the orders, dB; -inf for silence.
        pause: within the run-up, else before and after it.
        channels: of the recording, all but the first one silent.
    """
    rng = np.random.default_rng(0)
    size, rest = round((8 if pause else 3) * RATE), round(2.5 * RATE)
    rpm = np.linspace(1200, 2400, size)
    turns = np.cumsum(rpm) / 60 / RATE
    lines = sum(np.cos(2 * np.pi * k * turns + k) / np.sqrt(k) for k in (1, 2, 3, 4, 6, 8))
    level = np.std(lines)
    lines += 0.1 * level * rng.standard_normal(size)
    quiet = level * 10 ** (after_db / 20) * rng.standard_normal((2, rest))
    if pause:
        middle = slice((size - rest) // 2, (size + rest) // 2)
        lines[middle] = quiet[0, : middle.stop - middle.start]
    else:
        lines = np.concatenate([quiet[0], lines, quiet[1]])
        rpm = np.pad(rpm, rest, mode="edge")
    return Signal(np.pad(lines[None], [(0, channels - 1), (0, 0)]), RATE), rpm


@pytest.mark.parametrize(("after_db", "channels"), [(-np.inf, 2), (-80.0, 1), (-20.0, 1)])
def test_a_speed_is_held_where_its_lines_have_ended(after_db, channels):
    recording, rpm = ending(after_db, pause=False, channels=channels)
    found = find_speed(recording, SpeedSearch((600, 6000)))
    off = np.abs(found.rpm / np.interp(found.times, np.arange(rpm.size) / RATE, rpm) - 1)
    assert off.max() < 0.06
    beside = (found.times < 2.4) | (found.times > 5.6)
    assert found.confidence[beside].max() <= LOST


@pytest.mark.parametrize("after_db", [-np.inf, -80.0])
def test_a_speed_is_straight_over_a_pause(after_db):
    recording, rpm = ending(after_db, pause=True)
    found = find_speed(recording, SpeedSearch((600, 6000)))
    off = np.abs(found.rpm / np.interp(found.times, np.arange(rpm.size) / RATE, rpm) - 1)
    assert off.max() < 0.06
    assert found.confidence[(found.times > 2.85) & (found.times < 5.15)].max() <= LOST


def test_nothing_is_continued_without_clear_columns_or_columns_beside():
    for clear in (slice(0, 0), slice(0, 161)):
        assert not without_lines(clear, 0.1)[2].any()


def test_in_silence_a_speed_is_not_known():
    assert not without_lines(slice(60, 101), 0.1)[2].any()


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
