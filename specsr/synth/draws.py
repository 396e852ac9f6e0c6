"""Random synthetic machines: plain run-ups, and more kinds for training.

Each kind modifies a plain run-up (`random_run_up`), so all kinds share its distribution of
resonances, noise and levels.  Run-ups that belong to the held-out test set are drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from specsr.errors import SpecsrError
from specsr.synth.kinds import BY_NAME, FURTHER, Kind, random_impacts, random_tones
from specsr.synth.machine import Impact, Order, Resonance, RunUp

HELD_OUT_SWEEP = (250.0, 400.0)
"""Sweep rates in 1/min per s that `random_machine` never draws: held out for testing."""

HELD_OUT_STEP = 2.5
"""Distance of the orders that `random_machine` never draws: held out for testing."""


def random_run_up(
    seed: int, rate: float = 25600.0, duration: float = 6.0, line_to_noise: float | None = None
) -> RunUp:
    """Return the parameters of a plausible random run-up or run-down.

    Speeds from 600 to 7000 rpm, orders in steps of 0.5 to 4 with levels over 30 dB, three to eight
    resonances, gear or motor whine with sidebands (probability 0.75), impacts (0.25), a noise
    spectrum of twelve points, lines 0 to 30 dB over the noise.

    Args:
        seed: the same seed gives the same run-up.
        rate: sampling rate, Hz.
        duration: s.
        line_to_noise: rms of the deterministic part over that of the noise, dB; None draws it.

    Raises:
        SpecsrError: a rate or duration that is not above zero.

    Example:
        >>> machine = specsr.random_run_up(seed=1, duration=3.0)
        >>> specsr.synthesise(machine).signal.duration
        3.0
    """
    rng = np.random.default_rng(seed)
    low, high = np.sort(rng.uniform(600, 7000, 2))
    high = max(high, 1.15 * low)
    rpm = (float(low), float(high)) if rng.random() < 0.7 else (float(high), float(low))
    step = 0.5 * int(rng.integers(1, 9))
    count = int(rng.integers(8, 41))
    orders = [
        Order(
            step * k,
            float(rng.uniform(-30, 0)),
            float(rng.uniform(0, 2 * math.pi)),
        )
        for k in range(1, count + 1)
    ]
    orders[int(rng.integers(0, min(4, count)))] = Order(
        step * int(rng.integers(1, min(4, count) + 1)) + 0.0, 0.0, 0.0
    )
    if rng.random() < 0.75:
        mesh = float(rng.integers(8, 49)) if rng.random() < 0.6 else float(rng.uniform(8, 48))
        for k in range(1, int(rng.integers(2, 4))):
            orders.append(
                Order(
                    k * mesh,
                    float(rng.uniform(-25, 0) - 6 * (k - 1)),
                    float(rng.uniform(0, 2 * math.pi)),
                    float(rng.uniform(0, 0.8)),
                    float(rng.uniform(0, 0.5)),
                )
            )
    resonances = tuple(
        Resonance(
            float(np.exp(rng.uniform(np.log(60), np.log(0.45 * rate)))),
            float(np.exp(rng.uniform(np.log(0.01), np.log(0.05)))),
            float(rng.uniform(0.05, 0.6)),
        )
        for _ in range(int(rng.integers(3, 9)))
    )
    impacts: tuple[Impact, ...] = ()
    if rng.random() < 0.25:
        impacts = tuple(
            Impact(
                float(rng.uniform(0.02, 0.98) * duration),
                float(np.exp(rng.uniform(np.log(200), np.log(0.4 * rate)))),
                float(np.exp(rng.uniform(np.log(0.005), np.log(0.1)))),
                float(rng.uniform(0, 25)),
            )
            for _ in range(1 + int(rng.poisson(duration * rng.uniform(0.2, 2))))
        )
    points = np.exp(np.linspace(np.log(20), np.log(rate / 2), 12))
    shape = np.cumsum(rng.normal(-2, 4, 12))
    ratio = rng.uniform(0, 30)
    unique = {tone.order: tone for tone in orders}  # an order drawn twice would have two envelopes
    return RunUp(
        rate=rate,
        duration=duration,
        rpm=rpm,
        fluctuation=float(rng.uniform(0.001, 0.004)),
        orders=tuple(unique.values()),
        resonances=resonances,
        exponent=float(rng.uniform(0.5, 2)),
        impacts=impacts,
        noise_shape=tuple((float(f), float(db)) for f, db in zip(points, shape)),
        noise_exponent=float(rng.uniform(0, 1.7)),
        line_to_noise=float(ratio) if line_to_noise is None else line_to_noise,
        level=float(rng.uniform(65, 95)),
        seed=int(rng.integers(2**31)),
    )


def held_out(run: RunUp) -> bool:
    """Whether a run-up has a sweep rate or an order step that is held out for testing."""
    duration = run.duration / (len(run.rpm) - 1)
    sweeps = np.abs(np.diff(run.rpm)) / duration
    low, high = HELD_OUT_SWEEP
    orders = sorted(tone.order for tone in run.orders)
    step = orders[1] - orders[0] if len(orders) > 1 else 0.0
    return bool(((sweeps > low) & (sweeps < high)).any()) or step == HELD_OUT_STEP


def random_machine(
    seed: int,
    rate: float = 25600.0,
    duration: float = 6.0,
    shares: Mapping[str, float] | None = None,
) -> RunUp:
    """Return the parameters of a random machine of one of `FUNCTIONS`, none of them `held_out`.

    Args:
        seed: the same seed gives the same machine.
        rate: sampling rate, Hz.
        duration: s.
        shares: kind -> its relative share; None for those of `KINDS`.

    Raises:
        SpecsrError: a rate or duration that is not above zero, or an unknown kind.
    """
    if shares is None:
        shares = shares_of(KINDS)
    for kind in shares:
        if kind not in FUNCTIONS:
            raise SpecsrError(f"kind is {kind!r}: expected one of {', '.join(FUNCTIONS)}")
    rng = np.random.default_rng([seed, 11])
    parts = np.array(list(shares.values()))
    modify = [FUNCTIONS[kind] for kind in shares]
    while True:
        base = random_run_up(int(rng.integers(2**31)), rate, duration)
        run = modify[int(rng.choice(len(modify), p=parts / parts.sum()))](base, rng)
        run = _with_disturbances(run, rng)
        if not held_out(run):
            return run


def _plain(base: RunUp, rng: np.random.Generator) -> RunUp:
    """A plain run-up."""
    return base


def _dense(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Half orders at low speed: several in one coarse cell."""
    low = rng.uniform(600, 1800)
    high = low * rng.uniform(1.1, 3)
    rpm = (low, high) if rng.random() < 0.6 else (high, low)
    orders = 0.5 * np.arange(1, rng.integers(20, 81))
    return replace(base, rpm=rpm, orders=random_tones(rng, orders, rng.uniform(15, 40)))


