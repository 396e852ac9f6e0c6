"""Training configs: typed YAML with every unknown key refused."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)


def _renamed(name: str, former: str) -> AliasChoices:
    """Names that an option is read by: its own, and the one that it had in 0.1.0."""
    return AliasChoices(name, former)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GridOptions(_Section):
    """One analysis: window and hop in samples."""

    n_fft: int = Field(2048, ge=16, multiple_of=2)
    hop_length: int = Field(256, ge=1)
    window: str = "hann"


class PairOptions(_Section):
    """Which pair is learned; see `specsr.pairs.pair.Pair`."""

    kind: Literal["pool", "stft", "band", "denoise", "image"]
    scales: list[tuple[PositiveInt, PositiveInt]] = Field([(1, 1)], min_length=1)
    snr: tuple[float, float] | None = None
    ratios: list[float] = [2.0, 3.0, 4.0, 6.0]

    @field_validator("scales", mode="before")
    @classmethod
    def _square(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError("expected a list such as [2], [2, 3, 4] or [[4, 1]]")
        return [(s, s) if isinstance(s, int) else s for s in value]


class ModelOptions(_Section):
    """Network: EDSR for one scale, MDSR for several.

    ``uncertainty`` adds an output for the uncertainty of each cell, ``order_input`` inputs that
    show where the orders lie (`specsr.pairs.order_input`).  ``channels`` (3 for RGB, 1 for gray)
    and ``batch_norm`` (SRResNet's blocks, to compare) are for images.
    """

    name: Literal["edsr", "mdsr"] = "edsr"
    n_resblocks: int = Field(16, ge=1)
    n_feats: int = Field(32, ge=1)
    res_scale: float = Field(1.0, gt=0, le=1)
    fold: tuple[PositiveInt, PositiveInt] = (1, 1)
    input_skip: bool = True
    input_scale: float = Field(20.0, gt=0, validation_alias=_renamed("input_scale", "std"))
    uncertainty: bool = Field(False, validation_alias=_renamed("uncertainty", "doubt"))
    order_input: bool = Field(False, validation_alias=_renamed("order_input", "guide"))
    channels: Literal[1, 3] = 3
    batch_norm: bool = False


class SynthOptions(_Section):
    """Synthetic machines: how many, from which seed on, at which rates.

    ``scenes`` draws all kinds of `specsr.synth.draws` rather than plain run-ups.
    """

    count: int = Field(0, ge=0)
    seed: int = 0
    duration: float = Field(6.0, gt=0)
    rates: list[float] = [25600.0]
    scenes: bool = False


class DataOptions(_Section):
    """Where examples come from.

    ``folders`` hold recordings, ``repeats`` examples are made of each channel of each; ``noise``
    are folders of recordings to be mixed in by a denoise pair, ``backgrounds`` steady ones that a
    quarter of the synthetic machines runs in front of.  Each example is brought to one of
    ``rates`` (0: its own), drawn evenly; recordings below ``min_rate`` are left out.  A recording
    whose path ends in one of the patterns of ``weights`` (such as ``speech/*``) is drawn that many
    times as often.  For the pair ``image``, ``folders`` and ``validate_on`` hold images (see
    `specsr.images.sets`).
    """

    synth: SynthOptions = SynthOptions()
    folders: list[str] = []
    noise: list[str] = []
    backgrounds: list[str] = []
    validate_on: list[str] = []
    weights: dict[str, PositiveFloat] = {}
    repeats: int = Field(1, ge=1)
    max_seconds: float = Field(12.0, gt=0)
    rates: list[float] = [0.0]
    min_rate: float = Field(0.0, ge=0)
    cache: str = "cache"


class TrainOptions(_Section):
    """The run: Adam with warm-up, cosine or halving schedule, moving average of the weights.

    ``scale_weights`` says how often each of ``pair.scales`` is drawn; None: evenly.  ``patches``
    gives each of them its own patch (images).  ``start`` is a model, by name or file, whose
    weights the run starts from where they fit.  ``clip`` bounds the norm of the gradient; 0: not.
    ``order_input_share`` is the share of crops for which such a model is given the speed.  Of
    ``places`` random places in a map the one whose levels differ most is cropped: most of a map is
    plain noise.  ``uncertainty_weight`` is that of the uncertainty's loss beside the level's.

    ``batch`` is one step's crops, however they are computed: in ``accumulate`` parts one after
    the other (less memory) on each of ``devices`` side by side (needs the extra ``distributed``).
    ``compile`` lets torch compile the network.  ``workers`` processes prepare batches ahead.
    """

    steps: int = Field(10000, ge=1)
    batch: int = Field(16, ge=1)
    accumulate: int = Field(1, ge=1)
    devices: int = Field(1, ge=1)
    patch: tuple[PositiveInt, PositiveInt] = (32, 32)
    patches: list[tuple[PositiveInt, PositiveInt]] | None = None
    start: str | None = None
    lr: float = Field(5e-4, gt=0)
    schedule: Literal["cosine", "halve"] = "cosine"
    halve_every: int = Field(200_000, ge=1)
    warmup: int = 200
    loss: Literal[
        "l1",
        "l2",
        "charbonnier",
        "l1+psnr",
        "itakura-saito",
        "itakura-saito+l2",
        "magnitude",
        "lsd",
    ] = "l1"
    ema: float = Field(0.998, ge=0, lt=1)
    clip: float = Field(1.0, ge=0)
    scale_weights: list[float] | None = None
    order_input_share: float = Field(
        0.5, ge=0, le=1, validation_alias=_renamed("order_input_share", "guided")
    )
    places: int = Field(1, ge=1, le=8)
    uncertainty_weight: float = Field(
        0.01, ge=0, validation_alias=_renamed("uncertainty_weight", "doubt_weight")
    )
    level_shift: float = Field(15.0, ge=0)
    reverse: bool = True
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    seed: int = 0
    workers: int = Field(1, ge=0)
    save_every: int = Field(500, ge=1)
    validate_every: int = Field(500, ge=1)
    hold_out: int = Field(8, ge=1)
    device: str = "auto"


class Config(_Section):
    """A whole training run."""

    name: str
    note: str = ""
    grids: list[GridOptions] = [GridOptions()]
    pair: PairOptions
    model: ModelOptions = ModelOptions()
    data: DataOptions
    train: TrainOptions = TrainOptions()

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.model.name == "edsr" and len(self.pair.scales) != 1:
            raise ValueError("model.name edsr has one scale: set pair.scales to one, or use mdsr")
        if self.pair.kind == "band" and len({grid.n_fft for grid in self.grids}) > 1:
            raise ValueError("a band pair sees whole columns: give all grids the same n_fft")
        weights = self.train.scale_weights
        if weights is not None and (
            len(weights) != len(self.pair.scales) or min(weights) < 0 or not sum(weights)
        ):
            raise ValueError("train.scale_weights needs one weight from 0 up for each scale")
        if self.model.order_input and self.pair.kind != "pool":
            raise ValueError("model.order_input is for the pair pool")
        if self.model.order_input and not self.data.synth.count:
            raise ValueError(
                "model.order_input needs machines whose speed is known: set data.synth.count"
            )
        if self.pair.kind in ("band", "denoise") and self.pair.scales != [(1, 1)]:
            raise ValueError(f"a {self.pair.kind} pair works at pair.scales [1]")
        if self.pair.kind == "stft" and len(self.pair.scales) != 1:
            raise ValueError("an stft pair has one scale: set pair.scales to one")
        if self.pair.kind == "denoise" and self.pair.snr is None:
            raise ValueError("a denoise pair needs pair.snr, for example [-5, 25]")
        if self.pair.kind == "image":
            if any(a != b or a < 2 for a, b in self.pair.scales):
                raise ValueError("an image pair has whole pair.scales from 2 up, such as [2, 3, 4]")
            if not self.data.folders or self.data.synth.count:
                raise ValueError("an image pair needs data.folders with images and no data.synth")
        parts = self.train.accumulate * self.train.devices
        if self.train.batch % parts:
            raise ValueError(
                f"train.batch is {self.train.batch}: expected a multiple of train.accumulate x "
                f"train.devices, {parts}"
            )
        if self.train.patches and len(self.train.patches) != len(self.pair.scales):
            raise ValueError("train.patches needs one patch for each scale")
        if not self.data.synth.count and not self.data.folders:
            raise ValueError("no data: set data.synth.count or data.folders")
        return self
