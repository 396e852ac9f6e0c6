"""Conversion between the entries of an archive (``.npz``, HDF5, MAT) and a signal or a map.

The entries of specsr are those of `specsr.io.schema`.  A map of another program has ``freqs`` in
Hz, ``times`` in s and one of ``db`` (re the reference of the unit), ``power`` (mean square) or
``magnitude`` (rms), shape [rows, columns] or [channels, rows, columns], and optionally ``unit``,
``scaling``, ``window``, ``channels``, ``cell`` (two numbers) and ``rate``.  A signal of another
program has ``samples`` and ``rate``.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import origin, shafts
from specsr.io.axes import grid_from_axes
from specsr.io.axis_labels import Kind, meaning
from specsr.io.facts import Facts, facts_of
from specsr.io.recording import Contents, from_rows
from specsr.io.sampling import of_rate
from specsr.io.schema import (
    MAP,
    SIGNAL,
    VERSION,
    check_version,
    grid_from_json,
    grid_json,
    names,
    number,
    numeric,
    signal_arguments,
    signal_fields,
    whole,  # fmt: skip
)
from specsr.io.shafts import shaft_fields, shafts_of
from specsr.io.stated import scaled
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal
from specsr.units import REFERENCES, parse_unit

VALUES = ("db", "power", "magnitude")
"""Entries that hold the values of a map; one of them is required."""
OPTIONAL = ("phase", "known", "rpm", "uncertainty_db", "rpm_confidence")
"""Optional entries of a map of specsr."""
UNWEIGHTED = ("Z", "NONE", "LIN", "LINEAR", "NO", "OFF", "FLAT", "")
"""Values of an entry ``weighting``, in capitals, of levels without a frequency weighting."""
RENAMED = {"std_db": "uncertainty_db"}
"""Entry that version 0.1.0 wrote -> its name today."""
ARRAYS = {
    *VALUES, *OPTIONAL, *RENAMED, *shafts.ARRAYS, "samples", "freqs", "times", "cell", "channels",
}  # fmt: skip
"""Entries that are arrays; readers may skip all other arrays of an archive."""


def is_signal(fields: dict[str, Any]) -> bool:
    """Return whether entries are those of a recording."""
    return fields.get("format", SIGNAL) == SIGNAL and {"samples", "rate"} <= fields.keys()


def is_map(fields: dict[str, Any]) -> bool:
    """Return whether entries are those of a map."""
    if "format" in fields:
        return fields["format"] == MAP
    return {"freqs", "times"} <= fields.keys() and any(key in fields for key in VALUES)


def contents(fields: dict[str, Any]) -> Contents:
    """Return the channels of a recording from its entries.

    Raises:
        SpecsrError: the entries hold no recording, or one of them is wrong.
    """
    if is_map(fields):
        raise SpecsrError("holds a map, not a recording: read it with read_map")
    if not is_signal(fields):
        raise SpecsrError(
            f"holds {_listed(fields)}: expected a recording with the entries samples and rate"
        )
    samples = numeric(fields["samples"], "samples")
    return Contents(from_rows(samples, signal_arguments(fields), digital=False))


def of_signal(signal: Signal) -> dict[str, Any]:
    """Return the entries of a recording; entries of None are not written."""
    return signal_fields(signal) | {
        "channels": json.dumps(list(signal.channels)), "samples": signal.samples,
        "rpm": signal.rpm, origin.KEY: origin.text(),
    }  # fmt: skip


def of_map(spec: SpecMap) -> dict[str, Any]:
    """Return the entries of a map; entries of None are not written."""
    optional = {key: getattr(spec, key) for key in OPTIONAL}
    values = {"magnitude": spec.magnitude, "rpm_source": spec.rpm_source}
    return about_map(spec.grid, spec.channels) | values | optional | shaft_fields(spec.shafts)


def about_map(grid: Grid, channels: tuple[str, ...]) -> dict[str, Any]:
    """Return the entries of a map without its values; entries of None are not written."""
    return {
        "format": MAP, "version": VERSION, "grid": grid_json(grid),
        "channels": json.dumps(list(channels)), "freqs": grid.freqs(), "times": grid.times(),
        origin.KEY: origin.text(),
    }  # fmt: skip


def spec_map(fields: dict[str, Any]) -> SpecMap:
    """Return the map in the entries of specsr, 0.1.0 included, or of another program.

    Raises:
        SpecsrError: the entries hold no map, or its axes fit no grid.
    """
    fields = {RENAMED.get(key, key): value for key, value in fields.items()}
    if fields.get("format") != MAP or "grid" not in fields:
        return _foreign_map(fields)
    check_version(fields)
    missing = {"grid", "magnitude"} - fields.keys()
    if missing:
        raise SpecsrError(f"the map has no {', '.join(sorted(missing))}")
    optional: dict[str, Any] = {key: numeric(fields[key], key) for key in OPTIONAL if key in fields}
    return SpecMap(
        numeric(fields["magnitude"], "magnitude"), grid_from_json(fields["grid"]),
        channels=names(fields), rpm_source=fields.get("rpm_source"), shafts=shafts_of(fields),
        **optional,
    )  # fmt: skip


def _foreign_map(fields: dict[str, Any]) -> SpecMap:
    """Return a map from its values and axes; a missing Nyquist row is estimated."""
    if not ({"freqs", "times"} <= fields.keys() and any(key in fields for key in VALUES)):
        raise SpecsrError(
            f"holds {_listed(fields)}: expected a map with the entries freqs, times and one of "
            f"{', '.join(VALUES)}"
        )
    kind = next(name for name in VALUES if name in fields)
    facts = facts_of({name: value for name, value in fields.items() if name not in ARRAYS})
    own = _text(fields, f"{kind}_unit", f"{kind}_units")
    weighting = _text(fields, "weighting", f"{kind}_weighting")
    if not weighting and (found := re.match(r"(?i)dB[ (]*([A-D])\b", own)):
        weighting = found[1]
    if weighting.upper() not in UNWEIGHTED:
        raise SpecsrError(
            f"its levels are {weighting}-weighted: expected levels without weighting (Z); export "
            "the map again"
        )
    if own.lower().startswith("db") and kind != "db":
        raise SpecsrError(f"{kind} has the unit {own!r}: levels in dB belong in db")
    unit = _unit(facts, kind)
    values = np.atleast_2d(numeric(fields[kind], kind)).astype(np.float64)
    freqs, times = _axis(fields, "freqs", "frequency"), _axis(fields, "times", "time")
    values, _ = scaled(values, Facts({}, facts, kind), takes_shared=True)
    if values.ndim > 3 or values.shape[-2:] != (freqs.size, times.size):
        raise SpecsrError(
            f"{kind} has shape {values.shape}, freqs {freqs.shape}, times {times.shape}: expected "
            "[rows, columns] or [channels, rows, columns]; transpose it if times are the first axis"
        )
    if kind == "power" and (values < 0).any():
        raise SpecsrError(
            f"power holds {values.min():g}: expected mean squares; levels in dB belong in db"
        )
    if kind == "db":
        with np.errstate(over="ignore"):
            values = 10 ** (values / 20) * REFERENCES[unit]
    elif kind == "power":
        values = np.sqrt(values)
    cell = fields.get("cell")
    if cell is not None:
        cell = np.asarray(cell).tolist()
        if not isinstance(cell, list) or len(cell) != 2:
            raise SpecsrError(f"cell is {cell!r}: expected two integers")
        cell = (whole(cell[0], "cell"), whole(cell[1], "cell"))
    grid, cut = grid_from_axes(
        freqs, times, unit=unit, scaling=str(fields.get("scaling", "rms")),
        window=str(fields.get("window", "hann")), cell=cell,
        rate=_rate(fields),
    )  # fmt: skip
    known = None
    if cut:
        values = grid.with_nyquist(values)
        known = np.arange(grid.rows) < grid.rows - 1
    with np.errstate(over="ignore"):
        magnitude = values.astype(np.float32)
    return SpecMap(magnitude, grid, known=known, channels=names(fields))


def _unit(facts: dict[str, Any], kind: str) -> str:
    """Return the unit of a map: that of the file, or of its magnitudes, which may not differ."""
    own = (f"{kind}unit", f"{kind}units") if kind == "magnitude" else ()
    stated = Facts({}, facts, "").unit("unit", "units", *own)
    return parse_unit(stated[0]) if stated else "1"


def _text(fields: dict[str, Any], *keys: str) -> str:
    """Return the first of several entries that is a text; "" without one."""
    return next((fields[name] for name in keys if isinstance(fields.get(name), str)), "")


def _rate(fields: dict[str, Any]) -> float | None:
    """Return the rate of a map in Hz; None without one."""
    if "rate" not in fields:
        return None
    label = fields.get("rate_unit", "")
    rate = number(fields, "rate", 0.0)
    return of_rate(rate, label).rate if isinstance(label, str) and label else rate


def _axis(fields: dict[str, Any], name: str, kind: Kind) -> np.ndarray:
    """Return the values of an axis in Hz or s."""
    values = numeric(fields[name], name)
    short = name.removesuffix("s")
    label = _text(fields, *(f"{one}_{unit}" for one in (name, short) for unit in ("unit", "units")))
    found = meaning(label) if label else None
    if label and (found is None or found.kind != kind):
        expected = "Hz or kHz" if kind == "frequency" else "s or ms"
        raise SpecsrError(f"{name} has the unit {label!r}: expected {expected}")
    return values * found.factor if found and found.factor != 1 else values


def _listed(fields: dict[str, Any]) -> str:
    """Return the names of the first entries, for messages."""
    return ", ".join(sorted(fields)[:8]) or "nothing"
