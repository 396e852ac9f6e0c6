"""Files: what is written comes back, what is damaged is named, what fails leaves nothing."""

from __future__ import annotations

import json
import os
import struct
import wave
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.grid import Grid
from specsr.io import (
    READERS,
    WRITERS,
    audio,
    check_output,
    find_inputs,
    is_map,
    read,
    read_channels,
    read_map,
    replacing,
    sidecar,
    write,
    write_map,
)
from specsr.signal import Signal
from specsr.spectrogram import SpecMap

FUZZ = settings(
    max_examples=60, deadline=20_000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def noise(channels=2, length=1001, dtype=np.float32, peak=0.9, seed=0):
    samples = np.random.default_rng(seed).uniform(-peak, peak, (channels, length))
    return samples.astype(dtype)


def full_signal(**changes):
    """A signal with every field other than its default."""
    fields = {
        "samples": noise() * 20, "rate": 51200.131, "unit": "m/s²", "start": -0.125,
        "channels": ("Motor ä", "Gear"), "full_scale": 20.5,
        "rpm": np.linspace(800, 6000.123, 1001),
    }  # fmt: skip
    return Signal(**(fields | changes))


def make_map(length=3000, cell=(1, 1), n_fft=64, hop=17, channels=2, rate=48000.0, **fields):
    grid = Grid(rate, n_fft, hop, length, cell=cell, **fields)
    magnitude = np.random.default_rng(1).random((channels, grid.rows, grid.frames)) + 1e-3
    return SpecMap(magnitude, grid)


def same_fields(a, b):
    assert (a.rate, a.unit, a.channels, a.start, a.full_scale) == (
        b.rate, b.unit, b.channels, b.start, b.full_scale
    )  # fmt: skip
    assert (a.rpm is None) == (b.rpm is None)
    if a.rpm is not None:
        np.testing.assert_array_equal(a.rpm, b.rpm)


# Round trips of signals


@pytest.mark.parametrize("suffix", [".wav", ".w64", ".rf64", ".npz", ".h5", ".hdf5"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_field_and_sample_comes_back(tmp_path, suffix, dtype):
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
def test_integers_come_back_bit_for_bit_whatever_the_calibration(
    tmp_path, suffix, subtype, bits, calib, seed
):
    top = 2 ** (bits - 1)
    counts = np.random.default_rng(seed).integers(-top, top, (500, 2))
    counts[:4] = [[-top, top - 1], [top - 1, -top], [0, -1], [1, 0]]
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    sf.write(first, (counts << (32 - bits)).astype(np.int32), 48000, subtype, format=_form(first))
    signal = read(first, calib=calib)
    exact = counts.T / top * calib
    np.testing.assert_allclose(signal.samples, exact, rtol=1e-7 if bits < 32 else 1e-15)
    assert signal.full_scale == calib
    write(second, signal, subtype=subtype, overwrite=True)
    np.testing.assert_array_equal(sf.read(second, dtype="int32")[0] >> (32 - bits), counts)
    np.testing.assert_array_equal(read(second).samples, signal.samples)


def _form(path):
    return audio.FORMATS[path.suffix]


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


def test_blocks_are_joined_without_seams(tmp_path):
    signal = Signal(noise(2, 3 * audio._BLOCK + 7), 48000)
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


# Calibration and sidecars


def test_explicit_arguments_win_over_the_sidecar(tmp_path):
    path = tmp_path / "a.wav"
    write(path, full_signal(), subtype="PCM_24")
    plain, scaled = read(path), read(path, calib=41.0, unit="Pa")
    assert (scaled.unit, scaled.full_scale) == ("Pa", 41.0)
    np.testing.assert_allclose(scaled.samples, plain.samples * 2, rtol=1e-6)
    np.testing.assert_array_equal(scaled.rpm, plain.rpm)
    archive = tmp_path / "a.npz"
    write(archive, full_signal())
    np.testing.assert_allclose(read(archive, calib=41.0).samples, full_signal().samples * 2)


def test_a_sidecar_by_hand_is_one_line(tmp_path):
    write(tmp_path / "a.wav", Signal(noise(), 48000))
    (tmp_path / "a.wav.json").write_text(
        '{"format": "specsr-signal", "unit": "Pa", "full_scale": 2.5, "rpm": 5}'
    )
    with pytest.raises(SpecsrError, match=r"a\.wav.*rpm has shape"):
        read(tmp_path / "a.wav")
    (tmp_path / "a.wav.json").write_text(
        '{"format": "specsr-signal", "unit": "Pa", "full_scale": 2.5}'
    )
    back = read(tmp_path / "a.wav")
    assert (back.unit, back.full_scale, back.rate) == ("Pa", 2.5, 48000)
    np.testing.assert_array_equal(back.samples, (noise() * np.float64(2.5)).astype(np.float32))


def test_sidecar_has_the_documented_fields(tmp_path):
    write(tmp_path / "a.wav", full_signal())
    fields = json.loads((tmp_path / "a.wav.json").read_text(encoding="utf-8"))
    assert fields.keys() == {
        "format", "version", "unit", "full_scale", "rate", "start", "channels", "crc32", "rpm"
    }  # fmt: skip
    assert fields["format"] == "specsr-signal" and fields["version"] == 1
    assert fields["rate"] == 51200.131 and sf.info(tmp_path / "a.wav").samplerate == 51200


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        ('{"format": "specsr-signal", "full_scale": "2"}', "full_scale is '2'"),
        ('{"format": "specsr-signal", "full_scale": NaN}', "full_scale is nan"),
        ('{"format": "specsr-signal", "full_scale": 0}', "above zero"),
        (
            '{"format": "specsr-signal", "unit": "furlong"}',
            "unit label 'furlong' is not understood",
        ),
        ('{"format": "specsr-signal", "unit": ["Pa"]}', "unit has 1 entries"),
        ('{"format": "specsr-signal", "unit": 3}', "unit is 3"),
        ('{"format": "specsr-signal", "full_scale": [1, -1]}', "above zero"),
        ('{"format": "specsr-signal", "start": null}', "start is None"),
        ('{"format": "specsr-signal", "channels": ["a"]}', "1 channel names for 2"),
        ('{"format": "specsr-signal", "channels": [1, 2]}', "list of names"),
        ('{"format": "specsr-signal", "version": 99}', "update specsr"),
        ('{"format": "specsr-signal", "rate": 44100}', "another state"),
        ('{"format": "specsr-signal", "crc32": "00000000"}', "another state"),
        ('{"format": "specsr-signal", "rpm": "fast"}', "rpm is of type"),
        ('{"format": "specsr-signal", "rpm": [[1], [2, 3]]}', "rpm is of type"),
        ('{"format": "specsr-signal", "rpm": {"count": 1001}}', "rpm is damaged"),
        (
            '{"format": "specsr-signal", "rpm": {"count": 1e30, "zlib_base64": ""}}',
            "rpm is damaged",
        ),
        ('{"format": "specsr-signal", "rpm": {"count": 3, "zlib_base64": "?"}}', "rpm is damaged"),
    ],
)
def test_a_wrong_sidecar_is_named(tmp_path, text, match):
    write(tmp_path / "a.wav", Signal(noise(), 48000))
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "a.wav.json").write_bytes(data)
    with pytest.raises(SpecsrError, match=match) as error:
        read(tmp_path / "a.wav")
    assert "a.wav" in str(error.value)


