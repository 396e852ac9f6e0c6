"""MDF 4 files (``.mf4``, ``.mdf``) through asammdf: channels with a time channel, scaled.

The links between the blocks of a file are walked first: a damaged link would send a reader round
in circles.  An unfinalised file (its logger was switched off) is completed in memory.
"""

from __future__ import annotations

import io
import logging
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SpecsrError
from . import units
from .optional import need
from .recording import Channel, Contents
from .times import even_times

SUFFIXES = (".mf4", ".mdf")
_BUS = ("CAN_", "LIN_", "FLX_", "ETH_", "MOST_", "K_LINE")
# Links that make up the tree of a file, by block: next, first of the level below, data.
_LINKS = {
    b"##HD": slice(0, 5), b"##FH": slice(0, 1), b"##DG": slice(0, 3), b"##CG": slice(0, 2),
    b"##CN": slice(0, 2), b"##AT": slice(0, 1), b"##EV": slice(0, 1), b"##CH": slice(0, 2),
    b"##DL": slice(None), b"##HL": slice(None), b"##LD": slice(None),
}  # fmt: skip
_DATA = (b"##DT", b"##DZ", b"##DV", b"##DL", b"##RD", b"##SD")


def read_mdf(path: Path) -> Contents:
    """Return the channels of an MDF 4 file that hold numbers over time.

    Raises:
        SpecsrError: asammdf is missing, the file is damaged, cut off or older than MDF 4, or holds
            only frames of a bus.
    """
    asammdf = need("asammdf", "mdf", path.suffix)
    logging.getLogger("asammdf").setLevel(logging.ERROR)
    unfinished = _check_blocks(path)
    channels: list[Channel] = []
    notes: list[str] = []
    frames = False
    # An open file rather than a name: asammdf copies unfinished files and trips on damaged ones.
    with (
        io.BytesIO(path.read_bytes()) if unfinished else open(path, "rb") as source,
        asammdf.MDF(source) as file,
    ):
        for number, group in enumerate(file.groups):
            names = [channel.name for channel in group.channels]
            if any(name.startswith(_BUS) for name in names):
                frames |= group.channel_group.cycles_nr > 0
                continue
            masters = {file.masters_db.get(number)}
            for index, name in enumerate(names):
                if index in masters or not group.channel_group.cycles_nr:
                    continue
                made, note = _channel(file, number, index, name)
                if made is not None:
                    channels.append(made)
                if note:
                    notes.append(f"channel {name}: {note}")
    if unfinished:
        notes.append("the file was never finalised by its logger; what it holds was completed")
    if not channels:
        raise SpecsrError(
            "holds frames of a bus (CAN, LIN) and no waveform: decode it with its DBC file first "
            "(asammdf: MDF.extract_bus_logging)" if frames else
            "holds no waveform: expected a channel of numbers with a time channel"
        )  # fmt: skip
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def _channel(file: Any, group: int, index: int, name: str) -> tuple[Channel | None, str]:
    signal = file.get(group=group, index=index)
    samples = signal.samples
    if samples.ndim != 1 or samples.dtype.kind not in "biuf" or len(samples) < 2:
        return None, ""
    even = even_times(signal.timestamps)
    rate, start, note = even or (None, 0.0, "")
    return Channel(
        name, np.ascontiguousarray(samples), rate, label=units.clean(signal.unit), start=start,
        group=f"group {group}", times=None if even else np.asarray(signal.timestamps),
    ), note  # fmt: skip


def _check_blocks(path: Path) -> bool:
    """Walk the blocks of an MDF 4 file; return whether it was never finalised.

    Raises:
        SpecsrError: it is no MDF 4 file, a link leads out of it or in a circle.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(64)
        magic, version = head[:8].strip(b" \0"), head[8:16].strip(b" \0")
        if len(head) < 64 or magic not in (b"MDF", b"UnFinMF"):
            raise SpecsrError("cannot be read as MDF: it has no MDF header; copy it again")
        if not version.startswith(b"4."):
            raise SpecsrError(
                f"is MDF version {version.decode('ascii', 'replace')}: expected 4; convert it "
                "(asammdf: MDF.convert)"
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _walk(data, size)
    return magic == b"UnFinMF"


def _walk(data: mmap.mmap, size: int) -> None:
    seen: set[int] = set()
    waiting = [64]
    while waiting:
        at = waiting.pop()
        if at == 0:
            continue
        if at + 24 > size or data[at : at + 2] != b"##":
            raise SpecsrError(
                f"is cut off or damaged: no block lies at byte {at} of {size}; copy it again"
            )
        kind = data[at : at + 4]
        if at in seen:
            raise SpecsrError(f"is damaged: its blocks point in a circle at byte {at}")
        seen.add(at)
        length, count = struct.unpack_from("<QQ", data, at + 8)
        if at + length > size or 24 + 8 * count > length:
            if kind in _DATA:
                raise SpecsrError(
                    f"is cut off: the block at byte {at} promises {length} bytes, the file ends "
                    f"after {size - at}; copy it again"
                )
            raise SpecsrError(f"is damaged: the block at byte {at} has a wrong length")
        if kind in _LINKS:
            links = struct.unpack_from(f"<{count}Q", data, at + 24)
            waiting += links[_LINKS[kind]]
