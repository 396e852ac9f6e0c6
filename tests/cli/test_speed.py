"""``specsr speed``: outputs, messages, and its table as the speed of other commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import specsr
from specsr import Signal, read_rpm
from specsr.jobs.options import AUTO, Reading, Speed
from specsr.jobs.order_inputs import OrderCutting, opened
from specsr.nvh.tacholess import FoundSpeed
from specsr.nvh.tacholess_notes import cautions
from support.command import run

RATE = 4096.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    rpm = np.linspace(1200, 2400, round(2 * RATE))
    turns = np.cumsum(rpm) / 60 / RATE
    lines = sum(np.sin(2 * np.pi * k * turns + k) for k in (2, 4, 6, 8))
    noise = np.random.default_rng(0).standard_normal(rpm.size)
    path = tmp_path_factory.mktemp("speed") / "run.wav"
    specsr.write(path, Signal(0.05 * (lines + 0.2 * noise), RATE, "Pa"))
    return path, rpm


def test_table_is_the_speed_of_other_commands(recording, tmp_path, capsys):
    path, rpm = recording
    table, figure = tmp_path / "rpm.csv", tmp_path / "speed.png"
    code, out, err = run(
        capsys, "speed", path, "-o", table, "--plot", figure, "--rpm-range", "1000:2800",
        "--orders", "2,4,6,8",
    )  # fmt: skip
    assert code == 0, err
    assert "every 2 orders" in out and "confidence" in err
    assert "rpm, unrefined" in out and "refined: " in err
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert table.read_text().splitlines()[0] == "time_s,rpm,confidence"
    found = read_rpm(table, specsr.read(path))
    assert np.median(np.abs(found / rpm - 1)) < 1e-3
    cuts = tmp_path / "cuts.csv"
    code, _, err = run(capsys, "orders", path, "--rpm", table, "--cut", "2", "-o", cuts)
    assert code == 0, err
    assert cuts.exists()
    # nothing is replaced
    code, _, err = run(capsys, "speed", path, "-o", table)
    assert code == 1 and "rpm.csv" in err


def test_other_commands_find_the_speed_themselves(recording, tmp_path, capsys):
    cuts = tmp_path / "cuts.csv"
    code, _, err = run(capsys, "orders", recording[0], "--rpm", "auto", "--cut", "1", "-o", cuts)
    assert code == 0, err
    assert "every order" in err and "specsr speed" in err
    rpm = np.loadtxt(cuts, delimiter=",", skiprows=1, usecols=3)
    assert rpm.min() > 2300 and rpm.max() < 4900  # the lines at orders 2, 4, 6 count as 1, 2, 3
    spec = tmp_path / "map.npz"
    noise = np.random.default_rng(1).standard_normal(4096)
    specsr.write_map(spec, specsr.spectrogram(Signal(noise, RATE), n_fft=256))
    code, _, err = run(capsys, "orders", spec, "--rpm", "auto")
    assert code == 1 and "--rpm auto finds the speed of recordings" in err


def test_orders_of_a_speed_that_is_found_have_its_confidence(recording):
    path, rpm = recording
    speed = Speed(Path("auto:1000:2800"))
    with opened(path, Reading(), speed) as (signal, shaft):
        pass
    assert shaft is not None and shaft.confidence is not None and signal.rpm is not None
    found = specsr.find_speed(specsr.read(path), specsr.SpeedSearch((1000, 2800)))
    assert np.array_equal(shaft.confidence[0], found.times)
    assert np.array_equal(shaft.confidence[1], found.confidence)
    assert np.array_equal(signal.rpm, found.at(specsr.read(path)))
    assert np.median(np.abs(signal.rpm / rpm - 1)) < 1e-3


def test_factors_that_explain_the_lines_too_are_named_unless_the_orders_are(tmp_path, capsys):
    rpm = np.linspace(1200, 2400, round(1.5 * RATE))
    turns = np.cumsum(rpm) / 60 / RATE
    lines = sum(np.sin(2 * np.pi * k * turns + k) for k in (2, 4))
    path = tmp_path / "two.wav"
    noise = np.random.default_rng(0).standard_normal(rpm.size)
    specsr.write(path, Signal(0.05 * (lines + 0.2 * noise), RATE, "Pa"))
    _, out, err = run(capsys, "speed", path, "--rpm-range", "900:5000")
    assert "factor" in out
    assert "times the speed explains the lines nearly as well: --orders" in err
    code, out, err = run(capsys, "speed", path, "--rpm-range", "900:5000", "--orders", "2,4")
    assert code == 0 and "nearly as well" not in err
    # orders takes those that it cuts, and names the factors too
    cuts = tmp_path / "cuts.csv"
    options = ("--rpm", "auto", "-o", cuts, "--cut")
    code, _, err = run(capsys, "orders", path, *options, "2")
    assert code == 1 or "times the speed explains the lines nearly as well: --orders" in err
    code, _, err = run(capsys, "orders", path, *options, "2,4", "--overwrite")
    assert code == 0 and "with strong ones at 2, 4" in err
    found = np.loadtxt(cuts, delimiter=",", skiprows=1, usecols=3)
    assert found.min() > 1150 and found.max() < 2450


def test_limits_of_a_speed_that_is_found_decide_its_factor(tmp_path, capsys):
    rpm = np.linspace(1200, 2400, round(1.5 * RATE))
    turns = np.cumsum(rpm) / 60 / RATE
    # the strongest order is not cut: at half the speed, the cut ones are stronger
    lines = sum(a * np.sin(2 * np.pi * k * turns + k) for k, a in ((2, 1), (4, 0.5), (8, 0.3)))
    path = tmp_path / "run.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(rpm.size)
    specsr.write(path, Signal(0.05 * (lines + noise), RATE, "Pa"))
    cuts = tmp_path / "cuts.csv"
    options = ("--cut", "4,8", "-o", cuts, "--overwrite", "--rpm")
    code, _, err = run(capsys, "orders", path, *options, "auto")
    assert code == 0 and "limits decide (--rpm auto:800:6000)" in err
    code, _, err = run(capsys, "orders", path, *options, "auto:1100:2600")
    assert code == 0 and "limits decide" not in err, err
    found = np.loadtxt(cuts, delimiter=",", skiprows=1, usecols=3)
    assert found.min() > 1150 and found.max() < 2450
    for wrong, words in (("auto:800", "auto:LOW:HIGH"), ("auto:5000:1000", "the lower one first")):
        code, _, err = run(capsys, "orders", path, *options, wrong)
        assert code == 1 and words in err


def test_the_orders_of_a_cut_are_known_only_to_a_speed_that_is_found() -> None:
    auto, table = Speed(table=AUTO), Speed(table=Path("rpm.csv"))
    assert auto.knowing([2, 4]).orders == (2, 4)
    assert auto.knowing([2]) == auto and table.knowing([2, 4]) == table
    cutting = OrderCutting("1,motor=2,4,pump=3", ("motor: rpm", "pump: rpm*0.5", "fan: 1480"))
    assert cutting.orders_of_recording == (0.5, 1.0, 1.5, 2.0, 4.0)


def test_jumps_and_changes_of_a_found_speed_are_named():
    candidate = SimpleNamespace(spacing=None, track=SimpleNamespace(breaks=(2,)))
    rpm = np.full(3, 1000.0)
    found = FoundSpeed(np.arange(3.0), rpm, np.ones(3), (candidate,), changes=(1.5,))
    jump, change = cautions(found)
    assert "jumps at 2 s" in jump and "changes at 1.5 s" in change
    many = replace(found, changes=tuple(np.arange(8.0)))
    assert "changes at 0, 1, 2, 3, 4 s and 3 more times" in cautions(many)[1]
    partly = replace(found, limits=(1005.0, 3000.0), rpm=np.array([900.0, 1000.0, 2000.0]))
    assert "34 % of the speed is outside of 1005 to 3000 rpm" in cautions(partly)[0]


def test_a_steady_hum_is_named_and_no_speed_unless_orders_are_stated(tmp_path, capsys):
    times = np.arange(2000) / 2000.0
    lines = sum(np.sin(2 * np.pi * 50 * k * times + k) for k in (1, 2, 3, 4))
    path = tmp_path / "hum.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(times.size)
    specsr.write(path, Signal(0.05 * (lines + noise), 2000.0, "Pa"))
    code, _, err = run(capsys, "speed", path, "--rpm-range", "2000:5000")
    assert code == 1 and "lines at multiples of 50 Hz: they may be those of the mains" in err
    code, _, err = run(capsys, "orders", path, "--rpm", "auto:2000:5000", "--cut", "1")
    assert code == 1 and "that follow one speed but those of the mains (50 Hz); give" in err
    code, _, err = run(capsys, "speed", path, "--rpm-range", "2000:5000", "--orders", "1,2,3,4")
    assert code == 0 and "multiples of 50 Hz" in err


def test_low_confidence_of_a_table_is_named(recording, tmp_path, caplog):
    table = tmp_path / "rpm.csv"
    table.write_text("time_s,rpm,confidence\n0,1200,0.9\n1,1800,0.2\n2,2400,0.9\n3,2400,0.9\n")
    rpm = read_rpm(table, specsr.read(recording[0]))
    assert rpm[0] == 1200
    assert "confidence of the speed is below 0.5 at 25 % of its times" in caplog.text


def test_noise_gives_an_error_and_no_table(tmp_path, capsys):
    path, table = tmp_path / "noise.wav", tmp_path / "rpm.csv"
    noise = 0.1 * np.random.default_rng(1).standard_normal(round(RATE))
    specsr.write(path, Signal(noise, RATE, "Pa"))
    code, _, err = run(capsys, "speed", path, "-o", table)
    assert code == 1
    assert "noise.wav: no lines that follow one speed" in err and "--rpm-range" in err
    assert not table.exists()
    code, _, err = run(capsys, "speed", path, "-o", table, "--orders", "1,2", "--start", "1200")
    assert code == 1 and "no lines stand out at the orders of --orders" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rpm-range", "800"], "--rpm-range is '800'"),
        (["--rpm-range", "6000:800"], "the lower one first"),
        (["--orders", "2,x"], "--orders is '2,x'"),
        (["-o", "rpm.wav"], "expected one of .csv"),
        (["--start", "100000"], "within the range"),
    ],
)
def test_wrong_options_give_one_line(recording, capsys, options, message):
    code, _, err = run(capsys, "speed", recording[0], *options)
    assert code == 1
    assert message in err and len(err.strip().splitlines()) == 1


def test_a_map_is_refused(tmp_path, capsys):
    path = tmp_path / "map.npz"
    noise = np.random.default_rng(1).standard_normal(4096)
    specsr.write_map(path, specsr.spectrogram(Signal(noise, RATE), n_fft=256))
    code, _, err = run(capsys, "speed", path)
    assert code == 1 and "is a map" in err and "upscale" in err
