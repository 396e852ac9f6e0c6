"""Ratios that are found in a coarse map as further orders of its speed.

Half orders, and the orders that are given, are fitted to a coarse map (`specsr.nvh.order_fit`).
Here so are lines at other ratios that stay constant over the map: ratios at which a line above the
floor raises the likelihood most, found in one half of the columns (alternating blocks of four) and
again in the other half, which the first did not see, within half a fine row at the highest speed.
They need the same evidence as half orders (`specsr.nvh.order_evidence`): lines displaced by one to
three rows must explain the map worse.

Machines of `benchmarks/generator.py` that have a speed, x4, the speed as it is.  The figures are
changes of the mean square error in dB² over all cells of lines (kinds of cells as in
`benchmarks/machines.py`) by the fit, against no use of the speed: with half orders alone and with
found ratios, both with the limits below which a speed is not used (`specsr.nvh.speed_use`).
"""

from __future__ import annotations

from unittest.mock import patch

import generator
import numpy as np
from common import parser, progress, publish, run
from generator import KINDS
from held_out import CLASSES, SCALE, without_speed
from machine_cases import Case, case
from scipy.signal import find_peaks

from specsr.nvh import order_fit
from specsr.nvh.order_candidates import ORDER_STEP, Candidates, MachineOrders, candidate_orders
from specsr.nvh.order_model import OrderModel
from specsr.nvh.order_stretches import fit_orders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_use import ShaftEvidence

BLOCK = 4
"""Neighbouring coarse columns in one half."""
STEP, AGREE, APART = 0.25, 0.5, 0.5
"""Fine rows, at the highest speed: between tried ratios, between a ratio in both halves, and least
distance to a half order."""
UPDATES = 30
"""Of the fit of the floor without lines."""
LEAST = 5.0
"""Least gain of a ratio in each half: its derivative in units of its scatter."""
INDEPENDENT = 0.3
"""As `specsr.nvh.order_evidence.INDEPENDENT`."""
HALF, RATIOS = "half orders", "with found ratios"


def gains(
    model: OrderModel, ratios: np.ndarray, expected: np.ndarray, part: np.ndarray
) -> np.ndarray:
    """Return the gain of a weak line at each ratio in its own scatter, over some columns, [R]."""
    cells = model.cells(ratios)
    used = part[cells.cell % model.shape[1]]
    order = np.repeat(np.arange(len(ratios)), np.diff(cells.first))[used]
    weight = (cells.below + cells.above)[used]
    excess = (model.power / expected - 1).ravel()[cells.cell[used]]
    total, square = (
        np.bincount(order, x, len(ratios)) for x in (weight * excess, np.square(weight))
    )
    # relative variance of a coarse cell of noise, and of neighbours that overlap
    return np.sqrt(INDEPENDENT) * total / np.sqrt(np.maximum(square, 1e-12))


def found_ratios(model: OrderModel) -> np.ndarray:
    """Return ratios of lines that are no orders of the fit, found in both halves of the columns."""
    none = np.zeros(0)
    cells = model.cells(none)
    _, expected = model.fit(cells, model.first(none, cells), UPDATES)
    fastest = model.rotation_hz.max() / model.grid.df
    tried = np.arange(1.0, model.fine_rows - 2, STEP) / fastest
    halves = np.arange(model.shape[1]) // BLOCK % 2
    found = []
    for half in (0, 1):
        gain = gains(model, tried, expected, halves == half)
        at, _ = find_peaks(gain, height=LEAST, distance=round(2 / STEP))
        found.append(tried[at])
    if not all(each.size for each in found):
        return np.zeros(0)
    first, second = found
    near = second[np.abs(second[None] - first[:, None]).argmin(axis=1)]
    both = ((first + near) / 2)[np.abs(near - first) * fastest <= AGREE]
    away = np.abs(both / ORDER_STEP - np.round(both / ORDER_STEP)) * ORDER_STEP * fastest
    return np.asarray(both[away > APART])


def with_ratios(model: OrderModel, machine: MachineOrders = MachineOrders()) -> Candidates:
    """Return the candidates of the fit with ratios that are found, which need evidence too."""
    tried = candidate_orders(model, machine)
    if not model.rotation_hz.any():
        return tried
    orders = np.union1d(tried.orders, found_ratios(model))
    return Candidates(orders, np.zeros(orders.size, dtype=int), np.zeros(orders.size))


def squared_errors(one: Case, model: str | None) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Return name of the fit -> sums of squared errors of `CLASSES` ("": none), and found ratios.

    Ratios: how many the fit holds, and how many of them have a confidence above one half.
    """
    power, uncertainty, coarse, errors = without_speed(one, model)
    grid = one.low.grid.refined(*SCALE)
    rotation_hz = column_rotation_hz(one.low.rpm, grid)
    found, count = {"": errors(power)}, {"held": 0, "confirmed": 0}
    for name, candidates in ((HALF, candidate_orders), (RATIOS, with_ratios)):
        with patch.object(order_fit, "candidate_orders", candidates):
            fit = fit_orders(coarse, grid, SCALE, rotation_hz)
        assert fit is not None
        shown = ShaftEvidence("", rotation_hz, fit.confidence, fit.confirmed)
        used = order_fit.blend_fit(power, uncertainty, coarse, fit.fine(), SCALE)[0]
        found[name] = errors(used) if shown.is_evidence() else found[""]
        if name == RATIOS:
            count = {
                label: sum(order % 0.5 > 0 for order in orders)
                for label, orders in (("held", fit.orders), ("confirmed", fit.confirmed))
            }
    return found, count


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], (HALF, RATIOS), "found_ratios")
    arguments.add_argument("--sets", type=int, nargs="+", default=[0], help="sets (default: 0)")
    arguments.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    args = arguments.parse_args()
    chosen = [x for n in args.sets for x in generator.machine_set(n) if x[0] in args.kinds]
    machines = [x for x in chosen[: args.limit] if x[0] != "clicks"]  # those have no speed
    cases = [
        (kind, *squared_errors(case(kind, seed, SCALE[0]), args.model))
        for kind, seed in progress(machines, len(machines), "machine")
    ]

    def row(kinds: list[str]) -> dict[str, float]:
        own = [(found, count) for kind, found, count in cases if kind in kinds]
        made: dict[str, float] = {
            f"ratios {label}": sum(count[label] for _, count in own)
            for label in ("held", "confirmed")
        }
        for i, cells in enumerate(CLASSES):
            plain = sum(found[""][i] for found, _ in own)
            for name in (HALF, RATIOS):
                ours = sum(found[name][i] for found, _ in own)
                made[f"{cells}, {name}, %"] = (
                    float(100 * (ours / plain - 1)) if plain > 0 else np.nan
                )
        return made

    kinds = list(dict.fromkeys(kind for kind, _, _ in cases))
    rows = [{"kind": "all"} | row(kinds)] + [{"kind": kind} | row([kind]) for kind in kinds]
    title = f"{len(cases)} machines: change of the squared error"
    publish(args, "Ratios found in a map", __doc__, {title: rows}, digits=1)


if __name__ == "__main__":
    run(main)
