"""Formats of measurement systems: round trips, independent readers, units, rates, speeds, traps."""

from __future__ import annotations

import logging
import struct
import sys
from dataclasses import replace
from time import perf_counter

import h5py
import numpy as np
import pytest
import scipy.io
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.grid import Grid
from specsr.io import (
    MAPS,
    WRITERS,
    check_output,
    is_map,
    mat5,
    mdf,
    optional,
    read,
    read_channels,
    read_map,
    recording,
    units,
    write,
    write_map,
)
from specsr.io.recording import Channel, Contents
from specsr.io.times import even_times, snap
from specsr.signal import Signal
from specsr.spectrogram import SpecMap

QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
EXACT = [".csv", ".tsv", ".mat", ".uff", ".tdms", ".h5", ".npz", ".npy"]


def noise(channels=2, length=400, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal((channels, length)).astype(dtype)


def signal(**changes):
    fields = {
        "samples": noise(), "rate": 51200.131, "unit": "m/s2", "start": -0.125,
        "channels": ("Motor ä", "Gear"), "full_scale": 20.5, "rpm": np.linspace(800, 6000.123, 400),
    }  # fmt: skip
    return Signal(**(fields | changes))


def spectrogram(channels=2, cell=(1, 1), **fields):
    grid = Grid(48000.0, 64, 16, 3000, cell=cell, **fields)
    values = np.random.default_rng(1).random((channels, grid.rows, grid.frames)) + 1e-3
    return SpecMap(values.astype(np.float32), grid)


def same(a, b):
    assert (a.rate, a.unit, a.channels, a.start, a.full_scale) == (
        b.rate, b.unit, b.channels, b.start, b.full_scale
    )  # fmt: skip
    np.testing.assert_array_equal(a.samples, b.samples)
    assert (a.rpm is None) == (b.rpm is None)
    if a.rpm is not None:
        np.testing.assert_array_equal(a.rpm, b.rpm)


# Round trips


@pytest.mark.parametrize("suffix", EXACT)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_signal_comes_back_whole(tmp_path, suffix, dtype):
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
    unit=st.sampled_from(["Pa", "m/s2", "g", "m/s", "N", "V", "1"]), speed=st.booleans(),
    suffix=st.sampled_from(EXACT),
)  # fmt: skip
def test_any_signal_comes_back(tmp_path, channels, length, rate, unit, speed, suffix):
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
def test_a_map_comes_back(tmp_path, suffix, fields):
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


def test_phase_speed_and_estimated_rows_come_back_from_mat(tmp_path):
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


# Other programs read what specsr writes, and the other way round


def test_scipy_reads_what_is_written_as_mat(tmp_path):
    write(tmp_path / "a.mat", signal())
    found = scipy.io.loadmat(tmp_path / "a.mat", squeeze_me=True)
    np.testing.assert_array_equal(found["samples"], signal().samples)
    assert float(found["rate"]) == 51200.131 and str(found["unit"]) == "m/s2"


def test_nptdms_reads_what_is_written_as_tdms(tmp_path):
    nptdms = pytest.importorskip("nptdms")
    write(tmp_path / "a.tdms", signal())
    [group] = nptdms.TdmsFile.read(tmp_path / "a.tdms").groups()
    motor, gear, rpm = group.channels()
    np.testing.assert_array_equal(gear[:], signal().samples[1])
    assert motor.properties["unit_string"] == "m/s2" and rpm.properties["unit_string"] == "1/min"
    assert motor.properties["wf_increment"] == pytest.approx(1 / 51200.131)


def test_pyuff_reads_what_is_written_as_uff(tmp_path):
    pyuff = pytest.importorskip("pyuff")
    write(tmp_path / "a.uff", signal())
    motor, gear, rpm = pyuff.UFF(str(tmp_path / "a.uff")).read_sets()
    np.testing.assert_array_equal(gear["data"], signal().samples[1])
    assert (motor["ordinate_spec_data_type"], motor["func_type"]) == (12, 1)
    assert rpm["ordinate_axis_units_lab"] == "1/min"


