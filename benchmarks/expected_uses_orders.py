"""Order cuts of `benchmarks/expected_uses.py`, of synthetic machines and of real run-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from expected_uses_machines import MAPS, Machine

from specsr import Signal, order_map
from specsr.nvh.order_cut import OrderCut
from specsr.train.splitting import split

ORDERS = tuple(k / 2 for k in range(1, 25))
CLASSES = {"under 0 dB": (-20, 0), "0 to 10 dB": (0, 10), "10 to 20 dB": (10, 20),
           "over 20 dB": (20, np.inf)}  # fmt: skip
"""Level of the line over the noise in the band."""
REAL_ORDERS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
OFFSETS = np.linspace(-0.5, 0.5, 41)
"""Times within a window at which the density of the noise is read, in windows."""
WEIGHTS = np.cos(np.pi * OFFSETS) ** 4 / np.sum(np.cos(np.pi * OFFSETS) ** 4)
"""Energy of the Hann window at them."""


def rms(values: np.ndarray) -> float:
    """Return the root of the mean square; nan for none."""
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")


def angle_cuts(
    signal: Signal, only: Sequence[str], orders: Sequence[float]
) -> dict[str, list[OrderCut]]:
    """Return method -> cuts of the order map."""
    made = order_map(signal, max_order=max(orders) + 1)
    found = {name: replace(made, spec=MAPS[name](made.spec)) for name in only}
    return {name: [by.cut(k) for k in orders] for name, by in found.items()}


def order_scores(
    machine: Machine, found: dict[str, list[OrderCut]], plain: list[OrderCut], window: np.ndarray
) -> dict[str, dict]:
    """Return method -> class -> rms error, bias and coverage of the cuts of one machine.

    Args:
        machine: for its noise.
        found: cuts of each method.
        plain: cuts of the deterministic part.
        window: samples that the window of each column reaches over, [offset, T].
    """
    only = list(found)
    errors: dict[str, dict[str, list[np.ndarray]]] = {n: {c: [] for c in CLASSES} for n in only}
    inside: dict[str, list[np.ndarray]] = {c: [] for c in CLASSES}
    for i, line in enumerate(plain):
        rotation_hz = machine.signal.rpm[window] / 60
        width = line.bandwidth / line.rpm * 60  # orders
        density = machine.density(line.order * rotation_hz, window / machine.signal.rate)
        noise = WEIGHTS @ (density * rotation_hz) * width
        power = 10 ** (line.levels[0] / 10) * machine.clean.reference**2
        truth = 10 * np.log10((power + noise) / machine.clean.reference**2)
        ratio = 10 * np.log10(np.maximum(power, 1e-300) / np.maximum(noise, 1e-300))
        for name in only:
            cut = found[name][i]
            error = cut.levels[0] - truth
            for title, (low, high) in CLASSES.items():
                kept = np.isfinite(error) & (ratio >= low) & (ratio < high)
                errors[name][title].append(error[kept])
                if cut.uncertainty_db is not None:
                    inside[title].append(np.abs(error[kept]) <= cut.uncertainty_db[0, kept])
    result: dict[str, dict] = {name: {} for name in only}
    for name in only:
        for title in CLASSES:
            all_errors = np.concatenate(errors[name][title])
            result[name] |= {title: rms(all_errors)}
            bias = float(np.mean(all_errors)) if all_errors.size else float("nan")
            result[name] |= {f"bias, {title}": bias}
            if name == "expected" and inside[title]:
                share = np.concatenate(inside[title])
                result[name] |= {
                    f"within, {title}": 100 * share.mean() if share.size else float("nan")
                }
    return result


def by_turns(signal: Signal, cut: OrderCut, turns: float) -> np.ndarray:
    """Return samples within windows of so many turns about each column, [offset, T]."""
    angle = np.cumsum(signal.rpm) / 60 / signal.rate
    at = np.interp(cut.times, np.arange(signal.length) / signal.rate, angle)
    found = np.interp(at + turns * OFFSETS[:, None], angle, np.arange(signal.length))
    return np.round(found).astype(int)


def by_samples(signal: Signal, cut: OrderCut, length: int) -> np.ndarray:
    """Return samples within windows of so many samples about each column, [offset, T]."""
    at = cut.times * signal.rate + length * OFFSETS[:, None]
    return np.clip(np.round(at), 0, signal.length - 1).astype(int)


def real_cuts(signal: Signal, only: Sequence[str]) -> dict[str, float]:
    """Return the scatter of cuts of a real run-up, and the mean difference from measured ones."""
    one, other = split(signal.replace(rpm=None), 2048, np.random.default_rng(0))
    one, other = (x.replace(rpm=signal.rpm) for x in (one, other))
    found = angle_cuts(one, list(dict.fromkeys(["measured", *only])), REAL_ORDERS)
    reference = angle_cuts(other, ["measured"], REAL_ORDERS)["measured"]
    squares, row = {}, {}
    for name, cuts in found.items():
        error = np.concatenate([
            (a.levels - b.levels)[np.isfinite(a.levels) & np.isfinite(b.levels)]
            for a, b in zip(cuts, reference)
        ])  # fmt: skip
        squares[name] = np.mean(np.square(error))
        row[f"{name}, bias"] = float(error.mean())
    own = squares["measured"] / 2
    row |= {name: float(np.sqrt(max(squares[name] - own, 0))) for name in found}
    return {key: row[key] for key in sorted(row)}
