"""Maps made finer: a network's estimate, the orders at the speed, what was measured kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from specsr.choices import Consistency, SignalPair, check
from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.nvh.order_fit import fit_orders, with_orders
from specsr.nvh.speed import columns_speed
from specsr.nvh.speed_search import find_lines
from specsr.nvh.speed_track import STRETCH, corrected_speed, track_speed
from specsr.pairs.consistency import impose
from specsr.pairs.order_input import CHANNELS as ORDER_CHANNELS
from specsr.pairs.order_input import coarse_rows, order_channels
from specsr.pairs.pair import coarse_transform
from specsr.progress import Progress
from specsr.signal import Signal

log = logging.getLogger(__name__)


def _square(scale: int | tuple[int, int]) -> tuple[int, int]:
    pair = (scale, scale) if isinstance(scale, (int, np.integer)) else tuple(scale)
    if len(pair) != 2 or min(pair) < 1 or max(pair) == 1:
        raise SpecsrError(f"scale is {scale}: expected a whole number from 2 up, or one an axis")
    return pair


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
    """Return a map s_f x s_t times finer in frequency and time, all of it estimated.

    A model that knows its uncertainty says in ``uncertainty_db`` how far off each level may be.

    Args:
        low: any map; pooled, or a full one (then the finer one has a longer window).  If it
            carries the speed (``rpm``), a guided model looks for lines where the orders are, and
            their levels come in part from a fit to the map (`specsr.nvh.order_fit`).
        scale: 2, 3, 4, or one an axis if the model has it.
        pair: ``"pool"`` or ``"stft"``, what made the map coarse.
        model: name or file of a model; None for the bundled one.
        consistency: see `specsr.choices.Consistency`.
        find_speed: where a pooled map carries no speed, look for lines that move together
            (`specsr.nvh.speed_search`, `specsr.nvh.speed_track`) and go on as with a speed;
            where it carries one that is a little off, correct it.
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of tiles.

    Raises:
        SpecsrError: no model fits, or the grid cannot be refined by this scale.
    """
    s_f, s_t = _square(scale)
    if pair not in ("pool", "stft"):
        raise SpecsrError(f"pair is {pair!r}: a map is upscaled with pool or stft")
    check(consistency, Consistency, "consistency")
    found = find_model(model, pair, (s_f, s_t))
    grid = low.grid.refined(s_f, s_t)
    speed = columns_speed(low.rpm, grid)
    # a full map's last frame may lie past the last fine one
    measured = np.square(low.image()[..., : -(-grid.frames // s_t)], dtype=np.float64)
    searched = pair == "pool" and find_speed
    if searched and low.rpm is not None:
        speed = _corrected(speed, measured, grid, (s_f, s_t))
    fine, uncertainty = _estimate(found, low, speed, (s_f, s_t), options, progress)
    if searched and low.rpm is None:
        speed = _found(fine, measured, grid, (s_f, s_t))
        if uses_speed(found) and speed.any():
            fine, uncertainty = _estimate(found, low, speed, (s_f, s_t), options, progress)
    if pair == "pool":
        for i, channel in enumerate(measured):
            fit = fit_orders(channel, grid, (s_f, s_t), speed, progress)
            if fit is not None:
                fine[i], uncertainty[i] = with_orders(
                    fine[i], uncertainty[i], channel, fit, (s_f, s_t)
                )
            fine[i] = impose(fine[i], channel, (s_f, s_t), consistency)
    magnitude = np.sqrt(fine)
    uncertainty = uncertainty.reshape(-1, *uncertainty.shape[2:])
    if grid.cell == (1, 1):
        magnitude = grid.with_nyquist(magnitude)
        uncertainty = np.concatenate([uncertainty, uncertainty[:, -1:]], axis=1)
    return SpecMap(
        magnitude, grid, known=np.zeros(magnitude.shape[1], dtype=bool), channels=low.channels,
        rpm=low.rpm, uncertainty_db=uncertainty if len(uncertainty) else None,
    )  # fmt: skip


def _estimate(
    model: Model, low: SpecMap, speed: np.ndarray, scale: tuple[int, int], options: InferOptions,
    progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return power [C, F s_f, T'] and uncertainty [C, 0 or 1, F s_f, T'] of a finer map.

    Args:
        speed: turns a second at each fine column, [T']; 0 where it is unknown.
    """
    s_f, s_t = scale
    grid, frames = low.grid.refined(s_f, s_t), len(speed)
    guide = _order_channels(model, low, grid, s_f, speed)
    powers, uncertainties = [], []
    for channel in np.square(low.image(), dtype=np.float64):
        db = levels.to_db(channel)
        level = levels.median_level(db, low.grid)
        seen = levels.relative_levels(db, level)
        image = torch.from_numpy(np.concatenate([seen[None], guide]))
        result = run_tiled(model.net, image, scale, options, progress)
        # what lies outside the model's range of levels keeps its distance
        beyond = np.repeat(np.repeat(db - level - seen, s_f, axis=0), s_t, axis=1)
        fine = (result[0].numpy() + beyond + level)[:, :frames].astype(np.float64)
        powers.append(10 ** (fine / 10))
        uncertainties.append(np.exp(result[1:, :, :frames].numpy()))
    return np.stack(powers), np.stack(uncertainties)


