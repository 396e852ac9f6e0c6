"""Map super-resolution of real recordings of machines, beside bicubic interpolation.

A piece of each recording (6 s from its middle, first channel) is analysed with several Hann windows
and overlaps, at 25.6 kHz and at its own rate.  The low-resolution map is the mean power of s x s
cells of that map.  The reference is the map itself: one measurement, with its random fluctuations.
Cells above the bandwidth of a recording are left out (`benchmarks/real_recordings.py`).

Scores, each in six equal parts of the piece (time blocks):

- deviance: mean of r - ln r - 1, r = measured / estimated power (`whittle_deviance`);
- lines: maxima over frequency with a prominence of 10 dB in the mean power of 16 columns; level:
  rms error of the power within the main lobe; peak: that of the row of the maximum; place: rms
  distance to the nearest maximum within 3 rows; missed: without a maximum within one row; invented:
  lines of the result without a maximum of the reference within one row;
- third octaves: rms error of their levels in 0.25 s, for those as wide as the main lobe;
- order cuts, where the speed is measured: rms error over time of the level of an order in 0.32 s,
  mean over the orders 1 to 12.

A method is *worse* than bicubic on a recording if one of its scores, at one of the scales, is worse
than that of the better of the two bicubics (plain, and with back-projection) beyond its scatter:
the difference of the score is averaged over the windows in each time block (the windows of a block
show the same sound and are not independent), and it counts if its mean over the blocks exceeds
the half-width of its 99 % confidence interval (Student's t over the blocks).  With up to 16 tests a
recording, one in twelve is counted by chance.  *By 5 %* counts only differences that also exceed
5 % of the bicubic's score.  *Better*: one of the scores is better beyond its scatter.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import cast, get_args

import numpy as np
import torch
from common import CACHE, data_folder, parser, progress, publish, run, some
from kept_steps import kept_steps
from map_scores import SCORES, measured, score
from real_recordings import QUICK, SETS, Recording, piece
from scipy.stats import t as student

from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.scores.baselines import Interpolation, interpolated_power

RATE = 25600.0
WINDOWS = (
    (RATE, 1024, 256), (RATE, 2048, 512), (RATE, 4096, 2048), (RATE, 8192, 1024),
    (None, 4096, 1024),
)  # fmt: skip
"""(rate in Hz or None for that of the recording, n_fft, hop)."""

FEW_WINDOWS = ((RATE, 2048, 512), (RATE, 4096, 2048))
"""Windows for x2, whose coarse maps have four times the cells, and of the quick run."""

SECONDS, QUICK_SECONDS = 6.0, 3.0
CONFIDENCE, RELEVANT = 0.99, 0.05

BICUBICS: tuple[Interpolation, ...] = ("bicubic", "bicubic, back-projection")
MODES: tuple[Consistency, ...] = get_args(Consistency)
GIVEN = ", speed given"
NETWORK = tuple(f"network, {mode}" for mode in MODES)
METHODS = (*BICUBICS, *NETWORK, *(name + GIVEN for name in NETWORK))

Blocks = dict[tuple[int, str], dict[str, np.ndarray]]
"""(scale, method) -> score -> values by window and block, [windows, blocks]."""


def estimates(
    fine: SpecMap, scale: int, methods: Sequence[str], model: str | None
) -> dict[str, np.ndarray]:
    """Return method -> power of one channel from the pooled map, [n_fft/2, T]."""
    low = pool(fine, scale, scale)
    power = np.square(low.image()[0], dtype=np.float64)
    found = {x: interpolated_power(power, (scale, scale), fine.grid.frames, x) for x in BICUBICS}
    for method in [m for m in METHODS if m in methods and m not in BICUBICS]:
        mode = cast(Consistency, method.split(", ")[1])
        if method.endswith(GIVEN) and fine.rpm is None:
            continue
        given = low if method.endswith(GIVEN) else low.replace(rpm=None)
        high = upscale_map(given, scale, model=model, consistency=mode)
        found[method] = np.square(high.image()[0], dtype=np.float64)
    return found


def scored(
    recording: Recording, data: Path, seconds: float, windows: Mapping[int, Sequence[tuple]],
    methods: Sequence[str], model: str | None, folder: Path | None,
) -> Blocks:  # fmt: skip
    """Return the scores of one recording by scale and method.

    ``folder``: where the results of slow steps are kept for the next run.
    """
    torch.set_num_threads(1)
    signal, highest = piece(recording, data, seconds)
    values: dict[tuple[int, str], list[dict[str, np.ndarray]]] = {}
    for window in dict.fromkeys(w for each in windows.values() for w in each):
        rate, n_fft, hop = window
        if rate is not None and signal.rate < rate or rate is None and signal.rate == RATE:
            rate = signal.rate
        given = signal if rate in (None, signal.rate) else signal.resample(rate)
        fine = SpectrogramTransform(n_fft, hop)(given)
        reference = measured(fine, min(highest, 0.45 * given.rate))
        for scale, used in windows.items():
            if window in used:
                with kept_steps(folder):
                    found = estimates(fine, scale, methods, model)
                for name, power in found.items():
                    values.setdefault((scale, name), []).append(score(reference, power))
    return {
        key: {name: np.array([one[name] for one in each]) for name in SCORES}
        for key, each in values.items()
    }


def mean(values: np.ndarray) -> float:
    """Mean of the values that are not nan; nan without any."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def over_blocks(values: np.ndarray) -> np.ndarray:
    """Mean over the windows in every block that has a value, [blocks left]."""
    return np.array([mean(column) for column in values.T if np.isfinite(column).any()])


