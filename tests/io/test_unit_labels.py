"""Unit labels of files: spellings, prefixes, damaged characters, speeds."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given

from specsr.errors import SpecsrError
from specsr.io import read, unit_labels
from specsr.signal import Signal
from support.texts import texts


@pytest.mark.parametrize(
    ("label", "quantity", "unit", "factor"),
    [
        ("Pa", "", "Pa", 1), ("[Pa]", "", "Pa", 1), ("mPa", "", "Pa", 1e-3), ("kPa", "", "Pa", 1e3),
        ("µPa", "", "Pa", 1e-6), ("MPa", "", "Pa", 1e6), ("hPa", "", "Pa", 100),
        ("m/s²", "", "m/s2", 1), ("m/s\ufffd", "", "m/s2", 1),
        ("m/s\ufffd", "acceleration", "m/s2", 1), ("m/s^2", "", "m/s2", 1),
        ("m/sÂ²", "", "m/s2", 1), ("mm/s²", "", "m/s2", 1e-3), ("mm/s", "", "m/s", 1e-3),
        ("µm", "", "m", 1e-6),
        ("mg", "", "g", 1e-3), ("g", "", "g", 1), ("Volts", "", "V", 1), ("mV", "", "V", 1e-3),
        ("µV", "", "V", 1e-6), ("kN", "", "N", 1e3), ("", "", "1", 1), ("-", "", "1", 1),
        ("NONE", "", "1", 1), ("Pa\0\0", "", "Pa", 1),
    ],
)  # fmt: skip
def test_unit_labels_are_recognised(label, quantity, unit, factor):
    found = unit_labels.understand(label, quantity)
    assert found[0] == unit and found[1] == pytest.approx(factor)


@pytest.mark.parametrize("label", ["psi", "furlong", "\ufffd", "?", "°C", "Nm", "m/s3", "%", "x/y"])
def test_unknown_labels_are_errors(label):
    with pytest.raises(SpecsrError, match=r"is unknown.*--unit"):
        unit_labels.understand(label)


def test_contradicting_labels_are_errors():
    with pytest.raises(SpecsrError, match="is unknown"):
        unit_labels.understand("m/s\ufffd", "velocity")
    with pytest.raises(SpecsrError, match="levels in dB"):
        unit_labels.understand("dB(A)")


@given(texts(max_size=12))
def test_any_label_is_recognised_or_an_error(label):
    try:
        unit, factor, _ = unit_labels.understand(label)
        assert factor > 0 and Signal(np.ones(3), 10, unit=unit)
    except SpecsrError:
        pass
    assert unit_labels.is_speed(label, "") in (True, False)


def test_a_prefix_scales_and_an_explicit_unit_does_not(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("time,p [mPa]\n0,20\n1,30\n")
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path / "a.csv").samples.tolist() == [[0.02, 0.03]]
    assert "mPa are multiplied by 0.001" in caplog.text
    assert read(tmp_path / "a.csv", unit="V").samples.tolist() == [[20, 30]]


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
    assert unit_labels.is_speed(label, name) is expected
