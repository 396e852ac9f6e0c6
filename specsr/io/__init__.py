"""Recordings and maps in files: read and write by suffix.

A new format is one function and one entry in `READERS` (and `WRITERS`).  A reader is called with
the path and ``calib`` and need not name the file in its errors: `read` does.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import SpecsrError
from ..signal import Signal
from ..spectrogram import SpecMap
from . import arrays, audio
from .atomic import check_output, replacing

__all__ = [
    "MAP_SUFFIXES", "READERS", "WRITERS", "check_output", "find_inputs", "is_map", "read",
    "read_map", "replacing", "write", "write_map",
]  # fmt: skip

PathLike = str | os.PathLike[str]

READERS: dict[str, Callable[[Path, float | None], Signal]] = {
    **dict.fromkeys(audio.FORMATS, audio.read_audio),
    **dict.fromkeys(arrays.SUFFIXES, arrays.read_signal),
}
"""Suffix -> reader(path, calib) of a signal; calib is None or units per digital full scale."""

WRITERS: dict[str, Callable[[Path, Signal, str | None, bool], None]] = {
    **dict.fromkeys(audio.FORMATS, audio.write_audio),
    **dict.fromkeys(arrays.SUFFIXES, arrays.write_signal),
}
"""Suffix -> writer(path, signal, subtype, overwrite)."""

MAP_SUFFIXES = arrays.SUFFIXES
"""Suffixes that can hold a map."""


def read(
    path: PathLike,
    *,
    unit: str | None = None,
    calib: float | None = None,
    channels: Sequence[str | int] | None = None,
) -> Signal:
    """Return a recording: native rate, all channels, level kept, nothing normalised.

    Args:
        path: the file; its suffix decides the format (`READERS`).
        unit: unit of the samples, over what the file or its sidecar says; it renames the unit and
            scales nothing.
        calib: units per digital full scale, over what the file or its sidecar says.
        channels: names or positions (0 is the first) of the channels to keep, in that order.

    Returns:
        The signal, samples [C, N]: float32 from integers of up to 24 bits and float files,
        float64 from 32-bit integers and double files.

    Raises:
        SpecsrError: no such file, an unknown suffix, a damaged or empty file, a sample that is
            not a finite number, or an argument that does not fit; it names the file.
    """
    path = Path(path)
    with _naming(path):
        reader = _by_suffix(READERS, path)
        if calib is not None and not (math.isfinite(calib) and calib > 0):
            raise SpecsrError(f"calib is {calib}: expected units per full scale, above zero")
        _check_input(path)
        signal = reader(path, calib)
        if unit is not None:
            signal = signal.replace(unit=unit)
        return signal if channels is None else _select(signal, channels)


def write(
    path: PathLike, signal: Signal, *, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a recording so that `read` returns it: rate, unit, full scale, names, start and rpm.

    Audio files hold ``samples / full_scale``; what they cannot hold goes into a sidecar beside
    them (``NAME.wav.json``).  Missing folders are made.  The file appears complete or not at all.

    Args:
        path: the file; its suffix decides the format (`WRITERS`).
        signal: the recording.
        subtype: sample format of an audio file, such as ``"PCM_16"``; see
            `specsr.io.audio.write_audio` for what is taken by default.
        overwrite: replace a file that exists.

    Raises:
        SpecsrError: the output exists, would clip, or cannot be written; it names the file.
    """
    path = Path(path)
    if not isinstance(signal, Signal):
        raise SpecsrError(
            f"{path}: got a {type(signal).__name__}: expected a Signal (maps: write_map)"
        )
    with _naming(path):
        writer = _by_suffix(WRITERS, path)
    check_output(path, overwrite)
    writer(path, signal, subtype, overwrite)


