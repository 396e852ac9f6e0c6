"""Sharper than one window: narrow lines and short clicks in one map, beside other methods.

Fresh synthetic machines of every kind of `specsr.synth`, 4 s at 25.6 kHz, long window 8192.  Truth:
the power of each part under its own window, summed (`specsr.synth.frozen`): tones under the long
window with the machine frozen at the moment of the column, impacts under the window that fits their
decay (short ones: 512 samples), noise by its density.  All maps are densities on one grid of 3.1 Hz
x 10 ms.  Errors are rms in dB per machine, averaged over machines.

Lines: cells more than 8 dB above their mean over 49 x 17 cells in the truth of tones and noise, in
which the tones have ten times the power of all else; single lines have no other within eight rows,
close ones do; crossed: line cells within half a long window of a click.  Clicks: cells in which the
impacts have ten times the power of all else; peak: of each column with 16 such cells or more.
Around: cells of noise within half a long window of a click.  False: share of the cells of noise
with more than 6 dB over the truth.  Oracle: for every machine and every score, the best of the
three windows, each calibrated for noise and for lines.  Both: rms of the errors of lines and of
clicks, of machines with both; the oracle takes one window for both.  Half a long window at the
edges of the recording is left out.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import CACHE, mean_error, parser, progress, publish, run, some
from expected_methods import one_channel
from sharper_methods import METHODS, NAMES, Windows, estimates, of_network

from specsr import Signal, SpecMap
from specsr.enhance.sharp import sharp_map
from specsr.maps.levels import to_db
from specsr.models.bundled import find_model
from specsr.models.options import InferOptions
from specsr.pairs.windows_input import RATIOS
from specsr.scores.map_errors import line_mask
from specsr.scores.ridges import ridge_length, split_lines
from specsr.synth.draws import ALL_KINDS, random_machine
from specsr.synth.frozen import frozen_parts, frozen_power
from specsr.synth.machine import Impact, Order, RunUp
from specsr.synth.synthesis import synthesise

SEED, EACH, RATE, SECONDS, N_FFT = 985_000, 2, 25600.0, 4.0, 8192
SCORES = ("all", "lines", "single", "close", "crossed", "clicks", "peak", "around", "false")
UNITS = {"false": "%"}
COVERED = ("all", "lines", "clicks", "noise")


@dataclass(frozen=True, eq=False)
class Case:
    """A machine: kind, recording, truth in dB and classes of its cells, [F, T]."""

    kind: str
    windows: Windows
    truth: np.ndarray
    masks: dict[str, np.ndarray]


@functools.lru_cache(maxsize=1)
def case(kind: str, seed: int) -> Case:
    """Return a machine of a kind."""
    parameters = random_machine(seed, RATE, SECONDS, {kind: 1.0})
    made = synthesise(parameters)
    windows = Windows(one_channel(made.signal), N_FFT)
    grid = windows.grid
    parts = {name: power[:-1] for name, power in frozen_parts(made, grid).items()}
    tones, impacts, noise = (parts[name] for name in ("tones", "impacts", "noise"))
    quiet = to_db(tones + noise)
    lines = line_mask(quiet)
    single, close = split_lines(quiet, lines, ridge_length(grid))
    edge = grid.n_fft // (2 * grid.hop_length)
    inside = np.zeros((1, grid.frames), dtype=bool)
    inside[:, edge : -edge - 1] = True
    touched = np.zeros((1, grid.frames), dtype=bool)
    for impact in parameters.impacts:
        at = round(impact.time * RATE / grid.hop_length)
        touched[:, max(0, at - edge) : at + edge + 1] = True
    own = tones > 10 * (impacts + noise)
    masks = {
        "all": np.ones(quiet.shape, dtype=bool), "lines": lines & own, "single": single & own,
        "close": close & own, "crossed": lines & own & touched,
        "clicks": impacts > 10 * (tones + noise),
        "around": touched & (noise > 10 * (tones + impacts)),
        "noise": noise > 10 * (tones + impacts),
    }  # fmt: skip
    truth = to_db(tones + impacts + noise)
    return Case(kind, windows, truth, {name: mask & inside for name, mask in masks.items()})


def scores(of: Case, power: np.ndarray) -> dict[str, float]:
    """Return the scores of one estimate."""
    levels = to_db(power)
    error = levels - of.truth
    found = {}
    for name in SCORES:
        if name == "peak":
            columns = np.flatnonzero(of.masks["clicks"].sum(axis=0) >= 16)
            peaks = np.array([np.where(of.masks["clicks"][:, c], of.truth[:, c], -np.inf).argmax()
                              for c in columns], dtype=int)  # fmt: skip
            values = error[peaks, columns] if columns.size else np.empty(0)
        elif name == "false":
            values = error[of.masks["noise"]]
            found[name] = 100 * float(np.mean(values > 6)) if values.size else float("nan")
            continue
        else:
            values = error[of.masks[name]]
        found[name] = float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")
    return found


def judged(of: Case, found: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Return the scores of estimates, and of the best window by score."""
    judged = {method: scores(of, power) for method, power in found.items()}
    for family in ("window", "expected"):
        chosen = [f"{family}, {name}" for name in NAMES if f"{family}, {name}" in found]
        # a line has the level of the long window in a map that is calibrated for lines
        lines = [scores(of, found[m] * r) for m, r in zip(chosen, RATIOS)]
        both = [*lines, *(judged[m] for m in chosen)]
        if both:
            best = {score: min(each[score] for each in both) for score in SCORES}
            judged[f"{family}, oracle"] = best
    return judged


