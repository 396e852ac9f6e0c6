"""Order levels of a real run-up, from its super-resolved map.

One recording of a car interior with its speed (970 to 4820 1/min in 20 s), resampled to 25.6 kHz.
The reference is its own Hann 2048/256 map, the low-resolution map the mean power of 4 x 4 of its
cells.  An order cut sums the power within the main lobe of a line (50 Hz) around the order; its
error is the rms over time of the error of the level in 0.32 s.  Half orders are 8 to 40 Hz apart,
so several share one coarse cell of 50 Hz.  Invented ridges are ridges of the result (chains of
local maxima over three windows with a prominence of 6 dB) without a maximum in the reference,
which is averaged over three windows.

The gain of a method depends on the distance of the orders in coarse cells.  The second table
therefore repeats the comparison with other windows; longer ones have narrower cells.

The reference is a single measurement with random fluctuations, so the exact expected levels also
differ from it.  The size of this difference is known for synthetic run-ups (third table, *truth*),
measured in the same way.
"""

from __future__ import annotations

from typing import cast, get_args

import numpy as np
import soundfile
from common import data_folder, parser, progress, publish, run
from map import FRESH, interpolate
from map_scores import ORDERS
from real_recordings import RUN_UP_RPM
from scipy import ndimage

from specsr import Signal
from specsr.choices import Consistency
from specsr.enhance.maps import upscale_map
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.order_cut import order_cut
from specsr.scores.baselines import Interpolation
from specsr.scores.ridges import compare_lines
from specsr.synth.draws import random_run_up
from specsr.synth.synthesis import synthesise

SCALE = 4
STRONGEST = 5
WINDOWS = (1024, 2048, 4096, 8192)
METHODS = (
    *get_args(Interpolation), "measured", "expected", "off", "measured, speed known",
    "expected, speed known", "off, speed known",
)  # fmt: skip


def recording(folder: object) -> Signal:
    """Return the run-up with its speed, Pa."""
    path = folder / "car_runup_with_rpm.flac"  # type: ignore[operator]
    samples, rate = soundfile.read(path, dtype="float64")
    rpm = samples[:, 1] * RUN_UP_RPM
    return Signal(samples[:, :1].T, float(rate), "Pa", rpm=rpm).resample(25600.0)


def by_window(signal: Signal, model: str | None) -> list[dict[str, object]]:
    """Mean error over the orders, one row per window length."""
    rows = []
    for n_fft in progress(WINDOWS, len(WINDOWS), "windows"):
        fine = SpectrogramTransform(n_fft, n_fft // 8)(signal)
        low = pool(fine, SCALE, SCALE)
        true = {k: order_cut(fine, signal.rpm, k).levels[0] for k in ORDERS}
        row: dict[str, object] = {
            "window": n_fft, "coarse cell, Hz": SCALE * fine.grid.df,
            "distance of half orders, Hz": " to ".join(
                f"{rpm / 120:.0f}" for rpm in (signal.rpm.min(), signal.rpm.max())
            ),
        }  # fmt: skip
        for method in (
            "bicubic", "bicubic, back-projection", "measured", "measured, speed known"
        ):  # fmt: skip
            errors = cut_error(result(method, low, fine, model), true, signal.rpm)
            row[method] = float(np.mean(errors))
        rows.append(row)
    return rows


def result(method: str, low: SpecMap, fine: SpecMap, model: str | None) -> SpecMap:
    """Return the fine map computed by a method from the low-resolution one."""
    if method in get_args(Interpolation):
        magnitude = 10 ** (interpolate(low, SCALE, cast(Interpolation, method)) / 20)
        return SpecMap(fine.grid.with_nyquist(magnitude)[None], fine.grid, rpm=fine.rpm)
    mode, _, speed = method.partition(", ")
    given = low if speed else low.replace(rpm=None)
    high = upscale_map(given, SCALE, model=model, consistency=cast(Consistency, mode))
    return high.replace(rpm=fine.rpm)


def smooth(levels: np.ndarray, columns: int = 32) -> np.ndarray:
    """Levels in dB averaged in power over time, without the edges."""
    columns = min(columns, len(levels))
    power = np.convolve(10 ** (levels / 10), np.ones(columns) / columns, "valid")
    return 10 * np.log10(power)


def cut_error(high: SpecMap, true: dict[float, np.ndarray], rpm: np.ndarray) -> list[float]:
    """Error of each order's level in dB, rms over time, against ``true`` levels by order."""
    errors = []
    for order, reference in true.items():
        found = order_cut(high, rpm, order).levels[0]
        read = np.isfinite(reference) & np.isfinite(found)
        error = smooth(found[read]) - smooth(reference[read])
        errors.append(float(np.sqrt(np.mean(error**2))))
    return errors


def of_truth(args: object) -> list[dict[str, object]]:
    """Mean error over the strongest orders of synthetic run-ups, including that of the truth."""
    made = [synthesise(random_run_up(FRESH + i)) for i in range(12)]
    methods = (
        "bicubic", "bicubic, back-projection", "measured", "expected", "measured, speed known",
        "expected, speed known", "truth",
    )  # fmt: skip
    errors: dict[str, list[float]] = {method: [] for method in methods}
    for one in progress(made, len(made), "synthetic run-ups"):
        fine = SpectrogramTransform(2048, 256)(one.signal)
        low = pool(fine, SCALE, SCALE)
        loud = {k: float(np.mean(np.square(v, dtype=float))) for k, v in one.envelopes.items()}
        orders = sorted(loud, key=loud.__getitem__)[-STRONGEST:]
        measured = {k: order_cut(fine, one.rpm, k).levels[0] for k in orders}
        for method in methods:
            high = one.truth(fine.grid) if method == "truth" else None
            high = high or result(method, low, fine, args.model)  # type: ignore[attr-defined]
            errors[method] += cut_error(high, measured, one.rpm)
    return [{"method": m, "mean over orders": float(np.mean(e))} for m, e in errors.items()]


def main() -> None:
    args = parser(__doc__.splitlines()[0], METHODS, "real_run_up").parse_args()
    signal = recording(data_folder(args.data, "audio", "train", "runup_rpm"))
    fine = SpectrogramTransform(2048, 256)(signal)
    low = pool(fine, SCALE, SCALE)
    true = {k: order_cut(fine, signal.rpm, k).levels[0] for k in ORDERS}
    power = ndimage.uniform_filter1d(fine.power[0], 24, axis=1)
    below = fine.freqs < 7000  # bandwidth of the recording
    averaged = 10 * np.log10(power[below])
    rows = []
    for method in progress(args.only, len(args.only), "methods"):
        high = result(method, low, fine, args.model)
        row: dict[str, object] = {"method": method}
        errors = cut_error(high, true, signal.rpm)
        row |= {f"order {k:g}": error for k, error in zip(ORDERS, errors)}
        row["mean over orders"] = float(np.mean(errors))
        ridges = compare_lines(averaged, high.db[0][below].astype(float), fine.grid)
        row["ridges found, %"] = 100 * ridges.found
        row["invented, %"] = 100 * ridges.invented
        rows.append(row)
    tables = {
        "x4, rms error in dB": rows,
        "x4 with other windows, mean over orders, rms error in dB": by_window(signal, args.model),
        f"x4, {STRONGEST} strongest orders of 12 synthetic run-ups, rms error in dB": of_truth(
            args
        ),
    }
    publish(args, "Orders of a real run-up", __doc__, tables, digits=2)


if __name__ == "__main__":
    run(main)
