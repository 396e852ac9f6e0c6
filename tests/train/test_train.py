"""The training loop, on networks of a few weights."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from specsr.errors import SpecsrError
from specsr.models.bundled import load_model
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.models.model import read_info
from specsr.pairs.band_input import CHANNELS
from specsr.train import losses
from specsr.train.build import build_net
from specsr.train.cache import load_examples
from specsr.train.crops import Crops
from specsr.train.examples import prepare, recipes
from specsr.train.learner import learning_rate
from specsr.train.train import train
from support.tiny_config import config
from support.train_samples import tensors


def test_learning_rates_by_their_formulas(tmp_path: Path) -> None:
    cosine = config(tmp_path, train={"steps": 1000, "warmup": 100, "lr": 1e-3})
    assert learning_rate(0, cosine) == pytest.approx(1e-5, rel=1e-3)
    assert learning_rate(500, cosine) == pytest.approx(1e-3 * (0.01 + 0.99 / 2))
    assert learning_rate(1000, cosine) == pytest.approx(1e-5)
    rates = [learning_rate(s, cosine) for s in range(1001)]
    assert max(rates) <= 1e-3 and np.argmax(rates) in (98, 99, 100)
    assert (np.diff(rates[:99]) > 0).all() and (np.diff(rates[100:]) < 0).all()
    halve = config(
        tmp_path, train={"schedule": "halve", "halve_every": 200, "warmup": 0, "lr": 1e-4}
    )
    assert [learning_rate(s, halve) for s in (0, 199, 200, 400)] == [1e-4, 1e-4, 5e-5, 2.5e-5]


def test_nets_are_built_alike_from_one_seed(tmp_path: Path) -> None:
    a, b = build_net(config(tmp_path)), build_net(config(tmp_path))
    other = build_net(config(tmp_path, train={"seed": 3}))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters()))
    assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), other.parameters()))
    assert isinstance(a, EDSR) and a.config.input_skip
    many = build_net(config(tmp_path, pair={"scales": [2, 3]}, model={"name": "mdsr"}))
    assert isinstance(many, MDSR) and many.scales == ((2, 2), (3, 3))
    band = build_net(config(tmp_path, pair={"kind": "band", "scales": [1]}))
    assert (band.config.in_channels, band.config.out_channels) == (CHANNELS, 1)


def test_training_lowers_the_loss_and_writes_a_usable_model(tmp_path: Path) -> None:
    options = config(
        tmp_path,
        model={"n_feats": 8},
        train={"steps": 150, "lr": 5e-3, "batch": 4, "validate_every": 50, "save_every": 75},
    )
    path = train(options, tmp_path / "run")
    assert path == tmp_path / "run" / "tiny.safetensors"
    model = load_model(path)
    crops = Crops(load_examples(options), options, 20)
    untrained = build_net(options)

    def score(net: torch.nn.Module) -> float:
        with torch.no_grad():
            return float(np.mean([losses.l1(net(x, s), y).item() for x, y, s, _ in crops]))

    # repeating the input costs the speckle of a pooled cell; learning takes a good part off
    assert score(model.net) < 0.9 * score(untrained)
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["step"]) for r in rows] == [50, 100, 150]
    assert float(rows[-1]["validation_l1_db"]) < float(rows[0]["validation_l1_db"])
    info = read_info(path)
    assert info["pair"] == "pool" and info["rates"] == [8000.0, 8000.0]
    assert info["record"]["steps"] == 150 and info["record"]["config"]["name"] == "tiny"
    assert not list((tmp_path / "run").glob("*.tmp"))


@pytest.mark.parametrize(
    "changes",
    [
        {"pair": {"scales": [2, 4]}, "model": {"name": "mdsr"}, "train": {"patch": [4, 4]}},
        {"pair": {"kind": "stft", "scales": [[1, 2]]}},
        {"pair": {"kind": "band", "scales": [1], "ratios": [2.0]}, "model": {"fold": [4, 2]}},
        {"pair": {"kind": "denoise", "scales": [1], "snr": [0, 10]}, "model": {"fold": [2, 2]}},
        {"train": {"precision": "bfloat16", "loss": "itakura-saito"}},
        {
            "model": {"uncertainty": True, "order_input": True},
            "train": {"loss": "itakura-saito+l2", "places": 2},
        },
    ],
    ids=["mdsr", "stft", "band", "denoise", "bfloat16", "uncertainty and order input"],
)
def test_every_pair_trains(tmp_path: Path, changes: dict) -> None:
    changes = {**changes, "train": {**changes.get("train", {}), "steps": 2}}
    options = config(tmp_path, **changes)
    model = load_model(train(options, tmp_path / "run"))
    assert model.pair == options.pair.kind
    untrained = build_net(options).state_dict()
    moved = [k for k, v in model.net.state_dict().items() if not torch.equal(v, untrained[k])]
    assert moved


class Stop:
    """Ends a run, as a key press would, after so many batches."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, items: Iterable) -> Iterable:
        if isinstance(items, list):  # the examples, not the batches
            return items
        return self._batches(items)

    def _batches(self, items: Iterable) -> Iterable:
        for count, item in enumerate(items):
            if count == self.after:
                raise KeyboardInterrupt
            yield item