def kept(kind: str, seed: int, method: str, model: str | None) -> dict[str, dict[str, float]]:
    """Return the scores of a method on a machine, computed once for all but specsr's own."""
    path = CACHE / "sharper" / f"{kind}-{seed}-{method}.json"
    if method != "specsr" and path.exists():
        return json.loads(path.read_text())
    of = case(kind, seed)
    if method == "specsr":
        spec = of_network(of.windows, model)
        power = np.square(spec.magnitude[0, :-1], dtype=np.float64)
        return {method: scores(of, power) | coverage(of, spec)}
    found = judged(of, estimates(of.windows, [method]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found))
    return found


def coverage(of: Case, spec: SpecMap) -> dict[str, float]:
    """Return the share of cells whose error lies within the uncertainty, by class, %."""
    assert spec.uncertainty_db is not None
    error = to_db(np.square(spec.magnitude[0, :-1], dtype=np.float64)) - of.truth
    inside = np.abs(error) <= spec.uncertainty_db[0, :-1]
    return {
        f"within, {name}": 100 * float(inside[of.masks[name]].mean())
        if of.masks[name].any()
        else float("nan")
        for name in COVERED
    }


def cost(model: str | None) -> float:
    """Return the seconds of one core for a second of sound at `RATE`."""
    noise = np.random.default_rng(0).standard_normal((1, round(10 * RATE))).astype(np.float32)
    began = time.process_time()
    sharp_map(Signal(noise, RATE), model=model, options=InferOptions(device="cpu"))
    return (time.process_time() - began) / 10


def with_both(found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Add the error of lines and clicks together; that of an oracle is the least of its windows."""
    for method, values in found.items():
        family = method.removesuffix(", oracle")
        of = [f"{family}, {name}" for name in NAMES] if family != method else [method]
        both = [np.hypot(found[m]["lines"], found[m]["clicks"]) / np.sqrt(2) for m in of]
        values["both"] = float(min(both))
    return found


def machines(limit: int | None) -> Iterator[tuple[str, int]]:
    """Yield kind and seed of the machines."""
    listed = [(kind, SEED + 100 * i + n) for i, kind in enumerate(ALL_KINDS) for n in range(EACH)]
    yield from some(listed, limit)


def table(results: list[tuple[str, dict]], kind: str = "") -> list[dict]:
    """Return one row a method: means over the machines of a kind."""
    chosen = [found for of, found in results if kind in (of, "")]
    rows = []
    for method in chosen[0]:
        row: dict = {"kind": kind} if kind else {}
        row["method"] = method
        for name in (*SCORES, "both"):
            row[f"{name}, {UNITS.get(name, 'dB')}"] = mean_error(
                [found[method][name] for found in chosen]
            )[0]
        rows.append(row)
    return rows


def draw(path: Path, model: str | None) -> None:
    """Draw a run-up with half orders and clicks under two windows, sharp, and its truth."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    rng = np.random.default_rng(1)
    orders = tuple(
        Order(k / 2, float(rng.uniform(-25, 0)), float(rng.uniform(0, 6.28))) for k in range(1, 21)
    )
    impacts = tuple(Impact(t, 900.0 * t, 0.2, 22.0) for t in (0.7, 1.5, 2.25, 2.5, 3.3))
    made = synthesise(
        RunUp(RATE, SECONDS, (1500.0, 3600.0), orders=orders, impacts=impacts, line_to_noise=12.0)
    )
    windows = Windows(one_channel(made.signal), N_FFT)
    found = estimates(windows, ["windows"])
    spec = of_network(windows, model)
    maps = {
        "window of 512 samples": found["window, short"],
        "window of 8192 samples": found["window, long"],
        "specsr, sharp": np.square(spec.magnitude[0, :-1], dtype=np.float64),
        "truth": frozen_power(made, windows.grid)[:-1],
    }
    rows = round(700 / windows.grid.df)
    top = 10 * np.log10(maps["truth"][:rows].max()) - 3
    figure, axes = plt.subplots(1, 4, figsize=(14, 4), sharey=True, layout="constrained")
    for axis, (title, power) in zip(axes, maps.items()):
        axis.imshow(
            to_db(power[:rows]), origin="lower", aspect="auto", cmap="magma", vmin=top - 50,
            vmax=top, extent=(0, SECONDS, 0, rows * windows.grid.df),
        )  # fmt: skip
        axis.set(title=title, xlabel="time, s")
    axes[0].set_ylabel("frequency, Hz")
    figure.savefig(path, dpi=80)


def main() -> None:
    options = parser(__doc__, list(METHODS), "sharper")
    options.add_argument(
        "--figure", type=Path, metavar="FILE", help="draw a run-up, and nothing else"
    )
    args = options.parse_args()
    if args.figure:
        draw(args.figure, args.model)
        return
    if "specsr" in args.only:
        find_model(args.model, "windows", (1, 1))
    todo = list(machines(args.limit))
    results = []
    for kind, seed in progress(todo, len(todo), "machine"):
        found = [kept(kind, seed, method, args.model) for method in args.only]
        results.append((kind, with_both({k: v for each in found for k, v in each.items()})))
    kinds = list(dict.fromkeys(kind for kind, _ in results))
    tables = {
        "All machines": table(results),
        "By kind": [row for kind in kinds for row in table(results, kind)],
    }
    facts: dict[str, object] = {"machines": len(results)}
    if "specsr" in args.only:
        tables["Share of cells within the uncertainty, %"] = [
            {name: mean_error([found["specsr"][f"within, {name}"] for _, found in results])[0]
             for name in COVERED}
        ]  # fmt: skip
        facts["seconds of one core for a second of sound"] = cost(args.model)
    publish(
        args, "Sharper than one window", __doc__.split("\n", 2)[2], tables, facts=facts, digits=2
    )


if __name__ == "__main__":
    run(main)
