"""Levels over time and speed, weighted recordings and maps."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.nvh.level_steps import held_over_rpm
from specsr.nvh.weighting import weighting_power, weighting_response
from specsr.signal import Signal
from support.levels_samples import sine, white

RATE = 8192.0


def run_up(seconds: float = 4.0) -> tuple[Signal, np.ndarray]:
    """Order 8 with an amplitude that grows with the speed, rpm / 1000 Pa rms, and the speed."""
    t = np.arange(round(seconds * RATE)) / RATE
    rpm = 1200 + 2400 * t / seconds
    angle = 2 * np.pi * np.cumsum(rpm / 60) / RATE
    return Signal(np.sqrt(2) * rpm / 1000 * np.cos(8 * angle), RATE, "Pa", rpm=rpm), rpm


def level(rms: np.ndarray | float) -> np.ndarray:
    return 20 * np.log10(np.asarray(rms) / 20e-6)


@pytest.mark.parametrize("time_weighting", ["rms", "fast"])
def test_level_and_order_of_a_run_up_over_speed(time_weighting) -> None:
    signal, _ = run_up()
    options = specsr.CurveOptions("rpm", "Z", time_weighting, orders=(8.0,), step=50.0)
    curve = specsr.level_curve(signal, options)
    assert curve.x[0] in (1200, 1250) and np.allclose(np.diff(curve.x), 50)
    inner = slice(6, -6)
    # the exponential average is late by its time constant: 600 rpm/s * 0.125 s
    late = 75.0 if time_weighting == "fast" else 0.0
    assert curve.overall[0, inner] == pytest.approx(level((curve.x[inner] - late) / 1e3), abs=0.06)
    assert curve.orders[8.0][0, inner] == pytest.approx(level(curve.x[inner] / 1e3), abs=0.06)
    assert np.isnan(curve.orders[8.0][0, [0, -1]]).any()  # windows that extend past the edges


@pytest.mark.parametrize("hold", [False, True])
def test_steps_of_speed_within_a_window_do_not_share_its_level(hold: bool) -> None:
    signal, _ = run_up(2.0)  # 1200 rpm/s: a window of the order passes through 150 rpm
    options = specsr.CurveOptions("rpm", "Z", "rms", hold, orders=(8.0,), step=10.0)
    curve = specsr.level_curve(signal, options)
    found = curve.orders[8.0][0]
    known = np.flatnonzero(np.isfinite(found))
    assert known.size > 150 and np.all(np.diff(known) == 1)
    assert np.all(np.diff(found[known]) > 0)
    expected = level(curve.x / 1e3)
    # a step of 10 rpm, and the mean over a window
    assert found[known] == pytest.approx(expected[known], abs=0.1)
    assert np.isnan(found[[0, -1]]).all()


def test_level_and_order_of_a_run_up_over_time() -> None:
    signal, rpm = run_up()
    options = specsr.CurveOptions("time", "Z", "rms", orders=(8.0,))
    curve = specsr.level_curve(signal.replace(start=3.0), options)
    assert curve.x[0] == pytest.approx(3.025, abs=1e-3)
    at = np.interp(curve.x - 3, np.arange(rpm.size) / RATE, rpm)
    np.testing.assert_allclose(curve.rpm, at)
    assert curve.overall[0] == pytest.approx(
        level(at / 1e3), abs=0.09
    )  # parts of a period: 1 / (2 pi f 0.05 s)
    found = curve.orders[8.0][0]
    read = np.isfinite(found)
    assert read.mean() > 0.85 and found[read] == pytest.approx(level(at[read] / 1e3), abs=0.05)
    rms = curve.linear(curve.overall)
    np.testing.assert_allclose(level(rms), curve.overall)


def test_peak_reads_amplitudes_of_level_and_orders() -> None:
    signal, _ = run_up()
    options = specsr.CurveOptions("rpm", "Z", "peak", orders=(8.0,), step=100.0)
    curve = specsr.level_curve(signal, options)
    amplitude = level(np.sqrt(2) * curve.x / 1e3)
    inner = slice(3, -3)
    assert curve.orders[8.0][0, inner] == pytest.approx(amplitude[inner], abs=0.06)
    assert curve.overall[0, inner] == pytest.approx(amplitude[inner], abs=0.2)


def test_run_down_counts_in_the_same_steps_and_hold_takes_the_higher() -> None:
    signal, rpm = run_up()
    there_and_back = Signal(
        np.concatenate([signal.samples, 2 * signal.samples[:, ::-1]], 1), RATE, "Pa",
        rpm=np.concatenate([rpm, rpm[::-1]]),
    )  # fmt: skip
    options = specsr.CurveOptions("rpm", "Z", "rms", step=100.0)
    mean = specsr.level_curve(there_and_back, options)
    inner = slice(2, -2)
    both = level(np.sqrt(2.5) * mean.x / 1e3)  # mean of 1 and 4
    assert mean.overall[0, inner] == pytest.approx(both[inner], abs=0.2)
    held = specsr.level_curve(there_and_back, specsr.CurveOptions("rpm", "Z", "rms", True, 100.0))
    assert np.all(held.overall >= mean.overall)
    higher = level(2 * mean.x / 1e3)
    # the highest reading of a step is at most half a step and a reading of 30 rpm higher
    assert np.all(held.overall[0, inner] > higher[inner] - 0.1)
    assert np.all(held.overall[0, inner] < level(2 * (mean.x + 80) / 1e3)[inner] + 0.1)


def test_hold_over_time_never_falls() -> None:
    signal, rpm = run_up(2.0)
    back = signal.replace(samples=signal.samples[:, ::-1], rpm=rpm[::-1])
    options = specsr.CurveOptions("time", "Z", "fast", True, orders=(8.0,))
    curve = specsr.level_curve(back, options)
    now = specsr.level_curve(back, specsr.CurveOptions())
    assert np.all(np.diff(curve.overall) >= 0) and np.all(curve.overall >= now.overall - 1e-9)
    known = curve.orders[8.0][0][np.isfinite(curve.orders[8.0][0])]
    assert np.all(np.diff(known) >= 0)


@pytest.mark.parametrize("seed", range(3))
def test_held_steps_are_those_that_the_speed_passes(seed: int) -> None:
    """Twin: every step between the reading and the one before it, by a loop."""
    rng = np.random.default_rng(seed)
    rpm, power = rng.uniform(1000, 2000, 40), rng.random((2, 40))
    x = np.arange(1000, 2001, 50.0)
    found = held_over_rpm(power, rpm, x, 50.0)
    place = np.floor((rpm - 1000) / 50 + 0.5).astype(int)
    expected = np.full((2, x.size), np.nan)
    for i, here in enumerate(place):
        before = place[max(i - 1, 0)]
        for k in range(min(before, here), max(before, here) + 1):
            if k != before or here == before:
                expected[:, k] = np.fmax(expected[:, k], power[:, i])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("weighting", ["A", "C"])
def test_a_weighted_recording_and_map_have_the_weighted_level(weighting: str) -> None:
    signal = Signal(np.stack([sine(100, rate=RATE), white(0, round(4 * RATE))]), RATE, "Pa")
    expected = specsr.overall_level(signal, weighting)
    heard = specsr.weighted(signal, weighting)
    # rows of 1 Hz against the exact filter: 0.03 dB over the slope of A at 100 Hz
    assert heard.level() == pytest.approx(expected, abs=0.05)
    gain = 10 * np.log10(weighting_power(np.array(100.0), weighting))
    assert heard.level()[0] == pytest.approx(level(1.0) + gain, abs=0.01)
    spec = specsr.spectrogram(signal, df=2.0)
    assert specsr.overall_level(specsr.weighted(spec, weighting)) == pytest.approx(
        specsr.overall_level(spec, weighting), abs=1e-3
    )
    assert specsr.weighted(signal, "Z") is signal


def test_the_response_of_a_weighting_is_that_of_its_network() -> None:
    """Twin: scipy's response of the zeros and poles."""
    from scipy.signal import freqs_zpk

    p1, p2, p3, p4 = 2 * np.pi * np.array([20.598997, 107.65265, 737.86223, 12194.217])
    f = np.geomspace(1, 30000, 50)
    for name, zeros, poles in (("A", 4, [p1, p1, p2, p3, p4, p4]), ("C", 2, [p1, p1, p4, p4])):
        _, at = freqs_zpk([0] * zeros, -np.array(poles), 1, 2 * np.pi * np.append(f, 1000.0))
        np.testing.assert_allclose(weighting_response(f, name), at[:-1] / np.abs(at[-1]), rtol=1e-9)
        assert weighting_response(np.zeros(1), name) == 0
    assert np.all(weighting_response(f, "Z") == 1)


