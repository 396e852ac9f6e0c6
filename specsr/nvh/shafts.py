"""Shafts with their own speeds, and the orders of each; both as objects and in text."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.speeds import FASTEST
from specsr.nvh.known_orders import MOST_ORDERS, parse_orders
from specsr.nvh.speed import revolutions

NOT_IN_NAMES = ',=*:/\\"<>|?{}'
"""Characters that the name of a shaft in text does not hold: separators, or not for file names."""


@dataclass(frozen=True, eq=False)
class Shaft:
    """A shaft and its speed over the samples of a recording.

    Attributes:
        name: of the shaft.
        values: speed, 1/min, one per sample, or at ``positions``, [M].
        positions: samples that the values belong to, increasing, [M]; between them the speed is
            linear, outside it is held.  None: one value per sample.
        ratio: factor of the speed.
        confidence: times in s, and the probability that a speed found in the recording is right
            there, [M] each; None for a speed that was given.
    """

    name: str
    values: np.ndarray
    positions: np.ndarray | None = None
    ratio: float = 1.0
    confidence: tuple[np.ndarray, np.ndarray] | None = None

    def at(self, samples: np.ndarray) -> np.ndarray:
        """Return the magnitude of the speed at some samples, 1/min, same shape."""
        if self.positions is None:
            found = self.values[np.clip(samples, 0, len(self.values) - 1)]
        else:
            found = np.interp(samples, self.positions, self.values)
        return self.ratio * np.abs(found)

    def turns(self, first: int, last: int, begin: float, rate: float) -> np.ndarray:
        """Return the angle at samples ``first`` to ``last`` (exclusive), revolutions.

        Args:
            first, last: samples.
            begin: angle at the first of them, revolutions.
            rate: sampling rate, Hz.
        """
        return begin + revolutions(self.at(np.arange(first, last)) / 60, rate)

    @functools.cached_property
    def span(self) -> tuple[float, float]:
        """Lowest and highest magnitude of the speed, 1/min."""
        speed = self.ratio * np.abs(self.values)
        return float(speed.min()), float(speed.max())


@dataclass(frozen=True, eq=False)
class ShaftOrder:
    """An order of a shaft."""

    order: float
    shaft: Shaft

    def __str__(self) -> str:
        return f"{self.shaft.name} {self.order:g}".strip()


def shaft_orders(
    orders: Sequence[float] | Mapping[str, Sequence[float]], shafts: Sequence[Shaft]
) -> tuple[ShaftOrder, ...]:
    """Return orders with their shafts.

    Args:
        orders: of every shaft; or name of a shaft -> its orders.
        shafts: all shafts.

    Raises:
        SpecsrError: no order, an unknown shaft, an order that is not above zero or comes twice.
    """
    of = orders if isinstance(orders, Mapping) else {shaft.name: orders for shaft in shafts}
    known = {shaft.name: shaft for shaft in shafts}
    found = []
    for name, values in of.items():
        if name not in known:
            raise SpecsrError(f"orders of the shaft {name!r}: expected one of {', '.join(known)}")
        for order in values:
            if not (math.isfinite(order) and order > 0):
                raise SpecsrError(f"order is {order}: expected a number above zero, such as 2")
            found.append(ShaftOrder(float(order), known[name]))
    if not found:
        raise SpecsrError("no order is named: give some, such as 2,4")
    if len({str(line) for line in found}) < len(found):
        raise SpecsrError("an order of a shaft comes twice: name each once")
    _check_different(found)
    return tuple(found)


def _check_different(lines: Sequence[ShaftOrder]) -> None:
    """Raise `SpecsrError` for two orders of one frequency throughout."""
    shafts = list({id(line.shaft): line.shaft for line in lines}.values())
    for a, b in itertools.combinations_with_replacement(shafts, 2):
        if not _proportional(a, b):
            continue
        one, two = ([line for line in lines if line.shaft is shaft] for shaft in (a, b))
        for first, second in itertools.product(one, two):
            same = math.isclose(first.order * a.ratio, second.order * b.ratio, rel_tol=1e-9)
            if first is not second and same:
                raise SpecsrError(
                    f"orders {first} and {second} have the same frequency throughout: name one"
                )


def _proportional(a: Shaft, b: Shaft) -> bool:
    """Whether the speeds differ at most by their ratios."""
    if (a.positions is None) != (b.positions is None):
        return False
    same = a.values is b.values or np.array_equal(a.values, b.values)
    if a.positions is not None and b.positions is not None:
        same = same and np.array_equal(a.positions, b.positions)
    return same


@dataclass(frozen=True)
class ShaftText:
    """A shaft as a text names it, before its speed is read.

    Attributes:
        name: of the shaft.
        source: ``rpm``, the speed of the recording; a speed in 1/min; a file; or a channel of the
            recording.
        ratio: factor of the speed.
    """

    name: str
    source: str
    ratio: float = 1.0

    @property
    def of_recording(self) -> bool:
        """Whether the speed is that of the recording."""
        return self.source == "rpm"

    @property
    def rpm(self) -> float | None:
        """Constant speed in 1/min without the ratio; None for another source."""
        try:
            return float(self.source)
        except ValueError:
            return None

    @property
    def table(self) -> Path | None:
        """File that holds the speed; None for another source, or if there is no such file."""
        if self.of_recording or self.rpm is not None or not Path(self.source).is_file():
            return None
        return Path(self.source)


def parse_shaft(text: str) -> ShaftText:
    """Return a shaft: ``motor: rpm``, ``pump: rpm*0.482``, ``fan: 1480`` or ``aux: aux.csv``.

    Raises:
        SpecsrError: other text, or a constant speed out of range.
    """
    name, colon, body = (part.strip() for part in text.partition(":"))
    source, star, factor = (part.strip() for part in body.partition("*"))
    try:
        ratio = float(factor) if star else 1.0
    except ValueError:
        ratio = math.nan
    fitting = name and name.isprintable() and not set(name) & set(NOT_IN_NAMES) and source
    if not (colon and fitting and math.isfinite(ratio) and ratio > 0):
        raise SpecsrError(
            f"shaft {text!r}: expected NAME: SPEED, such as motor: rpm, pump: rpm*0.482, "
            "fan: 1480 or aux: aux.csv"
        )
    shaft = ShaftText(name, source, ratio)
    if shaft.rpm is not None and not (shaft.rpm > 0 and shaft.rpm * ratio <= FASTEST):
        raise SpecsrError(
            f"shaft {text!r}: the speed is {source}: expected 1/min above zero and up to "
            f"{FASTEST:g}, such as fan: 1480"
        )
    return shaft


def parse_shafts(texts: Sequence[str]) -> tuple[ShaftText, ...]:
    """Return shafts, see `parse_shaft`.

    Raises:
        SpecsrError: as `parse_shaft`, or a name that comes twice.
    """
    shafts = tuple(map(parse_shaft, texts))
    names = [shaft.name for shaft in shafts]
    if len(set(names)) < len(names):
        raise SpecsrError(f"--shaft names {', '.join(names)}: expected each name once")
    return shafts


def named_orders(text: str, shafts: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return shaft -> orders of a text of items as in `parse_orders`, ascending.

    The name of a shaft, such as ``pump=1..3``, holds for its item and those that follow without a
    name; items before the first name are under "".  Beside shafts with names no item has another
    name, but that of a bearing, ``bearing=balls/ball/pitch``, which is under "".

    Args:
        text: items with commas.
        shafts: names of the shafts.

    Raises:
        SpecsrError: as `parse_orders`; an unknown name.
    """
    found: dict[str, set[float]] = {}
    last = ""
    for item in text.split(","):
        name, equals, body = (part.strip() for part in item.partition("="))
        own = bool(equals) and name in shafts
        last = (name if own else "") if equals else last
        if equals and not own and any(shafts) and "/" not in body:
            raise SpecsrError(
                f"orders: {item.strip()!r}: no shaft is named {name!r}: expected one of "
                f"{', '.join(shafts)}"
            )
        found.setdefault(last, set()).update(parse_orders(body if own else item))
    return {name: tuple(sorted(values)) for name, values in found.items()}


def parse_shaft_orders(text: str, shafts: Sequence[str]) -> dict[str, list[float]]:
    """Return shaft -> orders of a text, see `named_orders`; those without a shaft are of each.

    Args:
        text: items with commas.
        shafts: names of the shafts.

    Raises:
        SpecsrError: as `named_orders`, or more than `MOST_ORDERS` orders.
    """
    if not any(shafts):  # a name is for the reader of a ratio or a bearing, not for a shaft
        for item in text.split(","):
            name, equals, body = (part.strip() for part in item.partition("="))
            if equals and not any(mark in item for mark in "*/"):
                raise SpecsrError(
                    f"orders: {item.strip()!r}: no shaft is named {name!r}: give it, such as "
                    f"--shaft '{name}: rpm*0.5'"
                )
    named = named_orders(text, shafts)
    every = named.pop("", ())
    found = {name: sorted({*every, *named.get(name, ())}) for name in shafts}
    if sum(map(len, found.values())) > MOST_ORDERS:
        raise SpecsrError(f"orders: {text!r}: more than {MOST_ORDERS} orders over all shafts")
    return {name: values for name, values in found.items() if values}
