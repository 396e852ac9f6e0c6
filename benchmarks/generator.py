"""Synthetic machines with exact expected maps, built from waveforms over angle and from impulses.

Nothing is shared with `specsr.synth`, so models and constants that were tuned on its machines can
be judged on these.  `generator_truth` has their expected maps,
`generator_parts` their parts, `generator_kinds` the kinds.
"""

from __future__ import annotations

from collections.abc import Callable

from generator_kinds import (
    bearing,
    car_run_down,
    car_run_up,
    clicks,
    diesel,
    drone,
    e_drive,
    gearbox,
    squeal,
    turbo,
    two_fans,
)
from generator_parts import impulses, through, tone, turns
from generator_truth import (
    PASCAL,
    TAPS,
    Machine,
    Noise,
    clean_power,
    expected_power,
    frames,
    hann,
    noise_power,
)

__all__ = [
    "KINDS",
    "Machine",
    "Noise",
    "PASCAL",
    "TAPS",
    "clean_power",
    "expected_power",
    "frames",
    "hann",
    "impulses",
    "machine_set",
    "make",
    "noise_power",
    "through",
    "tone",
    "turns",
]

KINDS: dict[str, tuple[int, Callable[[int], Machine]]] = {
    "car run-up": (3, car_run_up),
    "car run-down": (2, car_run_down),
    "e-drive": (2, e_drive),
    "gearbox": (3, gearbox),
    "bearing": (2, bearing),
    "diesel": (2, diesel),
    "two fans": (2, two_fans),
    "drone": (2, drone),
    "clicks": (2, clicks),
    "turbo": (2, turbo),
    "squeal": (2, squeal),
}
"""Kind -> number of machines in a set of 24, and the function that makes one from a seed."""


def machine_set(number: int = 0) -> list[tuple[str, int]]:
    """Return kind and seed of every machine of set ``number``; sets share no seed."""
    return [
        (kind, 100_000 * (number + 1) + 100 * i + k)
        for i, (kind, (count, _)) in enumerate(KINDS.items())
        for k in range(count)
    ]


def make(kind: str, seed: int) -> Machine:
    """Return one machine."""
    return KINDS[kind][1](seed)
