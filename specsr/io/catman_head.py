"""Headers of catman files: of the file, and of each channel (`specsr.io.catman`)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels
from specsr.io.axis_labels import meaning

VERSIONS = (5012, 5999)
"""First and last version of the header that is read."""
_TEXTS = 32
"""Texts in the header of the file that are kept for the program."""
_FORMAT_AT = 140
"""Place of the format of the values in the extended header of a channel."""
_FORMATS: dict[int, tuple[str, int]] = {0: ("<f8", 0), 1: ("<f4", 0), 2: ("<u2", 16)}
"""Format of the values -> their type, and bytes of their limits in front of them."""
_LONGEST = 60
"""Characters of a name that a message shows: the name of a damaged header may be all of the file.
"""
_TIMES = {"time", "zeit", "temps", "tiempo", "tempo"}
"""Words of which a channel of time has one in its name."""


@dataclass(frozen=True)
class Head:
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
    def shown(self) -> str:
        """Its name in messages."""
        return short(self.name)

    @property
    def may_be_time(self) -> bool:
        """Whether it may be a clock: named so, and without the unit of another quantity."""
        found = meaning(self.unit)
        other = found.kind != "time" if found else unit_labels.is_known(self.unit)
        words = re.split(r"[\W_]+", self.name.lower())
        return self.numeric and not other and not _TIMES.isdisjoint(words)


def read_heads(file: BinaryIO) -> tuple[list[Head], int]:
    """Return the headers of the channels and the place of the first value."""
    version, start = unpack(file, "hi")
    if version < VERSIONS[0]:
        raise SpecsrError(
            f"is a catman file of version {version}: expected {VERSIONS[0]} or later; export it "
            "from catman as MAT, MDF 4 or UFF"
        )
    for _ in range(1 + _TEXTS):  # the comment, and texts for the program
        read_text(file)
    (count, _) = unpack(file, "hi")
    if count < 1:
        raise SpecsrError(f"is damaged: it declares {count} channels")
    file.seek(4 * count + 4, 1)  # places of the headers, and a factor that is not used
    heads = [_head(file) for _ in range(count)]
    if file.tell() > start:
        raise SpecsrError(
            f"is damaged: its headers end at byte {file.tell()}, its values start at {start}"
        )
    return heads, start


def _head(file: BinaryIO) -> Head:
    _, length = unpack(file, "hi")
    name, unit, _ = read_text(file), read_text(file), read_text(file)
    form, width, _, extended = unpack(file, "hhdi")
    if length < 0 or width < 0 or not 16 <= extended <= 1 << 16:
        raise SpecsrError(f"is damaged: the header of channel {short(name)!r} has wrong sizes")
    more = take(file, extended)
    (step,) = struct.unpack_from("<d", more, 8)
    code = more[_FORMAT_AT] if extended > _FORMAT_AT else 0
    if code not in _FORMATS:
        raise SpecsrError(
            f"channel {short(name)!r} has values of format {code}: expected 0, 1 or 2; "
            "export the file from catman as MAT, MDF 4 or UFF"
        )
    _, _, points = unpack(file, "bbB")
    take(file, 8 * points + 2)  # points of a linearisation, type of a thermocouple
    read_text(file)  # formula
    take(file, unpack(file, "i")[0])  # data base of the sensor
    dtype, before = np.dtype(_FORMATS[code][0]), _FORMATS[code][1]
    numeric = form == 0
    nbytes = before + length * dtype.itemsize if numeric else length * width
    return Head(
        name, unit_labels.clean(unit), length, numeric,
        step / 1e3 if np.isfinite(step) and step > 0 else 0.0,
        dtype, before, nbytes if length else 0,
    )  # fmt: skip


def short(name: str) -> str:
    """Return a name as a message shows it."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."


def unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    """Return the next values of a file, in a format of `struct` without its byte order."""
    form = "<" + form
    return struct.unpack(form, take(file, struct.calcsize(form)))


def read_text(file: BinaryIO) -> str:
    """Return the next text of a file, which has its length in front."""
    (length,) = unpack(file, "h")
    return take(file, length).decode("cp1252", "replace").strip(" \0")


def take(file: BinaryIO, count: int) -> bytes:
    """Return the next bytes of a file.

    Raises:
        SpecsrError: a negative count, or the file ends before.
    """
    found = file.read(count) if 0 <= count < 1 << 62 else b""
    if len(found) != count:
        raise SpecsrError("is cut off or damaged: its header ends too early; copy it again")
    return found
