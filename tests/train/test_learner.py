"""One step: in parts, on several processes, with every loss, and of images."""

from __future__ import annotations

import copy
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.images.sets import ImagePair
from specsr.models.bundled import load_model
from specsr.models.model import read_info
from specsr.train import checkpoint
from specsr.train.batch import synthetic
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.draws import place_rng, shared
from specsr.train.examples import Example
from specsr.train.images import ImageCrops
from specsr.train.learner import Learner
from specsr.train.losses import LOSSES
from specsr.train.noise_maps import TARGETS
from specsr.train.processes import Alone, join
from specsr.train.train import train
from support.tiny_config import config
from support.train_samples import noise_map

CPU = Alone(torch.device("cpu"))


def batch(options: Config, seed: int = 0, count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    channels = options.model.channels if options.pair.kind == "image" else 1
    low = torch.randn(count, channels, 8, 8, generator=generator) * 10
    high = torch.randn(count, channels, 16, 16, generator=generator) * 10
    return low, high


def stepped(options: Config, steps: int = 3) -> Learner:
    made = Learner(build_net(options), options, CPU)
    for step in range(steps):
        made.step(synthetic(*batch(options, step), (2, 2)), step)
    return made


def farthest(a: torch.nn.Module, b: torch.nn.Module) -> float:
    return max((p - q).abs().max().item() for p, q in zip(a.parameters(), b.parameters()))


@pytest.mark.parametrize("loss", ["l1", "itakura-saito+l2", "magnitude"])
@pytest.mark.parametrize("parts", [2, 8])
def test_a_batch_in_parts_gives_the_step_of_the_whole(
    tmp_path: Path, loss: str, parts: int
) -> None:
    """With the clipping at work, which sees the gradient of the whole batch."""
    options = {"batch": 8, "loss": loss, "lr": 1e-3, "clip": 0.1, "warmup": 0}
    one = stepped(config(tmp_path, train=options))
    many = stepped(config(tmp_path, train={**options, "accumulate": parts}))
    untrained = build_net(one.config)
    assert farthest(untrained, one.net) > 1e-3
    assert farthest(one.net, many.net) < 2e-6
    assert farthest(one.average, many.average) < 2e-6


@given(
    name=st.sampled_from(sorted(LOSSES)), seed=st.integers(0, 999), parts=st.sampled_from([2, 4])
)
@settings(max_examples=60, deadline=None)
def test_which_losses_are_means_over_their_crops(name: str, seed: int, parts: int) -> None:
    """All but l1+psnr, whose logarithm of a mean is not the mean of logarithms."""
    generator = torch.Generator().manual_seed(seed)
    estimate, target = torch.randn(2, 8, 1, 4, 5, generator=generator, dtype=torch.float64) * 6
    if name == "waveform":
        target = torch.randn(8, TARGETS, 4, 5, generator=generator, dtype=torch.float64) * 6
    estimate[4:] *= 3
    whole = LOSSES[name](estimate, target)
    pieces = zip(estimate.chunk(parts), target.chunk(parts))
    mean = torch.stack([LOSSES[name](e, t) for e, t in pieces]).mean()
    assert (abs(whole - mean) < 1e-9) == (name != "l1+psnr")


def test_every_channel_of_an_image_is_learned(tmp_path: Path) -> None:
    options = config(
        tmp_path, pair={"kind": "image", "scales": [2]}, train={"loss": "l1", "lr": 1e-2},
        data={"synth": {"count": 0}, "folders": ["images"]},
    )  # fmt: skip
    low = torch.full((4, 3, 8, 8), 100.0)
    high = torch.tensor([50.0, 100.0, 200.0]).reshape(1, 3, 1, 1).expand(4, 3, 16, 16)
    made = Learner(build_net(options), options, CPU)
    losses = [made.step(synthetic(low, high, (2, 2)), step).item() for step in range(12)]
    with torch.no_grad():
        seen = made.net(low).mean(dim=(0, 2, 3))
    assert losses[0] > losses[-1]
    assert seen[0] < seen[1] < seen[2]  # red comes down, blue goes up


def test_the_average_follows_by_its_formula(tmp_path: Path) -> None:
    options = config(tmp_path, train={"ema": 0.15})
    made = Learner(build_net(options), options, CPU)
    expected = copy.deepcopy(made.net)
    for step in range(4):
        made.step(synthetic(*batch(options, step), (2, 2)), step)
        decay = min(0.15, (2 + step) / (11 + step))
        for mean, now in zip(expected.parameters(), made.net.parameters()):
            mean.data = decay * mean.data + (1 - decay) * now.data
    assert farthest(expected, made.average) < 1e-6


@pytest.mark.slow
def test_compiling_changes_rounding_alone(tmp_path: Path) -> None:
    if not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler")
    options = {"batch": 8, "lr": 1e-3, "warmup": 0}
    plain = stepped(config(tmp_path, train=options), 1)
    fast = stepped(config(tmp_path, train={**options, "compile": True}), 1)
    assert farthest(plain.net, fast.net) < 1e-5
    assert plain.net.state_dict().keys() == fast.net.state_dict().keys()


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SpecsrError, match=r"train\.compile needs a C\+\+ compiler"):
        stepped(config(tmp_path, train={"compile": True, "batch": 8}), 1)


# --- shares of a batch ----------------------------------------------------------------------


