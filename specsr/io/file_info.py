"""What is in a file: channels, units, rates, levels, and how far up they really reach."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from specsr import io
from specsr.errors import SpecsrError
from specsr.io import unit_labels as units
from specsr.io.bandwidth import true_bandwidth
from specsr.io.recording import Channel, Contents, assemble
from specsr.maps.spec_map import SpecMap
from specsr.units import reference_label


@dataclass(frozen=True)
class ChannelInfo:
    """One channel of a file, measured.

    Attributes:
        name: as for ``--channel``.
        kind: ``"signal"``, ``"speed"`` or ``"tacho"``.
        unit: canonical unit, ``"1/min"`` for a speed, or the file's label where it has no
            reference level.
        rate: Hz; None where the file gives none or the times are uneven.
        samples: how many.
        seconds: length; None without a rate.
        level_db: overall rms level, dB re ``reference``; None for a speed, silence or an unknown
            unit.
        reference: what the level refers to.
        lowest, highest: smallest and largest sample, in ``unit``.
        bandwidth: Hz up to which there is content; None where it was not found out.
        flagged: whether the rate promises clearly more than the bandwidth.
        problem: what keeps the channel from being used, or "".
    """

    name: str
    kind: str
    unit: str
    rate: float | None
    samples: int
    seconds: float | None
    level_db: float | None
    reference: str
    lowest: float | None
    highest: float | None
    bandwidth: float | None
    flagged: bool
    problem: str = ""


@dataclass(frozen=True)
class FileInfo:
    """One file: its channels, or the map it holds, and what was noticed on reading it."""

    path: str
    channels: tuple[ChannelInfo, ...] = ()
    map: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether the rate of a channel promises more than it holds."""
        return any(channel.flagged for channel in self.channels)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self) | {"flagged": self.flagged}


def inspect_file(
    path: Path,
    *,
    unit: str | None = None,
    calib: float | None = None,
    channels: tuple[str, ...] | None = None,
    rate: float | None = None,
) -> FileInfo:
    """Return what a file holds; the arguments are those of `specsr.io.read`.

    Channels need not fit together: each is measured by itself.

    Raises:
        SpecsrError: the file cannot be read, or has no such channel.
    """
    if io.is_map(path):
        return FileInfo(str(path), map=_map_facts(io.read_map(path)))
    contents = io.read_channels(path)
    wanted = contents.channels
    if channels is not None:
        names = [channel.name for channel in wanted]
        wanted = tuple(
            channel for name in channels for channel in _named(wanted, names, name, path)
        )
    notes = list(contents.notes)
    found = [_channel(channel, unit, calib, rate, notes) for channel in wanted]
    return FileInfo(str(path), tuple(found), notes=tuple(dict.fromkeys(notes)))


def _named(
    channels: tuple[Channel, ...], names: list[str], name: str, path: Path
) -> tuple[Channel, ...]:
    if name in names:
        return (channels[names.index(name)],)
    if name.isdecimal() and int(name) < len(channels):
        return (channels[int(name)],)
    raise SpecsrError(f"{path}: there is no channel {name!r}: expected {', '.join(names)}")


def _channel(
    channel: Channel, unit: str | None, calib: float | None, rate: float | None, notes: list[str]
) -> ChannelInfo:
    label = units.clean(channel.label) or "1"
    plain = ChannelInfo(
        channel.name, channel.kind, label, channel.rate, channel.length, None, None, "", None,
        None, None, False,
    )  # fmt: skip
    speed = channel.kind == "speed"
    try:
        if speed:  # as plain numbers, and without any calibration of the sound
            samples = channel.samples * np.float64(channel.factor)
            length = channel.length / channel.rate if channel.rate else None
            if channel.times is not None:
                length = float(channel.times[-1] - channel.times[0])
            return replace(
                plain, unit="1/min", seconds=length, lowest=float(samples.min()),
                highest=float(samples.max()),
            )  # fmt: skip
        signal, said = assemble(Contents((channel,)), [0], unit, calib, rate)
    except SpecsrError as error:
        return replace(plain, problem=str(error))
    notes += [note for note in said if note not in notes]
    [level] = signal.level()
    samples = signal.samples[0]
    end = true_bandwidth(samples, signal.rate) if channel.kind == "signal" else None
    return replace(
        plain, unit=signal.unit, rate=signal.rate, seconds=signal.duration,
        level_db=float(level) if np.isfinite(level) else None,
        reference=reference_label(signal.unit), lowest=float(samples.min()),
        highest=float(samples.max()), bandwidth=end.hz if end else None,
        flagged=bool(end and end.flagged),
    )  # fmt: skip


def _map_facts(spec: SpecMap) -> dict[str, Any]:
    grid = spec.grid
    return {
        "channels": list(spec.channels), "unit": grid.unit, "levels": grid.level_label,
        "rows": grid.rows, "columns": grid.frames, "df": grid.df, "dt": grid.dt,
        "rate": grid.rate, "n_fft": grid.n_fft, "hop_length": grid.hop_length,
        "seconds": grid.length / grid.rate, "window": grid.window, "cell": list(grid.cell),
        "phase": spec.phase is not None, "rpm": spec.rpm is not None,
    }  # fmt: skip
