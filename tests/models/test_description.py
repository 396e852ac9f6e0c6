"""Model files from untrusted sources: invalid ones are refused before a network is built."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from specsr.errors import SpecsrError
from specsr.models.bundled import bundled_models, load_model, model_path
from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.description import (
    LARGEST_DESCRIPTION,
    Analysis,
    check_tensors,
    checked_config,
    describe,
)
from specsr.models.model import Model, read_info, save_model
from specsr.models.network import build
from support.texts import texts

SMALL = EDSRConfig(
    scale=(2, 2), n_resblocks=1, n_feats=4, in_channels=1, out_channels=1, mean=(3.0,), std=20.0
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small valid model file."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "whole.safetensors"
    grid = Analysis(512, 128, "hann")
    made = Model("demo", build(SMALL).eval(), "pool", (grid,), (8e3, 48e3), 100.0, {"steps": 1})
    save_model(path, made)
    return path


def written(whole: Path, folder: Path, info: Any = None, **tensors: torch.Tensor | None) -> Path:
    """The file with another description, or with some tensors exchanged or left out."""
    path = folder / "m.safetensors"
    text = json.dumps(read_info(whole) if info is None else info)
    kept = {k: v for k, v in {**load_file(whole), **tensors}.items() if v is not None}
    save_file(kept, path, metadata={"specsr": text})
    return path


def refused(path: Path, words: str | None = None) -> str:
    """Load a file that has to be refused without a large array; return the message."""
    tracemalloc.start()
    try:
        with pytest.raises(SpecsrError, match=words) as caught:
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()
    assert path.name in str(caught.value) and len(str(caught.value)) < 2000
    return str(caught.value)


@pytest.mark.parametrize(
    "option, value",
    [
        ("n_feats", 10**9), ("n_feats", 0), ("n_feats", -4), ("n_feats", 4.5), ("n_feats", "4"),
        ("n_feats", True), ("n_feats", None), ("n_feats", 8), ("n_feats", 10**400),
        ("n_resblocks", 10**7), ("n_resblocks", -1), ("n_resblocks", 2),
        ("scale", [1000, 1000]), ("scale", [0, 2]), ("scale", [2]), ("scale", 2), ("scale", [3, 3]),
        ("fold", [10**6, 10**6]), ("fold", [0, 1]), ("fold", [2, 2]),
        ("std", 0.0), ("std", -1.0), ("std", float("nan")), ("std", float("inf")),
        ("mean", []), ("mean", [float("nan")]), ("mean", [1.0] * 10_000), ("mean", "3"),
        ("in_channels", 10**9), ("in_channels", 0), ("out_channels", 10**9),
        ("res_scale", float("inf")), ("batch_norm", 1), ("batch_norm", True), ("uncertainty", True),
        ("layers", 3),
    ],
)  # fmt: skip
def test_networks_that_make_no_sense_are_refused(
    whole: Path, tmp_path: Path, option: str, value: Any
) -> None:
    info = read_info(whole)
    info["config"][option] = value
    refused(written(whole, tmp_path, info))


def test_a_mean_for_fewer_channels_is_refused(whole: Path, tmp_path: Path) -> None:
    info = read_info(whole)
    info["config"] |= {"in_channels": 3, "mean": [1.0, 2.0]}
    refused(written(whole, tmp_path, info), "2 means for 3 channels")


@pytest.mark.parametrize(
    "change",
    [
        {"config": [1, 2]}, {"config": None}, {"config": {}}, {"grids": [{"n_fft": 10**30}]},
        {"grids": [{"n_fft": -2, "hop_length": 1}]}, {"grids": "hann"}, {"rates": [1.0]},
        {"rates": [-1.0, 2.0]}, {"rates": [float("nan"), 1.0]}, {"db_range": float("inf")},
        {"pair": "other"}, {"name": 3}, {"name": "x" * 10**5}, {"record": []}, {"more": 1},
        {"format": "1"}, {"format": True}, {"format": [1]},
    ],
)  # fmt: skip
def test_descriptions_that_make_no_sense_are_refused(
    whole: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    refused(written(whole, tmp_path, read_info(whole) | change))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"format": 1, "record": ' + '{"a":' * 50_000 + "1" + "}" * 50_001,
        '{"format": 1, "format": 1}',
        '{"format": 1, "config": {"n_feats": 4, "n_feats": 1000000000}}',
        "\ud800",
        "null",
        '"text"',
        " " * (LARGEST_DESCRIPTION + 1),
        '{"format": 1' + "0" * 5000 + "}",
    ],
    ids=["deep", "deep object", "twice", "twice below", "surrogate", "null", "text", "long", "big"],
)
def test_texts_that_are_no_description_are_refused(text: str) -> None:
    with pytest.raises(SpecsrError) as caught:
        describe(text)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "name, tensor, words",
    [
        ("head.0.weight", torch.zeros(4, 1, 3), r"head\.0\.weight is \[4, 1, 3\]"),
        ("head.0.weight", torch.zeros(0, 10**12), "1000000000000"),
        ("head.0.bias", None, r"no head\.0\.bias"),
        ("one.more", torch.zeros(3), r"unknown one\.more"),
        ("head.0.bias", torch.zeros(4, dtype=torch.int64), None),
        ("head.0.bias", torch.zeros(4, dtype=torch.uint8), "U8"),
        ("head.0.bias", torch.zeros(4, dtype=torch.complex64), "C64"),
        ("head.0.bias", torch.full((4,), float("nan")), "NaN"),
        ("sub_mean.std", torch.tensor(0.0), "above zero"),
        ("add_mean.std", torch.tensor(-1.0), "above zero"),
        ("sub_mean.mean", torch.full((1, 1, 1, 1), float("inf")), "infinity"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    whole: Path, tmp_path: Path, name: str, tensor: torch.Tensor | None, words: str | None
) -> None:
    path = written(whole, tmp_path, **{name: tensor})
    refused(path, words or "I64")


def header(whole: Path, change: Any) -> bytes:
    """The bytes of the file with its header changed."""
    data = whole.read_bytes()
    [size] = struct.unpack("<Q", data[:8])
    fields = json.loads(data[8 : 8 + size])
    text = json.dumps(change(fields) or fields).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


@pytest.mark.parametrize(
    "offsets, shape, dtype",
    [
        ([0, 2**42], [2**40], "F32"),
        ([0, 2**63], [2**61], "F32"),
        ([-8, 0], [-2], "F32"),
        ([4, 0], [1], "F32"),
        ([0, 2**70], [2**68], "F32"),
        ([0, 16], [2**32, 2**32], "F32"),
        ([0, 16], [4], "F7"),
    ],
)
def test_headers_that_lie_are_refused(
    whole: Path, tmp_path: Path, offsets: list[int], shape: list[int], dtype: str
) -> None:
    def change(fields: dict[str, Any]) -> None:
        fields["head.0.bias"] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}

    path = tmp_path / "m.safetensors"
    path.write_bytes(header(whole, change))
    refused(path)


@pytest.mark.parametrize("size", [2**64 - 1, 2**40, 10**8, 0])
def test_headers_of_a_false_length_are_refused(whole: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", size) + whole.read_bytes()[8:])
    refused(path)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_file_loads_or_is_refused(whole: Path, tmp_path: Path, data: Any) -> None:
    """Bytes of header and weights are exchanged, left out and put in."""
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 8))
        content[at : at + length] = data.draw(st.binary(max_size=8))
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    try:
        load_model(path)
    except SpecsrError as error:
        assert "m.safetensors" in str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(key=st.sampled_from(["config", "grids", "rates", "pair", "name", "format", "scale", "std",
                            "mean", "n_feats", "fold"]), value=JSON)  # fmt: skip
def test_any_value_in_a_description_is_taken_or_refused(whole: Path, key: str, value: Any) -> None:
    info = read_info(whole)
    (info if key in info else info["config"])[key] = value
    try:
        describe(json.dumps(info))
    except SpecsrError as error:
        assert len(str(error)) < 1000


@pytest.mark.parametrize("name", bundled_models())
def test_bundled_models_pass(name: str) -> None:
    path = model_path(name)
    info = read_info(path)
    with safe_open(path, framework="pt") as file:
        shapes = {k: tuple(file.get_slice(k).get_shape()) for k in file.keys()}  # noqa: SIM118
    check_tensors(checked_config(info["architecture"], info["config"]), shapes)


@pytest.mark.parametrize("scales", [((2, 2), (3, 3)), ((4, 1),)])
def test_the_largest_published_networks_are_within_the_caps(scales: Any) -> None:
    for config in (
        EDSRConfig(scale=(4, 4), n_resblocks=32, n_feats=256, res_scale=0.1),
        MDSRConfig(scales=scales, n_resblocks=80),
    ):
        kind = "edsr" if isinstance(config, EDSRConfig) else "mdsr"
        text = json.loads(json.dumps(config.__dict__))
        assert checked_config(kind, text) == config
