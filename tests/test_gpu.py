"""A GPU gives the results of the CPU: training step, resumed run, inference, phase (``-m gpu``)."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from specsr.maps.phase import to_signal
from specsr.maps.transform import spectrogram
from specsr.models.config import EDSRConfig
from specsr.models.model import read_info
from specsr.models.network import build
from specsr.models.options import InferOptions
from specsr.models.precision import arithmetic
from specsr.models.tiling import prepared, run_tiled
from specsr.synth.machine import RunUp
from specsr.synth.synthesis import synthesise
from specsr.train import checkpoint
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import Example
from specsr.train.learner import Learner
from specsr.train.processes import Alone
from specsr.train.recorded import WARM_UP
from specsr.train.train import train
from support.tiny_config import config
from support.train_samples import noise_map

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]
CUDA, CPU = torch.device("cuda"), torch.device("cpu")
ROUNDING = 1e-4
"""Largest relative difference of float32 sums in another order."""


def run_of(tmp_path: Path, kind: str, **train_options: Any) -> Config:
    """Every option that adds work to a step: two scales, real crops, orders, uncertainty."""
    pool = kind == "pool"
    return config(
        tmp_path,
        pair={"kind": kind, "scales": [2, 3] if pool else [1],
              "snr": [0, 1] if kind == "denoise" else None},
        model={"name": "mdsr", "n_feats": 16, "uncertainty": True, "order_input": pool},
        data={"synth": {"count": 2}, "real": {"folders": ["x"] if pool else []}},
        train={"batch": 8, "patch": [8, 8], "places": 2, "loss": "itakura-saito+l2",
               "lr": 1e-3, "warmup": 0, **train_options},
    )  # fmt: skip


def examples(kind: str) -> list[Example]:
    speed = np.linspace(5, 60, 80).astype(np.float32)
    return [
        Example(m, m, 20, 100.0, speed, real=kind == "pool" and i > 1, overlap=4.0)
        for i, m in enumerate(noise_map(i, 32, 80) for i in range(4))
    ]


@pytest.mark.parametrize("kind", ["pool", "band", "denoise", "speckle"])
def test_crops_and_loss_and_gradients_are_those_of_the_cpu(tmp_path: Path, kind: str) -> None:
    options = run_of(tmp_path, kind)
    found = []
    for device in (CPU, CUDA):
        crops = Crops(examples(kind), options, 1)
        batch = crops.on(device)(crops.draws[0])
        with arithmetic(device, "float32"):
            learner = Learner(build_net(options), options, Alone(device))
            loss = learner.loss(batch)
            loss.backward()
        gradients = {n: p.grad for n, p in learner.net.named_parameters() if p.grad is not None}
        found.append((batch, loss.item(), gradients))
    (batch, loss, gradients), (other, gpu_loss, gpu_gradients) = found
    for ours, theirs in zip(batch[:2], other[:2]):
        torch.testing.assert_close(theirs.cpu(), ours, rtol=ROUNDING, atol=1e-3)
    assert gpu_loss == pytest.approx(loss, rel=ROUNDING)
    for name, value in gradients.items():
        largest = value.abs().max().item()
        apart = (gpu_gradients[name].cpu() - value).abs().max().item()
        assert apart <= 10 * ROUNDING * max(largest, 1e-6), name


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_steps_of_graphs_are_plain_steps(
    tmp_path: Path, precision: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty steps with the same draws, recorded and as they are."""
    options = run_of(tmp_path, "pool", precision=precision)
    crops = Crops(examples("pool"), options, 20)
    cut = crops.on(CUDA)
    learners = [Learner(build_net(options), options, Alone(CUDA), cut=cut) for _ in range(2)]
    learners[1].work.recorder = None
    with arithmetic(CUDA, options.train.precision), caplog.at_level(logging.WARNING):
        for step in range(20):
            losses = [learner.step(crops.draws[step], step).item() for learner in learners]
            assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert not caplog.records and len(learners[0].work.replays) == 2
    assert all(count > WARM_UP for count in learners[0].work.calls.values())
    untrained = build_net(options)
    pairs = zip(*(copy.deepcopy(n).cpu().parameters() for n in (
        learners[0].average, learners[1].average, untrained)))  # fmt: skip
    for graph, plain, start in pairs:
        moved = (plain - start).norm().item()
        assert (graph - plain).norm().item() <= 0.02 * moved + 1e-7


def test_a_run_on_a_gpu_is_resumed(tmp_path: Path) -> None:
    """Nearly as unbroken: kernels may be chosen anew; with the maps on the device and without."""

    def options_of(steps: int, **changes: Any) -> Config:
        return config(
            tmp_path, pair={"scales": [2, 3]}, model={"name": "mdsr", "order_input": True},
            train={"steps": steps, "patch": [4, 4], "schedule": "halve", "device": "cuda",
                   "lr": 1e-3, **changes},
        )  # fmt: skip

    def run(folder: str, *stops: int, **changes: Any) -> dict[str, torch.Tensor]:
        for steps in stops:
            path = train(options_of(steps, **changes), tmp_path / folder, resume=True)
        assert path is not None
        device = read_info(path)["record"]["device"]
        assert device.startswith(changes.get("device", "cuda"))
        return checkpoint.load(tmp_path / folder / "checkpoint.pt")["net"]

    def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
        return float(sum((one[key] - other[key]).square().sum() for key in one)) ** 0.5

    wanted, untrained = run("whole", 20), build_net(options_of(1)).state_dict()
    for found in (
        run("resumed", 9, 20),
        run("host", 20, examples_on="host"),
        run("cpu", 20, device="cpu"),
    ):
        assert apart(found, wanted) <= 0.05 * apart(untrained, wanted)


@pytest.mark.parametrize("tile", [None, (16, 20)])
@pytest.mark.parametrize("scale", [(4, 4), (2, 3), (1, 1)])
def test_inference_is_that_of_the_cpu(tile: tuple[int, int] | None, scale: tuple[int, int]) -> None:
    torch.manual_seed(0)
    net = build(
        EDSRConfig(scale=scale, n_resblocks=3, n_feats=32, in_channels=1, out_channels=1,
                   mean=(0.0,), std=20.0, uncertainty=True)
    )  # fmt: skip
    image = 20 * torch.randn(1, 75, 90)
    wanted = run_tiled(net, image, scale, InferOptions(device="cpu"))
    options = InferOptions(tile=tile, device="cuda")
    found = run_tiled(net, image, scale, options)
    assert found.device.type == "cpu" and next(net.parameters()).device.type == "cpu"
    torch.testing.assert_close(found, wanted, rtol=ROUNDING, atol=2e-3)
    with prepared(net, scale, options) as run:  # without waiting for the device between images
        again = [run(image), run(2 * image), run(image)]
    assert torch.equal(again[0], found) and torch.equal(again[2], found)
    assert not torch.equal(again[1], found)
    half = run_tiled(net, image, scale, InferOptions(precision="bfloat16", device="cuda"))
    assert 0 < (half - wanted).abs().max() < 2


def test_the_phase_is_that_of_the_cpu() -> None:
    signal = synthesise(RunUp(duration=1.0)).signal
    spec = spectrogram(signal, n_fft=1024, hop_length=256)
    plain = spec.replace(phase=None)
    deviations = []
    for device in ("cpu", "cuda"):
        again = spectrogram(to_signal(plain, device=device), n_fft=1024, hop_length=256)
        error = np.square(again.magnitude - spec.magnitude).sum()
        deviations.append(10 * np.log10(error / np.square(spec.magnitude).sum()))
    assert deviations[1] == pytest.approx(deviations[0], abs=0.5)