def test_numpy_reads_what_is_written_as_csv(tmp_path):
    write(tmp_path / "a.csv", signal())
    table = np.genfromtxt(tmp_path / "a.csv", delimiter=",", skip_header=7)
    np.testing.assert_array_equal(table[:, 1:3].T, signal().samples)
    np.testing.assert_allclose(np.diff(table[:, 0]), 1 / 51200.131, rtol=1e-6)


def test_h5py_writes_what_is_read(tmp_path):
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
def test_mat_files_from_elsewhere(tmp_path, version):
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
def test_variables_are_those_that_scipy_reads(tmp_path, compressed):
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


def test_a_mat_file_with_a_time_axis(tmp_path):
    x = noise(2, 300)
    scipy.io.savemat(tmp_path / "a.mat", {"t": 2 + np.arange(300) / 500, "x": x.T})
    back = read(tmp_path / "a.mat", unit="g")
    assert (back.rate, back.start, back.unit, back.channels) == (500, 2, "g", ("x 1", "x 2"))
    np.testing.assert_array_equal(back.samples, x)


def test_asammdf_writes_what_is_read(tmp_path):
    asammdf = pytest.importorskip("asammdf")
    x, times = noise(1, 500)[0], np.arange(500) / 1000
    slow = np.array([0.0, 0.13, 0.31, 0.5])  # a speed from a bus comes when it comes
    with asammdf.MDF() as file:
        file.append([asammdf.Signal(x, times, name="acc", unit="m/s²")])
        file.append([asammdf.Signal(slow * 100 + 900, slow, name="EngineSpeed", unit="rpm")])
        file.save(tmp_path / "a.mf4")
    back = read(tmp_path / "a.mf4")
    assert (back.rate, back.unit, back.channels) == (1000, "m/s2", ("acc",))
    np.testing.assert_array_equal(back.samples[0], x)
    np.testing.assert_allclose(back.rpm, 900 + 100 * times)
    with pytest.raises(SpecsrError, match="EngineSpeed is not evenly sampled"):
        read(tmp_path / "a.mf4", channels=["EngineSpeed"])


# Tables and arrays


@pytest.mark.parametrize(
    "text",
    [
        "time [s],mic [Pa]\n0,1.5\n0.01,2\n0.02,-3\n",
        "# rate: 100\nmic [Pa]\n1.5\n2\n-3\n",
        "Recorded in hall 3\n\nTime (s);mic (Pa)\n0;1,5\n0,01;2\n0,02;-3\n",
        "t\tmic [Pa]\n0\t1.5\n0.01\t2\n0.02\t-3\n",
        "\ufefftime [ms] mic[Pa]\n0 1.5\n10 2\n20 -3\n",
    ],
)
def test_tables_as_programs_write_them(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    back = read(tmp_path / "a.csv")
    assert (back.rate, back.unit, back.channels) == (100, "Pa", ("mic",))
    assert back.samples.tolist() == [[1.5, 2, -3]]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("mic\n1\n2\n", "gives no rate.*--file-rate"),
        ("time,mic\n0,1\n1,2\n5,3\n6,3\n", "not evenly sampled"),
        ("time,mic\n0,1\n1,x\n", "table of numbers"),
        ("time,mic\n0,1\n1\n", "table of numbers"),
        ("time,mic\n0,1\n0.1,nan\n", "holds nan at sample 1"),
        ("only words\nand more\n", "cannot be read as a table"),
        ("time\n0\n1\n", "no column of samples"),
        ("# rate: fast\nmic\n1\n2\n", "rate is 'fast'"),
        ("time,p [psi]\n0,1\n1,2\n", "unit label 'psi' is not understood"),
    ],
)
def test_wrong_tables_are_named(tmp_path, text, match):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(SpecsrError, match=match) as error:
        read(tmp_path / "a.csv")
    assert "a.csv" in str(error.value)