def test_an_edited_file_does_not_keep_its_old_calibration(tmp_path):
    path = tmp_path / "a.wav"
    write(path, full_signal())
    samples, rate = sf.read(path)
    sf.write(path, samples * 0.5, rate, "FLOAT")
    with pytest.raises(SpecsrError, match="another state"):
        read(path)


def test_json_of_another_program_is_neither_used_nor_lost(tmp_path):
    side = tmp_path / "a.wav.json"
    side.write_text('{"label": "dog"}')
    write(tmp_path / "a.wav", Signal(noise(), 48000))
    assert read(tmp_path / "a.wav").unit == "1"
    with pytest.raises(SpecsrError, match="holds something else"):
        write(tmp_path / "a.wav", full_signal(), overwrite=True)
    assert side.read_text() == '{"label": "dog"}'
    assert read(tmp_path / "a.wav").unit == "1"


def test_a_stale_sidecar_goes_with_the_file_that_it_described(tmp_path):
    path = tmp_path / "a.wav"
    write(path, full_signal())
    write(path, Signal(noise(), 48000), overwrite=True)
    assert os.listdir(tmp_path) == ["a.wav"] and read(path).unit == "1"
    write(path, full_signal(), overwrite=True)
    path.unlink()
    with pytest.raises(SpecsrError, match=r"a\.wav\.json: exists already"):
        write(path, Signal(noise(), 48000))


