"""Options of a training run, as they stand in its YAML config.  Unknown keys are errors."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)

from specsr.choices import Precision
from specsr.models.config import MAX_BLOCKS, MAX_FEATS, Factors
from specsr.pairs.windows_input import STEP
from specsr.train.data_options import DataOptions, Section, Seed

_NOT_IN_NAMES = '/\\*?"<>|'
"""Characters that are no part of a name: folders, patterns and redirection."""


def _renamed(name: str, former: str) -> AliasChoices:
    """Names that an option is read by: its own, and that of version 0.1.0.

    Configs, checkpoints and records of 0.1.0 have ``model.std``, ``model.doubt``, ``model.guide``,
    ``train.guided`` and ``train.doubt_weight``.
    """
    return AliasChoices(name, former)


class GridOptions(Section):
    """Analysis of the training maps."""

    n_fft: int = Field(2048, ge=16, le=1 << 17, multiple_of=2)  # as a model file may state
    """Samples in one window."""
    hop_length: int = Field(256, ge=1)
    """Samples between frames."""
    window: str = "hann"
    """Name of a scipy window."""

    @model_validator(mode="after")
    def _overlaps(self) -> GridOptions:
        if self.hop_length > self.n_fft:
            raise ValueError(
                f"hop_length is {self.hop_length}: expected at most n_fft, {self.n_fft}"
            )
        return self


class PairOptions(Section):
    """Pair of low and high resolution to learn, see `specsr.pairs.pair.Pair`."""

    kind: Literal["pool", "stft", "band", "denoise", "speckle", "windows", "noise", "image"]
    """How the low resolution comes about."""
    scales: list[Factors] = Field([(1, 1)], min_length=1)
    """Factors (rows, columns); a single number is for both axes."""
    snr: tuple[float, float] | None = None
    """Range of signal-to-noise ratios in dB, for ``denoise`` and ``noise``."""
    ratios: list[Annotated[float, Field(gt=1)]] = Field([2.0, 3.0, 4.0, 6.0], min_length=1)
    """Ratios of high to low sampling rate, for ``band``, drawn evenly."""

    @field_validator("scales", mode="before")
    @classmethod
    def _square(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError("expected a list such as [2], [2, 3, 4] or [[4, 1]]")
        return [(s, s) if isinstance(s, int) else s for s in value]


class ModelOptions(Section):
    """Network.  Options that it shares with `specsr.models.config` are passed on by name."""

    name: Literal["edsr", "mdsr"] = "edsr"
    """EDSR for one scale, MDSR for several."""
    n_resblocks: int = Field(16, ge=1, le=MAX_BLOCKS)
    """Residual blocks in the body."""
    n_feats: int = Field(32, ge=1, le=MAX_FEATS)
    """Features (channels) of the body's convolutions."""
    res_scale: float = Field(1.0, gt=0, le=1)
    """Factor of each block's residual."""
    fold: Factors = (1, 1)
    """Rows and columns of input cells folded into channels (EDSR)."""
    input_skip: bool = True
    """Add the enlarged input to the output."""
    input_scale: float = Field(20.0, gt=0, validation_alias=_renamed("input_scale", "std"))
    """Divisor of the input, multiplier of the output: dB, or pixel values for images."""
    uncertainty: bool = Field(False, validation_alias=_renamed("uncertainty", "doubt"))
    """Additional output: uncertainty of each cell (half-width of its 68 % interval)."""
    order_input: bool = Field(False, validation_alias=_renamed("order_input", "guide"))
    """Additional input channels: positions of the orders (``pool``), `specsr.pairs.order_input`."""
    channels: Literal[1, 3] = 3
    """Channels of images: 3 for RGB, 1 for gray."""
    batch_norm: bool = False
    """Blocks of SRResNet with batch normalisation, for comparison (EDSR)."""


