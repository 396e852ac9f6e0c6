"""Training on images, and the configs in ``configs/``."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from specsr.benchmark.step import step_cost
from specsr.errors import SpecsrError
from specsr.io.image import write_image
from specsr.models.bundled import load_model
from specsr.models.model import read_info, save_model
from specsr.train.config_file import load_config
from specsr.train.train import train
from support.image_samples import model, photo

CONFIGS = Path(__file__).parents[2] / "configs"


def options(folder: Path, *changes: str) -> list[str]:
    """Write training images; return the changes of a config for a short training on them."""
    write_image(folder / "in/a.png", photo(64, 64))
    for i in range(9):
        write_image(folder / f"in/{i}.png", photo(48, 48, seed=i), overwrite=True)
    common = [
        f"data.folders=[{folder / 'in'}]", f"data.cache={folder / 'cache'}", "train.workers=0",
        "model.n_resblocks=2", "model.n_feats=8", "train.batch=2", "train.patch=[12,12]",
    ]  # fmt: skip
    return common + list(changes)


def test_training_writes_best_and_last_model_and_a_log(tmp_path: Path) -> None:
    config = load_config(
        CONFIGS / "image-x2.yaml",
        options(tmp_path, "train.steps=12", "train.validate_every=4", "train.lr=0.003"),
    )
    path = train(config, tmp_path / "run")
    rows = list(csv.DictReader((tmp_path / "run/log.csv").open()))
    scores = [float(row["validation_psnr_db"]) for row in rows]
    assert [row["step"] for row in rows] == ["4", "8", "12"]
    best = read_info(tmp_path / "run/image-x2-best.safetensors")["record"]
    assert best["validation_psnr_db"] == pytest.approx(max(scores), abs=1e-3)
    assert read_info(path)["record"]["steps"] == 12
    assert load_model(path).pair == "image" and load_model(path).net.config.std == 64
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = EventAccumulator(str(tmp_path / "run/tensorboard"))
    curves.Reload()
    written = {e.step: e.value for e in curves.Scalars("validation_psnr_db")}
    assert written == pytest.approx(dict(zip((4, 8, 12), scores)), abs=1e-3)


def test_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    common = options(tmp_path, "train.validate_every=3", "train.save_every=3",
                     "pair.scales=[2,3]", "train.patches=null")  # fmt: skip
    whole = load_config(CONFIGS / "image-mdsr.yaml", [*common, "train.steps=6", "train.start=null",
                                                      "train.schedule=halve"])  # fmt: skip
    first = whole.model_copy(update={"train": whole.train.model_copy(update={"steps": 3})})
    train(whole, tmp_path / "whole")
    train(first, tmp_path / "parts")
    train(whole, tmp_path / "parts", resume=True)
    one, other = (
        load_model(tmp_path / part / "image-mdsr.safetensors").net.state_dict()
        for part in ("whole", "parts")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_training_starts_from_another_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_model(tmp_path / "start.safetensors", model())
    changes = ("train.steps=1", "train.lr=1e-12", f"train.start={tmp_path / 'start.safetensors'}")
    config = load_config(CONFIGS / "image-x3.yaml", options(tmp_path, *changes))
    path = train(config, tmp_path / "run")
    carried, start = load_model(path).net, model().net
    assert torch.allclose(carried.body[0].body[0].weight, start.body[0].body[0].weight, atol=1e-6)
    note = read_info(path)["record"]["start"]
    assert "tensors carried over" in note and "tail.0.0.weight 32x8x3x3 for 72x8x3x3" in note
    assert note in caplog.text
    missing = config.train.model_copy(update={"start": str(tmp_path / "none.safetensors")})
    bad = config.model_copy(update={"train": missing})
    with pytest.raises(SpecsrError, match=r"none\.safetensors: no such model"):
        train(bad, tmp_path / "bad")


def test_batch_norm_statistics_are_kept_and_cost_memory(tmp_path: Path) -> None:
    changes = options(tmp_path, "train.steps=4", "train.validate_every=4")
    path = train(load_config(CONFIGS / "ablation/batch-norm.yaml", changes), tmp_path / "run")
    norm = load_model(path).net.body[0].body[1]
    assert isinstance(norm, torch.nn.BatchNorm2d)
    assert int(norm.num_batches_tracked) == 4 and norm.running_mean.abs().max() > 0
    plain, with_norm = (
        step_cost(load_config(CONFIGS / f"ablation/{name}.yaml", changes), 1)
        for name in ("plain", "batch-norm")
    )
    assert with_norm.kept_bytes > 1.3 * plain.kept_bytes
    # two normalisations of 8 features in each of 2 blocks, a weight and a bias each
    assert with_norm.parameters - plain.parameters == 2 * 2 * 2 * 8


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_is_valid(path: Path) -> None:
    assert load_config(path).name == path.stem


def test_configs_hold_the_published_recipe() -> None:
    base = load_config(CONFIGS / "edsr-baseline-x2.yaml")
    assert (base.train.lr, base.train.steps, base.train.batch) == (1e-4, 300_000, 16)
    assert (base.train.halve_every, base.train.patch, base.train.loss) == (200_000, (48, 48), "l1")
    full = load_config(CONFIGS / "edsr-x4.yaml")
    assert (full.model.n_resblocks, full.model.n_feats, full.model.res_scale) == (32, 256, 0.1)
    assert full.train.steps == 1_000_000 and full.pair.scales == [(4, 4)]
    many = load_config(CONFIGS / "mdsr.yaml")
    assert many.model.name == "mdsr" and many.model.n_resblocks == 80 and len(many.pair.scales) == 3
    norm = load_config(CONFIGS / "srresnet-l2-x2.yaml")
    assert norm.model.batch_norm and norm.train.loss == "l2"


def test_base_config_is_found_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: b.yaml\nname: a\n")
    (tmp_path / "b.yaml").write_text("base: a.yaml\nname: b\n")
    with pytest.raises(SpecsrError, match="is based on it"):
        load_config(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").unlink()
    with pytest.raises(SpecsrError, match=r"b\.yaml: no such config"):
        load_config(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pair.scales=[1]", "from 2 up"),
        ("data.folders=[]", "data.folders"),
        ("train.patches=[[8,8],[8,8]]", "one patch for each of pair.scales"),
        ("model.channels=2", "channels"),
    ],
)
def test_invalid_image_configs_are_refused(change: str, message: str) -> None:
    with pytest.raises(SpecsrError, match=message):
        load_config(CONFIGS / "image-x2.yaml", [change])