def compared(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return the mean of ours - theirs over the blocks and the half-width of its 99 % interval.

    Both are nan for fewer than three blocks with both.
    """
    differences = over_blocks(ours - theirs)
    if len(differences) < 3:
        return math.nan, math.nan
    quantile = student.ppf((1 + CONFIDENCE) / 2, len(differences) - 1)
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return float(differences.mean()), float(quantile * error)


def verdicts(blocks: Blocks, method: str, scale: int) -> dict[str, str]:
    """Return score -> ``"worse"``, ``"worse by 5 %"``, ``"better"`` or ``""``.

    Compared with the better of the two bicubics.
    """
    found = {}
    for name in SCORES:
        ours = blocks[scale, method][name]
        theirs = min((blocks[scale, b][name] for b in BICUBICS), key=lambda x: _or_inf(mean(x)))
        difference, scatter = compared(ours, theirs)
        found[name] = ""
        if difference > scatter:
            relevant = difference > RELEVANT * mean(theirs)
            found[name] = "worse by 5 %" if relevant else "worse"
        elif difference < -scatter:
            found[name] = "better"
    return found


def _or_inf(value: float) -> float:
    return math.inf if math.isnan(value) else value


def summary(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scales: Sequence[int]
) -> list[dict[str, object]]:
    """One row per method: on how many recordings it is worse, and its mean scores."""
    rows = []
    for method in methods:
        of = {r: b for r, b in results.items() if (scales[0], method) in b}
        if not of:
            continue
        judged = {r: [v for s in scales for v in verdicts(b, method, s).values()]
                  for r, b in of.items()}  # fmt: skip
        row: dict[str, object] = {"method": method}
        row[f"worse than bicubic, of {len(results)} recordings"] = _out_of(
            sum(any(v.startswith("worse") for v in each) for each in judged.values()), of, results
        )
        row["by 5 %"] = sum("worse by 5 %" in each for each in judged.values())
        row["better"] = sum("better" in each for each in judged.values())
        for scale in scales:
            for name, label in SCORES.items():
                row[f"x{scale} {label}" if len(scales) > 1 else label] = mean(
                    np.array([mean(b[scale, method][name]) for b in of.values()])
                )
        rows.append(row)
    return rows


def _out_of(count: int, of: Mapping, results: Mapping) -> object:
    """A count, with the number of recordings if the method does not apply to all."""
    return count if len(of) == len(results) else f"{count} of {len(of)}"


def by_score(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scales: Sequence[int]
) -> list[dict[str, object]]:
    """One row per method: number of recordings on which each score is worse / better."""
    rows = []
    for method in methods:
        row: dict[str, object] = {"method": method}
        for scale in scales:
            found = [verdicts(b, method, scale) for b in results.values() if (scale, method) in b]
            for name in SCORES:
                worse = sum(v[name].startswith("worse") for v in found)
                row[f"x{scale} {name}"] = f"{worse} / {sum(v[name] == 'better' for v in found)}"
            if not found:
                break
        else:
            rows.append(row)
    return rows


def by_kind(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scale: int
) -> list[dict[str, object]]:
    """One row per kind of machine and method: its mean scores."""
    rows = []
    for kind in dict.fromkeys(r.kind for r in results):
        of_kind = {r: b for r, b in results.items() if r.kind == kind}
        for row in summary(of_kind, methods, [scale]):
            worse = row.pop(f"worse than bicubic, of {len(of_kind)} recordings")
            rows.append({"kind": kind, "recordings": len(of_kind), "method": row["method"],
                         "worse": worse} | row)  # fmt: skip
    return rows


def by_recording(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scale: int
) -> list[dict[str, object]]:
    """One row per recording and method: its scores and what is worse than bicubic."""
    rows = []
    for recording, blocks in results.items():
        for method in methods:
            if (scale, method) in blocks:
                found = verdicts(blocks, method, scale)
                row: dict[str, object] = {"recording": recording.name, "method": method}
                row |= {label: mean(blocks[scale, method][name]) for name, label in SCORES.items()}
                row["worse"] = ", ".join(k for k, v in found.items() if v.startswith("worse"))
                row["worse by 5 %"] = ", ".join(k for k, v in found.items() if v == "worse by 5 %")
                row["better"] = ", ".join(k for k, v in found.items() if v == "better")
                rows.append(row)
    return rows


def arguments() -> argparse.Namespace:
    """Return the options of this run."""
    made = parser(__doc__.splitlines()[0], METHODS, "real_maps")
    made.add_argument(
        "--set", choices=list(SETS), default="judge",
        help="list of recordings: those to judge by, or training recordings to choose constants on",
    )  # fmt: skip
    made.add_argument("--scales", type=int, nargs="+", default=[4, 2])
    made.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    made.add_argument(
        "--quick", action="store_true", help="8 recordings, 3 s, two windows; printed only"
    )
    made.add_argument(
        "--keep", action="store_true",
        help="keep the results of the network and of the search for the speed in cache/steps, for "
        "the next run with it (1 GB for a full run)",
    )  # fmt: skip
    args = made.parse_args()
    if args.quick:
        args.limit = args.limit or 8
    if args.set != "judge":
        args.full_name = f"real_maps_{args.set}"
    return args


def main() -> None:
    args = arguments()
    data = data_folder(args.data, "audio").parent
    recordings = [r for r in SETS[args.set] if not args.quick or r.name in QUICK[args.set]]
    recordings = some(recordings, args.limit)
    windows = {s: FEW_WINDOWS if args.quick or s == 2 else WINDOWS for s in args.scales}
    work = partial(
        scored, data=data, seconds=QUICK_SECONDS if args.quick else SECONDS, windows=windows,
        methods=args.only, model=args.model, folder=CACHE / "steps" if args.keep else None,
    )  # fmt: skip
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, mp_context=context) as workers:
        found = list(progress(workers.map(work, recordings), len(recordings), "recordings"))
    results = dict(zip(recordings, found, strict=True))
    methods = [m for m in METHODS if m in (*BICUBICS, *args.only)]  # the bicubics always
    tables = {"all scales": summary(results, methods, args.scales)}
    tables["number of recordings on which a score is worse / better than the better bicubic"] = (
        by_score(results, methods, args.scales)
    )
    for scale in args.scales:
        tables[f"x{scale}, by kind of machine"] = by_kind(results, methods, scale)
        tables[f"x{scale}, by recording"] = by_recording(results, methods, scale)
    publish(args, "Maps of real recordings", __doc__, tables, digits=2)


if __name__ == "__main__":
    run(main)
