"""catman files (``.bin`` of HBK catman AP): channels of numbers with their sample interval.

Layout of header version 5012 and later (HBK's description of the format): a header of the file,
one of each channel, then the values of channel after channel as 8 or 4-byte floats, or as 2-byte
integers between two limits.  Read here, not by apread: that needs opencv-python, which replaces
files of opencv-python-headless, and leaves out channels without a channel of time.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import sampling, unit_labels, unread
from specsr.io.axis_labels import meaning
from specsr.io.limits import Total, array_memory
from specsr.io.recording import Channel, Contents
from specsr.io.sampling import Sampling

SUFFIXES = (".bin",)
VERSIONS = (5012, 5999)
"""First and last version of the header that is read."""
INVALID = -1e6
"""Value that catman stores where an amplifier gave none: overflow, or no sensor."""
_TEXTS = 32
"""Texts in the header of the file that are kept for the program."""
_FORMAT_AT = 140
"""Place of the format of the values in the extended header of a channel."""
_FORMATS: dict[int, tuple[str, int]] = {0: ("<f8", 0), 1: ("<f4", 0), 2: ("<u2", 16)}
"""Format of the values -> their type, and bytes of their limits in front of them."""


_TIMES = {"time", "zeit", "temps", "tiempo", "tempo"}
"""Words of which a channel of time has one in its name."""


@dataclass(frozen=True)
class _Head:
    """Header of one channel.

    Attributes:
        name, unit: texts in the file.
        length: number of values.
        numeric: whether they are numbers.
        step: sample interval, s; 0 without one.
        dtype: type of the values.
        before: bytes in front of the values.
        nbytes: all bytes of the channel.
    """

    name: str
    unit: str
    length: int
    numeric: bool
    step: float
    dtype: np.dtype
    before: int
    nbytes: int

    @property
    def is_time(self) -> bool:
        """Whether it is an axis of time: named so, and without the unit of another quantity."""
        found = meaning(self.unit)
        other = found.kind != "time" if found else unit_labels.is_known(self.unit)
        words = re.split(r"[\W_]+", self.name.lower())
        return self.numeric and not other and not _TIMES.isdisjoint(words)


def read_catman(path: Path) -> Contents:
    """Return the channels of a catman file that hold numbers, in their units.

    Raises:
        SpecsrError: it is no catman file, of an older version, damaged, cut off, or holds no
            waveform.
    """
    if not is_catman(path):
        raise unread.other_content(path, "catman, which start with its version")
    size = path.stat().st_size
    with open(path, "rb") as file:
        heads, start = _heads(file)
        _check_sizes(heads, start, size)
        found: list[tuple[_Head, np.ndarray]] = []
        texts = []
        total = Total("its channels")
        for head in heads:
            if head.numeric and head.length:
                total.add(array_memory(head.length, np.dtype(np.float64)))
                file.seek(start)
                found.append((head, _values(file, head)))
            elif head.length:
                texts.append(head.name)
            start += head.nbytes
    channels, notes = [], []
    for head, samples in found:
        if head.is_time:
            continue
        samples, gaps = _with_gaps(samples)
        sampled = _sampling(head, [one for one in found if one[0].is_time])
        channels.append(Channel(head.name, samples, label=head.unit, **sampled.fields()))
        notes += [f"channel {head.name}: {note}" for note in (sampled.note, gaps) if note]
    notes += [f"channel {name} is skipped: it holds texts" for name in texts]
    if not channels:
        raise SpecsrError("holds no waveform: expected a channel of numbers beside its time")
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def is_catman(path: Path) -> bool:
    """Return whether a file starts as a catman file of a known version does."""
    with open(path, "rb") as file:
        head = file.read(6)
    if len(head) < 6:
        return False
    version, start = struct.unpack("<hi", head)
    return 5000 <= version <= VERSIONS[1] and 0 < start <= path.stat().st_size


def _heads(file: BinaryIO) -> tuple[list[_Head], int]:
    """Return the headers of the channels and the place of the first value."""
    version, start = _unpack(file, "hi")
    if version < VERSIONS[0]:
        raise SpecsrError(
            f"is a catman file of version {version}: expected {VERSIONS[0]} or later; export it "
            "from catman as MAT, MDF 4 or UFF"
        )
    for _ in range(1 + _TEXTS):  # the comment, and texts for the program
        _text(file)
    (count, _) = _unpack(file, "hi")
    if count < 1:
        raise SpecsrError(f"is damaged: it declares {count} channels")
    file.seek(4 * count + 4, 1)  # places of the headers, and a factor that is not used
    heads = [_head(file) for _ in range(count)]
    if file.tell() > start:
        raise SpecsrError(
            f"is damaged: its headers end at byte {file.tell()}, its values start at {start}"
        )
    return heads, start


def _head(file: BinaryIO) -> _Head:
    _, length = _unpack(file, "hi")
    name, unit, _ = _text(file), _text(file), _text(file)
    form, width, _, extended = _unpack(file, "hhdi")
    if length < 0 or width < 0 or not 16 <= extended <= 1 << 16:
        raise SpecsrError(f"is damaged: the header of channel {name!r} has wrong sizes")
    more = _take(file, extended)
    (step,) = struct.unpack_from("<d", more, 8)
    code = more[_FORMAT_AT] if extended > _FORMAT_AT else 0
    if code not in _FORMATS:
        raise SpecsrError(
            f"channel {name!r} has values of format {code}: expected 0, 1 or 2; export the file "
            "from catman as MAT, MDF 4 or UFF"
        )
    _, _, points = _unpack(file, "bbB")
    _take(file, 8 * points + 2)  # points of a linearisation, type of a thermocouple
    _text(file)  # formula
    _take(file, _unpack(file, "i")[0])  # data base of the sensor
    dtype, before = np.dtype(_FORMATS[code][0]), _FORMATS[code][1]
    numeric = form == 0
    nbytes = before + length * dtype.itemsize if numeric else length * width
    return _Head(
        name, unit_labels.clean(unit), length, numeric,
        step / 1e3 if np.isfinite(step) and step > 0 else 0.0,
        dtype, before, nbytes if length else 0,
    )  # fmt: skip


def _check_sizes(heads: list[_Head], start: int, size: int) -> None:
    """Raise `SpecsrError` for values beyond the end of the file."""
    end = start + sum(head.nbytes for head in heads)
    if end > size:
        raise SpecsrError(
            f"is cut off: its headers declare {end - start} bytes of values, the file holds "
            f"{max(0, size - start)}; copy it again"
        )


def _values(file: BinaryIO, head: _Head) -> np.ndarray:
    limits = struct.unpack("<dd", _take(file, 16)) if head.before else None
    stored = np.frombuffer(_take(file, head.length * head.dtype.itemsize), head.dtype)
    if limits is None:
        return stored.astype(head.dtype.newbyteorder("="))
    low, high = limits
    return low + stored * ((high - low) / 32767)


def _with_gaps(samples: np.ndarray) -> tuple[np.ndarray, str]:
    """Return samples with invalid values as NaN, and a note on them or ""."""
    bad = samples == INVALID
    if not bad.any():
        return samples, ""
    return np.where(bad, samples.dtype.type(np.nan), samples), (
        f"{int(bad.sum())} of {bad.size} values are {INVALID:.0f}, which catman stores for "
        "overflow, and become gaps"
    )


def _sampling(head: _Head, axes: list[tuple[_Head, np.ndarray]]) -> Sampling:
    """Return the sampling of a channel, from its interval and the axis of its length.

    Files with several rates have an axis for each; that of the same interval belongs to the
    channel.  An axis that is stored with few digits cannot tell its steps and is left out.
    """
    same = [one for one in axes if one[0].length == head.length and _resolved(*one)]
    near = [
        one for one in same
        if not head.step or not one[0].step or abs(one[0].step - head.step) <= 0.01 * head.step
    ]  # fmt: skip
    facts: list[tuple[str, Sampling]] = []
    if head.step:
        facts.append(("the sample interval", sampling.of_step(head.step, label="s")))
    for axis, times in (near or same)[:1]:
        if head.length > 1:
            facts.append((axis.name, sampling.of_values(times, axis.unit)))
    uneven = next((one for _, one in facts if one.times is not None), None)
    return uneven or sampling.agreed(facts)


def _resolved(head: _Head, times: np.ndarray) -> bool:
    """Return whether time stamps are stored with the digits that their steps need."""
    span = float(np.abs(times).max())
    digits = span / 32767 if head.before else span * float(np.finfo(times.dtype).eps)
    return digits * max(1, head.length - 1) <= 0.05 * float(times[-1] - times[0])


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    form = "<" + form
    return struct.unpack(form, _take(file, struct.calcsize(form)))


def _text(file: BinaryIO) -> str:
    (length,) = _unpack(file, "h")
    return _take(file, length).decode("cp1252", "replace").strip(" \0")


def _take(file: BinaryIO, count: int) -> bytes:
    """Return the next bytes of a file.

    Raises:
        SpecsrError: a negative count, or the file ends before.
    """
    found = file.read(count) if 0 <= count < 1 << 62 else b""
    if len(found) != count:
        raise SpecsrError("is cut off or damaged: its header ends too early; copy it again")
    return found
