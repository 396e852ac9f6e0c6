"""One optimiser step: forward and backward pass over a batch, in parts and on several devices."""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import os
import shutil
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from specsr.errors import SpecsrError
from specsr.models.network import Network
from specsr.models.precision import autocast
from specsr.train.batch import Batch
from specsr.train.config import Config
from specsr.train.losses import LOSSES, real_loss, uncertainty_loss
from specsr.train.processes import Alone


def learning_rate(step: int, config: Config) -> float:
    """Return the learning rate: linear warm-up, then a cosine to 1 % or halvings (Lim et al.)."""
    train = config.train
    warm = min(1.0, (step + 1) / max(1, train.warmup))
    if train.schedule == "halve":
        return train.lr * warm * 0.5 ** (step // train.halve_every)
    part = 0.5 * (1 + math.cos(math.pi * step / train.steps))
    return train.lr * warm * (0.01 + 0.99 * part)


class Learner:
    """A network, the moving average of its weights and its optimiser.

    Args:
        net: network; moved to the device of ``ranks`` and trained in place.
        config: options of model and training.
        ranks: the processes of the run; each computes its share of every batch.
        memory_format: channels_last makes convolutions faster, on CPUs and GPUs.
    """

    def __init__(
        self, net: Network, config: Config, ranks: Alone,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:  # fmt: skip
        self.net = net.to(ranks.device, memory_format=memory_format)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.net)
        self.optimiser = torch.optim.Adam(self.net.parameters(), config.train.lr, fused=True)
        self.config, self.ranks, self.memory_format = config, ranks, memory_format

    @functools.cached_property
    def forward(self) -> Any:
        """The network as it is called: compiled if asked for, joined with those of other processes.

        Made at the first call, when all processes have the weights of a resumed run.
        """
        return self.ranks.wrap(compiled(self.net) if self.config.train.compile else self.net)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned; before the first step.

        Raises:
            ValueError, RuntimeError, KeyError, TypeError: not the state of this network and
                optimiser.
        """
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        # the options are those of this run: only the moments come from the checkpoint
        options = self.optimiser.state_dict()["param_groups"]
        moments = state["optimiser"]["state"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": options})
        for weights, own in self.optimiser.state.items():
            shapes = {name: tuple(value.shape) for name, value in own.items()}
            moment = tuple(weights.shape)
            if shapes != {"step": (), "exp_avg": moment, "exp_avg_sq": moment}:
                raise ValueError(f"the optimiser has {shapes} for weights of {moment}")

    def step(self, batch: Batch, step: int) -> Tensor:
        """Take one optimiser step and return the loss of this process's share, detached.

        The batch is computed in ``train.accumulate`` parts one after the other; the step equals
        that of the whole batch if the loss is a mean over crops.

        Args:
            batch: the crops of this process.
            step: number of the step, from 0; sets the learning rate.

        Raises:
            SpecsrError: see `compiled`.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, self.config)
        self.optimiser.zero_grad(set_to_none=True)
        parts = self.config.train.accumulate
        total = torch.zeros((), device=self.ranks.device)
        for i, part in enumerate(batch.chunk(parts)):
            last = i == parts - 1  # gradients are averaged over the processes once in a step
            with contextlib.nullcontext() if last else self.ranks.apart(self.forward):
                loss = self.loss(part) / parts
                self.ranks.backward(loss)
            total += loss.detach()
        if self.config.train.clip:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.train.clip)
        self.optimiser.step()
        self._update_average(step + 1)
        return total

    def loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch or a part of it, with its graph.

        The mean over the crops: of the configured loss and that of the uncertainty, or, for real
        crops, of ``data.real.weight`` times `real_loss`.
        """
        device = self.ranks.device
        low, high = (
            x.to(device, memory_format=self.memory_format, non_blocking=True)
            for x in (batch.low, batch.high)
        )
        scale = (batch.scale[0], batch.scale[1])  # a DataLoader makes a list of it
        with autocast(device, self.config.train.precision):
            estimate = self.forward(low, scale)
        estimate = estimate.float()
        if not batch.real.any():
            return self._known_loss(estimate, high)
        # the mask is on the CPU: its sizes are known without waiting for a GPU
        real, known = (mask.nonzero()[:, 0].to(device) for mask in (batch.real, ~batch.real))
        values = estimate[real][:, : high.shape[1]]
        loss = real_loss(values, high[real], low[real][:, :1], scale)
        loss = loss * (self.config.data.real.weight * len(real) / len(low))
        if len(known):
            loss = loss + self._known_loss(estimate[known], high[known]) * (len(known) / len(low))
        return loss

    def _known_loss(self, estimate: Tensor, high: Tensor) -> Tensor:
        """Return the loss of crops whose target is the truth; ``estimate`` has the uncertainty."""
        train = self.config.train
        values, log_width = estimate[:, : high.shape[1]], estimate[:, high.shape[1] :]
        loss = LOSSES[train.loss](values, high)
        if self.config.model.uncertainty:
            # detached: the uncertainty is learned from the error and must not change the levels
            loss = loss + train.uncertainty_weight * uncertainty_loss(
                (values - high).detach(), log_width
            )
        return loss

    def _update_average(self, steps: int) -> None:
        """Update the average of the weights after ``steps`` steps."""
        # a short memory first, so that the initial weights lose their influence
        decay = min(self.config.train.ema, (1 + steps) / (10 + steps))
        pairs = zip(self.average.buffers(), self.net.buffers())
        get_ema_multi_avg_fn(decay)(
            list(self.average.parameters()), list(self.net.parameters()), None
        )
        with torch.no_grad():
            for mean, now in pairs:
                mean.copy_(now)  # statistics of batch normalisation


def compiled(net: torch.nn.Module) -> Any:
    """Return a network compiled by torch.

    Raises:
        SpecsrError: no compiler for its device is installed.
    """
    kind = next(net.parameters()).device.type
    if kind == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        raise SpecsrError(
            "train.compile needs a C++ compiler (g++): install one, or leave train.compile out"
        )
    if kind == "cuda" and not torch.utils._triton.has_triton():
        raise SpecsrError(
            "train.compile needs Triton on a GPU: pip install triton, or leave train.compile out"
        )
    return torch.compile(net)