@pytest.mark.parametrize("name", ["edsr", "mdsr"])
def test_a_resumed_run_ends_bit_for_bit_like_an_unbroken_one(tmp_path: Path, name: str) -> None:
    options = config(
        tmp_path, pair={"scales": [2, 3] if name == "mdsr" else [2]}, model={"name": name},
        train={"patch": [4, 4]},
    )  # fmt: skip
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    train(options, unbroken)
    with pytest.raises(KeyboardInterrupt):
        train(options, broken, progress=Stop(7))
    stopped = torch.load(broken / "checkpoint.pt", weights_only=True)
    assert stopped["step"] == 4  # what came after it is done again
    with pytest.raises(SpecsrError, match="--resume"):
        train(options, broken)
    train(options, broken, resume=True)
    a, b = (torch.load(f / "checkpoint.pt", weights_only=True) for f in (unbroken, broken))
    assert a["step"] == b["step"] == 12
    ours, theirs = tensors(a), tensors(b)
    assert ours.keys() == theirs.keys() and any("exp_avg_sq" in k for k in ours)
    for key in ours:
        assert torch.equal(ours[key], theirs[key]), key
    nets = [load_model(f / "tiny.safetensors").net.state_dict() for f in (unbroken, broken)]
    assert all(torch.equal(nets[0][k], nets[1][k]) for k in nets[0])


def test_an_interrupted_write_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, folder = config(tmp_path), tmp_path / "run"
    whole = torch.save

    def full_disk(state: Any, path: Any) -> None:
        if state.get("step", 0) > 4:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        whole(state, path)

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(SpecsrError, match=r"checkpoint\.pt: could not be written"):
        train(options, folder)
    monkeypatch.undo()
    assert torch.load(folder / "checkpoint.pt", weights_only=True)["step"] == 4
    load_model(train(options, folder, resume=True))


def test_a_run_is_not_written_over_another(tmp_path: Path) -> None:
    options, folder = config(tmp_path, train={"steps": 2}), tmp_path / "run"
    train(options, folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    with pytest.raises(SpecsrError, match=r"checkpoint\.pt exists: continue it with --resume"):
        train(options, folder)
    (folder / "checkpoint.pt").rename(folder / "kept.pt")
    with pytest.raises(SpecsrError, match=r"tiny\.safetensors exists"):
        train(options, folder)
    (folder / "kept.pt").rename(folder / "checkpoint.pt")
    with pytest.raises(SpecsrError, match="another network"):
        train(config(tmp_path, model={"n_feats": 5}), folder, resume=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    other = (tmp_path / "other.pt").read_bytes()
    for content in (b"", b"half", b"cos\nsystem\n(S'true'\ntR.", other, other[:300]):
        (folder / "checkpoint.pt").write_bytes(content)
        with pytest.raises(SpecsrError, match=r"checkpoint\.pt: damaged, or not a checkpoint"):
            train(options, folder, resume=True)


def test_a_diverged_run_says_so_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(SpecsrError, match=r"the loss is (nan|inf) at step \d+: lower train\.lr"):
        train(config(tmp_path, train={"lr": 1e30, "warmup": 0, "save_every": 1}), folder)
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert state["step"] >= 1


def test_an_unknown_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecsrError, match="expected auto, cpu or cuda"):
        train(config(tmp_path, train={"device": "tpu"}), tmp_path / "run")


def test_the_uncertainty_settles_where_its_share_of_the_errors_lies() -> None:
    """Of Gaussian errors 68.3 % lie within one standard deviation: that is what is learned."""
    error = 3.0 * torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    width = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([width], 0.05)
    for _ in range(300):
        optimiser.zero_grad()
        losses.uncertainty_loss(error, width, floor=0.0).backward()
        optimiser.step()
    assert float(width.detach().exp()) == pytest.approx(3.0, rel=0.03)


def test_machines_run_in_front_of_steady_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "backgrounds"
    folder.mkdir()
    hum = np.random.default_rng(0).standard_normal(16000)
    soundfile.write(folder / "hum.wav", 0.1 * hum, 8000)
    data = {
        "synth": {"count": 8, "duration": 0.6, "rates": [8000.0], "scenes": True},
        "backgrounds": [str(folder)], "cache": str(tmp_path / "cache"),
    }  # fmt: skip
    plain = config(tmp_path, data=data | {"backgrounds": []})
    before = config(tmp_path, data=data)
    same = [np.array_equal(prepare(r, plain).low, prepare(r, before).low) for r in recipes(before)]
    assert 0 < sum(same) < len(same)
