"""Recordings and maps in files: read and write by suffix.

A new format is one module and its entries in `READERS`, `WRITERS` and `MAPS`.  A reader takes the
path alone and returns every channel as stored.  It need not name the file in its errors, nor catch
the exceptions of its library: `specsr.io.guard.naming` does both.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from specsr.choices import IMAGE_SUFFIXES
from specsr.errors import SpecsrError
from specsr.io import (
    arrays,
    audio,
    catman,
    dewesoft,
    imc,
    mat,
    mdf,
    npy,
    recording,
    tdms,
    text,
    uff,
    unread,
)
from specsr.io.atomic import check_output, replacing
from specsr.io.find import find_files
from specsr.io.guard import check_input, naming
from specsr.io.recording import Channel, Contents
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

__all__ = [
    "MAPS", "MAP_SUFFIXES", "READERS", "WRITERS", "Channel", "Contents", "check_output",
    "find_inputs", "is_map", "read", "read_channels", "read_map", "replacing", "write", "write_map",
]  # fmt: skip

log = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]

READERS: dict[str, Callable[[Path], Contents]] = {
    **dict.fromkeys(audio.FORMATS, audio.read_audio),
    **dict.fromkeys(arrays.SUFFIXES, arrays.read_signal),
    **dict.fromkeys(text.SUFFIXES, text.read_signal),
    **dict.fromkeys(npy.SUFFIXES, npy.read_signal),
    **dict.fromkeys(mat.SUFFIXES, mat.read_signal),
    **dict.fromkeys(uff.SUFFIXES, uff.read_uff),
    **dict.fromkeys(mdf.SUFFIXES, mdf.read_mdf),
    ".tdms": tdms.read_tdms,
    **dict.fromkeys(audio.READ_ONLY, audio.read_audio),
    **dict.fromkeys(dewesoft.SUFFIXES, dewesoft.read_dewesoft),
    **dict.fromkeys(imc.SUFFIXES, imc.read_imc),
    **dict.fromkeys(catman.SUFFIXES, catman.read_catman),
}
"""Suffix -> reader(path), which returns the channels of a recording."""

SHARED_SUFFIXES: dict[str, Callable[[Path], bool]] = {
    **dict.fromkeys(imc.SUFFIXES, imc.is_imc),
    **dict.fromkeys(catman.SUFFIXES, catman.is_catman),
}
"""Suffix that other programs use as well -> whether a file is one that is read."""

WRITERS: dict[str, Callable[[Path, Signal, str | None, bool], None]] = {
    **dict.fromkeys(audio.FORMATS, audio.write_audio),
    **dict.fromkeys((".npz", ".h5", ".hdf5"), arrays.write_signal),
    **dict.fromkeys(text.SUFFIXES, text.write_signal),
    **dict.fromkeys(npy.SUFFIXES, npy.write_signal),
    **dict.fromkeys(mat.SUFFIXES, mat.write_signal),
    **dict.fromkeys(uff.SUFFIXES, uff.write_uff),
    **dict.fromkeys(mdf.SUFFIXES, mdf.write_mdf),
    ".tdms": tdms.write_tdms,
}
"""Suffix -> writer(path, signal, subtype, overwrite)."""

MAPS: dict[str, ModuleType] = {
    suffix: module for module in (arrays, text, npy, mat, uff) for suffix in module.SUFFIXES
}
"""Suffix -> module with holds_map, read_map_file and write_map_file."""

MAP_SUFFIXES = (".npz", ".h5", ".hdf5")
"""Suffixes that mean a map where only the name of an output is known, as in ``-o fine.npz``."""


def read(
    path: PathLike,
    *,
    unit: str | None = None,
    calib: float | None = None,
    channels: Sequence[str | int] | None = None,
    rate: float | None = None,
) -> Signal:
    """Return a recording at its native rate and level, without any normalisation.

    A file may hold channels of several rates and units, a signal has one of each.  All sound and
    vibration channels are read if they agree in rate, unit, start and length; otherwise `channels`
    selects some.  A speed channel (1/min) becomes ``rpm`` at every sample.  Corrections (a rounded
    rate, a repaired unit label) are logged as warnings.

    Args:
        path: the file; its suffix decides the format (`READERS`).
        unit: unit of the samples, replaces that of the file or its sidecar without any scaling.
        calib: units per digital full scale (1.0), replaces that of the file or its sidecar.
        channels: names or positions (0 is the first) of the channels to keep, in that order; a
            speed channel among them becomes rpm.
        rate: sampling rate in Hz, for a file without one (a bare ``.npy`` or table).

    Returns:
        The signal, samples [C, N]: float32 from integers of up to 24 bits and float files,
        float64 from 32-bit integers and double files.

    Raises:
        SpecsrError: no such file, an unknown suffix, a missing extra, a damaged or empty file,
            channels that differ in rate, unit, start or length, a sample that is not finite, or an
            invalid argument; the message names the file.

    Example:
        >>> specsr.write("silence.wav", specsr.Signal(np.zeros(4000), 8000))
        >>> specsr.read("silence.wav").duration
        0.5
    """
    path = Path(path)
    for name, value in (("calib", calib), ("rate", rate)):
        if value is not None and not (math.isfinite(value) and value > 0):
            expected = "units per full scale" if name == "calib" else "a sampling rate in Hz"
            raise SpecsrError(f"{path}: {name} is {value}: expected {expected}, above zero")
    contents = read_channels(path)
    with naming(path):
        signal, notes = recording.assemble(contents, channels, unit, calib, rate)
    for note in notes:
        log.warning("%s: %s", path, note)
    return signal


def read_channels(path: PathLike) -> Contents:
    """Return every channel of a file as it is stored, with its own rate and unit label.

    Raises:
        SpecsrError: no such file, an unknown suffix, a missing extra, a damaged or empty file; the
            message names the file.
    """
    path = Path(path)
    with naming(path):
        reader = _by_suffix(READERS, path, reading=True)
        check_input(path)
        return reader(path)


def write(
    path: PathLike, signal: Signal, *, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a recording so that `read` returns it: rate, unit, full scale, names, start and rpm.

    Audio files hold ``samples / full_scale``; fields that they cannot hold go into a sidecar
    (``NAME.wav.json``).  Missing folders are created.  The file appears complete or not at all.

    Args:
        path: the file; its suffix decides the format (`WRITERS`).
        signal: the recording.
        subtype: sample format of an audio file, such as ``"PCM_16"``; the defaults are those of
            `specsr.io.audio.write_audio`.
        overwrite: replace a file that exists.

    Raises:
        SpecsrError: the output exists, would clip, or cannot be written; the message names the
            file.

    Example:
        >>> signal = specsr.Signal(0.5 * np.ones(4000, np.float32), 8000, unit="m/s2")
        >>> specsr.write("step.wav", signal)  # and step.wav.json, with the unit
        >>> specsr.read("step.wav").unit
        'm/s2'
    """
    path = Path(path)
    if not isinstance(signal, Signal):
        raise SpecsrError(
            f"{path}: got a {type(signal).__name__}: expected a Signal (maps: write_map)"
        )
    with naming(path):
        writer = _by_suffix(WRITERS, path)
    check_output(path, overwrite)
    with naming(path, "written"):
        writer(path, signal, subtype, overwrite)


