"""``specsr speed``: the speed of a machine from its sound or vibration alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from specsr.cli.curves import check_figure_options, check_suffixes, write_tables_and_figures
from specsr.cli.document import fact
from specsr.cli.options import Overwrite, figure_options, interval, order_numbers, reading_options
from specsr.cli.output import bar, check_files, csv_text, say, show
from specsr.errors import SpecsrError
from specsr.jobs.options import Figure, Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from specsr.nvh.tacholess import FoundSpeed, SpeedSearch

SHOWN = 5
"""Candidates that are printed."""


@reading_options()
@figure_options()
def speed(
    source: Annotated[Path, typer.Argument(help="A recording.")],
    out: Annotated[
        Optional[list[Path]],
        typer.Option(
            "-o",
            "--out",
            help="Output file, repeatable: table of time, speed and confidence "
            "(.csv), for --rpm of the other commands; or figure (.png .pdf .svg).",
        ),
    ] = None,
    rpm_range: Annotated[
        Optional[str],
        typer.Option(
            "--rpm-range",
            metavar="LOW:HIGH",
            help="Limits of the speed, 1/min, such as 800:6000 [default: 300:18000].",
        ),
    ] = None,
    start: Annotated[
        Optional[float], typer.Option(help="Speed at the start of the recording, 1/min, about.")
    ] = None,
    orders: Annotated[
        Optional[str],
        typer.Option(
            help="Strong orders of the machine, such as 2,4,6 for four cylinders; decide which "
            "order a line is.",
        ),
    ] = None,
    candidate: Annotated[int, typer.Option(help="Candidate to take, of those printed.")] = 1,
    overwrite: Overwrite = False,
    figure: Figure = Figure(),
    reading: Reading = Reading(),
) -> None:
    """Find the speed of a machine in a recording, without a tacho.

    All orders follow the speed: the speeds whose orders meet most lines are followed over time and
    refined by the phases of the orders.  Which order a line is cannot be heard: --rpm-range,
    --start and --orders decide, and the other candidates are printed with their scores.  The
    confidence is the probability that the lines follow the speed, which is interpolated where no
    lines are found.  Steady lines at multiples of 50 or 60 Hz count as mains hum without --orders
    or --start.  Four orders with lines are found as a rule, two and three with --orders.
    """  # fmt: skip
    outputs = [*(out or []), *([figure.plot] if figure.plot else [])]
    check_suffixes(outputs)
    check_figure_options(figure, outputs)
    limits = (
        None
        if rpm_range is None
        else interval(rpm_range, "--rpm-range", "two speeds in 1/min", "800:6000")
    )
    read = check_files(outputs, [source, reading.tone], overwrite)

    from specsr import io
    from specsr.jobs.inputs import whole_or_open
    from specsr.nvh.tacholess import SpeedSearch, find_speed_in

    given: dict[str, Any] = {} if limits is None else {"rpm_range": limits}
    options = SpeedSearch(
        start=start, orders=order_numbers(orders or "", "--orders"), candidate=candidate, **given
    )
    if io.is_map(source):
        raise SpecsrError(
            f"{source}: is a map: expected a recording; upscale finds the speed of a map itself"
        )
    with whole_or_open(source, reading) as recording:
        read.check()
        try:
            found = find_speed_in(recording, options, bar(source.name))
        except SpecsrError as error:
            text = str(error)
            named = text if text.startswith(str(source)) else f"{source}: {text}"
            raise SpecsrError(named) from None
    fact(
        file=source, found=found.is_found, times=found.times, rpm=found.rpm,
        confidence=found.confidence, breaks=found.breaks, orders=found.orders, chosen=found.chosen,
        candidates=[
            {"rpm": each.rpm, "score": each.score, "lines": each.lines}
            for each in found.candidates
        ],
    )  # fmt: skip
    _print(found)
    if not found.is_found:
        raise SpecsrError(
            f"{source}: no lines that follow one speed in a quarter of it, the confidence is "
            f"{found.confidence.max():.2f} at most: {_advice(options)}"
        )

    def drawn() -> MatplotlibFigure:
        from specsr.maps.transform import SpectrogramTransform
        from specsr.plots.overview import overview
        from specsr.plots.speed import plot_speed
        from specsr.signal import Signal

        with whole_or_open(source, reading) as recording:
            df = max(2.0, recording.rate / 8192)
            transform = SpectrogramTransform.for_rate(recording.rate, df=df, overlap=0.75)
            if isinstance(recording, Signal):
                spec = transform(recording)
            else:
                spec = overview(recording, transform)
        return plot_speed(
            found, spec, db_range=figure.db_range, max_freq=figure.max_freq, title=source.name
        )

    write_tables_and_figures(source, outputs, overwrite, lambda: _csv(found), drawn)


def _advice(options: SpeedSearch) -> str:
    """Return what may help against a low confidence."""
    if options.orders:
        return (
            "no lines stand out at the orders of --orders, or they are those of another machine; "
            "other orders, or limits (--rpm-range) that hold the speed, may help"
        )
    return "the orders that have lines (--orders) decide; narrower limits (--rpm-range) may help"


def _print(found: FoundSpeed) -> None:
    """Print the candidates, and how sure the chosen one is."""
    from specsr.nvh.tacholess_notes import cautions
    from specsr.scores.markdown import markdown_table

    own = found.candidates[found.chosen]
    rows = [
        {
            "candidate": f"{i}{' *' if i == found.chosen + 1 else ''}",
            "factor": f"{each.times(own):.3g}",
            "rpm, unrefined": f"{each.rpm.min():.0f} to {each.rpm.max():.0f}",
            "score": f"{each.score:.1f}",
            "lines at": each.lines,
        }
        for i, each in enumerate(found.candidates[:SHOWN], 1)
    ]  # fmt: skip
    show(markdown_table(rows, text=("candidate", "lines at")))
    clear = found.confidence >= 0.5
    low, high = found.rpm.min(), found.rpm.max()
    say(
        f"  refined: {low:.0f} to {high:.0f} rpm, confidence {found.confidence.mean():.2f}; "
        f"above 0.5 in {100 * clear.mean():.0f} % of the recording"
    )
    for line in cautions(found):
        say(f"  {line}")


def _csv(found: FoundSpeed) -> str:
    rows = [
        (f"{time:.6g}", f"{rpm:.7g}", f"{sure:.3f}")
        for time, rpm, sure in zip(found.times, found.rpm, found.confidence)
    ]
    return csv_text(["time_s", "rpm", "confidence"], rows)
