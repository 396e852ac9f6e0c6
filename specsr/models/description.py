"""Checks of a model file's description and tensors, before a network is built.

A model file may come from an untrusted source.  Its description is JSON of a known form with
limits on all sizes (`specsr.models.config`).  The tensors in its header must be those of the
network that it describes: the network is built on torch's meta device, which allocates no memory,
and compared by name and shape.  So no more is allocated than the file holds.  The analysis grids
bound what a recording takes: length and overlap of the windows, and the margins of its segments.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.models.config import MAX_CELLS, EDSRConfig, MDSRConfig, NetworkConfig
from specsr.models.edsr import outputs
from specsr.models.network import Network, build
from specsr.models.record import Record, plain
from specsr.pairs import band_input, noise_input, order_input, speckle_input, windows_input

FORMAT = 1
LARGEST_DESCRIPTION = 1 << 22
"""Most characters of JSON that are parsed."""
MAX_N_FFT = 1 << 17
"""Longest analysis window, samples."""
MAX_OVERLAP = 32
"""Largest ratio of window to hop: 16 cells for one sample."""
MAX_GRIDS = 1000
"""Most analysis grids."""
MAX_RATE = 1e9
"""Largest sampling rate, Hz."""
MAX_MARGIN = 1 << 20
"""Largest margin of a segment of a recording (``band``, ``denoise``, ``speckle``), samples."""
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

    n_fft: Annotated[int, Field(ge=2, le=MAX_N_FFT, multiple_of=2)]
    hop_length: Annotated[int, Field(ge=1, le=MAX_N_FFT)]
    window: Annotated[str, Field(max_length=100)] = "hann"

    def margin(self, net: Network) -> int:
        """Return the samples on either side of a segment that a network at scale 1 needs."""
        return self.hop_length * net.reach((1, 1))[1] + 4 * self.n_fft


Rate = Annotated[float, Field(ge=0, le=MAX_RATE)]


class Description(BaseModel):
    """The JSON text in a model file; see `specsr.models.model.Model`."""

    model_config = _STRICT

    format: Literal[1]
    name: str = Field(max_length=1000)
    architecture: Literal["edsr", "mdsr"]
    config: dict[str, Any]
    pair: Literal["pool", "stft", "band", "denoise", "speckle", "windows", "noise", "image"]
    grids: tuple[Analysis, ...] = Field(max_length=MAX_GRIDS)
    rates: tuple[Rate, Rate]
    db_range: float = Field(ge=0, le=1e6)
    record: Record


def describe(text: str) -> dict[str, Any]:
    """Return the description in a model file as plain JSON values, with all options of the network.

    Raises:
        SpecsrError: not JSON, too long, nested too deep, a repeated, unknown or missing key, a
            value of the wrong type or beyond its limit, or a network that does not fit its pair.
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
        version = repr(info["format"])[:20]
        raise SpecsrError(f"format {version}, this specsr reads {FORMAT}: update specsr")
    try:
        found = Description.model_validate_json(text)
    except ValidationError as error:
        raise SpecsrError(f"its description is damaged: {_reasons(error)}") from None
    config = checked_config(info["architecture"], info["config"])
    _check_channels(found.pair, config)
    _check_analysis(found, config)
    info["config"] = json.loads(json.dumps(asdict(config)))
    info["grids"] = [asdict(grid) for grid in found.grids]
    return info


def _check_channels(pair: str, config: NetworkConfig) -> None:
    """Raise `SpecsrError` unless input and output of a network are those of its pair."""
    taken = {
        "pool": {1, 1 + order_input.CHANNELS},
        "stft": {1, 1 + order_input.CHANNELS},
        "band": {band_input.CHANNELS},
        "denoise": {1},
        "speckle": {speckle_input.CHANNELS},
        "windows": {windows_input.CHANNELS},
        "noise": {noise_input.CHANNELS},
        "image": {1, 3},
    }[pair]
    given = config.in_channels if pair == "image" else 1
    if config.in_channels not in taken or config.out_channels != given:
        raise SpecsrError(
            f"its network has {config.in_channels} input and {config.out_channels} output "
            f"channels: expected {' or '.join(map(str, sorted(taken)))} and "
            f"{'as many' if pair == 'image' else 1} for the pair {pair}"
        )
    if pair == "image" and config.uncertainty:
        raise SpecsrError("its network has an uncertainty output: expected none for the pair image")


def _check_analysis(found: Description, config: NetworkConfig) -> None:
    """Raise `SpecsrError` for grids, rates and a name that no trained model has."""
    if not found.name.isprintable():
        raise SpecsrError(f"its name is {found.name[:40]!r}: expected printable characters")
    low, high = found.rates
    if low > high:
        raise SpecsrError(f"its rates are {low:g} to {high:g} Hz: expected the lowest first")
    if not found.grids and found.pair != "image":
        raise SpecsrError(f"it has no analysis grid: expected one or more for {found.pair}")
    for grid in found.grids:
        if not grid.hop_length <= grid.n_fft <= MAX_OVERLAP * grid.hop_length:
            raise SpecsrError(
                f"its grid has a window of {grid.n_fft} and a hop of {grid.hop_length} samples: "
                f"expected a hop of 1/{MAX_OVERLAP} of the window up to the window"
            )
    for name in {grid.window for grid in found.grids}:
        samples = Grid(1.0, 64, 16, 1, name).window_samples()
        if not (np.isfinite(samples).all() and abs(samples.sum()) > 1e-6):
            raise SpecsrError(f"its window is {name!r}: expected a window such as hann")
    if found.pair in ("band", "denoise", "speckle", "windows", "noise"):
        if (1, 1) not in (config.scales if isinstance(config, MDSRConfig) else [config.scale]):
            raise SpecsrError(f"its network has no scale 1: expected it for {found.pair}")
        with torch.device("meta"):
            net = build(config)
        if (margin := max(grid.margin(net) for grid in found.grids)) > MAX_MARGIN:
            raise SpecsrError(
                f"its network and grids need margins of {margin} samples: expected at most "
                f"{MAX_MARGIN}; use fewer blocks, a smaller fold or a shorter hop or window"
            )


def checked_config(architecture: str, fields: Mapping[str, Any]) -> NetworkConfig:
    """Return the network's options from JSON values.

    Raises:
        SpecsrError: an unknown option, or one of the wrong type or beyond its limit.
    """
    try:
        config: NetworkConfig = _CONFIGS[architecture].validate_json(json.dumps(fields))
    except ValidationError as error:
        raise SpecsrError(f"its network cannot be built: {_reasons(error)}") from None
    scales = config.scales if isinstance(config, MDSRConfig) else (config.scale,)
    cells = outputs(config) * math.prod(config.fold) * max(math.prod(scale) for scale in scales)
    if cells > MAX_CELLS:
        raise SpecsrError(
            f"its network cannot be built: {cells} output values for one input cell (channels x "
            f"scale x fold): expected at most {MAX_CELLS}"
        )
    try:
        config.means(max(config.in_channels, config.out_channels))
    except ValueError as error:
        raise SpecsrError(f"its network cannot be built: {error}") from None
    if config.input_skip and config.out_channels > config.in_channels:
        raise SpecsrError(
            f"its network cannot be built: input_skip with {config.out_channels} output channels "
            f"for {config.in_channels} of input"
        )
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
            f"{plain('; '.join(problems[:3]))[:500]}{more}"
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
        f"{plain('.'.join(map(str, e['loc'])))[:80] or 'all of it'}: {plain(e['msg'])[:200]}, "
        f"not {str(e['input'])[:40]!r}"
        for e in error.errors()[:3]
    )
