"""Tests of the comparison in `benchmarks/machines.py`: classes of cells and lost scores."""

import numpy as np
import pytest

from specsr.maps.pooling import pool_power
from support.benchmark_scripts import script


@pytest.fixture(scope="module")
def machines():
    with script("machines") as module:
        yield module


@pytest.fixture(scope="module")
def tables():
    with script("machine_tables") as module:
        yield module


def group(tables, **values):
    """Scores of several machines; all others nan."""
    names = {"single": "single, dB", "found": "found, %", "bias": "floors beside clicks, bias dB"}
    count = len(next(iter(values.values())))
    made = [dict.fromkeys(tables.SCORES, np.nan) for _ in range(count)]
    for name, numbers in values.items():
        for scores, number in zip(made, numbers):
            scores[names[name]] = number
    return made


def test_worse_needs_a_difference_beyond_scatter_and_tolerance(tables):
    ours = group(tables, single=[2.0, 3.0, 4.0])
    assert tables.worse(ours, group(tables, single=[1.8, 2.8, 3.8]), "single, dB")
    assert not tables.worse(ours, group(tables, single=[2.2, 3.2, 4.2]), "single, dB")
    assert not tables.worse(ours, group(tables, single=[1.98, 2.98, 3.98]), "single, dB")
    assert not tables.worse(ours, group(tables, single=[3.0, 2.0, 3.8]), "single, dB")


def test_worse_knows_the_direction_of_a_score(tables):
    low, high = group(tables, found=[50.0, 60.0]), group(tables, found=[55.0, 66.0])
    assert tables.worse(low, high, "found, %") and not tables.worse(high, low, "found, %")
    large, small = group(tables, bias=[-2.0, 2.0]), group(tables, bias=[1.0, -1.0])
    assert tables.worse(large, small, "floors beside clicks, bias dB")


def test_scores_that_no_machine_has_are_no_loss(tables):
    ours = group(tables, single=[2.0, 3.0])
    assert not tables.worse(ours, ours, "found, %")


def test_the_truth_itself_loses_nothing(machines):
    one = machines.case("clicks", 100800, 4)
    scores = machines.scores(one.truth, one)
    for name in ("all, dB", "single, dB", "clicks, dB", "level of clicks, dB"):
        assert scores[name] == pytest.approx(0, abs=1e-5)
    assert scores["found, %"] == 100 and scores["invented, %"] == 0


def test_classes_of_cells_around_clicks(machines):
    one = machines.case("clicks", 100800, 4)
    clicks, beside, lines = (one.masks[name] for name in ("clicks", "beside", "lines"))
    assert clicks.any() and beside.any() and lines.any()
    assert not (clicks & beside).any() and not (clicks & lines).any()
    at = np.round(np.array(one.machine.impacts) * one.machine.rate / 256).astype(int)
    away = np.abs(np.arange(clicks.shape[1])[:, None] - at).min(axis=1)
    assert away[clicks.any(axis=0)].max() <= 5
    assert away[beside.any(axis=0)].min() >= 5 and away[beside.any(axis=0)].max() <= 5 + 24


def test_a_raised_floor_beside_clicks_is_a_bias(machines):
    one = machines.case("clicks", 100800, 4)
    raised = one.truth + 3.0 * one.masks["beside"]
    found = machines.scores(raised, one)
    assert found["floors beside clicks, bias dB"] == pytest.approx(3.0, abs=1e-4)
    assert found["level of clicks, dB"] == pytest.approx(0.0, abs=1e-5)


def test_back_projection_reproduces_the_coarse_map(machines):
    one = machines.case("squeal", 101000, 4)
    db, uncertainty = machines.estimate("bicubic back", one, None)
    assert uncertainty is None and db.shape == one.truth.shape
    again = pool_power(10 ** (db / 10.0), 4, 4)
    np.testing.assert_allclose(again, one.low.power[0], rtol=1e-5)
