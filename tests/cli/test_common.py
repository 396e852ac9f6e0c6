"""Options of every command, ``-v`` and ``--json``, and what figures name."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer

import specsr
from specsr.cli.app import app
from specsr.cli.document import Document, json_value
from support.command import run

RATE = 8000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, RATE))
    path = tmp_path / "run.wav"
    signal = specsr.Signal(samples, RATE, "V", ("left", "right"), rpm=np.full(RATE, 1200.0))
    specsr.write(path, signal)
    return path


def document(text: str) -> dict:
    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def test_every_command_has_the_common_options() -> None:
    root = typer.main.get_command(app)
    groups = {name: each for name, each in root.commands.items() if hasattr(each, "commands")}
    commands = {n: each for n, each in root.commands.items() if n not in groups}
    for group in groups.values():
        assert any("-v" in p.opts for p in group.params)
        commands |= group.commands
    for name, command in commands.items():
        names = {option for p in command.params for option in p.opts}
        assert {"-v", "--verbose"} <= names, name
        assert "--json" in names or name == "app", name


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [([], [], logging.WARNING), (["-v"], [], logging.INFO), ([], ["-v"], logging.INFO),
     (["-v"], ["-v"], logging.DEBUG), ([], ["-vv"], logging.DEBUG)],
)  # fmt: skip
def test_verbose_is_taken_anywhere(capsys, before, after, level) -> None:
    assert run(capsys, *before, "models", *after)[0] == 0
    assert logging.getLogger().level == level


def test_an_error_is_in_the_document_too(tmp_path, recording, capsys) -> None:
    code, out, err = run(capsys, "levels", tmp_path / "none.wav", "--json")
    found = document(out)
    assert code == 1 and err.startswith("error: ") and err.count("\n") == 1
    assert found["errors"] == [err.removeprefix("error: ").strip()] and found["result"] == {}
    out_file = tmp_path / "a.npz"
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    code, out, err = run(
        capsys, "spectrogram", recording, bad, "-o", tmp_path / "maps", "--json"
    )  # fmt: skip
    found = document(out)
    assert code == 1 and [bool(f["error"]) for f in found["result"]["files"]].count(True) == 1
    assert len(found["outputs"]) == 1 and Path(found["outputs"][0]).is_file()
    assert not out_file.exists() and len(found["errors"]) == 2  # the file and the sum of them
    code, out, err = run(capsys, "levels", "--json", "--no-such-option")
    assert code == 2 and out == "" and "no-such-option" in err


def test_without_the_option_nothing_of_it_is_printed(recording, capsys) -> None:
    _, out, _ = run(capsys, "levels", recording)
    assert "schema" not in out and "| quantity" in out


def test_values_are_those_of_json() -> None:
    value = {2.0: np.array([1.5, np.nan]), "a": (np.float32(0.5), Path("b"), float("-inf"), None)}
    assert json_value(value) == {"2": [1.5, None], "a": [0.5, "b", None, None]}
    assert document(Document("x", result={"y": np.inf}).text())["result"] == {"y": None}


def test_third_octaves_are_printed_with_a_weighting_and_equal_those_of_the_document(
    recording, capsys
) -> None:
    code, out, _ = run(capsys, "levels", recording, "--weighting", "A")
    assert code == 0 and "third octave, Hz (dB re 1 V, A)" in out
    rows = [line.strip("| ").split("|") for line in out.splitlines() if "|" in line]
    printed = {float(r[0]): float(r[1]) for r in rows if r[0].strip().replace(".", "").isdigit()}
    result = document(run(capsys, "levels", recording, "--weighting", "A", "--json")[1])["result"]
    bands = result["third_octaves"]
    wanted = dict(zip(bands["nominal"], bands["levels"][0]))
    assert printed == pytest.approx({f: wanted[f] for f in printed}, abs=0.0051)
    assert result["weighting"] == "A" and len(printed) >= 20
    plain = document(run(capsys, "levels", recording, "--json")[1])["result"]
    library = specsr.third_octave_levels(specsr.read(recording))
    assert plain["weighting"] == "Z"
    np.testing.assert_allclose(plain["third_octaves"]["levels"], library.levels, rtol=1e-12)
    assert "third octave" not in run(capsys, "levels", recording)[1]


def test_maps_that_differ_by_a_column_are_evaluated_with_a_note(tmp_path, recording, capsys):
    signal = specsr.read(recording)
    for name, length in (("a", RATE), ("b", RATE - 512)):
        specsr.write_map(tmp_path / f"{name}.npz", specsr.spectrogram(signal.cut(0, length)))
    code, out, err = run(capsys, "evaluate", tmp_path / "a.npz", tmp_path / "b.npz")
    assert code == 0 and "compared: the first 16 columns of both, the longer one has 17" in err
    assert "overall level error" in out


def test_a_steady_speed_is_cut_over_time(tmp_path, recording, capsys) -> None:
    code, out, err = run(
        capsys, "orders", recording, "--cut", "2", "-o", tmp_path / "a.png", "--json"
    )
    assert code == 0, err
    [cut] = document(out)["result"]["cuts"]
    assert len(cut["times"]) == len(cut["levels"][0]) > 3
    assert cut["rpm"] == pytest.approx([1200] * len(cut["rpm"]), abs=0.5)


@pytest.mark.parametrize("segment", [30, 0.1])
def test_figures_of_several_channels_name_the_one_they_show(
    tmp_path, recording, capsys, monkeypatch, segment
) -> None:
    from specsr.plots.maps import plot_map

    titles = []

    def draw(spec, **options):
        titles.append(options["title"])
        return plot_map(spec, **options)

    monkeypatch.setattr("specsr.plots.maps.plot_map", draw)
    code, _, err = run(
        capsys, "spectrogram", recording, "-o", tmp_path / "a.png", "--segment", segment
    )
    assert code == 0 and titles == ["run, left"], err


def test_a_shell_completes_the_values_of_an_option() -> None:
    code = "import sys; sys.argv = ['specsr']; from specsr.cli.app import main; main()"
    asked = {"_SPECSR_COMPLETE": "complete_bash", "COMP_WORDS": "specsr orders --x "}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=os.environ | asked | {"COMP_CWORD": "3"},
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, ["time", "rpm"]), done.stderr
