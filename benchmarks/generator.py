"""Synthetic machines with exact expected maps, built from waveforms over angle and from impulses.

A machine is a deterministic part, given as samples, plus Gaussian noise of known spectrum and
varying level.  The expected power of a cell is |STFT of the deterministic part|² + that of the
noise, the transform of the product of two autocorrelations: of the noise, and of the window times
its level.

Excitations are pulse trains over the angle of a shaft or over time, filtered by structural modes in
the frequency domain.  Nothing is shared with `specsr.synth`, so models and constants that were
tuned on its machines can be judged on these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

TAPS = 16384
"""Length of the noise filters and of the table of the noise spectrum, samples."""
PASCAL = 0.05
"""Overall rms level of a machine, Pa."""

Bumps = Sequence[tuple[float, float, float]]
"""Wide maxima of a noise spectrum: centre in Hz, width as a share of the centre, height in dB."""


@dataclass(frozen=True, eq=False)
class Noise:
    """Gaussian noise of one spectrum and a varying level.

    Attributes:
        gain: factor of the noise over time, [N].
        response: magnitude response of the filter of white noise of variance 1,
            [TAPS / 2 + 1], from 0 to half the rate.
    """

    gain: np.ndarray
    response: np.ndarray


@dataclass(frozen=True, eq=False)
class Machine:
    """A synthetic machine.

    Attributes:
        kind: one of `KINDS`.
        seed: of its parameters and noise.
        rate: sampling rate, Hz.
        clean: deterministic part in Pa, [N].
        noises: the parts of the noise.
        rpm: speed of the main shaft in 1/min, [N]; None for a machine without a shaft.
        others: speeds of further shafts that do not follow the main one, 1/min, [N] each.
        impacts: times of single impacts on a quiet floor, s; not those of a regular train.
    """

    kind: str
    seed: int
    rate: float
    clean: np.ndarray
    noises: tuple[Noise, ...]
    rpm: np.ndarray | None = None
    others: tuple[np.ndarray, ...] = ()
    impacts: tuple[float, ...] = ()

    def samples(self, realisation: int = 0) -> np.ndarray:
        """Return the deterministic part plus a realisation of the noise, Pa, [N]."""
        rng = np.random.default_rng([self.seed, 1, realisation])
        total = self.clean.copy()
        for noise in self.noises:
            white = rng.standard_normal(total.size + TAPS)
            taps = np.fft.fftshift(np.fft.irfft(noise.response, TAPS))
            size = 2 ** int(np.ceil(np.log2(white.size + TAPS)))
            coloured = np.fft.irfft(np.fft.rfft(white, size) * np.fft.rfft(taps, size), size)
            total += noise.gain * coloured[TAPS // 2 : TAPS // 2 + total.size]
        return total


def hann(n_fft: int) -> np.ndarray:
    """Return the periodic Hann window, [n_fft]."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def frames(samples: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Return the stretches centred on multiples of the hop, zeros outside, [frames, n_fft]."""
    count = 1 + -(-samples.size // hop)
    padded = np.zeros((count - 1) * hop + n_fft)
    padded[n_fft // 2 : n_fft // 2 + samples.size] = samples
    return np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][:count]


def clean_power(machine: Machine, n_fft: int, hop: int) -> np.ndarray:
    """Return the mean square of the deterministic part in every cell, [n_fft / 2, frames].

    A sine of 1 Pa rms reads 1 Pa² in its row; rows from 0 up to but without half the rate.
    """
    window = hann(n_fft)
    spectrum = np.fft.rfft(frames(machine.clean, n_fft, hop) * window, axis=1)[:, :-1].T
    return np.square(np.abs(spectrum)) * _calibration(window)


def noise_power(machine: Machine, n_fft: int, hop: int) -> np.ndarray:
    """Return the expected mean square of the noise in every cell, [n_fft / 2, frames]."""
    window = hann(n_fft)
    total = np.zeros((n_fft // 2, 1 + -(-machine.clean.size // hop)))
    lags = np.arange(-n_fft + 1, n_fft)
    for noise in machine.noises:
        # the autocorrelation of the noise times that of the window with the gain in it
        covariance = np.fft.irfft(np.square(noise.response), TAPS)
        weighted = np.fft.rfft(frames(noise.gain, n_fft, hop) * window, 2 * n_fft, axis=1)
        own = np.fft.irfft(np.square(np.abs(weighted)), 2 * n_fft, axis=1)
        product = np.zeros(own.shape)
        product[:, lags] = own[:, lags] * covariance[lags]
        total += np.fft.rfft(product, axis=1).real[:, ::2][:, : n_fft // 2].T
    return np.maximum(total, 0) * _calibration(window)


def expected_power(machine: Machine, n_fft: int, hop: int) -> np.ndarray:
    """Return the expected mean square of every cell, Pa², [n_fft / 2, frames]."""
    return clean_power(machine, n_fft, hop) + noise_power(machine, n_fft, hop)


def _calibration(window: np.ndarray) -> np.ndarray:
    """Return mean square / |STFT|² of every row, [n_fft / 2, 1]."""
    factor = np.full((window.size // 2, 1), 2 / window.sum() ** 2)
    factor[0] /= 2
    return factor


# Parts of machines


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


# Kinds of machines


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
