"""Chunks of a WAV file that a command carries to its output: bext, iXML, cue points, their labels.

A job names its input (`keeping`); `specsr.io.audio` appends the chunks to the WAV files that are
written in this context.  Positions in samples follow the rate: cue points, and the time of the
first sample since midnight in ``bext`` (EBU Tech 3285).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from specsr.io import riff

_KEPT = (b"bext", b"iXML", b"cue ")
_LARGEST = 1 << 24
"""Largest chunk that is kept, bytes."""
_SUFFIXES = (".wav", ".rf64")
_TIME_REFERENCE = slice(338, 346)
"""Place of the samples since midnight in a bext chunk."""
_CUE = 24
"""Bytes of one cue point; its positions are the second and the last number."""

_input: ContextVar[Path | None] = ContextVar("input", default=None)


@contextmanager
def keeping(path: Path | None) -> Iterator[None]:
    """Carry the chunks of a file to the WAV files that are written in this context."""
    token = _input.set(path)
    try:
        yield
    finally:
        _input.reset(token)


def append(path: Path, rate: int) -> None:
    """Append the chunks of the input of this context to a WAV file.

    Args:
        path: a complete WAV file (RIFF); its sizes are updated.
        rate: its sampling rate, Hz.
    """
    source = _input.get()
    if source is None or source.suffix.lower() not in _SUFFIXES or not source.is_file():
        return
    own, found = _chunks(source)
    if not found or not own:
        return
    with open(path, "rb+") as file:
        if file.read(4) != b"RIFF":
            return
        end = file.seek(0, 2)
        file.write(b"\0" * (end % 2))
        for name, content in found:
            content = _at_rate(name, content, rate, own)
            file.write(
                name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
            )
        size = file.tell() - 8
        if size >= 1 << 32:  # no room in a RIFF header: the file as it was
            file.truncate(end)
            return
        file.seek(4)
        file.write(struct.pack("<I", size))


def _chunks(path: Path) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Return the rate of a file, 0 without one, and its chunks to keep."""
    rate, found = 0, []
    size = path.stat().st_size
    with open(path, "rb") as file:
        for name, position, length in list(riff.chunks(file, size)):
            if not 0 < length <= min(_LARGEST, size - position):
                continue
            file.seek(position)
            head = file.read(8)
            if name == b"fmt ":
                rate = struct.unpack_from("<I", head, 4)[0] if len(head) == 8 else 0
            if name in _KEPT or (name == b"LIST" and head[:4] == b"adtl"):
                file.seek(position)
                found.append((name, file.read(length)))
    return rate, found


def _at_rate(name: bytes, content: bytes, rate: int, own: int) -> bytes:
    """Return a chunk with its positions in samples at another rate."""
    if rate == own:
        return content
    changed = bytearray(content)
    if name == b"bext" and len(content) >= _TIME_REFERENCE.stop:
        since = int.from_bytes(content[_TIME_REFERENCE], "little")
        moved = min(round(since * rate / own), 2**64 - 1)
        changed[_TIME_REFERENCE] = moved.to_bytes(8, "little")
    if name == b"cue ":
        for at in range(4, len(content) - _CUE + 1, _CUE):
            for place in (at + 4, at + 20):
                position = struct.unpack_from("<I", content, place)[0]
                struct.pack_into("<I", changed, place, min(round(position * rate / own), 2**32 - 1))
    return bytes(changed)
