"""Maps in and out, maps of version 0.1.0 and of other programs."""

from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io import is_map, read, read_map, write, write_map
from support.io_samples import FUZZ, full_signal, make_map


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".hdf5"])
@pytest.mark.parametrize("cell", [(1, 1), (4, 4), (1, 3), (2, 1)])
def test_a_map_is_read_back_with_all_fields(tmp_path, suffix, cell):
    plain = make_map(
        cell=cell, unit="Pa", scaling="psd", window="blackmanharris", start=1.5, rate=51200.131
    )
    rng = np.random.default_rng(2)
    full = plain.replace(
        phase=rng.uniform(-np.pi, np.pi, plain.magnitude.shape),
        known=rng.random(plain.grid.rows) < 0.5, rpm=np.linspace(0, 6000, plain.grid.length),
        channels=("links", "rechts ö"),
    )  # fmt: skip
    for spec in (plain, full):
        path = tmp_path / f"m{suffix}"
        write_map(path, spec, overwrite=True)
        back = read_map(path)
        assert back.grid == spec.grid and back.channels == spec.channels
        for key in ("magnitude", "phase", "known", "rpm"):
            old, new = getattr(spec, key), getattr(back, key)
            assert (old is None) == (new is None)
            if old is not None:
                assert old.dtype == new.dtype
                np.testing.assert_array_equal(old, new)


def test_maps_and_signals_are_distinguished(tmp_path):
    for suffix in (".npz", ".h5"):
        write_map(tmp_path / f"m{suffix}", make_map())
        write(tmp_path / f"s{suffix}", full_signal())
        assert is_map(tmp_path / f"m{suffix}") and not is_map(tmp_path / f"s{suffix}")
        with pytest.raises(SpecsrError, match="holds a map.*read_map"):
            read(tmp_path / f"m{suffix}")
        with pytest.raises(SpecsrError, match="expected a map"):
            read_map(tmp_path / f"s{suffix}")
    assert not is_map("anything.wav")
    np.savez(tmp_path / "f.npz", db=np.zeros((2, 2)), freqs=[0, 1], times=[0, 1])
    np.savez(tmp_path / "o.npz", x=np.zeros(3))
    assert is_map(tmp_path / "f.npz") and not is_map(tmp_path / "o.npz")
    with pytest.raises(SpecsrError, match="no such file"):
        is_map(tmp_path / "none.npz")


