"""Phase gradient heap integration (PGHI): phase estimated from magnitudes alone.

For a Gaussian window g(t) = exp(-pi t² / gamma) the STFT is an analytic function up to a factor,
so the gradient of its phase follows from the gradient of its log magnitude.  The gradient is
integrated along the ridges of the map, the cells of highest magnitude first, because it is most
accurate there.  Here blocks of frames are integrated one after the other, each from the last frame
of the one before, which takes two thirds of the time at the same spectral convergence.

Source: Prusa, Balazs and Sondergaard, "A noniterative method for reconstruction of phase from
STFT magnitude", IEEE/ACM Trans. ASLP 25(5), 2017.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from specsr.maps.grid import Grid

HANN_GAMMA = 0.25645
"""gamma / n_fft² of the Gaussian closest to a Hann window, as published with the method."""

BLOCK = 128
"""Frames integrated at once: few enough for their cells to stay in the cache of a processor."""


def gamma_of(grid: Grid) -> float:
    """Return gamma in samples² of the Gaussian exp(-pi t² / gamma) closest to the window.

    For Hann this is the published value; for other windows a least-squares fit to the samples.  The
    fit would give 0.2583 n_fft² for Hann, within 1 % of the published value.
    """
    if grid.window in ("hann", "hanning"):
        return HANN_GAMMA * grid.n_fft**2
    from scipy.optimize import minimize_scalar

    window = grid.window_samples()
    window = window / window.max()
    t = np.arange(grid.n_fft) / grid.n_fft - 0.5

    def misfit(width: float) -> float:
        return float(np.square(window - np.exp(-np.pi * np.square(t) / width)).sum())

    return minimize_scalar(misfit, bounds=(1e-3, 2.0), method="bounded").x * grid.n_fft**2


def phase_gradient(
    magnitude: np.ndarray, grid: Grid, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the phase differences to the next frame and to the next row, in rad.

    Equations 15 and 16 of the source in the phase convention of `specsr.maps.transform.stft`, where
    the phase of a frame refers to its first sample (hence the -pi a row).

    Args:
        magnitude: |STFT|, shape [n_fft/2 + 1, frames], or a block of its rows; in the first and
            last row of a block the differences over rows are wrong.
        grid: full grid of the map.
        first: row of the map that the block starts with.

    Returns:
        (per frame, per row), each of the shape and dtype of ``magnitude``; the difference per frame
        without whole turns of the row's frequency, which single precision could not hold.
    """
    log = np.log(np.maximum(magnitude, magnitude.dtype.type(np.finfo(np.float32).tiny)))
    gamma, n_fft, hop = gamma_of(grid), grid.n_fft, grid.hop_length
    rows = first + np.arange(len(magnitude))
    # the spectrum is symmetric about DC and Nyquist; in time the edge values are repeated
    per_frame = np.zeros_like(log)
    np.subtract(log[2:], log[:-2], out=per_frame[1:-1])
    per_frame *= hop * n_fft / gamma / 2
    per_frame += (2 * np.pi * (rows * hop % n_fft / n_fft)).astype(log.dtype)[:, None]
    per_row = np.empty_like(log)
    np.subtract(log[:, 2:], log[:, :-2], out=per_row[:, 1:-1])
    per_row[:, 0] = log[:, min(1, log.shape[1] - 1)] - log[:, 0]
    per_row[:, -1] = log[:, -1] - log[:, max(-2, -log.shape[1])]
    per_row *= -gamma / (hop * n_fft) / 2
    per_row -= log.dtype.type(np.pi)
    return per_frame, per_row


