"""Extrapolation of the errors of `benchmarks/expected_curve.py` over the steps, and its figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr.io import replacing

AIMS = {"all": 0.5, "lines": 0.8, "single": 0.5, "close": 0.5}
"""Class of cells -> rms error in dB to reach on run-ups."""

BUNDLED_HOURS = 85 / 60 / 62500
"""Hours of a step of the bundled model: one fast core, bfloat16."""

Run = tuple[float, Mapping[str, float]]
"""Full steps of a training, and its errors by class."""


@dataclass(frozen=True)
class Power:
    """Power law: ln(error) = level + slope (ln(steps) - centre).

    Attributes:
        slope, level, centre: of the line.
        errors: standard errors of slope and level; nan for two trainings.
    """

    slope: float
    level: float
    centre: float
    errors: tuple[float, float]

    def at(self, steps: float | np.ndarray) -> np.ndarray:
        """Return the error after some steps."""
        return np.exp(self.level + self.slope * (np.log(steps) - self.centre))

    def steps_to(self, error: float) -> tuple[float, float]:
        """Return the steps to an error, infinite if it does not fall, and their factor of error."""
        if self.slope >= 0:
            return math.inf, math.nan
        way = (math.log(error) - self.level) / self.slope
        # slope and level are independent about the centre
        spread = math.hypot(way * self.errors[0], self.errors[1]) / -self.slope
        steps = self.centre + way
        return (math.exp(steps) if steps < 700 else math.inf), math.exp(min(spread, 700))


def fit(steps: Sequence[float], errors: Sequence[float]) -> Power:
    """Return the power law through some trainings of at least two lengths."""
    x, y = np.log(steps), np.log(errors)
    centre = float(x.mean())
    if len(x) > 2:
        (slope, level), variance = np.polyfit(x - centre, y, 1, cov=True)
        spread = np.sqrt(np.diag(variance))
    else:
        slope, level = np.polyfit(x - centre, y, 1)
        spread = np.full(2, math.nan)
    return Power(float(slope), float(level), centre, (float(spread[0]), float(spread[1])))


def fits(series: Sequence[Run], last: Mapping[str, Run], of: str) -> dict[str, Power]:
    """Return the power laws of a class of cells: of the short trainings, and on to each state."""
    longest = [x for x in series if x[0] == max(steps for steps, _ in series)]
    found = {"short": list(series)} if len({steps for steps, _ in series}) > 1 else {}
    found |= {name: [*longest, run] for name, run in last.items()}
    return {
        name: fit([steps for steps, _ in runs], [errors[of] for _, errors in runs])
        for name, runs in found.items()
    }


def short(value: float) -> str:
    """Return a number of two digits."""
    return "never" if not math.isfinite(value) else f"{float(f'{value:.1e}'):.10g}"


def extrapolated(
    series: Sequence[Run], last: Mapping[str, Run], seconds: float
) -> list[dict[str, object]]:
    """Return a row for each class of cells and fit.

    Args:
        series: trainings of the bundled network.
        last: states of the bundled model.
        seconds: of a step.
    """
    rows: list[dict[str, object]] = []
    for of, aim in AIMS.items():
        for name, power in fits(series, last, of).items():
            steps, factor = power.steps_to(aim)
            row: dict[str, object] = {
                "cells": of, "aim, dB": aim, "fit": name,
                "measured, dB": last[name][1][of] if name in last else None,
                "exponent": (power.slope, power.errors[0]),
            }  # fmt: skip
            if name in last and last[name][1][of] <= aim:
                row["steps to the aim"] = "reached"
            else:
                between = f" ({short(steps / factor)} to {short(steps * factor)})"
                row |= {
                    "steps to the aim": short(steps) + between * math.isfinite(factor),
                    "hours of this core": short(steps * seconds / 3600),
                    "hours of a fast core, bfloat16": short(steps * BUNDLED_HOURS),
                }
            rows.append(row)
    return rows


def draw(
    trainings: Sequence[tuple[str, float, float, Mapping[str, float]]], series: Sequence[Run],
    last: Mapping[str, Run], target: Path,
) -> None:  # fmt: skip
    """Draw the errors over the steps, the power laws and the aims."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    colours = {name: f"C{i}" for i, name in enumerate(("short", *last))}
    kinds = list(dict.fromkeys((network, part) for network, part, _, _ in trainings))
    axes = figure.subplots(1, len(AIMS), sharey=True, sharex=True)
    for axis, (of, aim) in zip(axes, AIMS.items(), strict=True):
        for kind, mark in zip(kinds, ("o", "s", "^", "v", "D")):
            own = [
                (steps, x[of]) for network, part, steps, x in trainings if (network, part) == kind
            ]
            data = "reduced data" if kind[1] == 1 else f"{kind[1]:g} of them"
            axis.plot(*zip(*own), f"k{mark}", ms=5, mfc="none", label=f"{kind[0]}, {data}")
        for name, (steps, errors) in last.items():
            axis.plot(steps, errors[of], "*", color=colours[name], ms=10, label=name)
        start = max(steps for steps, _ in series)
        for name, power in fits(series, last, of).items():
            x = np.geomspace(min(run[0] for run in series) if name == "short" else start, 3e6, 50)
            axis.plot(x, power.at(x), "--", color=colours[name], lw=1, label=f"fit, {name}")
        axis.axhline(aim, color="k", ls=":", lw=1, label="aim")
        axis.set(title=f"{of} cells" if of == "all" else of, xscale="log", yscale="log")
        axis.set(xlabel="full training steps", ylim=(0.3, None))
        ticks = (0.3, 0.5, 0.8, 1, 2, 3, 5)
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("rms error on run-ups, dB")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", fontsize="small"
    )
    with replacing(target, overwrite=True) as (temp,):
        figure.savefig(temp, dpi=110, format="png")
