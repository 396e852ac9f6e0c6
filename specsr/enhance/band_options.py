"""What is known of the upper band of a recording, and how its waveform is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from specsr.choices import Consistency, Phase, check
from specsr.errors import SpecsrError

ITERATIONS = 16
"""Iterations of the phase estimate; few are needed, as the phase of the lower band is known."""


@dataclass(frozen=True)
class BandOptions:
    """Options of `specsr.upscale_band`.

    Attributes:
        phase: method that estimates the phase of the upper band, see `specsr.choices.Phase`.
            ``auto`` uses the measured phase of the lower band and is recommended; ``pghi`` alone
            gives too low levels.
        iterations: number of iterations of the phase estimate.
        consistency: None to put the measured band back; ``"off"`` to keep the estimate of it.
        top: highest frequency with content in Hz, above which the result is empty; None where it
            is not known, see `specsr.enhance.band_top.assumed_top`.
        orders: of the machine, which continue as lines above the measured band; the recording needs
            its speed.

    Raises:
        SpecsrError: an option out of range.
    """

    phase: Phase = "auto"
    iterations: int = ITERATIONS
    consistency: Consistency | None = None
    top: float | None = None
    orders: Sequence[float] = ()

    def __post_init__(self) -> None:
        check(self.phase, Phase, "phase")
        if self.iterations < 0:
            raise SpecsrError(f"iterations is {self.iterations}: expected zero or more")
        if self.consistency not in (None, "off"):
            raise SpecsrError(
                f"consistency is {self.consistency!r}: the pair band takes only 'off'; leave it "
                "out to put the measured band back"
            )
        if self.top is not None and not 0 < self.top < math.inf:
            raise SpecsrError(f"top is {self.top}: expected a frequency in Hz above zero")
        if wrong := [order for order in self.orders if not 0 < order < math.inf]:
            raise SpecsrError(f"orders hold {wrong[0]}: expected numbers above zero")
        object.__setattr__(self, "orders", tuple(map(float, self.orders)))
