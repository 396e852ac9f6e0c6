"""Training on images: batches of aligned crops, and validation by PSNR."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.images.metrics import FLOAT, score
from specsr.images.pixels import to_float, to_pixels
from specsr.images.sets import ImagePair, find_pairs, load_pair
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.progress import Progress
from specsr.train.batch import Batch, synthetic
from specsr.train.config import Config
from specsr.train.draws import place_rng, shared

log = logging.getLogger(__name__)


class ImageCrops(torch.utils.data.Dataset):
    """Batches of aligned crops: item ``step`` is a `Batch`, a function of the step.

    input [batch, C, patch], target [batch, C, patch x scale], in 0..255, with random flips and
    quarter turns: uint8 where all images are 8-bit RGB and the network takes that, otherwise
    float32.  All crops of a batch have one scale, drawn for each step (as MDSR is
    trained), and its patch of ``train.patches``.  Every place of every image is equally likely.

    Args:
        pairs: images, high and low.
        config: options of the run.
        steps: number of batches.
        share: (i, n): items are the i-th of n parts of a batch, which is divisible by n.

    Raises:
        SpecsrError: no image is as large as a patch.
    """

    def __init__(
        self, pairs: list[ImagePair], config: Config, steps: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        self.config, self.steps = config, steps
        self.share = shared(config.train.batch, share)
        self.scales = [scale[0] for scale in config.pair.scales]
        train = config.train
        self.patches = dict(zip(self.scales, train.patches or [train.patch] * len(self.scales)))
        self.pixels = config.model.channels == 3 and all(
            side.dtype == np.uint8 and side.shape[2:] == (3,)
            for pair in pairs
            for side in (pair.high, *pair.low.values())
        )
        self.pairs: dict[int, list[ImagePair]] = {}
        self.weights: dict[int, np.ndarray] = {}
        for scale in self.scales:
            side = max(self.patches[scale])  # quarter turns swap rows and columns
            fit = [pair for pair in pairs if min(pair.low[scale].shape[:2]) >= side]
            if not fit:
                raise SpecsrError(
                    f"no image is as large as a patch of {side} x {side} at x{scale}: lower "
                    f"train.patch, or use images of at least {side * scale} x {side * scale}"
                )
            if len(fit) < len(pairs):
                log.info(
                    "x%d: %d images left out, smaller than a patch", scale, len(pairs) - len(fit)
                )
            areas = np.array([pair.high.shape[0] * pair.high.shape[1] for pair in fit], float)
            self.pairs[scale], self.weights[scale] = fit, areas / areas.sum()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        if not 0 <= step < self.steps:  # ends a for loop over the batches
            raise IndexError(step)
        train = self.config.train
        rng = np.random.default_rng([train.seed, step])
        shares = np.array(train.scale_weights or [1.0] * len(self.scales))
        scale = int(rng.choice(self.scales, p=shares / shares.sum()))
        pairs = self.pairs[scale]
        chosen = rng.choice(len(pairs), train.batch, p=self.weights[scale])
        crops = [
            self.crop(pairs[chosen[i]], scale, place_rng(train.seed, step, i)) for i in self.share
        ]
        low, high = (torch.from_numpy(np.stack(side)) for side in zip(*crops))
        return synthetic(low, high, (scale, scale))

    def crop(
        self, pair: ImagePair, scale: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return input and target of one crop, with the same flips and quarter turn."""
        low, channels = pair.low[scale], self.config.model.channels
        rows, columns = self.patches[scale]
        mirror_rows, mirror_columns, turn = rng.random(3) < 0.5
        if turn:
            rows, columns = columns, rows
        top = int(rng.integers(low.shape[0] - rows + 1))
        left = int(rng.integers(low.shape[1] - columns + 1))
        sides = []
        for image, s in ((low, 1), (pair.high, scale)):
            piece = image[top * s : (top + rows) * s, left * s : (left + columns) * s]
            # pixels become float32 on the device, a quarter of the memory to copy until then
            piece = piece.transpose(2, 0, 1) if self.pixels else to_float(piece, channels)
            piece = piece[:, ::-1] if mirror_rows else piece
            piece = piece[:, :, ::-1] if mirror_columns else piece
            sides.append(np.ascontiguousarray(piece.swapaxes(1, 2) if turn else piece))
        return sides[0], sides[1]


def load_training(config: Config, progress: Progress) -> tuple[list[ImagePair], list[ImagePair]]:
    """Return the images for training and those for validation.

    The latter are the first ``train.hold_out`` of ``data.validate_on``, or, without such folders,
    as many images spread over ``data.folders``, which are then left out of training.

    Raises:
        SpecsrError: as `find_pairs` and `load_pair`.
    """
    scales = [scale[0] for scale in config.pair.scales]

    def load(folders: list[str], split: str) -> list[ImagePair]:
        files = [f for folder in folders for f in find_pairs(folder, scales, split)]
        return [load_pair(f, scales, config.data.cache) for f in progress(files)]

    seen = load(config.data.folders, "train")
    count = config.train.hold_out
    if config.data.validate_on:
        return seen, load(config.data.validate_on, "valid")[:count]
    if len(seen) == 1:
        return seen, seen
    count = max(1, min(count, len(seen) // 8))
    places = set(range(0, len(seen), len(seen) // count)[:count])
    held = [pair for i, pair in enumerate(seen) if i in places]
    return [pair for i, pair in enumerate(seen) if i not in places], held


def mean_psnr(net: Any, pairs: list[ImagePair], device: str) -> float:
    """Return the mean PSNR in dB over images and scales, by the protocol ``float``."""
    channels = net.config.in_channels
    values = []
    for pair in pairs:
        for scale in net.scales:
            low = torch.from_numpy(np.ascontiguousarray(to_float(pair.low[scale[0]], channels)))
            estimate = to_pixels(run_tiled(net, low, scale, InferOptions(device=device)))
            rows, columns = estimate.shape[:2]
            wanted = to_pixels(to_float(pair.high[:rows, :columns], channels))
            values.append(score(estimate, wanted, scale[0], FLOAT)[0])
    return float(np.mean(values))
