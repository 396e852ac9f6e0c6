"""Cuts and waveforms of orders against their analytic truth.

Recordings of 12 s at 12.8 kHz: run-up and coast-down of one shaft, a run-up through a resonance,
two shafts 2 % and 0.5 % apart, orders that cross, and orders added to the sound of a real car
(run-up of 20 s, its own speed; the orders lie between its half orders).  Envelopes vary by 30 %
within 5 s.  Noise is white, 0 to 30 dB below the orders (rms of both in the whole band); in the
car the recording is the noise.  All errors are taken without the first and last second.

- Level: rms error of the order cuts over time, dB; mean over the orders.
- Waveform: rms error of the waveform relative to the true one, dB, and the correlation; worst
  order.
- Removal: what is left of the orders in the residual, dB relative to the orders.
- Real car: the level around its own orders before and after their removal; noise and the parts of
  the orders that vary faster than the bandwidth are left.

Methods: the Vold-Kalman filter (two poles, all orders jointly); *1.5 to 12 Hz*: widened where an
order changes fast (`--max-bandwidth 12`); *low-pass*: demodulation by the
shaft angle and a zero-phase Butterworth low-pass of the same bandwidth and slope, each order by
itself; *rota-order*: the Vold-Kalman filter of that package at the same bandwidth (GPL, only
where ``pip install rota-order`` was run; nothing of it is in specsr); *resample*: cuts of the
order map (angular resampling, 0.4 orders); *stft*: cuts of a map of 4096 samples (main lobe and
sweep).
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
from common import data_folder, parser, progress, publish, run
from order_cases import EDGE, RATE, Case, car, cases
from order_methods import METHODS, WIDEST, runs

from specsr.extras import installed
from specsr.nvh.order_blocks import order_pieces
from specsr.nvh.order_cut import OrderCut
from specsr.nvh.order_map import order_map
from specsr.nvh.shafts import Shaft, shaft_orders
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal

NOISE = (0, 10, 20, 30)


def level_error(case: Case, cuts: list[OrderCut]) -> float:
    errors = []
    for cut, (_, _, envelope) in zip(cuts, case.lines):
        end = len(envelope) / case.rate
        at = (cut.times > EDGE) & (cut.times < end - EDGE) & ~np.isnan(cut.levels[0])
        grid = np.arange(len(envelope)) / case.rate
        truth = 20 * np.log10(np.interp(cut.times[at], grid, np.abs(envelope)) / np.sqrt(2))
        errors.append(np.sqrt(np.mean((cut.levels[0, at] - truth) ** 2)))
    return float(np.mean(errors))


def inner(case: Case, x: np.ndarray) -> np.ndarray:
    edge = round(EDGE * case.rate)
    return x[..., edge:-edge]


def accuracy(
    found: list[Case], only: list[str], noise: tuple[int, ...]
) -> dict[str, list[dict[str, object]]]:
    """Return the tables of levels, waveforms and removal."""
    methods = runs(only)
    levels, waves, correlations, left = [], [], [], []
    for case in progress(found, len(found), "accuracy"):
        parts = case.parts()
        true = inner(case, parts)
        for below in noise:
            hidden = case.noise(below)
            rows: list[dict[str, object]] = [
                {"recording": case.name, "line to noise, dB": below} for _ in range(4)
            ]
            for name, method in methods.items():
                result = method(case, parts.sum(axis=0) + hidden)
                rows[0][name] = level_error(case, result.cuts)
                if result.waveforms is None:
                    continue
                got = inner(case, result.waveforms)
                errors = np.std(got - true, axis=1) / np.std(true, axis=1)
                rows[1][name] = 20 * np.log10(errors.max())
                rows[2][name] = min(np.corrcoef(a, b)[0, 1] for a, b in zip(got, true))
                rest = true.sum(axis=0) - got.sum(axis=0)
                rows[3][name] = 20 * np.log10(np.std(rest) / np.std(true.sum(axis=0)))
            for table, row in zip((levels, waves, correlations, left), rows):
                table.append(row)
    return {
        "Level, rms error in dB": levels,
        "Waveform, error of the worst order in dB": waves,
        "Waveform, correlation of the worst order": correlations,
        "Removal, rest of the orders in dB": left,
    }


def real_removal(data: Path, only: list[str]) -> list[dict[str, object]]:
    """Return levels around orders of the real car before and after their removal."""
    rows = []
    for path in sorted(data_folder(data, "audio").rglob("car_runup_with_rpm.flac")):
        signal = car(path)
        assert signal.rpm is not None
        orders = (1.0, 2.0, 4.0, 6.0)
        level = np.zeros(signal.length) + 0j
        case = Case("car", RATE, {"a": signal.rpm}, tuple(("a", k, level) for k in orders))
        x = signal.samples[0].astype(np.float64)
        rests = {"before": x}
        for name, method in runs(only).items():
            found = method(case, x)
            if found.waveforms is not None:
                rests[name] = x - found.waveforms.sum(axis=0)
        maps = {name: order_map(signal.replace(samples=rest)) for name, rest in rests.items()}
        for k in orders:
            row: dict[str, object] = {"order": k}
            for name, made in maps.items():
                levels = made.cut(k).levels[0]
                row[name] = 10 * np.log10(np.nanmean(10 ** (levels / 10)))
            rows.append(row)
    return rows


def speed() -> list[dict[str, object]]:
    """Return the processor time of cuts of 60 s at 48 kHz, one channel."""
    rate, size = 48000.0, 60 * 48000
    x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    rpm = np.linspace(800, 5000, size)
    rows = []
    start = time.process_time()
    made = order_map(Signal(x, rate), rpm)
    for k in range(1, 7):
        made.cut(k)
    base = time.process_time() - start
    rows.append({"method": "resample", "orders": 6, "times real time": 60 / base, "ratio": 1.0})
    methods = {"1.5 Hz": VoldKalman(), f"1.5 to {WIDEST:g} Hz": VoldKalman(widest=WIDEST)}
    for (name, method), count in itertools.product(methods.items(), (1, 6, 20)):
        lines = shaft_orders([k / 2 for k in range(1, count + 1)], [Shaft("", rpm)])
        start = time.process_time()
        for _ in order_pieces(Signal(x, rate), lines, method):
            pass
        took = time.process_time() - start
        rows.append({
            "method": f"vold-kalman, {name}", "orders": count, "times real time": 60 / took,
            "ratio": base / took,
        })  # fmt: skip
    if installed("rota"):
        from rota.extract import order_waveform

        for count in (1, 6):
            orders = [k / 2 for k in range(1, count + 1)]
            row: dict[str, object] = {"method": "rota-order, 1.5 Hz", "orders": count}
            start = time.process_time()
            try:
                order_waveform(x, rate, rpm, orders, bandwidth=0.75)
            except (MemoryError, ValueError):  # too large, or too narrow for the sampling rate
                row["method"] = "rota-order, 1.5 Hz: refused at this rate"
            else:
                took = time.process_time() - start
                row |= {"times real time": 60 / took, "ratio": base / took}
            rows.append(row)
    return rows


def draw(tables: dict[str, list[dict[str, object]]], path: Path) -> None:
    """Draw the waveform errors and level errors at 20 dB."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    titles = ("Level, rms error in dB", "Waveform, error of the worst order in dB")
    for ax, title in zip(axes, titles):
        rows = [row for row in tables[title] if row["line to noise, dB"] == 20]
        columns = [key for key in rows[0] if key not in ("recording", "line to noise, dB")]
        for i, column in enumerate(columns):
            at = np.arange(len(rows)) + 0.8 * (i + 0.5) / len(columns) - 0.4
            ax.bar(at, [row[column] for row in rows], 0.8 / len(columns), label=column)
        ax.set_xticks(range(len(rows)), [row["recording"] for row in rows], rotation=20, fontsize=8)
        ax.set_title(f"{title}; line to noise 20 dB", fontsize=9)
        ax.grid(alpha=0.3, axis="y")
    axes[0].set_yscale("log")
    names = axes[0].get_legend_handles_labels()
    figure.legend(*names, fontsize=7, loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=110)


def main() -> None:
    made = parser(__doc__.splitlines()[0], METHODS, "orders")
    made.add_argument("--figure", type=Path, metavar="FILE", help="draw the errors to this file")
    args = made.parse_args()
    found = cases(args.data)[: args.limit]
    tables = accuracy(found, args.only, NOISE)
    if args.figure:
        draw(tables, args.figure)
    if rows := real_removal(args.data, args.only):
        tables["Orders of a real car before and after removal, mean level in 0.4 orders, dB"] = rows
    tables["Speed, processor time of one core, 48 kHz"] = speed()
    publish(args, "Orders", __doc__, tables, digits=3)


if __name__ == "__main__":
    run(main)
