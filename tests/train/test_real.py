"""Real recordings in training: which parts are used, batches, validation, resuming."""

from __future__ import annotations

import csv
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.pooling import pool_power
from specsr.models.bundled import load_model
from specsr.models.model import read_info
from specsr.signal import Signal
from specsr.train import checkpoint
from specsr.train.batch import Batch
from specsr.train.build import build_net
from specsr.train.cache import load_examples
from specsr.train.config import Config, GridOptions
from specsr.train.crops import Crops
from specsr.train.data import KNOWN_SCORES, REAL_SCORES, source
from specsr.train.data_options import RealOptions
from specsr.train.examples import Example, prepare, recipes
from specsr.train.learner import Learner
from specsr.train.losses import (
    LOSSES,
    real_loss,
    uncertainty_loss,
)
from specsr.train.processes import Alone
from specsr.train.recordings import WINDOWS, draw_grid, draw_part, usable_rates
from specsr.train.train import train
from support.tiny_config import config
from support.train_samples import noise_map, tensors

ALONE = Alone(torch.device("cpu"))
MDSR: dict[str, Any] = {
    "pair": {"kind": "pool", "scales": [2, 3, 4]},
    "model": {"name": "mdsr", "n_resblocks": 1, "n_feats": 4, "uncertainty": True,
              "order_input": True},
}  # fmt: skip


