"""The processes of a training run: one, or one for each device.

Every process draws the same batch and computes its share of it; the gradients are averaged before
the step.  Several processes need Lightning Fabric, which starts and connects them.
"""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.maps.device import pick_device

PATIENCE = timedelta(hours=24)
"""Longest wait for other processes: the first one prepares the data and validates alone."""


@dataclass(frozen=True)
class Alone:
    """One process on one device; the methods do nothing beyond what a single process needs."""

    device: torch.device
    rank: int = 0
    size: int = 1

    def wrap(self, net: nn.Module) -> nn.Module:
        """Return the module to call instead of the network, which averages the gradients."""
        return net

    def apart(self, wrapped: nn.Module) -> AbstractContextManager[Any]:
        """Return a context in which gradients accumulate without being averaged."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Compute and accumulate the gradients of a loss."""
        loss.backward()

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over the processes, the same in each."""
        return value

    def first_ahead(self) -> AbstractContextManager[Any]:
        """Return a context that the others enter after the first process has left it."""
        return nullcontext()

    def __enter__(self) -> Alone:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Disconnect from the other processes."""


@dataclass(frozen=True)
class Ranks(Alone):
    """One of several processes, connected by Lightning Fabric's DDP (NCCL on GPUs, else Gloo)."""

    fabric: Any = None

    def wrap(self, net: nn.Module) -> nn.Module:
        return self.fabric.setup_module(net)

    def apart(self, wrapped: nn.Module) -> AbstractContextManager[Any]:
        return self.fabric.no_backward_sync(wrapped)

    def backward(self, loss: Tensor) -> None:
        self.fabric.backward(loss)

    def mean(self, value: Tensor) -> Tensor:
        return self.fabric.all_reduce(value.clone(), reduce_op="mean")

    def first_ahead(self) -> AbstractContextManager[Any]:
        return self.fabric.rank_zero_first(local=True)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Close the process group: its threads must not outlive the interpreter.

        Without waiting for the others after an error: they may not reach this point.
        """
        if kind is None:
            self.fabric.barrier()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def join(device: str, devices: int, unused: bool = False) -> Alone:
    """Return this process of a run, connected to the others.

    Under ``torchrun`` the processes are those that it started, on one machine or several.
    Otherwise ``devices`` - 1 further ones are started with the command line of this one.

    Args:
        device: torch device, or ``auto``; without an index for several devices.
        devices: number of devices of the run; 1 under ``torchrun``.
        unused: some weights have no gradient in a step (other scales of an MDSR).

    Raises:
        SpecsrError: Fabric is not installed, fewer devices than ``devices``, a device with an index
            for several devices, or ``devices`` contradicts torchrun.
    """
    chosen = pick_device(device)
    elastic = torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()
    here, nodes = devices, 1
    if elastic:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // here
        if devices not in (1, here * nodes):
            raise SpecsrError(
                f"train.devices is {devices}, but torchrun started {here * nodes} processes: "
                "leave train.devices out"
            )
    if here * nodes == 1:
        return Alone(chosen)
    require("lightning_fabric", "distributed", "several devices")
    if chosen.index is not None:
        raise SpecsrError(
            f"train.device is {device!r}: expected cpu or cuda without an index for {here} devices"
        )
    if chosen.type == "cuda" and torch.cuda.device_count() < here:
        raise SpecsrError(
            f"train.devices is {here}, but this machine has {torch.cuda.device_count()} GPUs: "
            "lower it, or set train.device=cpu"
        )
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy

    # Fabric logs its settings on every start
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    fabric = Fabric(
        accelerator=chosen.type, devices=here, num_nodes=nodes,
        strategy=DDPStrategy(timeout=PATIENCE, find_unused_parameters=unused),
    )  # fmt: skip
    fabric.launch()
    if fabric.global_rank:  # only the first process logs
        logging.getLogger("specsr").setLevel(logging.ERROR)
    return Ranks(fabric.device, fabric.global_rank, fabric.world_size, fabric)
