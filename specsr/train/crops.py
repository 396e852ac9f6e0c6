"""Batches of aligned crops from prepared maps: drawn, pooled and augmented."""

from __future__ import annotations

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.pooling import pool_power
from specsr.pairs.band_input import band_image
from specsr.pairs.order_input import order_channels
from specsr.pairs.speckle_input import speckle_image
from specsr.train.batch import Batch
from specsr.train.config import Config
from specsr.train.examples import Example


def shared(batch: int, share: tuple[int, int]) -> range:
    """Return the places in a batch of the i-th of n processes; ``share`` is (i, n)."""
    each = batch // share[1]
    return range(share[0] * each, (share[0] + 1) * each)


def place_rng(seed: int, step: int, place: int) -> np.random.Generator:
    """Return the generator for one place in one batch, the same in every process."""
    # places from 1 on: NumPy ignores zeros at the end of a seed
    return np.random.default_rng([seed, step, place + 1])


class Crops(torch.utils.data.Dataset):
    """Batches of aligned crops: item ``step`` is a `Batch`, a function of the step.

    input [batch, C, patch], target [batch, 1, patch x scale], float32, dB relative to the median
    level of the map.  All crops of a batch have one scale, drawn for each step (as MDSR is
    trained).  Where some examples are real, ``data.real.share`` of the crops are drawn from them.

    Args:
        examples: prepared maps.
        config: options of the run.
        steps: number of batches.
        share: (i, n): items are the i-th of n parts of a batch, which is divisible by n.
    """

    def __init__(
        self, examples: list[Example], config: Config, steps: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        self.examples, self.config, self.steps = examples, config, steps
        self.share = shared(config.train.batch, share)
        sizes = np.array([e.high.shape[1] for e in examples], dtype=float)
        weights = np.sqrt(sizes) * [e.weight for e in examples]
        self.weights = weights / weights.sum()
        real = np.array([e.real for e in examples])
        if real.any() and not real.all():
            for kind, part in ((real, config.data.real.share), (~real, 1 - config.data.real.share)):
                self.weights[kind] *= part / self.weights[kind].sum()
            self.weights /= self.weights.sum()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        if not 0 <= step < self.steps:  # ends a for loop over the batches
            raise IndexError(step)
        train = self.config.train
        rng = np.random.default_rng([train.seed, step])
        scales = self.config.pair.scales
        if train.scale_weights:
            shares = np.array(train.scale_weights) / sum(train.scale_weights)
            scale = scales[int(rng.choice(len(scales), p=shares))]
        else:
            scale = scales[int(rng.integers(len(scales)))]
        chosen = rng.choice(len(self.examples), train.batch, p=self.weights)
        pairs = [
            self.crop(self.examples[chosen[i]], scale, place_rng(train.seed, step, i))
            for i in self.share
        ]
        low, high = (torch.from_numpy(np.stack(side)) for side in zip(*pairs))
        real = torch.tensor([self.examples[chosen[i]].real for i in self.share])
        return Batch(low, high, scale, real)

    def crop(
        self, example: Example, scale: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return input [C, patch] and target [1, patch x scale] of one crop, augmented by `rng`.

        Augmentation: time reversal and a level shift.

        Raises:
            SpecsrError: the map has fewer rows than the patch.
        """
        kind, train = self.config.pair.kind, self.config.train
        rows, frames = train.patch
        s_f, s_t = scale
        if kind == "denoise":
            rows = min(rows, example.low.shape[0])
        if kind == "band":  # the cut is a row of the whole map
            rows = example.low.shape[0]
        fine = kind == "pool"
        low_f, low_t = (s_f, s_t) if fine else (1, 1)
        if rows * low_f > example.low.shape[0]:
            raise SpecsrError(
                f"train.patch needs {rows * low_f} rows, but a map has {example.low.shape[0]}: "
                "lower train.patch, or raise n_fft"
            )
        places = [
            (
                int(rng.integers(0, example.low.shape[0] // low_f * low_f - rows * low_f + 1)),
                int(rng.integers(0, max(1, example.low.shape[1] - frames * low_t + 1))),
            )
            for _ in range(train.places)
        ]

        def spread(place: tuple[int, int]) -> float:
            at = place if fine else (place[0] * s_f, place[1] * s_t)
            return float(_cut(example.high, *at, rows * s_f, frames * s_t).std())

        top, left = max(places, key=spread) if len(places) > 1 else places[0]
        low = _cut(example.low, top, left, rows * low_f, frames * low_t)
        top, left = (top, left) if fine else (top * s_f, left * s_t)
        high = _cut(example.high, top, left, rows * s_f, frames * s_t)
        if fine and scale != (1, 1):
            low = levels.to_db(pool_power(10 ** (low.astype(np.float64) / 10), s_f, s_t))
        # a coarse frame is centred on its first fine frame; reversed, it would be on the last
        reversible = kind != "stft" or s_t == 1
        orders = None
        if self.config.model.order_input:
            orders = self._order_channels(example, scale, (top, left), rng)
        if train.reverse and reversible and rng.random() < 0.5:
            low, high = low[:, ::-1], high[:, ::-1]
            orders = orders[..., ::-1] if orders is not None else None
        shift = np.float32(rng.uniform(-train.level_shift, train.level_shift))
        low, high = low + shift, high + shift
        image = band_image(low, example.cut, example.df) if kind == "band" else low[None]
        if kind == "speckle":
            image = speckle_image(low, example.overlap)
        if orders is not None:
            image = np.concatenate([image, orders])
        return np.ascontiguousarray(image), np.ascontiguousarray(high[None])

    def _order_channels(
        self, example: Example, scale: tuple[int, int], place: tuple[int, int],
        rng: np.random.Generator,
    ) -> np.ndarray:  # fmt: skip
        """Return the order channels of one crop; without the speed for some, drawn by ``rng``."""
        rows, frames = self.config.train.patch
        (s_f, s_t), (top, left) = scale, place
        centres = (top + np.arange(rows) * s_f + (s_f - 1) / 2) * example.df
        rotation_hz = np.zeros(frames)
        if example.rotation_hz is not None and rng.random() < self.config.train.order_input_share:
            fine = _cut(example.rotation_hz[None], 0, left, 1, frames * s_t)[0]
            rotation_hz = fine.reshape(frames, s_t)[:, s_t // 2].astype(np.float64)
        return order_channels(centres, s_f * example.df, rotation_hz)


def _cut(map_: np.ndarray, top: int, left: int, rows: int, frames: int) -> np.ndarray:
    """Return a crop as float32; a map shorter than the crop is continued mirrored in time."""
    piece = map_[top : top + rows, left : left + frames].astype(np.float32)
    if piece.shape[1] < frames:
        piece = np.pad(piece, ((0, 0), (0, frames - piece.shape[1])), mode="symmetric")
    return piece
