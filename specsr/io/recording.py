"""What a file holds, channel by channel, and how a `Signal` of one rate and unit is made of it.

Measurement files mix rates, units, lengths and speeds; a `Signal` has one of each.  Channels that
fit together make it; where there are several such groups the user picks, with names in hand.  A
speed channel (1/min) becomes ``Signal.rpm``, interpolated to the time of every sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels as units
from specsr.signal import Signal
from specsr.units import parse_unit


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a file, as stored.

    Attributes:
        name: its name.
        samples: numbers as stored, [N].
        rate: Hz; None where the file gives no rate, or uneven ``times``.
        label: unit label as written in the file, "" where there is none.
        quantity: "acceleration", "velocity" or "" where the file says nothing of it.
        group: name of the group it lies in, for telling equal names apart.
        start: time of the first sample, s.
        full_scale: value in its unit of digital full scale (1.0).
        factor: what ``samples`` are multiplied by to give its unit.
        times: s, [N], where they are not even.
        of_signal: the speed that belongs to the samples one by one (specsr's own files).
    """

    name: str
    samples: np.ndarray
    rate: float | None
    label: str = ""
    quantity: str = ""
    group: str = ""
    start: float = 0.0
    full_scale: float = 1.0
    factor: float = 1.0
    times: np.ndarray | None = None
    of_signal: bool = False

    @cached_property
    def kind(self) -> str:
        """``"signal"``, ``"speed"`` (1/min) or ``"tacho"`` (pulses)."""
        if self.of_signal or units.is_speed(self.label, self.name):
            return "speed"
        return "tacho" if units.is_tacho(self.label, self.name) else "signal"

    @property
    def length(self) -> int:
        """Number of samples."""
        return len(self.samples)


