"""Prominent tones of a recording: `tones`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.levels import finite_power, to_level
from specsr.nvh.tone_ratios import (
    LOBE,
    critical_band,
    limits_db,
    prominence_ratio,
    tone_to_noise,
)
from specsr.signal import Signal
from specsr.units import REFERENCES

ROWS = 1.0
"""Distance of the rows of the spectra, Hz: about 1 % of the lowest tone, as the standard asks."""
LOWEST, HIGHEST = 89.1, 11200.0
"""Frequencies of the tones that the standard knows, Hz."""
FEWEST = 2.0
"""Minimum duration in s: spectra of three windows are averaged."""
CANDIDATE_DB = 6.0
"""Least height of the row of a tone over the median row of its critical band."""
FALSE = 1e-6
"""Share of the rows of noise that are higher than a candidate must be."""
OVERLAP = 1 / 36
"""Correlation of the powers of two Hann windows that overlap by half (Welch 1967)."""


@dataclass(frozen=True)
class Tone:
    """A tone in a recording.

    Attributes:
        freq: of its highest row, Hz, 89.1 to 11200.
        level_db: of the rows of a sine about it, dB re 20 µPa.
        tnr_db: tone-to-noise ratio, dB.
        pr_db: prominence ratio, dB; nan where its bands extend above half the rate, and for the
            weaker tones of one critical band, which count with the strongest.
        prominent: by which of the two it is prominent: ``"tnr"``, ``"pr"``, both or none.
    """

    freq: float
    level_db: float
    tnr_db: float
    pr_db: float
    prominent: tuple[str, ...]


def tones(signal: Signal, every: bool = False) -> list[list[Tone]]:
    """Return the prominent tones of every channel, by frequency.

    A tone from 89.1 to 11200 Hz is prominent from 8 dB over the noise in its critical band
    (tone-to-noise ratio) or 9 dB over the neighbouring critical bands (prominence ratio); below
    1 kHz the limits are higher, by 8.33 lg(1000 / f) and 10 lg(1000 / f).  Source: ECMA-418-1:2022.
    The spectra (Hann, rows of 1 Hz, 50 % overlap) are averaged over the recording.  Candidates are
    maxima above the threshold of hearing (Terhardt, Hear. Res. 1, 1979) and over the median of
    their critical band by 6 dB, or in short recordings by as much as one row of noise in a million.
    Tones that move by more than a quarter of a critical band are not found: orders of a run-up are
    no tones.

    Args:
        signal: the recording, in Pa, of at least 2 s.
        every: also return candidates that are not prominent.

    Raises:
        SpecsrError: samples not in Pa, or a recording that is too short.

    Example:
        >>> t = np.arange(48000) / 24000
        >>> noise = 0.01 * np.random.default_rng(1).standard_normal(len(t))
        >>> signal = specsr.Signal(noise + 0.1 * np.sin(2 * np.pi * 1000 * t), 24000, unit="Pa")
        >>> [tone.freq for tone in specsr.tones(signal)[0]]
        [1000.0]
    """
    from scipy.signal import welch

    if signal.unit != "Pa":
        raise SpecsrError(
            f"tones need sound pressure in Pa, the samples are in {signal.unit}: calibrate the "
            "recording (unit='Pa', calib=Pa per full scale)"
        )
    if signal.duration < FEWEST:
        raise SpecsrError(
            f"the recording is {signal.duration:.3g} s long: tones need at least {FEWEST:g} s"
        )
    size = round(signal.rate / ROWS)
    samples = signal.without_mean().samples
    with np.errstate(over="ignore", invalid="ignore"):
        _, density = welch(samples, signal.rate, "hann", size, detrend=False, axis=-1)
    density = finite_power(density)
    df = signal.rate / size
    height = _least_height(1 + (samples.shape[-1] - size) // (size - size // 2))
    return [_of_spectrum(power * df, df, height, every) for power in density]


def _least_height(windows: int) -> float:
    """Return the power of a candidate over the median row: few windows scatter more."""
    from scipy.stats import chi2

    freedom = 2 * windows / (1 + 2 * OVERLAP * (windows - 1) / windows)
    noise = chi2.isf(FALSE, freedom) / chi2.median(freedom)
    return max(10 ** (CANDIDATE_DB / 10), float(noise))


def _of_spectrum(power: np.ndarray, df: float, least: float, every: bool) -> list[Tone]:
    freqs = _candidates(power, df, least)
    found = []
    for freq, tnr in zip(freqs, tone_to_noise(power, df, freqs)):
        low, high = critical_band(freq)
        beside = [power[round(f / df)] for f in freqs if low <= f <= high]
        strongest = power[round(freq / df)] >= max(beside)
        pr = prominence_ratio(power, df, freq) if strongest else float("nan")
        limits = limits_db(freq)
        by = ("tnr",) * (tnr >= limits[0]) + ("pr",) * (pr >= limits[1])
        row = round(freq / df)
        level = to_level(power[row - LOBE : row + LOBE + 1].sum(), REFERENCES["Pa"])
        found.append(Tone(freq, float(level), tnr, pr, by))
    return [tone for tone in found if every or tone.prominent]


def _candidates(power: np.ndarray, df: float, least: float) -> list[float]:
    """Return the frequencies of maxima that stand out and can be heard, Hz."""
    inner = power[1:-1]
    peaks = 1 + np.flatnonzero((inner > power[:-2]) & (inner >= power[2:]))
    peaks = peaks[(peaks * df >= LOWEST) & (peaks * df <= HIGHEST)]
    freqs, khz = peaks * df, peaks * df / 1000
    threshold = 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4
    audible = power[peaks] > REFERENCES["Pa"] ** 2 * 10 ** (threshold / 10)
    kept = []
    for freq in freqs[audible].tolist():
        low, high = critical_band(freq)
        band = power[max(round(low / df), 1) : round(high / df) + 1]
        around = power[max(round(freq / df) - 2, 0) : round(freq / df) + 3]
        height = power[round(freq / df)]
        # beside a strong tone, side lobes of the window are no tones
        if height > least * np.median(band) and height >= around.max():
            kept.append(freq)
    return kept
