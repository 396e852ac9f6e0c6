"""Short trainings of the curves over training and data: parts of the data, and kept models."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import some

from specsr.train.config import Config
from specsr.train.recordings import chosen_files, find_recordings
from specsr.train.train import train


def part_of_recordings(config: Config, part: float) -> Config:
    """Return a config with a part of its real recordings, evenly spread over all kinds."""
    real = config.data.real
    files = chosen_files(find_recordings(real.folders), real.exclude)
    kept = some(files, max(2, round(part * len(files))))
    others = [f"{f.parent.name}/{f.name}" for f in files if f not in kept]
    data = config.data.model_copy(
        update={"real": real.model_copy(update={"exclude": [*real.exclude, *others]})}
    )
    return config.model_copy(update={"data": data})


def is_finished(place: Path) -> bool:
    """Return whether a training in a folder came to its end."""
    return (place / "finished").exists()


def trained(config: Config, place: Path) -> Path:
    """Train a config, or return the model of an earlier run of the benchmark.

    The folder holds a file ``finished`` at the end; a training that was interrupted goes on.
    """
    if not is_finished(place):
        train(config, place, resume=True)
        (place / "finished").touch()
    return place / f"{config.name}.safetensors"


def over_seeds(found: Mapping[str, Sequence[float]]) -> dict[str, float | tuple[float, float]]:
    """Return mean and standard deviation of each score, or its only value."""
    return {
        name: (statistics.mean(v), statistics.stdev(v)) if len(v) > 1 else v[0]
        for name, v in found.items()
    }
