"""Speeds of further shafts of a map, beside the speed of the map itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid


@dataclass(frozen=True, eq=False)
class ShaftSpeed:
    """A shaft with a speed of its own.

    Attributes:
        name: of the shaft.
        rpm: speed in 1/min at every sample of the signal, float64 [grid.length]; zero where
            unknown.
        confidence: how far the lines of each column are known to lie at its orders, 0 to 1,
            float32 [frames]; None if not examined (`specsr.nvh.speed_use`).
    """

    name: str
    rpm: np.ndarray
    confidence: np.ndarray | None = None

    def unexamined(self) -> ShaftSpeed:
        """Return the shaft for a map of other columns: without confidence."""
        return replace(self, confidence=None)


def checked_shafts(shafts: Sequence[ShaftSpeed], grid: Grid) -> tuple[ShaftSpeed, ...]:
    """Return shafts with float64 speeds.

    Args:
        shafts: of a map.
        grid: of the map.

    Raises:
        SpecsrError: a name that is missing or comes twice, or a shape that does not fit the grid.
    """
    names = [shaft.name for shaft in shafts]
    if not all(names) or len(set(names)) < len(names):
        raise SpecsrError(f"the shafts are named {names}: expected each name once, and none empty")
    found = []
    for shaft in shafts:
        rpm = np.asarray(shaft.rpm, dtype=np.float64)
        if rpm.shape != (grid.length,):
            raise SpecsrError(
                f"rpm of the shaft {shaft.name} has shape {rpm.shape}: expected ({grid.length},)"
            )
        confidence = shaft.confidence
        if confidence is not None:
            label = f"confidence of the shaft {shaft.name}"
            confidence = checked_confidence(confidence, grid.frames, label)
        found.append(replace(shaft, rpm=rpm, confidence=confidence))
    return tuple(found)


def checked_confidence(confidence: np.ndarray, frames: int, label: str) -> np.ndarray:
    """Return a confidence of the columns, float32 [frames].

    Raises:
        SpecsrError: another shape, or values that are not from 0 to 1; it begins with the label.
    """
    found = np.asarray(confidence, dtype=np.float32)
    if found.shape != (frames,) or not ((found >= 0) & (found <= 1)).all():
        raise SpecsrError(
            f"{label} has shape {found.shape}: expected {(frames,)} values from 0 to 1, one per "
            "column"
        )
    return found
