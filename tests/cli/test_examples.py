"""Every example in the help runs, on small inputs, and gives one JSON document with ``--json``."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
import yaml

import specsr
from specsr.cli.app import app
from specsr.cli.document import SCHEMA
from specsr.maps.pooling import pool
from specsr.models.model import save_model
from specsr.synth.machine import Order, RunUp
from support.command import run
from support.image_samples import model
from support.published_edsr import published
from support.tiny_config import config

RATE = 25600
SLOW = (
    "--expected", "--sharp", "--cluster", "specsr export", "specsr benchmark", "specsr train",
    "specsr convert", "specsr sound-quality", "specsr denoise", "specsr report", "specsr upscale",
    "specsr synth", "specsr speed", "specsr evaluate", "car.flac", "--difference",
)  # fmt: skip
"""Parts of the examples that take a network, or seconds."""
MORE = {
    "specsr train configs/map.yaml train.steps=20000": "--dry-run",
    "specsr train configs/map.yaml train.devices=2": "--dry-run",
    "specsr benchmark step": "--steps 1",
}
"""Beginning of an example -> options that make it small; the last one of a name counts."""
ELSEWHERE = ("--cluster", "torchrun", "specsr benchmark speed", "specsr app")
"""Examples that need other processes or minutes: `tests/jobs`, `tests/train`, `tests/benchmark`,
`tests/app`."""


def examples() -> list[str]:
    """Return the examples of all commands."""
    root = typer.main.get_command(app)
    found = [root.epilog]
    for command in root.commands.values():
        found += [
            command.epilog,
            *(each.epilog for each in getattr(command, "commands", {}).values()),
        ]
    lists = [text.partition(":")[2].split("   |   ") for text in found]
    every = [each.strip() for each in sum(lists, []) if not each.endswith("--help")]
    return [each for each in every if not any(word in each for word in ELSEWHERE)]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small input of every name in the examples."""
    outer = tmp_path_factory.mktemp("inputs")
    folder = outer / "work"
    folder.mkdir()
    machine = RunUp(
        rate=RATE, duration=2.0, rpm=(1500.0, 3600.0), line_to_noise=30.0,
        orders=(Order(2, 0), Order(4, -6), Order(6, -9)),
    )  # fmt: skip
    signal = specsr.synthesise(machine).signal
    for name in ("run", "gearbox", "before", "after", "original", "restored", "full", "idle"):
        specsr.write(folder / f"{name}.wav", signal)
    for name in ("cabin", "mic"):
        specsr.write(folder / f"{name}.wav", signal.cut(0, round(0.6 * RATE)).replace(rpm=None))
    specsr.write(folder / "idle.wav", signal.replace(samples=0.01 * signal.samples), overwrite=True)
    specsr.write(folder / "mount.wav", signal.replace(unit="m/s2"))
    specsr.write(folder / "logger.wav", signal.resample(RATE / 2))
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE)[None]
    specsr.write(folder / "calibrator.wav", specsr.Signal(tone, RATE, "1"))
    specsr.write(folder / "run.tdms", signal)
    turns = np.cumsum(signal.rpm) / 60 / RATE
    pulses = (np.sin(2 * np.pi * 60 * turns) > 0).astype(float)
    three = np.stack([signal.samples[0], signal.samples[0], pulses])
    specsr.write(folder / "three.wav", specsr.Signal(three, RATE, "Pa", ("a", "b", "tacho")))
    two = np.stack([signal.samples[0], signal.rpm / 4821.43])
    specsr.write(folder / "car.flac", specsr.Signal(two, RATE, "Pa", full_scale=16.0))
    table = np.column_stack([np.arange(signal.length) / RATE, signal.rpm])[::2500]
    for name in ("rpm", "fan"):
        np.savetxt(folder / f"{name}.csv", table, delimiter=",")
    fine = specsr.spectrogram(signal, n_fft=512, hop_length=128)
    specsr.write_map(folder / "map.npz", pool(fine, 4, 4).replace(rpm=None))
    specsr.write_map(folder / "fine.npz", fine)
    (folder / "FOLDER").mkdir()
    for name in ("before", "after"):
        for path in folder.glob(f"{name}.wav*"):  # with its sidecar
            shutil.copy(path, folder / "FOLDER")
    specsr.write_image(folder / "photo.png", np.zeros((8, 9, 3), np.uint8))
    (folder / "configs").mkdir()
    text = yaml.safe_dump(config(folder).model_dump(mode="json"))
    for name in ("map", "edsr-baseline-x2", "srresnet-l2-x2"):
        (folder / "configs" / f"{name}.yaml").write_text(text)
    for name in ("Set5", "B100"):
        specsr.write_image(outer / f"benchmark/{name}/HR/0.png", np.zeros((20, 20, 3), np.uint8))
    save_model(folder / "runs/map/map.safetensors", model())
    torch.save(published(1, 4, [2]).state_dict(), folder / "edsr_baseline_x2.pt")
    return outer


def marked() -> list:
    """Return the examples as parameters, those that take long marked as slow."""
    return [
        pytest.param(text, marks=pytest.mark.slow if any(word in text for word in SLOW) else ())
        for text in examples()
    ]


def refuse(name: str) -> None:
    """Refuse nan and infinities, which JSON has not."""
    raise ValueError(name)


@pytest.mark.parametrize("example", marked())
def test_an_example_runs_and_gives_one_document(example, inputs, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "work"
    shutil.copytree(inputs / "work", folder)
    shutil.copytree(inputs / "benchmark", tmp_path / "benchmark")
    monkeypatch.chdir(folder)
    arguments = shlex.split(example)[1:]
    if "--tacho-channel" in arguments:
        for path in Path().glob("three.wav*"):
            shutil.copy(path, path.name.replace("three", "run"))
    named = [name for option, name in zip(arguments, arguments[1:]) if option in ("-o", "--plot")]
    for name in named:  # which are inputs of other examples
        Path(name).unlink(missing_ok=True)
        Path(f"{name}.json").unlink(missing_ok=True)
    if example.startswith("specsr info *"):
        arguments = ["info", *sorted(map(str, Path().glob("*.wav")))]
    for start, more in MORE.items():
        arguments += shlex.split(more) if example.startswith(start) else []
    code, out, err = run(capsys, *arguments, *["--json"] * ("--json" not in arguments))
    assert code == 0, err
    document = json.loads(out, parse_constant=refuse)
    assert list(document) == [
        "schema", "specsr", "command", "result", "outputs", "messages", "errors"
    ]  # fmt: skip
    assert (document["schema"], document["specsr"]) == (SCHEMA, specsr.__version__)
    assert example.startswith(f"specsr {document['command']}") and document["errors"] == []
    assert document["result"]
    assert set(document["outputs"]) >= {name for name in named if Path(name).suffix}
    assert all(Path(name).exists() for name in document["outputs"])
