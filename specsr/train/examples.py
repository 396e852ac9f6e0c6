"""Training examples: recordings and synthetic machines -> prepared pairs of maps.

An example is a pure function of its recipe and the config, so a resumed run has the same data as an
uninterrupted one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.speed import column_rotation_hz
from specsr.pairs.band_input import cut_row
from specsr.pairs.pair import Pair
from specsr.pairs.windows_input import densities, padded
from specsr.signal import Signal
from specsr.synth.draws import ALL_KINDS, random_machine, random_run_up, shares_of
from specsr.synth.frozen import frozen_power
from specsr.synth.synthesis import Synthetic, synthesise
from specsr.train.config import Config
from specsr.train.noise import before_background, example_noise
from specsr.train.noise_maps import noise_example
from specsr.train.recordings import (
    WINDOWS,
    chosen_files,
    draw_grid,
    draw_part,
    find_recordings,
    long_enough,
    read_recording,
    sound_channels,
)
from specsr.train.splitting import split

log = logging.getLogger(__name__)
DEEPEST = 30.0
"""Largest attenuation in dB of a denoise target."""

COLUMNS = 64
"""Least columns of a synthetic map for ``speckle``: longer windows need longer machines."""

SPECKLE_WINDOWS = 64
"""Least windows of a recorded background for ``speckle``: a cell is a 64th of its target."""

ROWS = 1536
"""Most rows of an example for ``windows``."""

WIDE = 320
"""Most columns of an example for ``windows``."""

FORMAT = 4
"""Version of prepared examples: to be raised with every change of the results of `prepare`."""


@dataclass(frozen=True)
class Recipe:
    """Source of one example: channel of a file or, without a file, a synthetic machine."""

    seed: int
    file: str = ""
    channel: int = 0
    real: bool = False  # one of ``data.real``
    kind: str = ""  # of a machine of ``data.synth.named``


@dataclass(frozen=True, eq=False)
class Example:
    """One prepared pair of maps in dB relative to the median level of the input.

    Attributes:
        low: map that the input is made from, [F, T], float16; for ``pool`` on the fine grid, pooled
            when it is cropped; for ``windows`` the maps of the windows, [3 F, T].
        high: target, [F s_f, T s_t], float16; for ``noise`` both have several maps in a stack.
        cut: first unknown row of ``low``, for ``band``.
        df: distance of the rows of ``low``, Hz.
        rotation_hz: rotation frequency at each column of ``low``, Hz, 0 where unknown, [T]; for
            the order channels of ``pool``.
        weight: how often it is drawn, relative to others.
        real: whether ``high`` is the measured power instead of the expected one (``data.real``).
        file: the recording; empty for a synthetic machine.
        overlap: ratio of window length to hop, for ``speckle``.
    """

    low: np.ndarray
    high: np.ndarray
    cut: int = 0
    df: float = 1.0
    rotation_hz: np.ndarray | None = None
    weight: float = 1.0
    real: bool = False
    file: str = ""
    overlap: float = 0.0


def recipes(config: Config) -> list[Recipe]:
    """Return the recipes of all examples of a config, synthetic machines first.

    Raises:
        SpecsrError: no example, or a damaged recording.
    """
    found = [
        Recipe(seed)
        for seed in range(config.data.synth.seed, config.data.synth.seed + config.data.synth.count)
    ]
    for kind, count in config.data.synth.named.items():
        found += [Recipe(_seed(f"{kind}/{i}"), kind=kind) for i in range(count)]
    for path in chosen_files(find_recordings(config.data.folders), config.data.exclude):
        signal = read_recording(path)
        if signal.rate < config.data.min_rate:
            log.info("%s: %g Hz is below data.min_rate, left out", path, signal.rate)
            continue
        channels = list(range(signal.samples.shape[0]))
        found += _of_recording(path, channels, config.data.repeats)
    options = config.data.real
    for path in chosen_files(find_recordings(options.folders), options.exclude):
        signal = read_recording(path)
        if long_enough(path, signal, config.grids, options):
            channels = sound_channels(path, signal, options)
            found += _of_recording(path, channels, options.repeats, real=True)
    if options.folders and not any(recipe.real for recipe in found):
        raise SpecsrError("no recording left: check data.real.folders and data.real.exclude")
    if not found:
        raise SpecsrError("no example left: check data.folders, or lower data.min_rate")
    return found


def _seed(name: str) -> int:
    """Return a seed that depends on a name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _of_recording(
    path: Path, channels: Sequence[int], repeats: int, real: bool = False
) -> list[Recipe]:
    """Return the recipes of one recording, each with a seed of its own."""
    found = []
    for channel in channels:
        for repeat in range(repeats):
            seed = _seed(f"{path.name}/{channel}/{repeat}")
            found.append(Recipe(seed, str(path), channel, real))
    return found


