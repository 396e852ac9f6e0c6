"""Option groups: the same options, defaults and meaning on every command."""

from __future__ import annotations

import inspect
import shlex
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import typer

import specsr
from specsr import choices
from specsr.benchmark.images import BenchmarkOptions
from specsr.benchmark.options import SpeedOptions
from specsr.cli.app import app
from specsr.cli.options import numbers
from specsr.errors import SpecsrError
from specsr.jobs.options import Batch, Figure, Reading, Resolution, Speed
from specsr.models.options import InferOptions
from specsr.nvh.speed import rpm_from_pulses
from specsr.report.page import ReportOptions
from specsr.scores.evaluate import EvaluateOptions
from support.command import run
from support.speed_files import write_speed_files

SPEED_COMMANDS = ("upscale", "denoise", "orders", "report")
CURVE_COMMANDS = ("levels", "envelope", "average", "compare")
"""Commands with a speed whose results have tests of their own."""


def commands() -> dict[str, typer.core.TyperCommand]:
    """Return the commands by name, those of ``benchmark`` as ``benchmark NAME``."""
    root = typer.main.get_command(app)
    found = dict(root.commands)
    found |= {f"benchmark {name}": each for name, each in found.pop("benchmark").commands.items()}
    return found


COMMANDS = commands()


