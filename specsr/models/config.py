"""Options of EDSR and MDSR, with the limits that values in a model file must keep.

The limits are annotations: they apply where pydantic validates (`specsr.models.description`), not
to a config that Python code constructs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import AliasChoices, ConfigDict, Field

DIV2K_MEAN = (0.4488 * 255, 0.4371 * 255, 0.4040 * 255)
"""Mean of DIV2K's training images, RGB in 0..255."""

MAX_FACTOR = 64
"""Largest scale or fold of one axis."""
MAX_CHANNELS = 1024
"""Most channels of input or output, and most means."""
MAX_BLOCKS = 256
"""Most residual blocks; the largest published network has 80."""
MAX_FEATS = 4096
"""Most features; the largest published network has 256."""
MAX_SCALES = 64
"""Most scales of an MDSR."""
MAX_CELLS = 1024
"""Most output values for one folded input cell: output channels times scale times fold.  The merged
tail holds 25 times its square while it is computed."""

Factor = Annotated[int, Field(ge=1, le=MAX_FACTOR)]
Factors = tuple[Factor, Factor]
"""One factor for rows (frequency) and one for columns (time)."""
Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class CommonConfig:
    """Options that EDSR and MDSR share; the defaults are the published baseline for RGB.

    Attributes:
        n_resblocks: residual blocks in the body.
        n_feats: features (channels) of the body's convolutions.
        res_scale: factor of each block's residual; 0.1 in the large EDSR (32 blocks, 256 features).
        in_channels: channels of the input.
        out_channels: channels of the output, without those for the uncertainty.
        mean: subtracted from the input and added to the output; one value a channel or one for all.
            Output channel i belongs to input channel i.
        std: the input is divided by it after the mean is subtracted, the output multiplied.
        input_skip: add the enlarged input to the output, so that the network learns a correction.
        uncertainty: add one output channel for each of ``out_channels``: the natural logarithm of
            the half-width of the 68 % interval.
    """

    # read by pydantic
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    n_resblocks: Annotated[int, Field(ge=0, le=MAX_BLOCKS)] = 16
    n_feats: Annotated[int, Field(ge=1, le=MAX_FEATS)] = 64
    res_scale: Finite = 1.0
    in_channels: Channels = 3
    out_channels: Channels = 3
    mean: Annotated[tuple[Finite, ...], Field(min_length=1, max_length=MAX_CHANNELS)] = DIV2K_MEAN
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    input_skip: bool = False
    # files of version 0.1.0 name it doubt
    uncertainty: Annotated[bool, Field(validation_alias=AliasChoices("uncertainty", "doubt"))] = (
        False
    )

    def means(self, channels: int) -> tuple[float, ...]:
        """Return one mean for each channel.

        Raises:
            ValueError: fewer means than channels, and more than one.
        """
        if len(self.mean) == 1:
            return self.mean * channels
        if len(self.mean) < channels:
            raise ValueError(
                f"{len(self.mean)} means for {channels} channels: give one or {channels}"
            )
        return self.mean[:channels]


@dataclass(frozen=True, kw_only=True)
class EDSRConfig(CommonConfig):
    """Options of `specsr.models.edsr.EDSR`.

    Attributes:
        scale: (s_f, s_t), rows and columns of output for one input cell.
        fold: (f_f, f_t), input cells folded into channels before the head and unfolded after the
            tail: a wider receptive field for less arithmetic.  (1, 1), as published: no folding.
        batch_norm: the blocks of SRResNet, for comparison only.
    """

    scale: Factors = (2, 2)
    fold: Factors = (1, 1)
    batch_norm: bool = False


@dataclass(frozen=True, kw_only=True)
class MDSRConfig(CommonConfig):
    """Options of `specsr.models.mdsr.MDSR`; the large published network has 80 blocks.

    Attributes:
        scales: (s_f, s_t) of each branch.
    """

    fold: ClassVar[Factors] = (1, 1)

    scales: Annotated[tuple[Factors, ...], Field(min_length=1, max_length=MAX_SCALES)] = (
        (2, 2), (3, 3), (4, 4),
    )  # fmt: skip


NetworkConfig = EDSRConfig | MDSRConfig
