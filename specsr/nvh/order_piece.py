"""Orders of a part of a recording: waveforms, envelopes, and the part without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from specsr.nvh.levels import to_level
from specsr.nvh.order_cut import OrderCut
from specsr.nvh.shafts import ShaftOrder
from specsr.signal import Signal


@dataclass(frozen=True, eq=False)
class OrderPiece:
    """A part of a recording and of its orders: K orders, C channels, n samples, T instants.

    Attributes:
        signal: the part of the recording, n samples.
        waveforms: of every order, in the unit, float64 [K, C, n].
        times: instants of the envelopes, s, [T].
        envelopes: complex rms amplitude in the unit, [K, C, T]; the angle is the phase of the
            cosine re the shaft angle times the order, which is 0 at the first sample.
        rpm: speed of the shaft of every order, 1/min, [K, T].
        bandwidth: Hz, [K, T].
        needed: bandwidth that follows the changes of the order, Hz, [K, T]; that of the filter
            where it was not searched for.
        valid: whether the order is in range: its frequency is at least the bandwidth, and below
            half the sampling rate by half the bandwidth, [K, T].
    """

    signal: Signal
    waveforms: np.ndarray
    times: np.ndarray
    envelopes: np.ndarray
    rpm: np.ndarray
    bandwidth: np.ndarray
    needed: np.ndarray
    valid: np.ndarray

    @property
    def residual(self) -> Signal:
        """The part of the recording without the orders; samples keep their type."""
        return self._like(self.signal.samples - self.waveforms.sum(axis=0))

    @property
    def orders(self) -> Signal:
        """The sum of all orders; samples keep their type."""
        return self._like(self.waveforms.sum(axis=0))

    def order(self, line: int) -> Signal:
        """Return the waveform of one order; samples keep their type."""
        return self._like(self.waveforms[line])

    def _like(self, samples: np.ndarray) -> Signal:
        kind = self.signal.samples.dtype
        return self.signal.replace(samples=samples.astype(kind, copy=False))


def whole_piece(signal: Signal, pieces: Sequence[OrderPiece]) -> OrderPiece:
    """Return consecutive pieces as one.

    Args:
        signal: that of the result; its samples are not looked at.
        pieces: at least one, in the order of time.
    """
    names = [field.name for field in fields(OrderPiece) if field.name != "signal"]
    arrays = [np.concatenate([getattr(piece, n) for piece in pieces], axis=-1) for n in names]
    return OrderPiece(signal, *arrays)


def piece_cuts(lines: Sequence[ShaftOrder], piece: OrderPiece) -> list[OrderCut]:
    """Return levels (dB re the reference) and phases of orders; nan where not valid.

    Args:
        lines: of the piece.
        piece: envelopes.
    """
    levels = to_level(np.square(np.abs(piece.envelopes)), piece.signal.reference)
    levels = np.where(piece.valid[:, None], levels, np.nan)
    phase = np.where(piece.valid[:, None], np.angle(piece.envelopes), np.nan)
    return [
        OrderCut(
            line.order,
            piece.times,
            piece.rpm[k],
            levels[k],
            piece.bandwidth[k],
            phase[k],
            line.shaft.name,
        )  # fmt: skip
        for k, line in enumerate(lines)
    ]
