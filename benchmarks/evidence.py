"""False alarms of the evidence that a coarse map gives of a speed.

A speed is used if the mean confidence of its lines exceeds a limit: one for speeds that vary, one
for nearly constant ones, whose lines do not sweep through cells (`specsr.nvh.speed_use`).  Here the
orders of machines of `benchmarks/generator.py` are fitted at their own speed and at wrong ones: 3 %
lower, 4 and 7 % higher, run backwards, and that of another machine of the kind.  The rate of false
alarms is the share of the wrong speeds that exceed the limit; the limits are those of a rate of 5 %
on set 1, while the published scores are of set 0 (`benchmarks/machines.py`).  x4, without
correction or search.
"""

from __future__ import annotations

from collections.abc import Iterator

import generator
import numpy as np
from common import parser, progress, publish, run
from generator import KINDS
from machines import HOP, N_FFT

from specsr import Signal
from specsr.maps.pooling import pool
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.order_fit import fit_orders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_use import LEAST, LEAST_STEADY, ShaftEvidence

SCALE = (4, 4)
FACTORS = {"3 % low": 0.97, "4 % high": 1.04, "7 % high": 1.07}
RATES = (0.05, 0.02)


def speeds(kind: str, seed: int, rpm: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and speeds: the right one, then wrong ones."""
    yield "right", rpm
    for name, factor in FACTORS.items():
        yield name, factor * rpm
    yield "backwards", rpm[::-1].copy()
    other = generator.make(kind, seed + 50).rpm
    assert other is not None
    yield (
        "of another machine",
        np.interp(np.linspace(0, 1, rpm.size), np.linspace(0, 1, other.size), other),
    )


def evidence(kind: str, seed: int) -> list[tuple[str, ShaftEvidence]]:
    """Return what the map of a machine shows of each of the `speeds`."""
    machine = generator.make(kind, seed)
    assert machine.rpm is not None
    samples = machine.samples().astype(np.float32)
    low = pool(SpectrogramTransform(N_FFT, HOP)(Signal(samples[None], machine.rate)), *SCALE)
    grid = low.grid.refined(*SCALE)
    found = []
    for name, rpm in speeds(kind, seed, machine.rpm):
        rotation_hz = column_rotation_hz(rpm, grid)
        fit = fit_orders(low.power[0], grid, SCALE, rotation_hz)
        if fit is not None:
            found.append((name, ShaftEvidence("", rotation_hz, fit.confidence, fit.confirmed)))
    return found


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], ("fit",), "evidence")
    arguments.add_argument("--sets", type=int, nargs="+", default=[1], help="sets (default: 1)")
    args = arguments.parse_args()
    chosen = [x for n in args.sets for x in generator.machine_set(n) if x[0] != "clicks"]
    chosen = chosen[:: max(1, len(chosen) // args.limit)] if args.limit else chosen
    found = [
        (kind, name, each)
        for kind, seed in progress(chosen, len(chosen), "machine")
        for name, each in evidence(kind, seed)
    ]
    rows, by_kind = [], []
    for steady, limit in ((False, LEAST), (True, LEAST_STEADY)):
        label = "nearly constant" if steady else "varying"
        own = [(kind, name, each) for kind, name, each in found if each.is_steady == steady]
        right, wrong = (
            np.array([each.sure for _, name, each in own if (name == "right") == good])
            for good in (True, False)
        )
        if not (right.size and wrong.size):
            continue
        rows.append(
            {"speed": label, "limit": limit, "wrong speeds": wrong.size}
            | {"false alarms, %": 100 * float((wrong >= limit).mean())}
            | {f"limit for {100 * a:g} %": float(np.quantile(wrong, 1 - a)) for a in RATES}
            | {
                "right speeds": right.size,
                "right ones used, %": 100 * float((right >= limit).mean()),
            }
        )
        for kind in KINDS:
            a, b = (
                [each.sure for k, name, each in own if k == kind and (name == "right") == good]
                for good in (True, False)
            )
            if a or b:
                by_kind.append({
                    "kind": kind, "speed": label,
                    "mean confidence, right": float(np.mean(a)) if a else np.nan,
                    "wrong, mean": float(np.mean(b)) if b else np.nan,
                    "wrong, highest": max(b, default=np.nan),
                })  # fmt: skip
    title = f"x4, {len(chosen)} machines"
    publish(
        args, "Evidence of a speed", __doc__, {title: rows, f"{title}, by kind": by_kind}, digits=2
    )


if __name__ == "__main__":
    run(main)
