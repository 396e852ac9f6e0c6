"""Bare arrays as ``.npy``; rate, unit and the rest come from ``NAME.npy.json`` or the caller.

An array [N] or [C, N] is a recording with the sidecar of `specsr.io.sidecar`.  An array
[rows, columns] is a map if its sidecar has the format ``specsr-map``, with ``freqs``, ``times`` and
optionally ``values``: db (the default), power or magnitude.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import entries, sidecar
from specsr.io.atomic import replacing
from specsr.io.limits import array_memory, check_size
from specsr.io.recording import Contents, from_rows
from specsr.io.schema import MAP, names, number, numeric, signal_arguments
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

SUFFIXES = (".npy",)
_LONGEST_HEADER = 10_000
"""Longest header that numpy accepts, bytes."""


def read_signal(path: Path) -> Contents:
    """Return the channels of an array [N] or [C, N].

    Raises:
        SpecsrError: it is damaged, or holds a map or other objects than numbers.
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
    """Write the samples as an array [C, N], and all other fields into its sidecar."""
    if subtype is not None:
        raise SpecsrError(f"{path}: .npy has no subtypes: leave subtype={subtype!r} out")
    side = sidecar.sidecar_path(path)
    with replacing(path, side, overwrite=overwrite) as (array, facts):
        with open(array, "wb") as file:
            np.save(file, signal.samples)
        facts.write_text(sidecar.encode(signal, array, signal.rpm), encoding="utf-8")


def holds_map(path: Path) -> bool:
    """Return whether the sidecar of an array is that of a map."""
    return entries.is_map(_map_fields(path, values=False))


def read_map_file(path: Path) -> SpecMap:
    """Return the map in an array.

    Raises:
        SpecsrError: it holds no map, or its axes fit no grid.
    """
    return entries.spec_map(_map_fields(path, values=True))


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Raise `SpecsrError`: an array alone has no axes."""
    raise SpecsrError(f"{path}: an array alone has no axes: write .npz")


def _map_fields(path: Path, values: bool) -> dict[str, Any]:
    """Return the entries of a map from an array and its sidecar."""
    fields = sidecar.load(path, MAP) or {}
    if not fields:
        return {}
    kept: tuple[str, ...] = (
        "unit", "scaling", "window", "cell", "rate", "weighting", "freqs_unit", "times_unit",
        "freq_unit", "time_unit", "rate_unit",
    )  # fmt: skip
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


def read_header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype in the ``.npy`` header at the position of an open binary file.

    Raises:
        ValueError: it is not a header.
    """
    major, _ = np.lib.format.read_magic(file)
    width = 2 if major == 1 else 4
    prefix = file.read(width)
    length = int.from_bytes(prefix, "little")
    if length > _LONGEST_HEADER:  # numpy reads it first: a compressed one may expand to 4 GiB
        raise ValueError(f"its header declares {length} bytes")
    header = io.BytesIO(prefix + file.read(length))
    read = np.lib.format.read_array_header_1_0
    shape, _, dtype = (read if major == 1 else np.lib.format.read_array_header_2_0)(header)
    if any(n < 0 for n in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, dtype


def nbytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Return the size of an array in bytes; a damaged shape does not overflow."""
    return math.prod(map(int, shape)) * dtype.itemsize


def _load(path: Path) -> np.ndarray:
    with open(path, "rb") as file:
        try:
            shape, dtype = read_header(file)
        except ValueError as error:
            raise SpecsrError(f"cannot be read as .npy ({error}): write it again") from None
        if dtype.hasobject:
            raise SpecsrError("holds Python objects: store numbers")
        declared = nbytes(shape, dtype)
        held = path.stat().st_size - file.tell()
    if declared > held:
        raise SpecsrError(
            f"is cut off: its header declares {declared} bytes, the file holds {held}; copy it "
            "again"
        )
    check_size(array_memory(math.prod(shape), dtype), "the array")
    return np.load(path, allow_pickle=False)
