"""Vold-Kalman orders of long recordings: in blocks and streamed, with the result of the whole."""

from __future__ import annotations

import numpy as np

from specsr.nvh.order_blocks import order_pieces
from specsr.nvh.order_waveforms import extract_orders, remove_orders
from specsr.nvh.shafts import (
    Shaft,
    shaft_orders,
)
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal
from support.vold_kalman_samples import RATE, UP, N, slow, tone


def test_blocks_give_the_solution_of_the_whole() -> None:
    x = tone(8, UP, slow()) + 0.5 * tone(8, UP * 1.1) + 0.1 * np.cos(np.arange(N) ** 1.5)
    shafts = {"a": UP, "b": UP * 1.1}
    whole = extract_orders(Signal(x, RATE), [8], shafts, VoldKalman(8.0), segment=100.0)
    for segment in (0.1, 4.0):
        seen = []

        def count(blocks, seen=seen):
            seen.extend(blocks)
            return seen

        parts = extract_orders(Signal(x, RATE), [8], shafts, VoldKalman(8.0), segment, count)
        assert len(seen) >= 2
        assert np.abs(parts.whole.waveforms - whole.whole.waveforms).max() < 1e-5
        assert np.array_equal(parts.whole.times, whole.whole.times)


class Sequential:
    """A recording that can only be read forwards, like an open file."""

    def __init__(self, signal: Signal) -> None:
        self.signal, self.at, self.largest = signal, 0, 0
        self.length, self.rate = signal.length, signal.rate
        self.start, self.channels = signal.start, signal.channels

    def cut(self, first: int, last: int) -> Signal:
        assert first >= self.at
        self.at, self.largest = first, max(self.largest, last - first)
        return self.signal.cut(first, last)


def test_streamed_is_whole_bit_for_bit_and_bounded() -> None:
    signal = Signal(tone(2, UP, slow()), RATE)
    table = Shaft("m", np.array([900.0, 3600.0]), np.array([0.0, N - 1.0]))
    lines, method = shaft_orders([2, 3], [table]), VoldKalman(8.0)
    source = Sequential(signal)
    pieces = list(order_pieces(source, lines, method, 0.1))
    assert source.largest < N / 2
    joined = np.concatenate([piece.residual.samples for piece in pieces], axis=1)
    again = [piece.residual.samples for piece in order_pieces(signal, lines, method, 0.1)]
    assert np.array_equal(joined, np.concatenate(again, axis=1))
    sampled = remove_orders(signal.replace(rpm=UP), [2, 3], None, method, 0.1)
    assert np.abs(joined - sampled.samples).max() < 1e-9
    assert sum(piece.signal.length for piece in pieces) == N
