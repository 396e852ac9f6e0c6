"""Options of the benchmarks, as plain data; light, for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from specsr.models.options import InferOptions

STEPS = 5
"""Training steps of which the fastest counts."""


@dataclass(frozen=True)
class SpeedOptions:
    """Options of the speed benchmark.

    Attributes:
        side: rows and columns of the network's input.
        seconds: length of the recordings of whole jobs, s; a sixth of it for the phase alone.
        repeats: number of runs, of which the fastest counts.
        device: torch device of the networks.
    """

    side: int = 256
    seconds: float = 60.0
    repeats: int = 3
    device: str = "cpu"


@dataclass(frozen=True)
class BenchmarkOptions:
    """Options of the image benchmark.

    Attributes:
        sets: names of the sets; empty for all in the folder.
        scales: scales to score.
        protocols: protocols of luma, ``"paper"`` and ``"float"`` (`specsr.images.metrics`).
        plus: sets that are scored with self-ensemble too, or ``"all"``.
        limit: number of images of each set, from the first; None for all.
        save_images: folder for the scored images; None to keep none.
        infer: how the network is run.
    """

    sets: tuple[str, ...] = ()
    scales: tuple[int, ...] = (2, 3, 4)
    protocols: tuple[str, ...] = ("paper", "float")
    plus: tuple[str, ...] = ()
    limit: int | None = None
    save_images: Path | None = None
    infer: InferOptions = InferOptions()
