"""Curve of the model ``expected`` over training, data and size of the network: short trainings.

Reduced to 25 min of one core for all trainings: a sixteenth of the machines of the config and no
recordings, batches of 4 crops of 64 x 48 cells instead of 8 of 96 x 64, float32, up to 8000 steps,
each time with a complete learning-rate schedule.  Errors on run-ups are extrapolated to their aims
(`benchmarks/expected_curve_fit.py`).  ``--only judge`` publishes the trainings that are finished.
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import CACHE, RESULTS, ROOT, Row, parser, progress, publish, run, some
from expected import CLASSES, RUN_UPS, Case, cases, rms, speed
from expected_curve_fit import AIMS, draw, extrapolated
from expected_methods import estimates
from generator import machine_set
from training_points import is_finished, over_seeds, trained

from specsr.maps.levels import to_db
from specsr.models.bundled import load_model
from specsr.models.model import Model
from specsr.train.batch import synthetic
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.config_file import load_config
from specsr.train.learner import Learner
from specsr.train.processes import Alone

CONFIG = ROOT / "configs" / "expected.yaml"

MACHINES, NAMED = 56, {"pulses": 22, "knocking": 22}
"""Synthetic machines of all kinds, and of those drawn by name: a sixteenth of those of the config.
"""

BATCH, PATCH = 4, (64, 48)
"""Crops of a step, and their cells."""

FULL_CELLS = 8 * 96 * 64
"""Cells of a step of the config."""

SMALLER = [
    f"train.batch={BATCH}", f"train.patch={list(PATCH)}", "data.real.folders=[]",
    "train.warmup=50", "train.ema=0.99", "train.workers=0", "train.validate_every=1000000",
    "train.device=cpu", "data.workers=1",
]  # fmt: skip
"""Changes to ``configs/expected.yaml``."""

EARLIER = "762c87f:specsr/models/bundled/expected.safetensors"
"""The bundled model before its last stage, revision and path in the history of the repository."""

SIZES = ((8, 24), (8, 48), (8, 64), (16, 48), (16, 64))
"""Networks whose cost is measured, blocks and features."""

SETS = {
    "run-ups": "Run-ups", "kinds": "Kinds of machines", "others": "Machines of another generator",
}  # fmt: skip

PROTOCOL = f"""
Trainings of `configs/expected.yaml`, each with a complete learning-rate schedule, on
{MACHINES + sum(NAMED.values())} machines, a sixteenth of those of the config, without recordings; a
part of the data is that part of them. Batches of {BATCH} crops of {PATCH[0]} x {PATCH[1]} cells:
four steps have as many cells as one of the config, and *full steps* are steps of its size. float32,
a warm-up of 50 steps, the weights averaged over 100. The bundled model (EDSR 8 x 48) was trained in
stages, in bfloat16, on 1600 machines and 82 recordings: it is no point of the same series. *Before
the last stage*, of 10500 steps with irregular pulses, it had seen 900 machines.

Judged as in `benchmarks/expected.py`, on machines that are in no training: its eight run-ups, one
machine of each kind of `specsr.synth`, and 24 of another generator. Rms errors in dB a machine,
mean over the machines; mean and standard deviation over seeds of initial weights and batches, where
there are two.

*Extrapolation*: error = a x steps^b, a straight line between the logarithms, fitted to the run-ups,
without a limit below which the error cannot fall. *Short*: all trainings of 8 x 48 on all data.
*Bundled* and *before the last stage*: that state of the bundled model and the longest short
training. *Steps to the aim*: where the line reaches it, with the range of one standard error of the
fit where it has more than two trainings. Hours of one core with the time of a step below; of a fast
core in bfloat16 with the 85 min of the bundled model.

