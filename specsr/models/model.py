"""Model files: safetensors with all that is needed to use the network.

The header's metadata holds one JSON text under ``specsr``: format version, architecture and its
config, pair, analysis grids, level range and training record.  Loading never runs code.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from specsr.errors import SpecsrError
from specsr.io.atomic import replacing
from specsr.models.description import FORMAT, Analysis, describe
from specsr.models.edsr import EDSR
from specsr.models.network import Network

SUFFIXES = (".pt", ".pth", ".ckpt", ".safetensors")
"""Endings of files with weights: checkpoints of PyTorch, and safetensors as specsr writes them."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network and the data it was trained for.

    Models for the pair ``image`` have no grids, and zeros for rates and level range.

    Attributes:
        name: short name.
        net: the module, in evaluation mode.
        pair: kind of pair whose low resolution it enhances, see `specsr.pairs.pair.Pair`.
        grids: analyses of its training maps.
        rates: lowest and highest sampling rate of its training data, Hz.
        level_range_db: range of its training levels about the median level of the map, ± dB.
        record: training record: steps, seconds, seed, data, loss, scores.
    """

    name: str
    net: Network
    pair: str
    grids: tuple[Analysis, ...]
    rates: tuple[float, float]
    level_range_db: float
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.net.parameters())


def description(model: Model) -> str:
    """Return the JSON text that describes a model in its file."""
    info = {
        "format": FORMAT,
        "name": model.name,
        "architecture": "edsr" if isinstance(model.net, EDSR) else "mdsr",
        "config": dataclasses.asdict(model.net.config),
        "pair": model.pair,
        "grids": [dataclasses.asdict(grid) for grid in model.grids],
        "rates": list(model.rates),
        "db_range": model.level_range_db,  # name of format 1
        "record": model.record,
    }
    return json.dumps(info)


def save_model(path: str | Path, model: Model, overwrite: bool = False, half: bool = False) -> None:
    """Write a model file atomically.

    Args:
        path: file to write, ``.safetensors``.
        model: model to write; left unchanged.
        overwrite: replace an existing file.
        half: store the weights as float16 instead of float32.

    Raises:
        SpecsrError: the file exists and ``overwrite`` is not set, or cannot be written.
    """
    dtype = torch.float16 if half else torch.float32
    state = model.net.state_dict()
    tensors = {
        # mean and std stay exact: they scale the data
        k: v.detach().to("cpu", torch.float32 if "_mean." in k else dtype).contiguous()
        for k, v in state.items()
    }
    with replacing(path, overwrite=overwrite) as [partial]:
        save_file(tensors, partial, metadata={"specsr": description(model)})
        partial.chmod(0o644)  # safetensors creates files that only their owner may read


def is_model_file(path: str | Path) -> bool:
    """Whether a file is a safetensors file with specsr's description."""
    try:
        with safe_open(Path(path), framework="pt") as file:
            return "specsr" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_info(path: str | Path) -> dict[str, Any]:
    """Return the JSON description in a model file without loading its weights.

    Raises:
        SpecsrError: no such file, not a safetensors file, or a description that
            `specsr.models.description.describe` refuses.
    """
    path = Path(path)
    if not path.is_file():
        raise SpecsrError(f"{path}: no such model file; `specsr models` lists the bundled ones")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise SpecsrError(f"{path}: not a safetensors file ({error})") from None
    try:
        return describe(metadata.get("specsr", "{}"))
    except SpecsrError as error:
        raise SpecsrError(f"{path}: {error}") from None
