"""Small networks with random weights, and their result in one piece."""

from __future__ import annotations

import torch

from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.models.network import build

SMALL = {
    "n_resblocks": 1, "n_feats": 4, "in_channels": 1, "out_channels": 1, "mean": (0.0,),
    "std": 20.0, "input_skip": True,
}  # fmt: skip


SCALES = ((2, 2), (3, 3), (4, 4), (4, 1), (1, 3))


def made(config: EDSRConfig | MDSRConfig) -> EDSR | MDSR:
    torch.manual_seed(1)
    return build(config).eval()


PLAIN = {scale: made(EDSRConfig(scale=scale, **SMALL)) for scale in (*SCALES, (1, 1))}


FOLDED = {
    ((1, 1), (2, 2)): made(EDSRConfig(scale=(1, 1), fold=(2, 2), **SMALL)),
    ((1, 1), (8, 2)): made(EDSRConfig(scale=(1, 1), fold=(8, 2), **SMALL)),
    ((2, 3), (3, 4)): made(EDSRConfig(scale=(2, 3), fold=(3, 4), **SMALL)),
}


MULTI = made(MDSRConfig(scales=SCALES, **SMALL))


def whole(net: EDSR | MDSR, image: torch.Tensor, scale: tuple[int, int]) -> torch.Tensor:
    """In one piece, the last cells repeated up to whole folds and cut off again."""
    fold = getattr(net.config, "fold", (1, 1))
    rows, columns = image.shape[1:]
    row = torch.arange(-(-rows // fold[0]) * fold[0]).clamp(max=rows - 1)
    column = torch.arange(-(-columns // fold[1]) * fold[1]).clamp(max=columns - 1)
    with torch.no_grad():
        out = net(image[:, row][:, :, column][None], scale)[0]
    return out[:, : rows * scale[0], : columns * scale[1]]
