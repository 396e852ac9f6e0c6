"""Whether a map itself shows where its expected map is wrong: averages of measured over expected.

Over cells whose expected power is right, the ratio of measured to expected power has a mean of 1.
Where it has not, the expected map could be corrected.  The largest correction of this kind that
holds for other machines is a regression: the error of every cell (true over expected level, dB) on
the logarithm of the mean ratio over neighbourhoods of 1 x 1 to 9 x 31 cells (rows x columns), of
the ratios themselves and of the powers, with weights of their own for each of 20 classes of cells
by uncertainty and level over the floor.  It is fitted on all kinds of machines but one and
judged on that one.  22 machines: sets 1 and 2 of `benchmarks/generator.py`, one of each kind.
Errors are rms in dB; classes of cells as in `benchmarks/expected.py`.
"""

from __future__ import annotations

import numpy as np
from common import mean_error, parser, progress, publish, run, some
from expected import CLASSES, GRIDS, Case, other, rms
from expected_methods import estimates, power
from generator import machine_set
from scipy.ndimage import median_filter, uniform_filter

from specsr.maps.levels import to_db

SHAPES = ((1, 1), (1, 3), (1, 7), (1, 15), (3, 3), (3, 7), (5, 15), (9, 31))
"""Rows and columns of the neighbourhoods."""
UNCERTAINTIES, FLOORS = (0.3, 0.6, 1.2, 2.0), (1.5, 5.0, 12.0)
"""Limits of the classes of cells, dB: uncertainty, level over the floor."""
LIMIT = 10.0
"""Logarithms of ratios are limited to ± this many dB, so that a silent cell does not decide."""
RIDGE = 50.0
"""Added to the sum of squares of every regressor."""


def evidence(measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the regressors of every cell, dB, [F, T, count]."""
    found = []
    for shape in SHAPES:
        ratios = uniform_filter(measured / expected, shape, mode="nearest")
        powers, mean = (uniform_filter(x, shape, mode="nearest") for x in (measured, expected))
        found += [ratios] if shape == (1, 1) else [ratios, powers / mean]
    limit = 10 ** (LIMIT / 10)
    return np.stack([10 * np.log10(np.clip(x, 1 / limit, limit)) for x in found], axis=-1)


def classes(levels: np.ndarray, uncertainty: np.ndarray) -> np.ndarray:
    """Return the class of every cell, [F, T]."""
    floor = median_filter(levels, (33, 1), mode="nearest")
    above = np.digitize(levels - floor, FLOORS)
    return above * (len(UNCERTAINTIES) + 1) + np.digitize(uncertainty, UNCERTAINTIES)


def sums(of: np.ndarray, regressors: np.ndarray, error: np.ndarray) -> list[np.ndarray]:
    """Return the normal equations of every class, [classes, count, count + 1].

    A machine counts for 20000 cells of a class at most.
    """
    count = regressors.shape[-1]
    total = np.zeros(((len(FLOORS) + 1) * (len(UNCERTAINTIES) + 1), count, count + 1))
    for k in range(len(total)):
        x, y = regressors[of == k], np.clip(error[of == k], -LIMIT, LIMIT)
        total[k] = x.T @ np.column_stack([x, y]) / max(1.0, len(x) / 20000)
    return total


def main() -> None:
    args = parser(__doc__, ["specsr"], "expected_evidence").parse_args()
    chosen = list(
        {(n, kind): (kind, seed) for n in (1, 2) for kind, seed in machine_set(n)}.values()
    )
    todo = some(chosen, args.limit)
    kept = []
    for i, (kind, seed) in progress(enumerate(todo), len(todo), "machine"):
        case: Case = other(kind, seed, GRIDS[i % len(GRIDS)])
        estimate, uncertainty = estimates(case.signal, case.measured, None, ["specsr"])["specsr"]
        measured, expected = power(case.measured), np.maximum(estimate, 1e-30)
        levels = to_db(expected).astype(float)
        regressors = evidence(measured, expected)
        of = classes(levels, uncertainty)
        columns = to_db(uniform_filter(measured, (1, 3), mode="nearest")) - case.truth
        error = case.truth - levels
        equations = sums(of, regressors, error)
        kept.append(
            (kind, case.masks, columns, error, of, regressors.astype(np.float32), equations)
        )
    kinds = list(dict.fromkeys(kind for kind, *_ in kept))
    rows = []
    for kind in kinds:
        total = sum(equations for of, *_, equations in kept if of != kind)
        count = total.shape[1]
        weights = np.linalg.solve(
            total[..., :count] + RIDGE * np.eye(count), total[..., count:]
        )[..., 0]  # fmt: skip
        found: dict[str, list[float]] = {}
        for of_kind, masks, columns, error, of, regressors, _ in kept:
            if of_kind != kind:
                continue
            left = error - np.einsum("ijk,ijk->ij", regressors, weights[of])
            for name in CLASSES:
                for method, values in (
                    ("columns", columns),
                    ("specsr", error),
                    ("corrected", left),
                ):
                    found.setdefault(f"{name}, {method}", []).append(rms(values[masks[name]]))
        rows.append({"kind": kind} | {name: mean_error(v)[0] for name, v in found.items()})
    mean = {name: mean_error([row[name] for row in rows])[0] for name in rows[0] if name != "kind"}
    publish(
        args, "Evidence of a map against its expected map", __doc__.split("\n", 2)[2],
        {"Errors by kind": [*rows, {"kind": "mean of the kinds", **mean}]},
        facts={"machines": len(kept)}, digits=2,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
