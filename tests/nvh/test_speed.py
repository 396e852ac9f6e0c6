"""Speed from tables, channels and tacho pulses; run-ups and run-downs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.nvh.runs import find_runs, turning, widest_run
from specsr.nvh.shafts import parse_shaft
from specsr.nvh.speed import fill_gaps, read_rpm, revolutions, rpm_from_pulses, take_channel
from specsr.signal import Signal

RATE = 2000.0


def drive(*points: tuple[float, float], ripple: float = 0.0) -> np.ndarray:
    """Speed at every sample through (s, rpm) points, with a ripple of a few Hz."""
    times = np.arange(0, points[-1][0], 1 / RATE)
    rpm = np.interp(times, *np.array(points).T)
    return rpm * (1 + ripple * np.sin(2 * np.pi * 7.3 * times))


def test_runs_are_found_between_dwells() -> None:
    rpm = drive((0, 800), (5, 800), (15, 6000), (18, 6000), (24, 1000), (30, 1000), ripple=0.008)
    up, down = find_runs(rpm, RATE, start=100.0)
    assert (up.kind, down.kind) == ("up", "down")
    assert [up.start, up.stop] == pytest.approx([105, 115], abs=0.5)
    assert [down.start, down.stop] == pytest.approx([118, 124], abs=0.5)
    assert up.rpm == pytest.approx((800, 6000), rel=0.05)
    assert "run-up from 8" in str(up) and "rpm/s" in str(up)


@given(
    low=st.floats(500, 2000), factor=st.floats(1.5, 6), seconds=st.floats(2, 30), up=st.booleans(),
    ripple=st.floats(0, 0.01),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_a_plain_sweep_is_one_run_over_its_whole_length(low, factor, seconds, up, ripple) -> None:
    ends = (low, low * factor) if up else (low * factor, low)
    (run,) = find_runs(drive((0, ends[0]), (seconds, ends[1]), ripple=ripple), RATE)
    assert run.kind == ("up" if up else "down")
    assert run.start < 0.1 * seconds and run.stop > 0.9 * seconds


def test_constant_speed_and_small_changes_are_not_runs() -> None:
    assert find_runs(np.full(10000, 3000.0), RATE) == []
    assert find_runs(drive((0, 3000), (5, 3200), (10, 3000)), RATE) == []
    assert find_runs(np.zeros(10000), RATE) == []


def test_the_widest_run_is_no_jump_of_the_speed() -> None:
    """A jump by 5000 rpm within 40 ms beside a run-up by 2000 rpm in 10 s."""
    points = (0, 1000), (10, 3000), (11, 2000), (13, 2000), (13.04, 7000), (13.08, 2000), (15, 2000)
    rpm = drive(*points)
    signal = Signal(np.zeros((1, len(rpm))), RATE, rpm=rpm)
    runs = find_runs(rpm, RATE)
    assert max(runs, key=lambda run: abs(run.rpm[1] - run.rpm[0])).stop > 11
    found = widest_run(runs, signal, 10)
    assert found is not None and found.stop < 11 and found.rpm[1] > 2800
    assert widest_run(runs, signal, 1e6) is None


@pytest.mark.parametrize("top", [7000, 9000])
@pytest.mark.parametrize("dwell", [0.0, 3.0])
def test_a_jump_after_a_run_up_is_no_part_of_it(top: float, dwell: float) -> None:
    """As of a sensor that counts double from the end of the run on."""
    end = 10 + dwell
    rpm = drive(
        (0, 1000), (10, 5000), (end + 1e-6, 5000), (end + 0.002, top), (15, top), ripple=0.005
    )
    signal = Signal(np.zeros((1, len(rpm))), RATE, rpm=rpm)
    found = widest_run(find_runs(rpm, RATE), signal, 20)
    assert found is not None and found.kind == "up"
    assert found.stop == pytest.approx(10, abs=0.3) and found.rpm[1] == pytest.approx(
        5000, rel=0.03
    )


@pytest.mark.parametrize("seconds", [0.2, 0.5, 2.0])
def test_a_launch_from_standstill_is_one_run(seconds: float) -> None:
    """A smooth launch after seconds of standstill; at its ends the speed hardly changes."""
    times = np.clip((np.arange(int(8 * RATE)) / RATE - 4) / seconds, 0, 1)
    (run,) = find_runs(6000 * (3 * times**2 - 2 * times**3), RATE)
    assert run.rpm[0] < 300 and run.rpm[1] > 5700


@given(
    stand=st.floats(0, 3), seconds=st.floats(1, 8), low=st.sampled_from([0.0, -500.0]),
    top=st.floats(1000, 6000),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_the_part_that_turns_leaves_out_standstill_and_reversal(stand, seconds, low, top) -> None:
    rpm = drive(
        (0, low), (stand + 0.1, low), (stand + 0.1 + seconds, top), (stand + seconds + 1, top)
    )
    signal = Signal(np.zeros((1, len(rpm))), RATE, rpm=rpm, start=2.0)
    part = turning(signal)
    assert part.rpm is not None and signal.rpm is not None
    assert np.abs(part.rpm).min() > 0.05 * top and len(set(np.sign(part.rpm))) == 1
    first = round((part.start - 2) * RATE)
    last = first + part.length
    for beyond in (first - 1, last):
        assert not 0 <= beyond < len(rpm) or abs(signal.rpm[beyond]) <= 0.05 * top
    assert np.abs(part.rpm).sum() >= 0.49 * np.abs(rpm).sum()  # of the two parts, the larger one
    still = signal.replace(rpm=np.zeros(signal.length))
    assert turning(still) is still


def test_a_run_returns_its_stretch_of_a_signal() -> None:
    rpm = drive((0, 800), (4, 800), (10, 5000))
    signal = Signal(rpm / 1e4, RATE, start=7.0, rpm=rpm)
    (run,) = find_runs(rpm, RATE, start=7.0)
    part = run.of(signal)
    assert part.start == pytest.approx(run.start, abs=1 / RATE)
    assert part.duration == pytest.approx(run.stop - run.start, abs=2 / RATE)
    np.testing.assert_array_equal(part.rpm / 1e4, part.samples[0])


@given(per_rev=st.sampled_from([1, 2, 60]), noise=st.floats(0, 0.02), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_pulses_give_the_speed_they_were_generated_from(
    per_rev: int, noise: float, seed: int
) -> None:
    rate = 51200.0
    times = np.arange(0, 3, 1 / rate)
    rpm = 1200 + 900 * times + 40 * np.sin(2 * np.pi * 0.8 * times)
    turns = np.cumsum(rpm / 60) / rate
    tacho = 5 * np.clip(20 * np.sin(2 * np.pi * per_rev * turns), -1, 1)
    tacho += noise * np.random.default_rng(seed).standard_normal(times.size)
    found = rpm_from_pulses(tacho, rate, per_rev)
    inside = slice(5120, -5120)
    assert np.abs(found[inside] / rpm[inside] - 1).max() < 0.01
    assert np.abs(found[inside] / rpm[inside] - 1).mean() < 0.001


def test_the_threshold_selects_the_pulses() -> None:
    """One pulse of 5 V per revolution and two of 1 V: the automatic threshold is 2.5 V."""
    rate, rotation_hz = 10000.0, 20.0
    phase = (rotation_hz * np.arange(0, 2, 1 / rate)) % 1
    tacho = 5.0 * (phase < 0.1) + ((phase > 0.3) & (phase < 0.4)) + ((phase > 0.6) & (phase < 0.7))
    automatic = rpm_from_pulses(tacho, rate)
    assert automatic == pytest.approx(60 * rotation_hz, rel=1e-3)
    np.testing.assert_array_equal(rpm_from_pulses(tacho, rate, threshold=2.5), automatic)
    # the hysteresis is a tenth of the range, 0.5 V
    low = rpm_from_pulses(tacho, rate, threshold=0.6)
    assert low.mean() == pytest.approx(3 * automatic.mean(), rel=0.01)
    np.testing.assert_allclose(rpm_from_pulses(tacho, rate, 3, 0.6), automatic, rtol=5e-3)


def test_gaps_in_a_speed_are_interpolated_and_held_at_the_edges() -> None:
    speed = np.array([0.0, 10.0, np.nan, -1.0, 40.0, 0.0])
    assert fill_gaps(speed).tolist() == [10, 10, 20, 30, 40, 40]
    assert fill_gaps(np.zeros(3)).tolist() == [0, 0, 0]


def test_the_shaft_angle_is_the_integral_of_the_rotation_frequency() -> None:
    rotation_hz = np.linspace(10, 30, 4001)
    angle = revolutions(rotation_hz, 1000.0)
    assert angle[0] == 0 and angle[-1] == pytest.approx(80)
    assert angle[2000] == pytest.approx(30)


def test_signals_without_pulses_are_rejected() -> None:
    with pytest.raises(SpecsrError, match="0 tacho pulses|ranges from"):
        rpm_from_pulses(np.zeros(1000), RATE)
    with pytest.raises(SpecsrError, match="at least three"):
        rpm_from_pulses(np.repeat([0.0, 1.0, 0.0], 300), RATE)
    with pytest.raises(SpecsrError, match="threshold within"):
        rpm_from_pulses(np.arange(10.0), RATE, threshold=99)


@pytest.mark.parametrize(
    "text",
    ["time,rpm\n0,1000\n2,3000\n", "s;1/min\n0,0;1000,0\n2,0;3000,0\n", "0\t1000\n\n2\t3000\n",
     "\ufeff0 1000\n2 3000\n"],
)  # fmt: skip
def test_tables_with_any_column_separator_are_read(tmp_path, text: str) -> None:
    path = tmp_path / "rpm.csv"
    path.write_text(text, encoding="utf-8")
    signal = Signal(np.zeros(4000) + 1e-3, RATE)
    found = read_rpm(path, signal)
    assert found == pytest.approx(np.linspace(1000, 3000, 4001)[:-1])
    assert read_rpm(path, signal.replace(start=2.0)) == pytest.approx(np.full(4000, 3000.0))


@pytest.mark.parametrize(
    ("name", "factor"),
    [("omega_rad_s", 30 / np.pi), ("n_krpm", 1000.0), ("f_hz", 60.0), ("n_1_min", 1.0)],
)
def test_a_unit_at_the_end_of_a_name_counts(tmp_path, name: str, factor: float) -> None:
    path = tmp_path / "rpm.csv"
    path.write_text(f"time_ms,{name}\n0,10\n2000,30\n")
    found = read_rpm(path, Signal(np.zeros(2000), RATE))
    assert found == pytest.approx(factor * np.linspace(10, 30, 4001)[:2000])


def test_times_far_beyond_the_recording_are_noted(tmp_path, caplog) -> None:
    path = tmp_path / "rpm.csv"
    path.write_text("time,rpm\n0,1000\n2000,3000\n")
    read_rpm(path, Signal(np.zeros(4000), RATE))
    assert "reach 2000 s, the recording 2 s" in caplog.text and "time_ms" in caplog.text


def test_one_column_is_one_speed_per_sample(tmp_path) -> None:
    path = tmp_path / "rpm.txt"
    path.write_text("rpm\n" + "\n".join(map(str, range(100, 110))))
    assert read_rpm(path, Signal(np.ones(10), RATE)) == pytest.approx(np.arange(100, 110))
    with pytest.raises(SpecsrError, match="rpm.txt: 10 speeds for 9 samples"):
        read_rpm(path, Signal(np.ones(9), RATE))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello\n", "one or two columns"),
        ("0,1,2\n1,2,3\n", "one or two columns"),
        ("0,1\n1,nan\n", "not finite"),
        ("0,1\n0,2\n", "do not increase"),
        ("0,1\n1,x\n", "line 2"),
        ("50,1\n60,2\n", "overlap"),
    ],
)
def test_invalid_tables_are_rejected(tmp_path, text: str, words: str) -> None:
    path = tmp_path / "rpm.csv"
    path.write_text(text)
    with pytest.raises(SpecsrError, match=f"rpm.csv.*{words}"):
        read_rpm(path, Signal(np.ones(10), RATE))
    with pytest.raises(SpecsrError, match="cannot be read"):
        read_rpm(tmp_path / "none.csv", Signal(np.ones(10), RATE))


def test_a_speed_that_no_machine_has_is_refused_with_its_unit(tmp_path) -> None:
    path = tmp_path / "rpm.csv"
    signal = Signal(np.zeros((1, 100)), 100.0)
    path.write_text("time;n\n0;1200\n1;-1e9\n")
    with pytest.raises(SpecsrError, match=r"rpm.csv: its speed n reaches 1e\+09 1/min.*rad/s"):
        read_rpm(path, signal)
    path.write_text("time;n\n0;0\n1;1e6\n")
    assert read_rpm(path, signal).max() == pytest.approx(0.99e6)
    with pytest.raises(SpecsrError, match="the speed is 1e9: expected 1/min above zero and up to"):
        parse_shaft("fan: 1e9")
    assert parse_shaft("fan: 1e9*1e-6").rpm == 1e9


def test_a_channel_is_separated() -> None:
    signal = Signal(np.arange(6.0).reshape(3, 2), RATE, channels=("mic", "tacho", "acc"))
    for name in ("tacho", 1):
        values, rest = take_channel(signal, name)
        assert values.tolist() == [2, 3] and rest.channels == ("mic", "acc")
    for channel in ("speed", 3):
        with pytest.raises(SpecsrError, match="no channel"):
            take_channel(signal, channel)
    with pytest.raises(SpecsrError, match="at least two"):
        take_channel(rest.replace(samples=rest.samples[:1], channels=("mic",)), 0)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            "t [s],n [rpm]\n0,600\n1,nan\n2,700\n3,nan\n",
            r"column n is not finite: nan in row 2 .*\(time 1\), and 1",
        ),
        ("t [ms],n [rpm]\n0,600\n1,700\n2,inf\n", r"n is not finite: inf in row 3 .*\(time 2\)"),
        ("t [s],n [rpm]\n0,600\nnan,700\n2,800\n", "column t is not finite: nan in row 2"),
        ("rpm\n600\n700\nnan\n", "column rpm is not finite: nan in row 3"),
    ],
)
def test_the_place_of_a_value_that_is_no_number_is_named(tmp_path, text: str, match: str) -> None:
    (tmp_path / "n.csv").write_text(text)
    with pytest.raises(SpecsrError, match=match):
        read_rpm(tmp_path / "n.csv", Signal(np.ones(3), 1.0))
