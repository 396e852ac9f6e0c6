"""Curve of the map model over training and data: short trainings of a small network.

The network is that of ``configs/map-small.yaml`` (MDSR, 8 blocks x 16 features), trained at x4 on
batches of 8 crops of 16 x 16 coarse cells, each time with a complete learning-rate schedule.  One
axis is the number of steps with all data, the other the part of 720 machines and 82 recordings with
the most steps.  Beside them: the bundled models.  All are judged alone, without a search for the
speed: ``measured`` on 8 recordings (3 s, two windows, `benchmarks/real_recordings.py`), whose
deviance is also compared with that of bicubic interpolation with back-projection; ``expected`` on 4
run-ups of `benchmarks/map.py`.  Mean and standard deviation over the seeds of initial weights and
batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import CACHE, DATA, ROOT, progress
from map import FRESH, Case, case, estimate, rms
from map_scores import Measured, measured
from real_maps import FEW_WINDOWS, QUICK_SECONDS
from real_recordings import JUDGE, QUICK, piece
from training_points import is_finished, over_seeds, part_of_recordings, trained

from specsr.enhance.maps import upscale_map
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import load_model
from specsr.nvh.speed_options import SpeedOptions
from specsr.scores.baselines import interpolated_power
from specsr.scores.metrics import whittle_deviance
from specsr.synth.draws import random_run_up
from specsr.train.config import Config
from specsr.train.config_file import load_config

SCALE, MACHINES, RUN_UPS, BATCH = 4, 720, 4, 8

STEPS, PARTS, SEEDS = (200, 600, 1800), (1 / 16, 1 / 4, 1.0), 2
"""Steps, parts of the data, and seeds of initial weights and batches."""

SMALLER = [
    "train.scale_weights=[0, 0, 1]", f"train.batch={BATCH}", "train.patch=[16, 16]",
    "train.warmup=100", "train.ema=0.99", "train.workers=0", "train.validate_every=1000000",
    "train.device=cpu",
]  # fmt: skip
"""Changes to ``configs/map-small.yaml``."""

BUNDLED = ("map-small", "map")


@dataclass(frozen=True)
class Point:
    """A training: its steps, and the part of the machines and recordings it sees."""

    steps: int
    part: float


POINTS = [
    *(Point(n, 1.0) for n in reversed(STEPS)),
    *(Point(STEPS[-1], part) for part in PARTS[:-1]),
]


def config_of(point: Point, seed: int) -> Config:
    """Return the config of a training; its recordings are evenly spread over all kinds."""
    path = ROOT / "configs" / "map-small.yaml"
    steps = [f"train.steps={point.steps}", f"train.seed={seed}"]
    count = f"data.synth.count={round(point.part * MACHINES)}"
    config = load_config(path, [*SMALLER, *steps, count])
    return part_of_recordings(config, point.part)


def place_of(point: Point, seed: int) -> Path:
    """Return the folder of a training; it holds a file ``finished`` at the end."""
    return CACHE / "curve" / f"{point.steps}-{point.part:.4f}-{seed}"


@dataclass(frozen=True, eq=False)
class Judge:
    """What every model is judged on.

    Attributes:
        real: measured fine maps of real recordings with their references.
        cases: synthetic run-ups.
    """

    real: list[tuple[SpecMap, Measured]]
    cases: list[Case]


def judge(data: Path = DATA) -> Judge:
    """Return the short list of the benchmark of real maps, and synthetic run-ups."""
    real = []
    for recording in (r for r in JUDGE if r.name in QUICK["judge"]):
        signal, highest = piece(recording, data, QUICK_SECONDS)
        for rate, n_fft, hop in FEW_WINDOWS:
            given = signal.resample(rate) if signal.rate > rate else signal
            fine = SpectrogramTransform(n_fft, hop)(given.replace(rpm=None))
            real.append((fine, measured(fine, min(highest, 0.45 * given.rate))))
    return Judge(real, [case(random_run_up(FRESH + i), SCALE) for i in range(RUN_UPS)])


def deviances(found: Sequence[np.ndarray], on: Judge) -> np.ndarray:
    """Return the deviance of a power of every real map."""
    return np.array(
        [
            whittle_deviance(reference.power, power[: len(reference.power), reference.columns])
            for power, (_, reference) in zip(found, on.real, strict=True)
        ]
    )


def row(models: Sequence[Path | str], on: Judge) -> dict[str, object]:
    """Return the scores of models that differ by their seed: mean and standard deviation.

    The network alone, without a search for the speed: ``measured`` on recordings, ``expected`` on
    machines.
    """
    lows = [(pool(fine, SCALE, SCALE), fine.grid.frames) for fine, _ in on.real]
    bicubic = [
        interpolated_power(low.power[0], (SCALE, SCALE), frames, "bicubic, back-projection")
        for low, frames in lows
    ]
    theirs = deviances(bicubic, on)
    found: dict[str, list[float]] = {}
    for model in models:
        high = [
            upscale_map(low, SCALE, model=str(model), speed=SpeedOptions(False)) for low, _ in lows
        ]
        ours = deviances([np.square(x.image()[0], dtype=np.float64) for x in high], on)
        errors = [estimate("expected, alone", x, 0.0, str(model)) - x.truth for x in on.cases]
        single, close = (
            np.concatenate([e[getattr(x, name)] for e, x in zip(errors, on.cases)])
            for name in ("single", "close")
        )
        scores = {
            "real, deviance": float(ours.mean()),
            "real, against bicubic with back-projection, %": 100 * (ours.sum() / theirs.sum() - 1),
            "machines, all, dB rms": rms(np.concatenate([e.ravel() for e in errors])),
            "machines, single lines, dB rms": rms(single),
            "machines, close lines, dB rms": rms(close),
        }  # fmt: skip
        for name, value in scores.items():
            found.setdefault(name, []).append(value)
    return {**over_seeds(found)}


def curve(
    data: Path = DATA, seeds: int = SEEDS, finished: bool = False
) -> list[dict[str, object]]:  # fmt: skip
    """Train all points and return one row for each, then the bundled models.

    Args:
        data: folder of the recordings to judge by.
        seeds: of each point.
        finished: train nothing: judge the trainings that are finished.
    """
    jobs = [(point, seed) for seed in range(seeds) for point in POINTS]
    if finished:
        jobs = [job for job in jobs if is_finished(place_of(*job))]
    models: dict[Point, list[Path]] = {}
    for point, seed in progress(jobs, len(jobs), "trainings"):
        models.setdefault(point, []).append(trained(config_of(point, seed), place_of(point, seed)))
    on = judge(data)
    rows: list[dict[str, object]] = []
    for point, each in progress(models.items(), len(models), "judged"):
        about = {"network": "8 x 16", "seeds": len(each)}
        rows.append(about | {"part of the data": point.part} | _size(point.steps, BATCH)
                    | row(each, on))  # fmt: skip
    rows.sort(key=lambda x: (x["part of the data"], x["steps"]))
    for name in BUNDLED:
        record = load_model(name).record
        batch = int(record["config"]["train"]["batch"])
        about = {"network": f"bundled {name}", "part of the data": 1.0}
        rows.append(about | _size(int(record["steps"]), batch) | row([name], on))
    return rows


def _size(steps: int, batch: int) -> dict[str, int]:
    """Columns of the length of a training; of a bundled model, of its last stage."""
    return {"steps": steps, "crops": steps * batch}
