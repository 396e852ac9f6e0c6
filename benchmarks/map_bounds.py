"""How far map super-resolution is from the best possible: bounds, and a curve over training.

*Noise.*  White Gaussian noise of known spectrum: what remains of the deviance is the speckle within
the coarse cells.  Its floor is below Euler's constant, 0.577, because the coarse powers are given.
The best prediction is a gamma regression of the power of a fine cell on the logarithms of 5 x 5
coarse powers and the products of the nearest nine.

*Real recordings.*  Protocol, recordings and scores are those of `benchmarks/real_maps.py`, whose
stored results give the rows of specsr.  The *oracle* takes the shape within every coarse cell from
other columns of the same fine map, whose windows share no sample with those of the cell (8, 32 or
all columns on either side; with a speed also along the orders), as it is or with the predicted
speckle, mixes it with bicubic interpolation and gives back the measured power of every cell.  It is
the best of these for each recording and each score.  *Includes the cell*: the fine map itself,
smoothed, with the coarse powers given back.

Which of these is a bound: the noise floor holds for every method, wherever sound is Gaussian noise
of smooth spectrum; only lines, which have no speckle, can be below it.  The oracle shows what a
method could reach that knew the mean spectrum of a steady machine; from the coarse map alone no
method knows more of a steady sound, but it may of sound that changes within a few columns.  A
smoothed map that includes the cell is no bound: it contains a part of the speckle of the cell.

*Machines.*  Run-ups, cells and errors are those of `benchmarks/map.py`.  The phase oracle
(`benchmarks/line_bounds.py`) knows all orders with their levels and the noise, not the phases.  The
Cramér-Rao bounds add to its error that of levels (and of a speed, or of positions) that are free in
every 0.32 s and fitted to the coarse cells; they are local and linear, for noise that is known.

``--curve`` measures the curve over training and data instead (`benchmarks/map_curve.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, Row, data_folder, mean_error, parser, progress, publish, run, some
from line_bounds import fit_variances, parts_of, phase_oracle
from map import FRESH, case, rms
from map_curve import SEEDS, curve
from map_curve import __doc__ as CURVE
from map_oracles import FLOOR, SMOOTHED, noise_floor, oracles, smoothed
from map_scores import SCORES, measured, score
from map_tables import BICUBICS, overall
from real_maps import FEW_WINDOWS, GIVEN, NETWORK, RATE, SECONDS, WINDOWS
from real_recordings import JUDGE, Recording, piece

from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.maps.pooling import pool_power
from specsr.maps.transform import SpectrogramTransform
from specsr.pairs.consistency import back_project
from specsr.scores.baselines import interpolated_power
from specsr.synth.draws import random_run_up
from specsr.synth.synthesis import synthesise

USED = {4: WINDOWS, 2: FEW_WINDOWS}
BASE, OURS, ORACLE = BICUBICS[1], "specsr", "oracle: shape of other columns"
SECTIONS = ("noise", "real", "machines")

Scores = dict[str, dict[str, float]]
"""Method -> name of a score -> its value."""


def noise_rows(scale: int) -> list[Row]:
    """Return the deviance of white noise, one row for each window."""
    rows: list[Row] = []
    for rate, n_fft, hop in USED[scale]:
        where = "own rate" if rate is None else f"{rate:.0f} Hz"
        _, found = noise_floor(n_fft, hop, scale)
        rows.append({"window": f"{n_fft} / {hop}, {where}"} | found)
    return [*rows, {"window": "mean"} | {n: mean_error(r[n] for r in rows)[0] for n in found}]


def of_recording(recording: Recording, data: Path, scale: int) -> Scores:
    """Return the scores of bicubic interpolation and of the oracles for one recording."""
    signal, highest = piece(recording, data, SECONDS)
    sums: dict[str, list[dict[str, np.ndarray]]] = {}
    candidates: list[list[dict[str, np.ndarray]]] = []
    windows = dict.fromkeys(w for w in USED[scale] if w[0] or signal.rate != RATE)
    for rate, n_fft, hop in windows:
        given = signal if rate is None or signal.rate <= rate else signal.resample(rate)
        fine = SpectrogramTransform(n_fft, hop)(given)
        reference = measured(fine, min(highest, 0.45 * given.rate))
        power = np.square(fine.image()[0], dtype=np.float64)
        low, frames = pool_power(power, scale, scale), power.shape[1]
        bicubic = interpolated_power(low, (scale, scale), frames, BASE)
        sums.setdefault(BASE, []).append(score(reference, bicubic))
        for size, name in SMOOTHED.items():
            estimate = smoothed(power, size, scale)
            sums.setdefault(f"includes the cell: {name}", []).append(score(reference, estimate))
        speckle, _ = noise_floor(n_fft, hop, scale)
        made = oracles(power, fine.grid, scale, fine.rpm, bicubic, speckle)
        candidates.append([score(reference, estimate) for estimate in made])
    found = {method: _overall(each) for method, each in sums.items()}
    options = [_overall(each) for each in zip(*candidates, strict=True)]
    found[ORACLE] = {name: min(option[name] for option in options) for name in SCORES}
    return found


def _overall(sums: Sequence[Mapping[str, np.ndarray]]) -> dict[str, float]:
    """Return the scores over all windows and blocks."""
    return {name: overall(name, np.array([one[name] for one in sums])) for name in SCORES}


def stored(name: str, part: str = "tables") -> dict[str, Any]:
    """Return a part of the stored results of a benchmark: heading of each table -> its rows.

    Raises:
        SpecsrError: it has not been run.
    """
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        raise SpecsrError(f"{path.name}: no such result: run benchmarks/{name}.py first")
    return json.loads(path.read_text(encoding="utf-8"))[part]  # type: ignore[no-any-return]


def with_ours(found: dict[Recording, Scores], scale: int) -> float:
    """Add the stored scores of specsr; return the largest difference in bicubic's deviance."""
    rows = stored("real_maps")[f"x{scale}, by recording"]
    by_name = {(row["recording"], row["method"]): row for row in rows}
    names = {OURS: NETWORK[0], OURS + GIVEN: NETWORK[0] + GIVEN}
    differences = [0.0]
    for recording, scores in found.items():
        for method, name in names.items():
            row = by_name.get((recording.name, name))
            if row is not None:
                values = {key: row[label] for key, label in SCORES.items()}
                scores[method] = {k: np.nan if v is None else v for k, v in values.items()}
        theirs = by_name[recording.name, BASE]["deviance"]
        differences.append(abs(scores[BASE]["deviance"] - theirs))
    return max(differences)


