"""Training on devices other than the CPU, without one: torch's device ``meta``.

It holds no values and refuses tensors of the CPU, so a tensor that was left behind raises an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from specsr.train import checkpoint
from specsr.train.build import build_net
from specsr.train.crops import Crops
from specsr.train.data import delivered, validate
from specsr.train.learner import Learner
from specsr.train.losses import LOSSES
from specsr.train.train import train
from support.step_samples import CPU, KINDS, META, crops_of, examples_of, run_of
from support.tiny_config import config
from support.train_samples import tensors


class PlainSteps(torch.optim.Optimizer):
    """Plain gradient steps in place of Adam, whose fused kernels need a device with values."""

    def __init__(self, weights: Any, lr: torch.Tensor, **_: Any) -> None:
        super().__init__(weights, {"lr": lr})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        with torch.no_grad():
            for group in self.param_groups:
                for weights in group["params"]:
                    if weights.grad is not None:
                        weights -= group["lr"] * weights.grad


@pytest.mark.parametrize("name", ["edsr", "mdsr"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_tensor_of_a_step_is_left_on_another_device(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    """Steps in two parts with clipping, and the validation."""
    monkeypatch.setattr(torch.optim, "Adam", PlainSteps)
    options = run_of(kind, name, accumulate=2, clip=0.1)
    learner = Learner(build_net(options), options, META)
    crops = crops_of(options, 6)
    real = [bool(crops[step].real.any()) for step in range(6)]
    assert any(real) == bool(options.data.real.folders)
    for step in range(6):
        assert learner.step(crops[step], step).device.type == "meta"
    if kind == "image":  # its validation runs `run_tiled`, whose results are on the CPU
        return
    examples = examples_of(options)
    for held_out in (examples[:2], examples[2:]):
        scores = validate(learner.average, held_out, options, "meta")
        assert scores and all(score.device.type == "meta" for score in scores.values())


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_no_tensor_of_a_loss_is_left_on_another_device(
    monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """Of known crops alone, and of some that are real."""
    monkeypatch.setattr(torch.optim, "Adam", PlainSteps)
    for kind in ("noise",) if loss == "waveform" else ("pool", "denoise"):
        options = run_of(kind, "edsr", loss=loss)
        learner = Learner(build_net(options), options, META)
        assert learner.step(crops_of(options, 1)[0], 0).device.type == "meta"


# --- maps on the device ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["edsr", "mdsr"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "image"])
def test_no_tensor_of_a_crop_is_left_on_another_device(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    monkeypatch.setattr(torch.optim, "Adam", PlainSteps)
    options = run_of(kind, name, examples_on="device")
    crops = crops_of(options, 3)
    draws, cut = delivered(crops, options, META.device)
    assert cut is not None
    learner = Learner(build_net(options), options, META, cut=cut)
    for step in range(3):
        batch, wanted = cut(draws[step]), crops[step]
        assert all(x.device.type == "meta" for x in batch if isinstance(x, torch.Tensor))
        assert [x.shape for x in batch[:2]] == [x.shape for x in wanted[:2]]
        assert learner.step(draws[step], step).device.type == "meta"


@pytest.mark.parametrize("name", ["edsr", "mdsr"])
@pytest.mark.parametrize("kind", ["pool", "band"])
def test_a_run_with_maps_on_the_device_is_that_on_the_host(
    tmp_path: Path, kind: str, name: str
) -> None:
    """Bit for bit on a CPU, also resumed and recorded: weights, moments, scores."""
    scales = [2, 3] if (kind, name) == ("pool", "mdsr") else [2] if kind == "pool" else [1]

    def run(folder: str, *stops: int, **changes: Any) -> dict[str, torch.Tensor]:
        for steps in stops:
            train(
                config(
                    tmp_path, pair={"kind": kind, "scales": scales},
                    model={"name": name, "order_input": kind == "pool"},
                    train={"steps": steps, "patch": [4, 4], "schedule": "halve", **changes},
                ),
                tmp_path / folder, resume=True,
            )  # fmt: skip
        return tensors(checkpoint.load(tmp_path / folder / "checkpoint.pt"))

    wanted = run("host", 12)
    runs = [
        run("device", 12, examples_on="device"),
        run("resumed", 5, 12, examples_on="device"),
        run("moved", 5, examples_on="host") and run("moved", 12, examples_on="device", workers=1),
    ]
    for found in runs:
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_maps_are_placed_by_device_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    options = run_of("denoise", "edsr")
    crops, free = crops_of(options, 1), [0]
    assert delivered(crops, options, CPU.device) == (crops, None)
    image = run_of("image", "edsr", examples_on="device")
    images = crops_of(image, 1)
    assert delivered(images, image, CPU.device) == (images, None)
    gpu, moved = torch.device("cuda"), object()
    monkeypatch.setattr(crops, "on", lambda device: moved)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[0], 0))
    assert isinstance(crops, Crops)
    for free[0], placed in (
        (2 * crops.cut.store.nbytes, (crops.draws, moved)),
        (2 * crops.cut.store.nbytes - 1, (crops, None)),
    ):
        assert delivered(crops, options, gpu) == placed
    assert delivered(crops, run_of("denoise", "edsr", examples_on="host"), gpu) == (crops, None)
