"""Search for channels in files without a schema: MAT variables, data sets of foreign HDF5 files.

A channel is an array of numbers with a sampling rate, a step or a time axis beside it
(`specsr.io.facts`).  Layouts of measurement programs are recognised first (`specsr.io.layouts`).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import layouts, unit_labels
from specsr.io.axis_labels import meaning
from specsr.io.facts import UNITS, Facts, facts_of, key, single, within
from specsr.io.recording import Channel, Contents
from specsr.io.references import Unread
from specsr.io.sampling import Sampling
from specsr.io.stated import Times, sampling_of, scaled
from specsr.io.titles import kind_of_name, split_title

_MOST_CHANNELS = 512
"""Largest number of rows of an array of channels; larger arrays are maps or matrices."""
_FREQUENCIES = ("freqs", "frequency", "frequencies", "freq")
_NAMES = ("channels", "names", "channelnames", "channelname", "labels", "signals", "signalnames")


def find_channels(tree: dict[str, Any]) -> Contents:
    """Return the channels in nested dicts of arrays, lists, single values and texts.

    Args:
        tree: content of a file, as `specsr.io.arrays.hdf5_tree` returns it.

    Raises:
        SpecsrError: it has no array of numbers that could be a channel.
    """
    known = layouts.find(tree)
    if known is not None:
        return known
    channels: list[Channel] = []
    notes: list[str] = []
    _walk(tree, {}, {}, "", channels, notes)
    if not channels:
        shown = ", ".join(sorted(name for name in tree if name)[:8]) or "nothing"
        raise SpecsrError(
            f"holds {shown}: expected an array of samples and its rate (fs, or dt, or a time axis)"
        )
    if not any(channel.kind == "speed" for channel in channels):
        constant = _constant_speed(tree, channels[0])
        if constant is not None:
            channels.append(constant)
            notes.append(f"the speed is {constant.samples[0]:g} 1/min throughout ({constant.name})")
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def _walk(
    group: dict[str, Any],
    inherited: dict[str, Any],
    axes: dict[int, tuple[Times, ...]],
    path: str,
    channels: list[Channel],
    notes: list[str],
) -> None:
    group = {k: v[""] if isinstance(v, dict) and set(v) == {""} else v for k, v in group.items()}
    own = facts_of(group)
    around = within(inherited, own)
    paired = _pairs(group, around)
    taken = {name for name, _ in paired.values()}
    own_axes: dict[int, tuple[Times, ...]] = {}
    for name, value in group.items():
        axis = _axis(name, value, around)
        if axis is not None and name not in taken:
            own_axes[len(axis.values)] = (*own_axes.get(len(axis.values), ()), axis)
            taken.add(name)
    axes = axes | {
        length: tuple(one for one in found if one.kind == "time") or found
        for length, found in own_axes.items()
    }
    for name, value in group.items():
        if name in taken:
            continue
        inner = f"{path}/{name}".strip("/")
        if isinstance(value, dict):
            _walk(value, around, axes, inner, channels, notes)
        elif isinstance(value, Unread):
            notes.append(f"{inner} is a cell array that is not read: save it with -v7")
        elif isinstance(value, (list, tuple)):
            labels = _texts(group, _NAMES, len(value))
            for i, part in enumerate(value):
                if isinstance(part, dict):
                    _walk(part, around, axes, f"{inner}[{i}]", channels, notes)
                elif is_samples(part):
                    title = labels[i] if labels else f"{name} {i + 1}"
                    facts = Facts({}, around, title)
                    channels += _channels(part, facts, path, axes, [title], notes)
        elif is_samples(value):
            where, _, title = inner.rpartition("/")
            facts = Facts(own, inherited, title) if name == "" else Facts({}, around, title)
            pair = paired.get(name)
            beside: dict[int, tuple[Times, ...]] = axes
            if pair:  # its own times, not the rate of the file
                beside = {len(pair[1].values): (pair[1],)}
                facts = Facts({}, {k: v for k, v in around.items() if k in UNITS}, title)
            names = _texts(group, _NAMES, min(np.atleast_2d(value).shape))
            channels += _channels(value, facts, where, beside, names, notes)


def _channels(
    array: np.ndarray,
    facts: Facts,
    group: str,
    axes: dict[int, tuple[Times, ...]],
    names: list[str],
    notes: list[str],
) -> list[Channel]:
    """Return a channel per row of an array.

    Args:
        array: [N], [C, N] or [N, C]; the longer axis is time.
        facts: of the array.
        group: its group.
        axes: time axes by their length.
        names: of the rows, [] without any.
        notes: list to which notes are appended.
    """
    name = facts.name
    rows = np.atleast_2d(array)
    rows = rows.T if rows.shape[0] > rows.shape[1] else rows
    if 1 < len(rows) == rows.shape[1] <= _MOST_CHANNELS:
        notes.append(f"{name} has as many rows as columns: its rows are read as channels")
    if len(rows) > _MOST_CHANNELS or key(name) in _FREQUENCIES:
        return []
    length = rows.shape[1]
    sampled, found = sampling_of(facts, axes.get(length, ()), length)
    label, own = facts.unit() or ("", True)
    shared = not own
    speed = unit_labels.is_speed("", name)
    if shared and speed:
        label = "1/min"  # a unit of the whole group is that of the sound
    rows, more = scaled(rows, facts, takes_shared=not speed)
    notes += [f"channel {name}: {note}" for note in (*found, *more)]
    weighting = facts.text("weighting", "frequencyweighting")
    if weighting and weighting.upper() not in ("Z", "LIN", "NONE", "LINEAR"):
        notes.append(f"channel {name} is {weighting}-weighted, and so are its levels")
    if len(names) != len(rows):
        names = [f"{name} {i + 1}" for i in range(len(rows))] if len(rows) > 1 else [name]
        if key(name) == "samples":
            names = [f"ch{i + 1}" for i in range(len(rows))]
    scale = facts.number("fullscale")
    return [
        Channel(
            title, np.ascontiguousarray(row), label=label, group=group,
            full_scale=scale[1] if scale and scale[1] > 0 else 1.0, **sampled.fields(),
        )
        for title, row in zip(names, rows)
    ]  # fmt: skip


def _axis(name: str, value: Any, around: dict[str, Any]) -> Times | None:
    """Return an array with the times, or the frequencies, of the others; None for other things.

    ``x`` and ``t`` are names of channels as well: ``x`` is an axis by its unit alone, ``t`` if it
    increases.
    """
    array: Any = value.get("") if isinstance(value, dict) else value
    stamps = isinstance(array, np.ndarray) and array.dtype.kind == "M"
    if not (stamps or is_samples(array)) or max(array.shape) != array.size:
        return None
    short = key(name)
    stated = Facts(facts_of(value) if isinstance(value, dict) else {}, around, name).unit()
    label = stated[0] if stated and stated[1] else ""  # a unit of the group is that of the samples
    base, suffix = split_title(name)  # time_ms
    label = label or suffix
    values = array.ravel()
    found = meaning(label)
    times = Times(values, label, base)
    kind = kind_of_name(base)
    if kind == "time":
        if found is None and unit_labels.is_known(label):
            return None  # a torque t in N
        return times if short != "t" or _increases(values) else None
    if short in _FREQUENCIES and _increases(values):
        return times
    if kind == "index" and not label and values[0] in (0, 1) and (np.diff(values) == 1).all():
        return times
    axis = found is not None and found.kind != "speed"
    named = short == "x" or kind in ("angle", "distance", "order", "index")
    return times if axis and named and _increases(values) else None


def _pairs(group: dict[str, Any], around: dict[str, Any]) -> dict[str, tuple[str, Times]]:
    """Return channel -> (name of its own time axis, its times): ``Data1_mic``, ``Data1_time_mic``.

    ``X097_DE_time`` without ``X097_DE`` holds samples.
    """
    found = {}
    for name, value in group.items():
        parts = name.split("_")
        for i, part in enumerate(parts):
            rest = "_".join(parts[:i] + parts[i + 1 :])
            if part.lower() not in ("time", "t", "zeit") or not rest or rest not in group:
                continue
            if not (is_samples(value) and is_samples(group[rest])):
                continue
            same = value.size == value.shape[-1] and max(group[rest].shape) == value.size
            if same and _increases(value.ravel()):
                label = around.get(f"{key(name)}unit", "")
                found[rest] = name, Times(value.ravel(), unit_labels.clean(label), "time")
    return found


def _texts(group: dict[str, Any], keys: tuple[str, ...], count: int) -> list[str]:
    """Return texts of a group, one for each of ``count`` channels; [] without them."""
    for name, value in group.items():
        if key(name) not in keys:
            continue
        if isinstance(value, str) and value.startswith("["):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                continue
        if isinstance(value, np.ndarray) and value.dtype.kind in "SU":
            value = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v
                     for v in value.ravel().tolist()]  # fmt: skip
        value = [value] if isinstance(value, str) and count == 1 else value
        if isinstance(value, list) and len(value) == count and all(
            isinstance(text, str) for text in value
        ):  # fmt: skip
            return value
    return []


def _constant_speed(tree: dict[str, Any], like: Channel) -> Channel | None:
    """Return the speed that a single value states, as a channel; None without exactly one."""
    found = [
        (name, value) for name, v in tree.items()
        if isinstance(value := single(v), (int, float)) and value > 0
        and (key(name) == "rpm" or name.endswith("RPM"))
    ]  # fmt: skip
    if len(found) != 1:
        return None
    [(name, value)] = found
    rpm = np.full(like.length, float(value))
    sampled = Sampling(like.rate, like.start, like.times)
    return Channel(name, rpm, label="1/min", **sampled.fields())


def _increases(values: np.ndarray) -> bool:
    return bool((values[1:] > values[:-1]).all())


def is_samples(value: Any) -> bool:
    """Return whether a value is an array of numbers that can be one or several channels."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "iuf"
        and 1 <= value.ndim <= 2
        and max(value.shape) > 1
        and min(value.shape) > 0
    )
