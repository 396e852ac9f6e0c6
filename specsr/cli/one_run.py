"""The run of a recording that ``specsr orders --run`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specsr.choices import ORDER_RESOLUTION
from specsr.cli.output import say
from specsr.errors import SpecsrError

if TYPE_CHECKING:
    from specsr.signal import Signal


def one_run(signal: Signal, which: str, revolutions: float = 1 / ORDER_RESOLUTION) -> Signal:
    """Return the run of a recording that ``--run`` names; all runs found are printed.

    Parts near standstill at its edges are left out.  ``revolutions`` is the minimum of the widest.
    """
    from specsr.nvh.runs import find_runs, turning, widest_run

    assert signal.rpm is not None
    runs = find_runs(signal.rpm, signal.rate, signal.start)
    for i, found in enumerate(runs, 1):
        short = found.revolutions(signal) < revolutions
        say(f"  run {i}: {found}" + (f", under {revolutions:.3g} revolutions" if short else ""))
    widest = widest_run(runs, signal, revolutions)
    if which == "all" or (which == "widest" and widest is None):
        if not runs:
            low, high = signal.rpm.min(), signal.rpm.max()
            say(f"  no run-up or run-down: {low:.0f} to {high:.0f} rpm throughout")
        part = signal
    elif which == "widest" and widest is not None:
        part = widest.of(signal)
    elif not which.isdigit() or not 1 <= int(which) <= len(runs):
        raise SpecsrError(
            f"--run is {which!r}: expected 1 to {len(runs)} of the runs found, widest or all"
            if runs
            else f"--run is {which!r}: no run was found: expected widest or all"
        )
    else:
        part = runs[int(which) - 1].of(signal)
    turns = turning(part)
    if turns.length < part.length and turns.rpm is not None:
        say(
            f"  orders are cut from {turns.start:.4g} to {turns.start + turns.duration:.4g} s, "
            f"from {abs(turns.rpm).min():.0f} rpm up: the speed is too low, or zero, elsewhere"
        )
    return turns
