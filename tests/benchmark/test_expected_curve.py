"""Extrapolation of `benchmarks/expected_curve_fit.py`, and the trainings it is fitted to."""

import math
from dataclasses import replace

import numpy as np
import pytest

from specsr.train.examples import recipes
from support.benchmark_scripts import script


@pytest.fixture(scope="module")
def curve():
    with script("expected_curve_fit") as module:
        yield module


def law(steps):
    return 5.0 * np.asarray(steps, dtype=float) ** -0.2


def test_a_power_law_is_found_and_reaches_an_error_where_it_should(curve):
    steps = [250, 1000, 1000, 4000]
    found = curve.fit(steps, law(steps))
    assert found.slope == pytest.approx(-0.2)
    np.testing.assert_allclose(found.at(np.array([62500.0])), law([62500]))
    reached, factor = found.steps_to(0.5)
    assert (reached, factor) == pytest.approx((10.0**5, 1.0), rel=1e-6)


def test_steps_lie_within_their_range_two_times_of_three(curve):
    rng = np.random.default_rng(0)
    steps = np.repeat(np.geomspace(100, 10000, 10), 3)
    inside = []
    for _ in range(400):
        found = curve.fit(steps, law(steps) * np.exp(0.05 * rng.standard_normal(len(steps))))
        reached, factor = found.steps_to(0.5)
        inside.append(abs(math.log(reached / 10**5)) < math.log(factor))
    assert np.mean(inside) == pytest.approx(0.683, abs=0.08)


def test_an_error_that_does_not_fall_never_reaches_the_aim(curve):
    assert curve.fit([10, 100, 1000], [1.0, 1.1, 1.0]).steps_to(0.5)[0] == math.inf
    assert curve.short(math.inf) == "never"
    assert curve.short(123456.0) == "120000"


def test_rows_name_an_aim_that_is_reached_and_the_hours_to_another(curve):
    series = [(steps, dict.fromkeys(curve.AIMS, float(law(steps)))) for steps in (250, 1000, 4000)]
    last = {"now": (10**5, {**dict.fromkeys(curve.AIMS, 0.6), "all": 0.4})}
    rows = curve.extrapolated(series, last, 0.36)
    assert [row["fit"] for row in rows[:2]] == ["short", "now"]
    assert rows[1]["steps to the aim"] == "reached"
    single = next(row for row in rows if row["cells"] == "single" and row["fit"] == "short")
    assert single["steps to the aim"].startswith("100000 (")
    assert single["hours of this core"] == "10"
    # two trainings have no error of a fit
    assert "(" not in rows[5]["steps to the aim"]


def test_the_figure_shows_every_training(curve, tmp_path):
    series = [(steps, dict.fromkeys(curve.AIMS, float(law(steps)))) for steps in (250, 1000)]
    trainings = [("8 x 48", 1.0, *run) for run in series] + [("8 x 24", 0.25, *series[0])]
    last = {"now": (62500, dict.fromkeys(curve.AIMS, 0.6))}
    curve.draw(trainings, series, last, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_part_of_the_data_is_part_of_all_of_it():
    with script("expected_curve") as benchmark:
        point = benchmark.Point(10)
        every, some = (
            recipes(benchmark.config_of(replace(point, part=part))) for part in (1, 1 / 4)
        )
    assert set(some) < set(every)
    assert (len(every), len(some)) == (100, 26)
    assert not any(recipe.file for recipe in every)
