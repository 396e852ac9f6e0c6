"""Batches of aligned crops from prepared maps: gathered, pooled and augmented on any device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from specsr.pairs.band_input import FULL, GIVEN, SOUGHT
from specsr.pairs.band_input import PARTS as BAND_PARTS
from specsr.pairs.noise_input import CHANNELS as NOISE_CHANNELS
from specsr.pairs.order_input import COMBS, HEIGHT, PARTS, teeth
from specsr.pairs.windows_input import RATIOS
from specsr.train.batch import Batch
from specsr.train.config import Config
from specsr.train.draws import CropDraws, Draws
from specsr.train.examples import Example
from specsr.train.losses import pool_db
from specsr.train.noise_maps import TARGETS
from specsr.train.store import Places, Store

UNKNOWN = -1
"""Stands for the top of a spectrum that is not known."""


class Cutter:
    """Function that makes a `Batch` from `Draws`, on the device of the maps.

    input [batch, C, patch], target [batch, 1, patch x scale], float32, dB relative to the median
    level of the map.  Its work depends on shapes alone, so it may be part of a recorded step.

    Args:
        store: the maps.
        config: options of the run.
        patch: rows and columns of a crop of the input.
    """

    def __init__(self, store: Store, config: Config, patch: tuple[int, int]) -> None:
        self.store, self.config, self.patch = store, config, patch

    def __call__(self, draws: Draws) -> Batch:
        """Return the crops of one batch."""
        store, kind = self.store, self.config.pair.kind
        scale = (draws.scale[0], draws.scale[1])  # a DataLoader makes a list of it
        which, places, known, reverse, shift = (
            x.to(store.levels.device, non_blocking=True) for x in draws[:5]
        )
        fine = kind == "pool"  # both sides are cut from the fine grid, `low` is pooled then
        wide = [n * s for n, s in zip(self.patch, scale)]
        to_high = [1, 1] if fine else list(scale)
        tried = [
            store.maps(store.high, which, _times(place, to_high), (wide[0], wide[1]), reverse)
            for place in places.unbind(1)
        ]
        first, high = places[:, 0], tried[0]
        if len(tried) > 1:  # the place with the largest level differences
            best = torch.stack([crop.std((1, 2), correction=0) for crop in tried]).argmax(0)
            batch = torch.arange(len(which), device=best.device)
            first, high = places[batch, best], torch.stack(tried, 1)[batch, best]
        size = (wide[0], wide[1]) if fine else self.patch
        if kind == "windows":
            return self._windows(which, first, high, reverse, shift)
        if kind == "noise":
            low, high = (
                self._stack(side, count, which, first, reverse)
                for side, count in ((store.low, NOISE_CHANNELS), (store.high, TARGETS))
            )
            return Batch(low, high, (1, 1), store.real[which])
        low = store.maps(store.low, which, first, size, reverse)
        if fine and scale != (1, 1):
            low = pool_db(low[:, None], scale)[:, 0]
        shift = shift[:, None, None]
        low, high = low + shift, high + shift
        image = [low[:, None]]
        if kind == "band":
            top = torch.where(known, store.top[which], UNKNOWN)
            image = [band_images(low, store.edges[which], store.df[which], top)]
        elif kind == "speckle":
            overlap = 10 * store.overlap[which].log2()
            image.append(overlap[:, None, None, None].expand_as(image[0]))
        if self.config.model.order_input:
            image.append(self._orders(which, first, known, reverse, scale))
        return Batch(torch.cat(image, 1), high[:, None], scale, store.real[which])

    def _windows(
        self, which: Tensor, first: Tensor, high: Tensor, reverse: Tensor, shift: Tensor
    ) -> Batch:
        """Return the batch for crops of the target; the maps of the windows lie in a stack."""
        low = self._stack(self.store.low, len(RATIOS), which, first, reverse)
        low = low + shift[:, None, None, None]
        low = torch.cat([low[:, -1:], low[:, :-1], low.amin(1, keepdim=True)], 1)
        high = (high + shift[:, None, None])[:, None]
        return Batch(low, high, (1, 1), self.store.real[which])

    def _stack(
        self, side: Places, count: int, which: Tensor, first: Tensor, reverse: Tensor
    ) -> Tensor:
        """Return crops at one place of maps that lie one above the other, [B, count, H, W]."""
        rows = side.rows[which][:, None] // count
        maps = [
            self.store.maps(
                side, which, first + torch.cat([i * rows, 0 * rows], 1), self.patch, reverse
            )
            for i in range(count)
        ]
        return torch.stack(maps, 1)

    def _orders(
        self, which: Tensor, first: Tensor, known: Tensor, reverse: Tensor, scale: tuple[int, int]
    ) -> Tensor:
        """Return the order channels of the crops, of those with ``known`` speed."""
        (rows, frames), (s_f, s_t), df = self.patch, scale, self.store.df[which][:, None]
        centres = torch.arange(rows, device=df.device) * s_f + (s_f - 1) / 2
        speed = self.store.speeds(which, first[:, 1], frames * s_t)
        speed = speed.reshape(len(which), frames, s_t)[:, :, s_t // 2]
        speed = torch.where(reverse[:, None], speed.flip(1), speed) * known[:, None]
        return order_images((first[:, :1] + centres) * df, s_f * df, speed.double())


def _times(place: Tensor, factors: list[int]) -> Tensor:
    """Return first rows and columns [B, 2] times a factor each."""
    return torch.stack([place[:, i] * factor for i, factor in enumerate(factors)], 1)


def order_images(freqs: Tensor, height: Tensor, rotation_hz: Tensor) -> Tensor:
    """Return `specsr.pairs.order_input.order_channels` of a batch, float32 [B, CHANNELS, F, T].

    Args:
        freqs: centres of the coarse rows in Hz, float64 [B, F].
        height: height of a coarse row in Hz, [B, 1].
        rotation_hz: rotation frequency of every column in Hz, 0 where unknown, float64 [B, T].
    """
    known = (rotation_hz > 0)[:, None, :]
    first_order = torch.where(known, rotation_hz[:, None, :], 1.0)
    combs = [
        (teeth(freqs[:, :, None], height[:, :, None], step * first_order, part) * known).float()
        for step in COMBS
        for part in range(PARTS)
    ]
    return torch.stack([*combs, (HEIGHT * known).float().expand_as(combs[0])], 1)


def band_images(db: Tensor, edges: Tensor, df: Tensor, top: Tensor) -> Tensor:
    """Return `specsr.pairs.band_input.band_image` of a batch, float32 [B, CHANNELS, F, T].

    Args:
        db: relative levels in dB, float32 [B, F, T].
        edges: rows that part the known band, from 0 to the first unknown row, [B, PARTS + 1].
        df: spacing of the rows in Hz, [B].
        top: first empty row, int64 [B]; `UNKNOWN` where it is not known.
    """
    count, rows, frames = db.shape
    row, cut = torch.arange(rows, device=db.device), edges[:, -1:]
    half = cut // 2
    copied = torch.where(row < cut, row, half + (row - cut) % (cut - half))
    filled = db.gather(1, copied[:, :, None].expand(count, rows, frames))
    stated = (top != UNKNOWN)[:, None]
    sought = torch.where(stated, FULL, SOUGHT)
    marks = torch.where((row < cut) | (stated & (row >= top[:, None])), GIVEN, sought)
    heights = (row * df[:, None] / 600.0 - 20.0).float()
    inside = (row >= edges[:, :-1, None]) & (row < edges[:, 1:, None])
    shares = inside.double() / inside.sum(-1, keepdim=True)
    means = (shares @ db.double()).float()  # float64: never in TF32
    single = [part[:, None, :, None].expand(count, 1, rows, frames) for part in (marks, heights)]
    parts = means[:, :, None, :].expand(count, BAND_PARTS, rows, frames)
    return torch.cat([filled[:, None], *single, parts], 1)


class Crops(torch.utils.data.Dataset):
    """Batches of aligned crops: item ``step`` is a `Batch`, a function of the step.

    Args:
        examples: prepared maps, moved into one buffer (`Store.of`).
        config: options of the run.
        steps: number of batches.
        share: (i, n): items are the i-th of n parts of a batch, which is divisible by n.
    """

    def __init__(
        self, examples: list[Example], config: Config, steps: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        self.examples, self.config = examples, config
        self.draws = CropDraws(examples, config, steps, share)
        self.cut = Cutter(Store.of(examples), config, self.draws.patch)

    @property
    def weights(self) -> np.ndarray:
        """Probability of each example."""
        return self.draws.weights

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, step: int) -> Batch:
        return self.cut(self.draws[step])

    def on(self, device: torch.device) -> Cutter:
        """Return the function that cuts `draws` on a device, which gets a copy of the maps."""
        return Cutter(self.cut.store.to(device), self.config, self.draws.patch)
