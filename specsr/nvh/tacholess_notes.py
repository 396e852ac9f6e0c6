"""Lines on a speed found in a recording: where and why it may be wrong."""

from __future__ import annotations

from specsr.nvh.tacholess import FoundSpeed
from specsr.nvh.tacholess_candidates import ambiguous


def cautions(found: FoundSpeed) -> list[str]:
    """Return a line for each reason to distrust a speed; options named are of ``specsr speed``."""
    lines = []
    if factors := ambiguous(found.candidates, found.chosen):
        named = ", ".join(f"{factor:.3g}" for factor in factors)
        lines.append(
            f"{named} times the speed explains the lines nearly as well: --orders (those with "
            "lines), --rpm-range or --candidate decides"
        )
    lines += [
        f"the speed jumps at {time:.4g} s, with no lines in between: before or after, it may "
        "be wrong by a factor or that of another shaft; --orders or --rpm-range may help"
        for time in found.breaks
    ]
    lines += [
        f"the pattern of the lines changes at {time:.4g} s: the speed may be wrong by a factor or "
        "that of another shaft before or after it; --start, --rpm-range or --orders may help"
        for time in found.changes
    ]
    return lines
