"""What one training step costs: time, and the memory kept for the backward pass."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from specsr.models.tiling import pick_device
from specsr.train.config import Config
from specsr.train.losses import LOSSES
from specsr.train.train import build_net


@dataclass(frozen=True)
class StepCost:
    """One training step of a config.

    Attributes:
        name: of the config.
        parameters: trained ones.
        seconds: of the fastest of the measured steps; on a CPU processor time, over all threads,
            which other work on the machine does not lengthen.
        kept_bytes: activations that the forward pass keeps for the backward pass, each counted
            once, weights left out; the same on every device.
        peak_bytes: most memory allocated on a GPU; None elsewhere.
    """

    name: str
    parameters: int
    seconds: float
    kept_bytes: int
    peak_bytes: int | None


def step_cost(config: Config, steps: int = 5) -> StepCost:
    """Measure training steps of a config on random images (or maps) of its batch and patch."""
    device = pick_device(config.train.device)
    net: Any = build_net(config)  # torch's stubs of `to` know no memory format
    net = net.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(net.parameters(), config.train.lr, fused=True)
    loss_function = LOSSES[config.train.loss]
    scale = tuple(config.pair.scales[0])
    rows, columns = (config.train.patches or [config.train.patch])[0]
    low = torch.rand(config.train.batch, net.config.in_channels, rows, columns, device=device) * 255
    high = torch.rand(
        config.train.batch, net.config.out_channels, rows * scale[0], columns * scale[1],
        device=device,
    ) * 255  # fmt: skip
    low, high = (x.to(memory_format=torch.channels_last) for x in (low, high))
    own = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    clock = time.perf_counter if device.type == "cuda" else time.process_time

    def step() -> float:
        began = clock()
        with torch.autocast(
            device.type, torch.bfloat16, enabled=config.train.precision == "bfloat16"
        ):
            estimate = net(low, scale)
        loss = loss_function(estimate.float(), high)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - began

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = loss_function(net(low, scale).float(), high)  # held, so no storage is used twice
    del loss
    step()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = min(step() for _ in range(steps))
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    count = sum(p.numel() for p in net.parameters())
    return StepCost(config.name, count, seconds, sum(kept.values()), peak)