class TrainOptions(Section):
    """Training run: Adam with warm-up, and a moving average of the weights."""

    steps: int = Field(10000, ge=1)
    """Optimiser steps."""
    batch: int = Field(16, ge=1)
    """Crops in one step, over all parts and devices."""
    accumulate: int = Field(1, ge=1)
    """Parts of a batch computed one after the other, for less memory."""
    devices: int = Field(1, ge=1)
    """Devices that share a batch; more than one needs the extra ``distributed``."""
    patch: tuple[PositiveInt, PositiveInt] = (32, 32)
    """Rows and columns of a crop of the input."""
    patches: list[tuple[PositiveInt, PositiveInt]] | None = None
    """Crop for each of ``pair.scales`` (``image``); None: ``patch`` for all."""
    start: str | None = None
    """Model (name or file) whose weights the run starts from where they fit."""
    lr: float = Field(5e-4, gt=0)
    """Learning rate after the warm-up."""
    schedule: Literal["cosine", "halve"] = "cosine"
    """Learning rate over the steps: a cosine down to 1 %, or halved repeatedly."""
    halve_every: int = Field(200_000, ge=1)
    """Steps between halvings (``halve``)."""
    warmup: int = Field(200, ge=0)
    """Steps of linear warm-up."""
    loss: Literal[
        "l1",
        "l2",
        "charbonnier",
        "l1+psnr",
        "itakura-saito",
        "itakura-saito+l2",
        "magnitude",
        "lsd",
        "waveform",
    ] = "l1"
    """Loss, see `specsr.train.losses`; ``waveform`` for ``noise``."""
    ema: float = Field(0.998, ge=0, lt=1)
    """Decay of the moving average of the weights for each step; 0: the last weights."""
    clip: float = Field(1.0, ge=0)
    """Largest norm of the gradient; 0: no limit."""
    scale_weights: list[float] | None = None
    """How often each of ``pair.scales`` is drawn, relative; None: evenly."""
    order_input_share: float = Field(
        0.5, ge=0, le=1, validation_alias=_renamed("order_input_share", "guided")
    )
    """Share of crops with known speed, for ``model.order_input``."""
    top_share: float = Field(0.0, ge=0, le=1)
    """Share of crops with a known top of the spectrum, for ``band``."""
    places: int = Field(1, ge=1, le=8)
    """Random places tried for each crop; the one with the largest level differences is used."""
    uncertainty_weight: float = Field(
        0.01, ge=0, validation_alias=_renamed("uncertainty_weight", "doubt_weight")
    )
    """Weight of the loss of the uncertainty beside that of the levels."""
    level_shift: float = Field(15.0, ge=0)
    """Largest random level shift of a crop, ± dB; none for ``noise``."""
    lowest_share: float = Field(0.0, ge=0, le=1)
    """Share of the crops from the lowest rows."""
    reverse: bool = True
    """Reverse half of the crops in time."""
    precision: Precision = "float32"
    """Arithmetic of the network: float32, tf32 (on CUDA) or bfloat16 (autocast)."""
    compile: bool = False
    """Compile the network by torch."""
    seed: Seed = 0
    """Seed of the initial weights and of all draws."""
    workers: int = Field(1, ge=0)
    """Processes that prepare batches ahead; 0: none."""
    examples_on: Literal["auto", "device", "host"] = "auto"
    """Where the maps are kept and cut: on the device, or by ``workers`` on the host (images
    always); auto: on a GPU with room for them."""
    save_every: int = Field(500, ge=1)
    """Steps between checkpoints."""
    validate_every: int = Field(500, ge=1)
    """Steps between validations."""
    hold_out: int = Field(8, ge=1)
    """Most examples held out for validation."""
    device: str = "auto"
    """torch device, or ``auto`` for a GPU where available."""


