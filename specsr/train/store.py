"""Maps of all examples in one buffer, from which crops are gathered by index on any device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from specsr.maps.levels import LEVEL_RANGE_DB
from specsr.pairs.band_input import PARTS
from specsr.train.examples import Example


@dataclass(frozen=True, eq=False)
class Places:
    """Where the maps of one side lie in the buffer: offset, rows and columns, int64 [N] each."""

    offset: Tensor
    rows: Tensor
    columns: Tensor


@dataclass(frozen=True, eq=False)
class Store:
    """Maps and facts of N examples as tensors.

    Attributes:
        levels: all maps one after the other, dB, float16.
        low, high: places of the maps in ``levels``; real examples have both in one place.
        speed: rotation frequency at every column of ``low``, Hz, 0 where unknown, float32.
        speed_at: offsets of the examples in ``speed``, [N].
        df: distance of the rows, Hz, float64 [N].
        edges: rows that part the known band of a ``band`` pair, int64 [N, PARTS + 1].
        top: first empty row of ``high``, int64 [N]; see `empty_from`.
        overlap: ratio of window length to hop, float32 [N].
        real: whether the expected power is not known, bool [N].
    """

    levels: Tensor
    low: Places
    high: Places
    speed: Tensor
    speed_at: Tensor
    df: Tensor
    edges: Tensor
    top: Tensor
    overlap: Tensor
    real: Tensor

    @staticmethod
    def of(examples: list[Example]) -> Store:
        """Move the maps of examples into one buffer.

        The entries of the list are replaced by examples whose maps are views of the buffer, so that
        each map is held once.
        """
        offsets: dict[int, int] = {}
        size = 0
        for example in examples:
            for side in (example.low, example.high):
                if id(side) not in offsets:
                    offsets[id(side)] = size
                    size += side.size
        levels = torch.empty(size, dtype=torch.float16)
        low_at, high_at = (
            _places([offsets[id(side)] for side in sides], sides)
            for sides in ([e.low for e in examples], [e.high for e in examples])
        )
        buffer = levels.numpy()
        for i, example in enumerate(examples):
            sides = []
            for side in (example.low, example.high):
                at = offsets[id(side)]
                view = buffer[at : at + side.size].reshape(side.shape)
                view[...] = side
                sides.append(view)
            low, high = sides
            high = low if example.high is example.low else high
            examples[i] = replace(example, low=low, high=high)
        speeds = [
            np.zeros(e.low.shape[1], np.float32) if e.rotation_hz is None else e.rotation_hz
            for e in examples
        ]
        return Store(
            levels, low_at, high_at,
            torch.from_numpy(np.concatenate(speeds).astype(np.float32)),
            torch.from_numpy(np.cumsum([0, *(s.size for s in speeds[:-1])])),
            torch.tensor([e.df for e in examples], dtype=torch.float64),
            torch.from_numpy(
                np.stack([np.linspace(0, e.cut, PARTS + 1).astype(np.int64) for e in examples])
            ),
            torch.tensor([empty_from(e.high) if e.cut else e.high.shape[0] for e in examples]),
            torch.tensor([e.overlap for e in examples], dtype=torch.float32),
            torch.tensor([e.real for e in examples]),
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Bytes of the maps."""
        return self.levels.nbytes

    def to(self, device: torch.device) -> Store:
        """Return the store on a device."""
        moved = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Places):
                value = Places(*(getattr(value, f.name).to(device) for f in fields(Places)))
            else:
                value = value.to(device)
            moved[field.name] = value
        return replace(self, **moved)

    def maps(
        self, side: Places, which: Tensor, first: Tensor, size: tuple[int, int], reverse: Tensor
    ) -> Tensor:
        """Return crops of maps, float32 [B, rows, columns].

        Args:
            side: `low` or `high`.
            which: index of the example, [B].
            first: first row and column of each crop, [B, 2].
            size: rows and columns; a map with fewer columns is continued mirrored in time.
            reverse: whether a crop is reversed in time, [B].
        """
        columns = self.columns(side.columns[which], first[:, 1], size[1], reverse)
        rows = first[:, :1] + torch.arange(size[0], device=first.device)
        start = side.offset[which][:, None] + rows * side.columns[which][:, None]
        return self.levels[start[:, :, None] + columns[:, None, :]].float()

    def speeds(self, which: Tensor, first: Tensor, count: int) -> Tensor:
        """Return the rotation frequency at ``count`` columns of crops, float32 [B, count]."""
        forward = torch.zeros_like(which, dtype=torch.bool)
        columns = self.columns(self.low.columns[which], first, count, forward)
        return self.speed[self.speed_at[which][:, None] + columns]

    @staticmethod
    def columns(wide: Tensor, first: Tensor, count: int, reverse: Tensor) -> Tensor:
        """Return the columns [B, count] of crops from ``first`` on, within maps ``wide`` columns.

        Beyond the last column they run back and forth.
        """
        steps = torch.arange(count, device=first.device)
        steps = torch.where(reverse[:, None], count - 1 - steps, steps)
        wide = wide[:, None]
        turned = (first[:, None] + steps) % (2 * wide)
        return torch.minimum(turned, 2 * wide - 1 - turned)


def empty_from(levels: np.ndarray) -> int:
    """Return the first row from which on a map [F, T] in relative dB is empty; F where none is.

    A row is empty where nine tenths of its cells are at the lower limit of relative levels, as
    above half the rate that a resampled recording was made at.
    """
    sound = (levels > 1 - LEVEL_RANGE_DB).mean(axis=1) > 0.1
    return int(len(sound) - np.argmax(sound[::-1])) if sound.any() else len(sound)


def _places(offsets: Sequence[int], sides: Sequence[np.ndarray]) -> Places:
    shapes = torch.tensor([side.shape for side in sides])
    return Places(torch.tensor(offsets), shapes[:, 0], shapes[:, 1])
