"""Lines on a speed found in a recording: where and why it may be wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from specsr.nvh.tacholess import FoundSpeed
from specsr.nvh.tacholess_candidates import ambiguous

NAMED = 5
"""Times that a line names."""

BEYOND = 0.02
"""Relative distance from the limits of a search that is inaccuracy."""


def cautions(found: FoundSpeed) -> list[str]:
    """Return a line for each reason to distrust a speed; options named are of ``specsr speed``."""
    lines = []
    if factors := ambiguous(found.candidates, found.chosen):
        named = ", ".join(f"{factor:.3g}" for factor in factors)
        lines.append(
            f"{named} times the speed explains the lines nearly as well: --orders (those with "
            "lines), --rpm-range or --candidate decides"
        )
    if found.rival is not None:
        rpm = found.candidates[found.rival].rpm
        lines.append(
            f"candidate {found.rival + 1}, {rpm.min():.0f} to {rpm.max():.0f} rpm, has nearly the "
            "same score or a higher one, and other lines, as of another machine: --start, --orders "
            "or --candidate decides"
        )
    if outside := _outside(found):
        low, high = found.limits
        lines.append(
            f"{math.ceil(100 * outside)} % of the speed is outside of {low:g} to {high:g} "
            "rpm: it may be wrong by a factor; --candidate, --orders or other limits "
            "(--rpm-range) decide"
        )
    if found.breaks:
        lines.append(
            f"the speed jumps at {_times(found.breaks)}, with no lines in between: before or "
            "after, it may be wrong by a factor or that of another shaft; --orders or --rpm-range "
            "may help"
        )
    if found.changes:
        lines.append(
            f"the pattern of the lines changes at {_times(found.changes)}: the speed may be wrong "
            "by a factor or that of another shaft before or after it; --start, --rpm-range or "
            "--orders may help"
        )
    if found.mains:
        lines.append(
            f"the speed is steady, with lines at multiples of {found.mains:g} Hz: they may be "
            "those of the mains, not of a machine; --orders or --start, if it runs at this speed"
        )
    return lines


def _outside(found: FoundSpeed) -> float:
    """Return the share of the columns whose speed is more than `BEYOND` outside of the limits."""
    low, high = found.limits
    return float(np.mean((found.rpm < (1 - BEYOND) * low) | (found.rpm > (1 + BEYOND) * high)))


def _times(times: Sequence[float]) -> str:
    """Return the first `NAMED` of several times in s, and how many there are."""
    text = ", ".join(f"{time:.4g}" for time in times[:NAMED])
    more = len(times) - NAMED
    return f"{text} s" + (f" and {more} more times" if more > 0 else "")
