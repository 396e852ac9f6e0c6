"""Overall level, third-octave levels and power spectral density of a map or a recording.

All levels are sums of power.  The rows of a map are first converted to the mean square in each
(`row_power`), so that they add up to the mean square of the signal: rows in rms scaling are divided
by the window's equivalent noise bandwidth (ENBW), rows in psd scaling are multiplied by their
distance in Hz.  The power of a row is spread evenly over half a row on either side of its
frequency, and a third octave that ends inside a row takes that fraction of its power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.windows import coverage, main_lobe
from specsr.nvh.signal_power import signal_power
from specsr.nvh.weighting import check_weighting, weighting_power
from specsr.signal import Signal

_NOMINAL = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
CELLS = 1 << 22
"""Cells of a map that are squared at a time: bounds the memory for large maps."""
_WEIGHTED_DF = 1.0
"""Maximum distance of the rows to which a recording's frequency weighting applies, Hz."""
_ROWS_PER_BAND = 4
"""Rows in the narrowest third octave of a recording: the main lobe of a Hann window."""


def _unit(source: Signal | SpecMap) -> str:
    return source.unit if isinstance(source, Signal) else source.grid.unit


def to_level(power: np.ndarray, reference: float) -> np.ndarray:
    """Return mean squares in dB re ``reference``, like ``power``; -inf for silence."""
    with np.errstate(divide="ignore"):
        return 10 * np.log10(power) - 20 * np.log10(reference)


def finite_power(power: np.ndarray) -> np.ndarray:
    """Return mean squares; raise `SpecsrError` where they exceed double precision."""
    if not np.isfinite(power).all():
        raise SpecsrError(
            "the samples are too large: their squares exceed double precision; check the unit and "
            "the calibration"
        )
    return power


def row_power(spec: SpecMap) -> np.ndarray:
    """Return the mean square in unit² in every row of a map, float64 [C, rows, frames].

    The rows of a frame add up to the mean square of the signal under its window: exactly for a
    full map (Parseval), without the Nyquist row for a pooled one.
    """
    return _row_power(spec.magnitude, spec.grid)


def _row_power(magnitude: np.ndarray, grid: Grid) -> np.ndarray:
    power = np.square(magnitude, dtype=np.float64)
    if grid.scaling == "psd":
        return power * grid.df
    window = grid.window_samples()
    enbw = grid.n_fft * np.square(window).sum() / window.sum() ** 2
    return power * (grid.cell[0] / enbw)


def row_edges(grid: Grid) -> np.ndarray:
    """Return the frequencies in Hz between which the power of each row is spread, [rows + 1]."""
    freqs = grid.freqs()
    edges = np.append(freqs - grid.df / 2, freqs[-1] + grid.df / 2)
    return np.clip(edges, 0, grid.rate / 2)


