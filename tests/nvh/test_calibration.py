"""Calibration from a recorded tone and from full scale: correct levels, or an error."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

import specsr
from specsr.errors import SpecsrError
from specsr.nvh.calibration import at_full_scale, calibrate
from specsr.signal import Signal
from support.command import run


def tone(rms=0.1, freq=1000.0, rate=48000, seconds=3.0, noise=1e-5, seed=0):
    times = np.arange(round(seconds * rate)) / rate
    quiet = noise * np.random.default_rng(seed).standard_normal(times.size)
    return rms * np.sqrt(2) * np.sin(2 * np.pi * freq * times + 0.3) + quiet


@settings(max_examples=40, deadline=None)
@given(
    rms=st.floats(1e-3, 0.6), freq=st.floats(100, 4500), rate=st.sampled_from([16000, 51200.131]),
    level=st.floats(60, 140), unit=st.sampled_from(["Pa", "m/s2", "g"]),
)  # fmt: skip
def test_the_calibrated_tone_has_the_given_level(rms, freq, rate, level, unit):
    recording = Signal(tone(rms, freq, rate, seconds=2.0, noise=rms / 1000), rate)
    found = calibrate(recording, level, unit)
    assert found.freq == pytest.approx(freq, rel=1e-4)
    scaled = recording.replace(samples=recording.samples * found.calib, unit=unit)
    assert scaled.level()[0] == pytest.approx(level, abs=0.01)
    assert found.purity_db > 40 and found.spread_db < 0.1


def test_switching_on_and_off_and_a_silent_channel_have_no_effect():
    rate = 48000
    quiet = 1e-4 * np.random.default_rng(1).standard_normal(6 * rate)
    on = quiet + np.pad(tone(noise=0), (rate, 2 * rate))
    found = calibrate(Signal(np.stack([quiet, on]), rate, channels=("a", "b")), 94)
    assert found.channel == "b" and found.seconds == pytest.approx(3.0, abs=0.3)
    # 94 dB re 20 µPa is 1.0024 Pa
    assert found.calib == pytest.approx(1.00237 / 0.1, rel=1e-3)
    assert "1000.00 Hz in b" in str(found)


@pytest.mark.parametrize(
    ("samples", "match"),
    [
        (np.zeros(96000), "silent"),
        (tone(seconds=0.5), "0.50 s long"),
        (0.1 * np.random.default_rng(0).standard_normal(96000), "no steady tone"),
        (tone() * np.linspace(0.1, 2, 144000), "no steady tone"),
        (tone() + tone(0.05, 2500), "more than one tone"),
        (tone(noise=0.03), "more than one tone"),
        (np.clip(tone(0.71), -1, 1) * 1.2, "clipped|more than one"),
        (np.clip(tone(0.75), -1, 1), "is clipped"),
        (tone(freq=1000 + 20 * np.linspace(-1, 1, 144000)), "drifts|no steady"),
    ],
)
def test_recordings_without_a_calibrator_tone_are_rejected(samples, match):
    with pytest.raises(SpecsrError, match=match):
        calibrate(Signal(samples, 48000), 94)


def test_invalid_levels_and_units_are_rejected():
    for level in (np.nan, np.inf):
        with pytest.raises(SpecsrError, match="level"):
            calibrate(Signal(tone(), 48000), level)
        with pytest.raises(SpecsrError, match="level"):
            at_full_scale(level)
    with pytest.raises(SpecsrError, match="unknown unit"):
        at_full_scale(94, "psi")


def test_a_full_scale_sine_has_the_given_level():
    made = Signal(at_full_scale(120) * np.sin(np.arange(48000) / 7), 48000, unit="Pa")
    assert made.level()[0] == pytest.approx(120, abs=0.01)


@pytest.fixture
def files(tmp_path):
    sf.write(tmp_path / "tone.wav", tone(), 48000, "PCM_24")
    noise = 0.01 * np.random.default_rng(2).standard_normal(48000)
    sf.write(tmp_path / "mic.wav", noise, 48000, "PCM_24")
    return tmp_path


def test_every_command_accepts_a_tone_and_prints_the_reference(files, capsys):
    mic, given_tone = files / "mic.wav", ["--calib-tone", files / "tone.wav", "94"]
    level = 20 * np.log10(0.01 * 10.0237 / 20e-6)
    for command in (["denoise", mic, "-o", files / "a.wav"], ["upscale", mic, "-o", files / "b.h5"],
                    ["upscale", mic, "-o", files / "b.wav"],
                    ["spectrogram", mic, "-o", files / "c.npz"]):  # fmt: skip
        code, _, err = run(capsys, *command, *given_tone)
        assert code == 0 and "1000.00 Hz" in err and err.rstrip().endswith("re 20 µPa"), err
    assert specsr.read_map(files / "c.npz").grid.unit == "Pa"
    restored = specsr.read(files / "b.wav")
    assert restored.unit == "Pa" and restored.level()[0] == pytest.approx(level, abs=0.3)
    side = json.loads((files / "b.wav.json").read_text())
    assert side["unit"] == "Pa" and side["full_scale"] == pytest.approx(10.0237, rel=1e-3)
    code, out, _ = run(capsys, "info", mic, *given_tone)
    assert code == 0 and f"{level:.1f} dB re 20 µPa" in out
    code, out, _ = run(capsys, "evaluate", files / "b.wav", files / "b.wav", *given_tone)
    assert code == 0 and "overall level error" in out


def test_calibration_options_exclude_each_other_and_errors_name_the_file(files, capsys):
    mic = files / "mic.wav"
    code, _, err = run(capsys, "info", mic, "--calib", 2, "--full-scale", 120)
    assert code == 1 and "exclude each other" in err
    code, _, err = run(capsys, "info", mic, "--calib-tone", mic, 94)
    assert code == 1 and "mic.wav: holds no steady tone" in err and "Traceback" not in err
    code, _, err = run(capsys, "info", mic, "--calib-tone", files / "none.wav", 94)
    assert code == 1 and "none.wav: no such file" in err
    code, out, err = run(capsys, "info", mic, "--full-scale", 120, "--unit", "m/s2")
    assert code == 0 and "120 dB re 1e-6 m/s²" in err and "re 1e-6 m/s²" in out
