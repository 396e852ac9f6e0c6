"""Methods of `benchmarks/tacholess.py`: a speed from the sound, from limits and orders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from generator import Machine, hann
from scipy.signal import ShortTimeFFT

from specsr.errors import SpecsrError
from specsr.nvh.tacholess import SpeedSearch, find_speed
from specsr.nvh.tacholess_map import HarmonicMap
from specsr.nvh.tacholess_path import speeds_between
from specsr.signal import Signal

METHODS = ("specsr, limits and orders", "specsr, limits", "maximum", "pyin")
KINDS = ("car run-up", "car run-down", "e-drive", "gearbox", "bearing", "diesel", "two fans",
         "drone", "turbo", "squeal")  # fmt: skip
Found = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Times in s, speed in 1/min and confidence."""


def strongest(machine: Machine, count: int = 8) -> tuple[float, ...]:
    """Return the strongest orders of the deterministic part of a machine."""
    assert machine.rpm is not None
    turns = np.cumsum(machine.rpm) / 60 / machine.rate
    size = 1 << 18
    even = np.interp(np.linspace(0, turns[-1], size), turns, machine.clean)
    power = np.abs(np.fft.rfft(even * hann(size)))
    orders = np.arange(power.size) / turns[-1]
    power[orders < 0.3] = 0
    found = []
    for _ in range(count):
        found.append(float(orders[power.argmax()]))
        power[np.abs(orders - found[-1]) < 0.3] = 0
    return tuple(sorted(found))


def limits(rpm: np.ndarray) -> tuple[float, float]:
    """Return limits around a speed, 1/min."""
    low, high = 0.8 * rpm[rpm > 60].min(), 1.2 * rpm.max()
    return max(100 * np.floor(low / 100), 50.0), 100 * np.ceil(high / 100)


def specsr_speed(signal: Signal, options: SpeedSearch) -> Found:
    try:
        found = find_speed(signal, options)
    except SpecsrError:  # no candidate within the limits
        times = np.arange(0, signal.duration, 0.05)
        return times, np.full(times.size, np.nan), np.zeros(times.size)
    return found.times - signal.start, found.rpm, found.confidence


def maximum(signal: Signal, options: SpeedSearch) -> Found:
    size = 2 * round(0.1 * signal.rate)
    transform = ShortTimeFFT(hann(size), round(0.05 * signal.rate), signal.rate)
    power = transform.spectrogram(signal.samples.astype(float), p0=0)
    top = round(4000 * size / signal.rate)
    made = HarmonicMap.of(power[:, :top], signal.rate / size)
    speeds = speeds_between(*options.rpm_range)
    best = next(made.scores(speeds / 60, np.array(options.orders))).argmax(axis=0)
    times = np.arange(power.shape[-1]) * round(0.05 * signal.rate) / signal.rate
    return times, speeds[best], None


def pyin(signal: Signal, options: SpeedSearch) -> Found:
    import librosa

    low = signal.resample(4000.0)
    least, most = (speed / 60 for speed in options.rpm_range)
    size = 2048 if least * 2048 > 2.5 * 4000 else 8192
    found, _, _ = librosa.pyin(
        low.samples[0].astype(float), fmin=max(least, 1.1 * 4000 * 2 / size),
        fmax=min(4 * most, 1000.0), sr=4000, frame_length=size, hop_length=200, fill_na=None,
    )  # fmt: skip
    return np.arange(found.size) * 0.05, 60 * found, None


def found_by(method: str, signal: Signal, span: tuple[float, float], orders: Sequence[float],
             start: float | None = None) -> Found:  # fmt: skip
    if method.startswith("specsr"):
        own = tuple(orders) if "orders" in method else ()
        return specsr_speed(signal, SpeedSearch(span, start, own))
    options = SpeedSearch(span, orders=tuple(orders))
    return (maximum if method == "maximum" else pyin)(signal, options)
