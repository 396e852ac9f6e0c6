"""Scores of `benchmarks/tacholess.py`: errors up to a factor, and what a confidence is worth."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from common import progress
from generator import machine_set, make
from tacholess_methods import KINDS, METHODS, Found, found_by, limits, strongest

from specsr.signal import Signal

FACTORS = sorted({Fraction(p, q) for p in range(1, 5) for q in range(1, 5)})
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)


def factor_of(ratio: np.ndarray) -> float:
    """Return the simple factor that most ratios of a speed to the true one have."""
    middle = float(np.nan_to_num(np.median(ratio)))

    def fit(factor: Fraction) -> tuple[float, float]:
        near = np.abs(ratio / float(factor) - 1) < 0.03
        return float(near.mean()), -abs(middle / float(factor) - 1)

    return float(max(FACTORS, key=fit))


def scores(found: Found, rpm: np.ndarray, rate: float) -> dict[str, float]:
    """Return the errors of a found speed against the true one at every sample."""
    times, speed, confidence = found
    truth = np.interp(times, np.arange(rpm.size) / rate, rpm)
    turns = truth > 60
    ratio = speed[turns] / truth[turns]
    row = {"median, %": 100 * np.median(np.abs(ratio - 1)),
           "within 3 %": 100 * np.mean(np.abs(ratio - 1) < 0.03)}  # fmt: skip
    free = np.abs(ratio / factor_of(ratio) - 1)
    row |= {"up to a factor: median, %": 100 * np.median(free),
            "within 3 % of it": 100 * np.mean(free < 0.03)}  # fmt: skip
    if confidence is not None:
        sure = confidence[turns] > 0.9
        row["confidence"] = float(confidence.mean())
        row["sure and right, %"] = 100 * np.mean(free[sure] < 0.03) if sure.any() else np.nan
    return row


def right(found: Found, rpm: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence and whether the speed is within 3 % up to a factor, at all instants."""
    times, speed, confidence = found
    assert confidence is not None
    truth = np.interp(times, np.arange(rpm.size) / rate, rpm)
    turns = truth > 60
    ratio = speed[turns] / truth[turns]
    return confidence[turns], np.abs(ratio / factor_of(ratio) - 1) < 0.03


def confidence_by_kind(
    limit: int | None,
) -> dict[str, list[dict[str, object]]]:
    """Return the share of right instants by confidence, of all machines and of every kind."""
    cases = [
        (kind, seed) for kind, seed in machine_set(0) if kind in KINDS and seed % 100 == 0
    ][:limit]  # fmt: skip
    kinds: dict[str, dict[str, list[np.ndarray]]] = {method: {} for method in METHODS[:2]}
    for kind, seed in progress(cases, len(cases), "confidence"):
        machine = make(kind, seed)
        assert machine.rpm is not None
        signal = Signal(machine.samples().astype(np.float32), machine.rate)
        for method, each in kinds.items():
            found = found_by(method, signal, limits(machine.rpm), strongest(machine))
            each.setdefault(kind, []).append(np.stack(right(found, machine.rpm, machine.rate)))
    rpm = np.linspace(1200, 2600, 4 * 4096)
    turns = np.cumsum(rpm) / 60 / 4096
    rng = np.random.default_rng(7)
    for orders in ((1.0, 2.0), (2.0, 4.0)):
        for below in (6, 20):
            lines = sum(np.cos(2 * np.pi * k * turns + k) for k in orders)
            noise = rng.standard_normal(rpm.size) * np.std(lines) * 10 ** (-below / 20)
            for method, each in kinds.items():
                found = found_by(method, Signal(lines + noise, 4096.0), (900, 5000), orders)
                each.setdefault("two orders", []).append(np.stack(right(found, rpm, 4096.0)))
        for method, each in kinds.items():
            found = found_by(method, Signal(noise, 4096.0), (900, 5000), orders)
            assert found[2] is not None
            each.setdefault("noise", []).append(np.stack([found[2], np.zeros(len(found[2]))]))
    rows: list[dict[str, object]] = []
    for method, each in kinds.items():
        for kind, parts in each.items():
            confidence, good = np.concatenate(parts, axis=1)
            row: dict[str, object] = {"method": method, "kind": kind}
            for low, high in ((0, 0.5), (0.5, 0.9), (0.9, 1.01)):
                at = (confidence >= low) & (confidence < high)
                row[f"{low:g} to {min(high, 1):g}: instants"] = int(at.sum())
                row[f"{low:g} to {min(high, 1):g}: right, %"] = (
                    100 * good[at].mean() if at.any() else np.nan
                )
            rows.append(row)
    machines = {
        method: [part for kind, parts in each.items() if kind in KINDS for part in parts]
        for method, each in kinds.items()
    }
    return {"Confidence, machines": reliability(machines), "Confidence by kind": rows}


def reliability(instants: dict[str, list[np.ndarray]]) -> list[dict[str, object]]:
    """Return the share of right instants by their confidence."""
    rows: list[dict[str, object]] = []
    for method, each in instants.items():
        confidence, good = np.concatenate(each, axis=1)
        for low, high in zip(BINS, BINS[1:]):
            at = (confidence >= low) & (confidence < high)
            if at.any():
                rows.append({
                    "method": method, "confidence": f"{low:g} to {min(high, 1):g}",
                    "instants": int(at.sum()), "mean confidence, %": 100 * confidence[at].mean(),
                    "right, %": 100 * good[at].mean(),
                })  # fmt: skip
    return rows
