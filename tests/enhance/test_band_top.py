"""The top of the spectrum of a recording at a higher rate, and noise without a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr import BandOptions, Signal, SpecsrError, io
from specsr.choices import NOISE_FILL
from specsr.enhance.band import SPEECH_MODEL, chosen_model, takes_top
from specsr.enhance.band_top import assumed_top, top_note
from specsr.enhance.noise_fill import CENTRES, SPECTRA
from specsr.enhance.speech import is_speech
from specsr.jobs.options import Reading
from specsr.jobs.upscale import Upscale
from specsr.models.options import InferOptions
from support.command import run


def band_db(samples: np.ndarray, rate: float, low: float, high: float) -> float:
    """Mean density of a band, dB."""
    window = np.hanning(samples.size)
    power = np.square(np.abs(np.fft.rfft(samples * window))) / np.square(window).sum() / rate
    freqs = np.fft.rfftfreq(samples.size, 1 / rate)
    return float(10 * np.log10(power[(freqs >= low) & (freqs < high)].mean() + 1e-30))


def shaped(seconds: float, rate: float, seed: int = 0) -> Signal:
    """Noise whose spectrum is the typical one of sound other than speech."""
    noise = np.random.default_rng(seed).standard_normal(int(seconds * rate))
    freqs = np.fft.rfftfreq(noise.size, 1 / rate)
    shape = np.interp(np.log(np.maximum(freqs, 1)), np.log(CENTRES), SPECTRA["other"])
    samples = np.fft.irfft(np.fft.rfft(noise) * 10 ** (shape / 20), noise.size)
    return Signal(0.1 * samples, rate)


def walled(rate: float = 24000.0, wall: float = 5000.0) -> Signal:
    """Noise that ends at a wall, over the rounding of 16 bits."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(int(2 * rate)))
    spectrum[int(wall / rate * 2 * rate) :] = 0
    samples = 0.1 * np.fft.irfft(spectrum) + 2.0**-16 * rng.uniform(-1, 1, int(2 * rate))
    return Signal(samples, rate)


def sentence(rate: float = 16000.0) -> Signal:
    """Four syllables a second: a buzz at 120 Hz with formants, a hiss, and a pause."""
    t = np.arange(int(3 * rate)) / rate
    rng = np.random.default_rng(2)
    buzz = sum(np.cos(2 * np.pi * 120 * k * t) / k**1.5 for k in range(1, 30))
    hiss = np.diff(rng.standard_normal(t.size + 1))
    place = (4 * t) % 1
    samples = 0.1 * buzz * (place < 0.4) + 0.03 * hiss * ((place > 0.45) & (place < 0.6))
    return Signal(samples + 1e-5 * rng.standard_normal(t.size), rate)


def test_a_wall_far_below_half_the_rate_is_the_top() -> None:
    low = walled()
    top = assumed_top(low, 2)
    assert top.source == "wall" and top.hz == pytest.approx(5000, abs=100)
    assert "ends at" in top_note(top) and "--top" in top_note(top)
    full = specsr.upscale_band(low, 2, model=NOISE_FILL)
    assert band_db(full.samples[0], 48000, 12500, 23000) < -90
    assert band_db(full.samples[0], 48000, 1000, 4800) == pytest.approx(
        band_db(low.samples[0], 24000, 1000, 4800), abs=0.1
    )


def test_a_given_top_fills_from_the_wall_on() -> None:
    full = specsr.upscale_band(walled(), 2, model=NOISE_FILL, band=BandOptions(top=16000.0))
    for low, high in ((5500, 7000), (7000, 11000), (12500, 15500)):
        assert (
            band_db(full.samples[0], 48000, low, high)
            > band_db(walled().samples[0], 24000, 1000, 4800) - 30
        )
    assert band_db(full.samples[0], 48000, 16500, 23500) < -90
    again = full.resample(24000)
    error = again.samples - walled().samples
    assert band_db(error[0], 24000, 100, 4700) < band_db(walled().samples[0], 24000, 100, 4700) - 60


def test_filters_and_open_bands_are_no_walls() -> None:
    """A logger's anti-alias filter at 0.78 of half the rate; and noise up to half the rate."""
    for wall in (0.8 * 12000, 12000):
        top = assumed_top(walled(wall=wall), 2)
        assert top.source == "model" and top.hz is None
        assert "guess" in top_note(top)
        assert "guess" not in top_note(top, NOISE_FILL) and "--top" in top_note(top, NOISE_FILL)


def test_speech_has_a_full_spectrum_and_machines_are_no_speech() -> None:
    assert is_speech(sentence()) and is_speech(sentence(48000.0))
    assert is_speech(sentence().replace(samples=1e-6 * sentence().samples, unit="Pa"))
    assert assumed_top(sentence(), 3).hz == 24000.0
    run = specsr.synthesise(specsr.random_run_up(1, 16000, 3.0)).signal
    assert not is_speech(run) and not is_speech(walled()) and not is_speech(shaped(2, 16000))
    for samples in (np.zeros(16000), np.ones(16000)):
        assert not is_speech(Signal(samples, 16000.0))
    assert not is_speech(sentence().resample(6000))  # too low a rate to judge


