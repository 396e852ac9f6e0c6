"""Files of imc and Dewesoft: values, rates, what is left out, damage."""

from __future__ import annotations

import json
import logging
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import READERS, find_inputs, read, read_channels
from support.measured_files import DEWESOFT_TWIN, Axis, Row, catman_file, imc_file

REAL = "SPECSR_REAL_FILES"
"""Environment variable: a folder with real files, such as those of the libraries' sources."""

TIMES = np.arange(500) / 2000
SINE = 0.8 * np.sin(2 * np.pi * 50 * TIMES)
CLOCK = Row("Time  1 - default sample rate", "s", TIMES)


# --- imc --------------------------------------------------------------------------------------


def test_imc_channels_keep_their_digits_scale_start_and_speed(tmp_path: Path) -> None:
    pytest.importorskip("imctermite")
    tiny = (1e-9 * SINE).astype("f4")
    counts = np.round(SINE * 20000).astype("i2")
    path = imc_file(
        tmp_path / "a.raw",
        [Row("tiny", "Pa", tiny), Row("acc", "g", counts, 0.5e-4, 0.25),
         Row("Drehzahl", "1/min", np.linspace(900.0, 1100.0, 500))],
        Axis(1 / 51200, "s", 2.5),
    )  # fmt: skip
    small, scaled, speed = read_channels(path).channels
    assert small.samples.dtype == np.float32
    np.testing.assert_array_equal(small.samples, tiny)
    np.testing.assert_allclose(scaled.samples, counts * 0.5e-4 + 0.25, rtol=1e-12)
    assert speed.kind == "speed" and speed.rate == small.rate == 51200 and small.start == 2.5
    made = read(path, channels=["acc", "Drehzahl"])
    assert (made.unit, made.start) == ("g", 2.5)
    np.testing.assert_allclose(made.rpm, np.linspace(900, 1100, 500), rtol=1e-12)


def test_an_imc_channel_over_another_one_is_asked_about(tmp_path: Path) -> None:
    pytest.importorskip("imctermite")
    over = Row("way", "mm", np.arange(500.0))
    path = imc_file(tmp_path / "a.dat", [Row("force", "N", SINE)], Axis(1.0, ""), over)
    with pytest.raises(SpecsrError, match=r"a\.dat: channel force: .*over another channel"):
        read(path)


def test_an_imc_file_that_is_cut_off_or_changed_in_its_lengths_is_refused(tmp_path: Path) -> None:
    whole = imc_file(tmp_path / "a.raw", [Row("mic", "Pa", SINE)], Axis(1e-3)).read_bytes()
    for length in (len(whole) - 1, len(whole) - 900, 200, 30, 12):
        (tmp_path / "a.raw").write_bytes(whole[:length])
        with pytest.raises(SpecsrError, match=r"a\.raw: is (cut off|damaged)"):
            read(tmp_path / "a.raw")
    for old, new in ((b"|CS,1,4002", b"|CS,1,4003"), (b"|CN,1,", b"|CN,2,9"), (b"|NT", b"xNT")):
        (tmp_path / "a.raw").write_bytes(whole.replace(old, new))
        assert old in whole
        with pytest.raises(SpecsrError, match=r"a\.raw: is (cut off|damaged)"):
            read(tmp_path / "a.raw")


