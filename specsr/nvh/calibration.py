"""Calibration: units per digital full scale, from a calibrator tone or a level at full scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.signal import Signal
from specsr.units import REFERENCES, parse_unit, reference_label

BLOCK_SECONDS = 0.125
"""Length of the blocks in which level and frequency of the tone are measured, s."""
SHORTEST_SECONDS = 1.0
"""Minimum length of the steady tone, s."""
STEADY_DB = 0.5
"""Maximum range of the level over the blocks of the tone, dB."""
PURITY_DB = 20.0
"""Minimum level of the tone over everything else, dB."""
DRIFT = 0.005
"""Maximum range of the frequency over the blocks, relative."""
_CLIPPED = 0.9999
"""Magnitude, in digital full scale, from which three samples in a row count as clipped."""
_LOBE = 6
"""Bins on either side of the tone that belong to it: main lobe and first side lobes of a Hann
window."""


@dataclass(frozen=True)
class Tone:
    """A calibrator tone found in a recording.

    Attributes:
        calib: units per digital full scale that give the tone its level.
        freq: frequency, Hz.
        seconds: length of its steady part, s.
        spread_db: maximum minus minimum level in that part, dB.
        purity_db: level of the tone over everything else in that part, dB.
        channel: name of the channel that holds it.
    """

    calib: float
    freq: float
    seconds: float
    spread_db: float
    purity_db: float
    channel: str

    def __str__(self) -> str:
        return (
            f"{self.freq:.2f} Hz in {self.channel}, steady within {self.spread_db:.2f} dB over "
            f"{self.seconds:.1f} s, {self.purity_db:.0f} dB over the rest: {self.calib:.6g} units "
            "at digital full scale"
        )


def calibrate(recording: Signal, level_db: float, unit: str = "Pa") -> Tone:
    """Return the calibration from a recorded calibrator tone of known level.

    Evaluates the longest stretch of the loudest channel whose level stays within `STEADY_DB`, so
    switching on, handling and switching off have no effect.

    Args:
        recording: the tone as stored, in digital full scale (``read(path, unit="1", calib=1)``).
        level_db: level of the tone in dB re the reference of ``unit``: 94 for 1 Pa rms.
        unit: of the calibrator's quantity: ``"Pa"``, ``"m/s2"``.

    Raises:
        SpecsrError: no stretch of a second with one steady tone that is not clipped, a level that
            is not finite, or an unknown unit.
    """
    unit = parse_unit(unit)
    if not np.isfinite(level_db):
        raise SpecsrError(f"the level of the tone is {level_db} dB: expected a number such as 94")
    rms = np.sqrt(np.mean(np.square(recording.samples, dtype=np.float64), axis=1))
    channel = int(np.argmax(rms))
    samples = recording.samples[channel].astype(np.float64)
    rate = recording.rate
    size = round(BLOCK_SECONDS * rate)
    count = len(samples) // size if size else 0
    if count * BLOCK_SECONDS < SHORTEST_SECONDS or size < 64:
        raise SpecsrError(
            f"is {recording.duration:.2f} s long: expected a tone of at least {SHORTEST_SECONDS} s"
        )
    if not rms[channel] > 0:
        raise SpecsrError("is silent: expected a calibrator tone")
    blocks = samples[: count * size].reshape(count, size)
    freq = _loudest_frequency(blocks, rate)
    phasors = _phasors(blocks, freq, rate)
    with np.errstate(divide="ignore"):
        levels = 20 * np.log10(np.abs(phasors))
    first, last = _longest_steady(levels)
    seconds = (last - first) * BLOCK_SECONDS
    if seconds < SHORTEST_SECONDS:
        raise SpecsrError(
            f"holds no steady tone: at {freq:.1f} Hz the level stays within {STEADY_DB} dB for "
            f"{seconds:.2f} s only, expected {SHORTEST_SECONDS} s; record the calibrator again"
        )
    steps = np.angle(phasors[first + 1 : last] / phasors[first : last - 1])
    freqs = freq + steps / (2 * np.pi * size / rate)  # the phase advances by the offset from freq
    found = float(np.median(freqs))
    if np.ptp(freqs) > DRIFT * found:
        raise SpecsrError(
            f"its tone drifts between {freqs.min():.1f} and {freqs.max():.1f} Hz: expected a "
            "constant frequency"
        )
    part = samples[first * size : last * size]
    purity = _purity(part, blocks[first:last], found, rate)
    if purity < PURITY_DB:
        raise SpecsrError(
            f"holds more than one tone: the power outside {found:.1f} Hz is only {purity:.1f} dB "
            f"below the tone, expected {PURITY_DB:.0f} dB; record the calibrator in silence"
        )
    peak = np.abs(part).max()
    flat = np.abs(part) >= _CLIPPED
    if peak >= _CLIPPED and (flat[:-2] & flat[1:-1] & flat[2:]).any():
        raise SpecsrError("is clipped: record the calibrator with a lower gain")
    digital = float(np.sqrt(np.mean(np.abs(_phasors(blocks[first:last], found, rate)) ** 2)))
    wanted = REFERENCES[unit] * 10 ** (level_db / 20)
    return Tone(
        wanted / digital, found, seconds, float(np.ptp(levels[first:last])), purity,
        recording.channels[channel],
    )  # fmt: skip


def at_full_scale(level_db: float, unit: str = "Pa") -> float:
    """Return the units per digital full scale for which a full-scale sine has a level.

    Args:
        level_db: level of the sine in dB re the reference of ``unit``.
        unit: of the samples.

    Raises:
        SpecsrError: a level that is not finite or above 1000 dB, or an unknown unit.
    """
    unit = parse_unit(unit)
    if not np.isfinite(level_db) or abs(level_db) > 1000:
        raise SpecsrError(
            f"the level at full scale is {level_db} dB: expected a number such as 120 "
            f"(dB {reference_label(unit)})"
        )
    return float(REFERENCES[unit] * np.sqrt(2) * 10 ** (level_db / 20))


def _window(size: int) -> np.ndarray:
    return np.hanning(size + 1)[:size]


def _loudest_frequency(blocks: np.ndarray, rate: float) -> float:
    """Return the frequency of the highest line over all blocks, interpolated, Hz."""
    size = blocks.shape[1]
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    power = (np.abs(np.fft.rfft(centred * _window(size), axis=1)) ** 2).mean(axis=0)
    at = int(np.argmax(power[2:-1])) + 2
    a, b, c = np.log(power[at - 1 : at + 2] + 1e-300)
    curve = a - 2 * b + c
    shift = 0.5 * (a - c) / curve if curve else 0.0
    return float((at + np.clip(shift, -0.5, 0.5)) * rate / size)


def _phasors(blocks: np.ndarray, freq: float, rate: float) -> np.ndarray:
    """Return the rms phasor of a frequency in each block, [blocks]; phase re the first sample."""
    count, size = blocks.shape
    window = _window(size)
    kernel = np.exp(-2j * np.pi * freq / rate * np.arange(size)) * window
    offset = np.exp(-2j * np.pi * freq / rate * size * np.arange(count))
    return (blocks @ kernel) * offset * np.sqrt(2) / window.sum()


def _longest_steady(levels: np.ndarray) -> tuple[int, int]:
    """Return the first and last (exclusive) block of the longest stretch within `STEADY_DB`."""
    best, first = (0, 0), 0
    levels = np.maximum(levels, -1000.0)
    for last in range(1, len(levels) + 1):
        while np.ptp(levels[first:last]) > STEADY_DB:
            first += 1
        if last - first > best[1] - best[0]:
            best = (first, last)
    return best


def _purity(part: np.ndarray, blocks: np.ndarray, freq: float, rate: float) -> float:
    """Return the power of a tone over everything else but the mean value, dB."""
    window = _window(blocks.shape[1])
    centred = (blocks - part.mean()) * window
    power = (np.abs(np.fft.rfft(centred, axis=1)) ** 2).mean(axis=0)
    tone = np.abs(np.arange(len(power)) - freq * blocks.shape[1] / rate) <= _LOBE
    rest = power[~tone].sum()
    return float(min(10 * np.log10(power[tone].sum() / rest), 200.0)) if rest > 0 else 200.0
