"""Transfer of weights from one network to another, by name and shape."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from specsr.errors import SpecsrError
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.models.network import Network


@dataclass(frozen=True)
class Transfer:
    """Tensors of a network after a transfer, by name.

    Attributes:
        carried: copied.
        widened: copied to the first channels of a layer with more input or output channels; the
            weights of additional inputs are zero, additional outputs keep their initial values.
        new: not in the other network; initial values kept.
        refused: (name, own shape, other shape) where the shapes differ; initial values kept.
    """

    carried: tuple[str, ...]
    widened: tuple[str, ...]
    new: tuple[str, ...]
    refused: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def summary(self) -> str:
        """Return one line: the number of copied tensors, and the names of the others."""
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


def transfer(net: Network, other: Network) -> Transfer:
    """Copy the weights of ``other`` into ``net`` in place, by name and shape.

    The buffers mean and std are not copied.  Upsampler and last convolution of an EDSR go to the
    branch of the same scale of an MDSR.

    Raises:
        SpecsrError: no weight fits.
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
    if not any(own[name].dim() > 1 for name in carried):  # biases alone are of no use
        raise SpecsrError(
            "no weight of the initial model fits this network: choose a model of the same kind and "
            "width (model.n_feats), or leave train.start out"
        )
    return Transfer(tuple(carried), tuple(widened), tuple(new), tuple(refused))


def _widens(
    name: str, own: torch.Tensor, theirs: torch.Tensor, net: Network, other: Network
) -> bool:
    """Whether a first or last layer differs only by additional channels."""
    last = f"tail.{1 if isinstance(net, EDSR) else 0}."
    axis = {"head.0.weight": 1, f"{last}weight": 0, f"{last}bias": 0}.get(name)
    if axis is None or net.config.out_channels != other.config.out_channels:
        return False
    a, b = list(own.shape), list(theirs.shape)
    return len(a) == len(b) and a.pop(axis) > b.pop(axis) and a == b


def _as_mdsr(tensors: dict[str, torch.Tensor], net: MDSR, other: EDSR) -> dict[str, torch.Tensor]:
    """Rename the tail of an EDSR to the corresponding parts of an MDSR."""
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
