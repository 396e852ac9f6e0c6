"""Orders that a machine is known to have: a list in text, and those of a rolling bearing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError

MOST_ORDERS = 1000
"""Maximum number of orders in a list."""

SMALLEST, LARGEST = 1e-9, 1e9
"""Range of orders: they are rounded to nine decimals."""


HARMONICS = 5
"""Harmonics of the orders of a bearing in a list."""


def parse_orders(text: str) -> tuple[float, ...]:
    """Return the orders of a text, ascending, each once.

    Items are separated by commas: a number, a range ``first:step:last`` with its last value, or
    ``first..last`` in steps of one.  ``ratio*`` before an item, or ``*ratio`` behind it, multiplies
    it, as for the orders of a second shaft: ``0.482*1..6``.  An item may have a name:
    ``pump=0.482*1..6``.  ``bearing=balls/ball/pitch`` or ``bearing=balls/ball/pitch/angle`` are the
    orders of a rolling bearing (`Bearing.orders`), also with a ratio: ``0.482*bearing=9/7.94/39``.

    Raises:
        SpecsrError: an item that is none of these, an order out of range, an item without an order,
            or more than `MOST_ORDERS`.
    """
    orders: set[float] = set()
    for item in text.split(","):
        values = _item(item.strip())
        if not len(values):
            raise SpecsrError(
                f"orders: {item.strip()!r}: expected a last order not below the first"
            )
        if len(orders) + len(values) > MOST_ORDERS:
            raise SpecsrError(f"orders: {item.strip()!r}: more than {MOST_ORDERS} orders")
        if not ((values >= SMALLEST) & (values <= LARGEST)).all():
            raise SpecsrError(
                f"orders: {item.strip()!r}: expected orders from {SMALLEST:g} to {LARGEST:g}"
            )
        orders.update(np.round(values, 9).tolist())
    return tuple(sorted(orders))


def _item(item: str) -> np.ndarray:
    """Return the orders of one item, [O]; not more than one above `MOST_ORDERS`."""
    bearing = False
    parts = item.split("*")
    names = [part.rpartition("=")[0].strip() for part in parts]
    bodies = [part.rpartition("=")[2] for part in parts]
    if len(parts) == 2 and any(mark in bodies[1] for mark in ("/", ":", "..")):
        names, bodies = names[::-1], bodies[::-1]  # the ratio stands before the orders
    try:
        body, factor = bodies if len(bodies) > 1 else (*bodies, "1")
        first, dots, last = body.partition("..")
        bearing = names[0] == "bearing"
        numbers = [float(x) for x in body.split("/" if bearing else ":")] if not dots else []
        numbers = [float(first), 1.0, float(last)] if dots else numbers
        ratio = float(factor)
    except ValueError:
        numbers = []
    known = len(numbers) in ((3, 4) if bearing else (1, 3)) and all(map(math.isfinite, numbers))
    if not known or (numbers[0] % 1 if bearing else min(numbers) <= 0):
        raise SpecsrError(
            f"orders: {item!r}: expected a number above zero or first:step:last, such as 3.57 or "
            "1:1:20, with 0.482* before it for a shaft of that ratio, or bearing=balls/ball/pitch"
        )
    if not (ratio > 0 and math.isfinite(ratio)):
        raise SpecsrError(f"orders: {item!r}: expected a ratio above zero")
    if bearing:
        return ratio * np.array(Bearing(int(numbers[0]), *numbers[1:]).orders(HARMONICS))
    start, step, end = numbers if len(numbers) == 3 else (numbers[0], 1.0, numbers[0])
    count = math.floor((end - start) / step * (1 + 1e-12) + 1e-9) + 1
    with np.errstate(over="ignore"):
        return ratio * (start + step * np.arange(min(max(count, 0), MOST_ORDERS + 1)))


@dataclass(frozen=True)
class Bearing:
    """Geometry of a rolling bearing whose outer ring stands and whose inner ring turns.

    Attributes:
        balls: number of rolling elements.
        ball: their diameter, any unit.
        pitch: pitch diameter, same unit.
        angle: contact angle, degrees.

    Raises:
        SpecsrError: no ball, or balls that do not fit into the pitch circle.
    """

    balls: int
    ball: float
    pitch: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        if self.balls < 1 or not 0 < self.ball < self.pitch or not 0 <= self.angle < 90:
            raise SpecsrError(
                f"bearing of {self.balls} balls of {self.ball:g} on a pitch of {self.pitch:g} at "
                f"{self.angle:g} degrees: expected balls smaller than the pitch, 0 to 90 degrees"
            )

    @property
    def _share(self) -> float:
        return self.ball / self.pitch * math.cos(math.radians(self.angle))

    @property
    def ftf(self) -> float:
        """Return the order of the cage (fundamental train frequency)."""
        return (1 - self._share) / 2

    @property
    def bpfo(self) -> float:
        """Return the order at which balls pass a point of the outer ring."""
        return self.balls * self.ftf

    @property
    def bpfi(self) -> float:
        """Return the order at which balls pass a point of the inner ring."""
        return self.balls * (1 + self._share) / 2

    @property
    def bsf(self) -> float:
        """Return the order of the rotation of a ball about its own axis."""
        return self.pitch / (2 * self.ball) * (1 - self._share**2)

    def named(self) -> dict[str, float]:
        """Return the orders by their usual names."""
        return {"FTF": self.ftf, "BSF": self.bsf, "BPFO": self.bpfo, "BPFI": self.bpfi}

    def orders(self, harmonics: int = 1) -> tuple[float, ...]:
        """Return the orders of cage and ball, and harmonics of those of both rings, ascending."""
        rings = (k * order for k in range(1, harmonics + 1) for order in (self.bpfo, self.bpfi))
        return tuple(sorted({self.ftf, self.bsf, *rings}))


def parse_bearing(text: str) -> Bearing:
    """Return the bearing of a text ``balls/ball/pitch`` or ``balls/ball/pitch/angle``.

    Raises:
        SpecsrError: another form, or a geometry that is none.
    """
    try:
        balls, *sizes = (float(part) for part in text.split("/"))
    except ValueError:
        balls, sizes = 0.5, []
    if balls % 1 or len(sizes) not in (2, 3) or not all(map(math.isfinite, sizes)):
        raise SpecsrError(
            f"bearing {text!r}: expected balls/ball/pitch or balls/ball/pitch/angle, such as "
            "9/7.94/39.04 (diameters in one unit, degrees)"
        )
    return Bearing(int(balls), *sizes)
