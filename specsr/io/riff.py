"""Chunks of WAV, RF64 and W64 files: declared length of the data, and vendor calibration.

The ``LEA`` chunk of Ansys Sound (formerly Genesis LEA) holds full scale, name and unit of each
channel.  Files with such a chunk do not pad chunks of odd length, and exceed the length in their
RIFF header; the search for chunks allows for both.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

_LARGEST = 1 << 20
"""Largest part of a vendor chunk that is read, bytes."""


def chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield id, position of the content and declared length of every chunk of a file.

    Args:
        file: the open file.
        size: its size, bytes.
    """
    file.seek(0)
    head = file.read(16)
    wide = head[:4] == b"riff"  # W64: 16-byte ids, 8-byte sizes that count the header
    order: Literal["big", "little"] = "big" if head[:4] == b"RIFX" else "little"
    start, align, position = (24, 8, 40) if wide else (8, 2, 12)
    long_size = 0
    for _ in range(1000):
        file.seek(position)
        header = file.read(start)
        if len(header) < start:
            return
        length = int.from_bytes(header[16 if wide else 4 :], order)
        length -= start if wide else 0
        if header[:4] == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        if header[:4] == b"data" and length == 0xFFFFFFFF and long_size:
            length = long_size
        yield header[:4], position + start, length
        if length < 0:
            return
        end = position + start + length
        position = end + -length % align
        if position != end and not wide and _is_id(file, end):
            position = end  # an odd chunk without its padding, which would be a zero
        if position > size:
            return


def clear_time(path: Path) -> None:
    """Set the time of writing in the PEAK chunk of a float file to zero.

    libsndfile stores it; without it two files of one signal are the same, byte for byte.
    """
    with open(path, "rb+") as file:
        size = file.seek(0, 2)
        for name, position, length in chunks(file, size):
            if name == b"PEAK" and length >= 8:
                file.seek(position + 4)  # behind the version of the chunk
                file.write(bytes(4))
                return
            if name == b"data":
                return


def data_bytes(file: BinaryIO, size: int) -> tuple[int, int]:
    """Return the declared and the available bytes of the data chunk; (0, 0) without one."""
    for name, position, length in chunks(file, size):
        if name == b"data":
            return length, size - position
    return 0, 0


def calibration(path: Path, channels: int) -> dict[str, Any]:
    """Return the calibration in the ``LEA`` chunk of a file.

    Args:
        path: the file.
        channels: its number of channels.

    Returns:
        The lists ``full_scale``, ``unit`` and ``channels`` (names), one entry per channel; {}
        without a chunk that describes every channel.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        for name, position, length in chunks(file, size):
            if name == b"LEA ":
                file.seek(position)
                entries = parse_lea(file.read(min(length, _LARGEST)))
                if len(entries) == channels:
                    scales, names, units = zip(*entries)
                    return {
                        "full_scale": list(scales), "unit": list(units),
                        "channels": tuple(n or f"ch{i + 1}" for i, n in enumerate(names)),
                    }  # fmt: skip
    return {}


def parse_lea(content: bytes) -> list[tuple[float, str, str]]:
    """Return (full scale, name, unit) of each entry of a ``LEA`` chunk; [] for other content."""
    entries: list[tuple[float, str, str]] = []
    position = 0
    try:
        while content[position : position + 4] == b"le%02d" % len(entries):
            (length,) = struct.unpack_from("<I", content, position + 4)
            entry = content[position + 8 : position + 8 + length]
            scale, count = struct.unpack_from("<fH", entry)
            name = entry[6 : 6 + count]
            (width,) = struct.unpack_from("<H", entry, 6 + count)
            unit = entry[8 + count : 8 + count + width]
            # Two numbers of unpublished meaning follow; 0 and 1 are assumed to be neutral.
            plain = struct.unpack_from("<ff", entry, 8 + count + width) == (0.0, 1.0)
            if not (math.isfinite(scale) and scale > 0 and plain):
                return []
            entries.append((scale, _text(name), _text(unit)))
            position += 8 + length
    except struct.error:
        return []
    return entries


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip("\0 ")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace").strip("\0 ")


def _is_id(file: BinaryIO, position: int) -> bool:
    """Return whether a chunk can start at a position: four printable characters."""
    file.seek(position)
    name = file.read(4)
    return len(name) == 4 and all(32 <= byte < 127 for byte in name) and name[0] != 32
