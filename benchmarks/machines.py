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

from collections.abc import Sequence
from functools import partial

import generator
import numpy as np
from common import in_processes, jobs_option, parser, publish, run
from generator import KINDS
from kept_steps import kept_steps
from machine_cases import Case, case, touched_columns
from machine_tables import BASELINES, METHODS, Result, Scores, tables
from map_coverage import judged

from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.maps import levels
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.nvh.speed_options import SpeedOptions
from specsr.pairs.consistency import impose
from specsr.scores.ridges import compare_lines

BY_DEFAULT = (
    "bicubic", "bicubic back", "none", "search", "speed", "shafts", "expected", "expected speed",
    "expected shafts", "truth",
)  # fmt: skip
CONSISTENCY: dict[str, Consistency] = {
    "bicubic": "off", "expected": "expected", "expected speed": "expected",
    "expected shafts": "expected",
}  # fmt: skip
"""Method -> its consistency, if not ``measured``."""


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
    """Run the methods on one machine, given by kind and seed."""
    one = case(*machine, scale)
    with kept_steps():  # network and speed search run once for both consistency modes
        return [judge(method, one, model) for method in methods]


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], tuple(METHODS), "machines")
    arguments.set_defaults(only=list(BY_DEFAULT))
    arguments.add_argument("--scales", type=int, nargs="+", default=[4], choices=[2, 4])
    arguments.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    arguments.add_argument("--sets", type=int, default=1, help="sets of 24 machines (default: 1)")
    arguments.add_argument(
        "--quick", action="store_true", help="one machine of each kind, no search for the speed"
    )
    jobs_option(arguments)
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
        each = list(in_processes(task, chosen, args.jobs, f"x{scale}"))
        results = {m: [found[i] for found in each] for i, m in enumerate(methods)}
        made |= tables(results, f"x{scale}, {len(chosen)} machines")
    publish(args, "Synthetic machines of another generator", __doc__, made, digits=2)


if __name__ == "__main__":
    run(main)
