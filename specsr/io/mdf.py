"""MDF 4 files (``.mf4``, ``.mdf``) through asammdf: scaled channels with a time channel.

A damaged file can crash the compiled parts of asammdf or make it loop for ever.  So the links
between the blocks are checked first, and asammdf runs in a separate process (`specsr.io.isolated`,
with `specsr.io.mdf_process`).
"""

from __future__ import annotations

import logging
import mmap
import shutil
import struct
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.extras import need, require
from specsr.io import sampling, unit_labels
from specsr.io.atomic import LIBRARIES, replacing
from specsr.io.axis_labels import Kind
from specsr.io.isolated import read_isolated
from specsr.io.limits import Total, array_memory
from specsr.io.recording import Channel, Contents
from specsr.names import plain
from specsr.signal import Signal

SUFFIXES = (".mf4", ".mdf")
log = logging.getLogger(__name__)
# Links that form the tree of a file, by block type: next block, first child, data.
_LINKS = {
    b"##HD": slice(0, 5), b"##FH": slice(0, 1), b"##DG": slice(0, 3), b"##CG": slice(0, 2),
    b"##CN": slice(0, 2), b"##AT": slice(0, 1), b"##EV": slice(0, 1), b"##CH": slice(0, 2),
    b"##DL": slice(None), b"##HL": slice(None), b"##LD": slice(None),
}  # fmt: skip
_MASTERS: dict[int, Kind] = {1: "time", 2: "angle", 3: "distance", 4: "index"}
"""Synchronisation type of a master channel -> kind of its axis."""
_DATA = (b"##DT", b"##DZ", b"##DV", b"##DL", b"##RD", b"##SD")


