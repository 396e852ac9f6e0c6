"""Signals: units, levels, names, checks and resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.signal import Signal, channel_position, fit_length
from specsr.units import REFERENCES, STANDARD_GRAVITY, parse_unit, reference_label


def sine(rms=1.0, freq=1000.0, rate=48000, seconds=1.0, dtype=np.float64):
    t = np.arange(round(rate * seconds)) / rate
    return (rms * np.sqrt(2) * np.sin(2 * np.pi * freq * t)).astype(dtype)


# Units and levels


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("Pa", 93.9794),
        ("m/s2", 120.0),
        ("m/s", 180.0),
        ("m", 240.0),
        ("N", 120.0),
        ("V", 0.0),
        ("1", 0.0),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_level_of_one_unit_rms(unit, expected, dtype):
    signal = Signal(np.stack([sine(dtype=dtype), sine(0.1, dtype=dtype)]), 48000, unit=unit)
    np.testing.assert_allclose(signal.level(), [expected, expected - 20], atol=1e-4)
    assert signal.level().dtype == np.float64


def test_levels_in_g_and_in_si_units_are_equal():
    samples = sine(0.3)
    in_g = Signal(samples, 48000, unit="g")
    in_si = Signal(samples * STANDARD_GRAVITY, 48000, unit="m/s2")
    np.testing.assert_allclose(in_g.level(), in_si.level(), atol=1e-9)
    assert reference_label("g") == reference_label("m/s2")
    np.testing.assert_allclose(in_g.level(), 20 * np.log10(0.3 * 9.80665 / 1e-6), atol=1e-6)


def test_level_is_rms_over_all_samples():
    samples = np.random.default_rng(0).normal(0, 3.0, (4, 5000))
    for dc, counted in ((True, samples), (False, samples - samples.mean(axis=1, keepdims=True))):
        expected = 20 * np.log10(np.sqrt((counted**2).mean(axis=1)) / 20e-6)
        np.testing.assert_allclose(Signal(samples, 1000, unit="Pa").level(dc), expected)


def test_silence_has_no_level_and_a_constant_has():
    signal = Signal(np.stack([np.zeros(10), np.ones(10)]), 8000)
    assert signal.level(dc=True).tolist() == [-np.inf, 0.0]
    assert signal.level().tolist() == [-np.inf, -np.inf]  # its mean alone


def test_float32_levels_neither_underflow_nor_overflow():
    assert Signal(np.full(10, 1e-30, np.float32), 1).level(dc=True)[0] == pytest.approx(
        -600, abs=1e-3
    )
    assert Signal(np.full(10, 1e30, np.float32), 1).level(dc=True)[0] == pytest.approx(
        600, abs=1e-3
    )


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("Pa", "Pa"), (" pascal ", "Pa"), ("m/s²", "m/s2"), ("m/s^2", "m/s2"), ("m/s**2", "m/s2"),
        ("G", "g"), ("n", "N"), ("Volts", "V"), ("", "1"), (1, "1"), ("FS", "1"), ("m/s", "m/s"),
    ],
)  # fmt: skip
def test_unit_labels(label, unit):
    assert parse_unit(label) == unit
    assert Signal(np.ones(3), 1, unit=label).unit == unit
    assert parse_unit(parse_unit(label)) == unit


def test_every_unit_has_a_reference_and_a_label():
    for unit, reference in REFERENCES.items():
        assert parse_unit(unit) == unit
        assert reference_label(unit).startswith("re ")
        assert Signal(np.ones(1), 1, unit=unit).reference == reference > 0


def test_an_unknown_unit_names_the_known():
    with pytest.raises(SpecsrError, match="unknown unit 'psi'.*Pa, m/s2, g"):
        Signal(np.ones(3), 1, unit="psi")


# Shape, type and names


def test_default_fields():
    signal = Signal(np.zeros((2, 24000)), 48000)
    assert (signal.length, signal.duration, signal.unit) == (24000, 0.5, "1")
    assert signal.channels == ("ch1", "ch2") and signal.rpm is None
    assert (signal.start, signal.full_scale) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [
        (np.float32, np.float32), (np.float64, np.float64), (np.float16, np.float32),
        (np.int16, np.float32), (np.uint8, np.float32), (np.int32, np.float64),
        (np.int64, np.float64), (">f4", np.float64), (np.longdouble, np.float64),
    ],
)  # fmt: skip
def test_numbers_of_every_type_are_kept_exactly(given_type, kept):
    samples = np.arange(100).astype(given_type)
    signal = Signal(samples, 8000)
    assert signal.samples.dtype == kept and signal.samples.shape == (1, 100)
    assert (signal.samples[0] == np.arange(100)).all()
    extreme = np.array([2**31 - 1, -(2**31)], np.int32)
    assert Signal(extreme, 1).samples[0].tolist() == extreme.tolist()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"samples": np.zeros(0)}, "empty"),
        ({"samples": np.zeros((0, 5))}, "empty"),
        ({"samples": np.zeros((2, 0))}, "empty"),
        ({"samples": np.zeros((2, 3, 4))}, r"shape \(2, 3, 4\).*\[channels, samples\]"),
        ({"samples": np.float64(3)}, r"shape \(\)"),
        ({"samples": np.zeros(3, complex)}, "complex128: expected real numbers"),
        ({"samples": np.array(["a"])}, "expected real numbers"),
        ({"samples": np.array([None])}, "expected real numbers"),
        ({"rate": 0}, "rate is 0"),
        ({"rate": -8000}, "rate is -8000"),
        ({"rate": np.nan}, "rate is nan"),
        ({"rate": np.inf}, "rate is inf"),
        ({"full_scale": 0}, "full_scale is 0"),
        ({"full_scale": np.nan}, "full_scale is nan"),
        ({"start": np.nan}, "start is nan"),
        ({"channels": ("a",)}, "1 channel names for 2 channels"),
        ({"rpm": np.ones(4)}, r"rpm has shape \(4,\): expected \[5\]"),
        ({"rpm": [1, 2, np.nan, 4, 5]}, "rpm holds nan at sample 2"),
    ],
)
def test_invalid_arguments_are_refused(arguments, match):
    with pytest.raises(SpecsrError, match=match):
        Signal(**({"samples": np.zeros((2, 5)), "rate": 8000} | arguments))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_non_finite_sample_is_reported_by_channel_and_position(value):
    samples = np.zeros((3, 100))
    samples[1, 20] = samples[2, 7] = value
    with pytest.raises(SpecsrError) as error:
        Signal(samples, 1000)
    text = str(error.value)
    assert (
        f"channel 2 holds {value} at sample 20 (0.02 s), 2 samples in total are not finite" in text
    )
    assert "nan_to_num" in text


def test_replace_checks_again_and_keeps_the_original():
    signal = Signal(np.zeros(5), 8000, channels=("mic",))
    assert signal.replace(unit="Pa").unit == "Pa" and signal.unit == "1"
    assert signal.replace(unit="Pa").channels == ("mic",)
    with pytest.raises(SpecsrError, match="unknown unit"):
        signal.replace(unit="psi")


# Channels and lengths


def test_a_channel_is_found_by_name_position_or_text():
    names = ("mic", "acc", "0")
    found = [channel_position(names, channel) for channel in ("acc", 2, "1", "0")]
    assert found == [1, 2, 1, 2]  # a name comes before a position
    for wrong in ("gear", 3, -1, "3"):
        with pytest.raises(SpecsrError, match=r"no channel .*mic, acc, 0, or 0 to 2"):
            channel_position(names, wrong)


def test_samples_are_cut_or_padded_with_zeros():
    samples = np.arange(1.0, 7.0).reshape(2, 3)
    assert fit_length(samples, 2).tolist() == [[1, 2], [4, 5]]
    assert fit_length(samples, 5).tolist() == [[1, 2, 3, 0, 0], [4, 5, 6, 0, 0]]
    assert fit_length(samples[0].astype(np.float32), 4).dtype == np.float32


# Resampling


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 3000),
    channels=st.integers(1, 3),
    rates=st.tuples(*[st.sampled_from([8000, 16000, 44100, 48000, 51200.131, 22050])] * 2),
)
def test_resampled_lengths_are_exact(length, channels, rates):
    before, after = rates
    signal = Signal(
        np.ones((channels, length)), before, unit="Pa", channels=tuple("abc"[:channels]),
        start=2.0, full_scale=3.0, rpm=np.linspace(1000, 2000, length),
    )  # fmt: skip
    expected = round(length * after / before)
    if expected == 0:
        with pytest.raises(SpecsrError, match="shorter than one sample"):
            signal.resample(after)
        return
    resampled = signal.resample(after)
    assert resampled.samples.shape == (channels, expected) and resampled.rate == after
    assert resampled.samples.dtype == signal.samples.dtype and resampled.rpm.shape == (expected,)
    kept = ("unit", "channels", "start", "full_scale")
    assert all(getattr(resampled, key) == getattr(signal, key) for key in kept)


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
@pytest.mark.parametrize("length", [1, 999, 8001])
def test_an_integer_multiple_of_the_rate_gives_that_multiple_of_samples(factor, length):
    signal = Signal(np.zeros(length, np.float32), 8000)
    assert signal.resample(8000 * factor).length == factor * length


@pytest.mark.parametrize(
    "rates", [(16000, 48000), (48000, 16000), (44100, 48000), (48000, 51200.131)]
)
def test_resampling_keeps_level_and_time(rates):
    before, after = rates
    resampled = Signal(np.stack([sine(rate=before), sine(0.1, 500, before)]), before).resample(
        after
    )
    expected = np.stack([sine(rate=after), sine(0.1, 500, after)])
    inner = slice(round(0.1 * after), round(0.9 * after))
    np.testing.assert_allclose(resampled.samples[:, inner], expected[:, inner], atol=1e-5)


def test_resampling_removes_content_above_the_new_nyquist_frequency():
    resampled = Signal(sine(freq=10_000), 48000).resample(16000)
    assert np.abs(resampled.samples[0, 1600:-1600]).max() < 1e-5


def test_rpm_follows_the_new_rate():
    signal = Signal(np.zeros(1000), 1000, rpm=np.linspace(1000, 1999, 1000))
    resampled = signal.resample(2000)
    np.testing.assert_allclose(resampled.rpm[:1999], 1000 + np.arange(1999) / 2)


def test_the_same_rate_returns_the_same_signal():
    signal = Signal(np.zeros(10), 48000)
    assert signal.resample(48000) is signal


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf])
def test_an_invalid_rate_is_refused(rate):
    with pytest.raises(SpecsrError, match="rate is"):
        Signal(np.zeros(10), 48000).resample(rate)
