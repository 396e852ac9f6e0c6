"""Coverage of the uncertainty of maps by class of cells, and how it ranks their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

CLASSES = (
    "all", "lines", "close", "clear lines", "clicks", "noise", "below 2 kHz", "lines below 2 kHz",
)  # fmt: skip
FIFTHS = ("lowest", "2nd", "3rd", "4th", "highest")


@dataclass(frozen=True, eq=False)
class Judged:
    """Errors of one map and their uncertainty, by class of cells.

    Attributes:
        kind: kind of machine.
        error: class of `CLASSES` -> estimated minus true level, dB, float32 [n]; classes that the
            map does not know are missing.
        uncertainty: the same, dB.
    """

    kind: str
    error: dict[str, np.ndarray]
    uncertainty: dict[str, np.ndarray]


def judged(
    kind: str, error: np.ndarray, uncertainty: np.ndarray, masks: Mapping[str, np.ndarray]
) -> Judged:
    """Return the errors and uncertainties of the cells of every class, from maps [F, T]."""
    error, uncertainty = error.astype(np.float32), uncertainty.astype(np.float32)
    names = [name for name in CLASSES if name in masks]
    return Judged(
        kind, {n: error[masks[n]] for n in names}, {n: uncertainty[masks[n]] for n in names}
    )


def cells(found: Sequence[Judged], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return error and uncertainty of all cells of a class, dB, float32 [n] each."""
    none = np.zeros(0, dtype=np.float32)
    return (
        np.concatenate([one.error.get(name, none) for one in found]),
        np.concatenate([one.uncertainty.get(name, none) for one in found]),
    )


def within(error: np.ndarray, uncertainty: np.ndarray, times: float = 1.0) -> float:
    """Return the share of the errors within so many times the uncertainty, %; nan for none."""
    return 100 * float(np.mean(np.abs(error) <= times * uncertainty)) if error.size else np.nan


def coverage(found: Sequence[Judged]) -> dict[str, float]:
    """Return the share of the cells within the uncertainty by class that maps know, %."""
    known = [name for name in CLASSES if any(name in one.error for one in found)]
    return {name: within(*cells(found, name)) for name in known}


def standard_error(found: Sequence[Judged], name: str) -> float:
    """Return the standard error, over the maps, of the share of a class within, %; nan for one."""
    sure = [np.abs(one.error[name]) <= one.uncertainty[name] for one in found if name in one.error]
    count = np.array([x.size for x in sure if x.size])
    inside = np.array([x.sum() for x in sure if x.size])
    if count.size < 2:
        return np.nan
    off = inside - inside.sum() / count.sum() * count
    return 100 * float(np.sqrt(np.square(off).sum() * off.size / (off.size - 1)) / count.sum())


def fifths(error: np.ndarray, uncertainty: np.ndarray) -> dict[str, float]:
    """Return the rms error of the fifths of the cells by uncertainty, dB."""
    parts = np.array_split(np.argsort(uncertainty, kind="stable"), 5)
    return {
        f"rms error, {name} fifth": float(np.sqrt(np.mean(np.square(error[part], dtype=float))))
        for name, part in zip(FIFTHS, parts)
        if part.size
    }


def by_class(found: Sequence[Judged]) -> list[dict[str, object]]:
    """Return one row for every class that has cells, over all maps."""
    count = cells(found, "all")[0].size
    rows = []
    for name in CLASSES:
        error, uncertainty = cells(found, name)
        if error.size:
            rows.append(
                {
                    "cells": name,
                    "share, %": 100 * error.size / count,
                    "within the uncertainty, %": within(error, uncertainty),
                    "standard error, %": standard_error(found, name),
                    "within twice the uncertainty, %": within(error, uncertainty, 2),
                    "rms error, dB": float(np.sqrt(np.mean(np.square(error, dtype=float)))),
                    "median uncertainty, dB": float(np.median(uncertainty)),
                }
                | fifths(error, uncertainty)
            )
    return rows


def by_kind(found: Sequence[Judged]) -> list[dict[str, object]]:
    """Return the coverage of every kind of machine by class, %, and the number of its maps."""
    kinds = dict.fromkeys(one.kind for one in found)
    of = {kind: [one for one in found if one.kind == kind] for kind in kinds}
    return [{"kind": k, "maps": len(maps)} | coverage(maps) for k, maps in of.items()]
