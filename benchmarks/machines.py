"""Map super-resolution on synthetic machines of a generator of its own, by kind of machine.

The machines (`benchmarks/generator.py`) share no code with `specsr.synth`: nothing was tuned on
them.  The coarse map is the mean power of s x s cells of a Hann 2048/256 map of the samples; the
truth is the expected power of the fine cells, |STFT of the deterministic part|² + noise.  Errors
are rms in dB per machine, averaged over the machines of a kind.  Lines are cells more than 8 dB
above their mean over 49 x 17 cells, single lines have no other within two coarse cells, close ones
do.  Clicks are the cells of columns whose window holds an impact and where the deterministic part
exceeds the noise; the level of a click is the sum of their power.  Floors beside clicks are cells
without an impact in the window, within six coarse columns of a cell that one raises by 10 dB.
Found and invented: ridges of three windows or more, with a counterpart within three rows.

A map that reproduces the coarse cells holds their speckle, which the truth does not have: even the
truth itself, corrected to the coarse cells, has an error (last row).  In dB noise cells then read
low in the mean (the logarithm of a scattering power), also beside clicks.

A kind counts as worse in a score if the mean difference over its machines exceeds the standard
error of that difference, and 0.05 dB or 0.5 percentage points.  Coverage is the share of cells
whose error lies within the uncertainty (68.3 % is right; by kind: `benchmarks/uncertainty.py`).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import generator
import numpy as np
import torch
from common import mean_error, parser, progress, publish, run
from generator import KINDS, Machine
from kept_steps import kept_steps
from map_coverage import Judged, cells, coverage, fifths, judged
from scipy import ndimage

from specsr import Signal
from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.speed_options import SpeedOptions
from specsr.pairs.consistency import impose
from specsr.scores.map_errors import line_mask
from specsr.scores.ridges import compare_lines, ridge_length, split_lines

N_FFT, HOP = 2048, 256
LOW_HZ = 2000.0
"""Cells below this frequency have a coverage of their own."""

METHODS: dict[str, str] = {
    "bicubic": "bicubic",
    "bicubic back": "bicubic, measured (back-projection)",
    "none": "specsr measured, no speed",
    "search": "specsr measured, speed searched",
    "speed": "specsr measured, speed given, corrected",
    "shafts": "specsr measured, speeds of all shafts given",
    "exact": "specsr measured, speed given, as it is",
    "wrong": "specsr measured, speed 3 % too high, corrected",
    "expected": "specsr expected, no speed",
    "expected speed": "specsr expected, speed given, as it is",
    "expected shafts": "specsr expected, speeds of all shafts given, as they are",
    "truth": "the truth itself, measured (bound)",
}
"""Method -> its label."""
BASELINES = ("bicubic", "bicubic back")
BY_DEFAULT = (
    "bicubic", "bicubic back", "none", "search", "speed", "shafts", "expected", "expected speed",
    "expected shafts", "truth",
)  # fmt: skip
CONSISTENCY: dict[str, Consistency] = {
    "bicubic": "off", "expected": "expected", "expected speed": "expected",
    "expected shafts": "expected",
}  # fmt: skip
"""Method -> its consistency, if not ``measured``."""

SCORES: dict[str, tuple[float, float]] = {
    "all, dB": (1, 0.05),
    "lines, dB": (1, 0.05),
    "single, dB": (1, 0.05),
    "close, dB": (1, 0.05),
    "clicks, dB": (1, 0.05),
    "floors beside clicks, bias dB": (0, 0.05),
    "level of clicks, dB": (1, 0.05),
    "found, %": (-1, 0.5),
    "invented, %": (1, 0.5),
}
"""Score -> 1 if lower is better, -1 if higher, 0 if nearer to zero; and the least difference."""

Scores = dict[str, float]


@dataclass(frozen=True, eq=False)
class Case:
    """One machine as a task.

    Attributes:
        machine: the machine.
        low: coarse map, with the speed.
        truth: expected levels of the fine map in dB re 1 Pa, [F, T].
        masks: name of a class of cells -> bool [F, T].
        scale: factor of both axes.
    """

    machine: Machine
    low: SpecMap
    truth: np.ndarray
    masks: dict[str, np.ndarray]
    scale: int


def case(kind: str, seed: int, scale: int) -> Case:
    """Return a machine as a task."""
    machine = generator.make(kind, seed)
    samples = machine.samples().astype(np.float32)
    fine = SpectrogramTransform(N_FFT, HOP)(
        Signal(samples[None], machine.rate, "Pa", rpm=machine.rpm)
    )
    clean = generator.clean_power(machine, N_FFT, HOP)
    noise = generator.noise_power(machine, N_FFT, HOP)
    touched = touched_columns(machine.impacts, machine.rate, clean.shape[1])
    truth, masks = classes(clean, noise, touched, fine.grid, scale)
    return Case(machine, pool(fine, scale, scale), truth, masks, scale)


def classes(
    clean: np.ndarray, noise: np.ndarray, touched: np.ndarray, grid: Grid, scale: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the true levels in dB and name of a class of cells -> mask [F, T].

    Args:
        clean, noise: expected power of the deterministic part and of the noise, [F, T].
        touched: columns whose window holds an impact, bool [1, T].
        grid: of the fine map.
        scale: factor of both axes.
    """
    truth = levels.to_db(clean + noise)
    lines = line_mask(truth)
    single, close = split_lines(truth, lines, ridge_length(grid), separation=2 * scale)
    raised = touched & (clean > 10 * noise)
    reach = 2 * 6 * scale + 1
    beside = ndimage.maximum_filter1d(raised, reach, axis=1) & ~touched & (clean < 0.1 * noise)
    below = np.broadcast_to((grid.freqs()[:-1] < LOW_HZ)[:, None], truth.shape)
    still = lines & ~touched
    return truth, {
        "all": np.ones(truth.shape, dtype=bool),
        "lines": still, "single": single & ~touched, "close": close & ~touched,
        "clicks": touched & (clean > noise), "beside": beside,
        "noise": (clean < 0.1 * noise) & ~touched & ~lines,
        "below 2 kHz": below, "lines below 2 kHz": below & still,
    }  # fmt: skip


