"""Training configs: typed YAML with every unknown key refused."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from .errors import SpecsrError

LARGEST = 1 << 20
"""Bytes of a config."""
DEEPEST = 50


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GridOptions(_Section):
    """One analysis: window and hop in samples."""

    n_fft: int = Field(2048, ge=16, multiple_of=2)
    hop_length: int = Field(256, ge=1)
    window: str = "hann"


class PairOptions(_Section):
    """Which pair is learned; see `specsr.degrade.Pair`."""

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

    ``doubt`` adds an output that says how far off each cell may be, ``guide`` inputs that say
    where the orders lie (`specsr.guide`).  ``channels`` (3 for RGB, 1 for gray) and ``batch_norm``
    (SRResNet's blocks, to compare) are for images.
    """

    name: Literal["edsr", "mdsr"] = "edsr"
    n_resblocks: int = Field(16, ge=1)
    n_feats: int = Field(32, ge=1)
    res_scale: float = Field(1.0, gt=0, le=1)
    fold: tuple[PositiveInt, PositiveInt] = (1, 1)
    input_skip: bool = True
    std: float = 20.0
    doubt: bool = False
    guide: bool = False
    channels: Literal[1, 3] = 3
    batch_norm: bool = False


class SynthOptions(_Section):
    """Synthetic machines: how many, from which seed on, at which rates.

    ``scenes`` draws all kinds of `specsr.scenes` rather than plain run-ups.
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
    `specsr.image_data`).
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
    ``guided`` is the share of crops for which a guided model is told the speed.  Of ``places``
    random places in a map the one whose levels differ most is cropped: most of a map is plain
    noise.  ``doubt_weight`` is that of the doubt's loss beside the level's.

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
    guided: float = Field(0.5, ge=0, le=1)
    places: int = Field(1, ge=1, le=8)
    doubt_weight: float = Field(0.01, ge=0)
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
        if self.model.guide and self.pair.kind != "pool":
            raise ValueError("model.guide is for the pair pool")
        if self.model.guide and not self.data.synth.count:
            raise ValueError(
                "model.guide needs machines whose speed is known: set data.synth.count"
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


def load_config(path: str | Path, overrides: list[str] | None = None) -> Config:
    """Read a YAML config and apply ``section.key=value`` overrides (values are YAML).

    A config with ``base: other.yaml`` (beside it) says only what differs from that one.

    Raises:
        SpecsrError: missing or broken file, unknown key (the nearest valid one is named), a value
            of the wrong kind or outside its range.
    """
    path = Path(path)
    tree = _read_tree(path)
    for override in overrides or []:
        key, separator, value = override.partition("=")
        if not separator:
            raise SpecsrError(f"{override!r}: expected section.key=value, as in train.steps=100")
        node = tree
        *parents, leaf = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise SpecsrError(f"{override!r}: {parent} is a value, not a section")
        try:
            node[leaf] = _parse(value)
        except ValueError as error:
            raise SpecsrError(f"{override!r}: the value is not YAML ({error})") from None
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise SpecsrError(f"{path}: " + "; ".join(map(_explain, error.errors()[:10]))) from None


def _read_tree(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the sections of a file over those of its base."""
    try:
        if path.exists() and not path.is_file():
            raise SpecsrError(f"{path}: not a file: name a config, such as configs/map.yaml")
        if path.stat().st_size > LARGEST:
            raise SpecsrError(f"{path}: larger than {LARGEST} bytes: not a config")
        tree = _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecsrError(
            f"{path}: no such config; those that come along are in configs/"
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, SpecsrError):
            raise
        raise SpecsrError(f"{path}: not a readable YAML file ({error})") from None
    if not isinstance(tree, dict):
        raise SpecsrError(f"{path}: expected sections such as pair:, data: and train:")
    base = tree.pop("base", None)
    if base is None:
        return tree
    if not isinstance(base, str) or "\0" in base:
        raise SpecsrError(
            f"{path}: base is {base!r}: expected the name of a config beside it"[:500]
        )
    below = path.parent / base
    if below.resolve() in above:
        raise SpecsrError(f"{path}: its base {base} rests on it in turn")
    try:
        return _merge(_read_tree(below, (*above, path.resolve())), tree)
    except SpecsrError as error:
        text = str(error)
        raise SpecsrError(text if str(path) in text else f"{path}: base: {text}") from None


class _Loader(yaml.SafeLoader):
    """Plain values; no aliases, by which a few lines can stand for more than fits any memory."""

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= DEEPEST:  # the scanner's time grows with the square of the depth
            raise yaml.scanner.ScannerError(None, None, "nested too deep", self.get_mark())
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, "aliases (*name) are not taken: write the value out", event.start_mark
            )
        return super().compose_node(parent, index)


def _parse(text: str) -> Any:
    """Return the value of a YAML text; `ValueError` for one that is none."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except (yaml.YAMLError, LookupError, ArithmeticError, TypeError, AttributeError) as error:
        raise ValueError(str(error)[:500]) from None


def _merge(below: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Sections key by key; any other value of ``over`` replaces the one below."""
    merged = dict(below)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merge(below[key], value) if both else value
    return merged


def _explain(problem: Any) -> str:
    """One line for one pydantic problem, with the nearest valid key for an unknown one."""
    where = ".".join(map(str, problem["loc"]))[:200]
    if problem["type"] != "extra_forbidden":
        return f"{where or 'config'}: {problem['msg']}"
    try:
        valid: list[str] = list(_keys(Config, problem["loc"][:-1]))
    except (AttributeError, KeyError, TypeError):
        valid = []  # inside a value of no section
    near = difflib.get_close_matches(str(problem["loc"][-1]), valid, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]}?" if near else f"valid keys: {', '.join(valid)}"
    return f"{where}: unknown key; {hint}"


def _keys(model: Any, location: tuple[Any, ...]) -> Any:
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        model = next((a for a in getattr(annotation, "__args__", ()) if a), annotation)
    return model.model_fields
