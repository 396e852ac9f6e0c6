"""One batch of crops."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Batch(NamedTuple):
    """Crops of one step, all of one scale.

    Attributes:
        low: input, float32 or uint8 [B, C, H, W].
        high: target, float32 or uint8 [B, C', H s_f, W s_t].
        scale: (s_f, s_t).
        real: whether a crop is of a recording whose expected power is not known, bool [B].
    """

    low: torch.Tensor
    high: torch.Tensor
    scale: tuple[int, int]
    real: torch.Tensor

    def chunk(self, parts: int) -> list[Batch]:
        """Return the batch in up to ``parts`` parts of equal size."""
        pieces = zip(self.low.chunk(parts), self.high.chunk(parts), self.real.chunk(parts))
        return [Batch(low, high, self.scale, real) for low, high, real in pieces]


def synthetic(low: torch.Tensor, high: torch.Tensor, scale: tuple[int, int]) -> Batch:
    """Return a batch without real crops."""
    return Batch(low, high, scale, torch.zeros(len(low), dtype=torch.bool))
