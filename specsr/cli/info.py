"""``specsr info``: content of files: channels, units, rates, levels, bandwidth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from specsr.cli.document import fact
from specsr.cli.options import DocumentOut, Inputs, Overwrite, reading_options
from specsr.cli.output import (
    bar,
    cell,
    check_files,
    complain,
    show,
    show_table,
    write_document,
)
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading
from specsr.names import plain

if TYPE_CHECKING:
    from specsr.io.file_info import ChannelInfo, FileInfo


@reading_options()
def info(
    inputs: Inputs,
    out: DocumentOut = None,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Show channels, units, rates, levels and actual bandwidth, and how they were understood.

    For each file the source of its axis, rate, unit and scale, its gaps, and what was ignored; for
    a folder a table.  --json prints all of it.

    A channel whose content ends well below half its rate is marked with "!": it was resampled,
    filtered or lossily coded.
    """
    from specsr import io
    from specsr.io.file_info import inspect_file
    from specsr.io.snapshot import snapshot

    files = io.find_inputs(inputs)
    check_files([out], [*files, reading.tone], overwrite)
    found: list[FileInfo] = []
    failed: dict[str, str] = {}
    steps = bar("reading")(files) if len(files) > 1 else files
    for path in steps:
        try:
            read = snapshot([path])
            inspected = inspect_file(path, **reading.arguments())
            read.check()
            found.append(inspected)
        except SpecsrError as error:
            failed[str(path)] = str(error)
    report: list[dict[str, Any]] = [file.to_dict() for file in found]
    report += [{"path": path, "error": text} for path, text in failed.items()]
    fact(files=report)
    if len(files) == 1:
        for file in found:
            _show(file)
    elif found:
        _table([(Path(file.path).name, file) for file in found])
    for problem in failed.values():
        complain(problem)
    if out is not None:
        write_document(out, overwrite)
    if failed:
        raise typer.Exit(1)


def _show(file: FileInfo) -> None:
    from specsr.io.origin import line

    show(plain(file.path))
    if (facts := file.map or file.image) is not None:
        for key, value in facts.items():
            show(plain(f"  {key:<14} {_text(value)}"))
    else:
        _table([(channel.name, channel) for channel in file.channels])
        _show_understood(file)
    for channel in file.channels:
        if channel.problem:
            show(plain(f"  {channel.name}: {channel.problem}"))
    for note in file.notes:
        show(plain(f"  note: {note}"))
    if file.origin is not None:
        show(plain(f"  origin: {line(file.origin)}"))
    for channel in file.channels:
        if channel.flagged:
            show(plain(f"  ! {channel.name}: {_warning(channel)}"))


def _show_understood(file: FileInfo) -> None:
    """Print how the channels were understood: each line once, with the channels it is about."""
    for key in ("axis", "rate", "unit", "scale", "level", "gaps"):
        lines: dict[str, list[str]] = {}
        for channel in file.channels:
            text = channel.understood.get(key, "")
            if key == "level" and channel.mean is not None:
                text = _level_line(channel)
            if text:
                lines.setdefault(text, []).append(channel.name)
        for line, names in lines.items():
            about = "" if len(names) == len(file.channels) else f" ({', '.join(names)})"
            show(plain(f"  {key:<6} {line}{about}"))


def _text(value: object) -> str:
    """Return a property of a map or image as text."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:.4g}" if isinstance(value, float) and value % 1 else f"{value}"


def _level_line(channel: ChannelInfo) -> str:
    """Return what the level of a channel leaves out, with a mean that would change it."""
    from specsr.units import REFERENCES

    assert channel.mean is not None
    level = channel.level_db
    rms = 0.0 if level is None else 10 ** (level / 20) * REFERENCES[channel.unit]
    unit = "" if channel.unit == "1" else f" {channel.unit}"
    # by 0.05 dB or more, as `specsr levels` counts it
    counts = abs(channel.mean) > math.sqrt(10**0.005 - 1) * rms
    return "rms without the mean (DC)" + f", which is {channel.mean:.4g}{unit}" * counts


def _warning(channel: ChannelInfo) -> str:
    assert channel.rate and channel.bandwidth
    return (
        f"a rate of {channel.rate:g} Hz reaches {channel.rate / 2000:.4g} kHz, but the content "
        f"ends at {channel.bandwidth / 1000:.3g} kHz: resampled, filtered or lossily coded"
    )


def _table(rows: list[tuple[str, Any]]) -> None:
    from rich.table import Table

    several = not hasattr(rows[0][1], "kind") if rows else False
    table = Table("file" if several else "channel", box=None, pad_edge=False)
    for name in (["channel"] if several else ["#"]) + [
        "unit", "rate", "length", "level, no DC", "range", "content to"
    ]:  # fmt: skip
        table.add_column(name, justify="left" if name in ("unit", "channel") else "right")
    for position, (title, row) in enumerate(rows):
        if not several:
            table.add_row(cell(title), str(position), *map(cell, _cells(row)))
            continue
        if row.map is not None:
            facts = row.map
            table.add_row(
                cell(title), f"map {facts['rows']} x {facts['columns']}", facts["unit"],
                f"{facts['rate']:g} Hz", f"{facts['seconds']:.4g} s", "", "", "",
            )  # fmt: skip
        if row.image is not None:
            facts = row.image
            size = f"image {facts['width']} x {facts['height']}"
            table.add_row(cell(title), size, facts["channels"], *[""] * 5)
        for number, channel in enumerate(row.channels):
            first = cell(title if number == 0 else "")
            table.add_row(first, *map(cell, [channel.name, *_cells(channel)]))
    show_table(table, 160)


def _cells(channel: ChannelInfo) -> list[str]:
    level = f"{channel.level_db:.1f} dB {channel.reference}" if channel.level_db is not None else ""
    span = "" if channel.lowest is None else f"{channel.lowest:.4g} to {channel.highest:.4g}"
    end = "" if channel.bandwidth is None else f"{channel.bandwidth / 1000:.4g} kHz"
    return [
        channel.unit,
        f"{channel.rate:.10g} Hz" if channel.rate else "uneven" if not channel.problem else "?",
        f"{channel.seconds:.4g} s" if channel.seconds else f"{channel.samples} samples",
        level, span, end + (" !" if channel.flagged else ""),
    ]  # fmt: skip