def write(path: Path, seconds: float, channels: int = 1, rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    soundfile.write(path, 0.1 * rng.standard_normal((round(seconds * rate), channels)), rate)


def with_real(tmp_path: Path, real: dict[str, Any] | None = None, **sections: Any) -> Config:
    """Three synthetic machines and the recordings below ``real/``."""
    synth = {"count": 3, "duration": 0.6, "rates": [8000.0]}
    data = {"synth": synth, "cache": str(tmp_path / "cache")}
    data["real"] = {"folders": [str(tmp_path / "real")], **(real or {})}
    return config(tmp_path, **{**sections, "data": data})


# --- recordings -----------------------------------------------------------------------------


def test_recordings_are_chosen_by_pattern_channel_and_length(tmp_path: Path) -> None:
    real = tmp_path / "real"
    write(real / "a.wav", 0.5, 2)
    write(real / "runs" / "b.wav", 0.5, 2)
    write(real / "kept_back" / "c.wav", 0.5)
    write(real / "short.wav", 0.06)
    soundfile.write(real / "silent.wav", np.zeros(4000), 8000)
    options = with_real(
        tmp_path,
        {"exclude": ["kept_back/*"], "first_channel": ["runs/*"], "repeats": 2},
    )
    found = [r for r in recipes(options) if r.real]
    names = [(Path(r.file).name, r.channel) for r in found]
    assert names == [("a.wav", 0)] * 2 + [("a.wav", 1)] * 2 + [("b.wav", 0)] * 2
    assert len({r.seed for r in found}) == 6
    assert [r.real for r in recipes(options)][:3] == [False] * 3
    with pytest.raises(SpecsrError, match=r"no recording left: check data\.real"):
        recipes(with_real(tmp_path, {"exclude": ["*.wav"]}))


def test_a_real_example_is_its_measured_map(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.wav", 0.5)
    options = with_real(tmp_path)
    recipe = recipes(options)[-1]
    first = prepare(recipe, options)
    assert first.low is first.high and first.low.shape == (32, 126)
    assert abs(float(np.median(first.low))) < 0.01  # levels are relative to their median
    *_, loaded = load_examples(options)
    *_, again = load_examples(options)
    for example in (loaded, again):
        assert example.real and Path(example.file).name == "a.wav"
        assert example.low is example.high
        np.testing.assert_array_equal(example.low, first.low)
        assert not example.rotation_hz.any()  # type: ignore[union-attr]


def test_prepared_machines_stay_valid_when_recordings_are_added(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.wav", 0.5)
    load_examples(config(tmp_path))
    before = set((tmp_path / "cache").glob("*.npz"))
    load_examples(with_real(tmp_path))
    assert len(set((tmp_path / "cache").glob("*.npz")) - before) == 1


@given(seed=st.integers(0, 999), seconds=st.floats(0.2, 3.0))
@settings(max_examples=30, deadline=None)
def test_parts_fit_the_analysis_and_are_never_resampled_upwards(seed: int, seconds: float) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((2, round(seconds * 8000))).astype(np.float32)
    rpm = np.linspace(600, 1200, samples.shape[1])
    options = RealOptions(rates=[0.0, 4000.0, 25600.0], max_seconds=1.0)
    assert usable_rates(8000.0, options) == [8000.0, 4000.0, 8000.0]
    signal = Signal(samples, 8000.0, "Pa", ("a", "b"), rpm=rpm)
    part = draw_part(signal, 1, options, rng)
    assert part.samples.shape[0] == 1 and part.rate in (4000.0, 8000.0)
    assert part.length <= part.rate + 1
    assert part.rpm is not None and 600 <= part.rpm.min() <= part.rpm.max() <= 1200
    grids = [GridOptions(n_fft=n, hop_length=16) for n in (64, 256, 1024)]
    assert draw_grid(part, grids, rng).n_fft * WINDOWS <= part.length


def test_real_recordings_need_machines_and_the_pair_pool(tmp_path: Path) -> None:
    for kind, count in (("stft", 2), ("pool", 0)):
        data = {"synth": {"count": count}, "folders": ["y"], "real": {"folders": ["x"]}}
        with pytest.raises(ValueError, match="pool or speckle and synthetic machines"):
            config(tmp_path, pair={"kind": kind}, data=data)


# --- batches and steps ----------------------------------------------------------------------


def mixed_examples() -> list[Example]:
    maps = [noise_map(i, 32, 40 + 30 * i) for i in range(6)]
    return [Example(m, m, real=i % 2 == 0, file="x" * (i % 2 == 0)) for i, m in enumerate(maps)]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_share_of_real_crops_is_that_of_the_config(share: float) -> None:
    options = config(
        Path(), data={"synth": {"count": 1}, "real": {"folders": ["x"], "share": share}},
        train={"patch": [4, 4], "batch": 32},
    )  # fmt: skip
    examples = mixed_examples()
    crops = Crops(examples, options, 60)
    assert crops.weights.sum() == pytest.approx(1)
    assert crops.weights[::2].sum() == pytest.approx(share)
    # within a kind as without real recordings: by the root of the length
    alone = Crops(examples[1::2], options, 1).weights
    np.testing.assert_allclose(crops.weights[1::2], alone * (1 - share))
    drawn = torch.stack([batch.real for batch in crops]).double().mean()
    assert drawn == pytest.approx(share, abs=0.05)


def mixed_batch(options: Config, real: list[bool], scale: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(len(real))
    channels = build_net(options).config.in_channels
    low = torch.randn(len(real), channels, 8, 8, generator=generator) * 10
    high = torch.randn(len(real), 1, 8 * scale, 8 * scale, generator=generator) * 10
    return Batch(low, high, (scale, scale), torch.tensor(real))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("real", [[True, False, False, True, False], [True] * 3, [False] * 3])
def test_the_loss_of_a_mixed_batch_is_the_weighted_mean(
    tmp_path: Path, real: list[bool], scale: int
) -> None:
    options = with_real(tmp_path, {"weight": 0.7}, **MDSR, train={"loss": "itakura-saito+l2"})
    learner = Learner(build_net(options), options, ALONE)
    batch = mixed_batch(options, real, scale)
    with torch.no_grad():
        loss = learner.loss(batch).item()
        out = learner.net(batch.low, batch.scale)
    expected = 0.0
    for i, is_real in enumerate(real):
        one, high = out[i : i + 1], batch.high[i : i + 1]
        if is_real:
            expected += 0.7 * real_loss(one[:, :1], high, batch.low[i : i + 1, :1], batch.scale)
        else:
            expected += LOSSES["itakura-saito+l2"](one[:, :1], high)
            expected += 0.01 * uncertainty_loss(one[:, :1] - high, one[:, 1:])
    assert loss == pytest.approx(float(expected) / len(real), rel=1e-5)


def test_a_mixed_batch_in_parts_gives_the_step_of_the_whole(tmp_path: Path) -> None:
    """One of the parts has real crops alone, another none."""
    nets = []
    for parts in (1, 3):
        options = with_real(
            tmp_path, None, **MDSR,
            train={"batch": 6, "accumulate": parts, "lr": 1e-3, "warmup": 0, "clip": 0.1},
        )  # fmt: skip
        learner = Learner(build_net(options), options, ALONE)
        for step, scale in enumerate((2, 3, 4)):
            learner.step(mixed_batch(options, [True, True, False, True, False, False], scale), step)
        nets.append(learner.net)
    untrained = build_net(options)
    moved = max((a - b).abs().max() for a, b in zip(nets[0].parameters(), untrained.parameters()))
    apart = max((a - b).abs().max() for a, b in zip(nets[0].parameters(), nets[1].parameters()))
    assert moved > 1e-3 > 1e-5 > apart


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_real_crops_teach_where_in_a_cell_the_power_lies(tmp_path: Path, precision: str) -> None:
    """Recordings whose upper row of each cell is louder: the network learns it from them alone."""
    options = with_real(
        tmp_path, None,
        train={"lr": 1e-2, "warmup": 0, "steps": 60, "precision": precision, "batch": 8},
    )  # fmt: skip
    rng = np.random.default_rng(0)
    learner = Learner(build_net(options), options, ALONE)
    losses = []
    for step in range(60):
        power = rng.exponential(size=(8, 1, 16, 16)) * np.tile([[0.1], [1.0]], (8, 1))
        low = levels.to_db(pool_power(power, 2, 2))
        high = torch.from_numpy(levels.to_db(power))
        real = torch.ones(8, dtype=torch.bool)
        losses.append(learner.step(Batch(torch.from_numpy(low), high, (2, 2), real), step).item())
    with torch.no_grad():
        out = learner.net(torch.from_numpy(low), (2, 2))
    difference = (out[:, :, 1::2] - out[:, :, ::2]).mean().item()
    assert difference == pytest.approx(10.0, abs=2.0)
    assert np.mean(losses[-5:]) < 0.8 * losses[0]


# --- runs -----------------------------------------------------------------------------------


def recordings(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / "real" / f"{i}.wav", 0.6, 2)


def run_options(**train_options: Any) -> dict[str, Any]:
    return {
        "steps": 8, "batch": 4, "patch": [4, 4], "save_every": 3, "validate_every": 4, "workers": 0,
        "schedule": "halve", "device": "cpu", **train_options,
    }  # fmt: skip


def test_a_run_with_recordings_is_resumed_bit_for_bit_and_logs_its_scores(tmp_path: Path) -> None:
    recordings(tmp_path)
    states = []
    for name, stops in (("whole", [8]), ("resumed", [3, 8])):
        for steps in stops:
            options = with_real(tmp_path, None, **MDSR, train=run_options(steps=steps))
            train(options, tmp_path / name, resume=True)
        states.append(tensors(checkpoint.load(tmp_path / name / "checkpoint.pt")))
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    with (tmp_path / "whole" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["4", "8"]
    for name in (*KNOWN_SCORES, *REAL_SCORES):
        assert all(float(row[name]) > 0 for row in rows)
    # bicubic does not learn
    assert rows[0]["bicubic_deviance"] == rows[1]["bicubic_deviance"]
    record = read_info(tmp_path / "whole" / "tiny.safetensors")["record"]
    assert record["real_deviance"] == float(rows[1]["real_deviance"])
    load_model(tmp_path / "whole" / "tiny.safetensors")


def test_recordings_may_be_added_to_a_run(tmp_path: Path) -> None:
    recordings(tmp_path)
    plain = config(tmp_path, **MDSR, train=run_options(steps=4))
    train(plain, tmp_path / "run")
    train(with_real(tmp_path, None, **MDSR, train=run_options()), tmp_path / "run", resume=True)
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], bool(row["real_deviance"])) for row in rows] == [
        ("4", False),
        ("8", True),
    ]


def test_whole_recordings_are_held_out(tmp_path: Path) -> None:
    for i in range(16):
        write(tmp_path / "real" / f"{i:02d}.wav", 0.3, 2)
    options = with_real(tmp_path, {"hold_out": 2, "repeats": 2})
    seen = source(options, lambda items: items).crops.examples
    files = [Path(e.file).name for e in seen if e.real]
    held = {f"{i:02d}.wav" for i in range(16)} - set(files)
    assert len(held) == 2 and len(files) == 14 * 4
