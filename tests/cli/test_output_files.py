"""Outputs of every command: no input is replaced, no name is used twice, changes are noticed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.io.snapshot import Snapshot
from support.command import run

RATE = 8192
COMMANDS = {
    "info": ("info", "run.wav", "-o"),
    "info, tone": ("info", "run.wav", "--calib-tone", "tone.wav", 94, "-o"),
    "evaluate": ("evaluate", "run.wav", "other.wav", "--low", "low.wav", "-o"),
    "orders": ("orders", "run.npz", "--rpm", "rpm.csv", "-o"),
    "levels": ("levels", "run.npz", "-o"),
    "levels, tone": ("levels", "run.wav", "--calib-tone", "tone.csv", 94, "-o"),
    "report": ("report", "page.html", "-o"),
    "convert": ("convert", "old.safetensors", "-o"),
    "upscale": ("upscale", "run.npz", "--rpm", "rpm.csv", "-o"),
    "upscale --plot": ("upscale", "plotted.csv", "-o", "new.npz", "--plot"),
    "upscale, image": ("upscale", "image.png", "-o"),
    "denoise": ("denoise", "run.wav", "--orders", "--rpm", "rpm.csv", "-o"),
    "denoise, model": ("denoise", "run.wav", "--model", "model.safetensors", "-o"),
    "spectrogram": ("spectrogram", "run.wav", "--calib-tone", "tone.wav", 94, "-o"),
}
"""Command up to the option that names an output."""

REFUSED = [
    ("info", "run.wav"), ("info", "run.wav.json"), ("info, tone", "tone.wav"),
    ("evaluate", "run.wav"), ("evaluate", "other.wav"), ("evaluate", "low.wav"),
    ("orders", "rpm.csv"), ("levels, tone", "tone.csv"), ("report", "page.html"),
    ("convert", "old.safetensors"), ("upscale", "run.npz"), ("upscale", "rpm.csv"),
    ("upscale, image", "image.png"), ("denoise", "run.wav"), ("denoise", "rpm.csv"),
    ("denoise, model", "run.wav"), ("spectrogram", "tone.wav"),
]  # fmt: skip


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of all kinds in the present folder, and their content."""
    monkeypatch.chdir(tmp_path)
    signal = specsr.Signal(np.random.default_rng(0).standard_normal((1, RATE)) / 10, RATE, "Pa")
    for name in ("run.wav", "other.wav", "low.wav", "tone.csv", "tone.wav"):
        specsr.write(name, signal)
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE)[None]
    for name in ("tone.wav", "tone.csv"):
        specsr.write(name, specsr.Signal(tone, RATE, "Pa"), overwrite=True)
    specsr.write_map("run.npz", specsr.spectrogram(signal))
    Path("rpm.csv").write_text("0,1000\n2,3000\n")
    for name in ("page.html", "old.safetensors", "model.safetensors"):
        Path(name).write_text(name)
    specsr.write_image("image.png", np.zeros((8, 9), np.uint8))
    return {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def content() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir() if not path.is_symlink()}


@pytest.mark.parametrize("how", ["name", "symlink", "hard link"])
@pytest.mark.parametrize(("command", "name"), REFUSED)
def test_no_command_replaces_a_file_that_it_reads(files, capsys, command, name, how):
    output = name
    if how != "name":
        output = f"second{Path(name).suffix}"
        (Path(output).symlink_to if how == "symlink" else Path(output).hardlink_to)(name)
    code, _, err = run(capsys, *COMMANDS[command], output, "--overwrite")
    last = err.splitlines()[-1]
    assert code == 1 and last.startswith(f"error: {output}: is the input itself"), err
    assert {key: text for key, text in content().items() if key != output or how == "name"} == files


@pytest.mark.parametrize(
    "command",
    [
        ("upscale", "run.npz", "-o", "a.npz", "-o", "./a.npz"),
        ("upscale", "run.npz", "-o", "x.png", "--plot", "x.png"),
        ("denoise", "run.wav", "-o", "a.wav", "-o", "sub/../a.wav"),
        ("spectrogram", "run.wav", "-o", "a.npz", "-o", "a.npz"),
        ("orders", "run.npz", "--rpm", "rpm.csv", "-o", "a.csv", "-o", "./a.csv"),
        ("levels", "run.wav", "-o", "a.csv", "-o", "a.csv"),
        ("synth", "-o", "a.wav", "--clean", "a.wav"),
        ("synth", "-o", "a.csv", "--truth", "./a.csv"),
        ("benchmark", "speed", "-o", "a.txt", "--markdown", "a.txt"),
        ("benchmark", "images", ".", "-o", "a.txt", "--markdown", "./a.txt"),
    ],
    ids=" ".join,
)
def test_an_output_that_is_named_twice_is_refused_before_the_work(files, capsys, command):
    Path("sub").mkdir()
    for options in ([], ["--overwrite"]):
        code, _, err = run(capsys, *command, *options)
        assert code == 1 and "is named twice as output" in err and err.count("\n") == 1
    Path("sub").rmdir()
    assert content() == files


def test_the_images_that_a_benchmark_reads_are_no_outputs(files, capsys):
    code, _, err = run(capsys, "benchmark", "images", ".", "-o", "image.png", "--overwrite")
    assert code == 1 and "image.png: is the input itself" in err and content() == files


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("info", "a.json"), ("evaluate", "a.json"), ("orders", "a.csv"), ("levels", "a.csv"),
        ("levels, tone", "a.csv"), ("upscale", "a.npz"), ("spectrogram", "a.npz"),
    ],
)  # fmt: skip
def test_a_change_of_an_input_is_noticed_by_every_command(
    files, monkeypatch, capsys, command, output
):
    """The first file is written again, as a slow recorder would, just before it is checked."""
    check = Snapshot.check
    changed = []

    def after_a_change(self):
        if not changed:
            changed.append(self.files[0][0])
            with open(changed[0], "ab") as file:
                file.write(b" ")
        check(self)

    monkeypatch.setattr(Snapshot, "check", after_a_change)
    code, _, err = run(capsys, *COMMANDS[command], output)
    assert code == 1 and f"error: {changed[0]}: changed while it was read" in err
    # info writes the error of a file among the others
    assert Path(output).exists() == (command == "info")


def test_a_command_keeps_a_file_that_appears_during_its_work(files, monkeypatch, capsys):
    check = Snapshot.check

    def another_job(self):
        check(self)
        Path("a.csv").write_text("foreign")

    monkeypatch.setattr(Snapshot, "check", another_job)
    code, _, err = run(capsys, "levels", "run.wav", "-o", "a.csv")
    assert code == 1 and "a.csv: exists already and was kept" in err
    assert Path("a.csv").read_text() == "foreign"


def test_a_dangling_link_is_refused_or_filled(files, capsys):
    os.symlink("target.csv", "link.csv")
    code, _, err = run(capsys, "levels", "run.wav", "-o", "link.csv")
    assert code == 1 and "link.csv: is a link to the missing file" in err
    assert run(capsys, "levels", "run.wav", "-o", "link.csv", "--overwrite")[0] == 0
    assert Path("link.csv").is_symlink() and Path("target.csv").read_text().startswith("channel,")


def test_an_output_folder_inside_the_input_folder(files, capsys):
    Path("in").mkdir()
    shutil.copy("run.wav", "in/run.wav")
    for options in ([], ["--resume"], ["--overwrite"]):
        code, _, err = run(capsys, "spectrogram", "in", "-o", "in/maps", *options)
        assert code == 0, err
        assert sorted(os.listdir("in/maps")) == ["run.npz", "specsr-manifest.jsonl"]
