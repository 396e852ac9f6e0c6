"""Super-resolution of maps: network estimate, order fit at the speed, data consistency."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from specsr.choices import BICUBIC, Consistency, SignalPair, check
from specsr.enhance.estimate import (
    bicubic,
    blend_bicubic,
    network_estimate,
    order_input,
    uses_speed,
)
from specsr.enhance.resolution import both_axes, require_map_pair
from specsr.io.limits import check_size
from specsr.maps.grid import Grid
from specsr.maps.pooling import noise_variance
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.nvh.order_fit import blend_fit, fit_orders
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_search import find_line_spacing
from specsr.nvh.speed_track import STRETCH, correct_speed, track_speed
from specsr.pairs.consistency import impose
from specsr.progress import Progress

log = logging.getLogger(__name__)

PER_CHANNEL, AT_ONCE = 40, 64
"""Bytes that a fine cell takes: in every channel, and in the channel that is worked on."""


def upscale_map(
    low: SpecMap,
    scale: int | tuple[int, int] = 4,
    *,
    pair: SignalPair = "pool",
    model: str | Path | Model | None = None,
    consistency: Consistency = "measured",
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
        model: name or file of a model for the pair; None for the bundled one; ``"bicubic"`` for
            bicubic interpolation without a network, speed or uncertainty.
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
    s_f, s_t = scale = both_axes(scale)
    require_map_pair(pair)
    check(consistency, Consistency, "consistency")
    found = None if model == BICUBIC else find_model(model, pair, scale)
    grid = low.grid.refined(s_f, s_t)
    _check_memory(low, grid)
    # the last frame of a full map may lie past the last fine one
    measured = np.square(low.image()[..., : -(-grid.frames // s_t)], dtype=np.float64)
    if found is None:
        powers = [_consistent(bicubic(x, scale, grid.frames), None, x, low.grid, scale,
                              consistency, pair) for x in measured]  # fmt: skip
        return _fine_map(powers, [], low, grid)
    rotation_hz = column_rotation_hz(low.rpm, grid)
    search = pair == "pool" and find_speed
    if search and low.rpm is not None:
        rotation_hz = _correct_rotation(rotation_hz, measured, grid, scale)
    estimates = _estimates(found, low, rotation_hz, scale, options, progress)
    if search and low.rpm is None:
        first = np.stack([power for power, _ in estimates])
        rotation_hz = _find_rotation(first, measured, grid, scale)
        if uses_speed(found) and rotation_hz.any():
            estimates = _estimates(found, low, rotation_hz, scale, options, progress)
    powers, uncertainties = [], []
    for channel, (power, uncertainty) in zip(measured, estimates):
        if pair == "pool":
            if consistency == "measured" and uncertainty is not None:
                power = blend_bicubic(power, uncertainty, channel, scale)
            fit = fit_orders(channel, grid, scale, rotation_hz, progress)
            if fit is not None:
                given = np.zeros(power.shape) if uncertainty is None else uncertainty
                power, reduced = blend_fit(power, given, channel, fit, scale)
                uncertainty = None if uncertainty is None else reduced
        power = _consistent(power, uncertainty, channel, low.grid, scale, consistency, pair)
        powers.append(power)
        if uncertainty is not None:
            uncertainties.append(uncertainty)
    return _fine_map(powers, uncertainties, low, grid)


def _estimates(
    model: Model, low: SpecMap, rotation_hz: np.ndarray, scale: tuple[int, int],
    options: InferOptions, progress: Progress | None,
) -> list[tuple[np.ndarray, np.ndarray | None]]:  # fmt: skip
    """Return power [F s_f, T'] and uncertainty in dB or None of every channel, by the network."""
    orders = order_input(model, low.grid, scale, rotation_hz)
    frames = len(rotation_hz)
    estimates = []
    for channel in np.square(low.image(), dtype=np.float64):
        power, uncertainty = network_estimate(
            model, channel, low.grid, orders, scale, options, progress
        )
        cut = None if uncertainty is None else uncertainty[:, :frames]
        estimates.append((power[:, :frames], cut))
    return estimates


def _consistent(
    power: np.ndarray, uncertainty: np.ndarray | None, channel: np.ndarray, low: Grid,
    scale: tuple[int, int], mode: Consistency, pair: str,
) -> np.ndarray:  # fmt: skip
    """Return the power of a channel corrected towards the coarse one; as it is for other pairs."""
    if pair != "pool":
        return power
    return impose(power, channel, scale, mode, uncertainty, noise_variance(low))


def _fine_map(
    powers: list[np.ndarray], uncertainties: list[np.ndarray], low: SpecMap, grid: Grid
) -> SpecMap:
    """Return the channels as a map on the fine grid; all its rows are estimated."""
    magnitude = np.stack([np.sqrt(power).astype(np.float32) for power in powers])
    uncertainty = np.stack(uncertainties) if uncertainties else None
    if grid.cell == (1, 1):
        magnitude = grid.with_nyquist(magnitude)
        if uncertainty is not None:
            uncertainty = np.concatenate([uncertainty, uncertainty[:, -1:]], axis=1)
    return SpecMap(
        magnitude, grid, known=np.zeros(magnitude.shape[1], dtype=bool), channels=low.channels,
        rpm=low.rpm, uncertainty_db=uncertainty,
    )  # fmt: skip


def _check_memory(low: SpecMap, grid: Grid) -> None:
    """Raise `SpecsrError`, before any work, if the finer map exceeds the limit of memory."""
    cells = grid.rows * grid.frames
    # For each fine cell of every channel: power and uncertainty in float64, once per channel and
    # once in all, their square root, and the map (float32).  For one channel at a time: the
    # network's two outputs, and the fit, its blend and the consistency in float64.
    needed = cells * (PER_CHANNEL * len(low.channels) + AT_ONCE)
    check_size(needed, f"a finer map of {grid.rows} x {grid.frames} cells")


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
