"""Fields of a signal and of a map in the files of specsr, apart from the samples.

Signal fields (in an audio sidecar as JSON, in ``.npz`` and ``.h5`` as one entry each)::

    format      "specsr-signal"
    version     1
    unit        "Pa", "m/s2", "g", "m/s", "m", "N", "V" or "1"
    full_scale  value in `unit` of digital full scale (1.0)
                (in a sidecar both may be lists, one entry per channel: ["Pa", "1/min"])
    rate        Hz, not always an integer
    start       time of the first sample, s
    channels    one name per channel
    rpm         1/min at every sample; absent if unknown
    origin      JSON object, see `specsr.io.origin`; may be absent, and is not read

Map fields (``.npz`` and ``.h5``)::

    format      "specsr-map"
    version     1
    grid        JSON object: rate, n_fft, hop_length, length, window, scaling, unit, start, cell
    channels    JSON list, one name per channel
    magnitude   float32 [channels, rows, frames], rms in `unit` (or unit/sqrt(Hz) for psd)
    phase       float32, same shape, rad; absent if unknown
    known       bool [rows]; absent if every row was measured
    rpm         float64 [length]; absent if unknown
    uncertainty_db  float32, shape of magnitude, dB: half-width of the 68 % interval; may be absent
                (called std_db by version 0.1.0)
    rpm_confidence  float32 [frames], 0 to 1; may be absent
    rpm_source  "given", "corrected" or "found"; may be absent
    shafts      JSON list, names of further shafts; may be absent
    shaft_rpm   float64 [shafts, length], shaft_confidence float32 [shafts, frames]: of those
    origin      as in a signal
    freqs       Hz [rows], times: s [frames]: for other programs, computed from the grid on reading
"""

from __future__ import annotations

import difflib
import json
import logging
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.names import storable
from specsr.signal import Signal

SIGNAL = "specsr-signal"
MAP = "specsr-map"
VERSION = 1
_SIGNAL_KEYS = ("format", "version", "unit", "full_scale", "rate", "start", "channels", "rpm")
_OTHER_KEYS = ("channel", "type", "samples", "crc32", "origin")

log = logging.getLogger(__name__)


def check_version(fields: dict[str, Any]) -> None:
    """Raise `SpecsrError` for fields of a later version of the format."""
    version = fields.get("version", VERSION)
    if not isinstance(version, int) or version < 1:
        raise SpecsrError(f"version is {version!r}: expected an integer from 1 up")
    if version > VERSION:
        raise SpecsrError(
            f"written in version {version} of the format, versions up to {VERSION} are known: "
            "update specsr"
        )


def misspelt(
    fields: Iterable[str], known: Iterable[str], words: Iterable[str] = ()
) -> dict[str, str]:
    """Return keys that resemble a known one that is absent: what was written -> what was meant.

    Args:
        fields: the keys.
        known: keys with a meaning.
        words: other keys that resemble a known one and are none.
    """
    given, wanted = set(fields), set(known)
    found = {}
    for key in sorted(given - wanted - set(words)):
        for near in difflib.get_close_matches(key, sorted(wanted - given), 1, 0.74):
            found[key] = near
    return found


def number(fields: dict[str, Any], key: str, default: float) -> float:
    """Return a finite number of the fields, the default if the key is absent."""
    value = fields.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SpecsrError(f"{key} is {value!r}: expected a finite number")
    return float(value)


def names(fields: dict[str, Any]) -> tuple[str, ...]:
    """Return the channel names, () if none are given."""
    value = fields.get("channels", [])
    if isinstance(value, str):
        value = _from_json(value, "channels")
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise SpecsrError(f"channels is {value!r}: expected a list of names")
    kept = tuple(map(storable, value))
    for name, own in zip(kept, value):
        if name != own:
            log.warning("channel name %s was changed to %r", ascii(own), name)
    return kept


def signal_fields(signal: Signal) -> dict[str, Any]:
    """Return the fields of a signal without its samples and its rpm."""
    return {
        "format": SIGNAL,
        "version": VERSION,
        "unit": signal.unit,
        "full_scale": float(signal.full_scale),
        "rate": signal.rate,
        "start": float(signal.start),
        "channels": list(signal.channels),
    }


def signal_arguments(fields: dict[str, Any]) -> dict[str, Any]:
    """Return checked arguments of a signal from its fields (no rate if none is given).

    ``unit`` and ``full_scale`` may be lists, one entry per channel.

    Raises:
        SpecsrError: a field has a wrong type or value, or a later version wrote it.
    """
    check_version(fields)
    for key, known in misspelt(fields, _SIGNAL_KEYS, _OTHER_KEYS).items():
        raise SpecsrError(f"its key {key!r} is unknown: did you mean {known!r}?")
    given = fields.get("full_scale", 1.0)
    scales = given if isinstance(given, list) else [given]
    scales = [number({"full_scale": scale}, "full_scale", 1.0) for scale in scales]
    if min(scales, default=1.0) <= 0:
        raise SpecsrError(f"full_scale is {min(scales)}: expected a value above zero")
    full_scale = scales if isinstance(given, list) else scales[0]
    unit = fields.get("unit", "1")
    if not all(isinstance(label, str) for label in (unit if isinstance(unit, list) else [unit])):
        raise SpecsrError(f"unit is {unit!r}: expected a unit such as Pa, or one per channel")
    arguments: dict[str, Any] = {
        "unit": unit,
        "full_scale": full_scale,
        "start": number(fields, "start", 0.0),
        "channels": names(fields),
    }
    if "rate" in fields:
        arguments["rate"] = number(fields, "rate", 0.0)
    if fields.get("rpm") is not None:
        arguments["rpm"] = numeric(fields["rpm"], "rpm")
    return arguments


def numeric(value: Any, key: str) -> np.ndarray:
    """Return an entry as an array of real numbers."""
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise SpecsrError(f"{key} is of type {array.dtype}: expected real numbers")
    return array


def grid_json(grid: Grid) -> str:
    """Return a grid as JSON text."""
    return json.dumps(asdict(grid))


def grid_from_json(text: Any) -> Grid:
    """Return the grid of `grid_json` text.

    Raises:
        SpecsrError: the text is damaged, or a field of the grid is missing or invalid.
    """
    fields = _from_json(text, "grid")
    if not isinstance(fields, dict):
        raise SpecsrError("grid is damaged: expected a JSON object")
    missing = {"rate", "n_fft", "hop_length", "length"} - fields.keys()
    if missing:
        raise SpecsrError(f"grid has no {', '.join(sorted(missing))}")
    rate = number(fields, "rate", 0.0)
    if rate <= 0:
        raise SpecsrError(f"rate is {rate}: expected a sampling rate in Hz above zero")
    cell = fields.get("cell", [1, 1])
    if not isinstance(cell, list) or len(cell) != 2:
        raise SpecsrError(f"cell is {cell!r}: expected two integers")
    return Grid(
        rate,
        whole(fields["n_fft"], "n_fft"),
        whole(fields["hop_length"], "hop_length"),
        whole(fields["length"], "length"),
        window=str(fields.get("window", "hann")),
        scaling=str(fields.get("scaling", "rms")),
        unit=str(fields.get("unit", "1")),
        start=number(fields, "start", 0.0),
        cell=(whole(cell[0], "cell"), whole(cell[1], "cell")),
    )


def whole(value: Any, key: str) -> int:
    """Return an integer value as an int; raise `SpecsrError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1:
        raise SpecsrError(f"{key} is {value!r}: expected an integer")
    return int(value)


def _from_json(text: Any, key: str) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecsrError(f"{key} is damaged: expected JSON text ({error})") from None
