"""Noise that is found in the recording that it is in."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.found_noise import degrees, under_lines
from specsr.io import stream
from specsr.scores.metrics import si_sdr

RATE = 8000.0
TIME = np.arange(round(6 * RATE)) / RATE
NOISE = np.random.default_rng(0).standard_normal(TIME.size)


def machine(high: float = 1.0) -> np.ndarray:
    """Orders 1 to 8 of a speed that rises by a factor, each of the power of `NOISE`."""
    turns = 40 * (TIME + (high - 1) * TIME**2 / (2 * TIME[-1]))
    return sum(np.sqrt(2) * np.sin(2 * np.pi * k * turns + k) for k in range(1, 9))


def bands_db(signal: specsr.Signal) -> np.ndarray:
    """Mean power density in ten bands of equal width, dB."""
    power = specsr.spectrogram(signal, n_fft=512, scaling="psd").power[0].mean(axis=-1)
    return 10 * np.log10([band.mean() for band in np.array_split(power[2:-2], 10)])


@pytest.mark.parametrize("high", [1.0, 2.5])
def test_the_spectrum_is_that_of_the_noise_between_steady_and_moving_orders(high: float) -> None:
    """Orders are below 800 Hz: their flanks count as noise, 3 dB in the two bands with them.

    The means of the other bands, of 25 rows and 80 columns, have random errors below 0.5 dB; the
    lower one of two estimates with errors of 1.5 dB is 0.9 dB off.
    """
    noisy = specsr.Signal((NOISE + machine(high))[None], RATE, "Pa")
    found = specsr.find_noise(noisy)
    assert found.found and found.recording.unit == "Pa" and found.recording.rate == RATE
    error = bands_db(found.recording) - bands_db(noisy.replace(samples=NOISE[None]))
    assert np.abs(error[:2]).max() < 3
    assert np.abs(error[2:]).max() < 1.5


def test_noise_is_removed_and_steady_orders_stay() -> None:
    clean = machine()[: round(2.5 * RATE)]
    noisy = specsr.Signal((NOISE[: clean.size] + clean)[None], RATE)
    quiet = specsr.denoise(noisy, noise=specsr.find_noise(noisy)).samples[0]
    assert si_sdr(clean, quiet) > si_sdr(clean, noisy.samples[0]) + 6
    alone = specsr.Signal(clean[None], RATE)
    kept = specsr.denoise(alone, noise=specsr.find_noise(alone)).samples[0]
    assert si_sdr(clean, kept) > 25


def test_an_open_file_gives_the_same_and_so_does_each_channel(tmp_path) -> None:
    samples = np.stack([NOISE, 0.01 * (NOISE + machine())])[:, :20000].astype(np.float32)
    noisy = specsr.Signal(samples, RATE, "Pa", channels=("a", "b"))
    specsr.write(tmp_path / "run.wav", noisy)
    found = specsr.find_noise(specsr.read(tmp_path / "run.wav")).recording
    with stream.opened(tmp_path / "run.wav") as opened:
        again = specsr.find_noise(opened).recording
    np.testing.assert_array_equal(again.samples, found.samples)
    one = specsr.find_noise(noisy.replace(samples=samples[1:], channels=("b",))).recording
    np.testing.assert_allclose(one.samples[0], found.samples[1], rtol=1e-4, atol=1e-7)


def test_a_long_recording_is_read_in_parts() -> None:
    """Of 200 s two minutes are read; half of them have 20 dB more noise.

    The lowest twentieth is then the lowest tenth of the other half: 2.5 dB more for means of 1.3
    degrees of freedom.
    """
    rate = 2000.0
    noise = np.random.default_rng(1).standard_normal(round(200 * rate))
    noise[: noise.size // 2] *= 10
    found = specsr.find_noise(specsr.Signal(noise[None], rate)).recording
    assert -1 < 20 * np.log10(found.samples.std()) < 4


def test_the_smoothed_power_of_noise_has_the_degrees_of_freedom_that_are_stated() -> None:
    """Variance over squared mean of means of columns is one over them."""
    transform = specsr.SpectrogramTransform(256, 64)
    noise = np.random.default_rng(2).standard_normal(400000)
    power = transform(specsr.Signal(noise[None], RATE)).power[0][4:-4, 4:-4]
    means = np.stack([power[:, i : i + 6].mean(axis=1) for i in range(0, power.shape[1] - 6, 6)])
    found = means.mean() ** 2 / means.var()
    # 120 rows, half of them independent, x 1000 means: 1 % for the variance of the variance
    assert degrees(transform, 6) == pytest.approx(found, rel=0.04)
    assert degrees(transform, 1) == pytest.approx(1.0)


def test_lines_are_set_to_the_rows_beside_and_slopes_stay() -> None:
    slope = 10 ** (-np.linspace(0, 4, 400))
    lines = slope.copy()
    lines[[100, 101, 250]] *= 1000
    np.testing.assert_allclose(under_lines(slope), slope)
    assert np.abs(10 * np.log10(under_lines(lines) / slope)).max() < 4


@pytest.mark.parametrize("tones", [(5.0, 10.0), (7.0,), (12.5,), (17.0,)])
def test_lines_in_the_lowest_rows_are_no_noise(tones: tuple[float, ...]) -> None:
    """Rows are 3.9 Hz apart: the tones have their skirts over the lowest five to eight.

    The level of the noise there is 1.5 dB over the third lowest of eleven rows, each with a random
    error of 1.5 dB, about 1 dB below their mean.
    """
    time = np.arange(round(16 * RATE)) / RATE
    noise = np.random.default_rng(3).standard_normal(time.size)
    noisy = noise + sum(5 * np.sin(2 * np.pi * hz * time) for hz in tones)
    density, found = (
        np.square(np.abs(np.fft.rfft(x))) / x.size
        for x in (noise, specsr.find_noise(specsr.Signal(noisy[None], RATE)).recording.samples[0])
    )
    low = 10 * np.log10(found[16:160].mean() / density.mean())  # 2 to 20 Hz
    assert -2 < low < 3


def test_noise_that_rises_towards_the_lowest_rows_is_no_line() -> None:
    """The lowest rows of ventilation are up to 20 dB over those at 25 Hz; only steady ones go."""
    power = np.ones(400)
    power[:8] = [300, 1000, 1000, 500, 200, 60, 20, 5]
    np.testing.assert_array_equal(under_lines(power), power)
    steady = np.arange(400) < 8
    assert (under_lines(power, steady)[:7] < 2).all()
    shape = np.fft.rfft(np.random.default_rng(4).standard_normal(round(10 * RATE)))
    shape[:150] *= 10  # up to 15 Hz
    noisy = specsr.Signal(np.fft.irfft(shape)[None], RATE)
    true, found = (
        np.square(np.abs(np.fft.rfft(x, round(8 * RATE), norm="ortho"))[16:120]).mean()
        for x in (noisy.samples[0], specsr.find_noise(noisy).recording.samples[0])
    )
    assert abs(10 * np.log10(found / true)) < 3


def test_silence_and_short_recordings() -> None:
    silent = specsr.find_noise(specsr.Signal(np.zeros((1, 16000)), RATE)).recording
    assert not silent.samples.any()
    with pytest.raises(specsr.SpecsrError, match="the recording has 0.5 s: noise is found in at"):
        specsr.find_noise(specsr.Signal(NOISE[None, :4000], RATE))
    with pytest.raises(specsr.SpecsrError, match="a rate of 1 Hz: noise is found from 64 Hz up"):
        specsr.find_noise(specsr.Signal(NOISE[None, :40], 1.0))


def test_sound_with_pauses_and_of_any_level_has_noise_in_it() -> None:
    """Noise that pauses half of the time is not there throughout; powers exceed float32."""
    gated = np.where(TIME % 1 < 0.5, 0, NOISE)
    assert specsr.find_noise(specsr.Signal(gated[None], RATE)).recording.samples.std() < 0.1
    one, large, small = (
        specsr.find_noise(specsr.Signal(scale * NOISE[None, :16000], RATE)).recording.samples
        for scale in (1.0, 2.0**100, 2.0**-100)
    )
    np.testing.assert_array_equal(large / np.float32(2.0**100), one)
    np.testing.assert_array_equal(small / np.float32(2.0**-100), one)
