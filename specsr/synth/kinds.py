"""Further kinds of machines: bearings, gearboxes, several shafts, idling, PWM fans, pulses.

Each function modifies a plain run-up, like those of `specsr.synth.draws.KINDS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from specsr.synth.machine import Impact, Order, RunUp
from specsr.synth.pulse_train import pulse_train

Kind = Callable[[RunUp, np.random.Generator], RunUp]
"""A function that modifies a plain run-up."""


def random_tones(
    rng: np.random.Generator, orders: np.ndarray, spread: float = 30.0
) -> tuple[Order, ...]:
    """Return orders of random phase and of levels from -spread to 0 dB."""
    return tuple(
        Order(float(k), float(rng.uniform(-spread, 0)), float(rng.uniform(0, 2 * math.pi)))
        for k in orders
    )


def random_impacts(
    rng: np.random.Generator, base: RunUp, count: int, lowest: float,
    damping: tuple[float, float], level: tuple[float, float],
) -> tuple[Impact, ...]:  # fmt: skip
    """Return impacts at random times.

    Args:
        rng: source of the draws.
        base: run-up with their rate and duration.
        count: number of impacts.
        lowest: lowest frequency, Hz; the highest one is 0.42 of the rate.
        damping: range of damping ratios; these and the frequencies are even on a logarithmic scale.
        level: range of levels, dB.
    """
    return tuple(
        Impact(
            float(rng.uniform(0.01, 0.99) * base.duration),
            float(np.exp(rng.uniform(np.log(lowest), np.log(0.42 * base.rate)))),
            float(np.exp(rng.uniform(np.log(damping[0]), np.log(damping[1])))),
            float(rng.uniform(*level)),
        )
        for _ in range(count)
    )


def _falling(
    rng: np.random.Generator, orders: np.ndarray, fall: float, top: float = 0.0
) -> list[Order]:
    """Return orders whose levels fall by about ``fall`` dB from each to the next, ±6 dB."""
    return [
        Order(float(order), float(top - fall * i + rng.uniform(-6, 6)), float(phase))
        for i, (order, phase) in enumerate(zip(orders, rng.uniform(0, 2 * math.pi, len(orders))))
    ]


def _sidebands(
    rng: np.random.Generator, carriers: list[Order], distance: float, count: int, below: float
) -> list[Order]:
    """Return ``count`` sidebands on both sides of each carrier, ``below`` dB lower, falling."""
    return [
        Order(
            carrier.order + side * k * distance,
            carrier.level - below - float(rng.uniform(0, 5)) * k,
            float(rng.uniform(0, 2 * math.pi)),
        )
        for carrier in carriers
        for k in range(1, count + 1)
        for side in (-1, 1)
        if carrier.order + side * k * distance > 0.05
    ]


def _near_constant(rng: np.random.Generator, low: float, high: float) -> tuple[float, float]:
    """Return a speed that changes by up to 2 %, two times in three not at all, 1/min."""
    speed = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return speed, speed * float(rng.choice([1.0, 1.0, rng.uniform(0.98, 1.02)]))


def _unique(orders: list[Order]) -> tuple[Order, ...]:
    """Return the tones without those of an order and offset that occurred before."""
    return tuple({(tone.order, tone.offset): tone for tone in reversed(orders)}.values())


def bearing(base: RunUp, rng: np.random.Generator) -> RunUp:
    """A damaged rolling bearing: multiples of a pass order, with sidebands, no half orders."""
    passing = float(rng.uniform(2.1, 12.0))
    count = int(rng.integers(5, 31))
    lines = _falling(rng, passing * np.arange(1, count + 1), float(rng.uniform(0, 1.2)))
    distance = 1.0 if rng.random() < 0.5 else float(rng.uniform(0.35, 0.45))  # shaft or cage
    lines += _sidebands(rng, lines, distance, int(rng.integers(0, 3)), float(rng.uniform(2, 15)))
    lines += _falling(rng, np.arange(1, int(rng.integers(2, 7))), 2.0, float(rng.uniform(-20, 0)))
    rpm = _near_constant(rng, 300, 6000) if rng.random() < 0.7 else base.rpm
    return replace(base, rpm=rpm, orders=_unique(lines))


def shafts(base: RunUp, rng: np.random.Generator) -> RunUp:
    """One or two further shafts of unrelated speed ratio."""
    lines = list(base.orders)
    for _ in range(int(rng.integers(1, 3))):
        ratio = float(np.exp(rng.uniform(np.log(0.25), np.log(4.0))))
        orders = ratio * np.arange(1, int(rng.integers(4, 21)))
        lines += _falling(rng, orders, float(rng.uniform(0, 1.5)), float(rng.uniform(-15, 0)))
    return replace(base, orders=_unique(lines))


def rotors(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Several rotors at nearly one speed, as of a multicopter: groups of close lines."""
    blades = float(rng.integers(2, 5))
    spread = float(rng.uniform(0.005, 0.15))
    lines: list[Order] = []
    for ratio in 1 + spread * rng.uniform(-1, 1, int(rng.integers(2, 7))):
        orders = ratio * blades * np.arange(1, int(rng.integers(4, 16)))
        lines += _falling(rng, orders, float(rng.uniform(0.5, 2.5)), float(rng.uniform(-8, 0)))
        lines += _falling(rng, np.array([ratio]), 0.0, float(rng.uniform(-25, -5)))
    rpm: tuple[float, ...] = _near_constant(rng, 1500, 9000)
    if rng.random() < 0.5:  # controlled: the speed wanders
        rpm = tuple(float(rpm[0] * r) for r in rng.uniform(0.85, 1.15, int(rng.integers(3, 7))))
    return replace(base, rpm=rpm, orders=_unique(lines))


