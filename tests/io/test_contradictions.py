"""Facts of one file that contradict each other: asked about or refused, never chosen from."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from specsr.errors import SpecsrError
from specsr.io import read, read_channels, read_map

RATE, LENGTH = 1000.0, 600
SINE = np.sin(2 * np.pi * 50 * np.arange(LENGTH) / RATE)
TIMES = np.arange(LENGTH) / RATE


@pytest.mark.parametrize(
    ("facts", "parts"),
    [
        ({"fs": 1000.0, "Fs": 500.0}, ["1000 Hz by fs", "500 Hz by Fs"]),
        ({"fs": 1000.0, "sample_rate": 1001.0}, ["1000 Hz by fs", "1001 Hz by samplerate"]),
        ({"dt": 0.001, "Dt": 0.002}, ["1000 Hz by dt", "500 Hz by Dt"]),
        ({"time": TIMES, "t": 2 * TIMES}, ["1000 Hz by time", "500 Hz by t"]),
        ({"fs_mic": 1000.0, "FS_mic": 500.0}, ["1000 Hz by fs_mic", "500 Hz by FS_mic"]),
        ({"fs": 1.0, "fs_unit": "kHz", "FS_unit": "Hz"}, ["kHz (fs_unit)", "Hz (FS_unit)"]),
    ],
)
@pytest.mark.parametrize("suffix", [".mat", ".npz", ".h5"])
def test_rates_of_one_file_that_differ_are_asked_about(tmp_path, suffix, facts, parts):
    path = _stored(tmp_path / f"a{suffix}", {"mic": SINE} | facts)
    with pytest.raises(SpecsrError) as refused:
        read(path)
    assert all(part in str(refused.value) for part in parts), refused.value
    assert read(path, rate=400).rate == 400


@pytest.mark.parametrize("names", [("unit", "units"), ("unit", "Unit"), ("mic_unit", "unit_mic")])
@pytest.mark.parametrize("suffix", [".mat", ".npz", ".h5"])
def test_units_of_one_file_that_differ_are_asked_about(tmp_path, suffix, names):
    one, other = names
    path = _stored(tmp_path / f"a{suffix}", {"mic": SINE, "fs": RATE, one: "Pa", other: "V"})
    with pytest.raises(SpecsrError, match=r"Pa \(\w+\).*--unit"):
        read(path)
    assert read(path, unit="Pa").unit == "Pa"


@pytest.mark.parametrize("suffix", [".mat", ".npz", ".h5"])
def test_equal_statements_are_no_contradiction(tmp_path, suffix):
    stated = {
        "fs": 1000, "Fs": 1000.0, "sample_rate": "1 kHz", "unit": "m/s2", "Units": "m/s²",
        "mic_scale": 2.0, "scale_factor_mic": 2.0,
    }  # fmt: skip
    made = read(_stored(tmp_path / f"a{suffix}", {"mic": SINE} | stated))
    assert (made.rate, made.unit) == (RATE, "m/s2")
    np.testing.assert_allclose(made.samples[0], 2 * SINE)


@pytest.mark.parametrize(
    "facts",
    [
        {"scale_factor": 2.0, "scale": 3.0}, {"add_offset": 2.0, "Add_Offset": 3.0},
        {"full_scale": 2.0, "FullScale": 3.0},
    ],
)  # fmt: skip
def test_scales_that_differ_are_refused_by_name(tmp_path, facts):
    one, other = facts
    path = _stored(tmp_path / "a.npz", {"mic": SINE, "fs": RATE, "unit": "Pa"} | facts)
    with pytest.raises(
        SpecsrError, match=r"is [23].0 and .* is [23].0, which contradict each other"
    ):
        read(path)


def test_the_nearest_rate_and_unit_count(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs.update({"fs": 10.0, "units": "V"})
        group = file.create_group("sound")
        group.attrs.update({"sample_rate": RATE, "unit": "Pa"})
        group["mic"] = SINE
    made = read(tmp_path / "a.h5")
    assert (made.rate, made.unit) == (RATE, "Pa")


def test_an_angle_beside_the_time_is_no_second_axis(tmp_path):
    np.savez(tmp_path / "a.npz", time=TIMES, angle=3 * TIMES, mic=SINE)
    assert read(tmp_path / "a.npz").rate == RATE


def test_units_of_a_map_that_differ_are_refused(tmp_path):
    fields = {"freqs": 10.0 * np.arange(5), "times": 0.1 * np.arange(4), "power": np.ones((5, 4))}
    np.savez(tmp_path / "a.npz", **fields, units="Pa")
    assert read_map(tmp_path / "a.npz").grid.unit == "Pa"
    np.savez(tmp_path / "b.npz", **fields, units="Pa", unit="V")
    with pytest.raises(SpecsrError, match=r"V \(unit\) or Pa \(units\)"):
        read_map(tmp_path / "b.npz")


def _stored(path, content):
    """Store variables in a MAT, NPZ or HDF5 file (there as attributes of the file)."""
    if path.suffix == ".npz":
        np.savez(path, **content)
    elif path.suffix == ".mat":
        savemat(path, content)
    else:
        with h5py.File(path, "w") as file:
            for name, value in content.items():
                if np.ndim(value):
                    file[name] = value
                else:
                    file.attrs[name] = value
    return path


def test_comments_of_a_table_that_differ_are_asked_about(tmp_path):
    path = tmp_path / "a.csv"
    lines = "\n".join(f"{x:.6f}" for x in SINE)
    path.write_text(f"# fs: 1000\n# Fs: 500\n# unit: Pa\nmic\n{lines}\n")
    with pytest.raises(SpecsrError, match="1000 Hz by the comment fs and 500 Hz by the comment fs"):
        read(path)
    path.write_text(f"# fs: 1000\n# unit: Pa\n# units: V\nmic\n{lines}\n")
    with pytest.raises(SpecsrError, match="'Pa or V' is unknown"):
        read(path)
    assert read(path, unit="V").unit == "V"
    path.write_text(f"# fs: 1000, unit: Pa\n# unit: V, fs: 1000\nmic [N]\n{lines}\n")
    assert (read(path).unit, read(path).rate) == ("N", RATE)


def test_a_key_that_is_in_a_sidecar_twice_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", SINE)
    side = tmp_path / "a.npy.json"
    side.write_text('{"format": "specsr-signal", "rate": 1000, "unit": "Pa", "unit": "V"}')
    with pytest.raises(SpecsrError, match=r"a\.npy\.json .*'unit' is there twice"):
        read(tmp_path / "a.npy")
    side.write_text('{"format": "specsr-signal", "rate": 1000, "unit": "Pa", "unit": "Pa"}')
    assert read(tmp_path / "a.npy").unit == "Pa"


def test_a_square_array_is_read_by_rows_with_a_note(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(20), fs=RATE)
    assert "as many rows as columns: its rows" in read_channels(tmp_path / "a.npz").notes[0]
