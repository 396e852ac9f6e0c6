"""How a channel of a file was understood: axis, rate, unit, scale and gaps, with their sources."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import sidecar, unit_labels
from specsr.io.recording import Channel


def source_of_scale(path: Path) -> str:
    """Return where unit and scale of a file come from: its sidecar, or the file itself."""
    if (sidecar.load(path) or {}).get("unit"):
        return f"the sidecar {sidecar.sidecar_path(path).name}"
    return "the file"


def understood(
    channel: Channel, source: str, unit: str | None, calib: float | None, rate: float | None
) -> dict[str, str]:
    """Return one line on each of axis, rate, unit, scale and, with any, gaps of a channel.

    Args:
        channel: as stored.
        source: see `source_of_scale`.
        unit, calib, rate: of the call, in place of those of the file.
    """
    speed = channel.kind == "speed"
    lines = {
        "axis": _axis(channel),
        "rate": _rate(channel, rate),
        "unit": _unit(channel, source, None if speed else unit),
        "scale": _scale(channel, source, None if speed else calib, None if speed else unit),
    }
    bad = ~np.isfinite(channel.samples)
    if bad.any():
        first = int(np.argmax(bad))
        lines["gaps"] = (
            f"{int(bad.sum())} of {bad.size} values are no numbers, the first at position {first}"
        )
    return lines


def _axis(channel: Channel) -> str:
    if channel.over:
        return f"{channel.over}, not time"
    if channel.times is not None:
        times = channel.times
        steps = np.diff(times)
        at = int(np.argmax(steps))
        return (
            f"time, uneven steps from {times[0]:.6g} to {times[-1]:.6g} s; their median is "
            f"{np.median(steps):.6g} s, the longest {steps[at]:.6g} s at {times[at]:.6g} s"
        )
    return f"time from {channel.start:.6g} s" if channel.rate else "none in the file"


def _rate(channel: Channel, rate: float | None) -> str:
    if channel.rate is not None:
        return f"{channel.rate:.10g} Hz, from the file"
    if channel.times is not None or channel.over:
        return "none: the steps are uneven" if channel.times is not None else "none"
    if rate is not None:
        return f"{rate:.10g} Hz, given"
    return f"none: {channel.problem or 'the file gives none (--file-rate)'}"


def _unit(channel: Channel, source: str, unit: str | None) -> str:
    if unit is not None:
        replaced = unit_labels.clean(channel.label)
        return f"{unit}, given" + (f" in place of {replaced!r}" if replaced else "")
    label = unit_labels.clean(channel.label)
    if channel.kind == "speed":
        return f"1/min, {label!r} in {source}" if label else "1/min, by its name"
    if not label:
        return "none in the file: plain numbers (--unit)"
    try:
        found, *_ = unit_labels.understand(channel.label, channel.quantity)
    except SpecsrError:
        return f"{label!r} in {source}, which has no reference level"
    return f"{found}, from {source}" if found == label else f"{found}, {label!r} in {source}"


def _scale(channel: Channel, source: str, calib: float | None, unit: str | None) -> str:
    if calib is not None:
        return f"full scale is {calib:g} {unit or unit_labels.clean(channel.label)}".rstrip() + (
            ", given"
        )
    factor = channel.factor
    if channel.kind == "speed":
        factor *= unit_labels.speed_factor(channel.label) or 1.0
    elif unit is None:
        with suppress(SpecsrError):
            factor *= unit_labels.understand(channel.label, channel.quantity)[1]
    return "as stored" if factor == 1 else f"stored values times {factor:.10g}, from {source}"
