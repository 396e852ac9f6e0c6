"""``specsr orders --method vold-kalman``; printing and tables of order cuts of both methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from specsr.choices import FIGURES, ORDER_PLACE, BandwidthUnit, OrderScale, Weighting, XAxis
from specsr.cli.document import fact
from specsr.cli.one_run import one_run
from specsr.cli.output import bar, check_files, csv_text, say, show, write_each, write_text
from specsr.cli.vibration import Vibration
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading, Speed
from specsr.names import plain

if TYPE_CHECKING:
    from specsr.nvh.order_cut import CutScale, OrderCut
    from specsr.signal import Signal

TABLES = (".csv",)


@dataclass(frozen=True)
class FilterOptions:
    """Options of the Vold-Kalman filter on the command line.

    Attributes:
        shafts: in text, see `specsr.nvh.shafts.parse_shaft`.
        residual: audio files of the recording without the orders.
        run: run of the recording.
        bandwidth: in ``unit``; None for the default.
        unit: of the bandwidth; None for Hz.
        poles: 1 or 2.
        widest: up to which the bandwidth is widened, in ``unit``; None for a constant one.
        weighting: frequency weighting of the recording.
        vibration: its quantity.
        scale: of levels in tables and figures.
        x: horizontal axis of the figures; None for the speed of the shafts that sweep, else time.
        overwrite: replace files that exist.
    """

    shafts: tuple[str, ...]
    residual: tuple[Path, ...]
    run: str
    bandwidth: float | None
    unit: BandwidthUnit | None
    poles: int
    widest: float | None
    weighting: Weighting
    vibration: Vibration
    scale: OrderScale
    x: XAxis | None
    overwrite: bool

    @property
    def changes(self) -> tuple[str, ...]:
        """What is done to the recording before, in text."""
        return (*self.vibration.changes, *weighting_note(self.weighting))

    def part(self, source: Path) -> Callable[[Signal], Signal] | None:
        """Return what makes the recording to cut of a whole one; None if it is cut as it is."""
        if self.run == "all" and self.weighting == "Z" and not self.vibration.given:
            return None

        def changed(signal: Signal) -> Signal:
            from specsr.nvh.weighted import weighted

            found = cast("Signal", self.vibration.of(source, signal))
            found = weighted(found, self.weighting)
            return found if self.run == "all" else one_run(found, self.run)

        return changed


def by_filter(
    source: Path,
    cut: str,
    outputs: list[Path],
    reading: Reading,
    speed: Speed,
    options: FilterOptions,
) -> None:
    """Cut orders with the Vold-Kalman filter and write tables, figures and waveforms.

    Raises:
        SpecsrError: an option or an input that is not valid, or a file that cannot be written.
    """
    from specsr import io
    from specsr.jobs.inputs import check_turning
    from specsr.jobs.order_inputs import OrderCutting, lines_of, opened, speed_channels
    from specsr.jobs.orders import OrderFiles, cut_orders, order_paths, resolution_notes
    from specsr.nvh.order_cut import CutScale
    from specsr.nvh.vold_kalman import VoldKalman

    if options.unit is not None and options.bandwidth is None:
        raise SpecsrError("--bandwidth-unit needs --bandwidth, such as --bandwidth 0.05")
    method = VoldKalman(
        VoldKalman.bandwidth if options.bandwidth is None else options.bandwidth,
        options.unit or "Hz", options.poles,  # type: ignore[arg-type]  # checked there
        options.widest,
    )  # fmt: skip
    _check_speed_is_used(speed, options)
    cutting = OrderCutting(cut, options.shafts, method, changes=options.changes)
    if speed.is_auto:
        speed = speed.knowing(cutting.orders_of_recording)
    check_tables_and_figures(outputs)
    others = [path for path in outputs if path.suffix.lower() in TABLES + FIGURES]
    waves = tuple(path for path in outputs if path not in others)
    files = OrderFiles(waves, options.residual, options.overwrite)
    inputs = [source, speed.table, reading.tone, *cutting.tables]
    read = check_files([*outputs, *options.residual], inputs, options.overwrite)

    channels_of = {} if io.is_map(source) else speed_channels(source, reading, options.shafts)
    used = tuple(channel.name for channel in channels_of.values())
    with opened(source, reading, speed, options.part(source), used) as (recording, own):
        lines = lines_of(cutting, recording, own, channels_of)
        if own is not None and not options.shafts:
            check_turning(source, own.span, speed)
        named = [each for path in waves for each in order_paths(path, lines)]
        check_files([*named, *others, *options.residual], inputs, options.overwrite)
        for note in resolution_notes(recording, lines, method):
            say(f"note: {note}")
        notes: list[str] = []
        cuts = cut_orders(
            recording, lines, cutting, files, read.check, bar(source.name), notes.append
        )
        for note in notes:
            say(f"note: {note}")
        channels = recording.channels
        scale = CutScale(recording.unit, options.scale)
    print_cuts(cuts, channels, scale)
    for note in weighting_note(options.weighting):
        say(f"  levels and waveforms are {note}")
    for path in (*named, *options.residual):
        say(f"{source} -> {path}")

    def write(path: Path) -> None:
        if path.suffix.lower() in TABLES:
            write_text(
                path, cuts_csv(cuts, channels, scale), options.overwrite, f"{source} -> {path}"
            )
            return
        from specsr.plots.cuts import plot_shafts
        from specsr.plots.parts import figure_text
        from specsr.plots.save import save_figure

        title = ", ".join((source.name, *weighting_note(options.weighting)))
        drawn = plot_shafts(cuts, x=options.x, title=figure_text(title), scale=scale)
        save_figure(drawn, path, overwrite=options.overwrite)
        say(f"{source} -> {path}")

    write_each(others, write)


def _check_speed_is_used(speed: Speed, options: FilterOptions) -> None:
    """Raise `SpecsrError` for a speed of the recording that no shaft has."""
    from specsr.nvh.shafts import parse_shafts

    shafts = parse_shafts(options.shafts)
    if not (speed.given and shafts) or options.run != "all":
        return
    if not any(shaft.of_recording for shaft in shafts):
        sources = {"--rpm": speed.table, "--rpm-channel": speed.channel}
        option = next((name for name, value in sources.items() if value), "--tacho-channel")
        raise SpecsrError(
            f"{option}: no --shaft has the speed of the recording: add --shaft 'motor: rpm', or "
            f"leave {option} out"
        )


def axis_of(x: XAxis | None, cuts: list[OrderCut]) -> XAxis:
    """Return the horizontal axis of a figure: as given, or time if the speeds do not sweep."""
    from specsr.plots.cuts import axis_of as fitting

    return fitting(cuts) if x is None else x


def weighting_note(weighting: Weighting) -> tuple[str, ...]:
    """Return a text that states a frequency weighting; nothing for Z."""
    return () if weighting == "Z" else (f"{weighting}-weighted",)


def check_tables_and_figures(outputs: list[Path]) -> None:
    """Raise `SpecsrError` for a table or figure with the placeholder of an order in its path."""
    for path in outputs:
        if path.suffix.lower() in TABLES + FIGURES and ORDER_PLACE in str(path):
            raise SpecsrError(
                f"{path}: {ORDER_PLACE} is for the names of waveforms; a table or figure holds all "
                "orders: leave it out"
            )


def check_no_waveforms(outputs: list[Path]) -> None:
    """Raise `SpecsrError` for an output that is no table or figure of all orders."""
    check_tables_and_figures(outputs)
    for path in outputs:
        if path.suffix.lower() not in TABLES + FIGURES:
            raise SpecsrError(
                f"{path}: expected .csv for the cuts or {', '.join(FIGURES)}; waveforms need "
                "--method vold-kalman"
            )


def print_cuts(cuts: list[OrderCut], channels: tuple[str, ...], scale: CutScale) -> None:
    """Print mean and highest level of every order and channel."""
    import numpy as np

    from specsr.plots.cuts import bandwidth_text
    from specsr.scores.markdown import markdown_table

    fact(channels=channels, level_label=replace(scale, kind="db").label, cuts=cuts)
    label, digits = scale.label, ".1f" if scale.kind == "db" else ".4g"
    rows: list[dict[str, Any]] = []
    for cut in cuts:
        for name, levels in zip(channels, cut.levels):
            row = {"order": plain(cut.name), "bandwidth": bandwidth_text(cut, cuts)}
            row["channel"] = plain(name)
            row |= dict.fromkeys((f"mean, {label}", "highest", "at rpm"), "-")
            if not np.isnan(levels).all():
                i = int(np.nanargmax(levels))
                mean = 10 * np.log10(np.nanmean(10 ** (levels / 10)))
                shown = map(float, scale.values(np.array([mean, levels[i]])))
                values = (*(format(x, digits) for x in shown), f"{cut.rpm[i]:.0f}")
                row |= dict(zip((f"mean, {label}", "highest", "at rpm"), values))
            rows.append(row)
    show(markdown_table(rows, text=("bandwidth", "channel")))


def cuts_csv(cuts: list[OrderCut], channels: tuple[str, ...], scale: CutScale) -> str:
    """Return the cuts as CSV text; an unreadable level is an empty cell."""
    from specsr.nvh.export import cut_columns, cut_rows

    def cell(value: float | str) -> str:
        return value if isinstance(value, str) else "" if value != value else f"{value:.6g}"

    shown = [replace(cut, levels=scale.values(cut.levels)) for cut in cuts]
    rows = [
        (f"{order:g}", name, *map(cell, values))
        for order, name, *values in cut_rows(shown, channels)
    ]
    columns = [scale.column if name == "level_db" else name for name in cut_columns(cuts)]
    return csv_text(columns, rows)
