"""Sidecar of an audio file, ``NAME.wav.json``: the fields that the file itself cannot hold.

The fields are those of `specsr.io.schema`, and two more::

    crc32       checksum of the audio file, 8 hex digits: detects a file that was edited or
                replaced later, whose level the sidecar no longer describes
    rpm         {"count": N, "zlib_base64": "..."}, see `pack`; a plain list of N numbers
                is read too

All fields but ``format`` are optional, so one line calibrates a recording of another program::

    {"format": "specsr-signal", "unit": "Pa", "full_scale": 2.76}
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import origin
from specsr.io.limits import check_size
from specsr.io.schema import SIGNAL, signal_arguments, signal_fields, whole
from specsr.signal import Signal


def sidecar_path(path: Path) -> Path:
    """Return the path of the sidecar of an audio file: in the same folder, its name + .json."""
    return path.with_name(path.name + ".json")


def is_needed(signal: Signal) -> bool:
    """Return whether a signal has fields that an audio file cannot hold."""
    plain = Signal(signal.samples[:, :1], max(1, round(signal.rate)))
    return signal.rpm is not None or signal_fields(signal) != signal_fields(plain)


def companions(path: Path, needed: bool) -> list[Path]:
    """Return the sidecar to write or delete; none if another program has a file of its name.

    A missing one is returned too: a job that writes the same output may add it meanwhile.

    Raises:
        SpecsrError: a sidecar is needed, and another program has a file of its name.
    """
    side = sidecar_path(path)
    try:
        foreign = side.is_file() and load(path) is None
    except SpecsrError:
        foreign = False
    if foreign and needed:
        raise SpecsrError(
            f"{path}: its calibration has to be stored in {side.name}, which holds other data: "
            "move that file, or choose another name"
        )
    return [] if foreign else [side]


def encode(signal: Signal, audio: Path, rpm: np.ndarray | None) -> str:
    """Return the sidecar of a signal as JSON text.

    Args:
        signal: the signal, or its first part.
        audio: the audio file that was written.
        rpm: rpm of the whole signal, 1/min, [N], or None.
    """
    fields = signal_fields(signal) | {"crc32": checksum(audio)}
    if origin.stated() is not None:
        fields[origin.KEY] = origin.stated()
    if rpm is not None:
        fields["rpm"] = pack(rpm)
    return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"


def load(path: Path, kind: str = SIGNAL) -> dict[str, Any] | None:
    """Return the fields in the sidecar of a file; None without a sidecar of format ``kind``.

    Raises:
        SpecsrError: the sidecar is not JSON.
    """
    side = sidecar_path(path)
    if not side.is_file():
        return None
    # a list of numbers takes up to 20 bytes for each of its own
    check_size(20 * side.stat().st_size, f"its sidecar {side.name}")
    try:
        fields = json.loads(side.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise SpecsrError(
            f"its sidecar {side.name} cannot be read ({error}): fix it, or delete it and give unit "
            "and calib"
        ) from error
    return fields if isinstance(fields, dict) and fields.get("format") == kind else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, in which every key is there once."""
    found = dict(pairs)
    for key, value in pairs:
        if value is not found[key] and value != found[key]:  # a NaN differs from itself
            raise ValueError(f"its key {key!r} is there twice")
    return found


def arguments(path: Path, fields: dict[str, Any], rate: int) -> dict[str, Any]:
    """Return keyword arguments of `Signal` from a sidecar, checked against its audio file.

    Args:
        path: the audio file.
        fields: the fields of its sidecar.
        rate: sampling rate in the audio file, Hz.

    Raises:
        SpecsrError: a field is wrong, or the file was changed after the sidecar was written.
    """
    name = sidecar_path(path).name
    try:
        if isinstance(fields.get("rpm"), dict):
            fields = fields | {"rpm": unpack(fields["rpm"])}
        known = {"rate": rate} | signal_arguments(fields)
    except SpecsrError as error:
        raise SpecsrError(f"its sidecar {name}: {error}") from None
    crc = fields.get("crc32")
    if round(known["rate"]) != rate or (crc is not None and crc != checksum(path)):
        raise SpecsrError(
            f"its sidecar {name} describes another state of the file, which was edited or replaced "
            "later: delete the sidecar and give unit and calib"
        )
    return known


def checksum(path: Path) -> str:
    """Return the CRC-32 of a file as 8 hex digits."""
    crc = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            crc = zlib.crc32(block, crc)
    return f"{crc:08x}"


def pack(values: np.ndarray) -> dict[str, Any]:
    """Return float64 values [N] as JSON without loss: a few bytes each if they vary smoothly.

    The bit patterns are interpreted as little-endian int64 and differenced (the first from 0).
    All lowest bytes are stored first, then all second ones and so on; deflated, in base64.
    """
    steps = np.diff(np.ascontiguousarray(values, "<f8").view("<i8"), prepend=np.int64(0))
    planes = steps.astype("<i8").view(np.uint8).reshape(-1, 8).T
    packed = base64.b64encode(zlib.compress(planes.tobytes(), 1))
    return {"count": len(values), "zlib_base64": packed.decode("ascii")}


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Return the float64 values of `pack`.

    Raises:
        SpecsrError: the text is damaged.
    """
    try:
        count = whole(packed["count"], "count")
        check_size(4 * 8 * count, "its rpm")  # as stored, its planes, the steps and their sum
        # The limit prevents a small damaged text from filling the memory.
        raw = zlib.decompressobj().decompress(
            base64.b64decode(packed["zlib_base64"]), 8 * count + 1
        )
        if count < 1 or len(raw) != 8 * count:
            raise ValueError("its count and its data differ")
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error) as error:
        raise SpecsrError(f"rpm is damaged ({error})") from None
    planes = np.frombuffer(raw, np.uint8).reshape(8, count)
    steps = np.ascontiguousarray(planes.T).view("<i8").ravel()
    return np.cumsum(steps, dtype=np.int64).view(np.float64)
