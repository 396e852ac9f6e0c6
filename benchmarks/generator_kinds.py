"""Kinds of machines of `benchmarks/generator.py`, each made from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from generator_parts import (
    assemble,
    background,
    combustion,
    curve,
    impulses,
    mesh,
    modes,
    slow,
    through,
    tone,
    turns,
)
from generator_truth import Machine


def _car(kind: str, seed: int, points: Sequence[float]) -> Machine:
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 6.0
    rpm = curve(rng, points, duration, rate, 0.002)
    angle = turns(rpm, rate)
    cylinders = int(rng.choice([3, 4, 4, 6]))
    engine = combustion(rng, angle, rate, cylinders, rng.uniform(0.04, 0.25), 0.012)
    engine += 0.1 * tone(angle, rate, 2, rng.uniform(-6, 3))
    chain = mesh(rng, angle, rate, float(rng.choice([18, 21, 23])), 2, [1.0])
    alternator = tone(angle, rate, 2.7 * 12 * rng.uniform(0.95, 1.05), -3)
    body = modes(rng, 60, 4000, 12, 0.04)
    load = (rpm / rpm.mean()) ** rng.uniform(0.5, 1.5)
    clean = through(load * (engine + 0.02 * chain + 0.01 * alternator), rate, body, 0.15)
    road = background(rng, rate, -6.0, [(230, 0.15, 8), (1000, 0.4, 6)])
    wind = background(rng, rate, -4.0)
    noises = [(1.0, road), (0.35 * load, wind)]
    return assemble(kind, seed, rate, clean, noises, rng.uniform(4, 20), rpm=rpm)


def car_run_up(seed: int) -> Machine:
    """Four-stroke engine through a body with resonances, speed rising."""
    rng = np.random.default_rng([seed, 2])
    low, high = rng.uniform(800, 1600), rng.uniform(4000, 6500)
    return _car("car run-up", seed, [low, rng.uniform(low, high), high])


def car_run_down(seed: int) -> Machine:
    """The same with falling speed, and a dwell before it."""
    rng = np.random.default_rng([seed, 2])
    high = rng.uniform(3500, 5500)
    return _car("car run-down", seed, [high, high, rng.uniform(0.4, 0.7) * high, 900.0])


def e_drive(seed: int) -> Machine:
    """Electric motor with a two-stage reducer and an inverter of constant switching frequency."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 48000.0, 5.0
    rpm = curve(rng, [rng.uniform(300, 1500), rng.uniform(9000, 13000)], duration, rate, 0.001)
    angle, seconds = turns(rpm, rate), np.arange(rpm.size) / rate
    pairs = int(rng.choice([4, 4, 5, 3]))
    motor = sum(
        tone(angle, rate, pairs * k, rng.uniform(-12, 0) - 2 * np.log2(k), rng.uniform(0, 7))
        for k in (2, 4, 6, 8, 12, 18, 24)
    )
    first, wheel, second = (int(rng.integers(*span)) for span in ((19, 27), (55, 71), (17, 23)))
    ratio = first / wheel
    gears = mesh(rng, angle, rate, first, 3, [1.0])
    gears += mesh(rng, angle, rate, ratio * second, 3, [ratio]) + 0.5 * tone(angle, rate, 1)
    switching = np.zeros(rpm.size)
    for k, carrier in ((1, 8000.0), (2, 16000.0)):
        for side in (-4, -2, 2, 4) if k == 1 else (-5, -1, 1, 5):
            phase = 2 * np.pi * (carrier * seconds + side * pairs * angle) + rng.uniform(0, 7)
            switching += 10 ** (rng.uniform(-14, -4) / 20) * np.sin(phase)
    housing = modes(rng, 300, 9000, 10, 0.02)
    clean = through(motor + gears, rate, housing, 0.3) + 0.3 * switching
    noises = [((rpm / rpm.mean()) ** 0.7, background(rng, rate, -3.0))]
    return assemble("e-drive", seed, rate, clean, noises, rng.uniform(8, 22), rpm=rpm)


