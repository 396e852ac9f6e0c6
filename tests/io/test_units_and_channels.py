"""Units, rates, channels and calibration as files name them."""

from __future__ import annotations

import logging
import struct
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import read, recording
from specsr.io import unit_labels as units
from specsr.io.recording import Channel, Contents
from specsr.io.times import even_times, snap
from specsr.signal import Signal
from support.format_samples import noise

# Units


@pytest.mark.parametrize(
    ("label", "quantity", "unit", "factor"),
    [
        ("Pa", "", "Pa", 1), ("[Pa]", "", "Pa", 1), ("mPa", "", "Pa", 1e-3), ("kPa", "", "Pa", 1e3),
        ("µPa", "", "Pa", 1e-6), ("MPa", "", "Pa", 1e6), ("hPa", "", "Pa", 100),
        ("m/s²", "", "m/s2", 1), ("m/s\ufffd", "", "m/s2", 1),
        ("m/s\ufffd", "acceleration", "m/s2", 1), ("m/s^2", "", "m/s2", 1),
        ("m/sÂ²", "", "m/s2", 1), ("mm/s²", "", "m/s2", 1e-3), ("mm/s", "", "m/s", 1e-3),
        ("mg", "", "g", 1e-3), ("g", "", "g", 1), ("Volts", "", "V", 1), ("mV", "", "V", 1e-3),
        ("µV", "", "V", 1e-6), ("kN", "", "N", 1e3), ("", "", "1", 1), ("-", "", "1", 1),
        ("NONE", "", "1", 1), ("Pa\0\0", "", "Pa", 1),
    ],
)  # fmt: skip
def test_unit_labels_are_understood(label, quantity, unit, factor):
    found = units.understand(label, quantity)
    assert found[0] == unit and found[1] == pytest.approx(factor)


@pytest.mark.parametrize("label", ["psi", "furlong", "\ufffd", "?", "°C", "Nm", "m/s3", "%", "x/y"])
def test_other_labels_are_asked_about(label):
    with pytest.raises(SpecsrError, match=r"not understood.*--unit"):
        units.understand(label)


def test_labels_that_contradict_are_asked_about():
    with pytest.raises(SpecsrError, match="not understood"):
        units.understand("m/s\ufffd", "velocity")
    with pytest.raises(SpecsrError, match="levels in dB"):
        units.understand("dB(A)")


@given(st.text(max_size=12))
def test_any_label_is_understood_or_asked_about(label):
    try:
        unit, factor, _ = units.understand(label)
        assert factor > 0 and Signal(np.ones(3), 10, unit=unit)
    except SpecsrError:
        pass
    assert units.is_speed(label, "") in (True, False)


def test_a_prefix_scales_and_an_explicit_unit_does_not(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("time,p [mPa]\n0,20\n1,30\n")
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path / "a.csv").samples.tolist() == [[0.02, 0.03]]
    assert "mPa are multiplied by 0.001" in caplog.text
    assert read(tmp_path / "a.csv", unit="V").samples.tolist() == [[20, 30]]


# Rates


@given(st.sampled_from([8000, 25600, 44100, 48000, 51200, 65536, 102400, 204800, 262144]))
def test_a_rate_from_six_digits_is_found_again(rate):
    rounded = float(f"{1 / rate:.5e}")
    found, note = snap(1 / rounded, 5.1e-6)
    assert found == rate
    assert bool(note) == (abs(1 / rounded - rate) > 1e-9 * rate)


def test_a_rate_of_its_own_is_kept():
    assert snap(51200.131) == (51200.131, "")
    assert snap(0.4) == (0.4, "")
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(SpecsrError, match="rate"):
            snap(wrong)


@given(
    rate=st.floats(0.1, 1e6), start=st.floats(-100, 100), count=st.integers(4, 500),
    lost=st.integers(1, 1000), digits=st.sampled_from([None, 9]),
)  # fmt: skip
def test_even_time_stamps_give_a_rate_and_a_lost_sample_is_noticed(
    rate, start, count, lost, digits
):
    times = start + np.arange(count) / rate
    if digits and 10.0**-digits < 0.01 / rate:
        times = np.round(times, digits)
    found = even_times(times)
    assert found is not None and found[0] == pytest.approx(rate, rel=0.02)
    position = 1 + lost % (count - 2)
    assert even_times(np.delete(times, position)) is None or count < 6


@pytest.mark.parametrize(
    "times", [[0.0], [0.0, 0.0], [1.0, 0.0], [0, np.nan], [[0, 1]], [0.0, np.inf]]
)
def test_time_stamps_that_cannot_be_are_refused(times):
    with pytest.raises(SpecsrError, match="time stamps"):
        even_times(np.array(times))


# Channels that do not fit together


def many():
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
        recording.assemble(many())
    with pytest.raises(SpecsrError, match=r"channel temp: the unit label '°C' is not understood"):
        recording.assemble(many(), ["temp"])
    with pytest.raises(SpecsrError, match=r"mic 1 \(1000 Hz, Pa, 100.*acc \(2000 Hz.*--channel"):
        recording.assemble(many(), ["mic 1", "acc"])
    made, _ = recording.assemble(many(), ["mic 2", "0"])
    assert made.channels == ("mic 2", "mic 1") and made.rpm.tolist() == [900] * 100
    made, notes = recording.assemble(many(), ["n"])
    assert made.rate == 100 and made.unit == "1" and "speed" in notes[-1]
    made, _ = recording.assemble(many(), ["tacho"])
    assert made.unit == "V"


