"""Tests of `benchmarks/real_maps.py` on synthetic maps: its scores, their scatter, its lists."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from specsr import Signal, SpecMap, SpectrogramTransform
from specsr.maps.pooling import pool_power
from support.benchmark_scripts import script

RATE = 8000.0


@pytest.fixture(scope="module")
def real_maps() -> Iterator[ModuleType]:
    with script("real_maps") as module:
        yield module


@pytest.fixture(scope="module")
def tables(real_maps) -> ModuleType:
    import map_tables

    return map_tables


@pytest.fixture(scope="module")
def fine() -> SpecMap:
    """Two lines at rows 32 and 80 (orders 2 and 5 of 500 Hz) in noise, and its speed."""
    t = np.arange(round(3 * RATE)) / RATE
    noise = 0.01 * np.random.default_rng(0).standard_normal(t.size)
    samples = noise + np.sin(2 * np.pi * 1000 * t) + 0.5 * np.sin(2 * np.pi * 2500 * t)
    signal = Signal(samples, RATE, "Pa", rpm=np.full(t.size, 30000.0))
    return SpectrogramTransform(256, 64)(signal)


def scores_of(real_maps, reference, power: np.ndarray) -> dict[str, np.ndarray]:
    sums = real_maps.score(reference, power)
    return {name: sys.modules["map_scores"].value(name, sums[name]) for name in real_maps.SCORES}


def power_of(spec: SpecMap) -> np.ndarray:
    return np.square(spec.image()[0], dtype=np.float64)


def test_the_map_itself_has_no_errors(real_maps, fine) -> None:
    reference = real_maps.measured(fine, 3600.0)
    assert reference.power.shape[0] == np.sum(fine.freqs < 3600)
    # two columns at each edge have a window that extends past the recording
    assert reference.power.shape[1] == fine.grid.frames - 4
    assert list(reference.cuts) == [1, 2, 3, 4, 5, 6]
    scores = scores_of(real_maps, reference, power_of(fine))
    assert list(scores) == list(real_maps.SCORES)
    for values in scores.values():
        assert values.shape == (6,)
        np.testing.assert_allclose(values, 0, atol=1e-6)


def test_a_gain_is_an_error_of_every_level_and_of_nothing_else(real_maps, fine) -> None:
    reference = real_maps.measured(fine, 3600.0)
    found = scores_of(real_maps, reference, 10**0.3 * power_of(fine))
    for name in ("level", "peak", "octaves", "orders"):
        np.testing.assert_allclose(found[name], 3, atol=1e-4)
    for name in ("place", "missed", "invented"):
        np.testing.assert_allclose(found[name], 0, atol=1e-9)
    np.testing.assert_allclose(found["deviance"], 10**-0.3 + 0.3 * np.log(10) - 1, rtol=1e-5)


@pytest.mark.parametrize("rows, missed, place", [(1, 0, 1), (2, 100, 2)])
def test_lines_at_another_row_are_missed_and_invented(real_maps, fine, rows, missed, place) -> None:
    reference = real_maps.measured(fine, 3600.0)
    found = scores_of(real_maps, reference, np.roll(power_of(fine), rows, axis=0))
    for name in ("missed", "invented"):
        np.testing.assert_allclose(found[name], missed, atol=15)  # a maximum of the noise counts
    np.testing.assert_allclose(found["place"], place, atol=0.3)


def test_errors_are_those_of_their_block(real_maps, fine) -> None:
    reference = real_maps.measured(fine, 3600.0)
    power = power_of(fine)
    power[:, :2] *= 100  # not scored
    power[:, -power.shape[1] // 6 :] *= 4
    found = scores_of(real_maps, reference, power)
    for name in ("deviance", "level", "octaves", "orders"):
        np.testing.assert_allclose(found[name][:4], 0, atol=1e-6)
        assert found[name][5] > 0.5


def test_the_speed_is_only_scored_where_it_is_known(real_maps, fine) -> None:
    reference = real_maps.measured(fine.replace(rpm=None), 3600.0)
    found = scores_of(real_maps, reference, power_of(fine))
    assert np.isnan(found["orders"]).all()


def counted(values: np.ndarray) -> np.ndarray:
    """Sums and counts of values, nan for none."""
    values = np.asarray(values, dtype=float)
    return np.stack([np.nan_to_num(values), np.isfinite(values)], axis=-1)


def blocks(tables, **methods: np.ndarray) -> dict:
    """Scores of x4: the deviance as given, all others one."""
    made = {}
    for name, deviance in methods.items():
        scores = {score: np.ones((2, 6, 2)) for score in tables.SCORES}
        scores["deviance"] = counted(deviance)
        made[4, {"plain": "bicubic", "back": tables.BICUBICS[1]}.get(name, name)] = scores
    return made


def test_worse_means_beyond_the_scatter_over_the_blocks(tables) -> None:
    rng = np.random.default_rng(1)
    sound = np.broadcast_to(rng.uniform(0.4, 0.6, 6), (2, 6))  # differs, but for all alike
    small = 0.01 * rng.uniform(0.8, 1.2, (2, 6))
    scattered = 0.01 * np.array([[9, -8, 7, -6, 8, -9.0]] * 2)
    both = {"plain": sound, "back": sound + 0.2}

    def verdict(ours: np.ndarray, **bicubics: np.ndarray) -> str:
        made = blocks(tables, ours=ours, **(bicubics or both))
        found = tables.verdicts(made, "ours", 4)
        assert not any(v for name, v in found.items() if name != "deviance")
        return found["deviance"]

    assert verdict(sound) == ""
    assert verdict(sound + small) == "worse"  # 2 %
    assert verdict(sound + 10 * small) == "worse by 5 %"
    assert verdict(sound - small) == "better"
    assert verdict(sound + scattered + small) == ""
    # the better of the two bicubics is the rival, whichever it is
    assert verdict(sound + 10 * small, plain=sound + 0.2, back=sound) == "worse by 5 %"
    # blocks without a value do not count, and fewer than three are not enough
    holes = np.where(np.arange(6) < 2, sound, np.nan)
    assert verdict(holes + 10 * small) == ""


def test_windows_of_a_block_are_not_independent_samples(tables) -> None:
    difference = np.array([1.0, -0.5, 0.8, -0.2, 0.9, 0.6])
    (one, zero), (many, zeros) = (
        (counted(np.tile(difference, (n, 1))), counted(np.zeros((n, 6)))) for n in (1, 20)
    )
    mean, scatter = tables.compared("deviance", one, zero)
    assert tables.compared("deviance", many, zeros) == pytest.approx((mean, scatter))
    # Student's t for 5 degrees of freedom, 99 %
    assert mean == pytest.approx(difference.mean())
    assert scatter == pytest.approx(4.0321 * difference.std(ddof=1) / 6**0.5, rel=1e-4)


def test_sums_of_several_maps_are_added(real_maps) -> None:
    value = sys.modules["map_scores"].value
    sums = np.array([[[8.0, 2], [0, 0]], [[1.0, 1], [0, 0]]])  # lines of two maps, two blocks
    np.testing.assert_allclose(value("level", sums.sum(axis=0)), [3**0.5, np.nan])
    np.testing.assert_allclose(value("missed", sums.sum(axis=0)), [3, np.nan])
    np.testing.assert_allclose(value("invented", sums.sum(axis=0)), [3, 0])


def test_tables_of_a_small_run(real_maps, tables, fine) -> None:
    reference = real_maps.measured(fine, 3600.0)
    methods = [*real_maps.BICUBICS, "network, measured", "network, measured, speed given"]
    values = {}
    for name, power in real_maps.estimates(fine, 4, methods, None).items():
        assert power.shape == power_of(fine).shape
        if name != "bicubic":  # the others reproduce the coarse map
            coarse = pool_power(power_of(fine), 4, 4)
            np.testing.assert_allclose(pool_power(power, 4, 4), coarse, rtol=1e-4)
        values[4, name] = {k: v[None] for k, v in real_maps.score(reference, power).items()}
    assert [name for _, name in values] == methods
    recordings = real_maps.SETS["judge"][:2]
    results = dict.fromkeys(recordings, values)
    rows = tables.summary(results, methods, [4])
    assert [row["method"] for row in rows] == methods
    assert all("worse than bicubic, of 2 recordings" in row for row in rows)
    assert len(tables.by_recording(results, methods, 4)) == 2 * len(methods)
    kinds = tables.by_kind(results, methods, 4)
    assert [row["recordings"] for row in kinds] == [2] * len(methods)
    differences = tables.differences(results, methods, 4)
    assert [row["method"] for row in differences] == [methods[0], *methods[2:]]
    blocks = values[4, "network, measured"]["deviance"], values[4, methods[1]]["deviance"]
    of_network = differences[1]["deviance"]
    difference = (blocks[0] - blocks[1])[..., 0].mean()  # counts are 1
    assert of_network == pytest.approx((difference, 0.0), abs=1e-12)
    counts = tables.by_score(results, methods, [4])
    assert all(row["x4 deviance"].count("/") == 1 for row in counts)


def test_kept_steps_change_no_result(real_maps, fine, tmp_path) -> None:
    from kept_steps import kept_steps

    def result() -> np.ndarray:
        return real_maps.estimates(fine, 4, ["network, measured"], None)["network, measured"]

    plain = result()
    with kept_steps(tmp_path):
        first, again = result(), result()
    kept = sorted(tmp_path.iterdir())
    with kept_steps(tmp_path):
        later = result()
        assert sorted(tmp_path.iterdir()) == kept  # nothing was computed
        fine = fine.replace(magnitude=1.1 * fine.magnitude)
        other = result()
    assert len(kept) >= 2 and len(list(tmp_path.iterdir())) > len(kept)
    for found in (first, again, later):
        np.testing.assert_array_equal(found, plain)
    assert not np.array_equal(other, plain)


def test_constants_are_chosen_on_other_recordings_than_those_they_are_judged_on(real_maps) -> None:
    judge, train = (
        {r.name for r in real_maps.SETS[name]} for name in ("judge", "train")
    )  # fmt: skip
    assert not judge & train and len(judge) == len(real_maps.SETS["judge"])
    for name, some in real_maps.QUICK.items():
        kinds = {r.kind for r in real_maps.SETS[name] if r.name in some}
        assert len(some) == 8 and set(some) <= {r.name for r in real_maps.SETS[name]}
        assert len(kinds) >= 5


def test_the_listed_files_exist_and_end_below_their_bandwidth(real_maps, shared_data) -> None:
    for recording in (*real_maps.SETS["judge"], *real_maps.SETS["train"]):
        assert (shared_data / recording.path).is_file(), recording.path
    named = {r.name: r for r in real_maps.SETS["judge"]}
    run_up, highest = real_maps.piece(named["car_runup_with_rpm"], shared_data, 2.0)
    assert run_up.duration == pytest.approx(2.0) and highest == pytest.approx(6570, abs=100)
    assert run_up.rpm is not None and 2000 < run_up.rpm.min() < run_up.rpm.max() < 4900
    _, highest = real_maps.piece(named["drone_004"], shared_data, 1.0)
    assert highest == 9500
