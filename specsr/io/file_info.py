"""Content of a file: channels with unit, rate, level and true bandwidth; a map; or an image."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from specsr.choices import IMAGE_SUFFIXES
from specsr.errors import SpecsrError
from specsr.io import (
    arrays,
    is_map,
    mat,
    origin,
    read_channels,
    read_map,
    sidecar,
    tdms,
    text,
    unit_labels,
)
from specsr.io.bandwidth import true_bandwidth
from specsr.io.guard import naming
from specsr.io.recording import Channel, Contents, assemble
from specsr.io.table_head import read_head
from specsr.io.understood import source_of_scale, understood
from specsr.maps.spec_map import SpecMap
from specsr.signal import channel_position
from specsr.units import reference_label


@dataclass(frozen=True)
class ChannelInfo:
    """Properties of one channel of a file.

    Attributes:
        name: its name, as for ``--channel``.
        kind: ``"signal"``, ``"speed"`` or ``"tacho"``.
        unit: canonical unit, ``"1/min"`` for a speed, or the label in the file if it has no
            reference level.
        rate: sampling rate, Hz; None if the file gives none or the times are not uniform.
        samples: number of samples.
        seconds: duration, s; None without a rate.
        level_db: overall rms level without the mean, dB re ``reference``; None for a speed,
            silence or an unknown unit.
        mean: of the samples (DC), in ``unit``; None for a speed or an unknown unit.
        reference: reference of the level, as ``"re 20 µPa"``.
        lowest, highest: smallest and largest sample, in ``unit``.
        bandwidth: highest frequency with content, Hz; None if it was not determined.
        flagged: whether the bandwidth is below the pass band that the rate implies.
        problem: reason why the channel cannot be read as a signal, or "".
        understood: "axis", "rate", "unit", "scale" and "gaps" -> a line on what was understood and
            where it comes from (`specsr.io.understood`).
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
    mean: float | None = None
    understood: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileInfo:
    """Content of one file.

    Attributes:
        path: the file.
        channels: its channels; () for a map.
        map: properties of the map in it; None for another file.
        image: properties of the image in it; None for another file.
        notes: corrections made on reading, one sentence each.
        origin: how specsr made it (`specsr.io.origin`); None if the file does not hold it.
    """

    path: str
    channels: tuple[ChannelInfo, ...] = ()
    map: dict[str, Any] | None = None
    image: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    origin: dict[str, Any] | None = None

    @property
    def flagged(self) -> bool:
        """Whether a channel is flagged."""
        return any(channel.flagged for channel in self.channels)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as dicts, lists and plain values, as for JSON."""
        return asdict(self) | {"flagged": self.flagged}


def inspect_file(
    path: Path,
    *,
    unit: str | None = None,
    calib: float | None = None,
    channels: tuple[str, ...] | None = None,
    rate: float | None = None,
) -> FileInfo:
    """Return the content of a file; the arguments are those of `specsr.io.read`.

    Channels may differ in rate, unit and length: each is analysed by itself.

    Raises:
        SpecsrError: the file cannot be read, or has no such channel; the message names the file.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _image_info(path)
    if is_map(path):
        return FileInfo(str(path), map=_map_facts(read_map(path)), origin=read_origin(path))
    contents = read_channels(path)
    wanted = contents.channels
    if channels is not None:
        names = [channel.name for channel in wanted]
        with naming(path):
            wanted = tuple(wanted[channel_position(names, name)] for name in channels)
    notes = list(contents.notes)
    source = source_of_scale(path)
    found = [
        replace(
            _channel(channel, unit, calib, rate, notes),
            understood=understood(channel, source, unit, calib, rate),
        )
        for channel in wanted
    ]
    return FileInfo(
        str(path), tuple(found), notes=tuple(dict.fromkeys(notes)), origin=read_origin(path)
    )


def read_origin(path: Path) -> dict[str, Any] | None:
    """Return the origin in a readable recording or map; None if it holds none.

    Raises:
        SpecsrError: the file cannot be read; the message names the file.
    """
    suffix = path.suffix.lower()
    with naming(path):
        if suffix in arrays.SUFFIXES:
            found = arrays.read_origin(path)
        elif suffix in mat.SUFFIXES:
            found = mat.read_origin(path)
        elif suffix in text.SUFFIXES:
            found = read_head(path).origin
        elif suffix == ".tdms":
            found = tdms.read_origin(path)
        else:
            found = (sidecar.load(path) or {}).get(origin.KEY)
    return origin.from_text(found)


