"""Compiled updates of the linear model of a coarse map (`specsr.nvh.order_model`).

Multiplicative updates for the Itakura-Saito divergence with fixed shapes (Févotte, Bertin, Durrieu,
Neural Computation 21(3), 2009).  Sums run in one order on one thread: equal bits from run to run.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

EXPONENT = 0.7
"""Of the multiplicative updates; below 1 for stability."""


@njit(cache=True)
def _spread_surface(level, rows, columns, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    (a, up), (b, right) = rows, columns
    along = np.empty((level.shape[0], len(b)))  # at the columns first: knots are few rows
    for k in range(level.shape[0]):
        for t in range(len(b)):
            along[k, t] = (1 - right[t]) * level[k, b[t]] + right[t] * level[k, b[t] + 1]
    for r in range(len(a)):
        low, high, part = along[a[r]], along[a[r] + 1], up[r]
        for t in range(len(b)):
            out[r, t] += (1 - part) * low[t] + part * high[t]


@njit(cache=True)
def surface_sums(values, rows, columns, shape):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the sum of values [F, T] that falls to every knot of a surface, [shape]."""
    (a, up), (b, right) = rows, columns
    along = np.zeros((shape[0], len(b)))
    for r in range(len(a)):
        low, high, part = along[a[r]], along[a[r] + 1], up[r]
        for t in range(len(b)):
            low[t] += (1 - part) * values[r, t]
            high[t] += part * values[r, t]
    out = np.zeros(shape)
    for k in range(shape[0]):
        for t in range(len(b)):
            out[k, b[t]] += (1 - right[t]) * along[k, t]
            out[k, b[t] + 1] += right[t] * along[k, t]
    return out


@njit(cache=True)
def line_sums(values, entries, size):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the sum of values [F, T] that falls to every knot of lines, [size]."""
    cell, knot, below, above = entries
    out = np.zeros(size)
    flat = values.ravel()
    for i in range(len(cell)):
        out[knot[i]] += below[i] * flat[cell[i]]
        out[knot[i] + 1] += above[i] * flat[cell[i]]
    return out


@njit(cache=True)
def _expect(expected, entries, places, levels, tiny):  # type: ignore[no-untyped-def]  # pragma: no cover
    lines, noise, clicks = levels
    expected[:] = tiny
    _spread_surface(noise, places[0][0], places[0][1], expected)
    _spread_surface(clicks, places[1][0], places[1][1], expected)
    cell, knot, below, above = entries
    flat = expected.ravel()
    for i in range(len(cell)):
        flat[cell[i]] += below[i] * lines[knot[i]] + above[i] * lines[knot[i] + 1]


@njit(cache=True)
def update(power, expected, entries, places, levels, iterations, tiny):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Apply multiplicative updates to levels (lines, noise, clicks) and set the expected power.

    Args:
        power, expected: of the coarse map, [F, T].
        entries: of the lines, `specsr.nvh.order_lines.LineCells.entries`.
        places: of the noise, of the clicks: (knot below, weight of the next) of rows, columns.
        levels: power of the lines [O K], of the noise and of the clicks [rows, columns of knots].
        iterations: number of updates.
        tiny: added to the expected power.
    """
    lines, noise, clicks = levels
    cell, knot, below, above = entries
    inverse, ratio = np.empty(power.shape), np.empty(power.shape)
    for _ in range(iterations):
        _expect(expected, entries, places, levels, tiny)
        for r in range(power.shape[0]):
            for t in range(power.shape[1]):
                inverse[r, t] = 1 / expected[r, t]
                ratio[r, t] = power[r, t] * inverse[r, t] * inverse[r, t]
        up, down = np.zeros(len(lines)), np.zeros(len(lines))
        flat_up, flat_down = ratio.ravel(), inverse.ravel()
        last, a, b, c, d = 0, 0.0, 0.0, 0.0, 0.0
        for i in range(len(cell)):
            if knot[i] != last:  # entries of a knot are neighbours: sums in registers are faster
                up[last] += a
                up[last + 1] += b
                down[last] += c
                down[last + 1] += d
                last, a, b, c, d = knot[i], 0.0, 0.0, 0.0, 0.0
            x, y = flat_up[cell[i]], flat_down[cell[i]]
            a += below[i] * x
            b += above[i] * x
            c += below[i] * y
            d += above[i] * y
        if len(lines):
            up[last] += a
            up[last + 1] += b
            down[last] += c
            down[last + 1] += d
        for i in range(len(lines)):
            if lines[i] > 0:
                lines[i] *= (up[i] / (down[i] + 1e-300)) ** EXPONENT
        for level, (rows, columns) in ((noise, places[0]), (clicks, places[1])):
            more = surface_sums(ratio, rows, columns, level.shape)
            less = surface_sums(inverse, rows, columns, level.shape)
            level *= (more / (less + 1e-300)) ** EXPONENT
    _expect(expected, entries, places, levels, tiny)


@njit(cache=True)
def line_gains(power, expected, first, entries, lines):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the log-likelihood lost without each order, [O]; arrays flat, see `update`."""
    cell, knot, below, above = entries
    gains = np.zeros(len(first) - 1)
    for o in range(len(gains)):
        for i in range(first[o], first[o + 1]):
            own = below[i] * lines[knot[i]] + above[i] * lines[knot[i] + 1]
            with_it = expected[cell[i]]
            if own > 1e-3 * with_it:
                without = max(with_it - own, 1e-6 * with_it)
                gains[o] += power[cell[i]] * (1 / without - 1 / with_it) + math.log(
                    without / with_it
                )
    return gains