def _source(
    recipe: Recipe, config: Config, rng: np.random.Generator, shortest: int = 0
) -> Synthetic | Signal:
    """Return a synthetic machine of at least ``shortest`` samples, or a part of a recording."""
    if not recipe.file:
        options = config.data.synth
        rate = float(rng.choice(options.rates))
        duration = max(options.duration, shortest / rate)
        if not options.scenes and not recipe.kind:
            return synthesise(random_run_up(recipe.seed, rate, duration))
        shares = shares_of(ALL_KINDS) if options.scenes == "all" else None
        if isinstance(options.scenes, dict):
            shares = options.scenes
        if recipe.kind:
            shares = {recipe.kind: 1.0}
        return synthesise(random_machine(recipe.seed, rate, duration, shares))
    signal = read_recording(recipe.file)
    longest = int(config.data.max_seconds * signal.rate)
    first = int(rng.integers(0, max(1, signal.length - longest + 1)))
    samples = signal.samples[recipe.channel : recipe.channel + 1, first : first + longest]
    signal = signal.replace(samples=samples, channels=(), rpm=None)
    rate = float(rng.choice(config.data.rates))
    return signal.resample(rate) if rate else signal


def prepare(recipe: Recipe, config: Config) -> Example:
    """Return the two maps of one example; all random numbers come from the recipe's seed."""
    rng = np.random.default_rng([recipe.seed, 7])
    if recipe.real:
        return _prepare_real(recipe, config, rng)
    if config.pair.kind == "windows":
        return _prepare_windows(recipe, config, rng)
    if config.pair.kind == "noise":
        return _prepare_noise(recipe, config, rng)
    options = config.grids[int(rng.integers(len(config.grids)))]
    transform = SpectrogramTransform(options.n_fft, options.hop_length, options.window)
    kind, snr = config.pair.kind, config.pair.snr
    speckle = kind == "speckle"
    source = _source(recipe, config, rng, COLUMNS * options.hop_length if speckle else 0)
    if isinstance(source, Synthetic) and config.data.backgrounds and rng.random() < 0.25:
        windows = SPECKLE_WINDOWS if speckle else WINDOWS
        source = before_background(source, config, transform, rng, windows)
    signal = source.signal if isinstance(source, Synthetic) else source
    if isinstance(source, Synthetic) and kind == "denoise":
        signal = source.clean
    grid = transform.grid(signal)
    noise = example_noise(config, signal, rng) if snr else None
    cut, scale = 0, (1.0, 1.0)  # `pool` maps are pooled when cropped, at the batch's scale
    if kind == "band":
        scale = (float(rng.choice(config.pair.ratios)), 1.0)
        cut = cut_row(signal.rate / scale[0], signal.rate, grid.n_fft)
    elif kind == "stft":
        scale = config.pair.scales[0]
    low = Pair(kind, scale, snr).low(signal, transform, noise, rng).image()[0]
    if isinstance(source, Synthetic) and kind in ("pool", "stft", "speckle"):
        high = source.expected_power(grid)[:-1]
    else:
        high = np.square(transform(signal).image()[0], dtype=np.float64)
    low_power = np.square(low, dtype=np.float64)
    if kind == "denoise":
        # attenuation beyond this has no practical use
        high = np.maximum(high, low_power * 10 ** (-DEEPEST / 10))
    low_db = levels.to_db(low_power)
    level = levels.median_level(low_db[:cut] if cut else low_db, grid)
    return Example(
        levels.relative_levels(low_db, level).astype(np.float16),
        levels.relative_levels(levels.to_db(high), level).astype(np.float16),
        cut,
        grid.df,
        column_rotation_hz(signal.rpm, grid).astype(np.float32),
        overlap=grid.n_fft / grid.hop_length,
    )


