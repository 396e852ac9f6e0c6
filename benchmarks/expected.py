"""Expected maps from recordings: the network beside averages and multitapers, by kind of machine.

Synthetic machines have an exact truth, the expected power of every cell: 24 of a generator of its
own (`benchmarks/generator.py`), one or more of every kind of `specsr.synth` and eight plain
run-ups, of seeds that neither a model nor a constant was chosen on.  The analysis changes from
machine to machine.  Errors are rms in dB per machine, averaged over the machines of a kind.  Lines
are cells more than 8 dB above their mean over 49 x 17 cells, single lines have no other within
eight rows, close ones do; clicks are left out of both.  Place: rms distance of found ridges, rows.
Invented: ridges of three windows or more without a counterpart within three rows.  Clicks: error of
the peak of each column that holds an impact 10 dB over the noise, rms.  Coverage: share of cells
whose error lies within the uncertainty (68.3 % is right).  Worse than the mean of 3 columns: kinds
with a score that is worse in the mean of their machines, the difference with its standard error.

A real recording is split into two with independent noise (`specsr.train.splitting`): the map of one
is the input; the deviance (mean of r - ln r - 1, r the power of the other over the estimate) is
0.577 for the expected power and higher for all else.  Third octaves: largest difference from the
measured map, over the whole recording.  Of steady recordings the middle second is compared with the
mean power over all of the recording, without fades: rms over third octaves, and over cells.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import generator
import numpy as np
import torch
from common import mean_error, parser, progress, publish, run, some
from expected_methods import METHODS, analysed, estimates, one_channel, power
from expected_tables import table, worse
from generator import machine_set
from real_recordings import JUDGE, piece

from specsr import Signal, third_octave_levels
from specsr.choices import Precision
from specsr.enhance.expected import expected
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.scores.map_errors import line_mask
from specsr.scores.metrics import whittle_deviance
from specsr.scores.ridges import compare_lines, ridge_length, split_lines
from specsr.synth.draws import ALL_KINDS, random_machine, random_run_up
from specsr.synth.synthesis import synthesise
from specsr.train.splitting import split

GRIDS = ((2048, 512), (2048, 256), (4096, 1024), (1024, 512), (2048, 1024), (8192, 2048))
"""Window and hop, in turn over the machines."""
FURTHER = (
    (25600.0, 512, 51), (25600.0, 512, 384), (25600.0, 1024, 256), (25600.0, 4096, 410),
    (25600.0, 4096, 3072), (25600.0, 16384, 4096), (2048.0, 512, 128), (48000.0, 2048, 512),
)  # fmt: skip
"""Rate, window and hop of four of the run-ups each."""
RUN_UPS, SEED = 8, 980_000
STEADY = ("carhvac06", "carhvac12", "carhvac17", "background_020")
"""Steady recordings of the list."""
FADES = 0.5
"""Start and end of these that are left out, s: some fade in and out."""
SECONDS = 8.0
"""Longest part of a real recording."""
CLASSES = ("all", "lines", "single", "close")
COVERED = ("all", "lines", "clicks", "noise")


@dataclass(frozen=True, eq=False)
class Case:
    """A machine: its kind, recording, measured map, expected levels in dB and classes of cells."""

    kind: str
    signal: Signal
    measured: SpecMap
    truth: np.ndarray
    masks: dict[str, np.ndarray]


def _case(kind: str, signal: Signal, grid: tuple[int, int], clean, noise, impacts) -> Case:
    spec = analysed(signal, *grid)
    truth = to_db(clean + noise)
    lines = line_mask(truth)
    single, close = split_lines(truth, lines, ridge_length(spec.grid))
    touched = np.zeros((1, truth.shape[1]), dtype=bool)
    at = np.arange(truth.shape[1]) * grid[1]
    for when in impacts:
        touched[0] |= np.abs(at - when * signal.rate) <= grid[0] / 2 + grid[1]
    masks = {
        "all": np.ones(truth.shape, dtype=bool), "lines": lines & ~touched,
        "single": single & ~touched, "close": close & ~touched,
        "clicks": touched & (clean > 10 * noise), "noise": (clean < 0.1 * noise) & ~touched,
    }  # fmt: skip
    return Case(kind, signal, spec, truth, masks)


def cases(limit: int | None) -> list[tuple[str, object]]:
    """Return every machine as its name and a function that makes its `Case`."""
    made: list[tuple[str, object]] = []
    for i, (kind, seed) in enumerate(machine_set(0)):
        made.append((kind, lambda k=kind, s=seed, g=GRIDS[i % len(GRIDS)]: other(k, s, g)))
    for i, kind in enumerate(ALL_KINDS):
        run_of = (SEED + 100 + i, 25600.0, 5.0, {kind: 1.0})
        made.append((kind, lambda k=kind, r=run_of, g=GRIDS[i % len(GRIDS)]: drawn(k, r, g)))
    for i in range(RUN_UPS):
        made.append(("run-up", lambda s=SEED + i: own("run-up", random_run_up(s), (2048, 256))))
    return some(made, limit)


def other(kind: str, seed: int, grid: tuple[int, int]) -> Case:
    """Return a machine of the other generator with its truth."""
    machine = generator.make(kind, seed)
    signal = Signal(machine.samples().astype(np.float32)[None], machine.rate, "Pa")
    clean, noise = (f(machine, *grid) for f in (generator.clean_power, generator.noise_power))
    return _case(f"{kind} *", signal, grid, clean, noise, machine.impacts)


def drawn(kind: str, run_of: tuple, grid: tuple[int, int]) -> Case:
    """Return a machine of a kind of `specsr.synth`."""
    return own(kind, random_machine(*run_of), grid)


def own(kind: str, parameters, grid: tuple[int, int]) -> Case:
    """Return a machine of `specsr.synth` with its truth."""
    made = synthesise(parameters)
    signal = one_channel(made.signal)
    spec = analysed(signal, *grid).grid
    clean = power(analysed(one_channel(made.clean), *grid))
    noise = np.maximum(made.expected_power(spec)[:-1] - clean, 0)
    return _case(kind, signal, grid, clean, noise, [i.time for i in parameters.impacts])


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")


def scores(case: Case, estimate: np.ndarray, uncertainty: np.ndarray | None) -> dict[str, float]:
    """Return the scores of one estimate of one machine."""
    levels = to_db(estimate)
    error = levels - case.truth
    found = {f"{name}, dB": rms(error[case.masks[name]]) for name in CLASSES}
    ridges = compare_lines(case.truth, levels, case.measured.grid)
    found |= {"place, rows": ridges.position_rms, "found, %": 100 * ridges.found}
    found["invented, %"] = 100 * ridges.invented
    clicks = case.masks["clicks"]
    columns = np.flatnonzero(clicks.sum(axis=0) >= 16)
    found["clicks, dB"] = rms(
        np.array([levels[:, c].max() - case.truth[:, c].max() for c in columns])
    )
    if uncertainty is not None:
        for name in COVERED:
            inside = (np.abs(error) <= uncertainty)[case.masks[name]]
            found[f"within, {name}, %"] = 100 * inside.mean() if inside.size else float("nan")
    return found


def real(signal: Signal, highest: float, model: Model | None, only: list[str]) -> dict[str, dict]:
    """Return the scores of one real recording, method -> score -> value."""
    rng = np.random.default_rng(0)
    first, second = split(signal, 2048, rng)
    one, other = (analysed(x, 2048, 512) for x in (first, second))
    rows = int(np.searchsorted(one.freqs[:-1], highest))
    reference = power(other)[:rows]
    found = {
        name: {"deviance": float(whittle_deviance(reference, estimate[:rows]))}
        for name, (estimate, _) in estimates(first, one, model, only).items()
    }
    if "specsr" in only:
        spec = analysed(signal, 2048, 512)
        clean = expected(spec, model=model)
        ours, theirs = (third_octave_levels(x) for x in (clean, spec))
        kept = theirs.resolved & np.isfinite(theirs.levels[0])
        found["specsr"]["third octaves, dB"] = float(
            np.abs(ours.levels[0] - theirs.levels[0])[kept].max()
        )
    return found


def steady(signal: Signal, highest: float, model: Model | None, only: list[str]) -> dict[str, dict]:
    """Return how the middle second agrees with the mean of the recording without its fades."""
    fade, length = round(FADES * signal.rate), round(signal.rate)
    signal = signal.replace(samples=signal.samples[:, fade:-fade])
    spec = analysed(signal, 2048, 512)
    first = (signal.length - length) // 2
    second = signal.replace(samples=signal.samples[:, first : first + length])
    part = analysed(second, 2048, 512)
    inside = slice(2, part.grid.frames - 3)  # windows inside the second
    rows = slice(4, int(np.searchsorted(spec.freqs[:-1], highest)))
    mean = power(spec)[:, 2:-3].mean(axis=1)
    found = {}
    for name, (estimate, uncertainty) in estimates(second, part, model, only).items():
        cells = to_db(estimate)[rows, inside] - to_db(mean)[rows, None]
        ratios = []
        low = spec.freqs[rows.start] * 2
        while low * 2 ** (1 / 3) < highest:
            band = (spec.freqs[:-1] >= low) & (spec.freqs[:-1] < low * 2 ** (1 / 3))
            if band.sum() >= 4:
                ratios.append(estimate[band][:, inside].mean(axis=1).sum() / mean[band].sum())
            low *= 2 ** (1 / 3)
        found[name] = {
            "third octaves, dB": rms(10 * np.log10(ratios)), "a cell, dB": rms(cells),
        }  # fmt: skip
        if uncertainty is not None:
            inside_of = np.abs(cells) <= uncertainty[rows, inside]
            found[name]["within, %"] = 100 * float(inside_of.mean())
    return found


def by_grid(model: Model | None, only: list[str]) -> list[dict]:
    """Return one row for each analysis of `FURTHER`: rms errors over all cells and over lines."""
    rows = []
    for rate, n_fft, hop in FURTHER:
        found: dict[str, list[float]] = {}
        for seed in range(SEED, SEED + 4):
            case = own("", random_run_up(seed, rate), (n_fft, hop))
            for name, pair in estimates(case.signal, case.measured, model, only).items():
                error = to_db(pair[0]) - case.truth
                for of in ("all", "lines"):
                    key = f"{name}, {of}"
                    found.setdefault(key, []).append(rms(error[case.masks[of]]))
        grid = {"rate, Hz": rate, "window": n_fft, "overlap, %": 100 * (1 - hop / n_fft)}
        rows.append(grid | {key: mean_error(values)[0] for key, values in found.items()})
    return rows


def speed(
    model: Model | None, precisions: Sequence[Precision] = ("float32", "bfloat16")
) -> dict[str, float]:
    """Return how many seconds of sound at 48 kHz a second of one core makes, Hann 2048/512."""
    noise = np.random.default_rng(0).standard_normal((1, 48000 * 20)).astype(np.float32)
    spec = analysed(Signal(noise, 48000.0), 2048, 512)
    found, threads = {}, torch.get_num_threads()
    torch.set_num_threads(1)
    for precision in precisions:
        began = time.process_time()
        expected(spec, model=model, options=InferOptions(device="cpu", precision=precision))
        found[f"times real time of one core, {precision}"] = 20 / (time.process_time() - began)
    torch.set_num_threads(threads)
    return found


def main() -> None:
    args = parser(__doc__, list(METHODS), "expected").parse_args()
    model = find_model(args.model, "speckle", (1, 1)) if "specsr" in args.only else None
    machines = []
    todo = cases(args.limit)
    for _, make in progress(todo, len(todo), "machine"):
        case = make()
        found = estimates(case.signal, case.measured, model, args.only)
        machines.append((case.kind, {name: scores(case, *pair) for name, pair in found.items()}))
    recordings, seconds = [], []
    listed = some(JUDGE, args.limit)
    for recording in progress(listed, len(listed), "recording"):
        signal, highest = piece(recording, args.data, SECONDS)
        signal = one_channel(signal)
        recordings.append((recording.kind, real(signal, highest, model, args.only)))
        if recording.name in STEADY:
            whole, highest = piece(recording, args.data, 60.0)
            seconds.append((recording.name, steady(one_channel(whole), highest, model, args.only)))
    chosen = [name for name in ("periodogram", "columns", "specsr") if name in args.only]
    grids = [] if args.limit else by_grid(model, chosen)
    names = [f"{c}, dB" for c in CLASSES] + ["place, rows", "found, %", "invented, %", "clicks, dB"]
    within = [f"within, {name}, %" for name in COVERED]
    kinds = list(dict.fromkeys(kind for kind, _ in machines))
    sorts = list(dict.fromkeys(kind for kind, _ in recordings))
    tables = {
        "All machines": table(machines, names, ""),
        "Run-ups": table(machines, names, "run-up") if "run-up" in kinds else [],
        "By kind (* of the other generator)": [
            row for kind in kinds for row in table(machines, names, kind)
        ],
        "Worse than the mean of 3 columns": (
            worse(machines, names[:-3]) if {"columns", "specsr"} <= set(args.only) else []
        ),
        "Run-ups by analysis, dB": grids,
        "Coverage": [
            row | {"kind": kind}
            for kind in kinds
            for row in table(machines, within, kind)
            if row["method"] == "specsr"
        ],
        "Real recordings": [
            row
            for kind in sorts
            for row in table(recordings, ["deviance", "third octaves, dB"], kind)
        ],
        "One second of steady recordings": [
            row
            for name, _ in seconds
            for row in table(seconds, ["third octaves, dB", "a cell, dB", "within, %"], name)
        ],
    }
    facts = {"machines": len(machines), "recordings": len(recordings)}
    if model is not None:
        facts |= {"model": model.name, "threads": torch.get_num_threads(), **speed(model)}
    publish(
        args, "Expected maps from recordings", __doc__.split("\n", 2)[2],
        {name: rows for name, rows in tables.items() if rows}, facts=facts, digits=2,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
