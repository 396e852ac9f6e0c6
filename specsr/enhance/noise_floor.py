"""Noise reduction by the noise floor of an expected map: a Wiener gain for every cell.

The gain is 1 - N / E, with the expected power E of a cell (`specsr.enhance.expected`) and the power
N of the noise.  N is the floor that E reaches now and then: over time, where lines have moved on
and speech pauses, and over frequency, between lines.  The lower of the two counts, so steady tones
are no noise, nor are wide sounds that come and go.  What is steady and has no lines is noise.

A single measured cell scatters by 5.6 dB, so floors of measured maps need long windows and a
correction of their bias (minimum statistics: Martin, IEEE Trans. Speech Audio Process. 9(5), 2001);
an expected cell scatters by less than 1 dB.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter

from specsr.enhance.expected import expected
from specsr.maps.grid import Grid
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.progress import Progress

SECONDS, TIME_SHARE = 3.0, 20.0
"""Time in s around a cell over which the floor is sought; share of its columns in % below it."""

WIDTH_HZ, ROW_SHARE = 800.0, 30.0
"""Range of frequencies around a cell, Hz, and share of its rows in % below the floor."""

SHAPE_ROWS = 17
"""Rows whose lowest `ROW_SHARE` is the spectrum under the lines: four times the width of a line."""

VALUES = 32
"""Values that a percentile is taken of."""

ROWS = 2.0
"""Standard deviation of the smoothing over frequency of the floor over time, rows."""

RAISED_DB = 1.5
"""The mean of the noise over its floor.  This and the values above were chosen on run-ups and
recordings of the training data."""

ROW_HZ = 12.5
"""Approximate distance of the rows of a map that a recording is turned into, Hz."""

N_FFT = (512, 16384)
"""Shortest and longest window of such a map: those that the model of expected maps was trained on.
"""


def floor_transform(rate: float) -> SpectrogramTransform:
    """Return the transform of a recording by its rate in Hz: a power of two near 1 / `ROW_HZ`."""
    n_fft = 2 ** round(np.log2(rate / ROW_HZ))
    n_fft = int(np.clip(n_fft, *N_FFT))
    return SpectrogramTransform(n_fft, n_fft // 4)


def noise_floor(power: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the power of the noise in every cell of an expected map, [F, T].

    Args:
        power: expected power, [F, T].
        grid: of the map.
    """
    db = to_db(power).astype(np.float64)
    columns = max(3, round(SECONDS / grid.dt))
    rows = min(2 * round(WIDTH_HZ / grid.df / 2) + 1, len(db) | 1)
    # mirrored: the first window, half of it before the recording, else counts for half of `SECONDS`
    over_time = _percentile(db, TIME_SHARE, columns, "mirror")
    over_time = gaussian_filter1d(over_time, ROWS, axis=0, mode="nearest")
    shape = _shape(db)
    between = _percentile((db - shape).T, ROW_SHARE, rows, "nearest").T
    between = shape + gaussian_filter1d(between, rows / 4, axis=0, mode="nearest")
    return 10 ** ((np.minimum(over_time, between) + RAISED_DB) / 10)


def _shape(db: np.ndarray) -> np.ndarray:
    """Return the spectrum under the lines of the quieter columns, [F, 1].

    Taken off before the floor over frequency is sought: on a steep spectrum that would be the level
    of the quiet end of `WIDTH_HZ`.
    """
    quiet = np.percentile(db, TIME_SHARE, axis=1)
    under = percentile_filter(quiet, ROW_SHARE, SHAPE_ROWS, mode="nearest")
    return gaussian_filter1d(under, SHAPE_ROWS / 4, mode="nearest")[:, None]


def _percentile(db: np.ndarray, share: float, size: int, mode: str) -> np.ndarray:
    """Return the percentile of the values around each one along the last axis, [K, N].

    Neighbouring cells of an expected map are much alike: about `VALUES` of them are read.

    Args:
        db: [K, N].
        share: percentile, %.
        size: number of values around each.
        mode: of the values beyond the edges, as in `scipy.ndimage`.
    """
    step = max(1, size // VALUES)
    found = percentile_filter(db[:, ::step], share, (1, max(1, size // step)), mode=mode)
    at = np.minimum(np.arange(db.shape[1]) / step, found.shape[1] - 1)
    first = at.astype(int)
    after = np.minimum(first + 1, found.shape[1] - 1)
    part = at - first
    return found[:, first] * (1 - part) + found[:, after] * part


def floor_gain(power: np.ndarray, grid: Grid, attenuation: float) -> np.ndarray:
    """Return the factor of the magnitude of every cell, [F, T].

    Args:
        power: expected power, [F, T].
        grid: of the map.
        attenuation: largest attenuation of a cell, dB.
    """
    noise = np.minimum(noise_floor(power, grid), power)
    share = np.divide(noise, power, out=np.ones_like(power), where=power > 0)
    return np.maximum(1 - share, 10 ** (-attenuation / 20))


def without_floor(
    noisy: SpecMap, model: str | Model | None, attenuation: float, options: InferOptions,
    progress: Progress | None = None,
) -> SpecMap:  # fmt: skip
    """Return a full map with every cell attenuated by the share of the noise floor in it.

    Args:
        noisy: measured map, with or without a phase, which is kept.
        model: for expected maps; None for the bundled one.
        attenuation: largest attenuation of a cell, dB.
        options: how the network is run.
        progress: wraps the blocks.

    Raises:
        SpecsrError: as `specsr.expected`.
    """
    clean = expected(noisy, model=model, options=options, progress=progress)
    gains = [
        floor_gain(np.square(channel, dtype=np.float64), noisy.grid, attenuation)
        for channel in clean.image()
    ]
    gain = np.stack(gains)
    gain = np.concatenate([gain, gain[:, -1:]], axis=1)  # Nyquist as the row below
    return noisy.replace(magnitude=noisy.magnitude * gain.astype(np.float32))
