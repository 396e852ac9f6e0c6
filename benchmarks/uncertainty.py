"""Calibration of the uncertainty of a map: share of the true levels within it.

The uncertainty of a cell is the half-width of its 68 % interval: 68.3 % of the true levels should
lie within.  Counted separately for lines, transients and the rest, on synthetic machines of all
kinds (known truth, see the map benchmark) and on steady recordings of car interiors outside the
training data, whose truth is the mean power of each row over the whole recording.  The rms error
of the cells, sorted by uncertainty and split into five equal parts, shows how well the uncertainty
ranks the errors.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
from common import data_folder, parser, progress, publish, run
from map import FRESH
from scipy import ndimage

from specsr import Signal
from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.io import read
from specsr.maps import levels
from specsr.maps.pooling import pool
from specsr.maps.transform import SpectrogramTransform
from specsr.scores.map_errors import line_mask
from specsr.synth.draws import random_machine
from specsr.synth.machine import RunUp
from specsr.synth.synthesis import synthesise

CLASSES = ("lines", "transients", "rest")
TRANSFORM = SpectrogramTransform(2048, 256)
KINDS = ("synthetic", "synthetic, speed known", "recorded")


def impacts(run_up: RunUp, shape: tuple[int, int]) -> np.ndarray:
    """Cells of the columns whose window contains an impact, bool [F, T]."""
    cells = np.zeros(shape, dtype=bool)
    reach = TRANSFORM.n_fft // (2 * 256)
    for impact in run_up.impacts:
        column = round(impact.time * run_up.rate / 256)
        cells[:, max(0, column - reach) : column + reach + 1] = True
    return cells


def synthetic(seed: int, scale: int, speed: bool, args: object) -> tuple[np.ndarray, ...]:
    """Return error in dB, uncertainty in dB and class of every cell of one machine."""
    scene = random_machine(seed)
    made = synthesise(scene)
    fine = TRANSFORM(made.signal)
    truth = levels.to_db(made.expected_power(fine.grid)[:-1])
    low = pool(fine, scale, scale)
    high = upscale_map(
        low if speed else low.replace(rpm=None), scale, model=args.model,
        consistency=args.consistency,
    )  # fmt: skip
    error = levels.to_db(high.image()[0].astype(float) ** 2) - truth
    lines = line_mask(truth)
    kind = np.where(lines, 0, np.where(impacts(scene, truth.shape), 1, 2))
    return error, high.uncertainty_db[0, : len(error)], kind


def recorded(path: Path, scale: int, args: object) -> tuple[np.ndarray, ...]:
    """Return error in dB, uncertainty in dB and class of every cell of one steady recording."""
    signal = read(path).resample(25600.0)
    samples = signal.samples[:1] / np.std(signal.samples[0])
    fine = TRANSFORM(Signal(samples, signal.rate, "1"))
    truth = levels.to_db(fine.power[0][:-1, 8:-8].mean(axis=1, keepdims=True))
    high = upscale_map(
        pool(fine, scale, scale), scale, model=args.model, consistency=args.consistency
    )  # fmt: skip
    inside = slice(8, -8)
    error = (levels.to_db(high.image()[0].astype(float) ** 2) - truth)[:, inside]
    around = ndimage.uniform_filter1d(truth, 49, axis=0)
    kind = np.broadcast_to(np.where(truth > around + 8, 0, 2), error.shape)
    rows = fine.freqs[:-1] < 0.9 * 12800  # below the roll-off of the resampler
    return error[rows], high.uncertainty_db[0, :-1, inside][rows], kind[rows]


def table(cells: list[tuple[np.ndarray, ...]]) -> list[dict[str, object]]:
    """One row for all cells and one per class."""
    error, uncertainty, kind = (np.concatenate([np.ravel(c[i]) for c in cells]) for i in range(3))
    rows = []
    for name, chosen in [("all", kind >= 0), *((n, kind == i) for i, n in enumerate(CLASSES))]:
        if not chosen.any():
            continue
        e, d = error[chosen].astype(float), uncertainty[chosen].astype(float)
        row: dict[str, object] = {
            "cells": name,
            "share, %": 100 * float(chosen.mean()),
            "within the uncertainty, %": 100 * float(np.mean(np.abs(e) <= d)),
            "within twice the uncertainty, %": 100 * float(np.mean(np.abs(e) <= 2 * d)),
            "rms error, dB": float(np.sqrt(np.mean(e**2))),
            "median uncertainty, dB": float(np.median(d)),
        }
        for i, part in enumerate(np.array_split(np.argsort(d), 5)):
            row[f"rms error, {PARTS[i]} fifth, dB"] = float(np.sqrt(np.mean(e[part] ** 2)))
        rows.append(row)
    return rows


PARTS = ("lowest", "2nd", "3rd", "4th", "highest")
"""Fifths of the cells by uncertainty."""


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], KINDS, "uncertainty")
    arguments.add_argument("--scales", type=int, nargs="+", default=[2, 3, 4])
    arguments.add_argument("--consistency", default="measured", choices=get_args(Consistency))
    args = arguments.parse_args()
    count = args.limit or 24
    tables = {}
    for scale in args.scales:
        if TRANSFORM.n_fft // 2 % scale:
            continue
        for kind in KINDS if scale == max(args.scales) else KINDS[:1]:
            if kind not in args.only:
                continue
            if kind == "recorded":
                paths = sorted(data_folder(args.data, "audio", "val", "car_hvac").iterdir())
                cells = [recorded(p, scale, args) for p in progress(paths, len(paths), kind)]
            else:
                cells = [
                    synthetic(FRESH + i, scale, kind != "synthetic", args)
                    for i in progress(range(count), count, f"x{scale} {kind}")
                ]
            tables[f"x{scale}, {kind}, {len(cells)} maps"] = table(cells)
    publish(args, "Uncertainty of a map", __doc__, tables, digits=2)


if __name__ == "__main__":
    run(main)
