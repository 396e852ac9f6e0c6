"""A training run of seconds, to be changed section by section."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specsr.train.config import Config


def config(tmp_path: Path, **sections: Any) -> Config:
    """A run of seconds: three short synthetic run-ups, a network of a few hundred weights."""
    tree: dict[str, Any] = {
        "name": "tiny",
        "grids": [{"n_fft": 64, "hop_length": 32}],
        "pair": {"kind": "pool", "scales": [2]},
        "model": {"n_resblocks": 1, "n_feats": 4},
        "data": {
            "synth": {"count": 3, "duration": 0.6, "rates": [8000.0]},
            "cache": str(tmp_path / "cache"),
        },
        "train": {
            "steps": 12, "batch": 2, "patch": [8, 8], "warmup": 2, "workers": 0, "device": "cpu",
            "save_every": 4, "validate_every": 6, "hold_out": 1,
        },
    }  # fmt: skip
    for name, changes in sections.items():
        tree[name] = {**tree[name], **changes} if isinstance(changes, dict) else changes
    return Config.model_validate(tree)


def nine_steps(tmp_path: Path, **changes: Any) -> Config:
    """Nine steps; checkpoints and validations that meet only now and then."""
    options = {
        "steps": 9, "save_every": 2, "validate_every": 3, "patch": [4, 4], "batch": 2, **changes
    }  # fmt: skip
    return config(tmp_path, train=options)
