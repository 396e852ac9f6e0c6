"""Random draws of the crops of a batch: a function of seed and step, on the CPU.

The draws depend on the sizes of the maps, not on their values, so the crops themselves can be cut
on any device.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.pairs.noise_input import CHANNELS as NOISE_CHANNELS
from specsr.pairs.windows_input import RATIOS
from specsr.train.config import Config
from specsr.train.examples import Example


class Draws(NamedTuple):
    """Places and augmentation of the crops of one batch.

    Attributes:
        which: index of the example, int64 [B].
        places: first row and column of each place that is tried, in cells of ``Example.low``,
            int64 [B, train.places, 2].
        known: whether the speed is an input, or for ``band`` the top of the spectrum, bool [B].
        reverse: whether time is reversed, bool [B].
        shift: added to the levels, dB, float32 [B].
        scale: (s_f, s_t).
    """

    which: torch.Tensor
    places: torch.Tensor
    known: torch.Tensor
    reverse: torch.Tensor
    shift: torch.Tensor
    scale: tuple[int, int]


def shared(batch: int, share: tuple[int, int]) -> range:
    """Return the places in a batch of the i-th of n processes; ``share`` is (i, n)."""
    each = batch // share[1]
    return range(share[0] * each, (share[0] + 1) * each)


def place_rng(seed: int, step: int, place: int) -> np.random.Generator:
    """Return the generator for one place in one batch, the same in every process."""
    # places from 1 on: NumPy ignores zeros at the end of a seed
    return np.random.default_rng([seed, step, place + 1])


class CropDraws(torch.utils.data.Dataset):
    """Draws by step: item ``step`` is a `Draws`.

    All crops of a batch have one scale, drawn for each step (as MDSR is trained).  Where some
    examples are real, ``data.real.share`` of the crops are drawn from them.

    Args:
        examples: prepared maps, of which only sizes and marks are kept.
        config: options of the run.
        steps: number of batches.
        share: (i, n): items are the i-th of n parts of a batch, which is divisible by n.

    Attributes:
        weights: probability of each example.
        patch: rows and columns of a crop of the input.
    """

    def __init__(
        self, examples: list[Example], config: Config, steps: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        self.config, self.steps = config, steps
        self.share = shared(config.train.batch, share)
        # several inputs lie one above the other
        maps = {"windows": len(RATIOS), "noise": NOISE_CHANNELS}.get(config.pair.kind, 1)
        self.sizes = [(e.low.shape[0] // maps, e.low.shape[1]) for e in examples]
        self.has_speed = [example.rotation_hz is not None for example in examples]
        self.patch = _patch(config, min(rows for rows, _ in self.sizes))
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

    def __getitem__(self, step: int) -> Draws:
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
        chosen = rng.choice(len(self.sizes), train.batch, p=self.weights)
        return self.stacked(
            [int(chosen[i]) for i in self.share], scale,
            [place_rng(train.seed, step, i) for i in self.share],
        )  # fmt: skip

    def stacked(
        self, which: list[int], scale: tuple[int, int], rngs: list[np.random.Generator]
    ) -> Draws:
        """Return the draws of crops of some examples, each with a generator of its own.

        Raises:
            SpecsrError: a map has fewer rows than the patch.
        """
        rows = [self._one(index, scale, rng) for index, rng in zip(which, rngs)]
        places, known, reverse, shift = zip(*rows)
        return Draws(
            torch.tensor(which), torch.tensor(places), torch.tensor(known), torch.tensor(reverse),
            torch.tensor(shift, dtype=torch.float32), scale,
        )  # fmt: skip

    def _one(
        self, which: int, scale: tuple[int, int], rng: np.random.Generator
    ) -> tuple[list[tuple[int, int]], bool, bool, float]:
        """Return places, known, reverse and shift of one crop."""
        train, kind = self.config.train, self.config.pair.kind
        high, wide = self.sizes[which]
        rows, frames = self.patch
        low_f, low_t = scale if kind == "pool" else (1, 1)
        if rows * low_f > high:
            raise SpecsrError(
                f"train.patch needs {rows * low_f} rows, but a map has {high}: "
                "lower train.patch, or raise n_fft"
            )
        places = [
            (
                int(rng.integers(0, high // low_f * low_f - rows * low_f + 1)),
                int(rng.integers(0, max(1, wide - frames * low_t + 1))),
            )
            for _ in range(train.places)
        ]
        if train.lowest_share and rng.random() < train.lowest_share:
            places = [(0, column) for _, column in places]
        known = False
        if self.config.model.order_input and self.has_speed[which]:
            known = rng.random() < train.order_input_share
        if kind == "band" and train.top_share:
            known = rng.random() < train.top_share
        # a coarse frame is centred on its first fine frame; reversed, it would be on the last
        reversible = kind != "stft" or scale[1] == 1
        reverse = train.reverse and reversible and rng.random() < 0.5
        return places, known, reverse, float(rng.uniform(-train.level_shift, train.level_shift))


def _patch(config: Config, map_rows: int) -> tuple[int, int]:
    """Return rows and columns of a crop of the input, of maps with at least so many rows."""
    rows, frames = config.train.patch
    if config.pair.kind == "denoise":
        rows = min(rows, map_rows)
    if config.pair.kind == "band":  # the cut is a row of the whole map
        rows = map_rows
    return rows, frames
