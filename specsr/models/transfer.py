"""Transfer."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from specsr.errors import SpecsrError
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR


@dataclass(frozen=True)
class Transfer:
    """What became of each tensor of a network that took over another's weights.

    Attributes:
        carried: taken over.
        widened: taken over by the first channels of a layer that takes in or puts out more of
            them: further inputs weigh nothing at first, further outputs are left as initialised.
        new: the other has none of this name; left as initialised.
        refused: name, own shape and the other's, where these differ; left as initialised.
    """

    carried: tuple[str, ...]
    widened: tuple[str, ...]
    new: tuple[str, ...]
    refused: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def summary(self) -> str:
        """One line: how many were carried, which were not."""
        parts = [f"{len(self.carried)} tensors carried over"]
        if self.widened:
            parts.append(f"{len(self.widened)} widened ({', '.join(self.widened)})")
        if self.new:
            parts.append(f"{len(self.new)} new ({', '.join(self.new)})")
        if self.refused:
            shapes = ", ".join(f"{name} {_by(there)} for {_by(own)}" for name, own, there in
                               self.refused)  # fmt: skip
            parts.append(f"{len(self.refused)} refused for their shape ({shapes})")
        return "; ".join(parts)


def transfer(net: EDSR | MDSR, other: EDSR | MDSR) -> Transfer:
    """Copy weights by name and shape, and say which; mean and std are each network's own.

    An EDSR's upsampler and last convolution go to those of an MDSR of the same scale.

    Raises:
        SpecsrError: nothing fits.
    """
    theirs = other.state_dict()
    if isinstance(net, MDSR) and isinstance(other, EDSR):
        theirs = _as_mdsr(theirs, net, other)
    own = net.state_dict()
    carried, widened, new, refused = [], [], [], []
    for name, tensor in own.items():
        if name.startswith(("sub_mean.", "add_mean.")):
            continue
        if name not in theirs:
            new.append(name)
        elif _widens(name, tensor, theirs[name], net, other):
            first = theirs[name]
            if name.startswith("head."):
                tensor.zero_()
                tensor[:, : first.shape[1]] = first
            else:
                tensor[: first.shape[0]] = first
            widened.append(name)
        elif theirs[name].shape != tensor.shape:
            refused.append((name, tuple(tensor.shape), tuple(theirs[name].shape)))
        else:
            tensor.copy_(theirs[name])
            carried.append(name)
    if not any(own[name].dim() > 1 for name in carried):  # biases alone carry nothing
        raise SpecsrError(
            "no weight of the model to start from fits this network: choose one of its kind and "
            "width (model.n_feats), or leave train.start out"
        )
    return Transfer(tuple(carried), tuple(widened), tuple(new), tuple(refused))


def _widens(
    name: str, own: torch.Tensor, theirs: torch.Tensor, net: EDSR | MDSR, other: EDSR | MDSR
) -> bool:
    """Whether a first or last layer differs by order or uncertainty channels alone."""
    last = f"tail.{1 if isinstance(net, EDSR) else 0}."
    axis = {"head.0.weight": 1, f"{last}weight": 0, f"{last}bias": 0}.get(name)
    if axis is None or net.config.out_channels != other.config.out_channels:
        return False
    a, b = list(own.shape), list(theirs.shape)
    return len(a) == len(b) and a.pop(axis) > b.pop(axis) and a == b


def _as_mdsr(tensors: dict[str, torch.Tensor], net: MDSR, other: EDSR) -> dict[str, torch.Tensor]:
    """Rename an EDSR's tail to the parts of an MDSR that do the same."""
    branch = net.scales.index(other.scales[0]) if other.scales[0] in net.scales else -1
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith("tail.1."):
            name = name.replace("tail.1.", "tail.0.")
        elif name.startswith("tail.0."):
            name = name.replace("tail.0.", f"upsample.{branch}.")
        renamed[name] = tensor
    return renamed


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
