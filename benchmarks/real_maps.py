"""Map super-resolution of real recordings of machines, beside bicubic interpolation.

A piece of each recording (6 s from its middle, first channel) is analysed with several Hann windows
and overlaps, at 25.6 kHz and at its own rate.  The low-resolution map is the mean power of s x s
cells of that map.  The reference is the map itself: one measurement, with its random fluctuations.
Left out are cells above the bandwidth of a recording (`benchmarks/real_recordings.py`) and columns
whose window extends past the piece.

Scores, each in six equal parts of the piece (time blocks):

- deviance: mean of r - ln r - 1, r = measured / estimated power (`whittle_deviance`);
- lines: maxima over frequency with a prominence of 10 dB in the mean power of 16 columns; level:
  rms error of the power within the main lobe; peak: that of the row of the maximum; place: rms
  distance to the nearest maximum within 3 rows; missed: without a maximum within one row; invented:
  lines of the result without a maximum of the reference within one row;
- third octaves: rms error of their levels in 0.25 s, for those as wide as the main lobe;
- order cuts, where the speed is measured: rms error over time of the levels of orders 1 to 12 in
  0.32 s.

A method is *worse* than bicubic on a recording if one of its scores, at one of the scales, is worse
than that of the better of the two bicubics (plain, and with back-projection) beyond its scatter:
a time block has one difference, over all windows (they show the same sound and are not independent;
lines count once each, maps once each), and it counts if the mean over the blocks exceeds the
half-width of its 99 % confidence interval (Student's t over the blocks).  With up to 16 tests a
recording, one in twelve is counted by chance.  *By 5 %* counts only differences that also exceed
5 % of the bicubic's score.  *Better*: one of the scores is better beyond its scatter.

Small differences that one recording does not show are in the tables of differences from bicubic
with back-projection: mean and standard error over the recordings, negative where the method is
better.  *Bicubic, correction of specsr*: bicubic interpolation with the correction that `measured`
makes of the network's estimate; what it lacks of *network, measured* is the network's share.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast, get_args

import numpy as np
from common import CACHE, data_folder, in_processes, jobs_option, parser, publish, run, some
from kept_steps import kept_steps
from map_scores import SCORES, measured, score
from map_tables import BICUBICS, Blocks, by_kind, by_recording, by_score, differences, summary
from real_recordings import QUICK, SETS, Recording, piece

from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.pairs.consistency import back_project
from specsr.scores.baselines import interpolated_power

RATE = 25600.0
WINDOWS = (
    (RATE, 1024, 256), (RATE, 2048, 512), (RATE, 4096, 2048), (RATE, 8192, 1024),
    (None, 4096, 1024),
)  # fmt: skip
"""(rate in Hz or None for that of the recording, n_fft, hop)."""

FEW_WINDOWS = ((RATE, 2048, 512), (RATE, 4096, 2048))
"""Windows for x2, whose coarse maps have four times the cells, and of the quick run."""

SECONDS, QUICK_SECONDS = 6.0, 3.0

MODES: tuple[Consistency, ...] = get_args(Consistency)
GIVEN = ", speed given"
NETWORK = tuple(f"network, {mode}" for mode in MODES)
CORRECTED = "bicubic, correction of specsr"
METHODS = (*BICUBICS, CORRECTED, *NETWORK, *(name + GIVEN for name in NETWORK))


def estimates(
    fine: SpecMap, scale: int, methods: Sequence[str], model: str | None
) -> dict[str, np.ndarray]:
    """Return method -> power of one channel from the pooled map, [n_fft/2, T]."""
    low = pool(fine, scale, scale)
    power = np.square(low.image()[0], dtype=np.float64)
    found = {x: interpolated_power(power, (scale, scale), fine.grid.frames, x) for x in BICUBICS}
    if CORRECTED in methods:
        between = noise_interpolation(fine.grid, (scale, scale))
        found[CORRECTED] = back_project(found[BICUBICS[0]], power, (scale, scale), between=between)
    for method in [m for m in (*NETWORK, *(n + GIVEN for n in NETWORK)) if m in methods]:
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


def arguments() -> argparse.Namespace:
    """Return the options of this run."""
    made = parser(__doc__.splitlines()[0], METHODS, "real_maps")
    made.add_argument(
        "--set", choices=list(SETS), default="judge",
        help="list of recordings: those to judge by, or training recordings to choose constants on",
    )  # fmt: skip
    made.add_argument("--scales", type=int, nargs="+", default=[4, 2])
    jobs_option(made)
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
    found = list(in_processes(work, recordings, args.jobs, "recordings"))
    results = dict(zip(recordings, found, strict=True))
    methods = [m for m in METHODS if m in (*BICUBICS, *args.only)]  # the bicubics always
    tables = {"all scales": summary(results, methods, args.scales)}
    tables["number of recordings on which a score is worse / better than the better bicubic"] = (
        by_score(results, methods, args.scales)
    )
    for scale in args.scales:
        tables[f"x{scale}, minus bicubic with back-projection"] = differences(
            results, methods, scale
        )
    for scale in args.scales:
        tables[f"x{scale}, by kind of machine"] = by_kind(results, methods, scale)
        tables[f"x{scale}, by recording"] = by_recording(results, methods, scale)
    publish(args, "Maps of real recordings", __doc__, tables, digits=2)


if __name__ == "__main__":
    run(main)