def _electric(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Orders of an electric motor and its reducer, and sidebands of a switching frequency."""
    motor = float(rng.choice([12, 24, 30, 36, 48])) * rng.choice([1.0, 2.0])
    orders = np.unique(np.r_[motor * np.arange(1, 4), 8.58, 22.0, 1.0, rng.uniform(4, 30, 2)])
    tones = list(random_tones(rng, orders, 25))
    switching = float(rng.uniform(0.12, 0.42) * base.rate)
    pairs = rng.choice([2.0, 4.0, 6.0, 8.0, 12.0], 2, replace=False)
    for k in (*pairs, *-pairs, 0.0):
        level = float(rng.uniform(-30, -8))
        tones.append(Order(k, level, float(rng.uniform(0, 2 * math.pi)), offset=switching))
    low = rng.uniform(200, 3000)
    return replace(base, rpm=(low, low + rng.uniform(1000, 9000)), orders=tuple(tones))


def _steady(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Nearly constant speed with beats: orders up to 3 % apart."""
    speed = rng.uniform(600, 6000)
    rpm = (speed, speed * rng.uniform(0.97, 1.03))
    tones = list(base.orders)
    for tone in base.orders[: int(rng.integers(2, 8))]:
        near = tone.order * (1 + rng.choice([-1, 1]) * rng.uniform(0.002, 0.03))
        tones.append(replace(tone, order=near, level=tone.level - rng.uniform(0, 10)))
    return replace(base, rpm=rpm, orders=tuple(tones), fluctuation=float(rng.uniform(0, 0.002)))


def _profile(base: RunUp, rng: np.random.Generator) -> RunUp:
    """A speed profile with start, dwells, gear shifts and stop."""
    speeds = rng.uniform(400, 6500, int(rng.integers(4, 9)))
    for i in range(1, speeds.size):
        if rng.random() < 0.35:
            speeds[i] = speeds[i - 1]  # a dwell
    if rng.random() < 0.5:
        speeds[0] = 30.0
    if rng.random() < 0.5:
        speeds[-1] = 30.0
    return replace(base, rpm=tuple(map(float, speeds)))


def _impacts(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Many clicks and knocks, and few orders."""
    count = 3 + int(rng.poisson(base.duration * rng.uniform(1, 6)))
    impacts = random_impacts(rng, base, count, 80, (0.004, 0.5), (0, 32))
    return replace(base, impacts=impacts, orders=base.orders[: int(rng.integers(1, 9))])


def _noisy(base: RunUp, rng: np.random.Generator) -> RunUp:
    """Most lines below the noise."""
    return replace(base, line_to_noise=float(rng.uniform(-25, 0)))


def _with_disturbances(run: RunUp, rng: np.random.Generator) -> RunUp:
    """Add disturbances of any machine: unrelated tones, squeal, modulation of the noise."""
    tones = list(run.orders)
    for _ in range(int(rng.poisson(0.5))):  # mains, fans, transducers
        tones.append(
            Order(0.0, float(rng.uniform(-35, -5)), offset=float(rng.uniform(30, 0.45 * run.rate)))
        )
    if rng.random() < 0.15:  # brakes, belts, door seals
        start = rng.uniform(0, 0.8) * run.duration
        end = start + rng.uniform(0.1, 0.5) * run.duration
        pitch = float(np.exp(rng.uniform(np.log(600), np.log(0.2 * run.rate))))
        depth = float(rng.uniform(0, 1))
        for k in range(1, int(rng.integers(2, 4))):
            level = float(rng.uniform(-12, 3) - 8 * (k - 1))
            tones.append(
                Order(0.0, level, phase_modulation=k * depth, offset=k * pitch, span=(start, end))
            )
    modulation = run.noise_modulation
    if rng.random() < 0.25:
        order = float(rng.choice([0.5, 1.0, 2.0, 3.0, rng.uniform(0.5, 10)]))
        modulation = (order, float(rng.uniform(0.1, 0.9)))
    unique = {(tone.order, tone.offset): tone for tone in tones}
    return replace(run, orders=tuple(unique.values()), noise_modulation=modulation)


KINDS: dict[str, tuple[float, Kind]] = {
    "plain": (0.40, _plain),
    "dense": (0.17, _dense),
    "electric": (0.09, _electric),
    "steady": (0.10, _steady),
    "profile": (0.10, _profile),
    "impacts": (0.09, _impacts),
    "noisy": (0.05, _noisy),
}
"""Kind of machine -> its share, and the function that modifies a plain run-up."""

ALL_KINDS = KINDS | FURTHER
"""All kinds, with the further ones of `specsr.synth.kinds`."""

FUNCTIONS = {name: function for name, (_, function) in ALL_KINDS.items()} | BY_NAME
"""Kind of machine -> its function, with those that are drawn only by name."""


def shares_of(kinds: Mapping[str, tuple[float, Kind]]) -> dict[str, float]:
    """Return the shares of some kinds, as `random_machine` takes them."""
    return {name: share for name, (share, _) in kinds.items()}
