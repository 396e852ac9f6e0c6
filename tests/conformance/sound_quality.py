"""Loudness and sharpness against the tables of the standards."""

from __future__ import annotations

from conformance.check import Check, Group, band_noise, near, tone
from specsr.nvh.sound_quality import loudness, sharpness
from specsr.signal import Signal

ANNEX_B = ((250.0, 80.0, 14.655), (1000.0, 60.0, 4.019), (4000.0, 40.0, 1.549))
"""ISO 532-1:2017, annex B.3, signals 2 to 4: Hz, dB, sone."""
EDGES = (200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700,
         4400, 5300, 6400, 7700, 9500, 12000)  # fmt: skip
"""Edges of the critical bands, Hz (Zwicker 1961)."""
NARROW = (0.38, 0.49, 0.60, 0.71, 0.82, 0.93, 1.00, 1.13, 1.26, 1.35, 1.49, 1.64, 1.78, 2.06, 2.40,
          2.82, 3.48, 4.43, 5.52, 6.81, 8.55)  # fmt: skip
"""DIN 45692:2009, table of narrow-band noise, one critical band each, acum."""


def _sine(freq: float, level: float) -> Signal:
    return tone(freq, 20e-6 * 10 ** (level / 20), seconds=1.0)


def zwicker() -> list[Check]:
    return [
        near(f"signal {k + 2}: sine of {freq:g} Hz, {level:g} dB",
             loudness(_sine(freq, level)).sone[0], sone, max(0.05 * sone, 0.1), "sone")
        for k, (freq, level, sone) in enumerate(ANNEX_B)
    ]  # fmt: skip


def sones() -> list[Check]:
    return [
        near(f"sine of 1 kHz, {level} dB", loudness(_sine(1000.0, level)).sone[0],
             2.0 ** ((level - 40) / 10), 0.1 * 2.0 ** ((level - 40) / 10), "sone")
        for level in (40, 50, 60, 70, 80)
    ]  # fmt: skip


def din() -> list[Check]:
    return [
        near(f"noise from {low} to {high} Hz, 60 dB", sharpness(band_noise(low, high, 60.0))[0],
             acum, max(0.05 * acum, 0.05), "acum")
        for low, high, acum in zip(EDGES, EDGES[1:], NARROW)
    ]  # fmt: skip


GROUPS = (
    Group("Loudness, signals of the standard", "ISO 532-1:2017, annex B.3; 5 % or 0.1 sone (clause "
          "5.1)", zwicker, slow=True),
    Group("Loudness, doubled with every 10 phon", "definition of the sone, which the method "
          "approximates: 10 %", sones, slow=True),
    Group("Sharpness", "DIN 45692:2009, clause 6: 5 % or 0.05 acum", din, slow=True),
)  # fmt: skip
