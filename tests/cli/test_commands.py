"""Commands on recordings and maps: outputs, exit codes and messages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import specsr
from specsr import choices
from specsr.enhance.resolution import map_transform
from specsr.maps.phase import to_signal
from specsr.maps.pooling import pool
from specsr.maps.transform import spectrogram
from support.command import run

ROOT = Path(__file__).parents[2]


def specsr_command(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "specsr", *map(str, args)], capture_output=True, text=True, cwd=ROOT
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "run.wav"
    made = specsr.synthesise(specsr.random_run_up(3, 25600.0, 1.0))
    specsr.write(path, made.signal)
    return path


def test_help_loads_no_heavy_library():
    code = (
        "import sys, specsr, specsr.cli.app; "
        "print(*(name for name in ('numpy', 'torch', 'librosa') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and not done.stdout.split(), done.stdout + done.stderr
    shown = specsr_command("upscale", "--help")
    assert shown.returncode == 0 and "Examples" in shown.stdout


def test_public_names_resolve():
    for name in specsr.__all__:
        assert getattr(specsr, name) is not None
    assert callable(specsr.evaluate)


def test_band_upscale_writes_recording_map_and_figure(tmp_path, recording, capsys):
    wav, npz, png = (tmp_path / f"full{suffix}" for suffix in (".wav", ".npz", ".png"))
    code, _, err = run(capsys, "upscale", recording, "-o", wav, "-o", npz, "--plot", png)
    assert code == 0, err
    before, after = specsr.read(recording), specsr.read(wav)
    assert after.length == 2 * before.length and after.rate == 2 * before.rate
    assert after.unit == "Pa"
    assert specsr.read_map(npz).grid.rate == after.rate
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "estimated above" in err


def test_pool_upscale_of_a_recording_writes_a_fine_map(tmp_path, recording, capsys):
    out = tmp_path / "fine.npz"
    code, _, err = run(capsys, "upscale", recording, "--pair", "pool", "--scale", 4, "-o", out)
    assert code == 0, err
    signal, fine = specsr.read(recording), specsr.read_map(out)
    assert fine.grid == map_transform(signal, 4).grid(signal)
    assert "every cell is estimated" in err


def test_known_orders_are_an_option(tmp_path, recording, capsys):
    out = tmp_path / "fine.npz"
    pool4 = ("upscale", recording, "--pair", "pool", "--scale", 4, "-o", out)
    code, _, err = run(capsys, *pool4, "--orders", "3.57,-1")
    assert code == 1 and "orders: '-1': expected a number above zero" in err
    code, _, err = run(capsys, *pool4, "--orders", "3.57,1:1:20*2.613")
    assert code == 0, err
    code, _, err = run(capsys, "upscale", recording, "-o", tmp_path / "x.wav", "--orders", "2",
                       "--model", "noise-fill")  # fmt: skip
    assert code == 0, err  # above the band of a recording, with its own speed


def test_resolution_of_the_coarse_map_is_an_option(tmp_path, recording, capsys):
    out = tmp_path / "fine.npz"
    pool4 = ("upscale", recording, "--pair", "pool", "--scale", 4, "--no-find-speed")
    code, _, err = run(
        capsys, *pool4, "-o", out, "--df", 10, "--overlap", 0.5, "--window", "hamming"
    )
    assert code == 0, err
    grid = specsr.read_map(out).grid
    assert (grid.n_fft, grid.hop_length, grid.window) == (2560, 1280, "hamming")
    other = tmp_path / "other.npz"
    code, _, err = run(capsys, *pool4, "-o", other, "--n-fft", 512, "--hop-length", 128)
    assert code == 0, err
    grid = specsr.read_map(other).grid
    assert (grid.n_fft, grid.hop_length, grid.window) == (512, 128, "hann")
    assert "share coarse cells below" in err and " separates them" in err
    code, _, err = run(capsys, "upscale", out, "-o", tmp_path / "x.npz", "--df", 5)
    assert code == 1 and "--df: for the coarse map of a recording; this is a map" in err
    code, _, err = run(capsys, "upscale", recording, "-o", tmp_path / "x.wav", "--n-fft", 512)
    assert code == 1 and "--n-fft: for the coarse map of a recording" in err
    assert "add --pair pool" in err


def test_full_stft_is_refused_unless_its_cells_are_stated_to_be_means(tmp_path, recording, capsys):
    full, out = tmp_path / "full.csv", tmp_path / "fine.npz"
    spec = spectrogram(specsr.read(recording), n_fft=1024, overlap=0.75)
    specsr.write_map(full, spec)
    arguments = ("upscale", full, "--no-find-speed", "-o", out)
    code, _, err = run(capsys, *arguments)
    assert code == 1 and not out.exists() and len(err.splitlines()) == 1
    assert "full.csv: the map looks like a full STFT (hann, 75 % overlap)" in err
    code, _, err = run(capsys, *arguments, "--pair", "pool")
    assert code == 0 and specsr.read_map(out).grid.n_fft == 2048, err


def test_a_pair_without_a_bundled_model_is_not_offered(tmp_path, recording, capsys):
    assert "stft" not in " ".join(get_args(choices.UpscalePair))
    code, _, err = run(capsys, "upscale", recording, "-o", tmp_path / "x.npz", "--pair", "stft")
    assert code == 2 and "--pair" in err
    assert "stft]" not in run(capsys, "upscale", "--help")[1]


def test_map_is_upscaled_to_a_recording(tmp_path, recording, capsys):
    from specsr.maps.pooling import pool

    low, wav = tmp_path / "low.npz", tmp_path / "heard.wav"
    specsr.write_map(low, pool(spectrogram(specsr.read(recording), hop_length=256), 4, 4))
    code, _, err = run(capsys, "upscale", low, "--scale", 4, "--phase", "pghi", "-o", wav)
    assert code == 0, err
    assert specsr.read(wav).length == specsr.read(recording).length


def test_known_phase_is_refused_for_a_map_without_phase(tmp_path, recording, capsys):
    from specsr.maps.pooling import pool

    low, wav = tmp_path / "low.npz", tmp_path / "heard.wav"
    specsr.write_map(low, pool(spectrogram(specsr.read(recording), hop_length=256), 4, 4))
    code, _, err = run(capsys, "upscale", low, "--scale", 4, "--phase", "known", "-o", wav)
    assert code == 1 and "phase='auto' estimates the others" in err and not wav.exists()


def test_map_of_spectrogram_is_invertible(tmp_path, recording, capsys):
    out, png = tmp_path / "map.h5", tmp_path / "map.png"
    code, _, err = run(
        capsys, "spectrogram", recording, "-o", out, "-o", png, "--df", 25, "--overlap", 0.75
    )
    assert code == 0 and "25 Hz" in err
    assert png.read_bytes().startswith(b"\x89PNG")
    back = to_signal(specsr.read_map(out))
    np.testing.assert_allclose(back.samples, specsr.read(recording).samples, atol=1e-6)


def test_synth_is_reproducible_and_writes_its_truth(tmp_path, capsys):
    first, second, truth = tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "t.npz"
    assert run(capsys, "synth", "-o", first, "--duration", 1, "--seed", 5, "--truth", truth)[0] == 0
    assert run(capsys, "synth", "-o", second, "--duration", 1, "--seed", 5)[0] == 0
    np.testing.assert_array_equal(specsr.read(first).samples, specsr.read(second).samples)
    assert specsr.read(first).rpm is not None
    assert specsr.read_map(truth).grid.unit == "Pa"


def test_evaluate_prints_a_table_and_writes_json(tmp_path, recording, capsys):
    out = tmp_path / "scores.json"
    code, shown, _ = run(capsys, "evaluate", recording, recording, "--cut", 5000, "-o", out)
    assert code == 0 and "LSD" in shown
    assert json.loads(out.read_text())["result"]["mean"]["lsd"] == 0


def test_models_lists_every_bundled_model(capsys):
    code, shown, _ = run(capsys, "models")
    assert code == 0
    assert specsr.bundled_models() == [
        "band", "band-small", "band-speech", "denoise", "denoise-orders", "denoise-small",
        "expected", "image-mdsr", "image-x2", "image-x3", "image-x4", "map", "map-small", "noise",
        "sharp",
    ]  # fmt: skip
    assert all(name in shown for name in specsr.bundled_models())
    infos = json.loads(run(capsys, "models", "--json")[1])["result"]["models"]
    assert infos["map"]["config"]["scales"] == [[2, 2], [3, 3], [4, 4]]


def test_broken_file_in_a_folder_fails_alone(tmp_path, recording, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.wav", "deep/c.wav"):
        (folder / name).write_bytes(recording.read_bytes())
    (folder / "b.wav").write_bytes(b"RIFF, but no more")
    code, _, err = run(capsys, "denoise", folder, "-o", out)
    assert code == 1
    assert "b.wav" in err and "1 of 3 files failed" in err
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.wav")) == [
        "a.wav",
        "deep/c.wav",
    ]


def test_outputs_are_replaced_only_with_overwrite(tmp_path, recording, capsys):
    out = tmp_path / "out.wav"
    out.write_text("precious")
    code, _, err = run(capsys, "denoise", recording, "-o", out)
    assert code == 1 and "exists already" in err and out.read_text() == "precious"
    assert run(capsys, "denoise", recording, "-o", out, "--overwrite")[0] == 0
    assert specsr.read(out).length == specsr.read(recording).length
    code, _, err = run(capsys, "denoise", recording, "-o", recording, "--overwrite")
    assert code == 1 and "is the input itself" in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("upscale", "nosuch.wav", "-o", "x.wav"), "no such file"),
        (("upscale", "RUN", "-o", "x.xyz"), "cannot write .xyz"),
        (("upscale", "RUN", "-o", "x.wav", "--model", "nosuch"), "no bundled model of this name"),
        (("upscale", "RUN", "-o", "x.wav", "--model", "map"), "trained for the pair"),
        (("upscale", "RUN", "-o", "x.wav", "--unit", "parsec"), "unknown unit"),
        (("spectrogram", "RUN", "-o", "x.npz", "--df", "-3"), "df is -3"),
        (("spectrogram", "RUN", "-o", "x.npz", "--window", "round"), "expected a scipy window"),
        (("train", "nosuch.yaml"), "no such config"),
        (("evaluate", "RUN", "RUN", "--orders", "two"), "expected numbers with commas"),
        (("synth", "-o", "x.wav", "--duration", "0"), "expected a duration"),
    ],
)
def test_user_errors_give_one_line_and_no_traceback(
    tmp_path, recording, capsys, monkeypatch, args, words
):
    monkeypatch.chdir(tmp_path)
    args = tuple(recording if a == "RUN" else a for a in args)
    code, _, err = run(capsys, *args)
    assert code == 1
    assert words in err and "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.wav", "run.wav.json"]


def test_config_error_names_the_nearest_key(tmp_path, capsys):
    text = (ROOT / "configs" / "map.yaml").read_text().replace("n_feats", "n_feat")
    path = tmp_path / "typo.yaml"
    path.write_text(text)
    code, _, err = run(capsys, "train", path)
    assert code == 1 and "model.n_feat: unknown key; did you mean n_feats?" in err


def test_readme_and_ci_run_the_same_test_command():
    command = "python -m pytest"
    readme = (ROOT / "README.md").read_text()
    assert f".venv/bin/{command}\n" in readme  # no options: all but the slow tests
    assert """"$bin/python" -m pytest -m "" --cov""" in (ROOT / ".ci" / "run").read_text()


def test_speed_table_is_used_for_a_map(tmp_path, recording, capsys):
    code, _, _ = run(capsys, "upscale", recording, "--pair", "pool", "--scale", 4,
                   "-o", tmp_path / "own.npz")  # fmt: skip
    assert code == 0
    table = tmp_path / "rpm.csv"
    table.write_text("time,rpm\n0,1500\n10,1500\n")
    low = tmp_path / "low.npz"
    specsr.write_map(
        low, pool(spectrogram(specsr.read(recording), n_fft=2048, hop_length=256), 4, 4)
    )
    code, _, err = run(capsys, "upscale", low, "--rpm", table, "--scale", 4,
                      "-o", tmp_path / "high.npz")  # fmt: skip
    # the recording runs up: a constant speed is not its own
    assert code == 0 and "speed found in the map, in place of the given one: " in err
    high = specsr.read_map(tmp_path / "high.npz")
    assert high.rpm_source == "found" and not np.allclose(high.rpm, 1500.0)
    code, _, err = run(capsys, "upscale", recording, "--rpm", table, "-o", tmp_path / "x.wav")
    assert code != 0 and "the speed of a recording is for --orders" in err
    table.write_text("nothing\n")
    code, _, err = run(capsys, "upscale", low, "--rpm", table, "-o", tmp_path / "y.npz")
    assert code != 0 and "rpm.csv" in err
