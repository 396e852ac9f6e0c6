"""One comparison with a value that does not come from specsr."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from specsr.signal import Signal


@dataclass(frozen=True)
class Check:
    """A value and its limits.

    Attributes:
        name: what was computed, of which input.
        expected: value or limit of the source, as text.
        found: value by specsr.
        low, high: limits of ``found``, those of the source widened by the tolerance.
        unit: of all of them.
    """

    name: str
    expected: str
    found: float
    low: float
    high: float
    unit: str

    @property
    def passed(self) -> bool:
        return bool(self.low <= self.found <= self.high)


@dataclass(frozen=True)
class Group:
    """Checks with one source.

    Attributes:
        title: heading.
        source: standard, paper or equation of the expected values.
        checks: computes the checks.
        slow: takes more than two seconds.
    """

    title: str
    source: str
    checks: Callable[[], list[Check]]
    slow: bool = False


def near(name: str, found: float, expected: float, tolerance: float, unit: str) -> Check:
    """Compare with a value within an absolute tolerance."""
    low, high = expected - tolerance, expected + tolerance
    return Check(name, f"{expected:g} ± {tolerance:g}", float(found), low, high, unit)


def at_least(name: str, found: float, limit: float, unit: str) -> Check:
    """Compare with a lower limit."""
    return Check(name, f"≥ {limit:g}", float(found), limit, np.inf, unit)


def at_most(name: str, found: float, limit: float, unit: str) -> Check:
    """Compare with an upper limit."""
    return Check(name, f"≤ {limit:g}", float(found), -np.inf, limit, unit)


def tone(freq: float, rms: float = 1.0, rate: float = 48000.0, seconds: float = 2.0) -> Signal:
    """Return a sine in Pa."""
    t = np.arange(round(seconds * rate)) / rate
    return Signal(np.sqrt(2) * rms * np.sin(2 * np.pi * freq * t), rate, "Pa")


def band_noise(low: float, high: float, level: float, seconds: float = 4.0) -> Signal:
    """Return noise between two frequencies at a level in dB re 20 µPa, at 48 kHz."""
    length, rate = round(48000 * seconds), 48000.0
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(length))
    freqs = np.fft.rfftfreq(length, 1 / rate)
    samples = np.fft.irfft(spectrum * ((freqs >= low) & (freqs <= high)), length)
    samples *= 20e-6 * 10 ** (level / 20) / np.sqrt(np.mean(samples**2))
    return Signal(samples, rate, "Pa")
