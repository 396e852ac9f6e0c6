"""A training step on a GPU that is imitated: tensors with shapes and a device, without values.

torch's fake tensors have the device ``cuda`` on a machine without one.  They refuse to mix devices
and to give a value to the host, for which a GPU would have to finish its work.  A scalar tensor of
the host beside tensors of the GPU, which torch takes, is refused here unless the step made it of a
number: a recorded step would keep its first value.  The backward pass needs a GPU; it is tested on
the device ``meta`` (`test_devices`), and gradients of the right shapes stand for it here.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from specsr.train import learner as module
from specsr.train.build import build_net
from specsr.train.learner import Learner
from specsr.train.processes import Alone
from support.step_samples import KINDS, crops_of, run_of

aten = torch.ops.aten
GPU = torch.device("cuda:0")
COPIES = (aten._to_copy, aten.copy_)


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of GPU and host together, copies and own numbers apart."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Any] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, FakeTensor)]
        if func.overloadpacket not in COPIES and any(x.device.type == "cuda" for x in tensors):
            hosts = [x for x in tensors if x.device.type == "cpu"]
            assert all(any(x is y for y in self.made) for x in hosts), func
        if func.overloadpacket is aten._fused_adam_:  # in place, has no imitation
            return None
        found = func(*args, **(kwargs or {}))
        results = [x for x in tree_leaves(found) if isinstance(x, FakeTensor) and not x.dim()]
        self.made += [x for x in results if not any(x is y for y in tensors)]  # none in place
        return found


class NoRecording:
    """Stands for `CudaGraphs`, which need a GPU: every step runs as it is."""

    def __init__(self, device: torch.device) -> None:
        pass

    def warm_up(self, work: Any) -> Any:
        return work()

    def record(self, work: Any) -> Any:
        return work


class LateRate(torch.optim.Adam):
    """Adam, which reads the value of its rate to check it, on its construction alone."""

    def __init__(self, weights: Any, lr: Tensor, **options: Any) -> None:
        super().__init__(weights, 1.0, **options)
        for group in self.param_groups:
            group["lr"] = lr


def learner_of(monkeypatch: pytest.MonkeyPatch, options: Any, net: Any, cut: Any) -> Learner:
    """Return the learner of a run whose backward pass gives gradients without values."""
    monkeypatch.setattr(module, "CudaGraphs", NoRecording)
    monkeypatch.setattr(torch.optim, "Adam", LateRate)
    learner = Learner(net, options, Alone(GPU), cut=cut)

    def backward(self: Alone, loss: Tensor) -> None:
        assert loss.requires_grad and loss.device == GPU
        for weights in learner.net.parameters():
            gradient = torch.empty_like(weights)
            weights.grad = gradient if weights.grad is None else weights.grad + gradient

    monkeypatch.setattr(Alone, "backward", backward)
    return learner


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")  # in Adam
@pytest.mark.parametrize("name", ["edsr", "mdsr"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_keeps_to_its_gpu_and_waits_for_no_value(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    """With Adam's fused kernels, clipping, two parts and maps on the GPU."""
    options = run_of(kind, name, accumulate=2, clip=0.1, examples_on="device")
    crops, net = crops_of(options, 14), build_net(options)
    items = [crops[step] if kind == "image" else crops.draws[step] for step in range(14)]
    scales = {tuple(item.scale): item for item in items}  # the work of a step depends on it alone
    assert len(scales) == len(options.pair.scales)
    with FakeTensorMode(allow_non_fake_inputs=True):
        cut = None if kind == "image" else crops.on(GPU)
        learner = learner_of(monkeypatch, options, net, cut)
        for step, item in enumerate(scales.values()):
            there = {k: v.to(GPU) for k, v in item._asdict().items() if isinstance(v, Tensor)}
            with OneDevice():
                loss = learner.step(item._replace(**there), step)
            assert loss.device == GPU and loss.dtype == torch.float32


def test_the_imitation_refuses_what_a_recording_cannot_hold() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        values, scalar = torch.ones(3, device=GPU), torch.ones(())
        with pytest.raises(RuntimeError, match="two different devices"):
            values + torch.ones(3)
        with pytest.raises(DataDependentOutputException):
            values.sum().item()
        with OneDevice(), pytest.raises(AssertionError):
            values * scalar
        with OneDevice():
            torch.vmap(lambda value: 0.5 * value)(values)