def gearbox(seed: int) -> Machine:
    """Gearbox at constant speed: mesh orders with sidebands of two shafts."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 5.0
    rpm = curve(rng, [rng.uniform(900, 3000)] * 2, duration, rate, 0.0005)
    angle = turns(rpm, rate)
    first, wheel, second = ((23, 41, 37), (19, 53, 29), (31, 47, 17), (25, 37, 23))[seed % 4]
    ratio = first / wheel  # speed of the second shaft
    clean = mesh(rng, angle, rate, first, 4, [1.0, ratio])
    clean += 0.7 * mesh(rng, angle, rate, ratio * second, 4, [ratio])
    for shaft in (1.0, ratio):
        for k in (1, 2, 3):
            clean += tone(angle, rate, k * shaft, rng.uniform(-15, -3), rng.uniform(0, 7))
    clean = through(clean, rate, modes(rng, 200, 8000, 8, 0.03), 0.4)
    noises = [(1.0, background(rng, rate, -4.0, [(rng.uniform(1500, 4000), 0.2, 8)]))]
    return assemble("gearbox", seed, rate, clean, noises, rng.uniform(5, 18), rpm=rpm)


def bearing(seed: int) -> Machine:
    """Rolling bearing with a damaged race: slipping impulses through a resonance."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 5.0
    rpm = curve(rng, [rng.uniform(1500, 3000), rng.uniform(1500, 3000)], duration, rate, 0.0005)
    angle = turns(rpm, rate)
    outer = bool(seed % 2)
    order = rng.uniform(3.05, 3.95) if outer else rng.uniform(4.9, 5.9)
    ball = np.arange(1, int(order * angle[-1]))
    slip = ball + 0.01 * rng.standard_normal(ball.size)
    times = np.interp(slip / order, angle, np.arange(angle.size)) / rate
    at = np.interp(times * rate, np.arange(angle.size), angle)
    # an inner race turns through the loaded zone
    strength = (
        1 + (0.1 if outer else 0.8) * np.cos(2 * np.pi * at) + 0.1 * rng.standard_normal(at.size)
    )
    ring = modes(rng, 2500, 7000, 2, 0.03) + modes(rng, 400, 2000, 2, 0.03)
    clean = through(impulses(times, strength, angle.size, rate), rate, ring, 0.0)
    clean /= np.sqrt(np.mean(np.square(clean)))
    for k in (1, 2, 3):
        clean += tone(angle, rate, k, rng.uniform(-12, -2), rng.uniform(0, 7))
    noises = [(1.0, background(rng, rate, -3.0))]
    return assemble("bearing", seed, rate, clean, noises, rng.uniform(0, 12), rpm=rpm)


def diesel(seed: int) -> Machine:
    """Idling diesel: pulses of varying strength through the structure, at a low sampling rate."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 8192.0, 10.0
    rpm = curve(rng, [rng.uniform(650, 850)] * 2, duration, rate, 0.006)
    angle = turns(rpm, rate)
    cylinders = int(rng.choice([4, 4, 6]))
    stroke = np.arange(1, int(angle[-1] * cylinders / 2))
    own = 1 + 0.15 * rng.standard_normal(cylinders)
    strength = own[stroke % cylinders] * (1 + 0.08 * rng.standard_normal(stroke.size))
    delay = 0.004 * rng.standard_normal(cylinders)[stroke % cylinders]
    times = np.interp(2 * (stroke + delay) / cylinders, angle, np.arange(angle.size)) / rate
    block = modes(rng, 500, 3300, 7, 0.03)
    knock = through(impulses(times, strength, angle.size, rate), rate, block, 0.005)
    gas = combustion(rng, angle, rate, cylinders, 0.1, 0.04)
    gas *= np.sqrt(np.mean(np.square(knock)) / np.mean(np.square(gas)))
    pump = tone(angle, rate, 11.5 if seed % 2 else 9.0, -20) * np.abs(gas).max() * 0.2
    noises = [(1.0, background(rng, rate, -4.0))]
    clean = knock + 2 * gas + pump
    return assemble("diesel", seed, rate, clean, noises, rng.uniform(6, 16), rpm=rpm)


def two_fans(seed: int) -> Machine:
    """Two fans at unrelated speeds, with mains lines of their motors."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 6.0
    speeds = [
        curve(rng, [s * rng.uniform(0.98, 1.02), s], duration, rate, 0.001)
        for s in (rng.uniform(1100, 1700), rng.uniform(1900, 2900))
    ]
    clean = np.zeros(speeds[0].size)
    for rpm, blades in zip(speeds, rng.permutation([5, 7, 9, 11])):
        angle = turns(rpm, rate)
        for k in range(1, 9):
            clean += tone(angle, rate, k * blades, -4.0 * (k - 1) + rng.uniform(-5, 3), k)
            clean += tone(angle, rate, k, rng.uniform(-28, -12), 2 * k)
    seconds = np.arange(clean.size) / rate
    for k, level in ((2, -10), (4, -20), (6, -24), (12, -30)):
        clean += 10 ** (level / 20) * np.sin(2 * np.pi * 50.02 * k * seconds)
    noises = [(1.0, background(rng, rate, -4.0, [(400, 0.5, 6)]))]
    return assemble(
        "two fans", seed, rate, clean, noises, rng.uniform(0, 10), rpm=speeds[0],
        others=(speeds[1],),
    )  # fmt: skip


