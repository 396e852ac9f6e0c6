"""Training examples: recordings and synthetic machines -> prepared pairs of maps in a cache.

An example is a pure function of its recipe and the config, so a resumed run has the same data as an
uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
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
from specsr.progress import Progress
from specsr.signal import Signal
from specsr.synth.draws import ALL_KINDS, random_machine, random_run_up, shares_of
from specsr.synth.synthesis import VERSION as SYNTH_VERSION
from specsr.synth.synthesis import Synthetic, synthesise
from specsr.train.config import Config
from specsr.train.real import chosen_files, draw_grid, draw_part, long_enough, sound_channels

log = logging.getLogger(__name__)
DEEPEST = 30.0
"""Largest attenuation in dB of a denoise target."""

FORMAT = 4
"""Version of prepared examples: to be raised with every change of the results of `prepare`."""


@dataclass(frozen=True)
class Recipe:
    """Source of one example: channel of a file or, without a file, a synthetic machine."""

    seed: int
    file: str = ""
    channel: int = 0
    real: bool = False  # one of ``data.real``


@dataclass(frozen=True, eq=False)
class Example:
    """One prepared pair of maps in dB relative to the median level of the input.

    Attributes:
        low: map that the input is made from, [F, T], float16; for ``pool`` on the fine grid, pooled
            when it is cropped.
        high: target, [F s_f, T s_t], float16.
        cut: first unknown row of ``low``, for ``band``.
        df: distance of the rows of ``low``, Hz.
        rotation_hz: rotation frequency at each column of ``low``, Hz, 0 where unknown, [T]; for
            the order channels of ``pool``.
        weight: how often it is drawn, relative to others.
        real: whether ``high`` is the measured power instead of the expected one (``data.real``).
        file: the recording; empty for a synthetic machine.
    """

    low: np.ndarray
    high: np.ndarray
    cut: int = 0
    df: float = 1.0
    rotation_hz: np.ndarray | None = None
    weight: float = 1.0
    real: bool = False
    file: str = ""


def _files(folders: list[str]) -> list[Path]:
    if not folders:
        return []
    from specsr.io import find_inputs

    return find_inputs(folders)


def _read(path: str | Path) -> Signal:
    from specsr.io import read

    return read(path)


def recipes(config: Config) -> list[Recipe]:
    """Return the recipes of all examples of a config, synthetic machines first.

    Raises:
        SpecsrError: no example, or a damaged recording.
    """
    found = [
        Recipe(seed)
        for seed in range(config.data.synth.seed, config.data.synth.seed + config.data.synth.count)
    ]
    for path in _files(config.data.folders):
        signal = _read(path)
        if signal.rate < config.data.min_rate:
            log.info("%s: %g Hz is below data.min_rate, left out", path, signal.rate)
            continue
        channels = list(range(signal.samples.shape[0]))
        found += _of_recording(path, channels, config.data.repeats)
    options = config.data.real
    for path in chosen_files(_files(options.folders), options):
        signal = _read(path)
        if long_enough(path, signal, config.grids, options):
            channels = sound_channels(path, signal, options)
            found += _of_recording(path, channels, options.repeats, real=True)
    if options.folders and not any(recipe.real for recipe in found):
        raise SpecsrError("no recording left: check data.real.folders and data.real.exclude")
    if not found:
        raise SpecsrError("no example left: check data.folders, or lower data.min_rate")
    return found


def _of_recording(
    path: Path, channels: Sequence[int], repeats: int, real: bool = False
) -> list[Recipe]:
    """Return the recipes of one recording, each with a seed of its own."""
    found = []
    for channel in channels:
        for repeat in range(repeats):
            key = f"{path.name}/{channel}/{repeat}".encode()
            seed = int.from_bytes(hashlib.sha256(key).digest()[:4], "big")
            found.append(Recipe(seed, str(path), channel, real))
    return found


def _source(recipe: Recipe, config: Config, rng: np.random.Generator) -> Synthetic | Signal:
    if not recipe.file:
        options = config.data.synth
        rate = float(rng.choice(options.rates))
        if not options.scenes:
            return synthesise(random_run_up(recipe.seed, rate, options.duration))
        shares = shares_of(ALL_KINDS) if options.scenes == "all" else None
        if isinstance(options.scenes, dict):
            shares = options.scenes
        return synthesise(random_machine(recipe.seed, rate, options.duration, shares))
    signal = _read(recipe.file)
    longest = int(config.data.max_seconds * signal.rate)
    first = int(rng.integers(0, max(1, signal.length - longest + 1)))
    samples = signal.samples[recipe.channel : recipe.channel + 1, first : first + longest]
    signal = signal.replace(samples=samples, channels=(), rpm=None)
    rate = float(rng.choice(config.data.rates))
    return signal.resample(rate) if rate else signal


def coloured_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise with a smooth random spectrum (half the time white), [length]."""
    noise = rng.standard_normal(length)
    if rng.random() < 0.5:
        return noise
    spectrum = np.fft.rfft(noise)
    octave = np.log2(np.arange(spectrum.size) + 1.0)
    points = np.linspace(0, octave[-1], 10)
    shape = np.interp(octave, points, np.cumsum(rng.normal(-1, 3, 10)))
    return np.fft.irfft(spectrum * 10 ** (shape / 20), length)


