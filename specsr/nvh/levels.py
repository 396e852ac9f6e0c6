"""Levels an NVH engineer reads off a map or a recording: overall, third octaves, density.

Everything here is a sum of power.  The rows of a map are first turned into the mean square that
falls in each (`row_power`), so that they add up to the mean square of the signal: rows in rms
scaling are divided by the window's equivalent noise bandwidth (ENBW), rows in psd scaling are
multiplied by their distance in Hz.  A row stands for the band half a row to either side of it, and
a band that ends inside a row takes that part of its power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.frames import power_frames
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.windows import coverage, main_lobe
from specsr.nvh.weighting import check_weighting, weighting_power
from specsr.signal import Signal

_NOMINAL = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
_ROWS_PER_BAND = 4
"""Rows in the narrowest third octave of a recording: one main lobe of a Hann window."""


def _unit(source: Signal | SpecMap) -> str:
    return source.unit if isinstance(source, Signal) else source.grid.unit


def to_level(power: np.ndarray, reference: float) -> np.ndarray:
    """Mean squares in dB; -inf for silence, as in `Signal.level`."""
    with np.errstate(divide="ignore"):
        return 10 * np.log10(power) - 20 * np.log10(reference)


def row_power(spec: SpecMap) -> np.ndarray:
    """Mean square in unit² in every row of a map, float64 [C, rows, frames].

    The rows of a frame add up to the mean square of the signal under its window, exactly for a
    full map (Parseval), short of the Nyquist row for a pooled one.
    """
    grid = spec.grid
    if grid.scaling == "psd":
        return spec.power * grid.df
    window = grid.window_samples()
    enbw = grid.n_fft * np.square(window).sum() / window.sum() ** 2
    return spec.power * (grid.cell[0] / enbw)


def row_edges(grid: Grid) -> np.ndarray:
    """Frequencies in Hz between which the power of each row is spread, [rows + 1]."""
    freqs = grid.freqs()
    edges = np.append(freqs - grid.df / 2, freqs[-1] + grid.df / 2)
    return np.clip(edges, 0, grid.rate / 2)


def band_power(
    power: np.ndarray, edges: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Power between frequencies: rows [..., R] between ``edges`` [R + 1] -> [..., K].

    ``low`` and ``high`` broadcast to [..., K].  A row that is cut counts by the part of its width
    that lies inside; nothing lies outside the edges.
    """
    total = np.concatenate([np.zeros_like(power[..., :1]), np.cumsum(power, -1)], axis=-1)

    def below(freq: np.ndarray) -> np.ndarray:
        row = np.clip(np.searchsorted(edges, freq, side="right") - 1, 0, len(edges) - 2)
        part = np.clip((freq - edges[row]) / (edges[row + 1] - edges[row]), 0, 1)
        row = np.broadcast_to(row, np.broadcast_shapes(row.shape, (*power.shape[:-1], 1)))
        return np.take_along_axis(total, row, -1) + part * np.take_along_axis(power, row, -1)

    return below(np.asarray(high, float)) - below(np.asarray(low, float))


def mean_power(spec: SpecMap) -> np.ndarray:
    """Mean square in unit² of every row over the whole map, float64 [C, rows].

    Frames that hang over the ends count by the part of them that saw the signal.
    """
    first, last = spec.grid.spans()
    frames = last - first + 1
    return (row_power(spec) @ frames) / (coverage(spec.grid) @ frames)


