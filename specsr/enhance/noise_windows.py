"""Windows of several lengths for the removal of a known noise: in every band and time the best one.

Long windows separate close lines; short ones follow pulses and lines that move.  A gain g of cells
X with noise of the power N has the mean squared error (1 - g)² |X|² + 2 g N - N (Stein, Ann.
Statist. 9(6), 1981), if the dependence of g on X is left out.  So the error of each window is
estimated without knowing the signal: what it removed, and the noise that it kept.  A line that a
window loses counts as removed.

The noise may be louder than its recording.  Then all windows remove more than (1 - g)² N, alike in
most bands; the median over the bands of the least excess is the factor on N.

Below `CROSSOVER_HZ` the longest window is taken: the level of wind and ventilation changes there,
and bands hold too few cells to tell that from a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import convolve1d
from scipy.signal import get_window

from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform, istft, stft
from specsr.signal import Signal

ROW_HZ = (3.125, 12.5, 100.0)
"""Approximate distance of the rows of the maps that a recording is turned into, Hz."""

N_FFT = (256, 16384)
"""Shortest and longest window of these, samples."""

LEVEL_ROW_HZ, LEVEL_N_FFT = (3.125, 25.0), (512, 16384)
"""The same of the maps in which the level of the noise is read."""

FEWEST_WINDOWS = 3
"""Windows that a recording has to hold for its level or that of its noise to be read."""

CROSSOVER_HZ = 300.0
"""The longest window is taken below.  From 200 to 400 Hz little depends on it."""

WIDTH_HZ = 150.0
"""Least width of a band, Hz; wider ones are third octaves.  Narrower ones hold too few cells."""

RISK_SECONDS, FADE_SECONDS = 0.3, 0.1
"""Time over which the error is read, and of the change from one window to another, s."""

KEPT = 1.2
"""Factor on the noise that was kept, for the dependence of the gains on the cells.  The constants
were chosen on machines of set 2 of `benchmarks/generator.py` in the noises of
`benchmarks/denoise_mixes.py`."""

BLEND_HZ = 25.0
"""Approximate distance of the rows in which the windows are joined, Hz."""


def noise_transforms(rate: float) -> list[SpectrogramTransform]:
    """Return the transforms of a recording by its rate in Hz, longest first, each length once."""
    return list(dict.fromkeys(_transforms(rate, ROW_HZ, N_FFT)))


def level_transforms(rate: float) -> list[SpectrogramTransform]:
    """Return the two in which the level of the noise is read; they may be equal."""
    return _transforms(rate, LEVEL_ROW_HZ, LEVEL_N_FFT)


def usable(
    transforms: list[SpectrogramTransform], length: int, least: int = 1
) -> list[SpectrogramTransform]:
    """Return the transforms of which a recording of so many samples holds `FEWEST_WINDOWS`.

    ``least``: so many of the last ones are taken where none fits.
    """
    fits = [each for each in transforms if FEWEST_WINDOWS * each.n_fft <= length]
    return fits or transforms[len(transforms) - least :]


def blend_transform(rate: float) -> SpectrogramTransform:
    """Return the transform by whose cells the windows are joined, by the rate in Hz."""
    return _transforms(rate, (BLEND_HZ,), N_FFT)[0]


def _transforms(
    rate: float, row_hz: tuple[float, ...], n_fft: tuple[int, int]
) -> list[SpectrogramTransform]:
    """Return transforms with powers of two near the rows."""
    sizes = [int(np.clip(2 ** round(np.log2(rate / hz)), *n_fft)) for hz in row_hz]
    return [SpectrogramTransform(size, size // 4) for size in sizes]


def least_error(
    maps: Sequence[SpecMap], gains: Sequence[np.ndarray], noise: Sequence[list[np.ndarray]],
    device: str = "cpu",
) -> Signal:  # fmt: skip
    """Return a recording without its noise, from maps with windows of several lengths.

    Args:
        maps: of the recording, with their phase, longest window first.
        gains: 0 to 1, for each map [C, F - 1, T].
        noise: mean power of the noise, for each map and channel [F - 1, T] or [F - 1, 1].
        device: torch device to compute on, or ``"auto"``.
    """
    found = [
        SpectrogramTransform.inverse(attenuated(each, gain), device)
        for each, gain in zip(maps, gains, strict=True)
    ]
    grid = blend_transform(found[0].rate).grid(found[0])
    edges = risk_edges(grid.rate)
    if len(found) == 1 or not len(edges):
        return found[0]
    samples = []
    for channel in range(len(found[0].channels)):
        terms = [
            error_terms(gain[channel], each.image()[channel], known[channel], each.grid, edges)
            for each, gain, known in zip(maps, gains, noise, strict=True)
        ]
        shares = window_shares(terms, [each.grid for each in maps], grid)
        cells = row_weights(shares, edges, grid)
        samples.append(_joined([each.samples[channel] for each in found], cells, grid))
    return found[0].replace(samples=np.stack(samples))


def attenuated(noisy: SpecMap, gain: np.ndarray) -> SpecMap:
    """Return a map times the gains of all rows but the last, [C, F - 1, T]."""
    whole = np.concatenate([gain, gain[:, -1:]], axis=1)  # Nyquist as the row below
    return noisy.replace(magnitude=noisy.magnitude * whole.astype(np.float32))


def risk_edges(rate: float) -> np.ndarray:
    """Return the edges of the bands of a choice in Hz, ascending; none for too low a rate, Hz."""
    edges = [CROSSOVER_HZ]
    while edges[-1] < rate / 2:
        edges.append(max(edges[-1] + WIDTH_HZ, edges[-1] * 2 ** (1 / 3)))
    if len(edges) == 1:
        return np.zeros(0)
    edges[-1] = rate / 2
    if len(edges) > 2 and edges[-1] - edges[-2] < WIDTH_HZ:
        edges.pop(-2)
    return np.array(edges)


def error_terms(
    gain: np.ndarray, cells: np.ndarray, noise: np.ndarray, grid: Grid, edges: np.ndarray
) -> np.ndarray:
    """Return the parts of the estimated squared error of gains in bands, as power, [3, B, T].

    They are what was removed, what of it is noise if that is as loud as known, and the error of the
    noise that was kept.  The sum over the rows of a band is its power times a factor of the window,
    the same for all lengths.

    Args:
        gain: 0 to 1, [F, T].
        cells: magnitudes of the measured map, rms, [F, T].
        noise: mean power of the noise, [F, T] or [F, 1].
        grid: of the map, with F rows or one more.
        edges: of the bands in Hz, ascending, B + 1.
    """
    starts = np.searchsorted(np.arange(len(gain)) * grid.df, edges[:-1])
    taken = np.square(1 - gain, dtype=np.float64)
    terms = taken * np.square(cells, dtype=np.float64), taken * noise, (2 * KEPT * gain - 1) * noise
    bands = [np.add.reduceat(each, np.minimum(starts, len(gain) - 1), axis=0) for each in terms]
    return convolve1d(np.stack(bands), smoothing(RISK_SECONDS / grid.dt), axis=2, mode="nearest")


def window_shares(terms: Sequence[np.ndarray], grids: Sequence[Grid], at: Grid) -> np.ndarray:
    """Return the share of every window in the result, [K, B, T]; their sum is 1.

    Args:
        terms: `error_terms` of every window, [3, B, T_k] each.
        grids: of their maps.
        at: grid of T columns.
    """
    times = np.arange(at.frames) * at.hop_length
    removed, expected, kept = np.stack([
        _interpolated(each, np.arange(grid.frames) * grid.hop_length, times)
        for each, grid in zip(terms, grids, strict=True)
    ], axis=1)  # fmt: skip
    over = np.divide(removed, expected, out=np.ones_like(removed), where=expected > 0)
    louder = np.maximum(1, np.median(over.min(axis=0), axis=0))
    least = np.argmin(removed + louder * kept, axis=0) == np.arange(len(terms))[:, None, None]
    fade = smoothing(FADE_SECONDS / at.dt)
    return convolve1d(least.astype(np.float64), fade, axis=2, mode="nearest")


def row_weights(shares: np.ndarray, edges: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the weights of the windows in the cells of a map, [K, F, T]; their sum is 1.

    They are linear between the centres of the bands.  The first window is that below
    `CROSSOVER_HZ`.
    """
    freqs = grid.freqs()
    centres = (edges[1:] + edges[:-1]) / 2
    above = np.clip(np.interp(freqs, centres, np.arange(len(centres))), 0, len(centres) - 1)
    first = np.minimum(above.astype(int), max(0, len(centres) - 2))
    second = np.minimum(first + 1, len(centres) - 1)
    part = (above - first)[:, None]
    weights = shares[:, first] * (1 - part) + shares[:, second] * part
    low = (1 / (1 + (freqs / CROSSOVER_HZ) ** 8))[:, None]
    weights *= 1 - low
    weights[0] += low
    return np.asarray(weights)


def _joined(samples: Sequence[np.ndarray], weights: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the sum of samples [N] weighted in the cells of a map, [K, F, T]."""
    total = torch.zeros(weights.shape[1:], dtype=torch.complex128)
    for each, weight in zip(samples, weights, strict=True):
        total += torch.from_numpy(weight) * stft(torch.from_numpy(each.astype(np.float64)), grid)
    return istft(total, grid).numpy().astype(samples[0].dtype)


def _interpolated(values: np.ndarray, at: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return values [..., T] at other times, linear between those they are given at."""
    flat = values.reshape(-1, values.shape[-1])
    found = np.stack([np.interp(times, at, row) for row in flat])
    return found.reshape(*values.shape[:-1], len(times))


def smoothing(columns: float) -> np.ndarray:
    """Return a Hann window of an odd number of columns, near twice as many as given, its sum 1."""
    window = get_window("hann", 2 * max(1, round(columns / 2)) + 3, fftbins=False)[1:-1]
    return np.asarray(window / window.sum())