@pytest.mark.parametrize("text", ["# " + "a " * 300_000, "(" * 500_000, "x" * 500_000, "[(" * 9999])
def test_endless_lines_do_not_hang(tmp_path, text):
    (tmp_path / "a.csv").write_text(f"{text}\n1\n2\n")
    before = perf_counter()
    try:
        read(tmp_path / "a.csv", rate=10)
    except SpecsrError as error:
        assert "a.csv" in str(error)
    assert perf_counter() - before < 5


def test_a_table_of_levels_is_a_map(tmp_path):
    made = spectrogram(channels=1, unit="Pa")
    levels = 20 * np.log10(made.magnitude[0] / 20e-6)
    rows = [[f"{f:.10g}", *(f"{v:.7g}" for v in row)] for f, row in zip(made.freqs, levels)]
    head = ["f/t", *(f"{t:.10g}" for t in made.times)]
    lines = ["# unit: Pa, values: db", *(",".join(row) for row in [head, *rows])]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    back = read_map(tmp_path / "a.csv")
    assert (back.grid.unit, back.grid.n_fft, back.grid.hop_length) == ("Pa", 64, 16)
    np.testing.assert_allclose(back.magnitude, made.magnitude, rtol=1e-5)
    (tmp_path / "b.csv").write_text("\n".join(lines[1:]))
    with pytest.raises(SpecsrError, match="does not say its unit"):
        read_map(tmp_path / "b.csv")


def test_arrays_take_what_is_missing_from_a_sidecar(tmp_path):
    np.save(tmp_path / "a.npy", noise(2))
    with pytest.raises(SpecsrError, match="gives no rate"):
        read(tmp_path / "a.npy")
    assert read(tmp_path / "a.npy", rate=1000, unit="Pa").rate == 1000
    side = tmp_path / "a.npy.json"
    side.write_text('{"format": "specsr-signal", "rate": 500, "unit": "g", "channels": ["x", "y"]}')
    back = read(tmp_path / "a.npy", channels=["y"])
    assert (back.rate, back.unit, back.channels) == (500, "g", ("y",))
    np.testing.assert_array_equal(back.samples[0], noise(2)[1])
    made = spectrogram(channels=1, unit="V")
    np.save(tmp_path / "m.npy", made.magnitude[0])
    axes = f'"freqs": {made.freqs.tolist()}, "times": {made.times.tolist()}'
    (tmp_path / "m.npy.json").write_text(
        f'{{"format": "specsr-map", "unit": "V", "values": "magnitude", {axes}}}'
    )
    assert is_map(tmp_path / "m.npy") and not is_map(tmp_path / "a.npy")
    np.testing.assert_allclose(read_map(tmp_path / "m.npy").magnitude, made.magnitude, rtol=1e-6)
    (tmp_path / "m.npy").write_bytes((tmp_path / "m.npy").read_bytes()[:500])
    with pytest.raises(SpecsrError, match="is cut off"):
        read_map(tmp_path / "m.npy")


# Spectra of other programs as a map


@pytest.mark.parametrize("func_type", [2, 9, 12])
def test_spectra_over_time_in_a_universal_file_are_a_map(tmp_path, func_type):
    pyuff = pytest.importorskip("pyuff")
    made = spectrogram(channels=1, unit="Pa", scaling="psd" if func_type == 9 else "rms")
    power = made.magnitude[0].astype(float) ** 2
    sets = [
        {
            "type": 58, "binary": 0, "func_type": min(func_type, 9), "rsp_node": 1, "rsp_dir": 0,
            "ref_node": 0, "ref_dir": 0, "rsp_ent_name": "mic", "id1": "mic",
            "abscissa_spacing": 1, "abscissa_spec_data_type": 18, "ordinate_spec_data_type": 15,
            "ordinate_axis_units_lab": "Pa^2/Hz" if func_type == 9 else "Pa^2",
            "orddenom_spec_data_type": 0, "z_axis_spec_data_type": 17, "z_axis_value": time,
            "x": made.freqs, "data": np.sqrt(column) if func_type == 12 else column,
        }
        for time, column in zip(made.times, power.T)
    ]  # fmt: skip
    pyuff.UFF(str(tmp_path / "a.uff")).write_sets(sets, "add")
    if func_type == 12:  # pyuff does not write this type, so its number is put in afterwards
        data = (tmp_path / "a.uff").read_text().replace("\n    9         0", "\n   12         0")
        (tmp_path / "a.uff").write_text(data)
    assert is_map(tmp_path / "a.uff")
    back = read_map(tmp_path / "a.uff")
    assert (back.grid.unit, back.grid.scaling) == ("Pa", made.grid.scaling)
    assert (back.grid.n_fft, back.grid.hop_length, back.channels) == (64, 16, ("mic",))
    np.testing.assert_allclose(back.magnitude, made.magnitude, rtol=1e-5)


