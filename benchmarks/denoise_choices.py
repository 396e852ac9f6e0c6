"""Constants of `specsr denoise --noise`, each beside other values of it, on machines of one set.

They are chosen on set 2; `benchmarks/denoise_kinds.py` judges them on set 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import generator
import numpy as np
from common import DATA, Row, in_processes, jobs_option, parser, publish, run
from denoise_kinds import by_noise, score
from denoise_mixes import NOISES, SNRS, mixed, mixes
from denoise_rows import Scores

from specsr.enhance import line_gain, noise_windows, pulses

Change = tuple[ModuleType, str, object]
"""Module, constant and another value of it."""

CHOICES: dict[str, list[Change]] = {
    "as chosen": [],
    "rows of 3.125 and 100 Hz": [(noise_windows, "ROW_HZ", (3.125, 100.0))],
    "3.125, 12.5, 25 and 100 Hz": [(noise_windows, "ROW_HZ", (3.125, 12.5, 25.0, 100.0))],
    "3.125, 6.25, 25 and 100 Hz": [(noise_windows, "ROW_HZ", (3.125, 6.25, 25.0, 100.0))],
    "noise kept x 1": [(noise_windows, "KEPT", 1.0)],
    "noise kept x 1.5": [(noise_windows, "KEPT", 1.5)],
    "bands of 75 Hz": [(noise_windows, "WIDTH_HZ", 75.0)],
    "bands of 300 Hz": [(noise_windows, "WIDTH_HZ", 300.0)],
    "risk over 0.15 s": [(noise_windows, "RISK_SECONDS", 0.15)],
    "risk over 0.6 s": [(noise_windows, "RISK_SECONDS", 0.6)],
    "no clear cells": [(line_gain, "LARGEST_ROW_HZ", 0.0)],
    "clear cells in all windows": [(line_gain, "LARGEST_ROW_HZ", 1e6)],
    "clear from 2.5 to 5": [(line_gain, "CLEAR", (2.5, 5.0))],
    "clear from 4 to 9": [(line_gain, "CLEAR", (4.0, 9.0))],
    "pulses: gain from rows of 25 Hz": [(pulses, "GAIN_HZ", (25.0,))],
    "pulses: share of kept noise 0.5": [(pulses, "PAUSE", 0.5)],
    "pulses: share of kept noise 0.9": [(pulses, "PAUSE", 0.9)],
}
"""Name -> what differs from the constants of the package."""

PROTOCOL = """
Mixes as in `benchmarks/denoise_kinds.py`, of one machine of each kind of the set. Each row has one
constant changed (`specsr.enhance.noise_windows`, `specsr.enhance.line_gain`): the distance of the
rows of the windows, the factor on the noise that was kept, the least width of the bands and the
time in which the error is estimated; which cells stand clear of the noise; how the pauses between
pulses are found (`specsr.enhance.pulses`). *SI-SDR*: mean over the
machines and ratios, dB. *Least gain*: the least difference of a mix from the constants as chosen,
dB. *Levels*: rms error of the levels of clear lines in third octaves, mean over the mixes, dB.
"""


@contextmanager
def changed(changes: list[Change]) -> Iterator[None]:
    """Set constants to other values for a time."""
    with ExitStack() as stack:
        for module, name, value in changes:
            stack.enter_context(patch.object(module, name, value))
        yield


def judged(each: tuple[str, int, str, float], names: list[str], data: Path) -> dict[str, Scores]:
    """Return the scores of each choice on one mix (kind, seed, noise, ratio in dB)."""
    mix = mixed(*each, data)
    found = {}
    for name in names:
        with changed(CHOICES[name]):
            found[name] = score(mix, by_noise(mix))
    return found


def main() -> None:
    options = parser(__doc__.splitlines()[0], tuple(CHOICES), "denoise_choices")
    options.add_argument(
        "--set", type=int, default=2, help="number of the set of machines (default: 2)"
    )
    options.add_argument(
        "--levels", nargs="+", type=int, choices=SNRS, default=[0, 20], metavar="DB",
        help="ratios of signal to noise (default: 0 20)",
    )  # fmt: skip
    jobs_option(options)
    args = options.parse_args()
    todo = [each for each in mixes(list(generator.KINDS), args.set) if each[3] in args.levels]
    if args.limit:
        todo = todo[:: max(1, len(todo) // args.limit)]
    work = partial(judged, names=args.only, data=args.data or DATA)
    done = in_processes(work, todo, args.jobs, "mixes:")
    tables: dict[str, list[Row]] = {}
    for which, heading in ((0, "SI-SDR, dB"), (3, "Levels of orders, rms error in dB")):
        rows = tables.setdefault(heading, [])
        for name in args.only:
            row: Row = {"choice": name}
            for noise in NOISES:
                own = [d[name][which] for e, d in zip(todo, done, strict=True) if e[2] == noise]
                row[noise] = float(np.nanmean(own)) if own else None
            if which == 0 and args.only[0] == "as chosen":
                row["least gain"] = min(d[name][0] - d["as chosen"][0] for d in done)
            rows.append(row)
    facts = f"Machines of set {args.set}, at {', '.join(map(str, args.levels))} dB."
    publish(args, "Constants of denoising with known noise", PROTOCOL + facts, tables, digits=2)


if __name__ == "__main__":
    run(main)