def test_channels_are_chosen_by_name_or_position(tmp_path):
    write(tmp_path / "a.wav", full_signal())
    every = read(tmp_path / "a.wav")
    for choice in (["Gear"], [1], "Gear", 1):
        one = read(tmp_path / "a.wav", channels=choice)
        assert one.channels == ("Gear",)
        np.testing.assert_array_equal(one.samples, every.samples[1:])
    turned = read(tmp_path / "a.wav", channels=["Gear", 0])
    np.testing.assert_array_equal(turned.samples, every.samples[::-1])
    for wrong in (["Axle"], [2], [-1]):
        with pytest.raises(SpecsrError, match=r"a\.wav.*no channel.*Motor ä, Gear"):
            read(tmp_path / "a.wav", channels=wrong)
    with pytest.raises(SpecsrError, match="empty"):
        read(tmp_path / "a.wav", channels=[])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_packed_numbers_come_back_bit_for_bit(values):
    packed = json.loads(json.dumps(sidecar.pack(np.array(values))))
    assert sidecar.unpack(packed).tobytes() == np.array(values).tobytes()


def test_a_smooth_speed_packs_into_few_bytes():
    t = np.arange(100_000) / 48000
    for rpm in (np.full(len(t), 3000.0), 800 + 5200 * t, 3000 + 50 * np.sin(7 * t)):
        assert len(sidecar.pack(rpm)["zlib_base64"]) < 5 * len(t)


# What is refused


@pytest.mark.parametrize(
    ("suffix", "subtype"), [(".wav", "PCM_16"), (".flac", None), (".ogg", None), (".wav", "PCM_32")]
)
def test_clipping_is_refused_and_the_mend_works(tmp_path, suffix, subtype):
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


def test_outputs_are_not_replaced_silently(tmp_path):
    for suffix in WRITERS:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"mine")
        with pytest.raises(SpecsrError, match=r"exists already and was kept.*overwrite"):
            write(path, Signal(noise(), 48000))
        assert path.read_bytes() == b"mine"
        write(path, Signal(noise(), 48000), overwrite=True)
        assert read(path).length == 1001
    with pytest.raises(SpecsrError, match="exists already"):
        write_map(tmp_path / "a.npz", make_map())
    with pytest.raises(SpecsrError, match="is a folder"):
        check_output(tmp_path)
    assert check_output(tmp_path / "new") == tmp_path / "new"


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
def test_what_a_format_cannot_hold_is_refused(tmp_path, name, subtype, signal, match):
    with pytest.raises(SpecsrError, match=match) as error:
        write(tmp_path / name, signal, subtype=subtype)
    assert name in str(error.value) and os.listdir(tmp_path) == []


def test_a_wav_over_4_gib_is_sent_to_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_WAV_LIMIT", 1000)
    with pytest.raises(SpecsrError, match=r"\.w64 or \.rf64"):
        write(tmp_path / "a.wav", Signal(noise(), 48000))
    write(tmp_path / "a.rf64", Signal(noise(), 48000))


# Bad input


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_bad_files_are_named(tmp_path, suffix):
    path = tmp_path / f"bad{suffix}"
    cases = {
        "no such file": None,
        r"empty \(0 bytes\)": b"",
        "cannot be read as": b"Once upon a time there was a spectrogram.\n" * 100,
    }
    for match, data in cases.items():
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(SpecsrError, match=match) as error:
            read(path)
        assert str(path) in str(error.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(SpecsrError, match="is a folder"):
        read(path)


def test_unknown_suffixes_list_the_known(tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"1")
    with pytest.raises(SpecsrError, match=r"'\.xyz'.*\.wav.*\.flac.*\.npz"):
        read(tmp_path / "a.xyz")
    with pytest.raises(SpecsrError, match=r"'\.wav'.*\.npz"):
        read_map(tmp_path / "a.wav")
    with pytest.raises(SpecsrError, match="unknown suffix"):
        write_map(tmp_path / "a.wav", make_map())


@pytest.mark.parametrize("suffix", [".wav", ".w64", ".rf64", ".flac"])
def test_a_file_that_was_cut_off_is_not_read_as_a_shorter_one(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, Signal(noise(), 48000), subtype="PCM_16")
    whole = path.read_bytes()
    for size in (len(whole) // 2, len(whole) - 40, 12, 60):
        path.write_bytes(whole[:size])
        with pytest.raises(SpecsrError, match=r"a\.\w+: (is cut off|cannot be read|holds no)"):
            read(path)


def test_a_flac_cut_between_two_frames_is_refused(tmp_path):
    path = tmp_path / "a.flac"
    write(path, Signal(noise(1, 20_000), 48000), subtype="PCM_16")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"\xff\xf8")])  # the last frame goes; no error inside
    with pytest.raises(SpecsrError, match=r"is cut off: .* 20000 samples, 16384 are there"):
        read(path)


