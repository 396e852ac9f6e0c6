"""The command that reads orders off a run: maps over speed, order cuts, runs."""

from __future__ import annotations

import csv
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from specsr.cli.options import MaxFreq, Overwrite, numbers, reads_recordings, say
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading

if TYPE_CHECKING:
    from specsr.nvh.order_cut import OrderCut
    from specsr.signal import Signal


class XAxis(str, Enum):
    """What lies across a map."""

    rpm = "rpm"
    time = "time"


ORDERS_HELP = "Orders to cut, such as 2,4 or 0.5,1,1.5."
SPEED_SCALE_HELP = "1/min per unit of the speed channel."
MAP_ORDERS_HELP = "Highest order of the maps; 20 or what --cut needs."


@reads_recordings
def orders(
    source: Annotated[Path, typer.Argument(help="A recording, or a map that holds its speed.")],
    cut: Annotated[str, typer.Option(help=ORDERS_HELP)] = "2,4",
    out: Annotated[
        Optional[list[Path]],
        typer.Option("-o", "--out", help="Table of the cuts (.csv) and pictures (.png .pdf .svg)."),
    ] = None,
    rpm: Annotated[
        Optional[Path], typer.Option(help="Table of time in s and speed in 1/min (.csv).")
    ] = None,
    rpm_channel: Annotated[
        Optional[str], typer.Option(help="Channel that holds the speed: name or position from 0.")
    ] = None,
    rpm_scale: Annotated[float, typer.Option(help=SPEED_SCALE_HELP)] = 1.0,
    tacho_channel: Annotated[
        Optional[str], typer.Option(help="Channel that holds tacho pulses.")
    ] = None,
    pulses: Annotated[float, typer.Option(help="Tacho pulses a turn.")] = 1.0,
    run: Annotated[
        str, typer.Option(help="Which run: 1, 2 ... in order of time, widest, or all (no cutting).")
    ] = "widest",
    bandwidth: Annotated[
        Optional[float], typer.Option(help="Width of the cuts in orders; the line's own if none.")
    ] = None,
    resolution: Annotated[
        float, typer.Option(help="Rows of the order map, orders; 1/RESOLUTION turns a window.")
    ] = 0.1,
    df: Annotated[Optional[float], typer.Option(help="Rows of the Campbell diagram, Hz.")] = None,
    x: Annotated[XAxis, typer.Option(help="What lies across the maps.")] = XAxis.rpm,
    max_order: Annotated[Optional[float], typer.Option(help=MAP_ORDERS_HELP)] = None,
    max_freq: MaxFreq = None,
    db_range: Annotated[float, typer.Option(help="Range of the colours, dB.")] = 80.0,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Cut orders out of a run-up and draw its Campbell and order maps.

    A recording is resampled by angle, so an order stays one line at any sweep rate.  A map has
    its cells summed about each order.  The width of every cut is printed.
    """
    from specsr import io
    from specsr.nvh.view import view

    outputs = out or []
    for path in outputs:
        if path.suffix.lower() not in (".csv", ".png", ".pdf", ".svg"):
            raise SpecsrError(f"{path}: expected .csv for the cuts or .png, .pdf, .svg")
        io.check_output(path, overwrite)
    wanted = numbers(cut, "--cut")
    if not wanted:
        raise SpecsrError("--cut names no order: give some, such as --cut 2,4")
    top = max_order or max(20.0, 1.25 * max(wanted))

    if io.is_map(source):
        for name, given in (
            ("--rpm", rpm), ("--rpm-channel", rpm_channel), ("--tacho-channel", tacho_channel),
        ):  # fmt: skip
            if given is not None:
                raise SpecsrError(f"{name} is for recordings: a map brings its speed along")
        from specsr.nvh.order_cut import order_cut

        spec = io.read_map(source)
        cuts = [
            order_cut(spec, None, k, bandwidth, "Hz" if bandwidth is None else "orders")
            for k in wanted
        ]
        by_order = view(spec, x.value, "order", max_order=top)
    else:
        from specsr.maps.transform import spectrogram
        from specsr.nvh.order_map import order_map

        signal = _with_speed(source, reading, rpm, rpm_channel, rpm_scale, tacho_channel, pulses)
        signal = _one_run(signal, run)
        spec = spectrogram(signal, df=df or max(1.0, signal.rate / 8192), overlap=0.75)
        turned = order_map(signal, resolution=resolution, max_order=top)
        cuts = [turned.cut(k, bandwidth) for k in wanted]
        by_order = turned.view(x.value)

    _print_cuts(cuts, spec.channels, spec.grid.level_label)
    for path in outputs:
        if path.suffix.lower() == ".csv":
            _write_cuts(path, cuts, spec.channels, overwrite)
        else:
            from specsr.plots.save import save_figure
            from specsr.plots.views import plot_run

            figure = plot_run(
                view(spec, x.value), by_order, cuts, db_range=db_range, max_freq=max_freq,
                title=source.name,
            )  # fmt: skip
            save_figure(figure, path, overwrite=overwrite)
        say(f"{source} -> {path}")


def _with_speed(
    source: Path,
    reading: Reading,
    table: Path | None,
    channel: str | None,
    scale: float,
    tacho: str | None,
    pulses: float,
) -> Signal:
    """The recording with the speed that was named, or its own."""
    from dataclasses import replace

    import numpy as np

    from specsr.nvh.speed import read_rpm, rpm_from_pulses, take_channel

    given = [x for x in (table, channel, tacho) if x is not None]
    if len(given) > 1:
        raise SpecsrError("the speed is named more than once: choose one of table and channels")
    signal = reading.read(source)
    if table is not None:
        return signal.replace(rpm=read_rpm(table, signal))
    name = channel if channel is not None else tacho
    if name is not None:
        # by itself: whatever reading alone would make of it, such as leaving a tacho out
        extra = replace(reading, channels=(name,)).read(source)
        if extra.channels[0] in signal.channels:
            _, signal = take_channel(signal, extra.channels[0])
        values = extra.samples[0].astype(float)
        speed = values * scale if tacho is None else rpm_from_pulses(values, extra.rate, pulses)
        own, there = (x.start + np.arange(x.length) / x.rate for x in (extra, signal))
        return signal.replace(rpm=np.interp(there, own, speed))
    if signal.rpm is None:
        raise SpecsrError(
            "the recording brings no speed: name a table (--rpm speed.csv), a channel "
            "(--rpm-channel 1 --rpm-scale ...) or tacho pulses (--tacho-channel 1 --pulses 60)"
        )
    return signal


def _one_run(signal: Signal, which: str) -> Signal:
    """The stretch of a signal that was asked for; all runs found are told."""
    from specsr.nvh.runs import find_runs

    assert signal.rpm is not None
    runs = find_runs(signal.rpm, signal.rate, signal.start)
    for i, found in enumerate(runs, 1):
        say(f"  run {i}: {found}")
    if which == "all" or (which == "widest" and not runs):
        if not runs:
            low, high = signal.rpm.min(), signal.rpm.max()
            say(f"  no run-up or run-down: {low:.0f} to {high:.0f} rpm all along")
        return signal
    if which == "widest":
        return max(runs, key=lambda r: abs(r.rpm[1] - r.rpm[0])).of(signal)
    if not which.isdigit() or not 1 <= int(which) <= len(runs):
        raise SpecsrError(
            f"--run is {which!r}: expected 1 to {len(runs)} of the runs found, widest or all"
        )
    return runs[int(which) - 1].of(signal)


def _print_cuts(cuts: list[OrderCut], channels: tuple[str, ...], label: str) -> None:
    import numpy as np

    from specsr.plots.views import bandwidth_words

    typer.echo(f"| order | band | channel | mean, {label} | highest | at rpm |")
    typer.echo("| ---: | :--- | :--- | ---: | ---: | ---: |")
    for cut in cuts:
        for name, levels in zip(channels, cut.levels):
            start = f"| {cut.order:g} | {bandwidth_words(cut)} | {name} |"
            if np.isnan(levels).all():
                typer.echo(f"{start} - | - | - |")
                continue
            mean = 10 * np.log10(np.nanmean(10 ** (levels / 10)))
            i = int(np.nanargmax(levels))
            typer.echo(f"{start} {mean:.1f} | {levels[i]:.1f} | {cut.rpm[i]:.0f} |")


def _write_cuts(
    path: Path, cuts: list[OrderCut], channels: tuple[str, ...], overwrite: bool
) -> None:
    from specsr.io import replacing
    from specsr.nvh.export import CUT_COLUMNS, cut_rows

    with (
        replacing(path, overwrite=overwrite) as [partial],
        open(partial, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(CUT_COLUMNS)
        for order, name, *values in cut_rows(cuts, channels):
            # an empty cell where a level cannot be read
            cells = ("" if value != value else f"{value:.6g}" for value in values)
            writer.writerow([f"{order:g}", name, *cells])
