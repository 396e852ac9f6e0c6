"""specsr levels --over, --quantity; orders --weighting, --quantity."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import specsr
from support.command import run

RATE = 8192.0


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    t = np.arange(round(4 * RATE)) / RATE
    rpm = 1200 + 600 * t
    sweep = np.cos(4 * np.pi * np.cumsum(rpm / 60) / RATE)
    path = tmp_path / "run.wav"
    specsr.write(path, specsr.Signal(np.stack([sweep, 0.1 * sweep]), RATE, "m/s2", rpm=rpm))
    return path


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_levels_and_orders_over_speed_in_one_table_and_figure(tmp_path, recording, capsys) -> None:
    out, figure = tmp_path / "levels.csv", tmp_path / "levels.png"
    code, shown, err = run(
        capsys, "levels", recording, "--over", "rpm", "--cut", "2", "--time-weighting", "rms",
        "--quantity", "velocity", "--highpass", 5, "--scale", "linear", "-o", out, "-o", figure,
    )  # fmt: skip
    assert code == 0, err
    assert "velocity by integration, high-pass 5 Hz (-3 dB)" in err
    assert "level Z, rms" in shown and "order 2" in shown
    rows = table(out)
    assert list(rows[0]) == ["channel", "rpm", "level_mm/s", "order_2_mm/s"]
    assert {row["channel"] for row in rows} == {"ch1", "ch2"} and figure.stat().st_size > 10000
    for row in rows:
        rpm = float(row["rpm"])
        if row["channel"] == "ch1" and 1600 < rpm < 3200 and row["order_2_mm/s"]:
            expected = 1000 / np.sqrt(2) / (2 * np.pi * 2 * rpm / 60)
            assert float(row["order_2_mm/s"]) == pytest.approx(expected, rel=0.02)
            assert float(row["level_mm/s"]) == pytest.approx(expected, rel=0.05)


def test_levels_over_time_have_the_speed_beside(tmp_path, recording, capsys) -> None:
    out = tmp_path / "levels.csv"
    code, _, err = run(capsys, "levels", recording, "--over", "time", "--step", 0.5, "-o", out)
    assert code == 0, err
    rows = table(out)
    assert list(rows[0]) == ["channel", "time_s", "rpm", "level_db"]
    assert [float(row["time_s"]) for row in rows[:3]] == [0.5, 1.0, 1.5] and len(rows) == 16


def test_the_quantity_changes_levels_and_order_cuts(tmp_path, recording, capsys) -> None:
    code, shown, err = run(capsys, "levels", recording, "--quantity", "displacement")
    assert code == 0 and "dB re 1e-12 m" in shown, err
    out = tmp_path / "cuts.csv"
    code, shown, err = run(
        capsys, "orders", recording, "--cut", "2", "--quantity", "velocity", "-o", out
    )
    assert code == 0 and "dB re 1e-9 m/s" in shown, err
    row = next(row for row in table(out) if row["level_db"] and float(row["rpm"]) > 2000)
    speed = 1 / np.sqrt(2) / (2 * np.pi * float(row["freq_hz"]))
    assert float(row["level_db"]) == pytest.approx(20 * np.log10(speed / 1e-9), abs=0.1)


def printed(shown: str) -> dict[str, list[str]]:
    """Cells of the printed table by the quantity, of the first channel, without its name."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    return {row[0]: row[2:] for row in reversed(rows)}


def test_the_terminal_has_the_unit_and_no_edge_of_an_integration(tmp_path, capsys) -> None:
    t = np.arange(round(6 * RATE)) / RATE
    path = tmp_path / "vib.wav"
    # 50 Hz of 1 m/s² rms: 3.183 mm/s; the edges of 10 Hz that stops abruptly are higher
    x = np.sqrt(2) * (np.cos(2 * np.pi * 50 * t) + np.cos(2 * np.pi * 10 * t))
    specsr.write(path, specsr.Signal(x, RATE, "m/s2"))
    code, shown, err = run(
        capsys, "levels", path, "--over", "time", "--time-weighting", "rms", "--quantity",
        "velocity", "--step", 0.1, "--scale", "linear",
    )  # fmt: skip
    assert code == 0 and "inaccurate in the first and last 1 s" in err, err
    cells = printed(shown)
    assert cells["quantity"][0] == "mean, mm/s"
    mean, highest, at = map(float, cells["level Z, rms"])
    expected = 1e3 / (2 * np.pi) * np.hypot(1 / 50, 1 / 10)
    assert mean == pytest.approx(expected, rel=0.01)
    assert highest == pytest.approx(expected, rel=0.01) and 1 <= at <= 5


