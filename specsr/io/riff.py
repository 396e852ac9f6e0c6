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
_NOT_APPLIED = (
    "its calibration (chunk LEA) describes {} of {} channels in a known form and is not applied: "
    "give --calib and --unit"
)
_DEEPEST = 200
"""Chunks that are followed to find out whether one is padded."""


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
        if position != end and not wide and _unpadded(file, end, size, order):
            position = end
        if position > size:
            return


def _unpadded(file: BinaryIO, end: int, size: int, order: Literal["big", "little"]) -> bool:
    """Return whether the chunk after one of odd length starts without a byte of padding.

    The padding may be any byte.  Of the two places the one counts from which chunks follow each
    other to the end of the file; with padding, as the format asks for, if both do.
    """
    reach: dict[int, bool] = {}

    def leads(at: int, depth: int) -> bool:
        if at >= size - 1:  # the end, perhaps with padding
            return at <= size + 1
        if at not in reach:
            reach[at] = False
            file.seek(at)
            header = file.read(8)
            length = int.from_bytes(header[4:], order)
            if len(header) == 8 and _is_id(header[:4]) and depth < _DEEPEST:
                last = at + 8 + length
                fits = last <= size or length == 0xFFFFFFFF
                reach[at] = fits and (
                    length == 0xFFFFFFFF
                    or leads(last + length % 2, depth + 1)
                    or (length % 2 == 1 and leads(last, depth + 1))
                )
        return reach[at]

    if leads(end + 1, 0):
        return False
    if leads(end, 0):
        return True
    file.seek(end)  # neither: a damaged tail; the place with a readable name
    return _is_id(file.read(4))


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
        The lists ``full_scale``, ``unit`` and ``channels`` (names), one entry per channel, or
        ``notes`` on a chunk that does not describe every channel; {} without a chunk.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        for name, position, length in chunks(file, size):
            if name == b"LEA ":
                file.seek(position)
                entries = parse_lea(file.read(min(length, _LARGEST)))
                if len(entries) != channels:
                    return {"notes": (_NOT_APPLIED.format(len(entries), channels),)}
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
            if content[position + 1 : position + 3] == b"le":
                position += length % 2  # padded
    except struct.error:
        return []
    return entries


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip("\0 ")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace").strip("\0 ")


def _is_id(name: bytes) -> bool:
    """Return whether four bytes can name a chunk: printable characters."""
    return len(name) == 4 and all(32 <= byte < 127 for byte in name) and name[0] != 32