def test_a_low_tone_that_starts_abruptly_has_no_impact_in_its_a_level() -> None:
    tone = Signal(sine(40.0, rate=RATE, seconds=1.0) + 5, RATE, "Pa")
    curve = specsr.level_curve(tone, specsr.CurveOptions(weighting="A", time_weighting="peak"))
    expected = level(np.sqrt(2)) + 10 * np.log10(weighting_power(np.array(40.0), "A"))
    # a jump to 5 Pa would be 34 dB above the weighted tone
    assert curve.overall[0].max() < expected + 6
    assert curve.overall[0, 3:-3] == pytest.approx(np.full(14, expected), abs=0.1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"over": "rpm"}, "a speed axis needs a speed"),
        ({"orders": (2.0,)}, "orders need a speed"),
        ({"weighting": "A"}, "m/s2: choose Z"), ({"step": 0.0}, "step is 0.0"),
        ({"step": 1e-5}, "at least one sample"), ({"over": "order"}, "over is 'order'"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(options, words) -> None:
    with pytest.raises(SpecsrError, match=words):
        specsr.level_curve(Signal(white(0, 1000), RATE, "m/s2"), specsr.CurveOptions(**options))


def test_a_constant_speed_and_negative_orders_are_refused() -> None:
    signal = Signal(white(0, 8192), RATE, rpm=np.full(8192, 1500.0))
    with pytest.raises(SpecsrError, match="stays at 1500 rpm"):
        specsr.level_curve(signal, specsr.CurveOptions("rpm"))
    with pytest.raises(SpecsrError, match="above zero"):
        specsr.level_curve(signal, specsr.CurveOptions(orders=(-2.0,)))


@pytest.mark.parametrize(
    ("orders", "words"), [((2.0, np.nan), "order is nan"), ((1e-9,), "order is 1e-09: .* from 0.1")]
)
def test_an_order_that_no_map_shows_is_named(orders, words) -> None:
    with pytest.raises(SpecsrError, match=words):
        specsr.level_curve(run_up(1.0)[0], specsr.CurveOptions(orders=orders))


def test_a_rate_too_low_for_the_readings_is_named() -> None:
    signal = Signal(white(0, 100), 1.0, rpm=np.linspace(1000, 2000, 100))
    with pytest.raises(SpecsrError, match=r"rate of 1 Hz is too low .* than 10 Hz$"):
        specsr.level_curve(signal, specsr.CurveOptions("rpm", step=10.0))
    with pytest.raises(SpecsrError, match=r"rate of 1 Hz is too low .* or a step of 1 s$"):
        specsr.level_curve(signal)
    assert specsr.level_curve(signal, specsr.CurveOptions(step=2.0)).x.size == 50


def test_samples_beyond_double_precision_are_refused() -> None:
    with pytest.raises(SpecsrError, match="too large"):
        specsr.level_curve(Signal(1e300 * white(0, 1000), RATE, "Pa"))
    with pytest.raises(SpecsrError, match="not finite"):
        specsr.to_quantity(Signal(1e308 * np.ones(9), RATE, "g"), "acceleration")
    with pytest.raises(SpecsrError, match="too large"):
        specsr.tones(Signal(1e300 * white(0, 20000), RATE, "Pa"))


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_short_and_silent_recordings_have_levels(length: int) -> None:
    for options in (specsr.CurveOptions(weighting="A"), specsr.CurveOptions("time", "C", "peak")):
        silent = specsr.level_curve(Signal(np.zeros(length), RATE, "Pa"), options)
        assert silent.overall.tolist() == [[-np.inf]]
        short = specsr.level_curve(Signal(white(0, length), RATE, "Pa"), options)
        assert short.overall.shape == (1, 1) and not np.isnan(short.overall).any()
