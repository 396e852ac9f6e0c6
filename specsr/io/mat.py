"""MATLAB files: ``.mat`` v5 and v7.3 (HDF5), recordings and maps; written as v5 by scipy.

A file of specsr holds the entries of `specsr.io.schema` as variables.  In files of other programs
the variables and the fields of structs are searched for channels (`specsr.io.tree`); variables
``freqs``, ``times`` and ``db``, ``power`` or ``magnitude`` are a map.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import arrays, entries, mat5, origin, schema
from specsr.io.atomic import replacing
from specsr.io.recording import Contents
from specsr.io.tree import find_channels
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

SUFFIXES = (".mat",)
_LIMIT = 2**31 - 2**16
"""Largest array in a MATLAB 5 file, bytes."""

_HEADER = b"MATLAB 5.0 MAT-file, written by specsr"


def read_signal(path: Path) -> Contents:
    """Return the channels in a ``.mat`` file.

    Raises:
        SpecsrError: the file is damaged or of version 4, or holds no recording.
    """
    tree = _load(path)
    if entries.is_map(tree) or "format" in tree:
        return entries.contents(tree | {"samples": np.atleast_2d(tree.get("samples", 0))})
    return find_channels(tree)


def write_signal(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as ``.mat`` v5, exactly as it is; ``subtype`` must be None."""
    if subtype is not None:
        raise SpecsrError(f"{path}: .mat has no subtypes: leave subtype={subtype!r} out")
    _save(path, entries.of_signal(signal), overwrite)


def holds_map(path: Path) -> bool:
    """Return whether the variables of a ``.mat`` file are those of a map."""
    return entries.is_map(_load(path))


def read_map_file(path: Path) -> SpecMap:
    """Return the map in a ``.mat`` file.

    Raises:
        SpecsrError: the file is damaged, holds no map, or its axes fit no grid.
    """
    fields = _load(path)
    if "magnitude" in fields and fields.get("format") == schema.MAP:
        shape = (len(schema.names(fields)), fields["freqs"].size, fields["times"].size)
        for key in {"magnitude", "phase"} & fields.keys():  # MATLAB drops dimensions of 1
            fields[key] = np.reshape(fields[key], shape)
        if "known" in fields:
            fields["known"] = fields["known"].astype(bool)
    return entries.spec_map(fields)


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Write a map as ``.mat`` v5 with all of its fields."""
    _save(path, entries.of_map(spec), overwrite)


def read_origin(path: Path) -> Any:
    """Return the variable ``origin`` of a ``.mat`` file; None without one."""
    return _load(path).get(origin.KEY)


def _save(path: Path, fields: dict[str, Any], overwrite: bool) -> None:
    from scipy.io import savemat

    fields = {key: value for key, value in fields.items() if value is not None}
    for key, value in fields.items():
        if isinstance(value, np.ndarray) and value.nbytes > _LIMIT:
            raise SpecsrError(f"{path}: {key} exceeds the 2 GiB of a .mat file: write .h5")
    with replacing(path, overwrite=overwrite) as (temp,), open(temp, "wb") as file:
        savemat(file, fields, format="5", oned_as="row")
        file.seek(0)
        file.write(_HEADER.ljust(116))  # scipy's own names the time: two files would differ


def _load(path: Path) -> dict[str, Any]:
    """Return the variables of a file: arrays without dimensions of 1, numbers, texts, dicts."""
    import h5py

    return arrays.hdf5_tree(path) if h5py.is_hdf5(path) else mat5.load(path)
