"""Files of version 0.1.0 are still read: maps of each format, a model, a checkpoint, a config.

They use names that have changed since: ``std_db``, ``doubt``, ``guide``, ``std``, ``guided``.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import specsr
from specsr.train import checkpoint
from specsr.train.config_file import load_config
from specsr.train.train import train

FILES = Path(__file__).parent / "data" / "version_0_1_0"


@pytest.mark.parametrize("suffix", ["npz", "h5", "mat"])
def test_a_map_is_read_with_its_uncertainty(suffix: str) -> None:
    spec = specsr.read_map(FILES / f"map.{suffix}")
    expected = np.load(FILES / "expected.npz")
    np.testing.assert_array_equal(spec.magnitude, expected["magnitude"])
    np.testing.assert_array_equal(spec.uncertainty_db, expected["uncertainty"])
    assert spec.grid.unit == "Pa" and spec.grid.n_fft == 64
    assert spec.rpm is not None and spec.rpm.shape == (500,)


def test_a_model_is_loaded_and_used() -> None:
    model = specsr.load_model(FILES / "old.safetensors")
    assert model.net.config.uncertainty and model.net.config.std == 10.0
    signal = specsr.Signal(np.random.default_rng(0).standard_normal(500), 2000.0)
    low = specsr.Pair("pool", (2, 2)).low(signal, specsr.SpectrogramTransform(64, 32))
    high = specsr.upscale(low, 2, model=model)
    assert high.uncertainty_db is not None and (high.uncertainty_db > 0).all()


def test_a_config_is_read_by_its_former_names() -> None:
    config = load_config(FILES / "config.yaml")
    assert config.model.uncertainty and config.model.order_input
    assert config.model.input_scale == 10.0
    assert config.train.order_input_share == 0.4 and config.train.uncertainty_weight == 0.02


def test_a_run_is_resumed_from_its_checkpoint(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(FILES / "checkpoint.pt", run)
    before = checkpoint.load(run / "checkpoint.pt")
    with caplog.at_level(logging.WARNING, "specsr"):
        path = train(load_config(FILES / "config.yaml"), run, resume=True)
    after = checkpoint.load(run / "checkpoint.pt")
    assert (before["step"], after["step"]) == (2, 4)
    # the number of steps is all that differs from the run that 0.1.0 began
    assert "train.steps" in caplog.text and "model." not in caplog.text
    assert "uncertainty" not in caplog.text and "order_input" not in caplog.text
    assert before["net"].keys() == after["net"].keys()
    assert any(not torch.equal(before["net"][key], after["net"][key]) for key in before["net"])
    assert specsr.load_model(path).record["steps"] == 4
