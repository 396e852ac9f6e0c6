"""Super-resolution of maps: network estimate, order fit at the speed, data consistency."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from specsr.choices import Consistency, SignalPair, check
from specsr.errors import SpecsrError
from specsr.io.limits import check_size
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.pooling import enlarge, pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.nvh.order_fit import blend_fit, fit_orders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_search import find_line_spacing
from specsr.nvh.speed_track import STRETCH, correct_speed, track_speed
from specsr.pairs.consistency import impose
from specsr.pairs.order_input import CHANNELS as ORDER_CHANNELS
from specsr.pairs.order_input import coarse_rows, order_channels
from specsr.pairs.pair import coarse_transform
from specsr.progress import Progress
from specsr.signal import Signal

log = logging.getLogger(__name__)

PER_CHANNEL, AT_ONCE = 40, 64
"""Bytes that a fine cell takes: in every channel, and in the channel that is worked on."""


def upscale_map(
    low: SpecMap,
    scale: int | tuple[int, int] = 4,
    *,
    pair: SignalPair = "pool",
    model: str | Path | Model | None = None,
    consistency: Consistency = "row",
    find_speed: bool = True,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> SpecMap:
    """Return a map s_f x s_t times finer in frequency and time; all cells are estimated.

    Args:
        low: a pooled map, or a full one; the result of a full map has a longer window.  If the map
            has a speed (``rpm``), an order-conditioned model uses it, and for the pair ``pool`` the
            estimate is blended with a fit of the orders (`specsr.nvh.order_fit`).
        scale: factor of both axes, or (s_f, s_t), as far as the model has it.
        pair: definition of the low resolution, ``"pool"`` or ``"stft"``.
        model: name or file of a model for the pair; None for the bundled one.
        consistency: what the result reproduces of the map, see `specsr.choices.Consistency`; for
            the pair ``pool``.
        find_speed: for the pair ``pool``: estimate the speed of a map without one, or correct a
            given one, if the evidence is clear (`specsr.nvh.speed_search`,
            `specsr.nvh.speed_track`).
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of tiles, for a bar.

    Returns:
        A map on ``low.grid.refined(s_f, s_t)`` without phase, ``known`` false in all rows.  Models
        with an uncertainty output also set ``uncertainty_db``.

    Raises:
        SpecsrError: an option out of range, no model for the pair and scale, or a grid that cannot
            be refined by the scale.
    """
    s_f, s_t = scale = _both_axes(scale)
    _require_map_pair(pair)
    check(consistency, Consistency, "consistency")
    found = find_model(model, pair, scale)
    grid = low.grid.refined(s_f, s_t)
    _check_memory(low, grid)
    rotation_hz = column_rotation_hz(low.rpm, grid)
    # the last frame of a full map may lie past the last fine one
    measured = np.square(low.image()[..., : -(-grid.frames // s_t)], dtype=np.float64)
    search = pair == "pool" and find_speed
    if search and low.rpm is not None:
        rotation_hz = _correct_rotation(rotation_hz, measured, grid, scale)
    power, uncertainty = _estimate(found, low, rotation_hz, scale, options, progress)
    if search and low.rpm is None:
        rotation_hz = _find_rotation(power, measured, grid, scale)
        if uses_speed(found) and rotation_hz.any():
            power, uncertainty = _estimate(found, low, rotation_hz, scale, options, progress)
    if pair == "pool":
        for i, channel in enumerate(measured):
            fit = fit_orders(channel, grid, scale, rotation_hz, progress)
            if fit is not None:
                power[i], uncertainty[i] = blend_fit(power[i], uncertainty[i], channel, fit, scale)
            power[i] = impose(power[i], channel, scale, consistency)
    magnitude = np.sqrt(power)
    uncertainty = uncertainty.reshape(-1, *uncertainty.shape[2:])
    if grid.cell == (1, 1):
        magnitude = grid.with_nyquist(magnitude)
        uncertainty = np.concatenate([uncertainty, uncertainty[:, -1:]], axis=1)
    return SpecMap(
        magnitude, grid, known=np.zeros(magnitude.shape[1], dtype=bool), channels=low.channels,
        rpm=low.rpm, uncertainty_db=uncertainty if len(uncertainty) else None,
    )  # fmt: skip


def _check_memory(low: SpecMap, grid: Grid) -> None:
    """Raise `SpecsrError`, before any work, if the finer map exceeds the limit of memory."""
    cells = grid.rows * grid.frames
    # For each fine cell of every channel: power and uncertainty in float64, once per channel and
    # once in all, their square root, and the map (float32).  For one channel at a time: the
    # network's two outputs, and the fit, its blend and the consistency in float64.
    needed = cells * (PER_CHANNEL * len(low.channels) + AT_ONCE)
    check_size(needed, f"a finer map of {grid.rows} x {grid.frames} cells")


def uses_speed(model: Model) -> bool:
    """Return whether a map model is order-conditioned."""
    return model.net.config.in_channels == 1 + ORDER_CHANNELS


def low_map(
    signal: Signal, scale: int | tuple[int, int], pair: SignalPair, transform: SpectrogramTransform
) -> SpecMap:
    """Return the coarse map of a recording that super-resolution starts from.

    Args:
        signal: the recording.
        scale: factor of both axes, or (s_f, s_t).
        pair: ``"pool"`` or ``"stft"``.
        transform: settings of the fine map, see `map_transform`.

    Raises:
        SpecsrError: another pair, or a scale that does not fit the transform.
    """
    s_f, s_t = _both_axes(scale)
    _require_map_pair(pair)
    if pair == "pool":
        return pool(transform(signal), s_f, s_t)
    return coarse_transform(transform, s_f, s_t)(signal)


def map_transform(scale: int | tuple[int, int]) -> SpectrogramTransform:
    """Return settings of a fine map whose rows the scale divides: n_fft near 2048, hop 256."""
    s_f, _ = _both_axes(scale)
    return SpectrogramTransform(2 * s_f * round(2048 / (2 * s_f)), 256)


def _both_axes(scale: int | tuple[int, int]) -> tuple[int, int]:
    """Return (s_f, s_t), or raise `SpecsrError`."""
    factors = tuple(scale) if isinstance(scale, Sequence) else (scale, scale)
    whole = all(isinstance(factor, (int, np.integer)) for factor in factors)
    if not whole or len(factors) != 2 or min(factors) < 1 or max(factors) == 1:
        raise SpecsrError(
            f"scale is {scale}: expected a whole number from 2 up, or two (frequency, time)"
        )
    return int(factors[0]), int(factors[1])


def _require_map_pair(pair: str) -> None:
    if pair not in ("pool", "stft"):
        raise SpecsrError(f"pair is {pair!r}: expected pool or stft for a map")


def _estimate(
    model: Model, low: SpecMap, rotation_hz: np.ndarray, scale: tuple[int, int],
    options: InferOptions, progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return the network's power [C, F s_f, T'] and uncertainty in dB [C, 0 or 1, F s_f, T'].

    Args:
        rotation_hz: rotation frequency in Hz at each fine column, [T']; 0 where it is unknown.
    """
    s_f, s_t = scale
    frames = len(rotation_hz)
    order_input = _order_input(model, low, scale, rotation_hz)
    powers, uncertainties = [], []
    for channel in np.square(low.image(), dtype=np.float64):
        db = levels.to_db(channel)
        level = levels.median_level(db, low.grid)
        relative = levels.relative_levels(db, level)
        net_input = torch.from_numpy(np.concatenate([relative[None], order_input]))
        result = run_tiled(model.net, net_input, scale, options, progress)[:, :, :frames].numpy()
        # levels outside the range of the model keep their offset
        clipped = enlarge(db - level - relative, s_f, s_t, frames)
        powers.append(10 ** ((result[0] + clipped + level).astype(np.float64) / 10))
        uncertainties.append(np.exp(result[1:]))
    return np.stack(powers), np.stack(uncertainties)


