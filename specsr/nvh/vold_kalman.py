"""Vold-Kalman filter, second generation: complex envelopes of orders, all of them jointly.

    x(t) = sum_k Re(a_k(t) exp(2 pi j order_k turns_k(t)))

The envelopes a_k minimise the squared error plus r^2 |d^p a_k / dt^p|^2 with p = 1 or 2 poles
(angular displacement form).  Sources: Vold, Leuridan, SAE 931288, 1993; Tuma, Mech. Syst. Signal
Process. 19(1), 2005.

The envelopes are cubic splines with `KNOTS` knots per 1 / bandwidth, and the minimum is that over
all such splines.  So the banded system has a few unknowns for each 1 / bandwidth, not one for each
sample; its terms between orders, and between an order and its image
at the negative frequency, are exact.  At the sampling rate, r^2 of a narrow filter exceeds
the precision of float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import solveh_banded

from specsr.choices import BandwidthUnit, check
from specsr.errors import SpecsrError

KNOTS = 8
"""Knots of an envelope per 1 / bandwidth.  Beside envelopes solved for at every sample, the
difference is below -80 dB with two poles; with one pole, which passes 4 % of the noise at half the
rate of the knots, below -35 dB."""
FAR = 8
"""Difference (or sum) of two frequencies, in knots per second, above which the orders have no
common term: the spectrum of a product of two cubic B-splines is below 1e-5 there."""
SLOWEST = 1 / 20
"""A bandwidth in orders is not narrowed further in Hz below this fraction of the maximum speed."""
ABSENT = 0.01
"""Weight of the samples in which an order is out of range; the envelope falls to zero there."""
RIDGE = 1e-6
"""Weight of |a|^2: two orders of the same frequency then share the amplitude equally."""
STIFFEST = 1e7
"""Maximum of r^2 in knot intervals, which keeps the precision: with two poles that of a bandwidth
of 1/200 of the rate of the knots.  Narrower filters are as wide as that one."""

_CUBIC = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6
"""Coefficients of the four cubic B-splines that are not zero in an interval, ascending powers."""


@dataclass(frozen=True)
class VoldKalman:
    """Options of a Vold-Kalman filter.

    Attributes:
        bandwidth: full width between the -3 dB points, in ``unit``.
        unit: ``"Hz"``, or ``"orders"``: multiples of the rotation frequency of the order's shaft.
        poles: 2 has a flat pass band and steep flanks; 1 responds in half the time.
        widest: the bandwidth is widened up to this one, in ``unit``, where an order changes faster
            than ``bandwidth`` follows (`specsr.nvh.order_bandwidth`); None for a constant one.

    Raises:
        SpecsrError: a bandwidth that is not above zero, an unknown unit or number of poles, or a
            widest bandwidth that is not above ``bandwidth``.
    """

    bandwidth: float = 1.5
    unit: BandwidthUnit = "Hz"
    poles: Literal[1, 2] = 2
    widest: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.bandwidth) and self.bandwidth > 0):
            raise SpecsrError(
                f"bandwidth is {self.bandwidth}: expected a width above zero in {self.unit}"
            )
        check(self.unit, BandwidthUnit, "unit")
        if self.poles not in (1, 2):
            raise SpecsrError(f"poles is {self.poles}: expected 1 or 2")
        if self.widest is not None and not self.bandwidth < self.widest < math.inf:
            raise SpecsrError(
                f"the widest bandwidth is {self.widest:g} {self.unit}: expected more than the "
                f"bandwidth, {self.bandwidth:g} {self.unit}"
            )

    def hz(self, rpm: np.ndarray, highest: float) -> np.ndarray:
        """Return the bandwidth in Hz at speeds in 1/min, same shape.

        Args:
            rpm: speed of the shaft.
            highest: maximum speed of the recording, 1/min, for `SLOWEST`.
        """
        if self.unit == "Hz":
            return np.full(np.shape(rpm), self.bandwidth)
        return self.bandwidth / 60 * np.maximum(np.abs(rpm), SLOWEST * highest)

    @property
    def widening(self) -> float:
        """The widest bandwidth over ``bandwidth``; 1 for a constant one."""
        return 1.0 if self.widest is None else self.widest / self.bandwidth

    def response(self, offset: np.ndarray, bandwidth: float) -> np.ndarray:
        """Return the gain of the filter at an offset from the order.

        Args:
            offset: Hz, any shape.
            bandwidth: Hz.
        """
        omega = 2 * np.pi * np.asarray(offset, dtype=np.float64)
        return 1 / (1 + stiffness(bandwidth, self.poles) * omega ** (2 * self.poles))

    @property
    def memory(self) -> float:
        """Time over which the influence of a sample falls to 1e-6, times the bandwidth in Hz.

        The poles of 1 / (1 + r^2 s^2p) decay by pi B (sqrt(2) - 1)^(-1/2p) sin(pi / 2p) nepers
        per second.
        """
        order = 2 * self.poles
        decay = np.pi * (math.sqrt(2) - 1) ** (-1 / order) * math.sin(np.pi / order)
        return -math.log(1e-6) / decay


def stiffness(bandwidth: np.ndarray | float, poles: int) -> np.ndarray:
    """Return r^2 in s^(2 poles), for a gain 1 / (1 + r^2 omega^(2 poles)) of -3 dB at B / 2.

    The limit of Tuma's r^2 = (sqrt(2) - 1) / (2 - 2 cos(pi B / rate))^poles for a high rate.

    Args:
        bandwidth: full width B, Hz.
        poles: 1 or 2.
    """
    return (math.sqrt(2) - 1) / (np.pi * np.asarray(bandwidth)) ** (2 * poles)


def splines(positions: np.ndarray) -> np.ndarray:
    """Return the four cubic B-splines of an interval at positions 0 to 1 in it, [n, 4]."""
    return np.vander(positions, 4, increasing=True) @ _CUBIC.T


def _bending(derivative: int) -> np.ndarray:
    """Return the integrals of the products of derivatives of the B-splines, [4, 4]."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    slopes = np.polynomial.polynomial.polyder(_CUBIC.T, derivative)
    values = np.polynomial.polynomial.polyval((nodes + 1) / 2, slopes)  # [4, nodes]
    return (values * weights / 2) @ values.T


