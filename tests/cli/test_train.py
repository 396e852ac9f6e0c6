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
