"""Model files with any description: loaded, listed and used within bounds, or refused in a line."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import specsr
from specsr.benchmark.images import describe as table_row
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.models.bundled import load_model
from specsr.models.card import model_card
from specsr.models.config import MAX_BLOCKS, MAX_CELLS, EDSRConfig, MDSRConfig
from specsr.models.description import (
    MAX_MARGIN,
    MAX_N_FFT,
    MAX_OVERLAP,
    Analysis,
    checked_config,
)
from specsr.models.model import Model, description, read_info, save_model
from specsr.models.network import build
from specsr.models.options import InferOptions
from specsr.models.record import score_words, training_words
from specsr.pairs.band_input import CHANNELS
from support.processor import at_most
from support.texts import texts

GRID = Analysis(64, 32, "hann")
RECORD = {
    "steps": 10, "seconds": 60, "device": "cpu", "loader_wait": 0.1, "validation_l1_db": 0.9,
    "validation_psnr_db": 30.0, "examples": 3, "start": "1 tensor carried over",
    "stages": ["step 3: train.lr: 1 -> 2"], "source": "a.pt", "gray": False, "architecture": "X",
    "config": {
        "note": "a note", "pair": {"ratios": [2.0, 3.0]},
        "data": {"synth": {"count": 3, "seed": 1}, "folders": ["a/b"]},
        "train": {"loss": "l1", "seed": 0},
    },
}  # fmt: skip
NETWORKS: dict[str, Any] = {
    "pool": EDSRConfig(scale=(2, 2), in_channels=1, out_channels=1, mean=(0.0,), n_resblocks=1,
                       n_feats=4, uncertainty=True),
    "stft": MDSRConfig(scales=((2, 2), (3, 3)), in_channels=1, out_channels=1, mean=(0.0,),
                       n_resblocks=0, n_feats=2),
    "band": EDSRConfig(scale=(1, 1), in_channels=CHANNELS, out_channels=1, mean=(0.0,),
                       n_resblocks=1, n_feats=4, fold=(2, 2)),
    "denoise": EDSRConfig(scale=(1, 1), in_channels=1, out_channels=1, mean=(0.0,), n_resblocks=1,
                          n_feats=4, input_skip=True, std=20.0),
    "image": EDSRConfig(scale=(2, 2), n_resblocks=1, n_feats=4, std=64.0),
}  # fmt: skip


def model(pair: str) -> Model:
    torch.manual_seed(0)
    image = pair == "image"
    rates = (0.0, 0.0) if image else (100.0, 48e3)
    grids = () if image else (GRID,)
    return Model("demo", build(NETWORKS[pair]).eval(), pair, grids, rates, 100.0, RECORD)


@pytest.fixture(scope="module", params=NETWORKS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid model file for each pair."""
    path = tmp_path_factory.mktemp("models") / f"{request.param}.safetensors"
    save_model(path, model(request.param))
    return path


def use(found: Model) -> None:
    """Run a model on a tiny input of its pair."""
    rng = np.random.default_rng(0)
    signal = specsr.Signal(rng.standard_normal((1, 600)).astype(np.float32), 8000.0)
    options = InferOptions(device="cpu")
    scale = found.net.scales[0]
    if found.pair == "image":
        image = rng.integers(0, 255, (6, 5, 3)).astype(np.uint8)
        specsr.upscale_image(image, scale[0], model=found, options=options)
    elif found.pair == "denoise":
        specsr.denoise(signal, model=found, options=options)
    elif found.pair == "band":
        specsr.upscale_band(signal, 2, model=found, options=options)
    else:
        low = specsr.spectrogram(signal, n_fft=256, hop_length=64)
        if found.pair == "pool":
            low = pool(low, *scale)
        specsr.upscale_map(low, scale, pair=found.pair, model=found, options=options)