def options(command: str) -> dict[str, typer.core.TyperOption]:
    """Return the options of a command by their first name."""
    return {p.opts[-1]: p for p in COMMANDS[command].params if p.param_type_name == "option"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of `write_speed_files`."""
    folder = tmp_path_factory.mktemp("speed")
    write_speed_files(folder)
    return folder


@pytest.mark.parametrize("command", ["spectrogram", "upscale", "denoise"])
def test_range_sets_the_bottom_of_the_colour_scale(
    folder, tmp_path, capsys, monkeypatch, command
) -> None:
    shown = []
    name = "specsr.plots.maps.plot_map"
    if command != "spectrogram":
        name = "specsr.plots.comparison.plot_comparison"
    module, _, function = name.rpartition(".")
    original = getattr(__import__(module, fromlist=[function]), function)

    def noted(*args, **named):
        shown.append((named["db_range"], named["max_freq"]))
        return original(*args, **named)

    monkeypatch.setattr(name, noted)
    arguments = ["-o", tmp_path / "out.png", "--range", 50, "--max-freq", 4000]
    if command == "denoise":
        arguments += ["--orders", "--rpm", folder / "rpm.csv"]
    code, _, err = run(capsys, command, folder / "plain.wav", *arguments)
    assert code == 0 and (tmp_path / "out.png").exists(), err
    assert shown == [(50.0, 4000.0)]


def test_range_of_orders_and_report_is_that_of_the_figures(folder, tmp_path, capsys) -> None:
    pytest.importorskip("bokeh")
    for bottom in (40, 60):
        table = ["--rpm", folder / "rpm.csv", "--range", bottom]
        for command, name in (("orders", "run.png"), ("report", "page.html")):
            out = tmp_path / f"{bottom}-{name}"
            arguments = ["--audio-seconds", 0] if command == "report" else []
            code, _, err = run(capsys, command, folder / "plain.wav", *table, "-o", out, *arguments)
            assert code == 0, err
    for name in ("run.png", "page.html"):
        one, other = (tmp_path / f"{bottom}-{name}" for bottom in (40, 60))
        assert one.read_bytes() != other.read_bytes()
    code, _, err = run(
        capsys, "orders", folder / "plain.wav", "--rpm", folder / "rpm.csv", "--range", 0,
        "-o", tmp_path / "zero.png",
    )  # fmt: skip
    assert code == 1 and "db_range is 0" in err


def defaults(function: object) -> dict[str, object]:
    return {p.name: p.default for p in inspect.signature(function).parameters.values()}


def test_speed_options_are_the_same_on_every_command() -> None:
    names = ("--rpm", "--rpm-channel", "--rpm-scale", "--tacho-channel", "--pulses",
             "--tacho-threshold")  # fmt: skip
    given = [default for name, default in defaults(Speed).items() if name != "orders"]
    expected = dict(zip(names, given, strict=True))
    for command in COMMANDS:
        found = {name: option.default for name, option in options(command).items() if name in names}
        assert found == (expected if command in SPEED_COMMANDS + CURVE_COMMANDS else {}), command
    assert Speed().pulses == defaults(rpm_from_pulses)["per_rev"]
    assert Speed().threshold == defaults(rpm_from_pulses)["threshold"]


def test_defaults_of_groups_are_those_of_their_dataclasses() -> None:
    groups = {
        ("--ensemble", "ensemble"): InferOptions, ("--precision", "precision"): InferOptions,
        ("--device", "device"): InferOptions, ("--segment", "segment"): InferOptions,
        ("--plot", "plot"): Figure, ("--max-freq", "max_freq"): Figure,
        ("--unit", "unit"): Reading, ("--calib", "calib"): Reading,
        ("--channel", "channels"): Reading, ("--file-rate", "rate"): Reading,
        ("--overwrite", "overwrite"): Batch, ("--resume", "resume"): Batch,
        ("--cluster", "cluster"): Batch,
        ("--df", "df"): Resolution, ("--overlap", "overlap"): Resolution,
        ("--n-fft", "n_fft"): Resolution, ("--hop-length", "hop_length"): Resolution,
        ("--window", "window"): Resolution,
    }  # fmt: skip
    own_rows = (("levels", "--df"), ("cepstrum", "--df"))
    for command in COMMANDS:
        if command == "benchmark speed":  # its device is the CPU by default
            continue
        for (name, field), group in groups.items():
            # spectra that are no maps have rows of their own
            if name in options(command) and (command, name) not in own_rows:
                assert options(command)[name].default == getattr(group(), field), (command, name)


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("upscale", "--scale", defaults(specsr.upscale)["scale"]),
        ("upscale", "--phase", specsr.BandOptions().phase),
        ("upscale", "--find-speed", defaults(specsr.upscale)["speed"].find),
        ("upscale", "--range", defaults(specsr.plot)["db_range"]),
        ("denoise", "--attenuation", defaults(specsr.denoise)["attenuation"]),
        ("spectrogram", "--window", defaults(specsr.spectrogram)["window"]),
        ("spectrogram", "--scaling", defaults(specsr.spectrogram)["scaling"]),
        ("orders", "--resolution", defaults(specsr.order_map)["resolution"]),
        ("orders", "--range", defaults(specsr.plot)["db_range"]),
        ("compare", "--weighting", defaults(specsr.third_octave_levels)["weighting"]),
        ("evaluate", "--range", EvaluateOptions().db_range),
        ("report", "--range", ReportOptions().db_range),
        ("report", "--audio-seconds", ReportOptions().audio_seconds),
        ("benchmark speed", "--side", SpeedOptions().side),
        ("benchmark speed", "--device", SpeedOptions().device),
        ("benchmark images", "--scales", ",".join(map(str, BenchmarkOptions().scales))),
        ("benchmark images", "--protocol", ",".join(BenchmarkOptions().protocols)),
    ],
)
def test_library_and_command_line_have_the_same_default(command, option, value) -> None:
    assert options(command)[option].default == value


@pytest.mark.parametrize(
    ("command", "option", "literal"),
    [
        ("upscale", "--pair", choices.UpscalePair), ("upscale", "--phase", choices.Phase),
        ("upscale", "--consistency", choices.Consistency),
        ("denoise", "--precision", choices.Precision), ("orders", "--x", choices.XAxis),
        ("spectrogram", "--scaling", choices.Scaling), ("levels", "--weighting", choices.Weighting),
    ],
)  # fmt: skip
def test_values_of_an_option_are_those_of_its_literal(capsys, command, option, literal) -> None:
    values = get_args(literal)
    assert "|".join(values) in run(capsys, command, "--help")[1]
    arguments = ["a.wav", "-o", "b.wav"] if command != "levels" else ["a.wav"]
    code, _, err = run(capsys, command, *arguments, option, "other")
    assert code == 2 and option in err and all(value in err for value in values)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_that_can_be_parsed(command) -> None:
    _, _, text = COMMANDS[command].epilog.partition(":")
    for example in text.split("   |   "):
        prefix, found, arguments = example.partition(f"specsr {command}")
        assert found and (not prefix.strip() or prefix.strip().startswith("torchrun"))
        COMMANDS[command].make_context(command, shlex.split(arguments))


@pytest.mark.parametrize("group", [(), ("benchmark",)])
def test_help_of_groups_has_an_example(capsys, group) -> None:
    code, shown, _ = run(capsys, *group, "--help")
    assert code == 0 and f"specsr {' '.join(group)}".strip() in shown.partition("Example")[2]


def test_every_option_and_argument_has_a_help_text() -> None:
    for name, command in COMMANDS.items():
        assert command.help and command.epilog.startswith("Example"), name
        for parameter in command.params:
            assert getattr(parameter, "help", None), (name, parameter.name)


@pytest.mark.parametrize("text", ["2;4", "nan", "2,inf"])
def test_numbers_of_an_option_are_finite(text) -> None:
    with pytest.raises(SpecsrError, match=f"--cut is '{text}': expected numbers with commas"):
        numbers(text, "--cut")
    assert numbers("2, .5,", "--cut") == (2.0, 0.5)


@pytest.mark.parametrize("text", ["0", "2,-1"])
@pytest.mark.parametrize("command", ["orders", "compare"])
def test_an_order_of_zero_or_less_is_refused_before_the_recording_is_read(
    tmp_path, capsys, command, text
) -> None:
    (tmp_path / "none.wav").write_bytes(b"not read")
    code, _, err = run(capsys, command, tmp_path / "none.wav", "--rpm", "auto", "--cut", text)
    assert code == 1 and err.splitlines() == [
        f"error: --cut holds {text.split(',')[-1]}: expected orders above zero, such as 2,4"
    ]


def test_a_wrong_choice_is_named_without_words_of_python(folder, capsys) -> None:
    code, _, err = run(capsys, "upscale", folder, "--consistency", "sideways")
    assert code == 2 and "'sideways' is not one of" in err and "Value error" not in err


def test_a_map_has_no_pair_of_recordings(tmp_path, capsys):
    path = tmp_path / "map.npz"
    noise = np.random.default_rng(0).standard_normal(2048)
    specsr.write_map(path, specsr.spectrogram(specsr.Signal(noise, 8000.0), n_fft=256))
    code, _, err = run(capsys, "upscale", path, "--pair", "band", "-o", tmp_path / "fine.npz")
    assert code == 1 and len(err.strip().splitlines()) == 1
    assert "map.npz: is a map: --pair band is for recordings" in err and "stft" not in err


@pytest.mark.parametrize(
    "words, expected",
    [
        (("denoise", "--attenuation", -3), "--attenuation is -3.0 dB: expected zero or more"),
        (("speed", "--candidate", 0), "--candidate is 0: expected 1, 2 and so on"),
        (("speed", "--orders", "0"), "--orders holds 0: expected orders above zero"),
        (("upscale", "--scale", 2.5), "--scale"), (("upscale", "--segment", "nan"), "not 'nan'"),
        (("upscale", "--segment", 0), "'--segment': "), (("orders", "--poles", "x"), "not 'x'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_option_as_typed(tmp_path, capsys, words, expected):
    path = tmp_path / "a.wav"
    specsr.write(path, specsr.Signal(np.random.default_rng(0).standard_normal(8000), 8000.0))
    out = tmp_path / ("a.csv" if words[0] == "speed" else "b.wav")
    code, _, err = run(capsys, words[0], path, *words[1:], "-o", out)
    [error] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code in (1, 2) and expected in error, err


FIGURELESS = [
    ("spectrogram", "x.npz"), ("speed", "x.csv"), ("denoise", "x.wav"), ("upscale", "x.wav"),
    ("orders", "x.csv"),
]  # fmt: skip


@pytest.mark.parametrize("command, out", FIGURELESS)
@pytest.mark.parametrize("option", ["--max-freq", "--range"])
def test_options_of_figures_are_refused_without_one(tmp_path, capsys, command, out, option):
    path = tmp_path / "a.wav"
    specsr.write(path, specsr.Signal(np.random.default_rng(0).standard_normal(8000), 8000.0))
    code, _, err = run(capsys, command, path, "-o", tmp_path / out, option, 100)
    assert code == 1 and not (tmp_path / out).exists()
    assert err.splitlines() == [
        f"error: {option}: for figures: add one (-o FILE.png), or leave it out"
    ]
    if command == "spectrogram":
        figure = tmp_path / "x.png"
        shared = (command, path, "-o", tmp_path / out, "-o", figure, option, 100)
        assert run(capsys, *shared)[0] == 0 and figure.exists()


def test_a_group_without_a_command_shows_its_help_in_lines(capsys):
    code, out, err = run(capsys, "benchmark")
    assert code != 0 and "\\n" not in out + err
    assert any(line.strip().startswith("speed ") for line in (out + err).splitlines())


def test_a_wrong_use_is_one_line_with_the_way_to_the_options(capsys):
    for words in (["--top", "full"], ["--unknown"], ["-o"]):
        code, out, err = run(capsys, "upscale", "a.wav", *words)
        assert code == 2 and out == "" and len(err.strip().splitlines()) == 1
        assert words[0] in err and " -h shows what is expected" in err