def touched_columns(impacts: Sequence[float], rate: float, count: int) -> np.ndarray:
    """Return the columns whose window holds an impact or its decay, bool [1, T]."""
    at = np.arange(count) * HOP
    touched = np.zeros((1, count), dtype=bool)
    for time in impacts:
        touched[0] |= np.abs(at - time * rate) <= N_FFT / 2 + HOP
    return touched


def estimate(method: str, one: Case, model: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return levels in dB re 1 Pa and their uncertainty in dB (None for a baseline), [F, T]."""
    low, given = one.low, one.low.rpm
    if method == "truth":
        scale = (one.scale, one.scale)
        between = noise_interpolation(low.grid.refined(*scale), scale)
        power = 10 ** (one.truth.astype(np.float64) / 10)
        return levels.to_db(impose(power, low.power[0], scale, between=between)), None
    baseline = method in BASELINES
    if baseline or method in ("none", "search", "expected") or given is None:
        low = low.replace(rpm=None)
    elif method == "wrong":
        low = low.replace(rpm=1.03 * given)
    others = one.machine.others if method in ("shafts", "expected shafts") else ()
    shafts = {f"shaft {i}": rpm for i, rpm in enumerate(others, 2)}
    high = upscale_map(
        low, one.scale, model="bicubic" if baseline else model,
        consistency=CONSISTENCY.get(method, "measured"),
        speed=SpeedOptions(method in ("search", "speed", "shafts", "wrong"), shafts=shafts),
    )  # fmt: skip
    uncertainty = None if high.uncertainty_db is None else high.uncertainty_db[0, :-1]
    return levels.to_db(np.square(high.image()[0], dtype=np.float64)), uncertainty


def scores(db: np.ndarray, one: Case) -> Scores:
    """Return the scores of an estimate; nan where a machine has no such cells."""
    error = db - one.truth

    def rms(mask: str) -> float:
        chosen = error[one.masks[mask]]
        return float(np.sqrt(np.mean(np.square(chosen)))) if chosen.size else np.nan

    found = compare_lines(one.truth, db, one.low.grid.refined(one.scale, one.scale))
    beside = error[one.masks["beside"]]
    clicked = click_levels(db, one)
    return {
        "all, dB": rms("all"),
        "lines, dB": rms("lines"),
        "single, dB": rms("single"),
        "close, dB": rms("close"),
        "clicks, dB": rms("clicks"),
        "floors beside clicks, bias dB": float(beside.mean()) if beside.size else np.nan,
        "level of clicks, dB": float(np.sqrt(np.mean(clicked**2))) if clicked.size else np.nan,
        "found, %": 100 * found.found,
        "invented, %": 100 * found.invented if found.estimate_cells else 0.0,
    }


def click_levels(db: np.ndarray, one: Case) -> np.ndarray:
    """Return the error of the level of every click in dB, over its cells above the floor."""
    found = []
    for time in one.machine.impacts:
        own = touched_columns([time], one.machine.rate, db.shape[1]) & one.masks["clicks"]
        if own.any():
            ours, true = (float(np.sum(10 ** (x[own] / 10.0))) for x in (db, one.truth))
            found.append(10 * np.log10(ours / true))
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Result:
    """Scores and cells of a method on one machine.

    Attributes:
        kind: of the machine.
        scores: from `scores`.
        judged: errors and their uncertainty by class; None without an uncertainty.
    """

    kind: str
    scores: Scores
    judged: Judged | None


def judge(method: str, one: Case, model: str | None) -> Result:
    """Run a method on a machine."""
    db, uncertainty = estimate(method, one, model)
    kind = one.machine.kind
    sure = None
    if uncertainty is not None:
        sure = judged(kind, db - one.truth, uncertainty, one.masks)
    return Result(kind, scores(db, one), sure)


def machine_results(
    machine: tuple[str, int], scale: int, methods: Sequence[str], model: str | None
) -> list[Result]:
    """Run the methods on one machine, given by kind and seed, on one thread."""
    torch.set_num_threads(1)
    one = case(*machine, scale)
    with kept_steps():  # network and speed search run once for both consistency modes
        return [judge(method, one, model) for method in methods]


# Comparison


def worse(ours: Sequence[Scores], theirs: Sequence[Scores], score: str) -> bool:
    """Whether a method is worse in a score than another on the same machines, beyond scatter."""
    sign, least = SCORES[score]
    a, b = (np.array([x[score] for x in group]) for group in (ours, theirs))
    gap = np.abs(a) - np.abs(b) if sign == 0 else sign * (a - b)
    mean, error = mean_error(gap)
    return bool(mean > max(least, 0.0 if np.isnan(error) else error))


def better(first: Sequence[Scores], second: Sequence[Scores], score: str) -> Sequence[Scores]:
    """Return which of two groups has the better mean."""
    sign, _ = SCORES[score]
    means = [np.nanmean(np.abs([x[score] for x in g]) * (sign or 1)) for g in (first, second)]
    return first if means[0] <= means[1] else second


def of_kind(results: Sequence[Result], kind: str) -> list[Scores]:
    """Return the scores of the machines of a kind."""
    return [r.scores for r in results if r.kind == kind]


def losses(
    results: Mapping[str, Sequence[Result]], method: str, others: Sequence[str]
) -> dict[str, list[str]]:
    """Return kind -> scores in which a method is worse than the best of one or two others."""
    found: dict[str, list[str]] = {}
    for kind in dict.fromkeys(r.kind for r in results[method]):
        ours = of_kind(results[method], kind)
        for score in SCORES:
            if all(np.isnan(x[score]) for x in ours):
                continue
            rivals = [of_kind(results[name], kind) for name in others]
            rival = rivals[0] if len(rivals) == 1 else better(rivals[0], rivals[1], score)
            if worse(ours, rival, score):
                found.setdefault(kind, []).append(score.split(",")[0])
    return found


def listed(found: Mapping[str, Sequence[str]]) -> str:
    """Return kinds and scores as text."""
    return "; ".join(f"{kind} ({', '.join(names)})" for kind, names in found.items()) or "-"


def averages(results: Sequence[Result]) -> dict[str, float]:
    """Mean of every score over machines that have it; the bias as mean of its magnitude."""
    row = {}
    for name, (sign, _) in SCORES.items():
        values = np.array([r.scores[name] for r in results])
        values = np.abs(values) if sign == 0 else values
        row[name] = float(np.nanmean(values)) if not np.isnan(values).all() else np.nan
    return row


def summary(results: Mapping[str, Sequence[Result]]) -> list[dict[str, object]]:
    """One row per method: where it loses, and its scores averaged over all machines."""
    rows = []
    for method, found in results.items():
        row: dict[str, object] = {"method": METHODS[method]}
        both = all(name in results for name in BASELINES)
        lost = losses(results, method, BASELINES) if both and method not in BASELINES else {}
        row["worse than the better bicubic"] = listed(lost) if method not in BASELINES else ""
        plain = "expected" if method.startswith("expected") else "none"
        speed = method in (
            "search", "speed", "shafts", "exact", "wrong", "expected speed", "expected shafts",
        )  # fmt: skip
        row["worse than without speed"] = (
            listed(losses(results, method, [plain])) if speed and plain in results else ""
        )
        rows.append(row | averages(found))
    return rows


def tables(results: Mapping[str, Sequence[Result]], label: str) -> dict[str, list[dict]]:
    """Return all tables of one scale."""
    made = {f"{label}: all machines": summary(results)}
    sure = {m: [x.judged for x in r if x.judged is not None] for m, r in results.items()}
    sure = {m: found for m, found in sure.items() if found}
    if sure:
        made[f"{label}: coverage of the uncertainty, %, and how it ranks errors"] = [
            {"method": METHODS[m]} | coverage(found) | fifths(*cells(found, "all"))
            for m, found in sure.items()
        ]
    for kind in dict.fromkeys(r.kind for found in results.values() for r in found):
        made[f"{label}: {kind}"] = [
            {"method": METHODS[m]} | averages([r for r in found if r.kind == kind])
            for m, found in results.items()
        ]
    return made


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], tuple(METHODS), "machines")
    arguments.set_defaults(only=list(BY_DEFAULT))
    arguments.add_argument("--scales", type=int, nargs="+", default=[4], choices=[2, 4])
    arguments.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    arguments.add_argument("--sets", type=int, default=1, help="sets of 24 machines (default: 1)")
    arguments.add_argument(
        "--quick", action="store_true", help="one machine of each kind, no search for the speed"
    )
    arguments.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    args = arguments.parse_args()
    chosen = [x for n in range(args.sets) for x in generator.machine_set(n) if x[0] in args.kinds]
    if args.quick:
        chosen = list({kind: (kind, seed) for kind, seed in reversed(chosen)}.values())[::-1]
        args.only = [m for m in args.only if m != "search"]
        args.limit = args.limit or len(chosen)  # not published without a name
    elif args.limit:
        chosen = [
            x for kind in args.kinds for x in [y for y in chosen if y[0] == kind][: args.limit]
        ]
    methods = [m for m in METHODS if m in args.only]
    made: dict[str, list[dict]] = {}
    for scale in args.scales:
        task = partial(machine_results, scale=scale, methods=methods, model=args.model)
        with ProcessPoolExecutor(args.jobs, multiprocessing.get_context("spawn")) as pool_of_jobs:
            done = pool_of_jobs.map(task, chosen)
            each = list(progress(done, len(chosen), f"x{scale}"))
        results = {m: [found[i] for found in each] for i, m in enumerate(methods)}
        made |= tables(results, f"x{scale}, {len(chosen)} machines")
    publish(args, "Synthetic machines of another generator", __doc__, made, digits=2)


if __name__ == "__main__":
    run(main)