# Units


@pytest.mark.parametrize(
    ("label", "quantity", "unit", "factor"),
    [
        ("Pa", "", "Pa", 1), ("[Pa]", "", "Pa", 1), ("mPa", "", "Pa", 1e-3), ("kPa", "", "Pa", 1e3),
        ("µPa", "", "Pa", 1e-6), ("MPa", "", "Pa", 1e6), ("hPa", "", "Pa", 100),
        ("m/s²", "", "m/s2", 1), ("m/s\ufffd", "", "m/s2", 1),
        ("m/s\ufffd", "acceleration", "m/s2", 1), ("m/s^2", "", "m/s2", 1),
        ("m/sÂ²", "", "m/s2", 1), ("mm/s²", "", "m/s2", 1e-3), ("mm/s", "", "m/s", 1e-3),
        ("mg", "", "g", 1e-3), ("g", "", "g", 1), ("Volts", "", "V", 1), ("mV", "", "V", 1e-3),
        ("µV", "", "V", 1e-6), ("kN", "", "N", 1e3), ("", "", "1", 1), ("-", "", "1", 1),
        ("NONE", "", "1", 1), ("Pa\0\0", "", "Pa", 1),
    ],
)  # fmt: skip
def test_unit_labels_are_understood(label, quantity, unit, factor):
    found = units.understand(label, quantity)
    assert found[0] == unit and found[1] == pytest.approx(factor)


@pytest.mark.parametrize("label", ["psi", "furlong", "\ufffd", "?", "°C", "Nm", "m/s3", "%", "x/y"])
def test_other_labels_are_asked_about(label):
    with pytest.raises(SpecsrError, match=r"not understood.*--unit"):
        units.understand(label)


def test_labels_that_contradict_are_asked_about():
    with pytest.raises(SpecsrError, match="not understood"):
        units.understand("m/s\ufffd", "velocity")
    with pytest.raises(SpecsrError, match="levels in dB"):
        units.understand("dB(A)")


@given(st.text(max_size=12))
def test_any_label_is_understood_or_asked_about(label):
    try:
        unit, factor, _ = units.understand(label)
        assert factor > 0 and Signal(np.ones(3), 10, unit=unit)
    except SpecsrError:
        pass
    assert units.is_speed(label, "") in (True, False)


def test_a_prefix_scales_and_an_explicit_unit_does_not(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("time,p [mPa]\n0,20\n1,30\n")
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path / "a.csv").samples.tolist() == [[0.02, 0.03]]
    assert "mPa are multiplied by 0.001" in caplog.text
    assert read(tmp_path / "a.csv", unit="V").samples.tolist() == [[20, 30]]


# Rates


@given(st.sampled_from([8000, 25600, 44100, 48000, 51200, 65536, 102400, 204800, 262144]))
def test_a_rate_from_six_digits_is_found_again(rate):
    rounded = float(f"{1 / rate:.5e}")
    found, note = snap(1 / rounded, 5.1e-6)
    assert found == rate
    assert bool(note) == (abs(1 / rounded - rate) > 1e-9 * rate)


