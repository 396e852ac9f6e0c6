"""Mean power over blocks of cells, and its counterparts: repeated cells, cubic interpolation."""

from __future__ import annotations

import math

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap


def enlarge(cells: np.ndarray, s_f: int, s_t: int, frames: int) -> np.ndarray:
    """Return cells [..., F, T] repeated s_f x s_t times and cut to ``frames``.

    The result has shape [..., F s_f, min(T s_t, frames)] and the dtype of ``cells``.
    """
    return np.repeat(np.repeat(cells, s_f, axis=-2), s_t, axis=-1)[..., :frames]


def enlarge_cubic(levels: np.ndarray, s_f: int, s_t: int, frames: int) -> np.ndarray:
    """Return levels [..., F, T] interpolated by a cubic between the centres of the cells.

    The cubic convolution of Keys (IEEE Trans. ASSP 29, 1981) with a = -0.75, the bicubic of image
    processing; beyond the edges the outermost cells are repeated.  Linear in ``levels``.

    The result has shape [..., F s_f, min(T s_t, frames)], in float64.
    """
    rows = _cubic(np.swapaxes(levels, -1, -2), s_f)
    return _cubic(np.swapaxes(rows, -1, -2), s_t)[..., :frames]


def bicubic_power(power: np.ndarray, s_f: int, s_t: int, frames: int) -> np.ndarray:
    """Return power [..., F, T] interpolated by a cubic of its levels in dB (`enlarge_cubic`).

    The result has shape [..., F s_f, min(T s_t, frames)], in float64.
    """
    return np.asarray(10 ** (enlarge_cubic(to_db(power), s_f, s_t, frames) / 10))


def _cubic(levels: np.ndarray, s: int) -> np.ndarray:
    """Return levels interpolated along the last axis, s values for each."""
    size = levels.shape[-1]
    out = np.empty((*levels.shape[:-1], size * s))
    # two cells beyond each edge: a tap lies up to two cells from a value
    padded = np.pad(levels, [(0, 0)] * (levels.ndim - 1) + [(2, 2)], mode="edge")
    for phase in range(s):
        position = (phase + 0.5) / s - 0.5
        below = math.floor(position)
        taps = [_keys(position - below - k) for k in (-1, 0, 1, 2)]
        first = below + 1
        out[..., phase::s] = sum(
            tap * padded[..., first + k : first + k + size] for k, tap in enumerate(taps)
        )
    return out


def _keys(distance: float, a: float = -0.75) -> float:
    """Return the weight of a value at a distance in cells, up to 2."""
    d = abs(distance)
    if d <= 1:
        return ((a + 2) * d - (a + 3)) * d * d + 1
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a


def pool_weights(frames: int, s_t: int) -> np.ndarray:
    """Return the number of frames in every pooled column, float64, [ceil(frames / s_t)].

    The number is s_t, or fewer in the last column.
    """
    starts = np.arange(0, frames, s_t)
    return (np.minimum(starts + s_t, frames) - starts).astype(np.float64)


def pool_power(power: np.ndarray, s_f: int, s_t: int) -> np.ndarray:
    """Return the mean of power [..., F, T] over s_f x s_t cells, [..., F / s_f, ceil(T / s_t)].

    Power is averaged, as in an analyser; the mean of levels in dB would be 2.5 dB too low for
    noise.  If s_t does not divide T, the last cell is the mean of the remaining frames.

    Raises:
        SpecsrError: s_f does not divide F.
    """
    *batch, rows, frames = power.shape
    if rows % s_f:
        raise SpecsrError(f"{rows} rows cannot be pooled by {s_f}: expected a multiple of it")
    power = power.reshape(*batch, rows // s_f, s_f, frames).mean(axis=-2)
    return np.add.reduceat(power, np.arange(0, frames, s_t), axis=-1) / pool_weights(frames, s_t)


def pool(spec: SpecMap, s_f: int, s_t: int) -> SpecMap:
    """Return a map pooled to coarse cells: mean power of s_f x s_t cells, without phase.

    Raises:
        SpecsrError: s_f does not divide the rows of the map (without Nyquist).
    """
    if (s_f, s_t) == (1, 1):
        return spec.replace(phase=None)
    grid = spec.grid.pooled(s_f, s_t)
    power = pool_power(np.square(spec.image(), dtype=np.float64), s_f, s_t)
    shafts = tuple(shaft.unexamined() for shaft in spec.shafts)
    return SpecMap(np.sqrt(power), grid, channels=spec.channels, rpm=spec.rpm, shafts=shafts)


def power_correlation(grid: Grid, rows: int, frames: int) -> np.ndarray:
    """Return the correlation of the power of two cells of a full map of white Gaussian noise.

    |r|² with r = sum w[k] w[k + n hop] exp(2 pi i m k / n_fft) / sum w², for cells m rows and n
    frames apart, [rows, frames].

    Args:
        grid: of the full map, or of one pooled from it.
        rows, frames: distances from 0 up to but without these.
    """
    window = grid.window_samples()
    out = np.zeros((rows, frames))
    for n in range(frames):
        late = window[n * grid.hop_length :]
        product = np.zeros(grid.n_fft)
        product[: late.size] = late * window[: late.size]
        spectrum = np.square(np.abs(np.fft.fft(product)) / np.square(window).sum())
        out[:, n] = np.take(spectrum, np.arange(rows), mode="wrap")
    return out


def noise_variance(grid: Grid) -> float:
    """Return the relative variance of the power of a cell of white Gaussian noise.

    1 for a cell of a full map, whose power is exponentially distributed; less for a pooled cell,
    whose fine cells are correlated by the overlap and the main lobe of the window
    (`power_correlation`).

    Args:
        grid: of the pooled map.
    """
    correlation = power_correlation(grid, *grid.cell)
    pairs = [(s - np.arange(s)) * np.where(np.arange(s), 2, 1) / s**2 for s in grid.cell]
    return float(pairs[0] @ correlation @ pairs[1])
