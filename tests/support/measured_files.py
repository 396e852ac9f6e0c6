"""Small files of imc and catman, byte by byte, and a twin of dwdatareader for Dewesoft's."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Row:
    """One channel of a file.

    Attributes:
        name, unit: texts in the file.
        values: as stored.
        factor, offset: from stored values to the unit.
        limits: of 2-byte values (catman).
    """

    name: str
    unit: str
    values: np.ndarray
    factor: float = 1.0
    offset: float = 0.0
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Axis:
    """The axis of a file.

    Attributes:
        step: from value to value.
        unit: its label.
        start: first value.
    """

    step: float
    unit: str = "s"
    start: float = 0.0


_IMC_TYPES = {"u1": 1, "i1": 2, "u2": 3, "i2": 4, "u4": 5, "i4": 6, "f4": 7, "f8": 8}


def _block(key: str, content: bytes | str, version: int = 1) -> bytes:
    content = content.encode("cp1252") if isinstance(content, str) else content
    return b"|%s,%d,%d,%s;" % (key.encode(), version, len(content), content)


def _counted(text: str) -> str:
    return f"{len(text)},{text}"


def imc_file(path: Path, rows: list[Row], axis: Axis, over: Row | None = None) -> Path:
    """Write a file of imc (format 2): one group of keys for each channel.

    Args:
        path: the file.
        rows: its channels.
        axis: of all of them.
        over: a channel with the abscissa of the others, in place of the axis.
    """
    parts = [_block("CF", "1", 2), _block("CK", "1,1")]
    for number, row in enumerate(rows, 1):
        stored = [row, over] if over else [row]
        parts.append(_block("CG", f"{len(stored)},{len(stored)},{2 if over else 1}"))
        parts.append(_block("CD", f"{axis.step:.17E},1,{_counted(axis.unit)},0,0,0,0.0,1", 2))
        parts.append(_block("NT", "1,1,1980,0,0,0.0"))
        samples = b""
        for place, one in enumerate(stored, 1):
            values = one.values
            code, width = _IMC_TYPES[values.dtype.str[1:]], values.dtype.itemsize
            scaled = int(one.factor != 1 or one.offset != 0)
            parts += [
                _block("CC", f"{place},1"),
                _block("CP", f"{place},{width},{code},{8 * width},0,0,1,0"),
                _block("Cb", f"1,0,{place},{number},{len(samples)},{values.nbytes},0,"
                       f"{values.nbytes},1,{axis.start:.17E},0.0,"),
                _block("CR", f"{scaled},{one.factor:.17E},{one.offset:.17E},1,"
                       f"{_counted(one.unit)}"),
            ]  # fmt: skip
            if place == 1:
                parts.append(_block("CN", f"0,0,0,{_counted(one.name)},0,"))
            samples += values.tobytes()
        parts.append(_block("CS", f"{number},".encode() + samples))
    path.write_bytes(b"".join(parts))
    return path


def catman_file(
    path: Path, rows: list[Row], step: float = 0.0, version: int = 5012, texts: int = 0
) -> Path:
    """Write a file of catman.

    Args:
        path: the file.
        rows: its channels, that of time among them; of type f8, f4, or u2 with limits.
        step: sample interval of all, s; 0 for none.
        version: of the header.
        texts: length of a channel of texts of 8 bytes behind the others, 0 for none.
    """
    heads, values = [], []
    for number, row in enumerate(rows):
        code = {"f8": 0, "f4": 1, "u2": 2}[row.values.dtype.str[1:]]
        heads.append(_catman_head(number + 1, row.name, row.unit, len(row.values), step, code))
        values.append(struct.pack("<dd", *row.limits) if row.limits else b"")
        values.append(row.values.tobytes())
    if texts:
        heads.append(_catman_head(len(rows) + 1, "remarks", "", texts, 0.0, 0, form=1))
        values.append(b"remark  " * texts)
    front = _catman_text("made for a test") + 32 * _catman_text(" ")
    front += struct.pack(f"<hi{len(heads)}ii", len(heads), 0, *range(len(heads)), 0)
    body = front + b"".join(heads)
    path.write_bytes(struct.pack("<hi", version, 6 + len(body)) + body + b"".join(values))
    return path


def _catman_text(text: str) -> bytes:
    raw = text.encode("cp1252")
    return struct.pack("<h", len(raw)) + raw


def _catman_head(
    number: int, name: str, unit: str, length: int, step: float, code: int, form: int = 0
) -> bytes:
    more = bytearray(148)
    struct.pack_into("<dd", more, 0, 45000.5, 1e3 * step)
    more[140] = code
    return (
        struct.pack("<hi", number, length) + _catman_text(name) + _catman_text(unit)
        + _catman_text("") + struct.pack("<hhdi", form, 8, 45000.5, len(more)) + bytes(more)
        + b"\x01\x00" + struct.pack("<Bdh", 1, 0.5, 0) + _catman_text("")
        + struct.pack("<i", 3) + b"abc"
    )  # fmt: skip


DEWESOFT_TWIN = '''
"""The part of dwdatareader's interface that is used; its files are JSON behind a signature."""
import json
import numpy as np


class DWError(RuntimeError):
    def __init__(self, message):
        super().__init__(10)
        self.message = message


class Named:
    def __init__(self, name):
        self.name = name


class Channel:
    def __init__(self, name, facts):
        self.name = self.long_name = name
        self.facts, self.unit = facts, facts.get("unit", "")
        self.data_type = Named(facts.get("type", "dtDouble"))
        self.array_size = facts.get("array", 1)
        self.sample_rate = facts.get("rate", 0.0)
        kind = "DW_CH_TYPE_SYNC" if self.sample_rate else "DW_CH_TYPE_ASYNC"
        self.channel_type = Named(facts.get("kind", kind))

    def scaled(self):
        if "fails" in self.facts:
            raise DWError(self.facts["fails"])
        values = np.array(self.facts["values"] * self.facts.get("repeat", 1), dtype=float)
        times = self.facts.get("start", 0.0) + np.arange(len(values)) / (self.sample_rate or 1)
        return np.array(self.facts.get("times", times)), values


class DWFile(dict):
    def __init__(self, source):
        with open(source, "rb") as file:
            try:
                found = json.loads(file.read()[25:])
            except ValueError:
                raise DWError("Specified file is corrupt") from None
        for name, facts in found.items():
            self[name] = Channel(name, facts)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.clear()
'''
