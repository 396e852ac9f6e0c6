"""Channels of a file as stored, and their assembly to a `Signal` of one rate and unit.

Measurement files mix rates, units, lengths and speed channels; a `Signal` has one of each.
Channels that agree in rate, unit, start and length form a signal; if a file has several such
groups, the caller has to pick, and the error lists them.  A speed channel (1/min) becomes
``Signal.rpm``, interpolated to the time of every sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import unit_labels
from specsr.io.speeds import filled, speeds_at
from specsr.names import storable
from specsr.signal import Signal, channel_position
from specsr.units import parse_unit


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a file, as stored.

    Attributes:
        name: its name.
        samples: numbers as stored, [N].
        rate: sampling rate, Hz; None if the file gives none or the times are not uniform.
        label: unit label as written in the file, "" without one.
        quantity: "acceleration", "velocity", or "" if the file does not state it.
        group: name of its group in the file, used to distinguish equal names.
        start: time of the first sample, s.
        full_scale: value in its unit of digital full scale (1.0).
        factor: factor from ``samples`` to its unit.
        times: time of every sample, s, [N], if they are not uniform.
        over: axis of the samples if it is not time, such as "angle (deg)"; "" for time.
        problem: why the file gives no rate, or "".
        of_signal: whether it is the rpm of a `Signal` that specsr wrote, one value per sample.
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
    over: str = ""
    problem: str = ""
    of_signal: bool = False

    @cached_property
    def kind(self) -> str:
        """``"signal"``, ``"speed"`` (1/min) or ``"tacho"`` (pulses)."""
        if self.of_signal or unit_labels.is_speed(self.label, self.name):
            return "speed"
        return "tacho" if unit_labels.is_tacho(self.label, self.name) else "signal"

    @property
    def length(self) -> int:
        """Number of samples, N."""
        return len(self.samples)

    def rpm(self) -> np.ndarray:
        """Return the samples of a speed in 1/min, float64 [N]."""
        scale = self.factor * (unit_labels.speed_factor(self.label) or 1.0)
        return self.samples * np.float64(scale)


@dataclass(frozen=True, eq=False)
class Contents:
    """All channels of a file that hold samples.

    Attributes:
        channels: in the order of the file; names are unique (``group/name`` where needed).
        notes: corrections on reading, one sentence each: a rounded rate, skipped channels, names
            that were numbered or had characters that no file keeps (`specsr.names.storable`).
    """

    channels: tuple[Channel, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        taken: dict[str, int] = {}
        for channel in self.channels:
            taken[channel.name] = taken.get(channel.name, 0) + 1
        used: set[str] = set()
        named, notes = [], list(self.notes)
        for channel in self.channels:
            name = channel.name
            if taken[name] > 1 and channel.group:
                name = f"{channel.group}/{name}"
            own = name
            base, count = storable(name), 1
            name = base
            while name in used:
                count += 1
                name = f"{base} ({count})"
            if name != own:
                notes.append(f"channel name {ascii(own)} was changed to {name!r}")
            used.add(name)
            named.append(replace(channel, name=name))
        object.__setattr__(self, "channels", tuple(named))
        object.__setattr__(self, "notes", tuple(notes))


def from_rows(samples: np.ndarray, arguments: dict, digital: bool) -> tuple[Channel, ...]:
    """Return the channels of samples that belong together.

    Args:
        samples: [C, N] or [N].
        arguments: keyword arguments of a `Signal`; ``unit`` and ``full_scale`` may be lists with
            one entry per channel.
        digital: whether the samples are fractions of the full scale rather than in their unit.

    Raises:
        SpecsrError: a wrong shape or number of entries.
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
    """Return the signal of the picked channels, and notes on its assembly.

    Args:
        contents: the channels of the file.
        pick: names or positions of channels, in the wanted order; a speed channel among others
            becomes the rpm.  None takes every sound and vibration channel.
        unit: unit of the samples, replaces their labels without any scaling.
        calib: units per digital full scale, replaces that of the file.
        rate: sampling rate, Hz, if the file gives none.

    Raises:
        SpecsrError: no such channel, channels that differ in rate, unit, start or length, an
            unknown unit, or no rate.
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
    if not parts:  # a speed channel was picked by itself
        parts, speeds = [_plain_speed(channel, notes) for channel in speeds], []
        if parts:
            notes.append(f"{parts[0].name} is a speed in 1/min, returned as plain numbers")
    if not parts:
        raise SpecsrError("the recording is empty: expected at least one channel and one sample")
    parts = [_with_rate(channel, rate) for channel in parts]
    _check_together(parts, [_shown(channel, unit) for channel in parts], pick is None)
    meanings = [_meaning(channel, unit) for channel in parts]
    for note in dict.fromkeys(note for *_, note in meanings if note):
        notes.append(note)
    scales = [calib or channel.full_scale for channel in parts]
    first = parts[0]
    if rate is not None:  # that of the file, which states none, is that of the speed as well
        speeds = [
            replace(one, rate=rate, problem="")
            if one.rate is None and one.times is None and one.length == first.length else one
            for one in speeds
        ]  # fmt: skip
    samples = np.empty((len(parts), first.length), np.result_type(*map(_precision, parts)))
    for row, channel, (_, factor, _), scale in zip(samples, parts, meanings, scales):
        row[:] = _scaled(channel, factor, scale)  # one at a time: a copy of all is large
    signal = Signal(
        samples, first.rate or 0.0, unit=meanings[0][0], start=first.start,
        channels=tuple(channel.name for channel in parts),
        full_scale=max(scale * factor for scale, (_, factor, _) in zip(scales, meanings)),
    )  # fmt: skip
    return signal.replace(rpm=_rpm(speeds, signal, notes)), tuple(notes)


def _plain_speed(channel: Channel, notes: list[str]) -> Channel:
    """Return a speed as a channel of plain numbers in 1/min, without gaps."""
    if (unit_labels.speed_factor(channel.label) or 1.0) == 1 and np.isfinite(channel.samples).all():
        return replace(channel, label="1")
    rpm, found = filled(channel.rpm(), f"the speed {channel.name}")
    notes += found
    return replace(channel, label="1", samples=rpm, factor=1.0, full_scale=1.0)


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
        rest = list(channels)
        for skipped, why in (
            (
                [c for c in channels if c.kind == "tacho"],
                "tacho pulses, skipped (--channel reads them)",
            ),
            ([c for c in channels if c.over], "not over time, skipped"),
        ):
            kept = [channel for channel in rest if channel not in skipped]
            if len(kept) < len(rest) and any(channel.kind == "signal" for channel in kept):
                notes.append(f"{', '.join(c.name for c in rest if c in skipped)}: {why}")
                rest = kept
        return rest
    if isinstance(pick, (str, int)):
        pick = [pick]
    by_name: dict[str | int, Channel] = {channel.name: channel for channel in channels}
    # The rpm of a signal can be picked by its name alone: it has no position among the channels.
    listed = [channel for channel in channels if not channel.of_signal]
    names = [channel.name for channel in listed]
    return [
        by_name[wanted] if wanted in by_name else listed[channel_position(names, wanted)]
        for wanted in pick
    ]


def _with_rate(channel: Channel, rate: float | None) -> Channel:
    if channel.over:
        what = "holds a spectrum" if channel.over.startswith("frequency") else "is sampled"
        raise SpecsrError(
            f"channel {channel.name} {what} over {channel.over}, not over time: export the time "
            "signal, or resample it to time"
        )
    if channel.times is not None:
        raise SpecsrError(
            f"channel {channel.name} is not uniformly sampled: resample it to a constant rate first"
        )
    if channel.rate is None:
        if rate is None and channel.problem:
            raise SpecsrError(f"channel {channel.name}: {channel.problem}")
        if rate is None:
            raise SpecsrError(
                f"the file gives no rate for channel {channel.name}: give it in Hz (--file-rate, "
                "rate=)"
            )
        return replace(channel, rate=rate)
    if rate is not None and abs(rate - channel.rate) > 0.01 * channel.rate:
        raise SpecsrError(
            f"rate is {rate:g} Hz, but the file gives {channel.rate:g} Hz for channel "
            f"{channel.name}: omit the rate"
        )
    return channel


def _meaning(channel: Channel, unit: str | None) -> tuple[str, float, str]:
    """Return unit, factor to it, and note of a channel."""
    if unit is not None:
        return parse_unit(unit), 1.0, ""
    try:
        return unit_labels.understand(channel.label, channel.quantity)
    except SpecsrError as error:
        raise SpecsrError(f"channel {channel.name}: {error}") from None


def _shown(channel: Channel, unit: str | None) -> str:
    """Return the unit of a channel, or its label if the unit is unknown."""
    try:
        return _meaning(channel, unit)[0]
    except SpecsrError:
        return unit_labels.clean(channel.label)


def _check_together(parts: list[Channel], found: list[str], all_of_them: bool) -> None:
    """Raise `SpecsrError`, which lists the groups, if rate, unit, start or length differ."""
    groups: dict[tuple, list[str]] = {}
    for channel, unit in zip(parts, found):
        offset = round(2 * (channel.start - parts[0].start) * (channel.rate or 0.0))
        key = (channel.rate, unit, channel.length, offset)
        groups.setdefault(key, []).append(channel.name)
    if len(groups) == 1:
        return
    listed = "; ".join(
        f"{', '.join(names)} ({rate:g} Hz, {'no unit' if unit == '1' else unit}, {length} samples)"
        for (rate, unit, length, _), names in groups.items()
    )
    which = "its channels" if all_of_them else "the picked channels"
    raise SpecsrError(
        f"{which} differ in rate, unit, start or length: {listed}. Pick channels that agree "
        "(--channel NAME, channels=[...])"
    )


def _precision(channel: Channel) -> np.dtype:
    """Return the type of the samples of a channel in a signal."""
    dtype = channel.samples.dtype
    if dtype in (np.float32, np.float64):
        return dtype
    return np.dtype(np.float64 if dtype.itemsize > 2 else np.float32)


def _scaled(channel: Channel, factor: float, scale: float) -> np.ndarray:
    """Return the samples in their unit and precision, rounded once."""
    samples = channel.samples.astype(_precision(channel), copy=False)
    own = scale if channel.factor == channel.full_scale else (
        channel.factor * (scale / channel.full_scale)
    )  # fmt: skip
    if own * factor == 1:
        return samples
    return np.multiply(samples, np.float64(own * factor), dtype=np.float64).astype(samples.dtype)


def _rpm(speeds: list[Channel], signal: Signal, notes: list[str]) -> np.ndarray | None:
    """Return the speed at every sample of a signal, 1/min, [N]; None without a unique one."""
    if not speeds:
        return None
    if len(speeds) > 1:
        names = ", ".join(channel.name for channel in speeds)
        notes.append(f"several speeds ({names}): none is used as rpm; pick one with --channel")
        return None
    [speed] = speeds
    if speed.over or (speed.times is None and speed.rate is None):
        why = f"is over {speed.over}" if speed.over else "has no rate"
        notes.append(f"the speed {speed.name} {why} and is skipped")
        return None
    same = (speed.rate, speed.start, speed.length) == (signal.rate, signal.start, signal.length)
    if speed.of_signal and same:
        return speed.rpm()
    own = speed.times
    if own is None:
        assert speed.rate is not None
        own = speed.start + np.arange(speed.length) / speed.rate
    times = signal.start + np.arange(signal.length) / signal.rate
    values, found = speeds_at(times, own, speed.rpm(), f"the speed {speed.name}")
    notes += found
    return values
