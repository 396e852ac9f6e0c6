"""The commands orders, report, evaluate and levels."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.maps.pooling import pool
from specsr.maps.transform import spectrogram
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import Synthetic, synthesise
from support.command import run

RUN = RunUp(
    rate=12800.0, duration=3.0, rpm=(1200.0, 4800.0), line_to_noise=50.0,
    orders=(Order(2, 0), Order(4, -6)),
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Synthetic:
    return synthesise(RUN)


@pytest.fixture
def recording(tmp_path: Path, made) -> Path:
    path = tmp_path / "run.wav"
    specsr.write(path, made.signal)
    return path


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def level_errors(rows: list[dict[str, str]], made) -> np.ndarray:
    rows = [row for row in rows if row["level_db"]]
    at = np.arange(made.rpm.size) / RUN.rate
    truth = [
        20 * np.log10(np.interp(float(r["time_s"]), at, made.envelopes[float(r["order"])]) / 2e-5)
        for r in rows
    ]
    return np.array([float(r["level_db"]) for r in rows]) - truth


def test_order_levels_of_a_recording_are_exact(tmp_path, recording, made, capsys) -> None:
    cuts, figure = tmp_path / "cuts.csv", tmp_path / "run.png"
    code, out, err = run(capsys, "orders", recording, "-o", cuts, "-o", figure)
    assert code == 0, err
    assert "run-up from 12" in err and "0.4 orders wide" in out
    rows = table(cuts)
    assert {row["order"] for row in rows} == {"2", "4"}
    errors = level_errors(rows, made)
    assert errors.size > 100 and np.abs(errors).max() < 0.2
    assert figure.read_bytes().startswith(b"\x89PNG")
    code, _, err = run(capsys, "orders", recording, "-o", cuts)
    assert code == 1 and "exists" in err


def test_orders_are_cut_from_a_launch_where_the_shaft_turns(tmp_path, capsys) -> None:
    rate = 4000.0
    t = np.arange(0, 8, 1 / rate)
    rpm = np.interp(t, [0, 2, 6, 8], [0, 0, 3000, 3000])
    angle = np.cumsum(rpm / 60) / rate
    tones = np.stack([np.sin(2 * np.pi * k * angle) for k in (2, 4)])
    path, out, figure = tmp_path / "launch.mat", tmp_path / "cuts.csv", tmp_path / "cuts.png"
    names = ("mic", "seat")
    specsr.write(path, specsr.Signal(tones, rate, "Pa", channels=names, rpm=rpm))
    code, _, err = run(capsys, "orders", path, "-o", out, "-o", figure)
    assert code == 0, err
    assert "orders are cut from 2.2" in err and "from 15" in err and "rpm up" in err
    assert "(channel mic of 2: --channel)" in err
    rows = [r for r in table(out) if r["order"] == "2" and r["channel"] == "mic" and r["level_db"]]
    levels = np.array([float(r["level_db"]) for r in rows])
    assert len(levels) > 10 and np.abs(levels - 90.97).max() < 0.2


def test_runs_are_selected_by_number(tmp_path, capsys) -> None:
    both = RunUp(rate=6400.0, duration=4.0, rpm=(1500.0, 4500.0))
    up = synthesise(both).signal
    signal = up.replace(
        samples=np.concatenate([up.samples, up.samples[:, ::-1]], 1),
        rpm=np.r_[up.rpm, up.rpm[::-1]],
    )
    path = tmp_path / "both.wav"
    specsr.write(path, signal)
    out = tmp_path / "cuts.csv"
    for which, span in (("1", (0, 4)), ("2", (4, 8)), ("all", (0, 8))):
        code, _, err = run(
            capsys, "orders", path, "--run", which, "-o", out, "--overwrite", "--x", "time"
        )
        assert code == 0, err
        assert "run 2: run-down" in err
        times = [float(row["time_s"]) for row in table(out)]
        assert (min(times), max(times)) == pytest.approx(span, abs=0.25)
    code, _, err = run(capsys, "orders", path, "--run", "3")
    assert code == 1 and "1 to 2" in err


def test_orders_of_a_map_state_their_bandwidth(tmp_path, made, capsys) -> None:
    path, out = tmp_path / "map.npz", tmp_path / "cuts.csv"
    specsr.write_map(path, pool(spectrogram(made.signal, hop_length=256), 2, 2))
    code, text, err = run(capsys, "orders", path, "-o", out, "-o", tmp_path / "map.png")
    assert code == 0, err
    assert "Hz wide" in text
    assert np.median(np.abs(level_errors(table(out), made))) < 0.2
    code, _, err = run(capsys, "orders", path, "-o", tmp_path / "map.txt")
    assert code == 1 and ".csv" in err
    code, _, err = run(capsys, "orders", path, "--cut", "two")
    assert code == 1 and "--cut is 'two'" in err


def test_expected_cuts_have_an_uncertainty(tmp_path, recording, made, capsys) -> None:
    for source in (recording, tmp_path / "map.npz"):
        if source != recording:
            specsr.write_map(source, spectrogram(made.signal, n_fft=4096))
        cuts, figure = tmp_path / "cuts.csv", tmp_path / "run.png"
        figures = ["-o", figure] if source == recording else []
        code, _, err = run(
            capsys, "orders", source, "--expected", "-o", cuts, *figures, "--overwrite"
        )
        assert code == 0, err
        rows = table(cuts)
        assert np.median(np.abs(level_errors(rows, made))) < 0.2
        read = [row for row in rows if row["level_db"]]
        assert all(0 < float(row["uncertainty_db"]) < 5 for row in read)
        assert figure.read_bytes().startswith(b"\x89PNG")


def test_expected_cuts_are_refused_where_they_mean_nothing(
    tmp_path, recording, made, capsys
) -> None:
    spec, path = spectrogram(made.signal), tmp_path / "clean.npz"
    estimate = spec.replace(uncertainty_db=np.ones(spec.magnitude.shape, np.float32))
    specsr.write_map(path, estimate)
    code, _, err = run(capsys, "orders", path, "--expected")
    assert code == 1 and "leave out --expected" in err
    specsr.write_map(path, pool(spec, 2, 2), overwrite=True)
    code, _, err = run(capsys, "orders", path, "--expected")
    assert code == 1 and "expected a full map" in err
    code, _, err = run(capsys, "orders", recording, "--expected", "--method", "vold-kalman")
    assert code == 1 and "--expected: not with --method vold-kalman" in err


def test_a_speed_that_is_nowhere_above_zero_is_named(tmp_path, made, capsys) -> None:
    low = pool(spectrogram(made.signal, n_fft=256, hop_length=64), 4, 4)
    path = tmp_path / "low.npz"
    specsr.write_map(path, low.replace(rpm=np.full(low.grid.length, -900.0)))
    code, _, err = run(
        capsys, "upscale", path, "-o", tmp_path / "fine.npz", "--scale", 2, "--no-find-speed",
        "--model", "map-small",
    )  # fmt: skip
    assert code == 0 and "the given speed is nowhere above zero: not used" in err


def test_report_is_written_once(tmp_path, recording, made, capsys) -> None:
    pytest.importorskip("bokeh")
    out = tmp_path / "report.html"
    options = ("-o", out, "--orders", "2,0.321*1..2", "--audio-seconds", 1)
    code, _, err = run(capsys, "report", recording, *options)
    assert code == 0, err
    assert "MB, opens without network" in err
    text = out.read_text(encoding="utf-8")
    assert "<title>run.wav: report</title>" in text and "1 s from 0 s on" in text
    assert "order 0.321" in text and "order 0.642" in text
    code, _, err = run(capsys, "report", recording, *options)
    assert code == 1 and "exists" in err
    code, _, err = run(capsys, "report", recording, "-o", tmp_path / "report.txt")
    assert code == 1 and ".html or .pdf" in err
    code, _, err = run(capsys, "report", tmp_path / "none.wav", "-o", tmp_path / "x.html")
    assert code == 1 and "no such file" in err
    assert not (tmp_path / "x.html").exists()


def test_evaluate_scores_baselines_alongside(tmp_path, recording, made, capsys) -> None:
    low, scores = tmp_path / "low.wav", tmp_path / "scores.json"
    specsr.write(low, made.signal.resample(RUN.rate / 2))
    code, out, err = run(
        capsys, "evaluate", recording, recording, "--low", low, "--orders", "2,4",
        "--bandwidth", 0.5, "-o", scores,
    )  # fmt: skip
    assert code == 0, err
    head = [cell.strip() for cell in out.splitlines()[0].strip("|").split("|")]
    assert head == ["score", "result", "resampled"]
    assert "order 2 in" in out and "loudness error, %" in out + err
    stored = json.loads(scores.read_text())["result"]
    assert stored["mean"]["lsd"] == 0 < stored["baselines"]["resampled"]["lsd"]


def test_levels_are_printed_and_written(tmp_path, recording, made, capsys) -> None:
    bands, figure = tmp_path / "bands.csv", tmp_path / "bands.png"
    code, out, err = run(capsys, "levels", recording, "-o", bands, "-o", figure)
    assert code == 0, err
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines()]
    rows = {line[0]: line[1] for line in lines}
    assert float(rows["level, dB re 20 µPa, Z"]) == pytest.approx(made.signal.level()[0], abs=0.006)
    weighted = specsr.overall_level(made.signal, "A")[0]
    assert float(rows["level, dB re 20 µPa, A"]) == pytest.approx(weighted, abs=0.006)
    assert "loudness, sone" in rows or "specsr[sound-quality]" in err
    written = {float(r["nominal_hz"]): float(r["level_db"]) for r in table(bands)}
    expected = specsr.third_octave_levels(made.signal)
    assert list(written.values()) == pytest.approx(expected.levels[0], abs=1e-3)
    total = 10 * np.log10(sum(10 ** (level / 10) for level in written.values()))
    assert total == pytest.approx(made.signal.level()[0], abs=0.1)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_the_mean_is_left_out_of_the_levels_and_named(tmp_path, made, capsys) -> None:
    path = tmp_path / "acc.wav"
    signal = made.signal.replace(unit="m/s2")
    specsr.write(path, signal.replace(samples=signal.samples + 10 * signal.samples.std()))
    code, out, err = run(capsys, "levels", path)
    assert code == 0 and f" {signal.level()[0]:.2f} " in out, out
    assert "the mean, " in err and "m/s², is left out" in err.replace("m/s2", "m/s²")
    code, out, err = run(capsys, "levels", path, "--dc")
    assert code == 0 and f" {signal.level()[0] + 10 * np.log10(101):.2f} " in out
    assert "left out" not in err


def test_levels_of_a_vibration_and_a_map(tmp_path, made, capsys) -> None:
    vibration, stored = tmp_path / "acc.wav", tmp_path / "map.npz"
    specsr.write(vibration, made.signal.replace(unit="m/s2"))
    specsr.write_map(stored, spectrogram(made.signal))
    code, out, err = run(capsys, "levels", vibration)
    assert code == 0 and "re 1e-6 m/s², Z" in out and ", A" not in out and "no loudness" in err
    code, _, err = run(
        capsys, "levels", vibration, "--weighting", "A", "-o", tmp_path / "bands.csv"
    )
    assert code == 1 and "choose Z" in err
    code, out, err = run(capsys, "levels", stored, "-o", tmp_path / "map.png")
    assert code == 0 and ", C" in out and "loudness" not in out, err
