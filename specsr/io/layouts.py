"""Layouts of MAT files that measurement programs and data sets of bearings use.

Simcenter Testlab (``x_values``, ``y_values``), PULSE and catman (``Channel_1_Data``,
``Channel_1_Header``), HEAD ArtemiS (``shdf``), the MFPT bearing data (``sr``, ``gs``, ``rate``) and
those of Case Western Reserve University (``X097_DE_time``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels
from specsr.io.axis_labels import Kind, meaning, quantity
from specsr.io.recording import Channel, Contents
from specsr.io.sampling import Sampling, agreed, asked, of_rate, of_step, of_values
from specsr.io.titles import kind_of_name

_CWRU = re.compile(r"X\d{3}_?(DE|FE|BA)_time")


def find(tree: dict[str, Any]) -> Contents | None:
    """Return the channels of a file in a known layout; None for other files.

    Raises:
        SpecsrError: a value of the layout is wrong, or it holds no recording.
    """
    plain = _plain(tree)
    for layout in (_testlab, _headers, _head, _mfpt, _cwru):
        found = layout(plain)
        if found is not None:
            return found
    return None


def _testlab(tree: dict[str, Any]) -> Contents | None:
    """Simcenter Testlab: structs with ``x_values`` and ``y_values``."""
    channels: list[Channel] = []
    spectra = []
    for group, part in _structs(tree, ""):
        x, y = part.get("x_values"), part.get("y_values")
        if not (isinstance(x, dict) and isinstance(y, dict)):
            continue
        label = _label(x)
        kind = kind_of_name(_text(_dict(x, "quantity"), "name") or "time") or "time"
        if isinstance(x.get("values"), np.ndarray) and "increment" not in x:
            sampled = of_values(x["values"].ravel(), label, kind)
        else:
            start = _number(x, "start_value") or 0.0
            sampled = of_step(_number(x, "increment") or 0.0, start, label, kind)
        rows = _rows(y.get("values"))
        if rows is None:  # complex numbers, as those of a spectrum
            spectra.append(group)
            continue
        about = _dict(part, "function_record")
        names = _list(about.get("name")) or _list(y.get("name"))
        unit = unit_labels.clean(_label(y))
        for i, row in enumerate(rows):
            name = names[i] if i < len(names) else f"{group} {i + 1}" if len(rows) > 1 else group
            channels.append(Channel(name, row, label=unit, group=group, **sampled.fields()))
    if spectra and not channels:
        raise SpecsrError(f"holds complex spectra ({', '.join(spectra)}): export the time signals")
    notes = [f"{', '.join(spectra)}: complex values, skipped"] if spectra else []
    return Contents(tuple(channels), tuple(notes)) if channels else None


def _headers(tree: dict[str, Any]) -> Contents | None:
    """PULSE and catman: ``Channel_1_Data`` beside ``Channel_1_Header``."""
    pairs = []
    for name, value in tree.items():
        head = tree.get(name.removesuffix("_Data") + "_Header")
        if name.endswith("_Data") and isinstance(head, dict) and (rows := _rows(value)) is not None:
            pairs.append((name.removesuffix("_Data"), rows[0], head))
    if not pairs:
        return None
    shared = _dict(tree, "File_Header")
    axes = {}
    for name, row, head in pairs:
        label = unit_labels.clean(_text(head, "Unit"))
        found = meaning(label)
        if kind_of_name(_text(head, "SignalName")) == "time" and (not label or found):
            axes[len(row)] = name, label
    channels, notes = [], []
    for name, row, head in pairs:
        if (name, unit_labels.clean(_text(head, "Unit"))) in axes.values():
            continue
        stated = []
        for place in (head, shared):
            value = quantity(place.get("SampleFrequency"))
            if value is not None:
                stated.append(("SampleFrequency", of_rate(*value, name="SampleFrequency")))
        if len(row) in axes:
            axis, label = axes[len(row)]
            times = next(values for key, values, _ in pairs if key == axis)
            stated.append((axis, of_values(times, label)))
        uneven = next((one for _, one in stated if one.times is not None), None)
        sampled = uneven or agreed(stated)
        title = _text(head, "SignalName").strip() or name
        if sampled.note:
            notes.append(f"channel {title}: {sampled.note}")
        channels.append(
            Channel(title, row, label=unit_labels.clean(_text(head, "Unit")), **sampled.fields())
        )
    return Contents(tuple(channels), tuple(notes)) if channels else None


def _head(tree: dict[str, Any]) -> Contents | None:
    """HEAD ArtemiS: a struct ``shdf`` with ``Data`` [C, N], ``Absc`` and ``Chn``."""
    part = tree.get("shdf")
    if not isinstance(part, dict) or "Data" not in part:
        return None
    axis = part.get("Absc")
    if not isinstance(axis, dict):
        raise SpecsrError("holds a map over two axes (shdf): export the time signal, or the map")
    values = part["Data"]
    rows = _rows(values)
    if rows is None:
        raise SpecsrError("holds no real numbers (shdf.Data): export the time signal")
    chains = part.get("Chn")
    about: list[Any] = chains if isinstance(chains, list) else [chains]
    if isinstance(chains, dict) and isinstance(chains.get("szName"), list):  # as 7.3 stores it
        lists = {key: value for key, value in chains.items() if isinstance(value, list)}
        about = [dict(zip(lists, values)) for values in zip(*lists.values())]
    label = unit_labels.clean(_text(axis, "szUnit"))
    short = _text(axis, "szAbbrev")
    kinds: dict[str, Kind] = {"t": "time", "f": "frequency", "n": "speed"}
    kind = kinds.get(short) or kind_of_name(short)
    times = part.get("Absc1Data")
    channels = []
    for i, row in enumerate(rows):
        facts = about[i] if i < len(about) and isinstance(about[i], dict) else {}
        stated = []
        if isinstance(times, np.ndarray) and times.size == len(row):
            stated.append(("Absc1Data", of_values(times.ravel(), label, kind or "time")))
        value = quantity(facts.get("dSamplingrate"))
        if value is not None and kind == "time":
            stated.append(("dSamplingrate", of_rate(*value, name="dSamplingrate")))
        other = next((one for _, one in stated if one.over or one.times is not None), None)
        unit = unit_labels.clean(_text(facts, "szUnit"))
        name = _text(facts, "szName").strip() or f"ch{i + 1}"
        channels.append(Channel(name, row, label=unit, **(other or agreed(stated)).fields()))
    return Contents(tuple(channels))


def _mfpt(tree: dict[str, Any]) -> Contents | None:
    """MFPT: ``sr`` is the rate of the samples ``gs`` in g, ``rate`` that of the shaft in Hz."""
    for _, part in _structs({"": tree}, ""):
        if {"sr", "gs", "rate", "load"} <= part.keys():
            rate, shaft, rows = quantity(part["sr"]), quantity(part["rate"]), _rows(part["gs"])
            if rate is None or shaft is None or rows is None:
                return None
            sampled = of_rate(*rate, name="sr")
            speed = np.full(len(rows[0]), 60 * shaft[0])
            note = f"rate is that of the shaft: {shaft[0]:g} Hz, {60 * shaft[0]:g} 1/min throughout"
            return Contents((
                Channel("gs", rows[0], label="g", **sampled.fields()),
                Channel("rate", speed, label="1/min", **sampled.fields()),
            ), (note,))  # fmt: skip
    return None


def _cwru(tree: dict[str, Any]) -> Contents | None:
    """CWRU: ``X097_DE_time`` and a single ``X097RPM``; the rate is in the list of the files."""
    channels = []
    for name, value in tree.items():
        rows = _rows(value)
        if _CWRU.fullmatch(name) and rows is not None:
            why = asked(
                "bearing data of this layout state no rate: most files have 12000, some 48000"
            )
            stated = quantity(tree.get("fs")) if "fs" in tree else None
            sampled = of_rate(*stated) if stated else why
            channels.append(Channel(name, rows[0], **sampled.fields()))
    if not channels:
        return None
    speeds = [(k, v) for k, v in tree.items() if k.endswith("RPM") and isinstance(v, (int, float))]
    notes = []
    if len(speeds) == 1 and speeds[0][1] > 0:
        [(name, rpm)] = speeds
        like = channels[0]
        same = Sampling(like.rate).fields()
        channels.append(Channel(name, np.full(like.length, float(rpm)), label="1/min", **same))
        notes.append(f"the speed is {rpm:g} 1/min throughout ({name})")
    return Contents(tuple(channels), tuple(notes))


def _plain(tree: Any) -> Any:
    """Return a tree in which arrays without attributes are arrays, not dicts with the key ""."""
    if isinstance(tree, dict):
        return _plain(tree[""]) if set(tree) == {""} else {k: _plain(v) for k, v in tree.items()}
    return [_plain(part) for part in tree] if isinstance(tree, list) else tree


def _structs(tree: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and fields of every struct in a tree."""
    for name, value in tree.items():
        parts = value if isinstance(value, list) else [value]
        for i, part in enumerate(parts):
            if isinstance(part, dict):
                where = f"{path}/{name}".strip("/") + (f"[{i}]" if len(parts) > 1 else "")
                yield where, part
                yield from _structs(part, where)


def _rows(value: Any) -> list[np.ndarray] | None:
    """Return the channels of an array [N], [N, C] or [C, N]; None for other values."""
    real = isinstance(value, np.ndarray) and value.dtype.kind in "iuf"
    if not real or value.ndim not in (1, 2) or not value.size or max(value.shape) < 2:
        return None
    rows = np.atleast_2d(value)
    rows = rows.T if rows.shape[0] > rows.shape[1] else rows
    return [np.ascontiguousarray(row) for row in rows]


def _dict(part: dict[str, Any], name: str) -> dict[str, Any]:
    value = part.get(name)
    return value if isinstance(value, dict) else {}


def _text(part: dict[str, Any], name: str) -> str:
    value = part.get(name)
    return value if isinstance(value, str) else ""


def _number(part: dict[str, Any], name: str) -> float | None:
    value = quantity(part.get(name))
    return None if value is None else value[0]


def _label(part: dict[str, Any]) -> str:
    return unit_labels.clean(_text(_dict(part, "quantity"), "label"))


def _list(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
