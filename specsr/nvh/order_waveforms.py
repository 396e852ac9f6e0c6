"""Waveforms, amplitudes and phases of orders, and a recording without them (Vold-Kalman)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from specsr.choices import SEGMENT
from specsr.nvh.order_blocks import order_pieces
from specsr.nvh.order_cut import OrderCut
from specsr.nvh.order_piece import OrderPiece, piece_cuts, whole_piece
from specsr.nvh.resolvable import unresolved
from specsr.nvh.shafts import Shaft, ShaftOrder, shaft_orders
from specsr.nvh.speed import checked_rpm
from specsr.nvh.vold_kalman import VoldKalman
from specsr.progress import Progress
from specsr.signal import Signal

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ExtractedOrders:
    """Orders of a recording, from `extract_orders`.

    Attributes:
        lines: order and shaft of each of the K orders.
        whole: envelopes and waveforms of the whole recording.
    """

    lines: tuple[ShaftOrder, ...]
    whole: OrderPiece

    @property
    def cuts(self) -> list[OrderCut]:
        """Level and phase of every order over time; nan where not valid."""
        return piece_cuts(self.lines, self.whole)

    def waveform(self, line: int) -> Signal:
        """Return the waveform of one of the orders, by its position in ``lines``."""
        return self.whole.order(line)


def extract_orders(
    signal: Signal,
    orders: Sequence[float] | Mapping[str, Sequence[float]],
    shafts: Mapping[str, np.ndarray | float] | None = None,
    method: VoldKalman = VoldKalman(),
    segment: float = SEGMENT,
    progress: Progress | None = None,
) -> ExtractedOrders:
    """Return amplitude, phase and waveform of orders, all of them fitted jointly.

    Close and crossing orders are separated; pairs that the bandwidth does not separate
    (`specsr.nvh.resolvable.unresolved`) are named in a warning.  Holds K waveforms of the recording
    in memory; `specsr.nvh.order_blocks.order_pieces` does not.

    Args:
        signal: the recording.
        orders: multiples of the rotation frequency, of every shaft; or shaft -> its orders.
        shafts: name -> speed in 1/min, one or one per sample [N]; None takes the signal's own.
        method: bandwidth and poles of the filter.
        segment: approximate length of the blocks that are solved one after the other, s.
        progress: wraps the blocks.

    Raises:
        SpecsrError: no speed, no order, the same order twice, or a bandwidth out of range.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> found = specsr.extract_orders(run.signal, [2, 4])
        >>> [cut.name for cut in found.cuts]
        ['2', '4']
    """
    lines = _lines(signal, orders, shafts, method)
    pieces = list(order_pieces(signal, lines, method, segment, progress))
    return ExtractedOrders(lines, whole_piece(signal, pieces))


def remove_orders(
    signal: Signal,
    orders: Sequence[float] | Mapping[str, Sequence[float]],
    shafts: Mapping[str, np.ndarray | float] | None = None,
    method: VoldKalman = VoldKalman(),
    segment: float = SEGMENT,
    progress: Progress | None = None,
) -> Signal:
    """Return a recording without some orders.  Arguments and errors as `extract_orders`.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> rest = specsr.remove_orders(run.signal, [2, 4, 6])  # all that it has
        >>> bool(rest.level()[0] < run.signal.level()[0] - 10)
        True
    """
    lines = _lines(signal, orders, shafts, method)
    residual = np.empty_like(signal.samples)
    done = 0
    for piece in order_pieces(signal, lines, method, segment, progress):
        found = piece.residual.samples
        residual[:, done : done + found.shape[1]] = found
        done += found.shape[1]
    return signal.replace(samples=residual)


def _lines(
    signal: Signal,
    orders: Sequence[float] | Mapping[str, Sequence[float]],
    shafts: Mapping[str, np.ndarray | float] | None,
    method: VoldKalman,
) -> tuple[ShaftOrder, ...]:
    """Return the orders with their shafts; pairs that are not separated are warned of."""
    given = {"": signal.rpm} if shafts is None else shafts
    speeds = [Shaft(name, np.array(checked_rpm(x, signal.length))) for name, x in given.items()]
    lines = shaft_orders(orders, speeds)
    for pair in unresolved(lines, signal.length, signal.rate, signal.start, method):
        log.warning("%s", pair.text(method.unit))
    return lines
