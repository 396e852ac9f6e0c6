"""Measurement formats: written files are read back unchanged, and other programs agree."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import MAPS, is_map, mat5, read, read_map, write, write_map
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal
from support.format_samples import EXACT, QUICK, noise, same, signal, spectrogram

# Round trips


@pytest.mark.parametrize("suffix", EXACT)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_signal_is_read_back_with_all_fields(tmp_path, suffix, dtype):
    for name, made in {
        "all": signal(samples=noise(dtype=dtype)),
        "one": Signal(noise(1, dtype=dtype), 48000, unit="Pa"),
        "plain": Signal(noise(3, dtype=dtype), 44100),
    }.items():
        path = tmp_path / f"{name}{suffix}"
        write(path, made)
        back = read(path)
        same(back, made)
        assert back.samples.dtype == dtype
        assert not is_map(path) if suffix in MAPS else True


@QUICK
@given(
    channels=st.integers(1, 4), length=st.integers(2, 300),
    rate=st.floats(0.5, 1e6) | st.integers(1, 10**6).map(float),
    unit=st.sampled_from(["Pa", "m/s2", "g", "m/s", "m", "N", "V", "1"]), speed=st.booleans(),
    suffix=st.sampled_from(EXACT),
)  # fmt: skip
def test_any_signal_is_read_back(tmp_path, channels, length, rate, unit, speed, suffix):
    rpm = np.linspace(1000, 3000, length) if speed else None
    made = Signal(noise(channels, length), rate, unit=unit, rpm=rpm)
    write(tmp_path / f"a{suffix}", made, overwrite=True)
    same(read(tmp_path / f"a{suffix}"), made)


def test_an_mdf_keeps_all_but_the_full_scale_and_the_last_digits_of_the_rate(tmp_path):
    made = signal(rpm=np.linspace(800, 6000.123, 400))
    write(tmp_path / "a.mf4", made)
    back = read(tmp_path / "a.mf4")
    assert back.rate == pytest.approx(made.rate, rel=5e-6) and back.unit == made.unit
    assert back.channels == made.channels and back.start == pytest.approx(made.start)
    np.testing.assert_array_equal(back.samples, made.samples)
    np.testing.assert_allclose(back.rpm, made.rpm)
    with pytest.raises(SpecsrError, match="exists"):
        write(tmp_path / "a.mf4", made)


def test_uff_as_text_keeps_twelve_digits(tmp_path):
    made = signal()
    write(tmp_path / "a.unv", made, subtype="ascii")
    assert b"MDF" not in (tmp_path / "a.unv").read_bytes()
    back = read(tmp_path / "a.unv")
    assert back.rate == made.rate and back.unit == "m/s2" and back.channels == made.channels
    np.testing.assert_allclose(back.samples, made.samples, rtol=1e-11)
    np.testing.assert_allclose(back.rpm, made.rpm, rtol=1e-11)


@pytest.mark.parametrize("suffix", [".mat", ".uff", ".csv", ".tsv", ".h5"])
@pytest.mark.parametrize(
    "fields", [{"unit": "Pa"}, {"unit": "g", "scaling": "psd"}, {"cell": (4, 4), "unit": "m/s2"}]
)
def test_a_map_is_read_back(tmp_path, suffix, fields):
    made = spectrogram(channels=1 if suffix in (".csv", ".tsv") else 2, **fields)
    path = tmp_path / f"a{suffix}"
    write_map(path, made)
    assert is_map(path)
    back = read_map(path)
    assert back.grid == replace(made.grid, length=back.grid.length)
    assert abs(back.grid.length - made.grid.length) < made.grid.hop_length
    assert back.channels == made.channels
    np.testing.assert_allclose(back.magnitude, made.magnitude, rtol=3e-7)
    with pytest.raises(SpecsrError, match="holds a map|holds auto|holds power"):
        read(path)


def test_phase_rpm_and_known_rows_are_read_back_from_mat(tmp_path):
    made = spectrogram(unit="Pa")
    made = SpecMap(
        made.magnitude, made.grid, phase=made.magnitude - 0.5,
        known=np.arange(made.grid.rows) < 20, rpm=np.linspace(1, 2, made.grid.length),
    )  # fmt: skip
    write_map(tmp_path / "a.mat", made)
    back = read_map(tmp_path / "a.mat")
    for key in ("magnitude", "phase", "known", "rpm"):
        np.testing.assert_array_equal(getattr(back, key), getattr(made, key))
    assert back.grid == made.grid


# Other programs read files of specsr, and specsr theirs


def test_scipy_reads_mat_files_of_specsr(tmp_path):
    write(tmp_path / "a.mat", signal())
    found = scipy.io.loadmat(tmp_path / "a.mat", squeeze_me=True)
    np.testing.assert_array_equal(found["samples"], signal().samples)
    assert float(found["rate"]) == 51200.131 and str(found["unit"]) == "m/s2"


def test_nptdms_reads_tdms_files_of_specsr(tmp_path):
    nptdms = pytest.importorskip("nptdms")
    write(tmp_path / "a.tdms", signal())
    [group] = nptdms.TdmsFile.read(tmp_path / "a.tdms").groups()
    motor, gear, rpm = group.channels()
    np.testing.assert_array_equal(gear[:], signal().samples[1])
    assert motor.properties["unit_string"] == "m/s2" and rpm.properties["unit_string"] == "1/min"
    assert motor.properties["wf_increment"] == pytest.approx(1 / 51200.131)


def test_pyuff_reads_universal_files_of_specsr(tmp_path):
    pyuff = pytest.importorskip("pyuff")
    write(tmp_path / "a.uff", signal())
    motor, gear, rpm = pyuff.UFF(str(tmp_path / "a.uff")).read_sets()
    np.testing.assert_array_equal(gear["data"], signal().samples[1])
    assert (motor["ordinate_spec_data_type"], motor["func_type"]) == (12, 1)
    assert rpm["ordinate_axis_units_lab"] == "1/min"


def test_numpy_reads_tables_of_specsr(tmp_path):
    write(tmp_path / "a.csv", signal())
    table = np.genfromtxt(tmp_path / "a.csv", delimiter=",", skip_header=7)
    np.testing.assert_array_equal(table[:, 1:3].T, signal().samples)
    np.testing.assert_allclose(np.diff(table[:, 0]), 1 / 51200.131, rtol=1e-6)


def test_hdf5_files_of_h5py_are_read(tmp_path):
    x, speed = noise(1)[0], np.linspace(1000, 2000, 5)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        group = file.create_group("run 1")
        group.attrs["sampling_rate"] = 400.0
        group.create_dataset("mic", data=x).attrs["unit"] = "Pa"
        data = file.create_dataset("speed/n", data=speed)
        data.attrs["units"], data.attrs["dt"] = "1/min", 0.25
    back = read(tmp_path / "a.hdf5")
    assert (back.rate, back.unit, back.channels) == (400, "Pa", ("mic",))
    np.testing.assert_array_equal(back.samples[0], x)
    np.testing.assert_allclose(back.rpm, np.interp(np.arange(400) / 400, np.arange(5) / 4, speed))


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_mat_files_of_other_programs_are_read(tmp_path, version):
    x = noise(1, 300)[0]
    if version == "5":
        scipy.io.savemat(
            tmp_path / "a.mat",
            {"Mic": {"data": x, "Fs": 8000.0, "unit": "Pa"}, "note": "a run"},
        )
    else:
        with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
            group = file.create_group("Mic")
            for name, value, kind in (
                ("data", x[:, None], b"double"), ("Fs", np.array([[8000.0]]), b"double"),
                ("unit", np.array([[ord("P")], [ord("a")]], "u2"), b"char"),
            ):  # fmt: skip
                group.create_dataset(name, data=value).attrs["MATLAB_class"] = kind
    back = read(tmp_path / "a.mat")
    assert (back.rate, back.unit) == (8000, "Pa")
    np.testing.assert_array_equal(back.samples[0], x)


@pytest.mark.parametrize("compressed", [True, False])
def test_variables_equal_those_of_scipy(tmp_path, compressed):
    path = tmp_path / "a.mat"
    made = {
        "d": noise(2, 30), "f": noise(1, 7, dtype=np.float32), "i": np.arange(300, dtype="i2"),
        "one": 3.5, "whole": np.arange(5.0), "text": "Motor ä", "empty": np.zeros((0, 0)),
        "s": {"x": noise(1, 4), "fs": 8000, "deep": {"unit": "Pa"}}, "u": np.uint8(7),
    }  # fmt: skip
    scipy.io.savemat(path, made, do_compression=compressed)
    found, expected = mat5.load(path), scipy.io.loadmat(path, simplify_cells=True)

    def compare(a, b):
        if isinstance(b, dict):
            for key in b:
                if not key.startswith("__"):
                    compare(a[key], b[key])
        elif isinstance(b, str):
            assert a == b
        else:
            np.testing.assert_array_equal(a, b)
            assert np.asarray(a).dtype.kind == np.asarray(b).dtype.kind

    compare(found, expected)
