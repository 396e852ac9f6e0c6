"""EDSR: enhanced deep residual network for one scale (Lim et al. 2017, figure 3)."""

from __future__ import annotations

from dataclasses import dataclass
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

DIV2K_MEAN = (0.4488 * 255, 0.4371 * 255, 0.4040 * 255)
"""Mean of DIV2K's training images, RGB in 0..255."""


@dataclass(frozen=True)
class EDSRConfig:
    """Options of `EDSR`; the defaults are the published baseline for RGB x2.

    Attributes:
        scale: (s_f, s_t), how many rows and columns of output a cell of input gives.
        n_resblocks, n_feats, res_scale: size of the body; the large model is 32, 256, 0.1.
        in_channels, out_channels: of the image.
        mean, std: the input is (x - mean) / std, the output is turned back; one mean a channel
            or one for all.  Output channel i belongs to input channel i.
        fold: (f_f, f_t), cells of the input folded into channels ahead of the head and unfolded
            behind the tail.  A wider view for less arithmetic; (1, 1), the published one, for none.
        input_skip: add the enlarged input to the output, so that the network learns a correction.
        uncertainty: as many further output channels, the log of each cell's uncertainty: exp of
            it is the half-width of the 68 % interval.
        batch_norm: SRResNet's blocks, for comparison only.
    """

    scale: Scale = (2, 2)
    n_resblocks: int = 16
    n_feats: int = 64
    res_scale: float = 1.0
    in_channels: int = 3
    out_channels: int = 3
    mean: tuple[float, ...] = DIV2K_MEAN
    std: float = 1.0
    fold: Scale = (1, 1)
    input_skip: bool = False
    uncertainty: bool = False
    batch_norm: bool = False


class EDSR(nn.Module):
    """Head, residual body with a long skip, pixel-shuffle tail.

    Every output cell depends on the input cells within `reach` of it, on no others.
    """

    def __init__(self, config: EDSRConfig) -> None:
        super().__init__()
        self.config = config
        n = config.n_feats
        self.sub_mean = MeanShift(_spread(config.mean, config.in_channels), config.std, False)
        self.add_mean = MeanShift(_spread(config.mean, config.out_channels), config.std, True)
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
        """The one scale of this model."""
        return (self.config.scale,)

    def reach(self, scale: Scale | None = None) -> tuple[int, int]:
        """Farthest input cells, in rows and columns, that an output cell depends on."""
        layers = 2 * self.config.n_resblocks + 2  # head, body and its last convolution
        steps = sum(isinstance(m, nn.Conv2d) for m in self.tail[0].children())
        # each convolution of the tail looks one of its own (ever smaller) cells farther, and a
        # folded cell is a whole block of input cells
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
        """Return the features that the body starts from, from those of the head."""
        return features

    def linear_tail(self, scale: Scale | None = None) -> nn.Sequential:
        """The layers from features to output: convolutions and shuffles, nothing between them."""
        return self.tail


def outputs(config: Any) -> int:
    """Channels that a network of this config puts out."""
    # a foreign network (spandrel's) has no uncertainty to say
    return config.out_channels * (2 if getattr(config, "uncertainty", False) else 1)


def finish(out: Tensor, shifted: Tensor, config: Any, scale: Scale, add_mean: MeanShift) -> Tensor:
    """Turn the tail's output into values: skip and mean act on them, not on their uncertainty."""
    values, uncertainty = out[:, : config.out_channels], out[:, config.out_channels :]
    if config.input_skip:
        # kept in the precision of the input, where the body may run in bfloat16
        values = values.to(shifted.dtype) + enlarge(shifted[:, : values.shape[1]], scale)
    values = add_mean(values)
    return (
        torch.cat([values, uncertainty.to(values.dtype)], dim=1) if config.uncertainty else values
    )


def _spread(mean: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """One mean for each channel."""
    if len(mean) == 1:
        return tuple(mean) * channels
    if len(mean) < channels:
        raise ValueError(f"{len(mean)} means for {channels} channels: give one or {channels}")
    return tuple(mean[:channels])
