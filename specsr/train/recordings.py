"""Recordings to train on; of ``data.real`` the files, channels, parts and analyses."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from specsr.signal import Signal
from specsr.train.config import GridOptions
from specsr.train.data_options import RealOptions

log = logging.getLogger(__name__)

WINDOWS = 8
"""Least length of a recording, in windows of its analysis."""


def find_recordings(folders: list[str]) -> list[Path]:
    """Return the recordings in some folders, sorted; none without folders.

    Raises:
        SpecsrError: no such folder, or no recording in it.
    """
    if not folders:
        return []
    from specsr.io import find_inputs

    return find_inputs(folders)


def read_recording(path: str | Path) -> Signal:
    """Return a recording.

    Raises:
        SpecsrError: it cannot be read.
    """
    from specsr.io import read

    return read(path)


def chosen_files(files: list[Path], exclude: list[str]) -> list[Path]:
    """Return the files without those that a pattern of ``exclude`` matches."""
    return [f for f in files if not any(f.match(pattern) for pattern in exclude)]


def sound_channels(path: Path, signal: Signal, options: RealOptions) -> list[int]:
    """Return the channels of a recording that are used: those that are not silent or constant.

    Of files that ``first_channel`` matches, only the first one: others hold a speed, for example.
    """
    first = any(path.match(pattern) for pattern in options.first_channel)
    found = [c for c in range(1 if first else len(signal.samples)) if np.ptp(signal.samples[c])]
    if not found:
        log.info("%s: silent, left out", path)
    return found


def long_enough(path: Path, signal: Signal, grids: list[GridOptions], options: RealOptions) -> bool:
    """Whether a recording is long enough for one of the analyses at all of its rates."""
    needed = WINDOWS * min(grid.n_fft for grid in grids)
    rate = min(usable_rates(signal.rate, options))
    length = min(options.max_seconds, signal.length / signal.rate) * rate
    if length < needed:
        log.info(
            "%s: %d samples at %g Hz are fewer than %d windows, left out",
            path, length, rate, WINDOWS,
        )  # fmt: skip
    return length >= needed


def usable_rates(own: float, options: RealOptions) -> list[float]:
    """Return the rates in Hz that a recording is used at, its own for those above it."""
    return [rate if 0 < rate < own else own for rate in options.rates]


def draw_part(
    signal: Signal, channel: int, options: RealOptions, rng: np.random.Generator
) -> Signal:
    """Return a random part of one channel at one of the rates, with its speed where known."""
    longest = int(options.max_seconds * signal.rate)
    first = int(rng.integers(0, max(1, signal.length - longest + 1)))
    part = slice(first, first + longest)
    speed = None if signal.rpm is None else signal.rpm[part]
    samples = signal.samples[channel : channel + 1, part]
    signal = signal.replace(samples=samples, channels=(), rpm=speed)
    return signal.resample(float(rng.choice(usable_rates(signal.rate, options))))


def draw_grid(signal: Signal, grids: list[GridOptions], rng: np.random.Generator) -> GridOptions:
    """Return one of the analyses for which the recording is long enough."""
    fitting = [grid for grid in grids if signal.length >= WINDOWS * grid.n_fft]
    return fitting[int(rng.integers(len(fitting)))]