def _corrected(
    given: np.ndarray, measured: np.ndarray, grid: Grid, scale: tuple[int, int]
) -> np.ndarray:
    """Return a measured speed, [T'], corrected where the coarse map plainly speaks against it.

    Args:
        given: turns a second at each fine column, [T']; 0 where it is unknown.
        measured: power of the coarse map, [C, F, T].
    """
    speed = given.copy()
    for part, power in _stretches(measured, len(given), scale[1]):
        speed[part] = corrected_speed(power, grid, scale, given[part])
    if (speed != given).any():
        off = 100 * (speed / np.where(given > 0, given, 1.0) - 1)[given > 0]
        log.info("speed: corrected by %.2f to %.2f %%, as the map says", off.min(), off.max())
    return speed


def _found(
    fine: np.ndarray, measured: np.ndarray, grid: Grid, scale: tuple[int, int]
) -> np.ndarray:
    """Return the distance of lines that move together, Hz at each fine column; 0 where none do.

    Args:
        fine: a first estimate of the power, [C, F s_f, T'].
        measured: power of the coarse map, [C, F, T].
    """
    speed = np.zeros(fine.shape[-1])
    for part, power in _stretches(measured, len(speed), scale[1]):
        speed[part] = track_speed(power, grid, scale, find_lines(fine[..., part], grid))
    there = speed[speed > 0]
    if len(there):
        log.info(
            "lines %.4g to %.4g Hz apart move together in %.0f %% of the map: looked for as orders "
            "of one machine", there.min(), there.max(), 100 * len(there) / len(speed),
        )  # fmt: skip
    return speed


def _stretches(
    measured: np.ndarray, frames: int, s_t: int
) -> Iterator[tuple[slice, np.ndarray]]:  # fmt: skip
    """Yield stretches about as long: their fine columns, and the power of all channels, [F, T]."""
    columns = measured.shape[-1]
    count = -(-frames // STRETCH)
    borders = [i * columns // count for i in range(count + 1)]
    for first, last in zip(borders, borders[1:]):
        coarse = measured[..., first:last]
        # one machine in all channels, whatever their units
        shares = coarse / np.maximum(coarse.mean(axis=(1, 2), keepdims=True), 1e-300)
        yield slice(first * s_t, min(last * s_t, frames)), shares.sum(axis=0)


def uses_speed(model: Model) -> bool:
    """Whether a map model takes the speed into account."""
    return model.net.config.in_channels == 1 + ORDER_CHANNELS


def _order_channels(
    model: Model, low: SpecMap, grid: Grid, s_f: int, speed: np.ndarray
) -> np.ndarray:
    """Guiding channels of the low map, [CHANNELS, F, T], or none for a model without."""
    rows, columns = low.image().shape[1:]
    if not uses_speed(model):
        return np.empty((0, rows, columns), dtype=np.float32)
    centres, height = coarse_rows(grid, s_f)
    at = np.clip((low.grid.times() - grid.times()[0]) / grid.dt, 0, len(speed) - 1)
    there = np.interp(at, np.arange(len(speed)), speed) * (speed[np.round(at).astype(int)] > 0)
    return order_channels(centres[:rows], height, there)


def low_map(
    signal: Signal, scale: int | tuple[int, int], pair: str, transform: SpectrogramTransform
) -> SpecMap:
    """Return the coarse map of a recording that ``upscale`` starts from (``pool`` or ``stft``)."""
    s_f, s_t = _square(scale)
    if pair == "pool":
        return pool(transform(signal), s_f, s_t)
    return coarse_transform(transform, s_f, s_t)(signal)


def map_transform(scale: int | tuple[int, int], **options: Any) -> SpectrogramTransform:
    """Return a transform for the fine map whose rows divide by the scale (2048/256 or near it)."""
    s_f, _ = _square(scale)
    n_fft = 2 * s_f * round(2048 / (2 * s_f))
    return SpectrogramTransform(**{"n_fft": n_fft, "hop_length": 256, **options})