@dataclass(frozen=True, eq=False)
class Contents:
    """All channels of a file that hold samples, and what was noticed on reading it.

    Attributes:
        channels: in the order of the file; names are unique (``group/name`` where needed).
        notes: one sentence each: a rate that was snapped, channels left out.
    """

    channels: tuple[Channel, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        taken: dict[str, int] = {}
        for channel in self.channels:
            taken[channel.name] = taken.get(channel.name, 0) + 1
        used: set[str] = set()
        named = []
        for channel in self.channels:
            name = channel.name
            if taken[name] > 1 and channel.group:
                name = f"{channel.group}/{name}"
            base, count = name, 1
            while name in used:
                count += 1
                name = f"{base} ({count})"
            used.add(name)
            named.append(replace(channel, name=name))
        object.__setattr__(self, "channels", tuple(named))


def from_rows(samples: np.ndarray, arguments: dict, digital: bool) -> tuple[Channel, ...]:
    """Return the channels of samples [C, N] with the arguments of a `Signal`.

    ``unit`` and ``full_scale`` may be lists, one a channel.  ``digital`` samples are still to be
    multiplied by the full scale, others are in their unit already.
    """
    samples = np.atleast_2d(samples)
    if samples.ndim != 2:
        raise SpecsrError(f"samples have shape {samples.shape}: expected [channels, samples]")
    count = len(samples)
    names = arguments.get("channels") or tuple(f"ch{i + 1}" for i in range(count))
    labels = _each(arguments.get("unit", ""), count, "unit")
    scales = _each(arguments.get("full_scale", 1.0), count, "full_scale")
    if len(names) != count:
        raise SpecsrError(f"{len(names)} channel names for {count} channels")
    shared = {"rate": arguments.get("rate"), "start": arguments.get("start", 0.0)}
    channels = [
        Channel(
            name, row, label=label, full_scale=scale, factor=scale if digital else 1.0, **shared
        )
        for name, row, label, scale in zip(names, samples, labels, scales)
    ]  # fmt: skip
    rpm = arguments.get("rpm")
    if rpm is not None:
        if np.shape(rpm) != samples.shape[1:]:
            raise SpecsrError(f"rpm has shape {np.shape(rpm)}: expected [{samples.shape[1]}]")
        channels.append(Channel("rpm", np.asarray(rpm), label="1/min", of_signal=True, **shared))
    return tuple(channels)


def assemble(
    contents: Contents,
    pick: Sequence[str | int] | None = None,
    unit: str | None = None,
    calib: float | None = None,
    rate: float | None = None,
) -> tuple[Signal, tuple[str, ...]]:
    """Return the signal of the picked channels, or of all where they fit together, and notes.

    Args:
        contents: the file.
        pick: names or positions of channels, in the order wanted; a speed channel among others
            becomes the rpm.  None takes every sound and vibration channel.
        unit: unit of the samples, over their labels; scales nothing.
        calib: units per digital full scale, over what the file says.
        rate: Hz, where the file gives none.

    Raises:
        SpecsrError: channels that do not fit together, a unit that is not understood, no rate.
    """
    notes = list(contents.notes)
    chosen = _chosen(contents.channels, pick, notes)
    speeds = [channel for channel in chosen if channel.kind == "speed"]
    parts = [channel for channel in chosen if channel.kind != "speed"]
    if pick is None:
        speeds = [channel for channel in contents.channels if channel.kind == "speed"]
    elif parts and not speeds:
        speeds = [channel for channel in contents.channels if channel.of_signal] or [
            channel for channel in contents.channels if channel.kind == "speed"
        ]
        speeds = speeds if len(speeds) == 1 else []
    if not parts:  # a speed channel that was asked for by itself
        parts, speeds = [replace(channel, label="1") for channel in speeds], []
        if parts:
            notes.append(f"{parts[0].name} is a speed in 1/min, given as plain numbers")
    if not parts:
        raise SpecsrError("the recording is empty: expected at least one channel and one sample")
    parts = [_with_rate(channel, rate) for channel in parts]
    _check_together(parts, [_shown(channel, unit) for channel in parts], pick is None)
    meanings = [_meaning(channel, unit) for channel in parts]
    for note in dict.fromkeys(note for *_, note in meanings if note):
        notes.append(note)
    scales = [calib or channel.full_scale for channel in parts]
    rows = [
        _scaled(channel, factor, scale)
        for channel, (_, factor, _), scale in zip(parts, meanings, scales)
    ]
    first = parts[0]
    signal = Signal(
        np.stack(rows), first.rate or 0.0, unit=meanings[0][0], start=first.start,
        channels=tuple(channel.name for channel in parts),
        full_scale=max(scale * factor for scale, (_, factor, _) in zip(scales, meanings)),
    )  # fmt: skip
    return signal.replace(rpm=_rpm(speeds, signal, notes)), tuple(notes)


def _each(value: object, count: int, key: str) -> list:
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise SpecsrError(f"{key} has {len(value)} entries: expected one for each of {count}")
    return list(value)


def _chosen(
    channels: tuple[Channel, ...], pick: Sequence[str | int] | None, notes: list[str]
) -> list[Channel]:
    if pick is None:
        tachos = [channel.name for channel in channels if channel.kind == "tacho"]
        rest = [channel for channel in channels if channel.kind != "tacho"]
        if tachos and any(channel.kind == "signal" for channel in rest):
            notes.append(f"{', '.join(tachos)}: tacho pulses, left out (--channel takes them)")
            return rest
        return list(channels)
    if isinstance(pick, (str, int)):
        pick = [pick]
    names = [channel.name for channel in channels]
    listed = [name for name, channel in zip(names, channels) if not channel.of_signal]
    found = []
    for wanted in pick:
        position = names.index(wanted) if wanted in names else wanted
        if isinstance(position, str) and position.isdecimal():
            position = int(position)
        if isinstance(position, str) or not 0 <= position < len(listed):
            raise SpecsrError(
                f"there is no channel {wanted!r}: expected names of {', '.join(listed)}, "
                f"or 0 to {len(listed) - 1}"
            )
        found.append(channels[position])
    return found


def _with_rate(channel: Channel, rate: float | None) -> Channel:
    if channel.times is not None:
        raise SpecsrError(
            f"channel {channel.name} is not evenly sampled: resample it to an even rate first"
        )
    if channel.rate is None:
        if rate is None:
            raise SpecsrError(
                f"the file gives no rate for channel {channel.name}: name it in Hz "
                "(--file-rate, rate=)"
            )
        return replace(channel, rate=rate)
    if rate is not None and abs(rate - channel.rate) > 0.01 * channel.rate:
        raise SpecsrError(
            f"rate is {rate:g} Hz, but the file says {channel.rate:g} Hz for channel "
            f"{channel.name}: leave the rate out"
        )
    return channel


def _meaning(channel: Channel, unit: str | None) -> tuple[str, float, str]:
    """Return unit, factor and note of a channel."""
    if unit is not None:
        return parse_unit(unit), 1.0, ""
    try:
        return units.understand(channel.label, channel.quantity)
    except SpecsrError as error:
        raise SpecsrError(f"channel {channel.name}: {error}") from None


def _shown(channel: Channel, unit: str | None) -> str:
    """Return the unit of a channel, or its label where that is not understood."""
    try:
        return _meaning(channel, unit)[0]
    except SpecsrError:
        return units.clean(channel.label)


def _check_together(parts: list[Channel], found: list[str], all_of_them: bool) -> None:
    """Raise `SpecsrError` with the groups where channels differ in rate, unit, start or length."""
    groups: dict[tuple, list[str]] = {}
    for channel, unit in zip(parts, found):
        place = round(2 * (channel.start - parts[0].start) * (channel.rate or 0.0))
        key = (channel.rate, unit, channel.length, place)
        groups.setdefault(key, []).append(channel.name)
    if len(groups) == 1:
        return
    listed = "; ".join(
        f"{', '.join(names)} ({rate:g} Hz, {'no unit' if unit == '1' else unit}, {length} samples)"
        for (rate, unit, length, _), names in groups.items()
    )
    many = "holds channels" if all_of_them else "the picked channels"
    raise SpecsrError(
        f"{many} {'that ' if all_of_them else ''}differ in rate, unit, start or length: {listed}. "
        "Pick those that go together (--channel NAME, channels=[...])"
    )


def _scaled(channel: Channel, factor: float, scale: float) -> np.ndarray:
    """Return the samples in their unit, in their own precision, rounded once."""
    samples = channel.samples
    if samples.dtype not in (np.float32, np.float64):
        samples = samples.astype(np.float64 if samples.dtype.itemsize > 2 else np.float32)
    own = scale if channel.factor == channel.full_scale else (
        channel.factor * (scale / channel.full_scale)
    )  # fmt: skip
    if own * factor == 1:
        return samples
    return np.multiply(samples, np.float64(own * factor), dtype=np.float64).astype(samples.dtype)


def _rpm(speeds: list[Channel], signal: Signal, notes: list[str]) -> np.ndarray | None:
    """Return the speed at every sample of a signal; None where there is none, or no single one."""
    if not speeds:
        return None
    if len(speeds) > 1:
        names = ", ".join(channel.name for channel in speeds)
        notes.append(f"several speeds ({names}): none is taken as rpm; pick one with --channel")
        return None
    [speed] = speeds
    values = speed.samples * np.float64(speed.factor)
    if speed.times is None and (speed.rate, speed.start) == (signal.rate, signal.start) and (
        speed.length == signal.length
    ):  # fmt: skip
        return values
    own = speed.times
    if own is None:
        if speed.rate is None:
            notes.append(f"the speed {speed.name} has no rate and is left out")
            return None
        own = speed.start + np.arange(speed.length) / speed.rate
    there = signal.start + np.arange(signal.length) / signal.rate
    if own[0] > there[-1] or own[-1] < there[0]:
        notes.append(f"the speed {speed.name} covers none of the samples and is left out")
        return None
    slack = 2 * (own[-1] - own[0]) / max(1, len(own) - 1) + 1e-9
    if own[0] > there[0] + slack or own[-1] < there[-1] - slack:
        notes.append(
            f"the speed {speed.name} covers {own[0]:.3g} to {own[-1]:.3g} s only: its end values "
            "are held beyond"
        )
    return np.interp(there, own, values)
