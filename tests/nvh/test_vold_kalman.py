"""Vold-Kalman orders against analytic envelopes and waveforms, and a solution at full rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

import specsr
from specsr.nvh.order_waveforms import extract_orders, remove_orders
from specsr.nvh.speed import revolutions
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal
from specsr.synth.machine import Order, Resonance, RunUp
from specsr.synth.synthesis import synthesise
from support.vold_kalman_samples import DOWN, RATE, STEADY, TIMES, UP, N, slow, tone


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def level_errors(found, line: int, envelope: np.ndarray) -> np.ndarray:
    """Errors of a cut in dB where it is valid; ``envelope`` is the peak."""
    cut = found.cuts[line]
    truth = 20 * np.log10(np.interp(cut.times, TIMES, np.abs(envelope)) / np.sqrt(2))
    return (cut.levels[0] - truth)[~np.isnan(cut.levels[0])]


@pytest.mark.parametrize("rpm", [STEADY, UP, DOWN], ids=["steady", "up", "down"])
@pytest.mark.parametrize("poles", [1, 2])
def test_orders_of_a_run_have_their_amplitude_phase_and_waveform(rpm, poles) -> None:
    envelopes = {0.5: 0.2 * slow(phase=1), 2: slow(), 2.5: 0.5 * slow(phase=2), 3.57: 0.1 * slow()}
    parts = [tone(k, rpm, a) for k, a in envelopes.items()]
    found = extract_orders(
        Signal(sum(parts), RATE, rpm=rpm), list(envelopes), method=VoldKalman(3.0, poles=poles)
    )
    for i, envelope in enumerate(envelopes.values()):
        # one pole: the envelope has no slope at the edges
        inner = slice(None) if poles == 2 else slice(8, -8)
        assert np.abs(level_errors(found, i, envelope)[inner]).max() < 0.2
        turn = np.interp(found.whole.times, TIMES, np.unwrap(np.angle(envelope)))
        assert np.abs(found.cuts[i].phase[0] - turn)[inner].max() < 0.05
        assert correlation(found.waveform(i).samples[0], parts[i]) > 0.999


def test_levels_are_calibrated_rms_in_the_unit() -> None:
    signal = Signal(tone(2, UP, np.full(N, np.sqrt(2))), RATE, "Pa", rpm=UP, start=5.0)
    found = extract_orders(signal, [2])
    assert found.cuts[0].levels == pytest.approx(93.979, abs=1e-2)
    assert np.abs(found.whole.envelopes) == pytest.approx(1.0, abs=1e-3)
    assert found.cuts[0].times[0] == pytest.approx(5.0, abs=0.1)
    assert found.cuts[0].bandwidth == pytest.approx(1.5)
    assert found.waveform(0).unit == "Pa" and found.waveform(0).start == 5.0


def test_a_resonance_is_followed_within_one_db() -> None:
    run = RunUp(
        rate=6400.0, duration=10.0, rpm=(900.0, 4200.0), orders=(Order(2, 0),), line_to_noise=60.0,
        resonances=(Resonance(80.0, 0.04, 4.0),),
    )  # fmt: skip
    made = synthesise(run)
    found = extract_orders(made.signal, [2], method=VoldKalman(6.0))
    cut = found.cuts[0]
    at = np.arange(made.rpm.size) / run.rate
    truth = 20 * np.log10(np.interp(cut.times, at, made.envelopes[2]) / 2e-5)
    error = cut.levels[0] - truth
    assert np.ptp(truth) > 10  # the resonance stands out
    assert np.nanmax(np.abs(error)) < 1.0
    assert correlation(found.waveform(0).samples[0], made.clean.samples[0]) > 0.999
    rest = remove_orders(made.clean.replace(rpm=made.rpm), [2], method=VoldKalman(6.0))
    assert (rest.level() - made.clean.level())[0] < -20


@pytest.mark.parametrize("slip", [0.005, 0.01, 0.02, 0.04])
def test_close_shafts_come_apart(slip: float) -> None:
    other = UP * (1 + slip)
    envelopes = [slow(), 0.5 * slow(phase=2), 0.7 * slow(0.2, 7.0), 0.4 * slow(phase=4)]
    lines = [(2, UP), (6, UP), (2, other), (6, other)]
    parts = [tone(k, rpm, a) for (k, rpm), a in zip(lines, envelopes)]
    # 0.5 % of order 2 are 0.15 to 0.6 Hz: that pair needs a narrower filter than all others
    bandwidth = 1.5 if slip >= 0.01 else 0.6
    signal = Signal(sum(parts), RATE)
    found = extract_orders(
        signal, [2, 6], {"a": UP, "b": other}, VoldKalman(bandwidth)
    )  # fmt: skip
    assert [str(line) for line in found.lines] == ["a 2", "a 6", "b 2", "b 6"]
    sure = {0, 1, 2, 3} if slip >= 0.01 else {1, 3}
    for i in sure:
        inner = slice(N // 10, -N // 10)
        assert correlation(found.waveform(i).samples[0][inner], parts[i][inner]) > 0.99
        if slip >= 0.02:
            middle = level_errors(found, i, envelopes[i])
            cut = len(middle) // 10
            assert np.abs(middle[cut:-cut]).max() < 0.2
    rest = found.whole.residual
    assert (rest.level() - signal.level())[0] < -20


@pytest.mark.parametrize("other", [DOWN, STEADY], ids=["opposite", "steady"])
def test_crossing_orders_keep_their_waveforms(other: np.ndarray) -> None:
    envelopes = (slow(), 0.5 * slow(phase=1))
    parts = [tone(2, rpm, a) for rpm, a in zip((UP, other), envelopes)]
    noise = 0.03 * np.random.default_rng(0).standard_normal(N)
    found = extract_orders(Signal(sum(parts) + noise, RATE), [2], {"a": UP, "b": other})
    for i, part in enumerate(parts):
        assert correlation(found.waveform(i).samples[0], part) > 0.99
    alone = extract_orders(Signal(sum(parts) + noise, RATE), [2], {"a": UP})
    crossing = np.abs(TIMES - TIMES[np.argmin(np.abs(UP - other))]) < 0.5
    joint, single = (
        np.std((x.waveform(0).samples[0] - parts[0])[crossing]) for x in (found, alone)
    )
    assert joint < 0.2 * single  # the other order is not in the result


def test_an_order_is_removed_and_the_noise_stays() -> None:
    rng = np.random.default_rng(1)
    noise = 0.1 * rng.standard_normal((2, N))
    order = np.stack([tone(2, UP, slow()), 0.5 * tone(2, UP, slow(phase=1))])
    signal = Signal((order + noise).astype(np.float32), RATE, "m/s2", ("x", "y"), rpm=UP)
    rest = remove_orders(signal, [2])
    found = extract_orders(signal, [2])
    left = rest.samples - noise
    assert (20 * np.log10(left.std(axis=1) / order.std(axis=1)) < -20).all()
    assert rest.channels == signal.channels and rest.samples.dtype == np.float32
    total = rest.samples + found.whole.orders.samples
    assert np.abs(total - signal.samples).max() < 1e-6
    assert np.array_equal(rest.samples, found.whole.residual.samples)


@pytest.mark.parametrize("poles", [1, 2])
@pytest.mark.parametrize("unit", ["Hz", "orders"])
def test_the_gain_is_3_db_lower_at_half_the_bandwidth(poles, unit) -> None:
    bandwidth = 2.0
    method = VoldKalman(bandwidth if unit == "Hz" else bandwidth / 30, unit, poles)
    for offset in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0):
        moving = tone(2, STEADY, np.exp(2j * np.pi * offset * TIMES))
        found = extract_orders(Signal(moving, RATE, rpm=STEADY), [2], method=method)
        middle = np.abs(found.whole.envelopes[0, 0])[40:-40].mean() * np.sqrt(2)
        assert middle == pytest.approx(float(method.response(offset, bandwidth)), abs=0.004)
        # r^2 of Tuma for this rate
        r2 = (np.sqrt(2) - 1) / (2 - 2 * np.cos(np.pi * bandwidth / RATE)) ** poles
        gain = 1 / (1 + r2 * (2 - 2 * np.cos(2 * np.pi * offset / RATE)) ** poles)
        assert middle == pytest.approx(gain, abs=0.004)
    assert float(method.response(bandwidth / 2, bandwidth)) == pytest.approx(10 ** (-3.0103 / 20))


def at_full_rate(x: np.ndarray, phasors: np.ndarray, bandwidth: float, poles: int) -> np.ndarray:
    """Return the envelopes with an unknown for every sample, [K, n]."""
    n = len(x)
    r2 = (np.sqrt(2) - 1) / (2 - 2 * np.cos(np.pi * bandwidth / RATE)) ** poles
    steps = sparse.eye(n, format="csr")
    for _ in range(poles):
        steps = steps[1:] - steps[:-1]
    columns = [sparse.diags(part) for p in phasors for part in (p.real, -p.imag)]
    model = sparse.hstack(columns, format="csc")
    bending = sparse.block_diag([r2 * (steps.T @ steps)] * len(columns))
    found = spsolve((2 * model.T @ model + bending).tocsc(), 2 * model.T @ x)
    real, imaginary = np.moveaxis(found.reshape(len(phasors), 2, n), 1, 0)
    return real + 1j * imaginary


@pytest.mark.parametrize(("poles", "bound"), [(1, -35), (2, -80)])
def test_splines_are_as_good_as_an_unknown_for_every_sample(poles: int, bound: float) -> None:
    part, orders = slice(0, 12000), (2, 2.2, 4)
    envelopes = (slow(), 0.5 * slow(phase=1), 0.2 * slow(phase=2))
    x = sum(tone(k, UP, a) for k, a in zip(orders, envelopes))[part]
    x = x + 0.1 * np.random.default_rng(2).standard_normal(len(x))
    angle = 2 * np.pi * revolutions(UP[part] / 60, RATE)
    phasors = np.stack([np.exp(1j * k * angle) for k in orders])
    truth = (at_full_rate(x, phasors, 8.0, poles) * phasors).real
    found = extract_orders(
        Signal(x, RATE, rpm=UP[part]), orders, method=VoldKalman(8.0, poles=poles)
    ).whole.waveforms[:, 0]  # fmt: skip
    errors = 20 * np.log10(np.std(found - truth, axis=1) / np.std(truth, axis=1))
    assert errors.max() < bound


def test_out_of_range_is_nan_and_silent() -> None:
    rpm = np.concatenate([np.zeros(N // 4), np.linspace(0, 6000, N - N // 4)])
    noise = 1 + np.random.default_rng(3).standard_normal(N)  # with an offset
    found = extract_orders(Signal(noise, RATE, rpm=rpm), [2, 30])
    assert np.isnan(found.cuts[0].levels[0, found.whole.times < 2.4]).all()
    assert not found.waveform(0).samples[0, : N // 4].any()
    high = found.cuts[1]
    assert np.isnan(high.levels[0, high.freqs > 2000]).all()
    assert np.isfinite(high.levels[0, (high.freqs > 10) & (high.freqs < 1990)]).all()
    silent = extract_orders(Signal(noise, RATE, rpm=0 * rpm), [2])
    assert not silent.whole.waveforms.any() and np.isnan(silent.cuts[0].levels).all()


@pytest.mark.parametrize("length", [1, 10, 500, 20000])
def test_short_recordings_and_narrow_filters(length: int) -> None:
    part = Signal(tone(2, UP)[:length], RATE, rpm=UP[:length])
    for bandwidth in (1.5, 1e-6):
        found = extract_orders(part, [2], method=VoldKalman(bandwidth))
        assert np.isfinite(found.whole.waveforms).all()
        if length >= 500:  # an order of constant amplitude passes the narrowest filter
            assert np.abs(found.whole.residual.samples).max() < 1e-3


def test_levels_follow_the_calibration_over_the_range_of_float64() -> None:
    for scale in (1e-150, 1e150):
        found = extract_orders(Signal(scale * tone(2, UP), RATE, rpm=UP), [2])
        assert found.cuts[0].levels == pytest.approx(20 * np.log10(scale) - 3.01, abs=0.01)
    silent = extract_orders(Signal(np.zeros(N), RATE, rpm=UP), [2])
    assert (silent.cuts[0].levels == -np.inf).all()


def test_the_functions_are_public() -> None:
    signal = specsr.Signal(tone(2, UP), RATE, rpm=UP)
    assert specsr.extract_orders(signal, [2]).cuts[0].order == 2
    assert specsr.remove_orders(signal, [2]).level()[0] < signal.level()[0] - 20
