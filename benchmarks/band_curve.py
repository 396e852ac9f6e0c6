"""Curve of the band model over the amount of training recordings: short, equal trainings.

The network is that of ``configs/band-speech.yaml`` with 8 blocks x 24 features, trained from the
start on parts of the training recordings with a complete learning-rate schedule each time.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from band_cases import MACHINES, RATE, Case, is_read_speech, kind_of, recordings, score
from band_methods import Specsr
from common import CACHE, RESULTS, ROOT, parser, progress, publish, run, some

from specsr.choices import NOISE_FILL
from specsr.io import read, replacing
from specsr.models.bundled import load_model
from specsr.train.config import Config
from specsr.train.config_file import load_config
from specsr.train.recordings import find_recordings
from specsr.train.train import train

PARTS, SEEDS = (1 / 8, 1 / 4, 1 / 2, 1.0), 2
SCALES = (2, 3, 6)
STEPS, LONGER, BATCH, COLUMNS = 1200, 3600, 4, 32
SMALLER = [
    "model.n_resblocks=8", "model.n_feats=24", f"train.batch={BATCH}",
    f"train.patch=[1024, {COLUMNS}]", "train.warmup=50", "train.ema=0.99", "train.workers=0",
    "train.validate_every=1000000", "train.device=cpu", "train.top_share=0.5", "train.lr=1.0e-3",
    "data.repeats=2", "data.workers=1", "train.start=null",
]  # fmt: skip
"""Changes to ``configs/band-speech.yaml``."""

SETS = {"read speech": is_read_speech, "machines": lambda name: kind_of(name) in MACHINES}
"""Recordings that are judged, by their names in audio/val."""

AIMS = {"read speech": (0.70, 0.84, 1.06), "machines": (0.65, 0.75, 0.95)}
"""LSD to reach from 24, 16 and 8 kHz."""

PROTOCOL = f"""
Trainings that differ in nothing but their recordings: EDSR, 8 blocks x 24 features, from the start,
{STEPS} steps of {BATCH} crops of {COLUMNS} columns with the loss, weights and other options of
`configs/band-speech.yaml`, and the top of the spectrum given in half of the crops; all the material
once with {LONGER} steps too. A part of the material is that part of the files of every folder of
audio/train, spread evenly over them and at least one; of speech it is split between the nine
recordings with content above 22.05 kHz (the corpus of the read sentences) and the rest. Parts see
equal numbers of crops, so the smaller ones see the same places more often.

