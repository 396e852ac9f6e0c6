"""Archives of entries: NumPy (``.npz``) and HDF5 (``.h5``, ``.hdf5``, ``.hdf``).

Both hold the entries of `specsr.io.entries`: arrays, and single values, which HDF5 stores as
attributes of the file.  HDF5 files of other programs are searched for channels with a rate
(`specsr.io.tree`).
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import entries, hdf5, hdf5_check, origin
from specsr.io.atomic import replacing
from specsr.io.limits import Total, array_memory
from specsr.io.npy import nbytes, read_header
from specsr.io.recording import Contents
from specsr.io.schema import numeric
from specsr.io.unread import refusal
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

SUFFIXES = (".npz", ".h5", ".hdf5", ".hdf")


def read_signal(path: Path) -> Contents:
    """Return the channels in a ``.npz`` or HDF5 file.

    Raises:
        SpecsrError: the file is damaged, or holds no recording.
    """
    fields = _load(path)
    if "format" in fields or entries.is_map(fields):
        return entries.contents(fields)
    from specsr.io.tree import find_channels

    if path.suffix.lower() != ".npz":
        return find_channels(hdf5_tree(path))
    if entries.is_signal(fields) and numeric(fields["samples"], "samples").size == 0:
        return entries.contents(fields)
    tree = _load_npz(path, values=True, foreign=True)
    found = find_channels({name: hdf5.plain(value) for name, value in tree.items()})
    stated = any(c.rate or c.times is not None or c.over or c.problem for c in found.channels)
    return found if stated else entries.contents(fields)


def write_signal(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as ``.npz`` or HDF5, exactly as it is; ``subtype`` must be None."""
    if subtype is not None:
        raise SpecsrError(f"{path}: {path.suffix} has no subtypes: leave subtype={subtype!r} out")
    _save(path, entries.of_signal(signal), overwrite)


def read_map_file(path: Path) -> SpecMap:
    """Return the map in a ``.npz`` or HDF5 file of specsr or of another program.

    Raises:
        SpecsrError: the file is damaged, holds no map, or its axes fit no grid.
    """
    return entries.spec_map(_load(path))


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Write a map as ``.npz`` or HDF5 with all of its fields."""
    _save(path, entries.of_map(spec), overwrite)


def holds_map(path: Path) -> bool:
    """Return whether a ``.npz`` or HDF5 file holds a map, without reading its arrays."""
    return entries.is_map(_load(path, values=False))


def read_origin(path: Path) -> Any:
    """Return the entry ``origin`` of a ``.npz`` or HDF5 file; None without one."""
    return _load(path, values=False).get(origin.KEY)


def hdf5_tree(path: Path) -> dict[str, Any]:
    """Return an HDF5 file as nested dicts of groups, attributes and data sets.

    A data set with attributes is a dict too, with its array under the key "".  Single values and
    texts are Python objects.  Data sets of MATLAB (``.mat`` v7.3) have the dimensions of MATLAB,
    which stores them reversed, and its character arrays are texts.

    Raises:
        SpecsrError: a link to another file, or a data set that declares more bytes than the file
            or the memory holds.
    """
    import h5py

    hdf5_check.check(path)
    with h5py.File(path, "r") as file:
        return hdf5.tree(file, path.stat().st_size)


def _save(path: Path, fields: dict[str, Any], overwrite: bool) -> None:
    """Write all entries that are not None."""
    fields = {key: value for key, value in fields.items() if value is not None}
    with replacing(path, overwrite=overwrite) as (temp,):
        if path.suffix.lower() == ".npz":
            with open(temp, "wb") as file:
                np.savez(file, **fields)
            return
        temp.write_bytes(_hdf5_image(fields))


def _hdf5_image(fields: dict[str, Any]) -> bytes:
    """Return the bytes of an HDF5 file, built in memory: HDF5 can crash on a full disk."""
    import h5py

    # The v110 layout has checksums of its metadata; fletcher32 adds checksums of the data.
    options = {"driver": "core", "backing_store": False, "libver": ("v110", "v110")}
    with h5py.File("image", "w", **options) as file:
        for key, value in fields.items():
            if isinstance(value, np.ndarray):
                file.create_dataset(key, data=value, fletcher32=True)
            else:
                file.attrs[key] = value
        file.flush()
        return file.id.get_file_image()


def _load(path: Path, values: bool = True) -> dict[str, Any]:
    """Return all entries of a file, single values as Python objects.

    Arrays that are not entries of a signal or map are None, with ``values=False`` all arrays are.
    """
    if path.suffix.lower() == ".npz":
        found = _load_npz(path, values)
    else:
        _check_signature(path)
        found = _load_hdf5(path, values)
    return {key: hdf5.plain(value) for key, value in found.items()}


def _check_signature(path: Path) -> None:
    """Raise `SpecsrError` for a file with the suffix but not the signature of HDF5."""
    import h5py

    if h5py.is_hdf5(path):
        return
    why = refusal(path)
    raise SpecsrError(
        "cannot be read as HDF5: it has no HDF5 signature"
        + (f"; it {why}" if why else "; write or copy it again")
    )


def _load_npz(path: Path, values: bool, foreign: bool = False) -> dict[str, Any]:
    size = path.stat().st_size
    wanted = {}
    total = Total("its arrays")
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                shape, dtype = read_header(member)
                declared = member.tell() + nbytes(shape, dtype)
            if dtype.hasobject:
                raise SpecsrError(f"{info.filename} holds Python objects: store plain numbers")
            if declared != info.file_size or declared > size * hdf5.DEFLATE:
                raise hdf5.too_short(info.filename, declared)
            key = info.filename.removesuffix(".npy")
            wanted[key] = shape == () or (values and (foreign or key in entries.ARRAYS))
            if wanted[key]:
                total.add(array_memory(math.prod(shape), dtype))
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] if want else None for key, want in wanted.items()}


def _load_hdf5(path: Path, values: bool) -> dict[str, Any]:
    import h5py

    size = path.stat().st_size
    total = Total("its data sets")
    hdf5_check.check(path)
    with h5py.File(path, "r") as file:
        found = hdf5.attributes(file, size, texts=("channels",))
        for key, data in hdf5.members(file):
            if not isinstance(data, h5py.Dataset):
                continue
            wanted = data.shape == () or key in entries.ARRAYS
            if not wanted:
                found[key] = None  # may lie in another file, it is not read
                continue
            hdf5.check_data(key, data, size)
            if values or data.shape == ():
                total.add(array_memory(math.prod(data.shape or ()), data.dtype))
                found[key] = data[()]
            else:
                found[key] = None
            for name, fact in hdf5.attributes(data, size).items():
                found.setdefault(f"{key}_{name}", fact)
    return found