@given(parts=st.sampled_from([1, 2, 3, 6]), step=st.integers(0, 50), image=st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_shares_of_a_batch_are_the_batch(parts: int, step: int, image: bool) -> None:
    options = config(
        Path(), pair={"kind": "image" if image else "pool", "scales": [2, 3]},
        model={"name": "mdsr"}, train={"patch": [4, 4], "batch": 6},
        data={"folders": ["x"], "synth": {"count": 0}},
    )  # fmt: skip
    if image:
        rng = np.random.default_rng(0)
        high = [rng.integers(0, 255, (60, 72, 3), dtype=np.uint8) for _ in range(3)]
        items: Any = [
            ImagePair(str(i), h, {s: h[::s, ::s] for s in (2, 3)}) for i, h in enumerate(high)
        ]
    else:
        maps = [noise_map(i, 32, 50) for i in range(4)]
        items = [Example(m, m, real=i > 1) for i, m in enumerate(maps)]
    kind: Any = ImageCrops if image else Crops
    low, high, scale, real = kind(items, options, 99)[step]
    shares = [kind(items, options, 99, (i, parts))[step] for i in range(parts)]
    assert all(share[2] == scale for share in shares)
    assert torch.equal(torch.cat([share[0] for share in shares]), low)
    assert torch.equal(torch.cat([share[1] for share in shares]), high)
    assert torch.equal(torch.cat([share.real for share in shares]), real)


def test_places_have_their_own_draws() -> None:
    draws = {place_rng(s, t, i).random() for s in range(3) for t in range(3) for i in range(3)}
    draws |= {np.random.default_rng([s, t]).random() for s in range(3) for t in range(3)}
    assert len(draws) == 36
    assert [list(shared(6, (i, 3))) for i in range(3)] == [[0, 1], [2, 3], [4, 5]]


# --- several processes ----------------------------------------------------------------------


def test_batches_that_cannot_be_shared_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"batch is 8.*multiple.*6"):
        config(tmp_path, train={"batch": 8, "accumulate": 3, "devices": 2})
    assert join("cpu", 1) == CPU
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec",
        lambda name, *more: None if name == "lightning_fabric" else found(name, *more),
    )  # fmt: skip
    with pytest.raises(SpecsrError, match=r"pip install 'specsr\[distributed\]'"):
        join("cpu", 2)
    train(config(tmp_path, train={"steps": 1}), tmp_path / "alone")  # which needs no such thing
    monkeypatch.undo()
    monkeypatch.setattr(torch.distributed, "is_torchelastic_launched", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(SpecsrError, match="torchrun started 4 processes"):
        join("cpu", 2)


@pytest.mark.slow
@pytest.mark.parametrize(("start", "name"), [("torchrun", "edsr"), ("devices", "mdsr")])
def test_two_processes_learn_what_one_with_twice_the_batch_does(
    tmp_path: Path, start: str, name: str
) -> None:
    """In two parts each, by the command line; those started by torchrun also resumed.

    The MDSR also has real recordings.
    """
    pytest.importorskip("lightning_fabric")
    scales = [2, 3] if name == "mdsr" else [2]
    data: dict[str, Any] = {}
    if name == "mdsr":
        (tmp_path / "real").mkdir()
        for i in range(2):
            samples = 0.1 * np.random.default_rng(i).standard_normal(4000)
            soundfile.write(tmp_path / "real" / f"{i}.wav", samples, 8000)
        data = {"real": {"folders": [str(tmp_path / "real")], "share": 0.5}}
    options = config(
        tmp_path, pair={"scales": scales}, model={"name": name}, data=data,
        train={"steps": 6, "batch": 4, "patch": [4, 4], "accumulate": 2, "lr": 1e-3, "clip": 0.1,
               "save_every": 3, "validate_every": 2, "warmup": 0, "schedule": "halve"},
    )  # fmt: skip
    alone, both, path = tmp_path / "alone", tmp_path / "both", tmp_path / "config.yaml"
    plain = options.train.model_copy(update={"accumulate": 1})
    train(options.model_copy(update={"train": plain}), alone)
    path.write_text(yaml.safe_dump(options.model_dump(mode="json")))
    words = ["-m", "specsr", "train", str(path), "--out", str(both)]
    command = [sys.executable, *words, "train.devices=2"]
    if start == "torchrun":
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        command = [sys.executable, *torchrun, *words]
    for extra in (["train.steps=3"], ["--resume"]) if start == "torchrun" else ([],):
        done = subprocess.run(
            [*command, *extra], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True,
            text=True, timeout=1200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("steps in") == 1, done.stderr  # one of them reports
    a, b = (checkpoint.load(f / "checkpoint.pt") for f in (alone, both))
    assert a["step"] == b["step"] == 6
    untrained = build_net(options).state_dict()
    for part in ("net", "average"):
        for key, value in a[part].items():
            torch.testing.assert_close(b[part][key], value, rtol=0, atol=2e-6)
    assert max((a["net"][k] - untrained[k]).abs().max() for k in untrained) > 1e-3
    assert a["running"] == pytest.approx(b["running"], rel=1e-5)
    assert a["best"] == pytest.approx(b["best"], rel=1e-5)
    load_model(both / "tiny.safetensors")
    assert "x 2" in read_info(both / "tiny.safetensors")["record"]["device"]
    rows = (both / "log.csv").read_text().splitlines()
    stop = ["3"] if start == "torchrun" else []
    assert [row.split(",")[0] for row in rows] == ["step", "2", *stop, "4", "6"]
