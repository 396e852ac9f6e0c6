"""Interpretation of unit labels in files: spellings, prefixes, damaged characters, speeds.

A label in a file is free text in any encoding.  It is either recognised as one of the units with a
reference level (`specsr.units.REFERENCES`) times a factor, or an error asks for the unit: units are
never substituted silently.
"""

from __future__ import annotations

import re

from specsr.errors import SpecsrError
from specsr.io.axis_labels import meaning
from specsr.units import parse_unit

_PREFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "c": 1e-2, "h": 1e2, "k": 1e3, "M": 1e6}
# No kg, Mg or cg: these are masses; mg and µg are accelerations of quiet sensors.
_PREFIXED = re.compile(r"([numchkM])(Pa|V|N|m/s2|m/s|m)|([num])(g)")
_SPELLINGS = {
    "m/s/s": "m/s2", "m s-2": "m/s2", "m s^-2": "m/s2", "m/sec2": "m/s2", "m/sec^2": "m/s2",
    "m*s^-2": "m/s2", "ms^-2": "m/s2",
    "m/sec": "m/s", "g's": "g", "gs": "g", "gees": "g", "pascals": "Pa", "newtons": "N",
    "-": "1", "1/1": "1", "-/-": "1", "no unit": "1", "unitless": "1", "unknown": "1",
}  # fmt: skip
_SPEED_NAME = re.compile(
    r"(?i)(^|[^a-z])(rpm|drehzahl|n_?mot|nmot|regime|(engine|motor|shaft|rotor)[ _.-]?speed)"
    r"|EngineSpeed|EngSpeed|_rpm\b|rpm$"
)
_MAYBE_SPEED_NAME = re.compile(
    r"(?i)(^|[^a-z])(speed|rotation|omega|n|frequency of rotation)([^a-z]|$)"
)
_TACHO_NAME = re.compile(r"(?i)tacho|keyphasor|(^|[^a-z])(pulses?|trigger)([^a-z]|$)")
# "m/s²" with its last character lost or read in another encoding.
_DAMAGED_ACCELERATION = re.compile(r"m/s ?(�|\?|ý|Â²|Â�|[\x00-\x1f\x7f-\x9f])")


def clean(label: object) -> str:
    """Return a label without padding, brackets and NUL bytes; "" without a label."""
    text = label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label or "")
    text = text.strip(" \t\r\n\0").replace("μ", "µ")
    if text[:1] + text[-1:] in ("[]", "()"):
        text = text[1:-1].strip()
    return "" if text.upper() in ("NONE", "NULL", "N/A") else text


def understand(label: str, quantity: str = "") -> tuple[str, float, str]:
    """Return the unit of a label, the factor to it, and a note for the user or "".

    Args:
        label: text from the file; "" means plain numbers.
        quantity: quantity in the file: "acceleration", "velocity", or "" if it is not stated.

    Raises:
        SpecsrError: the label is not a known unit; the message explains how to give one.
    """
    text = clean(label)
    if _DAMAGED_ACCELERATION.fullmatch(text) and quantity in ("", "acceleration"):
        return "m/s2", 1.0, f"the unit {text!r} has lost a character and is read as m/s²"
    if re.match(r"(?i)db\b|dB\(", text):
        raise SpecsrError(
            f"its unit is {text!r}: expected samples, not levels in dB: export the time signal"
        )
    plain = text.replace("²", "2").replace("^2", "2").replace("**2", "2").replace("µ", "u")
    for candidate in (text, plain, _SPELLINGS.get(text.lower(), text)):
        try:
            return parse_unit(candidate), 1.0, ""
        except SpecsrError:
            continue
    scaled = _PREFIXED.fullmatch(plain)
    if scaled:
        prefix, unit = (part for part in scaled.groups() if part)
        factor = _PREFIXES[prefix]
        return unit, factor, f"samples in {text} are multiplied by {factor:g} to get {unit}"
    raise SpecsrError(
        f"the unit label {text!r} is unknown: give the unit of the samples (--unit, unit=), such "
        "as Pa, m/s2, g, m/s, N or V; 1 for plain numbers"
    )


def are_same(one: str, other: str) -> bool:
    """Return whether two labels are one unit in two spellings, or one text."""
    if one == other:
        return True
    if is_known(one) and is_known(other):
        return understand(one)[:2] == understand(other)[:2]
    return meaning(one) is not None and meaning(one) == meaning(other)


def is_known(label: str) -> bool:
    """Return whether a label is a unit of samples."""
    try:
        return bool(clean(label)) and bool(understand(label)[0])
    except SpecsrError:
        return False


def is_speed(label: str, name: str) -> bool:
    """Return whether a channel is the speed of a machine, by its unit and its name.

    A unit of revolutions per minute is enough.  Hz, rad/s and deg/s need a name of a speed: they
    are also units of vibration.  Without a unit the name decides.
    """
    text = clean(label)
    if text:
        found = meaning(text)
        if found is None or found.kind not in ("speed", "frequency"):
            return False
        per_minute = found.kind == "speed" and found.factor in (1.0, 1e3)
        return per_minute or _named_speed(name) or bool(_MAYBE_SPEED_NAME.search(name))
    return _named_speed(name)


def speed_factor(label: str) -> float | None:
    """Return the factor from the unit of a speed to 1/min; 1 without a unit, None if unknown."""
    text = clean(label)
    if not text:
        return 1.0
    found = meaning(text)
    if found is None or found.kind not in ("speed", "frequency"):
        return None
    return found.factor * (60.0 if found.kind == "frequency" else 1.0)


def _named_speed(name: str) -> bool:
    return bool(_SPEED_NAME.search(name)) and not _TACHO_NAME.search(name)


def is_tacho(label: str, name: str) -> bool:
    """Return whether a channel holds tacho pulses, by its name."""
    return bool(_TACHO_NAME.search(name)) and not is_speed(label, name)