def real_tables(found: Mapping[Recording, Scores], scale: int) -> dict[str, list[Row]]:
    """Return the tables of all recordings, with and without a speed, and of each."""
    floor = float(np.mean([noise_floor(n, hop, scale)[1][FLOOR] for _, n, hop in USED[scale]]))
    with_speed = {r: s for r, s in found.items() if OURS + GIVEN in s}
    tables: dict[str, list[Row]] = {}
    methods = (
        BASE, OURS, OURS + GIVEN, ORACLE, *(f"includes the cell: {x}" for x in SMOOTHED.values())
    )  # fmt: skip
    groups_of = {"recordings": found, "run-ups with a speed": with_speed}
    for label, of in ((f"{len(x)} {name}", x) for name, x in groups_of.items() if x):
        tables[f"x{scale}, {label}"] = [
            {"method": method} | {
                title: mean_error(s[method][name] for s in of.values())[0]
                for name, title in SCORES.items()
            }
            for method in methods if all(method in s for s in of.values())
        ]  # fmt: skip
    rows: list[Row] = []
    groups: dict[str, list[Scores]] = {}
    for recording, scores in found.items():
        groups.setdefault(recording.kind, []).append(scores)
    for kind, each in {**groups, "all": list(found.values())}.items():
        base, ours, best = (np.mean([s[m]["deviance"] for s in each]) for m in (BASE, OURS, ORACLE))
        rows.append(
            {
                "kind": kind, "recordings": len(each), BASE: base, OURS: ours, ORACLE: best,
                "noise floor": floor, "specsr, %": 100 * (ours / base - 1),
                "oracle, %": 100 * (best / base - 1),
                "gap to the oracle closed by specsr, %": 100 * (base - ours) / (base - best),
            }
        )  # fmt: skip
    tables[f"x{scale}, deviance by kind"] = rows
    tables[f"x{scale}, by recording"] = [
        {"recording": r.name} | {
            f"{m}, {name}": s[m][name] for name in ("deviance", "level", "missed")
            for m in (BASE, OURS, ORACLE)
        }
        for r, s in found.items()
    ]  # fmt: skip
    return tables


