"""Calibration of the uncertainty of a denoised map (`specsr denoise --noise`) by class of cells."""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import generator
import numpy as np
from common import DATA, parser, progress, publish, run
from denoise_mixes import SET, noise_of
from map_coverage import within
from scipy.ndimage import maximum_filter1d

from specsr import Signal, SpectrogramTransform, denoise, spectrogram
from specsr.choices import MAX_ATTENUATION
from specsr.enhance.denoised_uncertainty import with_uncertainty
from specsr.enhance.known_noise import KnownNoise, without_noise
from specsr.enhance.noise_profile import Noise, noise_spectrum
from specsr.models.options import InferOptions

STEADY = [(noise, snr) for noise in ("white", "ventilation") for snr in (0, 10, 20)]
CHANGING = [(noise, 10) for noise in ("swelling", "passing")]
MAPS = (1024, 4096)
"""Windows of the maps that are denoised, samples; a hop of a quarter."""
RECORDING = "waveform"
"""The map of a denoised recording, as a map file of `specsr denoise` has it."""
CLASSES = ("all", "lines", "clicks", "kept", "in part", "removed", "below the noise")
LEAST_DB, CLEAR_DB = -20.0, 10.0
FEWEST = 300

PROTOCOL = f"""
Machines of `benchmarks/generator.py` (set {SET}, one of each kind, used for no training and no
choice), with their own noise, in the noises of `benchmarks/denoise_kinds.py`; ratios over the
whole recording. The noise that is known is another stretch. Maps with windows of {MAPS[0]} and
{MAPS[1]} samples are denoised, and recordings, whose result is turned into a map afterwards
(*{RECORDING}*).

The truth of a cell is the level in the map of the machine before noise was added. Levels count from
{-LEAST_DB:g} dB below the noise up: a true level below that counts as {-LEAST_DB:g} dB below it.
Where neither result nor truth stands above, there is no level, and the cell is not counted. The
uncertainty is the half-width of the 68 % interval.

*Lines*: local maxima over frequency {CLEAR_DB:g} dB above the noise and one row to either side.
*Clicks*: columns of single impacts, where they stand above the noise. *Kept*, *in part*, *removed*:
attenuated by less than 3, by 3 to 20, by more than 20 dB. *Below the noise*: true levels below the
noise. The last is chosen by the truth, which the result does not know: intervals that hold 68 % of
the cells that look alike need not hold 68 % of those that are alike. Classes of fewer than {FEWEST}
cells are empty.
"""


@dataclass(frozen=True, eq=False)
class Found:
    """Errors of the cells of one map, those that count.

    Attributes:
        kind, noise, map: of the machine, of the noise with its ratio, and of the map.
        error: result minus truth, dB, [n].
        uncertainty: dB, [n].
        masks: class -> bool [n].
    """

    kind: str
    noise: str
    map: str
    error: np.ndarray
    uncertainty: np.ndarray
    masks: dict[str, np.ndarray]


