"""``specsr orders``: order cuts of a run, and its Campbell and order maps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypeVar

import typer

from specsr.choices import (
    MAX_ORDER,
    ORDER_RESOLUTION,
    BandwidthUnit,
    OrderMethod,
    OrderScale,
    Weighting,
    XAxis,
)
from specsr.cli.curves import check_figure_options, given_figure_options
from specsr.cli.one_run import one_run, run_span
from specsr.cli.options import (
    Overwrite,
    figure_options,
    order_numbers,
    reading_options,
    speed_options,
)
from specsr.cli.order_filter import (
    FilterOptions,
    axis_of,
    by_filter,
    check_no_waveforms,
    cuts_csv,
    print_cuts,
    weighting_note,
)
from specsr.cli.output import bar, check_files, say, write_each, write_text
from specsr.cli.vibration import Vibration, vibration_options
from specsr.errors import SpecsrError
from specsr.jobs.options import Figure, Reading, Speed

if TYPE_CHECKING:
    from specsr.maps.spec_map import SpecMap
    from specsr.nvh.order_map import OrderMap
    from specsr.nvh.view import View
    from specsr.signal import Signal

    MapKind = TypeVar("MapKind", SpecMap, OrderMap)

ABOVE_CUTS = 1.25
"""Highest order of the maps as a multiple of the highest cut, if that is above `MAX_ORDER`."""


@reading_options()
@figure_options("max_freq", "db_range")
@speed_options()
@vibration_options()
def orders(
    source: Annotated[Path, typer.Argument(help="A recording or a map.")],
    cut: Annotated[
        str,
        typer.Option(
            help="Orders to cut, such as 2,4 or 0.5,1,1.5; with vold-kalman also 1..6 and those of "
            "one shaft: 2,pump=1..3."
        ),
    ] = "2,4",
    out: Annotated[
        Optional[list[Path]],
        typer.Option(
            "-o",
            "--out",
            help="Output file, repeatable: table (.csv), figure (.png .pdf .svg) "
            "or, with vold-kalman, waveform (.wav .flac .w64): the sum of the orders, or each with "
            "{order} in the name.",
        ),
    ] = None,
    method: Annotated[
        OrderMethod,
        typer.Option(
            help="resample by angle and sum a band; or vold-kalman: amplitude, phase and waveform "
            "of all orders jointly, also of several shafts."
        ),
    ] = "resample",
    shaft: Annotated[
        Optional[list[str]],
        typer.Option(
            "--shaft",
            help="Shaft of vold-kalman, repeatable: 'motor: rpm' (the speed of the "
            "recording), 'pump: rpm*0.482', 'fan: 1480', 'aux: aux.csv' or 'aux: CHANNEL' (a "
            "channel in 1/min, with *FACTOR in other units).",
        ),
    ] = None,
    residual: Annotated[
        Optional[list[Path]],
        typer.Option("--residual", help="vold-kalman: audio file of the rest without the orders."),
    ] = None,
    run: Annotated[
        Optional[str],
        typer.Option(
            help="Run of a recording: 1, 2 ... in time, widest, or all (no cutting) [default: "
            "widest; all with vold-kalman]."
        ),
    ] = None,
    bandwidth: Annotated[
        Optional[float],
        typer.Option(
            "--bandwidth",
            help="Bandwidth of an order, in orders [default: the width of its line "
            "in the map]; with vold-kalman between the -3 dB points, in Hz [default: 1.5].",
        ),
    ] = None,
    bandwidth_unit: Annotated[
        Optional[BandwidthUnit],
        typer.Option("--bandwidth-unit", help="Unit of the bandwidth with vold-kalman."),
    ] = None,
    max_bandwidth: Annotated[
        Optional[float],
        typer.Option(
            "--max-bandwidth",
            help="vold-kalman: widen the bandwidth up to this where an order changes faster than "
            "it follows, such as 12 for resonances; a line that is not cut and crosses the order "
            "widens it too: cut all strong lines [default: constant].",
        ),
    ] = None,
    poles: Annotated[int, typer.Option(help="Poles of vold-kalman: 1 or 2.")] = 2,
    resolution: Annotated[
        float,
        typer.Option(help="Row spacing of the order map, orders; a window is 1/RESOLUTION turns."),
    ] = ORDER_RESOLUTION,
    df: Annotated[
        Optional[float], typer.Option(help="Row spacing of the Campbell diagram, Hz.")
    ] = None,
    x: Annotated[
        Optional[XAxis],
        typer.Option(
            help="Horizontal axis of the figures [default: rpm; time if the speed changes by less "
            "than 15 %]."
        ),
    ] = None,
    max_order: Annotated[
        Optional[float],
        typer.Option(
            help=f"Highest order of the maps [default: {MAX_ORDER:g}, or more for a --cut]."
        ),
    ] = None,
    expected: Annotated[
        bool,
        typer.Option(
            "--expected",
            help="Cut and draw the expected maps: a network removes the random scatter of noise; "
            "the cuts have an uncertainty.",
        ),
    ] = False,
    weighting: Annotated[
        Weighting, typer.Option(help="Frequency weighting of the cuts and maps.")
    ] = "Z",
    scale: Annotated[
        OrderScale,
        typer.Option(help="Levels of orders in dB, or rms or peak values in the unit (mm/s, µm)."),
    ] = "db",
    overwrite: Overwrite = False,
    vibration: Vibration = Vibration(),
    speed: Speed = Speed(),
    figure: Figure = Figure(),
    reading: Reading = Reading(),
) -> None:
    """Cut orders from a run-up and draw its Campbell and order maps.

    The speed is that of the file, given by --rpm, --rpm-channel or --tacho-channel, or found in the
    sound (--rpm auto).
    A recording is resampled by angle, so that an order is one line at any sweep rate.  In a map
    the cells around each order are summed.  The bandwidth of every cut is printed.
    --method vold-kalman fits all orders of all shafts jointly to the recording and also writes
    their waveforms and the recording without them.  Orders that the bandwidth does not separate or
    that outrun a constant one are named.  Phases refer to the shaft angle, 0 at the first sample.
    --expected reads cuts and figures from the expected maps, without the scatter of noise.
    """
    outputs = out or []
    vibration.check()
    if method == "vold-kalman":
        if of_maps := ["--expected"] * expected + given_figure_options(figure):
            raise SpecsrError(f"{', '.join(of_maps)}: not with --method vold-kalman, without a map")
        by_filter(
            source, cut, outputs, reading, speed,
            FilterOptions(
                tuple(shaft or ()), tuple(residual or ()), run or "all", bandwidth, bandwidth_unit,
                poles, max_bandwidth, weighting, vibration, scale, x, overwrite,
            ),
        )  # fmt: skip
        return
    foreign = {
        "--shaft": shaft, "--residual": residual, "--bandwidth-unit": bandwidth_unit,
        "--max-bandwidth": max_bandwidth,
    }  # fmt: skip
    if given := [name for name, value in foreign.items() if value]:
        raise SpecsrError(f"{', '.join(given)}: only with --method vold-kalman")
    from specsr.jobs.inputs import load
    from specsr.jobs.long_orders import LongRun, check_speed, is_long
    from specsr.maps.spec_map import SpecMap
    from specsr.nvh.order_cut import CutScale, order_cut
    from specsr.nvh.order_map import OrderResolution, order_map
    from specsr.nvh.view import view
    from specsr.nvh.weighted import weighted

    check_no_waveforms(outputs)
    check_figure_options(figure, outputs)
    read = check_files(outputs, [source, speed.table, reading.tone], overwrite)
    wanted = order_numbers(cut, "--cut")
    speed = speed.knowing(wanted)
    if not wanted:
        raise SpecsrError("--cut names no order: give some, such as --cut 2,4")
    top = max_order or max(MAX_ORDER, ABOVE_CUTS * max(wanted))
    drawn = any(path.suffix.lower() != ".csv" for path in outputs)
    whole = expected or vibration.given or weighting != "Z" or speed.is_auto
    long = not whole and is_long(source, reading)
    loaded = None if long else vibration.of(source, load(source, reading, speed))
    if loaded is not None:
        check_speed(source, loaded.rpm, speed)
    campbell_of: Callable[[XAxis], View]
    if isinstance(loaded, SpecMap):
        if expected and loaded.uncertainty_db is not None:
            raise SpecsrError(
                f"{source}: has an uncertainty, so it is an estimate already: leave out --expected"
            )
        spec = weighted(_expected(loaded, source.name) if expected else loaded, weighting)
        width_unit = "Hz" if bandwidth is None else "orders"
        cuts = [order_cut(spec, None, k, bandwidth, width_unit) for k in wanted]
        over = axis_of(x, cuts)
        by_order = view(spec, over, "order", max_order=top) if drawn else None
        campbell_of, unit, names = functools.partial(view, spec), spec.grid.unit, spec.channels
    else:
        part: dict[str, Any] = {"which": run or "widest", "revolutions": 1 / resolution}
        if loaded is None:
            stretch = LongRun(source, reading, speed, functools.partial(run_span, **part))
            by_angle, samples = stretch.orders(OrderResolution(resolution, top))
            campbell_of = functools.partial(stretch.campbell, samples, df)
        else:
            signal = one_run(weighted(loaded, weighting), **part)
            by_angle = order_map(signal, resolution=resolution, max_order=top)
            by_angle = _expected(by_angle, source.name) if expected else by_angle
            campbell_of = functools.partial(_campbell, signal, df, source.name if expected else "")
        cuts = [by_angle.cut(k, bandwidth) for k in wanted]
        over = axis_of(x, cuts)
        by_order = by_angle.view(over) if drawn else None
        unit, names = by_angle.spec.grid.unit, by_angle.spec.channels
    read.check()
    shown = CutScale(unit, scale)
    print_cuts(cuts, names, shown)
    for note in weighting_note(weighting):
        say(f"  levels are {note}")
    title, drawn_alone = ", ".join((source.name, *weighting_note(weighting))), ""
    if len(names) > 1:
        title = f"{title}, {names[0]}"
        drawn_alone = f" (channel {names[0]} of {len(names)}: --channel)"

    def write(path: Path) -> None:
        message = f"{source} -> {path}"
        if path.suffix.lower() == ".csv":
            write_text(path, cuts_csv(cuts, names, shown), overwrite, message)
        else:
            from specsr.plots.save import save_figure
            from specsr.plots.views import campbell_top, plot_run

            assert by_order is not None  # a figure is drawn
            campbell, top = campbell_of(over), figure.max_freq
            if top is None:
                top = campbell_top(campbell, wanted, db_range=figure.db_range)
                if top < campbell.edges()[3]:
                    say(f"  Campbell diagram up to {top:g} Hz: orders and main energy (--max-freq)")
            figure_of_run = plot_run(
                campbell, by_order, cuts, db_range=figure.db_range, max_freq=top, title=title,
                scale=shown,
            )  # fmt: skip
            save_figure(figure_of_run, path, overwrite=overwrite)
            say(message + drawn_alone)

    write_each(outputs, write)


def _campbell(signal: Signal, df: float | None, name: str, over: XAxis) -> View:
    """Return the Campbell diagram of a run: of its expected map with a ``name`` for the bar."""
    from specsr.jobs.long_orders import campbell_df
    from specsr.maps.transform import spectrogram
    from specsr.nvh.view import view

    spec = spectrogram(signal, df=df or campbell_df(signal.rate), overlap=0.75)
    return view(_expected(spec, name) if name else spec, over)


def _expected(measured: MapKind, name: str) -> MapKind:
    """Return the expected map; ``name`` labels the progress bar."""
    from specsr.enhance.expected import expected

    return expected(measured, progress=bar(name))