def read_map(path: PathLike) -> SpecMap:
    """Return the map in a ``.npz``, ``.h5`` or ``.hdf5`` file, from specsr or elsewhere.

    What a map from elsewhere must hold is described in `specsr.io.arrays`.

    Raises:
        SpecsrError: no such file, a damaged file, no map, or axes that fit no grid.
    """
    path = Path(path)
    with _naming(path):
        _by_suffix(dict.fromkeys(MAP_SUFFIXES), path)
        _check_input(path)
        return arrays.read_map_file(path)


def write_map(path: PathLike, spec: SpecMap, *, overwrite: bool = False) -> None:
    """Write a map with everything needed to invert it; `specsr.io.schema` lists the entries.

    Raises:
        SpecsrError: an unknown suffix, or the output exists or cannot be written.
    """
    path = Path(path)
    if not isinstance(spec, SpecMap):
        raise SpecsrError(
            f"{path}: got a {type(spec).__name__}: expected a SpecMap (signals: write)"
        )
    with _naming(path):
        _by_suffix(dict.fromkeys(MAP_SUFFIXES), path)
    arrays.write_map_file(path, spec, overwrite)


def is_map(path: PathLike) -> bool:
    """Whether a file holds a map rather than a recording.

    Raises:
        SpecsrError: a ``.npz`` or ``.h5`` file that does not exist or cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() not in MAP_SUFFIXES:
        return False
    with _naming(path):
        _check_input(path)
        return arrays.holds_map(path)


def find_inputs(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """Return the files that paths name: files as given, of folders all that can be read, sorted.

    Folders are searched to their depth; hidden files and folders are left out.  A file that is
    named twice comes once.

    Raises:
        SpecsrError: a path that does not exist, or a folder without a file to read.
    """
    found: dict[Path, None] = {}
    for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
        path = Path(path)
        if not path.exists():
            raise SpecsrError(f"{path}: no such file or folder: check the name")
        files = _search(path) if path.is_dir() else [path]
        if not files:
            raise SpecsrError(f"{path}: holds no file to read: expected {_list(READERS)}")
        found |= dict.fromkeys(files)
    return list(found)


def _search(folder: Path) -> list[Path]:
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(file for file in files if file.suffix.lower() in {*READERS, *MAP_SUFFIXES})


def _select(signal: Signal, channels: Sequence[str | int]) -> Signal:
    """Return the signal with some of its channels."""
    if isinstance(channels, (str, int)):
        channels = [channels]
    positions = []
    for channel in channels:
        position = signal.channels.index(channel) if channel in signal.channels else channel
        if isinstance(position, str) or not 0 <= position < len(signal.channels):
            raise SpecsrError(
                f"there is no channel {channel!r}: expected names of {', '.join(signal.channels)}, "
                f"or 0 to {len(signal.channels) - 1}"
            )
        positions.append(position)
    names = tuple(signal.channels[i] for i in positions)
    return signal.replace(samples=signal.samples[np.array(positions, dtype=int)], channels=names)


def _by_suffix(table: dict, path: Path):
    try:
        return table[path.suffix.lower()]
    except KeyError:
        raise SpecsrError(
            f"unknown suffix {path.suffix!r}: expected one of {_list(table)}"
        ) from None


def _list(suffixes: Iterable[str]) -> str:
    return ", ".join(suffixes)


def _check_input(path: Path) -> None:
    if path.is_dir():
        raise SpecsrError("is a folder: name a file, or list its files with find_inputs")
    if not path.exists():
        raise SpecsrError("no such file: check the name")
    if not path.is_file():
        raise SpecsrError("is not a regular file: copy what it holds into one")
    if path.stat().st_size == 0:
        raise SpecsrError("is empty (0 bytes): copy or record it again")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the name of the file before every error, also the operating system's."""
    try:
        yield
    except SpecsrError as error:
        raise SpecsrError(f"{path}: {error}") from error
    except OSError as error:
        raise SpecsrError(
            f"{path}: cannot be read ({error.strerror or error}): check the name and permissions"
        ) from error
    except MemoryError as error:
        raise SpecsrError(f"{path}: needs more memory than there is: cut it into parts") from error
