"""Model files: safetensors that carry everything needed to use them.

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
from specsr.models.description import (
    FORMAT,
    describe,
)
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR


@dataclass(frozen=True, eq=False)
class Model:
    """A network with what it was made for.

    Attributes:
        name: short name.
        net: the module, in evaluation mode.
        pair: kind of pair it undoes.
        grids: analyses it was trained on: dicts of n_fft, hop_length, window.
        rates: lowest and highest sampling rate of its training data, Hz.
        db_range: range of levels about the own level that it was trained on, dB.  Models for the
            pair ``image`` have no grids, and zeros for rates and range.
        record: how it was trained: steps, seconds, seed, data, loss, scores.
    """

    name: str
    net: EDSR | MDSR
    pair: str
    grids: tuple[dict[str, Any], ...]
    rates: tuple[float, float]
    db_range: float
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.net.parameters())


def save_model(path: str | Path, model: Model, overwrite: bool = False, half: bool = False) -> None:
    """Write a model file, whole or not at all; weights in float32, or float16 with ``half``."""
    from specsr.io.atomic import replacing

    info = {
        "format": FORMAT,
        "name": model.name,
        "architecture": "edsr" if isinstance(model.net, EDSR) else "mdsr",
        "config": dataclasses.asdict(model.net.config),
        "pair": model.pair,
        "grids": list(model.grids),
        "rates": list(model.rates),
        "db_range": model.db_range,
        "record": model.record,
    }
    dtype = torch.float16 if half else torch.float32
    state = model.net.state_dict()
    tensors = {
        # mean and std belong to the range of the data: they stay exact
        k: v.detach().to("cpu", torch.float32 if "_mean." in k else dtype).contiguous()
        for k, v in state.items()
    }
    with replacing(path, overwrite=overwrite) as [partial]:
        save_file(tensors, partial, metadata={"specsr": json.dumps(info)})
        partial.chmod(0o644)  # safetensors makes files for their owner's eyes only


def is_model_file(path: str | Path) -> bool:
    """Whether a file is a safetensors file with specsr's description."""
    try:
        with safe_open(Path(path), framework="pt") as file:
            return "specsr" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_info(path: str | Path) -> dict[str, Any]:
    """Return the JSON description in a model file without loading its weights."""
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
