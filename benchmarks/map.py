"""Map super-resolution, scored by the exact expected power of held-out synthetic machines.

The low-resolution map is the mean power of s x s cells of a Hann 2048/256 map of deterministic part
and noise at 25.6 kHz, 6 s; the truth is |STFT of the deterministic part|² + noise spectrum x window
energy.  Errors in dB are rms over all cells of all machines.  Lines are cells whose true level is
more than 8 dB above its mean over 49 x 17 cells; single lines have no other within two low cells,
close ones do.  The local level of close lines is that of 2 x 2 low cells.  Ridges are chains of
local maxima over three windows or more with a prominence of 6 dB; a ridge is found (or not
invented) if the other map has a maximum within 3 rows.  Unless the row states a known speed, the
speed is estimated from the harmonic lines of the map (`specsr.nvh.speed_search`).  With a speed,
estimated or known, the network's estimate is averaged with a fit of the orders
(`specsr.nvh.order_fit`), which is also scored alone.  Consistency *expected* suits this truth,
which has no speckle; *measured* and bicubic with back-projection reproduce that of the low map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
from common import parser, progress, publish, run
from kept_steps import kept_steps

from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.maps import levels
from specsr.maps.pooling import pool, pool_power
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.options import InferOptions
from specsr.nvh.levels import third_octave_levels
from specsr.nvh.order_stretches import fit_orders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_options import SpeedOptions
from specsr.pairs.consistency import consistency_db
from specsr.scores.baselines import Interpolation, interpolated_power
from specsr.scores.map_errors import line_mask
from specsr.scores.ridges import compare_lines, ridge_length, split_lines
from specsr.synth.draws import held_out, random_machine, random_run_up
from specsr.synth.machine import RunUp
from specsr.synth.synthesis import synthesise

FRESH = 950_000
SEEN = 100_000  # seeds of configs/map.yaml: the bias correction is computed from training data


@dataclass(frozen=True, eq=False)
class Case:
    """One machine.

    Attributes:
        low: low-resolution map.
        truth: true levels in dB re 1 Pa, [F, T].
        lines, single, close: cells of lines, of single lines and of close ones, bool [F, T].
        scale: factor of both axes.
    """

    low: SpecMap
    truth: np.ndarray
    lines: np.ndarray
    single: np.ndarray
    close: np.ndarray
    scale: int


def case(run_up: RunUp, scale: int) -> Case:
    """Return a machine as a case."""
    made = synthesise(run_up)
    n_fft = 2 * scale * round(2048 / (2 * scale))
    transform = SpectrogramTransform(n_fft, 256)
    fine = transform(made.signal)
    truth = levels.to_db(made.expected_power(fine.grid)[:-1])
    lines = line_mask(truth)
    single, close = split_lines(truth, lines, ridge_length(fine.grid), separation=2 * scale)
    return Case(pool(fine, scale, scale), truth, lines, single, close, scale)


def excluded(count: int) -> list[RunUp]:
    """Run-ups with sweep rates and order sets excluded from training."""
    drawn = (random_run_up(seed) for seed in range(FRESH + 1000, FRESH + 10_000))
    return [run_up for run_up in drawn if held_out(run_up)][:count]


SETS: dict[str, Callable[[int], list[RunUp]]] = {
    "run-ups": lambda count: [random_run_up(FRESH + i) for i in range(count)],
    "sweep rates and order sets excluded from training": excluded,
    "all kinds of machines": lambda count: [random_machine(FRESH + i) for i in range(2 * count)],
}


def interpolate(low: SpecMap, scale: int, mode: Interpolation) -> np.ndarray:
    """Levels of the first channel of a coarse map, interpolated in dB re 1 unit, [F, T]."""
    power = np.square(low.magnitude[0], dtype=np.float64)
    frames = low.grid.refined(scale, scale).frames
    return levels.to_db(interpolated_power(power, (scale, scale), frames, mode))


METHODS = (
    "nearest", "bicubic", "bicubic, back-projection", "corrected", "measured", "expected", "off",
    "expected, alone", "expected, ensemble", "measured, speed", "expected, speed",
    "expected, speed, ensemble", "fit",
)  # fmt: skip


def estimate(method: str, one: Case, bias: float, model: str | None) -> np.ndarray:
    """Return the levels in dB re 1 Pa from one of `METHODS`, [F, T]."""
    if method in get_args(Interpolation):
        return interpolate(one.low, one.scale, cast(Interpolation, method))
    if method == "corrected":
        return interpolate(one.low, one.scale, "bicubic") - bias
    scale = (one.scale, one.scale)
    if method == "fit":
        grid = one.low.grid.refined(*scale)
        fit = fit_orders(one.low.power[0], grid, scale, column_rotation_hz(one.low.rpm, grid))
        assert fit is not None
        found = fit.fine()
        return levels.to_db(found.lines + found.rest)
    mode, *words = method.split(", ")
    high = upscale_map(
        one.low if "speed" in words else one.low.replace(rpm=None), scale, model=model,
        consistency=cast(Consistency, mode), speed=SpeedOptions("alone" not in words),
        options=InferOptions(ensemble="ensemble" in words),
    )  # fmt: skip
    return levels.to_db(np.square(high.image()[0], dtype=np.float64))


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], METHODS, "map")
    arguments.add_argument("--scales", type=int, nargs="+", default=[2, 3, 4])
    arguments.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    args = arguments.parse_args()
    count = args.limit or 12
    tables = {}
    for scale in args.scales:
        seen = [case(random_run_up(SEEN + i), scale) for i in range(count)]
        bias = float(np.mean([(interpolate(x.low, scale, "bicubic") - x.truth).mean()
                              for x in seen]))  # fmt: skip
        for name in args.sets if scale == 4 else args.sets[:1]:
            cases = [case(run_up, scale) for run_up in SETS[name](count)]
            with kept_steps():  # the network runs once for all consistency modes
                tables[f"x{scale}, {len(cases)} {name}"] = [
                    row(method, cases, bias, args.model)
                    for method in progress(args.only, len(args.only), f"x{scale} {name}")
                ]
    publish(
        args,
        "Map super-resolution",
        __doc__
        + f"\nSeeds from {FRESH}, outside the training data. The correction of the bicubic rows is "
        f"computed from training seeds. Excluded from training: sweeps of {held_out_text()}.",
        tables,
        digits=2,
    )


def held_out_text() -> str:
    """Sweep rates and orders excluded from training."""
    from specsr.synth.draws import HELD_OUT_STEP, HELD_OUT_SWEEP

    low, high = HELD_OUT_SWEEP
    return f"{low:g} to {high:g} 1/min per s and orders in steps of {HELD_OUT_STEP:g}"


def row(method: str, cases: list[Case], bias: float, model: str | None) -> dict[str, object]:
    """One row of a table: scores of a method."""
    found = [estimate(method, one, bias, model) for one in cases]
    errors = [x - one.truth for x, one in zip(found, cases)]

    def over(mask: str) -> np.ndarray:
        return np.concatenate([e[getattr(one, mask)] for e, one in zip(errors, cases)])

    ridges = [
        compare_lines(one.truth, x, one.low.grid.refined(one.scale, one.scale))
        for x, one in zip(found, cases)
    ]
    everything = np.concatenate([e.ravel() for e in errors])
    return {
        "method": LABELS.get(method, f"specsr, consistency {method}").format(-bias),
        "all, RMSE dB": rms(everything),
        "standard deviation over machines, dB": float(np.std([rms(e) for e in errors])),
        "lines, RMSE dB": rms(over("lines")),
        "single lines, RMSE dB": rms(over("single")),
        "peaks of single lines, bias dB": mean(ridges, "level_bias_single_db"),
        "close lines, RMSE dB": rms(over("close")),
        "local level of close lines, RMSE dB": rms(np.concatenate([local(x, one) for x, one in
                                                          zip(found, cases)])),
        "rest, RMSE dB": rms(np.concatenate([e[~one.lines] for e, one in zip(errors, cases)])),
        "bias dB": float(everything.mean()),
        "third octaves, bias dB": float(np.mean([bands(x, one) for x, one in zip(found, cases)])),
        "single ridges found, %": 100 * mean(ridges, "found_single"),
        "all ridges found, %": 100 * mean(ridges, "found"),
        "invented, %": 100 * mean(ridges, "invented"),
        "cells minus those of the input, dB rms": float(np.mean([held(x, one) for x, one in
                                                       zip(found, cases)])),
    }  # fmt: skip


def held(found: np.ndarray, one: Case) -> float:
    """Difference between the pooled cells of the result and those of the low map, dB rms."""
    power = 10 ** (found.astype(float) / 10)
    return consistency_db(power, one.low.power[0], (one.scale, one.scale))


def mean(ridges: list, name: str) -> float:
    """Mean of a score over the machines with such ridges."""
    return float(np.nanmean([getattr(x, name) for x in ridges]))


def local(found: np.ndarray, one: Case) -> np.ndarray:
    """Errors in dB of the power of 2 x 2 low cells with close lines."""
    side = 2 * one.scale
    rows = len(found) // side * side  # whole blocks
    held = pool_power(one.close[:rows].astype(float), side, side) > 0
    ours, true = (pool_power(10 ** (x[:rows] / 10), side, side) for x in (found, one.truth))
    return 10 * np.log10(ours / true)[held]


def bands(found: np.ndarray, one: Case) -> float:
    """Mean error of the third-octave levels from 50 Hz up, dB."""
    grid = one.low.grid.refined(one.scale, one.scale)
    ours, true = (
        third_octave_levels(SpecMap(grid.with_nyquist(10 ** (x / 20))[None], grid), low=50.0)
        for x in (found, one.truth)
    )
    return float((ours.levels - true.levels)[0, true.resolved].mean())


LABELS = {
    "nearest": "nearest",
    "bicubic": "bicubic",
    "bicubic, back-projection": "bicubic, back-projection",
    "corrected": "bicubic {:+.1f} dB",
    "expected, alone": "specsr, consistency expected, network alone",
    "expected, ensemble": "specsr, consistency expected, ensemble (time reversal)",
    "measured, speed": "specsr, consistency measured, speed known",
    "expected, speed": "specsr, consistency expected, speed known",
    "expected, speed, ensemble": "specsr, consistency expected, speed known, ensemble",
    "fit": "orders fitted at the known speed, no network",
}


def rms(error: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))


if __name__ == "__main__":
    run(main)
