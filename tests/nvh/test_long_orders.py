"""Speeds, runs, orders and found speeds of long recordings: those of the whole, in parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr import Signal, SpeedSearch, find_speed, order_map
from specsr.io import stream
from specsr.nvh.order_map import OrderResolution, order_map_of
from specsr.nvh.runs import find_runs, shaft_runs, turning_span
from specsr.nvh.shaft_angle import ShaftAngle
from specsr.nvh.shafts import Shaft
from specsr.nvh.speed import revolutions
from specsr.nvh.tacholess import find_speed_in
from specsr.nvh.tacholess_source import Heard, angle_of
from support.command import run

RATE = 3200.0


@pytest.fixture(scope="module")
def recording() -> Signal:
    size = round(10 * RATE)
    rpm = np.linspace(1200, 2400, size) * (1 + 0.01 * np.sin(np.arange(size) / 700))
    turns = revolutions(rpm / 60, RATE)
    lines = sum(np.sin(2 * np.pi * k * turns + k) for k in (2, 4, 6, 8))
    noise = np.random.default_rng(0).standard_normal((2, size))
    return Signal((0.05 * (lines + 0.2 * noise)).astype(np.float32), RATE, "Pa", rpm=rpm)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("specsr.nvh.shaft_angle.BLOCK", 3000)
    monkeypatch.setattr("specsr.nvh.runs.BLOCK", 2500)
    monkeypatch.setattr("specsr.nvh.tacholess_source.BLOCK", 3000)
    monkeypatch.setattr("specsr.jobs.long_orders.BLOCK", 3000)


def test_the_angle_in_blocks_is_bit_for_bit_that_of_the_whole(recording, small_blocks):
    assert recording.rpm is not None
    whole = revolutions(recording.rpm / 60, RATE)
    angle = ShaftAngle(Shaft("", recording.rpm), 0, recording.length, RATE)
    assert angle.total == whole[-1] and angle.slowest == recording.rpm.min() / 60
    assert np.array_equal(angle.between(0, angle.length), whole)
    assert np.array_equal(angle.between(4000, 9500), whole[4000:9500])
    samples = np.array([0, 2999, 3000, 3001, 17000, angle.length - 1])
    assert np.array_equal(angle.at(samples), whole[samples])
    wanted = np.sort(np.random.default_rng(1).uniform(0, whole[-1], 200))
    assert [angle.first_from(x) for x in wanted] == np.searchsorted(whole, wanted).tolist()
    # a sample is 1e-11 of itself away where the angle is linear between samples
    expected = np.interp(wanted, whole, np.arange(angle.length))
    assert np.allclose(angle.positions(wanted), expected, rtol=0, atol=1e-7)


def test_runs_in_blocks_are_those_of_the_whole(recording, monkeypatch):
    assert recording.rpm is not None
    rpm = np.concatenate([recording.rpm, np.zeros(2000), recording.rpm[::-1]])
    shaft = Shaft("", rpm)
    whole = find_runs(rpm, RATE), turning_span(shaft, 0, rpm.size)
    monkeypatch.setattr("specsr.nvh.runs.BLOCK", 2500)
    assert (shaft_runs(shaft, rpm.size, RATE), turning_span(shaft, 0, rpm.size)) == whole
    assert [found.kind for found in whole[0]] == ["up", "down"] * 2  # to standstill, and back


def test_an_order_map_of_a_stretch_read_in_parts_is_that_of_the_cut(
    recording, tmp_path: Path, small_blocks, monkeypatch
):
    assert recording.rpm is not None
    monkeypatch.setattr("specsr.nvh.angle_resampling.PART", 1 << 13)
    path = tmp_path / "run.wav"
    specsr.write(path, recording.replace(rpm=None))
    first, last = 1234, recording.length - 777
    shaft = Shaft("", recording.rpm)
    with stream.opened(path) as source:
        assert source is not None
        parts = order_map_of(source, shaft, (first, last), OrderResolution(max_order=10.0))
    whole = order_map(specsr.read(path).replace(rpm=recording.rpm).cut(first, last), max_order=10)
    assert np.array_equal(parts.spec.magnitude, whole.spec.magnitude)
    assert np.array_equal(parts.times, whole.times) and np.array_equal(parts.rpm, whole.rpm)


def test_the_command_cuts_the_same_orders_of_a_long_recording(
    recording, tmp_path: Path, capsys, small_blocks, monkeypatch
):
    path, table = tmp_path / "run.wav", tmp_path / "rpm.csv"
    specsr.write(path, recording.replace(rpm=None))
    table.write_text("time_s,rpm\n0,1200\n5,1700\n10,2400\n")
    cuts, figures = [], []
    for name, whole in (("whole", 1 << 24), ("parts", 1000)):
        monkeypatch.setattr("specsr.jobs.long_orders.WHOLE", whole)
        out, figure = tmp_path / f"{name}.csv", tmp_path / f"{name}.png"
        code, _, err = run(
            capsys, "orders", path, "--rpm", table, "--cut", "2,4", "-o", out, "-o", figure
        )
        assert code == 0 and "run-up from" in err, err
        figures.append(figure.read_bytes())
        cuts.append(out.read_text())
    # a table is read at its own times in a long one: equal but for rounding
    assert cuts[0] == cuts[1]
    assert all(each.startswith(b"\x89PNG") for each in figures)


def test_a_speed_found_in_a_file_is_bit_for_bit_that_of_the_recording(
    recording, tmp_path: Path, small_blocks
):
    path = tmp_path / "run.wav"
    short = recording.replace(rpm=None).cut(0, round(3 * RATE))
    specsr.write(path, short)
    options = SpeedSearch((1000, 2800), orders=(2, 4, 6, 8))
    whole = find_speed(specsr.read(path), options)
    with stream.opened(path) as source:
        assert source is not None
        parts = find_speed_in(source, options)
    assert np.array_equal(parts.rpm, whole.rpm)
    assert np.array_equal(parts.confidence, whole.confidence)


def test_the_low_copy_of_a_recording_is_its_resampling(small_blocks):
    rate = 20000.0
    noise = np.random.default_rng(2).standard_normal((2, 30000)).astype(np.float32)
    signal = Signal(noise, rate, start=2.0)
    heard = Heard(signal)
    for first, last in ((0, 7000), (4000, 9000), (12000, 15000)):
        assert np.array_equal(heard.cut(first, last).samples, noise[:, first:last])
    low = heard.low()
    expected = signal.resample(8000.0)
    assert low.rate == 8000.0 and low.start == 2.0 and low.length == expected.length
    # float32 samples, filters of 28 bit
    assert np.abs(low.samples - expected.samples).max() < 1e-5
    assert not heard.is_silent and Heard(signal.replace(samples=0 * noise + 3)).is_silent


def test_the_angle_of_columns_in_blocks_is_that_of_the_whole(monkeypatch):
    speed = np.array([20.0, 25.0, 24.0, 30.0])
    whole = angle_of(speed, 0.5, 1000.0, 1600)
    expected = revolutions(np.interp(np.arange(1600) / 1000, 0.5 * np.arange(4), speed), 1000.0)
    assert np.array_equal(whole, expected)
    monkeypatch.setattr("specsr.nvh.tacholess_source.BLOCK", 300)
    assert np.allclose(angle_of(speed, 0.5, 1000.0, 1600), whole, rtol=1e-13, atol=0)
