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
