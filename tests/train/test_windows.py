"""Training of the pair ``windows``: examples, crops, a run, and configs that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from specsr.models.bundled import load_model
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import ROWS, WIDE, Example, Recipe, prepare
from specsr.train.train import train
from support.tiny_config import config


def windows(tmp_path: Path, **sections: object) -> Config:
    shared = {
        "pair": {"kind": "windows", "scales": [1]}, "grids": [{"n_fft": 512, "hop_length": 16}],
        "model": {"fold": [4, 2], "uncertainty": True},
    }  # fmt: skip
    return config(tmp_path, **{**shared, **sections})


def test_an_example_is_three_maps_and_the_truth(tmp_path: Path) -> None:
    example = prepare(Recipe(5), windows(tmp_path))
    rows, columns = example.high.shape
    assert example.low.shape == (3 * rows, columns) and (rows, columns) == (256, 301)
    power = 10 ** (example.low.astype(float).reshape(3, rows, columns) / 10)
    truth = 10 ** (example.high.astype(float) / 10)
    # each is a density: the power of the whole map is the same, but for the scatter of noise
    np.testing.assert_allclose(10 * np.log10(power.mean((1, 2)) / truth.mean()), 0, atol=0.5)


def test_large_examples_are_parts_of_their_maps(tmp_path: Path) -> None:
    grids = [{"n_fft": 4096, "hop_length": 128}]
    sections = {"grids": grids, "data": {"synth": {"count": 1, "duration": 5.2, "rates": [8000]}}}
    found = prepare(Recipe(1), windows(tmp_path, **sections))
    assert found.high.shape == (ROWS, WIDE) and found.low.shape == (3 * ROWS, WIDE)


@pytest.mark.parametrize("seed", range(5))
def test_crops_of_all_maps_come_from_one_place(tmp_path: Path, seed: int) -> None:
    options = windows(tmp_path, train={"patch": [5, 6], "places": 2, "seed": seed})
    rng = np.random.default_rng(seed)
    high = rng.permutation(40 * 30).reshape(40, 30).astype(np.float16)
    offsets = np.array([3.0, -2.0, 7.0], np.float16)
    low = (high[None] + offsets[:, None, None]).reshape(120, 30)
    batch = Crops([Example(low, high), Example(low, high)], options, 1)[0]
    assert batch.low.shape == (2, 4, 5, 6) and batch.high.shape == (2, 1, 5, 6)
    found = (batch.low - batch.high).numpy()
    # numbers up to 1200 in float16 have steps of 1
    for channel, window in enumerate((2, 0, 1)):
        np.testing.assert_allclose(found[:, channel], offsets[window], atol=0.51)
    np.testing.assert_array_equal(batch.low[:, 3], batch.low[:, :3].amin(1))


def test_a_run_writes_a_model_of_the_pair(tmp_path: Path) -> None:
    data = {"synth": {"count": 2, "duration": 0.3, "rates": [8000.0]}}
    path = train(windows(tmp_path, data=data, train={"steps": 2}), tmp_path / "run")
    assert path is not None
    model = load_model(path)
    assert model.pair == "windows" and model.net.config.in_channels == 4


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"grids": [{"n_fft": 512, "hop_length": 128}]}, "grids with n_fft = 32 x hop_length"),
        ({"pair": {"kind": "windows", "scales": [2]}}, r"a windows pair has pair.scales \[1\]"),
        ({"data": {"folders": ["x"]}}, "needs machines of known parts: use data.synth"),
    ],
)
def test_configs_that_are_refused(tmp_path: Path, sections: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        windows(tmp_path, **sections)
