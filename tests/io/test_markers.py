"""Chunks of a WAV file that commands carry to their outputs."""

from __future__ import annotations

import struct

import numpy as np
import soundfile as sf

from specsr.io import read, write
from specsr.io.markers import keeping
from specsr.io.riff import chunks
from specsr.signal import Signal
from support.command import run
from support.format_samples import noise


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _found(path) -> dict[bytes, bytes]:
    data = path.read_bytes()
    with open(path, "rb") as file:
        return {name: data[at : at + n] for name, at, n in list(chunks(file, len(data)))}


def _marked(path, rate=8000):
    """Write a recording with a time of origin and two cue points, at samples 100 and 3000."""
    sf.write(path, (noise(1, 4001) / 10).T, rate, "PCM_16")
    points = b"".join(
        struct.pack("<II4sIII", i, at, b"data", 0, 0, at) for i, at in enumerate((100, 3000))
    )
    bext = bytearray(602)
    bext[:4] = b"note"
    bext[338:346] = (rate * 3600).to_bytes(8, "little")  # one hour after midnight
    own = {
        b"cue ": struct.pack("<I", 2) + points, b"bext": bytes(bext), b"iXML": b"<a/>!",
        b"LIST": b"adtl" + _chunk(b"labl", struct.pack("<I", 0) + b"start\0"),
    }  # fmt: skip
    path.write_bytes(path.read_bytes() + b"".join(_chunk(k, v) for k, v in own.items()))
    return own


def test_chunks_are_carried_to_the_output_of_a_command(tmp_path, capsys):
    own = _marked(tmp_path / "a.wav", 24000)
    code, _, messages = run(capsys, "denoise", tmp_path / "a.wav", "-o", tmp_path / "b.wav")
    assert code == 0, messages
    found = _found(tmp_path / "b.wav")
    assert {key: found[key] for key in own} == own
    assert sf.info(tmp_path / "b.wav").frames == 4001
    assert read(tmp_path / "b.wav").length == 4001  # the checksum of the sidecar holds


def test_positions_follow_the_rate(tmp_path):
    own = _marked(tmp_path / "a.wav")
    with keeping(tmp_path / "a.wav"):
        write(tmp_path / "b.wav", Signal(noise(1, 8001), 16000))
    found = _found(tmp_path / "b.wav")
    assert int.from_bytes(found[b"bext"][338:346], "little") == 16000 * 3600
    positions = [struct.unpack_from("<I", found[b"cue "], 4 + 24 * i + 20)[0] for i in range(2)]
    assert positions == [200, 6000]
    assert found[b"LIST"] == own[b"LIST"]
    size = (tmp_path / "b.wav").stat().st_size
    assert struct.unpack_from("<I", (tmp_path / "b.wav").read_bytes(), 4)[0] == size - 8


def test_other_files_get_and_give_no_chunks(tmp_path):
    _marked(tmp_path / "a.wav")
    signal = Signal(noise(1, 400) / 10, 8000)
    write(tmp_path / "plain.wav", signal)
    for source in (None, tmp_path / "none.wav", tmp_path / "plain.wav"):
        with keeping(source):
            write(tmp_path / "b.wav", signal, overwrite=True)
        assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "plain.wav").read_bytes()
    with keeping(tmp_path / "a.wav"):
        write(tmp_path / "c.flac", signal)
        write(tmp_path / "c.w64", signal)
    np.testing.assert_array_equal(read(tmp_path / "c.w64").samples, signal.samples)
