"""Runs killed by SIGKILL at any line and resumed: bit for bit equal to an unbroken run."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from specsr.errors import SpecsrError
from specsr.models.bundled import load_model
from specsr.models.model import read_info
from specsr.train import checkpoint
from specsr.train.config import Config
from specsr.train.train import train
from support.killed_run import WATCHED, in_process, run, torn
from support.tiny_config import config, nine_steps
from support.train_samples import tensors

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(
        not hasattr(signal, "SIGKILL")
        or "forkserver" not in multiprocessing.get_all_start_methods(),
        reason="the system knows no SIGKILL",
    ),
]


@dataclass(frozen=True)
class Unbroken:
    """A run that was not killed: config, its values, folder, and lines run in each watched file."""

    config: Config
    tree: dict
    folder: Path
    lines: dict[str, int]

    def a_line(self, rng: random.Random, part: float = 1.0) -> tuple[str, int]:
        """Draw a watched file, and a line in the first part of those run in it."""
        name = rng.choice(sorted(self.lines))
        return name, rng.randint(1, max(1, int(part * self.lines[name])))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    folder = tmp_path_factory.mktemp("unbroken")
    options = nine_steps(folder)
    tree = options.model_dump(mode="json")
    # the lines are counted with the data already in the cache
    assert in_process(run, tree, str(folder / "first"), False) == 0
    counts = folder / "counts"
    assert in_process(run, tree, str(folder / "run"), False, None, str(counts)) == 0
    lines = json.loads(counts.read_text())
    assert all(lines[name] > 0 for name in WATCHED)
    return Unbroken(options, tree, folder / "run", lines)


def plain_log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def assert_same_run(ours: Path, theirs: Path) -> None:
    """All but times is the same in two folders of runs."""
    a, b = (torch.load(f / "checkpoint.pt", weights_only=True) for f in (ours, theirs))
    first, second = tensors(a), tensors(b)
    assert first.keys() == second.keys()
    assert any("exp_avg_sq" in key for key in first) and "/random/torch" in first
    for key in first:
        assert torch.equal(first[key], second[key]), key
    for key in ("step", "best", "running", "started", "stages", "config"):
        assert a[key] == b[key], key
    for name in ("tiny", "tiny-best"):
        paths = [folder / f"{name}.safetensors" for folder in (ours, theirs)]
        nets = [load_model(path).net.state_dict() for path in paths]
        assert all(torch.equal(nets[0][key], nets[1][key]) for key in nets[0])
        infos = [read_info(path) for path in paths]
        for info in infos:
            del info["record"]["seconds"], info["record"]["loader_wait"]
        assert infos[0] == infos[1]
    assert plain_log(ours) == plain_log(theirs)
    names = [{p.name for p in f.iterdir() if p.is_file()} for f in (ours, theirs)]
    assert names[0] == names[1]  # nothing half-written is left


@pytest.mark.parametrize("seed", range(4))
def test_a_run_killed_at_any_line_and_resumed_ends_like_an_unbroken_one(
    unbroken: Unbroken, tmp_path: Path, seed: int
) -> None:
    """Each time killed twice, the second time while it is resumed."""
    folder, rng = tmp_path / "run", random.Random(seed)
    assert in_process(run, unbroken.tree, str(folder), False, unbroken.a_line(rng)) == -9
    # the resumed run may have fewer lines to go than where it is to be killed
    assert in_process(run, unbroken.tree, str(folder), True, unbroken.a_line(rng)) in (-9, 0)
    assert in_process(run, unbroken.tree, str(folder), True) == 0
    assert_same_run(unbroken.folder, folder)


def test_a_run_killed_again_and_again_ends_like_an_unbroken_one(
    unbroken: Unbroken, tmp_path: Path
) -> None:
    """Twice in each of the watched files, in the first third of its lines, in any order."""
    folder, rng = tmp_path / "run", random.Random(7)
    files = rng.sample(sorted(unbroken.lines) * 2, 2 * len(WATCHED))
    kills = [(name, rng.randint(1, max(1, unbroken.lines[name] // 3))) for name in files]
    codes = [in_process(run, unbroken.tree, str(folder), True, at) for at in kills]
    assert set(codes) <= {-9, 0} and codes.count(-9) > len(WATCHED)
    assert in_process(run, unbroken.tree, str(folder), True) == 0
    assert_same_run(unbroken.folder, folder)


def test_a_kill_inside_a_checkpoints_write_keeps_the_last_one(
    unbroken: Unbroken, tmp_path: Path
) -> None:
    options, whole = unbroken.config, unbroken.folder
    folder = tmp_path / "run"
    assert in_process(torn, options.model_dump(mode="json"), str(folder)) == -9
    assert list(folder.glob(".specsr-*.tmp"))  # the torn one
    assert checkpoint.load(folder / "checkpoint.pt")["step"] == 4
    assert checkpoint.load(folder / "checkpoint.previous.pt")["step"] == 2
    train(options, folder, resume=True)
    assert_same_run(whole, folder)


@pytest.mark.slow
def test_the_command_killed_in_mid_run_goes_on(unbroken: Unbroken, tmp_path: Path) -> None:
    """From outside and at no particular moment, as a scheduler or a memory limit does it."""
    options, whole = unbroken.config, unbroken.folder
    path, folder = tmp_path / "config.yaml", tmp_path / "run"
    path.write_text(yaml.safe_dump(options.model_dump(mode="json")))
    command = [sys.executable, "-m", "specsr", "train", str(path), "--out", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment) as process:
        while not (folder / "checkpoint.pt").exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    done = subprocess.run(
        [*command, "--resume"], env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    assert "9 steps in" in done.stderr and "waiting for data" in done.stderr
    assert_same_run(whole, folder)


def test_workers_change_nothing(unbroken: Unbroken, tmp_path: Path) -> None:
    options, whole = unbroken.config, unbroken.folder
    folder = tmp_path / "run"
    workers = options.train.model_copy(update={"workers": 2})
    train(options.model_copy(update={"train": workers}), folder)
    a, b = (tensors(checkpoint.load(f / "checkpoint.pt")) for f in (whole, folder))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_all_random_states_come_back() -> None:
    def draw() -> list[float]:
        return [torch.rand(()).item(), float(np.random.rand()), random.random()]  # noqa: NPY002

    states = checkpoint.random_states()
    first = draw()
    assert draw() != first
    checkpoint.restore_random_states(states)
    assert draw() == first


def test_a_checkpoint_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    options = nine_steps(tmp_path)
    folder = tmp_path / "run"
    train(options, folder)
    state = checkpoint.load(folder / "checkpoint.previous.pt")
    kept = ("net", "average", "optimiser", "step", "seconds", "best", "started", "model")
    torch.save({key: state[key] for key in kept}, folder / "checkpoint.pt")
    train(options, folder, resume=True)
    assert checkpoint.load(folder / "checkpoint.pt")["step"] == 9
    assert [row["step"] for row in plain_log(folder)] == ["3", "6", "9"]


def renamed(section: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in section.items()}


def test_a_checkpoint_of_0_1_0_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its options have other names; the run ends as one that was not interrupted."""
    options = config(
        tmp_path, model={"uncertainty": True, "order_input": True, "input_scale": 10.0},
        train={"steps": 9, "save_every": 2, "validate_every": 3, "patch": [4, 4],
               "order_input_share": 0.4, "uncertainty_weight": 0.02},
    )  # fmt: skip
    folder = tmp_path / "run"
    train(options, folder)
    shutil.copytree(folder, tmp_path / "whole")
    state = checkpoint.load(folder / "checkpoint.previous.pt")
    model = renamed(
        state["config"]["model"],
        {"uncertainty": "doubt", "order_input": "guide", "input_scale": "std"},
    )
    section = renamed(
        state["config"]["train"],
        {"order_input_share": "guided", "uncertainty_weight": "doubt_weight"},
    )
    old = {**state["config"], "model": model, "train": section}
    assert {"doubt", "guide", "std"} <= old["model"].keys()
    assert {"guided", "doubt_weight"} <= old["train"].keys()
    assert Config.model_validate(old) == options
    torch.save({**state, "config": old, "model": model}, folder / "checkpoint.pt")
    caplog.clear()
    train(options, folder, resume=True)
    assert "changed options" not in caplog.text
    assert_same_run(folder, tmp_path / "whole")
    other = config(tmp_path, model={"uncertainty": False, "order_input": True})
    torch.save({**state, "config": old, "model": model}, folder / "checkpoint.pt")
    with pytest.raises(SpecsrError, match="another network"):
        train(other, folder, resume=True)


def test_a_models_record_has_the_time_spent_waiting_for_data(
    unbroken: Unbroken,
) -> None:
    record = read_info(unbroken.folder / "tiny.safetensors")["record"]
    assert 0 <= record["loader_wait"] <= 1
    json.dumps(record, allow_nan=False)
