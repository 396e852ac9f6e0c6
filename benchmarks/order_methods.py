"""Methods of `benchmarks/orders.py`: cuts and waveforms of orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from order_cases import Case
from scipy.signal import butter, sosfiltfilt

from specsr.extras import installed
from specsr.maps.transform import spectrogram
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.order_map import order_map
from specsr.nvh.order_waveforms import extract_orders
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal

WIDTHS = (1.5, 4.0)
WIDEST = 12.0
METHODS = ("vold-kalman", "adaptive", "rota-order", "low-pass", "resample", "stft")


@dataclass(frozen=True)
class Found:
    """What a method found: cuts, and waveforms [K, N] if it has them."""

    cuts: list[OrderCut]
    waveforms: np.ndarray | None = None


def vold_kalman(case: Case, x: np.ndarray, width: float, widest: float | None = None) -> Found:
    orders = {s: [k for t, k, _ in case.lines if t == s] for s in case.shafts}
    method = VoldKalman(width, widest=widest)
    found = extract_orders(Signal(x, case.rate), orders, case.shafts, method)
    return Found(found.cuts, found.whole.waveforms[:, 0])


def rota_order(case: Case, x: np.ndarray, width: float) -> Found:
    from rota.extract import order_waveform

    names = list(case.shafts)
    found = order_waveform(
        x, case.rate, np.stack(list(case.shafts.values()), axis=1),
        [order for _, order, _ in case.lines], shafts=[names.index(s) for s, _, _ in case.lines],
        bandwidth=width / 2,  # from the carrier to -3 dB
    )  # fmt: skip
    at = slice(0, None, 1000)
    times = np.arange(x.size)[at] / case.rate
    cuts = [
        OrderCut(
            order, times, case.shafts[shaft][at],
            20 * np.log10(np.abs(found.envelopes[at, k]) / np.sqrt(2))[None],
            np.full(times.size, width),
        )
        for k, (shaft, order, _) in enumerate(case.lines)
    ]  # fmt: skip
    return Found(cuts, found.waveforms.T)


def low_pass(case: Case, x: np.ndarray, width: float) -> Found:
    cuts, waveforms = [], []
    # forwards and backwards: -3 dB in total at half the bandwidth, fourth order
    sos = butter(2, width / 2 * (np.sqrt(2) - 1) ** -0.25, fs=case.rate, output="sos")
    times = np.arange(x.size) / case.rate
    for shaft, order, _ in case.lines:
        phasor = case.phasor(shaft, order)
        moved = 2 * x * phasor.conj()
        found = sosfiltfilt(sos, moved, padlen=round(case.rate / width))
        waveforms.append((found * phasor).real)
        at = slice(0, None, 1000)
        level = 20 * np.log10(np.abs(found[at]) / np.sqrt(2))
        speed = case.shafts[shaft][at]
        cuts.append(OrderCut(order, times[at], speed, level[None], np.full(speed.size, width)))
    return Found(cuts, np.stack(waveforms))


def resample(case: Case, x: np.ndarray) -> Found:
    maps = {
        name: order_map(Signal(x, case.rate), rpm, max_order=14.0)
        for name, rpm in case.shafts.items()
    }
    return Found([maps[s].cut(k) for s, k, _ in case.lines])


def stft(case: Case, x: np.ndarray) -> Found:
    spec = spectrogram(Signal(x, case.rate), n_fft=4096, overlap=0.75)
    return Found([order_cut(spec, case.shafts[s], k) for s, k, _ in case.lines])


def runs(only: list[str]) -> dict[str, Callable[[Case, np.ndarray], Found]]:
    """Return column -> method."""
    found: dict[str, Callable[[Case, np.ndarray], Found]] = {}
    tracked = {"vold-kalman": vold_kalman, "rota-order": rota_order, "low-pass": low_pass}
    for name, method in tracked.items():
        for width in WIDTHS:
            if name in only and (name != "rota-order" or installed("rota")):
                found[f"{name}, {width:g} Hz"] = (
                    lambda case, x, method=method, width=width: method(case, x, width)  # type: ignore[misc]
                )
        if name == "vold-kalman" and "adaptive" in only:
            column = f"vold-kalman, {WIDTHS[0]:g} to {WIDEST:g} Hz"
            found[column] = lambda case, x: vold_kalman(case, x, WIDTHS[0], WIDEST)
    found |= {"resample": resample} if "resample" in only else {}
    return found | ({"stft": stft} if "stft" in only else {})
