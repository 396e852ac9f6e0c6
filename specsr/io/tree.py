"""Search for channels in files without a schema: MAT variables, data sets of foreign HDF5 files.

A channel is an array of numbers with a sampling rate: an attribute of the array, a variable named
after it (``fs_rpm`` for ``rpm``), or a variable of its group or of the whole file (``fs``).  Units
and start times are searched in the same order; a time axis ``t`` or ``time`` replaces a rate.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels
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
"""Largest number of rows of an array of channels; larger arrays are maps or matrices."""


def find_channels(tree: dict[str, Any]) -> Contents:
    """Return the channels in nested dicts of arrays, single values and texts.

    Args:
        tree: content of a file, as `specsr.io.arrays.hdf5_tree` returns it.

    Raises:
        SpecsrError: it has no array of numbers that could be a channel.
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
    """Return a channel per row of an array.

    Args:
        array: [N], [C, N] or [N, C]; the longer axis is time.
        name, group: of the array.
        facts: single values, of the array itself and of the groups around it.
        times: time axes by their length.
        notes: list to which notes are appended.
    """
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
    label = unit_labels.clean(labels[0]) if labels else ""
    if labels and not labels[1] and unit_labels.is_speed("", name):
        label = "1/min"  # a unit of the whole group is that of the sound
    names = [name] if len(rows) == 1 else [f"{name} {i + 1}" for i in range(len(rows))]
    return [
        Channel(
            title, np.ascontiguousarray(row), rate, label=label, group=group, start=start,
            times=stamps,
        )
        for title, row in zip(names, rows)
    ]  # fmt: skip


def _look(facts: tuple[dict, dict], name: str, keys: tuple[str, ...], kind: type | tuple) -> Any:
    """Return a value for a channel, and whether it is its own or its group's; None without one."""
    own, around = facts
    special = [_key(pair) for key in keys for pair in (key + name, name + key)]
    for values, candidates, is_own in ((own, keys, True), (around, special, True),
                                       (around, keys, False)):  # fmt: skip
        for key in candidates:
            if isinstance(values.get(key), kind) and not isinstance(values[key], bool):
                return values[key], is_own
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
