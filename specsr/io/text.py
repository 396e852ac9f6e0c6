"""Tables of numbers: recordings and maps as ``.csv`` or ``.tsv``.

A recording has a line of column names, units in square brackets or round ones, and one line a
sample; a column called time gives the rate, else a comment ``# rate: 48000`` or the user does::

    # rate: 48000
    time [s],mic [Pa],rpm [1/min]
    0,0.0123,1500.2

A map has the times in its first line and the frequencies in its first column::

    # specsr-map, values: db, unit: Pa
    freq [Hz] \\ time [s],0,0.01,0.02
    0,31.2,30.8,30.9

Commas, semicolons, tabs or blanks divide; numbers may have a decimal comma where none divides.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import entries
from specsr.io import unit_labels as units
from specsr.io.atomic import replacing
from specsr.io.recording import Channel, Contents
from specsr.io.times import even_times
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

SUFFIXES = (".csv", ".tsv")
_COLUMN = re.compile(r"\s*(.*?)\s*[\[(]([^\[\]()]*(?:\([^)]*\))?[^\[\]()]*)[\])]\s*")
_TIME = re.compile(r"(?i)(time|t|zeit|temps|x|time[ _]?axis)")
_PAIR = re.compile(r"([A-Za-z_ -]+?)\s*[:=]\s*([^,;]+)")
_HEAD_LINES = 200
_LONGEST = 300
"""Characters of a comment or a column name that are looked at."""


def read_signal(path: Path) -> Contents:
    """Return the channels of a table.

    Raises:
        SpecsrError: it holds no table of numbers, or a map.
    """
    head, table, notes = _read_table(path)
    if _is_map_head(head):
        raise SpecsrError("holds a map, not a recording: read it with read_map")
    columns = [_named(name, i) for i, name in enumerate(head["names"] or [""] * table.shape[1])]
    if len(columns) != table.shape[1]:
        raise SpecsrError(f"has {len(columns)} column names for {table.shape[1]} columns")
    facts = head["facts"]
    rate = _fact(facts, "rate")
    start, stamps = _fact(facts, "start") or 0.0, None
    times = [i for i, (name, _) in enumerate(columns) if _TIME.fullmatch(name)]
    if times and len(table) > 1:
        step = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6}.get(columns[times[0]][1], 1.0)
        even = even_times(table[:, times[0]] * step)
        if even is None:
            stamps = table[:, times[0]] * step
        elif rate is None:
            rate, start, note = even
            notes += [note] if note else []
    scale = _fact(facts, "full_scale") or 1.0
    dtype = np.float32 if facts.get("type") == "float32" else np.float64
    own = facts.get("format") == "specsr-signal"
    channels = [
        Channel(
            name, table[:, i].astype(np.float64 if label == "1/min" else dtype), rate,
            label=label or facts.get("unit", ""), start=start, full_scale=scale, times=stamps,
            of_signal=own and label == "1/min" and name == "rpm",
        )
        for i, (name, label) in enumerate(columns) if i not in times[:1]
    ]  # fmt: skip
    if not channels:
        raise SpecsrError("holds no column of samples beside its times")
    return Contents(tuple(channels), tuple(notes))


def write_signal(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as a table with times, names and units; numbers keep their precision."""
    if subtype is not None:
        raise SpecsrError(f"{path}: {path.suffix} has no subtypes: leave subtype={subtype!r} out")
    divider = "\t" if path.suffix.lower() == ".tsv" else ","
    times = signal.start + np.arange(signal.length) / signal.rate
    names = ["time [s]", *(f"{name} [{signal.unit}]" for name in signal.channels)]
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
    with (
        replacing(path, overwrite=overwrite) as (temp,),
        open(temp, "w", encoding="utf-8", newline="") as file,
    ):
        file.write("\n".join(lines) + "\n")
        csv.writer(file, delimiter=divider, lineterminator="\n").writerow(names)
        np.savetxt(file, np.column_stack(columns), fmt=formats, delimiter=divider)


def holds_map(path: Path) -> bool:
    """Whether a table is a map."""
    return _is_map_head(_read_head(path)[0])


