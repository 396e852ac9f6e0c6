"""The commands envelope, cepstrum and average."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.nvh.known_orders import Bearing, parse_bearing
from support.command import run

RATE = 12800.0
BEARING = "9/7.94/39.04"
ORDER = Bearing(9, 7.94, 39.04).bpfo


@pytest.fixture(scope="module")
def signal() -> specsr.Signal:
    """A run-up of a bearing whose outer ring rings at 3 kHz, and a wave of order 2."""
    t = np.arange(round(4 * RATE)) / RATE
    turns = (1200 * t + 150 * t**2) / 60
    samples = 0.3 * np.random.default_rng(0).standard_normal(t.size)
    samples += np.sin(2 * np.pi * 2 * turns)
    ring = 3 * np.exp(-800 * t[:160]) * np.sin(2 * np.pi * 3000 * t[:160])
    for ball in range(1, int(turns[-1] * ORDER)):
        at = int(np.searchsorted(turns, ball / ORDER))
        samples[at : at + 160] += ring[: t.size - at]
    return specsr.Signal(samples, RATE, "m/s2", rpm=1200 + 300 * t)


@pytest.fixture
def recording(tmp_path: Path, signal) -> Path:
    path = tmp_path / "bearing.wav"
    specsr.write(path, signal)
    return path


def table(path: Path) -> np.ndarray:
    with open(path, encoding="utf-8", newline="") as file:
        return np.array(list(csv.reader(file))[1:], float)


def test_an_envelope_over_orders_names_the_fault(tmp_path, recording, capsys) -> None:
    out, figure, sound = (tmp_path / name for name in ("e.csv", "e.png", "e.wav"))
    code, text, err = run(capsys, "envelope", recording, "--bearing", BEARING,
                          "-o", out, "-o", figure, "-o", sound)  # fmt: skip
    assert code == 0, err
    assert "the most impulsive one" in err and f"BPFO {ORDER:.4g}: " in text
    over = {part.split()[0]: float(part.split()[2]) for part in text.split(": ", 1)[1].split(", ")}
    assert over["BPFO"] > 15 > max(over["FTF"], over["BSF"], over["BPFI"]) + 5
    rows = table(out)
    beyond = rows[rows[:, 0] > 0.5]
    assert beyond[np.argmax(beyond[:, 1]), 0] == pytest.approx(ORDER, abs=0.05)
    assert specsr.read(sound).unit == "m/s2" and figure.stat().st_size > 10000


def test_an_envelope_without_a_speed_is_over_frequency(tmp_path, signal, capsys) -> None:
    path, out = tmp_path / "plain.wav", tmp_path / "e.csv"
    specsr.write(path, signal.replace(rpm=None))
    code, _, err = run(capsys, "envelope", path, "--band", "2000:4000", "-o", out, "--df", "2")
    assert code == 0, err
    freqs = table(out)[:, 0]
    assert freqs[1] - freqs[0] == pytest.approx(2, rel=0.01)
    code, _, err = run(capsys, "envelope", path, "--bearing", BEARING)
    assert code == 1 and "has no speed" in err


def test_an_average_and_a_cepstrum_are_written(tmp_path, recording, capsys) -> None:
    turn, curve = tmp_path / "turn.csv", tmp_path / "c.csv"
    code, text, err = run(capsys, "average", recording, "-o", turn, "-o", tmp_path / "turn.png")
    assert code == 0, err
    assert "revolutions of" in text and "order 2: 0.7" in text
    rows = table(turn)
    assert np.abs(rows[:, 1] - np.sin(4 * np.pi * rows[:, 0])).mean() < 0.2
    code, text, err = run(capsys, "cepstrum", recording, "-o", curve, "--longest", "0.2")
    assert code == 0, err
    assert table(curve)[-1, 0] <= 0.2 and " s (" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["envelope", "--band", "2000"], "expected LOW:HIGH in Hz"),
        (["envelope", "--band", "2000:9000"], "half the sampling rate"),
        (["envelope", "--bearing", "9/x"], "expected balls/ball/pitch"),
        (["average", "--ratio", "0"], "ratio is 0"),
        (["average", "--ratio", "1e5"], "samples per revolution at 12800 Hz: expected two"),
        (["average", "--ratio", "1e300"], "samples per revolution at 12800 Hz: expected two"),
        (["average", "--ratio", "1e-310"], "revolutions: expected two or more"),
        (["cepstrum", "--longest", "0.0005"], "no quefrency above 1 ms"),
        (["cepstrum", "-o", "x.npz"], "expected one of .csv"),
    ],
)
def test_mistakes_are_one_line(recording, words, message, capsys) -> None:
    code, _, err = run(capsys, words[0], recording, *words[1:])
    assert code == 1 and message in err and "Traceback" not in err


def test_a_bearing_is_read_with_and_without_its_angle() -> None:
    assert parse_bearing("8/5/30") == Bearing(8, 5, 30)
    assert parse_bearing("8/5/30/15") == Bearing(8, 5, 30, 15)
    # SKF 6205-2RS: BPFO 3.5848, BPFI 5.4152, FTF 0.39828, BSF 2.357 (Case Western bearing data)
    named = parse_bearing("9/7.94/39.04").named()
    assert named["BPFO"] == pytest.approx(3.5848, abs=2e-3)
    assert named["BPFI"] == pytest.approx(5.4152, abs=2e-3)
    assert named["FTF"] == pytest.approx(0.39828, abs=2e-4)
    assert named["BSF"] == pytest.approx(4.7135 / 2, abs=2e-3)


def test_the_band_is_that_of_the_most_impulsive_channel(tmp_path, signal, capsys) -> None:
    noise = np.random.default_rng(1).standard_normal(signal.length)
    path = tmp_path / "two.wav"
    both = signal.replace(samples=np.stack([noise, signal.samples[0]]), channels=("off", "on"))
    specsr.write(path, both)
    code, text, err = run(capsys, "envelope", path, "--bearing", BEARING)
    assert code == 0, err
    assert "the most impulsive one, of on" in err
    assert "off: FTF" in text and "on: FTF" in text
    code, text, err = run(capsys, "average", path)
    assert code == 0 and "  off: no order of the mean stands 15 dB" in err
    assert "check the speed and --ratio" in err


def test_the_cepstrum_names_the_spacing_before_its_multiples(tmp_path, capsys) -> None:
    t = np.arange(round(4 * RATE)) / RATE
    lines = sum(np.cos(2 * np.pi * 30 * k * t + k * k) for k in range(1, 60))
    path = tmp_path / "lines.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(t.size)
    specsr.write(path, specsr.Signal(0.01 * (lines + noise), RATE, "Pa"))
    code, text, err = run(capsys, "cepstrum", path, "--longest", "0.12")
    assert code == 0, err
    spacing = float(text.split("(")[1].split(" Hz")[0])
    assert spacing == pytest.approx(30, rel=0.01)


def test_a_silent_channel_is_named_and_the_others_are_evaluated(tmp_path, signal, capsys) -> None:
    path, table = tmp_path / "two.wav", tmp_path / "cepstrum.csv"
    both = signal.replace(samples=np.stack([0 * signal.samples[0] + 0.25, signal.samples[0]]),
                          channels=("off", "on"))  # fmt: skip
    specsr.write(path, both)
    code, text, err = run(capsys, "cepstrum", path, "-o", table)
    assert code == 0 and "silent, left out: off" in err
    assert text.startswith("on: ") and "off" not in text
    assert table.read_text(encoding="utf-8").startswith("quefrency_s,on")
    code, text, err = run(capsys, "envelope", path, "-o", tmp_path / "envelope.csv")
    assert code == 0 and "silent, left out: off" in err and text.startswith("on: strongest"), err
    code, text, err = run(capsys, "average", path)
    assert code == 0 and "silent, left out: off" in err and "off: order" not in text, err
    assert "check the speed and --ratio" not in err
    specsr.write(path, both.replace(samples=0 * both.samples), overwrite=True)
    code, _, err = run(capsys, "cepstrum", path)
    assert code == 1 and "two.wav: silent: expected" in err and err.count("\n") == 1
