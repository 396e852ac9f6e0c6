"""One optimiser step: forward and backward over a batch, in parts and on many devices or not."""

from __future__ import annotations

import contextlib
import copy
import logging
import math
import os
import shutil
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from specsr.errors import SpecsrError
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.train.config import Config
from specsr.train.losses import LOSSES, uncertainty_loss
from specsr.train.processes import Alone

log = logging.getLogger(__name__)


def learning_rate(step: int, config: Config) -> float:
    """Rate at a step: linear warm-up, then a cosine to 1 % or halvings (Lim et al. 2017)."""
    train = config.train
    warm = min(1.0, (step + 1) / max(1, train.warmup))
    if train.schedule == "halve":
        return train.lr * warm * 0.5 ** (step // train.halve_every)
    part = 0.5 * (1 + math.cos(math.pi * step / train.steps))
    return train.lr * warm * (0.01 + 0.99 * part)


class Learner:
    """A network, the average of its weights and its optimiser.

    Args:
        net: on its device already; trained in place.
        config: its training options, and whether the network says its uncertainty.
        ranks: the processes that learn together; each is given its share of every batch.
        memory_format: channels_last is the faster one for convolutions, on CPUs and GPUs.
    """

    def __init__(
        self, net: EDSR | MDSR, config: Config, ranks: Alone,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:  # fmt: skip
        self.net = net.to(ranks.device, memory_format=memory_format)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.net)
        self.optimiser = torch.optim.Adam(self.net.parameters(), config.train.lr, fused=True)
        self.config, self.ranks, self.memory_format = config, ranks, memory_format
        self.loss = LOSSES[config.train.loss]
        self.forward: Any = None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Set everything to what `state` returned; before the first step."""
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])

    def step(self, low: Tensor, high: Tensor, scale: tuple[int, int], step: int) -> Tensor:
        """Take step ``step`` (from 0) and return the loss of this process's share, detached.

        ``train.accumulate`` parts of the batch go one after the other, which gives the step of the
        whole batch where the loss is a mean over its crops.
        """
        if self.forward is None:  # as late as this: averaging starts from equal weights
            net = compiled(self.net) if self.config.train.compile else self.net
            self.forward = self.ranks.wrap(net)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, self.config)
        self.optimiser.zero_grad(set_to_none=True)
        parts = self.config.train.accumulate
        total = torch.zeros((), device=low.device)
        for i, (x, y) in enumerate(zip(low.chunk(parts), high.chunk(parts))):
            last = i == parts - 1  # gradients are averaged over the processes once a step
            with contextlib.nullcontext() if last else self.ranks.apart(self.forward):
                loss = self._loss(x, y, scale) / parts
                self.ranks.backward(loss)
            total += loss.detach()
        if self.config.train.clip:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.train.clip)
        self.optimiser.step()
        self._follow(step + 1)
        return total

    def _loss(self, low: Tensor, high: Tensor, scale: tuple[int, int]) -> Tensor:
        device, train = self.ranks.device, self.config.train
        low, high = (
            x.to(device, memory_format=self.memory_format, non_blocking=True) for x in (low, high)
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=train.precision == "bfloat16"):
            estimate = self.forward(low, scale)
        estimate = estimate.float()
        values, log_width = estimate[:, : high.shape[1]], estimate[:, high.shape[1] :]
        loss = self.loss(values, high)
        if self.config.model.uncertainty:
            # learned from the level's error as it is: it must not move the level
            loss = loss + train.uncertainty_weight * uncertainty_loss(
                (values - high).detach(), log_width
            )
        return loss

    def _follow(self, steps: int) -> None:
        """Move the average after ``steps`` steps."""
        # it forgets its untrained start: a short memory first, then a long one
        decay = min(self.config.train.ema, (1 + steps) / (10 + steps))
        pairs = zip(self.average.buffers(), self.net.buffers())
        get_ema_multi_avg_fn(decay)(
            list(self.average.parameters()), list(self.net.parameters()), None
        )
        with torch.no_grad():
            for mean, now in pairs:
                mean.copy_(now)  # what batch normalisation has seen


def compiled(net: torch.nn.Module) -> Any:
    """Return a network compiled by torch.

    Raises:
        SpecsrError: there is no compiler for its device.
    """
    kind = next(net.parameters()).device.type
    if kind == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        raise SpecsrError("train.compile needs a C++ compiler (g++): install it, or leave it out")
    if kind == "cuda" and not torch.utils._triton.has_triton():
        raise SpecsrError(
            "train.compile needs Triton on a GPU: pip install triton, or leave it out"
        )
    return torch.compile(net)
