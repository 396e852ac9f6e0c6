"""Synthetic run-ups against their ground truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import hilbert, welch

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool_power
from specsr.maps.transform import SpectrogramTransform
from specsr.synth.draws import random_run_up
from specsr.synth.machine import Impact, Order, Resonance, RunUp
from specsr.synth.synthesis import synthesise

SHORT = RunUp(rate=8000.0, duration=1.0, rpm=(1200.0, 3000.0), line_to_noise=6.0)


def test_expected_power_is_the_mean_over_many_noises() -> None:
    """The mean over 600 noises agrees with the expected power within its standard error."""
    run = replace(SHORT, duration=0.25, impacts=(Impact(0.1, 900.0, 0.05, 10.0),))
    transform = SpectrogramTransform(256, 128)
    # one fluctuation for all: only the noise may differ
    run = replace(run, fluctuation=0.0)
    draws = 600
    total, squares = 0.0, 0.0
    for seed in range(draws):
        synthetic = synthesise(replace(run, seed=seed))
        power = transform(synthetic.signal).power[0]
        total, squares = total + power, squares + np.square(power)
    mean = total / draws
    grid = transform.grid(synthetic.signal)
    expected = synthetic.expected_power(grid)
    assert expected.shape == mean.shape and expected.dtype == np.float64
    error = np.sqrt((squares / draws - np.square(mean)) / draws)
    # the spectrum bends at its first point (20 Hz), within the first rows
    off = ((mean - expected) / error)[2:]
    assert np.abs(off).max() < 5.5
    assert abs(off.mean()) < 0.2
    assert np.sqrt(np.mean(np.square(off))) == pytest.approx(1, abs=0.15)
    # all cells together: the total power is right to a fraction of a per cent
    assert mean.sum() == pytest.approx(expected.sum(), rel=0.01)


@pytest.mark.parametrize("scaling", ["rms", "psd"])
def test_truth_is_the_expected_power_on_full_and_pooled_grids(scaling: str) -> None:
    synthetic = synthesise(SHORT)
    grid = SpectrogramTransform(256, 64, scaling=scaling).grid(synthetic.signal)
    truth = synthetic.truth(grid)
    np.testing.assert_allclose(truth.power[0], synthetic.expected_power(grid), rtol=1e-6)
    pooled = synthetic.truth(grid.pooled(4, 3))
    np.testing.assert_allclose(
        pooled.power[0], pool_power(synthetic.expected_power(grid)[:-1], 4, 3), rtol=1e-6
    )
    assert truth.grid.unit == "Pa" and truth.rpm is not None


def test_without_noise_the_truth_is_the_spectrogram() -> None:
    synthetic = synthesise(replace(SHORT, line_to_noise=math.inf))
    assert not synthetic.noise.any()
    transform = SpectrogramTransform(512, 128)
    spec = transform(synthetic.signal)
    np.testing.assert_allclose(
        synthetic.truth(spec.grid).magnitude, spec.magnitude, atol=1e-6 * spec.magnitude.max()
    )


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_one_order_without_resonance_matches_its_formula(exponent: float) -> None:
    run = RunUp(
        rate=8000.0, duration=2.0, rpm=(1200.0, 3600.0), fluctuation=0.0,
        orders=(Order(4, -3.0, 0.7),), exponent=exponent, line_to_noise=math.inf, level=80.0,
    )  # fmt: skip
    synthetic = synthesise(run)
    x = synthetic.clean.samples[0].astype(float)
    t = (np.arange(x.size) + 1) / run.rate
    rpm = np.linspace(1200, 3600, x.size)
    np.testing.assert_allclose(synthetic.rpm, rpm, rtol=0, atol=1 / 32)  # its resolution
    # phase by closed form of the integral of a linear speed
    slope = (3600 - 1200) / (x.size - 1) * run.rate
    turns = (1200 * t + slope * (t - 1 / run.rate) * t / 2) / 60
    amplitude = rpm**exponent
    expected = amplitude * np.cos(2 * math.pi * 4 * turns + 0.7)
    expected *= 20e-6 * 10 ** (80 / 20) / np.sqrt(np.mean(np.square(expected)))
    np.testing.assert_allclose(x, expected, atol=2e-4 * np.abs(x).max())
    envelope = synthetic.envelopes[4]
    inside = slice(800, -800)
    analytic = np.abs(hilbert(x)) / math.sqrt(2)
    np.testing.assert_allclose(envelope[inside], analytic[inside], rtol=0.02)
    # the mean squares of waveform and envelope agree
    assert np.mean(np.square(envelope)) == pytest.approx(np.mean(np.square(x)), rel=1e-3)


def test_a_resonance_raises_the_order_by_its_dynamic_gain() -> None:
    """At resonance, r = 1: |1 + gain / (2 i zeta)|; far below it the direct path alone."""
    mode = Resonance(100.0, 0.02, 0.3)
    run = RunUp(
        rate=4000.0, duration=4.0, rpm=(600.0, 6000.0), fluctuation=0.0, orders=(Order(2, 0.0),),
        resonances=(mode,), exponent=0.0, line_to_noise=math.inf,
    )  # fmt: skip
    synthetic = synthesise(run)
    envelope = synthetic.envelopes[2]
    freq = 2 * synthetic.rpm / 60
    r = freq / mode.freq
    gain = np.abs(1 + mode.gain * r**2 / (1 - r**2 + 2j * mode.damping * r))
    ratio = envelope / gain
    # the gain is linear between every 64th sample: an error of 0.15 dB at so sharp a peak
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=0.017)
    assert gain[np.argmin(np.abs(r - 1))] == pytest.approx(abs(1 + 0.3 / 0.04j), rel=0.01)
    # the waveform follows the envelope through the peak
    inside = slice(2000, -200)
    analytic = np.abs(hilbert(synthetic.clean.samples[0].astype(float))) / math.sqrt(2)
    np.testing.assert_allclose(envelope[inside], analytic[inside], rtol=0.1)


def test_envelopes_have_the_ratio_of_the_order_levels() -> None:
    run = replace(SHORT, orders=(Order(2, 0), Order(4, -6.0)), exponent=0.0)
    two, four = synthesise(run).envelopes[2], synthesise(run).envelopes[4]
    np.testing.assert_allclose(20 * np.log10(four / two), -6, atol=1e-4)


@given(level=st.floats(20, 120), ratio=st.floats(-10, 40), seed=st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_level_and_line_to_noise_are_those_given(level: float, ratio: float, seed: int) -> None:
    run = replace(SHORT, level=level, line_to_noise=ratio, seed=seed)
    synthetic = synthesise(run)
    assert synthetic.clean.level(dc=True)[0] == pytest.approx(level, abs=1e-3)
    noise_db = 10 * np.log10(np.mean(np.square(synthetic.noise)) / 4e-10)
    # coloured noise of 8000 samples has about 200 degrees of freedom
    assert level - noise_db == pytest.approx(ratio, abs=2.0)
    expected = synthetic.noise_psd(np.linspace(0, 4000, 4001)).mean() * 4000
    expected *= np.mean(np.square(synthetic.noise_gain))
    assert level - 10 * np.log10(expected / 4e-10) == pytest.approx(ratio, abs=0.02)


def test_noise_psd_agrees_with_welch() -> None:
    shape = ((50.0, 0.0), (500.0, -12.0), (1500.0, 3.0), (4000.0, -20.0))
    run = replace(SHORT, duration=60.0, noise_shape=shape, noise_exponent=0.0)
    synthetic = synthesise(run)
    freqs, measured = welch(synthetic.noise, run.rate, nperseg=1024)
    assert (synthetic.noise_gain == 1).all()
    rows = slice(12, -12)
    deviation = 10 * np.log10(measured / synthetic.noise_psd(freqs))[rows]
    assert abs(deviation.mean()) < 0.05
    assert np.abs(deviation).max() < 1.0  # 900 half-overlapped segments: 0.17 dB each
    # the shape is given in dB at its points
    levels = 10 * np.log10(synthetic.noise_psd(np.array([10.0, 500.0, 1500.0])))
    assert levels - levels[0] == pytest.approx([0, -12, 3])


def test_noise_increases_with_speed_by_its_exponent() -> None:
    run = replace(SHORT, duration=30.0, noise_exponent=2.0, fluctuation=0.0)
    synthetic = synthesise(run)
    half = synthetic.noise.size // 2
    ratio = np.mean(np.square(synthetic.noise[half:])) / np.mean(np.square(synthetic.noise[:half]))
    gain = np.square(synthetic.rpm / synthetic.rpm.mean()) ** 2
    assert ratio == pytest.approx(gain[half:].mean() / gain[:half].mean(), rel=0.1)


def test_the_speed_runs_from_first_to_last_with_its_fluctuation() -> None:
    run = replace(SHORT, duration=8.0, rpm=(5000.0, 1000.0), fluctuation=0.01)
    rpm = synthesise(run).rpm
    line = np.linspace(5000, 1000, rpm.size)
    assert np.sqrt(np.mean(np.square(rpm / line - 1))) == pytest.approx(0.01, rel=1e-4)
    spectrum = np.abs(np.fft.rfft((rpm / line - 1) * np.hanning(rpm.size)))
    assert spectrum[: 8 * 8].sum() > 0.95 * spectrum.sum()  # slow: below 8 Hz


def test_orders_fade_out_below_nyquist() -> None:
    """An order that passes half the sampling rate fades out and is not aliased."""
    high = RunUp(
        rate=4000.0, duration=4.0, rpm=(3000.0, 9000.0), fluctuation=0.0,
        orders=(Order(2, -40.0), Order(20, 0.0)), line_to_noise=math.inf,
    )  # fmt: skip
    synthetic = synthesise(high)
    freq = 20 * synthetic.rpm / 60
    assert (synthetic.envelopes[20][freq >= 2000] == 0).all()
    assert (synthetic.envelopes[20][freq < 1900] > 0).all()
    after = np.argmax(freq > 2000) + 256
    spec = SpectrogramTransform(512, 128)(synthetic.clean)
    at = spec.times * high.rate
    late = (at > after + 256) & (at < synthetic.clean.length - 256)
    assert late.sum() > 20
    # above the second order only window leakage remains
    rows = spec.freqs > 500
    assert spec.db[0][np.ix_(rows, late)].max() < spec.db.max() - 100
    only = replace(high, orders=(Order(100, 0.0),))
    with pytest.raises(SpecsrError, match="above half the sampling rate"):
        synthesise(only)


def test_sidebands_are_one_order_apart() -> None:
    run = RunUp(
        rate=8000.0, duration=4.0, rpm=(3000.0, 3000.0), fluctuation=0.0,
        orders=(Order(20, 0.0, modulation=0.5),), line_to_noise=math.inf,
    )  # fmt: skip
    x = synthesise(run).clean.samples[0].astype(float)
    lines = np.abs(np.fft.rfft(x))
    carrier = lines[4 * 1000]
    # depth m gives m / 2 on either side, one order (50 Hz) away
    assert lines[[4 * 950, 4 * 1050]] / carrier == pytest.approx(0.25, rel=1e-4)


def test_an_impact_decays_by_its_damping_and_is_cut_at_the_end() -> None:
    run = replace(SHORT, orders=(), impacts=(Impact(0.25, 1000.0, 0.02, 0.0),))
    x = synthesise(replace(run, line_to_noise=math.inf)).clean.samples[0].astype(float)
    assert not x[:2000].any() and x[2001] != 0
    t = np.arange(2000) / run.rate
    expected = np.exp(-2 * math.pi * 0.02 * 1000 * t) * np.sin(2 * math.pi * 1000 * t)
    scale = x[2000:4000] @ expected / (expected @ expected)
    np.testing.assert_allclose(x[2000:4000], scale * expected, atol=1e-5 * np.abs(x).max())
    late = synthesise(replace(SHORT, impacts=(Impact(0.999, 1000.0, 0.02, 20.0),)))
    assert late.clean.length == 8000


def test_the_peak_of_an_impact_has_its_level_over_the_orders() -> None:
    tones = synthesise(replace(SHORT, line_to_noise=math.inf))
    with_impact = replace(
        SHORT, impacts=(Impact(0.5, 1000.0, 0.001, 20.0),), line_to_noise=math.inf
    )
    both = synthesise(with_impact)
    a, b = (s.clean.samples[0].astype(float) for s in (tones, both))
    scale = b[0] / a[0]  # the overall level is normalised last
    ring = b / scale - a
    peak = 20 * np.log10(np.abs(ring).max() / np.sqrt(np.mean(np.square(a))))
    assert peak == pytest.approx(20, abs=0.1)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_random_run_ups_are_plausible_and_repeat(seed: int) -> None:
    run = random_run_up(seed, rate=8000.0, duration=0.5)
    assert run == random_run_up(seed, rate=8000.0, duration=0.5)
    assert run != random_run_up(seed + 1, rate=8000.0, duration=0.5)
    assert min(run.rpm) >= 600 and max(run.rpm) <= 1.15 * 7000
    assert len({tone.order for tone in run.orders}) == len(run.orders)
    assert 0 <= run.line_to_noise <= 30
    first, second = synthesise(run), synthesise(run)
    np.testing.assert_array_equal(first.signal.samples, second.signal.samples)
    np.testing.assert_array_equal(first.rpm, second.rpm)
    assert first.clean.length == 4000 and first.clean.unit == "Pa"
    assert np.isfinite(first.signal.samples).all()
    assert first.clean.level(dc=True)[0] == pytest.approx(run.level, abs=1e-3)
    total = synthesise(replace(run, seed=run.seed + 1))
    assert not np.array_equal(total.noise, first.noise)
    assert random_run_up(seed, line_to_noise=7.0).line_to_noise == 7.0


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"rate": 0.0}, "two samples"),
        ({"duration": 0.0001}, "two samples"),
        ({"rpm": (0.0, 100.0)}, "rpm is"),
        ({"orders": ()}, "at least one order or impact"),
    ],
)
def test_invalid_run_ups_are_rejected(changes: dict, words: str) -> None:
    with pytest.raises(SpecsrError, match=words):
        replace(SHORT, **changes)


def test_frames_past_the_edges_have_less_power() -> None:
    synthetic = synthesise(replace(SHORT, line_to_noise=0.0))
    grid = Grid(8000.0, 256, 64, synthetic.clean.length, unit="Pa")
    power = synthetic.expected_power(grid)
    assert power.shape == (129, grid.fine_frames) and (power > 0).all()
    # centred on the first sample: half of the window lies outside, without the centre itself
    flat = replace(synthetic, noise_gain=np.ones(synthetic.clean.length))
    silent = replace(flat, clean=flat.clean.replace(samples=0 * flat.clean.samples))
    noise = silent.expected_power(grid)
    np.testing.assert_allclose(noise[:, 0] / noise[:, 9], 0.5 + 0.5 / (0.375 * 256), rtol=1e-6)
    np.testing.assert_allclose(noise[:, 4] / noise[:, 9], 1, rtol=1e-6)
