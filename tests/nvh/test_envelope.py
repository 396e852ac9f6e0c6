"""Envelope, spectral kurtosis, cepstrum and synchronous average against analytic truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from specsr.errors import SpecsrError
from specsr.nvh.cepstrum import cepstrum
from specsr.nvh.envelope import amplitude_spectrum, envelope
from specsr.nvh.known_orders import Bearing
from specsr.nvh.kurtosis import kurtogram
from specsr.nvh.order_map import order_map
from specsr.nvh.synchronous_average import synchronous_average
from specsr.signal import Signal

RATE = 16384.0
T = np.arange(4 * 16384) / RATE


def faulty(rpm: float = 1500.0, noise: float = 0.5) -> tuple[Signal, float]:
    """A bearing whose outer ring rings at 3 kHz at each ball, and the order of that."""
    order = Bearing(9, 7.94, 39.04).bpfo
    rng = np.random.default_rng(0)
    samples = noise * rng.standard_normal(T.size)
    ring = np.exp(-800 * T[:200]) * np.sin(2 * np.pi * 3000 * T[:200])
    for turn in np.arange(0.2, 4 * rpm / 60 * order):
        at = int(turn / order / (rpm / 60) * RATE)
        samples[at : at + 200] += 3 * ring[: T.size - at]
    return Signal(samples, RATE, "m/s2", rpm=np.full(T.size, rpm)), order


def test_a_modulated_carrier_has_its_envelope() -> None:
    wanted = 1 + 0.5 * np.cos(2 * np.pi * 30 * T) + 0.2 * np.sin(2 * np.pi * 70 * T)
    foreign = 2 * np.sin(2 * np.pi * 400 * T)
    signal = Signal(wanted * np.sin(2 * np.pi * 3000 * T) + foreign, RATE, "Pa")
    found = envelope(signal, (2800, 3200))
    assert found.rate == pytest.approx(RATE / 13) and found.unit == "Pa"
    inner = slice(round(0.2 * found.rate), -round(0.2 * found.rate))
    times = np.arange(found.length) / found.rate
    truth = np.interp(times, T, wanted)
    assert np.abs(found.samples[0] - truth)[inner].max() < 2e-3
    freqs, rms = amplitude_spectrum(found, 1.0)
    at = [int(np.argmin(np.abs(freqs - f))) for f in (30, 70, 50)]
    assert rms[0, at[:2]] == pytest.approx([0.5 / np.sqrt(2), 0.2 / np.sqrt(2)], rel=0.01)
    assert rms[0, at[2]] < 1e-3


def test_a_constant_carrier_has_its_amplitude() -> None:
    signal = Signal(0.7 * np.sin(2 * np.pi * 1000 * T), RATE, "Pa")
    found = envelope(signal, (900, 1100)).samples[0]
    assert found[len(found) // 4 : -len(found) // 4] == pytest.approx(0.7, abs=1e-4)


def test_the_kurtogram_finds_the_resonance_and_the_envelope_its_order() -> None:
    signal, order = faulty()
    low, high = kurtogram(signal).band()
    assert low < 3000 < high and high - low <= 2048
    found = order_map(envelope(signal, (low, high)).without_mean(), resolution=0.05, max_order=10)
    power = found.spec.power[0].mean(-1)
    top = found.orders[np.argmax(np.where(found.orders > 0.5, power, 0))]
    assert top == pytest.approx(order, abs=0.05)


def test_noise_and_a_sine_have_no_impulsive_band() -> None:
    noise = np.random.default_rng(3).standard_normal(T.size)
    for samples in (noise, np.sin(2 * np.pi * 1234 * T) + 0.01 * noise):
        found = kurtogram(Signal(samples, RATE))
        with pytest.raises(SpecsrError, match="more impulsive than noise"):
            found.band()
    # a steep spectrum and lines: the cells of short windows are not quite complex
    steep = lfilter([1], [1, -0.97], noise) + sum(np.cos(2 * np.pi * f * T) for f in (170, 340))
    with pytest.raises(SpecsrError, match="more impulsive than noise"):
        kurtogram(Signal(steep, RATE)).band()
    k = np.concatenate([x[0] for x in kurtogram(Signal(noise, RATE)).kurtosis])
    assert abs(k.mean()) < 0.05


def test_an_echo_and_sidebands_peak_in_the_cepstrum() -> None:
    noise = np.random.default_rng(4).standard_normal(T.size)
    delay, gain = 100, 0.4
    echoed = noise.copy()
    echoed[delay:] += gain * noise[:-delay]
    quefrency, found = cepstrum(Signal(echoed, RATE), 4.0)
    assert found.shape == (1, quefrency.size)
    top = 20 + np.argmax(found[0, 20:])
    assert quefrency[top] == pytest.approx(delay / RATE)
    assert found[0, top] == pytest.approx(gain, abs=0.05)


def test_a_periodic_signal_is_its_average_and_noise_falls_by_the_count() -> None:
    rpm = 600 + 300 * T
    angle = (600 * T + 150 * T**2) / 60
    wave = np.cos(2 * np.pi * angle) + 0.3 * np.sin(2 * np.pi * 7 * angle)
    noise = np.random.default_rng(5).standard_normal(T.size)
    clean = synchronous_average(Signal(wave, RATE, "Pa", rpm=rpm))
    turn = clean.turns
    truth = np.cos(2 * np.pi * turn) + 0.3 * np.sin(2 * np.pi * 7 * turn)
    assert clean.count == 79  # and all but one sample of the 80th
    # the speed is integrated by the trapezoidal rule, exact for a linear one: what is left is the
    # interpolation of the samples
    assert np.abs(clean.mean[0] - truth).max() < 2e-3
    assert clean.orders()[0, [1, 7, 3]] == pytest.approx(
        [np.sqrt(0.5), 0.3 * np.sqrt(0.5), 0], abs=1e-3
    )
    noisy = synchronous_average(Signal(wave + noise, RATE, "Pa", rpm=rpm))
    left = np.mean((noisy.mean[0] - truth) ** 2)
    # 220 to 1640 samples a turn, interpolated: white noise keeps its power or loses a little
    assert 0.6 / 79 < left < 1.2 / 79
    assert noisy.scatter.mean() == pytest.approx(0.95, abs=0.1)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda s: envelope(s, (3000, 2000)), "band 3000 to 2000 Hz: expected two ascending"),
        (lambda s: envelope(s, (3000, 9000)), "half the sampling rate"),
        (lambda s: amplitude_spectrum(s, 0.01), "df is 0.01 Hz: expected"),
        (lambda s: kurtogram(s.cut(0, 300)), "has 300 samples"),
        (lambda s: cepstrum(s.replace(samples=0 * s.samples)), "channel .* is silent"),
        (lambda s: synchronous_average(s), "speed"),
        (lambda s: synchronous_average(s, 10.0), "revolutions: expected two or more"),
        (lambda s: synchronous_average(s, 1500.0, ratio=0), "ratio is 0"),
        (lambda s: synchronous_average(s, 0.0), "stands at 0 s"),
    ],
)
def test_mistakes_are_one_line(work, words: str) -> None:
    with pytest.raises(SpecsrError, match=words):
        work(Signal(np.sin(2 * np.pi * 100 * T), RATE, "Pa"))
