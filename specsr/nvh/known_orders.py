"""Orders that a machine is known to have: a list in text, and those of a rolling bearing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError

MOST = 1000
"""Maximum number of orders in a list."""

SMALLEST, LARGEST = 1e-9, 1e9
"""Range of orders: they are rounded to nine decimals."""


def parse_orders(text: str) -> tuple[float, ...]:
    """Return the orders of a text, ascending, each once.

    Items are separated by commas: a number, or a range ``first:step:last`` with its last value;
    ``*ratio`` behind an item multiplies it, as for the orders of a second shaft: ``1:1:20*2.613``.

    Raises:
        SpecsrError: an item that is neither, an order out of range, or more than `MOST`.
    """
    orders: set[float] = set()
    for item in text.split(","):
        body, _, factor = item.partition("*")
        try:
            numbers = [float(part) for part in body.split(":")]
            ratio = float(factor) if factor else 1.0
        except ValueError:
            numbers, ratio = [], 1.0
        if len(numbers) not in (1, 3) or not all(x > 0 and math.isfinite(x) for x in numbers):
            raise SpecsrError(
                f"orders: {item.strip()!r}: expected a number above zero or first:step:last, such "
                "as 3.57 or 1:1:20, and *2.613 behind it for a shaft of that ratio"
            )
        if not (ratio > 0 and math.isfinite(ratio)):
            raise SpecsrError(f"orders: {item.strip()!r}: expected a ratio above zero")
        first, step, last = numbers if len(numbers) == 3 else (numbers[0], 1.0, numbers[0])
        count = math.floor((last - first) / step * (1 + 1e-12) + 1e-9) + 1
        if len(orders) + count > MOST:
            raise SpecsrError(f"orders: {item.strip()!r}: more than {MOST} orders")
        with np.errstate(over="ignore"):
            values = ratio * (first + step * np.arange(count))
        if not ((values >= SMALLEST) & (values <= LARGEST)).all():
            raise SpecsrError(
                f"orders: {item.strip()!r}: expected orders from {SMALLEST:g} to {LARGEST:g}"
            )
        orders.update(np.round(values, 9).tolist())
    return tuple(sorted(orders))


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
