"""A small untrained model of the pair ``speckle``."""

from __future__ import annotations

import torch

from specsr.models.config import EDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model
from specsr.models.network import build


def speckle_model(seed: int = 0) -> Model:
    """Return a model of random weights that takes maps of any grid."""
    torch.manual_seed(seed)
    config = EDSRConfig(
        scale=(1, 1), n_resblocks=1, n_feats=4, in_channels=2, out_channels=1, mean=(0.0,),
        std=20.0, fold=(2, 2), input_skip=True, uncertainty=True,
    )  # fmt: skip
    net = build(config).eval()
    return Model("tiny", net, "speckle", (Analysis(64, 16),), (2000.0, 2000.0), 100.0)
