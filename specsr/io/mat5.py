"""Reader of MATLAB 5 files (``save -v6`` and ``-v7``) that checks every length.

scipy reads such files too, but a damaged file can crash the interpreter in its compiled reader.
The layout is that of MathWorks' "MAT-File Format": a header of 128 bytes, then elements with a
type, a length and data aligned to 8 bytes; an array is an element that contains elements.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.limits import Total, array_memory

_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
          13: "u8", 16: "u1", 17: "u2", 18: "u4"}  # fmt: skip
_MATRIX, _COMPRESSED, _UTF8 = 14, 15, 16
_CELL, _STRUCT, _CHAR, _NUMBERS = 1, 2, 4, range(6, 16)
_COMPLEX = 0x0800
_CLASSES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
"""dtype of the classes from 6 (double) up."""
_PIECE = 1 << 20
"""Bytes that are inflated at a time."""
_DEEPEST = 32
_MOST_PARTS = 100_000
_CUT = "is cut off or damaged: the length of a variable is wrong; copy or save it again"


def load(path: Path) -> dict[str, Any]:
    """Return the variables: arrays without dimensions of 1, numbers, texts, lists, dicts.

    Other classes (objects, functions, sparse and complex arrays) are None.

    Raises:
        SpecsrError: no MATLAB 5 header, or a wrong length.
    """
    total = Total("its variables")
    total.add(2 * path.stat().st_size)  # the file, and its elements one after the other
    data = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None or np.frombuffer(data, order + "u2", 1, 124)[0] != 0x0100:
        raise SpecsrError(
            "cannot be read as .mat: it has no header of MATLAB 5 or 7.3; save it again with "
            "save(NAME, '-v7')"
        )
    variables = {}
    for kind, content in _elements(data[128:], order, aligned=False):
        if kind == _COMPRESSED:
            content = _inflated(content, total)
            [(kind, content)] = list(_elements(content, order))[:1] or [(0, b"")]
        if kind != _MATRIX:
            raise SpecsrError(_CUT)
        name, value = _array(content, order, 0, total)
        variables[name] = value
    return variables


def _inflated(content: bytes, total: Total) -> bytes:
    """Return a compressed element, inflated piece by piece within the limit of memory."""
    inflater, parts = zlib.decompressobj(), []
    try:
        while not inflater.eof:
            part = inflater.decompress(content, _PIECE)
            if not part and not inflater.eof:
                raise SpecsrError(f"{_CUT} (incomplete or truncated stream)")
            total.add(2 * len(part))  # the pieces, and their sum
            parts.append(part)
            content = inflater.unconsumed_tail
    except zlib.error as error:
        raise SpecsrError(f"{_CUT} ({error})") from None
    return b"".join(parts)


def _elements(data: bytes, order: str, aligned: bool = True) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of every element in ``data``."""
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise SpecsrError(_CUT)
        kind, length = (int(n) for n in np.frombuffer(data, order + "u4", 2, position))
        first = position + 8
        if kind >> 16:  # a small element: length, type and up to 4 bytes in 8 bytes
            kind, length, first = kind & 0xFFFF, kind >> 16, position + 4
            if length > 4:
                raise SpecsrError(_CUT)
            position += 8
        else:
            position = first + length + (-length % 8 if aligned else 0)
        if first + length > len(data):
            raise SpecsrError(_CUT)
        yield kind, data[first : first + length]


def _array(data: bytes, order: str, depth: int, total: Total) -> tuple[str, Any]:
    """Return name and value of an array."""
    if depth > _DEEPEST:
        raise SpecsrError(f"is damaged: its structs are nested more than {_DEEPEST} levels deep")
    if not data:
        return "", None
    parts = _elements(data, order)
    flags = _numbers(parts, order, "u4")
    kind = int(flags[0]) & 0xFF if len(flags) else 0
    if kind not in (_CELL, _STRUCT, _CHAR, *_NUMBERS):
        # An object has its name in the place of the dimensions; its content is skipped.
        return f"({kind})", None
    shape = tuple(int(n) for n in _numbers(parts, order, "i4"))
    name = _numbers(parts, order, "u1").tobytes().decode("utf-8", "replace")
    if len(shape) < 2 or min(shape) < 0:
        raise SpecsrError(_CUT)
    count = math.prod(shape)
    if kind == _CHAR:
        return name, _text(parts, order)
    if kind in _NUMBERS:
        # a byte of the file may be a double: as stored, of its class, then as a signal
        total.add(len(data) + array_memory(count, np.dtype(_CLASSES[kind - 6])))
        values = _numbers(parts, order)
        if len(values) != count:
            raise SpecsrError(_CUT)
        if int(flags[0]) & _COMPLEX:
            return name, None
        values = _typed(values, kind)
        return name, _plain(values.reshape(shape, order="F").squeeze()) if count else values
    if count > _MOST_PARTS:
        raise SpecsrError(_CUT)
    if kind == _CELL:
        return name, [_part(parts, order, depth, total) for _ in range(count)]
    width = int(next(iter(_numbers(parts, order, "i4")), 0))
    names = _numbers(parts, order, "u1").tobytes()
    if width < 1 or len(names) % width:
        raise SpecsrError(_CUT)
    fields = [
        names[i : i + width].split(b"\0")[0].decode("utf-8", "replace")
        for i in range(0, len(names), width)
    ]
    items = [
        {field: _part(parts, order, depth, total) for field in fields} for _ in range(count)
    ]  # fmt: skip
    return name, items[0] if count == 1 else items


def _part(parts: Iterator[tuple[int, bytes]], order: str, depth: int, total: Total) -> Any:
    kind, content = next(parts, (0, b""))
    if kind != _MATRIX:
        raise SpecsrError(_CUT)
    return _array(content, order, depth + 1, total)[1]


def _numbers(parts: Iterator[tuple[int, bytes]], order: str, wanted: str = "") -> np.ndarray:
    """Return the next element as numbers [n], with ``wanted`` of that dtype and size only."""
    kind, content = next(parts, (0, b""))
    code = _TYPES.get(kind)
    if code is None or (wanted and np.dtype(code).itemsize != np.dtype(wanted).itemsize):
        raise SpecsrError(_CUT)
    values = np.frombuffer(content[: len(content) // int(code[1]) * int(code[1])], order + code)
    return values.astype(wanted or code)


def _text(parts: Iterator[tuple[int, bytes]], order: str) -> str:
    kind, content = next(parts, (_UTF8, b""))
    if kind == _UTF8:
        return content.decode("utf-8", "replace")
    codes = _numbers(iter([(kind, content)]), order)
    return "".join(chr(int(code)) for code in codes[:_MOST_PARTS] if 0 <= code < 0x110000)


def _typed(values: np.ndarray, kind: int) -> np.ndarray:
    """Return numbers in the dtype of their class: MATLAB stores integer doubles in fewer bytes."""
    return values.astype(_CLASSES[kind - 6])


def _plain(array: np.ndarray) -> Any:
    return array.item() if array.ndim == 0 else array