def rename_entry(path, old, new):
    """Give an entry of a map file another name."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            fields = {new if key == old else key: file[key] for key in file}
        np.savez(path, **fields)
    elif path.suffix == ".mat":
        fields = scipy.io.loadmat(path)
        fields = {new if k == old else k: v for k, v in fields.items() if k[:2] != "__"}
        scipy.io.savemat(path, fields)
    else:
        with h5py.File(path, "r+") as file:
            file.move(old, new)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", [".npz", ".h5", ".mat"])
def test_std_db_of_version_0_1_0_is_read_as_uncertainty_db(tmp_path, suffix, channels):
    spec = make_map(channels=channels)
    uncertainty = np.random.default_rng(3).random(spec.magnitude.shape).astype(np.float32)
    spec = spec.replace(uncertainty_db=uncertainty)
    path = tmp_path / f"m{suffix}"
    write_map(path, spec)
    rename_entry(path, "uncertainty_db", "std_db")
    back = read_map(path)
    assert back.grid == spec.grid and back.uncertainty_db.dtype == np.float32
    np.testing.assert_array_equal(back.uncertainty_db, uncertainty)
    np.testing.assert_array_equal(back.magnitude, spec.magnitude)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"grid": "{"}, "grid is damaged"),
        ({"grid": "[]"}, "grid is damaged"),
        ({"grid": "{}"}, "grid has no hop_length, length, n_fft, rate"),
        ({"magnitude": np.zeros((2, 3, 4))}, "its grid expects"),
        ({"version": 2}, "update specsr"),
        ({"phase": np.zeros(3)}, "phase has shape"),
        ({"rpm": np.zeros(3)}, "rpm has shape"),
        ({"channels": '["one"]'}, "1 channel names for 2"),
        ({"channels": "one"}, "channels is damaged"),
        ({"magnitude": None}, "the map has no magnitude"),
    ],
)
def test_errors_in_maps_are_reported(tmp_path, changes, match):
    write_map(tmp_path / "m.npz", make_map())
    with np.load(tmp_path / "m.npz") as file:
        fields = {k: v for k, v in ({**file} | changes).items() if v is not None}
    np.savez(tmp_path / "m.npz", **fields)
    with pytest.raises(SpecsrError, match=match) as error:
        read_map(tmp_path / "m.npz")
    assert "m.npz" in str(error.value)


@pytest.mark.parametrize("change", [
    {"rate": 0}, {"rate": float("nan")}, {"rate": "48k"}, {"n_fft": 64.5}, {"n_fft": float("inf")},
    {"length": None}, {"hop_length": 0}, {"cell": [1]}, {"cell": ["a", 1]}, {"unit": "psi"},
    {"scaling": "peak"}, {"start": []},
])  # fmt: skip
def test_an_invalid_grid_is_refused(tmp_path, change):
    write_map(tmp_path / "m.npz", make_map())
    with np.load(tmp_path / "m.npz") as file:
        fields = {**file}
    fields["grid"] = json.dumps(json.loads(fields["grid"].item()) | change)
    np.savez(tmp_path / "m.npz", **fields)
    with pytest.raises(SpecsrError, match=next(iter(change))):
        read_map(tmp_path / "m.npz")


# Maps of other programs


def foreign(spec, kind="db", dtype=np.float64, **more):
    """Entries of a map as another program writes them."""
    fields = {
        kind: getattr(spec, kind), "freqs": spec.freqs.astype(dtype),
        "times": spec.times.astype(dtype), "unit": spec.grid.unit,
    }  # fmt: skip
    if spec.grid.cell != (1, 1):
        fields["cell"] = spec.grid.cell
    return fields | more


@FUZZ
@given(
    n_fft=st.sampled_from([32, 104, 256]),
    cell=st.sampled_from([(1, 1), (2, 2), (4, 4), (1, 4), (4, 1), (2, 3)]),
    overlap=st.integers(1, 8),
    columns=st.integers(3, 40),
    rate=st.sampled_from([48000.0, 44100.0, 51200.131, 22050.0]),
    start=st.sampled_from([0.0, 1.5, -0.3]),
    kind=st.sampled_from(["db", "power", "magnitude"]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_the_grid_is_derived_from_the_axes(
    tmp_path, n_fft, cell, overlap, columns, rate, start, kind, dtype
):
    hop = max(1, n_fft // overlap)
    spec = make_map(
        columns * cell[1] * hop, cell, n_fft, hop, rate=rate, start=start, unit="Pa"
    )  # fmt: skip
    np.savez(tmp_path / "f.npz", **foreign(spec, kind, dtype))
    back = read_map(tmp_path / "f.npz")
    expected = replace(
        spec.grid, rate=back.grid.rate, start=back.grid.start, length=back.grid.length
    )
    assert back.grid == expected and back.grid.fine_frames == spec.grid.fine_frames
    assert back.grid.rate == pytest.approx(rate, rel=1e-6)
    assert rate == back.grid.rate or rate % 1
    np.testing.assert_allclose(back.freqs, spec.freqs, rtol=1e-6)
    np.testing.assert_allclose(back.times, spec.times, atol=0.05 * hop / rate * cell[1])
    np.testing.assert_allclose(back.magnitude, spec.magnitude, rtol=1e-4)
    assert back.known is None


def test_a_map_without_its_nyquist_row_gets_an_estimate(tmp_path):
    spec = make_map(channels=1)
    fields = foreign(spec, "magnitude", freqs=spec.freqs[:-1], magnitude=spec.magnitude[0, :-1])
    for rate in ({}, {"rate": 48000.0}):
        np.savez(tmp_path / "f.npz", **(fields | rate))
        back = read_map(tmp_path / "f.npz")
        assert (back.grid.n_fft, back.grid.rate, back.grid.hop_length) == (64, 48000, 17)
        assert back.known.tolist() == [True] * 32 + [False]
        np.testing.assert_array_equal(back.magnitude[:, :-1], spec.magnitude[:, :-1])
    # 2 * 31 rows of 750 Hz: the rate shows that the even number of rows ends at Nyquist
    fields |= {"rate": 46500.0, "times": spec.times * 48000 / 46500}
    np.savez(tmp_path / "f.npz", **fields)
    assert read_map(tmp_path / "f.npz").grid.n_fft == 62


def test_rows_at_the_middle_of_their_range_are_pooled_cells(tmp_path):
    spec = make_map(cell=(4, 4))
    middles = (np.arange(spec.grid.rows) + 0.5) * spec.grid.df  # half a fine row above its own
    np.savez(tmp_path / "f.npz", **foreign(spec, freqs=middles))
    back = read_map(tmp_path / "f.npz").grid
    assert (back.n_fft, back.cell, back.rate) == (64, (4, 4), 48000)


def test_a_scipy_spectrogram_is_read_with_its_level(tmp_path):
    from scipy.signal import spectrogram

    rate, t = 48000, np.arange(48000) / 48000
    wave_form = np.sqrt(2) * np.sin(2 * np.pi * 1500 * t)  # 1 Pa rms
    freqs, times, power = spectrogram(
        wave_form, rate, "hann", 1024, 768, detrend=False, scaling="spectrum"
    )
    np.savez(tmp_path / "f.npz", power=power, freqs=freqs, times=times, unit="Pa")
    spec = read_map(tmp_path / "f.npz")
    assert (spec.grid.rate, spec.grid.n_fft, spec.grid.hop_length) == (48000, 1024, 256)
    np.testing.assert_allclose(spec.times[[0, -1]], times[[0, -1]])
    np.testing.assert_allclose(spec.db[0, 32], 93.979, atol=0.01)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"freqs": np.geomspace(10, 1000, 33)}, "freqs is not uniform"),
        ({"freqs": np.arange(33)[::-1]}, "freqs does not increase"),
        ({"freqs": np.arange(33) * 750.0 + 300}, "first row is at 300 Hz.*cell"),
        ({"freqs": np.arange(33) * 750.0 + 375}, "first row is at 375 Hz.*cell"),
        ({"freqs": np.full(33, np.nan)}, "not finite"),
        ({"times": np.arange(178) ** 1.1}, "times is not uniform"),
        ({"times": np.zeros(178)}, "times does not increase"),
        ({"times": np.arange(177)}, "has shape.*transpose"),
        ({"times": np.arange(178) * 17.4 / 48000}, r"17\.4 samples at 48000 Hz.*integer"),
        ({"times": np.arange(178.0)}, "hop_length is 48000"),
        ({"rate": 44100.0}, "rate is 44100 Hz"),
        ({"rate": "fast"}, "rate is 'fast'"),
        ({"unit": "psi"}, "unknown unit"),
        ({"cell": (2, 2)}, "first row is at 0 Hz.*cell is"),
        ({"cell": (0, 2)}, "cell is"),
        ({"cell": 3}, "cell is 3"),
        ({"db": np.full((33, 178), np.nan)}, "the map holds nan"),
        ({"db": np.full((33, 178), 1e5)}, "the map holds inf"),
        ({"db": np.array("loud")}, "db is of type"),
        ({"db": np.zeros((1, 1, 33, 178))}, "db has shape"),
    ],
)
def test_axes_that_fit_no_grid_are_refused_with_the_reason(tmp_path, change, match):
    np.savez(tmp_path / "f.npz", **(foreign(make_map()) | change))
    with pytest.raises(SpecsrError, match=match) as error:
        read_map(tmp_path / "f.npz")
    assert "f.npz" in str(error.value)


def test_power_below_zero_is_refused_as_decibels(tmp_path):
    spec = make_map()
    np.savez(tmp_path / "f.npz", power=-spec.power, freqs=spec.freqs, times=spec.times)
    with pytest.raises(SpecsrError, match="levels in dB belong in db"):
        read_map(tmp_path / "f.npz")


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".mat"])
def test_a_map_keeps_the_confidence_and_source_of_its_speed(tmp_path, suffix):
    spec = make_map(channels=1)
    confidence = np.linspace(0, 1, spec.grid.frames, dtype=np.float32)
    rpm = np.full(spec.grid.length, 600.0)
    spec = spec.replace(rpm=rpm, rpm_confidence=confidence, rpm_source="found")
    write_map(tmp_path / f"map{suffix}", spec)
    back = read_map(tmp_path / f"map{suffix}")
    np.testing.assert_array_equal(back.rpm_confidence, confidence)
    assert back.rpm_source == "found"
    plain = spec.replace(rpm_confidence=None, rpm_source=None)
    write_map(tmp_path / f"plain{suffix}", plain)
    back = read_map(tmp_path / f"plain{suffix}")
    assert back.rpm_confidence is None and back.rpm_source is None


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".h5", ".mat"])
def test_an_uncertainty_that_a_format_does_not_hold_is_named(tmp_path, caplog, suffix):
    both = make_map()
    spec = replace(both, magnitude=both.magnitude[:1], phase=None, channels=both.channels[:1])
    spec = replace(spec, uncertainty_db=np.ones_like(spec.magnitude))
    write_map(tmp_path / f"m{suffix}", spec)
    assert ("the uncertainty is left out" in caplog.text) == (suffix == ".csv")
    kept = read_map(tmp_path / f"m{suffix}").uncertainty_db
    assert (kept is None) == (suffix == ".csv")