def test_a_wav_from_a_pipe_is_read(tmp_path):
    write(tmp_path / "a.wav", Signal(noise(), 48000), subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.index(b"data") + 4
    for size in (0xFFFFFFFF, 0x7FFFF000, 0x80000000):
        data[4:8] = data[at : at + 4] = struct.pack("<I", size)
        (tmp_path / "a.wav").write_bytes(data)
        assert read(tmp_path / "a.wav").length == 1001
    data[at : at + 4] = bytes(4)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(SpecsrError, match="header was never completed.*sox"):
        read(tmp_path / "a.wav")


@pytest.mark.parametrize("suffix", [".wav", ".w64", ".rf64", ".ogg"])
def test_audio_without_samples_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    sf.write(path, np.zeros((0, 2)), 48000, format=_form(path))
    with pytest.raises(SpecsrError, match="no samples"):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_named_with_its_file(tmp_path, value):
    samples = noise()
    samples[1, 240] = value
    sf.write(tmp_path / "a.wav", samples.T, 48000, "FLOAT")
    np.savez(tmp_path / "a.npz", samples=samples, rate=48000)
    for name in ("a.wav", "a.npz"):
        with pytest.raises(SpecsrError, match=r"channel 2 holds .* at sample 240") as error:
            read(tmp_path / name)
        assert name in str(error.value)


def test_other_audio_under_a_wav_name_is_named(tmp_path):
    sf.write(tmp_path / "a.wav", noise().T, 48000, format="AIFF")
    with pytest.raises(SpecsrError, match="holds AIFF data"):
        read(tmp_path / "a.wav")


def test_arguments_that_do_not_fit_are_named(tmp_path):
    write(tmp_path / "a.wav", Signal(noise(), 48000))
    for calib in (0, -1, np.nan, np.inf):
        with pytest.raises(SpecsrError, match="calib is"):
            read(tmp_path / "a.wav", calib=calib)
    with pytest.raises(SpecsrError, match=r"a\.wav: unknown unit 'psi'"):
        read(tmp_path / "a.wav", unit="psi")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"samples": noise()}, "holds samples"),
        ({"samples": noise(), "rate": "fast"}, "rate is 'fast'"),
        ({"samples": np.array(["a"]), "rate": 1.0}, "samples is of type"),
        ({"samples": noise(), "rate": 1.0, "format": "other"}, "expected a recording"),
        ({"samples": noise(), "rate": 1.0, "version": 2, "format": "specsr-signal"}, "update"),
        ({"samples": np.array([None, 1]), "rate": 1.0}, "Python objects"),
        ({"samples": noise()[:, :0], "rate": 1.0}, "empty"),
    ],
)
def test_archives_that_hold_no_signal_are_named(tmp_path, fields, match):
    np.savez(tmp_path / "a.npz", **fields)
    with pytest.raises(SpecsrError, match=match) as error:
        read(tmp_path / "a.npz")
    assert "a.npz" in str(error.value)


def test_a_promise_beyond_the_file_allocates_nothing(tmp_path):
    header = b"\x93NUMPY\x01\x00" + b"v\x00"
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("samples.npy", header + text.ljust(117) + b"\n" + bytes(80))
    with pytest.raises(SpecsrError, match=r"samples\.npy promises 8000000000"):
        read(tmp_path / "a.npz")
    data = header + b"{'descr': '<f8', 'fortran_order': False, 'shape': (400000000,), }".ljust(117)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("samples.npy", data + b"\n" + bytes(80))
    patched = bytearray((tmp_path / "a.npz").read_bytes())
    directory = patched.index(b"PK\x01\x02")
    patched[directory + 24 : directory + 28] = struct.pack("<I", 128 + 8 * 400_000_000)
    (tmp_path / "a.npz").write_bytes(patched)
    with pytest.raises(SpecsrError, match=r"samples\.npy promises 3200000128"):
        read(tmp_path / "a.npz")
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("samples", shape=(2, 10**12), dtype="f8", chunks=(1, 1000))
        file.attrs["rate"] = 48000.0
    with pytest.raises(SpecsrError, match="samples promises 16000000000000 bytes"):
        read(tmp_path / "a.h5")


