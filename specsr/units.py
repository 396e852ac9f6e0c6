"""Units of samples and their reference values of 0 dB."""

from __future__ import annotations

from specsr.errors import SpecsrError

STANDARD_GRAVITY = 9.80665
"""Metres per second squared in one g (ISO 80000-3)."""

REFERENCES: dict[str, float] = {
    "Pa": 20e-6,
    "m/s2": 1e-6,
    "g": 1e-6 / STANDARD_GRAVITY,
    "m/s": 1e-9,
    "m": 1e-12,
    "N": 1e-6,
    "V": 1.0,
    "1": 1.0,
}
"""Reference value of 0 dB for each unit, in that unit (ISO 1683 for Pa, m/s2, m/s, m and N).

Levels in g refer to the same 1e-6 m/s2 as levels in m/s2, so both give the same dB values.  The
reference of volts and of plain numbers ("1", digital full scale) is 1.
"""

_ALIASES = {
    "pa": "Pa", "pascal": "Pa",
    "m/s2": "m/s2", "m/s²": "m/s2", "m/s^2": "m/s2", "m/s**2": "m/s2", "ms-2": "m/s2",
    "g": "g", "gn": "g",
    "m/s": "m/s",
    "m": "m",
    "n": "N", "newton": "N",
    "v": "V", "volt": "V", "volts": "V",
    "1": "1", "": "1", "fs": "1", "none": "1",
}  # fmt: skip


def parse_unit(label: str) -> str:
    """Return the canonical name of a unit label (``"m/s²"`` -> ``"m/s2"``).

    Raises:
        SpecsrError: the label is none of the units in `REFERENCES`, in any known spelling.
    """
    try:
        return _ALIASES[str(label).strip().lower()]
    except KeyError:
        known = ", ".join(REFERENCES)
        raise SpecsrError(
            f"unknown unit {label!r}: expected one of {known}. "
            "Give the unit of the samples, 1 for plain numbers."
        ) from None


def reference_label(unit: str) -> str:
    """Return the reference of a level as text: ``"re 20 µPa"``, ``"re 1e-6 m/s²"``, ``"re 1 V"``.

    Args:
        unit: a key of `REFERENCES`.
    """
    return {
        "Pa": "re 20 µPa",
        "m/s2": "re 1e-6 m/s²",
        "g": "re 1e-6 m/s²",
        "m/s": "re 1e-9 m/s",
        "m": "re 1e-12 m",
        "N": "re 1 µN",
        "V": "re 1 V",
        "1": "re full scale",
    }[unit]


def shown_unit(unit: str) -> tuple[str, float]:
    """Return the unit in which linear values are shown, and the factor to it from ``unit``.

    Velocities are shown in mm/s and displacements in µm, all others as they are.

    Args:
        unit: a key of `REFERENCES`.
    """
    return {"m/s": ("mm/s", 1e3), "m": ("µm", 1e6), "m/s2": ("m/s²", 1.0)}.get(unit, (unit, 1.0))
