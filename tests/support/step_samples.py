"""Options, examples and crops of every pair, for steps of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from specsr.images.sets import ImagePair
from specsr.pairs.noise_input import CHANNELS
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import Example
from specsr.train.images import ImageCrops
from specsr.train.noise_maps import TARGETS
from specsr.train.processes import Alone
from support.tiny_config import config
from support.train_samples import noise_map

KINDS = ["pool", "stft", "band", "denoise", "speckle", "windows", "noise", "image"]


NOISY = ("denoise", "noise")


META, CPU = Alone(torch.device("meta")), Alone(torch.device("cpu"))


def run_of(kind: str, name: str, **train: Any) -> Config:
    """Every option that adds tensors to a step of a pair."""
    scales = {"pool": [2, 3], "stft": [2], "image": [2, 3]}.get(kind, [1])
    scales = scales if name == "mdsr" else scales[:1]
    real = kind in ("pool", "speckle")
    folders = ["images"] if kind == "image" else []
    hop = 2 if kind == "windows" else 32
    loss = "waveform" if kind == "noise" else "itakura-saito+l2"
    return config(
        Path(),
        grids=[{"n_fft": 64, "hop_length": hop}],
        pair={"kind": kind, "scales": scales, "snr": [0, 1] if kind in NOISY else None},
        model={"name": name, "uncertainty": True, "order_input": kind == "pool"},
        data={"synth": {"count": 0 if folders else 2}, "folders": folders,
              "real": {"folders": ["x"] if real else []}},
        train={"batch": 8, "patch": [4, 4], "places": 2, "loss": loss, **train},
    )  # fmt: skip


def examples_of(options: Config) -> list[Example]:
    """Two of known power; where the pair takes them, two real ones."""
    kind, scale = options.pair.kind, options.pair.scales[0][0]
    factor = 1 if kind == "pool" else scale
    found = []
    for i, low in enumerate(noise_map(i, 32, 50 + i) for i in range(4)):
        high = np.repeat(np.repeat(low, factor, 0), factor, 1)
        if options.pair.kind == "windows":
            low = np.concatenate([low, low, low])
        if kind == "noise":
            low, high = np.concatenate([low] * CHANNELS), np.concatenate([low] * TARGETS)
        speed = np.linspace(5, 60, 50 + i).astype(np.float32)
        real = bool(options.data.real.folders) and i > 1
        found.append(Example(low, high, 20, 100.0, speed, real=real, overlap=4.0))
    return found


def crops_of(options: Config, steps: int) -> Crops | ImageCrops:
    if options.pair.kind != "image":
        return Crops(examples_of(options), options, steps)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (36, 48, 3), dtype=np.uint8) for _ in range(2)]
    scales = [s for s, _ in options.pair.scales]
    pairs = [ImagePair(str(i), h, {s: h[::s, ::s] for s in scales}) for i, h in enumerate(images)]
    return ImageCrops(pairs, options, steps)
