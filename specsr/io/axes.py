"""The grid of a map from its frequency and time axes alone."""

from __future__ import annotations

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid

_TOLERANCE = 0.02
"""Largest deviation of a uniform axis, in steps or samples: float32 times need this."""


def grid_from_axes(
    freqs: np.ndarray,
    times: np.ndarray,
    *,
    unit: str = "1",
    scaling: str = "rms",
    window: str = "hann",
    cell: tuple[int, int] | None = None,
    rate: float | None = None,
) -> tuple[Grid, bool]:
    """Return the grid of a map from its axes, and whether its Nyquist row is missing.

    Rows at 0, df, 2 df, ... are a full map.  An odd number of rows ends at Nyquist, an even one
    (128, 1024) one row below it, unless ``rate`` shows the opposite.  Rows that start a fraction
    of a step above 0 are the centres of pooled cells and need ``cell``.

    Args:
        freqs: centre of every row, Hz, [rows], uniform.
        times: centre of every column, s, [columns], uniform; a last pooled column may be shorter.
        unit, scaling, window: as in `Grid`; they do not follow from the axes.
        cell: (s_f, s_t), number of fine rows and frames in one cell; None means (1, 1).
        rate: sampling rate in Hz; None means twice the frequency range of the rows.

    Raises:
        SpecsrError: the axes are not uniform, do not start at 0 Hz, or give no integer hop.
    """
    s_f, s_t = cell or (1, 1)
    if s_f < 1 or s_t < 1:
        raise SpecsrError(f"cell is {cell}: expected integers from 1 up")
    freqs, times = _axis(freqs, "freqs"), _axis(times, "times")
    df = _step(freqs, "freqs")
    offset = freqs[0] / df
    # The centre of a cell is the mean of its fine rows (as in specsr), or the middle of its range.
    centres = ((s_f - 1) / (2 * s_f), 0.5 if s_f > 1 else 0.0)
    if min(abs(offset - centre) for centre in centres) > _TOLERANCE:
        fix = (
            f"cell is {cell}, which requires {centres[0] * df:g} Hz" if cell else
            "give cell = (rows, frames) for a map of pooled cells, or store the rows from 0 Hz"
        )  # fmt: skip
        raise SpecsrError(f"the first row is at {freqs[0]:g} Hz, the step is {df:g} Hz: {fix}")
    rows = len(freqs)
    pooled = (s_f, s_t) != (1, 1)
    n_fft, cut = _window_length(rows, df, rate) if not pooled else (2 * rows * s_f, False)
    rate = _snapped(n_fft * df / s_f) if rate is None else float(rate)
    if not np.isfinite(rate) or abs(rate - n_fft * df / s_f) > _TOLERANCE * df:
        raise SpecsrError(
            f"rate is {rate:g} Hz, but {rows} rows of {df:g} Hz span {n_fft * df / s_f / 2:g} Hz: "
            "expected rows up to half the rate, or no rate"
        )
    hop_length, last = _hop(times, rate, s_t)
    fine_frames = (len(times) - 1) * s_t + last
    start = times[0] - (s_t - 1) / 2 * hop_length / rate
    length = max(1, (fine_frames - 1) * hop_length)
    grid = Grid(
        rate, n_fft, hop_length, length, window, scaling, unit, float(start), (s_f, s_t)
    )  # fmt: skip
    return grid, cut


def _axis(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise SpecsrError(
            f"{name} has shape {values.shape}: expected one axis of at least 2 values"
        )
    if not np.isfinite(values).all():
        raise SpecsrError(f"{name} holds values that are not finite numbers")
    return values


def _step(values: np.ndarray, name: str) -> float:
    """Return the step of a uniform, increasing axis."""
    step = (values[-1] - values[0]) / (len(values) - 1)
    if not (np.isfinite(step) and step > 0):
        raise SpecsrError(f"{name} does not increase: expected uniform steps upwards")
    off = np.abs(values - (values[0] + step * np.arange(len(values)))) / step
    if off.max() > _TOLERANCE:
        worst = int(off.argmax())
        raise SpecsrError(
            f"{name} is not uniform (value {worst} is {values[worst]:g}, {off[worst]:.3g} steps "
            "off): only maps with linear axes can be used; resample it to uniform steps first"
        )
    return float(step)


def _window_length(rows: int, df: float, rate: float | None) -> tuple[int, bool]:
    """Return n_fft of a full map and whether it stops one row below Nyquist."""
    cut = rows % 2 == 0
    if rate is not None:
        cut = abs(rate / df - 2 * rows) < abs(rate / df - 2 * (rows - 1))
    return (2 * rows if cut else 2 * (rows - 1)), cut


def _hop(times: np.ndarray, rate: float, s_t: int) -> tuple[int, int]:
    """Return the hop in samples and the fine frames in the last column."""
    # The last pooled column may hold fewer frames, so its centre comes earlier.
    body = times[:-1] if s_t > 1 and len(times) > 2 else times
    hop = _step(body, "times") * rate / s_t
    hop_length = max(1, round(hop))
    if abs(hop - hop_length) > _TOLERANCE:
        raise SpecsrError(
            f"a column step of {hop * s_t / rate:g} s is a hop of {hop:.4g} samples at {rate:g} "
            "Hz: expected an integer; give the right rate"
        )
    last = s_t
    if body is not times:
        last = round(2 * (times[-1] - times[-2]) * rate / hop_length - s_t)
        if not 1 <= last <= s_t:
            raise SpecsrError(
                f"the last column is {times[-1] - times[-2]:g} s after the previous one: expected "
                f"at most {hop * s_t / rate:g} s, the step of the others"
            )
    return hop_length, last


def _snapped(rate: float) -> float:
    """Return a rate from rounded axes rounded to 1 Hz where that changes it by 1e-6 at most."""
    near = float(round(rate))
    return near if abs(rate - near) <= 1e-6 * rate else rate