def judged(
    kind: str, noise_kind: str, snr: float, follow: bool, args: argparse.Namespace
) -> list[Found]:
    """Return the errors of one machine in one noise."""
    seed = next(seed for name, seed in generator.machine_set(SET) if name == kind)
    made = generator.make(kind, seed)
    samples = made.samples() / np.sqrt(np.mean(np.square(made.samples())))
    clean = Signal(samples[None], made.rate, "Pa")
    noise, profile = noise_of(noise_kind, seed, clean.length, made.rate, args.data)
    gain = 10 ** (-snr / 20) / np.sqrt(np.mean(np.square(noise)))
    noisy = clean.replace(samples=clean.samples + gain * noise)
    alone = Noise(Signal(gain * profile, made.rate, "Pa"), follow)
    title = f"{noise_kind}, {snr} dB" + ", followed" * follow
    found = []
    for name in (*map(str, MAPS), RECORDING):
        if name == RECORDING:
            specs = [spectrogram(each) for each in (noisy, clean)]
            known = KnownNoise.of(alone, specs[0], args.model)
            waveform = spectrogram(denoise(noisy, noise=alone, model=args.model))
            result = with_uncertainty(waveform, specs[0], known, InferOptions())
        else:
            transform = SpectrogramTransform(int(name), int(name) // 4)
            specs = [transform(each) for each in (noisy, clean)]
            known = KnownNoise.of(alone, specs[0], args.model)
            result = without_noise(specs[0], known, MAX_ATTENUATION, InferOptions())
        grid = result.grid
        power = noise_spectrum(alone.recording, SpectrogramTransform(grid.n_fft, grid.hop_length))
        levels = [
            10 * np.log10(np.maximum(np.square(each.image()[0], dtype=float), 1e-300))
            - 10 * np.log10(power[0, :-1, None])
            for each in (result, specs[0], specs[1])
        ]
        assert result.uncertainty_db is not None
        touched = touched_columns(made.impacts, made.rate, grid.n_fft, grid.hop_length, grid.frames)
        masks = classes(*levels, touched)
        counted = np.maximum(levels[0], levels[2]) > LEAST_DB
        error = levels[0] - np.maximum(levels[2], LEAST_DB)
        found.append(
            Found(
                kind, title, name, error[counted].astype(np.float32),
                result.uncertainty_db[0, :-1][counted].astype(np.float32),
                {key: mask[counted] for key, mask in masks.items()},
            )
        )  # fmt: skip
    return found


def classes(
    result: np.ndarray, measured: np.ndarray, truth: np.ndarray, touched: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the masks of the classes of cells; levels in dB over the noise, [F, T]."""
    taken = measured - result
    top = (truth == maximum_filter1d(truth, 3, axis=0)) & (truth > CLEAR_DB)
    return {
        "all": np.ones(truth.shape, dtype=bool),
        "lines": maximum_filter1d(top, 3, axis=0) & ~touched,
        "clicks": touched & (truth > 0),
        "kept": taken < 3,
        "in part": (taken >= 3) & (taken < 20),
        "removed": taken >= 20,
        "below the noise": truth < 0,
    }


def touched_columns(
    times: Sequence[float], rate: float, n_fft: int, hop: int, count: int
) -> np.ndarray:
    """Return the columns whose window holds an impact, bool [1, count]."""
    at = np.arange(count) * hop
    touched = np.zeros((1, count), dtype=bool)
    for time in times:
        touched[0] |= np.abs(at - time * rate) <= n_fft / 2
    return touched


def share(found: Sequence[Found], name: str) -> float | None:
    """Return the share of a class within its uncertainty, %; None for too few cells."""
    error, width = (
        np.concatenate([getattr(one, each)[one.masks[name]] for one in found])
        for each in ("error", "uncertainty")
    )
    return within(error, width) if error.size >= FEWEST else None


def by(found: Sequence[Found], name: str, key: Callable[[Found], str]) -> list[dict[str, object]]:
    """Return a row of coverages for every value of a key."""
    rows = []
    for value in dict.fromkeys(map(key, found)):
        chosen = [one for one in found if key(one) == value]
        rows.append({name: value} | {each: share(chosen, each) for each in CLASSES})
    return rows


def widths(found: Sequence[Found]) -> list[dict[str, object]]:
    """Return the errors and uncertainties of every class."""
    count = sum(one.error.size for one in found)
    rows = []
    for name in CLASSES:
        error, width = (
            np.concatenate([getattr(one, each)[one.masks[name]] for one in found])
            for each in ("error", "uncertainty")
        )
        rows.append(
            {
                "cells": name,
                "share, %": 100 * error.size / count,
                "within the uncertainty, %": within(error, width),
                "within twice the uncertainty, %": within(error, width, 2),
                "median uncertainty, dB": float(np.median(width)),
                "median |error|, dB": float(np.median(np.abs(error))),
            }
        )
    return rows


def main() -> None:
    options = parser(__doc__.splitlines()[0], tuple(generator.KINDS), "denoise_uncertainty")
    args = options.parse_args()
    args.data = args.data or DATA
    cases = [(*each, False) for each in STEADY + CHANGING] + [(*each, True) for each in CHANGING]
    tasks = list(itertools.product(args.only, cases))
    if args.limit:
        tasks = tasks[:: max(1, len(tasks) // args.limit)]
    work = functools.partial(judged, args=args)
    made = [work(kind, *case) for kind, case in progress(tasks, len(tasks), "mixes:")]
    found = list(itertools.chain(*made))
    steady = [one for one in found if one.noise.startswith(("white", "ventilation"))]
    tables = {
        "Steady noise, by class": widths(steady),
        "Steady noise, within the uncertainty by kind, %": by(steady, "kind", lambda f: f.kind),
        "Steady noise, within the uncertainty by map, %": by(steady, "map", lambda f: f.map),
        "Within the uncertainty by noise, %": by(found, "noise", lambda f: f.noise),
    }
    publish(args, "Uncertainty of a denoised map", PROTOCOL, tables, digits=1)


if __name__ == "__main__":
    run(main)
