"""Tone-to-noise ratio and prominence ratio of tones in a spectrum.

Source: ECMA-418-1:2022 (formerly ECMA-74, annex D), clauses 10 to 12.
"""

from __future__ import annotations

import numpy as np

LOBE = 3
"""Rows on either side of a tone that belong to it at least: 99.99 % of its power in a Hann
window, also between two rows."""
_ABOVE_NOISE = 4.0
"""Ratio to the median row of the critical band from which further rows beside a tone are its
own."""


def critical_band(freq: float) -> tuple[float, float]:
    """Return the edges in Hz of the critical band around a tone; ECMA-418-1, clause 10."""
    width = 25 + 75 * (1 + 1.4 * (freq / 1000) ** 2) ** 0.69
    if freq < 500:
        return freq - width / 2, freq + width / 2
    low = (np.sqrt(width**2 + 4 * freq**2) - width) / 2
    return float(low), float(low + width)


def neighbours(freq: float) -> tuple[float, float]:
    """Return the lower edge of the critical band below that of a tone, and the upper edge of the
    one above, Hz; ECMA-418-1, clause 12."""
    if freq < 171.4:
        low = 20.0
    elif freq <= 1600:
        low = -149.5 + 1.001 * freq - 6.9e-5 * freq**2
    else:
        low = 6.8 + 0.806 * freq - 8.2e-6 * freq**2
    if freq <= 1600:
        return low, 149.5 + 1.035 * freq + 7.7e-5 * freq**2
    return low, 3.3 + 1.215 * freq + 2.16e-5 * freq**2


def proximity(freq: float) -> float:
    """Return the distance in Hz within which a second tone is heard together with the first."""
    return float(21 * 10 ** (1.2 * abs(np.log10(freq / 212)) ** 1.8))


def limits_db(freq: float) -> tuple[float, float]:
    """Return tone-to-noise ratio and prominence ratio from which a tone is prominent, dB."""
    below = max(float(np.log10(1000 / freq)), 0.0)
    return 8 + 8.33 * below, 9 + 10 * below


def tone_to_noise(power: np.ndarray, df: float, freqs: list[float]) -> list[float]:
    """Return the tone-to-noise ratio of tones, dB.

    The power of all tones in the critical band is taken out of its noise; a tone within the
    proximity of a stronger or weaker one counts with it.

    Args:
        power: mean square in every row from 0 Hz, [F], of a Hann window.
        df: distance of the rows, Hz.
        freqs: of the tones, Hz.
    """
    spans = [_span(power, df, freq) for freq in freqs]
    is_tone = np.zeros(power.size, bool)
    for first, last in spans:
        is_tone[first:last] = True
    found = []
    for freq in freqs:
        low, high = critical_band(freq)
        band = slice(max(round(low / df), 1), round(high / df) + 1)
        near = [
            span for span, other in zip(spans, freqs) if abs(other - freq) <= proximity(freq)
            and low <= other <= high
        ]  # fmt: skip
        rows = np.unique(np.concatenate([np.arange(*span) for span in near]))
        noise = ~is_tone[band]
        if not noise.any():
            found.append(float("nan"))
            continue
        per_row = power[band][noise].mean()
        with np.errstate(divide="ignore"):
            ratio = power[rows].sum() / (per_row * (high - low) / df)
            found.append(float(10 * np.log10(ratio)))
    return found


def prominence_ratio(power: np.ndarray, df: float, freq: float) -> float:
    """Return the prominence ratio of a tone in dB; nan if a band extends above the spectrum.

    The power of its critical band over the mean of the two beside it; below 171.4 Hz the lower one
    starts at 20 Hz and is scaled to 100 Hz.

    Args:
        power: mean square in every row from 0 Hz, [F].
        df: distance of the rows, Hz.
        freq: of the tone, Hz.
    """
    low, high = critical_band(freq)
    lowest, highest = neighbours(freq)
    edges = np.clip((np.arange(power.size + 1) - 0.5) * df, 0, None)
    if highest > edges[-1]:
        return float("nan")
    total = np.append(0, np.cumsum(power))
    at = np.interp([lowest, low, high, highest], edges, total)
    below, middle, above = np.diff(at)
    if freq < 171.4:
        below = below * 100 / (low - lowest)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(10 * np.log10(middle / ((below + above) / 2)))


def _span(power: np.ndarray, df: float, freq: float) -> tuple[int, int]:
    """Return the first and last (exclusive) row of a tone."""
    low, high = critical_band(freq)
    reach = max(LOBE, int((high - low) / df / 4))  # a tone is up to half a critical band wide
    middle = round(freq / df)
    around = slice(max(middle - 2, 0), middle + 3)
    middle = around.start + int(np.argmax(power[around]))
    noise = np.median(power[max(round(low / df), 1) : round(high / df) + 1])
    first, last = middle - LOBE, middle + LOBE + 1
    while first > max(middle - reach, 1) and power[first - 1] > _ABOVE_NOISE * noise:
        first -= 1
    while last < min(middle + reach, power.size) and power[last] > _ABOVE_NOISE * noise:
        last += 1
    return max(first, 0), min(last, power.size)