# --- Dewesoft ---------------------------------------------------------------------------------


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a module with the interface of dwdatareader, first on the path of processes."""
    folder = tmp_path / "twin"
    folder.mkdir()
    (folder / "dwdatareader.py").write_text(DEWESOFT_TWIN)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def _dewesoft(**channels: dict) -> bytes:
    return b"MULTI_STREAM_FILE_VER0210" + json.dumps(channels).encode()


def test_dewesoft_channels_have_their_rate_or_their_times(tmp_path: Path, twin: Path) -> None:
    at = [0.0, 0.1, 0.35, 0.4]
    gap = [0.02, 0.021, 0.022, 0.5, 0.501]
    data = _dewesoft(
        mic={"unit": "Pa", "rate": 5000, "start": 0.02, "values": [0.1, -0.2, 0.3]},
        slow={"unit": "m/s2", "rate": 50, "values": [1, 2, 3], "type": "dtSingle"},
        rpm={"unit": "rpm", "values": [900, 910, 930, 940], "times": at},
        triggered={"unit": "Pa", "rate": 1000, "values": [1, 2, 3, 4, 5], "times": gap},
        spectrum={"array": 64, "values": [1.0]}, note={"type": "dtText", "values": [1]},
        constant={"kind": "DW_CH_TYPE_SV", "values": [4.5]}, none={"values": []},
        can={"values": [1, 2], "fails": "not supported on CAN channel"},
    )  # fmt: skip
    (tmp_path / "a.dxd").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.dxz", "w") as archive:
        archive.writestr("../../a.dxd", data)
        archive.writestr("a.xml", "<more/>")
    for name in ("a.dxd", "a.dxz"):
        made = read_channels(tmp_path / name)
        mic, slow, rpm, triggered = made.channels
        assert (mic.rate, mic.start, mic.label) == (5000, 0.02, "Pa")
        np.testing.assert_array_equal(mic.samples, [0.1, -0.2, 0.3])
        assert slow.samples.dtype == np.float32 and slow.rate == 50
        assert rpm.kind == "speed" and rpm.times is not None and rpm.times.tolist() == at
        assert triggered.rate is None and triggered.times is not None
        text = "; ".join(made.notes)
        for left in ("spectrum", "note", "constant", "can (not supported on CAN channel)"):
            assert left in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dxd", "a.dxz", "twin"]


def test_dewesoft_files_of_other_content_and_systems_are_refused(
    tmp_path: Path, twin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.d7d").write_bytes(b"other")
    with pytest.raises(SpecsrError, match="no Dewesoft header"):
        read(tmp_path / "a.d7d")
    with zipfile.ZipFile(tmp_path / "a.d7z", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.d7d", b"\0" * 20_000_000)
    monkeypatch.setenv("SPECSR_MAX_MEMORY", "10M")
    with pytest.raises(SpecsrError, match="the unpacked recording needs 20 MB"):
        read(tmp_path / "a.d7z")
    monkeypatch.setenv("SPECSR_MAX_MEMORY", "1G")
    with zipfile.ZipFile(tmp_path / "a.d7z", "a") as archive:
        archive.writestr("b.dxd", b"")
    with pytest.raises(SpecsrError, match="archive of 2 Dewesoft files"):
        read(tmp_path / "a.d7z")
    (tmp_path / "a.d7d").write_bytes(_dewesoft(mic={"values": [1.0], "repeat": 10**9}))
    with pytest.raises(SpecsrError, match="more memory as Dewesoft than the limit of 1.07 GB"):
        read(tmp_path / "a.d7d")
    (tmp_path / "a.d7d").write_bytes(_dewesoft()[:-1])
    with pytest.raises(SpecsrError, match=r"read as Dewesoft \(ValueError: .* is corrupt\)"):
        read(tmp_path / "a.d7d")
    (twin / "dwdatareader.py").write_text("raise NotImplementedError('Unsupported platform')")
    (tmp_path / "a.d7d").write_bytes(_dewesoft())
    with pytest.raises(SpecsrError, match="does not load .*Unsupported platform.*another system"):
        read(tmp_path / "a.d7d")


# --- all --------------------------------------------------------------------------------------


def test_folders_list_files_of_shared_suffixes_only_if_they_are_read(tmp_path: Path) -> None:
    row = [Row("mic", "Pa", SINE)]
    good = {
        imc_file(tmp_path / "a.raw", row, Axis(1e-3)),
        imc_file(tmp_path / "a.dat", row, Axis(1e-3)),
        catman_file(tmp_path / "a.bin", [CLOCK, *row], 1 / 2000),
    }
    for name in ("b.raw", "b.dat", "b.bin", "c.bin"):
        (tmp_path / name).write_bytes(b"something else" * (name != "c.bin"))
    assert set(find_inputs(tmp_path)) == good
    assert find_inputs(tmp_path / "b.dat") == [tmp_path / "b.dat"]  # named by hand: refused later


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} names no folder of real files")
def test_real_files_are_read_or_refused_with_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    known = {
        "Example_Drive01.d7d": ("GPSvel", 100, 89.2578125),
        "data_01.dxd": ("U_weight1", 500, 4958.699346),
        "sampleB.raw": ("VehicleSpeed_HS", 50, 5.94),
        "datasetA_1.raw": ("ACC_long", 200, 0.0100293),
        "8byteJob1_2022_04_12_13_31_23.bin": ("U10M 500kN", 300, -1.74952924),
        "Example_Catman_Data.bin": ("TE037", 20, 0.8533333),
    }  # fmt: skip
    paths = [path for path in Path(os.environ[REAL]).rglob("*") if path.suffix.lower() in READERS]
    assert paths
    with caplog.at_level(logging.WARNING):
        for path in paths:
            try:
                channels = read_channels(path).channels
            except SpecsrError as error:
                assert path.name not in known, error
                continue
            if path.name in known:
                name, rate, first = known[path.name]
                [one] = [channel for channel in channels if channel.name == name]
                assert one.rate == rate
                np.testing.assert_allclose(one.samples[0] * one.factor, first, rtol=1e-5)
