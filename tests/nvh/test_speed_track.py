"""Refinement, extrapolation and validation of a speed by a coarse map."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr import Signal, SpectrogramTransform
from specsr.maps import levels
from specsr.maps.pooling import pool
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_correction import correct_speed
from specsr.nvh.speed_options import SpeedOptions
from specsr.nvh.speed_track import track_speed
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise

TRANSFORM = SpectrogramTransform(1024, 128)
SCALE = (4, 4)
ORDERS = tuple(Order(float(k), -k / 6, 0.7 * k) for k in range(2, 50, 2))


def machine(**options: object):
    """A run-up: the synthetic machine, its coarse map, the fine grid, the rotation frequency."""
    given = {"rate": 8192.0, "duration": 4.0, "rpm": (1500.0, 3600.0), "orders": ORDERS,
             "line_to_noise": 15.0, "seed": 4, **options}  # fmt: skip
    made = synthesise(RunUp(**given))  # type: ignore[arg-type]
    low = pool(TRANSFORM(made.signal), *SCALE)
    grid = low.grid.refined(*SCALE)
    return made, low, grid, column_rotation_hz(low.rpm, grid)


def error(speed: np.ndarray, right: np.ndarray) -> float:
    """Relative rms error where the speed is known, without the edges of the map."""
    speed, right = speed[16:-16], right[16:-16]
    known = speed > 0
    return float(np.sqrt(np.mean(np.square(speed[known] / right[known] - 1))))


def test_an_inaccurate_speed_is_refined():
    _, low, grid, right = machine()
    factor = 1 + 0.0015 * np.sin(np.arange(len(right)) / 11)
    found = track_speed(low.power[0], grid, SCALE, right * factor)
    assert (found > 0).mean() > 0.9
    assert error(found, right) < 0.6 * error(right * factor, right)


@pytest.mark.parametrize("part", [slice(0, 120), slice(60, 180), slice(-120, None)])
def test_a_speed_known_in_part_is_extended_to_both_edges(part):
    _, low, grid, right = machine()
    start = np.zeros_like(right)
    start[part] = right[part]
    found = track_speed(low.power[0], grid, SCALE, start)
    assert (found > 0).mean() > 0.9 and error(found, right) < 0.001


def noise(shape: tuple[int, int]) -> np.ndarray:
    """Power of a coarse map of white noise."""
    cells = np.random.default_rng(0).exponential(size=(shape[0], SCALE[0], shape[1], SCALE[1]))
    return cells.mean(axis=(1, 3))


def test_noise_supports_no_speed():
    _, low, grid, right = machine()
    assert not track_speed(noise(low.power[0].shape), grid, SCALE, right).any()


def test_a_speed_is_extended_no_further_than_the_lines():
    _, low, grid, right = machine()
    half = low.power.shape[-1] // 2
    power = low.power[0].astype(np.float64)
    power[:, half:] = power[:, :half].mean() * noise(power[:, half:].shape)
    start = np.where(np.arange(len(right)) < 100, right, 0.0)
    found = track_speed(power, grid, SCALE, start)
    window = round(grid.n_fft / grid.hop_length)
    assert (found[: 4 * half - 2 * window] > 0).mean() > 0.9
    # a window extends past the last line, and coarse columns past the window
    assert not found[4 * half + window + SCALE[1] :].any()


def test_few_lines_support_no_speed():
    _, low, grid, right = machine(orders=ORDERS[:2])
    assert not track_speed(low.power[0], grid, SCALE, right).any()


@pytest.mark.parametrize(("factor", "late"), [(1.003, 0.0), (0.995, 0.0), (1.0, 0.03)])
def test_a_measured_speed_with_a_small_error_or_delay_is_corrected(factor, late):
    _, low, grid, right = machine()
    at = np.arange(len(right))
    wrong = factor * np.interp(at - late / grid.dt, at, right)
    found, _ = correct_speed(low.power[0], grid, SCALE, wrong)
    assert error(found, right) < 0.3 * error(wrong, right)


@pytest.mark.parametrize("whine", [(), (Order(46.37, 3.0, modulation=0.5),)])
def test_a_correct_speed_is_kept_also_with_whine_at_a_non_half_order(whine):
    _, low, grid, right = machine(orders=ORDERS + whine)
    np.testing.assert_array_equal(correct_speed(low.power[0], grid, SCALE, right)[0], right)


def test_nothing_is_changed_without_sound_or_speed():
    _, low, grid, right = machine()
    none, silent = np.zeros_like(right), np.zeros_like(low.power[0])
    for power, speed in ((low.power[0], none), (silent, right), (silent, none)):
        np.testing.assert_array_equal(correct_speed(power, grid, SCALE, speed)[0], speed)
        assert not track_speed(power, grid, SCALE, speed).any()


def test_upscaling_finds_the_speed_and_has_smaller_errors_on_lines(caplog):
    made, low, grid, _ = machine()
    truth = levels.to_db(made.expected_power(grid)[:-1])
    rows = np.outer([k.order for k in ORDERS[2:8]], column_rotation_hz(low.rpm, grid)) / grid.df
    rows, columns = np.round(rows).astype(int)[:, 20:-20], np.arange(truth.shape[1])[20:-20]

    def error(**options: object) -> float:
        high = specsr.upscale(low.replace(rpm=None), scale=4, **options)
        db = levels.to_db(high.image()[0].astype(np.float64) ** 2)
        return float(np.sqrt(np.mean(np.square((db - truth)[rows, columns]))))

    with caplog.at_level("INFO", "specsr"):
        with_search = error()
    assert "harmonic lines" in caplog.text
    assert with_search < 0.8 * error(speed=SpeedOptions(find=False))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_long_map_is_searched_in_stretches_of_whole_cells(scale, caplog):
    made = synthesise(RunUp(rate=8192.0, duration=20.0, rpm=(1500.0, 3600.0), orders=ORDERS))
    low = pool(SpectrogramTransform(1020 if scale == 3 else 1024, 128)(made.signal), scale, scale)
    assert low.grid.refined(scale, scale).frames > 1024
    grid = low.grid.refined(scale, scale)
    right = column_rotation_hz(low.rpm, grid)
    with caplog.at_level("INFO", "specsr"):
        high = specsr.upscale(low.replace(rpm=None), scale=scale)
    assert "in 100 % of the map" in caplog.text
    rows = np.round(np.outer([14, 20, 26], right) / grid.df).astype(int)
    db = levels.to_db(np.square(high.image()[0].astype(np.float64)))
    truth = levels.to_db(made.expected_power(grid))
    columns = np.arange(20, db.shape[1] - 20)
    error = (db - truth[: len(db)])[rows[:, columns], columns]
    assert np.sqrt(np.mean(error**2)) < 2


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 16, 20])
def test_short_maps_are_upscaled_with_and_without_speed(columns):
    _, low, _, _ = machine()
    samples = low.rpm[: columns * low.grid.cell[1] * low.grid.hop_length]
    short = pool(TRANSFORM(Signal(np.ones((1, samples.size)), 8192.0, "Pa", rpm=samples)), *SCALE)
    for given in (short, short.replace(rpm=None)):
        high = specsr.upscale(given, scale=4)
        assert np.isfinite(high.magnitude).all()


def test_channels_of_one_machine_share_its_speed_at_any_level():
    made, low, _, _ = machine()
    quiet = made.signal.samples[0] * 1e-6
    noise = np.random.default_rng(1).standard_normal(quiet.size).astype(np.float32)
    signal = Signal(np.stack([noise, quiet]), made.signal.rate, "Pa")
    pair = pool(TRANSFORM(signal), *SCALE)
    high = specsr.upscale(pair, scale=4)
    alone = specsr.upscale(low.replace(rpm=None), scale=4)
    away = levels.to_db(high.image()[1] ** 2) + 120 - levels.to_db(alone.image()[0] ** 2)
    assert np.sqrt(np.mean(away**2)) < 0.8


def test_the_search_does_not_change_a_map_without_lines():
    noise = np.random.default_rng(2).standard_normal((1, 16384)).astype(np.float32)
    low = pool(TRANSFORM(Signal(noise, 8192.0, "Pa")), *SCALE)
    found, plain = (specsr.upscale(low, scale=4, speed=SpeedOptions(x)) for x in (True, False))
    np.testing.assert_array_equal(found.magnitude, plain.magnitude)