def machine_rows(count: int) -> list[Row]:
    """Return the errors of oracles and bounds over synthetic run-ups, beside specsr's."""
    squares: dict[str, dict[str, list[np.ndarray]]] = {}
    for i in progress(range(count), count, "run-ups"):
        parameters = random_run_up(FRESH + i)
        one, made = case(parameters, 4), synthesise(parameters)
        grid = SpectrogramTransform(2048, 256).grid(made.signal)
        low, truth = one.low.power[0], one.truth.astype(np.float64)
        parts = parts_of(parameters, made, grid)
        oracle, by_phase = phase_oracle(parts, low, one.low.grid, i)
        bounds = fit_variances(parts, one.low.grid, by_phase, made.rpm, grid)
        errors = {
            "true shape, measured coarse power": to_db(
                back_project(10 ** (truth / 10), low, (4, 4))
            ),
            "levels and noise known, incoherent sum of the orders": to_db(parts.incoherent),
            PHASES: oracle,
        }  # fmt: skip
        squared = {name: np.square(level - truth) for name, level in errors.items()}
        squared |= {f"Cramér-Rao, {n}": squared[PHASES] + x for n, x in bounds.items()}
        masks = {"all": np.ones(truth.shape, bool), "lines": one.lines,
                 "single lines": one.single, "close lines": one.close}  # fmt: skip
        for name, values in squared.items():
            for cells, mask in masks.items():
                squares.setdefault(name, {}).setdefault(cells, []).append(values[mask])
    theirs = {row["method"]: row for row in stored("map")["x4, 12 run-ups"]}
    rows: list[Row] = [
        {"method": name} | {cells: theirs[method][f"{cells}, RMSE dB"] for cells in CELLS}
        for name, method in STORED.items()
    ]
    return rows + [
        {"method": name} | {c: rms(np.sqrt(np.concatenate(v))) for c, v in each.items()}
        for name, each in squares.items()
    ]


PHASES = "phase oracle: levels and noise known"
CELLS = ("all", "lines", "single lines", "close lines")
STORED = {
    BASE: BASE,
    "specsr, expected": "specsr, consistency expected",
    "specsr, expected, speed known": "specsr, consistency expected, speed known",
    "orders fitted at the known speed": "orders fitted at the known speed, no network",
}


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], SECTIONS, "map_bounds")
    arguments.add_argument("--scales", type=int, nargs="+", choices=list(USED), default=[4, 2])
    arguments.add_argument(
        "--curve", action="store_true",
        help="train the points of the curve, or read those in cache/curve, and write map_curve.md "
        "(10 min of a core)",
    )  # fmt: skip
    arguments.add_argument("--seeds", type=int, default=SEEDS, help="of each point of the curve")
    arguments.add_argument(
        "--finished", action="store_true",
        help="train nothing: the curve is that of the finished trainings in cache/curve",
    )  # fmt: skip
    arguments.add_argument(
        "--keep", action="store_true",
        help="with --only: keep the tables of the other sections from results/map_bounds.json",
    )  # fmt: skip
    args = arguments.parse_args()
    torch.set_num_threads(1)
    if args.curve:
        args.full_name = "map_curve"
        rows = curve(args.data, args.seeds, args.finished)
        publish(args, "Curve of the map model over training and data", CURVE, {"x4": rows})
        return
    tables: dict[str, Sequence[Row]] = {**stored("map_bounds")} if args.keep else {}
    facts = stored("map_bounds", "facts") if args.keep else {}
    if "noise" in args.only:
        for scale in args.scales:
            tables[f"x{scale}, deviance of white noise"] = noise_rows(scale)
    if "real" in args.only:
        data = data_folder(args.data, "audio").parent
        recordings = some(JUDGE, args.limit)
        for scale in args.scales:
            steps = progress(recordings, len(recordings), f"x{scale} recordings")
            found = {recording: of_recording(recording, data, scale) for recording in steps}
            facts[f"x{scale}, largest difference of bicubic's deviance from real_maps.md"] = (
                with_ours(found, scale)
            )
            tables |= real_tables(found, scale)
    if "machines" in args.only:
        count = args.limit or 12
        tables[f"x4, {count} run-ups, rms error in dB"] = machine_rows(count)
    publish(args, "Bounds of map super-resolution", __doc__, tables, facts=facts)


if __name__ == "__main__":
    run(main)
