"""Units, frequency weightings, third octaves, calibration of maps."""

from __future__ import annotations

import numpy as np
from scipy.signal import get_window

from conformance.check import Check, Group, at_least, at_most, near, tone
from specsr.maps.phase import to_signal
from specsr.maps.transform import spectrogram
from specsr.nvh.calibration import calibrate
from specsr.nvh.levels import overall_level, psd, third_octave_bands, third_octave_levels
from specsr.nvh.weighting import weighting_power
from specsr.signal import Signal
from specsr.units import REFERENCES

TABLE_3 = """
10 -70.4 -14.3|12.5 -63.4 -11.2|16 -56.7 -8.5|20 -50.5 -6.2|25 -44.7 -4.4|31.5 -39.4 -3.0
40 -34.6 -2.0|50 -30.2 -1.3|63 -26.2 -0.8|80 -22.5 -0.5|100 -19.1 -0.3|125 -16.1 -0.2
160 -13.4 -0.1|200 -10.9 0.0|250 -8.6 0.0|315 -6.6 0.0|400 -4.8 0.0|500 -3.2 0.0|630 -1.9 0.0
800 -0.8 0.0|1000 0.0 0.0|1250 0.6 0.0|1600 1.0 -0.1|2000 1.2 -0.2|2500 1.3 -0.3|3150 1.2 -0.5
4000 1.0 -0.8|5000 0.5 -1.3|6300 -0.1 -2.0|8000 -1.1 -3.0|10000 -2.5 -4.4|12500 -4.3 -6.2
16000 -6.6 -8.5|20000 -9.3 -11.2
"""
"""IEC 61672-1:2013, table 3: nominal frequency in Hz, A and C in dB."""
OCTAVES = (31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
CENTRES = (
    25.119, 31.623, 39.811, 50.119, 63.096, 79.433, 100.00, 125.89, 158.49, 199.53, 251.19, 316.23,
    398.11, 501.19, 630.96, 794.33, 1000.0, 1258.9, 1584.9, 1995.3, 2511.9, 3162.3, 3981.1, 5011.9,
    6309.6, 7943.3, 10000, 12589, 15849, 19953,
)  # fmt: skip
"""IEC 61260-1:2014, annex E, table E.1: exact mid-band frequencies, five digits."""
INSIDE = ((1.0, 0.3), (1.02667, 0.4), (1.05575, 0.6), (1.08746, 1.3))
OUTSIDE = ((1.29437, 17.5), (1.88173, 42.0), (3.05365, 61.0), (5.39195, 70.0))
"""IEC 61260:1995, table 1, class 1, third octaves: frequency over mid-band frequency, largest
attenuation inside and smallest outside, dB; the lower half by reciprocals."""
WINDOWS = ("hann", "hamming", "blackman", "blackmanharris", "flattop")
REFERENCE = {"Pa": 20e-6, "m/s2": 1e-6, "m/s": 1e-9, "m": 1e-12, "N": 1e-6, "g": 1e-6 / 9.80665}


def _table() -> list[tuple[float, float, float]]:
    rows = TABLE_3.strip().replace("\n", "|").split("|")
    return [tuple(map(float, row.split())) for row in rows]  # type: ignore[misc]


def exact(nominal: float) -> float:
    """Return the exact mid-band frequency, base ten."""
    return 1000 * 10 ** (round(10 * np.log10(nominal / 1000)) / 10)


def units() -> list[Check]:
    return [
        near(f"0 dB of {unit}, dB re the standard's", 20 * np.log10(REFERENCES[unit] / value), 0,
             1e-9, "dB")
        for unit, value in REFERENCE.items()
    ]  # fmt: skip


def design() -> list[Check]:
    return [
        near(f"{name} at {row[0]:g} Hz", 10 * np.log10(weighting_power(exact(row[0]), name)),
             row[column], 0.0501, "dB")
        for column, name in ((1, "A"), (2, "C")) for row in _table()
    ]  # fmt: skip


def weighted_tones() -> list[Check]:
    table = {row[0]: row for row in _table()}
    found = []
    for nominal in OCTAVES:
        signal = tone(exact(nominal))
        flat = overall_level(signal)[0]
        for column, name in ((1, "A"), (2, "C")):
            level = overall_level(signal, name)[0] - flat
            found.append(near(f"sine of {nominal:g} Hz, {name} against Z", level,
                              table[nominal][column], 0.1, "dB"))  # fmt: skip
    return found


def centres() -> list[Check]:
    _, found, _, _ = third_octave_bands()
    return [
        near(f"mid-band frequency {k + 1}", value, expected, 0.5 * 10 ** (np.floor(
            np.log10(expected)) - 4), "Hz")
        for k, (value, expected) in enumerate(zip(found, CENTRES))
    ]  # fmt: skip


def filters() -> list[Check]:
    found = []
    for nominal in (100.0, 1000.0):
        middle = exact(nominal)
        for ratio, limit in (*INSIDE, *OUTSIDE):
            for factor in dict.fromkeys((ratio, 1 / ratio)):
                signal = tone(middle * factor, seconds=4.0)
                bands = third_octave_levels(signal)
                level = bands.levels[0, np.argmin(np.abs(bands.nominal - nominal))]
                loss = min(overall_level(signal)[0] - level, 200.0)
                name = f"third octave {nominal:g} Hz, attenuation at {factor:.4g} of its middle"
                check = at_least if ratio > 1.2 else at_most
                found.append(check(name, loss, limit, "dB"))
                if ratio < 1.2:
                    found.append(at_least(name, loss, -0.3, "dB"))
    return found


def maps() -> list[Check]:
    found = []
    noise = Signal(np.random.default_rng(1).standard_normal(48000), 48000.0, "Pa")
    for window in WINDOWS:
        row = tone(100 * 48000 / 2048)
        for scaling in ("rms", "psd"):
            spec = spectrogram(row, n_fft=2048, hop_length=256, window=window, scaling=scaling)
            value = spec.magnitude[0, 100, spec.magnitude.shape[-1] // 2]
            if scaling == "psd":
                samples = get_window(window, 2048)
                width = 48000 * np.square(samples).sum() / samples.sum() ** 2
                value = value * np.sqrt(width)
            name = f"sine of 1 Pa in its row, {window}, {scaling}"
            found.append(near(name, 20 * np.log10(value), 0, 1e-3, "dB"))
        spec = spectrogram(noise, n_fft=2048, hop_length=256, window=window)
        error = overall_level(spec)[0] - overall_level(noise)[0]
        found.append(near(f"power of noise in the map against its samples, {window}", error, 0,
                          0.05, "dB"))  # fmt: skip
        back = to_signal(spec).samples[0] - noise.samples[0]
        error = 10 * np.log10(np.mean(np.square(back, dtype=float)))
        found.append(at_most(f"map of noise and back, error, {window}", error, -120, "dB"))
    return found


def calibration() -> list[Check]:
    found = []
    for level in (94.0, 114.0):
        raw = tone(1000.0, 0.1).replace(unit="1")
        factor = calibrate(raw, level).calib
        expected = 20e-6 * 10 ** (level / 20) / 0.1
        found.append(near(f"calibrator {level:g} dB, factor over the exact one",
                          20 * np.log10(factor / expected), 0, 0.001, "dB"))  # fmt: skip
    found.append(near("sine of 1 Pa, overall", overall_level(tone(997.0))[0], 93.9794, 1e-3, "dB"))
    both = Signal(tone(500.0).samples + tone(2000.0).samples, 48000.0, "Pa")
    found.append(near("two sines of 1 Pa, overall", overall_level(both)[0], 96.9897, 1e-3, "dB"))
    offset = Signal(tone(500.0).samples + 10, 48000.0, "Pa")
    found.append(near("sine with an offset of 10 Pa", overall_level(offset)[0], 93.9794, 1e-3,
                      "dB"))  # fmt: skip
    noise = Signal(np.random.default_rng(2).standard_normal(4 * 48000), 48000.0, "Pa")
    freqs, density = psd(noise, 10.0)
    error = 10 * np.log10(density[0, 5:-5].mean() * 24000)
    found.append(near("density of white noise of 1 Pa times 24 kHz", error, 0, 0.05, "dB"))
    for rate in (25600.0, 44100.0, 51200.0, 96000.0):
        level = overall_level(tone(997.0).resample(rate))[0]
        found.append(near(f"sine of 1 Pa, resampled to {rate:g} Hz", level, 93.9794, 0.01, "dB"))
    return found


GROUPS = (
    Group("Reference values", "ISO 1683:2015; ISO 80000-3:2019 (g)", units),
    Group("Frequency weightings, design goal", "IEC 61672-1:2013, table 3 (0.1 dB steps)", design),
    Group("Frequency weightings, measured", "IEC 61672-1:2013, table 3", weighted_tones),
    Group("Third octaves, mid-band frequencies", "IEC 61260-1:2014, table E.1", centres),
    Group("Third octaves, relative attenuation", "IEC 61260:1995, table 1, class 1", filters),
    Group("Maps", "definition of the scalings (Heinzel et al. 2002), Parseval", maps),
    Group("Levels and calibration", "20 lg(rms / 20 µPa)", calibration),
)
