"""Building blocks of EDSR and MDSR: residual block, upsampler, fold and mean shift.

Module names follow the published implementation, so that its checkpoints load by name.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

Scale = tuple[int, int]


def conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2d:
    """Return a convolution that keeps the size of its input."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


class ResBlock(nn.Module):
    """conv - ReLU - conv, scaled and added to its input (Lim et al. 2017, figure 2c).

    ``batch_norm`` adds a batch normalisation after each convolution, as in SRResNet; it exists
    only for the comparison of table 2.
    """

    def __init__(
        self, n_feats: int, kernel_size: int = 3, res_scale: float = 1.0, batch_norm: bool = False
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(2):
            layers.append(conv(n_feats, n_feats, kernel_size))
            if batch_norm:
                layers.append(nn.BatchNorm2d(n_feats))
            if i == 0:
                layers.append(nn.ReLU(inplace=True))
        self.body = nn.Sequential(*layers)
        self.res_scale = res_scale

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_feats, H, W] -> the same shape."""
        residual = self.body(x)
        # in place: the gradient of a convolution does not need its output
        if self.res_scale != 1:
            residual.mul_(self.res_scale)
        return residual.add_(x)


class PixelShuffle(nn.Module):
    """Channels to cells, with a factor for each axis: [B, C s_f s_t, H, W] -> [B, C, H s_f, W s_t].

    Equal to `torch.nn.PixelShuffle` for equal factors (Shi et al. 2016).
    """

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        s_f, s_t = self.scale
        if s_f == s_t:
            return nn.functional.pixel_shuffle(x, s_f)
        b, c, h, w = x.shape
        x = x.reshape(b, c // (s_f * s_t), s_f, s_t, h, w).permute(0, 1, 4, 2, 5, 3)
        return x.reshape(b, c // (s_f * s_t), h * s_f, w * s_t)


class PixelUnshuffle(nn.Module):
    """Cells to channels, the inverse of `PixelShuffle`; sizes must be multiples of the factors."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        s_f, s_t = self.scale
        if s_f == s_t == 1:
            return x
        b, c, h, w = x.shape
        x = x.reshape(b, c, h // s_f, s_f, w // s_t, s_t).permute(0, 1, 3, 5, 2, 4)
        return x.reshape(b, c * s_f * s_t, h // s_f, w // s_t)


def upsampler(scale: Scale, n_feats: int) -> nn.Sequential:
    """Return convolutions with pixel shuffles that enlarge by ``scale``.

    Equal factors of 2^n: n steps of 2, as published; any other pair: one step.
    """
    s_f, s_t = scale
    steps: list[Scale] = [scale]
    if s_f == s_t and s_f & (s_f - 1) == 0:
        steps = [(2, 2)] * (s_f.bit_length() - 1)
    layers: list[nn.Module] = []
    for step in steps:
        layers += [conv(n_feats, n_feats * step[0] * step[1], 3), PixelShuffle(step)]
    return nn.Sequential(*layers)


class MeanShift(nn.Module):
    """(x - mean) / std, or with ``inverse`` x std + mean; one mean for each channel (buffers)."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: float, inverse: bool) -> None:
        super().__init__()
        self.inverse = inverse
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(float(std)))

    def forward(self, x: Tensor) -> Tensor:
        if self.inverse:
            return x * self.std + self.mean
        return (x - self.mean).div_(self.std)


def enlarge(x: Tensor, scale: Scale) -> Tensor:
    """Repeat every cell s_f x s_t times: [..., H, W] -> [..., H s_f, W s_t]."""
    # axes from the front: with -2 PyTorch's ONNX exporter also changes a slice that ends at -2
    rows = x.dim() - 2
    return x.repeat_interleave(scale[0], dim=rows).repeat_interleave(scale[1], dim=rows + 1)
