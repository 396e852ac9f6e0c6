"""Orders and speeds of run-ups with analytic amplitudes."""

from __future__ import annotations

import numpy as np

from conformance.check import Check, Group, at_least, at_most, near
from specsr.maps.transform import spectrogram
from specsr.nvh.order_cut import order_cut
from specsr.nvh.order_map import order_map
from specsr.nvh.order_waveforms import extract_orders, remove_orders
from specsr.nvh.speed import rpm_from_pulses
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal

RATE, SECONDS = 12800.0, 12.0
ORDERS = (1.0, 2.0, 3.5, 6.0)


def run_up(orders: tuple[float, ...] = ORDERS) -> tuple[Signal, dict[float, np.ndarray]]:
    """Return a run-up from 900 to 4500 rpm, and the waveform of each order."""
    t = np.arange(round(RATE * SECONDS)) / RATE
    rpm = 900 + 300 * t
    turns = (900 * t + 150 * t**2) / 60
    rms = 0.2 * (rpm / 1000) ** 1.2
    waves = {k: np.sqrt(2) * rms / k * np.cos(2 * np.pi * k * turns + k) for k in orders}
    return Signal(sum(waves.values()), RATE, "Pa", rpm=rpm), waves


def _level(times: np.ndarray, order: float) -> np.ndarray:
    """Return the exact level of an order at some times, dB re 20 µPa."""
    return 20 * np.log10(0.2 * ((900 + 300 * times) / 1000) ** 1.2 / order / 20e-6)


def levels() -> list[Check]:
    signal, _ = run_up()
    spec = spectrogram(signal, n_fft=4096, hop_length=512)  # the lobe is narrower than an order
    cuts = {f"map, Hann 4096, order {k:g}": order_cut(spec, None, k) for k in ORDERS[1:]}
    tracked = order_map(signal, None)
    cuts |= {f"order map, order {k:g}": tracked.cut(k) for k in ORDERS}
    for poles in (1, 2):
        found = extract_orders(signal, ORDERS, method=VoldKalman(2.0, poles=poles))
        cuts |= {f"Vold-Kalman, {poles} pole(s), order {k:g}": cut
                 for k, cut in zip(ORDERS, found.cuts)}  # fmt: skip
    checks = []
    for name, cut in cuts.items():
        order = float(name.rsplit(" ", 1)[1])
        inside = (cut.times > 1) & (cut.times < SECONDS - 1) & np.isfinite(cut.levels[0])
        error = np.abs(cut.levels[0] - _level(cut.times, order))[inside]
        checks.append(at_most(f"{name}, largest error", error.max(), 0.2, "dB"))
    return checks


def waveforms() -> list[Check]:
    signal, waves = run_up()
    inner = slice(round(RATE), -round(RATE))
    checks = []
    for poles in (1, 2):
        method = VoldKalman(2.0, poles=poles)  # type: ignore[arg-type]
        found = extract_orders(signal, ORDERS, method=method)
        for k, order in enumerate(ORDERS):
            made, true = found.waveform(k).samples[0][inner], waves[order][inner]
            match = np.corrcoef(made, true)[0, 1]
            name = f"Vold-Kalman, {poles} pole(s), order {order:g}"
            checks.append(at_least(f"{name}, correlation of the waveform", match, 0.99, "1"))
        rest = remove_orders(signal, [2.0], method=method).samples[0]
        left = rest[inner] - (signal.samples[0] - waves[2.0])[inner]
        error = 10 * np.log10(np.mean(left**2) / np.mean(waves[2.0][inner] ** 2))
        checks.append(at_most(f"order 2 removed, {poles} pole(s), what is left or lost of it",
                              error, -20, "dB"))  # fmt: skip
    return checks


def close_shafts() -> list[Check]:
    checks = []
    t = np.arange(round(RATE * SECONDS)) / RATE
    for apart in (0.5, 1, 2, 4):
        speeds = {"first": 3000 + 50 * t, "second": (3000 + 50 * t) * (1 + apart / 100)}
        turns = {k: np.cumsum(v) / 60 / RATE for k, v in speeds.items()}
        waves = {k: a * np.sqrt(2) * np.cos(2 * np.pi * 4 * turns[k])
                 for k, a in (("first", 1.0), ("second", 0.5))}  # fmt: skip
        both = Signal(waves["first"] + waves["second"], RATE, "Pa")
        found = extract_orders(both, {"first": [4.0], "second": [4.0]}, speeds,
                               VoldKalman(0.5))  # fmt: skip
        for k, (name, amplitude) in enumerate((("first", 1.0), ("second", 0.5))):
            cut = found.cuts[k]
            inside = (cut.times > 3) & (cut.times < SECONDS - 3)
            error = np.abs(cut.levels[0][inside] - 20 * np.log10(amplitude / 20e-6)).max()
            checks.append(at_most(f"shafts {apart:g} % apart, order 4 of the {name}, largest error",
                                  error, 0.2, "dB"))  # fmt: skip
    return checks


def speeds() -> list[Check]:
    t = np.arange(round(RATE * SECONDS)) / RATE
    rpm, turns = 900 + 300 * t, (900 * t + 150 * t**2) / 60
    checks = []
    for per_rev in (1, 2, 60):
        pulses = (np.mod(turns * per_rev, 1) < 0.5).astype(float)
        found = rpm_from_pulses(pulses, RATE, per_rev)
        inside = slice(round(RATE), -round(RATE))
        error = 100 * np.abs(found[inside] / rpm[inside] - 1)
        # an edge between two samples is placed to half a sample at worst: at 75 turns a second
        # 1 / 170 of a turn, twice in the difference of two edges
        checks.append(near(f"{per_rev} pulse(s) a turn, median error of the speed",
                           np.median(error), 0, 0.6, "%"))  # fmt: skip
    return checks


GROUPS = (
    Group("Order levels", "analytic run-up, 300 rpm/s; tolerance of rota-order", levels),
    Group("Order waveforms", "analytic run-up; tolerances of rota-order (0.99, -20 dB)", waveforms),
    Group("Two shafts", "analytic; spacings of rota-order", close_shafts),
    Group("Speed from pulses", "analytic run-up", speeds),
)
