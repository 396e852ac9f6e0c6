"""Damaged, cut off and unsuitable files: an error that names the file, or correct content."""

from __future__ import annotations

import struct
import zipfile

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import (
    READERS,
    is_map,
    read,
    read_channels,
    read_map,
    write,
    write_map,
)
from specsr.signal import Signal
from support.io_samples import FUZZ, audio_form, make_map, noise
from support.processor import at_most


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_bad_files_are_named_in_the_error(tmp_path, suffix):
    path = tmp_path / f"bad{suffix}"
    cases = {
        "no such file": None,
        r"empty \(0 bytes\)": b"",
        "cannot be read as": b"Text without any numbers.\n" * 100,
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


def test_unknown_suffixes_give_a_list_of_the_known_ones(tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"1")
    with pytest.raises(SpecsrError, match=r"'\.xyz'.*\.wav.*\.flac.*\.npz"):
        read(tmp_path / "a.xyz")
    with pytest.raises(SpecsrError, match=r"'\.wav'.*\.npz"):
        read_map(tmp_path / "a.wav")
    with pytest.raises(SpecsrError, match="unknown suffix"):
        write_map(tmp_path / "a.wav", make_map())


@pytest.mark.parametrize("suffix", [".wav", ".w64", ".rf64", ".flac"])
def test_a_cut_off_file_is_refused(tmp_path, suffix):
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
    with pytest.raises(SpecsrError, match=r"is cut off: .* 20000 samples, the file holds 16384"):
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
    sf.write(path, np.zeros((0, 2)), 48000, format=audio_form(path))
    with pytest.raises(SpecsrError, match="no samples"):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_non_finite_sample_is_reported_with_its_file(tmp_path, value):
    samples = noise()
    samples[1, 240] = value
    sf.write(tmp_path / "a.wav", samples.T, 48000, "FLOAT")
    np.savez(tmp_path / "a.npz", samples=samples, rate=48000)
    for name in ("a.wav", "a.npz"):
        with pytest.raises(SpecsrError, match=r"channel 2 holds .* at sample 240") as error:
            read(tmp_path / name)
        assert name in str(error.value)


def test_other_audio_with_a_wav_suffix_is_refused(tmp_path):
    sf.write(tmp_path / "a.wav", noise().T, 48000, format="AIFF")
    with pytest.raises(SpecsrError, match="holds AIFF data"):
        read(tmp_path / "a.wav")


def test_invalid_arguments_are_reported(tmp_path):
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
def test_archives_without_a_signal_are_refused(tmp_path, fields, match):
    np.savez(tmp_path / "a.npz", **fields)
    with pytest.raises(SpecsrError, match=match) as error:
        read(tmp_path / "a.npz")
    assert "a.npz" in str(error.value)


def test_a_declared_size_beyond_the_file_allocates_nothing(tmp_path):
    header = b"\x93NUMPY\x01\x00" + b"v\x00"
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("samples.npy", header + text.ljust(117) + b"\n" + bytes(80))
    with pytest.raises(SpecsrError, match=r"samples\.npy declares 8000000000"):
        read(tmp_path / "a.npz")
    data = header + b"{'descr': '<f8', 'fortran_order': False, 'shape': (400000000,), }".ljust(117)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("samples.npy", data + b"\n" + bytes(80))
    patched = bytearray((tmp_path / "a.npz").read_bytes())
    directory = patched.index(b"PK\x01\x02")
    patched[directory + 24 : directory + 28] = struct.pack("<I", 128 + 8 * 400_000_000)
    (tmp_path / "a.npz").write_bytes(patched)
    with pytest.raises(SpecsrError, match=r"samples\.npy declares 3200000128"):
        read(tmp_path / "a.npz")
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("samples", shape=(2, 10**12), dtype="f8", chunks=(1, 1000))
        file.attrs["rate"] = 48000.0
    with pytest.raises(SpecsrError, match="samples declares 16000000000000 bytes"):
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
    for path in map(folder.joinpath, NAMES):  # import libraries here, not against a limit
        (read_map if path.name.startswith("map") else read_channels)(path)
    return Files({path.name: path.read_bytes() for path in sorted(folder.iterdir())})


NAMES = [
    "a.wav", "b.wav", "a.flac", "a.ogg", "a.w64", "a.rf64", "a.npz", "a.h5", "a.csv", "a.mat",
    "v73.mat", "a.uff", "b.uff", "a.tdms", "a.npy", "map.npz", "map.h5", "map.mat",
    "map.csv", "map.uff",
]  # fmt: skip


def matlab_73(samples):
    """Bytes of a MATLAB 7.3 file with samples and fs, in the layout of save('-v7.3')."""
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


@at_most(20)
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
    # Headers, where damage has most effect, are at the start, in archives also at the end.
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
