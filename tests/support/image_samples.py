"""Images and small models for the tests of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from specsr.images.imresize import imresize
from specsr.io.image import write_image
from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.models.model import Model


def photo(rows: int = 40, columns: int = 36, seed: int = 0) -> np.ndarray:
    """Return smooth colours with edges, uint8 [rows, columns, 3]."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (rows // 8 + 1, columns // 8 + 1, 3), dtype=np.uint8)
    image = imresize(small, 8)[:rows, :columns].copy()
    image[rows // 3 : rows // 2, columns // 4 :] //= 2
    return image


def write_sets(folder: Path) -> Path:
    """Write two sets of two images, and one of DIV2K, into a folder, and return it."""
    for name in ("Set5", "Other"):
        for i in range(2):
            write_image(folder / name / "HR" / f"{i}.png", photo(seed=i))
    write_image(folder / "DIV2K" / "DIV2K_valid_HR" / "0801.png", photo(64, 60))
    return folder


def model(scales=(2,), channels: int = 3, name: str = "tiny") -> Model:
    """Return a small untrained image model."""
    torch.manual_seed(3)
    size = {"n_resblocks": 2, "n_feats": 8, "std": 64.0, "input_skip": True}
    size |= {"in_channels": channels, "out_channels": channels}
    size["mean"] = (0.4 * 255,) * channels
    pairs = tuple((s, s) for s in scales)
    net = (
        MDSR(MDSRConfig(scales=pairs, **size))
        if len(scales) > 1
        else EDSR(EDSRConfig(scale=pairs[0], **size))
    )
    return Model(name, net.eval(), "image", (), (0.0, 0.0), 0.0)
