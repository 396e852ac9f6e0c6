"""The processes of a training run: one alone, or one for each device side by side.

All see the same drawn batch and each takes its share of it; the gradients are averaged before the
step.  Lightning Fabric starts the processes and joins them, and is needed for more than one alone.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from specsr.errors import SpecsrError
from specsr.models.tiling import pick_device

PATIENCE = timedelta(hours=24)
"""How long a process waits for the others: the first prepares the data and validates alone."""


@dataclass(frozen=True)
class Alone:
    """One process on one device; what `Ranks` does for many is nothing here."""

    device: torch.device
    rank: int = 0
    size: int = 1

    def wrap(self, net: nn.Module) -> nn.Module:
        """Return what to call in place of the network, so that gradients are averaged."""
        return net

    def apart(self, wrapped: nn.Module) -> AbstractContextManager[Any]:
        """Return a context in which gradients gather in each process without being averaged."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss."""
        loss.backward()

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over the processes, the same in each."""
        return value

    def first_ahead(self) -> AbstractContextManager[Any]:
        """Return a context that the first process is through before the others enter."""
        return nullcontext()

    def __enter__(self) -> Alone:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Leave the other processes."""


@dataclass(frozen=True)
class Ranks(Alone):
    """One of several processes, joined by Lightning Fabric's DDP (NCCL on GPUs, else Gloo)."""

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

        After an error the others are not waited for: they may never come.
        """
        if kind is None:
            self.fabric.barrier()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def join(device: str, devices: int, unused: bool = False) -> Alone:
    """Return the processes of a run; with several, this one has met the others on return.

    Started by ``torchrun``, the processes are those that it made, on one machine or several.
    Otherwise ``devices`` - 1 further ones are started with this one's own command line.
    ``unused`` says that some weights have no part in a step (the other scales of an MDSR).

    Raises:
        SpecsrError: Fabric is not installed, there are not so many devices, ``device`` names one
            of many, or ``devices`` contradicts torchrun.
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
    if importlib.util.find_spec("lightning_fabric") is None:
        raise SpecsrError(
            "several devices need lightning_fabric, which is not installed: "
            "pip install 'specsr[distributed]'"
        )
    if chosen.index is not None:
        raise SpecsrError(
            f"train.device is {device!r}: for {here} devices name their kind alone, cpu or cuda"
        )
    if chosen.type == "cuda" and torch.cuda.device_count() < here:
        raise SpecsrError(
            f"train.devices is {here}, but there are {torch.cuda.device_count()} GPUs here: lower "
            "it, or set train.device=cpu"
        )
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy

    # Fabric tells of its plans and versions on every start
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    fabric = Fabric(
        accelerator=chosen.type, devices=here, num_nodes=nodes,
        strategy=DDPStrategy(timeout=PATIENCE, find_unused_parameters=unused),
    )  # fmt: skip
    fabric.launch()
    if fabric.global_rank:  # one voice is enough
        logging.getLogger("specsr").setLevel(logging.ERROR)
    return Ranks(fabric.device, fabric.global_rank, fabric.world_size, fabric)
