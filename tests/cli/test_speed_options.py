"""Speed on the command line: the same sources, meaning and refusals on every command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import specsr
from support.command import run
from support.speed_files import PULSES, RUN, write_speed_files

SPEED_COMMANDS = ("upscale", "denoise", "orders", "report")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of `write_speed_files`."""
    folder = tmp_path_factory.mktemp("speed")
    write_speed_files(folder)
    return folder


def speed_arguments(source: str, folder: Path) -> list[object]:
    """Return file and options of a recording whose speed comes from a source."""
    three = folder / "three.wav"
    return {
        "table": [folder / "plain.wav", "--rpm", folder / "rpm.csv"],
        "channel": [three, "--rpm-channel", "n", "--rpm-scale", 6000],
        "tacho": [three, "--tacho-channel", 2, "--pulses", PULSES, "--tacho-threshold", 0.2],
    }[source]


def command_arguments(command: str, out: Path) -> list[object]:
    """Return further options with which a command makes use of the speed of a recording."""
    return {
        "upscale": ["--pair", "pool", "-o", out / "map.npz"],
        "denoise": ["--orders", "-o", out / "orders.npz"],
        "orders": ["-o", out / "cuts.csv"],
        "report": ["--orders", "2", "-o", out / "report.html", "--audio-seconds", 0],
    }[command]


@pytest.mark.parametrize("source", ["table", "channel", "tacho"])
@pytest.mark.parametrize("command", SPEED_COMMANDS)
def test_speed_is_read_from_every_source(folder, tmp_path, capsys, command, source) -> None:
    if command == "report":
        pytest.importorskip("bokeh")
    arguments = [*speed_arguments(source, folder), *command_arguments(command, tmp_path)]
    code, _, err = run(capsys, command, *arguments)
    assert code == 0, err
    truth = specsr.synthesise(RUN).rpm
    if command in ("upscale", "denoise"):
        [path] = tmp_path.glob("*.npz")
        found = specsr.read_map(path)
        # a channel that is the source of the speed, or holds tacho pulses, is left out
        assert len(found.channels) == {"table": 1, "channel": 1, "tacho": 2}[source]
        np.testing.assert_allclose(found.rpm[2000:-2000], truth[2000:-2000], rtol=0.02)
    elif command == "orders":
        assert "run-up from 12" in err and "to 47" in err
    else:
        assert "order 2" in (tmp_path / "report.html").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("source", ["channel", "tacho"])
def test_calibration_does_not_scale_the_speed(folder, tmp_path, capsys, source) -> None:
    path, *speed = speed_arguments(source, folder)
    calibration = ["--channel", "mic", "--unit", "Pa", "--calib", 8]
    code, _, err = run(
        capsys, "orders", path, *speed, *calibration, *command_arguments("orders", tmp_path)
    )
    assert code == 0, err
    assert "run-up from 12" in err and "to 47" in err


@pytest.mark.parametrize("command", SPEED_COMMANDS)
def test_speed_table_is_accepted_for_a_map(folder, tmp_path, capsys, command) -> None:
    if command == "report":
        pytest.importorskip("bokeh")
    arguments = [a for a in command_arguments(command, tmp_path) if a not in ("--pair", "pool")]
    code, _, err = run(capsys, command, folder / "map.npz", "--rpm", folder / "rpm.csv", *arguments)
    if command == "denoise":  # --orders is for recordings
        assert code == 1 and "--orders needs a recording" in err
    else:
        assert code == 0, err


@pytest.mark.parametrize("option", ["--rpm-channel", "--tacho-channel"])
@pytest.mark.parametrize("command", ["upscale", "orders", "report"])
def test_speed_channel_is_refused_for_a_map(folder, tmp_path, capsys, command, option) -> None:
    arguments = [a for a in command_arguments(command, tmp_path) if a not in ("--pair", "pool")]
    code, _, err = run(capsys, command, folder / "map.npz", option, 1, *arguments)
    assert code == 1 and not list(tmp_path.iterdir())
    [line] = err.splitlines()
    assert "map.npz: is a map: give its speed as a table (--rpm)" in line


@pytest.mark.parametrize("command", SPEED_COMMANDS)
def test_two_sources_of_speed_are_refused(folder, tmp_path, capsys, command) -> None:
    code, _, err = run(
        capsys, command, folder / "three.wav", "--rpm-channel", 1, "--tacho-channel", 2,
        *command_arguments(command, tmp_path),
    )  # fmt: skip
    assert code == 1 and "more than one source" in err and len(err.splitlines()) == 1


def test_missing_speed_is_an_error_that_names_the_options(folder, tmp_path, capsys) -> None:
    for command in ("orders", "denoise", "report"):
        arguments = command_arguments(command, tmp_path)
        code, _, err = run(capsys, command, folder / "plain.wav", *arguments)
        assert code == 1 and "speed" in err
    code, _, err = run(capsys, "orders", folder / "plain.wav")
    assert "--rpm " in err and "--rpm-channel" in err and "--tacho-channel" in err


def test_speed_is_refused_where_it_has_no_effect(folder, tmp_path, capsys) -> None:
    arguments = [*speed_arguments("channel", folder), "-o", tmp_path / "out.wav"]
    code, _, err = run(capsys, "denoise", *arguments)
    assert code == 1 and "no effect without --orders" in err
    code, _, err = run(capsys, "upscale", *arguments)
    assert code == 1 and "add --orders" in err and not list(tmp_path.iterdir())


def test_a_channel_of_a_speed_that_no_machine_has_is_refused(folder, tmp_path, capsys) -> None:
    three = folder / "three.wav"
    sources = (
        ["--rpm-channel", "n", "--rpm-scale", 1e7],
        ["--tacho-channel", 2, "--pulses", 1e-4, "--tacho-threshold", 0.2],
        ["--method", "vold-kalman", "--shaft", "fan: n*1e7"],
    )  # fmt: skip
    for given, fix in zip(sources, ("--rpm-scale", "--pulses", "fan: its speed")):
        code, _, err = run(capsys, "orders", three, *given, "-o", tmp_path / "cuts.csv")
        [error] = [line for line in err.splitlines() if line.startswith("error: ")]
        assert code == 1 and fix in error and "1/min: expected 1e+06 1/min at most" in error