def test_a_rate_of_its_own_is_kept():
    assert snap(51200.131) == (51200.131, "")
    assert snap(0.4) == (0.4, "")
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(SpecsrError, match="rate"):
            snap(wrong)


@given(
    rate=st.floats(0.1, 1e6), start=st.floats(-100, 100), count=st.integers(4, 500),
    lost=st.integers(1, 1000), digits=st.sampled_from([None, 9]),
)  # fmt: skip
def test_even_time_stamps_give_a_rate_and_a_lost_sample_is_noticed(
    rate, start, count, lost, digits
):
    times = start + np.arange(count) / rate
    if digits and 10.0**-digits < 0.01 / rate:
        times = np.round(times, digits)
    found = even_times(times)
    assert found is not None and found[0] == pytest.approx(rate, rel=0.02)
    position = 1 + lost % (count - 2)
    assert even_times(np.delete(times, position)) is None or count < 6


@pytest.mark.parametrize(
    "times", [[0.0], [0.0, 0.0], [1.0, 0.0], [0, np.nan], [[0, 1]], [0.0, np.inf]]
)
def test_time_stamps_that_cannot_be_are_refused(times):
    with pytest.raises(SpecsrError, match="time stamps"):
        even_times(np.array(times))


# Channels that do not fit together


def many():
    return Contents(
        (
            Channel("mic 1", np.ones(100), 1000.0, "Pa"),
            Channel("mic 2", np.ones(100), 1000.0, "Pa"),
            Channel("acc", np.ones(200), 2000.0, "m/s2"),
            Channel("temp", np.ones(10), 100.0, "°C"),
            Channel("n", np.full(11, 900.0), 100.0, "1/min"),
            Channel("tacho", np.ones(200), 2000.0, "V"),
        )
    )


def test_channels_that_differ_are_listed_and_picked():
    with pytest.raises(SpecsrError, match=r"mic 1, mic 2 \(1000 Hz, Pa.*temp \(100 Hz, °C.*Pick"):
        recording.assemble(many())
    with pytest.raises(SpecsrError, match=r"channel temp: the unit label '°C' is not understood"):
        recording.assemble(many(), ["temp"])
    with pytest.raises(SpecsrError, match=r"mic 1 \(1000 Hz, Pa, 100.*acc \(2000 Hz.*--channel"):
        recording.assemble(many(), ["mic 1", "acc"])
    made, _ = recording.assemble(many(), ["mic 2", "0"])
    assert made.channels == ("mic 2", "mic 1") and made.rpm.tolist() == [900] * 100
    made, notes = recording.assemble(many(), ["n"])
    assert made.rate == 100 and made.unit == "1" and "speed" in notes[-1]
    made, _ = recording.assemble(many(), ["tacho"])
    assert made.unit == "V"


def test_mixed_lengths_are_not_cut_on_the_quiet():
    parts = many().channels[:2]
    shorter = replace(parts[1], samples=np.ones(99))
    with pytest.raises(SpecsrError, match=r"100 samples.*99 samples.*Pick"):
        recording.assemble(Contents((parts[0], shorter)))


def test_several_speeds_are_not_chosen_between():
    channels = many().channels
    file = Contents((channels[0], channels[4], replace(channels[4], name="turbine rpm")))
    made, notes = recording.assemble(file)
    assert made.rpm is None and "several speeds (n, turbine rpm)" in notes[-1]
    made, _ = recording.assemble(file, ["mic 1", "turbine rpm"])
    assert made.channels == ("mic 1",) and made.rpm is not None


