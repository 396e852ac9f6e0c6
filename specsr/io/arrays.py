"""Maps and signals as NumPy (``.npz``) and HDF5 (``.h5``, ``.hdf5``) files.

Both hold the same entries (`specsr.io.schema`): arrays, and single values that HDF5 keeps as
attributes of the file.  Maps from elsewhere are read too; they have ``freqs`` in Hz, ``times`` in s
and one of ``db`` (re the unit's reference), ``power`` (mean square) or ``magnitude`` (rms), shape
[rows, columns] or [channels, rows, columns], and where known ``unit``, ``scaling``, ``window``,
``channels``, ``cell`` (two numbers) and ``rate``.  Such a signal has ``samples`` and ``rate``.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SpecsrError
from ..signal import REFERENCES, Signal, parse_unit
from ..spectrogram import SpecMap
from .atomic import replacing
from .axes import grid_from_axes
from .schema import (
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
    whole,
)  # fmt: skip

SUFFIXES = (".npz", ".h5", ".hdf5")
_VALUES = ("db", "power", "magnitude")
_OPTIONAL = ("phase", "known", "rpm", "std_db")
_ARRAYS = {*_VALUES, *_OPTIONAL, "samples", "freqs", "times", "cell", "channels"}
_DEFLATE = 1032
"""Most bytes that one deflated byte can stand for: what a damaged file can promise at most."""


def read_signal(path: Path, calib: float | None = None) -> Signal:
    """Return the signal in a ``.npz`` or ``.h5`` file.

    ``calib`` (units per digital full scale) replaces the full scale in the file; the samples are
    scaled with it.

    Raises:
        SpecsrError: the file is damaged, or holds no signal.
    """
    fields = _load(path)
    if _holds_map(fields):
        raise SpecsrError("holds a map, not a recording: read it with read_map")
    if fields.get("format", SIGNAL) != SIGNAL or not {"samples", "rate"} <= fields.keys():
        raise SpecsrError(
            f"holds {_entries(fields)}: expected a recording with the entries samples and rate"
        )
    samples = numeric(fields["samples"], "samples")
    arguments = signal_arguments(fields)
    if calib is not None:
        samples = (samples * (np.float64(calib) / arguments["full_scale"])).astype(samples.dtype)
        arguments["full_scale"] = calib
    return Signal(samples, **arguments)


def write_signal(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as ``.npz`` or ``.h5``, exactly as it is; ``subtype`` must be None."""
    if subtype is not None:
        raise SpecsrError(f"{path}: {path.suffix} has no subtypes: leave subtype={subtype!r} out")
    fields = signal_fields(signal) | {
        "channels": json.dumps(list(signal.channels)), "samples": signal.samples, "rpm": signal.rpm
    }  # fmt: skip
    _save(path, fields, overwrite)


