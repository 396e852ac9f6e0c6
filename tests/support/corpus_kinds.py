"""Kinds of axis, rate, speed and scale that files have, for `support.corpus`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

RATE, LENGTH = 1000.0, 1000
TIMES = np.arange(LENGTH) / RATE
SINE = np.sin(2 * np.pi * 50 * TIMES)
RPM = np.linspace(1200.0, 2400.0, LENGTH)


@dataclass(frozen=True)
class Kind:
    """What is particular about a file.

    Attributes:
        about: "time", "axis", "rate", "speed", "scale", "gap" or "clash".
        label: unit label in the file, "" without one.
        factor: base units (s, Hz, 1/min) of one unit of the label.
        refused: text of the error, if the file is to be refused.
    """

    about: str
    label: str = ""
    factor: float = 1.0
    refused: str = ""


KINDS: dict[str, Kind] = {
    "s": Kind("time", "s"),
    "ms": Kind("time", "ms", 1e-3),
    "msec": Kind("time", "msec", 1e-3),
    "us": Kind("time", "us", 1e-6),
    "ns": Kind("time", "ns", 1e-9),
    "min": Kind("time", "min", 60.0),
    "h": Kind("time", "h", 3600.0),
    "days": Kind("time", "d", 86400.0),
    "no unit": Kind("time"),
    "dates": Kind("dates", "", 86400.0),
    "unknown unit": Kind("time", "tick", 1.0, "unit 'tick'"),
    "angle": Kind("axis", "deg", 1.0, "over angle|no time"),
    "revolutions": Kind("axis", "rev", 1.0, "over angle|no time"),
    "distance": Kind("axis", "m", 1.0, "over distance|no time"),
    "index": Kind("axis", "samples", 1.0, "counts samples|no time|over index"),
    "spectrum": Kind("axis", "Hz", 1.0, "spectrum|no time"),
    "rate in Hz": Kind("rate", "Hz"),
    "rate in kHz": Kind("rate", "kHz", 1e3),
    "rate of unknown unit": Kind("rate", "tick", 1.0, "unit 'tick'"),
    "contradiction": Kind("clash", "", 1.0, "its rate is"),
    "speed in 1/min": Kind("speed", "1/min"),
    "speed in Hz": Kind("speed", "Hz", 60.0),
    "speed in rad/s": Kind("speed", "rad/s", 30 / math.pi),
    "speed in krpm": Kind("speed", "krpm", 1e3),
    "speed with a gap": Kind("gap", "1/min"),
    "scale": Kind("scale"),
}  # fmt: skip
"""Name of a kind -> what it is."""

AXES = {
    "angle": ("angle", 2), "revolutions": ("revolutions", 2), "distance": ("distance", 3),
    "index": ("index", 4), "spectrum": ("frequency", 0),
}  # fmt: skip
"""Name of a kind of axis -> its name in a file, and its number in MDF 4."""
ABSCISSAS = {"angle": 0, "revolutions": 16, "distance": 8, "index": 0, "spectrum": 18}
"""Name of a kind of axis -> its number in UFF."""


def axis(kind: Kind, name: str) -> tuple[str, np.ndarray, str]:
    """Return name, values and unit label of the axis of a file."""
    if kind.about == "axis":
        step = 1.0 if kind.label == "samples" else 0.5
        return AXES[name][0], step * np.arange(LENGTH), kind.label
    if kind.about == "dates":
        return "time", 738_000.0 + TIMES / 86400.0, ""
    if kind.about == "time":
        return "time", TIMES / kind.factor, kind.label
    return "time", TIMES, "s"


def speed(kind: Kind) -> np.ndarray | None:
    """Return the numbers of the speed channel of a file; None without one."""
    if kind.about == "speed":
        return RPM / kind.factor
    if kind.about == "gap":
        return np.where(np.arange(LENGTH) == 500, np.nan, RPM)
    return None
