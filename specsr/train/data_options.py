"""Options of the sources of training examples."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from specsr.synth.draws import FUNCTIONS

MAX_RATE = 1e9
"""Largest sampling rate, Hz."""
Seed = Annotated[int, Field(ge=0, lt=1 << 63)]
"""Seed of random numbers."""


class Section(BaseModel):
    """A section of a config.  Unknown keys are errors, and so is a switch in place of a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, info: ValidationInfo) -> Any:
        expected = cls.model_fields[info.field_name or ""].annotation
        parts = [value] if not isinstance(value, (list, tuple)) else value
        if any(isinstance(part, bool) for part in parts) and not _takes_switch(expected):
            raise ValueError(f"got {value!r}: expected no true or false here")
        return value


def _takes_switch(annotation: Any) -> bool:
    return annotation is bool or any(map(_takes_switch, get_args(annotation)))


class SynthOptions(Section):
    """Synthetic machines, see `specsr.synth`."""

    count: int = Field(0, ge=0)
    """Number of machines; 0 for recordings alone."""
    seed: Seed = 0
    """Seed of the first machine; the next ones follow."""
    duration: float = Field(6.0, gt=0)
    """Length of each signal, s."""
    rates: list[Annotated[float, Field(gt=0, le=MAX_RATE)]] = Field([25600.0], min_length=1)
    """Sampling rates in Hz, drawn evenly."""
    scenes: bool | Literal["all"] | dict[str, PositiveFloat] = False
    """Kinds of machines: false for plain run-ups, true for those of `specsr.synth.draws.KINDS`,
    all for `specsr.synth.draws.ALL_KINDS`, or kinds with their shares."""
    named: dict[str, PositiveInt] = {}
    """Machines beside these: kind -> their number."""

    @field_validator("scenes", "named")
    @classmethod
    def _known(cls, value: Any) -> Any:
        for kind in value if isinstance(value, dict) else ():
            if kind not in FUNCTIONS:
                raise ValueError(f"kind {kind!r}: expected one of {', '.join(FUNCTIONS)}")
        return value

    @field_validator("scenes")
    @classmethod
    def _some(cls, value: Any) -> Any:
        if value == {}:
            raise ValueError("expected at least one kind of machine")
        return value


class RealOptions(Section):
    """Recordings for ``pool`` and ``speckle`` whose expected power is not known, see
    `specsr.train.learner.Learner.loss`."""

    folders: list[str] = []
    """Folders of recordings."""
    exclude: list[str] = []
    """Path patterns (such as ``runup_*``) of recordings that are left out."""
    first_channel: list[str] = []
    """Path patterns of recordings of which only the first channel is sound."""
    share: float = Field(0.3, gt=0, lt=1)
    """Share of real crops in the batches."""
    weight: float = Field(0.5, gt=0)
    """Weight of the loss of a real crop beside that of a synthetic one."""
    rates: list[NonNegativeFloat] = Field([0.0], min_length=1)
    """Sampling rates in Hz, drawn evenly from those that a recording reaches; 0 for its own."""
    repeats: int = Field(1, ge=1)
    """Examples made of each channel of each recording."""
    max_seconds: float = Field(10.0, gt=0)
    """Longest part of a recording in one example, s."""
    hold_out: int = Field(8, ge=1)
    """Maximum number of recordings held out for validation."""


class DataOptions(Section):
    """Sources of examples."""

    synth: SynthOptions = SynthOptions()
    """Synthetic machines."""
    folders: list[str] = []
    """Folders of recordings; for ``image``, of images (`specsr.images.sets`)."""
    noise: list[str] = []
    """Folders of recordings: the noise of half of the examples (``denoise``), or of two thirds, of
    which another stretch is known (``noise``)."""
    exclude: list[str] = []
    """Path patterns (such as ``noise/rain_*``) of recordings in ``folders`` and ``noise`` that are
    left out."""
    backgrounds: list[str] = []
    """Folders of steady recordings behind a quarter of the synthetic machines."""
    validate_on: list[str] = []
    """Folders of images to validate on (``image``)."""
    real: RealOptions = RealOptions()
    """Recordings beside synthetic machines (``pool``, ``speckle``)."""
    weights: dict[str, PositiveFloat] = {}
    """Path pattern (such as ``speech/*``) -> factor on how often a recording is drawn."""
    repeats: int = Field(1, ge=1)
    """Examples made of each channel of each recording."""
    max_seconds: float = Field(12.0, gt=0)
    """Longest part of a recording in one example, s."""
    rates: list[NonNegativeFloat] = Field([0.0], min_length=1)
    """Sampling rates in Hz that recordings are resampled to, drawn evenly; 0 for their own."""
    min_rate: float = Field(0.0, ge=0)
    """Recordings with a lower sampling rate in Hz are left out."""
    cache: str = "cache"
    """Folder of prepared examples."""
    workers: int | None = Field(None, ge=1)
    """Processes that prepare examples; None: one for each core."""
