"""Audio files and archives in and out: every sample, field, subtype and limit."""

from __future__ import annotations

import os
import wave

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import audio, find_inputs, read, write
from specsr.signal import Signal
from support.io_samples import FUZZ, audio_form, full_signal, make_map, noise, same_fields

# Round trips


@pytest.mark.parametrize("suffix", [".wav", ".w64", ".rf64", ".npz", ".h5", ".hdf5"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_field_and_sample_is_read_back(tmp_path, suffix, dtype):
    signal = full_signal(samples=noise(dtype=dtype), full_scale=1.0)
    write(tmp_path / f"a{suffix}", signal)
    back = read(tmp_path / f"a{suffix}")
    same_fields(back, signal)
    assert back.samples.dtype == dtype
    np.testing.assert_array_equal(back.samples, signal.samples)


@pytest.mark.parametrize(
    ("suffix", "subtype", "bits"),
    [
        (".wav", "PCM_U8", 8), (".wav", "PCM_16", 16), (".wav", "PCM_24", 24),
        (".wav", "PCM_32", 32), (".w64", "PCM_16", 16), (".rf64", "PCM_24", 24),
        (".flac", "PCM_S8", 8), (".flac", "PCM_16", 16), (".flac", "PCM_24", 24),
    ],
)  # fmt: skip
@settings(FUZZ, max_examples=15)
@given(calib=st.floats(1e-6, 1e6), seed=st.integers(0, 1000))
def test_integers_are_bit_exact_with_any_calibration(tmp_path, suffix, subtype, bits, calib, seed):
    top = 2 ** (bits - 1)
    counts = np.random.default_rng(seed).integers(-top, top, (500, 2))
    counts[:4] = [[-top, top - 1], [top - 1, -top], [0, -1], [1, 0]]
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    sf.write(
        first, (counts << (32 - bits)).astype(np.int32), 48000, subtype, format=audio_form(first)
    )
    signal = read(first, calib=calib)
    exact = counts.T / top * calib
    np.testing.assert_allclose(signal.samples, exact, rtol=1e-7 if bits < 32 else 1e-15)
    assert signal.full_scale == calib
    write(second, signal, subtype=subtype, overwrite=True)
    np.testing.assert_array_equal(sf.read(second, dtype="int32")[0] >> (32 - bits), counts)
    np.testing.assert_array_equal(read(second).samples, signal.samples)


def test_pcm_16_agrees_with_the_standard_library(tmp_path):
    counts = np.arange(-32768, 32768, 7, dtype="<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 11025, 0, "NONE", ""))
        file.writeframes(counts.tobytes())
    signal = read(tmp_path / "a.wav")
    assert (signal.rate, signal.unit, signal.samples.dtype) == (11025, "1", np.float32)
    np.testing.assert_array_equal(signal.samples[0], counts / 32768)
    write(tmp_path / "b.wav", signal, subtype="pcm_16")
    with wave.open(str(tmp_path / "b.wav"), "rb") as file:
        assert file.readframes(10**6) == counts.tobytes()


@pytest.mark.parametrize(
    ("name", "dtype", "subtype"),
    [
        ("a.wav", np.float32, "FLOAT"), ("a.wav", np.float64, "DOUBLE"),
        ("a.w64", np.float32, "FLOAT"), ("a.flac", np.float32, "PCM_24"),
        ("a.FLAC", np.float64, "PCM_24"), ("a.ogg", np.float32, "VORBIS"),
    ],
)  # fmt: skip
def test_default_subtypes(tmp_path, name, dtype, subtype):
    write(tmp_path / name, Signal(noise(dtype=dtype), 48000))
    assert sf.info(tmp_path / name).subtype == subtype
    assert os.listdir(tmp_path) == [name]  # a plain signal needs no sidecar


def test_ogg_keeps_length_level_and_calibration(tmp_path):
    t = np.arange(100_003) / 44100
    samples = np.stack([np.sin(2 * np.pi * 440 * t), 0.1 * np.cos(2 * np.pi * 99 * t)])
    signal = Signal(samples, 44100, unit="Pa", full_scale=2.0)
    write(tmp_path / "a.ogg", signal)
    back = read(tmp_path / "a.ogg")
    same_fields(back, signal)
    assert back.length == signal.length
    np.testing.assert_allclose(back.level(), signal.level(), atol=0.1)


@settings(FUZZ, max_examples=25)
@given(
    channels=st.integers(1, 8),
    length=st.integers(1, 300),
    rate=st.sampled_from([1, 8000, 44100, 44100.5, 192000, 0.51]),
    suffix=st.sampled_from([".wav", ".flac", ".w64", ".rf64"]),
)
def test_any_shape_and_rate(tmp_path, channels, length, rate, suffix):
    signal = Signal(noise(channels, length), rate)
    path = tmp_path / f"a{suffix}"
    write(path, signal, overwrite=True)
    back = read(path)
    assert back.rate == rate and back.samples.shape == (channels, length)
    np.testing.assert_allclose(back.samples, signal.samples, atol=2**-23)


def test_blocks_are_joined_without_gaps(tmp_path):
    signal = Signal(noise(2, 3 * audio.BLOCK + 7), 48000)
    write(tmp_path / "a.wav", signal)
    np.testing.assert_array_equal(read(tmp_path / "a.wav").samples, signal.samples)


def test_streamed_flac_without_a_length_is_read(tmp_path):
    sf.write(tmp_path / "a.flac", noise().T, 48000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0  # the 36-bit number of samples in STREAMINFO; 0 means unknown
    data[22:26] = bytes(4)
    (tmp_path / "b.flac").write_bytes(data)
    np.testing.assert_array_equal(
        read(tmp_path / "b.flac").samples, read(tmp_path / "a.flac").samples
    )


# Refused outputs


@pytest.mark.parametrize(
    ("suffix", "subtype"), [(".wav", "PCM_16"), (".flac", None), (".ogg", None), (".wav", "PCM_32")]
)
def test_clipping_is_refused_and_the_fix_works(tmp_path, suffix, subtype):
    samples = noise()
    samples[1, 500] = -1.25
    signal = Signal(samples * 4, 48000, unit="Pa", full_scale=4)
    path = tmp_path / f"a{suffix}"
    with pytest.raises(SpecsrError, match=r"channel 2 reaches 1\.25 times.*FLOAT.*full_scale.* 5"):
        write(path, signal, subtype=subtype)
    assert os.listdir(tmp_path) == []
    write(path, signal.replace(full_scale=5), subtype=subtype)
    write(tmp_path / "b.wav", signal, subtype="FLOAT")
    np.testing.assert_array_equal(read(tmp_path / "b.wav").samples, signal.samples)


def test_full_scale_itself_is_written(tmp_path):
    write(tmp_path / "a.wav", Signal(np.array([1.0, -1.0, 0.5]), 8000), subtype="PCM_16")
    counts = sf.read(tmp_path / "a.wav", dtype="int16")[0]
    assert counts.tolist() == [32767, -32768, 16384]


@pytest.mark.parametrize(
    ("name", "subtype", "signal", "match"),
    [
        ("a.mp3", None, Signal(noise(), 48000), r"unknown suffix '\.mp3'.*\.wav.*\.npz"),
        ("a", None, Signal(noise(), 48000), "unknown suffix ''"),
        ("a.wav", "PCM_17", Signal(noise(), 48000), "no subtype 'PCM_17'.*PCM_16"),
        ("a.flac", "FLOAT", Signal(noise(), 48000), "FLAC has no subtype 'FLOAT'"),
        ("a.npz", "FLOAT", Signal(noise(), 48000), "no subtypes"),
        ("a.flac", None, Signal(noise(9), 48000), "9 channels"),
        ("a.flac", None, Signal(noise(), 1e6), "1000000 Hz"),
        ("a.wav", None, Signal(noise(), 0.2), r"does not fit.*\.npz"),
        ("a.wav", None, Signal(noise(), 1e12), r"does not fit.*\.npz"),
        ("a.wav", "FLOAT", Signal(np.array([1e300]), 48000), "too large.*DOUBLE"),
        ("a.wav", None, noise(), "expected a Signal"),
        ("a.wav", None, make_map(), "expected a Signal.*write_map"),
    ],
)
def test_signals_beyond_a_format_are_refused(tmp_path, name, subtype, signal, match):
    with pytest.raises(SpecsrError, match=match) as error:
        write(tmp_path / name, signal, subtype=subtype)
    assert name in str(error.value) and os.listdir(tmp_path) == []


def test_a_wav_over_4_gib_is_refused_in_favour_of_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "WAV_LIMIT", 1000)
    with pytest.raises(SpecsrError, match=r"\.w64 or \.rf64"):
        write(tmp_path / "a.wav", Signal(noise(), 48000))
    write(tmp_path / "a.rf64", Signal(noise(), 48000))


# Real files


@pytest.mark.parametrize("bits", ["int8", "int24", "int32", "float32"])
def test_real_wav_files_of_every_sample_format(shared_data, tmp_path, bits):
    path = shared_data / "fixtures" / "wav" / f"flute_{bits}.wav"
    signal = read(path)
    expected, rate = sf.read(path, dtype="float64", always_2d=True)
    assert signal.rate == rate == 44100 and signal.samples.shape == (1, 156048)
    np.testing.assert_array_equal(signal.samples, expected.T)
    assert signal.samples.dtype == (np.float64 if bits == "int32" else np.float32)
    subtype = sf.info(path).subtype
    write(tmp_path / "b.wav", signal, subtype=subtype)
    raw = "float32" if bits == "float32" else "int32"
    np.testing.assert_array_equal(
        sf.read(tmp_path / "b.wav", dtype=raw)[0], sf.read(path, dtype=raw)[0]
    )


def test_real_wav_files_with_odd_chunks(shared_data):
    folder = shared_data / "fixtures" / "wav"
    car = read(folder / "carHVAC2_float32_stereo_48k.wav", unit="Pa")
    raw = (folder / "carHVAC2_float32_stereo_48k.wav").read_bytes()
    at = raw.index(b"data") + 8
    counts = np.frombuffer(raw, "<f4", 480_000, at).reshape(-1, 2).T
    np.testing.assert_array_equal(car.samples, counts)
    assert (car.rate, car.duration, car.unit) == (48000, 5.0, "Pa")

    path = folder / "xtract_demo_signal_1_pressure_rpm_calibrated.wav"
    pressure = read(path, unit="Pa", calib=2.7598, channels=[0])
    raw = path.read_bytes()
    counts = np.frombuffer(raw, "<i2", 441_000, raw.index(b"data") + 8).reshape(-1, 2)
    assert pressure.samples.shape == (1, 220_500)
    np.testing.assert_allclose(pressure.samples[0], counts[:, 0] / 32768 * 2.7598, rtol=1e-6)


def test_real_recordings_are_all_read(shared_data):
    paths = find_inputs(shared_data / "audio" / "val")
    for path in paths[::8]:
        signal, info = read(path), sf.info(path)
        assert (signal.rate, signal.samples.shape) == (
            info.samplerate, (info.channels, info.frames)
        )  # fmt: skip