def load_list_use(path: Path) -> None:
    """All that is done with a model file.

    Raises:
        SpecsrError: refused, in one short line.
    """
    try:
        info = read_info(path)
        json.dumps(info)
        words = [score_words(info["record"]), training_words(info["record"])]
        found = load_model(path)
        words += [text for line in model_card(path) for text in line]
        words += map(str, table_row(found).values())
        assert all(isinstance(word, str) for word in words)
        use(found)
    except SpecsrError as error:
        assert len(str(error)) < 2000 and str(error).isprintable()
        raise


def written(path: Path, whole: Path, info: Any, tensors: Any = None) -> Path:
    metadata = {"specsr": json.dumps(info)}
    save_file(load_file(whole) if tensors is None else tensors, path, metadata=metadata)
    return path


def test_valid_models_pass(whole: Path) -> None:
    load_list_use(whole)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"grids": []}, "no analysis grid"),
        ({"grids": [{"n_fft": 1 << 24, "hop_length": 1 << 20}]}, "n_fft"),
        ({"grids": [{"n_fft": 65, "hop_length": 32}]}, "multiple of 2"),
        ({"grids": [{"n_fft": MAX_N_FFT, "hop_length": 1}]}, f"1/{MAX_OVERLAP} of the window"),
        ({"grids": [{"n_fft": 64, "hop_length": 65}]}, "up to the window"),
        ({"grids": [{"n_fft": 64}]}, "hop_length"),
        ({"grids": [{"n_fft": 64, "hop_length": 32, "window": "no such"}]}, "window is 'no such'"),
        ({"grids": [{"n_fft": 64, "hop_length": 32, "window": "nan"}]}, "window is 'nan'"),
        ({"rates": [48e3, 8e3]}, "the lowest first"),
        ({"rates": [-8e3, 8e3]}, r"rates\.0"),
        ({"rates": [0, 1e300]}, r"rates\.1"),
        ({"rates": [0, 10**400]}, r"rates\.1"),
        ({"name": "a\nb\x1b[31m"}, "printable"),
        ({"architecture": "mdsr", "config": {"scales": []}}, r"scales"),
        ({"config": {"n_resblocks": MAX_BLOCKS + 1}}, "n_resblocks"),
        ({"config": {"scale": [64, 64]}}, f"at most {MAX_CELLS}"),
        ({"config": {"in_channels": 1, "out_channels": 3, "input_skip": True}}, "input_skip"),
        ({"config": {"in_channels": 1000, "out_channels": 1, "mean": [0.0]}}, "1000 input"),
        ({"a\n\x1b[2Jb": 1}, "Extra inputs"),
    ],
)
def test_hostile_descriptions_are_refused_on_load(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    info = json.loads(description(model("denoise"))) | change
    whole = tmp_path / "whole.safetensors"
    save_model(whole, model("denoise"))
    path = written(tmp_path / "m.safetensors", whole, info)
    for load in (read_info, load_model, load_list_use):
        with pytest.raises(SpecsrError, match=words) as caught:
            load(path)
        assert str(caught.value).isprintable() and len(str(caught.value)) < 2000


def test_margins_beyond_the_cap_are_refused(tmp_path: Path) -> None:
    """Small weights for a receptive field of many seconds."""
    config = EDSRConfig(
        scale=(1, 1), in_channels=1, out_channels=1, mean=(0.0,), n_resblocks=200, n_feats=1,
        fold=(1, 8),
    )  # fmt: skip
    grid = Analysis(8192, 4096)
    hostile = Model("x", build(config), "denoise", (grid,), (0.0, 48e3), 100.0)
    assert grid.margin(hostile.net) > MAX_MARGIN
    save_model(path := tmp_path / "m.safetensors", hostile)
    with pytest.raises(SpecsrError, match=f"at most {MAX_MARGIN}"):
        load_model(path)


def leaves(tree: Any, at: tuple = ()) -> list[tuple]:
    """Return the path of every value in a tree of JSON."""
    found = [at]
    if isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            found += leaves(value, (*at, key))
    return found


@pytest.mark.parametrize("at", leaves(RECORD)[1:], ids=lambda at: ".".join(map(str, at)))
@pytest.mark.parametrize("value", [None, [], {}, {"steps": []}, "x", True, 10**400, 1e308])
def test_records_of_any_kind_are_refused_or_listed(tmp_path: Path, at: tuple, value: Any) -> None:
    info = json.loads(description(model("image")))
    save_model(tmp_path / "whole.safetensors", model("image"))
    *parents, last = at
    for changes in ("exchange", "leave out"):
        changed = copy.deepcopy(info)
        node = changed["record"]
        for key in parents:
            node = node[key]
        if changes == "exchange":
            node[last] = value
        else:
            del node[last]
        path = written(tmp_path / "m.safetensors", tmp_path / "whole.safetensors", changed)
        try:
            load_list_use(path)
        except SpecsrError as error:
            assert changes == "exchange" and "record" in str(error)


EXTREMES = [
    0, 1, -1, 2, 3, 8, 64, 1 << 10, 1 << 17, 1 << 24, 10**12, 10**400, 0.0, -1.0, 0.5, 1e-300,
    1e300, math.inf, -math.inf, math.nan, "", "x", "hann", "boxcar", "1e308", "\x1b[2J", "a\nb",
    "x" * 3000, None, True, False, [], {}, [1, 1], [2, 2], [1, 64], [64, 64], [4, 4], [[2, 2]],
    [[1, 1], [2, 2]], [GRID.__dict__], "pool", "stft", "band", "denoise", "image", "edsr", "mdsr",
]  # fmt: skip
VALUES = st.sampled_from(EXTREMES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(max_size=5), inner),
    max_leaves=5,
)


