"""Files for the page: what they hold, how they are read, and their maps for the screen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from specsr import io
from specsr.app.screen import ScreenMap
from specsr.choices import IMAGE_SUFFIXES
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.io.file_info import ChannelInfo, FileInfo, inspect_file
from specsr.jobs.inputs import load, load_recording
from specsr.jobs.options import Reading, Speed
from specsr.jobs.speed_inputs import speed_channel
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.speed import read_rpm
from specsr.signal import Signal

LONG = 1 << 24
"""Samples, over all channels, from which an audio file is read in pieces."""
LARGE = 1 << 26
"""Cells of a map from which its magnitudes and their levels of detail are in files."""
SPARE = 0.8
"""Fraction of the free disk that one of these files may take."""
PIECE = 1 << 20
"""Samples that are analysed at a time."""
DF = 10.0
"""Row spacing of the map of a recording, Hz; finer at low rates, so that a map has 500 rows."""
OVERLAP = 0.75

Advance = Callable[[float], None]
"""Takes the fraction that is done, 0 to 1."""


@dataclass(frozen=True)
class Facts:
    """What a file holds, for the form.

    Attributes:
        kind: ``"recording"`` or ``"map"``.
        lines: what was understood, and from where, one line each.
        channels: names of those that can be read as sound or vibration.
        speeds: names of all channels that may hold a speed or tacho pulses, likely ones first.
        unit: of the first channel; "" if it is none that is known.
        rate: of the first channel in Hz; None if the file gives none.
        missing: names of form fields without which the file cannot be read.
    """

    kind: str
    lines: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    speeds: tuple[str, ...] = ()
    unit: str = ""
    rate: float | None = None
    missing: tuple[str, ...] = ()


_FIELDS = {
    "rate": r"--file-rate|\brate=|sampling rate in Hz|\brate is",
    "unit": r"--unit\b|\bunit=|unit label",
    "calib": r"--calib\b|\bcalib\b|units per full scale",
    "full_scale": r"--full-scale",
    "tone": r"--calib-tone|calibrator",
    "channels": r"--channel\b|channels=|no channel",
    "table": r"--rpm\b|its times",
    "speed_channel": r"--rpm-channel|speed channel",
    "tacho": r"--tacho|tacho",
}


def fields_of(message: str) -> tuple[str, ...]:
    """Return the fields of the form that a message of a reader is about, by the options it names.

    Some of ``rate``, ``unit``, ``calib``, ``full_scale``, ``tone``, ``channels``, ``table``,
    ``speed_channel``, ``tacho``.
    """
    return tuple(name for name, pattern in _FIELDS.items() if re.search(pattern, message))


def facts(path: Path) -> Facts:
    """Return what a file holds, as ``specsr info`` finds it.

    Raises:
        SpecsrError: the file cannot be read, or holds an image; the message names the file.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise SpecsrError(
            f"{path}: is an image: this page takes recordings and maps; `specsr upscale` takes "
            "images"
        )
    with stream.opened(path) as found:
        if found is not None and found.length * len(found.channels) > LONG:
            seconds = found.length / found.rate
            lines = (f"{found.rate:g} Hz, {seconds:.1f} s, {found.unit}", *found.notes)
            names = found.channels
            return Facts("recording", lines, names, names, found.unit, found.rate)
    info = inspect_file(path)
    if info.map is not None:
        return Facts("map", tuple(_map_lines(info)), tuple(info.map["channels"]))
    sounds = [c for c in info.channels if c.kind == "signal"]
    others = [c for c in info.channels if c.kind != "signal"]
    first = (sounds or others)[0]
    problems = " ".join(c.problem for c in sounds)
    return Facts(
        "recording", tuple(_lines(info)), tuple(c.name for c in sounds or others),
        tuple(c.name for c in (*others, *sounds)), "" if first.problem else first.unit, first.rate,
        fields_of(problems),
    )  # fmt: skip


def _lines(info: FileInfo) -> Iterator[str]:
    for channel in info.channels:
        yield _channel_line(channel)
    understood: dict[str, None] = {}
    for channel in info.channels:
        for key in ("axis", "rate", "unit", "scale", "gaps"):
            if text := channel.understood.get(key, ""):
                understood[f"{key}: {text}"] = None
    yield from understood
    yield from (f"{c.name}: {c.problem}" for c in info.channels if c.problem)
    yield from (f"note: {note}" for note in info.notes)


def _channel_line(channel: ChannelInfo) -> str:
    parts = [f"{channel.name}: {channel.unit}"]
    if channel.rate is not None:
        parts.append(f"{channel.rate:g} Hz")
    if channel.seconds is not None:
        parts.append(f"{channel.seconds:.2f} s")
    if channel.level_db is not None:
        parts.append(f"{channel.level_db:.1f} dB {channel.reference}")
    if channel.bandwidth is not None:
        parts.append(f"content up to {channel.bandwidth:.0f} Hz")
    return ", ".join(parts)