def read_map_file(path: Path) -> SpecMap:
    """Return the map in a ``.npz`` or ``.h5`` file, of specsr or from elsewhere.

    Raises:
        SpecsrError: the file is damaged, holds no map, or its axes fit no grid.
    """
    fields = _load(path)
    if fields.get("format") != MAP:
        return _foreign_map(fields)
    check_version(fields)
    missing = {"grid", "magnitude"} - fields.keys()
    if missing:
        raise SpecsrError(f"the map has no {', '.join(sorted(missing))}")
    optional = {key: numeric(fields[key], key) for key in _OPTIONAL if key in fields}
    return SpecMap(
        numeric(fields["magnitude"], "magnitude"), grid_from_json(fields["grid"]),
        channels=names(fields), **optional,
    )  # fmt: skip


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Write a map as ``.npz`` or ``.h5`` with everything needed to invert it."""
    fields = {
        "format": MAP, "version": VERSION, "grid": grid_json(spec.grid),
        "channels": json.dumps(list(spec.channels)), "magnitude": spec.magnitude,
        "freqs": spec.freqs, "times": spec.times,
    } | {key: getattr(spec, key) for key in _OPTIONAL}  # fmt: skip
    _save(path, fields, overwrite)


def holds_map(path: Path) -> bool:
    """Whether a ``.npz`` or ``.h5`` file holds a map; its arrays stay unread."""
    return _holds_map(_load(path, values=False))


def _holds_map(fields: dict[str, Any]) -> bool:
    if "format" in fields:
        return fields["format"] == MAP
    return {"freqs", "times"} <= fields.keys() and any(key in fields for key in _VALUES)


def _foreign_map(fields: dict[str, Any]) -> SpecMap:
    """Return a map from its values and axes; a Nyquist row that is missing is estimated."""
    if not _holds_map(fields):
        raise SpecsrError(
            f"holds {_entries(fields)}: expected a map with the entries freqs, times and one of "
            f"{', '.join(_VALUES)}"
        )
    kind = next(key for key in _VALUES if key in fields)
    unit = parse_unit(fields.get("unit", "1"))
    values = np.atleast_2d(numeric(fields[kind], kind)).astype(np.float64)
    freqs, times = (numeric(fields[key], key) for key in ("freqs", "times"))
    if values.ndim > 3 or values.shape[-2:] != (freqs.size, times.size):
        raise SpecsrError(
            f"{kind} has shape {values.shape}, freqs {freqs.shape}, times {times.shape}: expected "
            "[rows, columns] or [channels, rows, columns]; transpose it if the times come first"
        )
    if kind == "power" and (values < 0).any():
        raise SpecsrError(f"power holds {values.min():g}: expected mean squares; name levels db")
    if kind == "db":
        with np.errstate(over="ignore"):
            values = 10 ** (values / 20) * REFERENCES[unit]
    elif kind == "power":
        values = np.sqrt(values)
    cell = fields.get("cell")
    if cell is not None:
        cell = np.asarray(cell).tolist()
        if not isinstance(cell, list) or len(cell) != 2:
            raise SpecsrError(f"cell is {cell!r}: expected two whole numbers")
        cell = (whole(cell[0], "cell"), whole(cell[1], "cell"))
    grid, cut = grid_from_axes(
        freqs, times, unit=unit, scaling=str(fields.get("scaling", "rms")),
        window=str(fields.get("window", "hann")), cell=cell,
        rate=number(fields, "rate", 0.0) if "rate" in fields else None,
    )  # fmt: skip
    known = None
    if cut:
        values = grid.with_nyquist(values)
        known = np.arange(grid.rows) < grid.rows - 1
    with np.errstate(over="ignore"):
        magnitude = values.astype(np.float32)
    return SpecMap(magnitude, grid, known=known, channels=names(fields))


def _entries(fields: dict[str, Any]) -> str:
    return ", ".join(sorted(fields)[:8]) or "nothing"


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
    """Return the bytes of an HDF5 file, made in memory: HDF5 does not survive a full disk."""
    import h5py

    # This layout keeps checksums of its own structure; fletcher32 adds those of the data.
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

    Arrays that are no entry of a signal or map, or all with ``values=False``, stay unread (None).
    """
    try:
        entries = (_load_npz if path.suffix.lower() == ".npz" else _load_hdf5)(path, values)
        return {key: _plain(value) for key, value in entries.items()}
    except SpecsrError:
        raise
    # Bytes that are damaged can make zipfile, zlib, numpy and HDF5 fail in any way there is.
    except Exception as error:
        raise SpecsrError(
            f"cannot be read as {path.suffix} ({type(error).__name__}: {error}): the file is "
            "damaged, cut off or of another kind; write or copy it again"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)) and value.ndim == 0:
        value = value.item()
    return value.decode() if isinstance(value, bytes) else value


def _load_npz(path: Path, values: bool) -> dict[str, Any]:
    size = path.stat().st_size
    wanted = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                major, _ = np.lib.format.read_magic(member)
                header = np.lib.format.read_array_header_1_0
                if major != 1:
                    header = np.lib.format.read_array_header_2_0
                shape, _, dtype = header(member)
                promised = member.tell() + _nbytes(shape, dtype)
            if dtype.hasobject:
                raise SpecsrError(f"{info.filename} holds Python objects: store plain numbers")
            if promised != info.file_size or promised > size * _DEFLATE:
                raise SpecsrError(
                    f"{info.filename} promises {promised} bytes that the file does not hold: it is "
                    "damaged or cut off; write or copy it again"
                )
            key = info.filename.removesuffix(".npy")
            wanted[key] = shape == () or (values and key in _ARRAYS)
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] if want else None for key, want in wanted.items()}


def _load_hdf5(path: Path, values: bool) -> dict[str, Any]:
    import h5py

    size = path.stat().st_size
    with h5py.File(path, "r") as file:
        entries = dict(file.attrs)
        for key, data in file.items():
            if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
                continue
            stored = data.id.get_storage_size()
            if stored > size or _nbytes(data.shape, data.dtype) > stored * _DEFLATE:
                raise SpecsrError(
                    f"{key} promises {_nbytes(data.shape, data.dtype)} bytes that the file does "
                    "not hold: it is damaged or cut off; write or copy it again"
                )
            wanted = data.shape == () or (values and key in _ARRAYS)
            entries[key] = data[()] if wanted else None
    return entries


def _nbytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    count = 1  # Python's own integers: a damaged shape must not wrap round
    for extent in shape:
        count *= int(extent)
    return count * dtype.itemsize
