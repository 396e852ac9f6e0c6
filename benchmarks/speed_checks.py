"""Counts of what a speed must not do: exact speeds made worse, paths that swap shafts unnamed.

- Exact speeds: machines of `benchmarks/generator.py` with a shaft; the coarse map (x4) is given
  their exact speed, which `specsr upscale` corrects where the map is clear
  (`specsr.nvh.speed_correction`).  Worse: the result deviates by more than 0.1 % rms.
- Crossings: a car that speeds up and one that slows down in one recording, noise 12 dB below;
  `specsr speed` with limits, orders and a start value follows one of them.  Swapped: right within
  3 % at the start, and not in the last fifth.  Named: a change or a jump is printed.

Shafts that do not exist are counted by `benchmarks/evidence.py --shafts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from common import parser, progress, publish, run
from evidence import SCALE, coarse
from generator import machine_set, make
from tacholess_methods import KINDS, limits, strongest

from specsr import Signal
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_use import given_speed
from specsr.nvh.tacholess import SpeedSearch, find_speed

WORSE = 1e-3
"""Relative deviation from an exact speed, rms, that counts as worse."""


def exact_speeds(sets: Sequence[int], limit: int | None) -> list[dict[str, object]]:
    cases = [x for n in sets for x in machine_set(n) if x[0] in KINDS and x[1] % 100 == 0][:limit]
    counts: dict[str, list[float]] = {}
    for kind, seed in progress(cases, len(cases), "exact speeds"):
        machine = make(kind, seed)
        assert machine.rpm is not None
        power, grid = coarse(machine.samples(), machine.rate)
        exact = column_rotation_hz(machine.rpm, grid)
        fit = given_speed(power[None], grid, SCALE, exact)
        known = exact > 0
        off = np.zeros(1)
        if fit is not None and fit.has_speed:
            off = (fit.rotation_hz / np.where(known, exact, 1) - 1)[known]
        counts.setdefault(kind, []).append(float(np.sqrt(np.mean(off**2))))
    counts["all"] = [x for each in list(counts.values()) for x in each]
    return [
        {
            "kind": kind, "speeds": len(each), "worse": sum(x > WORSE for x in each),
            "largest deviation, rms, %": 100 * max(each),
        }
        for kind, each in counts.items()
    ]  # fmt: skip


def crossings(sets: Sequence[int], limit: int | None) -> list[dict[str, object]]:
    pairs = [
        (("car run-up", up), ("car run-down", down))
        for n in sets
        for (_, up), (_, down) in zip(
            [x for x in machine_set(n) if x[0] == "car run-up"],
            [x for x in machine_set(n) if x[0] == "car run-down"],
        )
    ][:limit]
    rows: list[dict[str, object]] = []
    for pair in progress(pairs, len(pairs), "crossings"):
        machines = [make(*each) for each in pair]
        size = min(each.clean.size for each in machines)
        clean = sum(each.clean[:size] / np.std(each.clean) for each in machines)
        noise = np.random.default_rng(pair[0][1]).standard_normal(size) * np.std(clean) / 4
        for (kind, seed), machine in zip(pair, machines):
            assert machine.rpm is not None
            signal = Signal((clean + noise).astype(np.float32), machine.rate)
            first = float(np.round(machine.rpm[0], -2))
            search = SpeedSearch(limits(machine.rpm), first, strongest(machine))
            found = find_speed(signal, search)
            truth = np.interp(found.times, np.arange(size) / machine.rate, machine.rpm[:size])
            good = np.abs(found.rpm / np.maximum(truth, 1) - 1) < 0.03
            fifth = len(good) // 5
            rows.append({
                "followed": kind, "seed": seed,
                "swapped": str(bool(good[:fifth].mean() > 0.5 > good[-fifth:].mean())),
                "named": str(bool(found.changes or found.breaks)),
                "right, %": 100 * good.mean(), "confidence": float(found.confidence.mean()),
            })  # fmt: skip
    return rows


def main() -> None:
    made = parser(__doc__.splitlines()[0], (), "speed_checks")
    made.add_argument("--sets", type=int, nargs="+", default=[0, 4, 5, 6])
    args = made.parse_args()
    sets = ", ".join(map(str, args.sets))
    tables = {
        f"Exact speeds, sets {sets}": exact_speeds(args.sets, args.limit),
        f"Crossings, sets {sets}": crossings(args.sets, args.limit),
    }
    publish(args, "Checks of speeds", __doc__, tables, digits=3)


if __name__ == "__main__":
    run(main)
