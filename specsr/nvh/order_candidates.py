"""Orders that a coarse map may hold: half orders of its speed, known orders, further shafts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from specsr.nvh.order_model import OrderModel

ORDER_STEP, MAX_ORDER = 0.5, 160.0
"""Distance of the candidate orders, and the highest of them."""
GIVEN_PRIOR = 0.8
"""Probability, without evidence from the map, that a line at a known order belongs to it."""


@dataclass(frozen=True, eq=False)
class FurtherShaft:
    """A shaft beside that of the speed of a map.

    Attributes:
        name: of the shaft.
        rotation_hz: rotation frequency at each fine column, Hz, [T']; 0 where unknown.
        orders: that it is known to have, and no other; none for whole orders, which then need
            evidence.
    """

    name: str
    rotation_hz: np.ndarray
    orders: tuple[float, ...] = ()

    def cut(self, columns: slice) -> FurtherShaft:
        """Return the shaft in some of the columns."""
        return replace(self, rotation_hz=self.rotation_hz[columns])


@dataclass(frozen=True, eq=False)
class MachineOrders:
    """What is known of the orders of a machine.

    Attributes:
        known: orders of the speed of the map, in addition to half orders.
        shafts: further shafts.
        half: half orders to try; None for all.
    """

    known: tuple[float, ...] = ()
    shafts: tuple[FurtherShaft, ...] = ()
    half: tuple[float, ...] | None = None

    def cut(self, columns: slice) -> MachineOrders:
        """Return the orders in some of the fine columns."""
        return replace(self, shafts=tuple(shaft.cut(columns) for shaft in self.shafts))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Orders that are tried.

    Attributes:
        orders: of all shafts, [O], ascending within a shaft.
        shaft: index of the shaft, 0 for that of the speed of the map, ascending, int [O].
        prior: probability, without evidence, that a line at the order belongs to it, [O].
    """

    orders: np.ndarray
    shaft: np.ndarray
    prior: np.ndarray

    def only(self, kept: np.ndarray) -> Candidates:
        """Return some of them, ``kept`` bool or index."""
        return Candidates(self.orders[kept], self.shaft[kept], self.prior[kept])


def candidate_orders(model: OrderModel, machine: MachineOrders = MachineOrders()) -> Candidates:
    """Return half orders up to the highest row of a map, the known ones, and those of shafts.

    Args:
        model: of the map, with the speeds of the shafts.
        machine: orders known; its shafts are those of the model.
    """
    half = _multiples(model, model.rotation_hz, ORDER_STEP)
    if machine.half is not None:
        half = np.intersect1d(half, machine.half)
    found = [np.union1d(half, machine.known)]
    known = [np.isin(found[0], machine.known)]
    for shaft in machine.shafts:
        own = np.unique(np.array(shaft.orders, dtype=np.float64))
        found.append(own if own.size else _multiples(model, shaft.rotation_hz, 1.0))
        known.append(np.full(found[-1].size, own.size > 0))
    return Candidates(
        np.concatenate(found),
        np.repeat(np.arange(len(found)), [each.size for each in found]),
        np.where(np.concatenate(known), GIVEN_PRIOR, 0.0),
    )


def _multiples(model: OrderModel, rotation_hz: np.ndarray, step: float) -> np.ndarray:
    """Return the multiples of an order that reach a row of the map, up to `MAX_ORDER`."""
    known = rotation_hz[rotation_hz > 0]
    if not known.size:
        return np.zeros(0)
    highest = model.fine_rows * model.grid.df / known.min()
    return step * np.arange(1, int(min(MAX_ORDER, highest) / step) + 1)
