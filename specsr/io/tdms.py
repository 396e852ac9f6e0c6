"""NI TDMS files through npTDMS: waveform channels with their increment, unit and scaling.

Channels whose numbers are still the counts of a converter and carry no scaling that npTDMS knows
are refused: a level from counts would be wrong by orders of magnitude.
"""

from __future__ import annotations

import io
import logging
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels as units
from specsr.io.atomic import replacing
from specsr.io.optional import need
from specsr.io.recording import Channel, Contents
from specsr.io.times import even_times, snap
from specsr.signal import Signal

_SCALE = re.compile(r"NI_Scale\[\d+\]_Scale_Type")
_KNOWN_SCALES = {
    "Polynomial", "Linear", "RTD", "Strain", "Table", "Thermistor", "Thermocouple", "Add",
    "Subtract",
}  # fmt: skip
_TIME = re.compile(r"(?i)time|zeit|temps|t|x")


def read_tdms(path: Path) -> Contents:
    """Return the channels of a ``.tdms`` file, scaled to their units.

    Raises:
        SpecsrError: npTDMS is missing, the file is damaged or cut off, it holds no waveform, or
            samples without their scaling.
    """
    nptdms = need("nptdms", "tdms", ".tdms")
    nptdms.log.log_manager.set_level(logging.ERROR)  # what it warns of is raised here
    with (
        open(path, "rb", buffering=0) as raw,
        _Bounded(raw) as bytes_there,
        nptdms.TdmsFile.open(bytes_there) as file,
    ):
        if getattr(file.file_status, "incomplete_final_segment", False):
            raise SpecsrError("is cut off: its last segment is incomplete; copy it again")
        _check_counts(file)
        channels, notes, starts = [], [], []
        for group in file.groups():
            previews = group.properties.get("DecimationLevel", 0)
            if isinstance(previews, (int, np.integer)) and previews > 0:
                notes.append(f"group {group.name} is a decimated preview and is left out")
                continue
            for channel in _waveforms(group):
                made, note, when = _channel(file, group, channel)
                channels.append(made)
                starts.append(when)
                if note:
                    notes.append(f"channel {channel.name}: {note}")
    if not channels:
        raise SpecsrError("holds no waveform: expected a channel of numbers")
    return Contents(_relative(channels, starts), tuple(dict.fromkeys(notes)))


def write_tdms(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as ``.tdms``: one group, a channel for each of its own and one for the rpm."""
    if subtype is not None:
        raise SpecsrError(f"{path}: .tdms has no subtypes: leave subtype={subtype!r} out")
    nptdms = need("nptdms", "tdms", ".tdms")
    root = nptdms.RootObject({"writer": "specsr", "full_scale": float(signal.full_scale)})
    group = nptdms.GroupObject("specsr", {})
    rows = [(name, row, signal.unit) for name, row in zip(signal.channels, signal.samples)]
    if signal.rpm is not None:
        rows.append(("rpm", signal.rpm, "1/min"))
    shared = {
        "wf_increment": 1 / signal.rate, "wf_start_offset": float(signal.start),
        "wf_samples": signal.length, "specsr_rate": float(signal.rate),
    }  # fmt: skip
    objects = [
        nptdms.ChannelObject("specsr", name, np.ascontiguousarray(row), shared | {
            "unit_string": unit, "specsr_of_signal": unit == "1/min",
        })
        for name, row, unit in rows
    ]  # fmt: skip
    with (
        replacing(path, overwrite=overwrite) as (temp,),
        open(temp, "wb") as file,
        nptdms.TdmsWriter(file) as writer,
    ):
        writer.write_segment([root, group, *objects])


class _Bounded(io.BufferedReader):
    """Asks for no more than is there: memory for a damaged length would be taken ahead."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > 1 << 16:
            size = max(0, min(size, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _waveforms(group: Any) -> list[Any]:
    """Return the channels of a group that hold numbers, its time axis left out."""
    return [
        channel for channel in group.channels()
        if len(channel) and channel.dtype.kind in "biuf" and not _is_time(channel)
    ]  # fmt: skip


def _is_time(channel: Any) -> bool:
    named = bool(_TIME.fullmatch(channel.name)) and channel.dtype.kind == "f"
    return named and "wf_increment" not in channel.properties


def _channel(file: Any, group: Any, channel: Any) -> tuple[Channel, str, Any]:
    """Return a channel, a note on its rate, and its absolute start where it has one."""
    _check_scaling(file, group, channel)
    facts = channel.properties
    samples = np.asarray(channel[:])
    label = units.clean(facts.get("unit_string") or facts.get("NI_UnitDescription"))
    start = float(facts.get("wf_start_offset", 0.0))
    rate, stamps, note, when = None, None, "", None
    step = facts.get("wf_increment")
    if isinstance(step, (int, float)) and step > 0:
        rate, note = snap(1 / float(step))
        when = facts.get("wf_start_time")
    else:
        axis = next((c for c in group.channels() if _is_time(c) and len(c) == len(samples)), None)
        if axis is not None:
            stamps = np.asarray(axis[:])
            even = even_times(stamps)
            if even is not None:
                (rate, start, note), stamps = even, None
    made = Channel(
        channel.name, samples, facts.get("specsr_rate", rate), label=label, group=group.name,
        start=start, full_scale=_full_scale(file), times=stamps,
        of_signal=bool(facts.get("specsr_of_signal", False)),
    )  # fmt: skip
    return made, note, when


def _full_scale(file: Any) -> float:
    own = file.properties.get("writer") == "specsr"
    return float(file.properties.get("full_scale", 1.0)) if own else 1.0


def _check_counts(file: Any) -> None:
    """Refuse a damaged number of scalings, which npTDMS would count up to."""
    for place in (file, *file.groups(), *(c for g in file.groups() for c in g.channels())):
        for key, value in place.properties.items():
            digits = re.match(r"NI_Scale\[(\d+)\]", key)
            count = int(digits.group(1)) if digits else value
            named = key == "NI_Number_Of_Scales"
            if (digits or named) and (not isinstance(count, (int, np.integer)) or count > 1000):
                raise SpecsrError(f"is damaged: {key} is {value!r}")


def _check_scaling(file: Any, group: Any, channel: Any) -> None:
    """Refuse a channel whose counts carry no scaling, or one that npTDMS would pass over."""
    for place in (channel, group, file):
        facts = place.properties
        kinds = {str(value) for key, value in facts.items() if _SCALE.fullmatch(key)}
        if facts.get("NI_Scaling_Status") == "scaled":
            return
        if kinds - _KNOWN_SCALES:
            raise SpecsrError(
                f"channel {channel.name} is stored raw with a scaling of kind "
                f"{', '.join(sorted(kinds - _KNOWN_SCALES))}, which cannot be applied: export it "
                "with scaled values"
            )
        if kinds:
            return
    raw = channel.data_type.__name__ == "DaqMxRawData"
    if raw or channel.properties.get("NI_Scaling_Status") == "unscaled":
        raise SpecsrError(
            f"channel {channel.name} holds raw counts without the scaling to its unit: export it "
            "with scaled values"
        )


def _relative(channels: list[Channel], starts: list[Any]) -> tuple[Channel, ...]:
    """Return the channels with their starts counted from the earliest absolute one."""
    if any(when is None for when in starts) or len(set(starts)) < 2:
        return tuple(channels)
    try:
        first = min(starts)
        late = [float((when - first) / np.timedelta64(1, "s")) for when in starts]
    except TypeError:
        return tuple(channels)
    return tuple(replace(c, start=c.start + more) for c, more in zip(channels, late))
