"""``specsr train``: what a run would do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from support.command import run
from support.tiny_config import config


def test_a_dry_run_prints_data_size_and_time_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "real").mkdir()
    samples = 0.1 * np.random.default_rng(0).standard_normal((4000, 2))
    soundfile.write(tmp_path / "real" / "a.wav", samples, 8000)
    data = {"synth": {"count": 3}, "real": {"folders": [str(tmp_path / "real")]}}
    options = config(tmp_path, data={**data, "cache": str(tmp_path / "cache")})
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(options.model_dump(mode="json")))
    code, out, err = run(capsys, "train", path, "--dry-run", "-o", tmp_path / "run")
    assert code == 0, err
    assert "tiny: 3 synthetic machines, 2 examples of 1 real recordings" in out + err
    assert "parameters" in out + err and "12 steps take 0.0 h" in out + err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["real", "tiny.yaml"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.start=none.safetensors", "none.safetensors: no such model file"),
        ("train.start=mapp", "no such model file; `specsr models` lists"),
        ("train.batch=1000000000", "train.batch 1000000000"),
        ("train.patch=[1000000, 1000000]", "GB are free"),
        ("train.device=gpu7", "device is 'gpu7'"),
        ("grids=[{n_fft: 64, hop_length: 32, window: hanning9}]", "hanning9"),
    ],
)
@pytest.mark.parametrize("flags", [["--dry-run"], []], ids=["dry run", "run"])
def test_what_a_run_cannot_have_is_one_line_before_its_data_is_prepared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], override: str, words: str, flags: list[str]
) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(config(tmp_path).model_dump(mode="json")))
    code, out, err = run(capsys, "train", path, override, *flags, "-o", tmp_path / "run")
    assert code == 1 and words in err and len(err.strip().splitlines()) == 1, out + err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny.yaml"]
