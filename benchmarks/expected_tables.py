"""Tables of the benchmark of expected maps: means by kind, and where simple averages are better."""

from __future__ import annotations

import numpy as np
from common import mean_error
from expected_methods import METHODS


def table(results: list[tuple[str, dict]], names: list[str], kind: str) -> list[dict]:
    """Return one row a method: the means of the scores over the cases of a kind."""
    rows = []
    chosen = [found for of, found in results if kind in (of, "")]
    for method in chosen[0]:
        row: dict = {"method": METHODS[method]} if not kind else {"kind": kind, "method": method}
        for name in names:
            values = [found[method][name] for found in chosen if name in found[method]]
            row[name] = mean_error(values)[0] if values else None
        rows.append(row)
    return rows


def worse(results: list[tuple[str, dict]], names: list[str]) -> list[dict]:
    """Return one row for each kind and score in which the mean of 3 columns is better."""
    rows = []
    for kind in dict.fromkeys(kind for kind, _ in results):
        pairs = [(f["columns"], f["specsr"]) for of, f in results if of == kind]
        for name in names:
            both = [(c[name], s[name]) for c, s in pairs]
            more = mean_error([s - c for c, s in both])
            if more[0] > 0:
                kept = [pair for pair in both if not np.isnan(pair).any()]
                columns, ours = np.mean(kept, axis=0)
                rows.append(
                    {"kind": kind, "score": name, "columns": columns, "specsr": ours,
                     "difference": more, "machines": len(kept)}
                )  # fmt: skip
    return rows
