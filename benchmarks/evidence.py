"""False alarms of the evidence that a coarse map gives of a speed.

A speed is used if the mean confidence of its lines exceeds a limit: one for speeds that vary, one
for nearly constant ones, whose lines do not sweep through cells (`specsr.nvh.speed_use`).  Here the
orders of machines of `benchmarks/generator.py` are fitted at their own speed and at wrong ones: 3 %
lower, 4 and 7 % higher, run backwards, and that of another machine of the kind.  The rate of false
alarms is the share of the wrong speeds that exceed the limit; the limits are those of a rate of 5 %
on set 1, while the published scores are of set 0 (`benchmarks/machines.py`).  x4, without
correction or search.

Further shafts (`--shafts`): those of machines that have some, a car in the sound of another one and
a steady fan in that of a car, 0 and 10 dB below it; and shafts that do not exist: steady ones of
1300, 1900 and 3100 rpm, one of a ratio of 0.3718, and one whose speed rises and falls; each with no
order known, and with the orders 1 to 12.  By the confidence alone: as before the orders that the
map shows by itself were counted (`specsr.nvh.speed_use.SHOWN`, chosen on set 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import generator
import numpy as np
from common import parser, progress, publish, run
from generator import KINDS
from machine_cases import HOP, N_FFT

from specsr import Signal
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.order_candidates import FurtherShaft, MachineOrders
from specsr.nvh.order_stretches import fit_orders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_use import LEAST, LEAST_STEADY, ShaftEvidence

SCALE = (4, 4)
FACTORS = {"3 % low": 0.97, "4 % high": 1.04, "7 % high": 1.07}
RATES = (0.05, 0.02)
STEADY = (1300.0, 1900.0, 3100.0)


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


def coarse(samples: np.ndarray, rate: float) -> tuple[np.ndarray, Grid]:
    """Return a coarse map, [F, T], and its fine grid."""
    signal = Signal(samples[None].astype(np.float32), rate)
    low = pool(SpectrogramTransform(N_FFT, HOP)(signal), *SCALE)
    return low.power[0], low.grid.refined(*SCALE)


def shaft_cases(number: int) -> Iterator[tuple[str, np.ndarray, float, np.ndarray, np.ndarray]]:
    """Yield kind of shaft, samples, rate, and the speeds of the machine and the shaft, 1/min."""
    machines = generator.machine_set(number)
    for kind, seed in machines:
        made = generator.make(kind, seed)
        if made.rpm is None or kind == "squeal" or seed % 100:
            continue
        turn = np.linspace(0, 5, made.rpm.size)
        ghosts = {
            f"none, {rpm} rpm": np.full(made.rpm.size, float(rpm)) for rpm in (1300, 1900, 3100)
        }
        ghosts["none, ratio"] = 0.3718 * made.rpm
        ghosts["none, sweep"] = made.rpm.mean() * np.exp(0.5 * np.sin(turn))
        of_machine = {f"of the machine, {i}": rpm for i, rpm in enumerate(made.others)}
        for name, rpm in {**of_machine, **ghosts}.items():
            yield name.split(",")[0], made.samples(), made.rate, made.rpm, rpm
    ups, downs = (
        [seed for kind, seed in machines if kind == wanted][:2]
        for wanted in ("car run-up", "car run-down")
    )
    for first, second in zip(ups, downs):
        up, down = generator.make("car run-up", first), generator.make("car run-down", second)
        assert up.rpm is not None and down.rpm is not None
        size = min(up.rpm.size, down.rpm.size)
        rng, angle = np.random.default_rng(first), 2 * np.pi * 1900 / 60 * np.arange(size) / up.rate
        fan = np.sum(
            [np.cos(k * angle + rng.uniform(0, 7)) * 10 ** (-rng.uniform(0, 12) / 20)
             for k in range(1, 13)], axis=0,
        )  # fmt: skip
        own = up.samples()[:size]
        for kind, other, rpm in (
            ("another car", down.samples()[:size], down.rpm[:size]),
            ("steady fan", fan, np.full(size, 1900.0)),
        ):
            for below in (0, 10):
                added = other / np.std(other) * np.std(own) * 10 ** (-below / 20)
                yield kind, own + added, up.rate, up.rpm[:size], rpm


def further_shafts(sets: Sequence[int]) -> list[dict[str, object]]:
    """Return how many further shafts are used, by kind."""
    found: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    cases = [case for number in sets for case in shaft_cases(number)]
    for kind, samples, rate, own, rpm in progress(cases, len(cases), "shaft"):
        power, grid = coarse(samples, rate)
        rotation_hz, other = (column_rotation_hz(each, grid) for each in (own, rpm))
        for known, label in (((), "none"), (tuple(map(float, range(1, 13))), "1 to 12")):
            machine = MachineOrders(shafts=(FurtherShaft("other", other, known),))
            fit = fit_orders(power, grid, SCALE, rotation_hz, machine)
            if fit is None:
                continue
            lines = fit.shafts[1]
            shaft = ShaftEvidence("other", other, lines.confidence, lines.confirmed, lines.evident)
            sure = shaft.is_evidence()
            found.setdefault((kind, label), []).append((sure, sure and shaft.is_shown(known)))
    return [
        {"shaft": kind, "orders known": label, "shafts": len(each)}
        | {"used by the confidence alone, %": 100 * np.mean([sure for sure, _ in each])}
        | {"used, %": 100 * np.mean([used for _, used in each])}
        for (kind, label), each in sorted(found.items())
    ]


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], ("fit",), "evidence")
    arguments.add_argument("--shafts", action="store_true", help="further shafts instead")
    arguments.add_argument("--sets", type=int, nargs="+", default=[1], help="sets (default: 1)")
    args = arguments.parse_args()
    if args.shafts:
        table = {f"x4, sets {', '.join(map(str, args.sets))}": further_shafts(args.sets)}
        publish(args, "Evidence of a further shaft", __doc__, table, digits=0)
        return
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
