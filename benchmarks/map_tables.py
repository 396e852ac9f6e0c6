"""Tables of the benchmark on real recordings: methods beside the better of two bicubics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from common import mean_error
from map_scores import SCORES, value
from real_recordings import Recording
from scipy.stats import t as student

from specsr.scores.baselines import Interpolation

CONFIDENCE, RELEVANT = 0.99, 0.05
"""Of the interval that a difference has to exceed; and the share of the bicubic's score."""

BICUBICS: tuple[Interpolation, ...] = ("bicubic", "bicubic, back-projection")

Blocks = dict[tuple[int, str], dict[str, np.ndarray]]
"""(scale, method) -> score -> sums and counts by window and block, [windows, blocks, 2]."""


def overall(name: str, sums: np.ndarray) -> float:
    """Return a score over all windows and blocks; nan without any."""
    return float(value(name, sums.sum(axis=(0, 1))))


def compared(name: str, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return the mean of ours - theirs over the blocks and the half-width of its 99 % interval.

    Both are nan for fewer than three blocks with both.
    """
    differences = value(name, ours.sum(axis=0)) - value(name, theirs.sum(axis=0))
    differences = differences[np.isfinite(differences)]
    if len(differences) < 3:
        return math.nan, math.nan
    quantile = student.ppf((1 + CONFIDENCE) / 2, len(differences) - 1)
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return float(differences.mean()), float(quantile * error)


def verdicts(blocks: Blocks, method: str, scale: int) -> dict[str, str]:
    """Return score -> ``"worse"``, ``"worse by 5 %"``, ``"better"`` or ``""``.

    Compared with the better of the two bicubics.
    """
    found = {}
    for name in SCORES:
        ours = blocks[scale, method][name]
        rivals = (blocks[scale, bicubic][name] for bicubic in BICUBICS)
        theirs = min(rivals, key=lambda x: _or_inf(overall(name, x)))
        difference, scatter = compared(name, ours, theirs)
        found[name] = ""
        if difference > scatter:
            relevant = difference > RELEVANT * overall(name, theirs)
            found[name] = "worse by 5 %" if relevant else "worse"
        elif difference < -scatter:
            found[name] = "better"
    return found


def _or_inf(value: float) -> float:
    return math.inf if math.isnan(value) else value


def summary(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scales: Sequence[int]
) -> list[dict[str, object]]:
    """One row per method: on how many recordings it is worse, and its mean scores."""
    rows = []
    for method in methods:
        of = {r: b for r, b in results.items() if (scales[0], method) in b}
        if not of:
            continue
        judged = {r: [v for s in scales for v in verdicts(b, method, s).values()]
                  for r, b in of.items()}  # fmt: skip
        row: dict[str, object] = {"method": method}
        row[f"worse than bicubic, of {len(results)} recordings"] = _out_of(
            sum(any(v.startswith("worse") for v in each) for each in judged.values()), of, results
        )
        row["by 5 %"] = sum("worse by 5 %" in each for each in judged.values())
        row["better"] = sum("better" in each for each in judged.values())
        for scale in scales:
            for name, label in SCORES.items():
                row[f"x{scale} {label}" if len(scales) > 1 else label] = mean_error(
                    overall(name, b[scale, method][name]) for b in of.values()
                )[0]
        rows.append(row)
    return rows


def _out_of(count: int, of: Mapping, results: Mapping) -> object:
    """A count, with the number of recordings if the method does not apply to all."""
    return count if len(of) == len(results) else f"{count} of {len(of)}"


def by_score(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scales: Sequence[int]
) -> list[dict[str, object]]:
    """One row per method: number of recordings on which each score is worse / better."""
    rows = []
    for method in methods:
        row: dict[str, object] = {"method": method}
        for scale in scales:
            found = [verdicts(b, method, scale) for b in results.values() if (scale, method) in b]
            for name in SCORES:
                worse = sum(v[name].startswith("worse") for v in found)
                row[f"x{scale} {name}"] = f"{worse} / {sum(v[name] == 'better' for v in found)}"
            if not found:
                break
        else:
            rows.append(row)
    return rows


def differences(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scale: int
) -> list[dict[str, object]]:
    """One row per method: its scores minus those of bicubic with back-projection."""
    rows = []
    for method in methods:
        of = [blocks for blocks in results.values() if (scale, method) in blocks]
        row: dict[str, object] = {"method": method, "recordings": len(of)}
        for name, label in SCORES.items():
            pairs = ((b[scale, method][name], b[scale, BICUBICS[1]][name]) for b in of)
            row[label] = mean_error(compared(name, ours, theirs)[0] for ours, theirs in pairs)
        if of and method != BICUBICS[1]:
            rows.append(row)
    return rows


def by_kind(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scale: int
) -> list[dict[str, object]]:
    """One row per kind of machine and method: its mean scores."""
    rows = []
    for kind in dict.fromkeys(r.kind for r in results):
        of_kind = {r: b for r, b in results.items() if r.kind == kind}
        for row in summary(of_kind, methods, [scale]):
            worse = row.pop(f"worse than bicubic, of {len(of_kind)} recordings")
            rows.append({"kind": kind, "recordings": len(of_kind), "method": row["method"],
                         "worse": worse} | row)  # fmt: skip
    return rows


def by_recording(
    results: Mapping[Recording, Blocks], methods: Sequence[str], scale: int
) -> list[dict[str, object]]:
    """One row per recording and method: its scores and what is worse than bicubic."""
    rows = []
    for recording, blocks in results.items():
        for method in methods:
            if (scale, method) in blocks:
                found = verdicts(blocks, method, scale)
                row: dict[str, object] = {"recording": recording.name, "method": method}
                row |= {
                    label: overall(name, blocks[scale, method][name])
                    for name, label in SCORES.items()
                }
                row["worse"] = ", ".join(k for k, v in found.items() if v.startswith("worse"))
                row["worse by 5 %"] = ", ".join(k for k, v in found.items() if v == "worse by 5 %")
                row["better"] = ", ".join(k for k, v in found.items() if v == "better")
                rows.append(row)
    return rows