def test_noise_continues_the_typical_spectrum() -> None:
    """The bound is four times the scatter of a band of at least 2 s x 2 kHz, 0.1 dB."""
    true = shaped(2.0, 48000)
    full = specsr.upscale_band(true.resample(24000), 2, model=NOISE_FILL)
    for low, high in ((12500, 14500), (14500, 17500)):
        found, wanted = (band_db(s.samples[0], 48000, low, high) for s in (full, true))
        assert found == pytest.approx(wanted, abs=0.4)


@pytest.mark.parametrize("rate", [1000.0, 8000.0, 44100.0])
def test_noise_at_any_rate_is_the_same_louder_and_in_segments(rate: float) -> None:
    low = shaped(1.5, rate).replace(unit="Pa")
    whole = specsr.upscale_band(low, 3, model=NOISE_FILL)
    assert whole.samples.shape == (1, 3 * low.length) and whole.unit == "Pa"
    louder = specsr.upscale_band(
        low.replace(samples=1000 * low.samples), 3, model=NOISE_FILL
    )  # fmt: skip
    scale = np.abs(louder.samples).max()
    assert np.abs(louder.samples - 1000 * whole.samples).max() < 1e-9 * scale
    parts = specsr.upscale_band(low, 3, model=NOISE_FILL, options=InferOptions(segment=0.4))
    # equal up to the level of the frames beside a border: no click, no gap at a joint
    assert np.abs(parts.samples - whole.samples).max() < 1e-6 * np.abs(whole.samples).max()


def test_silence_stays_silent() -> None:
    silent = specsr.upscale_band(Signal(np.zeros(5000), 8000.0), 2, model=NOISE_FILL)
    assert not silent.samples.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0.0}, "top is 0.0: expected a frequency"),
        ({"top": float("nan")}, "top is nan"),
        ({"consistency": "measured"}, "takes only 'off'"),
        ({"iterations": -1}, "iterations is -1"),
        ({"orders": (2.0, -1.0)}, "orders hold -1.0"),
    ],
)
def test_options_out_of_range(options: dict, message: str) -> None:
    with pytest.raises(SpecsrError, match=message):
        BandOptions(**options)


def test_a_top_above_half_the_rate_of_the_result_is_refused(tmp_path, capsys) -> None:
    low = shaped(0.2, 8000)
    assert assumed_top(low, 3, 12000.0).hz == 12000
    with pytest.raises(SpecsrError, match="top is 12001 Hz.*up to 12000 Hz: give a lower top"):
        specsr.upscale_band(low, 3, model=NOISE_FILL, band=BandOptions(top=12001.0))
    io.write(tmp_path / "low.wav", low)
    words = "upscale", tmp_path / "low.wav", "--scale", "3", "-o", tmp_path / "high.wav"
    code, _, err = run(capsys, *words, "--model", NOISE_FILL, "--top", "30000")
    assert code == 1 and "top is 30000 Hz" in err and not (tmp_path / "high.wav").exists()
    # the network estimates up to 26.4 kHz, above half of this rate
    text = "".join(run(capsys, *words)[1:])
    assert "24000 Hz: measured below" in text and " 26400 Hz" not in text
    assert "dB at 12000 Hz" in text


def test_speech_has_a_model_of_its_own(tmp_path: Path) -> None:
    """Whole, and in what a job records; a model that takes the top fills the band up to it."""
    low = sentence().cut(0, 16000)
    speech = specsr.load_model(SPEECH_MODEL)
    assert takes_top(speech) and not takes_top(specsr.load_model("band-small"))
    assert chosen_model(None, assumed_top(low, 2)) == SPEECH_MODEL
    assert chosen_model("band", assumed_top(low, 2)) == "band"
    assert chosen_model(None, assumed_top(walled(), 2)) is None
    io.write(tmp_path / "sentence.wav", low)
    io.write(tmp_path / "noise.wav", walled())
    work = Upscale(Reading())
    for name, model in (("sentence", SPEECH_MODEL), ("noise", "band")):
        found = work.model_file(tmp_path / f"{name}.wav")
        assert found is not None and found.stem == model
    full = specsr.upscale_band(low, 3)
    same = specsr.upscale_band(low, 3, model=speech)
    np.testing.assert_array_equal(full.samples, same.samples)


def test_noise_is_no_model_for_maps() -> None:
    with pytest.raises(SpecsrError, match="'noise-fill' is for recordings"):
        specsr.denoise(shaped(0.5, 24000), model=NOISE_FILL)
