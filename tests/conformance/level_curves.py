"""Time weightings, tone bursts, peaks, and the quantities of a vibration."""

from __future__ import annotations

import numpy as np

from conformance.check import Check, Group, near, tone
from specsr.nvh.integration import to_quantity
from specsr.nvh.level_curve import CurveOptions, level_curve
from specsr.nvh.levels import overall_level
from specsr.signal import Signal

RATE = 48000.0
BURSTS = (
    (1000, 0.0, -2.0), (500, -0.1, -4.1), (200, -1.0, -7.4), (100, -2.6, -10.2), (50, -4.8, -13.1),
    (20, -8.3, -17.0), (10, -11.1, -20.0), (5, -14.1, -23.0), (2, -18.0, -27.0), (1, -21.0, None),
    (0.5, -24.0, None), (0.25, -27.0, None),
)  # fmt: skip
"""IEC 61672-1:2013, table 4: duration in ms of a burst of 4 kHz, largest F and S level against the
steady tone, dB."""
WHOLE_A = 20
"""Shortest burst in ms that is checked with A weighting, which widens its spectrum: 80 cycles."""
PEAKS = ((31.5, 1.0, 2.5), (500.0, 1.0, 3.5), (8000.0, 1.0, 3.4), (500.0, 0.5, 2.4))
"""IEC 61672-1:2013, table 5: Hz, cycles, C peak level against the C level of the steady tone."""


def _burst(seconds: float, freq: float, rate: float, lead: float, tail: float) -> Signal:
    """Return a sine of 1 Pa rms that starts and ends at zero, in silence."""
    t = np.arange(round((lead + seconds + tail) * rate)) / rate - lead
    inside = (t > -0.5 / rate) & (t < seconds - 0.5 / rate)
    return Signal(np.sqrt(2) * np.sin(2 * np.pi * freq * t) * inside, rate, "Pa")


def _highest(signal: Signal, weighting: str, time_weighting: str) -> float:
    options = CurveOptions("time", weighting, time_weighting, hold=True)  # type: ignore[arg-type]
    return float(level_curve(signal, options).overall[0, -1])


def bursts() -> list[Check]:
    found = []
    steady = {w: overall_level(tone(4000.0), w)[0] for w in "ZA"}
    for milliseconds, fast, slow in BURSTS:
        for name, expected in (("fast", fast), ("slow", slow)):
            for weighting in "ZA" if milliseconds >= WHOLE_A else "Z":
                if expected is not None:
                    signal = _burst(milliseconds / 1000, 4000.0, RATE, 0.1, 0.1)
                    level = _highest(signal, weighting, name) - steady[weighting]
                    text = f"burst of {milliseconds:g} ms, {weighting}, {name}"
                    found.append(near(text, level, expected, 0.1, "dB"))
    return found


def decays() -> list[Check]:
    """Return the fall after a steady tone stops: 10 lg e / time constant."""
    found = []
    signal = _burst(1.0, 4000.0, RATE, 0.0, 1.0)
    for name, low, high, constant in (("fast", 25.0, np.inf, 0.125), ("slow", 3.4, 5.3, 1.0)):
        curve = level_curve(signal, CurveOptions(time_weighting=name))  # type: ignore[arg-type]
        after = curve.x > 1.05
        level, time = curve.overall[0, after], curve.x[after]
        fall = float((level[0] - level[-1]) / (time[-1] - time[0]))
        expected = 10 * np.log10(np.e) / constant
        limits = f"{low:g} to {high:g}" if np.isfinite(high) else f"≥ {low:g}"
        found.append(near(f"fall of {name}", fall, expected, 0.01, "dB/s"))
        found.append(Check(f"fall of {name}, limits", limits, fall, low, high, "dB/s"))
    return found


def peaks() -> list[Check]:
    found = []
    rate = 192000.0  # 24 samples in a cycle of 8 kHz
    for freq, cycles, expected in PEAKS:
        steady = overall_level(tone(freq, rate=rate, seconds=1.0), "C")[0]
        signal = _burst(cycles / freq, freq, rate, 0.5, 0.1)
        for sign, name in ((1, ""), (-1, ", negative")) if cycles < 1 else ((1, ""),):
            level = _highest(signal.replace(samples=sign * signal.samples), "C", "peak") - steady
            found.append(near(f"{cycles:g} cycles of {freq:g} Hz{name}", level, expected, 0.15,
                              "dB"))  # fmt: skip
    return found


def vibration() -> list[Check]:
    found = []
    freq = 1000 / (2 * np.pi)  # 1e-6 m/s², 1e-9 m/s and 1e-12 m are one vibration
    motion = tone(freq, 1.0, 25600.0, 6.0).replace(unit="m/s2")
    middle = slice(51200, -51200)
    for quantity, unit in (("velocity", "m/s"), ("displacement", "m")):
        there = to_quantity(motion, quantity)  # type: ignore[arg-type]
        level = there.cut(middle.start, motion.length + middle.stop).level()[0]
        found.append(near(f"1 m/s² at 1000 rad/s as {quantity}, {unit}", level, 120.0, 0.01, "dB"))
        back = to_quantity(there, "acceleration").samples[0, middle] - motion.samples[0, middle]
        error = 10 * np.log10(np.mean(back**2))
        found.append(Check(f"{quantity} differentiated, error against the acceleration", "≤ -80",
                           float(error), -np.inf, -80, "dB"))  # fmt: skip
    for ratio, expected in ((1.0, -3.0103), (2.0, -0.0169), (0.5, -24.0993)):
        freq = 10 * ratio
        signal = tone(freq, 1.0, 5120.0, 10.0).replace(unit="m/s2")
        velocity = to_quantity(signal, "velocity", highpass=10.0).cut(10240, 40960)
        gain = velocity.level()[0] - 180 + 20 * np.log10(2 * np.pi * freq)
        found.append(near(f"high-pass at {ratio:g} of its cut-off", gain, expected, 0.01, "dB"))
    return found


GROUPS = (
    Group("Time weightings, tone bursts", "IEC 61672-1:2013, table 4 (0.1 dB steps)", bursts),
    Group("Time weightings, decay", "IEC 61672-1:2013, clause 5.8; 10 lg(e) / time constant",
          decays),
    Group("C-weighted peaks", "IEC 61672-1:2013, table 5 (0.1 dB steps)", peaks),
    Group("Integration and differentiation", "ISO 1683:2015: reference values agree at 1000 rad/s; "
          "10 lg(1 + ratio^-8)", vibration),
)  # fmt: skip
