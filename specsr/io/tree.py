"""Channels in files without a schema: variables of a MAT file, data sets of a foreign HDF5 file.

What counts as a channel is an array of numbers with a sampling rate: its own attribute, a variable
named after it (``fs_rpm`` for ``rpm``), or one of its group or of the whole file (``fs``).  Units
and start times are looked up in the same order; a variable ``t`` or ``time`` stands for a rate.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels as units
from specsr.io.recording import Channel, Contents
from specsr.io.times import even_times, snap

_RATE = ("fs", "rate", "samplerate", "samplingrate", "samplefrequency", "samplingfrequency", "sr",
         "fsamp", "fsample", "frequencysampling")  # fmt: skip
_STEP = ("dt", "increment", "wfincrement", "xincrement", "samplinginterval", "timestep",
         "deltat", "tsample")  # fmt: skip
_UNIT = ("unit", "units", "unitstring", "yunit", "unity")
_START = ("start", "t0", "starttime", "wfstartoffset", "startoffset", "xstart")
_TIME = ("t", "time", "times", "timestamp", "timestamps", "zeit", "temps")
_MOST_CHANNELS = 512
"""Rows that an array may have and still be channels; above that it is a map or a matrix."""


def find_channels(tree: dict[str, Any]) -> Contents:
    """Return the channels in nested dicts of arrays, single values and texts.

    Raises:
        SpecsrError: there is no array of numbers that could be a channel.
    """
    channels: list[Channel] = []
    notes: list[str] = []
    _walk(tree, {}, {}, "", channels, notes)
    if not channels:
        shown = ", ".join(sorted(key for key in tree if key)[:8]) or "nothing"
        raise SpecsrError(
            f"holds {shown}: expected an array of samples and its rate (fs, or dt, or a time axis)"
        )
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def _walk(
    group: dict[str, Any],
    inherited: dict[str, Any],
    times: dict[int, np.ndarray],
    path: str,
    channels: list[Channel],
    notes: list[str],
) -> None:
    own = {_key(k): v for k, v in group.items() if isinstance(v, (str, int, float))}
    times = times | {len(a): a for k, v in group.items() if (a := _time_axis(k, v)) is not None}
    for key, value in group.items():
        if _time_axis(key, value) is not None:
            continue
        inner = f"{path}/{key}".strip("/")
        if isinstance(value, dict):
            _walk(value, inherited | own, times, inner, channels, notes)
        elif isinstance(value, (list, tuple)):
            for i, part in enumerate(value):
                if isinstance(part, dict):
                    _walk(part, inherited | own, times, f"{inner}[{i}]", channels, notes)
        elif _is_samples(value):
            where, _, name = inner.rpartition("/")
            facts = (own, inherited) if key == "" else ({}, inherited | own)
            channels += _channels(value, name, where, facts, times, notes)


def _channels(
    array: np.ndarray,
    name: str,
    group: str,
    facts: tuple[dict[str, Any], dict[str, Any]],
    times: dict[int, np.ndarray],
    notes: list[str],
) -> list[Channel]:
    """Return one channel a row; ``facts`` are its own attributes and those of all around it."""
    rows = np.atleast_2d(array)
    rows = rows.T if rows.shape[0] > rows.shape[1] else rows
    if len(rows) > _MOST_CHANNELS or _key(name) in ("freqs", "frequency", "frequencies"):
        return []
    found, step = _number(facts, name, _RATE), _number(facts, name, _STEP)
    start, stamps, note = _number(facts, name, _START) or 0.0, None, ""
    rate = None
    if found or step:
        rate, note = snap(found or 1 / (step or 1.0))
    elif rows.shape[1] in times:
        even = even_times(times[rows.shape[1]])
        if even is None:
            stamps = times[rows.shape[1]]
        else:
            rate, start, note = even
    if note:
        notes.append(f"channel {name}: {note}")
    labels = _look(facts, name, _UNIT, str)
    label = units.clean(labels[0]) if labels else ""
    if labels and not labels[1] and units.is_speed("", name):
        label = "1/min"  # a unit for all is that of the sound
    names = [name] if len(rows) == 1 else [f"{name} {i + 1}" for i in range(len(rows))]
    return [
        Channel(
            title, np.ascontiguousarray(row), rate, label=label, group=group, start=start,
            times=stamps,
        )
        for title, row in zip(names, rows)
    ]  # fmt: skip


def _look(facts: tuple[dict, dict], name: str, keys: tuple[str, ...], kind: type | tuple) -> Any:
    """Return a fact on a channel and whether it is the channel's own; None where there is none."""
    own, around = facts
    special = [_key(pair) for key in keys for pair in (key + name, name + key)]
    for place, candidates, mine in ((own, keys, True), (around, special, True),
                                    (around, keys, False)):  # fmt: skip
        for key in candidates:
            if isinstance(place.get(key), kind) and not isinstance(place[key], bool):
                return place[key], mine
    return None


def _number(facts: tuple[dict, dict], name: str, keys: tuple[str, ...]) -> float | None:
    found = _look(facts, name, keys, (int, float))
    return float(found[0]) if found else None


def _time_axis(key: str, value: Any) -> np.ndarray | None:
    array: Any = value.get("") if isinstance(value, dict) else value
    fits = _key(key) in _TIME and _is_samples(array) and max(array.shape) == array.size
    return array.ravel() if fits else None


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_samples(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "iuf"
        and 1 <= value.ndim <= 2
        and max(value.shape) > 1
        and min(value.shape) > 0
    )