def drone(seed: int) -> Machine:
    """Four rotors at nearly one speed, each with its own control."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 6.0
    middle = curve(rng, rng.uniform(4200, 6500) * rng.uniform(0.9, 1.1, 4), duration, rate, 0.003)
    speeds = []
    clean = np.zeros(middle.size)
    for _ in range(4):
        own = middle * (1 + rng.uniform(-0.03, 0.03) + 0.004 * slow(rng, middle.size, rate, 1.0))
        angle = turns(own, rate)
        speeds.append(own)
        for k in range(1, 25):
            clean += tone(
                angle, rate, 2 * k, -2.0 * (k - 1) + rng.uniform(-6, 3), rng.uniform(0, 7)
            )
        clean += tone(angle, rate, 1, rng.uniform(-20, -8))
        for k, level in ((14, -16), (28, -20), (42, -22)):  # magnets of the motor
            clean += tone(angle, rate, k, level + rng.uniform(-4, 4), rng.uniform(0, 7))
    noises = [
        (1 + 0.1 * slow(rng, middle.size, rate, 2.0), background(rng, rate, -2.0, [(3000, 0.6, 6)]))
    ]
    return assemble(
        "drone", seed, rate, clean, noises, rng.uniform(6, 16), rpm=speeds[0],
        others=tuple(speeds[1:]),
    )  # fmt: skip


def clicks(seed: int) -> Machine:
    """Switches and knocks on a quiet floor, with a weak mains hum."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 6.0
    count = round(duration * rate)
    times = np.cumsum(rng.uniform(0.2, 0.9, 12))
    times = times[times < duration - 0.3]
    clean = np.zeros(count)
    for time in times:
        ring = modes(rng, 150, 9000, int(rng.integers(3, 9)), rng.uniform(0.01, 0.06))
        strength = 10 ** (rng.uniform(-20, 0) / 20)
        pulses = impulses(np.array([time]), np.array([strength]), count, rate)
        clean += through(pulses, rate, ring, rng.uniform(0, 0.05))
    seconds = np.arange(count) / rate
    hum = sum(
        10 ** (rng.uniform(-12, 0) / 20) * np.sin(2 * np.pi * 50 * k * seconds)
        for k in (1, 2, 3, 6)
    )
    quiet = rng.uniform(-75, -55) if seed % 2 else rng.uniform(-45, -30)
    floor = 10 ** (quiet / 20) * np.abs(clean).max()
    clean += 0.02 * floor * hum
    noises = [(1.0, background(rng, rate, -4.0))]
    ratio = 20 * np.log10(np.sqrt(np.mean(np.square(clean))) / (0.1 * floor))
    return assemble("clicks", seed, rate, clean, noises, ratio, impacts=tuple(map(float, times)))


def turbo(seed: int) -> Machine:
    """Turbocharger whistle that follows the load, over weak engine orders and flow noise."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 6.0
    rpm = curve(
        rng, [1500, rng.uniform(2500, 3200), rng.uniform(2000, 2600)], duration, rate, 0.002
    )
    low, high = rng.uniform(50e3, 70e3), rng.uniform(110e3, 160e3)
    charger = curve(rng, [low, high, 0.6 * high + 0.4 * low, high], duration, rate, 0.002)
    boost = (charger / high) ** 2
    engine = combustion(rng, turns(rpm, rate), rate, 4, 0.08, 0.04)
    engine = through(engine, rate, modes(rng, 60, 1500, 5, 0.04), 0.3)
    angle = turns(charger, rate)
    whistle = tone(angle, rate, 1) + tone(angle, rate, 2, -9) + tone(angle, rate, 5, -14)
    clean = engine / np.sqrt(np.mean(np.square(engine))) + rng.uniform(0.2, 0.6) * boost * whistle
    flow = background(rng, rate, 0.0, [(rng.uniform(1500, 3500), 0.4, 10)])
    noises = [(1.0, background(rng, rate, -5.0)), (0.5 * boost, flow)]
    return assemble(
        "turbo", seed, rate, clean, noises, rng.uniform(-2, 6), rpm=rpm, others=(charger,)
    )  # fmt: skip


def squeal(seed: int) -> Machine:
    """Brake squeal: a drifting tone with harmonics that comes and goes while a wheel stops."""
    rng = np.random.default_rng([seed, 0])
    rate, duration = 25600.0, 5.0
    rpm = curve(rng, [rng.uniform(300, 500), rng.uniform(15, 40)], duration, rate, 0.002)
    wheel = turns(rpm, rate)
    pitch = rng.uniform(1300, 4200) * (1 + 0.003 * slow(rng, wheel.size, rate, 2.0))
    angle = turns(60 * pitch, rate)
    on = np.zeros(wheel.size)
    for start in np.sort(rng.uniform(0.3, 4.0, 4)):
        on[int(start * rate) : int((start + rng.uniform(0.2, 0.9)) * rate)] = 1
    ramp = np.hanning(round(0.03 * rate))
    on = np.convolve(on, ramp / ramp.sum(), "same")
    on *= 1 + 0.5 * np.cos(2 * np.pi * wheel)
    clean = on * (tone(angle, rate, 1) + tone(angle, rate, 2, -14) + tone(angle, rate, 3, -20))
    clean += (
        0.01
        * (1 + np.cos(2 * np.pi * wheel))
        * tone(turns(60 * curve(rng, [640, 600], duration, rate), rate), rate, 1)
    )
    rub = background(rng, rate, -2.0, [(2500, 0.5, 8)])
    noises = [((rpm / rpm.max()) ** 0.5, rub), (0.7, background(rng, rate, -5.0))]
    return assemble("squeal", seed, rate, clean, noises, rng.uniform(8, 20), rpm=rpm)