Judged on recordings of audio/val, none of which is in audio/train: LSD (`benchmarks/band.py`) of
the read sentences of VCTK and of machines and vehicles, with the top of the spectrum given. Mean
and standard deviation over the seeds of initial weights and batches. *per doubling*: slope of a
straight line over the logarithm of the amount, through the trainings of {STEPS} steps, and its
standard error; *doublings to the aim*: how far the line would have to go on from all the material,
from the level of these short trainings and from that of the bundled model, if the slope stayed.
"""

Found = dict[tuple[str, int], float]
"""(set, scale) -> mean LSD."""


@dataclass(frozen=True)
class Point:
    """A training: its part of the recordings, its seed, and its steps."""

    part: float
    seed: int
    steps: int = STEPS

    @property
    def folder(self) -> Path:
        """Folder of the run; it holds a file ``scores.json`` at the end."""
        longer = "" if self.steps == STEPS else f"-{self.steps}"
        return CACHE / "band-curve" / f"{self.part:.4f}-{self.seed}{longer}"


POINTS = [Point(part, seed) for seed in range(SEEDS) for part in PARTS]
POINTS += [Point(PARTS[-1], 0, LONGER)]


def material(part: float) -> list[Path]:
    """Return a part of the training recordings, evenly spread over each kind of them."""
    data = load_config(ROOT / "configs" / "band-speech.yaml", []).data
    files = [f for f in find_recordings(data.folders) if read(f).rate >= data.min_rate]

    def kind(path: Path) -> tuple[str, bool]:
        return path.parent.name, path.name.startswith("cv_p")

    groups = [list(group) for _, group in groupby(sorted(files, key=kind), key=kind)]
    return [f for group in groups for f in some(group, max(1, round(part * len(group))))]


def config_of(point: Point) -> Config:
    """Return the config of a training."""
    config = load_config(
        ROOT / "configs" / "band-speech.yaml",
        [*SMALLER, f"train.seed={point.seed}", f"train.steps={point.steps}"],
    )
    data = config.data.model_copy(update={"folders": [str(f) for f in material(point.part)]})
    return config.model_copy(update={"data": data, "name": "band-curve"})


def trained(point: Point, cases: Sequence[Case]) -> Found:
    """Train a point and return its scores, or those of an earlier run of this benchmark."""
    stored = point.folder / "scores.json"
    if not stored.exists():
        train(config_of(point), point.folder, resume=True)
        found = scores(point.folder / "band-curve.safetensors", cases)
        stored.write_text(json.dumps([[*key, value] for key, value in found.items()]))
    return {(name, scale): value for name, scale, value in json.loads(stored.read_text())}


def judged(data: Path, limit: int | None) -> list[Case]:
    """Return the recordings of all sets at all scales."""
    wanted = [r for r in recordings(data) if any(inside(r.name) for inside in SETS.values())]
    return [Case(r, scale, np.zeros(0)) for r in some(wanted, limit) for scale in SCALES]


def scores(model: str | Path | None, cases: Sequence[Case]) -> Found:
    """Return the mean LSD of a model over each set and scale."""
    loaded = model if model in (None, NOISE_FILL) else load_model(model)
    method = Specsr(loaded, top_given=True)
    each: dict[tuple[str, int], list[float]] = {}
    for case in cases:
        error = score(case, method(case))["LSD"]
        for name, inside in SETS.items():
            if inside(case.name):
                each.setdefault((name, case.scale), []).append(error)
    return {key: statistics.mean(errors) for key, errors in each.items()}


def column(name: str, scale: int) -> str:
    """Return the heading of the errors of a set at a scale."""
    return f"{name}, {RATE / scale / 1000:g} kHz"


def minutes(files: Sequence[Path]) -> float:
    """Return the length of some recordings, min."""
    return sum(read(f).duration for f in files) / 60


def rows_of(found: Mapping[Point, Found]) -> list[dict[str, object]]:
    """Return a row for each part and its steps: mean and standard deviation over the seeds."""
    rows = []
    for steps, part in sorted({(point.steps, point.part) for point in found}):
        each = [scores for p, scores in found.items() if (p.steps, p.part) == (steps, part)]
        files = material(part)
        row: dict[str, object] = {
            "material": f"{part:g}", "recordings": len(files), "minutes": minutes(files),
            "steps": steps, "seeds": len(each),
        }  # fmt: skip
        for key in each[0]:
            values = [scores[key] for scores in each]
            row[column(*key)] = (
                (statistics.mean(values), statistics.stdev(values))
                if len(values) > 1
                else values[0]
            )
        rows.append(row)
    return rows


def slopes(found: Mapping[Point, Found], bundled: Found) -> list[dict[str, object]]:
    """Return the gain per doubling of the material, and the doublings that the aims would take."""
    found = {point: scores for point, scores in found.items() if point.steps == STEPS}
    doublings = np.array([math.log2(point.part) for point in found])
    rows = []
    for key in bundled:
        errors = np.array([scores[key] for scores in found.values()])
        (slope, level), variance = np.polyfit(doublings, errors, 1, cov=True)
        aim = AIMS[key[0]][SCALES.index(key[1])]

        def needed(start: float, slope: float = slope, aim: float = aim) -> float | str:
            if start <= aim:
                return 0.0
            return (start - aim) / -slope if slope < 0 else "never"

        rows.append({
            "set": column(*key), "per doubling": (float(slope), math.sqrt(variance[0, 0])),
            "all the material": float(level), "bundled": bundled[key], "aim": aim,
            "doublings to the aim": needed(level), "from the bundled model": needed(bundled[key]),
        })  # fmt: skip
    return rows


def draw(found: Mapping[Point, Found], bundled: Found, target: Path) -> None:
    """Draw the errors over the minutes of material, and the aims."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    length = {part: minutes(material(part)) for part in {p.part for p in found}}
    for axes, name in zip(figure.subplots(1, 2, sharey=True), SETS, strict=True):
        for i, scale in enumerate(SCALES):
            key, label = (name, scale), f"from {RATE / scale / 1000:g} kHz"
            for point, scores in found.items():
                mark = "o" if point.steps == STEPS else "x"
                axes.plot(length[point.part], scores[key], f"C{i}{mark}", ms=4)
            parts = sorted(length)
            mean = [
                statistics.mean(
                    s[key] for p, s in found.items() if (p.part, p.steps) == (part, STEPS)
                )
                for part in parts
            ]
            axes.plot([length[part] for part in parts], mean, f"C{i}", label=label)
            axes.plot(length[parts[-1]], bundled[key], f"C{i}*", ms=10)
            axes.axhline(AIMS[name][i], color=f"C{i}", ls=":", lw=1)
        axes.set(title=name, xlabel="recordings to train on, min", xscale="log")
        ticks = [round(length[part]) for part in sorted(length)]
        axes.set_xticks(ticks, map(str, ticks))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    axes.figure.axes[0].set_ylabel("LSD")
    axes.plot([], [], "kx", ms=4, label=f"{LONGER} steps")
    axes.plot([], [], "k*", ms=10, label="bundled model")
    axes.plot([], [], "k:", lw=1, label="aim")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize="small")
    with replacing(target, overwrite=True) as (temp,):
        figure.savefig(temp, dpi=110, format="png")


def main() -> None:
    options = parser(__doc__.splitlines()[0], ("train", "stored"), "band_curve")
    args = options.parse_args()
    cases = judged(args.data, args.limit)
    points = POINTS
    if "train" not in args.only:
        points = [point for point in POINTS if (point.folder / "scores.json").exists()]
    found = {p: trained(p, cases) for p in progress(points, len(points), "trainings")}
    bundled = scores(None, cases)
    others = {"noise-fill": scores(NOISE_FILL, cases), "bundled": bundled}
    rows = rows_of(found)
    for name, each in others.items():
        rows.append({"material": name} | {column(*key): value for key, value in each.items()})
    tables = {"LSD to 48 kHz": rows, "Gain by more material": slopes(found, bundled)}
    publish(args, "Band model over the amount of training recordings", PROTOCOL, tables)
    if args.name or not args.limit:
        draw(found, bundled, RESULTS / f"{args.name or args.full_name}.png")


if __name__ == "__main__":
    run(main)