def test_a_speed_that_ends_early_is_held_and_said():
    mic = many().channels[0]
    speed = Channel("rpm", np.array([100.0, 200.0]), 50.0, "1/min")
    made, notes = recording.assemble(Contents((mic, speed)))
    assert made.rpm[-1] == 200 and "covers 0 to 0.02 s only" in notes[-1]
    late = replace(speed, start=5.0)
    made, notes = recording.assemble(Contents((mic, late)))
    assert made.rpm is None and "covers none" in notes[-1]


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        ("1/min", "x", True), ("tr/min", "x", True), ("rpm", "x", True), ("U/min", "x", True),
        ("", "rpm", True), ("", "Motor_RPM", True), ("", "EngineSpeed", True),
        ("", "Drehzahl", True), ("V", "rpm", False), ("Pa", "rpm", False), ("", "mic", False),
        ("", "tacho rpm pulse", False), ("m/s", "speed", False), ("", "trumpet", False),
    ],
)  # fmt: skip
def test_speeds_are_recognised(label, name, expected):
    assert units.is_speed(label, name) is expected


def test_equal_names_are_told_apart():
    file = Contents((
        Channel("x", np.ones(3), 1.0, group="a"), Channel("x", np.ones(3), 1.0, group="b"),
        Channel("y", np.ones(3), 1.0), Channel("y", np.ones(3), 1.0),
    ))  # fmt: skip
    assert [channel.name for channel in file.channels] == ["a/x", "b/x", "y", "y (2)"]


# Calibration in chunks and sidecars


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
    from specsr.io.riff import _lea

    for scale, _, _ in _lea(content) + _lea(b"le00" + content):
        assert np.isfinite(scale) and scale > 0


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


# Refusals


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(optional.importlib.util, "find_spec", lambda name: None)
    for suffix, extra in {".tdms": "tdms", ".uff": "uff", ".mf4": "mdf"}.items():
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"x" * 100)
        with pytest.raises(SpecsrError, match=rf"pip install 'specsr\[{extra}\]'"):
            read(path)
        if suffix in WRITERS:
            with pytest.raises(SpecsrError, match=rf"specsr\[{extra}\]"):
                write(tmp_path / f"b{suffix}", signal())
            with pytest.raises(SpecsrError, match=rf"specsr\[{extra}\]"):  # before any work
                check_output(tmp_path / f"b{suffix}")


def test_raw_tdms_without_its_scaling_is_refused(tmp_path):
    nptdms = pytest.importorskip("nptdms")
    cases = {
        "raw counts": {"NI_Scaling_Status": "unscaled"},
        "a scaling of kind Mystery": {
            "NI_Scaling_Status": "unscaled", "NI_Number_Of_Scales": 1,
            "NI_Scale[0]_Scale_Type": "Mystery",
        },
    }  # fmt: skip
    for match, facts in cases.items():
        with nptdms.TdmsWriter(tmp_path / "a.tdms") as file:
            facts = facts | {"wf_increment": 0.001}
            file.write_segment([nptdms.ChannelObject("g", "x", np.arange(9, dtype="i2"), facts)])
        with pytest.raises(SpecsrError, match=rf"{match}.*export it with scaled values"):
            read(tmp_path / "a.tdms")
    facts = {
        "NI_Scaling_Status": "unscaled", "NI_Number_Of_Scales": 1, "wf_increment": 0.001,
        "NI_Scale[0]_Scale_Type": "Linear", "NI_Scale[0]_Linear_Slope": 0.5,
        "NI_Scale[0]_Linear_Y_Intercept": 1.0, "NI_Scale[0]_Linear_Input_Source": 0xFFFFFFFF,
    }  # fmt: skip
    with nptdms.TdmsWriter(tmp_path / "a.tdms") as file:
        file.write_segment([nptdms.ChannelObject("g", "x", np.arange(9, dtype="i2"), facts)])
    np.testing.assert_allclose(read(tmp_path / "a.tdms").samples[0], np.arange(9) * 0.5 + 1)


def test_artemis_files_are_refused_with_a_way_out(tmp_path):
    (tmp_path / "a.hdf").write_bytes(b"HEAD acoustics" * 100)
    with pytest.raises(SpecsrError, match="ArtemiS.*export them.*HDF5, WAV, UFF or MAT"):
        read(tmp_path / "a.hdf")
    write(tmp_path / "b.h5", signal())
    (tmp_path / "b.hdf").write_bytes((tmp_path / "b.h5").read_bytes())
    same(read(tmp_path / "b.hdf"), signal())


