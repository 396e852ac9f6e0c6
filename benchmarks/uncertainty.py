"""Calibration of the uncertainty of a map: share of the true levels within it.

The uncertainty of a cell is the half-width of its 68 % interval: 68.3 % of the true levels should
lie within.  Maps are Hann 2048/256.

*Synthetic*: machines of `specsr.synth` of all kinds, of seeds that nothing was trained on.
*Another generator*: the machines of set 0 of `benchmarks/generator.py`, without a speed; the
constants of `specsr.enhance.uncertainty` were fitted to others (`benchmarks/uncertainty_fit.py`).
Both have a known truth.  The classes of cells are those of `benchmarks/machines.py`.

*Recorded*: recordings that no bundled model was trained on (`benchmarks/real_recordings.py`, 6 s,
at most 25.6 kHz), in those rows whose sound is steady; their truth is the mean power of the row.
Steady: the power scatters no more than that of noise, over the cells (relative variance at most 1
plus twice its own scatter), over parts of 1 s (at most the 95 % quantile), and over the cells of
the 49 rows around together, which shows the modulation by a blade or an engine that one row alone
does not.  The scatter of the mean is taken out: it is added to the uncertainty in squares.  Lines
are rows 8 dB above the mean of the 49 around.  The error of such a row is nearly the same in all
its columns, and few rows are steady lines: see the standard error.

*Clear lines* of recordings need no steady sound: ridges of three windows or more, with the rows
beside them, 22 dB above the median level of the 49 rows around.  Their truth is the measured cell,
which is off by its noise, 0.5 dB or less, and the result reproduces that noise: it is taken out as
well, by adding a random error of that scatter to each cell.

The standard error of a share is that over the maps, whose cells are not independent.

The rms error of the cells, sorted by uncertainty and split into five equal parts, shows how well
the uncertainty ranks the errors.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import get_args

import numpy as np
from common import data_folder, in_processes, jobs_option, parser, publish, run, some
from generator import machine_set
from machine_cases import HOP, LOW_HZ, N_FFT, case, classes, touched_columns
from map import FRESH
from map_coverage import Judged, by_class, by_kind, judged
from real_recordings import JUDGE, Recording, piece
from scipy.ndimage import binary_dilation, median_filter, uniform_filter1d
from scipy.stats import chi2

from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool, power_correlation
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.speed_options import SpeedOptions
from specsr.scores.ridges import ridge_length, ridges
from specsr.synth.draws import random_machine
from specsr.synth.synthesis import synthesise

SYNTHETIC, KNOWN, OTHER, RECORDED = (
    "synthetic", "synthetic, speed known", "another generator", "recorded",
)  # fmt: skip
SECTIONS = (SYNTHETIC, KNOWN, OTHER, RECORDED)
RATE, SECONDS = 25600.0, 6.0
LINE_DB, CLEAR_DB, AROUND = 8.0, 22.0, 49
PROMINENCE, SMOOTHED = 10.0, 8
"""Of the ridges of clear lines, dB; columns that the level of the rows around is averaged over."""

Task = tuple[str, object, int]
"""Section, what is judged, scale."""


def result(low: SpecMap, scale: int, find: bool, args: argparse.Namespace) -> tuple:
    """Return the levels of the finer map in dB and their uncertainty in dB, [F, T'] each."""
    high = upscale_map(
        low, scale, model=args.model, consistency=args.consistency, speed=SpeedOptions(find)
    )
    return levels.to_db(high.image()[0].astype(float) ** 2), high.uncertainty_db[0, :-1]


def synthetic_case(seed: int, scale: int) -> tuple[SpecMap, np.ndarray, dict[str, np.ndarray]]:
    """Return the coarse map of a machine of `specsr.synth`, its true levels in dB, and classes."""
    scene = random_machine(seed)
    made = synthesise(scene)
    transform = SpectrogramTransform(N_FFT, HOP)
    fine = transform(made.signal)
    clean = transform(made.clean).power[0, :-1].astype(float)
    noise = made.expected_power(fine.grid)[:-1] - clean
    touched = touched_columns([x.time for x in scene.impacts], scene.rate, clean.shape[1])
    truth, masks = classes(clean, noise, touched, fine.grid, scale)
    return pool(fine, scale, scale), truth, masks


def synthetic(seed: int, scale: int, known: bool, args: argparse.Namespace) -> Judged:
    """Return the errors of one machine of `specsr.synth`."""
    low, truth, masks = synthetic_case(seed, scale)
    db, uncertainty = result(low if known else low.replace(rpm=None), scale, True, args)
    return judged("", db - truth, uncertainty, masks)


def other(machine: tuple[str, int], scale: int, args: argparse.Namespace) -> Judged:
    """Return the errors of one machine of the other generator, given by kind and seed."""
    one = case(*machine, scale)
    db, uncertainty = result(one.low.replace(rpm=None), scale, False, args)
    return judged(machine[0], db - one.truth, uncertainty, one.masks)


def recorded(recording: Recording, scale: int, args: argparse.Namespace) -> Judged:
    """Return the errors of the steady rows of one recording."""
    signal, highest = piece(recording, args.data, SECONDS)
    if signal.rate > RATE:
        signal, highest = signal.resample(RATE), min(highest, 0.45 * RATE)
    fine = SpectrogramTransform(N_FFT, HOP)(signal.replace(rpm=None))
    db, uncertainty = result(pool(fine, scale, scale), scale, False, args)
    edge = N_FFT // (2 * HOP)
    inside = slice(edge, -edge)
    power = np.square(fine.image()[0][:, inside], dtype=np.float64)
    mean = power.mean(axis=1, keepdims=True)
    truth = levels.to_db(mean)
    rows = steady(power, fine.grid) & (fine.freqs[:-1] < highest)
    scatter = 10 / np.log(10) * np.sqrt(mean_variance(fine.grid, power.shape[1]))
    widened = np.hypot(uncertainty[:, inside], scatter)
    lines = truth > uniform_filter1d(truth, AROUND, axis=0) + LINE_DB
    low = (fine.freqs[:-1] < LOW_HZ)[:, None]
    every = np.ones(power.shape, dtype=bool)
    masks = {
        "all": every, "lines": lines & every, "noise": ~lines & every, "below 2 kHz": low & every,
        "lines below 2 kHz": low & lines & every,
    }  # fmt: skip
    chosen = {name: mask[rows] for name, mask in masks.items()}
    found = judged(recording.kind, (db[:, inside] - truth)[rows], widened[rows], chosen)
    floor = floor_around(power)
    clear = clear_lines(power, floor, fine.grid) & (fine.freqs[:-1] < highest)[:, None]
    off = db[:, inside] - levels.to_db(power) + noise_of_lines(power, floor)
    own = judged(recording.kind, off, uncertainty[:, inside], {"clear lines": clear})
    return Judged(recording.kind, found.error | own.error, found.uncertainty | own.uncertainty)


def floor_around(power: np.ndarray) -> np.ndarray:
    """Return the power of the noise around each cell, [F, T]."""
    smooth = uniform_filter1d(power, SMOOTHED + 1, axis=1)[:, ::SMOOTHED]
    floor = np.repeat(median_filter(smooth, (AROUND, 1)), SMOOTHED, axis=1)
    return np.asarray(floor[:, : power.shape[1]])


def clear_lines(power: np.ndarray, floor: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the cells of lines far above the noise around them, bool [F, T]."""
    found = ridges(levels.to_db(power), ridge_length(grid), PROMINENCE)
    near = binary_dilation(found, np.ones((3, 1)))
    return np.asarray(near & (power > 10 ** (CLEAR_DB / 10) * floor))


def noise_of_lines(power: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Return random errors in dB with the scatter of cells of a line by their noise, [F, T].

    The cross terms of a line and a noise of the share q have the relative variance 2 q.
    """
    share = np.minimum(floor / np.maximum(power, 1e-300), 1.0)
    drawn = np.random.default_rng(0).standard_normal(power.shape)
    return np.asarray(10 / np.log(10) * np.sqrt(2 * share) * drawn)


def mean_variance(grid: Grid, columns: int) -> float:
    """Return the relative variance of the mean power of a row of noise over so many columns."""
    lag = min(columns, -(-grid.n_fft // grid.hop_length))
    correlation = power_correlation(grid, 1, lag)[0]
    pairs = (columns - np.arange(lag)) * np.where(np.arange(lag), 2, 1)
    return float(pairs @ correlation) / columns**2


def steady(power: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the rows whose power scatters no more than that of steady noise, bool [F]."""
    mean = np.maximum(power.mean(axis=1), 1e-150)
    columns = power.shape[1]
    # the variance of exponential values has a relative variance of 8 / their number
    scatter = np.sqrt(8 * mean_variance(grid, columns))
    relative = power.var(axis=1) / mean**2
    # half of the rows around are independent, less than that within a main lobe
    together = uniform_filter1d(relative, AROUND) <= 1 + 2 * scatter / np.sqrt(AROUND / 2)
    size = max(1, round(1 / grid.dt))
    parts = power[:, : columns // size * size].reshape(len(power), -1, size).mean(axis=2)
    free = parts.shape[1] - 1
    slow = mean_variance(grid, size) * (chi2.ppf(0.95, free) / free if free else np.inf)
    kept = (relative <= 1 + 2 * scatter) & (parts.var(axis=1, ddof=1) <= slow * mean**2)
    return np.asarray(kept & together & (power.mean(axis=1) > 0))


def judge(task: Task, args: argparse.Namespace) -> Judged:
    """Return the errors of one task."""
    section, what, scale = task
    if section == RECORDED:
        return recorded(what, scale, args)  # type: ignore[arg-type]
    if section == OTHER:
        return other(what, scale, args)  # type: ignore[arg-type]
    return synthetic(what, scale, section == KNOWN, args)  # type: ignore[arg-type]


def members(section: str, args: argparse.Namespace) -> list:
    """Return what is judged in a section."""
    if section == RECORDED:
        data_folder(args.data, "audio")
        return some(JUDGE, args.limit)
    if section == OTHER:
        return some(machine_set(0), args.limit)
    return [FRESH + i for i in range(args.limit or 12)]


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], SECTIONS, "uncertainty")
    arguments.add_argument("--scales", type=int, nargs="+", default=[4, 2], choices=[2, 4])
    arguments.add_argument("--consistency", default="measured", choices=get_args(Consistency))
    jobs_option(arguments)
    args = arguments.parse_args()
    tables = {}
    work = partial(judge, args=args)
    for scale in args.scales:
        for section in (s for s in SECTIONS if s in args.only and (scale == 4 or s != KNOWN)):
            tasks = [(section, what, scale) for what in members(section, args)]
            found = list(in_processes(work, tasks, args.jobs, f"x{scale} {section}"))
            label = f"x{scale}, {section}, {len(found)} maps"
            tables[label] = by_class(found)
            if found[0].kind:
                tables[f"{label}: within the uncertainty by kind, %"] = by_kind(found)
    publish(args, "Uncertainty of a map", __doc__, tables, digits=2)


if __name__ == "__main__":
    run(main)
