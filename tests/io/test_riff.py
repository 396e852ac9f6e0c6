"""Calibration in the chunks of WAV and RF64 files."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from specsr.io import read
from specsr.io.riff import parse_lea
from support.format_samples import noise

NAMES = [b"fmt ", b"data", b"LIST", b"LEA ", b"VRXP", b"LEAG", b"bext", b"cue ", b"iXML"]
CONTENT = st.lists(st.sampled_from([0, 1, 7, 200]), max_size=40).map(bytes)
"""Content that no name of a chunk is part of."""


def lea_chunk(entries):
    body = b""
    for i, (scale, name, unit) in enumerate(entries):
        entry = struct.pack("<fH", scale, len(name)) + name + struct.pack("<H", len(unit)) + unit
        entry += struct.pack("<ff", 0, 1)
        body += b"le%02d" % i + struct.pack("<I", len(entry)) + entry
    return b"LEA " + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("form", ["WAV", "RF64"])
def test_calibration_is_read_from_a_chunk(tmp_path, padded, form):
    path = tmp_path / f"a.{form.lower()}"
    x = noise(2) / 10
    sf.write(path, x.T, 48000, "FLOAT", format=form)
    odd = b"junk" + struct.pack("<I", 3) + b"odd" + b"\0" * padded
    chunk = lea_chunk([(2.5, b"mic", b"Pa"), (5000.0, b"n", b"tr/min")])
    path.write_bytes(path.read_bytes() + odd + chunk)
    back = read(path)
    assert (back.unit, back.channels, back.full_scale) == ("Pa", ("mic",), 2.5)
    np.testing.assert_allclose(back.samples[0], x[0] * 2.5, rtol=1e-6)
    np.testing.assert_allclose(back.rpm, x[1] * 5000, rtol=1e-6)
    assert read(path, calib=1, channels=["mic"]).full_scale == 1
    (tmp_path / f"{path.name}.json").write_text('{"format": "specsr-signal", "unit": "V"}')
    assert read(path).unit == "V" and len(read(path).channels) == 2  # the sidecar wins


@given(st.binary(max_size=200))
def test_a_damaged_chunk_calibrates_nothing(content):
    for scale, _, _ in parse_lea(content) + parse_lea(b"le00" + content):
        assert np.isfinite(scale) and scale > 0


@pytest.mark.parametrize("padding", [b"", b"\0", b"L", b"x", b" "])
@pytest.mark.parametrize("before", [True, False])
def test_calibration_after_an_odd_chunk_is_found_whatever_its_padding(tmp_path, padding, before):
    """A padding that is a letter forms, with the next name, another name."""
    path = tmp_path / "a.wav"
    sf.write(path, noise(2).T / 10, 48000, "PCM_16")
    odd = b"note" + struct.pack("<I", 5) + b"odd!!" + padding
    chunk = lea_chunk([(2.5, b"mic", b"Pa"), (5000.0, b"n", b"tr/min")])
    data = path.read_bytes()
    at = data.index(b"data")
    if before and padding:  # libsndfile itself needs the padding before the samples
        path.write_bytes(data[:at] + odd + chunk + data[at:])
    else:
        path.write_bytes(data + odd + chunk + b"LEAG" + struct.pack("<I", 4) + b"abcd")
    made = read(path)
    assert (made.unit, made.full_scale, made.channels) == ("Pa", 2.5, ("mic",))
    assert made.rpm is not None


def test_a_calibration_that_is_not_understood_is_named(tmp_path, caplog):
    path = tmp_path / "a.wav"
    sf.write(path, noise(3).T / 10, 48000, "FLOAT")
    whole = path.read_bytes()
    for chunk in (
        lea_chunk([(2.5, b"mic", b"Pa")]), b"LEA " + struct.pack("<I", 8) + b"le00????",
    ):  # fmt: skip
        path.write_bytes(whole + chunk)
        caplog.clear()
        assert read(path).unit == "1"
        assert "calibration (chunk LEA) describes" in caplog.text and "--calib" in caplog.text


def test_the_calibration_of_the_options_is_that_of_the_sound(tmp_path):
    """A speed keeps its own full scale, from a chunk and from a sidecar."""
    x = noise(2).astype("f4") / 10
    sf.write(tmp_path / "a.wav", x.T, 48000, "FLOAT")
    whole = (tmp_path / "a.wav").read_bytes()
    chunk = lea_chunk([(2.5, b"mic", b"Pa"), (5000.0, b"n", b"tr/min")])
    (tmp_path / "a.wav").write_bytes(whole + chunk)
    made = read(tmp_path / "a.wav", calib=7.0)
    np.testing.assert_allclose(made.samples[0], x[0] * 7, rtol=1e-6)
    np.testing.assert_allclose(made.rpm, x[1] * 5000, rtol=1e-6)
    (tmp_path / "b.wav").write_bytes(whole)
    (tmp_path / "b.wav.json").write_text(
        '{"format": "specsr-signal", "unit": ["Pa", "1/min"], "full_scale": [2.5, 5000]}'
    )
    made = read(tmp_path / "b.wav", calib=7.0)
    np.testing.assert_allclose(made.samples[0], x[0] * 7, rtol=1e-6)
    np.testing.assert_allclose(made.rpm, x[1] * 5000, rtol=1e-6)


@given(st.binary(max_size=300))
def test_chunks_of_any_bytes_come_to_an_end(content):
    import io

    from specsr.io.riff import chunks

    data = b"RIFF\0\0\0\0WAVE" + content
    for _, position, _ in chunks(io.BytesIO(data), len(data)):
        assert 12 < position <= len(data)


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), CONTENT), min_size=1, max_size=8),
    st.sampled_from([None, b"\0", b" ", b"L", b"~"]),
)
def test_chunks_are_found_with_and_without_padding(found, padding):
    import io

    from specsr.io.riff import chunks

    data, expected = b"RIFF\0\0\0\0WAVE", []
    for name, content in found:
        expected.append((name, len(data) + 8, len(content)))
        data += name + struct.pack("<I", len(content)) + content
        if padding and len(content) % 2:
            data += padding
    assert list(chunks(io.BytesIO(data), len(data))) == expected
