"""A WAV file of a layout that libsndfile does not read, as one that it does.

libsndfile knows no BW64 (ITU-R BS.2088, the successor of RF64), and needs chunks in front of the
samples to be padded to even lengths, which some recorders leave out.  The view has a header made
of the file's own ``fmt`` and ``fact`` chunks; the samples stay where they are.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from specsr.io import riff

_LONGEST = 1 << 16
"""Largest ``fmt`` or ``fact`` chunk that is taken, bytes."""
_RIFF_LIMIT = (1 << 32) - (1 << 17)
"""Largest length of samples behind a RIFF header, bytes."""


class WaveView:
    """A new header in front of the samples of a file, to be read as a file.

    Args:
        file: the open file; it is closed with the view.
        header: bytes in front of the samples.
        first: place of the samples in the file.
        length: their number of bytes.
    """

    def __init__(self, file: BinaryIO, header: bytes, first: int, length: int) -> None:
        self._file, self._header, self._first = file, header, first
        self._size = len(header) + length
        self._at = 0

    def tell(self) -> int:
        """Return the position, bytes."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset from the start, the position or the end; return the position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, count: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        found = self._header[self._at : self._at + count]
        more = min(count, self._size - self._at) - len(found)
        if more > 0:
            self._file.seek(self._first + max(0, self._at - len(self._header)))
            found += self._file.read(more)
        self._at += len(found)
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def wave_view(path: Path) -> WaveView | None:
    """Return a view of a file; None for one that libsndfile reads as it is, or that is no WAV."""
    file = open(path, "rb")  # noqa: SIM115  closed with the view
    found = None
    try:
        found = _header(file, path.stat().st_size)
    finally:
        if found is None:
            file.close()
    return WaveView(file, *found) if found else None


def _header(file: BinaryIO, size: int) -> tuple[bytes, int, int] | None:
    """Return header, place and length of the samples of a view; None where none is needed."""
    magic = file.read(12)
    if magic[:4] not in (b"RIFF", b"RF64", b"BW64") or magic[8:] != b"WAVE":
        return None
    kept, needed = b"", magic[:4] == b"BW64"
    for name, position, length in riff.chunks(file, size):
        needed |= position % 2 == 1
        if name == b"data":
            held = min(length, size - position)
            return (_made(kept, held), position, held) if needed and kept else None
        if name in (b"fmt ", b"fact") and 0 <= length <= _LONGEST:
            file.seek(position)
            content = file.read(length)
            kept += name + struct.pack("<I", length) + content + b"\0" * (length % 2)
    return None


def _made(chunks: bytes, length: int) -> bytes:
    """Return a header of RIFF, or RF64 for long recordings, in front of ``length`` bytes."""
    if length <= _RIFF_LIMIT:
        size = 4 + len(chunks) + 8 + length
        return b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks + b"data" + struct.pack(
            "<I", length
        )  # fmt: skip
    size = 4 + 36 + len(chunks) + 8 + length
    sizes = b"ds64" + struct.pack("<IQQQI", 28, size, length, 0, 0)
    return b"RF64\xff\xff\xff\xffWAVE" + sizes + chunks + b"data\xff\xff\xff\xff"