def read_map(path: PathLike) -> SpecMap:
    """Return the map in a file of specsr or of another program; `MAPS` lists the suffixes.

    `specsr.io.entries` describes the entries that a map of another program needs, `specsr.io.text`
    those of tables, `specsr.io.uff` those of universal files.

    Raises:
        SpecsrError: no such file, a damaged file, no map, or axes that fit no grid; the message
            names the file.

    Example:
        >>> spec = specsr.spectrogram(specsr.Signal(np.ones(4096), 8000), n_fft=256)
        >>> specsr.write_map("map.npz", spec)
        >>> specsr.read_map("map.npz").grid == spec.grid
        True
    """
    path = Path(path)
    with naming(path):
        module = _by_suffix(MAPS, path, reading=True)
        check_input(path)
        return module.read_map_file(path)


def write_map(path: PathLike, spec: SpecMap, *, overwrite: bool = False) -> None:
    """Write a map with all fields that its format holds: all of them in .npz, .h5 and .mat files.

    Args:
        path: the file; its suffix decides the format (`MAPS`).
        spec: the map.
        overwrite: replace a file that exists.

    Raises:
        SpecsrError: an unknown suffix, or the output exists or cannot be written; the message
            names the file.
    """
    path = Path(path)
    if not isinstance(spec, SpecMap):
        raise SpecsrError(
            f"{path}: got a {type(spec).__name__}: expected a SpecMap (signals: write)"
        )
    with naming(path):
        module = _by_suffix(MAPS, path)
    check_output(path, overwrite)
    with naming(path, "written"):
        module.write_map_file(path, spec, overwrite)
    if spec.uncertainty_db is not None and module not in (arrays, mat):
        log.warning(
            "%s: %s holds levels alone: the uncertainty is left out; .npz, .h5 and .mat hold it",
            path, path.suffix,
        )  # fmt: skip


def is_map(path: PathLike) -> bool:
    """Return whether a file holds a map rather than a recording.

    Raises:
        SpecsrError: a file of a format that can hold both does not exist or cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() not in MAPS:
        return False
    with naming(path):
        check_input(path)
        return MAPS[path.suffix.lower()].holds_map(path)


def find_inputs(paths: PathLike | Iterable[PathLike], without: Path | None = None) -> list[Path]:
    """Return the given files, and the recordings in the given folders, sorted.

    Recordings are files with a suffix in `READERS`; of `SHARED_SUFFIXES` those whose first bytes
    fit.  Folders are searched recursively; hidden files
    and folders are skipped, and so is the folder ``without``.  A file that is given twice is
    returned once.

    Raises:
        SpecsrError: a path that does not exist, or a folder without a readable file.
    """
    several = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    return find_files(several, READERS, "readable file", without, is_readable)


def is_readable(path: Path) -> bool:
    """Return whether a file has a suffix of `READERS`, and no first bytes that do not fit."""
    suffix = path.suffix.lower()
    try:
        return suffix in READERS and SHARED_SUFFIXES.get(suffix, lambda _: True)(path)
    except OSError:
        return True


def _by_suffix(table: dict, path: Path, reading: bool = False) -> Any:
    try:
        return table[path.suffix.lower()]
    except KeyError:
        if reading and (why := unread.refusal(path)):
            raise SpecsrError(why) from None
        if reading and path.suffix.lower() in IMAGE_SUFFIXES:
            raise SpecsrError(
                "is an image: expected a recording or map; `specsr upscale` takes images, without "
                "recordings beside them"
            ) from None
        images = f", or of an image: {', '.join(IMAGE_SUFFIXES)}" if reading else ""
        raise SpecsrError(
            f"unknown suffix {path.suffix!r}: expected one of {', '.join(table)}{images}"
        ) from None
