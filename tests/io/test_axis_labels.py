"""What labels and names of axes mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import sampling, unit_labels
from specsr.io.axis_labels import meaning, quantity
from specsr.io.titles import kind_of_name, split_title
from support.texts import texts


@pytest.mark.parametrize(
    ("label", "kind", "factor"),
    [
        ("s", "time", 1), ("[ms]", "time", 1e-3), ("msec", "time", 1e-3), ("µs", "time", 1e-6),
        ("ns", "time", 1e-9), ("min", "time", 60), ("hours", "time", 3600), ("d", "time", 86400),
        ("seconds since 1970-01-01", "time", 1), ("Hz", "frequency", 1), ("kHz", "frequency", 1e3),
        ("MHz", "frequency", 1e6), ("mHz", "frequency", 1e-3), ("1/min", "speed", 1),
        ("min⁻¹", "speed", 1), ("rpm", "speed", 1), ("U/min", "speed", 1), ("krpm", "speed", 1e3),
        ("rad/s", "speed", 30 / math.pi), ("°", "angle", 1 / 360), ("rev", "angle", 1),
        ("km", "distance", 1e3),
    ],
)  # fmt: skip
def test_a_label_means_a_kind_and_a_factor(label, kind, factor):
    found = meaning(label)
    assert found is not None and found.kind == kind and found.factor == pytest.approx(factor)


@pytest.mark.parametrize("label", ["", "tick", "Pa", "km/h", "sone", "m/s2", "x", "%"])
def test_other_labels_mean_no_axis(label):
    assert meaning(label) is None


@given(texts(max_size=20))
def test_any_text_has_a_meaning_or_none(text):
    found = meaning(text)
    assert found is None or (math.isfinite(found.factor) and found.factor > 0)
    name, label = split_title(text)
    assert isinstance(name, str) and isinstance(label, str)
    assert kind_of_name(text) in (
        None, "time", "frequency", "speed", "angle", "distance", "order", "index"
    )  # fmt: skip
    assert quantity(text) is None or len(quantity(text)) == 2


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("mic [Pa]", ("mic", "Pa")), ("mic (Pa)", ("mic", "Pa")), ("Zeit t / s", ("Zeit t", "s")),
        ("Spannung U / V", ("Spannung U", "V")), ("U/V", ("U", "V")), ("Zeit in s", ("Zeit", "s")),
        ("a / (m/s²)", ("a", "m/s²")), ("time_ms", ("time", "ms")),
        ("left/right", ("left/right", "")),
        ("km/h", ("km/h", "")), ("m/s", ("m/s", "")), ("rpm", ("rpm", "")),
        ("Mic_1", ("Mic_1", "")),
        ("mic in hall", ("mic in hall", "")), ("channel_s", ("channel_s", "")), ("", ("", "")),
    ],
)  # fmt: skip
def test_titles_have_a_name_and_a_unit(title, expected):
    assert split_title(title) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (48000, (48000, "")), ("48 kHz", (48, "kHz")), ("1000,000", (1000, "")),
        ("1e3", (1000, "")),
        ("-0.5 s", (-0.5, "s")), ("fast", None), ("", None), (True, None), (None, None),
    ],
)  # fmt: skip
def test_numbers_have_a_unit(value, expected):
    assert quantity(value) == expected


@given(
    unit=st.sampled_from(["s", "ms", "us", "ns", "min", "h"]),
    rate=st.sampled_from([1000, 8000, 25600, 44100, 48000, 51200, 65536, 102400]),
)
def test_a_rate_a_step_and_times_agree(unit, rate):
    factor = meaning(unit).factor
    step = 1 / rate / factor
    by_step = sampling.of_step(step, 3 * step, unit)
    by_times = sampling.of_values((3 + np.arange(500)) * step, unit)
    by_rate = sampling.of_rate(rate / 1000, "kHz")
    assert by_step.rate == by_times.rate == by_rate.rate == rate
    assert by_step.start == pytest.approx(3 / rate) == by_times.start
    found = sampling.agreed([("a", by_rate), ("b", by_step), ("c", by_times)])
    assert found.rate == rate and found.start == by_step.start
    clash = sampling.agreed([("a", by_rate), ("b", sampling.of_rate(rate * 1.02))])
    assert clash.rate is None and "by a and" in clash.problem and "--file-rate" in clash.problem


@pytest.mark.parametrize(
    ("label", "kind", "over"),
    [("deg", "time", "angle (deg)"), ("", "frequency", "frequency"), ("m", "time", "distance (m)")],
)
def test_other_axes_give_no_rate(label, kind, over):
    for found in (
        sampling.of_step(0.5, 0.0, label, kind), sampling.of_values(np.arange(9.0), label, kind)
    ):  # fmt: skip
        assert (found.rate, found.times, found.over) == (None, None, over)


def test_steps_and_rates_that_are_none_are_refused():
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(SpecsrError, match="time step"):
            sampling.of_step(wrong)
        with pytest.raises(SpecsrError, match="rate is"):
            sampling.of_rate(wrong)


@pytest.mark.parametrize("label", ["kg", "Mg", "cg", "hg", "kg/s"])
def test_masses_are_no_acceleration(label):
    with pytest.raises(SpecsrError, match="is unknown"):
        unit_labels.understand(label)


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        ("Hz", "engine speed", True), ("rad/s", "Drehzahl", True), ("krpm", "x", True),
        ("Hz", "mic", False), ("rad/s", "gyro x", False), ("Hz", "rotation", True),
        ("m", "speed", False),
    ],
)  # fmt: skip
def test_speeds_in_other_units_need_a_name(label, name, expected):
    assert unit_labels.is_speed(label, name) is expected
