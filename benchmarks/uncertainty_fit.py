"""Fit of the constants of the uncertainty of maps (`specsr.enhance.uncertainty`).

The constants are fitted by the loss that trained the network
(`specsr.train.losses.uncertainty_loss`), to machines that `benchmarks/uncertainty.py` does not
judge by: the sets 1 and 2 of `benchmarks/generator.py`, and training seeds of `specsr.synth`, x4
and x2, mode ``measured``, without a speed.  As many cells are drawn from every class of a machine
(single lines, close lines, clicks, all else; twice as many of noise).  Fitted beside the constants:
the factor of the displacement by the average with bicubic interpolation, which is 1 in the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from common import Row, in_processes, jobs_option, parser, publish, run, some
from generator import machine_set
from machines import case
from torch import Tensor
from uncertainty import synthetic_case

from specsr.enhance import maps, uncertainty
from specsr.enhance.maps import upscale_map
from specsr.maps import levels
from specsr.maps.levels import difference_db
from specsr.maps.pooling import enlarge, enlarge_cubic, pool_power
from specsr.maps.spec_map import SpecMap
from specsr.nvh.speed_options import SpeedOptions
from specsr.pairs.consistency import floors
from specsr.train.losses import uncertainty_loss

GENERATOR, SYNTH = "another generator", "specsr.synth"
SETS, SEEDS, SYNTHETIC = (1, 2), 100_000, 16
"""Sets of the other generator; first training seed and number of machines of `specsr.synth`."""

PARAMETERS = {
    "ALIKE": uncertainty.ALIKE, "IMPACT": uncertainty.IMPACT, "WITHIN": uncertainty.WITHIN,
    "displacement": 1.0,
}  # fmt: skip
CELLS, STEPS = 1500, 150
"""Cells drawn from a class of a machine; steps of the fit."""

Table = dict[str, np.ndarray]
"""Part of the uncertainty, or ``error`` -> values of the cells drawn, float32 [n]."""


def parts(low: SpecMap, scale: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the levels of the finer map in dB, and the parts of its uncertainty, [F, T'] each."""
    calls: dict[str, tuple[Any, ...]] = {}

    def kept(name: str) -> Any:
        function = getattr(uncertainty, name)

        def call(*args: Any) -> Any:
            calls[name] = args
            return function(*args)

        return call

    names = ("displaced", "calibrated")
    with patch.multiple(maps, **{name: kept(name) for name in names}):  # type: ignore[arg-type]
        high = upscale_map(low, scale, speed=SpeedOptions(False))
    own, network, averaged = calls["displaced"]
    _, before, after, measured, factors, variance = calls["calibrated"]
    frames = before.shape[-1]
    was, corrected = (pool_power(x, *factors) for x in (before, after))
    floor, steady = (np.maximum(x, 1e-300) for x in floors(before, factors))
    noise = np.minimum(steady / np.maximum(was, 1e-300), 1.0)
    speckle = uncertainty.restored_speckle(difference_db(corrected, was), noise)
    speckle = enlarge_cubic(speckle / uncertainty.WITHIN**2, *factors, frames)
    pattern = uncertainty.unresolved(difference_db(measured, was), noise, variance)
    known, moved = (
        uncertainty.normalised(np.square(each), after, factors) / (1 - uncertainty.ALIKE)
        for each in (own.astype(np.float64), difference_db(averaged, network))
    )
    return levels.to_db(high.image()[0].astype(float) ** 2), {
        "own": known,
        "moved": moved,
        "impact": enlarge(1 - steady / floor, *factors, frames)
        * np.sqrt(uncertainty.impact_part(factors) / uncertainty.IMPACT),
        "speckle": np.maximum(speckle, 0) * enlarge(noise * (2 - noise), *factors, frames),
        "rest": enlarge(pattern, *factors, frames),
    }


