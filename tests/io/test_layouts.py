"""MAT files of measurement programs and of data sets of bearings."""

from __future__ import annotations

import logging

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from specsr.errors import SpecsrError
from specsr.io import read

RATE, LENGTH = 1000.0, 600
SINE = np.sin(2 * np.pi * 50 * np.arange(LENGTH) / RATE)
TIMES = np.arange(LENGTH) / RATE


def _testlab(values, label="s", step=0.001, unit="Pa", name="mic"):
    quantity = {"label": label, "quantity_terms": {"time": 1}}
    return {
        "x_values": {
            "start_value": 0.0, "increment": step, "number_of_values": float(len(values)),
            "quantity": quantity,
        },
        "y_values": {"values": values, "quantity": {"label": unit}},
        "function_record": {"name": name, "type": "time"},
    }  # fmt: skip


def _matlab(file, name, value):
    """Store a value as MATLAB 7.3 does: texts as numbers, cells as references, arrays reversed."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = list(value)
    if isinstance(value, dict):
        for key, part in value.items():
            _matlab(file, f"{name}/{key}", part)
        return None
    if isinstance(value, list) and isinstance(value[0], dict):  # an array of structs
        for key in value[0]:
            _matlab(file, f"{name}/{key}", [one[key] for one in value])
        return None
    if isinstance(value, list):
        made = [
            _matlab(file, f"#refs#/{name.replace('/', '_')}{i}", v) for i, v in enumerate(value)
        ]
        refs = np.array([[one.ref] for one in made], dtype=h5py.ref_dtype)
        stored, kind = file.create_dataset(name, data=refs), b"cell"
    elif isinstance(value, str):
        codes = np.array([[ord(c)] for c in value], "u2")
        stored, kind = file.create_dataset(name, data=codes), b"char"
    else:
        stored, kind = file.create_dataset(name, data=np.atleast_2d(value).T), b"double"
    stored.attrs["MATLAB_class"] = kind
    return stored


@pytest.fixture(params=["5", "7.3"])
def saved(request, tmp_path):
    """Function that writes variables as a MAT file of either version and returns its path."""

    def save(content):
        path = tmp_path / "a.mat"
        path.unlink(missing_ok=True)
        if request.param == "5":
            savemat(path, content)
            return path
        with h5py.File(path, "w", userblock_size=512) as file:
            _matlab(file, "", content)
        return path

    return save


def test_simcenter_testlab(saved):
    rpm = np.linspace(1000, 2000, 60)
    path = saved(
        {
            "Signal_0": _testlab(SINE),
            "Signal_1": _testlab(rpm, step=0.01, unit="rpm", name="Tacho1"),
        },
    )
    made = read(path)
    assert (made.rate, made.unit, made.channels) == (RATE, "Pa", ("mic",))
    np.testing.assert_array_equal(made.samples[0], SINE)
    expected = np.interp(TIMES, np.arange(60) / 100, rpm)
    np.testing.assert_allclose(made.rpm, expected)
    several = _testlab(np.stack([SINE, 2 * SINE], axis=1), "ms", 1.0, "g", ["a:+X", "b:+Y"])
    cells = np.array(["a:+X", "b:+Y"], dtype=object)
    several["function_record"]["name"] = cells
    made = read(saved({"Signal": several}))
    assert (made.rate, made.unit, made.channels) == (RATE, "g", ("a:+X", "b:+Y"))


def test_spectra_of_testlab_are_refused(saved):
    real = _testlab(np.abs(SINE), "Hz", 0.5)
    with pytest.raises(SpecsrError, match="holds a spectrum over frequency"):
        read(saved({"Signal": real}))
    with pytest.raises(SpecsrError, match="holds complex spectra"):
        read(saved({"FRF": _testlab(SINE + 1j, "Hz", 0.5)}))


@pytest.mark.parametrize("stated", ["1000.000", "1000,000", 1000.0])
def test_pulse(saved, stated):
    head = {"SampleFrequency": stated, "NumberOfChannels": "1"}
    about = {"SignalName": "Mic", "Unit": "Pa", "NoItems": LENGTH}
    path = saved({"File_Header": head, "Channel_1_Data": SINE, "Channel_1_Header": about})
    made = read(path)
    assert (made.rate, made.unit, made.channels) == (RATE, "Pa", ("Mic",))


@pytest.mark.parametrize(("unit", "factor"), [("s", 1.0), ("ms", 1e-3)])
def test_catman(saved, unit, factor):
    path = saved(
        {
            "Channel_1_Data": TIMES / factor, "Channel_2_Data": SINE,
            "Channel_3_Data": 1000 + TIMES,
            "Channel_1_Header": {"SignalName": "Zeit", "Unit": unit},
            "Channel_2_Header": {"SignalName": "Mic", "Unit": "Pa"},
            "Channel_3_Header": {"SignalName": "Drehzahl", "Unit": "1/min"},
        },
    )  # fmt: skip
    made = read(path)
    assert (made.rate, made.unit, made.channels) == (RATE, "Pa", ("Mic",))
    np.testing.assert_allclose(made.rpm, 1000 + TIMES)


def test_dewesoft_has_a_time_axis_for_each_channel(saved):
    slow = np.arange(60) / 100
    path = saved(
        {
            "Sample_rate": RATE, "Start_time": "2024", "Data1_mic": SINE, "Data1_time_mic": TIMES,
            "Data1_rpm": 1000 + slow, "Data1_time_rpm": slow,
        },
    )  # fmt: skip
    made = read(path)
    assert (made.rate, made.channels) == (RATE, ("Data1_mic",))
    np.testing.assert_allclose(made.rpm, 1000 + np.minimum(TIMES, slow[-1]))


def test_head_artemis(saved):
    axis = {"szAbbrev": "t", "szUnit": "s", "nNbrOfSamples": LENGTH}
    chains = [{"szName": name, "szUnit": "Pa", "dSamplingrate": RATE} for name in ("left", "right")]
    shdf = {
        "nNbrOfChn": 2, "Data": np.stack([SINE, -SINE]), "Absc": axis, "Absc1Data": TIMES,
        "Chn": chains,
    }  # fmt: skip
    made = read(saved({"shdf": shdf}))
    assert (made.rate, made.unit, made.channels) == (RATE, "Pa", ("left", "right"))
    np.testing.assert_array_equal(made.samples, [SINE, -SINE])
    spectrum = shdf | {"Absc": {"szAbbrev": "f", "szUnit": "Hz"}}
    with pytest.raises(SpecsrError, match="holds a spectrum over frequency"):
        read(saved({"shdf": spectrum}))
    wrong = [one | {"dSamplingrate": 2 * RATE} for one in chains]
    with pytest.raises(SpecsrError, match="by Absc1Data and 2000 Hz by dSamplingrate"):
        read(saved({"shdf": shdf | {"Chn": wrong}}))


def test_mfpt_bearings_state_the_rate_of_the_shaft_too(saved, caplog):
    bearing = {"sr": 97656.0, "rate": 25.0, "load": 270.0, "gs": SINE}
    with caplog.at_level(logging.WARNING):
        made = read(saved({"bearing": bearing}))
    assert (made.rate, made.unit) == (97656, "g") and set(made.rpm) == {1500.0}
    assert "rate is that of the shaft: 25 Hz" in caplog.text
    other = {"sr": 97656.0, "rate": 25.0, "acc": SINE}
    assert read(saved({"test": other})).rate == 97656
    assert "rate is 25: it is not the sampling rate, which is sr" in caplog.text


def test_cwru_bearings_state_no_rate(saved):
    content = {"X097_DE_time": SINE[:, None], "X097_FE_time": SINE[:, None], "X097RPM": 1796.0}
    path = saved(content)
    with pytest.raises(SpecsrError, match="12000, some 48000.*--file-rate"):
        read(path)
    made = read(path, rate=12000)
    assert made.channels == ("X097_DE_time", "X097_FE_time") and set(made.rpm) == {1796.0}
    assert made.length == LENGTH


def test_cells_and_names_of_channels(saved):
    cells = np.empty(2, dtype=object)
    cells[:] = [SINE, 2 * SINE]
    names = np.array(["left", "right"], dtype=object)
    made = read(saved({"data": cells, "names": names, "fs": "1 kHz", "unit": "Pa"}))
    assert (made.rate, made.channels, made.unit) == (RATE, ("left", "right"), "Pa")
    np.testing.assert_array_equal(made.samples, [SINE, 2 * SINE])


@pytest.mark.parametrize(
    ("facts", "match"),
    [
        ({"fs": 1000.0, "dt": 1.0}, "1000 Hz by fs and 1 Hz by dt"),
        ({"fs": 1000.0, "time": TIMES * 1000}, "1000 Hz by fs and 1 Hz by time"),
        ({"rate": 25.0, "duration": 0.6}, "25 Hz gives 24 s, but duration is 0.6"),
        ({"fs": 1000.0, "bandwidth": 20000.0}, "bandwidth is 20000: more than half"),
        ({"fs": "fast"}, "fs is 'fast'"),
    ],
)
def test_facts_that_contradict_each_other_are_asked_about(saved, facts, match):
    path = saved({"mic": SINE} | facts)
    with pytest.raises(SpecsrError, match=match):
        read(path)
    if "fast" not in match:
        assert read(path, rate=500).rate == 500


def test_a_scale_is_applied_and_a_sensitivity_is_named(saved, caplog):
    counts = np.round(SINE * 1000).astype("i2")
    content = {"mic": counts, "mic_scale": 0.5, "fs": RATE, "sensitivity": 50.0, "unit": "Pa"}
    with caplog.at_level(logging.WARNING):
        made = read(saved(content))
    np.testing.assert_array_equal(made.samples[0], counts * 0.5)
    assert (
        "converted by micscale 0.5" in caplog.text
        and "sensitivity 50 is not applied" in caplog.text
    )


def test_cells_and_arrays_of_structs_of_matlab_73(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        _matlab(file, "data", [SINE, 2 * SINE])
        _matlab(file, "names", ["left", "right"])
        _matlab(file, "fs", "1 kHz")
    made = read(tmp_path / "a.mat")
    assert (made.rate, made.channels) == (RATE, ("left", "right"))
    np.testing.assert_array_equal(made.samples, [SINE, 2 * SINE])
    with h5py.File(tmp_path / "b.mat", "w", userblock_size=512) as file:
        for key, value in {"szAbbrev": "t", "szUnit": "s"}.items():
            _matlab(file, f"shdf/Absc/{key}", value)
        _matlab(file, "shdf/Absc1Data", TIMES)
        _matlab(file, "shdf/Data", np.stack([SINE, -SINE]))
        for key, value in {"szName": ["L", "R"], "szUnit": ["Pa", "Pa"]}.items():
            _matlab(file, f"shdf/Chn/{key}", value)
    made = read(tmp_path / "b.mat")
    assert (made.rate, made.unit, made.channels) == (RATE, "Pa", ("L", "R"))


def test_cells_in_a_circle_or_of_many_elements_end(tmp_path, caplog):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        _matlab(file, "mic", SINE)
        _matlab(file, "fs", RATE)
        inner = file.create_dataset("#refs#/a", (3,), dtype=h5py.ref_dtype)
        inner[:] = [inner.ref] * 3
        inner.attrs["MATLAB_class"] = b"cell"
        _matlab(file, "loop", [SINE])
        file["loop"][0] = inner.ref
        many = file.create_dataset("many", (600,), dtype=h5py.ref_dtype)
        many[:] = [file["#refs#/loop0"].ref] * 600
    with caplog.at_level(logging.WARNING):
        made = read(tmp_path / "a.mat")
    assert made.channels == ("mic",) and "many is a cell array that is not read" in caplog.text
