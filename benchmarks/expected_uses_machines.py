"""Machines of `benchmarks/expected_uses.py`, and the maps that are compared on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import generator
import numpy as np
from common import some
from generator import machine_set
from scipy.ndimage import uniform_filter1d

from specsr import Signal, SpecMap, expected
from specsr.synth.draws import ALL_KINDS, random_machine
from specsr.synth.synthesis import synthesise

METHODS = {"measured": "measured", "columns": "mean of 3 columns", "expected": "expected"}
"""Method -> its label."""
SEED, RATE, SECONDS = 980_300, 25600.0, 5.0


@dataclass(frozen=True, eq=False)
class Machine:
    """A synthetic machine: recording and deterministic part with the speed, density of its noise.

    ``density(freqs, times)`` is the one-sided power spectral density of the noise in unit²/Hz.
    """

    kind: str
    signal: Signal
    clean: Signal
    density: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _other(kind: str, seed: int) -> Machine:
    """Return a machine of the other generator."""
    made = generator.make(kind, seed)
    freqs = np.fft.rfftfreq(generator.TAPS, 1 / made.rate)

    def density(at: np.ndarray, times: np.ndarray) -> np.ndarray:
        first = np.clip(np.round(times * made.rate).astype(int), 0, made.clean.size - 1)
        return sum(
            np.interp(at, freqs, np.square(noise.response))
            * np.square(np.broadcast_to(noise.gain, made.clean.shape)[first])
            * (2 / made.rate)
            for noise in made.noises
        )

    sides = (x.astype(np.float32)[None] for x in (made.samples(), made.clean))
    signal, clean = (Signal(x, made.rate, "Pa", rpm=made.rpm) for x in sides)
    return Machine(f"{kind} *", signal, clean, density)


def _own(kind: str, seed: int) -> Machine:
    """Return a machine of `specsr.synth`."""
    made = synthesise(random_machine(seed, RATE, SECONDS, {kind: 1.0}))

    def density(at: np.ndarray, times: np.ndarray) -> np.ndarray:
        first = np.clip(np.round(times * RATE).astype(int), 0, made.noise.size - 1)
        return made.noise_psd(at) * np.square(made.noise_gain[first])

    def first_channel(signal: Signal) -> Signal:
        return replace(signal, samples=signal.samples[:1], channels=())

    return Machine(kind, first_channel(made.signal), first_channel(made.clean), density)


def machines(limit: int | None) -> list[tuple[str, Callable[[], Machine]]]:
    """Return every machine as its kind and a function that makes it."""
    made: list[tuple[str, Callable[[], Machine]]] = [
        (kind, lambda k=kind, s=seed: _other(k, s)) for kind, seed in machine_set(0)
    ]
    made += [(kind, lambda k=kind, s=SEED + i: _own(k, s)) for i, kind in enumerate(ALL_KINDS)]
    return some(made, limit)


def clean_map(spec: SpecMap) -> SpecMap:
    """Return the expected map."""
    return expected(spec)


def mean_of_columns(spec: SpecMap) -> SpecMap:
    """Return the map of the mean power of each column and its two neighbours."""
    power = uniform_filter1d(np.square(spec.magnitude, dtype=np.float64), 3, -1, mode="nearest")
    return spec.replace(magnitude=np.sqrt(power), phase=None)


MAPS: dict[str, Callable[[SpecMap], SpecMap]] = {
    "measured": lambda spec: spec, "columns": mean_of_columns, "expected": clean_map,
}  # fmt: skip