def band_power(
    power: np.ndarray, edges: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return the power between pairs of frequencies, [..., K].

    A row that lies partly inside counts by that fraction of its width.

    Args:
        power: mean square in each row, [..., R].
        edges: of the rows in Hz, ascending, [R + 1]; no power lies outside.
        low, high: frequencies in Hz, broadcast to [..., K].
    """
    total = np.concatenate([np.zeros_like(power[..., :1]), np.cumsum(power, -1)], axis=-1)

    def below(freq: np.ndarray) -> np.ndarray:
        row = np.clip(np.searchsorted(edges, freq, side="right") - 1, 0, len(edges) - 2)
        part = np.clip((freq - edges[row]) / (edges[row + 1] - edges[row]), 0, 1)
        row = np.broadcast_to(row, np.broadcast_shapes(row.shape, (*power.shape[:-1], 1)))
        return np.take_along_axis(total, row, -1) + part * np.take_along_axis(power, row, -1)

    return below(np.asarray(high, float)) - below(np.asarray(low, float))


def mean_power(spec: SpecMap, columns: slice = slice(None)) -> np.ndarray:
    """Return the mean square in unit² of every row over the map or some columns, float64 [C, rows].

    Frames that extend past the edges of the signal count by the fraction of the window's energy
    inside it.
    """
    first, last = spec.grid.spans()
    frames = (last - first + 1)[columns]
    magnitude = spec.magnitude[..., columns]
    _, rows, count = magnitude.shape
    step = max(1, CELLS // max(1, count))
    total = np.concatenate([
        np.stack([
            _row_power(channel[row : row + step], spec.grid) @ frames
            for channel in magnitude
        ])
        for row in range(0, rows, step)
    ], axis=1)  # fmt: skip
    return total / (coverage(spec.grid)[columns] @ frames)


def overall_level(source: Signal | SpecMap, weighting: str = "Z", dc: bool = False) -> np.ndarray:
    """Return the overall rms level of every channel, dB re the unit's reference, float64 [C].

    -inf for silence.  The mean of the samples (DC), such as the offset of a sensor, is left out.
    A full map has it in row 0 and in the rows that the main lobe of the window reaches; the power
    that a mean of that row would leave there is subtracted.  A pooled map does not separate it.

    Args:
        source: a recording (weighted over its whole spectrum) or a calibrated map (row by row).
        weighting: ``"A"``, ``"C"`` or ``"Z"`` (none); IEC 61672-1, `specsr.nvh.weighting`.
        dc: count the mean too.

    Raises:
        SpecsrError: an unknown weighting, or A or C for a unit that is not acoustic.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> specsr.overall_level(tone).round(2)
        array([93.98])
    """
    check_weighting(weighting, _unit(source))
    if isinstance(source, SpecMap):
        power = mean_power(source)
        power = power if dc else _without_mean(power, source.grid)
        gain = weighting_power(source.grid.freqs(), weighting)
        return to_level(power @ gain, source.grid.reference)
    if weighting == "Z":
        return source.level(dc)
    signal = source if dc else source.without_mean()
    with np.errstate(over="ignore", invalid="ignore"):
        power, edges, _ = signal_power(signal, _WEIGHTED_DF)
        level = finite_power(power @ weighting_power(_middle(edges), weighting))
    return to_level(level, source.reference)


def _without_mean(power: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the mean squares of the rows [C, rows] without that of a constant in row 0."""
    if grid.cell[0] > 1:
        return power
    leak = np.square(np.abs(np.fft.rfft(grid.window_samples())))
    leak[1 : (grid.n_fft + 1) // 2] *= 2
    leak = np.where(leak > 1e-9 * leak[0], leak / leak[0], 0)[: power.shape[-1]]
    return np.maximum(power - power[:, :1] * leak, 0)


def _middle(edges: np.ndarray) -> np.ndarray:
    return (edges[:-1] + edges[1:]) / 2


def psd(signal: Signal, df: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return (frequencies in Hz [F], one-sided power spectral density in unit²/Hz [C, F]), float64.

    Welch's method (IEEE Trans. Audio Electroacoust. 15(2), 1967): mean power of Hann windows of
    1 / ``df`` s with 50 % overlap.  A shorter recording is one window.

    Args:
        signal: the recording.
        df: distance of the frequencies in Hz.

    Raises:
        SpecsrError: ``df`` is not above zero, or is above half the rate.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> freqs, density = specsr.psd(tone, df=10)
        >>> float(freqs[density[0].argmax()]), float((density.sum() * 10).round(2))  # Hz, Pa²
        (1000.0, 1.0)
    """
    from scipy.signal import welch

    if not 0 < df <= signal.rate / 2:
        raise SpecsrError(f"df is {df} Hz: expected above zero, up to half the sampling rate")
    segment = min(signal.length, max(2, round(signal.rate / df)))
    return welch(
        signal.samples.astype(np.float64), signal.rate, "hann", segment, detrend=False, axis=-1
    )


@dataclass(frozen=True, eq=False)
class BandLevels:
    """Third-octave levels.

    Attributes:
        centres: exact mid-band frequencies in Hz, [B].
        nominal: nominal mid-band frequencies in Hz (31.5, 1000), [B].
        levels: rms level in dB re the unit's reference, [C, B]; -inf for silence.
        resolved: third octaves at least as wide as the main lobe of the analysis window, bool [B].
            Narrower ones share their power with their neighbours.
    """

    centres: np.ndarray
    nominal: np.ndarray
    levels: np.ndarray
    resolved: np.ndarray


def third_octave_bands(
    low: float = 25.0, high: float = 20000.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (nominal, centre, lower edge, upper edge) in Hz of third octaves, [B] each.

    Base ten: 1000 * 10^(k / 10) Hz, edges a factor of 10^(1 / 20) below and above.  Source: IEC
    61260-1:2014, equations 1 to 4; nominal frequencies from its annex E.

    Args:
        low, high: nominal frequency of the first and the last one, Hz.
    """
    first, last = (round(10 * np.log10(f / 1000)) for f in (low, high))
    k = np.arange(first, last + 1)
    centre = 1000 * 10.0 ** (k / 10)
    nominal = np.array(_NOMINAL)[k % 10] * 10.0 ** (3 + k // 10)
    return nominal, centre, centre / 10**0.05, centre * 10**0.05


def third_octave_levels(
    source: Signal | SpecMap, low: float = 25.0, high: float = 20000.0, weighting: str = "Z",
    columns: slice = slice(None),
) -> BandLevels:  # fmt: skip
    """Return the third-octave levels of a recording or of a calibrated map, averaged over time.

    The rows of a map are summed at the map's resolution.  A recording is analysed with a Hann
    window of four rows in the lowest third octave and 75 % overlap, inside the recording, so that
    its abrupt edges do not appear in other third octaves; the powers add up to the mean square of
    the recording (`signal_power`).  The filters are ideal (rectangular), not those of the standard:
    broadband noise and a tone inside a third octave give the same levels, a tone on an edge is
    split between its neighbours.

    Third octaves that extend above half the sampling rate are left out.

    Args:
        source: a recording, or a map, full or pooled.
        low, high: nominal frequency of the first and the last third octave, Hz.
        weighting: ``"A"``, ``"C"`` or ``"Z"`` (none), applied to the rows before the summation.
        columns: of a map, that are averaged.

    Raises:
        SpecsrError: no third octave below half the sampling rate, an unknown weighting, or A or C
            for a unit that is not acoustic.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> found = specsr.third_octave_levels(tone, low=800, high=1250)
        >>> found.nominal, found.levels[0, 1].round(1)
        (array([ 800., 1000., 1250.]), np.float64(94.0))
    """
    check_weighting(weighting, _unit(source))
    rate = source.rate if isinstance(source, Signal) else source.grid.rate
    nominal, centre, lower, upper = third_octave_bands(low, high)
    inside = upper <= rate / 2
    if not inside.any():
        raise SpecsrError(
            f"no third octave from {low:g} to {high:g} Hz lies below half the sampling rate, "
            f"{rate / 2:g} Hz: choose lower ones"
        )
    nominal, centre, lower, upper = (x[inside] for x in (nominal, centre, lower, upper))
    if isinstance(source, Signal):
        with np.errstate(over="ignore", invalid="ignore"):
            power, edges, lobe = signal_power(source, (upper[0] - lower[0]) / _ROWS_PER_BAND)
        power, reference = finite_power(power), source.reference
    else:
        power, edges = mean_power(source, columns), row_edges(source.grid)
        reference = source.grid.reference
        lobe = main_lobe(source.grid)
    if weighting != "Z":
        power = power * weighting_power(_middle(edges), weighting)
    levels = to_level(band_power(power, edges, lower, upper), reference)
    return BandLevels(centre, nominal, levels, upper - lower >= lobe)
