"""Tests of `benchmarks/map_bounds.py`: its oracles see no cell they are judged on, bounds hold."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from scipy.special import digamma

from specsr import Signal, SpecsrError, SpectrogramTransform
from specsr.maps.levels import to_db
from specsr.maps.pooling import noise_variance, pool, pool_power
from specsr.scores.metrics import whittle_deviance
from specsr.synth.draws import random_run_up
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise
from specsr.train.recordings import chosen_files, find_recordings
from support.benchmark_scripts import script

EULER = -digamma(1.0)


@pytest.fixture(scope="module")
def bounds() -> Iterator[ModuleType]:
    with script("map_bounds") as module:
        yield module


@pytest.fixture(scope="module")
def sees(bounds) -> ModuleType:
    return importlib.import_module("map_oracles")


@pytest.fixture(scope="module")
def lines(bounds) -> ModuleType:
    return importlib.import_module("line_bounds")


def exponential(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=(rows, columns))


def test_a_shape_is_the_mean_of_columns_apart_from_its_own(sees) -> None:
    power = exponential(8, 30)
    found = sees.left_out(power, 4, 5, 3)
    for first in range(0, 30, 4):
        last = min(first + 3, 29)
        others = [t for t in range(30) if 3 <= first - t < 8 or 3 <= t - last < 8]
        expected = power[:, others].mean(axis=1) if others else np.zeros(8)
        np.testing.assert_allclose(found[:, first : last + 1], expected[:, None] * np.ones(4)[
            : last - first + 1])  # fmt: skip


@pytest.mark.parametrize("along_orders", [False, True])
def test_an_oracle_does_not_see_the_samples_of_the_cell(sees, along_orders) -> None:
    rng = np.random.default_rng(3)
    samples = rng.standard_normal(20000)
    transform = SpectrogramTransform(256, 64)
    grid = transform(Signal(samples, 8000.0)).grid
    rpm = np.linspace(3000, 6000, samples.size) if along_orders else None
    column = 40  # first of a coarse cell of 4
    inside = slice(column * 64 - 128, (column + 3) * 64 + 128)
    changed = samples.copy()
    changed[inside] += 10 * rng.standard_normal(inside.stop - inside.start)
    one, other = (
        np.square(transform(Signal(x, 8000.0)).image()[0], dtype=np.float64)
        for x in (samples, changed)
    )
    assert np.all(one[:, column : column + 4] != other[:, column : column + 4])
    both = zip(*(sees.shapes(x, grid, 4, rpm) for x in (one, other)), strict=True)
    for here, there in both:
        np.testing.assert_allclose(
            here[:, column : column + 4], there[:, column : column + 4], rtol=1e-9
        )


def test_a_line_that_moves_with_the_speed_keeps_its_place(sees) -> None:
    rotation_hz = np.linspace(1.0, 2.0, 64)
    row = 40 * rotation_hz
    power = 1e-6 + np.exp(-np.square(np.arange(128)[:, None] - row))
    found = sees.tracked(power, 4, 16, 4, rotation_hz)
    assert np.abs(found.argmax(axis=0) - row).max() <= 1
    plain = sees.left_out(power, 4, 16, 4)
    assert np.abs(plain.argmax(axis=0) - row).max() > 4


def test_without_correlation_the_best_prediction_is_the_mean_of_the_cell(sees) -> None:
    """Of n independent exponential powers with a known mean: Euler + digamma(n) - ln n."""
    for scale, n in ((2, 4), (4, 16)):
        speckle = sees.fitted(exponential(512, 800, 1), scale)
        power = exponential(512, 800, 2)
        found = whittle_deviance(power, speckle(pool_power(power, scale, scale), 800))
        floor = EULER + digamma(n) - np.log(n)
        # variance of r - ln r for a known expected power: 1 + pi²/6 - 2 cov(r, ln r) = 0.645
        error = 4 * np.sqrt(0.645 / power.size)
        # a regression of 71 weights a place adds half a weight for each cell that it was fitted to
        assert floor - error < found < floor + error + 71 / (2 * power.size / n) * 4


def test_floor_of_noise_is_below_every_method_and_above_nothing_known(sees) -> None:
    _, found = sees.noise_floor(256, 64, 4)
    floor = found[sees.FLOOR]
    assert floor == min(found.values()) > 0
    # without the coarse powers: Euler's constant; neighbours within a window are correlated
    cells = 400 * 120 / 6
    assert found["known, without the coarse powers"] == pytest.approx(
        EULER, abs=4 * np.sqrt(0.645 / cells)
    )
    # a gamma distribution of the coarse powers takes ln a - digamma(a), a = 1 / v; a sum of
    # correlated exponentials has another third cumulant, of order v², which counts by a third
    grid = pool(SpectrogramTransform(256, 64)(Signal(np.ones(4096), 8000.0)), 4, 4).grid
    v = noise_variance(grid)
    assert found["known, coarse powers in equal parts"] == pytest.approx(
        EULER + digamma(1 / v) + np.log(v), abs=4 * np.sqrt(0.645 / cells) + v**2 / 3
    )


def parts(lines, run: RunUp):
    made = synthesise(run)
    fine = SpectrogramTransform(1024, 256)(made.signal)
    return made, fine, lines.parts_of(run, made, fine.grid)


@pytest.mark.parametrize("seed", [950_001, 950_004])
def test_parts_of_a_run_up_add_up_to_its_expected_power(lines, seed) -> None:
    run = replace(random_run_up(seed), duration=1.5)
    made, fine, found = parts(lines, run)
    whole = np.square(np.abs(found.lines.sum(axis=0) + found.known)) + found.noise
    truth = made.expected_power(fine.grid)[:-1]
    np.testing.assert_allclose(to_db(whole), to_db(truth), atol=0.01)
    assert len(found.orders) == len({tone.order for tone in run.orders})


STEADY = RunUp(
    duration=1.0, rpm=(3000.0, 3000.0), fluctuation=0.0, orders=(Order(20.0, 0.0),),
    exponent=0.0, noise_shape=((20.0, 0.0), (20000.0, 0.0)), line_to_noise=10.0,
)  # fmt: skip


def test_slope_of_a_line_is_that_of_the_window(lines) -> None:
    _, fine, found = parts(lines, STEADY)
    column = fine.grid.frames // 2
    window = fine.grid.window_samples()
    t = np.arange(window.size)

    def power(rows: np.ndarray) -> np.ndarray:
        """Of a tone at 1000 Hz (row 40), seen at so many rows."""
        return np.square(np.abs(np.exp(-2j * np.pi * np.outer(rows - 40, t) / t.size) @ window))

    rows = np.arange(36, 45)
    slope = (power(rows - 0.25) - power(rows + 0.25)) / 0.5 / power(np.array([40]))
    measured = found.slopes[0, rows, column] / np.square(np.abs(found.lines[0, 40, column]))
    np.testing.assert_allclose(measured, slope, atol=1e-4)


def test_a_single_order_leaves_nothing_unknown_to_the_phase_oracle(lines) -> None:
    made, fine, found = parts(lines, STEADY)
    low = pool(fine, 4, 4)
    levels, variance = lines.phase_oracle(found, low.power[0], low.grid, 0)
    truth = to_db(made.expected_power(fine.grid)[:-1])
    np.testing.assert_allclose(levels, truth, atol=0.01)
    assert variance.max() < 1e-6


def test_beats_of_close_orders_are_unknown_to_it(lines) -> None:
    run = replace(STEADY, orders=(Order(20.0, 0.0, 1.0), Order(20.3, 0.0, 2.0)))
    made, fine, found = parts(lines, run)
    low = pool(fine, 4, 4)
    levels, variance = lines.phase_oracle(found, low.power[0], low.grid, 0)
    truth = to_db(made.expected_power(fine.grid)[:-1])
    row = slice(38, 44)
    assert variance[9:11].max() > 0.1
    assert 0.1 < np.sqrt(np.mean(np.square((levels - truth)[row]))) < 6


def test_bound_of_a_level_is_that_of_its_cells(lines) -> None:
    """One line over weak noise: the relative variance of a coarse cell, over their number."""
    made, fine, found = parts(lines, STEADY)
    low = pool(fine, 4, 4)
    none = np.zeros(low.power[0].shape)
    variances = lines.fit_variances(found, low.grid, none, made.rpm, fine.grid)
    count = round(lines.SECONDS / (4 * fine.grid.dt))
    at = 10, 2 * count  # coarse row of the line, first column of a block away from the edges
    coarse = pool_power(found.incoherent, 4, 4)
    noise = pool_power(found.noise, 4, 4)
    spread = lines.relative_variance(coarse, noise, low.grid)[:, at[1] : at[1] + count]
    share = (1 - noise / coarse)[:, at[1] : at[1] + count]
    information = np.square(share / lines.DB) / spread
    expected = 1 / (information.sum() + 1 / lines.LEVEL_PRIOR**2)
    measured = variances["speed known"][40, at[1] * 4 : (at[1] + count) * 4]
    own = (1 - found.noise / found.incoherent)[40, at[1] * 4 : (at[1] + count) * 4]
    np.testing.assert_allclose(measured, expected * np.square(own), rtol=1e-6)
    # what is unknown beside the levels only adds to the bound
    for name in ("one speed", "free lines"):
        assert np.all(variances[name] >= variances["speed known"] * (1 - 1e-9))
        assert variances[name].sum() > 1.5 * variances["speed known"].sum()


def test_missing_results_of_another_benchmark_are_named(bounds) -> None:
    with pytest.raises(SpecsrError, match="no_such.json: no such result: run benchmarks/no_such"):
        bounds.stored("no_such")


def test_smaller_parts_of_the_data_are_smaller_and_hold_no_judged_recording(
    bounds, monkeypatch
) -> None:  # fmt: skip
    curve = importlib.import_module("map_curve")
    common = importlib.import_module("common")
    if not (common.DATA / "audio" / "train").is_dir():
        pytest.skip("the recordings are not beside the project")
    monkeypatch.chdir(common.ROOT)  # the folders of the config are relative to the project
    configs = [curve.config_of(curve.Point(10, part), 0) for part in (1 / 16, 1 / 4, 1.0)]
    few, some, every = (
        set(chosen_files(find_recordings(x.data.real.folders), x.data.real.exclude))
        for x in configs
    )
    assert [x.data.synth.count for x in configs] == [45, 180, 720]
    assert (len(few), len(some)) == (round(len(every) / 16), round(len(every) / 4))
    assert few < every and some < every
    judged = {recording.name for recording in curve.JUDGE}
    assert not judged & {path.stem for path in every}
