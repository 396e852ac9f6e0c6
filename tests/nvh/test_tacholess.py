"""Speed without a tacho: accuracy, factors, limits, confidence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

import specsr
from specsr import Signal, SpecsrError, SpeedSearch, find_speed
from specsr.nvh.tacholess import FoundSpeed
from specsr.nvh.tacholess_map import column_step
from specsr.nvh.tacholess_phase import refine_by_phase

RATE = 4096.0


def run(
    rpm: np.ndarray, orders: tuple[float, ...], line_to_noise: float, seed: int = 0
) -> np.ndarray:
    """Return orders of equal level in white noise; the ratio is that of the whole band, dB."""
    turns = np.cumsum(rpm) / 60 / RATE
    lines = sum(np.cos(2 * np.pi * k * turns + k) for k in orders)
    noise = np.random.default_rng(seed).standard_normal(rpm.size)
    return lines + noise * np.std(lines) * 10 ** (-line_to_noise / 20)


def ramp(low: float, high: float, seconds: float = 2.0) -> np.ndarray:
    return np.linspace(low, high, round(seconds * RATE))


def errors(found: specsr.nvh.tacholess.FoundSpeed, rpm: np.ndarray) -> np.ndarray:
    truth = np.interp(found.times, np.arange(rpm.size) / RATE, rpm)
    return np.abs(found.rpm / truth - 1)


@pytest.mark.parametrize(("low", "high"), [(1200, 2600), (3000, 1500)])
def test_a_run_at_12_db_is_found_within_a_thousandth(low, high):
    rpm = ramp(low, high)
    found = find_speed(Signal(run(rpm, (1, 2, 3, 4, 6), 12), RATE, start=7.0))
    assert found.times[0] == 7.0
    off = np.abs(found.rpm / np.interp(found.times - 7, np.arange(rpm.size) / RATE, rpm) - 1)
    assert np.median(off) < 1e-3
    assert np.mean(off < 0.03) >= 0.9
    assert found.confidence.mean() > 0.9 and found.is_found


def test_limits_start_and_orders_decide_which_order_a_line_is():
    rpm = ramp(1200, 2600)
    signal = Signal(run(rpm, (2, 4, 6, 8), 20), RATE)
    free = find_speed(signal)
    assert np.median(free.rpm / np.interp(free.times, np.arange(rpm.size) / RATE, rpm)) == (
        pytest.approx(2, rel=1e-3)
    )
    assert any(each.spacing == 2 for each in free.candidates)
    for options in (
        SpeedSearch((900, 3200)), SpeedSearch(start=1250),
        SpeedSearch((900, 5000), orders=(2, 4, 6, 8)),
    ):  # fmt: skip
        found = find_speed(signal, options)
        assert np.median(errors(found, rpm)) < 1e-3
        assert found.candidates[found.chosen].lines == "every 2 orders"
        assert found.orders[:3] == (2, 4, 6)


@pytest.mark.parametrize(
    ("orders", "line_to_noise"), [((2.0, 4.0), 6), ((2.0, 4.0), 40), ((1.0, 2.0), 12)]
)
def test_two_orders_that_are_stated_are_found(orders, line_to_noise):
    rpm = ramp(1200, 2600)
    signal = Signal(run(rpm, orders, line_to_noise), RATE)
    found = find_speed(signal, SpeedSearch((900, 5000), orders=orders))
    assert found.is_found
    assert np.median(errors(found, rpm)) < 1e-3
    assert np.mean(errors(found, rpm) < 0.03) >= 0.9
    assert found.confidence.mean() > 0.7


def test_a_run_without_noise_keeps_its_speed_through_a_resonance():
    rate = 24000.0
    rpm = np.linspace(900, 2460, round(4 * rate))
    turns = np.cumsum(rpm) / 60 / rate
    orders = (1.0, 2.0, 4.0, 6.0, 8.0)
    samples = sum(np.cos(2 * np.pi * k * turns + k) / np.sqrt(k) for k in orders)
    pole = np.exp((-np.pi * 7 + 2j * np.pi * 180) / rate)  # 180 Hz, 7 Hz wide
    samples += 3 * lfilter([1 - abs(pole)], [1, -2 * pole.real, abs(pole) ** 2], samples)
    found = find_speed(Signal(samples, rate), SpeedSearch((700, 6000), orders=orders))
    off = np.abs(found.rpm / np.interp(found.times, np.arange(rpm.size) / rate, rpm) - 1)
    assert np.median(off) < 1e-3
    assert off.max() < 0.01


def test_two_orders_that_are_stated_are_not_found_in_noise():
    noise = np.random.default_rng(5).standard_normal(round(2 * RATE))
    found = find_speed(Signal(noise, RATE), SpeedSearch((900, 5000), orders=(1.0, 2.0)))
    assert found.confidence.max() < 0.5 and not found.is_found


def test_another_candidate_can_be_taken():
    rpm = ramp(1200, 2400, 1.5)
    signal = Signal(run(rpm, (1, 2, 3, 4), 20), RATE)
    first = find_speed(signal)
    position = next(i for i, each in enumerate(first.candidates) if each.lines == "every 2 orders")
    found = find_speed(signal, SpeedSearch(candidate=position + 1))
    assert found.chosen == position
    assert np.allclose(found.rpm, first.rpm / 2, rtol=1e-6)
    with pytest.raises(SpecsrError, match=r"candidate is 99: expected 1 to \d+"):
        find_speed(signal, SpeedSearch(candidate=99))


def test_half_orders_come_before_thirds():
    """Twice and three times the speed of the lines are within the limits, the lines are not."""
    rate = 2000.0
    rpm = 780 + 15 * np.cos(2 * np.pi * 0.3 * np.arange(round(4 * rate)) / rate)
    turns = np.cumsum(rpm) / 60 / rate
    orders = np.arange(1, 17) / 2
    lines = sum(np.cos(2 * np.pi * k * turns + k * k) / (1 + k / 3) for k in orders)
    noise = 0.2 * np.random.default_rng(10).standard_normal(rpm.size)
    found = find_speed(Signal(lines + noise, rate), SpeedSearch((500, 1500)))
    assert found.candidates[0].spacing == 0.5
    off = np.abs(found.rpm / np.interp(found.times, np.arange(rpm.size) / rate, rpm) - 1)
    assert np.median(off) < 1e-3


@pytest.mark.parametrize("seed", range(2))
def test_noise_has_no_confidence(seed):
    noise = np.random.default_rng(seed).standard_normal(round(2 * RATE))
    found = find_speed(Signal(noise, RATE))
    assert found.confidence.mean() < 0.1
    assert found.confidence.max() < 0.5 and not found.is_found


def test_confidence_falls_where_the_lines_end():
    rpm = ramp(1500, 2500, 4.0)
    samples = run(rpm, (1, 2, 3, 4, 5), 20)
    end = round(2 * RATE)
    samples[end:] = np.random.default_rng(3).standard_normal(rpm.size - end)
    found = find_speed(Signal(samples, RATE))
    early, late = found.times < 1.4, found.times > 2.9
    assert found.confidence[early].min() > 0.9
    assert found.confidence[late].mean() < 0.2
    # it keeps its slope: nearer to the ramp than the last speed of the lines
    held = np.interp(found.times[late], np.arange(rpm.size) / RATE, rpm) / 2000 - 1
    assert errors(found, rpm)[late].mean() < held.mean() / 2


def test_gain_and_channels_do_not_matter():
    rpm = ramp(1500, 2000, 1.0)
    one = run(rpm, (1, 2, 3, 4, 5), 20)
    first = find_speed(Signal(one, RATE))
    louder = find_speed(Signal(1024 * one, RATE))
    assert np.array_equal(louder.rpm, first.rpm)
    assert np.array_equal(louder.confidence, first.confidence)
    twice = find_speed(Signal(np.stack([one, 3 * one]), RATE))
    # equal channels count as independent evidence against the smoothing
    assert np.allclose(twice.rpm, first.rpm, rtol=5e-3)
    assert np.allclose(twice.confidence, first.confidence, atol=1e-3)


def test_speed_at_every_sample_goes_into_a_recording():
    rpm = ramp(1500, 2500, 1.5)
    signal = Signal(run(rpm, (1, 2, 3, 4, 5), 20), RATE, start=-2.0)
    found = find_speed(signal)
    given = signal.replace(rpm=found.at(signal))
    assert given.rpm is not None
    assert np.median(np.abs(given.rpm / rpm - 1)) < 2e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rpm_range": (3000, 1000)}, "the lower one first"),
        ({"rpm_range": (0, 1000)}, "two speeds from 1 to"),
        ({"rpm_range": (800, 6000), "start": 9000}, "within the range"),
        ({"orders": (2, -1)}, "orders hold -1"),
        ({"candidate": 0}, "candidate is 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(SpecsrError, match=message):
        SpeedSearch(**options)


def test_recordings_without_a_speed_to_find_are_refused():
    with pytest.raises(SpecsrError, match=r"0\.1 s long"):
        find_speed(Signal(np.ones(410), RATE))
    with pytest.raises(SpecsrError, match="silent"):
        find_speed(Signal(np.ones(8192), RATE))
    with pytest.raises(SpecsrError, match="expected a Signal"):
        find_speed(np.ones(8192))  # type: ignore[arg-type]


def test_columns_far_apart_keep_the_accuracy(monkeypatch):
    rate = 2000.0
    rpm = np.linspace(1700, 1800, round(40 * rate))
    turns = np.cumsum(rpm) / 60 / rate
    lines = sum(0.2 * np.cos(2 * np.pi * k * turns) / k for k in (2, 4, 6))
    samples = lines + 0.01 * np.random.default_rng(9).standard_normal(rpm.size)
    monkeypatch.setattr("specsr.nvh.tacholess.MOST_COLUMNS", 222)  # as of an hour: 0.18 s
    found = find_speed(Signal(samples, rate), SpeedSearch((600, 3600), orders=(2, 4, 6)))
    assert found.times[1] == pytest.approx(0.18, rel=0.01)
    off = np.abs(found.rpm / np.interp(found.times, np.arange(rpm.size) / rate, rpm) - 1)
    assert np.median(off) < 1e-3
    assert np.quantile(off, 0.9) < 0.01
    assert not found.changes and found.confidence.mean() > 0.95


def test_a_long_recording_is_heard_in_parts_with_the_result_of_the_whole(monkeypatch):
    rate = 4000.0
    turns = np.cumsum(np.linspace(1500, 2500, 6000)) / 60 / rate
    samples = sum(np.cos(2 * np.pi * k * turns + k) for k in range(1, 6))
    signal = Signal(samples + np.random.default_rng(6).standard_normal(turns.size), rate)
    whole = find_speed(signal, SpeedSearch((1000, 4000)))
    monkeypatch.setattr("specsr.nvh.tacholess_map.PIECE", 16)
    parts = find_speed(signal, SpeedSearch((1000, 4000)))
    assert np.array_equal(parts.times, whole.times)
    # the background of a piece takes the faintest level from its own maximum
    assert np.allclose(parts.rpm, whole.rpm, rtol=1e-5)
    assert np.allclose(parts.confidence, whole.confidence, atol=1e-4)


@pytest.mark.parametrize(("rate", "seconds"), [(441.0, 3600.0), (4096.0, 40.0)])
def test_columns_of_a_long_recording_are_whole_samples_apart(rate, seconds):
    signal = Signal(np.broadcast_to(np.float32(0), (1, round(rate * seconds))), rate)
    step = column_step(signal, 0.05, 20000)
    assert step * rate == pytest.approx(round(step * rate), abs=1e-6)
    assert max(0.05, seconds / 20000) <= step < max(0.05, seconds / 20000) + 1 / rate


@pytest.mark.parametrize("offset", [-0.008, 0.003])
def test_phases_correct_a_speed(offset):
    rpm = ramp(1800, 2400, 2.0)
    signal = Signal(run(rpm, (1, 2, 3, 4, 5), 20), RATE)
    times = np.arange(41) * 0.05
    truth = np.interp(times, np.arange(rpm.size) / RATE, rpm / 60)
    found = refine_by_phase(signal, truth * (1 + offset), 0.05, np.arange(1, 6.0))
    assert np.median(np.abs(found / truth - 1)) < abs(offset) / 20


@pytest.mark.parametrize(
    ("rate", "limits", "words"),
    [
        (40.0, (300, 18000), "the sampling rate is 40 Hz: a search of the speed needs 100"),
        (1000.0, (20000, 30000), "lines show speeds up to 10000 rpm"),
        (8000.0, (1e7, 1e8), "expected two speeds from 1 to 1e[+]06 rpm"),
        (8000.0, (1e-9, 1e12), "expected two speeds from 1 to 1e[+]06 rpm"),
        (8000.0, (5000, 5001), "1.05 times apart or more"),
    ],
)
def test_rates_and_limits_that_show_no_speed_are_refused(rate, limits, words) -> None:
    noise = np.random.default_rng(0).standard_normal((1, 2000))
    with pytest.raises(SpecsrError, match=words):
        find_speed(Signal(noise, rate), SpeedSearch(rpm_range=limits))


def test_a_speed_that_is_sure_in_a_few_columns_is_not_found() -> None:
    confidence = np.zeros(100)
    confidence[:24] = 0.9
    found = FoundSpeed(np.arange(100.0), np.full(100, 900.0), confidence, ())
    assert not found.is_found
    confidence[24] = 0.9
    assert found.is_found