class Normal:
    """Normal equations of the envelopes in a stretch of ``intervals`` knot intervals.

    Unknowns are ``intervals + 3`` spline coefficients of the real and the imaginary part of each
    envelope, interleaved by knot.  `add` the samples, then `solve`.

    Args:
        intervals: number of knot intervals.
        step: samples in an interval.
        orders: number of orders, K.
        channels: number of channels, C.
    """

    def __init__(self, intervals: int, step: int, orders: int, channels: int) -> None:
        self.intervals, self.step, self.orders = intervals, step, orders
        size = (intervals + 3) * 2 * orders
        self._bands = np.zeros((8 * orders, size))
        self._right = np.zeros((size, channels))
        self._splines = splines(np.arange(step) / step)
        self._products = np.einsum("nd,ne->nde", self._splines, self._splines).reshape(step, 16)

    def add(
        self,
        first: int,
        samples: np.ndarray,
        phasors: np.ndarray,
        near: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Add samples from interval ``first`` on.

        Args:
            first: interval.
            samples: [C, n]; the last interval may be incomplete.
            phasors: exp(2 pi j order turns), zero where an order is out of range, [K, n].
            near: pairs of orders of which the difference, and of which the sum, of the frequencies
                is below `FAR`, bool [K, K] each.
        """
        count = -(-samples.shape[1] // self.step)
        missing = count * self.step - samples.shape[1]
        present = np.maximum(np.square(np.abs(phasors)), ABSENT)
        samples, phasors, present = (
            np.pad(x, [(0, 0), (0, missing)]) for x in (samples, phasors, present)
        )
        shape = (count, self.step)
        for k, phasor in enumerate(phasors):
            for c, channel in enumerate(samples):
                moments = (2 * channel * phasor.conj()).reshape(shape) @ self._splines / self.step
                for d, values in enumerate(moments.T):
                    for j, part in enumerate((values.real, values.imag)):
                        row = self._slice(self._right[:, c], first, count, d, 2 * k + j)
                        row += part
            for i in range(k + 1):
                beat = present[k] if i == k else None
                if i < k and near[0][k, i]:
                    beat = phasors[i] * phasor.conj()
                image = phasors[i] * phasor if near[1][k, i] else None
                if beat is not None or image is not None:
                    self._add_pair(first, (k, i), self._gram(beat), self._gram(image))

    def _add_pair(
        self, first: int, pair: tuple[int, int], beat: np.ndarray, image: np.ndarray
    ) -> None:
        """Add the products of two orders, in twice Re(a E) Re(b F), for E F* and E F."""
        k, i = pair
        self._add_block(self._bands, first, beat.real + image.real, 2 * k, 2 * i)
        self._add_block(self._bands, first, beat.real - image.real, 2 * k + 1, 2 * i + 1)
        self._add_block(self._bands, first, beat.imag - image.imag, 2 * k + 1, 2 * i)
        if k > i:
            self._add_block(self._bands, first, -beat.imag - image.imag, 2 * k, 2 * i + 1)

    def _gram(self, weights: np.ndarray | None) -> np.ndarray:
        """Return the products of the splines, weighted by the samples, [M, 4, 4]; None: zero."""
        if weights is None:
            return np.zeros((1, 4, 4))
        return (weights.reshape(-1, self.step) @ self._products / self.step).reshape(-1, 4, 4)

    def _slice(self, row: np.ndarray, first: int, count: int, d: int, k: int) -> np.ndarray:
        width = 2 * self.orders
        start = (first + d) * width + k
        return row[start : start + count * width : width]

    def _add_block(self, bands: np.ndarray, first: int, gram: np.ndarray, k: int, i: int) -> None:
        """Add the products [M, 4, 4] of unknowns k >= i of a knot to the lower ``bands``."""
        for d in range(4):
            for e in range(d + 1):
                below = (d - e) * 2 * self.orders
                band = self._slice(bands[below + k - i], first, len(gram), e, i)
                band += gram[:, d, e]
                if d > e and k > i:
                    band = self._slice(bands[below + i - k], first, len(gram), e, k)
                    band += gram[:, d, e]

    def solve(self, bandwidths: np.ndarray, seconds: float, poles: int) -> np.ndarray:
        """Return the spline coefficients of the envelopes, complex [K, intervals + 3, C].

        Args:
            bandwidths: of every order in every interval, Hz, [K, intervals].
            seconds: length of an interval.
            poles: 1 or 2.
        """
        bending, mass = _bending(poles), _bending(0)
        bands, right = self._bands.copy(), self._right.copy()
        stiff = np.minimum(stiffness(bandwidths, poles) / seconds ** (2 * poles), STIFFEST)
        for k in range(self.orders):
            own = stiff[k, :, None, None] * bending + RIDGE * mass
            self._add_block(bands, 0, own, 2 * k, 2 * k)
            self._add_block(bands, 0, own, 2 * k + 1, 2 * k + 1)
        found = solveh_banded(
            bands, right, overwrite_ab=True, overwrite_b=True, lower=True,
            check_finite=False,
        ).reshape(self.intervals + 3, self.orders, 2, -1)  # fmt: skip
        return np.moveaxis(found[:, :, 0] + 1j * found[:, :, 1], 1, 0)


def envelope(coefficients: np.ndarray, step: int) -> np.ndarray:
    """Return an envelope at every sample of its intervals, complex [C, intervals * step].

    Args:
        coefficients: of one order, [intervals + 3, C].
        step: samples in an interval.
    """
    return _between(coefficients, splines(np.arange(step) / step))


def at_centres(coefficients: np.ndarray) -> np.ndarray:
    """Return an envelope at the centre of every interval, complex [C, intervals].

    Args:
        coefficients: of one order, [intervals + 3, C].
    """
    return _between(coefficients, splines(np.array([0.5])))


def _between(coefficients: np.ndarray, basis: np.ndarray) -> np.ndarray:
    count = len(coefficients) - 3
    four = np.stack([coefficients[d : d + count] for d in range(4)])  # [4, M, C]
    return np.einsum("nd,dmc->cmn", basis, four, optimize=True).reshape(four.shape[2], -1)