def _map_lines(info: FileInfo) -> Iterator[str]:
    found = info.map or {}
    yield f"{found['rows']} rows of {found['df']:g} Hz, {found['columns']} columns of " + (
        f"{1000 * found['dt']:.4g} ms, {found['levels']}"
    )
    yield f"speed: {'yes' if found['rpm'] else 'none'}"
    yield from (f"note: {note}" for note in info.notes)


def screen_map(
    path: Path,
    folder: Path,
    reading: Reading = Reading(),
    speed: Speed = Speed(),
    df: float | None = None,
    advance: Advance = lambda done: None,
) -> ScreenMap:
    """Return the map of a file for the screen: its own, or the spectrogram of a recording.

    Args:
        path: the file.
        folder: for the magnitudes of long recordings, as files.
        reading, speed: how a recording is read.
        df: row spacing for recordings, Hz; None for `DF`, or 500 rows at low rates.
        advance: called with the fraction that is done.

    Raises:
        SpecsrError: the file or the speed cannot be read; the message names the file.
    """
    if io.is_map(path):
        spec = load(path, reading, speed)
        assert isinstance(spec, SpecMap)
        return ScreenMap.of(spec)
    if not speed.is_auto:  # found in the whole recording
        with stream.opened(path, **reading.arguments()) as found:
            if found is not None and found.length * len(found.channels) > LONG:
                return _long_map(path, folder, found, reading, speed, df, advance)
    signal = load_recording(path, reading, speed)
    return _map_of(signal, signal.channels, signal.rpm, folder, df, advance)


def _long_map(
    path: Path, folder: Path, found: stream.Recording, reading: Reading, speed: Speed,
    df: float | None, advance: Advance,
) -> ScreenMap:  # fmt: skip
    """Return the map of a recording that is read in pieces."""
    channels, rpm = found.channels, found.rpm
    grid = _grid(found, df)
    if speed.table is not None:
        rpm = read_rpm(speed.table, grid)
    elif speed.from_channel:
        name, values, times = speed_channel(path, reading, speed)
        rpm = np.interp(found.start + np.arange(found.length) / found.rate, times, values)
        channels = tuple(c for c in channels if c != name)
    return _map_of(found, channels, rpm, folder, df, advance)


def _grid(source: Signal | stream.Recording, df: float | None) -> Grid:
    rate = source.rate
    spacing = min(DF, rate / 1000) if df is None else min(df, rate / 4)
    transform = SpectrogramTransform.for_rate(rate, df=spacing, overlap=OVERLAP)
    return transform.grid(source.cut(0, 1), source.length)


def _map_of(
    source: Signal | stream.Recording, channels: Sequence[str], rpm: np.ndarray | None,
    folder: Path, df: float | None, advance: Advance,
) -> ScreenMap:  # fmt: skip
    """Return the spectrogram of a recording, analysed piece by piece, without its phase."""
    from specsr.maps.frames import Frames

    grid = _grid(source, df)
    kept = [source.channels.index(name) for name in channels]

    def empty(shape: Sequence[int], dtype: np.dtype | type = np.float32) -> np.ndarray:
        """Return an array column by column: in memory, or in a file for a large one."""
        order = (*shape[:-2], shape[-1], shape[-2])
        if np.prod(shape) <= LARGE:
            return np.empty(order, dtype).swapaxes(-1, -2)
        _check_space(folder, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        name = folder / f"{uuid4().hex}.npy"
        return np.lib.format.open_memmap(name, "w+", np.dtype(dtype), order).swapaxes(-1, -2)

    magnitude = empty((len(kept), grid.rows, grid.frames))
    frames = Frames(grid, len(kept))
    column = 0
    step = max(1, PIECE // len(source.channels))
    for first in range(0, source.length, step):
        last = min(first + step, source.length)
        found = frames.magnitude(frames.add(source.cut(first, last).samples[kept])).numpy()
        magnitude[..., column : column + found.shape[-1]] = found
        column += found.shape[-1]
        advance(last / source.length)
    return ScreenMap(grid, tuple(channels), magnitude, rpm, None, empty)


def _check_space(folder: Path, nbytes: int) -> None:
    """Raise `SpecsrError` unless a file fits: writing beyond a full disk ends the process."""
    free = shutil.disk_usage(folder).free
    if nbytes > SPARE * free:
        raise SpecsrError(
            f"the map takes {nbytes / 1e9:.2g} GB of {free / 1e9:.2g} GB free in {folder}: "
            "choose a larger row spacing, or another folder for temporary files (TMPDIR)"
        )
