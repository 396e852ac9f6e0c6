"""Meaning of labels of axes, rates and speeds: ``msec``, ``kHz``, ``1/min``, ``deg``.

All readers ask here.  A label means a kind of axis and a factor to its base unit; a label that is
not listed has no meaning, and the reader asks for the rate or the unit: seconds are never assumed
for it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["time", "frequency", "speed", "angle", "distance", "order", "index"]
"""Kind of an axis.  Base units: s, Hz, 1/min, revolutions, m, orders, samples."""

ADVICE = "give the sampling rate in Hz (--file-rate, rate=)"
"""What a user can do about an axis without a meaning."""


@dataclass(frozen=True)
class Meaning:
    """What a label means.

    Attributes:
        kind: of the axis.
        factor: from the label's unit to the base unit of the kind.
    """

    kind: Kind
    factor: float


def _times(factor: float, *labels: str) -> dict[str, Meaning]:
    return dict.fromkeys(labels, Meaning("time", factor))


_UNITS: dict[str, Meaning] = {
    **_times(1.0, "s", "sec", "secs", "second", "seconds", "sek", "sekunde", "sekunden", "seconde",
             "secondes"),
    **_times(1e-3, "ms", "msec", "msecs", "millisec", "milliseconds", "millisecond", "msek",
             "millisekunden"),
    **_times(1e-6, "us", "usec", "usecs", "microsec", "microsecond", "microseconds",
             "mikrosekunden"),
    **_times(1e-9, "ns", "nsec", "nsecs", "nanosecond", "nanoseconds", "nanosekunden"),
    **_times(60.0, "min", "mins", "minute", "minutes", "minuten"),
    **_times(3600.0, "h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden", "heure",
             "heures"),
    **_times(86400.0, "d", "day", "days", "datenum", "tag", "tage", "jour", "jours"),
    **dict.fromkeys(("hz", "hertz", "1/s", "/s", "s-1", "cps", "sps", "s/s", "sa/s", "samples/s",
                     "samples/sec", "sample/s"), Meaning("frequency", 1.0)),
    **dict.fromkeys(("khz", "ks/s", "ksa/s", "ksps", "ksamples/s", "1/ms"),
                    Meaning("frequency", 1e3)),
    **dict.fromkeys(("msps", "msa/s", "megahertz"), Meaning("frequency", 1e6)),
    **dict.fromkeys(("rpm", "1/min", "/min", "min-1", "1min-1", "r/min", "rev/min", "revs/min",
                     "u/min", "umdr/min", "tr/min", "t/min", "rotations/min", "revolutions/min",
                     "r.p.m.", "upm"), Meaning("speed", 1.0)),
    **dict.fromkeys(("krpm", "1000rpm", "1000/min", "1000*rpm", "x1000rpm", "10001/min"),
                    Meaning("speed", 1e3)),
    **dict.fromkeys(("rps", "rev/s", "revs/s", "r/s", "u/s", "tr/s", "rev/sec"),
                    Meaning("speed", 60.0)),
    **dict.fromkeys(("rad/s", "rads-1", "rad/sec", "1/s(rad)"), Meaning("speed", 30 / math.pi)),
    **dict.fromkeys(("deg/s", "°/s", "degree/s"), Meaning("speed", 1 / 6)),
    **dict.fromkeys(("deg", "°", "degs", "degree", "degrees", "grad", "°ca", "degca", "°kw", "ca",
                     "cad", "kw", "°crank"), Meaning("angle", 1 / 360)),
    **dict.fromkeys(("rad", "radian", "radians"), Meaning("angle", 1 / (2 * math.pi))),
    **dict.fromkeys(("rev", "revs", "revolution", "revolutions", "turn", "turns", "u", "umdr",
                     "umdrehung", "umdrehungen", "tours", "cycle", "cycles"),
                    Meaning("angle", 1.0)),
    **dict.fromkeys(("m", "meter", "metre", "meters", "metres"), Meaning("distance", 1.0)),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), Meaning("distance", 1e-3)),
    **dict.fromkeys(("km", "kilometer", "kilometre"), Meaning("distance", 1e3)),
    **dict.fromkeys(("cm",), Meaning("distance", 1e-2)),
    **dict.fromkeys(("in", "inch", "inches"), Meaning("distance", 0.0254)),
    **dict.fromkeys(("ft", "feet", "foot"), Meaning("distance", 0.3048)),
    **dict.fromkeys(("order", "orders", "ordnung", "ord"), Meaning("order", 1.0)),
    **dict.fromkeys(("sample", "samples", "index", "point", "points", "pts", "#", "nr"),
                    Meaning("index", 1.0)),
}  # fmt: skip
_EXACT = {
    "MHz": Meaning("frequency", 1e6), "mHz": Meaning("frequency", 1e-3),
    "MS/s": Meaning("frequency", 1e6), "GHz": Meaning("frequency", 1e9),
}  # fmt: skip
"""Labels whose case decides."""
_SIGNS = {"⁻¹": "-1", "^-1": "-1", "·": "", "⋅": "", "*": "", " ": "", "µ": "u", "μ": "u",
          "\u00a0": ""}  # fmt: skip

_NUMBER = re.compile(r"\s*([-+]?\d[\d.,]*(?:[eE][-+]?\d+)?)\s*(.*?)\s*", re.DOTALL)


def meaning(label: str) -> Meaning | None:
    """Return what the label of an axis, rate or speed means; None for no label or an unknown one.

    ``seconds since 2020-01-01``, as NetCDF writes it, is ``seconds``.
    """
    text = re.split(r"(?i)\s+(?:since|seit)\s", label.strip())[0]
    if text[:1] + text[-1:] in ("[]", "()"):
        text = text[1:-1]
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    return _EXACT.get(text) or _UNITS.get(text.lower())


def quantity(value: object) -> tuple[float, str] | None:
    """Return number and label of a value such as ``48 kHz``, ``"1000,000"`` or 48000.

    None for anything else.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value), ""
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    digits = found[1]
    if digits.count(",") == 1 and "." not in digits:
        digits = digits.replace(",", ".")
    try:
        return float(digits), found[2]
    except ValueError:
        return None
