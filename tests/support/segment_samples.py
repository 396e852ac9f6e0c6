"""A recording and untrained models for the tests of processing in segments."""

from __future__ import annotations

import numpy as np
import torch

from specsr.models.config import EDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model
from specsr.models.network import build
from specsr.models.options import InferOptions
from specsr.pairs.band_input import CHANNELS
from specsr.signal import Signal

RATE = 24000.0
OPTIONS = InferOptions(segment=0.5)
GRID = Analysis(512, 128)


def noise(seconds: float, channels: int = 2, rate: float = RATE, **options) -> Signal:
    """Noise of rising level and a tone, different in each channel."""
    rng = np.random.default_rng(3)
    t = np.arange(int(seconds * rate)) / rate
    made = 0.02 * rng.standard_normal((channels, t.size)) * (1 + t / seconds)
    made += 0.2 * np.sin(2 * np.pi * 440 * t) * (1 + np.arange(channels))[:, None]
    return Signal(made.astype(np.float32), rate, **options)


def tiny(pair: str) -> Model:
    """An untrained model of one residual block."""
    torch.manual_seed(1)
    config = EDSRConfig(
        scale=(1, 1), n_resblocks=1, n_feats=4, in_channels=CHANNELS if pair == "band" else 1,
        out_channels=1, mean=(0.0,), std=20.0, fold=(2, 2), input_skip=True,
    )  # fmt: skip
    return Model("tiny", build(config).eval(), pair, (GRID,), (16000.0, 48000.0), 0.0, {})
