"""Tables of numbers: recordings and maps as ``.csv`` or ``.tsv``.

A recording has a line of column names, with units in square or round brackets, and one line per
sample.  The rate comes from a column called time, a comment ``# rate: 48000`` or the caller::

    # rate: 48000
    time [s],mic [Pa],rpm [1/min]
    0,0.0123,1500.2

Names that the line cannot hold as they are (line ends, brackets, formula characters) are in a
comment of specsr, ``# channels: ["..."]``, as JSON; the line then shows them with escapes.

A map has the times in its first line and the frequencies in its first column::

    # specsr-map, values: db, unit: Pa
    freq [Hz] \\ time [s],0,0.01,0.02
    0,31.2,30.8,30.9

Separators and decimal commas are those of `specsr.io.table_head`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import entries, origin, unit_labels
from specsr.io.atomic import replacing
from specsr.io.axis_labels import quantity
from specsr.io.columns import Column, axis, column, copies, suspect
from specsr.io.entries import UNWEIGHTED
from specsr.io.map_corner import map_axes
from specsr.io.recording import Channel, Contents
from specsr.io.sampling import Sampling, of_rate
from specsr.io.table import read_table
from specsr.io.table_head import LONGEST_LINE, Head, comment_facts, read_head
from specsr.io.unit_labels import is_speed
from specsr.maps.spec_map import SpecMap
from specsr.names import for_spreadsheet, from_spreadsheet, plain
from specsr.signal import Signal

SUFFIXES = (".csv", ".tsv")


def read_signal(path: Path) -> Contents:
    """Return the channels of a table.

    Raises:
        SpecsrError: it holds no table of numbers, or a map.
    """
    head, table = read_table(path)
    if head.is_map:
        raise SpecsrError("holds a map, not a recording: read it with read_map")
    columns = _columns(head, table.shape[1])
    if len(columns) != table.shape[1]:
        raise SpecsrError(f"has {len(columns)} column names for {table.shape[1]} columns")
    facts = head.facts
    own = facts.get("format") == "specsr-signal"
    at: int | None = 0
    if own:  # the times are rounded, the rate is exact
        sampled = Sampling(head.number("rate"), head.number("start") or 0.0)
    else:
        at, sampled = axis(columns, table, head)
        if at is None and sampled.rate is None and not sampled.problem:
            sampled = suspect(columns, table)
    left = set() if own else copies(columns, table, at)
    scale = head.number("full_scale") or 1.0
    # several units are none: the user is asked for the unit
    unit = " or ".join(head.repeated.get("unit", (facts.get("unit", ""),)))
    dtype = np.float32 if facts.get("type") == "float32" else np.float64
    channels = [
        Channel(
            one.name, table[:, i].astype(np.float64 if one.label == "1/min" else dtype),
            label=one.label or ("" if is_speed("", one.name) else unit),
            full_scale=scale,
            of_signal=own and one.label == "1/min" and one.name == "rpm", **sampled.fields(),
        )
        for i, one in enumerate(columns) if i != at and i not in left
    ]  # fmt: skip
    if not channels:
        raise SpecsrError("holds no column of samples besides its times")
    notes = [sampled.note] if sampled.note else []
    if facts.get("weighting", "Z").upper() not in UNWEIGHTED:
        notes.append(f"its samples are {facts['weighting']}-weighted, and so are their levels")
    notes += [
        f"its comment {key!r} is ignored: did you mean {known!r}?"
        for key, known in ({} if own else head.misspelt()).items()
    ]
    return Contents(tuple(channels), tuple(notes))


def write_signal(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as a table with times, names and units; numbers keep their precision."""
    if subtype is not None:
        raise SpecsrError(f"{path}: {path.suffix} has no subtypes: leave subtype={subtype!r} out")
    divider = "\t" if path.suffix.lower() == ".tsv" else ","
    times = signal.start + np.arange(signal.length) / signal.rate
    names = ["time [s]", *(_cell(name, signal.unit) for name in signal.channels)]
    single = signal.samples.dtype == np.float32
    columns, formats = [times, *signal.samples], ["%.12g"] + ["%.9g" if single else "%.17g"] * len(
        signal.channels
    )  # fmt: skip
    if signal.rpm is not None:
        names.append("rpm [1/min]")
        columns.append(signal.rpm)
        formats.append("%.17g")
    facts = {
        "format": "specsr-signal", "rate": signal.rate, "start": float(signal.start),
        "full_scale": float(signal.full_scale), "type": signal.samples.dtype.name,
        "samples": signal.length,
    }  # fmt: skip
    lines = [f"# {key}: {value}" for key, value in facts.items()]
    if any(
        column(cell, 0) != Column(name, signal.unit)
        for cell, name in zip(names[1:], signal.channels)
    ):
        lines.append(_names_line(path, signal.channels))
    lines += _origin_lines()
    with (
        replacing(path, overwrite=overwrite) as (temp,),
        open(temp, "w", encoding="utf-8", newline="") as file,
    ):
        file.write("\n".join(lines) + "\n")
        csv.writer(file, delimiter=divider, lineterminator="\n").writerow(names)
        np.savetxt(file, np.column_stack(columns), fmt=formats, delimiter=divider)


def holds_map(path: Path) -> bool:
    """Return whether a table is a map."""
    return read_head(path).is_map


