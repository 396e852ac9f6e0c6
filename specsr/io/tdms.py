"""NI TDMS files through npTDMS: waveform channels with their increment, unit and scaling.

Channels of raw converter counts without a scaling that npTDMS can apply are an error: their level
would be wrong by orders of magnitude.
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
from specsr.extras import need
from specsr.io import origin, sampling, unit_labels
from specsr.io.atomic import LIBRARIES, replacing
from specsr.io.axis_labels import meaning
from specsr.io.limits import Total, array_memory
from specsr.io.recording import Channel, Contents
from specsr.io.sampling import Sampling
from specsr.io.titles import kind_of_name
from specsr.signal import Signal

_SCALE = re.compile(r"NI_Scale\[\d+\]_Scale_Type")
_KNOWN_SCALES = {
    "Polynomial", "Linear", "RTD", "Strain", "Table", "Thermistor", "Thermocouple", "Add",
    "Subtract",
}  # fmt: skip


def read_tdms(path: Path) -> Contents:
    """Return the channels of a ``.tdms`` file, scaled to their units.

    Raises:
        SpecsrError: npTDMS is not installed, the file is damaged or cut off, it holds no waveform,
            or samples without their scaling.
    """
    nptdms = need(*LIBRARIES[".tdms"], f"{path.suffix} files")
    nptdms.log.log_manager.set_level(logging.ERROR)  # its warnings are errors here
    with (
        open(path, "rb", buffering=0) as raw,
        _Bounded(raw) as bounded,
        nptdms.TdmsFile.open(bounded) as file,
    ):
        if getattr(file.file_status, "incomplete_final_segment", False):
            raise SpecsrError("is cut off: its last segment is incomplete; copy it again")
        _check_counts(file)
        channels, notes, starts = [], [], []
        total = Total("its channels")
        for group in file.groups():
            previews = group.properties.get("DecimationLevel", 0)
            if isinstance(previews, (int, np.integer)) and previews > 0:
                notes.append(f"group {group.name} is a decimated preview and is skipped")
                continue
            for channel in _waveforms(group):
                # npTDMS allocates all values that the headers declare; a time axis is as long
                total.add(array_memory(len(channel), channel.dtype) + 8 * len(channel))
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
    """Write a signal as ``.tdms``: one group with its channels and one more for the rpm."""
    if subtype is not None:
        raise SpecsrError(f"{path}: .tdms has no subtypes: leave subtype={subtype!r} out")
    nptdms = need(*LIBRARIES[".tdms"], f"{path.suffix} files")
    facts = {"writer": "specsr", "full_scale": float(signal.full_scale), origin.KEY: origin.text()}
    root = nptdms.RootObject({key: value for key, value in facts.items() if value is not None})
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


def read_origin(path: Path) -> Any:
    """Return the entry ``origin`` of a ``.tdms`` file that `read_tdms` reads; None without one."""
    nptdms = need(*LIBRARIES[".tdms"], f"{path.suffix} files")
    with open(path, "rb", buffering=0) as raw, _Bounded(raw) as bounded:
        return nptdms.TdmsFile.read_metadata(bounded).properties.get(origin.KEY)


class _Bounded(io.BufferedReader):
    """Reader that clamps reads to the file size, so a corrupt length cannot allocate memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > 1 << 16:
            size = max(0, min(size, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _waveforms(group: Any) -> list[Any]:
    """Return the channels of a group that hold numbers, without its time axis."""
    axis = _axis(group)
    return [
        channel for channel in group.channels()
        if len(channel) and channel.dtype.kind in "biuf"
        and (axis is None or channel.name != axis.name)
    ]  # fmt: skip


def _axis(group: Any) -> Any:
    """Return the channel of a group with the times of the others; None without one.

    A channel named x is an axis only if its unit is one of an axis: x may be a direction.
    """
    for channel in group.channels():
        if (
            not len(channel)
            or "wf_increment" in channel.properties
            or channel.dtype.kind not in "iufM"
        ):
            continue
        label = _label(channel.properties)
        kind = kind_of_name(channel.name)
        found = meaning(label)
        if kind == "time" and (not label or found is None or found.kind != "speed"):
            # a unit of samples, as of a torque "t [N]", makes it a channel
            if found is None and label and unit_labels.is_known(label):
                continue
            if channel.name.lower() == "t" and not (np.diff(channel[:]) > 0).all():
                continue
            return channel
        if (kind or channel.name.lower() == "x") and found is not None and found.kind in (
            "time", "angle", "distance", "frequency", "order", "index"
        ) and channel is group.channels()[0]:  # fmt: skip
            return channel
    return None


def _label(facts: Any) -> str:
    return unit_labels.clean(facts.get("unit_string") or facts.get("NI_UnitDescription"))


def _channel(file: Any, group: Any, channel: Any) -> tuple[Channel, str, Any]:
    """Return a channel, a note on its rate, and its absolute start time or None."""
    _check_scaling(file, group, channel)
    facts = channel.properties
    samples = np.asarray(channel[:])
    own = facts.get("specsr_rate")
    start = float(facts.get("wf_start_offset", 0.0))
    when = None
    step = facts.get("wf_increment")
    if own is not None:
        sampled = Sampling(float(own), start)
        when = facts.get("wf_start_time")
    elif isinstance(step, (int, float)) and step > 0:
        label = unit_labels.clean(facts.get("wf_xunit_string"))
        kind = kind_of_name(str(facts.get("wf_xname", ""))) or "time"
        sampled = sampling.of_step(float(step), start, label, kind)
        when = facts.get("wf_start_time")
    else:
        axis = _axis(group)
        sampled = Sampling(start=start)
        if axis is not None and len(axis) == len(samples):
            kind = kind_of_name(axis.name) or "time"
            sampled = sampling.of_values(np.asarray(axis[:]), _label(axis.properties), kind)
    made = Channel(
        channel.name, samples, label=_label(facts), group=group.name,
        full_scale=_full_scale(file), of_signal=bool(facts.get("specsr_of_signal", False)),
        **sampled.fields(),
    )  # fmt: skip
    return made, sampled.note, when


def _full_scale(file: Any) -> float:
    own = file.properties.get("writer") == "specsr"
    return float(file.properties.get("full_scale", 1.0)) if own else 1.0


def _check_counts(file: Any) -> None:
    """Raise `SpecsrError` for a damaged number of scalings, over which npTDMS would loop."""
    for owner in (file, *file.groups(), *(c for g in file.groups() for c in g.channels())):
        for key, value in owner.properties.items():
            digits = re.match(r"NI_Scale\[(\d+)\]", key)
            count = int(digits.group(1)) if digits else value
            named = key == "NI_Number_Of_Scales"
            if (digits or named) and (not isinstance(count, (int, np.integer)) or count > 1000):
                raise SpecsrError(f"is damaged: {key} is {value!r}")


def _check_scaling(file: Any, group: Any, channel: Any) -> None:
    """Raise `SpecsrError` for counts without a scaling, or with one that npTDMS ignores."""
    for owner in (channel, group, file):
        facts = owner.properties
        kinds = {str(value) for key, value in facts.items() if _SCALE.fullmatch(key)}
        if facts.get("NI_Scaling_Status") == "scaled":
            return
        if kinds - _KNOWN_SCALES:
            raise SpecsrError(
                f"channel {channel.name} is stored raw with a scaling of type "
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
    """Return the channels with start times relative to the earliest absolute one."""
    if any(when is None for when in starts) or len(set(starts)) < 2:
        return tuple(channels)
    try:
        first = min(starts)
        late = [float((when - first) / np.timedelta64(1, "s")) for when in starts]
    except TypeError:
        return tuple(channels)
    return tuple(replace(c, start=c.start + more) for c, more in zip(channels, late))
