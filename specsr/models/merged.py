"""Inference with less arithmetic: linear layers without activations between them become one.

After the body, EDSR and MDSR enlarge by convolutions and pixel shuffles and end in a convolution.
There is no nonlinearity between them, so together they are one linear map from the features around
a cell to its cells of output.  As one convolution this takes a thirtieth of the tail's arithmetic
(x4, 64 features) and no large intermediate images.  In the same way a fold and the head after it
are one convolution with strides.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from specsr.models import winograd
from specsr.models.blocks import PixelShuffle, PixelUnshuffle, Scale
from specsr.models.edsr import finish
from specsr.models.network import Network
from specsr.models.winograd import WinogradBody

REACH = 2
"""Largest distance in cells from which features affect an output cell: one for the first and one
for the last convolution; those between act on finer grids and add less than one."""


@torch.no_grad()
def merge(tail: nn.Module, n_feats: int, scale: Scale) -> tuple[Tensor, Tensor]:
    """Return weight [C s_f s_t, n_feats, 5, 5] and bias [C s_f s_t] of a tail as one convolution.

    The output cells of the middle feature are traced back through the transposed layers.
    """
    width = 2 * REACH + 1
    blank = torch.zeros(1, n_feats, width, width).to(next(tail.parameters()))
    middle = (slice(REACH * s, (REACH + 1) * s) for s in scale)
    bias = tail(blank)[(0, slice(None), *middle)].flatten()
    back = PixelShuffle(scale)(
        nn.functional.pad(torch.eye(len(bias)).to(bias)[:, :, None, None], [REACH] * 4)
    )
    layers = [m for m in tail.modules() if isinstance(m, (nn.Conv2d, PixelShuffle))]
    for layer in reversed(layers):
        if isinstance(layer, PixelShuffle):
            back = PixelUnshuffle(layer.scale)(back)
        else:
            back = nn.functional.conv_transpose2d(back, layer.weight, padding=1)
    return back, bias


class MergedTail(nn.Module):
    """One convolution in place of a network's tail.

    Within `REACH` of the border the original layers are used: each of them pads its own input with
    zeros there, which the merged convolution cannot reproduce.
    """

    def __init__(self, tail: nn.Module, n_feats: int, scale: Scale) -> None:
        super().__init__()
        self.exact, self.scale = tail, scale
        weight, bias = merge(tail, n_feats, scale)
        self.conv = nn.Conv2d(n_feats, len(bias), weight.shape[-1], padding=REACH).to(weight)
        self.conv.load_state_dict({"weight": weight, "bias": bias})
        self.conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.shuffle = PixelShuffle(scale)

    def forward(self, features: Tensor) -> Tensor:
        """[B, n_feats, H, W] -> [B, out_channels, H s_f, W s_t]."""
        if min(features.shape[-2:]) <= 2 * REACH:
            return self.exact(features)
        out = self.shuffle(self.conv(features))
        for axis, s in zip((-2, -1), self.scale):
            size, edge = features.shape[axis], REACH * s
            first = self.exact(features.narrow(axis, 0, 2 * REACH))
            last = self.exact(features.narrow(axis, size - 2 * REACH, 2 * REACH))
            out.narrow(axis, 0, edge).copy_(first.narrow(axis, 0, edge))
            out.narrow(axis, size * s - edge, edge).copy_(last.narrow(axis, edge, edge))
        return out


def merged_head(head: nn.Module, in_channels: int, fold: Scale) -> nn.Conv2d:
    """Return a fold and the 3x3 convolution after it as one convolution with strides."""
    assert isinstance(head, nn.Conv2d)
    f_f, f_t = fold
    weight = head.weight.detach().reshape(head.out_channels, in_channels, f_f, f_t, 3, 3)
    weight = weight.permute(0, 1, 4, 2, 5, 3).reshape(
        head.out_channels, in_channels, 3 * f_f, 3 * f_t
    )
    made = nn.Conv2d(in_channels, head.out_channels, (3 * f_f, 3 * f_t), fold, fold).to(weight)
    made.load_state_dict({"weight": weight, "bias": head.bias})
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Merged(nn.Module):
    """A network at one scale, for inference: the same output for less arithmetic.

    The weights of the body are shared with ``net``, those of head and tail are copied once.
    """

    def __init__(self, net: Network, scale: Scale) -> None:
        super().__init__()
        self.net, self.scale = net, scale
        self.head: nn.Module = net.head
        self.tail: nn.Module = net.linear_tail(scale)
        fold = net.config.fold
        if max(fold) > 1:
            self.head = merged_head(net.head[0], net.config.in_channels, fold)
        if max(scale) > 1:  # the tail unfolds as well
            factor = (scale[0] * fold[0], scale[1] * fold[1])
            self.tail = MergedTail(self.tail, net.config.n_feats, factor)
        self.quick = WinogradBody(net.body) if winograd.fits(net.body) else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> the output of ``net``, [B, C, H s_f, W s_t]."""
        shifted = self.net.sub_mean(x)
        features = self.net.prepare(self.head(shifted), self.scale)
        out = self.tail(self._body(features))
        return finish(out, shifted, self.net.config, self.scale, self.net.add_mean)

    def _body(self, features: Tensor) -> Tensor:
        # under autocast to bfloat16 the features of the head are bfloat16
        if self.quick is not None and features.dtype == torch.float32:
            return self.quick(features)
        return self.net.body(features).add_(features)
