"""Channels of a file: choice by name or position, assembly to a signal, speed channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, recording, write
from specsr.io.recording import Channel, Contents
from support.io_samples import full_signal


def mixed_channels():
    return Contents(
        (
            Channel("mic 1", np.ones(100), 1000.0, "Pa"),
            Channel("mic 2", np.ones(100), 1000.0, "Pa"),
            Channel("acc", np.ones(200), 2000.0, "m/s2"),
            Channel("temp", np.ones(10), 100.0, "°C"),
            Channel("n", np.full(11, 900.0), 100.0, "1/min"),
            Channel("tacho", np.ones(200), 2000.0, "V"),
        )
    )


def test_channels_that_differ_are_listed_and_picked():
    with pytest.raises(SpecsrError, match=r"mic 1, mic 2 \(1000 Hz, Pa.*temp \(100 Hz, °C.*Pick"):
        recording.assemble(mixed_channels())
    with pytest.raises(SpecsrError, match=r"channel temp: the unit label '°C' is unknown"):
        recording.assemble(mixed_channels(), ["temp"])
    with pytest.raises(SpecsrError, match=r"mic 1 \(1000 Hz, Pa, 100.*acc \(2000 Hz.*--channel"):
        recording.assemble(mixed_channels(), ["mic 1", "acc"])
    made, _ = recording.assemble(mixed_channels(), ["mic 2", "0"])
    assert made.channels == ("mic 2", "mic 1") and made.rpm.tolist() == [900] * 100
    made, notes = recording.assemble(mixed_channels(), ["n"])
    assert made.rate == 100 and made.unit == "1" and "speed" in notes[-1]
    made, _ = recording.assemble(mixed_channels(), ["tacho"])
    assert made.unit == "V"


def test_mixed_lengths_are_not_cut_silently():
    parts = mixed_channels().channels[:2]
    shorter = replace(parts[1], samples=np.ones(99))
    with pytest.raises(SpecsrError, match=r"100 samples.*99 samples.*Pick"):
        recording.assemble(Contents((parts[0], shorter)))


def test_several_speeds_give_no_rpm_until_one_is_picked():
    channels = mixed_channels().channels
    file = Contents((channels[0], channels[4], replace(channels[4], name="turbine rpm")))
    made, notes = recording.assemble(file)
    assert made.rpm is None and "several speeds (n, turbine rpm)" in notes[-1]
    made, _ = recording.assemble(file, ["mic 1", "turbine rpm"])
    assert made.channels == ("mic 1",) and made.rpm is not None


def test_a_speed_that_ends_early_is_held_with_a_note():
    mic = mixed_channels().channels[0]
    speed = Channel("rpm", np.array([100.0, 200.0]), 50.0, "1/min")
    made, notes = recording.assemble(Contents((mic, speed)))
    assert made.rpm[-1] == 200 and "covers 0 to 0.02 s only" in notes[-1]
    late = replace(speed, start=5.0)
    made, notes = recording.assemble(Contents((mic, late)))
    assert made.rpm is None and "covers none" in notes[-1]


def test_equal_names_are_made_unique():
    file = Contents((
        Channel("x", np.ones(3), 1.0, group="a"), Channel("x", np.ones(3), 1.0, group="b"),
        Channel("y", np.ones(3), 1.0), Channel("y", np.ones(3), 1.0),
    ))  # fmt: skip
    assert [channel.name for channel in file.channels] == ["a/x", "b/x", "y", "y (2)"]


def test_channels_are_chosen_by_name_or_position(tmp_path):
    write(tmp_path / "a.wav", full_signal())
    every = read(tmp_path / "a.wav")
    for choice in (["Gear"], [1], "Gear", 1):
        one = read(tmp_path / "a.wav", channels=choice)
        assert one.channels == ("Gear",)
        np.testing.assert_array_equal(one.samples, every.samples[1:])
    turned = read(tmp_path / "a.wav", channels=["Gear", 0])
    np.testing.assert_array_equal(turned.samples, every.samples[::-1])
    for wrong in (["Axle"], [2], [-1]):
        with pytest.raises(SpecsrError, match=r"a\.wav.*no channel.*Motor ä, Gear"):
            read(tmp_path / "a.wav", channels=wrong)
    with pytest.raises(SpecsrError, match="empty"):
        read(tmp_path / "a.wav", channels=[])
