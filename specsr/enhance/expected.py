"""The expected power of a measured map: levels without the random part of a single measurement.

A cell of a noise-like signal scatters by 5.6 dB about its expected level.  A network estimates that
level from the cells around it; lines and band powers stay those that were measured
(`specsr.enhance.level_rule`).

A map is processed in blocks of columns, with margins as wide as the network's receptive field.  The
blocks do not depend on how the columns arrive, so a map in memory and a recording that is read in
pieces give the same result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np

from specsr.enhance.expected_levels import dealt, network_levels
from specsr.enhance.level_rule import (
    calibrated,
    keep_bands,
    noise_share,
    nyquist_gain,
    towards_measured,
)
from specsr.enhance.segments import Segment, segments
from specsr.errors import SpecsrError, expect
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.nvh.order_map import OrderMap
from specsr.progress import Progress

PAIR = "speckle"
"""Pair of the models for expected maps."""

WINDOWS = 128
"""Least windows side by side in a block: over fewer, the power of a narrow band is too random."""

CELLS = 1 << 23
"""Most cells of a channel in a block, margins apart: bounds the memory for long windows."""

OVERLAP = (0.25, 0.9)
"""Overlaps that the model was trained on."""


class Columns(NamedTuple):
    """Consecutive columns of an expected map.

    Attributes:
        magnitude: in the unit of the map, float32 [C, rows, k].
        uncertainty_db: half-width of the 68 % interval, dB, float32 [C, rows, k].
    """

    magnitude: np.ndarray
    uncertainty_db: np.ndarray


@overload
def expected(
    measured: SpecMap,
    *,
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> SpecMap: ...
@overload
def expected(
    measured: OrderMap,
    *,
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> OrderMap: ...


def expected(
    measured: SpecMap | OrderMap,
    *,
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> SpecMap | OrderMap:
    """Return the expected map of a measured one, with its uncertainty.

    Args:
        measured: full map (`specsr.spectrogram`) of any window and scaling, or order map
            (`specsr.order_map`), with an overlap of 25 to 90 %.
        model: name or file of a model for the pair ``speckle``; None for the bundled one.
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of blocks, for a bar.

    Returns:
        A map on the same grid, with ``uncertainty_db`` and without a phase.  The power of a band
        over time is that of the measured map.

    Raises:
        SpecsrError: a map of cell means, one that is an estimate itself, an overlap out of range,
            or no such model.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8192)
        >>> spec = specsr.spectrogram(specsr.Signal(noise, 25600), n_fft=512, hop_length=128)
        >>> clean = specsr.expected(spec)
        >>> bool(spec.db.std() > 5 and clean.db[:, 1:-1].std() < 1)  # scatter, dB
        True
    """
    expect(measured, (SpecMap, OrderMap), "; specsr.spectrogram(signal) makes one")
    if isinstance(measured, OrderMap):
        spec = expected(measured.spec, model=model, options=options, progress=progress)
        return replace(measured, spec=spec)
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    if measured.uncertainty_db is not None:
        raise SpecsrError(
            "the map has an uncertainty, so it is an estimate: expected a measured map, as "
            "specsr.spectrogram makes it"
        )
    grid = measured.grid
    magnitude = np.empty(measured.magnitude.shape, dtype=np.float32)
    uncertainty = np.empty(measured.magnitude.shape, dtype=np.float32)
    at = 0
    for piece in expected_columns(
        [measured.magnitude], grid, model=model, options=options, progress=progress
    ):
        to = slice(at, at + piece.magnitude.shape[-1])
        magnitude[..., to], uncertainty[..., to] = piece
        at = to.stop
    return measured.replace(magnitude=magnitude, phase=None, uncertainty_db=uncertainty)


def expected_columns(
    pieces: Iterable[np.ndarray],
    grid: Grid,
    *,
    every: int = 1,
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Iterator[Columns]:
    """Yield the expected map of a measured one whose columns arrive in pieces, block by block.

    Args:
        pieces: magnitudes of consecutive columns, [C, rows, k]; together the columns of
            ``finer(grid, every)``.
        grid: of the whole map that is yielded.
        every: columns that arrive for each one that is yielded: the network sees all of them.
        model, options, progress: as for `expected`.

    Raises:
        SpecsrError: as `expected`.
    """
    found = find_model(model, PAIR, (1, 1))
    _require_grid(grid)
    fine = finer(grid, every)
    blocks = _blocks(fine, found, every, dealt(fine) if options.ensemble else 1)
    arriving = iter(pieces)
    held = np.empty((0, grid.rows, 0), dtype=np.float32)
    first = 0
    reference: list[float] = []
    for block in progress(blocks) if progress else blocks:
        parts = [held[..., block.first - first :]]
        size = block.last - block.first
        while sum(part.shape[-1] for part in parts) < size:
            parts.append(next(arriving))
        held = np.concatenate([p for p in parts if p.shape[-1]], axis=-1)
        first = block.first
        if not reference:
            reference = [_reference(channel, fine) for channel in held[..., :size]]
        done = [
            _block(channel[:, :size], level, block, grid, every, found, options)
            for channel, level in zip(held, reference, strict=True)
        ]
        yield Columns(*(np.stack(side) for side in zip(*done)))


def finer(grid: Grid, every: int) -> Grid:
    """Return the grid of a map with ``every`` times as many columns, among them all of ``grid``."""
    if every == 1:
        return grid
    # to the last column of the grid: it may lie past the end of the recording
    length = (grid.frames - 1) * grid.hop_length
    return replace(grid, hop_length=grid.hop_length // every, length=length)


def _blocks(grid: Grid, model: Model, every: int, maps: int) -> list[Segment]:
    """Return the blocks of a map as ranges of its columns, each from a column that is kept.

    Args:
        grid: of the map that the network sees.
        model: a model for `PAIR`.
        every: columns of that map for each one that is kept.
        maps: number of maps that its columns are dealt to.
    """
    fold = math.lcm(model.net.config.fold[1] * maps, every)
    seconds = math.ceil(levels.FIRST_SECONDS / grid.dt)
    size = max(seconds, math.ceil(WINDOWS * grid.n_fft / grid.hop_length))
    margin = maps * model.net.reach((1, 1))[1]
    size = min(size, max(margin, CELLS // grid.rows))
    size, margin = (-(-n // fold) * fold for n in (size, margin))
    return segments(grid.frames, size, margin)


def _unit(magnitude: np.ndarray) -> float:
    """Return the power of 2 above the largest magnitude; 1 for silence.

    Divided by it, magnitudes of any size have powers that are no less exact, and are floored where
    they are silent only.
    """
    return math.ldexp(1.0, math.frexp(float(magnitude.max(initial=0.0)))[1])


def _to_db(magnitude: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the levels of a channel as the network sees them: rms scaling, no Nyquist row, dB."""
    to_rms = (replace(grid, scaling="rms").factor() / grid.factor())[:-1, None]
    return levels.to_db(np.square(magnitude[:-1] * to_rms, dtype=np.float64))