def test_a_universal_file_shorter_than_its_header_is_refused(tmp_path):
    pytest.importorskip("pyuff")
    write(tmp_path / "a.uff", signal(), subtype="ASCII")
    lines = (tmp_path / "a.uff").read_text().splitlines(keepends=True)
    (tmp_path / "a.uff").write_text("".join(lines[:40] + lines[60:]))
    with pytest.raises(SpecsrError, match="is cut off: its header promises 400 points"):
        read(tmp_path / "a.uff")
    (tmp_path / "a.uff").write_text("".join(lines[:-40]))
    with pytest.raises(SpecsrError, match="is cut off: its last data set has no end"):
        read(tmp_path / "a.uff")


def test_blocks_in_a_circle_are_noticed(tmp_path):
    asammdf = pytest.importorskip("asammdf")
    with asammdf.MDF() as file:
        file.append([asammdf.Signal(np.ones(9), np.arange(9) / 10, name="x")])
        file.save(tmp_path / "a.mf4")
    data = bytearray((tmp_path / "a.mf4").read_bytes())
    at = data.index(b"##DG")
    data[at + 24 : at + 32] = struct.pack("<Q", at)
    (tmp_path / "a.mf4").write_bytes(data)
    with pytest.raises(SpecsrError, match="in a circle"):
        read(tmp_path / "a.mf4")


def test_a_crash_or_a_hang_of_the_mdf_reader_is_an_error(tmp_path, monkeypatch):
    asammdf = pytest.importorskip("asammdf")
    path = tmp_path / "a.mf4"
    with asammdf.MDF() as file:
        file.append([asammdf.Signal(np.ones(9), np.arange(9) / 10, name="x")])
        file.save(path)
    assert read(path).rate == 10
    python = sys.executable
    for body, match in {
        "import os; os.abort()": "its reader crashed",
        "import time; time.sleep(60)": "could not be read within",
        "raise SystemExit('KeyError: 7')": "KeyError: 7",
    }.items():
        script = tmp_path / "python"
        script.write_text(f"#!{python}\n{body}\n")
        script.chmod(0o755)
        monkeypatch.setattr(mdf.sys, "executable", str(script))
        monkeypatch.setattr(mdf, "_SECONDS", 3 if "sleep" in body else 60)
        with pytest.raises(SpecsrError, match=rf"a\.mf4.*{match}"):
            read(path)


# Real files


def _fixtures(shared_data, *names):
    return [shared_data / "fixtures" / name for name in names]


def test_a_run_up_is_the_same_in_every_format(shared_data):
    folder = shared_data / "fixtures" / "converted"
    made = [read(path) for path in sorted(folder.iterdir())]
    assert len(made) == 5
    with h5py.File(folder / "runup.h5") as file:
        pressure, rpm = file["pressure"][:], file["rpm"][:]
    for one in made:
        assert (one.rate, one.unit, one.channels) == (44100, "Pa", ("pressure",))
        np.testing.assert_array_equal(one.samples[0], pressure)
        expected = np.interp(np.arange(132300) / 44100, np.arange(300) / 100, rpm)
        np.testing.assert_allclose(one.rpm, expected, rtol=1e-12)


def test_calibration_of_a_vendor_chunk(shared_data):
    pressure, car = _fixtures(
        shared_data, "wav/xtract_demo_signal_1_pressure_rpm_calibrated.wav",
        "wav/carHVAC2_float32_stereo_48k.wav",
    )  # fmt: skip
    made = read(pressure)
    raw = pressure.read_bytes()
    counts = np.frombuffer(raw, "<i2", 441_000, raw.index(b"data") + 8).reshape(-1, 2)
    assert (made.unit, made.channels) == ("Pa", ("Xtract_demo_signal_1",))
    np.testing.assert_allclose(made.samples[0], counts[:, 0] / 32768 * 2.7598479, rtol=1e-6)
    np.testing.assert_allclose(made.rpm, counts[:, 1] / 32768 * 4999.96435546875, rtol=1e-6)
    assert read(car).unit == "Pa" and len(read(car).channels) == 2