def mutate(info: Any, data: Any) -> None:
    """Exchange, leave out, repeat or add values of a description, in place."""
    for _ in range(data.draw(st.integers(1, 4))):
        # parts outside the record as often as those of it
        part = data.draw(st.sampled_from(sorted(info) or [""]))
        paths = [at for at in leaves(info) if at and at[0] == part] or leaves(info)[1:]
        if not paths:
            return
        *parents, last = data.draw(st.sampled_from(paths))
        node = info
        for key in parents:
            node = node[key]
        kind = data.draw(st.sampled_from(["exchange", "exchange", "leave out", "add", "repeat"]))
        if kind == "leave out":
            del node[last]
        elif kind == "repeat" and isinstance(node, list):
            node *= data.draw(st.sampled_from([2, 100]))
        elif kind == "add" and isinstance(node, dict):
            node[data.draw(texts(max_size=5))] = copy.deepcopy(data.draw(VALUES))
        else:
            node[last] = copy.deepcopy(data.draw(VALUES))


def fitting(info: Any) -> Any:
    """Return random tensors of the network that a description has, if they are small; else None."""
    try:
        config = checked_config(info["architecture"], info["config"])
        with torch.device("meta"):
            net = build(config)
        if sum(value.numel() for value in net.state_dict().values()) < 1_000_000:
            torch.manual_seed(0)
            return build(config).state_dict()
    except (SpecsrError, KeyError, TypeError):
        pass
    return None


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_change_ends_in_a_result_or_an_error(whole: Path, tmp_path: Path, data: Any) -> None:
    info = json.loads(description(model(whole.stem)))
    mutate(info, data)
    tensors = fitting(info) if data.draw(st.booleans()) else None
    path = written(tmp_path / "m.safetensors", whole, info, tensors)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with at_most(30), contextlib.suppress(SpecsrError):
        load_list_use(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert grown < 2**20, f"{grown} KiB"


def test_the_largest_grid_takes_bounded_time(tmp_path: Path) -> None:
    """The longest window with the largest overlap, on a tiny recording: refused at once."""
    grid = Analysis(MAX_N_FFT, MAX_N_FFT // MAX_OVERLAP)
    big = Model("x", build(NETWORKS["denoise"]), "denoise", (grid,), (0.0, 48e3), 100.0)
    save_model(path := tmp_path / "m.safetensors", big)
    with at_most(30), pytest.raises(SpecsrError, match="needs a window of"):
        load_list_use(path)
    assert Grid(1.0, grid.n_fft, grid.hop_length, 1).is_invertible()
