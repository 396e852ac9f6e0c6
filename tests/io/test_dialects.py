"""Tables in the forms in which programs export them, as recordings and as speeds."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, read_channels, read_map
from specsr.nvh.speed import read_rpm
from specsr.signal import Signal
from support.dialects import TABLES, numbers

RATE, LENGTH = 100.0, 400
TIMES = np.arange(LENGTH) / RATE
SINE = np.sin(2 * np.pi * 5 * TIMES)
RPM = 600.0 + 50 * TIMES


@pytest.mark.parametrize("form", TABLES)
def test_a_recording_is_read_from_every_form(tmp_path, form):
    rows = numbers([TIMES, SINE])
    (tmp_path / "a.csv").write_bytes(TABLES[form](["Zeit", "Motor ü"], ["s", "Pa"], rows))
    made = read(tmp_path / "a.csv")
    assert (made.rate, made.unit) == (RATE, "Pa")
    assert made.channels == ("Motorü" if form.startswith("blanks") else "Motor ü",)
    np.testing.assert_array_equal(made.samples[0], np.round(SINE, 6))


@pytest.mark.parametrize("form", TABLES)
def test_a_speed_is_read_from_every_form(tmp_path, form):
    rows = numbers([TIMES, RPM])
    path = tmp_path / "rpm.txt"
    path.write_bytes(TABLES[form](["Zeit", "Drehzahl"], ["s", "1/min"], rows))
    found = read_rpm(path, Signal(SINE, RATE))
    # seconds since 1970 have steps of 2.4e-7 s, and the speed rises by 50 1/min in a second
    np.testing.assert_allclose(found, RPM, rtol=2.4e-7 * 50 / 600 if form == "dates" else 1e-9)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Mikro [Pa]\n0,5\n1,25\n-0,125\n", [0.5, 1.25, -0.125]),
        ("# rate: 10 Hz\n0,05\n0,10\n", [0.05, 0.10]),
        ("Mikro\n0,05\n1,5\n", [0.05, 1.5]),
        ("Mikro\n-0,5\n1,5\n", [-0.5, 1.5]),
    ],
)
def test_one_column_with_decimal_commas_is_one_channel(tmp_path, text, values):
    (tmp_path / "a.csv").write_text(text)
    made = read(tmp_path / "a.csv", rate=None if "rate" in text else 10)
    assert made.samples.tolist() == [values] and made.rate == 10


def test_two_columns_of_whole_numbers_stay_two(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,5\n2,25\n")
    assert read(tmp_path / "a.csv", rate=10).samples.tolist() == [[1, 2], [5, 25]]
    (tmp_path / "b.csv").write_text("Mikro\n1,5\n2,25\n")
    with pytest.raises(SpecsrError, match="one column with decimal commas or two columns"):
        read(tmp_path / "b.csv", rate=10)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a;b\n0,5;1\n1.5;2\n", "line 3 is '1.5;2': expected decimal commas or decimal points"),
        ("time [tick],mic\n0,1\n1,2\n", "unit 'tick', which is unknown"),
        ("angle [deg],mic [Pa]\n0,1\n0.5,2\n1,3\n", "sampled over angle"),
        ("freq [Hz],p [Pa]\n0,1\n0.5,2\n1,3\n", "holds a spectrum"),
        ("index,mic [Pa]\n0,1\n1,2\n2,3\n", "counts samples"),
        (",mic [Pa]\n0,1\n1,2\n2,3\n", "counts samples"),
        ("Spalte1,mic [Pa]\n0,1\n0.01,2\n0.02,3\n", "Spalte1 increases evenly"),
        ("# rate: 1000\ntime [s],mic\n0,1\n0.01,2\n", "1000 Hz by the comment rate and 100 Hz"),
    ],
)
def test_tables_with_an_open_question_are_asked_about(tmp_path, text, match):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(SpecsrError, match=match) as error:
        read(tmp_path / "a.csv")
    assert str(error.value).startswith(str(tmp_path / "a.csv")) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["x", "X", "t", "Weg"])
def test_a_channel_of_a_short_name_is_no_time_axis(tmp_path, name):
    """Axes of an accelerometer, a torque."""
    rows = "".join(f"{0.3 * (-1) ** i:g},{i * 0.1:g}\n" for i in range(9))
    (tmp_path / "a.csv").write_text(f"# rate: 1000\n{name} [m/s2],y [m/s2]\n{rows}")
    assert read(tmp_path / "a.csv").channels == (name, "y")
    (tmp_path / "b.csv").write_text(f"# rate: 1000\n{name},y\n{rows}")
    assert read(tmp_path / "b.csv").channels == (name, "y")


def test_several_columns_of_times(tmp_path):
    (tmp_path / "a.csv").write_text(
        "Time,a [Pa],Time 2,b [Pa]\n0,1,0,2\n.01,3,.01,4\n.02,1,.02,5\n"
    )
    assert read(tmp_path / "a.csv").channels == ("a", "b")
    (tmp_path / "b.csv").write_text("Time,a [Pa],Time 2,b [Pa]\n0,1,0,2\n.01,3,.1,4\n.02,1,.2,5\n")
    with pytest.raises(SpecsrError, match=r"several columns of times \(Time, Time 2\) that differ"):
        read(tmp_path / "b.csv")


def test_a_comment_with_a_typing_error_is_named(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("# unti: Pa\n# rate: 100\nmic\n1\n2\n")
    with caplog.at_level(logging.WARNING):
        read(tmp_path / "a.csv")
    assert "comment 'unti' is ignored: did you mean 'unit'?" in caplog.text
    for key, known in (("value", "values"), ("scalling", "scaling"), ("weigthing", "weighting")):
        stated = "" if key == "value" else ", values: db"
        (tmp_path / "m.csv").write_text(f"# unit: Pa, {key}: x{stated}\nf/t,0,1\n0,1,2\n1,1,2\n")
        with pytest.raises(
            SpecsrError, match=f"comment '{key}' is unknown: did you mean '{known}'"
        ):
            read_map(tmp_path / "m.csv")


def test_times_without_a_unit_at_a_low_rate_are_noted(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("time,mic\n" + "".join(f"{i},{i % 3}\n" for i in range(9)))
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path / "a.csv").rate == 1
    assert "its times have no unit and are read in s: 1 Hz" in caplog.text


# Maps


def _map(corner: str, rows: list[float], columns: list[float], values: np.ndarray) -> str:
    lines = [",".join([corner, *(f"{c:.12g}" for c in columns)])]
    lines += [",".join([f"{r:.12g}", *(f"{v:.9g}" for v in row)]) for r, row in zip(rows, values)]
    return "# unit: Pa, values: magnitude\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("corner", "down", "across", "turned"),
    [
        ("freq [Hz] \\ time [s]", 1, 1, False), ("f/t", 1, 1, False), ("", 1, 1, False),
        ("freq [kHz] \\ time [ms]", 1e3, 1e-3, False), ("Hz \\ ms", 1, 1e-3, False),
        ("Frequenz / kHz", 1e3, 1, False), ("time [s] \\ freq [Hz]", 1, 1, True),
        ("t/f", 1, 1, True), ("Zeit [ms]", 1e-3, 1, True),
        ("time [ms] | freq [kHz]", 1e-3, 1e3, True),
    ],
)  # fmt: skip
def test_the_axes_of_a_map_are_those_of_its_corner(tmp_path, corner, down, across, turned):
    freqs, times = np.arange(5) * 100.0, np.arange(4) * 0.005
    values = np.arange(20.0).reshape(5, 4) + 1
    if turned:
        text = _map(corner, list(times / down), list(freqs / across), values.T)
    else:
        text = _map(corner, list(freqs / down), list(times / across), values)
    (tmp_path / "m.csv").write_text(text)
    made = read_map(tmp_path / "m.csv")
    np.testing.assert_allclose(made.freqs, freqs)
    np.testing.assert_allclose(made.times, times)
    np.testing.assert_allclose(made.magnitude[0], values, rtol=1e-6)


@pytest.mark.parametrize(
    ("corner", "match"),
    [
        ("order \\ time [s]", "over order"), ("freq [Hz] \\ rpm", "over speed"),
        ("freq [tick] \\ time [s]", "unit 'tick', which is unknown"),
        ("freq [Hz] \\ freq [Hz]", "expected a frequency and a time"),
    ],
)  # fmt: skip
def test_maps_over_other_axes_are_refused(tmp_path, corner, match):
    (tmp_path / "m.csv").write_text(_map(corner, [0, 1, 2], [0, 1, 2], np.ones((3, 3))))
    with pytest.raises(SpecsrError, match=match):
        read_map(tmp_path / "m.csv")


def test_a_map_with_weighted_levels_or_without_its_kind_is_refused(tmp_path):
    text = _map("f/t", [0, 1, 2], [0, 1, 2], np.ones((3, 3)))
    for head, match in (
        ("# unit: Pa, values: db, weighting: A", "A-weighted"),
        ("# unit: Pa", "does not state its values"),
    ):
        (tmp_path / "m.csv").write_text(text.replace("# unit: Pa, values: magnitude", head))
        with pytest.raises(SpecsrError, match=match):
            read_map(tmp_path / "m.csv")
    text = text.replace("# unit: Pa, values: magnitude", "# unit: mPa, values: magnitude")
    (tmp_path / "m.csv").write_text(text)
    np.testing.assert_allclose(read_map(tmp_path / "m.csv").magnitude, 1e-3, rtol=1e-6)


# Speeds


def _speed(tmp_path, text: str, length: int = 400):
    (tmp_path / "rpm.csv").write_text(text)
    return read_rpm(tmp_path / "rpm.csv", Signal(np.ones(length), RATE))


@pytest.mark.parametrize(
    "text",
    [
        "rpm [1/min],time [s]\n600,0\n800,4\n",
        "time [s],torque [Nm],speed [rpm]\n0,10,600\n4,20,800\n",
        "time [ms];n [1/s]\n0;10\n4000;13,333333333333\n",
        "n [U/min];t [min]\n600;0\n800;0,0666666666667\n",
        "Drehzahl;Zeit\n600;0\n800;4\n",
    ],
)
def test_names_and_units_tell_times_from_speeds(tmp_path, text):
    np.testing.assert_allclose(_speed(tmp_path, text), RPM, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("time [s],speed [km/h]\n0,1\n4,2\n", "unit 'km/h': expected 1/min"),
        ("time [tick],speed [rpm]\n0,1\n4,2\n", "unit 'tick', which is unknown"),
        ("distance [m],speed [rpm]\n0,1\n4,2\n", "is no time"),
        ("time [s],rpm,n [1/min]\n0,1,2\n4,2,3\n", "one column of speeds"),
        ("1200,0\n600,1\n300,2\n", "columns seem swapped"),
        ("600,0\n1200,1\n1800,2\n", "columns seem swapped"),
    ],
)
def test_tables_of_other_quantities_are_refused(tmp_path, text, match):
    with pytest.raises(SpecsrError, match=rf"rpm\.csv: .*{match}"):
        _speed(tmp_path, text)


def test_a_speed_that_ends_early_or_is_negative_is_noted(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        _speed(tmp_path, "0,600\n2,700\n")
        assert "the speed covers 0 to 2 s only, the recording 0 to 3.99 s" in caplog.text
        found = _speed(tmp_path, "0,-600\n4,-800\n")
    assert "negative down to -800" in caplog.text
    np.testing.assert_allclose(found, RPM)


def test_a_note_is_not_made_without_need(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        _speed(tmp_path, "time [s],rpm [1/min]\n0,600\n3.99,799.5\n")
        (tmp_path / "a.csv").write_text("time [s],mic [Pa]\n0,1\n0.01,2\n0.02,1\n")
        read(tmp_path / "a.csv")
    assert not caplog.records
    assert read_channels(tmp_path / "a.csv").notes == ()


def test_a_unit_of_the_table_is_that_of_the_sound(tmp_path):
    (tmp_path / "a.csv").write_text(
        "# unit: Pa\n# start: 2024-05-01 12:00\n# fs [kHz]: 0.1\nmic,rpm\n1,600\n2,700\n"
    )
    made = read(tmp_path / "a.csv")
    assert (made.rate, made.unit, made.channels) == (100, "Pa", ("mic",))
    assert made.rpm.tolist() == [600, 700]