def _recorded_noise(
    paths: list[Path], length: int, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a random part of one channel of one recording, repeated if too short, [length]."""
    signal = _read(paths[int(rng.integers(len(paths)))])
    channel = int(rng.integers(signal.samples.shape[0]))
    samples = signal.replace(samples=signal.samples[channel : channel + 1], channels=(), rpm=None)
    samples = samples.resample(rate).samples[0]
    if not samples.any():
        return rng.standard_normal(length)
    first = int(rng.integers(0, samples.size))
    return np.take(samples, np.arange(first, first + length), mode="wrap")


def _before_background(
    made: Synthetic, config: Config, transform: SpectrogramTransform, rng: np.random.Generator
) -> Synthetic:
    """Return the machine with one channel of a steady recording added, if it is long enough."""
    paths = _files(config.data.backgrounds)
    signal = _read(paths[int(rng.integers(len(paths)))]).resample(made.run.rate)
    samples = signal.samples[int(rng.integers(signal.samples.shape[0]))]
    if samples.size < 8 * transform.n_fft or not samples.any():
        return made
    return made.with_recorded_noise(samples, transform.n_fft, transform.window)


def _noise(config: Config, signal: Signal, rng: np.random.Generator) -> np.ndarray:
    """Return noise of any level for one example: generated, or half the time recorded."""
    noise = coloured_noise(signal.length, rng)
    if config.data.noise and rng.random() < 0.5:
        noise = _recorded_noise(_files(config.data.noise), signal.length, signal.rate, rng)
    return noise


def prepare(recipe: Recipe, config: Config) -> Example:
    """Return the two maps of one example; all random numbers come from the recipe's seed."""
    rng = np.random.default_rng([recipe.seed, 7])
    if recipe.real:
        return _prepare_real(recipe, config, rng)
    options = config.grids[int(rng.integers(len(config.grids)))]
    transform = SpectrogramTransform(options.n_fft, options.hop_length, options.window)
    source = _source(recipe, config, rng)
    kind, snr = config.pair.kind, config.pair.snr
    if isinstance(source, Synthetic) and config.data.backgrounds and rng.random() < 0.25:
        source = _before_background(source, config, transform, rng)
    signal = source.signal if isinstance(source, Synthetic) else source
    if isinstance(source, Synthetic) and kind == "denoise":
        signal = source.clean
    grid = transform.grid(signal)
    noise = _noise(config, signal, rng) if snr else None
    cut, scale = 0, (1.0, 1.0)  # `pool` maps are pooled when cropped, at the batch's scale
    if kind == "band":
        scale = (float(rng.choice(config.pair.ratios)), 1.0)
        cut = cut_row(signal.rate / scale[0], signal.rate, grid.n_fft)
    elif kind == "stft":
        scale = config.pair.scales[0]
    low = Pair(kind, scale, snr).low(signal, transform, noise, rng).image()[0]
    if isinstance(source, Synthetic) and kind in ("pool", "stft"):
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
    )


def _prepare_real(recipe: Recipe, config: Config, rng: np.random.Generator) -> Example:
    """Return the measured map of a part of a recording, as input and as target."""
    signal = draw_part(_read(recipe.file), recipe.channel, config.data.real, rng)
    options = draw_grid(signal, config.grids, rng)
    spec = SpectrogramTransform(options.n_fft, options.hop_length, options.window)(signal)
    db = levels.to_db(np.square(spec.image()[0], dtype=np.float64))
    measured = levels.relative_levels(db, levels.median_level(db, spec.grid)).astype(np.float16)
    speed = column_rotation_hz(signal.rpm, spec.grid).astype(np.float32)
    return Example(measured, measured, 0, spec.grid.df, speed)


def load_examples(config: Config, progress: Progress | None = None) -> list[Example]:
    """Return all examples of a config, prepared once and then read from the cache folder.

    Raises:
        SpecsrError: as `recipes`.
    """
    found = recipes(config)
    parts = config.model_dump(include={"grids", "pair", "data"}, mode="json")
    parts["data"].pop("cache")
    real = {k: v for k, v in parts["data"].pop("real").items() if k in ("rates", "max_seconds")}
    examples = []
    folder = Path(config.data.cache)
    folder.mkdir(parents=True, exist_ok=True)
    per_example = {
        k: v
        for k, v in parts["data"].items()
        if k not in ("folders", "validate_on", "repeats", "weights")
    }
    per_example["synth"] = {
        k: v for k, v in per_example["synth"].items() if k not in ("count", "seed")
    }
    for recipe in progress(found) if progress else found:
        version = FORMAT if recipe.file else [FORMAT, SYNTH_VERSION]
        identity = [
            version,
            recipe.seed,
            recipe.file,
            recipe.channel,
            parts["grids"],
            parts["pair"],
            real if recipe.real else per_example,
        ]
        key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:24]
        path = folder / f"{key}.npz"
        if not path.exists():
            example = prepare(recipe, config)
            partial = path.with_suffix(f".{os.getpid()}.tmp")
            with partial.open("wb") as file:
                np.savez(
                    file, low=example.low, high=example.low[:0] if recipe.real else example.high,
                    cut=example.cut, df=example.df,
                    speed=example.rotation_hz,  # type: ignore[arg-type]  # set by `prepare`
                )  # fmt: skip
            partial.replace(path)
        with np.load(path) as stored:
            low = stored["low"]
            examples.append(
                Example(
                    low,
                    low if recipe.real else stored["high"],
                    int(stored["cut"]),
                    float(stored["df"]),
                    stored["speed"],
                    _weight(recipe, config),
                    recipe.real,
                    recipe.file,
                )
            )
    return examples


def _weight(recipe: Recipe, config: Config) -> float:
    """Return how often an example is drawn, relative to others."""
    patterns = config.data.weights.items()
    return math.prod(w for pattern, w in patterns if Path(recipe.file).match(pattern))
