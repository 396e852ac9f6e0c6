"""Tables of numbers: recordings, maps, and plain columns."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, read_channels, read_map
from specsr.io.table import read_columns
from support.format_samples import spectrogram
from support.processor import at_most


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
def test_tables_of_other_programs_are_read(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    back = read(tmp_path / "a.csv")
    assert (back.rate, back.unit, back.channels) == (100, "Pa", ("mic",))
    assert back.samples.tolist() == [[1.5, 2, -3]]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("mic\n1\n2\n", "gives no rate.*--file-rate"),
        ("time,mic\n0,1\n1,2\n5,3\n6,3\n", "not uniformly sampled"),
        ("time,mic\n0,1\n1,x\n", "table of numbers: line 3 is '1,x': expected 2 numbers"),
        ("time,mic\n0,1\n1\n", "table of numbers: line 3 is '1': expected 2 numbers"),
        ("time,mic\n0,1\n0.1,nan\n", "holds nan at sample 1"),
        ("only words\nand more\n", "cannot be read as a table"),
        ("time\n0\n1\n", "no column of samples"),
        ("# rate: fast\nmic\n1\n2\n", "rate is 'fast'"),
        ("time,p [psi]\n0,1\n1,2\n", "unit label 'psi' is unknown"),
    ],
)
def test_errors_in_tables_are_reported(tmp_path, text, match):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(SpecsrError, match=match) as error:
        read(tmp_path / "a.csv")
    assert "a.csv" in str(error.value)


@pytest.mark.parametrize("text", ["# " + "a " * 300_000, "(" * 500_000, "x" * 500_000, "[(" * 9999])
def test_very_long_lines_are_read_quickly(tmp_path, text):
    (tmp_path / "a.csv").write_text(f"{text}\n1\n2\n")
    with at_most(30):
        try:
            read(tmp_path / "a.csv", rate=10)
        except SpecsrError as error:
            assert "a.csv" in str(error)


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
    with pytest.raises(SpecsrError, match="has no unit: add a line"):
        read_map(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0,1\n2,3.5\n", ()),
        ("\n# a note\nt [s];n [1/min]\n0;1\n2;3,5\n", ("t [s]", "n [1/min]")),
        ("time,rpm\ns,1/min\n0,1\n\n2,3.5", ("time [s]", "rpm [1/min]")),
        ('"t","n"\n"0","1"\n"2","3.5"\n', ("t", "n")),
        ('t;n\n"0";"1,0"\n"2,0";"3,5"\n', ("t", "n")),
        ("t\tn\t\n0\t1\t\n2\t3.5\n\t\t\n", ("t", "n")),
        ("t  n\n0  1\n2  3.5\n", ("t", "n")),
    ],
)
def test_columns_of_any_table_are_read(tmp_path, text, names):
    path = tmp_path / "a.txt"
    path.write_text(text)
    found, table = read_columns(path)
    assert found.names == names and table.tolist() == [[0, 1], [2, 3.5]]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("0,1\n2\n", "line 2 is '2': expected 2 numbers"),
        ("0,,1\n2,,3\n", "expected columns of numbers"),
        ('t,n\n"0,5","1"\n', "expected columns of numbers"),
        ("# samples: 3\n0,1\n2,3\n", "declares 3 lines, it holds 2"),
    ],
)
def test_columns_that_do_not_match_are_refused(tmp_path, text, match):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(SpecsrError, match=rf"a\.txt: .*{match}"):
        read_columns(tmp_path / "a.txt")


def test_empty_lines_of_a_recording_are_refused(tmp_path):
    """A line without cells could be a lost sample."""
    (tmp_path / "a.csv").write_text("mic,acc\n1,2\n,\n3,4\n")
    with pytest.raises(SpecsrError, match="line 3"):
        read(tmp_path / "a.csv", rate=10)


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize(
    ("count", "match"),
    [(5000, "has 5000 columns.*transpose"), (600_000, "line of .* char")],
)
def test_samples_across_the_page_are_refused_at_once(tmp_path, names, count, match):
    path = tmp_path / "a.csv"
    title = ",".join(f"c{i}" for i in range(count)) + "\n"
    path.write_text("# rate: 1000\n" + title * names + (",".join(["1"] * count) + "\n") * 2)
    with at_most(20), pytest.raises(SpecsrError, match=match):
        read_channels(path)


def test_a_map_has_as_many_columns_as_its_line_holds(tmp_path):
    path, count = tmp_path / "a.csv", 5000
    rows = [[f"{10 * i}"] + ["1"] * count for i in range(3)]
    lines = [["freq [Hz]", *(f"{0.1 * i:.1f}" for i in range(count))], *rows]
    path.write_text("# unit: Pa, values: power\n" + "\n".join(map(",".join, lines)) + "\n")
    assert read_map(path).magnitude.shape == (1, 3, count)
