"""Which orders a Vold-Kalman filter cannot separate, found from the speeds alone, before a cut.

The beat of two orders, exp(j (theta_1 - theta_2)), passed through the filter itself is their
coherence: 1 where the filter sees one order only, 0 where the beat turns many times within its
memory.  Noise in the envelopes of two orders grows by 1 / (1 - coherence^2).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from specsr.nvh.shafts import Shaft, ShaftOrder
from specsr.nvh.vold_kalman import KNOTS, VoldKalman

LIMIT = math.sqrt(0.5)
"""Coherence above which two orders count as not separated: noise grows by 3 dB.  At constant
speeds that is a distance below half the bandwidth."""
FINE = 4
"""Instants of the beat per knot; beats above `KNOTS` bandwidths are far apart and are left out."""
WORST = 1e-3
"""Least 1 - coherence^2 in texts."""
CHUNK = 1 << 20
"""Samples over which the angle is integrated at a time."""


@dataclass(frozen=True)
class Unresolved:
    """Two orders that are not separated at some time.

    Attributes:
        first, second: the orders with their shafts, as text.
        span: first and last such instant, s; several stretches count as one.
        rpm: speed of the shaft of ``first`` at both, 1/min.
        seconds: total time for which the coherence is above `LIMIT`.
        coherence: its maximum.
        distance: smallest difference of the frequencies, Hz.
        bandwidth: the largest bandwidth that separates them throughout, in the unit of the method;
            None if none does that fits into the recording twice.
    """

    first: str
    second: str
    span: tuple[float, float]
    rpm: tuple[float, float]
    seconds: float
    coherence: float
    distance: float
    bandwidth: float | None

    def text(self, unit: str) -> str:
        """Return the finding as a line; ``unit`` is that of the bandwidth."""
        advice = (
            "no bandwidth separates them; cut one of them, or a part where they differ"
            if self.bandwidth is None
            else f"a bandwidth of {self.bandwidth:.2g} {unit} separates them"
        )
        growth = -10 * math.log10(max(1 - self.coherence**2, WORST))
        return (
            f"orders {self.first} and {self.second} are not safely separated for "
            f"{self.seconds:.3g} s between {self.span[0]:.4g} and {self.span[1]:.4g} s "
            f"({self.rpm[0]:.0f} to {self.rpm[1]:.0f} rpm), where they come within "
            f"{self.distance:.2g} Hz (noise in both grows by {growth:.0f} dB"
            f"{' or more' if growth > 29 else ''}): {advice}"
        )


def unresolved(
    lines: Sequence[ShaftOrder],
    length: int,
    rate: float,
    start: float = 0.0,
    method: VoldKalman = VoldKalman(),
) -> list[Unresolved]:
    """Return the pairs of orders that are not separated at these speeds and this bandwidth.

    The first and last 1 / bandwidth are left out, where the filter sees one side only; of a shorter
    recording all of it counts.

    Args:
        lines: orders and shafts.
        length: samples of the recording.
        rate: Hz.
        start: time of the first sample, s.
        method: bandwidth and poles.
    """
    highest = {line.shaft.name: line.shaft.span[1] for line in lines}
    widest = max(float(method.hz(np.array(x), x)) for x in highest.values())
    step = max(1, int(rate / (KNOTS * FINE * widest)))
    at = np.arange(step // 2, length, step)
    at = at[: len(at) // FINE * FINE]
    if not len(at):
        return []
    shafts = {line.shaft.name: line.shaft for line in lines}
    turns = {name: _turns(shaft, at, length, rate) for name, shaft in shafts.items()}
    rpm = {name: shaft.at(at) for name, shaft in shafts.items()}
    found = []
    for one, two in itertools.combinations(lines, 2):
        a, b = one.shaft.name, two.shaft.name
        gap = (one.order * rpm[a] - two.order * rpm[b]) / 60
        width = np.maximum(method.hz(rpm[a], highest[a]), method.hz(rpm[b], highest[b]))
        if np.abs(gap).min() > widest and (gap > 0).all() == (gap > 0).any():
            continue
        beat = np.exp(2j * np.pi * ((one.order * turns[a] - two.order * turns[b]) % 1))
        beat[np.abs(gap) > KNOTS * widest] = 0
        beat = np.where(np.minimum(one.order * rpm[a], two.order * rpm[b]) > 0, beat, 0)
        pair = _Pair(beat, width, step / rate, method)
        coherence = pair.coherence(1.0)
        above = np.flatnonzero(coherence > LIMIT)
        if not above.size:
            continue
        first, last = above[0] * FINE, above[-1] * FINE + FINE - 1
        factor = pair.largest()
        found.append(
            Unresolved(
                str(one), str(two),
                (start + at[first] / rate, start + at[last] / rate),
                (float(rpm[a][first]), float(rpm[a][last])),
                above.size * FINE * step / rate,
                float(coherence.max()), float(np.abs(gap).min()),
                None if factor is None else factor * method.bandwidth,
            )
        )  # fmt: skip
    return sorted(found, key=lambda pair: -pair.coherence)


def _turns(shaft: Shaft, at: np.ndarray, length: int, rate: float) -> np.ndarray:
    """Return the angle of a shaft at some samples, revolutions; bounded memory."""
    found = np.empty(len(at))
    begin = 0.0
    for first in range(0, length, CHUNK):
        last = min(first + CHUNK, length - 1)
        turns = shaft.turns(first, last + 1, begin, rate)
        low, high = np.searchsorted(at, (first, last + 1))
        found[low:high] = turns[at[low:high] - first]
        begin = float(turns[-1])
    return found


@dataclass(frozen=True, eq=False)
class _Pair:
    """The beat of two orders.

    Attributes:
        beat: exp(j difference of the phases), [T].
        width: bandwidth at every instant, Hz, [T].
        seconds: from one instant to the next.
        method: bandwidth and poles.
    """

    beat: np.ndarray
    width: np.ndarray
    seconds: float
    method: VoldKalman

    def coherence(self, factor: float) -> np.ndarray:
        """Return the coherence at a factor of the bandwidth, [T // (FINE / factor)]; 0 at edges."""
        group = max(FINE, int(FINE / factor))
        count = len(self.beat) // group
        poles = self.method.poles
        if count <= 2 * poles:
            return np.ones(1)
        beat, width = (
            x[: count * group].reshape(count, group).mean(axis=1) for x in (self.beat, self.width)
        )
        width = factor * width
        seconds = group * self.seconds
        # r^2 (2 - 2 cos)^p at half the bandwidth, at this rate
        half = np.minimum(np.pi * width * seconds, np.pi)
        weights = (math.sqrt(2) - 1) / (2 - 2 * np.cos(half)) ** poles
        found = np.abs(solveh_banded(_bands(weights, poles), beat, lower=True))
        edge = np.ceil(1 / (width[[0, -1]] * seconds)).astype(int)
        if edge.sum() < count:  # a recording that is all edge is judged by its edges
            found[: edge[0]] = 0
            found[count - edge[1] :] = 0
        return found

    def largest(self) -> float | None:
        """Return the largest factor of the bandwidth that separates the pair, below 1, or None."""
        duration = len(self.beat) * self.seconds
        for n in range(1, 64):
            factor = 2 ** (-n / 2)
            if factor * self.width.mean() * duration < 4:
                return None  # the edges, twice 1 / bandwidth, fill half of the recording
            if self.coherence(factor).max() <= LIMIT:
                return factor
        return None


def _bands(weights: np.ndarray, poles: int) -> np.ndarray:
    """Return the lower bands of 1 + D' W D for differences D of order ``poles``."""
    size = len(weights)
    taps = np.array([-1.0, 1.0]) if poles == 1 else np.array([1.0, -2.0, 1.0])
    bands = np.zeros((poles + 1, size))
    bands[0] = 1
    count = size - poles
    for i, j in itertools.product(range(poles + 1), repeat=2):
        if i >= j:
            bands[i - j, j : j + count] += taps[i] * taps[j] * weights[:count]
    return bands