def test_text_and_binary_universal_files_agree(shared_data):
    text, binary = (
        read(path) for path in _fixtures(
            shared_data, "uff/Sample_UFF58_ascii.uff", "uff/Sample_UFF58b_bin.uff"
        )
    )  # fmt: skip
    assert text.rate == binary.rate == 65536 and text.unit == binary.unit == "Pa"
    np.testing.assert_allclose(text.samples, binary.samples, atol=1e-6)


def test_a_damaged_unit_and_a_rounded_rate_are_noted(shared_data, caplog):
    [path] = _fixtures(shared_data, "uff/electric_motor_vibration_signal.uff")
    with caplog.at_level(logging.WARNING):
        made = read(path)
    assert (made.rate, made.unit, made.length) == (51200, "m/s2", 181504)
    assert "51200.1311 Hz is taken as 51200 Hz" in caplog.text
    assert "lost a character" in caplog.text


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("uff/dataset_milestone_in_header.uff", "promises 2508876 points, 42 are there"),
        ("uff/electric_motor_vibration_noct_dewe.uff", "holds general functions"),
        ("uff/non_ascii_header.uff", "holds frequency responses"),
        ("uff/sample_dataset58_psd.uff", "holds power spectral densities"),
        ("uff/TestLab_161_164_18_15_82.uff", "geometry and modes"),
        ("uff/mesh_Oros-modal_uff15_uff2412.uff", "geometry and modes"),
        ("mf4/can_17BD1DB7.MF4", "frames of a bus"),
        ("mf4/can_3BA199E2.MF4", "frames of a bus"),
        ("mf4/truck_j1939_FCBF0606.MF4", "frames of a bus.*DBC"),
    ],
)
def test_real_files_without_a_recording_say_what_they_hold(shared_data, name, match):
    [path] = _fixtures(shared_data, name)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(SpecsrError, match=match):
        read(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    ("name", "shape", "rate", "unit"),
    [
        ("tdms/Digital_Input.tdms", (1, 20000), 2000, "1"),
        ("tdms/big_endian.tdms", (2, 3500), 1000, "1"),
        ("tdms/raw1.tdms", (7, 2000), 50000, "V"),
        ("tdms/raw_timestamps.tdms", (1, 128), 1000, "1"),
        ("uff/binary8byte.uff", (1, 250), 100, "g"),
        ("uff/time-history-not-all-columns-filled.uff", (1, 13), 20000, "m/s2"),
        ("mat/noise_1Pa_RMS_synthetic.mat", (1, 20480), 2048, "1"),
    ],
)
def test_real_edge_cases_are_read(shared_data, name, shape, rate, unit):
    made = read(*_fixtures(shared_data, name))
    assert (made.samples.shape, made.rate, made.unit) == (shape, rate, unit)


def test_real_tdms_values_are_those_of_nptdms(shared_data):
    nptdms = pytest.importorskip("nptdms")
    [raw, big] = _fixtures(shared_data, "tdms/raw1.tdms", "tdms/big_endian.tdms")
    group = nptdms.TdmsFile.read(raw)["Layer Data"]
    made = read(raw)
    for name, row in zip(made.channels, made.samples):
        slope = group[name].properties["NI_Scale[1]_Linear_Slope"]
        np.testing.assert_allclose(row, group[name].raw_data * slope, rtol=1e-12)
    names = [channel.name for channel in read_channels(big).channels]
    assert names == ["Amplitude sweep", "Phase sweep"]


def test_sine_in_a_universal_file(shared_data):
    made = read(*_fixtures(shared_data, "uff/binary8byte.uff"))
    np.testing.assert_allclose(
        made.samples[0], np.sin(2 * np.pi * 5 * np.arange(250) / 100), atol=1e-5
    )
