"""Parts of the machines of `benchmarks/generator.py`: excitations over angle and time, structures.

Excitations are pulse trains over the angle of a shaft or over time, filtered by structural modes in
the frequency domain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from generator_truth import PASCAL, TAPS, Machine, Noise

Bumps = Sequence[tuple[float, float, float]]
"""Wide maxima of a noise spectrum: centre in Hz, width as a share of the centre, height in dB."""


def curve(
    rng: np.random.Generator, points: Sequence[float], duration: float, rate: float,
    wander: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """Return a smooth curve through evenly spaced points, [N].

    Args:
        rng: of the wander.
        points: values, with smooth changes of slope (half cosines) in between if more than two.
        duration: s.
        rate: Hz.
        wander: rms of a relative fluctuation that changes within about 0.3 s.
    """
    count = round(duration * rate)
    at = np.linspace(0, len(points) - 1, count)
    part = at - np.floor(at)
    if len(points) > 2:
        part = 0.5 - 0.5 * np.cos(np.pi * part)
    line = np.interp(np.floor(at) + part, np.arange(len(points)), points)
    return line * (1 + wander * slow(rng, count, rate, 3.0))


def slow(rng: np.random.Generator, count: int, rate: float, cutoff: float) -> np.ndarray:
    """Return a random function of rms 1 with frequencies below ``cutoff`` in Hz, [count]."""
    size = count + round(2 * rate)
    top = max(2, int(cutoff * size / rate))
    spectrum = np.zeros(size // 2 + 1, dtype=complex)
    spectrum[1:top] = rng.standard_normal(top - 1) + 1j * rng.standard_normal(top - 1)
    made = np.fft.irfft(spectrum, size)[:count]
    return made / np.sqrt(np.mean(np.square(made)))


def turns(rpm: np.ndarray, rate: float) -> np.ndarray:
    """Return the angle of a shaft in turns, [N]."""
    return np.cumsum(rpm) / 60 / rate


def tone(
    angle: np.ndarray, rate: float, order: float, level_db: float = 0.0, phase: float = 0.0
) -> np.ndarray:
    """Return a sine of ``order`` periods per turn, faded out towards half the rate, [N]."""
    freq = order * np.gradient(angle) * rate
    fade = np.clip((0.47 * rate - freq) / (0.04 * rate), 0, 1)
    return 10 ** (level_db / 20) * fade * np.sin(2 * np.pi * order * angle + phase)


def mesh(
    rng: np.random.Generator, angle: np.ndarray, rate: float, teeth: float, harmonics: int,
    shafts: Sequence[float],
) -> np.ndarray:  # fmt: skip
    """Return a gear mesh: harmonics of ``teeth`` with sidebands of the shafts, [N].

    Args:
        rng: of levels and phases.
        angle: of the reference shaft in turns.
        rate: Hz.
        teeth: mesh frequency as an order of that shaft.
        harmonics: number of harmonics.
        shafts: orders whose multiples are the distances of the sidebands.
    """
    total = np.zeros(angle.size)
    for k in range(1, harmonics + 1):
        level = -5.0 * (k - 1) + rng.uniform(-4, 4)
        total += tone(angle, rate, k * teeth, level, rng.uniform(0, 7))
        for shaft in shafts:
            for side in (-3, -2, -1, 1, 2, 3):
                lower = level - rng.uniform(4, 12) - 6 * (abs(side) - 1)
                total += tone(angle, rate, k * teeth + side * shaft, lower, rng.uniform(0, 7))
    return total


def combustion(
    rng: np.random.Generator, angle: np.ndarray, rate: float, cylinders: int, spread: float,
    width: float,
) -> np.ndarray:  # fmt: skip
    """Return the pulses of a four-stroke engine over the crank angle, [N].

    The cylinders differ, so half orders appear between the firing orders.

    Args:
        rng: of the differences between cylinders.
        angle: of the crank in turns.
        rate: Hz.
        cylinders: number, firing at even distances within two turns.
        spread: relative difference between cylinders.
        width: standard deviation of a pulse, turns.
    """
    strength = 1 + spread * rng.standard_normal(cylinders)
    place = (np.arange(cylinders) + 0.1 * spread * rng.standard_normal(cylinders)) / cylinders
    total = np.zeros(angle.size)
    for k in range(1, int(1.6 / width)):
        part = np.sum(strength * np.exp(-2j * np.pi * k * place)) / cylinders
        part *= np.exp(-0.5 * np.square(np.pi * k * width))
        total += tone(angle, rate, k / 2, 20 * np.log10(abs(part) + 1e-9), np.angle(part))
    return total


def modes(rng: np.random.Generator, low: float, high: float, count: int, damping: float) -> list:
    """Return random modes: natural frequency in Hz, damping ratio, gain."""
    freqs = np.sort(np.exp(rng.uniform(np.log(low), np.log(high), count)))
    dampings = damping * rng.uniform(0.5, 2, count)
    gains = rng.uniform(0.2, 1, count) * rng.choice([-1, 1], count)
    return [(float(f), float(d), float(g)) for f, d, g in zip(freqs, dampings, gains)]


def through(signal: np.ndarray, rate: float, found: list, direct: float) -> np.ndarray:
    """Return a signal after modes in parallel (velocity of single masses) and a direct path."""
    size = 2 ** int(np.ceil(np.log2(2 * signal.size)))
    freq = np.fft.rfftfreq(size, 1 / rate)
    response = np.full(freq.size, direct, dtype=complex)
    for own, damping, gain in found:
        ratio = freq / own
        response += gain * 2j * damping * ratio / (1 - ratio**2 + 2j * damping * ratio)
    return np.fft.irfft(np.fft.rfft(signal, size) * response, size)[: signal.size]


def impulses(times: np.ndarray, strengths: np.ndarray, count: int, rate: float) -> np.ndarray:
    """Return band-limited impulses at times in s (windowed sinc, 0.45 of the rate), [count]."""
    total = np.zeros(count + 128)
    for time, strength in zip(times, strengths):
        middle = round(time * rate)
        away = np.arange(middle - 32, middle + 33) - time * rate
        shape = 0.9 * np.sinc(0.9 * away) * np.square(np.cos(np.pi * np.clip(away, -33, 33) / 66))
        if 0 <= middle < count:
            total[32 + middle : 32 + middle + 65] += strength * shape
    return total[64 : 64 + count]


def background(
    rng: np.random.Generator, rate: float, slope: float, bumps: Bumps = (), ripple: float = 3.0
) -> np.ndarray:
    """Return a magnitude response of noise of rms 1, [TAPS / 2 + 1].

    Args:
        rng: of a smooth ripple.
        rate: Hz.
        slope: dB per octave above 40 Hz.
        bumps: wide maxima.
        ripple: rms of the ripple over log frequency, dB.
    """
    freq = np.maximum(np.fft.rfftfreq(TAPS, 1 / rate), 1.0)
    octave = np.log2(np.maximum(freq, 40.0) / 40.0)
    db = slope * octave - 3 * np.square(np.maximum(np.log2(30.0 / freq), 0))
    for _ in range(4):
        db += ripple / 1.41 * np.sin(octave * rng.uniform(0.5, 3.5) + rng.uniform(0, 7))
    for centre, width, height in bumps:
        db += height * np.exp(-0.5 * np.square(np.log(freq / centre) / width))
    power = 10 ** (db / 10)
    return np.sqrt(power / (2 * power.sum() / TAPS))


def assemble(
    kind: str, seed: int, rate: float, clean: np.ndarray,
    noises: Sequence[tuple[np.ndarray | float, np.ndarray]], ratio_db: float, **rest: object,
) -> Machine:  # fmt: skip
    """Return a machine of which the rms of the deterministic part is ``ratio_db`` over the noise.

    Args:
        kind, seed, rate, clean: see `Machine`; clean in any unit.
        noises: gain (relative to the first) and response of each noise.
        ratio_db: ratio over the whole duration, dB.
        rest: further attributes.
    """
    gains = [np.broadcast_to(np.asarray(gain, float), clean.shape) for gain, _ in noises]
    scale = np.sqrt(sum(float(np.mean(np.square(g))) for g in gains))
    clean = PASCAL * clean / np.sqrt(np.mean(np.square(clean)))
    level = PASCAL * 10 ** (-ratio_db / 20) / scale
    made = tuple(Noise(level * g, response) for g, (_, response) in zip(gains, noises))
    return Machine(kind, seed, rate, clean, made, **rest)  # type: ignore[arg-type]
