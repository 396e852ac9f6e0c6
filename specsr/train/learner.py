"""One optimiser step: forward and backward pass over a batch, in parts and on several devices."""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import os
import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from specsr.errors import SpecsrError
from specsr.models.network import Network
from specsr.models.precision import autocast
from specsr.train.batch import Batch
from specsr.train.config import Config
from specsr.train.losses import LOSSES, REAL_LOSSES, attenuated_error, uncertainty_loss
from specsr.train.processes import Alone
from specsr.train.recorded import CudaGraphs, Recorded


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

    On one GPU the work of a step is recorded as CUDA graphs (`specsr.train.recorded`).

    Args:
        net: network; moved to the device of ``ranks`` and trained in place.
        config: options of model and training.
        ranks: the processes of the run; each computes its share of every batch.
        memory_format: channels_last makes convolutions faster, on CPUs and GPUs.
        cut: makes the `Batch` on the device from what the steps get, as part of their work; None
            if they get batches.
    """

    def __init__(
        self, net: Network, config: Config, ranks: Alone,
        memory_format: torch.memory_format = torch.channels_last,
        cut: Callable[[Any], Batch] | None = None,
    ) -> None:  # fmt: skip
        device = ranks.device
        self.net = net.to(device, memory_format=memory_format)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.net)
        graphs = device.type == "cuda" and ranks.size == 1
        # rates are tensors: a recorded step reads their values of the moment
        self.optimiser = torch.optim.Adam(
            self.net.parameters(), torch.tensor(config.train.lr, device=device), fused=True,
            capturable=graphs,
        )  # fmt: skip
        self.renewal = torch.zeros((), device=device)
        self.config, self.ranks, self.memory_format, self.cut = config, ranks, memory_format, cut
        self.work = Recorded(self._work, device, CudaGraphs(device) if graphs else None)

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

    def step(self, batch: Any, step: int) -> Tensor:
        """Take one optimiser step and return the loss of this process's share, detached.

        The batch is computed in ``train.accumulate`` parts one after the other; the step equals
        that of the whole batch if the loss is a mean over crops.

        Args:
            batch: the crops of this process, a `Batch` or what ``cut`` makes one from.
            step: number of the step, from 0; sets the learning rate.

        Raises:
            SpecsrError: see `compiled`.
        """
        for group in self.optimiser.param_groups:
            group["lr"].fill_(learning_rate(step, self.config))
        # a short memory first, so that the initial weights lose their influence
        self.renewal.fill_(1 - min(self.config.train.ema, (2 + step) / (11 + step)))
        return self.work(batch)

    def _work(self, item: Any) -> Tensor:
        """Do the work of one step with the present rates."""
        batch = self.cut(item) if self.cut else item
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
        self.optimiser.zero_grad(set_to_none=True)
        self._update_average()
        return total

    def loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch or a part of it, with its graph.

        The mean over the crops: of the configured loss and that of the uncertainty, or, for real
        crops, of ``data.real.weight`` times `real_loss`.
        """
        device = self.ranks.device
        low, high = (
            x.to(device, memory_format=self.memory_format, non_blocking=True).float()
            for x in (batch.low, batch.high)
        )
        scale = (batch.scale[0], batch.scale[1])  # a DataLoader makes a list of it
        with autocast(device, self.config.train.precision):
            estimate = self.forward(low, scale)
        estimate = estimate.float()
        if not self.config.data.real.folders:
            return self._known_loss(estimate, high)
        # both losses of every crop: no size depends on which crops are real
        known = torch.vmap(self._known_loss)(estimate, high)
        values = estimate[:, : high.shape[1]]
        loss_of_real = REAL_LOSSES[self.config.pair.kind]
        crops = (x[:, None] for x in (values, high, low[:, :1]))  # each a batch of one
        real = torch.vmap(lambda value, target, cells: loss_of_real(value, target, cells, scale))(
            *crops
        )
        weight = self.config.data.real.weight
        mask = batch.real.to(device, non_blocking=True)
        return torch.where(mask, weight * real, known).mean()

    def _known_loss(self, estimate: Tensor, high: Tensor) -> Tensor:
        """Return the loss of crops [..., C, H, W] whose target is the truth.

        The second half of the channels of ``estimate`` is the uncertainty, if the model has one.
        """
        train = self.config.train
        noise = self.config.pair.kind == "noise"  # a target of several maps for one of output
        channels = 1 if noise else high.shape[-3]
        values, log_width = estimate[..., :channels, :, :], estimate[..., channels:, :, :]
        loss = LOSSES[train.loss](values, high)
        if self.config.model.uncertainty:
            # detached: the uncertainty is learned from the error and must not change the levels
            error = attenuated_error(values, high) if noise else values - high
            loss = loss + train.uncertainty_weight * uncertainty_loss(error.detach(), log_width)
        return loss

    @torch.no_grad()
    def _update_average(self) -> None:
        """Move the average of the weights towards them by the share ``renewal``."""
        means, now = (list(net.parameters()) for net in (self.average, self.net))
        away = torch._foreach_sub(now, means)
        torch._foreach_mul_(away, self.renewal)
        torch._foreach_add_(means, away)
        for mean, value in zip(self.average.buffers(), self.net.buffers()):
            mean.copy_(value)  # statistics of batch normalisation


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
