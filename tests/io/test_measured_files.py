"""Files of imc, catman and Dewesoft: values, rates, what is left out, damage."""

from __future__ import annotations

import json
import logging
import os
import random
import struct
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


# --- catman -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["f8", "f4", "u2"])
def test_catman_values_of_every_format_are_right(tmp_path: Path, form: str) -> None:
    values, limits, near = SINE.astype(form), None, 1e-7
    clock = Row(CLOCK.name, "s", TIMES.astype(form))
    if form == "u2":
        limits, near = (-1.0, 1.0), 1 / 32767
        values = np.round((SINE + 1) / 2 * 32767).astype("u2")
        counts = np.round(TIMES / 0.25 * 32767).astype("u2")
        clock = Row(CLOCK.name, "s", counts, limits=(0.0, 0.25))
    path = tmp_path / "a.bin"
    catman_file(path, [clock, Row("Kraft", "N", values, limits=limits)], 1 / 2000, texts=3)
    made = read_channels(path)
    [force] = made.channels
    assert (force.rate, force.label, force.start) == (2000, "N", 0)
    np.testing.assert_allclose(force.samples, SINE, atol=near)
    assert made.notes == ("channel remarks is skipped: it holds texts",)


def test_each_rate_of_a_catman_file_has_its_own_clock(tmp_path: Path) -> None:
    slow = np.arange(500) / 50
    rows = [
        CLOCK, Row("Time  2 - slow sample rate", "s", slow),
        Row("MX840 hardware time", "s", 1.6e9 + TIMES), Row("mic", "Pa", SINE),
    ]  # fmt: skip
    assert read(catman_file(tmp_path / "a.bin", rows, 1 / 2000)).rate == 2000
    # without an interval in the file, its first clock counts
    assert read(catman_file(tmp_path / "b.bin", rows)).rate == 2000
    with pytest.raises(SpecsrError, match="2000 Hz by Time  1 .* 1000 Hz|1000 Hz.*2000 Hz"):
        read(catman_file(tmp_path / "c.bin", [CLOCK, rows[3]], 1 / 1000))
    held = np.where(TIMES > 0.1, TIMES + 3, TIMES)
    with pytest.raises(SpecsrError, match="not uniformly sampled"):
        read(catman_file(tmp_path / "d.bin", [Row("Zeit", "s", held), rows[3]], 1 / 2000))


def test_a_clock_of_few_digits_leaves_the_rate_to_the_interval(tmp_path: Path) -> None:
    """Times of 4 bytes after an hour, and of 2 bytes, do not tell the steps at 19.2 kHz."""
    times = np.arange(4000) / 19200
    counts = np.round(times / times[-1] * 32767).astype("u2")
    clocks = (
        Row("Time", "s", (3600 + times).astype("f4")),
        Row("Time", "s", counts, limits=(0.0, float(times[-1]))),
    )
    for number, clock in enumerate(clocks):
        path = tmp_path / f"{number}.bin"
        assert read(catman_file(path, [clock, Row("mic", "Pa", times)], 1 / 19200)).rate == 19200


def test_values_of_an_overflow_become_gaps(tmp_path: Path) -> None:
    values = SINE.copy()
    values[7] = -1e6
    path = catman_file(tmp_path / "a.bin", [CLOCK, Row("mic", "Pa", values)], 1 / 2000)
    made = read_channels(path)
    assert np.flatnonzero(np.isnan(made.channels[0].samples)).tolist() == [7]
    assert "1 of 500 values are -1000000" in made.notes[0]
    with pytest.raises(SpecsrError, match="not finite"):
        read(path)


def test_a_catman_file_that_is_cut_off_or_too_old_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    whole = catman_file(path, [CLOCK, Row("mic", "Pa", SINE)], 1 / 2000).read_bytes()
    for length in range(7, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(SpecsrError, match=r"a\.bin: (is cut off|cannot be read as)"):
            read(path)
    catman_file(path, [CLOCK, Row("mic", "Pa", SINE)], 1 / 2000, version=5010)
    with pytest.raises(SpecsrError, match="version 5010: expected 5012 or later; export it"):
        read(path)


def test_damaged_catman_files_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    whole = catman_file(path, [CLOCK, Row("mic", "Pa", SINE)], 1 / 2000, texts=2).read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 2, 8))):
            data[rng.randrange(900)] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        path.write_bytes(data)
        try:
            read_channels(path)
        except SpecsrError as error:
            assert "a.bin" in str(error) and "\n" not in str(error)


def test_a_catman_file_with_other_bytes_behind_its_values_is_refused(tmp_path: Path) -> None:
    """A wrong length would shift all channels behind it."""
    path = tmp_path / "a.bin"
    rows = [CLOCK, Row("a", "Pa", SINE), Row("b", "Pa", 2 * SINE)]
    whole = catman_file(path, rows, 1 / 2000).read_bytes()
    formats = struct.pack("<h", 4001) + 3 * b"\x04\x00Auto"
    path.write_bytes(whole + formats + bytes(100))
    np.testing.assert_array_equal(read(path).samples[1], 2 * SINE)
    lengths = whole.replace(struct.pack("<hi", 2, 500), struct.pack("<hi", 2, 499))
    for data in (lengths, lengths + formats, whole + b"junk", whole + formats[:-1]):
        path.write_bytes(data)
        with pytest.raises(SpecsrError, match=r"a\.bin: is damaged: its values end at byte \d+"):
            read(path)


def test_channels_with_a_name_of_time_stay_unless_they_are_clocks(tmp_path: Path) -> None:
    rows = [
        CLOCK, Row("reaction time", "", SINE), Row("MX840 hardware time", "s", 1.6e9 + TIMES),
        Row("mic", "", SINE),
    ]  # fmt: skip
    made = read_channels(catman_file(tmp_path / "a.bin", rows, 1 / 2000))
    assert [one.name for one in made.channels] == ["reaction time", "mic"]
    assert made.notes == ("channel MX840 hardware time is skipped: it holds times",)
    rows[0] = Row("Time", "", TIMES)
    made = read_channels(catman_file(tmp_path / "a.bin", rows[:2]))
    assert [(one.name, one.rate) for one in made.channels] == [("reaction time", 2000)]


@pytest.mark.parametrize("step", [1e-300, 1e300])
def test_a_catman_rate_of_no_recording_is_refused(tmp_path: Path, step: float) -> None:
    path = catman_file(tmp_path / "a.bin", [Row("mic", "Pa", SINE)], step)
    with pytest.raises(SpecsrError, match=r"a\.bin: is damaged: channel mic has a rate of 1e"):
        read(path)


def test_catman_limits_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    row = Row("mic", "Pa", np.arange(9, dtype="u2"), limits=(0.0, np.nan))
    with pytest.raises(SpecsrError, match="channel mic has values from 0.0 to nan"):
        read(catman_file(tmp_path / "a.bin", [row], 1 / 2000))


def test_messages_show_the_start_of_a_long_catman_name(tmp_path: Path) -> None:
    path = catman_file(tmp_path / "a.bin", [Row("n" * 20000, "Pa", SINE)], 1 / 2000)
    path.write_bytes(path.read_bytes().replace(struct.pack("<i", 148), struct.pack("<i", -1)))
    with pytest.raises(SpecsrError, match="is damaged: the header of channel 'nnn") as caught:
        read(path)
    assert len(str(caught.value)) < 300


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