*Cost*: processor time of a full step and speed of use at 48 kHz (Hann 2048/512), one core, float32;
20 times real time on two cores are wanted.
"""


@dataclass(frozen=True)
class Point:
    """A training: steps, part of the machines, blocks x features, seed."""

    steps: int
    part: float = 1.0
    blocks: int = 8
    feats: int = 48
    seed: int = 0

    @property
    def network(self) -> str:
        """Blocks x features."""
        return f"{self.blocks} x {self.feats}"

    @property
    def full_steps(self) -> float:
        """Steps of the size of the config, with as many cells."""
        return self.steps * BATCH * math.prod(PATCH) / FULL_CELLS

    @property
    def place(self) -> Path:
        """Folder of the training."""
        size = f"{self.blocks}x{self.feats}"
        return CACHE / "expected-curve" / f"{size}-{self.steps}-{self.part:.4f}-{self.seed}"


POINTS = [
    Point(125), Point(500), Point(500, feats=24), Point(500, 1 / 4), Point(2000),
    Point(125, seed=1), Point(500, seed=1), Point(2000, feats=24), Point(8000),
]  # fmt: skip
"""Trainings, in their order."""

Found = dict[str, dict[str, float]]
"""Set of machines -> class of cells -> error."""


def config_of(point: Point) -> Config:
    """Return the config of a training."""
    machines = {"count": MACHINES} | {f"named.{kind}": count for kind, count in NAMED.items()}
    changes = [f"data.synth.{key}={round(point.part * n)}" for key, n in machines.items()]
    changes += [f"model.n_resblocks={point.blocks}", f"model.n_feats={point.feats}"]
    changes += [f"train.steps={point.steps}", f"train.seed={point.seed}"]
    return load_config(CONFIG, [*SMALLER, *changes])


def judge(limit: int | None) -> dict[str, list[Case]]:
    """Return the machines to judge on, by their set."""
    made, other = cases(None), len(machine_set(0))
    sets = made[-RUN_UPS:], made[other:-RUN_UPS], made[:other]
    return {
        name: [make() for _, make in some(each, limit)]
        for name, each in zip(SETS, sets, strict=True)
    }


def scores(model: Model, on: dict[str, list[Case]]) -> Found:
    """Return the mean errors of a model over each set."""
    found: Found = {}
    for name, each in on.items():
        errors = [
            (case, to_db(estimates(case.signal, case.measured, model, ["specsr"])["specsr"][0]))
            for case in each
        ]
        found[name] = {
            of: float(np.nanmean([rms((x - case.truth)[case.masks[of]]) for case, x in errors]))
            for of in CLASSES
        }
    return found


def judged(point: Point, on: dict[str, list[Case]], keep: bool) -> Found:
    """Return the scores of a finished training, or those of an earlier run of this benchmark."""
    stored = point.place / "scores.json"
    if keep and stored.exists():
        kept: Found = json.loads(stored.read_text())
        return kept
    found = scores(load_model(point.place / "expected.safetensors"), on)
    if keep:
        stored.write_text(json.dumps(found))
    return found


def states(name: str | None) -> dict[str, Model]:
    """Return the bundled model, after its state before the last stage if the history has it."""
    path = CACHE / "expected-curve" / "earlier.safetensors"
    found = {}
    shown = subprocess.run(["git", "show", EARLIER], cwd=ROOT, capture_output=True, check=False)
    if not shown.returncode and not name:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(shown.stdout)
        found["before the last stage"] = load_model(path)
    return found | {"bundled": load_model(name or "expected")}


def rows_of(
    found: dict[Point, Found], theirs: dict[str, tuple[int, Found]], name: str
) -> list[Row]:
    """Return a row for each training but for its seed, and the bundled model, on a set."""
    rows: list[Row] = []
    for same in sorted(
        {replace(point, seed=0) for point in found}, key=lambda p: (p.feats, p.part, p.steps)
    ):
        each = [scores[name] for p, scores in found.items() if replace(p, seed=0) == same]
        row = {
            "network": same.network, "seeds": len(each), "part of the data": same.part,
            "steps": same.steps, "full steps": round(same.full_steps),
        }  # fmt: skip
        rows.append(row | over_seeds({f"{of}, dB": [x[of] for x in each] for of in CLASSES}))
    for state, (steps, errors) in theirs.items():
        about = {"network": state, "steps": steps, "full steps": steps}
        rows.append(about | {f"{of}, dB": errors[name][of] for of in CLASSES})
    if name == "run-ups":
        rows.append({"network": "aim"} | {f"{of}, dB": AIMS[of] for of in CLASSES})
    return rows


def step_seconds(config: Config, count: int = 5) -> float:
    """Return the processor time of a training step: the shortest of some."""
    torch.manual_seed(0)
    net = build_net(config)
    learner = Learner(net, config, Alone(torch.device("cpu")))
    low = torch.randn(config.train.batch, net.config.in_channels, *config.train.patch)
    batch = synthetic(low, low[:, :1], (1, 1))
    found = []
    for step in range(count):
        began = time.process_time()
        learner.step(batch, step)
        found.append(time.process_time() - began)
    return min(found)


def costs(bundled: Model) -> list[dict[str, Any]]:
    """Return a row for each size of the network: its parameters, and its speed on one core."""
    rows = []
    for blocks, feats in progress(SIZES, len(SIZES), "sizes"):
        size = [f"model.n_resblocks={blocks}", f"model.n_feats={feats}"]
        config = load_config(CONFIG, [*size, "train.device=cpu"])
        model = replace(bundled, net=build_net(config).eval())
        fast = speed(model, ["float32"])["times real time of one core, float32"]
        rows.append({
            "network": f"{blocks} x {feats}", "parameters": model.parameters,
            "a full step, s": step_seconds(config), "times real time, one core": fast,
        })  # fmt: skip
    return rows


def points(names: Sequence[str]) -> list[Point]:
    """Train what is not finished, or not if ``train`` is not asked for; return what is finished."""
    if "train" in names:
        for point in progress(POINTS, len(POINTS), "trainings"):
            trained(config_of(point), point.place)
    return [point for point in POINTS if is_finished(point.place)]


def main() -> None:
    options = parser(__doc__.splitlines()[0], ("train", "judge"), "expected_curve")
    args = options.parse_args()
    torch.set_num_threads(1)
    finished = points(args.only)
    if "judge" not in args.only:
        return
    on = judge(args.limit)
    each = progress(finished, len(finished), "judged")
    found = {point: judged(point, on, keep=args.limit is None) for point in each}
    models = states(args.model)
    theirs = {name: (int(x.record["steps"]), scores(x, on)) for name, x in models.items()}
    cost = costs(models["bundled"])
    full = {p: x["run-ups"] for p, x in found.items() if (p.network, p.part) == ("8 x 48", 1.0)}
    series = [(point.full_steps, errors) for point, errors in full.items()]
    last = {name: (steps, errors["run-ups"]) for name, (steps, errors) in theirs.items()}
    seconds = next(row["a full step, s"] for row in cost if row["network"] == "8 x 48")
    tables = {title: rows_of(found, theirs, name) for name, title in SETS.items()}
    tables |= {"Extrapolation, run-ups": extrapolated(series, last, seconds), "Cost": cost}
    publish(args, "Expected maps over training, data and size of the network", PROTOCOL, tables)
    if args.name or not args.limit:
        runs = [(p.network, p.part, p.full_steps, x["run-ups"]) for p, x in found.items()]
        draw(runs, series, last, RESULTS / f"{args.name or args.full_name}.png")


if __name__ == "__main__":
    run(main)
