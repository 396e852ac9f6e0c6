"""Bare arrays as ``.npy``; rate, unit and the rest come from ``NAME.npy.json``, or the user.

An array [N] or [C, N] is a recording, its sidecar that of `specsr.io.sidecar`.  One [rows, columns]
is a map where the sidecar has the format ``specsr-map`` and names ``freqs`` and ``times``, and
``values``: db (also where absent), power or magnitude.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import entries, sidecar
from specsr.io.atomic import replacing
from specsr.io.recording import Contents, from_rows
from specsr.io.schema import MAP, names, number, numeric, signal_arguments
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

SUFFIXES = (".npy",)


def read_signal(path: Path) -> Contents:
    """Return the channels of an array [N] or [C, N].

    Raises:
        SpecsrError: it is damaged, holds a map, or no plain numbers.
    """
    fields = sidecar.load(path)
    if fields is None and entries.is_map(_map_fields(path, values=False)):
        raise SpecsrError("holds a map, not a recording: read it with read_map")
    samples = numeric(_load(path), "the array")
    if samples.ndim not in (1, 2):
        raise SpecsrError(f"has shape {samples.shape}: expected [samples] or [channels, samples]")
    known: dict[str, Any] = {"unit": ""}
    if fields is not None and "rate" in fields:
        known = sidecar.arguments(path, fields, round(number(fields, "rate", 0.0)))
    elif fields is not None:
        known = signal_arguments(fields)
    return Contents(from_rows(samples, known, digital=False))


def write_signal(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write the samples as an array [C, N], and all else into the sidecar beside it."""
    if subtype is not None:
        raise SpecsrError(f"{path}: .npy has no subtypes: leave subtype={subtype!r} out")
    side = sidecar.sidecar_path(path)
    with replacing(path, side, overwrite=overwrite) as (array, facts):
        with open(array, "wb") as file:
            np.save(file, signal.samples)
        facts.write_text(sidecar.encode(signal, array, signal.rpm), encoding="utf-8")


def holds_map(path: Path) -> bool:
    """Whether the sidecar of an array says that it is a map."""
    return entries.is_map(_map_fields(path, values=False))


def read_map_file(path: Path) -> SpecMap:
    """Return the map in an array.

    Raises:
        SpecsrError: it holds no map, or its axes fit no grid.
    """
    return entries.spec_map(_map_fields(path, values=True))


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Refuse: an array alone would lose the axes."""
    raise SpecsrError(f"{path}: an array alone has no axes: write .npz")


def _map_fields(path: Path, values: bool) -> dict[str, Any]:
    """Return the entries of a map from an array and its sidecar."""
    fields = sidecar.load(path, MAP) or {}
    if not fields:
        return {}
    kept: tuple[str, ...] = ("unit", "scaling", "window", "cell", "rate")
    found = {key: fields[key] for key in kept if key in fields}
    for key in ("freqs", "times"):
        if key in fields:
            found[key] = numeric(fields[key], key)
    if "channels" in fields:
        found["channels"] = list(names(fields))
    kind = fields.get("values", "db")
    if kind not in entries.VALUES:
        raise SpecsrError(f"values is {kind!r}: expected one of {', '.join(entries.VALUES)}")
    found[kind] = _load(path) if values else None
    return found


def _load(path: Path) -> np.ndarray:
    with open(path, "rb") as file:
        try:
            major, _ = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0
            shape, _, dtype = (header if major == 1 else np.lib.format.read_array_header_2_0)(file)
        except ValueError as error:
            raise SpecsrError(f"cannot be read as .npy ({error}): write it again") from None
        if dtype.hasobject:
            raise SpecsrError("holds Python objects: store plain numbers")
        promised = dtype.itemsize
        for extent in shape:
            promised *= int(extent)
        there = path.stat().st_size - file.tell()
    if promised > there:
        raise SpecsrError(f"is cut off: its header promises {promised} bytes, {there} are there")
    return np.load(path, allow_pickle=False)