class Config(Section):
    """A training run."""

    name: str
    """Name of the model and its file."""
    note: str = ""
    """Remark for the model card."""
    grids: list[GridOptions] = Field([GridOptions()], min_length=1)
    """Analyses, drawn evenly; one listed twice is drawn twice as often."""
    pair: PairOptions
    """Pair to learn."""
    model: ModelOptions = ModelOptions()
    """Network."""
    data: DataOptions
    """Sources of examples."""
    train: TrainOptions = TrainOptions()
    """Optimisation."""

    @field_validator("name")
    @classmethod
    def _is_a_file_name(cls, value: str) -> str:
        plain = value.isprintable() and not set(value) & set(_NOT_IN_NAMES)
        if not value or not plain or value != PurePath(value).name or value.strip(" .") != value:
            raise ValueError(f"got {value!r}: expected a name for a file, without folders")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.model.name == "edsr" and len(self.pair.scales) != 1:
            raise ValueError("model.name edsr has one scale: set pair.scales to one, or use mdsr")
        if self.pair.kind == "band" and len({grid.n_fft for grid in self.grids}) > 1:
            raise ValueError(
                "a band pair needs the same n_fft in all grids: its crops have all rows"
            )
        weights = self.train.scale_weights
        if weights is not None and (
            len(weights) != len(self.pair.scales) or min(weights) < 0 or not sum(weights)
        ):
            raise ValueError("train.scale_weights needs one weight >= 0 for each scale, not all 0")
        if self.model.order_input and self.pair.kind != "pool":
            raise ValueError("model.order_input needs pair.kind pool")
        if self.model.order_input and not self.data.synth.count:
            raise ValueError(
                "model.order_input needs synthetic machines with known speed: set data.synth.count"
            )
        takes_real = self.pair.kind in ("pool", "speckle") and self.data.synth.count
        if self.data.real.folders and not takes_real:
            raise ValueError(
                "data.real needs pair.kind pool or speckle and synthetic machines: set "
                "data.synth.count, or use data.folders"
            )
        same = ("band", "denoise", "speckle", "windows", "noise")
        if self.pair.kind in same and self.pair.scales != [(1, 1)]:
            raise ValueError(
                f"a {self.pair.kind} pair has pair.scales [1]: set it, or leave it out"
            )
        if self.pair.kind == "windows":
            if any(grid.n_fft != STEP * grid.hop_length for grid in self.grids):
                raise ValueError(f"a windows pair needs grids with n_fft = {STEP} x hop_length")
            if self.data.folders:
                raise ValueError("a windows pair needs machines of known parts: use data.synth")
        if self.pair.kind == "stft" and len(self.pair.scales) != 1:
            raise ValueError("an stft pair has one scale: set pair.scales to one")
        if self.pair.kind in ("denoise", "noise") and self.pair.snr is None:
            raise ValueError(f"a {self.pair.kind} pair needs pair.snr, for example [-5, 25]")
        if self.pair.snr is not None and self.pair.snr[0] > self.pair.snr[1]:
            raise ValueError(
                f"pair.snr is {list(self.pair.snr)}: expected the lower value first, as in [-5, 25]"
            )
        if (self.pair.kind == "noise") != (self.train.loss == "waveform"):
            raise ValueError("train.loss waveform is for a noise pair, which takes no other")
        if self.pair.kind == "image":
            if any(a != b or a < 2 for a, b in self.pair.scales):
                raise ValueError(
                    "an image pair needs pair.scales from 2 up, equal on both axes, as in [2, 3, 4]"
                )
            if not self.data.folders or self.data.synth.count:
                raise ValueError("an image pair needs data.folders with images and no data.synth")
        parts = self.train.accumulate * self.train.devices
        if self.train.batch % parts:
            raise ValueError(
                f"train.batch is {self.train.batch}: expected a multiple of train.accumulate x "
                f"train.devices, {parts}"
            )
        if self.train.patches and len(self.train.patches) != len(self.pair.scales):
            raise ValueError("train.patches needs one patch for each of pair.scales")
        if not self.data.synth.count and not self.data.folders:
            raise ValueError("no data: set data.synth.count or data.folders")
        return self
