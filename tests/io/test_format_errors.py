"""Measurement files that cannot be read: the message gives the reason."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import WRITERS, check_output, isolated, read, write
from support.format_samples import same, signal


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    extras = {
        ".tdms": "tdms", ".uff": "uff", ".mf4": "mdf", ".dxd": "dewesoft", ".d7d": "dewesoft",
        ".dxz": "dewesoft", ".raw": "imc", ".dat": "imc",
    }  # fmt: skip
    for suffix, extra in extras.items():
        path = tmp_path / f"a{suffix}"
        start = {"imc": b"|CF,2,1,1;", "dewesoft": b"MULTI_STREAM_FILE"}
        path.write_bytes(start.get(extra, b"x" * 100))
        with pytest.raises(
            SpecsrError, match=rf"{suffix} files .*need .*pip install 'specsr\[{extra}\]'"
        ):
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
        "a scaling of type Mystery": {
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


def test_artemis_files_are_refused_with_the_formats_to_export(tmp_path):
    (tmp_path / "a.hdf").write_bytes(b"HEAD acoustics" * 100)
    with pytest.raises(SpecsrError, match="ArtemiS.*export it from.*HDF5, WAV, UFF or MAT"):
        read(tmp_path / "a.hdf")
    write(tmp_path / "b.h5", signal())
    (tmp_path / "b.hdf").write_bytes((tmp_path / "b.h5").read_bytes())
    same(read(tmp_path / "b.hdf"), signal())


def test_a_universal_file_shorter_than_its_header_is_refused(tmp_path):
    pytest.importorskip("pyuff")
    write(tmp_path / "a.uff", signal(), subtype="ASCII")
    lines = (tmp_path / "a.uff").read_text().splitlines(keepends=True)
    (tmp_path / "a.uff").write_text("".join(lines[:40] + lines[60:]))
    with pytest.raises(SpecsrError, match="is cut off: its header declares 400 points"):
        read(tmp_path / "a.uff")
    (tmp_path / "a.uff").write_text("".join(lines[:-40]))
    with pytest.raises(SpecsrError, match="is cut off: its last data set has no end"):
        read(tmp_path / "a.uff")


def test_blocks_in_a_circle_are_detected(tmp_path):
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
        monkeypatch.setattr(sys, "executable", str(script))
        monkeypatch.setattr(isolated, "TIME_LIMIT", 3 if "sleep" in body else 60)
        with pytest.raises(SpecsrError, match=rf"a\.mf4.*{match}"):
            read(path)
