"""ONNX files: the graph equals PyTorch at any size, and holds what its user has to know."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import specsr
from specsr.choices import OPSET
from specsr.errors import SpecsrError
from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.model import Model
from specsr.models.network import build
from specsr.models.onnx_check import largest_difference, onnx_session
from specsr.models.onnx_export import (
    LAST_OPSET,
    channel_names,
    onnx_graph,
    onnx_metadata,
    onnx_paths,
    save_onnx,
)
from specsr.pairs import band_input, order_input

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

ROOT = Path(__file__).parents[2]
BUNDLED = [
    (name, tuple(scale))
    for name in specsr.bundled_models()
    for scale in specsr.load_model(name).net.scales
]
ROUNDING = 1e-4
"""Largest difference to float64, dB: about 100 dB x 2^-24, sixteen times over for the layers."""


def tiny(pair: str = "pool", **options: object) -> Model:
    """An untrained network with few features."""
    torch.manual_seed(1)
    kind = MDSRConfig if "scales" in options else EDSRConfig
    common = {"n_resblocks": 1, "n_feats": 5, "in_channels": 1, "out_channels": 1, "mean": (3.0,)}
    return Model("tiny", build(kind(**common | options)).eval(), pair, (), (8000.0, 48000.0), 100.0)


def dims(value) -> list[str | int]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize(("name", "scale"), BUNDLED)
def test_bundled_models_equal_pytorch(name, scale):
    model = specsr.load_model(name)
    graph = onnx_graph(model, scale)
    assert largest_difference(graph, model, scale) <= ROUNDING
    made = onnx.load_model_from_string(graph)
    assert made.opset_import[0].version == OPSET and made.producer_name == "specsr"
    config = model.net.config
    assert [dims(v) for v in made.graph.input] == [["batch", config.in_channels, "rows", "columns"]]
    assert [v.name for v in made.graph.output] == ["output", "uncertainty_db"][
        : 2 if config.uncertainty else 1
    ]
    same = ["rows", "columns"] if scale == (1, 1) else ["fine_rows", "fine_columns"]
    assert all(dims(v) == ["batch", config.out_channels, *same] for v in made.graph.output)


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 13), st.integers(1, 13)),
    seed=st.integers(0, 99),
    network=st.sampled_from(range(6)),
)
@settings(max_examples=60, deadline=None)
def test_any_batch_and_size_equals_pytorch(graphs, shape, seed, network):
    """One cell, fewer cells than the merged tail spans, no whole fold: against the plain layers."""
    model, scale, session = graphs[network]
    config = model.net.config
    rng = np.random.default_rng(seed)
    low = 20 * rng.standard_normal((shape[0], config.in_channels, *shape[1:]), np.float32)
    fill = [(0, 0), (0, 0), (0, -shape[1] % config.fold[0]), (0, -shape[2] % config.fold[1])]
    with torch.no_grad():
        right = model.net(torch.from_numpy(np.pad(low, fill, mode="edge")), scale).numpy()
    right = right[..., : shape[1] * scale[0], : shape[2] * scale[1]]
    found = session.run(None, {"input": low})
    count = config.out_channels
    np.testing.assert_allclose(found[0], right[:, :count], rtol=0, atol=ROUNDING)
    if config.uncertainty:
        np.testing.assert_allclose(found[1], np.exp(right[:, count:]), rtol=1e-5)
    assert len(found) == 1 + config.uncertainty


@pytest.fixture(scope="module")
def graphs():
    made = [
        (tiny(scale=(4, 4), uncertainty=True), (4, 4)),
        (tiny(scale=(3, 2), fold=(2, 3), input_skip=True), (3, 2)),
        (tiny(scale=(1, 1), fold=(8, 2), in_channels=3), (1, 1)),
        (tiny("image", scale=(2, 2), in_channels=3, out_channels=3, mean=(9.0, 5.0, 2.0)), (2, 2)),
        (tiny(scales=((2, 2), (1, 3)), uncertainty=True, input_skip=True, in_channels=10), (1, 3)),
        (tiny(scale=(2, 2), batch_norm=True, res_scale=0.1, std=7.0), (2, 2)),
    ]
    return [(model, scale, onnx_session(onnx_graph(model, scale), 1)) for model, scale in made]


@pytest.mark.parametrize("opset", [OPSET, 17, LAST_OPSET])
def test_operator_sets(opset):
    model = tiny(scale=(3, 3), fold=(2, 2), uncertainty=True)
    graph = onnx_graph(model, (3, 3), opset)
    assert onnx.load_model_from_string(graph).opset_import[0].version == opset
    assert largest_difference(graph, model, (3, 3)) <= ROUNDING


@pytest.mark.parametrize("opset", [OPSET - 1, LAST_OPSET + 1])
def test_other_operator_sets_are_refused(opset):
    with pytest.raises(SpecsrError, match=f"opset is {opset}: expected {OPSET} to {LAST_OPSET}"):
        onnx_graph(tiny(), (2, 2), opset)


def test_the_same_model_gives_the_same_bytes_and_is_left_unchanged():
    model = tiny(scale=(2, 2), uncertainty=True).net.train()
    model = replace(tiny(), net=model)
    before = {k: v.clone() for k, v in model.net.state_dict().items()}
    first = onnx_graph(model, (2, 2))
    assert first == onnx_graph(model, (2, 2))
    assert model.net.training and str(ROOT).encode() not in first
    assert all(torch.equal(v, before[k]) for k, v in model.net.state_dict().items())


def test_a_wrong_graph_is_noticed_and_not_written(tmp_path, monkeypatch):
    model, other = tiny(scale=(2, 2)), tiny(scale=(2, 2), mean=(4.0,), input_skip=True)
    assert largest_difference(onnx_graph(other, (2, 2)), model, (2, 2)) > 0.1
    monkeypatch.setattr(
        "specsr.models.onnx_export.onnx_graph", lambda *_: onnx_graph(other, (2, 2))
    )
    with pytest.raises(SpecsrError, match=r"differ from those of PyTorch by up to .* dB"):
        save_onnx(tmp_path / "a.onnx", model)
    assert not list(tmp_path.iterdir())


def test_metadata_holds_what_its_user_needs():
    model = specsr.load_model("map")
    about = onnx_metadata(model, (4, 4))
    made = onnx.load_model_from_string(onnx_graph(model, (4, 4)))
    assert {p.key: p.value for p in made.metadata_props} == about
    assert json.loads(about["scale"]) == [4, 4] and about["pair"] == "pool"
    assert json.loads(about["level_range_db"]) == 100
    assert json.loads(about["grids"])[0].keys() == {"n_fft", "hop_length", "window"}
    assert json.loads(about["rates_hz"]) == list(model.rates)
    assert json.loads(about["std"]) == model.net.config.std
    assert json.loads(about["specsr"])["config"]["scales"] == [[2, 2], [3, 3], [4, 4]]
    image = onnx_metadata(specsr.load_model("image-x2"), (2, 2))
    assert "level" not in image and image["input"] == "grey values, 0 to 255"
    assert json.loads(image["input_channels"]) == ["red", "green", "blue"]


def test_every_input_channel_has_a_name():
    for name in specsr.bundled_models():
        model = specsr.load_model(name)
        names = channel_names(model)
        assert len(set(names)) == len(names) == model.net.config.in_channels, name
    assert len(channel_names(specsr.load_model("map"))) == 1 + order_input.CHANNELS
    assert len(channel_names(specsr.load_model("band"))) == band_input.CHANNELS


def test_names_of_the_files_of_several_scales(tmp_path):
    model = tiny(scales=((2, 2), (4, 1)))
    assert onnx_paths("a/net.onnx", model) == {
        Path("a/net-x2.onnx"): (2, 2), Path("a/net-x4x1.onnx"): (4, 1),
    }  # fmt: skip
    assert onnx_paths("net.ONNX", model, (4, 1)) == {Path("net.ONNX"): (4, 1)}
    written = save_onnx(tmp_path / "net.onnx", model)
    assert [w.path.name for w in written] == ["net-x2.onnx", "net-x4x1.onnx"]
    assert all(w.difference <= ROUNDING for w in written)


def example_of_the_documentation() -> str:
    page = (ROOT / "docs" / "models.md").read_text()
    return re.search(r"^```python\n(.*?)^```", page.partition("## Export to ONNX")[2], re.M | re.S)[
        1
    ]


@pytest.mark.parametrize("recording", ["examples/runup.flac", "audio/val/car_hvac/carhvac06.flac"])
def test_the_example_of_the_documentation_equals_upscale(tmp_path, monkeypatch, request, recording):
    """Both round to float32, by up to `ROUNDING`; specsr's Winograd transforms by up to 8 times it.

    The error of F(4 x 4, 3 x 3) against direct sums: Lavin & Gray, arXiv 1509.09308, table 5.
    """
    root = ROOT if recording.startswith("examples") else request.getfixturevalue("shared_data")
    monkeypatch.chdir(tmp_path)
    signal = specsr.read(root / recording)
    signal = signal.cut(0, round(3 * signal.rate))
    low = specsr.low_map(signal, 4).replace(rpm=None)
    specsr.write_map("coarse.npz", low)
    save_onnx("map-x4.onnx", specsr.load_model("map"), (4, 4))
    names: dict = {}
    exec(example_of_the_documentation(), names)
    fine = specsr.upscale(
        low, 4, pair="pool", consistency="off", speed=specsr.SpeedOptions(find=False)
    )
    rows, columns = fine.grid.rows - 1, fine.grid.frames
    found = np.stack(names["fine"])[:, :rows, :columns]
    assert found.size > 1e5
    differences = 20 * np.log10(found / fine.magnitude[:, :rows])
    assert np.abs(differences).max() <= 9 * ROUNDING
    uncertainty = np.stack(names["uncertainty_db"])[:, :rows, :columns]
    assert uncertainty.shape == found.shape and (uncertainty > 0).all()