def _order_input(
    model: Model, low: SpecMap, scale: tuple[int, int], rotation_hz: np.ndarray
) -> np.ndarray:
    """Return the order-conditioned input [CHANNELS, F, T], or [0, F, T] if the model has none."""
    rows, columns = low.image().shape[1:]
    if not uses_speed(model):
        return np.empty((0, rows, columns), dtype=np.float32)
    grid = low.grid.refined(*scale)
    centres, height = coarse_rows(grid, scale[0])
    at = np.clip((low.grid.times() - grid.times()[0]) / grid.dt, 0, len(rotation_hz) - 1)
    known = rotation_hz[np.round(at).astype(int)] > 0
    coarse = np.interp(at, np.arange(len(rotation_hz)), rotation_hz) * known
    return order_channels(centres[:rows], height, coarse)


def _correct_rotation(
    given: np.ndarray, measured: np.ndarray, grid: Grid, scale: tuple[int, int]
) -> np.ndarray:
    """Return a rotation frequency in Hz, [T'], corrected where the coarse map is clear evidence.

    Args:
        given: measured rotation frequency in Hz at each fine column, [T']; 0 where it is unknown.
        measured: power of the coarse map, [C, F, T].
        grid: fine grid.
        scale: (s_f, s_t).
    """
    rotation_hz = given.copy()
    for part, power in _column_stretches(measured, len(given), scale[1]):
        rotation_hz[part] = correct_speed(power, grid, scale, given[part])
    if (rotation_hz != given).any():
        off = 100 * (rotation_hz / np.where(given > 0, given, 1.0) - 1)[given > 0]
        log.info(
            "speed: corrected by %.2f to %.2f %% from the lines in the map", off.min(), off.max()
        )
    return rotation_hz


def _find_rotation(
    estimate: np.ndarray, measured: np.ndarray, grid: Grid, scale: tuple[int, int]
) -> np.ndarray:
    """Return the spacing of harmonic lines in Hz at each fine column, [T']; 0 where none is found.

    Args:
        estimate: first estimate of the fine power, [C, F s_f, T'].
        measured: power of the coarse map, [C, F, T].
        grid: fine grid.
        scale: (s_f, s_t).
    """
    rotation_hz = np.zeros(estimate.shape[-1])
    for part, power in _column_stretches(measured, len(rotation_hz), scale[1]):
        spacing = find_line_spacing(estimate[..., part], grid)
        rotation_hz[part] = track_speed(power, grid, scale, spacing)
    found = rotation_hz[rotation_hz > 0]
    if len(found):
        log.info(
            "speed: harmonic lines with a spacing of %.4g to %.4g Hz in %.0f %% of the map, used "
            "as orders of one machine",
            found.min(), found.max(), 100 * len(found) / len(rotation_hz),
        )  # fmt: skip
    return rotation_hz


def _column_stretches(
    measured: np.ndarray, frames: int, s_t: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield stretches of nearly equal length: fine columns, and power of all channels, [F, T].

    Every channel is divided by its mean, as all show one machine but may differ in unit.
    """
    columns = measured.shape[-1]
    count = -(-frames // STRETCH)
    borders = [i * columns // count for i in range(count + 1)]
    for first, last in zip(borders, borders[1:]):
        coarse = measured[..., first:last]
        normalised = coarse / np.maximum(coarse.mean(axis=(1, 2), keepdims=True), 1e-300)
        yield slice(first * s_t, min(last * s_t, frames)), normalised.sum(axis=0)
