"""Acceleration, velocity and displacement of sines, whose integrals are known."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.signal import Signal

RATE, SECONDS = 6400.0, 6.0
T = np.arange(round(RATE * SECONDS)) / RATE
INSIDE = slice(round(RATE), -round(RATE))
"""2 / high-pass from the edges."""


def passed(freq: float, highpass: float = 2.0) -> float:
    return float(1 / np.sqrt(1 + (highpass / freq) ** 8))


@pytest.mark.parametrize("freq", [3.7, 50.0, 3100.0])
@pytest.mark.parametrize("phase", [0.0, 1.0, np.pi / 2])
def test_a_sine_is_integrated_exactly(freq: float, phase: float) -> None:
    w = 2 * np.pi * freq
    signal = Signal(np.cos(w * T + phase), RATE, "m/s2")
    gain = passed(freq)
    for quantity, unit, expected in (
        ("velocity", "m/s", gain * np.sin(w * T + phase) / w),
        ("displacement", "m", -gain * np.cos(w * T + phase) / w**2),
    ):
        found = specsr.to_quantity(signal, quantity)
        assert found.unit == unit
        amplitude = np.abs(expected).max()
        # the high-pass falls by exp(-4 pi sin(pi / 8)) = 0.8 % of a step within 2 / high-pass;
        # the largest step at an edge is the amplitude
        assert np.abs(found.samples[0] - expected)[INSIDE].max() < 0.01 * amplitude
        assert found.full_scale == np.abs(found.samples).max()


@pytest.mark.parametrize("freq", [3.7, 50.0, 1000.0])
def test_a_sine_is_differentiated_exactly(freq: float) -> None:
    w = 2 * np.pi * freq
    signal = Signal(np.cos(w * T + 1), RATE, "m")
    velocity = specsr.to_quantity(signal, "velocity")
    expected = -w * np.sin(w * T + 1)
    assert np.abs(velocity.samples[0] - expected)[INSIDE].max() < 1e-5 * w
    acceleration = specsr.to_quantity(signal, "acceleration").samples[0]
    assert np.abs(acceleration + w**2 * np.cos(w * T + 1))[INSIDE].max() < 1e-5 * w**2


def test_g_is_standard_gravity_and_a_drift_is_removed() -> None:
    w = 2 * np.pi * 100
    signal = Signal(np.cos(w * T) + 0.5 + 0.1 * T, RATE, "g")
    same = specsr.to_quantity(signal, "acceleration")
    np.testing.assert_allclose(same.samples, 9.80665 * signal.samples)
    velocity = specsr.to_quantity(signal, "velocity").samples[0]
    assert np.abs(velocity - 9.80665 * np.sin(w * T) / w)[INSIDE].max() < 0.01 * 9.80665 / w * 100
    clean = specsr.to_quantity(specsr.detrended(signal, "linear"), "velocity").samples[0]
    assert np.abs(clean - 9.80665 * np.sin(w * T) / w)[INSIDE].max() < 0.01 * 9.80665 / w


def test_one_second_and_one_sample_have_results_too() -> None:
    for length in (1, 2, 640):
        found = specsr.to_quantity(Signal(np.ones(length), RATE, "m/s2"), "displacement")
        assert found.samples.shape == (1, length) and not found.samples.any()


def test_the_straight_line_of_least_squares_is_removed() -> None:
    x = np.random.default_rng(0).standard_normal((2, 1001)) + np.linspace(3, 9, 1001)
    found = specsr.detrended(Signal(x, RATE), "linear").samples
    k = np.arange(1001)
    expected = np.stack([row - np.polyval(np.polyfit(k, row, 1), k) for row in x])
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.abs(specsr.detrended(Signal(x, RATE), "mean").samples.mean(1)).max() < 1e-12


@pytest.mark.parametrize(
    ("unit", "quantity", "highpass", "words"),
    [
        ("Pa", "velocity", 2.0, "samples are in Pa"), ("g", "jerk", 2.0, "'jerk'"),
        ("g", "velocity", 0.0, "0 Hz: expected above zero"),
        ("g", "velocity", 3200.0, "half the sampling rate, 3200 Hz"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(unit, quantity, highpass, words) -> None:
    with pytest.raises(SpecsrError, match=words):
        specsr.to_quantity(Signal(np.ones(100), RATE, unit), quantity, highpass)
