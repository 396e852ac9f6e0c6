"""``specsr cepstrum`` and ``average``: echoes and families of lines, the mean revolution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from specsr.cli.curves import (
    check_suffixes,
    read_recording,
    without_silent,
    write_curve,
    write_tables_and_figures,
)
from specsr.cli.document import fact
from specsr.cli.options import Overwrite, reading_options, speed_options
from specsr.cli.output import csv_text, say, show
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading, Speed
from specsr.names import plain

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

TablesAndFigures = Annotated[
    Optional[list[Path]],
    typer.Option("-o", "--out", help="Output file, repeatable: .csv or .png .pdf .svg."),
]


@reading_options()
def cepstrum(
    source: Annotated[Path, typer.Argument(help="A recording.")],
    out: TablesAndFigures = None,
    df: Annotated[float, typer.Option(help="Row spacing of the spectrum, Hz.")] = 1.0,
    longest: Annotated[
        Optional[float], typer.Option(help="Highest quefrency of the output, s [default: all].")
    ] = None,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Write the power cepstrum: harmonics or sidebands f apart peak at 1/f, echoes at their delay.

    The highest peaks above 1 ms are printed for each channel, the shortest quefrency first: those
    at its multiples (rahmonics) belong to it.
    """
    import numpy as np

    outputs = out or []
    check_suffixes(outputs)
    signal = without_silent(read_recording(source, outputs, overwrite, reading), source)

    from specsr.nvh.cepstrum import cepstrum as power_cepstrum

    x, values = power_cepstrum(signal, df)
    kept = x <= (np.inf if longest is None else longest)
    x, values = x[kept], values[:, kept]
    first = int(np.searchsorted(x, 1e-3))
    if first >= x.size:
        raise SpecsrError(f"no quefrency above 1 ms: --df is {df:g} Hz, --longest {longest}")
    peaks = [_peaks(curve, first) for curve in values]
    fact(
        file=source, channels=signal.channels, quefrencies=x, cepstrum=values,
        peaks=[[{"quefrency": x[k], "value": curve[k]} for k in tops]
               for curve, tops in zip(values, peaks)],
    )  # fmt: skip
    for name, curve, tops in zip(signal.channels, values, peaks):
        found = ", ".join(f"{curve[k]:.3g} at {x[k]:.5g} s ({1 / x[k]:.5g} Hz)" for k in tops)
        show(f"{plain(name)}: {found or 'no peak'}")

    words = ("quefrency_s", "Quefrency (s)", "Cepstrum")
    write_curve(outputs, x[1:], values[:, 1:], signal, words, {}, source, overwrite)


def _peaks(curve: np.ndarray, first: int, count: int = 4) -> list[int]:
    """Return the positions of the highest local maxima from ``first`` on, ascending."""
    import numpy as np
    from scipy.signal import find_peaks

    places, _ = find_peaks(curve[first - 1 :] if first else curve)
    places = places + max(first - 1, 0)
    highest = places[np.argsort(curve[places])[::-1][:count]]
    return sorted(int(k) for k in highest if curve[k] > 0.3 * curve[highest[0]])


@reading_options()
@speed_options()
def average(
    source: Annotated[Path, typer.Argument(help="A recording.")],
    out: TablesAndFigures = None,
    ratio: Annotated[
        float, typer.Option(help="Speed of the shaft over that given, behind a gear.")
    ] = 1.0,
    overwrite: Overwrite = False,
    speed: Speed = Speed(),
    reading: Reading = Reading(),
) -> None:
    """Write the mean revolution of a shaft (time-synchronous average), with its scatter.

    What does not repeat with the shaft falls by the number of revolutions, in power.
    """
    import numpy as np

    outputs = out or []
    check_suffixes(outputs)
    signal = read_recording(source, outputs, overwrite, reading, speed)
    if signal.rpm is None:
        raise SpecsrError(
            f"{source}: has no speed: give a table (--rpm speed.csv), a speed channel "
            "(--rpm-channel 1), tacho pulses (--tacho-channel 1), or have it found in the sound "
            "(--rpm auto)"
        )
    signal = without_silent(signal, source)

    from specsr.nvh.repeating import CLEAR_DB, repeats
    from specsr.nvh.synchronous_average import synchronous_average

    found = synchronous_average(signal, ratio=ratio)
    strongest = found.orders()[:, 1:]
    fact(file=source, average=found, orders_rms=strongest)
    show(f"{found.count} revolutions of {found.turns.size} samples")
    for name, orders in zip(signal.channels, strongest):
        top = np.argsort(orders)[::-1][:3]
        values = ", ".join(f"order {k + 1}: {orders[k]:.3g} {signal.unit} rms" for k in top)
        show(f"{plain(name)}: {values}")
    alone = [plain(name) for name, found_one in zip(signal.channels, repeats(signal, ratio))
             if not found_one]  # fmt: skip
    if alone:
        say(
            f"  {', '.join(alone)}: no order of the mean stands {CLEAR_DB:g} dB over what is "
            "between the orders, so nothing is found to repeat with this shaft: check the speed "
            "and --ratio"
        )

    def table() -> str:
        columns = ["turn"]
        for name in signal.channels:
            columns += [f"{name} mean", f"{name} scatter"]
        both = np.stack([found.mean, found.scatter], 1).reshape(-1, found.turns.size)
        return csv_text(columns, np.column_stack([found.turns, *both]).tolist())

    def figure() -> Axes:
        from specsr.plots.lines import plot_lines

        return plot_lines(
            found.turns, found.mean, signal.channels,
            ("Revolution", f"Mean of {found.count} revolutions ({signal.unit})"),
            scatter=found.scatter / np.sqrt(found.count), title=source.name,
        )  # fmt: skip

    write_tables_and_figures(source, outputs, overwrite, table, figure)
