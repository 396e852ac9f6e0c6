"""Two judges of the order fit of a coarse map: lines displaced, and columns held out.

The fit of orders at a speed counts as far as a judge trusts it (`specsr.nvh.order_fit`).  The judge
that specsr uses displaces the lines by one to three rows and fits them anew
(`specsr.nvh.order_evidence`).  The other one holds out columns: lines and floor are fitted to the
other columns, once with lines and once without, and an order counts by the likelihood that the
lines gain in the columns that no fit saw.  Each judge sets the confidence of every order of the
same fit, which is blended with the estimate of the network and corrected to the coarse cells.

Machines of `benchmarks/generator.py` that have a speed, x4, the speed as it is and 1 % too high,
used as given.  The figures are changes of the mean square error in dB² over all cells of lines
(kinds of cells as in `benchmarks/machines.py`) against no use of a speed: with the confidence of
every order alone, and with the limits that the mean confidence of a speed must exceed
(`specsr.nvh.speed_use`), below which it is not used.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from unittest.mock import patch

import generator
import numpy as np
from common import parser, progress, publish, run
from generator import KINDS
from machine_cases import Case, case

from specsr.enhance.estimate import blend_bicubic, network_estimate, order_input
from specsr.maps import levels as decibels
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.models.bundled import find_model
from specsr.models.options import InferOptions
from specsr.nvh import order_fit
from specsr.nvh.order_candidates import Candidates
from specsr.nvh.order_evidence import INDEPENDENT, own_share, position_confidence
from specsr.nvh.order_lines import LineCells
from specsr.nvh.order_model import Levels, OrderModel
from specsr.nvh.order_stretches import fit_orders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_use import ShaftEvidence
from specsr.pairs.consistency import impose

SCALE = (4, 4)
BLOCK, FOLDS = 2, 4
"""Neighbouring coarse columns held out together, and parts that are held out one after the other.
Levels are linear between knots four coarse columns apart: each has a column beside a block."""
ROUNDS, UPDATES = 6, 8
"""Of the fit to the other columns: in each round the columns held out are set to the power that the
fit expects of them, so that they do not pull it (expectation maximisation)."""
SPEEDS = {"true": 1.0, "1 % too high": 1.01}
"""Name -> factor of the speed."""
CLASSES = ("lines", "single", "close")

Judge = Callable[[OrderModel, LineCells, Levels, np.ndarray], np.ndarray]


def held_out_confidence(
    model: OrderModel, cells: LineCells, levels: Levels, prior: np.ndarray
) -> np.ndarray:
    """Return the confidence of every order from columns that its fit did not see, [O].

    The probability that the lines explain those columns better than the floor alone, both equally
    probable beforehand, scaled so that 0 is no evidence.  Args as
    `specsr.nvh.order_evidence.position_confidence`.
    """
    nothing = levels.only(np.zeros(0, dtype=int))
    empty = model.cells(nothing.orders, shaft=nothing.shaft)
    gain = np.zeros(model.shape)
    for fold in range(FOLDS):
        held = np.arange(model.shape[1]) // BLOCK % FOLDS == fold
        with_lines = predicted(model, cells, levels, held)
        without = predicted(model, empty, nothing, held)
        difference = model.log_likelihood(with_lines) - model.log_likelihood(without)
        gain[:, held] = difference[:, held]
    _, expected = model.fit(cells, levels, 0)
    order, share = own_share(cells, levels, expected)
    earned = np.bincount(order, share * gain.ravel()[cells.cell], len(prior))
    first = prior + (1 - prior) / 2
    odds = np.exp(-np.clip(INDEPENDENT * earned, -50, 50))
    return np.clip(2 * first / (first + (1 - first) * odds) - 1, 0, 1)


def predicted(model: OrderModel, cells: LineCells, levels: Levels, held: np.ndarray) -> np.ndarray:
    """Return the power that a fit to the columns that are not held out expects, [F, T]."""
    at = np.arange(held.size)
    kept = np.flatnonzero(~held)
    seen = copy.copy(model)
    log = np.log(model.power)
    seen.power = np.exp([np.interp(at, kept, row[kept]) for row in log])
    found = seen.first(levels.orders, cells, levels.shaft)
    for _ in range(ROUNDS):
        found, expected = seen.fit(cells, found, UPDATES)
        seen.power = np.where(held, expected, model.power)
    return expected


def every_line(
    model: OrderModel, cells: LineCells, levels: Levels, prior: np.ndarray
) -> np.ndarray:
    """Return full confidence of every order."""
    return np.ones(len(prior))


JUDGES: dict[str, Judge] = {
    "lines displaced (specsr)": position_confidence,
    "columns held out": held_out_confidence,
    "none: every line counts": every_line,
}
"""Name -> confidence of every order."""
LIMITED = ", with the limits"
"""Added to the name of a judge: a speed of a low mean confidence is not used."""


def kept_selection() -> Callable:
    """Return `specsr.nvh.order_fit.select` that works once for each map: judges share it."""
    kept: dict[bytes, tuple] = {}
    select = order_fit.select

    def call(model: OrderModel, tried: Candidates) -> tuple:
        key = model.power.tobytes()
        if key not in kept:
            kept[key] = select(model, tried)
        return kept[key]

    return call


def without_speed(
    one: Case, model: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return the estimate before a fit of orders, and what scores one that a fit was blended into.

    Returns:
        Power and uncertainty of the estimate, [F s_f, T'], power of the coarse map, [F, T], and the
        function of an estimate that corrects it and returns the sums of squared errors in dB² of
        `CLASSES`.
    """
    low = one.low
    grid = low.grid.refined(*SCALE)
    coarse = low.power[0, :, : -(-grid.frames // SCALE[1])]
    network = find_model(model, "pool", SCALE)
    level = decibels.median_level(decibels.to_db(low.power[0]), low.grid)
    orders = order_input(network, low.grid, SCALE, np.zeros(grid.frames))
    power, uncertainty = network_estimate(
        network, low.power[0], level, orders, SCALE, InferOptions()
    )
    assert uncertainty is not None
    power, uncertainty = power[:, : grid.frames], uncertainty[:, : grid.frames]
    power = blend_bicubic(power, uncertainty, coarse, SCALE)
    between = noise_interpolation(grid, SCALE)

    def errors(estimate: np.ndarray) -> np.ndarray:
        made = decibels.to_db(impose(estimate, coarse, SCALE, between=between))
        wrong = np.square(made - one.truth)
        return np.array([wrong[one.masks[name]].sum() for name in CLASSES])

    return power, uncertainty, coarse, errors


def squared_errors(
    one: Case, model: str | None, judges: list[str]
) -> dict[tuple[str, str], np.ndarray]:
    """Return (speed, judge) -> sum of squared errors in dB² of `CLASSES`; no speed: ("", "")."""
    power, uncertainty, coarse, errors = without_speed(one, model)
    grid = one.low.grid.refined(*SCALE)
    found = {("", ""): errors(power)}
    right = column_rotation_hz(one.low.rpm, grid)
    for speed, factor in SPEEDS.items():
        selected = kept_selection()
        for judge in judges:
            changes = {"position_confidence": JUDGES[judge], "select": selected}
            with patch.multiple(order_fit, **changes):
                fit = fit_orders(coarse, grid, SCALE, factor * right)
            assert fit is not None
            blended, _ = order_fit.blend_fit(power, uncertainty, coarse, fit.fine(), SCALE)
            found[speed, judge] = errors(blended)
            shown = ShaftEvidence("", factor * right, fit.confidence, fit.confirmed)
            used = found[speed, judge] if shown.is_evidence() else found["", ""]
            found[speed, judge + LIMITED] = used
    return found


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], tuple(JUDGES), "held_out")
    arguments.add_argument("--sets", type=int, default=1, help="sets of 24 machines (default: 1)")
    arguments.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    args = arguments.parse_args()
    chosen = [x for n in range(args.sets) for x in generator.machine_set(n) if x[0] in args.kinds]
    machines = [x for x in chosen[: args.limit] if x[0] != "clicks"]  # those have no speed
    cases = [
        (kind, squared_errors(case(kind, seed, SCALE[0]), args.model, args.only))
        for kind, seed in progress(machines, len(machines), "machine")
    ]

    def change(kinds: list[str], speed: str, judge: str, cells: int) -> float:
        ours, plain = (
            sum(found[key][cells] for kind, found in cases if kind in kinds)
            for key in ((speed, judge), ("", ""))
        )
        return float(100 * (ours / plain - 1)) if plain > 0 else np.nan

    kinds = list(dict.fromkeys(kind for kind, _ in cases))
    rows = [
        {"speed": speed, "judge": judge + limit}
        | {f"{name}, %": change(kinds, speed, judge + limit, i) for i, name in enumerate(CLASSES)}
        for speed in SPEEDS
        for limit in ("", LIMITED)
        for judge in args.only
    ]
    by_kind = [
        {"kind": kind}
        | {
            f"{judge}, speed {speed}, %": change([kind], speed, judge, 0)
            for speed in SPEEDS
            for judge in args.only
        }
        for kind in kinds
    ]
    fits = len(cases) * len(SPEEDS)
    title = f"{len(cases)} machines, {fits} fits: change of the squared error"
    tables = {title: rows, f"{title} of lines, by kind": by_kind}
    publish(args, "Judges of the order fit", __doc__, tables, digits=1)


if __name__ == "__main__":
    run(main)