class Files(dict):
    def __repr__(self):
        return "Files()"


@pytest.fixture(scope="module")
def samples_of_files(tmp_path_factory):
    """Small files of every format, as bytes."""
    folder = tmp_path_factory.mktemp("whole")
    signal = Signal(noise(2, 300), 48000, unit="Pa")
    spec = make_map(300, n_fft=16, hop=8)
    for name, subtype in {
        "a.wav": "PCM_16", "b.wav": "FLOAT", "a.flac": None, "a.ogg": None, "a.w64": "PCM_24",
        "a.rf64": "PCM_16", "a.npz": None, "a.h5": None, "a.csv": None, "a.mat": None,
        "a.uff": "BINARY", "b.uff": "ASCII", "a.tdms": None,
    }.items():  # fmt: skip
        write(folder / name, signal, subtype=subtype)
    for suffix in ("npz", "h5", "mat"):
        write_map(folder / f"map.{suffix}", spec)
    mono = make_map(300, n_fft=16, hop=8, channels=1)
    for suffix in ("csv", "uff"):
        write_map(folder / f"map.{suffix}", mono)
    np.save(folder / "a.npy", noise(2, 300))
    (folder / "v73.mat").write_bytes(matlab_73(noise(1, 300)))
    for path in map(folder.joinpath, NAMES):  # import libraries here, not against a deadline
        (read_map if path.name.startswith("map") else read_channels)(path)
    return Files({path.name: path.read_bytes() for path in sorted(folder.iterdir())})


NAMES = [
    "a.wav", "b.wav", "a.flac", "a.ogg", "a.w64", "a.rf64", "a.npz", "a.h5", "a.csv", "a.mat",
    "v73.mat", "a.uff", "b.uff", "a.tdms", "a.npy", "map.npz", "map.h5", "map.mat",
    "map.csv", "map.uff",
]  # fmt: skip


def matlab_73(samples):
    """The bytes of a MATLAB 7.3 file with samples and fs, as save('-v7.3') lays them out."""
    import io

    import h5py

    image = io.BytesIO()
    with h5py.File(image, "w", userblock_size=512) as file:
        for name, value in {"samples": samples.T, "fs": np.array([[48000.0]])}.items():
            file.create_dataset(name, data=value.astype("f8")).attrs["MATLAB_class"] = b"double"
    data = bytearray(image.getvalue())
    data[:116] = b"MATLAB 7.3 MAT-file".ljust(116)
    data[124:128] = b"\x00\x02IM"
    return bytes(data)


def _read_or_refuse(path, name, data):
    path = path / name
    path.write_bytes(data)
    try:
        if name.startswith("map"):
            is_map(path)
            assert np.isfinite(read_map(path).magnitude).all()
        else:
            given = {"rate": 48000.0} if name.endswith(".npy") else {}
            assert np.isfinite(read(path, **given).samples).all()
    except SpecsrError as error:
        assert name in str(error)


@pytest.mark.parametrize("name", NAMES)
@FUZZ
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused(tmp_path, samples_of_files, name, data):
    damaged = bytearray(samples_of_files[name])
    # The headers, where damage does most, lie at the start, in archives also at the end.
    near = st.integers(0, min(199, len(damaged) - 1))
    place = near | near.map(lambda i: len(damaged) - 1 - i) | st.integers(0, len(damaged) - 1)
    for at, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=6)):
        damaged[at] = value
    _read_or_refuse(tmp_path, name, bytes(damaged))


@pytest.mark.parametrize("name", NAMES)
@FUZZ
@given(data=st.data())
def test_cut_bytes_are_read_or_refused(tmp_path, samples_of_files, name, data):
    whole = samples_of_files[name]
    _read_or_refuse(tmp_path, name, whole[: data.draw(st.integers(0, len(whole) - 1))])


# Atomic writing


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("stage", ["body", "main", "companion"])
def test_a_failed_write_leaves_all_as_it_was(tmp_path, monkeypatch, failure, before, stage):
    main, side = tmp_path / "a.wav", tmp_path / "a.wav.json"
    if before:
        main.write_bytes(before)
        side.write_bytes(before)
    seen = sorted(os.listdir(tmp_path))
    move = os.replace

    def failing(source, target):
        # Only the move that brings the new file fails; the way back is open.
        if (
            str(source).endswith(".tmp")
            and Path(target) == {"main": main, "companion": side}[stage]
        ):
            raise failure
        move(source, target)

    if stage != "body":
        monkeypatch.setattr("specsr.io.atomic.os.replace", failing)
    expected = SpecsrError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as error, replacing(main, side, overwrite=True) as temps:
        for temp in temps:
            temp.write_bytes(b"new")
        if stage == "body":
            raise failure
    if expected is SpecsrError:
        assert str(main) in str(error.value) and "No space left" in str(error.value)
    assert sorted(os.listdir(tmp_path)) == seen
    assert not before or main.read_bytes() == side.read_bytes() == before


