"""Whether noise at its own level is taken for too loud, and noise of another gain is not.

`specsr denoise --noise` lowers a noise that is louder than the recording in most third octaves
(`specsr.enhance.noise_level`).  *Above*: the largest excess of noise at its own level over its
recordings.  *Lowered*: number of recordings whose noise is lowered, as it is and made louder by a
gain.  A machine far above its noise hides such a gain.  Where noise is lowered as it is, the second
table has the SI-SDR of the input, and of the result with the noise lowered and as given, dB.

*Machines*: the mixes of `benchmarks/denoise_kinds.py`.  *Recordings*: the real recordings of
`benchmarks/denoise.py` in recorded noise at 0, 10 and 20 dB, whose profile is another stretch.
"""

from __future__ import annotations

import argparse
import math
from unittest.mock import patch

import generator
from common import in_processes, jobs_option, parser, publish, run, some
from denoise_cases import real_cases
from denoise_mixes import NOISES, SNRS, mixed, mixes

from specsr import Signal, denoise
from specsr.enhance import noise_level
from specsr.enhance.noise_change import rises_of
from specsr.enhance.noise_level import LOUDER_DB, above_db
from specsr.enhance.noise_profile import noise_spectrum
from specsr.enhance.noise_windows import level_transforms, usable
from specsr.maps.transform import SpectrogramTransform
from specsr.scores.metrics import si_sdr

REAL = "recordings, recorded noise"
GAINS = (0, 10, 20, 30)


Task = tuple[str, float, Signal, Signal, Signal]
"""Set, signal-to-noise ratio in dB, clean recording, the same in noise, noise alone."""
Judged = tuple[float, list[float]]
"""Noise above the recording, dB; SI-SDR of the second table where it is lowered."""


def judge(task: Task) -> Judged:
    """Return how far a noise is above the recording that holds it, and what lowering it gives."""
    _, _, clean, noisy, alone = task
    by = above(noisy, alone)
    if by <= LOUDER_DB:
        return by, []
    scores = [si_sdr(clean.samples[0], noisy.samples[0])]
    for limit in (LOUDER_DB, math.inf):
        with patch.object(noise_level, "LOUDER_DB", limit):
            scores.append(si_sdr(clean.samples[0], denoise(noisy, noise=alone).samples[0]))
    return by, scores


def above(noisy: Signal, alone: Signal) -> float:
    """Return how far a noise is above the recording that holds it, dB."""

    def spectrum(grid):  # of the window of the map
        return noise_spectrum(alone, SpectrogramTransform(grid.n_fft, grid.hop_length))

    [maps] = rises_of(noisy, usable(level_transforms(noisy.rate), alone.length), spectrum)
    return above_db(maps)


def cases(args: argparse.Namespace) -> list[Task]:
    """Return all cases."""
    made: list[Task] = []
    if set(args.only) & set(NOISES):
        for kind, seed, noise, snr in some(mixes(list(generator.KINDS)), args.limit):
            if noise in args.only:
                mix = mixed(kind, seed, noise, snr, args.data)
                made.append((f"machines, {noise}", snr, mix.clean, mix.noisy, mix.alone))
    if REAL in args.only:
        for case in real_cases(args.data, args.limit):
            for snr in SNRS:
                at = case.at(snr)
                alone = Signal(at.profile, case.clean.rate, case.clean.unit)
                made.append((REAL, snr, case.clean, at.noisy, alone))
    return made


def main() -> None:
    options = parser(__doc__.splitlines()[0], (*NOISES, REAL), "noise_level")
    jobs_option(options)
    args = options.parse_args()
    todo = cases(args)
    found = list(in_processes(judge, todo, args.jobs, "mixes:"))
    rows = []
    for name in dict.fromkeys(task[0] for task in todo):
        own = [by for task, (by, _) in zip(todo, found, strict=True) if task[0] == name]
        rows.append(
            {"noise": name, "cases": len(own), "above, dB": max(own)}
            | {f"lowered, +{gain} dB": sum(by + gain > LOUDER_DB for by in own) for gain in GAINS}
        )
    lowered = [
        {"noise": task[0], "SNR, dB": task[1], "above, dB": by}
        | dict(zip(("input", "lowered", "as given"), scores, strict=True))
        for task, (by, scores) in zip(todo, found, strict=True)
        if scores
    ]
    tables = {"All": rows} | ({"Lowered as it is": lowered} if lowered else {})
    publish(args, "Noise beside the recording that holds it", __doc__, tables, digits=1)


if __name__ == "__main__":
    run(main)
