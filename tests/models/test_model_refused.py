"""Model files that are refused: of other content, cut, changed, with weights that do not fit."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from specsr.errors import SpecsrError
from specsr.models.bundled import load_model
from specsr.models.model import read_info, save_model
from specsr.models.network import build
from support.model_samples import CONFIGS, model


class Trap:
    """Unpickling this would leave a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.trace,))


def test_a_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for name in ("a.pt", "a.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(trace)))
    with pytest.raises(SpecsrError, match=r"a\.safetensors: not a safetensors file"):
        load_model(tmp_path / "a.safetensors")
    with pytest.raises(SpecsrError, match=r"a\.pt: .*not a \.safetensors file"):
        load_model(tmp_path / "a.pt")
    torch.save(build(CONFIGS[0]).state_dict(), tmp_path / "b.safetensors")
    with pytest.raises(SpecsrError, match="not a safetensors file"):
        load_model(tmp_path / "b.safetensors")
    assert not trace.exists()


@pytest.mark.parametrize("size", [0, 1, 8, 9, 5000])
def test_a_file_of_anything_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(np.random.default_rng(size).bytes(size))
    with pytest.raises(SpecsrError, match=r"m\.safetensors: not a safetensors file"):
        load_model(path)


@pytest.mark.parametrize("part", [0.01, 0.3, 0.9, 0.999])
def test_a_cut_file_is_refused(tmp_path: Path, part: float) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, model())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(SpecsrError, match=r"m\.safetensors"):
        load_model(path)


def rewritten(path: Path, tensors: dict | None = None, **changes: Any) -> Path:
    """A model file with some of its weights or its description exchanged."""
    save_model(path, model())
    info = {**read_info(path), **changes}
    info = {k: v for k, v in info.items() if v is not None}
    kept = {k: v for k, v in {**load_file(path), **(tensors or {})}.items() if v is not None}
    save_file(kept, path, metadata={"specsr": json.dumps(info)})
    return path


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, value: float) -> None:
    bad = torch.zeros(4, 1, 3, 3)
    bad[1, 0, 2, 2] = value
    path = rewritten(tmp_path / "m.safetensors", {"head.0.weight": bad})
    with pytest.raises(SpecsrError, match=r"m\.safetensors: the weights hold NaN or infinity"):
        load_model(path)


@pytest.mark.parametrize(
    "tensors, words",
    [
        ({"head.0.weight": torch.zeros(5, 1, 3, 3)}, r"head\.0\.weight"),
        ({"head.0.bias": None}, r"head\.0\.bias"),
        ({"extra": torch.zeros(1)}, "extra"),
    ],
    ids=["shape", "missing", "extra"],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, tensors: dict, words: str) -> None:
    path = rewritten(tmp_path / "m.safetensors", tensors)
    with pytest.raises(SpecsrError, match=words) as caught:
        load_model(path)
    assert "m.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"format": 99}, "format 99, this specsr reads 1"),
        ({"architecture": "unet"}, "unet"),
        ({"config": {"depth": 3}}, "depth"),
        ({"pair": None}, "pair"),
        ({"rates": 5}, "damaged"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(
    tmp_path: Path, changes: dict, words: str
) -> None:
    path = rewritten(tmp_path / "m.safetensors", **changes)
    with pytest.raises(SpecsrError, match=words) as caught:
        load_model(path)
    assert "m.safetensors" in str(caught.value)


@pytest.mark.parametrize("metadata", [None, {"specsr": "{"}, {"specsr": "[1]"}, {"specsr": "{}"}])
def test_a_strangers_safetensors_file_is_refused(tmp_path: Path, metadata: dict | None) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"w": torch.zeros(2)}, path, metadata=metadata)
    with pytest.raises(SpecsrError, match="without specsr's description"):
        load_model(path)
