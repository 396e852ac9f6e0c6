"""Sidecars: fields that a file cannot hold, errors in them, and changes of the file."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import read, sidecar, write
from specsr.signal import Signal
from support.io_samples import full_signal, noise


def test_explicit_arguments_override_the_sidecar(tmp_path):
    path = tmp_path / "a.wav"
    write(path, full_signal(), subtype="PCM_24")
    plain, scaled = read(path), read(path, calib=41.0, unit="Pa")
    assert (scaled.unit, scaled.full_scale) == ("Pa", 41.0)
    np.testing.assert_allclose(scaled.samples, plain.samples * 2, rtol=1e-6)
    np.testing.assert_array_equal(scaled.rpm, plain.rpm)
    archive = tmp_path / "a.npz"
    write(archive, full_signal())
    np.testing.assert_allclose(read(archive, calib=41.0).samples, full_signal().samples * 2)


def test_a_sidecar_written_by_hand_needs_one_line(tmp_path):
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
            "unit label 'furlong' is unknown",
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


def test_json_of_another_program_is_neither_read_nor_replaced(tmp_path):
    side = tmp_path / "a.wav.json"
    side.write_text('{"label": "dog"}')
    write(tmp_path / "a.wav", Signal(noise(), 48000))
    assert read(tmp_path / "a.wav").unit == "1"
    with pytest.raises(SpecsrError, match="holds other data"):
        write(tmp_path / "a.wav", full_signal(), overwrite=True)
    assert side.read_text() == '{"label": "dog"}'
    assert read(tmp_path / "a.wav").unit == "1"


def test_a_stale_sidecar_is_deleted_when_its_file_is_replaced(tmp_path):
    path = tmp_path / "a.wav"
    write(path, full_signal())
    write(path, Signal(noise(), 48000), overwrite=True)
    assert os.listdir(tmp_path) == ["a.wav"] and read(path).unit == "1"
    write(path, full_signal(), overwrite=True)
    path.unlink()
    with pytest.raises(SpecsrError, match=r"a\.wav\.json: exists already"):
        write(path, Signal(noise(), 48000))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_packed_numbers_come_back_bit_for_bit(values):
    packed = json.loads(json.dumps(sidecar.pack(np.array(values))))
    assert sidecar.unpack(packed).tobytes() == np.array(values).tobytes()


def test_a_smooth_speed_packs_into_few_bytes():
    t = np.arange(100_000) / 48000
    for rpm in (np.full(len(t), 3000.0), 800 + 5200 * t, 3000 + 50 * np.sin(7 * t)):
        assert len(sidecar.pack(rpm)["zlib_base64"]) < 5 * len(t)


def test_a_sidecar_may_calibrate_each_channel(tmp_path):
    x = noise(2, dtype=np.float32) / 10
    sf.write(tmp_path / "a.wav", x.T, 48000, "FLOAT")
    (tmp_path / "a.wav.json").write_text(
        '{"format": "specsr-signal", "unit": ["Pa", "1/min"], "full_scale": [2.0, 4000]}'
    )
    back = read(tmp_path / "a.wav")
    assert back.unit == "Pa" and back.full_scale == 2
    np.testing.assert_allclose(back.samples, x[:1] * 2, rtol=1e-6)
    np.testing.assert_allclose(back.rpm, x[1] * 4000, rtol=1e-6)


def test_a_misspelt_key_is_named(tmp_path):
    """Without its full scale a recording would be read at another level."""
    write(tmp_path / "a.wav", Signal(noise(), 48000))
    side = tmp_path / "a.wav.json"
    for key, known in (("fullscale", "full_scale"), ("units", "unit"), ("chanels", "channels")):
        side.write_text(f'{{"format": "specsr-signal", "{key}": 2.76}}')
        with pytest.raises(
            SpecsrError, match=f"its key '{key}' is unknown: did you mean '{known}'"
        ):
            read(tmp_path / "a.wav")
    side.write_text('{"format": "specsr-signal", "operator": "A. B.", "full_scale": 2.76}')
    assert read(tmp_path / "a.wav").full_scale == 2.76