def test_mixed_lengths_are_not_cut_on_the_quiet():
    parts = many().channels[:2]
    shorter = replace(parts[1], samples=np.ones(99))
    with pytest.raises(SpecsrError, match=r"100 samples.*99 samples.*Pick"):
        recording.assemble(Contents((parts[0], shorter)))


def test_several_speeds_are_not_chosen_between():
    channels = many().channels
    file = Contents((channels[0], channels[4], replace(channels[4], name="turbine rpm")))
    made, notes = recording.assemble(file)
    assert made.rpm is None and "several speeds (n, turbine rpm)" in notes[-1]
    made, _ = recording.assemble(file, ["mic 1", "turbine rpm"])
    assert made.channels == ("mic 1",) and made.rpm is not None


def test_a_speed_that_ends_early_is_held_and_said():
    mic = many().channels[0]
    speed = Channel("rpm", np.array([100.0, 200.0]), 50.0, "1/min")
    made, notes = recording.assemble(Contents((mic, speed)))
    assert made.rpm[-1] == 200 and "covers 0 to 0.02 s only" in notes[-1]
    late = replace(speed, start=5.0)
    made, notes = recording.assemble(Contents((mic, late)))
    assert made.rpm is None and "covers none" in notes[-1]


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        ("1/min", "x", True), ("tr/min", "x", True), ("rpm", "x", True), ("U/min", "x", True),
        ("", "rpm", True), ("", "Motor_RPM", True), ("", "EngineSpeed", True),
        ("", "Drehzahl", True), ("V", "rpm", False), ("Pa", "rpm", False), ("", "mic", False),
        ("", "tacho rpm pulse", False), ("m/s", "speed", False), ("", "trumpet", False),
    ],
)  # fmt: skip
def test_speeds_are_recognised(label, name, expected):
    assert units.is_speed(label, name) is expected


def test_equal_names_are_told_apart():
    file = Contents((
        Channel("x", np.ones(3), 1.0, group="a"), Channel("x", np.ones(3), 1.0, group="b"),
        Channel("y", np.ones(3), 1.0), Channel("y", np.ones(3), 1.0),
    ))  # fmt: skip
    assert [channel.name for channel in file.channels] == ["a/x", "b/x", "y", "y (2)"]


# Calibration in chunks and sidecars


def lea_chunk(entries):
    body = b""
    for i, (scale, name, unit) in enumerate(entries):
        entry = struct.pack("<fH", scale, len(name)) + name + struct.pack("<H", len(unit)) + unit
        entry += struct.pack("<ff", 0, 1)
        body += b"le%02d" % i + struct.pack("<I", len(entry)) + entry
    return b"LEA " + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("form", ["WAV", "RF64"])
def test_calibration_is_read_from_a_chunk(tmp_path, padded, form):
    path = tmp_path / f"a.{form.lower()}"
    x = noise(2) / 10
    sf.write(path, x.T, 48000, "FLOAT", format=form)
    odd = b"junk" + struct.pack("<I", 3) + b"odd" + b"\0" * padded
    chunk = lea_chunk([(2.5, b"mic", b"Pa"), (5000.0, b"n", b"tr/min")])
    path.write_bytes(path.read_bytes() + odd + chunk)
    back = read(path)
    assert (back.unit, back.channels, back.full_scale) == ("Pa", ("mic",), 2.5)
    np.testing.assert_allclose(back.samples[0], x[0] * 2.5, rtol=1e-6)
    np.testing.assert_allclose(back.rpm, x[1] * 5000, rtol=1e-6)
    assert read(path, calib=1, channels=["mic"]).full_scale == 1
    (tmp_path / f"{path.name}.json").write_text('{"format": "specsr-signal", "unit": "V"}')
    assert read(path).unit == "V" and len(read(path).channels) == 2  # the sidecar wins


@given(st.binary(max_size=200))
def test_a_damaged_chunk_calibrates_nothing(content):
    from specsr.io.riff import _lea

    for scale, _, _ in _lea(content) + _lea(b"le00" + content):
        assert np.isfinite(scale) and scale > 0


def test_a_sidecar_may_calibrate_each_channel(tmp_path):
    x = noise(2, dtype=np.float32) / 10
    sf.write(tmp_path / "a.wav", x.T, 48000, "FLOAT")
    (tmp_path / "a.wav.json").write_text(
        '{"format": "specsr-signal", "unit": ["Pa", "1/min"], "full_scale": [2.0, 4000]}'
    )
    back = read(tmp_path / "a.wav")
    assert back.unit == "Pa" and back.full_scale == 2
    np.testing.assert_allclose(back.samples, x[:1] * 2, rtol=1e-6)
    np.testing.assert_allclose(back.rpm, x[1] * 4000, rtol=1e-6)
