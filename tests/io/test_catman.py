"""Files of catman: values of every format, rates, clocks, damage."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, read_channels
from support.measured_files import Row, catman_file

TIMES = np.arange(500) / 2000
SINE = 0.8 * np.sin(2 * np.pi * 50 * TIMES)
CLOCK = Row("Time  1 - default sample rate", "s", TIMES)


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
