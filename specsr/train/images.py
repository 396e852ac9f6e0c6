"""Images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.images.metrics import FLOAT, score
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.train.crops import place_rng, shared

if TYPE_CHECKING:
    from specsr.train.config import Config
from specsr.images.pixels import to_float, to_pixels
from specsr.images.sets import ImagePair, find_pairs, load_pair, log


class ImageCrops(torch.utils.data.Dataset):
    """Batches of aligned crops: item ``step`` is (input, target, scale), the same every time.

    input [batch, C, patch], target [batch, C, patch x scale], float32 in 0..255, flipped and
    turned by quarters at random.  One scale a batch, drawn anew each step (as MDSR is trained),
    with the patch that ``train.patches`` gives it; every place of every image is equally likely.
    With ``share`` (i, n) an item holds the i-th of n parts of the batch, which is divisible by n.
    """

    def __init__(
        self, pairs: list[ImagePair], config: Config, steps: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        self.config, self.steps = config, steps
        self.share = shared(config.train.batch, share)
        self.scales = [scale[0] for scale in config.pair.scales]
        train = config.train
        self.patches = dict(zip(self.scales, train.patches or [train.patch] * len(self.scales)))
        self.pairs: dict[int, list[ImagePair]] = {}
        self.weights: dict[int, np.ndarray] = {}
        for scale in self.scales:
            side = max(self.patches[scale])  # quarter turns need room both ways
            fit = [pair for pair in pairs if min(pair.low[scale].shape[:2]) >= side]
            if not fit:
                raise SpecsrError(
                    f"no image holds a patch of {side} x {side} at x{scale}: lower train.patch, or "
                    f"give images of at least {side * scale} x {side * scale}"
                )
            if len(fit) < len(pairs):
                log.info("x%d: %d images are too small, left out", scale, len(pairs) - len(fit))
            areas = np.array([pair.high.shape[0] * pair.high.shape[1] for pair in fit], float)
            self.pairs[scale], self.weights[scale] = fit, areas / areas.sum()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
        if not 0 <= step < self.steps:  # also what ends a for loop over the batches
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
        return low, high, (scale, scale)

    def crop(
        self, pair: ImagePair, scale: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut one aligned crop; flips and quarter turns hit both images alike."""
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
            piece = to_float(piece, channels)
            piece = piece[:, ::-1] if mirror_rows else piece
            piece = piece[:, :, ::-1] if mirror_columns else piece
            sides.append(np.ascontiguousarray(piece.swapaxes(1, 2) if turn else piece))
        return sides[0], sides[1]


def load_training(
    config: Config, progress: Callable[[Any], Any]
) -> tuple[list[ImagePair], list[ImagePair]]:
    """Return the images to train on and those to validate on.

    The latter are the first ``train.hold_out`` of ``data.validate``, or, without such folders, as
    many images spread over ``data.folders``, which are then not trained on.
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
    """Mean PSNR in dB over images and scales: luma in floating point, border of the scale."""
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