def read_map_file(path: Path) -> SpecMap:
    """Return the map in a table.

    Raises:
        SpecsrError: it holds no map, or its axes fit no grid.
    """
    head, table = read_table(path)
    if not head.is_map or table.shape[1] < 2:
        raise SpecsrError(
            "holds no map: expected times in the first line and frequencies in the first column"
        )
    facts = head.facts
    for key, known in head.misspelt().items():
        raise SpecsrError(f"its comment {key!r} is unknown: did you mean {known!r}?")
    unit = facts.get("unit")
    if unit is None:
        raise SpecsrError("has no unit: add a line such as  # unit: Pa, values: db")
    kind = facts.get("values", "").lower()
    if not kind and (table[:, 1:] < 0).any():
        kind = "db"  # the other two cannot be negative
    if kind not in entries.VALUES:
        stated = f"values is {kind!r}" if kind else "does not state its values"
        raise SpecsrError(
            f"{stated}: expected one of {', '.join(entries.VALUES)}, as in  # unit: Pa, values: db"
        )
    down, across = map_axes(head.names[0] if head.names else "")
    values, rows, columns = table[:, 1:], table[:, 0], np.array(head.times)
    if down.kind == "time":
        values, rows, columns, down, across = values.T, columns, rows, across, down
    unit, factor, _ = unit_labels.understand(unit)
    if kind != "db":  # levels in dB have the reference of the unit, whatever its prefix
        values = values * (factor if kind == "magnitude" else factor**2)
    fields: dict[str, Any] = {
        kind: values, "freqs": rows * down.factor, "times": columns * across.factor,
        "unit": unit,
    }  # fmt: skip
    fields |= {key: facts[key] for key in ("scaling", "window", "weighting") if key in facts}
    if head.channels or "channel" in facts:
        fields["channels"] = list(head.channels) or [facts["channel"]]
    if "cell" in facts:
        fields["cell"] = [int(part) for part in re.findall(r"\d+", facts["cell"])]
    if (rate := facts.get("rate")) is not None:
        value, label = quantity(rate) or (head.number("rate") or 0.0, "")
        fields["rate"] = of_rate(value, label).rate
    return entries.spec_map(fields)


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Write a map of one channel as a table of rms magnitudes: a line per row, a column per time.

    Raises:
        SpecsrError: the map has several channels, or the output exists or cannot be written.
    """
    if len(spec.channels) != 1:
        raise SpecsrError(f"{path}: a table holds one channel, not {len(spec.channels)}: write .h5")
    grid = spec.grid
    divider = "\t" if path.suffix.lower() == ".tsv" else ","
    facts = {
        "format": "specsr-map", "values": "magnitude", "unit": grid.unit, "scaling": grid.scaling,
        "window": grid.window, "cell": f"{grid.cell[0]} x {grid.cell[1]}", "rate": grid.rate,
        "rows": len(spec.freqs),
    }  # fmt: skip
    name = spec.channels[0]
    lines = [f"# {key}: {value}" for key, value in facts.items()]
    simple = (
        plain(name) == name
        and bool(name)
        and comment_facts(f"channel: {name}") == {"channel": name}
    )
    lines.append(f"# channel: {name}" if simple else _names_line(path, [name]))
    lines += _origin_lines()
    with (
        replacing(path, overwrite=overwrite) as (temp,),
        open(temp, "w", encoding="utf-8", newline="") as file,
    ):
        file.write("\n".join(lines) + "\n")
        times = divider.join(f"{time:.12g}" for time in spec.times)
        file.write(f"freq [Hz] \\ time [s]{divider}{times}\n")
        table = np.column_stack([spec.freqs, spec.magnitude[0]])
        np.savetxt(file, table, fmt=["%.12g"] + ["%.9g"] * spec.magnitude.shape[2],
                   delimiter=divider)  # fmt: skip


def _columns(head: Head, count: int) -> list[Column]:
    """Return name and unit label of every column.

    Names in a comment of specsr apply while the line of names shows them: not after an edit.
    """
    cells = head.names or ("",) * count
    own = head.facts.get("format") == "specsr-signal"
    named = cells[1 : 1 + len(head.channels)]
    columns = [column(from_spreadsheet(cell) if own else cell, i) for i, cell in enumerate(cells)]
    if own and len(named) == len(head.channels):
        labels = [unit_labels.clean(cell[cell.rfind("[") :]) for cell in named]
        if all(map(_shows, named, head.channels, labels)):
            columns[1 : 1 + len(named)] = map(Column, head.channels, labels)
    return columns


def _cell(name: str, label: str) -> str:
    """Return a name and a unit label as a cell of the line of names."""
    return for_spreadsheet(f"{plain(name)} [{label}]")


def _shows(cell: str, name: str, label: str) -> bool:
    """Return whether a cell is that of a name; blanks at its ends do not count."""
    return cell.strip() == _cell(name, label).strip()


def _names_line(path: Path, names: Sequence[str]) -> str:
    """Return the comment with names as JSON."""
    line = _json_line("channels", json.dumps(list(names)))
    if len(line) > LONGEST_LINE:
        raise SpecsrError(
            f"{path}: the channel names are too long for a table ({len(line)} characters, up to "
            f"{LONGEST_LINE}): shorten them, or write .h5"
        )
    return line


def _origin_lines() -> list[str]:
    """Return the comment with the origin of the files that are written now, if they have one."""
    text = origin.text()
    line = "" if text is None else _json_line(origin.KEY, text)
    return [line] if 0 < len(line) <= LONGEST_LINE else []


def _json_line(key: str, text: str) -> str:
    """Return a comment with JSON text in ASCII, of which no part is a formula."""
    escaped = re.sub(r'"(?:[^"\\]|\\.)*"', _without_formulas, text)
    return f"# {key}: {escaped}"


def _without_formulas(found: re.Match[str]) -> str:
    return re.sub("[=+@-]", lambda sign: f"\\u{ord(sign[0]):04x}", found[0])
