"""Measurement files as other programs write them."""

from __future__ import annotations

from time import perf_counter

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
