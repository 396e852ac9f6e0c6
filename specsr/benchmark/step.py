"""Cost of one training step: time, and the memory kept for the backward pass."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from specsr.benchmark.options import STEPS
from specsr.maps.device import pick_device
from specsr.train.batch import Batch, synthetic
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.learner import Learner
from specsr.train.noise_maps import TARGETS
from specsr.train.processes import Alone


@dataclass(frozen=True)
class StepCost:
    """Cost of one training step of a config.

    Attributes:
        name: name of the config.
        parameters: number of trained parameters.
        seconds: time of the fastest measured step.  On a CPU: processor time of all threads, which
            other work on the machine does not lengthen.
        kept_bytes: activations that the forward pass of one part of the batch keeps for the
            backward pass, each counted once, without the weights; the same on every device.
        peak_bytes: most memory allocated on a GPU; None on other devices.
    """

    name: str
    parameters: int
    seconds: float
    kept_bytes: int
    peak_bytes: int | None


def step_cost(config: Config, steps: int = STEPS) -> StepCost:
    """Measure training steps of a config on random data of its batch and patch size.

    Args:
        config: config of a run.
        steps: number of measured steps.

    Raises:
        SpecsrError: no such device.
    """
    device = pick_device(config.train.device)
    learner = Learner(build_net(config), config, Alone(device))
    net, scale = learner.net, config.pair.scales[0]
    rows, columns = (config.train.patches or [config.train.patch])[0]
    batch = config.train.batch
    channels = TARGETS if config.pair.kind == "noise" else net.config.out_channels
    low = torch.rand(batch, net.config.in_channels, rows, columns, device=device) * 255
    high = torch.rand(batch, channels, rows * scale[0], columns * scale[1], device=device) * 255
    low, high = (x.to(memory_format=torch.channels_last) for x in (low, high))
    crops = synthetic(low, high, scale)
    clock = time.perf_counter if device.type == "cuda" else time.process_time

    def timed(step: int) -> float:
        began = clock()
        learner.step(crops, step)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - began

    kept = _kept_bytes(learner, crops)
    timed(0)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = min(timed(step) for step in range(1, steps + 1))
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    return StepCost(config.name, sum(p.numel() for p in net.parameters()), seconds, kept, peak)


def _kept_bytes(learner: Learner, batch: Batch) -> int:
    """Return the bytes of activations that one part of a batch keeps for the backward pass."""
    weights = {p.untyped_storage().data_ptr() for p in learner.net.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    parts = learner.config.train.accumulate
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        # the loss is held until the end, so that no storage is freed and used twice
        loss = learner.loss(batch.chunk(parts)[0])
    del loss
    return sum(kept.values())
