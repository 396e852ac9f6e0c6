"""``specsr orders``: order cuts of a run, and its Campbell and order maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from specsr.choices import MAX_ORDER, ORDER_RESOLUTION, XAxis
from specsr.cli.one_run import one_run
from specsr.cli.options import (
    Bandwidth,
    FigureOuts,
    Overwrite,
    figure_options,
    numbers,
    reading_options,
    speed_options,
)
from specsr.cli.output import check_files, csv_text, say, show, write_each, write_text
from specsr.errors import SpecsrError
from specsr.jobs.options import Figure, Reading, Speed
from specsr.names import plain

if TYPE_CHECKING:
    from specsr.maps.spec_map import SpecMap
    from specsr.nvh.order_cut import OrderCut
    from specsr.nvh.view import View

ABOVE_CUTS = 1.25
"""Highest order of the maps as a multiple of the highest cut, if that is above `MAX_ORDER`."""


@reading_options()
@figure_options("max_freq", "db_range")
@speed_options()
def orders(
    source: Annotated[Path, typer.Argument(help="A recording or a map.")],
    cut: Annotated[str, typer.Option(help="Orders to cut, such as 2,4 or 0.5,1,1.5.")] = "2,4",
    out: FigureOuts = None,
    run: Annotated[
        str,
        typer.Option(help="Run of a recording: 1, 2 ... in time, widest, or all (no cutting)."),
    ] = "widest",
    bandwidth: Bandwidth = None,
    resolution: Annotated[
        float,
        typer.Option(help="Row spacing of the order map, orders; a window is 1/RESOLUTION turns."),
    ] = ORDER_RESOLUTION,
    df: Annotated[
        Optional[float], typer.Option(help="Row spacing of the Campbell diagram, Hz.")
    ] = None,
    x: Annotated[XAxis, typer.Option(help="Horizontal axis of the maps.")] = "rpm",
    max_order: Annotated[
        Optional[float],
        typer.Option(
            help=f"Highest order of the maps [default: {MAX_ORDER:g}, or more for a --cut]."
        ),
    ] = None,
    overwrite: Overwrite = False,
    speed: Speed = Speed(),
    figure: Figure = Figure(),
    reading: Reading = Reading(),
) -> None:
    """Cut orders from a run-up and draw its Campbell and order maps.

    The speed is that of the file, or given by --rpm, --rpm-channel or --tacho-channel.
    A recording is resampled by angle, so that an order is one line at any sweep rate.  In a map
    the cells around each order are summed.  The bandwidth of every cut is printed.
    """
    from specsr.jobs.inputs import load
    from specsr.maps.spec_map import SpecMap

    outputs = out or []
    for path in outputs:
        if path.suffix.lower() not in (".csv", ".png", ".pdf", ".svg"):
            raise SpecsrError(f"{path}: expected .csv for the cuts or .png, .pdf, .svg")
    read = check_files(outputs, [source, speed.table, reading.tone], overwrite)
    wanted = numbers(cut, "--cut")
    if not wanted:
        raise SpecsrError("--cut names no order: give some, such as --cut 2,4")
    top = max_order or max(MAX_ORDER, ABOVE_CUTS * max(wanted))

    loaded = load(source, reading, speed)
    read.check()
    if loaded.rpm is None:
        raise SpecsrError(
            f"{source}: has no speed: give a table (--rpm speed.csv) or, for recordings, a speed "
            "channel (--rpm-channel 1 --rpm-scale ...) or tacho pulses (--tacho-channel 1 "
            "--pulses 60)"
        )
    if isinstance(loaded, SpecMap):
        spec = loaded
        cuts, by_order = _of_map(spec, wanted, bandwidth, x, top)
    else:
        from specsr.maps.transform import spectrogram
        from specsr.nvh.order_map import order_map

        signal = one_run(loaded, run, 1 / resolution)
        spec = spectrogram(signal, df=df or max(1.0, signal.rate / 8192), overlap=0.75)
        by_angle = order_map(signal, resolution=resolution, max_order=top)
        cuts = [by_angle.cut(k, bandwidth) for k in wanted]
        by_order = by_angle.view(x)

    _print_cuts(cuts, spec.channels, spec.grid.level_label)
    title, drawn_alone = source.name, ""
    if len(spec.channels) > 1:
        title = f"{title}, {spec.channels[0]}"
        drawn_alone = f" (channel {spec.channels[0]} of {len(spec.channels)}: --channel)"

    def write(path: Path) -> None:
        message = f"{source} -> {path}"
        if path.suffix.lower() == ".csv":
            write_text(path, _cuts_csv(cuts, spec.channels), overwrite, message)
        else:
            from specsr.nvh.view import view
            from specsr.plots.save import save_figure
            from specsr.plots.views import plot_run

            drawn = plot_run(
                view(spec, x), by_order, cuts, db_range=figure.db_range,
                max_freq=figure.max_freq, title=title,
            )  # fmt: skip
            save_figure(drawn, path, overwrite=overwrite)
            say(message + drawn_alone)

    write_each(outputs, write)


def _of_map(
    spec: SpecMap, wanted: tuple[float, ...], bandwidth: float | None, x: XAxis, top: float
) -> tuple[list[OrderCut], View]:
    """Return the cuts of a map, and its view over orders up to ``top``."""
    from specsr.nvh.order_cut import order_cut
    from specsr.nvh.view import view

    unit = "Hz" if bandwidth is None else "orders"
    cuts = [order_cut(spec, None, k, bandwidth, unit) for k in wanted]
    return cuts, view(spec, x, "order", max_order=top)


def _print_cuts(cuts: list[OrderCut], channels: tuple[str, ...], label: str) -> None:
    import numpy as np

    from specsr.plots.views import bandwidth_text
    from specsr.scores.markdown import markdown_table

    rows: list[dict[str, Any]] = []
    for cut in cuts:
        for name, levels in zip(channels, cut.levels):
            row = {"order": f"{cut.order:g}", "bandwidth": bandwidth_text(cut)}
            row["channel"] = plain(name)
            row |= dict.fromkeys((f"mean, {label}", "highest", "at rpm"), "-")
            if not np.isnan(levels).all():
                i = int(np.nanargmax(levels))
                mean = 10 * np.log10(np.nanmean(10 ** (levels / 10)))
                values = (f"{mean:.1f}", f"{levels[i]:.1f}", f"{cut.rpm[i]:.0f}")
                row |= dict(zip((f"mean, {label}", "highest", "at rpm"), values))
            rows.append(row)
    show(markdown_table(rows, text=("bandwidth", "channel")))


def _cuts_csv(cuts: list[OrderCut], channels: tuple[str, ...]) -> str:
    """Return the cuts as CSV text; an unreadable level is an empty cell."""
    from specsr.nvh.export import CUT_COLUMNS, cut_rows

    rows = [
        (f"{order:g}", name, *("" if value != value else f"{value:.6g}" for value in values))
        for order, name, *values in cut_rows(cuts, channels)
    ]
    return csv_text(CUT_COLUMNS, rows)
