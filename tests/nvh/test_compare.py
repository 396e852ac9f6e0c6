"""Comparison of runs whose differences are known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.extras import installed
from specsr.nvh.compare import compare_runs, mean_level, scatter
from specsr.nvh.weighting import weighting_power
from specsr.signal import Signal
from support.command import run

RATE = 6400.0


def run_up(gain: float = 1.0, low: float = 900, high: float = 3900, seconds: float = 6.0,
           order_gain: float = 1.0, noise: float = 0.0) -> Signal:  # fmt: skip
    t = np.arange(round(seconds * RATE)) / RATE
    slope = (high - low) / seconds
    turns = (low * t + slope * t**2 / 2) / 60
    x = order_gain * np.sin(2 * np.pi * 2 * turns) + 0.5 * np.sin(2 * np.pi * 4 * turns)
    x += noise * np.random.default_rng(0).standard_normal(t.size)
    return Signal(np.stack([gain * x, 2 * gain * x]), RATE, "Pa", channels=("a", "b"),
                  rpm=low + slope * t)  # fmt: skip


def test_a_gain_is_the_difference_at_every_speed_whatever_the_sweep() -> None:
    runs = {"base": run_up(), "louder": run_up(gain=2.0, low=1200, high=3600, seconds=9.0),
            "order 2 doubled": run_up(order_gain=2.0)}  # fmt: skip
    found = compare_runs(runs, (2, 4), rpm_step=50.0)
    assert [one.channel for one in found] == ["a", "b"]
    one = found[0]
    assert (
        one.rpm[0] == 1200 and one.rpm[-1] == 3600 and one.quantities[1:] == ("order 2", "order 4")
    )
    apart = one.difference(one.levels)
    inner = slice(6, -6)  # the windows at the edges of a run are not in it
    assert np.abs(apart[1][:, inner] - 6.0206).max() < 0.1
    assert np.abs(apart[2][1, inner] - 6.0206).max() < 0.1
    assert np.abs(apart[2][2, inner]).max() < 0.1
    assert np.abs(one.levels[0, 1, inner] - 20 * np.log10(np.sqrt(0.5) / 20e-6)).max() < 0.1
    assert np.abs(found[1].levels - one.levels - 6.0206)[:, :, inner].max() < 1e-3


def test_mean_and_scatter_are_those_of_power_and_of_levels() -> None:
    levels = np.array([[60.0], [66.0], [63.0]])
    assert mean_level(levels) == pytest.approx([10 * np.log10((1e6 + 10**6.6 + 10**6.3) / 3)])
    assert scatter(levels) == pytest.approx([3.0])
    assert np.isnan(scatter(levels[:1])).all()
    # runs without a level do not count
    more = np.vstack([levels, [[-np.inf]], [[np.nan]]])
    assert mean_level(more) == pytest.approx(mean_level(levels))
    assert scatter(more) == pytest.approx([3.0])
    none = np.full((3, 1), -np.inf)
    assert np.isnan(mean_level(none)).all() and np.isnan(scatter(none)).all()


@pytest.mark.parametrize(
    ("runs", "options", "words"),
    [
        ({"x": run_up(), "y": run_up()}, {"reference": "z"}, "reference is 'z'"),
        ({"x": run_up().replace(rpm=None), "y": run_up()}, {}, "x: has no speed"),
        ({"x": run_up(low=900, high=1500), "y": run_up(low=2000, high=3000)}, {}, "in common"),
        ({"x": run_up(), "y": run_up().replace(unit="m/s2")}, {}, "no channel of one name"),
        ({"x": run_up(), "y": run_up()}, {"rpm_step": 9000.0}, "rpm_step is 9000"),
        ({"x": run_up(), "y": run_up()}, {"rpm_step": 1e-5}, "step of speed is 1e-05 1/min"),
        ({"x": run_up(), "y": run_up()}, {"orders": (2.0, np.nan)}, "order is nan"),
        ({"x": run_up(), "y": run_up()}, {"orders": (1e-9,)}, "order is 1e-09: .* from 0.1"),
        ({"x": run_up(), "y": run_up()}, {"orders": (-2.0,)}, "order is -2: .* above zero"),
    ],
)
def test_runs_that_cannot_be_compared_are_named(runs, options, words) -> None:
    with pytest.raises(SpecsrError, match=words):
        compare_runs(runs, **{"orders": (2,), **options})


def test_a_folder_is_compared_in_table_and_figure(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    for name, gain in (("before", 1.0), ("after", 0.5), ("later", 0.5)):
        specsr.write(folder / f"{name}.wav", run_up(gain=gain / 10))
    table, figure = tmp_path / "c.csv", tmp_path / "c.png"
    code, text, err = run(capsys, "compare", folder, "--reference", "before", "-o", table,
                          "-o", figure, "--weighting", "A")  # fmt: skip
    assert code == 0, err
    assert "-6.02" in text and "mean difference to before" in text
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["quantity"] for row in rows} == {"overall", "order 2", "order 4", "third octave"}
    found = [
        float(row["after difference_db"] or "nan") for row in rows if row["quantity"] == "order 2"
    ]
    assert np.nanmedian(found) == pytest.approx(-6.02, abs=0.01)
    assert figure.stat().st_size > 20000
    code, _, err = run(capsys, "compare", folder / "before.wav", "-o", tmp_path / "x.csv")
    assert code == 1 and "needs two or more" in err


def test_channels_of_one_unit_in_other_prefixes_are_compared_too(tmp_path: Path, capsys) -> None:
    t = np.arange(round(6 * 2000)) / 2000
    rpm = 900 + 400 * t
    wave = np.sin(2 * np.pi * 2 * np.cumsum(rpm / 60) / 2000)
    for name, gain in (("one", 1.0), ("two", 2.0)):
        rows = np.column_stack([t, gain * wave, 1000 * gain * wave, 3 * gain * wave, rpm])
        np.savetxt(tmp_path / f"{name}.csv", rows, "%.6g", ",", comments="",
                   header="time [s],mic [Pa],near [mPa],acc [m/s^2],speed [1/min]")  # fmt: skip
    table = tmp_path / "c.csv"
    code, text, err = run(capsys, "compare", tmp_path / "one.csv", tmp_path / "two.csv",
                          "--cut", "2", "-o", table)  # fmt: skip
    assert code == 0, err
    assert text.count("+6.02") == 6
    with open(table, encoding="utf-8", newline="") as file:
        rows_read = list(csv.DictReader(file))
    assert {(row["channel"], row["unit"]) for row in rows_read} == {
        ("mic", "Pa"), ("near", "Pa"), ("acc", "m/s2"),
    }  # fmt: skip
    assert {row["reference"] for row in rows_read} == {"one"}


def short_run(gain: float = 1.0) -> Signal:
    return run_up(gain=gain, seconds=2.0, noise=0.01)


def test_a_silent_run_is_named_and_has_empty_cells(tmp_path: Path, capsys) -> None:
    for name, gain in (("one", 0.1), ("two", 0.05), ("mute", 0.0)):
        specsr.write(tmp_path / f"{name}.wav", short_run(gain))
    table, page = tmp_path / "c.csv", tmp_path / "c.html"
    files = [tmp_path / f"{name}.wav" for name in ("mute", "one", "two")]
    reports = ["-o", page] if installed("bokeh") else []
    code, text, err = run(capsys, "compare", *files, "--cut", "2", "--reference", "one", "-o",
                          table, *reports)  # fmt: skip
    assert code == 0, err
    assert "a: silent at some speeds or in some third octaves" in err and "mute" in err
    assert "nan" not in text and "inf" not in text and "choose another" not in err
    rows = list(csv.DictReader(table.open(encoding="utf-8", newline="")))
    for row in rows:
        assert row["mute level_db"] == row["mute difference_db"] == ""
        assert not {"nan", "inf", "-inf"} & set(row.values())
        if row["one level_db"]:
            one, two = (float(row[f"{name} level_db"]) for name in ("one", "two"))
            assert float(row["scatter_db"]) == pytest.approx(abs(one - two) / np.sqrt(2), abs=1e-3)
    found = compare_runs({"one": short_run(), "mute": short_run(0.0)}, (2,))[0]
    assert found.silent() == ("mute",)
    code, _, err = run(capsys, "compare", *files[:2], "--cut", "2")
    assert code == 0 and "a: the reference mute is silent" in err and "--reference" in err
    code, _, err = run(capsys, "compare", *files, "-o", tmp_path / "c.txt")
    assert code == 1 and ".html for the report" in err


def test_a_steady_level_looks_steady() -> None:
    from specsr.plots.runs import plot_runs

    found = compare_runs({"one": short_run(), "two": short_run()}, ())
    for ax in plot_runs(found).axes:
        assert np.ptp(ax.get_ylim()) >= 3.0 - 1e-9


def test_a_unit_that_cannot_be_compared_does_not_stop_the_others(tmp_path: Path, capsys) -> None:
    t = np.arange(2 * 2000) / 2000
    rpm = 900 + 900 * t
    wave = np.sin(2 * np.pi * 2 * np.cumsum(rpm / 60) / 2000)
    for name in ("one", "two"):
        rows = np.column_stack([t, wave, 3 * wave, rpm])
        head = f"time [s],mic [Pa],acc {name} [m/s^2],speed [1/min]"
        np.savetxt(tmp_path / f"{name}.csv", rows, "%.6g", ",", comments="", header=head)
    files = [tmp_path / "one.csv", tmp_path / "two.csv"]
    code, text, err = run(capsys, "compare", *files, "--cut", "2")
    assert code == 0 and text.count("mean difference") == 1, err
    assert "channels in m/s2: no channel of one name and unit in two of the runs" in err
    assert "not compared" in err


def test_the_weighting_is_that_of_all_levels() -> None:
    runs = {"one": short_run(), "two": short_run(0.5)}
    plain, heard = (compare_runs(runs, (2,), weighting=w)[0] for w in "ZA")
    inner = (plain.rpm > 2400) & (plain.rpm < 3600)  # windows of 10 revolutions are short there
    freqs = 2 * plain.rpm[inner] / 60
    gain = 10 * np.log10(weighting_power(freqs, "A"))
    assert heard.levels[0, 1, inner] - plain.levels[0, 1, inner] == pytest.approx(gain, abs=0.3)
    assert (heard.levels[0, 1, inner] < heard.levels[0, 0, inner] + 0.5).all()
