"""The run of a recording that ``specsr orders --run`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specsr.choices import ORDER_RESOLUTION
from specsr.cli.output import say
from specsr.errors import SpecsrError

if TYPE_CHECKING:
    from specsr.nvh.shafts import Shaft
    from specsr.signal import Signal, Source


def one_run(signal: Signal, which: str, revolutions: float = 1 / ORDER_RESOLUTION) -> Signal:
    """Return the run of a recording that ``--run`` names, see `run_span`."""
    from specsr.nvh.shafts import Shaft

    assert signal.rpm is not None
    return signal.cut(*run_span(signal, Shaft("", signal.rpm), which, revolutions))


def run_span(
    source: Source, shaft: Shaft, which: str, revolutions: float = 1 / ORDER_RESOLUTION
) -> tuple[int, int]:
    """Return the samples of the run that ``--run`` names; all runs found are printed.

    Parts near standstill at its edges are left out.  ``revolutions`` is the minimum of the widest.
    """
    from specsr.nvh.runs import shaft_runs, slowest, turning_span, widest_run

    runs = shaft_runs(shaft, source.length, source.rate, source.start)
    for i, found in enumerate(runs, 1):
        short = found.revolutions(source, shaft) < revolutions
        say(f"  run {i}: {found}" + (f", under {revolutions:.3g} revolutions" if short else ""))
    widest = widest_run(runs, source, revolutions, shaft)
    if which == "all" or (which == "widest" and widest is None):
        if not runs:
            low, high = shaft.span
            say(f"  no run-up or run-down: {low:.0f} to {high:.0f} rpm throughout")
        part = 0, source.length
    elif which == "widest" and widest is not None:
        part = widest.span(source)
    elif not which.isdigit() or not 1 <= int(which) <= len(runs):
        raise SpecsrError(
            f"--run is {which!r}: expected 1 to {len(runs)} of the runs found, widest or all"
            if runs
            else f"--run is {which!r}: no run was found: expected widest or all"
        )
    else:
        part = runs[int(which) - 1].span(source)
    first, last = turning_span(shaft, *part)
    if last - first < part[1] - part[0]:
        begin, end = (source.start + n / source.rate for n in (first, last))
        lowest = slowest(shaft, first, last)
        say(
            f"  orders are cut from {begin:.4g} to {end:.4g} s, from {lowest:.0f} rpm up: the "
            "speed is too low, or zero, elsewhere"
        )
    return first, last
