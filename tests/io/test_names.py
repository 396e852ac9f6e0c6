"""Names of channels in every format: kept as they are, or changed in one stated way."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specsr import io
from specsr.errors import SpecsrError
from specsr.maps.transform import spectrogram
from specsr.names import plain, storable
from specsr.nvh.export import to_xarray
from specsr.signal import Signal

ODD = [
    "", " ", "a\nb", "a\r\n# unit: g", "\n# full_scale: 9", "#x", "% y", "mic [g]", "mic (Pa)",
    "mic [g", "(", "]", '"', 'a"b,c;d\te', "'", " lead", "trail ", "\ufeffbom", "\x1b[31m",
    "=1+1", "'=1", "+1", "-1", "@x", "\t=1", "time", "t", "rpm", "a,=cmd|' /C calc'!A0", "a;=1",
    "NONE", "    -1", "a\\b", "a/b", "日本", "\U0001f600", "é" * 20, "\u2028", "\x85",
    '{"specsr":1}', '{"name":"x"}', "nan", "1.5", "ch1", "$x$", "unit: g", "channels: []",
]  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12),
    st.text(alphabet="[]()#%,;:\"'\n\r\t =+-@a1\\/", max_size=12),
)
LISTS = st.lists(NAMES, min_size=1, max_size=3, unique=True)
CHECKED = settings(
    deadline=None, max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck)
)


def _signal(names: list[str]) -> Signal:
    samples = np.linspace(-1, 1, len(names) * 5).reshape(len(names), 5).astype(np.float32)
    return Signal(samples, 100.0, "Pa", tuple(names), full_scale=2.0, rpm=np.arange(5) * 10.0)


def _read(path: Path, names: tuple[str, ...]) -> Signal:
    """Read all channels, also those that are named like tacho pulses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return io.read(path, channels=list(range(len(names))))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".npz", ".h5", ".mat", ".wav", ".npy", ".tdms"])
@CHECKED
@given(names=LISTS)
def test_names_rate_unit_and_calibration_are_kept(tmp_path, suffix, names):
    pytest.importorskip("nptdms") if suffix == ".tdms" else None
    made = _signal([name for name in names if name != "rpm"] or ["mic"])
    io.write(tmp_path / f"a{suffix}", made, overwrite=True)
    back = _read(tmp_path / f"a{suffix}", made.channels)
    assert back.channels == made.channels
    assert (back.rate, back.unit, back.full_scale) == (100.0, "Pa", 2.0)
    np.testing.assert_array_equal(back.samples, made.samples)
    np.testing.assert_array_equal(back.rpm, made.rpm)


@CHECKED
@given(names=LISTS)
def test_names_in_universal_files_are_kept(tmp_path, names):
    pytest.importorskip("pyuff")
    made = _signal([name for name in names if name != "rpm"] or ["mic"])
    io.write(tmp_path / "a.uff", made, overwrite=True)
    back = _read(tmp_path / "a.uff", made.channels)
    assert (back.channels, back.rate, back.unit, back.full_scale) == (made.channels, 100, "Pa", 2)


def test_a_name_that_is_too_long_for_a_universal_file_is_refused(tmp_path):
    pytest.importorskip("pyuff")
    io.write(tmp_path / "a.uff", _signal(["x" * 140]))
    assert io.read(tmp_path / "a.uff").channels == ("x" * 140,)
    with pytest.raises(SpecsrError, match=r"b\.uff: channel name 'xx.*shorten it, or write \.h5"):
        io.write(tmp_path / "b.uff", _signal(["x" * 200]))
    assert not (tmp_path / "b.uff").exists()


@settings(CHECKED, max_examples=6)
@given(names=LISTS)
def test_mdf_changes_names_in_the_stated_way(tmp_path, caplog, names):
    pytest.importorskip("asammdf")
    stated = [plain(name).strip() or f"ch{i + 1}" for i, name in enumerate(names)]
    if len({*stated, "rpm"}) <= len(stated):
        return
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        io.write(tmp_path / "a.mf4", _signal(names), overwrite=True)
    assert len(caplog.records) == sum(a != b for a, b in zip(stated, names))
    back = _read(tmp_path / "a.mf4", tuple(stated))
    assert (back.channels, back.unit) == (tuple(stated), "Pa")


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".mat", ".csv", ".uff"])
@settings(CHECKED, max_examples=30)
@given(name=NAMES)
def test_names_of_maps_are_kept(tmp_path, suffix, name):
    pytest.importorskip("pyuff") if suffix == ".uff" else None
    signal = Signal(np.sin(np.arange(400.0)), 1000.0, "Pa", (name,))
    made = spectrogram(signal, n_fft=64, hop_length=32)
    assert to_xarray(made).channel.values.tolist() == [name]
    io.write_map(tmp_path / f"a{suffix}", made, overwrite=True)
    back = io.read_map(tmp_path / f"a{suffix}")
    assert back.channels == (name,)
    assert (back.grid.rate, back.grid.unit) == (1000.0, "Pa")


def test_a_table_that_was_edited_has_the_names_of_its_line(tmp_path):
    io.write(tmp_path / "a.csv", _signal(["=1", "b"]))
    text = (tmp_path / "a.csv").read_text()
    assert "'=1 [Pa]" in text and "\\u003d1" in text
    (tmp_path / "b.csv").write_text(text.replace("'=1 [Pa]", "door [Pa]"))
    assert io.read(tmp_path / "b.csv").channels == ("door", "b")


def test_simple_names_need_no_comment(tmp_path):
    io.write(tmp_path / "a.csv", _signal(["Mic left", "seat/x"]))
    assert "channels:" not in (tmp_path / "a.csv").read_text()


def test_equal_names_are_numbered_with_a_note(tmp_path):
    io.write(tmp_path / "a.npz", _signal(["a", "a"]))
    found = io.read_channels(tmp_path / "a.npz")
    assert [c.name for c in found.channels][:2] == ["a", "a (2)"]
    assert found.notes == ("channel name 'a' was changed to 'a (2)'",)


def test_half_a_surrogate_pair_in_a_file_is_replaced_with_a_warning(tmp_path, caplog):
    io.write(tmp_path / "a.wav", _signal(["mic"]))
    side = tmp_path / "a.wav.json"
    side.write_text(side.read_text().replace('"mic"', '"mic\\ud800"'))
    assert io.read(tmp_path / "a.wav").channels == (storable("mic\ud800"),)
    assert r"'mic\ud800' was changed" in caplog.text
