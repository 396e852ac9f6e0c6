"""Serial number of an OGG stream: libsndfile draws it, so two files of one signal would differ.

An OGG file is a sequence of pages (RFC 3533): ``OggS``, fields, a CRC-32 of the page, content.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

SERIAL = 1
"""Serial number in the files of specsr; the only stream of a file may have any."""

_HEAD = struct.Struct("<4sBBqIIIB")
"""Mark, version, flags, position, serial number, number of the page, CRC-32, segments."""

_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def set_serial(path: Path) -> None:
    """Write `SERIAL` into all pages of an OGG file with one stream.

    Raises:
        ValueError: it is not a sequence of complete pages.
    """
    with open(path, "rb+") as file:
        while head := file.read(_HEAD.size):
            at = file.tell() - len(head)
            if len(head) < _HEAD.size or not head.startswith(b"OggS"):
                raise ValueError(f"no OGG page at byte {at}")
            *first, _, number, _, segments = _HEAD.unpack(head)
            sizes = file.read(segments)
            rest = sizes + file.read(sum(sizes))
            check = checksum(_HEAD.pack(*first, SERIAL, number, 0, segments) + rest)
            file.seek(at)
            file.write(_HEAD.pack(*first, SERIAL, number, check, segments) + rest)


def checksum(page: bytes) -> int:
    """Return the CRC-32 of a page whose own field of it is 0.

    OGG takes the bits of a byte from the highest down, zlib from the lowest up.
    """
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