def overall_level(source: Signal | SpecMap, weighting: str = "Z") -> np.ndarray:
    """Overall rms level of every channel, dB re the unit's reference, [C]; -inf for silence.

    Args:
        source: a recording (weighted over its whole spectrum) or a calibrated map (row by row).
        weighting: ``"A"``, ``"C"`` or ``"Z"`` (none), see `specsr.nvh.weighting`.

    Raises:
        SpecsrError: an unknown weighting, or A or C of something that is no sound.
    """
    check_weighting(weighting, _unit(source))
    if isinstance(source, SpecMap):
        gain = weighting_power(source.grid.freqs(), weighting)
        return to_level(mean_power(source) @ gain, source.grid.reference)
    if weighting == "Z":
        return source.level()
    spectrum = np.square(np.abs(np.fft.rfft(source.samples.astype(np.float64), axis=-1)))
    spectrum[:, 1 : (source.length + 1) // 2] *= 2
    freqs = np.fft.rfftfreq(source.length, 1 / source.rate)
    power = spectrum @ weighting_power(freqs, weighting) / source.length**2
    return to_level(power, source.reference)


def psd(signal: Signal, df: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return (frequencies in Hz [F], one-sided power spectral density in unit²/Hz [C, F]).

    Welch's method: Hann windows of 1 / ``df`` s that overlap by half, mean of power; a recording
    that is shorter is one window.

    Raises:
        SpecsrError: ``df`` is not above zero, or is above half the rate.
    """
    from scipy.signal import welch

    if not 0 < df <= signal.rate / 2:
        raise SpecsrError(f"df is {df} Hz: expected above zero, up to half the rate")
    segment = min(signal.length, max(2, round(signal.rate / df)))
    return welch(
        signal.samples.astype(np.float64), signal.rate, "hann", segment, detrend=False, axis=-1
    )


@dataclass(frozen=True, eq=False)
class BandLevels:
    """Third-octave levels.

    Attributes:
        centres: exact mid-band frequencies in Hz, [B].
        nominal: their nominal names in Hz (31.5, 1000), [B].
        levels: rms level in dB re the unit's reference, [C, B]; -inf for silence.
        resolved: bands at least as wide as the main lobe of the analysis, bool [B].  Below them
            the rows are wider than the bands and neighbouring bands share their power.
    """

    centres: np.ndarray
    nominal: np.ndarray
    levels: np.ndarray
    resolved: np.ndarray


def third_octave_bands(
    low: float = 25.0, high: float = 20000.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (nominal, centre, lower edge, upper edge) in Hz of the bands named low to high.

    Base ten: 1000 * 10^(k / 10) Hz, edges 10^(1 / 20) to either side.  Source: IEC 61260-1:2014,
    equations 1 to 4; nominal names from its annex E.
    """
    first, last = (round(10 * np.log10(f / 1000)) for f in (low, high))
    k = np.arange(first, last + 1)
    centre = 1000 * 10.0 ** (k / 10)
    nominal = np.array(_NOMINAL)[k % 10] * 10.0 ** (3 + k // 10)
    return nominal, centre, centre / 10**0.05, centre * 10**0.05


def third_octave_levels(
    source: Signal | SpecMap, low: float = 25.0, high: float = 20000.0, weighting: str = "Z"
) -> BandLevels:
    """Return the third-octave levels of a recording or of a calibrated map, averaged over time.

    ``weighting`` A or C is put on the rows before they are summed.

    A map is summed as it is, whatever its rows resolve.  A recording is analysed with a Hann
    window that puts four rows in the lowest band and 75 % overlap, past both ends, so that every
    sample counts alike and the band powers add up to the mean square of the recording.  Ideal
    bands (straight flanks), not the filters of the standard: broadband noise and a tone inside a
    band read alike, a tone on an edge is split.

    Only bands that lie whole below half the rate are returned.

    Raises:
        SpecsrError: no such band lies below half the rate, or a weighting that does not fit.
    """
    check_weighting(weighting, _unit(source))
    rate = source.rate if isinstance(source, Signal) else source.grid.rate
    nominal, centre, lower, upper = third_octave_bands(low, high)
    inside = upper <= rate / 2
    if not inside.any():
        raise SpecsrError(
            f"no third octave from {low:g} to {high:g} Hz lies below half the rate, {rate / 2:g} Hz"
        )
    nominal, centre, lower, upper = (x[inside] for x in (nominal, centre, lower, upper))
    if isinstance(source, Signal):
        power, edges, lobe = _signal_power(source, (upper[0] - lower[0]) / _ROWS_PER_BAND)
        reference = source.reference
    else:
        power, edges, reference = mean_power(source), row_edges(source.grid), source.grid.reference
        lobe = main_lobe(source.grid)
    if weighting != "Z":
        power = power * weighting_power((edges[:-1] + edges[1:]) / 2, weighting)
    levels = to_level(band_power(power, edges, lower, upper), reference)
    return BandLevels(centre, nominal, levels, upper - lower >= lobe)


def _signal_power(signal: Signal, df: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean square in rows at most ``df`` Hz wide [C, rows], their edges, main lobe in Hz."""
    from scipy.fft import next_fast_len
    from scipy.signal import get_window

    hop_length = next_fast_len(int(np.ceil(signal.rate / df / 4)), real=True)
    n_fft = 4 * hop_length
    power = np.array([
        sum(block.sum(0) for block in power_frames(x, n_fft, hop_length, n_fft, "constant"))
        for x in signal.samples
    ])  # fmt: skip
    power[:, 1:-1] *= 2
    energy = np.square(get_window("hann", n_fft)).sum()
    freqs = np.arange(n_fft // 2 + 2) - 0.5
    edges = np.clip(freqs * (signal.rate / n_fft), 0, signal.rate / 2)
    lobe = 4 * signal.rate / min(n_fft, signal.length)
    return power * (hop_length / (n_fft * energy * signal.length)), edges, lobe