def _prepare_windows(recipe: Recipe, config: Config, rng: np.random.Generator) -> Example:
    """Return some rows of the maps of a machine under three windows, and of the truth.

    ``low`` holds the three maps one above the other.
    """
    options = config.grids[int(rng.integers(len(config.grids)))]
    transform = SpectrogramTransform(options.n_fft, options.hop_length, options.window)
    made = _source(recipe, config, rng, COLUMNS * options.hop_length)
    assert isinstance(made, Synthetic)
    if config.data.backgrounds and rng.random() < 0.25:
        made = before_background(made, config, transform, rng, SPECKLE_WINDOWS)
    grid = transform.grid(made.signal)
    low = levels.to_db(densities(padded(made.signal.samples[0], grid), grid)[:, :-1])
    high = levels.to_db(frozen_power(made, grid)[:-1])
    level = levels.median_level(low[-1], grid)
    # lines are dense at low frequencies: half of the parts begin at 0 Hz
    count = min(ROWS, high.shape[0])
    first = int(rng.integers(0, high.shape[0] - count + 1)) if rng.random() < 0.5 else 0
    wide = min(WIDE, grid.frames)
    start = int(rng.integers(0, grid.frames - wide + 1))
    part = (..., slice(first, first + count), slice(start, start + wide))
    low, high = (levels.relative_levels(x, level)[part] for x in (low, high))
    speed = column_rotation_hz(made.clean.rpm, grid)[start : start + wide].astype(np.float32)
    low = low.reshape(-1, wide)
    return Example(low.astype(np.float16), high.astype(np.float16), 0, grid.df, speed)


def _prepare_noise(recipe: Recipe, config: Config, rng: np.random.Generator) -> Example:
    """Return a part of the maps of a machine or recording in noise (`specsr.train.noise_maps`)."""
    made = _source(recipe, config, rng)
    clean = made.clean if isinstance(made, Synthetic) else made
    low, high, grid = noise_example(clean, config, rng)
    wide = low.shape[-1]
    low, high = (x.reshape(-1, wide).astype(np.float16) for x in (low, high))
    return Example(low, high, 0, grid.df, np.zeros(wide, np.float32))


def _prepare_real(recipe: Recipe, config: Config, rng: np.random.Generator) -> Example:
    """Return the measured map of a part of a recording, as input and as target.

    For ``speckle`` the maps of two recordings with independent noise (`specsr.train.splitting`).
    """
    signal = draw_part(read_recording(recipe.file), recipe.channel, config.data.real, rng)
    options = draw_grid(signal, config.grids, rng)
    transform = SpectrogramTransform(options.n_fft, options.hop_length, options.window)
    grid = transform.grid(signal)
    pair = split(signal, options.n_fft, rng) if config.pair.kind == "speckle" else (signal,)
    maps = [levels.to_db(np.square(transform(s).image()[0], dtype=np.float64)) for s in pair]
    level = levels.median_level(maps[0], grid)
    maps = [levels.relative_levels(db, level).astype(np.float16) for db in maps]
    speed = column_rotation_hz(signal.rpm, grid).astype(np.float32)
    overlap = grid.n_fft / grid.hop_length
    return Example(maps[0], maps[-1], 0, grid.df, speed, overlap=overlap)
