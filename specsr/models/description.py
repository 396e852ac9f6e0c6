"""Checks of a model file's description and tensors, before a network is built.

A model file may come from an untrusted source.  Its description is JSON of a known form with
limits on all sizes (`specsr.models.config`).  The tensors in its header must be those of the
network that it describes: the network is built on torch's meta device, which allocates no memory,
and compared by name and shape.  So no more is allocated than the file holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from specsr.errors import SpecsrError
from specsr.models.config import EDSRConfig, Finite, MDSRConfig, NetworkConfig
from specsr.models.network import build

FORMAT = 1
LARGEST_DESCRIPTION = 1 << 22
"""Most characters of JSON that are parsed."""
FLOATS = ("F16", "BF16", "F32", "F64")
"""Types of weights, as safetensors names them."""
_NOT_OURS = "a safetensors file without specsr's description: use one that specsr wrote"
_STRICT = ConfigDict(strict=True, extra="forbid", frozen=True)
_CONFIGS: dict[str, TypeAdapter[Any]] = {
    "edsr": TypeAdapter(EDSRConfig),
    "mdsr": TypeAdapter(MDSRConfig),
}

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Analysis:
    """STFT of the maps that a model was trained on.

    Attributes:
        n_fft: samples in one window.
        hop_length: samples between frames.
        window: name of a scipy window.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT  # read by pydantic

    n_fft: Annotated[int, Field(ge=2, le=1 << 24)]
    hop_length: Annotated[int, Field(ge=1, le=1 << 24)]
    window: Annotated[str, Field(max_length=100)] = "hann"


class Description(BaseModel):
    """The JSON text in a model file; see `specsr.models.model.Model`."""

    model_config = _STRICT

    format: Literal[1]
    name: str = Field(max_length=1000)
    architecture: Literal["edsr", "mdsr"]
    config: dict[str, Any]
    pair: Literal["pool", "stft", "band", "denoise", "image"]
    grids: tuple[Analysis, ...] = Field(max_length=1000)
    rates: tuple[Annotated[Finite, Field(ge=0)], Annotated[Finite, Field(ge=0)]]
    db_range: float = Field(ge=0, allow_inf_nan=False)
    record: dict[str, Any]


def describe(text: str) -> dict[str, Any]:
    """Return the description in a model file as plain JSON values.

    Raises:
        SpecsrError: not JSON, too long, nested too deep, a repeated, unknown or missing key, a
            value of the wrong type or beyond its limit.
    """
    if len(text) > LARGEST_DESCRIPTION:
        raise SpecsrError(
            f"its description has {len(text)} characters: expected at most {LARGEST_DESCRIPTION}"
        )
    try:
        info = json.loads(text, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise SpecsrError("its description is nested too deep") from None
    except ValueError as error:
        if isinstance(error, SpecsrError):
            raise
        raise SpecsrError(f"{_NOT_OURS} ({error})") from None
    if not isinstance(info, dict) or "format" not in info:
        raise SpecsrError(_NOT_OURS)
    if type(info["format"]) is not int or info["format"] != FORMAT:
        version = str(info["format"])[:20]
        raise SpecsrError(f"format {version}, this specsr reads {FORMAT}: update specsr")
    try:
        Description.model_validate_json(text)
        checked_config(info["architecture"], info["config"])
    except ValidationError as error:
        raise SpecsrError(f"its description is damaged: {_reasons(error)}") from None
    return info


def checked_config(architecture: str, fields: Mapping[str, Any]) -> NetworkConfig:
    """Return the network's options from JSON values.

    Raises:
        SpecsrError: an unknown option, or one of the wrong type or beyond its limit.
    """
    try:
        config: NetworkConfig = _CONFIGS[architecture].validate_json(json.dumps(fields))
    except ValidationError as error:
        raise SpecsrError(f"its network cannot be built: {_reasons(error)}") from None
    return config


def check_tensors(config: NetworkConfig, found: Shapes, given: Collection[str] = ()) -> None:
    """Compare tensor names and shapes with those of a config's network; allocates no memory.

    Args:
        config: options of the network.
        found: shapes by name.
        given: names of the network's tensors that ``found`` need not have.

    Raises:
        SpecsrError: naming tensors that are missing, unknown or of another shape.
    """
    try:
        with torch.device("meta"):
            expected = {k: tuple(v.shape) for k, v in build(config).state_dict().items()}
            expected = {k: v for k, v in expected.items() if k not in given}
    except (ValueError, RuntimeError, TypeError) as error:
        raise SpecsrError(f"its network cannot be built: {error}") from None
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
    """Check the values of a network's tensors.

    Raises:
        SpecsrError: weights that are not finite, or a ``std`` that is not above zero.
    """
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise SpecsrError(
                f"the weights hold NaN or infinity ({name}): train or download the model again"
            )
        if name.endswith("_mean.std") and not (tensor > 0).all():
            raise SpecsrError(f"{name} is {tensor.tolist()}: expected a number above zero")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise SpecsrError("its description has a repeated key")
    return fields


def _reasons(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'all of it'}: {e['msg']}, not {str(e['input'])[:40]!r}"
        for e in error.errors()[:3]
    )