def clicks(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Clicks over a quiet floor: few weak lines, noise far below."""
    count = 2 + int(rng.poisson(base.duration * rng.uniform(0.5, 5)))
    impacts = random_impacts(rng, base, count, 100, (0.01, 0.6), (10, 45))
    lines = base.orders[: int(rng.integers(1, 5))]
    ratio = float(rng.uniform(5, 40))
    return replace(base, impacts=impacts, orders=lines, line_to_noise=ratio)


def gearbox(base: RunUp, rng: np.random.Generator) -> RunUp:
    """A gearbox at constant speed: multiples of the tooth mesh with many sidebands."""
    lines: list[Order] = []
    shaft = 1.0
    for stage in range(int(rng.integers(1, 3))):
        teeth = int(rng.integers(13, 71))
        wheel = int(rng.integers(13, 91))
        mesh = shaft * teeth * np.arange(1, int(rng.integers(2, 5)))
        carriers = _falling(rng, mesh, float(rng.uniform(2, 8)), float(-rng.uniform(0, 10) * stage))
        following = shaft * teeth / wheel
        for distance in (shaft, following):
            count, below = int(rng.integers(1, 9)), float(rng.uniform(3, 18))
            lines += _sidebands(rng, carriers, distance, count, below)
            lines += _falling(rng, distance * np.arange(1, 4), 3.0, float(rng.uniform(-25, -5)))
        lines = carriers + lines
        shaft = following
    rpm = _near_constant(rng, 400, 4000)
    return replace(base, rpm=rpm, orders=_unique(lines), fluctuation=float(rng.uniform(0, 0.002)))


def idling(base: RunUp, rng: np.random.Generator) -> RunUp:
    """An idling diesel: dense half orders, noise modulated by the combustion."""
    cylinders = int(rng.choice([3, 4, 6]))
    orders = 0.5 * np.arange(1, int(rng.integers(40, 161)))
    fall = float(rng.uniform(0.05, 0.3))
    firing = cylinders / 2
    weak = float(rng.uniform(5, 25))  # orders other than the firing order and its multiples
    lines = [
        replace(tone, level=tone.level - (0.0 if tone.order % firing == 0 else weak))
        for tone in _falling(rng, orders, fall)
    ]
    return replace(
        base, rpm=_near_constant(rng, 500, 1100), orders=tuple(lines),
        fluctuation=float(rng.uniform(0.002, 0.008)),
        noise_modulation=(firing, float(rng.uniform(0, 0.8))),
    )  # fmt: skip


def pwm_fan(base: RunUp, rng: np.random.Generator) -> RunUp:
    """A fan with PWM drive: steady switching tones with sidebands, blade orders, much noise."""
    blades = float(rng.integers(3, 14))
    lines = _falling(rng, blades * np.arange(1, int(rng.integers(3, 9))), float(rng.uniform(1, 5)))
    lines += _falling(rng, np.arange(1, int(rng.integers(2, 5))), 3.0, float(rng.uniform(-25, -5)))
    switching = float(rng.uniform(0.05, 0.4) * base.rate)
    pole = float(rng.choice([1.0, 2.0, 4.0, 6.0]))
    for k in range(1, int(0.45 * base.rate / switching) + 1):
        top = float(rng.uniform(-30, 0))
        for side in range(-2, 3):
            level = top - float(rng.uniform(3, 15)) * abs(side)
            phase = float(rng.uniform(0, 2 * math.pi))
            lines.append(Order(side * pole, level, phase, offset=k * switching))
    return replace(
        base, rpm=_near_constant(rng, 500, 12000), orders=_unique(lines),
        line_to_noise=float(rng.uniform(-15, 15)),
    )  # fmt: skip


def pulses(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Impacts of a damaged bearing or gear, which slip: few lines, wide rings of the structure."""
    if rng.random() < 0.7:
        base = replace(base, rpm=_near_constant(rng, 400, 5000))
    rate = float(np.exp(rng.uniform(np.log(15), np.log(250))))
    rate = min(rate, 1500 / base.duration * 6)
    irregular = (
        float(rng.uniform(0, 0.004)),
        float(np.exp(rng.uniform(np.log(0.001), np.log(0.08)))),
        float(rng.choice([0.0, np.exp(rng.uniform(np.log(0.001), np.log(0.03)))])),
    )
    impacts = pulse_train(
        rng, base, rate, int(rng.integers(1, 9)), int(rng.integers(2, 7)), irregular
    )
    lines = _falling(rng, np.arange(1, int(rng.integers(2, 8))), 2.0)
    return replace(
        base, orders=_unique(lines), impacts=impacts, line_to_noise=float(rng.uniform(-3, 18))
    )


def knocking(base: RunUp, rng: np.random.Generator) -> RunUp:
    """A slow combustion engine or compressor: knocks of varying strength over dense half orders."""
    base = replace(base, rpm=_near_constant(rng, 350, 1500))
    cylinders = int(rng.integers(2, 9))
    rate = float(np.mean(base.rpm)) / 60 * cylinders / 2
    rate = min(rate, 1500 / base.duration * 6)
    irregular = (
        float(rng.uniform(0.001, 0.012)),
        float(np.exp(rng.uniform(np.log(0.0005), np.log(0.02)))),
        0.0,
    )
    impacts = pulse_train(rng, base, rate, cylinders, int(rng.integers(3, 10)), irregular)
    orders = 0.5 * np.arange(1, int(rng.integers(8, 61)))
    lines = _falling(rng, orders, float(rng.uniform(0.3, 1.5)))
    return replace(
        base, orders=tuple(lines), impacts=impacts, fluctuation=float(rng.uniform(0.002, 0.01)),
        line_to_noise=float(rng.uniform(2, 22)),
    )  # fmt: skip


BY_NAME: dict[str, Kind] = {"pulses": pulses, "knocking": knocking}
"""Kinds that are drawn only where they are named, so that all others stay the same."""

FURTHER: dict[str, tuple[float, Kind]] = {
    "bearing": (0.08, bearing),
    "shafts": (0.08, shafts),
    "rotors": (0.08, rotors),
    "clicks": (0.06, clicks),
    "gearbox": (0.08, gearbox),
    "idling": (0.07, idling),
    "pwm-fan": (0.05, pwm_fan),
}
"""Kind of machine -> its share beside `specsr.synth.draws.KINDS`, and its function."""
