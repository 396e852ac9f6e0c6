"""Synthetic run-ups and real recordings in white and recorded noise (`benchmarks/denoise.py`)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import data_folder, read_first, some

from specsr import Signal, SpectrogramTransform
from specsr.nvh.order_cut import order_cut
from specsr.synth.draws import random_run_up
from specsr.synth.synthesis import synthesise

RATE = 25600.0
DURATION = 6.0  # s
SHORTEST = 1.2  # s
SEEDS = range(960_000, 960_012)
SNRS = (0, 10, 20)  # dB
ORDERS = 3
RANGE_DB = 60.0
NOISES = ("drone", "helicopter", "background", "car_hvac", "ambient/maastricht_market_bells.flac")
CLEAN = {"vehicle": 1, "vehicles_short": 2, "machine": 3, "instrument": 3, "speech_fullband": 3}
"""Folder of real recordings -> number of recordings used, spread over its files."""
MIXED = 0.6
"""Fraction of a recorded noise that is added; the rest is the separate noise profile."""
LEVELS = SpectrogramTransform(4096, 1024)


@dataclass(frozen=True, eq=False)
class Case:
    """One clean signal and a noise of any level.

    Attributes:
        clean: one channel, float64; with rpm if synthetic.
        noise: noise of the same length, [N].
        profile: another part of the same noise, on the scale of ``noise``, [M].
        orders: orders whose levels are compared.
    """

    clean: Signal
    noise: np.ndarray
    profile: np.ndarray
    orders: tuple[float, ...] = ()

    def at(self, snr: float) -> Mix:
        """Return the mixture at a signal-to-noise ratio in dB."""
        signal, noise = (np.mean(np.square(x)) for x in (self.clean.samples, self.noise))
        gain = math.sqrt(signal / noise * 10 ** (-snr / 10))
        return Mix(self, gain * self.noise, gain * self.profile)

    @functools.cached_property
    def levels(self) -> list[np.ndarray]:
        """True level of each order over time in dB, [frames] each."""
        return order_levels(self.clean, self.orders)


@dataclass(frozen=True, eq=False)
class Mix:
    """A case with its noise scaled to one SNR."""

    case: Case
    noise: np.ndarray
    profile: np.ndarray

    @property
    def noisy(self) -> Signal:
        """Sum of the clean signal and the noise."""
        clean = self.case.clean
        return clean.replace(samples=clean.samples + self.noise)


def order_levels(signal: Signal, orders: Sequence[float]) -> list[np.ndarray]:
    """Return the level of each order over time in dB, nan where it is not readable."""
    spec = LEVELS(signal) if orders else None
    return [order_cut(spec, None, order).levels[0] for order in orders]


def noise_files(data: Path) -> list[Path]:
    """Return the files of recorded noise, in the order of `NOISES`."""
    folder = data_folder(data, "audio", "val")
    return [
        path
        for name in NOISES
        for path in (sorted((folder / name).glob("*.flac")) or [folder / name])
    ]


def recorded(path: Path, length: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return noise [length] from the first part of a recording, and its last part as profile."""
    samples, native = read_first(path)
    samples = Signal(samples, native).resample(rate).samples[0]
    border = int(MIXED * samples.size)
    return np.resize(samples[:border], length), samples[border:]


def run_up(seed: int) -> tuple[Signal, tuple[float, ...]]:
    """Return the clean part of a run-up and its strongest orders."""
    made = synthesise(random_run_up(seed, RATE, DURATION))
    power = {k: np.mean(np.square(v, dtype=float)) for k, v in made.envelopes.items()}
    strongest = sorted(power, key=power.__getitem__, reverse=True)[:ORDERS]
    clean = made.clean.replace(samples=made.clean.samples.astype(np.float64))
    return clean, tuple(sorted(strongest))


def white_cases(data: Path, limit: int | None) -> Iterator[Case]:
    """Yield run-ups with white noise."""
    for seed in some(SEEDS, limit):
        clean, orders = run_up(seed)
        noise = np.random.default_rng([seed, 1]).standard_normal((2, clean.length))
        yield Case(clean, *noise, orders)


def recorded_cases(data: Path, limit: int | None) -> Iterator[Case]:
    """Yield run-ups with recorded noise; the recordings are used in turn."""
    files = noise_files(data)
    for seed in some(SEEDS, limit):
        clean, orders = run_up(seed)
        path = files[(seed - SEEDS[0]) % len(files)]
        yield Case(clean, *recorded(path, clean.length, RATE), orders)


def real_paths(data: Path) -> list[Path]:
    """Return the files of the real recordings that are scored."""
    import soundfile

    folder, paths = data_folder(data, "audio", "val"), []
    for name, count in CLEAN.items():
        long = [
            p for p in sorted((folder / name).glob("*.flac"))
            if soundfile.info(p).duration >= SHORTEST
        ]  # fmt: skip
        paths += some(long, count)
    return paths


def real_cases(data: Path, limit: int | None) -> Iterator[Case]:
    """Yield real recordings with recorded noise; the noises are used in turn."""
    files = noise_files(data)
    for i, path in some(list(enumerate(real_paths(data))), limit):
        samples, rate = read_first(path)
        clean = Signal(samples[: round(DURATION * rate)], rate)
        yield Case(clean, *recorded(files[i % len(files)], clean.length, rate))


SETS: dict[str, Callable[[Path, int | None], Iterator[Case]]] = {
    "white": white_cases,
    "recorded": recorded_cases,
    "real": real_cases,
}
