"""What a user states of the speed of a coarse map and of the orders of its machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.shaft_speed import ShaftSpeed
from specsr.nvh.order_candidates import FurtherShaft, MachineOrders
from specsr.nvh.speed import checked_rpm, column_rotation_hz


@dataclass(frozen=True)
class SpeedOptions:
    """How a coarse map gets its speed and orders.

    Attributes:
        find: search a map without a speed for one, and correct or replace a given one, where the
            evidence is clear.
        orders: that the machine is known to have, in addition to half orders: numbers above zero,
            such as those of gears or bearings (`specsr.nvh.known_orders`); or shaft -> its orders,
            where "" is the shaft of the speed of the map.
        shafts: further shafts with speeds of their own: name -> speed in 1/min, one or one per
            sample of the signal, [N].  Without orders of its own, whole orders of a shaft are
            tried.  They add to those that the map holds (`SpecMap.shafts`).

    Raises:
        SpecsrError: an order that is not above zero, or a shaft without a name.
    """

    find: bool = True
    orders: Sequence[float] | Mapping[str, Sequence[float]] = ()
    shafts: Mapping[str, np.ndarray | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = isinstance(self.orders, Mapping)
        groups = self.orders if isinstance(self.orders, Mapping) else {"": self.orders}
        for orders in groups.values():
            if wrong := [order for order in orders if not 0 < order < math.inf]:
                raise SpecsrError(f"orders hold {wrong[0]}: expected numbers above zero")
        kept = {name: tuple(map(float, orders)) for name, orders in groups.items()}
        object.__setattr__(self, "orders", kept if named else kept[""])
        object.__setattr__(self, "shafts", dict(self.shafts))
        if "" in self.shafts:
            raise SpecsrError("a shaft has no name: expected one, such as pump")

    def orders_of(self, name: str) -> tuple[float, ...]:
        """Return the known orders of a shaft; "" for that of the speed of the map."""
        groups = self.orders if isinstance(self.orders, Mapping) else {"": self.orders}
        return tuple(groups.get(name, ()))

    def speeds(self, held: Sequence[ShaftSpeed], length: int) -> tuple[ShaftSpeed, ...]:
        """Return the further shafts of a map, those of the same name replaced.

        Args:
            held: shafts that the map holds.
            length: samples of its signal.

        Raises:
            SpecsrError: a speed of another length or not finite, or orders of an unknown shaft.
        """
        found = {shaft.name: shaft for shaft in held}
        for name, rpm in self.shafts.items():
            found[name] = ShaftSpeed(name, np.array(checked_rpm(rpm, length)))
        groups = self.orders if isinstance(self.orders, Mapping) else {}
        if unknown := [name for name in groups if name and name not in found]:
            raise SpecsrError(
                f"orders of the shaft {unknown[0]!r}: expected one of {', '.join(found) or 'none'}"
            )
        return tuple(found.values())

    def machine(self, shafts: Sequence[ShaftSpeed], grid: Grid) -> MachineOrders:
        """Return the orders known, with the further shafts at the columns of a grid."""
        columns = tuple(
            FurtherShaft(
                shaft.name, column_rotation_hz(np.abs(shaft.rpm), grid), self.orders_of(shaft.name)
            )
            for shaft in shafts
        )
        return MachineOrders(self.orders_of(""), columns)
