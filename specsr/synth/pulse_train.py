"""Trains of pulses of uneven periods and strengths, as impacts of a synthetic machine."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d

from specsr.synth.machine import Impact, RunUp


def _pulse_times(
    rng: np.random.Generator, base: RunUp, rate: float, wander: float, jitter: float, drift: float
) -> np.ndarray:
    """Return the times in s of pulses of a mean rate in Hz that follow a wandering speed, [N].

    Args:
        rng: source of the draws.
        base: run-up with speed and duration.
        rate: of the pulses at the mean speed, Hz.
        wander: rms of the relative fluctuation of the speed.
        jitter: rms of the displacement of each pulse, as a share of the period.
        drift: rms of the change of the phase from each pulse to the next (slip), likewise.
    """
    step = 0.002
    at = np.arange(0, base.duration, step)
    rpm = np.interp(at, np.linspace(0, base.duration, len(base.rpm)), base.rpm)
    slow = gaussian_filter1d(rng.standard_normal(at.size), float(rng.uniform(0.05, 0.3)) / step)
    slow *= wander / max(float(slow.std()), 1e-12)
    pulses = np.cumsum(rate * rpm / np.mean(rpm) * (1 + slow)) * step
    phase = np.arange(1, max(2, int(pulses[-1])), dtype=float)
    phase += jitter * rng.standard_normal(phase.size)
    phase += drift * np.cumsum(rng.standard_normal(phase.size))
    times = np.interp(phase, pulses, at)
    return times[(times > 0) & (times < 0.99 * base.duration)]


def pulse_train(
    rng: np.random.Generator, base: RunUp, rate: float, cycle: int, modes: int,
    irregular: tuple[float, float, float],
) -> tuple[Impact, ...]:  # fmt: skip
    """Return pulses that excite the same decaying modes, with strengths that scatter.

    Args:
        rng: source of the draws.
        base: run-up with rate, speed and duration.
        rate: of the pulses at the mean speed, Hz.
        cycle: number of pulses after which the pattern of strengths recurs.
        modes: number of modes.
        irregular: wander, jitter and drift of `_pulse_times`.
    """
    times = _pulse_times(rng, base, rate, *irregular)
    pattern = float(rng.uniform(0, 4)) * rng.standard_normal(cycle)
    scatter = float(np.exp(rng.uniform(np.log(0.1), np.log(4))))
    strength = pattern[np.arange(times.size) % cycle] + scatter * rng.standard_normal(times.size)
    total = float(rng.uniform(-8, 20))  # power of a mode over that of the orders, dB
    impacts: list[Impact] = []
    for _ in range(modes):
        freq = float(np.exp(rng.uniform(np.log(150), np.log(0.42 * base.rate))))
        damping = float(np.exp(rng.uniform(np.log(0.01), np.log(0.3))))
        # mean power of a train of exp(-a t) sin is rate / 4a
        mean = 10 * math.log10(rate / (8 * math.pi * damping * freq))
        level = total - float(rng.uniform(0, 15)) - mean
        impacts += [
            Impact(float(time), freq, damping, level + float(more))
            for time, more in zip(times, strength)
        ]
    return tuple(impacts)
