"""Rows of the tables of `benchmarks/denoise_kinds.py`."""

from __future__ import annotations

import math

import numpy as np
from denoise_mixes import NOISES, SNRS

Scores = tuple[float, float, float, float]
"""SI-SDR, and the rms errors of single cells of clear lines, of the peaks of impacts, and of the
levels of clear lines, dB; nan without such."""

Found = dict[tuple[str, str, float, str], Scores]


def one(found: Found, kind: str, noise: str, snr: float, method: str) -> float | None:
    value = found.get((kind, noise, snr, method))
    return None if value is None else value[0]


def means(found: Found, methods: list[str], kinds: tuple[str, ...], which: int = 0) -> list:
    """Return mean scores: a row for each noise and ratio; of methods for all kinds alike."""
    rows = []
    for noise in NOISES:
        for snr in SNRS:
            row: dict[str, object] = {"background": noise, "SNR, dB": f"{snr:g}"}
            for method in methods:
                values = [found.get((kind, noise, snr, method)) for kind in kinds]
                known = [v[which] for v in values if v is not None and not math.isnan(v[which])]
                row[method] = float(np.mean(known)) if known else None
            if any(row[method] is not None for method in methods):
                rows.append(row)
    return rows


def below(found: Found, methods: list[str]) -> list:
    """Return how many machines are below their input: a row for each noise and ratio."""
    rows = []
    for noise in NOISES:
        for snr in SNRS:
            row: dict[str, object] = {"background": noise, "SNR, dB": f"{snr:g}"}
            for method in methods:
                losses = [
                    found[kind, noise, snr, "input"][0] - value[0]
                    for (kind, n, s, m), value in found.items()
                    if (n, s, m) == (noise, snr, method) and (kind, n, s, "input") in found
                ]
                below = [loss for loss in losses if loss > 0.05]
                worst = f", worst {max(below):.1f} dB" if below else ""
                row[method] = f"{len(below)} of {len(losses)}{worst}"
            if any((noise, snr) == key[1:3] for key in found):
                rows.append(row)
    return rows