def integrate(
    magnitude: np.ndarray,
    grid: Grid,
    *,
    phase: np.ndarray | None = None,
    known: np.ndarray | None = None,
    first: int = 0,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> np.ndarray:
    """Return the estimated phase of one channel in rad, shape of ``magnitude``, float32.

    Args:
        magnitude: |STFT|, shape [n_fft/2 + 1, frames], or a block of its rows.
        grid: full grid of the map.
        phase: known phase in rad, shape of ``magnitude``; read in the known rows only.
        known: rows with a known phase, bool [rows of the block]; the integration starts from them.
        first: row of the map that the block starts with.
        tolerance: cells below this fraction of the maximum get a random phase.
        seed: seed of the random phases.
    """
    magnitude = np.ascontiguousarray(magnitude, dtype=np.float32)
    # phases are fractions of a turn in 2^-32: sums are exact and lose whole turns by themselves
    turns = np.random.default_rng(seed).integers(-(2**31), 2**31, magnitude.shape, np.int32)
    todo = magnitude > tolerance * magnitude.max()
    starts = np.zeros_like(todo)
    if known is not None and phase is not None:
        # only known cells beside an unknown row can be starting points
        edge = known & ~(np.roll(known, 1) & np.roll(known, -1))
        starts[edge] = todo[edge]
        turns[edge] = _turns(phase[edge])
        todo[known] = False
    if todo.any():
        steps = [_turns(step / 2) for step in phase_gradient(magnitude, grid, first)]
        for at in range(0, magnitude.shape[1], BLOCK):
            if at:  # go on from the last frame of the block before
                starts[:, at - 1] |= todo[:, at - 1]
                todo[:, at - 1] = False
            part = np.s_[:, max(0, at - 1) : at + BLOCK]
            fields = [*(step[part] for step in steps), turns[part]]
            turns[part] = _integrate_block(magnitude[part], fields, todo[part], starts[part])
    result = turns.astype(np.float32) * np.float32(2 * np.pi / 2**32)
    if known is not None and phase is not None:
        result[known] = phase[known]
    # DC and Nyquist are real: keep the sign only, so that no magnitude is lost
    for row in {0, grid.rows - 1} & set(range(first, first + len(result))):
        if known is None or not known[row - first]:
            result[row - first] = np.where(np.cos(result[row - first]) < 0, np.pi, 0.0)
    return result


def _integrate_block(
    magnitude: np.ndarray, fields: list[np.ndarray], todo: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Return the phase of some frames, int32, with the cells to do integrated.

    Args:
        magnitude: |STFT| of the block, shape [rows, frames].
        fields: half the phase differences to the next frame and to the next row, and the phase.
        todo, starts: cells to do, and those with a known phase that they are reached from, bool.
    """
    # what a step needs of a cell lies side by side, because cells are visited in no order; a border
    # around the block saves the comparisons with its edges
    rows, frames = magnitude.shape
    cells = np.full((rows + 2, frames + 2, 4), -1, np.int32)
    for i, field in enumerate(fields):
        cells[1:-1, 1:-1, i] = field
    either = todo | starts
    order = np.flatnonzero(np.pad(either, 1))[np.argsort(-magnitude[either])]
    _spread(cells.reshape(-1, 4), order, np.pad(starts, 1).ravel(), frames + 2)
    return cells[1:-1, 1:-1, 2]


def _turns(phase: np.ndarray) -> np.ndarray:
    """Return phases in rad as fractions of a turn in 2^-32, int32, without whole turns."""
    return (phase * (2**32 / (2 * np.pi))).astype(np.int64).astype(np.int32)


_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
"""De Bruijn sequence: the product with the lowest bit of a word has another top for each bit.

Source: Leiserson, Prokop and Randall, "Using de Bruijn sequences to index a 1 in a computer word",
MIT, 1998.
"""
_POSITION = np.zeros(64, dtype=np.int64)
_POSITION[[((int(_SEQUENCE) << i) % 2**64) >> 58 for i in range(64)]] = range(64)


@njit(cache=True, inline="always")
def _lowest(word):  # type: ignore[no-untyped-def]  # compiled by numba
    """Return the position of the lowest bit of a word that is not zero."""
    return _POSITION[((word & (~word + np.uint64(1))) * _SEQUENCE) >> np.uint64(58)]


@njit(cache=True)
def _push(levels, rank):  # type: ignore[no-untyped-def]  # compiled by numba
    """Insert a rank into the queue of `_spread`."""
    for level in range(len(levels)):
        before = levels[level, rank >> 6]
        levels[level, rank >> 6] = before | (np.uint64(1) << np.uint64(rank & 63))
        if before:
            return
        rank >>= 6


@njit(cache=True)
def _pop(levels):  # type: ignore[no-untyped-def]  # compiled by numba
    """Remove and return the lowest rank of the queue of `_spread`; -1 if it is empty."""
    at = 0
    for level in range(len(levels) - 1, -1, -1):
        word = levels[level, at]
        if not word:
            return -1
        at = (at << 6) + _lowest(word)
    rank = at
    for level in range(len(levels)):
        word = levels[level, at >> 6]
        left = word & (word - np.uint64(1))
        levels[level, at >> 6] = left
        if left:
            break
        at >>= 6
    return rank


@njit(cache=True)
def _spread(cells, order, starts, width):  # type: ignore[no-untyped-def]  # compiled by numba
    """Integrate the phase over the cells of ``order``, in place.

    Every step goes on from the loudest cell in the queue; when it is empty, the loudest cell that
    is still to do starts a new region, with phase zero.  The queue is a set of ranks (positions in
    ``order``), one bit each in the words of its first level; each further level marks the words of
    the one before that are not empty.  So the loudest cell is found in a few steps.

    Args:
        cells: int32 [cells, 4]: half the phase differences to the next frame and to the next row,
            phase, and -1, which becomes the rank of a cell to do.
        order: cells in falling magnitude.
        starts: cells with a known phase, bool [cells].
        width: cells from one row to the next.
    """
    depth = 1
    while 64**depth < order.size:
        depth += 1
    levels = np.zeros((depth, (order.size + 63) >> 6), dtype=np.uint64)
    for rank in range(order.size):
        if starts[order[rank]]:
            _push(levels, rank)
        else:
            cells[order[rank], 3] = rank
    following = 0
    while True:
        rank = _pop(levels)
        if rank < 0:
            while following < order.size and cells[order[following], 3] < 0:
                following += 1
            if following == order.size:
                return
            rank = following
            cells[order[rank], 2] = 0
            cells[order[rank], 3] = -1
        cell = order[rank]
        for axis in range(2):
            distance = width if axis else 1
            for direction in (1, -1):
                to = cell + direction * distance
                found = cells[to, 3]
                if found >= 0:
                    step = cells[cell, axis] + cells[to, axis]
                    cells[to, 2] = cells[cell, 2] + direction * step
                    cells[to, 3] = -1
                    _push(levels, found)
