"""Networks with the parameter names of EDSR-PyTorch, untrained."""

from __future__ import annotations

import torch
from torch import nn

MEAN = torch.tensor([0.4488, 0.4371, 0.4040])


def conv(inside: int, outside: int, size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, size, padding=size // 2)


class Shift(nn.Conv2d):
    """The published mean shift: a 1 x 1 convolution with fixed weights."""

    def __init__(self, rgb_range: float, sign: int) -> None:
        super().__init__(3, 3, 1)
        with torch.no_grad():
            self.weight.copy_(torch.eye(3).reshape(3, 3, 1, 1))
            self.bias.copy_(sign * rgb_range * MEAN)
        self.requires_grad_(False)


class Block(nn.Module):
    def __init__(self, n: int, size: int, scale: float) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(n, n, size), nn.ReLU(), conv(n, n, size))
        self.scale = scale

    def forward(self, x):
        return x + self.scale * self.body(x)


def enlarge(n: int, scale: int) -> nn.Sequential:
    steps = {2: [2], 3: [3], 4: [2, 2]}[scale]
    return nn.Sequential(*(m for s in steps for m in (conv(n, n * s * s), nn.PixelShuffle(s))))


class Published(nn.Module):
    """EDSR (one scale) or MDSR (several) as its authors list the layers."""

    def __init__(
        self, blocks: int, n: int, scales: list[int], res_scale: float, rgb_range: float = 255
    ) -> None:
        super().__init__()
        self.multi = len(scales) > 1
        self.scales = scales
        self.sub_mean, self.add_mean = Shift(rgb_range, -1), Shift(rgb_range, 1)
        self.head = nn.Sequential(conv(3, n))
        body = [Block(n, 3, res_scale) for _ in range(blocks)]
        self.body = nn.Sequential(*body, conv(n, n))
        if self.multi:
            self.pre_process = nn.ModuleList(
                nn.Sequential(Block(n, 5, res_scale), Block(n, 5, res_scale)) for _ in scales
            )
            self.upsample = nn.ModuleList(enlarge(n, scale) for scale in scales)
            self.tail = nn.Sequential(conv(n, 3))
        else:
            self.tail = nn.Sequential(enlarge(n, scales[0]), conv(n, 3))

    def forward(self, x, scale: int):
        x = self.head(self.sub_mean(x))
        place = self.scales.index(scale)
        if self.multi:
            x = self.pre_process[place](x)
        x = x + self.body(x)
        if self.multi:
            x = self.upsample[place](x)
        return self.add_mean(self.tail(x))


def published(blocks: int, n: int, scales: list[int], res_scale: float = 1.0, **options):
    torch.manual_seed(0)
    return Published(blocks, n, scales, res_scale, **options).eval()
