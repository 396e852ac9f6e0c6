"""Training on devices other than the CPU, without one: torch's device ``meta``, recorded steps.

The device ``meta`` holds no values and refuses tensors of the CPU, so a tensor that was left behind
raises an error.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from specsr.images.sets import ImagePair
from specsr.pairs.noise_input import CHANNELS
from specsr.train import checkpoint
from specsr.train.batch import Batch, synthetic
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.data import delivered, validate
from specsr.train.examples import Example
from specsr.train.images import ImageCrops
from specsr.train.learner import Learner
from specsr.train.losses import LOSSES
from specsr.train.noise_maps import TARGETS
from specsr.train.processes import Alone
from specsr.train.recorded import WARM_UP, Recorded
from specsr.train.train import train
from support.tiny_config import config
from support.train_samples import noise_map, tensors

aten = torch.ops.aten
KINDS = ["pool", "stft", "band", "denoise", "speckle", "windows", "noise", "image"]
NOISY = ("denoise", "noise")
META, CPU = Alone(torch.device("meta")), Alone(torch.device("cpu"))


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


def run_of(kind: str, name: str, **train: Any) -> Config:
    """Every option that adds tensors to a step of a pair."""
    scales = {"pool": [2, 3], "stft": [2], "image": [2, 3]}.get(kind, [1])
    scales = scales if name == "mdsr" else scales[:1]
    real = kind in ("pool", "speckle")
    folders = ["images"] if kind == "image" else []
    hop = 2 if kind == "windows" else 32
    loss = "waveform" if kind == "noise" else "itakura-saito+l2"
    return config(
        Path(),
        grids=[{"n_fft": 64, "hop_length": hop}],
        pair={"kind": kind, "scales": scales, "snr": [0, 1] if kind in NOISY else None},
        model={"name": name, "uncertainty": True, "order_input": kind == "pool"},
        data={"synth": {"count": 0 if folders else 2}, "folders": folders,
              "real": {"folders": ["x"] if real else []}},
        train={"batch": 8, "patch": [4, 4], "places": 2, "loss": loss, **train},
    )  # fmt: skip


def examples_of(options: Config) -> list[Example]:
    """Two of known power; where the pair takes them, two real ones."""
    kind, scale = options.pair.kind, options.pair.scales[0][0]
    factor = 1 if kind == "pool" else scale
    found = []
    for i, low in enumerate(noise_map(i, 32, 50 + i) for i in range(4)):
        high = np.repeat(np.repeat(low, factor, 0), factor, 1)
        if options.pair.kind == "windows":
            low = np.concatenate([low, low, low])
        if kind == "noise":
            low, high = np.concatenate([low] * CHANNELS), np.concatenate([low] * TARGETS)
        speed = np.linspace(5, 60, 50 + i).astype(np.float32)
        real = bool(options.data.real.folders) and i > 1
        found.append(Example(low, high, 20, 100.0, speed, real=real, overlap=4.0))
    return found


def crops_of(options: Config, steps: int) -> Crops | ImageCrops:
    if options.pair.kind != "image":
        return Crops(examples_of(options), options, steps)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (36, 48, 3), dtype=np.uint8) for _ in range(2)]
    scales = [s for s, _ in options.pair.scales]
    pairs = [ImagePair(str(i), h, {s: h[::s, ::s] for s in scales}) for i, h in enumerate(images)]
    return ImageCrops(pairs, options, steps)


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


# --- recorded steps -------------------------------------------------------------------------


class CallsAgain:
    """A recorder that runs the work again where a GPU replays its kernels."""

    def __init__(self) -> None:
        self.warm_ups = self.recordings = self.replays = 0

    def warm_up(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        self.warm_ups += 1
        return work()

    def record(self, work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        self.recordings += 1

        def replay() -> torch.Tensor:
            self.replays += 1
            return work()

        return replay


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_steps_are_those_of_plain_calls(kind: str) -> None:
    """Bit for bit, with batches copied to the memory that a recording reads from."""
    options = run_of(kind, "mdsr")
    plain, recorded = (Learner(build_net(options), options, CPU) for _ in range(2))
    recorder = recorded.work.recorder = CallsAgain()
    crops = crops_of(options, 14)
    for step in range(14):
        batch = crops[step]
        kept = copy.deepcopy(batch)
        a, b = plain.step(batch, step), recorded.step(batch, step)
        assert torch.equal(a, b)
        assert all(torch.equal(x, y) for x, y in zip(batch[:2], kept[:2]))
    for ours, theirs in ((plain.net, recorded.net), (plain.average, recorded.average)):
        assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), theirs.parameters()))
    scales = len({tuple(crops[step].scale) for step in range(14)})
    assert scales == len(options.pair.scales)
    assert (recorder.recordings, recorder.warm_ups) == (scales, scales * WARM_UP)
    assert recorder.replays == 14 - recorder.warm_ups


class ReadsNoValue(TorchDispatchMode):
    """Refuses operations that make the host wait for a value, which no recording can contain."""

    waiting = (aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.equal)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        masks = func.overloadpacket in (aten.index, aten.index_put_, aten.index_put) and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        assert func.overloadpacket not in self.waiting and not masks, func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", KINDS)
def test_the_work_of_a_step_depends_on_no_value(kind: str) -> None:
    options = run_of(kind, "mdsr", accumulate=2, clip=0.1, examples_on="device")
    crops = crops_of(options, 4)
    draws, cut = delivered(crops, options, CPU.device)
    learner = Learner(build_net(options), options, CPU, cut=cut)
    for step in range(4):
        item = draws[step]
        with ReadsNoValue():
            learner.step(item, step)
    with pytest.raises(AssertionError), ReadsNoValue():
        torch.ones(2)[torch.ones(2, dtype=torch.bool)]


def test_a_scale_is_recorded_once_for_each_shape() -> None:
    recorder, seen = CallsAgain(), []

    def work(batch: Batch) -> torch.Tensor:
        seen.append(batch)
        return batch.low.sum()

    recorded = Recorded(work, torch.device("cpu"), recorder)
    shapes = [(2, 4, (2, 2)), (2, 4, (3, 3)), (1, 4, (2, 2))]
    for call in range(WARM_UP + 2):
        for count, side, scale in shapes:
            low = torch.full((count, 1, side, side), float(call))
            assert recorded(synthetic(low, low, scale)) == call * count * side**2
    assert recorder.recordings == 3 and recorder.replays == 2 * 3
    fixed = {id(batch.low) for batch in seen[-6:]}
    assert len(fixed) == 3  # a replay reads the memory of its recording


def test_what_cannot_be_recorded_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    class Refuses(CallsAgain):
        def record(self, work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
            raise RuntimeError("CUDA error: operation not permitted\nCompile with ...")

    options = run_of("denoise", "edsr")
    plain, refused = (Learner(build_net(options), options, CPU) for _ in range(2))
    refused.work.recorder = Refuses()
    crops = crops_of(options, 6)
    with caplog.at_level(logging.WARNING):
        for step in range(6):
            assert torch.equal(plain.step(crops[step], step), refused.step(crops[step], step))
    message = "steps run without CUDA graphs, more slowly: CUDA error: operation not permitted"
    assert [record.message for record in caplog.records] == [message]
