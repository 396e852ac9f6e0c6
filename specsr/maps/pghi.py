"""Phase gradient heap integration (PGHI): phase estimated from magnitudes alone.

For a Gaussian window g(t) = exp(-pi t² / gamma) the STFT is an analytic function up to a factor,
so the gradient of its phase follows from the gradient of its log magnitude.  The gradient is
integrated along the ridges of the map, the cells of highest magnitude first, because it is most
accurate there.

Source: Prusa, Balazs and Sondergaard, "A noniterative method for reconstruction of phase from
STFT magnitude", IEEE/ACM Trans. ASLP 25(5), 2017.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from specsr.maps.grid import Grid

HANN_GAMMA = 0.25645
"""gamma / n_fft² of the Gaussian closest to a Hann window, as published with the method."""


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
        (per frame, per row), each of the shape of ``magnitude``, float64.
    """
    tiny = np.finfo(np.float32).tiny
    log = np.log(np.maximum(magnitude, tiny, dtype=np.float64))
    # the spectrum is symmetric about DC and Nyquist; in time the edge values are repeated
    over_rows = np.gradient(np.pad(log, ((1, 1), (0, 0)), mode="reflect"), axis=0)[1:-1]
    over_frames = np.gradient(np.pad(log, ((0, 0), (1, 1)), mode="edge"), axis=1)[:, 1:-1]
    gamma, n_fft, hop = gamma_of(grid), grid.n_fft, grid.hop_length
    rows = first + np.arange(magnitude.shape[0])[:, None]
    per_frame = hop * n_fft / gamma * over_rows + 2 * np.pi * hop / n_fft * rows
    per_row = -gamma / (hop * n_fft) * over_frames - np.pi
    return per_frame, per_row


def integrate(
    magnitude: np.ndarray,
    grid: Grid,
    *,
    phase: np.ndarray | None = None,
    known: np.ndarray | None = None,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> np.ndarray:
    """Return the estimated phase of one channel in rad, shape [n_fft/2 + 1, frames], float32.

    Args:
        magnitude: |STFT|, shape [n_fft/2 + 1, frames].
        grid: full grid of the map.
        phase: known phase in rad, shape of ``magnitude``; read in the known rows only.
        known: rows with a known phase, bool [n_fft/2 + 1]; the integration starts from them.
        tolerance: cells below this fraction of the maximum get a random phase.
        seed: seed of the random phases.
    """
    magnitude = np.ascontiguousarray(magnitude, dtype=np.float32)
    result = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitude.shape)
    todo = magnitude > tolerance * magnitude.max()
    starts = np.zeros(0, dtype=np.int64)
    if known is not None and phase is not None and known.any():
        result[known] = phase[known]
        # only known cells beside an unknown row can be starting points
        edge = known & ~(np.roll(known, 1) & np.roll(known, -1))
        edge_cells = np.zeros_like(todo)
        edge_cells[edge] = todo[edge]
        starts = np.flatnonzero(edge_cells)
        todo[known] = False
    busy = np.flatnonzero(todo.any(axis=1))
    if busy.size:
        # one row on either side holds starting points, a second one is needed for their gradient
        first, end = max(0, busy[0] - 2), busy[-1] + 3
        part = magnitude[first:end]
        cells = np.flatnonzero(todo[first:end])
        order = cells[np.argsort(-part.ravel()[cells])]
        starts = starts - first * magnitude.shape[1]
        starts = starts[(starts >= 0) & (starts < part.size)]
        steps = phase_gradient(part, grid, first)
        _spread(part, *steps, result[first:end], todo[first:end], starts, order)
    # DC and Nyquist are real: keep the sign only, so that no magnitude is lost
    for row in (0, -1):
        if known is None or not known[row]:
            result[row] = np.where(np.cos(result[row]) < 0, np.pi, 0.0)
    return (result - 2 * np.pi * np.round(result / (2 * np.pi))).astype(np.float32)


@njit(cache=True)
def _push(heap, size, key, cell):  # type: ignore[no-untyped-def]  # compiled by numba
    """Insert a cell into the binary heap of cells, largest key on top; return the new size."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if key[heap[parent]] >= key[cell]:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = cell
    return size + 1


@njit(cache=True)
def _sift(heap, size, key):  # type: ignore[no-untyped-def]  # compiled by numba
    """Replace the top of the heap by its last cell; ``size`` is the size afterwards."""
    cell = heap[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and key[heap[child + 1]] > key[heap[child]]:
            child += 1
        if key[heap[child]] <= key[cell]:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = cell


@njit(cache=True)
def _spread(magnitude, per_frame, per_row, phase, todo, starts, order):  # type: ignore[no-untyped-def]  # compiled by numba
    """Integrate the phase differences over the cells to do, in place.

    Every step goes on from the cell of highest magnitude in the heap.  ``starts`` are cells with a
    known phase; ``order`` holds the cells to do in falling magnitude.  When the heap is empty, the
    first of them that is still to do starts a new region, with phase zero.
    """
    rows, frames = magnitude.shape
    key = magnitude.ravel()
    heap = np.empty(starts.size + order.size, dtype=np.int64)
    size = 0
    for cell in starts:
        size = _push(heap, size, key, cell)
    following = 0
    while True:
        if size == 0:
            while following < order.size:
                row, frame = divmod(order[following], frames)
                if todo[row, frame]:
                    break
                following += 1
            if following == order.size:
                return
            todo[row, frame] = False
            phase[row, frame] = 0.0
            size = _push(heap, size, key, order[following])
        cell = heap[0]
        size -= 1
        _sift(heap, size, key)
        row, frame = divmod(cell, frames)
        here = phase[row, frame]
        if frame + 1 < frames and todo[row, frame + 1]:
            todo[row, frame + 1] = False
            step = (per_frame[row, frame] + per_frame[row, frame + 1]) / 2
            phase[row, frame + 1] = here + step
            size = _push(heap, size, key, cell + 1)
        if frame > 0 and todo[row, frame - 1]:
            todo[row, frame - 1] = False
            step = (per_frame[row, frame] + per_frame[row, frame - 1]) / 2
            phase[row, frame - 1] = here - step
            size = _push(heap, size, key, cell - 1)
        if row + 1 < rows and todo[row + 1, frame]:
            todo[row + 1, frame] = False
            step = (per_row[row, frame] + per_row[row + 1, frame]) / 2
            phase[row + 1, frame] = here + step
            size = _push(heap, size, key, cell + frames)
        if row > 0 and todo[row - 1, frame]:
            todo[row - 1, frame] = False
            step = (per_row[row, frame] + per_row[row - 1, frame]) / 2
            phase[row - 1, frame] = here - step
            size = _push(heap, size, key, cell - frames)