@pytest.fixture
def full_disk():
    """Let every file end at 20 kB, as a full disk would."""
    resource = pytest.importorskip("resource")  # not on Windows
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", sorted(WRITERS))
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, full_disk, suffix):
    with pytest.raises(SpecsrError, match="could not be written") as error:
        write(tmp_path / f"a{suffix}", Signal(noise(2, 60_000), 48000))
    assert f"a{suffix}" in str(error.value) and os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_full_disk_keeps_the_map_that_was_there(tmp_path, request, suffix):
    path = tmp_path / f"a{suffix}"
    write_map(path, make_map(300))
    before = path.read_bytes()
    request.getfixturevalue("full_disk")
    with pytest.raises(SpecsrError, match="could not be written"):
        write_map(path, make_map(60_000), overwrite=True)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


def test_folders_are_made_and_links_stay(tmp_path):
    path = tmp_path / "new" / "deep" / "a.wav"
    write(path, Signal(noise(), 48000))
    link = tmp_path / "link.wav"
    link.symlink_to(path)
    write(link, Signal(noise(seed=1), 48000), overwrite=True)
    assert link.is_symlink()
    np.testing.assert_array_equal(read(path).samples, noise(seed=1))
    with pytest.raises(SpecsrError, match="could not be written"):
        write(path / "b.wav", Signal(noise(), 48000))  # a file where a folder should be


# Maps


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".hdf5"])
@pytest.mark.parametrize("cell", [(1, 1), (4, 4), (1, 3), (2, 1)])
def test_a_map_comes_back_whole(tmp_path, suffix, cell):
    plain = make_map(
        cell=cell, unit="Pa", scaling="psd", window="blackmanharris", start=1.5, rate=51200.131
    )
    rng = np.random.default_rng(2)
    full = plain.replace(
        phase=rng.uniform(-np.pi, np.pi, plain.magnitude.shape),
        known=rng.random(plain.grid.rows) < 0.5, rpm=np.linspace(0, 6000, plain.grid.length),
        channels=("links", "rechts ö"),
    )  # fmt: skip
    for spec in (plain, full):
        path = tmp_path / f"m{suffix}"
        write_map(path, spec, overwrite=True)
        back = read_map(path)
        assert back.grid == spec.grid and back.channels == spec.channels
        for key in ("magnitude", "phase", "known", "rpm"):
            old, new = getattr(spec, key), getattr(back, key)
            assert (old is None) == (new is None)
            if old is not None:
                assert old.dtype == new.dtype
                np.testing.assert_array_equal(old, new)


def test_maps_and_signals_are_told_apart(tmp_path):
    for suffix in (".npz", ".h5"):
        write_map(tmp_path / f"m{suffix}", make_map())
        write(tmp_path / f"s{suffix}", full_signal())
        assert is_map(tmp_path / f"m{suffix}") and not is_map(tmp_path / f"s{suffix}")
        with pytest.raises(SpecsrError, match="holds a map.*read_map"):
            read(tmp_path / f"m{suffix}")
        with pytest.raises(SpecsrError, match="expected a map"):
            read_map(tmp_path / f"s{suffix}")
    assert not is_map("anything.wav")
    np.savez(tmp_path / "f.npz", db=np.zeros((2, 2)), freqs=[0, 1], times=[0, 1])
    np.savez(tmp_path / "o.npz", x=np.zeros(3))
    assert is_map(tmp_path / "f.npz") and not is_map(tmp_path / "o.npz")
    with pytest.raises(SpecsrError, match="no such file"):
        is_map(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"grid": "{"}, "grid is damaged"),
        ({"grid": "[]"}, "grid is damaged"),
        ({"grid": "{}"}, "grid has no hop_length, length, n_fft, rate"),
        ({"magnitude": np.zeros((2, 3, 4))}, "its grid asks for"),
        ({"version": 2}, "update specsr"),
        ({"phase": np.zeros(3)}, "phase has shape"),
        ({"rpm": np.zeros(3)}, "rpm has shape"),
        ({"channels": '["one"]'}, "1 channel names for 2"),
        ({"channels": "one"}, "channels is damaged"),
        ({"magnitude": None}, "the map has no magnitude"),
    ],
)
def test_a_wrong_map_is_named(tmp_path, changes, match):
    write_map(tmp_path / "m.npz", make_map())
    with np.load(tmp_path / "m.npz") as file:
        fields = {k: v for k, v in ({**file} | changes).items() if v is not None}
    np.savez(tmp_path / "m.npz", **fields)
    with pytest.raises(SpecsrError, match=match) as error:
        read_map(tmp_path / "m.npz")
    assert "m.npz" in str(error.value)