def _reference(magnitude: np.ndarray, grid: Grid) -> float:
    """Return the level of a recording by its first columns [rows, k], dB."""
    unit = _unit(magnitude)
    return levels.median_level(_to_db(magnitude / unit, grid), grid) + 20 * math.log10(unit)


def _block(
    measured: np.ndarray, reference: float, block: Segment, grid: Grid, every: int,
    model: Model, options: InferOptions,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return magnitude and uncertainty of one block of a channel, [rows, k] each.

    Args:
        measured: magnitudes of the block with its margins, [rows, T].
        reference: level of the recording, dB.
        block: its columns.
        grid: of the whole map that is returned.
        every: columns of the block for each one that is returned.
        model: a model for `PAIR`.
        options: tiling, ensemble, precision, device.
    """
    unit = _unit(measured)
    measured = measured.astype(np.float64) / unit
    reference -= 20 * math.log10(unit)
    db = _to_db(measured, grid)
    fine = finer(grid, every)
    level = levels.segment_level(levels.median_level(db, fine), reference)
    relative = levels.relative_levels(db, level)
    result = network_levels(relative, fine, model, options)
    own = slice(block.start - block.first, block.stop - block.first, every)
    # levels outside the range of the model keep their offset
    estimate, relative, db = (x[:, own].astype(np.float64) for x in (result[0], relative, db))
    estimate += db - relative
    noise = noise_share(estimate, grid)
    estimate, uncertainty = towards_measured(
        estimate, db, levels.network_uncertainty(result[1][:, own].astype(np.float64)), noise, grid
    )
    uncertainty = calibrated(uncertainty, noise)
    power = keep_bands(10 ** (estimate / 10), 10 ** (db / 10), grid)
    kept = measured[:, own]
    power[kept[:-1] == 0] = 0.0
    from_rms = (grid.factor() / replace(grid, scaling="rms").factor())[:-1, None]
    magnitude = grid.with_nyquist(np.sqrt(power) * from_rms)
    magnitude[-1] *= nyquist_gain(magnitude[-1], kept[-1], grid)
    magnitude = (magnitude * unit).astype(np.float32)
    return magnitude, np.concatenate([uncertainty, uncertainty[-1:]]).astype(np.float32)


def _require_grid(grid: Grid) -> None:
    """Raise `SpecsrError`, with the fix, for a map that no model is for."""
    if grid.cell != (1, 1):
        raise SpecsrError(
            f"the map has cells of {grid.cell[0]} x {grid.cell[1]} means: expected a full map; "
            "specsr.upscale makes a finer map of it"
        )
    overlap = 1 - grid.hop_length / grid.n_fft
    low, high = OVERLAP
    if not low - 0.005 <= overlap <= high + 0.005:
        raise SpecsrError(
            f"the overlap of the windows is {100 * overlap:.3g} %: expected {100 * low:g} to "
            f"{100 * high:g} % for an expected map; use overlap=0.75 (--overlap 0.75)"
        )
