"""Machines of all kinds in steady, swelling and passing noise (`denoise_kinds.py`)."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import generator
import numpy as np
from common import data_folder, read_first
from generator_parts import slow

from specsr import Signal, SpecMap, SpectrogramTransform, denoise, find_noise, keep_impacts
from specsr.enhance.expected import expected
from specsr.enhance.noise_windows import noise_transforms

SET = 0
SNRS = (0, 10, 20)
MIXED = 0.6
NOISES = ("white", "ventilation", "swelling", "passing")


@dataclass(frozen=True, eq=False)
class Mix:
    """A machine in noise: clean signal, noise of the same length and another stretch of it."""

    kind: str
    noise_kind: str
    snr: float
    clean: Signal
    noise: np.ndarray
    profile: np.ndarray

    @property
    def noisy(self) -> Signal:
        return self.clean.replace(samples=self.clean.samples + self.noise)

    @property
    def alone(self) -> Signal:
        return Signal(self.profile, self.clean.rate, self.clean.unit)

    @functools.cached_property
    def _maps(self) -> dict[SpectrogramTransform, tuple[SpecMap, SpecMap]]:
        return {}

    def maps(self) -> list[tuple[SpecMap, SpecMap]]:
        """Return measured and expected maps, longest window first; each is made once."""
        transforms = noise_transforms(self.clean.rate)
        for transform in transforms:
            if transform not in self._maps:
                spec = transform(self.noisy)
                self._maps[transform] = spec, expected(spec)
        return [self._maps[transform] for transform in transforms]

    @functools.cached_property
    def found(self) -> Signal:
        """Noise found in the recording."""
        return find_noise(self.noisy).recording

    @functools.cached_property
    def strict(self) -> np.ndarray:
        """Result of the network alone."""
        return denoise(self.noisy, strict=True).samples[0]

    def impacts(self, samples: np.ndarray) -> np.ndarray:
        """Return a result with the impacts as in the mix."""
        return keep_impacts(self.noisy, self.clean.replace(samples=samples[None])).samples[0]


def noise_of(kind: str, seed: int, length: int, rate: float, data: Path) -> list[np.ndarray]:
    """Return noise [length] and another stretch of it."""
    rng = np.random.default_rng([seed, 7])
    if kind == "white":
        return list(rng.standard_normal((2, length)))
    folder = "background" if kind == "passing" else "car_hvac"
    files = sorted(data_folder(data, "audio", "val", folder).glob("*.flac"))
    samples, native = read_first(files[seed % len(files)])
    samples = Signal(samples, native).resample(rate).samples[0]
    border = int(MIXED * samples.size)
    noise = np.resize(samples[:border], length)
    if kind == "swelling":
        noise = noise * 10 ** (5 / 20 * slow(rng, length, rate, 0.7))
    if kind == "passing":
        seconds = np.arange(length) / rate
        rise = np.exp(-0.5 * np.square((seconds - 0.55 * seconds[-1]) / 0.85))
        noise = noise * 10 ** (15 / 20 * rise)
    return [noise, samples[border:]]


def mixes(kinds: list[str], number: int = SET) -> list[tuple[str, int, str, float]]:
    """Return kind, seed, noise and ratio of all mixes, of machines of a set."""
    chosen: dict[str, int] = {}
    for kind, seed in generator.machine_set(number):
        chosen.setdefault(kind, seed)
    return [
        (kind, chosen[kind], noise, snr) for kind in kinds for noise in NOISES for snr in SNRS
    ]  # fmt: skip


def mixed(kind: str, seed: int, noise_kind: str, snr: float, data: Path) -> Mix:
    """Return a mix, the clean signal at an rms of 1 Pa."""
    made = generator.make(kind, seed)
    samples = made.clean / np.sqrt(np.mean(np.square(made.clean)))
    clean = Signal(samples[None], made.rate, "Pa", rpm=made.rpm)
    noise, profile = noise_of(noise_kind, seed, clean.length, made.rate, data)
    gain = 10 ** (-snr / 20) / math.sqrt(np.mean(np.square(noise)))
    return Mix(kind, noise_kind, snr, clean, gain * noise, gain * profile)