@pytest.mark.parametrize("change", [
    {"rate": 0}, {"rate": float("nan")}, {"rate": "48k"}, {"n_fft": 64.5}, {"n_fft": float("inf")},
    {"length": None}, {"hop_length": 0}, {"cell": [1]}, {"cell": ["a", 1]}, {"unit": "psi"},
    {"scaling": "peak"}, {"start": []},
])  # fmt: skip
def test_a_grid_that_cannot_be_is_refused(tmp_path, change):
    write_map(tmp_path / "m.npz", make_map())
    with np.load(tmp_path / "m.npz") as file:
        fields = {**file}
    fields["grid"] = json.dumps(json.loads(fields["grid"].item()) | change)
    np.savez(tmp_path / "m.npz", **fields)
    with pytest.raises(SpecsrError, match=next(iter(change))):
        read_map(tmp_path / "m.npz")


# Maps from elsewhere


def foreign(spec, kind="db", dtype=np.float64, **more):
    """The entries that another program would write for a map."""
    fields = {
        kind: getattr(spec, kind), "freqs": spec.freqs.astype(dtype),
        "times": spec.times.astype(dtype), "unit": spec.grid.unit,
    }  # fmt: skip
    if spec.grid.cell != (1, 1):
        fields["cell"] = spec.grid.cell
    return fields | more


