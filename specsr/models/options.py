"""Options of inference, shared by all functions that run a network."""

from __future__ import annotations

from dataclasses import dataclass

from specsr.choices import SEGMENT, Precision, check
from specsr.errors import SpecsrError


@dataclass(frozen=True)
class InferOptions:
    """How a network is run.

    Attributes:
        tile: rows and columns of input in one tile, without margins; bounds the memory use.  None
            for a size that keeps the features of one layer near 64 MiB.
        ensemble: mean of the result and that of the time-reversed input, for twice the time (maps
            are symmetric under time reversal, not under flips in frequency).  Expected maps have an
            ensemble of their own (`specsr.enhance.expected_levels`).
        precision: ``"float32"``, ``"tf32"`` or ``"bfloat16"``, see `specsr.choices.Precision`.
        device: a torch device, or ``"auto"`` for a GPU where available.
        segment: length in s of the segments that a long recording is processed in; bounds the
            memory use.  Infinite: all at once.  See `specsr.enhance.segments`.

    Raises:
        SpecsrError: a value out of range.
    """

    tile: tuple[int, int] | None = None
    ensemble: bool = False
    precision: Precision = "float32"
    device: str = "auto"
    segment: float = SEGMENT

    def __post_init__(self) -> None:
        if self.tile is not None and min(self.tile) < 1:
            raise SpecsrError(f"tile is {self.tile}: expected rows and columns from 1 up")
        check(self.precision, Precision, "precision")
        if not self.segment > 0:
            raise SpecsrError(f"segment is {self.segment} s: expected a time above zero")