def _channel(
    channel: Channel, unit: str | None, calib: float | None, rate: float | None, notes: list[str]
) -> ChannelInfo:
    label = unit_labels.clean(channel.label) or "1"
    plain = ChannelInfo(
        channel.name, channel.kind, label, channel.rate, channel.length, None, None, "", None,
        None, None, False,
    )  # fmt: skip
    speed = channel.kind == "speed"
    try:
        if speed:  # plain numbers: unit and calibration of the call are those of the sound
            samples = channel.rpm()
            length = channel.length / channel.rate if channel.rate else None
            if channel.times is not None:
                length = float(channel.times[-1] - channel.times[0])
            lowest, highest = _span(samples)
            return replace(
                plain, unit="1/min", seconds=length, lowest=lowest, highest=highest,
                problem="" if np.isfinite(samples).all() else "holds values that are not finite",
            )  # fmt: skip
        signal, found = assemble(Contents((channel,)), [0], unit, calib, rate)
    except SpecsrError as error:
        return replace(plain, problem=str(error))
    notes += [note for note in found if note not in notes]
    [level] = signal.level()
    samples = signal.samples[0]
    mean = float(samples.mean(dtype=np.float64))
    lowest, highest = _span(samples)
    end = true_bandwidth(samples, signal.rate) if channel.kind == "signal" else None
    return replace(
        plain, unit=signal.unit, rate=signal.rate, seconds=signal.duration,
        level_db=float(level) if np.isfinite(level) else None,
        reference=reference_label(signal.unit), lowest=lowest, highest=highest,
        bandwidth=end.hz if end else None, flagged=bool(end and end.flagged),
        mean=mean if np.isfinite(mean) else None,
    )  # fmt: skip


def _span(samples: np.ndarray) -> tuple[float | None, float | None]:
    """Return the smallest and the largest finite sample; None without one."""
    kept = samples[np.isfinite(samples)]
    return (float(kept.min()), float(kept.max())) if kept.size else (None, None)


def _image_info(path: Path) -> FileInfo:
    from specsr.io.image import read_image
    from specsr.io.image_tags import read_tags

    pixels, tags = read_image(path), read_tags(path)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    facts = {
        "width": pixels.shape[1], "height": pixels.shape[0],
        "channels": ("gray", "gray and alpha", "RGB", "RGB and alpha")[channels - 1],
        "bits": 8 * pixels.itemsize, "orientation": tags.orientation,
        "colour_profile": tags.profile is not None,
    }  # fmt: skip
    return FileInfo(str(path), image=facts, notes=tags.notes)


def _map_facts(spec: SpecMap) -> dict[str, Any]:
    grid = spec.grid
    facts = {
        "channels": list(spec.channels), "unit": grid.unit, "levels": grid.level_label,
        "rows": grid.rows, "columns": grid.frames, "df": grid.df, "dt": grid.dt,
        "rate": grid.rate, "n_fft": grid.n_fft, "hop_length": grid.hop_length,
        "seconds": grid.length / grid.rate, "window": grid.window, "cell": list(grid.cell),
        "phase": spec.phase is not None, "rpm": spec.rpm is not None,
        "uncertainty_db": None,
    }  # fmt: skip
    if spec.uncertainty_db is not None:
        lowest, median, highest = np.percentile(spec.uncertainty_db, [5, 50, 95]).tolist()
        facts["uncertainty_db"] = {"5 %": lowest, "median": median, "95 %": highest}
    if spec.known is not None:
        facts["estimated_rows"] = int((~spec.known).sum())
    if spec.shafts:
        facts["shafts"] = [shaft.name for shaft in spec.shafts]
    if spec.rpm_source is not None:
        facts["rpm_source"] = spec.rpm_source
    if spec.rpm_confidence is not None:
        facts["rpm_confidence"] = float(spec.rpm_confidence.mean())
    if spec.shafts:
        facts["shafts"] = [shaft.name for shaft in spec.shafts]
    return facts
