"""``specsr compare``: several runs over one speed axis."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from specsr.choices import FIGURES, Weighting
from specsr.cli.document import fact
from specsr.cli.options import Overwrite, order_numbers, reading_options, speed_options
from specsr.cli.output import check_files, csv_text, say, show, write_each, write_text
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading, Speed
from specsr.names import plain

if TYPE_CHECKING:
    import numpy as np

    from specsr.nvh.compare import Comparison
    from specsr.signal import Signal


@reading_options()
@speed_options()
def compare(
    inputs: Annotated[list[Path], typer.Argument(help="Recordings of runs, or folders of them.")],
    out: Annotated[
        Optional[list[Path]],
        typer.Option(
            "-o",
            "--out",
            help="Output file, repeatable: table (.csv), figure (.png .pdf .svg), report (.html).",
        ),
    ] = None,
    cut: Annotated[str, typer.Option(help="Orders to cut, such as 2,4.")] = "2,4",
    reference: Annotated[
        Optional[str],
        typer.Option(help="File that the others are compared with [default: the first]."),
    ] = None,
    step: Annotated[
        Optional[float], typer.Option(help="Width of a step of speed, 1/min [default: automatic].")
    ] = None,
    weighting: Annotated[
        Weighting,
        typer.Option(help="Frequency weighting of sound: overall, orders, third octaves."),
    ] = "Z",
    difference: Annotated[
        bool, typer.Option("--difference", help="Draw differences to the reference.")
    ] = False,
    overwrite: Overwrite = False,
    speed: Speed = Speed(),
    reading: Reading = Reading(),
) -> None:
    """Compare the levels and orders of several runs over speed.

    Of every recording the run with the largest change of speed counts.  Channels of one name and
    unit are compared over the speeds that all runs reach; microphones and accelerometers may be in
    the same files.  The table holds every run, the difference to the reference, and the mean and
    scatter over the runs.  --weighting applies to sound; vibrations are not weighted.  An .html
    file is a report with all channels, curves, differences and third octaves.
    """
    outputs = out or []
    for path in outputs:
        if path.suffix.lower() not in (".csv", *FIGURES, ".html"):
            raise SpecsrError(
                f"{path}: expected .csv for the table, .png, .pdf, .svg or .html for the report"
            )
    orders = order_numbers(cut, "--cut")
    from specsr import io

    files = [path for path in io.find_inputs(inputs) if not io.is_map(path)]
    if len(files) < 2:
        raise SpecsrError(f"{len(files)} recording in the inputs: a comparison needs two or more")
    read = check_files(outputs, [*files, speed.table, reading.tone], overwrite)

    from specsr.nvh.compare import compare_runs, finite

    names = _names(files)
    if reference is not None:
        at = [name for file, name in zip(files, names) if reference in (name, file.name, str(file))]
        if len(at) != 1:
            raise SpecsrError(f"--reference is {reference!r}: expected one of {', '.join(names)}")
        reference = at[0]
    by_unit: dict[str, dict[str, Signal]] = {}
    for file, name in zip(files, names):
        for signal in _joined(file, _signals(file, reading, speed)):
            if signal.rpm is None:
                raise SpecsrError(
                    f"{file}: has no speed: give a speed channel (--rpm-channel 1), tacho pulses "
                    "(--tacho-channel 1) or a table (--rpm)"
                )
            by_unit.setdefault(signal.unit, {})[name] = signal
    read.check()
    found: list[Comparison] = []
    failed = []
    for unit, runs in by_unit.items():
        if len(runs) < 2:
            failed.append(f"one run alone has channels in {unit}")
            continue
        weights: Any = weighting if unit in ("Pa", "V", "1") else "Z"
        known = reference if reference in runs else None
        try:
            found += compare_runs(runs, orders, reference=known, rpm_step=step, weighting=weights)
        except SpecsrError as error:
            if len(by_unit) == 1:
                raise
            failed.append(f"channels in {unit}: {error}")
    if not found:
        raise SpecsrError("; ".join(failed))
    for text in failed:
        say(f"  {text}: not compared")
    fact(files=files, comparisons=found)
    for one in found:
        _print(one)
        if silent := one.silent():
            say(
                f"  {one.channel}: silent at some speeds or in some third octaves, which have no "
                f"level (empty cells): {', '.join(silent)}"
            )
        if not finite(one.levels[one.reference]).size:
            name = plain(one.runs[one.reference])
            say(
                f"  {plain(one.channel)}: the reference {name} is silent, so there is no "
                "difference to it: choose another run with --reference"
            )

    def write(path: Path) -> None:
        message = f"{len(files)} runs -> {path}"
        if path.suffix.lower() == ".csv":
            write_text(path, _csv(found), overwrite, message)
            return
        if path.suffix.lower() == ".html":
            from specsr.report.comparison import comparison_page

            page = comparison_page(found, shlex.join(["specsr", *sys.argv[1:]]))
            title = f"Comparison of {len(files)} runs"
            write_text(path, page.render(title), overwrite, f"{message}, opens without network")
            return
        from specsr.plots.runs import MOST_CHANNELS, plot_runs
        from specsr.plots.save import save_figure

        save_figure(plot_runs(found, difference), path, overwrite=overwrite)
        beyond = (
            f" (the first {MOST_CHANNELS} of {len(found)} channels)"
            if len(found) > MOST_CHANNELS
            else ""
        )
        say(message + beyond)

    write_each(outputs, write)


def _names(files: Sequence[Path]) -> list[str]:
    """Return a name for every file: its stem, or its path where stems repeat."""
    stems = [file.stem for file in files]
    return [stem if stems.count(stem) == 1 else str(file) for stem, file in zip(stems, files)]


def _signals(file: Path, reading: Reading, speed: Speed) -> Iterator[Signal]:
    """Yield the channels of a file as recordings of one unit each."""
    from specsr import io
    from specsr.jobs.inputs import load_recording

    if reading.channels is not None or reading.unit is not None:
        yield load_recording(file, reading, speed)
        return
    try:
        yield load_recording(file, reading, speed)
        return
    except SpecsrError as error:
        channels = [c for c in io.read_channels(file).channels if c.kind == "signal"]
        labels = list(dict.fromkeys(c.label for c in channels))
        if len(labels) < 2:
            raise error
    for label in labels:
        own = tuple(c.name for c in channels if c.label == label)
        yield load_recording(file, replace(reading, channels=own), speed)


def _joined(file: Path, signals: Iterable[Signal]) -> list[Signal]:
    """Return the recordings of a file with those of one unit joined, such as Pa and mPa."""
    import numpy as np

    found: dict[str, Signal] = {}
    for signal in signals:
        other = found.get(signal.unit)
        if other is not None:
            if (signal.rate, signal.length) != (other.rate, other.length):
                raise SpecsrError(
                    f"{file}: channels in {signal.unit} of different rates or lengths: choose some "
                    "with --channel"
                )
            samples = np.concatenate([other.samples, signal.samples])
            names = (*other.channels, *signal.channels)
            signal = other.replace(samples=samples, channels=names)
        found[signal.unit] = signal
    return list(found.values())


def _print(one: Comparison) -> None:
    """Print the mean difference of every quantity to the reference."""
    from specsr.scores.markdown import markdown_table

    unit = "" if one.unit == "1" else f" ({one.unit})"
    show(
        f"{plain(one.channel)}{unit}, {one.rpm[0]:.0f} to {one.rpm[-1]:.0f} rpm, mean difference "
        f"to {plain(one.runs[one.reference])} in dB"
    )
    rows = []
    for r, run in enumerate(one.runs):
        values = one.difference(one.levels)[r]
        row = {"run": plain(run)}
        row |= {name: _mean(v) for name, v in zip(one.quantities, values)}
        rows.append(row)
    show(markdown_table(rows))


def _mean(values: np.ndarray) -> str:
    """Return the mean of the values that are finite as text; a dash for none."""
    from specsr.nvh.compare import finite

    known = finite(values)
    return f"{known.mean():+.2f}" if known.size else "-"


def _csv(found: Sequence[Comparison]) -> str:
    import math

    from specsr.nvh.compare import mean_level, scatter

    def cell(value: float) -> str:
        return f"{value:.6g}" if math.isfinite(value) else ""

    runs = tuple(dict.fromkeys(run for one in found for run in one.runs))
    columns = ["channel", "unit", "weighting", "reference", "quantity", "rpm", "nominal_hz"]
    columns += [f"{run} level_db" for run in runs] + [f"{run} difference_db" for run in runs]
    columns += ["mean_db", "scatter_db"]
    rows: list[list[Any]] = []
    for one in found:
        parts = [(q, one.rpm, one.levels[:, k], True) for k, q in enumerate(one.quantities)]
        parts.append(("third octave", one.nominal, one.bands, False))
        for name, x, levels, over_speed in parts:
            at = {run: r for r, run in enumerate(one.runs)}
            apart, mean, sd = one.difference(levels), mean_level(levels), scatter(levels)
            for b, place in enumerate(x):
                row: list[Any] = [one.channel, one.unit, one.weighting]
                row += [one.runs[one.reference], name]
                row += [f"{place:g}", ""] if over_speed else ["", f"{place:g}"]
                for values in (levels, apart):
                    row += [cell(values[at[run], b]) if run in at else "" for run in runs]
                rows.append([*row, cell(mean[b]), cell(sd[b])])
    return csv_text(columns, rows)
