"""``specsr orders --method vold-kalman``: cuts, waveforms and residual of several shafts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.jobs.options import Reading, Speed
from specsr.jobs.order_inputs import opened
from specsr.nvh.speed import revolutions
from specsr.nvh.weighting import weighting_power
from specsr.signal import Signal
from support.command import run

RATE = 6400.0
N = 6 * 6400
RPM = np.linspace(1200, 3600, N)
RATIO = 0.482
METHOD = ("--method", "vold-kalman")


def tone(order: float, level: float) -> np.ndarray:
    """Return an order of the motor with a constant level in dB re 20 µPa."""
    peak = np.sqrt(2) * 2e-5 * 10 ** (level / 20)
    return peak * np.cos(2 * np.pi * order * revolutions(RPM / 60, RATE) + 0.5)


TONES = {"motor 2": tone(2, 90), "motor 4": tone(4, 80), "pump 3": tone(3 * RATIO, 84)}
NOISE = 2e-3 * np.random.default_rng(0).standard_normal(N)
MIXED = sum(TONES.values()) + NOISE
SHAFTS = ("--shaft", "motor: rpm", "--shaft", f"pump: rpm*{RATIO}")
CUT = ("--cut", "motor=2,motor=4,pump=3")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "run.wav"
    signal = Signal(MIXED.astype(np.float32), RATE, "Pa", full_scale=10.0, rpm=RPM, start=2.0)
    specsr.write(path, signal)
    return path


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_cuts_waveforms_and_residual_of_two_shafts(tmp_path, recording, capsys) -> None:
    cuts, both, rest = (tmp_path / name for name in ("cuts.csv", "orders.wav", "rest.wav"))
    code, out, err = run(
        capsys, "orders", recording, *METHOD, *CUT, *SHAFTS, "--bandwidth", 4, "-o", cuts,
        "-o", both, "-o", tmp_path / "each-{order}.wav", "--residual", rest,
        "-o", tmp_path / "cuts.png",
    )  # fmt: skip
    assert code == 0, err
    assert "motor 2" in out and "4 Hz wide" in out and "note:" not in err
    rows = table(cuts)
    truth = {("2", "motor"): 90, ("4", "motor"): 80, ("3", "pump"): 84}
    assert {(row["order"], row["shaft"]) for row in rows} == set(truth)
    for row in rows:
        assert float(row["level_db"]) == pytest.approx(truth[row["order"], row["shaft"]], abs=0.2)
    inner = [row for row in rows if 2.5 < float(row["time_s"]) < 7.5]
    phases = np.array([float(row["phase_deg"]) for row in inner])
    assert np.abs(phases - np.degrees(0.5)).max() < 2
    for name, part in TONES.items():
        found = specsr.read(tmp_path / f"each-{name.replace(' ', '-')}.wav")
        assert np.corrcoef(found.samples[0], part)[0, 1] > 0.99
        assert (found.unit, found.full_scale, found.start) == ("Pa", 10.0, 2.0)
    left, kept = specsr.read(rest), specsr.read(both)
    assert np.abs(left.samples + kept.samples - MIXED).max() < 1e-6
    assert 20 * np.log10(np.std(left.samples - NOISE) / np.std(MIXED)) < -20
    stored = json.loads((tmp_path / "rest.wav.json").read_text())
    assert stored["origin"]["options"]["bandwidth"] == 4
    assert (tmp_path / "cuts.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = run(capsys, "orders", recording, *METHOD, *CUT, *SHAFTS, "--residual", rest)
    assert code == 1 and "exists" in err
    taken = tmp_path / "each-{order}.wav"
    code, _, err = run(capsys, "orders", recording, *METHOD, *CUT, *SHAFTS, "-o", taken)
    assert code == 1 and "each-motor-2.wav" in err and "exists" in err


def test_every_source_of_the_speed_gives_the_same_cuts(tmp_path, recording, capsys) -> None:
    plain, channels = tmp_path / "plain.wav", tmp_path / "channels.wav"
    specsr.write(plain, Signal(MIXED, RATE, "Pa", start=2.0))
    both = Signal(np.stack([MIXED, RPM / 1000]), RATE, "1", ("mic", "speed"), 2.0)
    specsr.write(channels, both)
    speeds = tmp_path / "rpm.csv"
    speeds.write_text("time,rpm\n2,1200\n8,3600\n")
    one = tmp_path / "one.npz"
    specsr.write(one, Signal(MIXED, RATE, "Pa", rpm=RPM, start=2.0))
    found = {}
    for name, path, options in (
        ("sidecar", recording, ()),
        ("table", plain, ("--rpm", speeds)),
        ("channel", channels, ("--rpm-channel", "speed", "--rpm-scale", 1000, "--unit", "Pa")),
        ("whole", one, ()),
        ("shaft", plain, ("--shaft", f"m: {speeds}")),
    ):
        cuts = tmp_path / f"{name}.csv"
        rest = tmp_path / f"rest-{name}.wav"
        code, _, err = run(
            capsys, "orders", path, *METHOD, *options, "--cut", "2,4", "-o", cuts,
            "--residual", rest,
        )  # fmt: skip
        assert code == 0, err
        if name != "shaft":  # the speed of a shaft is not that of the recording
            assert specsr.read(rest).rpm == pytest.approx(RPM, rel=1e-3)
        found[name] = np.array([float(row["level_db"]) for row in table(cuts)])
    for name, levels in found.items():
        assert levels == pytest.approx(found["sidecar"], abs=0.02), name


def test_tables_and_sidecars_are_streamed(tmp_path, recording) -> None:
    speeds = tmp_path / "rpm.csv"
    speeds.write_text("time,rpm\n2,1200\n8,3600\n")
    for speed in (Speed(), Speed(table=speeds)):
        with opened(recording, Reading(), speed) as (source, shaft):
            assert not isinstance(source, Signal) and shaft is not None
            assert shaft.at(np.arange(N)) == pytest.approx(RPM, rel=1e-3)


def test_a_run_and_a_bandwidth_in_orders(tmp_path, recording, capsys) -> None:
    cuts = tmp_path / "cuts.csv"
    options = ("--run", 1, "--bandwidth", 0.1, "--bandwidth-unit", "orders", "--poles", 1)
    code, out, err = run(capsys, "orders", recording, *METHOD, "--cut", 2, *options, "-o", cuts)
    assert code == 0, err
    assert "run 1: run-up" in err and "0.1 orders wide" in out


def test_orders_that_are_not_separated_are_named(recording, capsys) -> None:
    code, _, err = run(
        capsys, "orders", recording, *METHOD, "--cut", 2, "--shaft", "a: rpm",
        "--shaft", "b: rpm*1.01",
    )  # fmt: skip
    assert code == 0 and "orders a 2 and b 2 are not safely separated" in err and "bandwidth" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((*METHOD, "--shaft", "motor"), "NAME: SPEED"),
        ((*METHOD, "--shaft", "a: none.csv"), "none.csv"),
        ((*METHOD, "--shaft", "a: inf"), "1/min above zero"),
        ((*METHOD, "--shaft", "a: 0"), "1/min above zero"),
        ((*METHOD, "--shaft", "a: rpm", "--shaft", "a: 900"), "each name once"),
        ((*METHOD, "--shaft", "a: rpm", "--shaft", "b: rpm"), "same frequency"),
        ((*METHOD, "--cut", "two"), "'two'"),
        ((*METHOD, "--rpm", "a.csv", "--shaft", "fan: 570"), "--rpm: no --shaft has the speed"),
        ((*METHOD, "--tacho-channel", 1, "--shaft", "a: 9"), "leave --tacho-channel out"),
        ((*METHOD, "--poles", 3), "poles is 3"),
        ((*METHOD, "--bandwidth", 3000), "a bandwidth of 3000 Hz"),
        ((*METHOD, "--bandwidth-unit", "orders"), "needs --bandwidth"),
        ((*METHOD, "--max-bandwidth", 1), "the widest bandwidth is 1 Hz"),
        (("--max-bandwidth", 9), "only with --method vold-kalman"),
        ((*METHOD, "-o", "x.txt"), "audio file"),
        ((*METHOD, "-o", "x.png", "--max-freq", 200), "--max-freq: not with --method vold-kalman"),
        ((*METHOD, "-o", "x.png", "--range", 60), "--range: not with --method vold-kalman"),
        (("--shaft", "a: rpm"), "only with --method vold-kalman"),
        (("--residual", "rest.wav"), "only with --method vold-kalman"),
        (("-o", "orders.wav"), "vold-kalman"),
    ],
)
def test_invalid_options_are_named(recording, options, words, capsys, monkeypatch) -> None:
    monkeypatch.chdir(recording.parent)
    code, _, err = run(capsys, "orders", recording, *options)
    assert code == 1 and words in err and len(err.strip().splitlines()) == 1, err
    assert sorted(p.name for p in recording.parent.iterdir()) == ["run.wav", "run.wav.json"]


def test_a_recording_without_speed_and_a_map_are_named(tmp_path, recording, capsys) -> None:
    plain, stored = tmp_path / "plain.wav", tmp_path / "map.npz"
    specsr.write(plain, Signal(MIXED, RATE))
    code, _, err = run(capsys, "orders", plain, *METHOD)
    assert code == 1 and "no speed" in err and "--shaft" in err
    code, _, err = run(capsys, "orders", plain, *METHOD, "--shaft", "fan: 1480")
    assert code == 0, err
    specsr.write_map(stored, specsr.spectrogram(specsr.read(recording)))
    code, _, err = run(capsys, "orders", stored, *METHOD)
    assert code == 1 and "is a map" in err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("-o", "cuts_{order}.csv"), "cuts_{order}.csv: {order} is for the names of waveforms"),
        (("-o", "{order}/cuts.png"), "{order} is for the names of waveforms"),
        (("-o", "{order}/part.wav"), "{order} is for the name of a file of waveforms"),
        (("--residual", "rest_{order}.wav"), "not for a folder or the residual"),
        (("-o", "{order}.wav", "--shaft", "Pump: rpm", "--shaft", "pump: rpm*2"), "case"),
        (("-o", "{order}.wav", "--shaft", "a b: rpm", "--shaft", "a-b: rpm*2"), "one file"),
        (("--shaft", "pu\nmp: rpm"), "expected NAME: SPEED"),
        (("--shaft", "..\\pump: rpm"), "expected NAME: SPEED"),
    ],
)
def test_names_of_files_that_would_be_literal_or_one_are_refused(
    recording, capsys, monkeypatch, arguments, match
) -> None:
    monkeypatch.chdir(recording.parent)
    before = sorted(recording.parent.rglob("*"))
    code, _, err = run(capsys, "orders", recording, *METHOD, "--cut", "3,5", *arguments)
    assert code == 1 and match in err and err.count("\n") == 1, err
    assert sorted(recording.parent.rglob("*")) == before


def test_a_table_of_the_other_method_has_no_place_for_an_order(recording, capsys) -> None:
    code, _, err = run(capsys, "orders", recording, "-o", "cuts_{order}.csv")
    assert code == 1 and "{order} is for the names of waveforms" in err


def test_a_shaft_has_the_speed_of_a_channel_which_is_not_cut(tmp_path, capsys) -> None:
    path, cuts = tmp_path / "both.wav", tmp_path / "cuts.csv"
    both = Signal(np.stack([MIXED, RPM / 1000]), RATE, "1", ("mic", "speed"), 2.0)
    specsr.write(path, both)
    for run_of in ((), ("--run", "all", "--weighting", "Z", "--detrend", "mean")):  # read whole too
        code, _, err = run(
            capsys, "orders", path, "--unit", "Pa", *METHOD, "--shaft", "motor: speed*1000",
            "--shaft", f"pump: speed*{1000 * RATIO}", *CUT, "-o", cuts, "--overwrite", *run_of,
        )  # fmt: skip
        assert code == 0, err
        rows = table(cuts)
        assert {row["channel"] for row in rows} == {"mic"}
        truth = {"motor 2": 90, "motor 4": 80, "pump 3": 84}
        for name, level in truth.items():
            shaft, order = name.split()
            own = [row for row in rows if row["shaft"] == shaft and row["order"] == order]
            found = [float(row["level_db"]) for row in own if 3 < float(row["time_s"]) < 7]
            assert np.abs(np.array(found) - level).max() < 0.2
            speed = [float(row["rpm"]) for row in own]
            assert max(speed) == pytest.approx(3600 * (RATIO if shaft == "pump" else 1), rel=0.01)
    code, _, err = run(capsys, "orders", path, *METHOD, "--shaft", "motor: tacho")
    assert code == 1 and "shaft motor: tacho is no file and no channel" in err


def test_weighted_and_integrated_orders(tmp_path, recording, capsys) -> None:
    cuts, out = tmp_path / "cuts.csv", tmp_path / "order.wav"
    code, _, err = run(
        capsys, "orders", recording, *METHOD, *CUT, *SHAFTS, "--weighting", "A",
        "--max-bandwidth", 6, "-o", cuts, "-o", out,
    )  # fmt: skip
    assert code == 0 and "levels and waveforms are A-weighted" in err
    for row in table(cuts):
        if row["order"] == "2" and 3 < float(row["time_s"]) < 7:
            weight = 10 * np.log10(weighting_power(np.array([float(row["freq_hz"])]), "A")[0])
            assert float(row["level_db"]) == pytest.approx(90 + weight, abs=0.3)
    options = json.loads((tmp_path / "order.wav.json").read_text())["origin"]["options"]
    assert options["changes"] == ["A-weighted"] and options["widest"] == 6
    vibration = tmp_path / "acc.wav"
    specsr.write(vibration, Signal(MIXED, RATE, "m/s2", rpm=RPM, start=2.0))
    code, text, err = run(
        capsys, "orders", vibration, *METHOD, "--cut", 2, "--quantity", "velocity", "-o", cuts,
        "-o", out, "--overwrite",
    )  # fmt: skip
    assert code == 0 and "velocity by integration" in err and "re 1e-9 m/s" in text
    assert specsr.read(out).unit == "m/s"
    peak = np.sqrt(2) * 2e-5 * 10 ** (90 / 20)
    for row in table(cuts):
        if 3 < float(row["time_s"]) < 7:
            velocity = peak / np.sqrt(2) / (2 * np.pi * float(row["freq_hz"]))
            assert float(row["level_db"]) == pytest.approx(20 * np.log10(velocity / 1e-9), abs=0.2)


def test_a_steady_shaft_beside_a_sweeping_one_is_over_time(tmp_path, capsys) -> None:
    n = 2 * 2000
    path, figure = tmp_path / "both.wav", tmp_path / "both.svg"
    rpm = np.linspace(900, 1800, n)
    turns = revolutions(rpm / 60, 2000.0)
    x = np.sin(4 * np.pi * turns) + np.sin(2 * np.pi * 3 * 25 * np.arange(n) / 2000)
    specsr.write(path, Signal(x, 2000.0, "Pa", full_scale=4.0, rpm=rpm))
    shafts = "--shaft", "motor: rpm", "--shaft", "fan: 1500", "--bandwidth", 1.5
    words = "orders", path, *METHOD, *shafts, "--cut", "motor=2,fan=3"
    code, table, err = run(capsys, *words, "-o", figure)
    assert code == 0, err
    assert table.count("1.5 Hz wide") == 2 and "orders wide" not in table
    text = figure.read_text(encoding="utf-8")
    assert text.count("1.5 Hz wide") == 2
    assert "<!-- Speed of motor (rpm)" in text and "<!-- Time (s), fan at 1500 rpm" in text
    code, table, err = run(capsys, *words, "--bandwidth-unit", "orders", "--bandwidth", 0.1)
    assert code == 0 and table.count("0.1 orders wide") == 2, err


@pytest.mark.parametrize("swing", [0.05, 0.3])
def test_figures_are_over_time_where_the_speed_hardly_changes(tmp_path, capsys, swing) -> None:
    n = 4 * 2000
    rpm = 1500 * (1 + swing * np.sin(2 * np.pi * np.arange(n) / n) / 2)
    x = np.sin(4 * np.pi * revolutions(rpm / 60, 2000.0))
    path, figure = tmp_path / "steady.wav", tmp_path / "steady.svg"
    specsr.write(path, Signal(x, 2000.0, "Pa", full_scale=2.0, rpm=rpm))
    code, _, err = run(capsys, "orders", path, "--cut", 2, "-o", figure, *METHOD)
    assert code == 0, err
    text = figure.read_text(encoding="utf-8")  # texts are comments beside their outlines
    wanted = "Speed" if swing > 0.15 else "Time"
    assert [word for word in ("Speed", "Time") if f"<!-- {word} (" in text] == [wanted]
