"""Measurement files of other programs: MAT, MDF, arrays with a sidecar, spectra in UFF."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import scipy.io

from specsr.errors import SpecsrError
from specsr.io import is_map, read, read_map
from support.format_samples import noise, spectrogram


def test_a_mat_file_with_a_time_axis(tmp_path):
    x = noise(2, 300)
    scipy.io.savemat(tmp_path / "a.mat", {"t": 2 + np.arange(300) / 500, "x": x.T})
    back = read(tmp_path / "a.mat", unit="g")
    assert (back.rate, back.start, back.unit, back.channels) == (500, 2, "g", ("x 1", "x 2"))
    np.testing.assert_array_equal(back.samples, x)


def test_a_file_of_asammdf_is_read(tmp_path):
    asammdf = pytest.importorskip("asammdf")
    x, times = noise(1, 500)[0], np.arange(500) / 1000
    slow = np.array([0.0, 0.13, 0.31, 0.5])  # time stamps of a bus are not uniform
    with asammdf.MDF() as file:
        file.append([asammdf.Signal(x, times, name="acc", unit="m/s²")])
        file.append([asammdf.Signal(slow * 100 + 900, slow, name="EngineSpeed", unit="rpm")])
        file.save(tmp_path / "a.mf4")
    back = read(tmp_path / "a.mf4")
    assert (back.rate, back.unit, back.channels) == (1000, "m/s2", ("acc",))
    np.testing.assert_array_equal(back.samples[0], x)
    np.testing.assert_allclose(back.rpm, 900 + 100 * times)
    with pytest.raises(SpecsrError, match="EngineSpeed is not uniformly sampled"):
        read(tmp_path / "a.mf4", channels=["EngineSpeed"])


def test_arrays_are_completed_by_a_sidecar(tmp_path):
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


# Facts of maps


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".mat"])
def test_axes_of_a_map_have_units(tmp_path, suffix):
    made = spectrogram(channels=1, unit="Pa")
    entries = {
        "magnitude": made.magnitude[0], "freqs": made.freqs / 1000, "times": made.times * 1000,
        "freqs_unit": "kHz", "times_unit": "ms", "unit": "Pa",
    }  # fmt: skip
    path = tmp_path / f"a{suffix}"
    back = _map_of(path, entries)
    np.testing.assert_allclose(back.freqs, made.freqs)
    np.testing.assert_allclose(back.times, made.times)
    np.testing.assert_array_equal(back.magnitude, made.magnitude)
    with pytest.raises(SpecsrError, match="times has the unit 'rpm': expected s or ms"):
        _map_of(path, entries | {"times_unit": "rpm"})
    with pytest.raises(SpecsrError, match="A-weighted"):
        _map_of(path, entries | {"weighting": "A"})
    scaled = entries | {"magnitude": 2 * made.magnitude[0], "magnitude_scale_factor": 0.5}
    np.testing.assert_allclose(_map_of(path, scaled).magnitude, made.magnitude, rtol=1e-6)


def test_units_of_levels_are_attributes_in_hdf5(tmp_path):
    made = spectrogram(channels=1, unit="Pa")
    entries = {"db": np.log10(made.magnitude[0]), "freqs": made.freqs, "times": made.times}
    with pytest.raises(SpecsrError, match="A-weighted"):
        _map_of(tmp_path / "a.h5", entries | {"db_units": "dB(A)"})
    power = {"power": made.magnitude[0]} | {key: entries[key] for key in ("freqs", "times")}
    with pytest.raises(SpecsrError, match="levels in dB belong in db"):
        _map_of(tmp_path / "a.h5", power | {"power_units": "dB"})


def _map_of(path, entries):
    """Write entries as a map of another program, units as attributes in HDF5, and read it."""
    arrays = {key: value for key, value in entries.items() if isinstance(value, np.ndarray)}
    if path.suffix == ".npz":
        np.savez(path, **entries)
    elif path.suffix == ".mat":
        scipy.io.savemat(path, entries)
    else:
        with h5py.File(path, "w") as file:
            for key, value in arrays.items():
                file[key] = value
            for key, value in entries.items():
                owner = next((one for one in arrays if key.startswith(f"{one}_")), None)
                if owner:
                    file[owner].attrs[key.removeprefix(f"{owner}_")] = value
                elif key not in arrays:
                    file.attrs[key] = value
    return read_map(path)


def test_netcdf_has_its_own_words(tmp_path):
    """Time since a date, a scale and a fill value."""
    counts = np.array([0, 100, -32768, 300] * 50, "i2")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["time"] = np.arange(200) * 10.0
        file["time"].attrs["units"] = "milliseconds since 2024-01-01 00:00:00"
        for name in ("rpm", "acc"):
            file[name] = counts if name == "rpm" else np.where(counts < 0, 0, counts)
            file[name].attrs.update({
                "scale_factor": [0.5], "add_offset": [10.0], "_FillValue": np.int16(-32768),
                "units": "1/min" if name == "rpm" else "m s-2",
            })  # fmt: skip
    made = read(tmp_path / "a.h5")
    assert (made.rate, made.unit, made.channels) == (100, "m/s2", ("acc",))
    np.testing.assert_array_equal(made.samples[0, :4], [10, 60, 10, 160])
    np.testing.assert_array_equal(made.rpm[:4], [10, 60, 110, 160])


def test_a_table_of_hdf5_is_read_by_its_columns(tmp_path):
    """As PyTables and pandas store it: one data set with named fields."""
    kind = [("time", "f8"), ("mic", "f4"), ("name", "S4"), ("both", "f4", 2)]
    table = np.zeros(300, dtype=kind)
    table["time"], table["mic"] = np.arange(300) / 500, noise(1, 300)[0]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/table"] = table
        file["group/table"].attrs["unit"] = "Pa"
    back = read(tmp_path / "a.h5")
    assert (back.rate, back.unit, back.channels) == (500, "Pa", ("mic",))
    np.testing.assert_array_equal(back.samples[0], table["mic"])
