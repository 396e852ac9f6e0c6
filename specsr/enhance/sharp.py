"""A spectrogram that is sharper than one window: narrow lines and short clicks in one map.

A long window separates close lines and smears clicks, a short one the other way round.  A network
sees a recording under three windows and estimates the power density that each part of it has under
its own window (`specsr.synth.frozen`).  Steady lines are moved to their levels under the long
window (`specsr.enhance.long_window`).  Bands get the power over time of the recording: by the least
change of the cells (`specsr.enhance.least_change`), and what is left by a gain
(`specsr.enhance.level_rule.keep_bands`).

The map is made in blocks of columns with margins as wide as the network's receptive field.  The
blocks do not depend on how the samples arrive, so a recording in memory and one that is read in
pieces give the same result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from specsr.enhance.expected import Columns
from specsr.enhance.least_change import least_change
from specsr.enhance.level_rule import keep_bands, nyquist_gain
from specsr.enhance.long_window import towards_long
from specsr.enhance.segments import Segment, segments
from specsr.errors import SpecsrError, expect
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.spec_map import FLOOR_DB, SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.pairs.windows_input import STEP, densities, windows_image
from specsr.progress import Progress
from specsr.signal import Signal, Source

PAIR = "windows"
"""Pair of the models for sharp maps."""

N_FFT = 8192
"""Default long window, samples."""

SHORTEST = 512
"""Shortest long window: the short one has a 16th of its samples."""

CELLS = 1 << 22
"""Most cells of a channel in a block, margins apart."""


def sharp_map(
    signal: Signal,
    *,
    n_fft: int = N_FFT,
    scaling: str = "rms",
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> SpecMap:
    """Return the sharp map of a recording, with its uncertainty.

    Args:
        signal: the recording.
        n_fft: samples of the long window; the others have a quarter and a 16th, the hop is a 32nd.
        scaling: ``"rms"`` (a sine of 1 unit rms reads 1 in its row) or ``"psd"`` (unit/sqrt(Hz)).
        model: name or file of a model for the pair ``windows``; None for the bundled one.
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of blocks, for a bar.

    Returns:
        A map of rate / n_fft Hz x n_fft / 32 samples, with ``uncertainty_db`` and without a phase.

    Raises:
        SpecsrError: a window out of range, or no such model.
    """
    expect(signal, Signal, "; specsr.read(path) or specsr.Signal(samples, rate) makes one")
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    grid = sharp_grid(signal, n_fft, scaling)
    shape = (len(signal.samples), grid.rows, grid.frames)
    magnitude, uncertainty = (np.empty(shape, dtype=np.float32) for _ in range(2))
    at = 0
    for piece in sharp_columns(signal, grid, model=model, options=options, progress=progress):
        to = slice(at, at + piece.magnitude.shape[-1])
        magnitude[..., to], uncertainty[..., to] = piece
        at = to.stop
    return SpecMap(
        magnitude, grid, channels=signal.channels, rpm=signal.rpm, uncertainty_db=uncertainty
    )


def sharp_grid(
    signal: Signal, n_fft: int = N_FFT, scaling: str = "rms", length: int | None = None
) -> Grid:
    """Return the grid of the sharp map of a recording.

    Args:
        signal: the recording, or its first samples.
        n_fft: length of the long window, samples.
        scaling: of the map.
        length: number of samples of the recording; None for that of ``signal``.

    Raises:
        SpecsrError: a window that is too short or not a multiple of 32 samples.
    """
    if n_fft < SHORTEST or n_fft % STEP:
        raise SpecsrError(
            f"the long window has {n_fft} samples: expected a multiple of {STEP} from {SHORTEST} up"
        )
    return SpectrogramTransform(n_fft, n_fft // STEP, scaling=scaling).grid(signal, length)


def sharp_columns(
    source: Source,
    grid: Grid,
    *,
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Iterator[Columns]:
    """Yield the sharp map of a recording whose samples are read as needed, block by block.

    Args:
        source: the recording, in memory or an open file.
        grid: of the whole map (`sharp_grid`).
        model, options, progress: as for `sharp_map`.

    Raises:
        SpecsrError: as `sharp_map`.
    """
    found = find_model(model, PAIR, (1, 1))
    rms = replace(grid, scaling="rms")
    scale = (grid.factor() / rms.factor())[:, None]
    reference: list[float] = []
    blocks = _blocks(grid, found)
    for block in progress(blocks) if progress else blocks:
        maps = [levels.to_db(densities(x, rms)) for x in _covered(source, rms, block)]
        if not reference:
            reference = [levels.median_level(db[-1, :-1], grid) for db in maps]
        done = [
            _block(db, level, block, rms, found, options)
            for db, level in zip(maps, reference, strict=True)
        ]
        yield Columns(
            np.stack([(magnitude * scale).astype(np.float32) for magnitude, _ in done]),
            np.stack([uncertainty.astype(np.float32) for _, uncertainty in done]),
        )


def _blocks(grid: Grid, model: Model) -> list[Segment]:
    """Return the blocks of a map as ranges of its columns."""
    fold = model.net.config.fold[1]
    margin = model.net.reach((1, 1))[1]
    size = min(math.ceil(levels.FIRST_SECONDS / grid.dt), max(margin, CELLS // grid.rows))
    size, margin = (-(-n // fold) * fold for n in (size, margin))
    return segments(grid.frames, size, margin)


def _covered(source: Source, grid: Grid, block: Segment) -> list[np.ndarray]:
    """Return the samples that the columns of a block cover, of each channel.

    Beyond its edges a recording is continued mirrored: an abrupt edge would be a click.
    """
    half = grid.n_fft // 2
    first = block.first * grid.hop_length - half
    last = (block.last - 1) * grid.hop_length + half
    part = source.cut(max(0, first), min(grid.length, last))
    pad = (max(0, -first), max(0, last - grid.length))
    return [np.pad(channel.astype(np.float64), pad, mode="reflect") for channel in part.samples]


def _block(
    db: np.ndarray, reference: float, block: Segment, grid: Grid, model: Model,
    options: InferOptions,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return magnitude and uncertainty of one block of a channel, [rows, k] each.

    Args:
        db: levels of the block with its margins under all windows, [3, rows, T].
        reference: level of the recording, dB.
        block: its columns.
        grid: of the whole map, rms scaling.
        model: a model for `PAIR`.
        options: tiling, ensemble, precision, device.
    """
    measured = db[:, :-1]
    level = levels.segment_level(levels.median_level(measured[-1], grid), reference)
    relative = levels.relative_levels(measured, level)
    image = torch.from_numpy(windows_image(relative))
    result = run_tiled(model.net, image, (1, 1), options).numpy()
    own = slice(block.start - block.first, block.stop - block.first)
    long = 10 ** (db[-1, :, own].astype(np.float64) / 10)
    # levels outside the range of the model keep their offset
    estimate = result[0][:, own] + (measured[-1] - relative[-1])[:, own].astype(np.float64)
    uncertainty = levels.network_uncertainty(result[1][:, own])
    estimate, uncertainty = towards_long(estimate, measured[-1][:, own], uncertainty, grid)
    changed = least_change(estimate, uncertainty, long[:-1], grid)
    power = keep_bands(10 ** (changed / 10), long[:-1], grid)
    # a silent recording stays silent
    power[:, (measured[0, :, own] <= FLOOR_DB).all(axis=0)] = 0.0
    magnitude = grid.with_nyquist(np.sqrt(power))
    magnitude[-1] *= nyquist_gain(magnitude[-1], np.sqrt(long[-1]), grid)
    return magnitude, np.concatenate([uncertainty, uncertainty[-1:]])
