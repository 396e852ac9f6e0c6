"""What a model file may say: its description and its tensors, judged before anything is built.

A model file may come from a stranger.  Its description is JSON of a known form whose sizes have
caps, and the tensors in its header must be those of the network that it describes: the network is
laid out on torch's meta device, which takes no memory, and compared name by name.  What then has
to be allocated is no more than what the file holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from specsr.errors import SpecsrError
from specsr.models.edsr import EDSRConfig
from specsr.models.mdsr import MDSRConfig
from specsr.models.network import build

FORMAT = 1
LARGEST_DESCRIPTION = 1 << 22
"""Characters of JSON."""
FLOATS = ("F16", "BF16", "F32", "F64")
"""Types of weights, as safetensors names them."""
_STRANGER = "a safetensors file without specsr's description: use one that specsr wrote"

Shapes = Mapping[str, tuple[int, ...]]
_Channels = Annotated[int, Field(ge=1, le=1024)]
_Factor = Annotated[int, Field(ge=1, le=64)]
_Pair = tuple[_Factor, _Factor]
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Network(_Strict):
    n_resblocks: int = Field(16, ge=0, le=1000)
    n_feats: int = Field(64, ge=1, le=4096)
    res_scale: _Finite = 1.0
    in_channels: _Channels = 3
    out_channels: _Channels = 3
    mean: tuple[_Finite, ...] = Field(EDSRConfig.mean, min_length=1, max_length=1024)
    std: float = Field(1.0, gt=0, allow_inf_nan=False)
    input_skip: bool = False
    # files of 0.1.0 call it doubt
    uncertainty: bool = Field(False, validation_alias=AliasChoices("uncertainty", "doubt"))


class _EDSR(_Network):
    scale: _Pair = (2, 2)
    fold: _Pair = (1, 1)
    batch_norm: bool = False


class _MDSR(_Network):
    scales: tuple[_Pair, ...] = Field(MDSRConfig.scales, min_length=1, max_length=64)


class _Grid(_Strict):
    n_fft: int = Field(ge=2, le=1 << 24)
    hop_length: int = Field(ge=1, le=1 << 24)
    window: str = Field("hann", max_length=100)


class Description(_Strict):
    """The JSON text in a model file; see `specsr.models.model.Model`."""

    format: Literal[1]
    name: str = Field(max_length=1000)
    architecture: Literal["edsr", "mdsr"]
    config: dict[str, Any]
    pair: Literal["pool", "stft", "band", "denoise", "image"]
    grids: tuple[_Grid, ...] = Field(max_length=1000)
    rates: tuple[Annotated[_Finite, Field(ge=0)], Annotated[_Finite, Field(ge=0)]]
    db_range: float = Field(ge=0, allow_inf_nan=False)
    record: dict[str, Any]


def describe(text: str) -> dict[str, Any]:
    """Return the description in a model file as plain JSON values.

    Raises:
        SpecsrError: no JSON, too long or too deep, a key twice, a key too many or too few, a value
            of the wrong kind or beyond its cap.
    """
    if len(text) > LARGEST_DESCRIPTION:
        raise SpecsrError(f"its description has {len(text)} characters: expected a short text")
    try:
        info = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise SpecsrError("its description is nested too deep") from None
    except ValueError as error:
        if isinstance(error, SpecsrError):
            raise
        raise SpecsrError(f"{_STRANGER} ({error})") from None
    if not isinstance(info, dict) or "format" not in info:
        raise SpecsrError(_STRANGER)
    if type(info["format"]) is not int or info["format"] != FORMAT:
        version = str(info["format"])[:20]
        raise SpecsrError(f"format {version}, this specsr reads {FORMAT}: update specsr")
    try:
        Description.model_validate_json(text)
        checked_config(info["architecture"], info["config"])
    except ValidationError as error:
        raise SpecsrError(f"its description is damaged: {_reasons(error)}") from None
    return info


def checked_config(architecture: str, fields: Mapping[str, Any]) -> EDSRConfig | MDSRConfig:
    """Return the network's options from JSON values.

    Raises:
        SpecsrError: an unknown option, or one of the wrong kind or beyond its cap.
    """
    form, kind = (_EDSR, EDSRConfig) if architecture == "edsr" else (_MDSR, MDSRConfig)
    try:
        options = form.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        raise SpecsrError(f"its network is none that can be built: {_reasons(error)}") from None
    return kind(**options.model_dump())


def check_tensors(
    config: EDSRConfig | MDSRConfig, found: Shapes, given: Collection[str] = ()
) -> None:
    """Compare names and shapes with those of the network, which takes no memory.

    ``given`` are names that the network has by itself.

    Raises:
        SpecsrError: naming tensors that are missing, unknown or of another shape.
    """
    try:
        with torch.device("meta"):
            expected = {k: tuple(v.shape) for k, v in build(config).state_dict().items()}
            expected = {k: v for k, v in expected.items() if k not in given}
    except (ValueError, RuntimeError, TypeError) as error:
        raise SpecsrError(f"its network is none that can be built: {error}") from None
    problems = [f"no {name}" for name in expected if name not in found]
    problems += [f"unknown {name}" for name in found if name not in expected]
    problems += [
        f"{name} is {list(found[name])} instead of {list(shape)}"
        for name, shape in expected.items()
        if name in found and tuple(found[name]) != shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise SpecsrError(
            f"its weights are not those of the network it describes: "
            f"{'; '.join(problems[:3])[:500]}{more}"
        )


def check_values(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raise `SpecsrError` for weights that are not finite, or a range that is not above zero."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise SpecsrError(
                f"the weights hold NaN or infinity ({name}): train or fetch the model again"
            )
        if name.endswith("_mean.std") and not (tensor > 0).all():
            raise SpecsrError(f"{name} is {tensor.tolist()}: expected a number above zero")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise SpecsrError("its description has a key twice")
    return fields


def _reasons(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'all of it'}: {e['msg']}, not {str(e['input'])[:40]!r}"
        for e in error.errors()[:3]
    )
