"""Super-resolution of maps: network estimate, order fit at the speed, data consistency."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr.choices import BICUBIC, Consistency, SignalPair, check
from specsr.enhance.estimate import (
    blend_bicubic,
    network_estimate,
    order_input,
)
from specsr.enhance.pieces import columns_of, in_pieces
from specsr.enhance.resolution import both_axes, require_map_pair
from specsr.enhance.uncertainty import calibrated, displaced
from specsr.io.limits import check_size
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.maps.pooling import bicubic_power, noise_variance
from specsr.maps.shaft_speed import ShaftSpeed
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.nvh.order_fit import blend_fit
from specsr.nvh.speed import column_rotation_hz, fill_gaps
from specsr.nvh.speed_factor import stated_factor
from specsr.nvh.speed_options import SpeedOptions
from specsr.nvh.speed_use import (
    SpeedFit,
    better,
    found_speed,
    given_speed,
    is_clear,
    rotation_of,
)
from specsr.pairs.consistency import impose, require_uncertainty
from specsr.progress import Progress

log = logging.getLogger(__name__)

RESULT, PER_CHANNEL, AT_ONCE = 9, 64, 96
"""Bytes that a fine cell takes: in the result (levels, uncertainty and their check), and of the
piece that is worked on, in every channel (network, fit) and in the channel that is worked on."""


def upscale_map(
    low: SpecMap,
    scale: int | tuple[int, int] = 4,
    *,
    pair: SignalPair = "pool",
    model: str | Path | Model | None = None,
    consistency: Consistency = "measured",
    speed: SpeedOptions = SpeedOptions(),
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
        speed: for the pair ``pool``: whether a speed is searched for, known orders, and further
            shafts.
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of tiles, for a bar.

    Returns:
        A map on ``low.grid.refined(s_f, s_t)`` without phase, ``known`` false in all rows.  Models
        with an uncertainty output also set ``uncertainty_db``.  For the pair ``pool``, a speed
        that was given or found has its ``rpm_confidence`` and ``rpm_source``; a found or corrected
        one replaces ``rpm``, a found one by the factor that makes it the given one, if a simple one
        does (`specsr.nvh.speed_factor`).  Further shafts have their confidence too.

    Raises:
        SpecsrError: an option out of range, no model for the pair and scale, or a grid that cannot
            be refined by the scale.
    """
    scale = both_axes(scale)
    require_map_pair(pair)
    check(consistency, Consistency, "consistency")
    found = None if (model, pair) == (BICUBIC, "pool") else find_model(model, pair, scale)
    if pair == "pool" and consistency == "expected":
        require_uncertainty(found is not None and found.net.config.uncertainty)
    _check_memory(low, scale)
    low = low.replace(shafts=speed.speeds(low.shafts, low.grid.length))
    if low.uncertainty_db is not None:
        log.warning(
            "the map is an estimate itself: its uncertainty is not carried into the finer one"
        )
    own_levels = [
        levels.median_level(levels.to_db(np.square(channel, dtype=np.float64)), low.grid)
        for channel in low.image()
    ]
    work = _Refinement(found, scale, pair, consistency, speed, own_levels, options)
    return in_pieces(low, scale, work, progress)


