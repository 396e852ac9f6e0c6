"""Model files: what is written is read again."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from specsr.errors import SpecsrError
from specsr.models import bundled
from specsr.models import model as weights
from specsr.models.bundled import bundled_info, bundled_models, find_model, load_model, model_path
from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.model import read_info, save_model
from specsr.models.network import build
from specsr.models.transfer import transfer
from specsr.pairs.pair import KINDS
from support.model_samples import CONFIGS, model


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: type(c).__name__)
def test_a_model_is_read_as_it_was_written(tmp_path: Path, config: EDSRConfig | MDSRConfig) -> None:
    written = model(config)
    save_model(tmp_path / "m.safetensors", written)
    read = load_model(tmp_path / "m.safetensors")
    for name in ("name", "pair", "grids", "rates", "level_range_db", "record"):
        assert getattr(read, name) == getattr(written, name)
    assert read.net.config == config and type(read.net) is type(written.net)
    assert not read.net.training
    assert read.parameters == written.parameters > 0
    x = 30 * torch.randn(1, 1, 8, 8)
    with torch.no_grad():
        for scale in written.net.scales:
            assert torch.equal(read.net(x, scale), written.net(x, scale))
    assert os.listdir(tmp_path) == ["m.safetensors"]


def test_the_description_is_read_without_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, model(CONFIGS[3]))
    info = read_info(path)
    assert info["architecture"] == "mdsr" and info["config"]["scales"] == [[2, 2], [4, 1]]
    assert info["pair"] == "pool" and info["record"]["note"] == "µ"
    # any reader of the format finds plain float32 weights under the published names
    tensors = load_file(path)
    assert tensors["pre_process.0.0.body.0.weight"].shape == (4, 4, 5, 5)
    assert {t.dtype for t in tensors.values()} == {torch.float32}


def test_weights_in_another_precision_or_layout_are_written_plain(tmp_path: Path) -> None:
    half = model()
    half.net.to(torch.bfloat16).to(memory_format=torch.channels_last)
    save_model(tmp_path / "m.safetensors", half)
    read = load_model(tmp_path / "m.safetensors")
    for name, value in read.net.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, half.net.state_dict()[name].float())
    assert half.net.head[0].weight.dtype == torch.bfloat16  # what was handed in is left alone


def test_nothing_is_overwritten_unless_allowed(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, model())
    before = path.read_bytes()
    with pytest.raises(SpecsrError, match=r"m\.safetensors: exists already"):
        save_model(path, model(name="other"))
    assert path.read_bytes() == before
    save_model(path, model(name="other"), overwrite=True)
    assert load_model(path).name == "other"


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, model())
    before = path.read_bytes()

    def full_disk(tensors: Any, partial: Any, metadata: Any) -> None:
        Path(partial).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full_disk)
    with pytest.raises(SpecsrError, match="No space left"):
        save_model(path, model(), overwrite=True)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


def test_an_unknown_name_lists_the_available_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, "BUNDLED", tmp_path)
    with pytest.raises(SpecsrError, match=r"maps: no bundled model .*available: none"):
        load_model("maps")
    for name in ("map", "band"):
        save_model(tmp_path / f"{name}.safetensors", model(name=name))
    assert bundled_models() == ["band", "map"]
    assert load_model("map").name == "map"
    with pytest.raises(SpecsrError, match=r"maps: no bundled model .*available: band, map"):
        load_model("maps")
    with pytest.raises(SpecsrError, match=r"none\.safetensors: no such model file"):
        load_model(tmp_path / "none.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(SpecsrError, match="no such model file"):
        load_model(tmp_path / "folder.safetensors")


@pytest.mark.parametrize("name", bundled_models())
def test_bundled_models_load_with_their_description(name: str) -> None:
    loaded = load_model(name)
    assert loaded.name == name
    assert loaded.pair in (*KINDS, "noise", "image")
    if loaded.pair != "image":  # images have no analysis and no rate
        assert loaded.grids and 0 < loaded.rates[0] <= loaded.rates[1]
    assert loaded.record["steps"] > 0 and loaded.parameters > 1000


def test_a_widened_network_begins_as_the_one_it_starts_from():
    """Order inputs have zero weights, the uncertainty is new, the levels are unchanged."""
    small = MDSRConfig(
        n_resblocks=2, n_feats=8, in_channels=1, out_channels=1, mean=(0.0,), std=20.0,
        input_skip=True,
    )  # fmt: skip
    torch.manual_seed(0)
    first = build(small)
    wide = build(dataclasses.replace(small, in_channels=10, uncertainty=True))
    report = transfer(wide, first)
    assert set(report.widened) == {"head.0.weight", "tail.0.weight", "tail.0.bias"}
    assert not report.new and not report.refused
    x = torch.randn(1, 10, 7, 9) * 20
    for scale in small.scales:
        out = wide(x, scale)
        assert out.shape[1] == 2
        torch.testing.assert_close(out[:, :1], first(x[:, :1], scale))


# --- bundled models, and names of earlier versions -----------------------------------------------


def test_descriptions_of_bundled_models_are_those_of_their_files() -> None:
    infos = bundled_info()
    assert list(infos) == bundled_models()
    for name, info in infos.items():
        assert info == read_info(model_path(name)) and info["name"] == name


def test_a_replaced_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By path, time and size: neither descriptions nor models of an earlier file remain."""
    monkeypatch.setattr(bundled, "BUNDLED", tmp_path)
    path = tmp_path / "demo.safetensors"
    for note in ("first", "second one"):
        save_model(path, model(record={"note": note}), overwrite=True)
        assert bundled_info()["demo"]["record"]["note"] == note
        for source in (None, "demo", path):
            assert find_model(source, "pool", (2, 3)).record["note"] == note
    assert find_model(path, "pool", (2, 3)) is find_model(path, "pool", (2, 3))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: type(c).__name__)
def test_a_file_of_0_1_0_is_read(tmp_path: Path, config: EDSRConfig | MDSRConfig) -> None:
    """It names the uncertainty doubt, and has the names of its training options in the record."""
    written = model(dataclasses.replace(config, uncertainty=True))
    path, old = tmp_path / "new.safetensors", tmp_path / "old.safetensors"
    save_model(path, written)
    info = read_info(path)
    info["config"]["doubt"] = info["config"].pop("uncertainty")
    info["record"]["config"] = {"model": {"doubt": True, "guide": False, "std": 20.0}}
    save_file(load_file(path), old, metadata={"specsr": json.dumps(info)})
    read = load_model(old)
    assert read.net.config == written.net.config and read.net.config.uncertainty
    for key, value in written.net.state_dict().items():
        assert torch.equal(read.net.state_dict()[key], value)
