"""Scores of `benchmarks/machines.py`: which method is worse where, and the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from common import mean_error
from map_coverage import Judged, cells, coverage, fifths

METHODS: dict[str, str] = {
    "bicubic": "bicubic",
    "bicubic back": "bicubic, measured (back-projection)",
    "none": "specsr measured, no speed",
    "search": "specsr measured, speed searched",
    "speed": "specsr measured, speed given, corrected",
    "shafts": "specsr measured, speeds of all shafts given",
    "exact": "specsr measured, speed given, as it is",
    "wrong": "specsr measured, speed 3 % too high, corrected",
    "expected": "specsr expected, no speed",
    "expected speed": "specsr expected, speed given, as it is",
    "expected shafts": "specsr expected, speeds of all shafts given, as they are",
    "truth": "the truth itself, measured (bound)",
}
"""Method -> its label."""
BASELINES = ("bicubic", "bicubic back")
SCORES: dict[str, tuple[float, float]] = {
    "all, dB": (1, 0.05),
    "lines, dB": (1, 0.05),
    "single, dB": (1, 0.05),
    "close, dB": (1, 0.05),
    "clicks, dB": (1, 0.05),
    "floors beside clicks, bias dB": (0, 0.05),
    "level of clicks, dB": (1, 0.05),
    "found, %": (-1, 0.5),
    "invented, %": (1, 0.5),
}
"""Score -> 1 if lower is better, -1 if higher, 0 if nearer to zero; and the least difference."""
Scores = dict[str, float]


@dataclass(frozen=True, eq=False)
class Result:
    """Scores and cells of a method on one machine.

    Attributes:
        kind: of the machine.
        scores: from `scores`.
        judged: errors and their uncertainty by class; None without an uncertainty.
    """

    kind: str
    scores: Scores
    judged: Judged | None


def worse(ours: Sequence[Scores], theirs: Sequence[Scores], score: str) -> bool:
    """Whether a method is worse in a score than another on the same machines, beyond scatter."""
    sign, least = SCORES[score]
    a, b = (np.array([x[score] for x in group]) for group in (ours, theirs))
    gap = np.abs(a) - np.abs(b) if sign == 0 else sign * (a - b)
    mean, error = mean_error(gap)
    return bool(mean > max(least, 0.0 if np.isnan(error) else error))


def better(first: Sequence[Scores], second: Sequence[Scores], score: str) -> Sequence[Scores]:
    """Return which of two groups has the better mean."""
    sign, _ = SCORES[score]
    means = [np.nanmean(np.abs([x[score] for x in g]) * (sign or 1)) for g in (first, second)]
    return first if means[0] <= means[1] else second


def of_kind(results: Sequence[Result], kind: str) -> list[Scores]:
    """Return the scores of the machines of a kind."""
    return [r.scores for r in results if r.kind == kind]


def losses(
    results: Mapping[str, Sequence[Result]], method: str, others: Sequence[str]
) -> dict[str, list[str]]:
    """Return kind -> scores in which a method is worse than the best of one or two others."""
    found: dict[str, list[str]] = {}
    for kind in dict.fromkeys(r.kind for r in results[method]):
        ours = of_kind(results[method], kind)
        for score in SCORES:
            if all(np.isnan(x[score]) for x in ours):
                continue
            rivals = [of_kind(results[name], kind) for name in others]
            rival = rivals[0] if len(rivals) == 1 else better(rivals[0], rivals[1], score)
            if worse(ours, rival, score):
                found.setdefault(kind, []).append(score.split(",")[0])
    return found


def listed(found: Mapping[str, Sequence[str]]) -> str:
    """Return kinds and scores as text."""
    return "; ".join(f"{kind} ({', '.join(names)})" for kind, names in found.items()) or "-"


def averages(results: Sequence[Result]) -> dict[str, float]:
    """Mean of every score over machines that have it; the bias as mean of its magnitude."""
    row = {}
    for name, (sign, _) in SCORES.items():
        values = np.array([r.scores[name] for r in results])
        values = np.abs(values) if sign == 0 else values
        row[name] = float(np.nanmean(values)) if not np.isnan(values).all() else np.nan
    return row


def summary(results: Mapping[str, Sequence[Result]]) -> list[dict[str, object]]:
    """One row per method: where it loses, and its scores averaged over all machines."""
    rows = []
    for method, found in results.items():
        row: dict[str, object] = {"method": METHODS[method]}
        both = all(name in results for name in BASELINES)
        lost = losses(results, method, BASELINES) if both and method not in BASELINES else {}
        row["worse than the better bicubic"] = listed(lost) if method not in BASELINES else ""
        plain = "expected" if method.startswith("expected") else "none"
        speed = method in (
            "search", "speed", "shafts", "exact", "wrong", "expected speed", "expected shafts",
        )  # fmt: skip
        row["worse than without speed"] = (
            listed(losses(results, method, [plain])) if speed and plain in results else ""
        )
        rows.append(row | averages(found))
    return rows


def tables(results: Mapping[str, Sequence[Result]], label: str) -> dict[str, list[dict]]:
    """Return all tables of one scale."""
    made = {f"{label}: all machines": summary(results)}
    sure = {m: [x.judged for x in r if x.judged is not None] for m, r in results.items()}
    sure = {m: found for m, found in sure.items() if found}
    if sure:
        made[f"{label}: coverage of the uncertainty, %, and how it ranks errors"] = [
            {"method": METHODS[m]} | coverage(found) | fifths(*cells(found, "all"))
            for m, found in sure.items()
        ]
    for kind in dict.fromkeys(r.kind for found in results.values() for r in found):
        made[f"{label}: {kind}"] = [
            {"method": METHODS[m]} | averages([r for r in found if r.kind == kind])
            for m, found in results.items()
        ]
    return made
