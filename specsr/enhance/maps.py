"""Super-resolution of maps: network estimate, order fit at the speed, data consistency.

Large maps are worked on in pieces of columns (`specsr.enhance.pieces`), in two passes: the network
estimates all of them, then one speed is searched for in the whole map, then all are refined by it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from specsr.choices import BICUBIC, Consistency, SignalPair, check
from specsr.enhance.estimate import blend_bicubic, network_estimate, order_input
from specsr.enhance.pieces import check_memory, columns_of, cut_columns, replace_in_pieces
from specsr.enhance.resolution import both_axes, require_map_pair
from specsr.enhance.segments import Segment
from specsr.enhance.uncertainty import calibrated, displaced
from specsr.errors import expect
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

T = TypeVar("T")


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
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    scale = both_axes(scale)
    require_map_pair(pair)
    check(consistency, Consistency, "consistency")
    found = None if (model, pair) == (BICUBIC, "pool") else find_model(model, pair, scale)
    if pair == "pool" and consistency == "expected":
        require_uncertainty(found is not None and found.net.config.uncertainty)
    check_memory(low, scale)
    low = low.replace(shafts=speed.speeds(low.shafts, low.grid.length))
    if low.uncertainty_db is not None:
        log.warning(
            "the map is an estimate itself: its uncertainty is not carried into the finer one"
        )
    own_levels = [
        levels.median_level(levels.to_db(np.square(channel, dtype=np.float64)), low.grid)
        for channel in low.image()
    ]
    work = _Refinement(low, found, scale, pair, consistency, speed, own_levels, options, progress)
    return work.result()


@dataclass(frozen=True, eq=False)
class _Refinement:
    """How a coarse map is made finer.

    Attributes:
        low: the coarse map.
        model: a map model, or None for bicubic interpolation.
        scale, pair, consistency, speed, options, progress: see `upscale_map`.
        levels: level of every channel, dB, that the network's levels are relative to.
    """

    low: SpecMap
    model: Model | None
    scale: tuple[int, int]
    pair: SignalPair
    consistency: Consistency
    speed: SpeedOptions
    levels: list[float]
    options: InferOptions
    progress: Progress | None

    @cached_property
    def grid(self) -> Grid:
        """Grid of the result."""
        return self.low.grid.refined(*self.scale)

    @cached_property
    def parts(self) -> list[Segment]:
        """Pieces of the columns of the coarse map."""
        return columns_of(self.low.grid, len(self.low.channels), self.scale)

    def result(self) -> SpecMap:
        """Return the finer map."""
        low, grid = self.low, self.grid
        sure = self.model is not None and self.model.net.config.uncertainty
        shape = len(low.channels), grid.rows, grid.frames
        whole = [np.empty(shape, dtype=np.float32) for _ in range(1 + sure)]
        last = grid.rows - (grid.cell == (1, 1))
        arrays = [x[:, :last] for x in whole]  # without the Nyquist row
        speed = None
        if self.model is None:
            replace_in_pieces(arrays, self.parts, self.scale[1], self._interpolated)
        elif self.pair != "pool":
            self._estimate(arrays, column_rotation_hz(low.rpm, grid))
        else:
            speed = self._estimate_with_speed(arrays)
            parts = self._steps(self.parts) if len(self.parts) > 1 else self.parts
            work = partial(self._refined, speed)
            replace_in_pieces(arrays, parts, self.scale[1], work)
        if grid.cell == (1, 1):
            whole[0][:, last:] = grid.with_nyquist(whole[0][:, last - 1 : last])[:, 1:]
            for x in whole[1:]:
                x[:, last:] = x[:, last - 1 : last]
        high = SpecMap(
            whole[0], grid, known=np.zeros(grid.rows, dtype=bool), channels=low.channels,
            rpm=low.rpm, uncertainty_db=whole[1] if sure else None,
            shafts=tuple(shaft.unexamined() for shaft in low.shafts),
        )  # fmt: skip
        return high if self.model is None else _with_speed(high, speed)

    def _steps(self, items: Iterable[T]) -> Iterable[T]:
        return items if self.progress is None else self.progress(items)

    def _measured(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """Return the power of coarse columns ``first`` to ``last`` (exclusive), [C, F, k]."""
        # the last frame of a full map may lie past the last fine one
        image = self.low.image()[..., : -(-self.grid.frames // self.scale[1])]
        return np.square(image[..., first:last], dtype=np.float64)

    def _estimate_with_speed(self, arrays: list[np.ndarray]) -> SpeedFit | None:
        """Fill arrays with the network's estimate of all columns; return the speed of the orders.

        A network is order-conditioned by a given speed that is clear; a found one comes too late.
        """
        low, grid, scale = self.low, self.grid, self.scale
        machine, find = self.speed.machine(low.shafts, grid), self.speed.find
        rotation_hz = column_rotation_hz(low.rpm, grid)
        speed, measured = None, np.empty(0)
        if find or machine.shafts or (rotation_hz > 0).any():
            measured = self._measured()
            speed = given_speed(measured, grid, scale, rotation_hz, machine, find, self.progress)
        self._estimate(arrays, rotation_of(speed, grid.frames))
        if find and not is_clear(speed):
            found = found_speed(arrays[0], measured, grid, scale, machine, self.progress)
            speed = better(speed, found)
        return speed

    def _estimate(self, arrays: list[np.ndarray], rotation_hz: np.ndarray) -> None:
        """Fill arrays with the network's magnitude, and its uncertainty in dB, [C, F s_f, T']."""
        assert self.model is not None
        scale, s_t = self.scale, self.scale[1]
        one = len(self.parts) == 1
        for part in self.parts if one else self._steps(self.parts):
            low = cut_columns(self.low, part.first, part.last)
            speeds = rotation_hz[part.first * s_t : part.last * s_t]
            orders = order_input(self.model, low.grid, scale, speeds)
            at = slice(part.start * s_t, min(part.stop * s_t, self.grid.frames))
            own = slice(at.start - part.first * s_t, at.stop - part.first * s_t)
            for i, channel in enumerate(low.image()):
                power, uncertainty = network_estimate(
                    self.model, np.square(channel, dtype=np.float64), self.levels[i], orders,
                    scale, self.options, self.progress if one else None,
                )  # fmt: skip
                arrays[0][i, :, at] = np.sqrt(power[:, own])
                if uncertainty is not None:
                    arrays[1][i, :, at] = uncertainty[:, own]

    def _interpolated(self, part: Segment, given: list[np.ndarray]) -> list[np.ndarray]:
        """Return a piece of the map by bicubic interpolation, as `_refined`."""
        measured = self._measured(part.first, part.last)
        powers = bicubic_power(measured, *self.scale, given[0].shape[-1])
        for out, power, channel in zip(given[0], powers, measured):
            out[:] = np.sqrt(self._consistent(power, channel, None))
        return given

    def _refined(
        self, speed: SpeedFit | None, part: Segment, given: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return magnitudes, and uncertainty in dB, of a piece: [C, F s_f, k] each, overwritten.

        Args:
            speed: of the map.
            part: the piece.
            given: the network's estimates of its columns.
        """
        scale, variance = self.scale, noise_variance(self.low.grid)
        for i, channel in enumerate(self._measured(part.first, part.last)):
            power = np.square(given[0][i], dtype=np.float64)
            uncertainty = given[1][i] if len(given) > 1 else None
            if self.consistency == "measured" and uncertainty is not None:
                network = power
                power = blend_bicubic(network, uncertainty, channel, scale)
                uncertainty = displaced(uncertainty, network, power)
            fit = None if speed is None else speed.fits[i]
            if fit is not None:
                own = np.zeros(power.shape) if uncertainty is None else uncertainty
                fine = fit.fine(part.first, part.last)
                power, reduced = blend_fit(power, own, channel, fine, scale)
                uncertainty = None if uncertainty is None else reduced
            result = self._consistent(power, channel, uncertainty)
            given[0][i] = np.sqrt(result)
            if uncertainty is not None:
                given[1][i] = calibrated(uncertainty, power, result, channel, scale, variance)
        return given

    def _consistent(
        self, power: np.ndarray, channel: np.ndarray, uncertainty: np.ndarray | None
    ) -> np.ndarray:
        """Return power corrected towards that of the coarse channel; unchanged for other pairs."""
        if self.pair != "pool":
            return power
        between = None
        if self.model is not None:  # bicubic interpolation keeps the cubic of its baseline
            between = noise_interpolation(self.grid, self.scale)
        return impose(
            power, channel, self.scale, self.consistency, uncertainty,
            noise_variance(self.low.grid), between,
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
