"""Recordings of `benchmarks/orders.py` with known orders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import data_folder
from real_recordings import RUN_UP_RPM

from specsr.nvh.speed import revolutions
from specsr.signal import Signal

RATE, SECONDS, EDGE = 12800.0, 12.0, 1.0


@dataclass(frozen=True)
class Case:
    """A recording: speed of each shaft, and (shaft, order, complex envelope) of each order."""

    name: str
    rate: float
    shafts: dict[str, np.ndarray]
    lines: tuple[tuple[str, float, np.ndarray], ...]
    background: np.ndarray | None = None

    def parts(self) -> np.ndarray:
        """Return the waveform of every order, [K, N]."""
        return np.stack([(a * self.phasor(s, k)).real for s, k, a in self.lines])

    def phasor(self, shaft: str, order: float) -> np.ndarray:
        """Return exp(j order angle), [N]."""
        turns = revolutions(self.shafts[shaft] / 60, self.rate)
        return np.exp(2j * np.pi * ((order * turns) % 1))

    def noise(self, below: float) -> np.ndarray:
        """Return the noise, ``below`` dB under the orders, [N]."""
        size = len(self.lines[0][2])
        noise = np.random.default_rng(size).standard_normal(size)
        noise = noise if self.background is None else self.background
        orders = np.std(self.parts().sum(axis=0))
        return noise / np.std(noise) * orders * 10 ** (-below / 20)


def slow(times: np.ndarray, level: float, phase: float) -> np.ndarray:
    """Return an envelope that varies by 30 % within 5 s."""
    swing = 1 + 0.3 * np.sin(2 * np.pi * times / 5 + phase)
    return 10 ** (level / 20) * swing * np.exp(1j * phase)


def cases(data: Path) -> list[Case]:
    """Return all recordings; that of the car only if the data has it."""
    times = np.arange(round(RATE * SECONDS)) / RATE
    up = np.linspace(900, 4500, times.size)
    down = 900 + 3600 * np.exp(-times / 5)
    falling = np.linspace(4500, 900, times.size)
    plain = tuple(("a", k, slow(times, -3 * i, i)) for i, k in enumerate((2, 4, 6)))

    def two(slip: float, orders: tuple[float, ...]) -> Case:
        shafts = {"a": up, "b": up * (1 + slip / 100)}
        lines = [(s, k) for s in shafts for k in orders]
        found = tuple((s, k, slow(times, -3 * i, i)) for i, (s, k) in enumerate(lines))
        return Case(f"two shafts, {slip:g} %", RATE, shafts, found)

    def mode(order: float) -> np.ndarray:
        ratio = order * up / 60 / 120
        return 0.2 + 0.8 * 0.06 / (1 - ratio**2 + 0.06j * ratio)  # 120 Hz, 3 % damping

    found = [
        Case("run-up", RATE, {"a": up}, plain),
        Case("coast-down", RATE, {"a": down}, plain),
        Case("resonance", RATE, {"a": up}, tuple(("a", k, mode(k)) for k in (2, 4))),
        two(2, (2, 4)),
        two(0.5, (8, 12)),
        Case(
            "crossing", RATE, {"a": up, "b": falling},
            (("a", 2, slow(times, 0, 0)), ("b", 2, slow(times, -3, 1))),
        ),
    ]  # fmt: skip
    for path in sorted(data_folder(data, "audio").rglob("car_runup_with_rpm.flac")):
        read = car(path)
        assert read.rpm is not None
        times = np.arange(read.length) / RATE
        lines = tuple(("a", k, slow(times, -3 * i, i)) for i, k in enumerate((2.21, 4.27, 7.73)))
        found.append(Case("orders in a car", RATE, {"a": read.rpm}, lines, read.samples[0]))
    return found


def car(path: Path) -> Signal:
    """Return the run-up of the car with its speed at `RATE`."""
    import soundfile

    samples, rate = soundfile.read(path, dtype="float64")
    read = Signal(samples[:, :1].T, float(rate), "Pa", rpm=samples[:, 1] * RUN_UP_RPM)
    return read.resample(RATE)
