"""Images from the command line: train, upscale, benchmark; the numbers of published rows."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from specsr.benchmark.images import BenchmarkOptions, run_benchmark
from specsr.benchmark.published import PUBLISHED
from specsr.benchmark.step import step_cost
from specsr.cli.app import app
from specsr.errors import SpecsrError
from specsr.images.imresize import imresize, reduce
from specsr.images.pixels import to_float, to_pixels
from specsr.images.upscale import image_model, self_ensemble, upscale_image
from specsr.io.image import read_image, write_image
from specsr.models.bundled import load_model
from specsr.models.edsr import EDSR, EDSRConfig
from specsr.models.mdsr import MDSR, MDSRConfig
from specsr.models.model import Model, read_info, save_model
from specsr.models.options import InferOptions
from specsr.train.config_file import load_config
from specsr.train.train import train

CONFIGS = Path(__file__).parents[2] / "configs"


def photo(rows: int = 40, columns: int = 36, seed: int = 0) -> np.ndarray:
    """Smooth colours with edges, uint8."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (rows // 8 + 1, columns // 8 + 1, 3), dtype=np.uint8)
    image = imresize(small, 8)[:rows, :columns].copy()
    image[rows // 3 : rows // 2, columns // 4 :] //= 2
    return image


def model(scales=(2,), channels: int = 3, name: str = "tiny") -> Model:
    torch.manual_seed(3)
    size = {"n_resblocks": 2, "n_feats": 8, "std": 64.0, "input_skip": True}
    size |= {"in_channels": channels, "out_channels": channels}
    size["mean"] = (0.4 * 255,) * channels
    pairs = tuple((s, s) for s in scales)
    net = (
        MDSR(MDSRConfig(scales=pairs, **size))
        if len(scales) > 1
        else EDSR(EDSRConfig(scale=pairs[0], **size))
    )
    return Model(name, net.eval(), "image", (), (0.0, 0.0), 0.0)


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    for name in ("Set5", "Other"):
        for i in range(2):
            write_image(tmp_path / f"sets/{name}/HR/{i}.png", photo(seed=i))
    write_image(tmp_path / "sets/DIV2K/DIV2K_valid_HR/0801.png", photo(64, 60))
    return tmp_path / "sets"


def run(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


# upscale


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_kind_of_pixel_and_alpha_stay(channels: int, dtype) -> None:
    image = np.dstack([photo(), photo()[..., 0]])[..., 4 - channels :].astype(dtype)
    image = (image * (257 if dtype == np.uint16 else 1)).astype(dtype)
    image = image[..., 0] if channels == 1 else image
    fine = upscale_image(image, 2, model=model())
    assert fine.dtype == dtype and fine.shape == (80, 72, *image.shape[2:])
    if channels in (2, 4):
        assert np.array_equal(fine[..., -1], imresize(image[..., -1], 2))
    eight = upscale_image((image // (257 if dtype == np.uint16 else 1)).astype(np.uint8), 2,
                          model=model())  # fmt: skip
    if dtype == np.uint16:
        assert np.abs(fine / 257 - eight).max() <= 0.51 or channels in (2, 4)


def test_strips_and_tiles_leave_no_seam() -> None:
    image = photo(97, 83)
    whole = upscale_image(image, 3, model=model((2, 3)))
    for options in (InferOptions(tile=(7, 11)), InferOptions(tile=(40, 1000))):
        pieces = upscale_image(image, 3, model=model((2, 3)), options=options)
        assert np.abs(pieces.astype(int) - whole).max() <= 1
        assert (pieces != whole).mean() < 1e-3  # sums of another order, rounded


@torch.no_grad()
def test_self_ensemble_is_the_mean_over_eight_symmetries() -> None:
    net = model().net
    x = torch.from_numpy(to_float(photo(20, 14), 3).copy())
    total = 0
    for turns in range(4):
        for mirrored in (False, True):
            seen = torch.rot90(x.flip(-1) if mirrored else x, turns, (-2, -1))
            back = torch.rot90(net(seen[None])[0], -turns, (-2, -1))
            total = total + (back.flip(-1) if mirrored else back)
    assert (self_ensemble(net, x, (2, 2)) - total / 8).abs().max() < 1e-3
    turned = self_ensemble(net, x.transpose(-2, -1).contiguous(), (2, 2))
    assert (turned.transpose(-2, -1) - self_ensemble(net, x, (2, 2))).abs().max() < 1e-3


def test_gray_networks_treat_every_channel_alike() -> None:
    image, gray = photo(), model(channels=1)
    apart = np.dstack([upscale_image(image[..., c], 2, model=gray) for c in range(3)])
    assert np.array_equal(upscale_image(image, 2, model=gray), apart)


def test_images_that_do_not_fit_are_refused() -> None:
    for image, message in (
        (np.zeros((4, 4, 5), np.uint8), "shape"), (np.zeros((4, 4), np.float32), "type"),
        (np.zeros((0, 4), np.uint8), "empty"),
    ):  # fmt: skip
        with pytest.raises(SpecsrError, match=message):
            upscale_image(image, 2, model=model())
    with pytest.raises(SpecsrError, match="has scale 2, not 3"):
        upscale_image(photo(), 3, model=model())
    with pytest.raises(SpecsrError, match="pair 'pool'"):
        upscale_image(photo(), 2, model=Model("m", model().net, "pool", (), (0, 0), 0))
    with pytest.raises(SpecsrError, match="takes 2 channels"):
        upscale_image(photo(), 2, model=model(channels=2))


def test_upscale_command_for_files_and_folders(tmp_path: Path) -> None:
    save_model(tmp_path / "tiny.safetensors", model())
    tiny = ("--model", tmp_path / "tiny.safetensors")
    write_image(tmp_path / "in/a.png", photo())
    write_image(tmp_path / "in/deep/b.jpg", photo())
    (tmp_path / "in/broken.png").write_bytes((tmp_path / "in/a.png").read_bytes()[:300])
    result = run("upscale", tmp_path / "in/a.png", "-o", tmp_path / "big.png", *tiny)
    assert result.exit_code == 0 and "72 x 80 pixels" in result.stderr
    assert read_image(tmp_path / "big.png").shape == (80, 72, 3)
    again = run("upscale", tmp_path / "in/a.png", "-o", tmp_path / "big.png", *tiny)
    assert isinstance(again.exception, SpecsrError)
    result = run("upscale", tmp_path / "in", "-o", tmp_path / "out", *tiny)
    assert result.exit_code == 1 and "broken.png: damaged or cut short" in result.stderr
    written = sorted(p.name for p in (tmp_path / "out").rglob("*.*"))
    assert written == ["a.png", "b.jpg", "specsr-manifest.jsonl"]  # in their places
    assert (tmp_path / "out/deep/b.jpg").exists()
    wrong = run("upscale", tmp_path / "in/a.png", "-o", tmp_path / "c.png", "--unit", "Pa", *tiny)
    assert "--unit: for sound" in str(wrong.exception)
    wrong = run("upscale", tmp_path / "in/a.png", "-o", tmp_path / "c.wav", *tiny)
    assert "cannot write .wav as an image" in str(wrong.exception)


@pytest.mark.slow
def test_a_large_image_takes_bounded_memory(tmp_path: Path) -> None:
    save_model(tmp_path / "tiny.safetensors", model((4,)))
    peaks = []
    for rows in (600, 2400):
        write_image(tmp_path / f"{rows}.png", np.tile(photo(300, 1000), (rows // 300, 1, 1)))
        code = (
            "import resource, sys; from specsr.cli.app import app\n"
            f"app(['upscale', {str(tmp_path / f'{rows}.png')!r}, '-o', "
            f"{str(tmp_path / f'{rows}x4.png')!r}, '--scale', '4', '--model', "
            f"{str(tmp_path / 'tiny.safetensors')!r}], standalone_mode=False)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        peaks.append(int(done.stdout) * (1 if sys.platform == "darwin" else 1024))
    more = 1800 * 4 * 1000 * 4 * 3  # bytes of output
    # the result and its encoder's copies grow with the image, the network's work does not
    # (one feature map alone of the larger image would be 8 x 4 bytes a pixel, ten times this)
    assert peaks[1] - peaks[0] < 6 * more, peaks


# benchmark


def test_benchmark_writes_table_json_and_images(tmp_path: Path, sets: Path) -> None:
    save_model(tmp_path / "tiny-x2.safetensors", model(name="tiny-x2"))
    save_model(tmp_path / "tiny-x3.safetensors", model((3,), name="tiny-x3"))
    command = [
        "benchmark", "images", sets, "--scales", "2,3", "--plus", "all",
        "--model", tmp_path / "tiny-x2.safetensors", "--model", tmp_path / "tiny-x3.safetensors",
        "--json", tmp_path / "t.json", "--markdown", tmp_path / "t.md",
        "--save-images", tmp_path / "images",
    ]  # fmt: skip
    result = run(*command)
    assert result.exit_code == 0, result.exception
    table = (tmp_path / "t.md").read_text()
    assert table in result.stdout
    assert "paper protocol" in table and "float protocol" in table and "border = scale + 6" in table
    assert "| tiny | tiny+ |" in table and "36.54/.9544" in table  # A+ beside Set5 x2
    tree = json.loads((tmp_path / "t.json").read_text())
    rows = {(r["set"], r["scale"], r["protocol"], r["method"]): r for r in tree["rows"]}
    assert {key[2] for key in rows if key[0] == "DIV2K"} == {"rgb"}
    assert rows["Set5", 2, "paper", "tiny"]["images"] == 2
    # the figures are those of the images written, averaged by image
    mse = []
    for i in range(2):
        fine = read_image(tmp_path / f"images/tiny+/Set5/X3/{i}x3.png")
        wanted = photo(seed=i)[: 40 // 3 * 3, : 36 // 3 * 3]
        luma = (fine.astype(float) - wanted) @ np.array([65.481, 128.553, 24.966]) / 255
        mse.append(10 * np.log10(255**2 / np.mean(luma[3:-3, 3:-3] ** 2)))
    assert rows["Set5", 3, "float", "tiny+"]["psnr"] == pytest.approx(np.mean(mse), abs=1e-3)
    assert isinstance(run(*command).exception, SpecsrError)  # nothing is overwritten


def test_benchmark_refuses_what_is_not_there(tmp_path: Path, sets: Path) -> None:
    for options, message in (
        ({"sets": ("Set9",)}, "no set Set9"), ({"protocols": ("best",)}, "protocol is best"),
        ({"scales": (5,)}, "none of the models has x5"),
    ):  # fmt: skip
        with pytest.raises(SpecsrError, match=message):
            run_benchmark(sets, [model()], BenchmarkOptions(**options))
    write_image(sets / "Set5/HR/2.png", photo().astype(np.uint16))
    with pytest.raises(SpecsrError, match=r"2\.png: expected uint8"):
        run_benchmark(sets, [model()], BenchmarkOptions(sets=("Set5",), scales=(2,)))
    with pytest.raises(SpecsrError, match="no such folder"):
        run_benchmark(tmp_path / "nowhere", [model()])


@pytest.mark.parametrize("name", ["Set5", pytest.param("B100", marks=pytest.mark.slow)])
def test_published_bicubic_rows_are_reproduced(shared_data: Path, name: str) -> None:
    options = BenchmarkOptions(sets=(name,), protocols=("paper",))
    report = run_benchmark(shared_data / "images/benchmark", [], options)
    assert len(report.rows) == 3
    for row in report.rows:
        psnr, ssim = PUBLISHED["paper"][name, row.scale]["Bicubic"]
        assert row.psnr == pytest.approx(psnr, abs=0.005)
        assert row.ssim == pytest.approx(ssim, abs=0.0005)


@pytest.mark.slow
def test_measured_bicubic_rows_of_set14(shared_data: Path) -> None:
    options = BenchmarkOptions(sets=("Set14",), protocols=("paper",))
    report = run_benchmark(shared_data / "images/benchmark", [], options)
    measured = {row.scale: row.psnr for row in report.rows}
    assert measured == pytest.approx({2: 30.232, 3: 27.541, 4: 26.000}, abs=0.001)


def test_each_scale_has_its_bundled_model() -> None:
    for scale in (2, 3, 4):
        assert image_model(None, scale).name == f"image-x{scale}"
        assert upscale_image(photo(), scale).shape == (40 * scale, 36 * scale, 3)
    assert (4, 4) in image_model("image-mdsr").net.scales
    with pytest.raises(SpecsrError, match="not 5x5"):
        image_model(None, 5)


@pytest.mark.slow
def test_bundled_models_beat_a_plus_on_set5(shared_data: Path) -> None:
    report = run_benchmark(
        shared_data / "images/benchmark", None, BenchmarkOptions(("Set5",), protocols=("paper",))
    )
    for row in report.rows:
        if row.method != "bicubic":
            psnr, ssim = PUBLISHED["paper"]["Set5", row.scale]["A+"]
            assert row.psnr > psnr and row.ssim > ssim, row


# training


def options(folder: Path, *changes: str):
    write_image(folder / "in/a.png", photo(64, 64))
    for i in range(9):
        write_image(folder / f"in/{i}.png", photo(48, 48, seed=i), overwrite=True)
    common = [
        f"data.folders=[{folder / 'in'}]", f"data.cache={folder / 'cache'}", "train.workers=0",
        "model.n_resblocks=2", "model.n_feats=8", "train.batch=2", "train.patch=[12,12]",
    ]  # fmt: skip
    return common + list(changes)


def test_training_keeps_best_and_last_and_logs(tmp_path: Path) -> None:
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


def test_a_resumed_run_is_the_unbroken_one(tmp_path: Path) -> None:
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


def test_a_run_starts_from_another_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_model(tmp_path / "start.safetensors", model())
    changes = ("train.steps=1", "train.lr=1e-12", f"train.start={tmp_path / 'start.safetensors'}")
    config = load_config(CONFIGS / "image-x3.yaml", options(tmp_path, *changes))
    path = train(config, tmp_path / "run")
    carried, start = load_model(path).net, model().net
    assert torch.allclose(carried.body[0].body[0].weight, start.body[0].body[0].weight, atol=1e-6)
    said = read_info(path)["record"]["start"]
    assert "tensors carried over" in said and "tail.0.0.weight 32x8x3x3 for 72x8x3x3" in said
    assert said in caplog.text
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
    result = run("benchmark", "step", CONFIGS / "ablation/plain.yaml", "--steps", 1,
                 *(x for change in changes for x in ("--set", change)))  # fmt: skip
    assert "| plain | " in result.stdout and "MiB" in result.stdout


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_is_valid(path: Path) -> None:
    assert load_config(path).name == path.stem


def test_published_recipe_is_in_the_configs() -> None:
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


def test_a_base_is_read_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: b.yaml\nname: a\n")
    (tmp_path / "b.yaml").write_text("base: a.yaml\nname: b\n")
    with pytest.raises(SpecsrError, match="rests on it"):
        load_config(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").unlink()
    with pytest.raises(SpecsrError, match=r"b\.yaml: no such config"):
        load_config(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pair.scales=[1]", "from 2 up"),
        ("data.folders=[]", "data.folders"),
        ("train.patches=[[8,8],[8,8]]", "one patch for each scale"),
        ("model.channels=2", "channels"),
    ],
)
def test_image_configs_that_make_no_sense(change: str, message: str) -> None:
    with pytest.raises(SpecsrError, match=message):
        load_config(CONFIGS / "image-x2.yaml", [change])


def test_pixels_round_half_up_and_clip() -> None:
    values = np.array([[[-3.0, 0.49, 0.5, 254.5, 300.0]]])
    assert to_pixels(values).tolist() == [[0, 0, 1, 255, 255]]
    assert reduce(photo(), 4).shape == (10, 9, 3)
