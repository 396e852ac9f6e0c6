"""EDSR: enhanced deep residual network for one scale (Lim et al. 2017, figure 3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from specsr.models.blocks import (
    MeanShift,
    PixelShuffle,
    PixelUnshuffle,
    ResBlock,
    Scale,
    conv,
    enlarge,
    upsampler,
)
from specsr.models.config import CommonConfig, EDSRConfig


class EDSR(nn.Module):
    """Head, residual body with a long skip, pixel-shuffle tail.

    An output cell depends only on the input cells within `reach` of it.
    """

    def __init__(self, config: EDSRConfig) -> None:
        super().__init__()
        self.config = config
        n = config.n_feats
        self.sub_mean = MeanShift(config.means(config.in_channels), config.std, False)
        self.add_mean = MeanShift(config.means(config.out_channels), config.std, True)
        self.fold = PixelUnshuffle(config.fold)
        folded = config.in_channels * config.fold[0] * config.fold[1]
        self.head = nn.Sequential(conv(folded, n, 3))
        self.body = nn.Sequential(
            *(
                ResBlock(n, 3, config.res_scale, config.batch_norm)
                for _ in range(config.n_resblocks)
            ),
            conv(n, n, 3),
        )
        cells = config.fold[0] * config.fold[1]
        self.tail = nn.Sequential(
            upsampler(config.scale, n),
            conv(n, outputs(config) * cells, 3),
            *([PixelShuffle(config.fold)] if cells > 1 else []),
        )

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The one scale of this network."""
        return (self.config.scale,)

    def reach(self, scale: Scale | None = None) -> tuple[int, int]:
        """Largest distance, in rows and columns of input, from which an output cell is affected."""
        layers = 2 * self.config.n_resblocks + 2  # head, body and its last convolution
        steps = sum(isinstance(m, nn.Conv2d) for m in self.tail[0].children())
        # each convolution of the tail reaches one cell of its own, enlarged grid farther; a folded
        # cell is a block of input cells
        return tuple((layers + steps + 1 + 1) * f for f in self.config.fold)  # type: ignore

    def forward(self, x: Tensor, scale: Scale | None = None) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H s_f, W s_t]; H, W multiples of ``fold``.

        With ``uncertainty`` there are twice as many channels: the values, then their uncertainty.
        """
        if scale is not None and tuple(scale) != tuple(self.config.scale):
            raise ValueError(f"scale is {scale}: this model has {self.config.scale}")
        shifted = self.sub_mean(x)
        features = self.head(self.fold(shifted))
        out = self.linear_tail()(self.body(features).add_(features))
        return finish(out, shifted, self.config, self.config.scale, self.add_mean)

    def prepare(self, features: Tensor, scale: Scale | None = None) -> Tensor:
        """Return the input of the body from the output of the head."""
        return features

    def linear_tail(self, scale: Scale | None = None) -> nn.Sequential:
        """The layers after the body: convolutions and pixel shuffles, without nonlinearities."""
        return self.tail


def outputs(config: Any) -> int:
    """Number of output channels of a network with this config, those of the uncertainty included.

    ``config`` has ``out_channels`` and ``uncertainty``, as `specsr.models.config.CommonConfig`.
    """
    return config.out_channels * (2 if config.uncertainty else 1)


def finish(
    out: Tensor, shifted: Tensor, config: CommonConfig, scale: Scale, add_mean: MeanShift
) -> Tensor:
    """Return the network's output: input skip and mean are added to the values alone.

    Args:
        out: [B, C, H s_f, W s_t] of the tail; the second half of the channels is the uncertainty.
        shifted: [B, in_channels, H, W], the input without its mean.
        config: options of the network.
        scale: (s_f, s_t).
        add_mean: the network's last layer.
    """
    values, uncertainty = out[:, : config.out_channels], out[:, config.out_channels :]
    if config.input_skip:
        # the skip keeps the precision of the input where the body runs in bfloat16
        values = values.to(shifted.dtype) + enlarge(shifted[:, : values.shape[1]], scale)
    values = add_mean(values)
    return (
        torch.cat([values, uncertainty.to(values.dtype)], dim=1) if config.uncertainty else values
    )