def read_map_file(path: Path) -> SpecMap:
    """Return the map in a table.

    Raises:
        SpecsrError: it holds no map, or its axes fit no grid.
    """
    head, table, _ = _read_table(path)
    if not _is_map_head(head) or table.shape[1] < 2:
        raise SpecsrError(
            "holds no map: expected times in the first line and frequencies in the first column"
        )
    facts = head["facts"]
    kind = facts.get("values", "db").lower()
    if kind not in entries.VALUES:
        raise SpecsrError(f"values is {kind!r}: expected one of {', '.join(entries.VALUES)}")
    unit = facts.get("unit")
    if unit is None:
        raise SpecsrError("does not say its unit: add a line such as  # unit: Pa, values: db")
    fields: dict[str, Any] = {
        kind: table[:, 1:], "freqs": table[:, 0], "times": np.array(head["times"]),
        "unit": units.understand(unit)[0],
    }  # fmt: skip
    fields |= {key: facts[key] for key in ("scaling", "window") if key in facts}
    if "channel" in facts:
        fields["channels"] = [facts["channel"]]
    if "cell" in facts:
        fields["cell"] = [int(part) for part in re.findall(r"\d+", facts["cell"])]
    if (rate := _fact(facts, "rate")) is not None:
        fields["rate"] = rate
    return entries.spec_map(fields)


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Write a map of one channel as a table of rms magnitudes, times across, frequencies down."""
    if len(spec.channels) != 1:
        raise SpecsrError(f"{path}: a table holds one channel, not {len(spec.channels)}: write .h5")
    grid = spec.grid
    divider = "\t" if path.suffix.lower() == ".tsv" else ","
    facts = {
        "format": "specsr-map", "values": "magnitude", "unit": grid.unit, "scaling": grid.scaling,
        "window": grid.window, "cell": f"{grid.cell[0]} x {grid.cell[1]}", "rate": grid.rate,
        "channel": spec.channels[0].replace(",", " "), "rows": len(spec.freqs),
    }  # fmt: skip
    with (
        replacing(path, overwrite=overwrite) as (temp,),
        open(temp, "w", encoding="utf-8", newline="") as file,
    ):
        file.write("".join(f"# {key}: {value}\n" for key, value in facts.items()))
        times = divider.join(f"{time:.12g}" for time in spec.times)
        file.write(f"freq [Hz] \\ time [s]{divider}{times}\n")
        table = np.column_stack([spec.freqs, spec.magnitude[0]])
        np.savetxt(file, table, fmt=["%.12g"] + ["%.9g"] * spec.magnitude.shape[2],
                   delimiter=divider)  # fmt: skip


def _read_head(path: Path) -> tuple[dict[str, Any], int]:
    """Return comments, names and divider at the start of a table, and the lines they take."""
    facts: dict[str, str] = {}
    with _opened(path) as file:
        lines = [line.rstrip("\n")[:1_000_000] for _, line in zip(range(_HEAD_LINES), file)]
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith(("#", "%")) or not text:
            text = text.lstrip("#% ")[:_LONGEST]
            if text.startswith("specsr-map"):
                facts["format"] = "specsr-map"
            facts |= {key.strip().lower(): value.strip() for key, value in _PAIR.findall(text)}
            continue
        following = next((later for later in lines[number + 1 :] if later.strip()), "")
        divider, comma = _divider(following or line)
        if divider is None:
            single = len(_cells(following or text, None)) == 1
            cells = [text] if single else re.split(r"\s+(?![\[(])", text)
        else:
            cells = next(csv.reader([text], delimiter=divider, skipinitialspace=True))
        if _are_numbers(cells, comma):
            return {"facts": facts, "names": None, "divider": divider, "comma": comma}, number
        if not following or not _are_numbers(_cells(following, divider), comma):
            continue  # a line of text above the names
        head: dict[str, Any] = {"facts": facts, "names": cells, "divider": divider, "comma": comma}
        if len(cells) > 2 and _are_numbers(cells[1:], comma):
            head["times"] = [_number(cell, comma) for cell in cells[1:]]
        return head, number + 1
    raise SpecsrError(
        "cannot be read as a table: expected columns of numbers under a line of names"
    )


def _read_table(path: Path) -> tuple[dict[str, Any], np.ndarray, list[str]]:
    head, skipped = _read_head(path)
    with _opened(path) as file:
        lines = (line.replace(",", ".") for line in file) if head["comma"] else file
        try:
            table = np.loadtxt(
                lines, delimiter=head["divider"], skiprows=skipped, comments=("#", "%"), ndmin=2
            )
        except ValueError as error:
            raise SpecsrError(f"cannot be read as a table of numbers ({error})") from None
    if table.size == 0:
        raise SpecsrError("holds no numbers")
    promised = _fact(head["facts"], "samples") or _fact(head["facts"], "rows") or len(table)
    own = head["facts"].get("format", "").startswith("specsr-")
    with open(path, "rb") as raw:
        raw.seek(-1, 2)
        if own and raw.read() not in (b"\n", b"\r"):
            raise SpecsrError("is cut off: its last line has no end; copy it again")
    if len(table) < promised:
        raise SpecsrError(f"is cut off: it promises {promised:g} lines, {len(table)} are there")
    return head, table, []


def _opened(path: Path) -> TextIO:
    """Open a table as UTF-8, or as the Windows encoding that older programs write."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            file.read(1 << 20)
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "cp1252"
    return open(path, encoding=encoding, errors="replace", newline=None)


def _divider(line: str) -> tuple[str | None, bool]:
    """Return what divides the cells of a line of numbers, and whether commas are decimal."""
    for divider in ("\t", ";"):
        if divider in line:
            return divider, "," in line
    if "," in line:
        return ",", False
    return None, False


def _cells(line: str, divider: str | None) -> list[str]:
    return line.split() if divider is None else line.strip("\r\n").split(divider)


def _number(text: str, comma: bool) -> float:
    return float(text.replace(",", ".") if comma else text)


def _are_numbers(cells: list[str], comma: bool) -> bool:
    try:
        numbers = [_number(cell, comma) for cell in cells]
    except ValueError:
        return False
    return bool(numbers)


def _is_map_head(head: dict[str, Any]) -> bool:
    return head["facts"].get("format") == "specsr-map" or "times" in head


def _named(text: str, position: int) -> tuple[str, str]:
    """Return name and unit label of a column."""
    found = _COLUMN.fullmatch(text[:_LONGEST])
    name, label = found.groups() if found else (text.strip(), "")
    return name or f"ch{position + 1}", units.clean(label)


def _fact(facts: dict[str, str], key: str) -> float | None:
    if key not in facts:
        return None
    try:
        value = float(re.sub(r"\s*(Hz|s)$", "", facts[key]))
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise SpecsrError(f"{key} is {facts[key]!r}: expected a number")
    return value
