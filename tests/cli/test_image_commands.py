"""Commands on images: upscale, benchmark images and benchmark step."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from specsr.images.upscale import upscale_image
from specsr.io.image import read_image, write_image
from specsr.models.model import save_model
from support.command import run
from support.image_samples import model, photo, write_sets

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    return write_sets(tmp_path / "sets")


def test_upscale_of_image_files_and_folders(tmp_path: Path, capsys) -> None:
    save_model(tmp_path / "tiny.safetensors", model())
    tiny = ("--model", tmp_path / "tiny.safetensors")
    image, big = tmp_path / "in/a.png", tmp_path / "big.png"
    write_image(image, photo())
    write_image(tmp_path / "in/deep/b.jpg", photo())
    (tmp_path / "in/broken.png").write_bytes(image.read_bytes()[:300])
    code, _, err = run(capsys, "upscale", image, "-o", big, *tiny)
    assert code == 0 and "72 x 80 pixels" in err
    assert read_image(big).shape == (80, 72, 3)
    code, _, err = run(capsys, "upscale", image, "-o", big, *tiny)
    assert code == 1 and "exists already" in err
    code, _, err = run(capsys, "upscale", tmp_path / "in", "-o", tmp_path / "out", *tiny)
    assert code == 1 and "broken.png: damaged or cut short" in err
    written = sorted(p.name for p in (tmp_path / "out").rglob("*.*"))
    assert written == ["a.png", "b.jpg", "specsr-manifest.jsonl"]
    assert (tmp_path / "out/deep/b.jpg").exists()
    code, _, err = run(capsys, "upscale", image, "-o", tmp_path / "c.wav", *tiny)
    assert code == 1 and "cannot write .wav as an image" in err


def test_pair_image_names_the_kind_of_input(tmp_path: Path, capsys) -> None:
    save_model(tmp_path / "tiny.safetensors", model())
    write_image(tmp_path / "a.png", photo())
    arguments = ["upscale", tmp_path / "a.png", "--model", tmp_path / "tiny.safetensors"]
    code, _, err = run(capsys, *arguments, "--pair", "image", "-o", tmp_path / "big.png")
    assert code == 0, err
    expected = upscale_image(photo(), 2, model=model())
    np.testing.assert_array_equal(read_image(tmp_path / "big.png"), expected)
    code, _, err = run(capsys, *arguments, "--pair", "picture", "-o", tmp_path / "other.png")
    assert code == 2 and "'image'" in err


@pytest.mark.parametrize(
    "option",
    [("--unit", "Pa"), ("--rpm", "rpm.csv"), ("--tacho-channel", 1), ("--plot", "x.png"),
     ("--range", 60), ("--no-find-speed",), ("--segment", 5)],
    ids=lambda option: option[0],
)  # fmt: skip
def test_options_of_recordings_are_refused_for_images(tmp_path: Path, capsys, option) -> None:
    write_image(tmp_path / "a.png", photo())
    code, _, err = run(capsys, "upscale", tmp_path / "a.png", "-o", tmp_path / "b.png", *option)
    assert code == 1 and f"{option[0]}: not for images" in err
    assert not (tmp_path / "b.png").exists()


@pytest.mark.slow
def test_a_large_image_takes_bounded_memory(tmp_path: Path) -> None:
    save_model(tmp_path / "tiny.safetensors", model((4,)))
    peaks = []
    for rows in (1100, 3300):  # two strips and four
        write_image(tmp_path / f"{rows}.png", np.tile(photo(100, 300), (rows // 100, 1, 1)))
        code = (
            "import resource, sys; from specsr.cli.app import app\n"
            f"app(['upscale', {str(tmp_path / f'{rows}.png')!r}, '-o', "
            f"{str(tmp_path / f'{rows}x4.png')!r}, '--scale', '4', '--model', "
            f"{str(tmp_path / 'tiny.safetensors')!r}], standalone_mode=False)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        peaks.append(int(done.stdout) * (1 if sys.platform == "darwin" else 1024))
    more = 2200 * 4 * 300 * 4 * 3  # bytes of output
    # the result and its encoder's copies grow with the image, the memory of the network does not;
    # in one piece the output of its last convolution alone, float32, would be four times ``more``
    assert peaks[1] - peaks[0] < 6 * more, peaks


def test_benchmark_images_writes_table_json_and_images(tmp_path: Path, sets: Path, capsys) -> None:
    save_model(tmp_path / "tiny-x2.safetensors", model(name="tiny-x2"))
    save_model(tmp_path / "tiny-x3.safetensors", model((3,), name="tiny-x3"))
    command = [
        "benchmark", "images", sets, "--scales", "2,3", "--plus", "all",
        "--model", tmp_path / "tiny-x2.safetensors", "--model", tmp_path / "tiny-x3.safetensors",
        "-o", tmp_path / "t.json", "--markdown", tmp_path / "t.md",
        "--save-images", tmp_path / "images",
    ]  # fmt: skip
    code, shown, err = run(capsys, *command)
    assert code == 0, err
    table = (tmp_path / "t.md").read_text()
    assert table in shown
    assert "paper protocol" in table and "float protocol" in table and "border = scale + 6" in table
    heads = [line.replace(" ", "") for line in table.splitlines() if line.startswith("| set")]
    assert "|tiny|tiny+|" in heads[0] and "36.54/.9544" in table  # A+ for Set5 x2
    tree = json.loads((tmp_path / "t.json").read_text())["result"]
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
    code, _, err = run(capsys, *command)
    assert code == 1 and "exists already" in err


def test_benchmark_step_prints_a_row_for_each_config(tmp_path: Path, capsys) -> None:
    changes = ["train.batch=2", "train.patch=[12,12]", "model.n_resblocks=2", "model.n_feats=8"]
    configs = [CONFIGS / "ablation/plain.yaml", CONFIGS / "ablation/batch-norm.yaml"]
    code, shown, err = run(
        capsys, "benchmark", "step", *configs,
        "--steps", 1, *(word for change in changes for word in ("--set", change)),
    )  # fmt: skip
    assert code == 0, err
    lines = [line.strip("|").split("|") for line in shown.splitlines()]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    assert head[0] == "config" and any("MiB" in title for title in head)
    assert [row[0] for row in rows] == ["plain", "batch-norm"]
    assert int(rows[1][1]) > int(rows[0][1])
