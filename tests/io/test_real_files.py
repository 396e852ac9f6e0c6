"""Measurement files of real systems: values, calibration, edge cases and errors."""

from __future__ import annotations

import logging

import h5py
import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, read_channels


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
    assert "51200.1311 Hz is rounded to 51200 Hz" in caplog.text
    assert "lost a character" in caplog.text


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("uff/dataset_milestone_in_header.uff", "declares 2508876 points, the file holds 42"),
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
def test_real_files_without_a_recording_are_refused_with_their_content(shared_data, name, match):
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
