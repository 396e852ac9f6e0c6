"""WAV files of any layout (BW64, chunks without padding), MP3, and formats that are not read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import READERS, read, read_map, stream, write
from specsr.io.unread import UNREAD
from specsr.io.wave_view import wave_view
from support.format_samples import noise, signal
from support.io_samples import FUZZ

X = (0.1 * noise(2, 700)).astype("f4")


def parts(path: Path, subtype: str = "PCM_24", form: str = "WAV") -> tuple[bytes, bytes]:
    """Return the chunk ``fmt`` and the samples of a file that libsndfile writes."""
    sf.write(path, X.T, 44100, subtype, format=form)
    data = path.read_bytes()
    at, start = data.index(b"fmt "), data.index(b"data")
    length = struct.unpack_from("<I", data, at + 4)[0]
    declared = struct.unpack_from("<I", data, start + 4)[0]
    size = declared if declared != 0xFFFFFFFF else 700 * 2 * 3
    return data[at : at + 8 + length], data[start + 8 : start + 8 + size]


def chunk(name: bytes, content: bytes, padded: bool = True) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (padded and len(content) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bw64(*chunks: bytes, samples: bytes) -> bytes:
    sizes = struct.pack("<QQQI", 0, len(samples), 0, 0)
    return b"BW64\xff\xff\xff\xffWAVE" + chunk(b"ds64", sizes) + b"".join(chunks) + (
        b"data\xff\xff\xff\xff" + samples
    )  # fmt: skip


LEA = struct.pack("<fH", 2.5, 3) + b"mic" + struct.pack("<H", 2) + b"Pa" + struct.pack("<ff", 0, 1)


@settings(FUZZ, max_examples=25)
@given(
    before=st.lists(st.tuples(st.sampled_from([b"LIST", b"bext", b"iXML", b"junk"]),
                              st.integers(0, 9).map(lambda n: b"INFOabcde"[:n])), max_size=4),
    padded=st.booleans(),
    subtype=st.sampled_from(["PCM_16", "PCM_24", "FLOAT"]),
    wide=st.booleans(),
)  # fmt: skip
def test_samples_are_right_behind_chunks_of_any_length(tmp_path, before, padded, subtype, wide):
    form, samples = parts(tmp_path / "a.wav", subtype)
    expected = read(tmp_path / "a.wav")
    chunks = [chunk(name, content, padded) for name, content in before]
    path = tmp_path / "b.wav"
    if wide:
        path.write_bytes(bw64(*chunks, form, samples=samples))
    else:
        path.write_bytes(riff(*chunks, form, chunk(b"data", samples)))
    made = read(path)
    np.testing.assert_array_equal(made.samples, expected.samples)
    assert made.rate == 44100


def test_long_files_of_such_layouts_are_streamed_and_keep_their_calibration(tmp_path):
    form, samples = parts(tmp_path / "a.wav")
    entry = b"".join(b"le%02d" % i + struct.pack("<I", len(LEA)) + LEA for i in range(2))
    odd = chunk(b"LIST", b"INFOabc", padded=False)
    files = {
        "b.wav": riff(form, odd, chunk(b"data", samples), chunk(b"LEA ", entry)),
        "b.bw64": bw64(form, odd, samples=samples) + chunk(b"LEA ", entry),
    }
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        made = read(path)
        assert (made.unit, made.full_scale, made.rate) == ("Pa", 2.5, 44100)
        np.testing.assert_allclose(made.samples, X * 2.5, atol=2.5 * 2**-22)
        if name == "b.wav":
            with stream.opened(path) as recording:
                np.testing.assert_array_equal(
                    recording.cut(100, 600).samples, made.samples[:, 100:600]
                )
        path.write_bytes(data[: data.index(b"data") + 1000])
        with pytest.raises(SpecsrError, match="is cut off: its header declares 4200 bytes"):
            read(path)


@settings(FUZZ, max_examples=30)
@given(moves=st.lists(st.tuples(st.integers(0, 4400), st.integers(0, 300)), max_size=6))
def test_a_view_is_read_like_a_file(tmp_path, moves):
    form, samples = parts(tmp_path / "a.wav")
    path = tmp_path / "b.wav"
    path.write_bytes(bw64(form, samples=samples))
    view = wave_view(path)
    whole = riff(form, chunk(b"data", samples))
    assert view.seek(0, 2) == len(whole)
    for at, count in moves:
        assert view.seek(at) == at
        assert view.read(count) == whole[at : at + count]
        assert view.tell() == min(at + count, len(whole)) or at > len(whole)
    view.close()
    assert wave_view(tmp_path / "a.wav") is None


def test_long_samples_get_a_header_with_long_sizes(tmp_path):
    """A file with a hole stands for 5 GB: libsndfile counts its frames."""
    form, _ = parts(tmp_path / "a.wav", "PCM_16")
    length = 5_000_000_000
    head = bw64(form, samples=b"").replace(
        chunk(b"ds64", struct.pack("<QQQI", 0, 0, 0, 0)),
        chunk(b"ds64", struct.pack("<QQQI", 0, length, 0, 0)),
    )
    path = tmp_path / "b.wav"
    path.write_bytes(head)
    with open(path, "rb+") as file:
        file.truncate(len(head) + length)
    with stream.opened(path) as recording:
        assert recording.length == length // 4


def test_mp3_is_read_and_not_written(tmp_path):
    if "MP3" not in sf.available_formats():
        pytest.skip("this libsndfile has no MP3")
    times = np.arange(44100) / 44100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * times)
    sf.write(tmp_path / "a.mp3", tone, 44100, format="MP3")
    made = read(tmp_path / "a.mp3", unit="Pa")
    assert (made.rate, made.length) == (44100, 44100)
    # a shift by one sample gives 0.990
    assert np.corrcoef(made.samples[0], tone)[0, 1] > 0.995
    np.testing.assert_allclose(made.samples.std(), tone.std(), rtol=0.01)
    with pytest.raises(SpecsrError, match=r"unknown suffix '\.mp3'"):
        write(tmp_path / "b.mp3", made)
    (tmp_path / "a.mp3").write_bytes(b"")
    with pytest.raises(SpecsrError, match="empty"):
        read(tmp_path / "a.mp3")


@pytest.mark.parametrize("suffix", sorted({s for one in UNREAD for s in one.suffixes}))
def test_formats_that_are_not_read_are_named_with_what_to_do(tmp_path, suffix):
    [kind] = [one for one in UNREAD if suffix in one.suffixes]
    path = tmp_path / f"a{suffix.upper()}"
    path.write_bytes(b"\x01\x02" * 300)
    with pytest.raises(SpecsrError, match=r"a\.") as error:
        read(path)
    assert kind.advice in str(error.value) and "\n" not in str(error.value)
    if suffix not in READERS:
        assert f"is {kind.name}, which is not read" in str(error.value)
        with pytest.raises(SpecsrError, match="which is not read"):
            read_map(path)
        with pytest.raises(SpecsrError, match="unknown suffix"):
            write(path, signal())


def test_the_content_tells_a_format_before_the_suffix(tmp_path):
    head = b"; Copyright HEAD acoustics\n; HEAD acoustics datafile format\n" + bytes(500)
    for name in ("a.dat", "a.raw", "a.bin", "a.hdf", "a.h5", "a.xyz", "a.txt"):
        (tmp_path / name).write_bytes(head)
        with pytest.raises(SpecsrError, match="ArtemiS.*HDF5, WAV, UFF or MAT"):
            read(tmp_path / name)
    (tmp_path / "b.dat").write_bytes(b"1;2;3\n" * 100)
    with pytest.raises(SpecsrError, match=r"cannot be read as \.dat.*imc.*\.csv"):
        read(tmp_path / "b.dat")
