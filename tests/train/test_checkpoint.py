"""Checkpoints from untrusted sources: code is not run, content that does not fit is refused."""

from __future__ import annotations

import copy
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from specsr.errors import SpecsrError
from specsr.train import checkpoint
from specsr.train.train import train
from support.tiny_config import config


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The checkpoint of a run of four steps."""
    folder = tmp_path_factory.mktemp("run")
    train(config(folder, train={"steps": 4}), folder / "run")
    return checkpoint.load(folder / "run" / "checkpoint.pt")


def resume(folder: Path, state: Any = None) -> None:
    """Continue a run from a checkpoint with this state."""
    (folder / "run").mkdir(exist_ok=True)
    if state is not None:
        torch.save(state, folder / "run" / "checkpoint.pt")
    train(config(folder, train={"steps": 5}), folder / "run", resume=True)


def test_the_checkpoint_itself_is_resumed(state: dict[str, Any], tmp_path: Path) -> None:
    resume(tmp_path, state)


@pytest.mark.parametrize("form", ["torch", "bare pickle", "old torch", "beside a state"])
def test_code_in_a_checkpoint_is_not_run(state: dict[str, Any], tmp_path: Path, form: str) -> None:
    trap, path = Trap(tmp_path / "trace"), tmp_path / "run" / "checkpoint.pt"
    path.parent.mkdir()
    if form == "bare pickle":
        path.write_bytes(pickle.dumps(trap))
    elif form == "beside a state":
        torch.save(state | {"seconds": trap}, path)
    else:
        torch.save(trap, path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(
        SpecsrError, match=r"checkpoint\.pt: damaged, or not a checkpoint"
    ) as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(SpecsrError, match=r"checkpoint\.pt"):
        resume(tmp_path)
    assert not (tmp_path / "trace").exists()


def test_a_compressed_checkpoint_is_refused(state: dict[str, Any], tmp_path: Path) -> None:
    """Gigabytes of zeros fit into a megabyte."""
    torch.save(state, plain := tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(tmp_path / "c.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(SpecsrError, match="compressed parts"):
        checkpoint.load(tmp_path / "c.pt")


WRONG = {
    "step": ["4", 1.5, None, -(10**30)],
    "best": ["x", [1]],
    "stages": ["x", [1], {}],
    "running": ["x"],
    "started": [1],
    "seconds": [None, "1"],
    "model": [None, [], {"n_feats": "many"}, {"more": 1}],
    "config": [[], {}, {"name": 1}],
    "random": [[], {}, {"torch": torch.zeros(3)}, None],
    "net": [{}, [], {"head.0.weight": torch.zeros(1)}],
    "average": [{}, None],
    "optimiser": [{}, [], {"state": {0: {}}, "param_groups": []}],
}


@pytest.mark.parametrize("key, value", [(k, v) for k, values in WRONG.items() for v in values])
def test_content_of_the_wrong_kind_is_one_line(
    state: dict[str, Any], tmp_path: Path, key: str, value: Any
) -> None:
    with pytest.raises(SpecsrError, match=r"checkpoint\.pt") as caught:
        resume(tmp_path, state | {key: value})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_moments_of_another_shape_are_refused(state: dict[str, Any], tmp_path: Path) -> None:
    hostile = copy.deepcopy(state)
    hostile["optimiser"]["state"][0]["exp_avg"] = torch.zeros(1).expand(10**12)
    with pytest.raises(SpecsrError, match=r"checkpoint\.pt.*optimiser"):
        resume(tmp_path, hostile)


def test_options_of_the_optimiser_are_those_of_the_run(
    state: dict[str, Any], tmp_path: Path
) -> None:
    hostile = copy.deepcopy(state)
    hostile["optimiser"]["param_groups"][0] |= {"betas": "x", "eps": -1.0, "capturable": True}
    resume(tmp_path, hostile)


def test_a_run_whose_model_could_not_be_loaded_is_refused_before_its_first_step(
    tmp_path: Path,
) -> None:
    options = config(tmp_path, train={"steps": 4}, grids=[{"n_fft": 512, "hop_length": 8}])
    with pytest.raises(SpecsrError, match="could not be loaded: its grid has a window of 512"):
        train(options, tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.safetensors"))
