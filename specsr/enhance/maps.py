"""Super-resolution of maps: network estimate, order fit at the speed, data consistency."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from specsr.choices import BICUBIC, Consistency, SignalPair, check
from specsr.enhance.estimate import (
    bicubic,
    blend_bicubic,
    network_estimate,
    order_input,
)
from specsr.enhance.resolution import both_axes, require_map_pair
from specsr.enhance.uncertainty import calibrated
from specsr.io.limits import check_size
from specsr.maps.grid import Grid
from specsr.maps.pooling import noise_variance
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.nvh.order_fit import blend_fit
from specsr.nvh.speed import column_rotation_hz, fill_gaps
from specsr.nvh.speed_use import (
    SpeedFit,
    better,
    found_speed,
    given_speed,
    is_clear,
    rotation_of,
)
from specsr.pairs.consistency import impose
from specsr.progress import Progress

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
            estimate is blended with a fit of the orders (`specsr.nvh.order_fit`), as far as the map
            is evidence of their lines (`specsr.nvh.order_evidence`).
        scale: factor of both axes, or (s_f, s_t), as far as the model has it.
        pair: definition of the low resolution, ``"pool"`` or ``"stft"``.
        model: name or file of a model for the pair; None for the bundled one; ``"bicubic"`` for
            bicubic interpolation without a network, speed or uncertainty.
        consistency: what the result reproduces of the map, see `specsr.choices.Consistency`; for
            the pair ``pool``.
        find_speed: for the pair ``pool``: estimate the speed of a map without one, or correct or
            replace a given one, if the evidence is clear (`specsr.nvh.speed_use`).
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of tiles, for a bar.

    Returns:
        A map on ``low.grid.refined(s_f, s_t)`` without phase, ``known`` false in all rows.  Models
        with an uncertainty output also set ``uncertainty_db``.  For the pair ``pool``, a speed
        that was given or found has its ``rpm_confidence`` and ``rpm_source``; a found or corrected
        one replaces ``rpm``.

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
    speed = None
    if pair == "pool":
        speed = given_speed(measured, grid, scale, rotation_hz, find_speed, progress=progress)
        rotation_hz = rotation_of(speed, grid.frames)
    estimates = _estimates(found, low, rotation_hz, scale, options, progress)
    if pair == "pool" and find_speed and not is_clear(speed):
        first = np.stack([power for power, _ in estimates])
        speed = better(speed, found_speed(first, measured, grid, scale, progress=progress))
    powers, uncertainties = [], []
    for i, (channel, (power, uncertainty)) in enumerate(zip(measured, estimates)):
        if pair == "pool":
            if consistency == "measured" and uncertainty is not None:
                power = blend_bicubic(power, uncertainty, channel, scale)
            fit = None if speed is None else speed.fits[i]
            if fit is not None:
                given = np.zeros(power.shape) if uncertainty is None else uncertainty
                power, reduced = blend_fit(power, given, channel, fit, scale)
                uncertainty = None if uncertainty is None else reduced
        result = _consistent(power, uncertainty, channel, low.grid, scale, consistency, pair)
        powers.append(result)
        if uncertainty is not None and pair == "pool":
            uncertainty = calibrated(
                uncertainty, power, result, channel, scale, noise_variance(low.grid)
            )
        if uncertainty is not None:
            uncertainties.append(uncertainty)
    return _with_speed(_fine_map(powers, uncertainties, low, grid), speed)


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


def _with_speed(high: SpecMap, speed: SpeedFit | None) -> SpecMap:
    """Return a map with the speed that its lines were placed by, and its confidence."""
    if speed is None:
        if high.rpm is None:
            return high
        return high.replace(rpm_source="given", rpm_confidence=np.zeros(high.grid.frames))
    grid = high.grid
    if speed.source == "given":
        rpm = high.rpm
    else:
        at = np.arange(grid.length) / (grid.hop_length * grid.cell[1])
        known = speed.rpm[np.clip(np.round(at).astype(int), 0, grid.frames - 1)] > 0
        rpm = known * np.interp(at, np.arange(grid.frames), fill_gaps(speed.rpm))
    return high.replace(rpm=rpm, rpm_source=speed.source, rpm_confidence=speed.confidence)


def _check_memory(low: SpecMap, grid: Grid) -> None:
    """Raise `SpecsrError`, before any work, if the finer map exceeds the limit of memory."""
    cells = grid.rows * grid.frames
    # For each fine cell of every channel: power and uncertainty in float64, once per channel and
    # once in all, their square root, and the map (float32).  For one channel at a time: the
    # network's two outputs, and the fit, its blend and the consistency in float64.
    needed = cells * (PER_CHANNEL * len(low.channels) + AT_ONCE)
    check_size(needed, f"a finer map of {grid.rows} x {grid.frames} cells")
