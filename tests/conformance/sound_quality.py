"""Loudness and sharpness against the tables of the standards."""

from __future__ import annotations

import numpy as np

from conformance.check import Check, Group, at_most, band_noise, near, tone
from specsr.nvh.sound_quality import loudness, sharpness
from specsr.nvh.sound_quality_curves import roughness
from specsr.nvh.tonality import tones
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


CRITICAL_BANDS = (
    (150.0, 101.3), (500.0, 117.3), (1000.0, 162.2), (2000.0, 300.1), (4000.0, 685.7),
)  # fmt: skip
"""Frequency and width of the critical band in Hz, ECMA-418-1: 25 + 75 (1 + 1.4 (f / kHz)²)^0.69."""
BELOW_1_KHZ = ((150.0, 8 + 6.863), (500.0, 8 + 2.508), (1000.0, 8.0), (4000.0, 8.0))
"""Frequency and the tone-to-noise ratio from which a tone is prominent, dB."""


def rough() -> list[Check]:
    found = []
    t = np.arange(24000) / 48000
    for depth in (1.0, 0.8, 0.6, 0.4, 0.0):
        x = (1 + depth * np.sin(2 * np.pi * 70 * t)) * np.sin(2 * np.pi * 1000 * t)
        signal = Signal(20e-3 * x / np.sqrt(np.mean(x**2)), 48000.0, "Pa")
        asper = float(roughness(signal)[1].mean())
        name = f"1 kHz, 60 dB, modulated with 70 Hz, depth {depth:g}"
        expected = round(depth**1.6, 3)
        found.append(near(name, asper, expected, 0.17 * expected if depth else 0.05, "asper"))
    return found


CARRIERS = (125, 250, 500, 1000, 2000, 4000, 8000)
ROUGHNESS = {
    20: (0.232, 0.246, 0.243, 0.24, 0.219, 0.168, 0.108),
    40: (0.327, 0.481, 0.584, 0.65, 0.55, 0.431, 0.275),
    70: (0.151, 0.314, 0.609, 0.991, 0.84, 0.652, 0.436),
}
"""Modulation in Hz -> roughness of each carrier, 60 dB, fully modulated, asper: read off figure
11.2 of Zwicker, Fastl, Psychoacoustics, 1990, as MoSQITo's validation has it."""


def rough_carriers() -> list[Check]:
    found = []
    t = np.arange(24000) / 48000
    for rate, expected in ROUGHNESS.items():
        for carrier, asper in zip(CARRIERS, expected):
            x = (1 + np.sin(2 * np.pi * rate * t)) * np.sin(2 * np.pi * carrier * t)
            signal = Signal(20e-3 * x / np.sqrt(np.mean(x**2)), 48000.0, "Pa")
            name = f"{carrier} Hz, 60 dB, modulated with {rate} Hz"
            found.append(near(name, float(roughness(signal)[1].mean()), asper, 0.1, "asper"))
    return found


def tone_ratios() -> list[Check]:
    """Return ratios of tones in white noise, within four standard deviations of its level."""
    found = []
    rate, seconds = 25600.0, 4.0
    noise = 20e-3 * np.random.default_rng(3).standard_normal(round(rate * seconds))
    for freq, width in CRITICAL_BANDS:
        level = 60 - 10 * np.log10(rate / 2 / width)
        signal = tone(freq + 0.3, 20e-6 * 10 ** ((level + 20) / 20), rate, seconds)
        there = tones(signal.replace(samples=signal.samples + noise))[0]
        scatter = 4 * 4.34 * np.sqrt(1.5) / np.sqrt(width * seconds)
        found.append(near(f"{freq:g} Hz, 20 dB over the noise of its critical band",
                          there[0].tnr_db, 20.0, round(scatter, 2), "dB"))  # fmt: skip
    for freq, limit in BELOW_1_KHZ:
        width = 25 + 75 * (1 + 1.4 * (freq / 1000) ** 2) ** 0.69
        level = 60 - 10 * np.log10(rate / 2 / width)
        for above, count in ((-2.5, 0), (2.5, 1)):
            signal = tone(freq, 20e-6 * 10 ** ((level + limit + above) / 20), rate, seconds)
            there = tones(signal.replace(samples=signal.samples + noise))[0]
            by_tnr = [each for each in there if "tnr" in each.prominent]
            found.append(near(f"{freq:g} Hz, {above:+g} dB from the limit of prominence, tones",
                              len(by_tnr), count, 0, "1"))  # fmt: skip
    silent = Signal(noise, rate, "Pa")
    found.append(at_most("noise alone, prominent tones", len(tones(silent)[0]), 0, "1"))
    return found


GROUPS = (
    Group("Loudness, signals of the standard", "ISO 532-1:2017, annex B.3; 5 % or 0.1 sone (clause "
          "5.1)", zwicker, slow=True),
    Group("Loudness, doubled with every 10 phon", "definition of the sone, which the method "
          "approximates: 10 %", sones, slow=True),
    Group("Roughness, reference sound", "definition of the asper, and its growth with depth^1.6 "
          "(Fastl, Zwicker, Psychoacoustics, chapter 11); 17 %, the smallest difference heard",
          rough, slow=True),
    Group("Roughness, carriers and modulations", "Zwicker, Fastl, Psychoacoustics, figure 11.2; "
          "0.1 asper, as in MoSQITo's validation of the model of Daniel, Weber 1997",
          rough_carriers, slow=True),
    Group("Tone-to-noise ratio", "ECMA-418-1:2022, clauses 10 and 11; analytic: a sine in white "
          "noise", tone_ratios),
    Group("Sharpness", "DIN 45692:2009, clause 6: 5 % or 0.05 acum", din, slow=True),
)  # fmt: skip