def read_mdf(path: Path) -> Contents:
    """Return the channels of an MDF 4 file that hold numbers over time.

    Raises:
        SpecsrError: asammdf is not installed, the file is damaged, cut off or older than MDF 4, or
            holds only frames of a bus.
    """
    require(*LIBRARIES[path.suffix.lower()], f"{path.suffix} files")
    unfinished = _check_blocks(path)
    found, arrays = read_isolated(path, "mdf_process.py", "MDF")
    channels: list[Channel] = []
    notes = [
        "the file was never finalised by its logger; it was completed in memory"
    ] if unfinished else []  # fmt: skip
    for i, facts in enumerate(found["channels"]):
        name, group = facts["name"], f"group {facts['group']}"
        kind = _MASTERS.get(facts["sync"], "time")
        sampled = sampling.of_values(arrays[f"t{i}"], unit_labels.clean(facts["axis_unit"]), kind)
        channels.append(
            Channel(
                name, arrays[f"c{i}"], label=unit_labels.clean(facts["unit"]), group=group,
                **sampled.fields(),
            )
        )  # fmt: skip
        if sampled.note:
            notes.append(f"channel {name}: {sampled.note}")
        if facts["texts"]:
            notes.append(
                f"channel {name}: {facts['gaps']} values are texts ({', '.join(facts['texts'])}) "
                "and become gaps"
            )
    for name in found["skipped"]:
        notes.append(
            f"channel {name} is skipped: its conversion gives texts and no numbers; export it with "
            "numbers"
        )
    if not channels:
        raise SpecsrError(
            "holds frames of a bus (CAN, LIN), no waveform: decode it with its DBC file first "
            "(asammdf: MDF.extract_bus_logging)" if found["frames"] else
            "holds no waveform: expected a channel of numbers with a time channel"
        )  # fmt: skip
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def write_mdf(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as MDF 4.10: one group with a time channel, the samples and the rpm.

    An MDF stores times instead of a rate, and no full scale; the rate is read from the times.
    Names lose blanks at their ends, control characters become escapes and an empty name ``ch1``,
    ``ch2``, ... by position; every change is logged.
    """
    if subtype is not None:
        raise SpecsrError(f"{path}: {path.suffix} has no subtypes: leave subtype={subtype!r} out")
    asammdf = need(*LIBRARIES[path.suffix.lower()], f"{path.suffix} files")
    times = signal.start + np.arange(signal.length) / signal.rate
    names = [plain(name).strip() or f"ch{i + 1}" for i, name in enumerate(signal.channels)]
    for name, own in zip(names, signal.channels):
        if name != own:
            log.warning("%s: channel name %r is written as %r", path, own, name)
    rows = [(name, row, signal.unit) for name, row in zip(names, signal.samples)]
    if signal.rpm is not None:
        rows.append(("rpm", signal.rpm, "1/min"))
    channels = [
        asammdf.Signal(np.ascontiguousarray(row), times, unit=unit, name=name)
        for name, row, unit in rows
    ]
    with (
        replacing(path, overwrite=overwrite) as (temp,),
        tempfile.TemporaryDirectory(prefix="specsr-mdf-") as folder,
        asammdf.MDF(version="4.10") as file,
    ):
        # no time of writing: two files of one signal are the same
        file.header.start_time = datetime.fromtimestamp(0, timezone.utc)
        history = need("asammdf.blocks.v4_blocks", "mdf", f"{path.suffix} files").FileHistory()
        history.abs_time, history.comment = 0, "specsr"
        file.file_history = [history]
        file.append(channels, comment="specsr")
        # asammdf only writes files with its own suffix
        made = file.save(Path(folder, "made.mf4"), overwrite=True, add_history_block=False)
        shutil.copyfile(made, temp)


def _check_blocks(path: Path) -> bool:
    """Check the links between the blocks of an MDF 4 file; return whether it is unfinalised.

    Raises:
        SpecsrError: it is no MDF 4 file, or a link points outside of it or in a circle.
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


def _channel_memory(cycles: int) -> int:
    """Return the memory of a channel and its time stamps as float64, and of its signal, bytes."""
    return cycles * 8 + array_memory(cycles, np.dtype("f8"))


def _chain(data: mmap.mmap, size: int, at: int) -> int:
    """Return the number of channels in the list that starts at a byte."""
    found: set[int] = set()
    while at and at not in found and at + 32 <= size and data[at : at + 4] == b"##CN":
        found.add(at)
        at = struct.unpack_from("<Q", data, at + 24)[0]
    return len(found)


def _walk(data: mmap.mmap, size: int) -> None:
    seen: set[int] = set()
    waiting = [64]
    total = Total("its channels")
    while waiting:
        at = waiting.pop()
        if at == 0:
            continue
        if at + 24 > size or data[at : at + 2] != b"##":
            raise SpecsrError(
                f"is cut off or damaged: no block at byte {at} of {size}; copy it again"
            )
        kind = data[at : at + 4]
        if at in seen:
            raise SpecsrError(f"is damaged: its blocks point in a circle at byte {at}")
        seen.add(at)
        length, count = struct.unpack_from("<QQ", data, at + 8)
        if at + length > size or 24 + 8 * count > length:
            if kind in _DATA:
                raise SpecsrError(
                    f"is cut off: the block at byte {at} declares {length} bytes, the file ends "
                    f"after {size - at}; copy it again"
                )
            raise SpecsrError(f"is damaged: the block at byte {at} has a wrong length")
        if kind == b"##DZ" and length >= 48:
            total.add(2 * struct.unpack_from("<Q", data, at + 32)[0])  # inflated, and as records
        if kind == b"##CG" and count >= 2 and length >= 40 + 8 * count:
            first = struct.unpack_from("<Q", data, at + 32)[0]
            cycles = struct.unpack_from("<Q", data, at + 32 + 8 * count)[0]
            # virtual channels have values without any bytes in the file
            total.add(_channel_memory(cycles) * _chain(data, size, first))
        if kind in _LINKS:
            links = struct.unpack_from(f"<{count}Q", data, at + 24)
            waiting += links[_LINKS[kind]]
