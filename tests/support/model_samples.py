"""A model with random weights for the tests of its file."""

from __future__ import annotations

from typing import Any

import torch

from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model
from specsr.models.network import build

SMALL = {"n_resblocks": 1, "n_feats": 4, "in_channels": 1, "out_channels": 1, "mean": (3.0,)}


CONFIGS = [
    EDSRConfig(scale=(2, 3), std=20.0, input_skip=True, res_scale=0.1, **SMALL),
    EDSRConfig(scale=(1, 1), fold=(4, 2), **SMALL),
    EDSRConfig(scale=(2, 2), batch_norm=True, **SMALL),
    MDSRConfig(scales=((2, 2), (4, 1)), **SMALL),
]


def model(config: EDSRConfig | MDSRConfig = CONFIGS[0], **changes: Any) -> Model:
    torch.manual_seed(0)
    options: dict[str, Any] = {
        "name": "demo",
        "net": build(config).eval(),
        "pair": "pool",
        "grids": (Analysis(512, 128, "hann"),),
        "rates": (8000.0, 51200.131),
        "level_range_db": 100.0,
        "record": {"steps": 3, "seed": 0, "note": "µ"},
    }
    return Model(**{**options, **changes})