@dataclass(frozen=True, eq=False)
class _Refinement:
    """How each piece of a coarse map is made finer.

    Attributes:
        model: a map model, or None for bicubic interpolation.
        scale, pair, consistency, speed, options: see `upscale_map`.
        levels: level of every channel, dB, that the network's levels are relative to.
    """

    model: Model | None
    scale: tuple[int, int]
    pair: SignalPair
    consistency: Consistency
    speed: SpeedOptions
    levels: list[float]
    options: InferOptions

    def __call__(self, low: SpecMap, progress: Progress | None = None) -> SpecMap:
        """Return the finer map of a coarse one."""
        grid = low.grid.refined(*self.scale)
        # the last frame of a full map may lie past the last fine one
        columns = -(-grid.frames // self.scale[1])
        measured = np.square(low.image()[..., :columns], dtype=np.float64)
        if self.model is None:
            powers = bicubic_power(measured, *self.scale, grid.frames)
            results = [self._consistent(*x, None, low.grid) for x in zip(powers, measured)]
            return _fine_map(results, [], low, grid)
        speed, estimates = self._estimates(low, measured, grid, progress)
        results, uncertainties = [], []
        for i, (channel, (power, uncertainty)) in enumerate(zip(measured, estimates)):
            if self.pair == "pool":
                if self.consistency == "measured" and uncertainty is not None:
                    network = power
                    power = blend_bicubic(network, uncertainty, channel, self.scale)
                    uncertainty = displaced(uncertainty, network, power)
                fit = None if speed is None else speed.fits[i]
                if fit is not None:
                    given = np.zeros(power.shape) if uncertainty is None else uncertainty
                    power, reduced = blend_fit(power, given, channel, fit, self.scale)
                    uncertainty = None if uncertainty is None else reduced
            result = self._consistent(power, channel, uncertainty, low.grid)
            results.append(result)
            if uncertainty is not None and self.pair == "pool":
                uncertainty = calibrated(
                    uncertainty, power, result, channel, self.scale, noise_variance(low.grid)
                )
            if uncertainty is not None:
                uncertainties.append(uncertainty)
        return _with_speed(_fine_map(results, uncertainties, low, grid), speed)

    def _estimates(
        self, low: SpecMap, measured: np.ndarray, grid: Grid, progress: Progress | None
    ) -> tuple[SpeedFit | None, list[tuple[np.ndarray, np.ndarray | None]]]:
        """Return the speed of the orders, and the network's power and uncertainty of channels.

        A network is order-conditioned by a given speed that is clear; a found one comes too late.
        """
        assert self.model is not None
        rotation_hz = column_rotation_hz(low.rpm, grid)
        machine = self.speed.machine(low.shafts, grid)
        speed = None
        if self.pair == "pool":
            speed = given_speed(
                measured, grid, self.scale, rotation_hz, machine, self.speed.find, progress
            )
            rotation_hz = rotation_of(speed, grid.frames)
        orders = order_input(self.model, low.grid, self.scale, rotation_hz)
        estimates = []
        for channel, level in zip(low.image(), self.levels):
            power, uncertainty = network_estimate(
                self.model, np.square(channel, dtype=np.float64), level, orders, self.scale,
                self.options, progress,
            )  # fmt: skip
            cut = None if uncertainty is None else uncertainty[:, : grid.frames]
            estimates.append((power[:, : grid.frames], cut))
        if self.pair == "pool" and self.speed.find and not is_clear(speed):
            first = np.stack([power for power, _ in estimates])
            found = found_speed(first, measured, grid, self.scale, machine, progress)
            speed = better(speed, found)
        return speed, estimates

    def _consistent(
        self, power: np.ndarray, channel: np.ndarray, uncertainty: np.ndarray | None, low: Grid
    ) -> np.ndarray:
        """Return power corrected towards that of the coarse channel; unchanged for other pairs."""
        if self.pair != "pool":
            return power
        variance = noise_variance(low)
        between = None
        if self.model is not None:  # bicubic interpolation keeps the cubic of its baseline
            between = noise_interpolation(low.refined(*self.scale), self.scale)
        return impose(power, channel, self.scale, self.consistency, uncertainty, variance, between)


def _fine_map(
    powers: list[np.ndarray], uncertainties: list[np.ndarray], low: SpecMap, grid: Grid
) -> SpecMap:
    """Return the channels as a map on the fine grid; all its rows are estimated."""
    magnitude = np.stack([np.sqrt(power).astype(np.float32) for power in powers])
    shafts = tuple(shaft.unexamined() for shaft in low.shafts)
    uncertainty = np.stack(uncertainties) if uncertainties else None
    if grid.cell == (1, 1):
        magnitude = grid.with_nyquist(magnitude)
        if uncertainty is not None:
            uncertainty = np.concatenate([uncertainty, uncertainty[:, -1:]], axis=1)
    return SpecMap(
        magnitude, grid, known=np.zeros(magnitude.shape[1], dtype=bool), channels=low.channels,
        rpm=low.rpm, uncertainty_db=uncertainty, shafts=shafts,
    )  # fmt: skip


def _with_speed(high: SpecMap, speed: SpeedFit | None) -> SpecMap:
    """Return a map with the speeds that its lines were placed by, and their confidence."""
    none = np.zeros(high.grid.frames)
    sure = {} if speed is None else {shaft.name: shaft.confidence for shaft in speed.shafts}
    shafts = tuple(
        ShaftSpeed(shaft.name, shaft.rpm, sure.get(shaft.name, none)) for shaft in high.shafts
    )
    if speed is None or not speed.has_speed:
        if high.rpm is None:
            return high.replace(shafts=shafts)
        return high.replace(rpm_source="given", rpm_confidence=none, shafts=shafts)
    grid = high.grid
    if speed.source == "given":
        rpm = high.rpm
    else:
        at = np.arange(grid.length) / (grid.hop_length * grid.cell[1])
        known = speed.rpm[np.clip(np.round(at).astype(int), 0, grid.frames - 1)] > 0
        rpm = known * np.interp(at, np.arange(grid.frames), fill_gaps(speed.rpm))
        if speed.source == "found" and high.rpm is not None:
            rpm = float(stated_factor(high.rpm, rpm)) * rpm
    return high.replace(
        rpm=rpm, rpm_source=speed.source, rpm_confidence=speed.own.confidence, shafts=shafts
    )


def _check_memory(low: SpecMap, scale: tuple[int, int]) -> None:
    """Raise `SpecsrError`, before any work, if the finer map exceeds the limit of memory."""
    grid = low.grid.refined(*scale)
    channels = len(low.channels)
    widest = max(part.last - part.first for part in columns_of(low.grid, channels, scale))
    cells = grid.rows * min(widest * scale[1], grid.frames)
    needed = grid.rows * grid.frames * channels * RESULT + cells * (
        PER_CHANNEL * channels + AT_ONCE
    )
    check_size(needed, f"a finer map of {grid.rows} x {grid.frames} cells")
