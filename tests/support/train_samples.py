"""Maps to train on, and the tensors of a checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def noise_map(seed: int, rows: int, frames: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10, (rows, frames)).astype(np.float16)


def tensors(value: Any, at: str = "") -> dict[str, torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return {at: value}
    if isinstance(value, dict):
        return {k: v for key, sub in value.items() for k, v in tensors(sub, f"{at}/{key}").items()}
    return {}
