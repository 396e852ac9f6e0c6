"""A small untrained model of the pair ``windows``."""

from __future__ import annotations

import torch

from specsr.models.config import EDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model
from specsr.models.network import build
from specsr.pairs.windows_input import CHANNELS, STEP


def windows_model(seed: int = 0) -> Model:
    """Return a model of random weights."""
    torch.manual_seed(seed)
    config = EDSRConfig(
        scale=(1, 1), n_resblocks=1, n_feats=4, in_channels=CHANNELS, out_channels=1, mean=(0.0,),
        std=20.0, fold=(4, 2), input_skip=True, uncertainty=True,
    )  # fmt: skip
    net = build(config).eval()
    grids = (Analysis(512, 512 // STEP),)
    return Model("tiny", net, "windows", grids, (2000.0, 2000.0), 100.0)