def test_orders_are_named_with_their_weighting(tmp_path, recording, capsys) -> None:
    code, shown, err = run(
        capsys, "levels", recording, "--unit", "Pa", "--over", "rpm", "--cut", "2",
        "--weighting", "A",
    )  # fmt: skip
    assert code == 0 and "order 2, A" in printed(shown), err


def test_a_steady_level_is_drawn_as_one() -> None:
    from specsr.plots.level_curves import plot_level_curve

    tone = specsr.Signal(np.cos(2 * np.pi * 500 * np.arange(8192) / RATE), RATE, "Pa")
    curve = specsr.level_curve(tone, specsr.CurveOptions(hold=True))
    for scale, shortest in (("db", 2.99), ("linear", 0.05)):
        axis = plot_level_curve(curve, scale).axes[0]
        low, high = axis.get_ylim()
        assert high - low > shortest
        assert not axis.yaxis.get_major_formatter().get_useOffset()


def test_orders_of_a_sound_are_weighted(tmp_path, recording, capsys) -> None:
    levels = []
    for weighting in ("Z", "A"):
        out = tmp_path / f"{weighting}.csv"
        code, _, err = run(
            capsys, "orders", recording, "--unit", "Pa", "--cut", "2", "--weighting", weighting,
            "-o", out,
        )  # fmt: skip
        assert code == 0, err
        rows = [row for row in table(out) if row["channel"] == "ch1" and row["level_db"]]
        levels.append(np.array([float(row["level_db"]) for row in rows]))
    freqs = np.array([float(row["freq_hz"]) for row in rows])
    from specsr.nvh.weighting import weighting_power

    expected = 10 * np.log10(weighting_power(freqs, "A"))
    # the gain changes over a window of 10 revolutions by up to 1 dB and is a mean there
    assert levels[1] - levels[0] == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["levels", "--hold"], "--hold: needs --over"),
        (["levels", "--cut", "2", "--scale", "db"], "--cut, --scale: needs --over"),
        (["levels", "--over", "time", "--bandwidth", 1], "--bandwidth is that of orders"),
        (["levels", "--over", "time", "--dc"], "--dc: not with --over"),
        (["levels", "--over", "time", "--weighting", "A"], "run.wav: A weighting is for sound"),
        (["levels", "--highpass", 5], "--highpass needs --quantity"),
        (["levels", "--unit", "Pa", "--quantity", "velocity"], "run.wav: the samples are in Pa"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_named(recording, capsys, options, words) -> None:
    command, *rest = options
    code, _, err = run(capsys, command, recording, *rest)
    assert code == 1 and words in err and err.count("\n") <= 1


def test_a_map_or_a_recording_without_speed_is_named(tmp_path, recording, capsys) -> None:
    still = tmp_path / "still.wav"
    specsr.write(still, specsr.Signal(np.ones(8192), RATE, "Pa"))
    code, _, err = run(capsys, "levels", still, "--over", "rpm")
    assert code == 1 and "still.wav: has no speed" in err and "--rpm auto" in err
    for command in (["average"], ["orders", "--cut", "2"]):
        code, _, err = run(capsys, *command, still, "-o", tmp_path / "table.csv")
        assert code == 1 and "has no speed" in err and "--rpm auto" in err
    stored = tmp_path / "map.npz"
    specsr.write_map(stored, specsr.spectrogram(specsr.read(recording), df=20.0))
    for options in (["--over", "time"], ["--quantity", "velocity"]):
        code, _, err = run(capsys, "levels", stored, *options)
        assert code == 1 and "map.npz: is a map" in err