@FUZZ
@given(
    n_fft=st.sampled_from([32, 104, 256]),
    cell=st.sampled_from([(1, 1), (2, 2), (4, 4), (1, 4), (4, 1), (2, 3)]),
    overlap=st.integers(1, 8),
    columns=st.integers(3, 40),
    rate=st.sampled_from([48000.0, 44100.0, 51200.131, 22050.0]),
    start=st.sampled_from([0.0, 1.5, -0.3]),
    kind=st.sampled_from(["db", "power", "magnitude"]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_the_grid_is_found_from_the_axes(
    tmp_path, n_fft, cell, overlap, columns, rate, start, kind, dtype
):
    hop = max(1, n_fft // overlap)
    spec = make_map(
        columns * cell[1] * hop, cell, n_fft, hop, rate=rate, start=start, unit="Pa"
    )  # fmt: skip
    np.savez(tmp_path / "f.npz", **foreign(spec, kind, dtype))
    back = read_map(tmp_path / "f.npz")
    expected = replace(
        spec.grid, rate=back.grid.rate, start=back.grid.start, length=back.grid.length
    )
    assert back.grid == expected and back.grid.fine_frames == spec.grid.fine_frames
    assert back.grid.rate == pytest.approx(rate, rel=1e-6)
    assert rate == back.grid.rate or rate % 1
    np.testing.assert_allclose(back.freqs, spec.freqs, rtol=1e-6)
    np.testing.assert_allclose(back.times, spec.times, atol=0.05 * hop / rate * cell[1])
    np.testing.assert_allclose(back.magnitude, spec.magnitude, rtol=1e-4)
    assert back.known is None


def test_a_map_without_its_nyquist_row_gets_an_estimate(tmp_path):
    spec = make_map(channels=1)
    fields = foreign(spec, "magnitude", freqs=spec.freqs[:-1], magnitude=spec.magnitude[0, :-1])
    for rate in ({}, {"rate": 48000.0}):
        np.savez(tmp_path / "f.npz", **(fields | rate))
        back = read_map(tmp_path / "f.npz")
        assert (back.grid.n_fft, back.grid.rate, back.grid.hop_length) == (64, 48000, 17)
        assert back.known.tolist() == [True] * 32 + [False]
        np.testing.assert_array_equal(back.magnitude[:, :-1], spec.magnitude[:, :-1])
    # 2 * 31 rows of 750 Hz: here the rate says that the even count of rows ends at Nyquist
    fields |= {"rate": 46500.0, "times": spec.times * 48000 / 46500}
    np.savez(tmp_path / "f.npz", **fields)
    assert read_map(tmp_path / "f.npz").grid.n_fft == 62


def test_rows_named_by_the_middle_of_their_band_are_pooled_cells(tmp_path):
    spec = make_map(cell=(4, 4))
    middles = (np.arange(spec.grid.rows) + 0.5) * spec.grid.df  # half a fine row above its own
    np.savez(tmp_path / "f.npz", **foreign(spec, freqs=middles))
    back = read_map(tmp_path / "f.npz").grid
    assert (back.n_fft, back.cell, back.rate) == (64, (4, 4), 48000)


def test_a_scipy_spectrogram_is_read_with_its_level(tmp_path):
    from scipy.signal import spectrogram

    rate, t = 48000, np.arange(48000) / 48000
    wave_form = np.sqrt(2) * np.sin(2 * np.pi * 1500 * t)  # 1 Pa rms
    freqs, times, power = spectrogram(
        wave_form, rate, "hann", 1024, 768, detrend=False, scaling="spectrum"
    )
    np.savez(tmp_path / "f.npz", power=power, freqs=freqs, times=times, unit="Pa")
    spec = read_map(tmp_path / "f.npz")
    assert (spec.grid.rate, spec.grid.n_fft, spec.grid.hop_length) == (48000, 1024, 256)
    np.testing.assert_allclose(spec.times[[0, -1]], times[[0, -1]])
    np.testing.assert_allclose(spec.db[0, 32], 93.979, atol=0.01)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"freqs": np.geomspace(10, 1000, 33)}, "freqs is not even"),
        ({"freqs": np.arange(33)[::-1]}, "freqs does not rise"),
        ({"freqs": np.arange(33) * 750.0 + 300}, "first row lies at 300 Hz.*cell"),
        ({"freqs": np.arange(33) * 750.0 + 375}, "first row lies at 375 Hz.*cell"),
        ({"freqs": np.full(33, np.nan)}, "not finite"),
        ({"times": np.arange(178) ** 1.1}, "times is not even"),
        ({"times": np.zeros(178)}, "times does not rise"),
        ({"times": np.arange(177)}, "has shape.*transpose"),
        ({"times": np.arange(178) * 17.4 / 48000}, r"17\.4 samples a frame.*whole number"),
        ({"times": np.arange(178.0)}, "hop_length is 48000"),
        ({"rate": 44100.0}, "rate is 44100 Hz"),
        ({"rate": "fast"}, "rate is 'fast'"),
        ({"unit": "psi"}, "unknown unit"),
        ({"cell": (2, 2)}, "first row lies at 0 Hz.*cell is"),
        ({"cell": (0, 2)}, "cell is"),
        ({"cell": 3}, "cell is 3"),
        ({"db": np.full((33, 178), np.nan)}, "the map holds nan"),
        ({"db": np.full((33, 178), 1e5)}, "the map holds inf"),
        ({"db": np.array("loud")}, "db is of type"),
        ({"db": np.zeros((1, 1, 33, 178))}, "db has shape"),
    ],
)
def test_axes_that_fit_no_grid_are_refused_with_the_reason(tmp_path, change, match):
    np.savez(tmp_path / "f.npz", **(foreign(make_map()) | change))
    with pytest.raises(SpecsrError, match=match) as error:
        read_map(tmp_path / "f.npz")
    assert "f.npz" in str(error.value)


def test_power_below_zero_is_taken_for_decibels(tmp_path):
    spec = make_map()
    np.savez(tmp_path / "f.npz", power=-spec.power, freqs=spec.freqs, times=spec.times)
    with pytest.raises(SpecsrError, match="name levels db"):
        read_map(tmp_path / "f.npz")


# Inputs


def test_inputs_are_found_in_order(tmp_path):
    for name in ("b.wav", "a.FLAC", "sub/c.npz", "notes.txt", ".hidden.wav", ".git/d.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    expected = [tmp_path / name for name in ("a.FLAC", "b.wav", "sub/c.npz")]
    assert find_inputs(tmp_path) == find_inputs([str(tmp_path)]) == expected
    assert find_inputs([tmp_path / "b.wav", tmp_path]) == [expected[1], expected[0], expected[2]]
    assert find_inputs([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]
    with pytest.raises(SpecsrError, match=r"none\.wav: no such file"):
        find_inputs([tmp_path, tmp_path / "none.wav"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecsrError, match=r"no file to read: expected \.wav"):
        find_inputs([tmp_path / "empty"])


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