def drawn(machine: tuple[str, int], scale: int) -> Table:
    """Return cells of a machine, given by kind (`SYNTH` for that generator) and seed."""
    kind, seed = machine
    if kind == SYNTH:
        low, truth, masks = synthetic_case(seed, scale)
    else:
        one = case(kind, seed, scale)
        low, truth, masks = one.low, one.truth, one.masks
    db, values = parts(low.replace(rpm=None), scale)
    values["error"] = db - truth
    groups = {name: masks[name] for name in ("single", "close", "clicks", "noise")}
    groups["else"] = ~(masks["lines"] | masks["clicks"] | masks["noise"])
    rng = np.random.default_rng(seed)
    tables = []
    for name, mask in groups.items():
        at = np.flatnonzero(mask)
        if len(at) > 100:
            at = rng.choice(at, 2 * CELLS if name == "noise" else CELLS)
            tables.append({key: value.ravel()[at] for key, value in values.items()})
    return joined(tables)


def joined(tables: Sequence[Table]) -> Table:
    """Return the cells of several tables, float32."""
    return {k: np.concatenate([t[k] for t in tables]).astype(np.float32) for k in tables[0]}


def loss_of(table: dict[str, Tensor], values: dict[str, Tensor]) -> Tensor:
    """Return the loss for some values of the constants."""
    own = table["own"] + values["displacement"] ** 2 * table["moved"]
    own = own * (1 - values["ALIKE"]) * (1 - values["IMPACT"] * table["impact"] ** 2) ** 2
    squared = own.clamp(min=0)
    squared += values["WITHIN"] ** 2 * table["speckle"] + table["rest"]
    return uncertainty_loss(table["error"], 0.5 * torch.log(squared + 1e-12))


def fitted(table: dict[str, Tensor]) -> tuple[dict[str, float], float]:
    """Return the constants of least loss, and that loss."""
    logs = {k: torch.tensor(v).log().requires_grad_() for k, v in PARAMETERS.items()}
    optimiser = torch.optim.Adam(logs.values(), lr=0.05)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, STEPS)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss_of(table, {k: v.exp() for k, v in logs.items()}).backward()
        optimiser.step()
        schedule.step()
    values = {k: v.detach().exp() for k, v in logs.items()}
    return {k: float(v) for k, v in values.items()}, float(loss_of(table, values))


def row(name: str, tables: Sequence[Table]) -> Row:
    """Return the constants fitted to some machines, and the losses."""
    table = {key: torch.from_numpy(value) for key, value in joined(tables).items()}
    code = {k: torch.tensor(v) for k, v in PARAMETERS.items()}
    values, least = fitted(table)
    return {
        "fitted to": name, "maps": len(tables), **values,
        "loss": least, "loss of the constants in the code": float(loss_of(table, code)),
    }  # fmt: skip


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], (GENERATOR, SYNTH), "uncertainty_fit")
    arguments.add_argument("--scales", type=int, nargs="+", default=[4, 2], choices=[2, 4])
    jobs_option(arguments)
    args = arguments.parse_args()
    machines = {
        GENERATOR: [machine for n in SETS for machine in machine_set(n)],
        SYNTH: [(SYNTH, SEEDS + i) for i in range(SYNTHETIC)],
    }
    found: dict[str, list[Table]] = {}
    for source in args.only:
        for scale in args.scales:
            of = some(machines[source], args.limit)
            work = partial(drawn, scale=scale)
            found.setdefault(source, []).extend(
                in_processes(work, of, args.jobs, f"x{scale} {source}")
            )
    torch.set_num_threads(1)
    rows: list[Row] = [{"fitted to": "in the code"} | PARAMETERS]
    rows += [row(source, tables) for source, tables in found.items()]
    if len(found) > 1:
        rows.append(row("both", [table for tables in found.values() for table in tables]))
    publish(args, "Fit of the uncertainty of a map", __doc__, {"constants": rows})


if __name__ == "__main__":
    run(main)
