"""Bounds of the levels of synthetic run-ups: what a coarse map leaves unknown of orders and noise.

Orders that share a window interfere: the expected power holds their beats, which depend on their
phases.  The *phase oracle* knows every order, its level at every time, and the noise; only the
phases are drawn, and weighted by the likelihood of the measured coarse cells around each cell.  Its
estimate is the weighted mean level.  To its error the Cramér-Rao bound adds that of levels and
positions which are fitted to the coarse cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from scipy.signal import hilbert
from scipy.special import gammaln, logsumexp

from specsr.maps.grid import Grid
from specsr.maps.levels import to_db
from specsr.maps.pooling import enlarge, noise_variance, pool_power
from specsr.maps.transform import stft
from specsr.nvh.speed import column_rotation_hz
from specsr.synth.machine import RunUp
from specsr.synth.synthesis import Synthetic, synthesise

DRAWS = 256
"""Draws of the phases."""

AROUND = (3, 7)
"""Coarse rows and columns whose measured power weights the draws."""

BETWEEN = 0.1
"""Relative variance added to that of a measured coarse cell: it is between the draws."""

SECONDS = 0.32
"""Time in which fitted levels and positions are constant, s."""

LEVEL_PRIOR, ROW_PRIOR, SPEED_PRIOR = 10.0, 2.0, 0.01
"""Standard deviations known beforehand: of a level in dB, a position in rows, a relative speed."""

STEP = 0.25
"""Displacement of a line for its derivative, rows."""

DB = 10 / np.log(10)


@dataclass(frozen=True, eq=False)
class Parts:
    """A run-up in parts, on the rows of a fine map below Nyquist; powers as in the map.

    Attributes:
        orders: ascending, each once, [J].
        lines: STFT of every order, complex64 [J, F, T].
        slopes: change of the power of every order for each row that it is higher, [J, F, T].
        known: STFT of the impacts, complex [F, T].
        noise: expected power of the noise, [F, T].
    """

    orders: np.ndarray
    lines: np.ndarray
    slopes: np.ndarray
    known: np.ndarray
    noise: np.ndarray

    @property
    def incoherent(self) -> np.ndarray:
        """Expected power without interference of the orders, [F, T]."""
        power = np.zeros(self.noise.shape)
        for line in self.lines:
            power += np.square(np.abs(line))
        return power + np.square(np.abs(self.known)) + self.noise


def parts_of(run: RunUp, made: Synthetic, grid: Grid) -> Parts:
    """Return a run-up in parts.

    Args:
        run: its parameters; tones without an offset.
        made: the run-up.
        grid: of the fine map.
    """
    orders = np.unique([tone.order for tone in run.orders])
    bare = synthesise(replace(run, impacts=()))
    each = []
    for order in orders:
        tones = tuple(tone for tone in run.orders if tone.order == order)
        alone = synthesise(replace(run, orders=tones, impacts=()))
        each.append(alone.clean.samples[0].astype(np.float64))
    # a run-up has the level of its parameters: the parts of the sum are found by least squares
    gains = np.linalg.lstsq(np.array(each).T, bare.clean.samples[0].astype(np.float64))[0]
    loudest = max(bare.envelopes, key=lambda k: float(bare.envelopes[k].max()))
    gain = float(np.median(made.envelopes[loudest] / bare.envelopes[loudest]))
    waves = np.array(each) * (gains * gain)[:, None]
    factor = grid.factor()[:-1, None]

    def spectrum(samples: np.ndarray) -> np.ndarray:
        return factor * stft(torch.from_numpy(samples), grid).numpy()[:-1]

    turn = np.exp(2j * np.pi * STEP / grid.n_fft * np.arange(grid.length))
    lines, slopes = [], []
    for wave in waves:
        lines.append(spectrum(wave).astype(np.complex64))
        rotating = hilbert(wave)
        above, below = (
            np.square(np.abs(spectrum(np.ascontiguousarray((rotating * x).real))))
            for x in (turn, turn.conj())
        )
        slopes.append(((above - below) / (2 * STEP)).astype(np.float32))
    clean = made.clean.samples[0].astype(np.float64)
    noise = made.expected_power(grid)[:-1] - np.square(np.abs(spectrum(clean)))
    impacts = spectrum(clean - waves.sum(axis=0)) if run.impacts else np.zeros(noise.shape)
    return Parts(orders, np.array(lines), np.array(slopes), impacts, np.maximum(noise, 0))


def relative_variance(lines: np.ndarray, noise: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the relative variance by speckle of coarse cells with known lines and noise."""
    share = noise / np.maximum(lines, 1e-300)
    return np.asarray(noise_variance(grid) * (share**2 + 2 * share * (1 - share)) + 1e-4)


def phase_oracle(
    parts: Parts, measured: np.ndarray, low: Grid, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the level of the phase oracle, and the variance by phases.

    Args:
        parts: of the run-up.
        measured: power of the coarse cells, [F, T].
        low: grid of the coarse map.
        seed: of the draws.

    Returns:
        Level in dB, [F s, T'], and the relative variance of the power of the coarse cells over the
        draws, [F, T].
    """
    (s_f, s_t), frames = low.cell, parts.noise.shape[1]
    rng = np.random.default_rng(seed)
    phases = np.exp(2j * np.pi * rng.random((DRAWS, len(parts.orders)))).astype(np.complex64)
    levels, variance = np.empty(parts.noise.shape), np.empty(measured.shape)
    halo = AROUND[1] // 2
    for first in range(0, measured.shape[1], 16):
        last = min(first + 16, measured.shape[1])
        outer = slice(max(0, first - halo), min(last + halo, measured.shape[1]))
        fine = slice(outer.start * s_t, min(outer.stop * s_t, frames))
        noise = parts.noise[:, fine]
        drawn = np.tensordot(phases, parts.lines[:, :, fine], 1)
        power = np.square(np.abs(drawn + parts.known[:, fine].astype(np.complex64)))
        power += noise.astype(np.float32)
        coarse = pool_power(power.astype(np.float64), s_f, s_t)
        ratio = measured[:, outer] / coarse
        # a coarse cell has a gamma distribution of this shape
        spread = relative_variance(coarse, pool_power(noise, s_f, s_t), low)
        shape = 1 / (spread + BETWEEN)
        fit = shape * (np.log(shape * ratio) - ratio) - gammaln(shape)
        inner = slice(first - outer.start, last - outer.start)
        total = uniform_filter(fit, (0, *AROUND), mode="nearest")[:, :, inner] * np.prod(AROUND)
        weight = np.exp(total - logsumexp(total, axis=0))
        held = coarse[:, :, inner]
        variance[:, first:last] = held.var(axis=0) / np.square(held.mean(axis=0))
        at = slice(first * s_t, min(last * s_t, frames))
        own = slice(at.start - fine.start, at.stop - fine.start)
        levels[:, at] = sum(
            to_db(draw[:, own]) * enlarge(share, s_f, s_t, at.stop - at.start)
            for draw, share in zip(power, weight, strict=True)
        )
    return levels, variance


def fit_variances(
    parts: Parts, low: Grid, phase_variance: np.ndarray, rpm: np.ndarray, grid: Grid
) -> dict[str, np.ndarray]:
    """Return the Cramér-Rao bound of the level of every fine cell, in dB squared.

    Levels of all orders are free in every `SECONDS`.  Beside them: ``speed known``: nothing;
    ``one speed``: one displacement of all orders in proportion to their frequency; ``free lines``:
    a displacement of every order.

    Args:
        parts: of the run-up.
        low: grid of the coarse map.
        phase_variance: relative variance of coarse cells by the phases, [F, T].
        rpm: speed in 1/min at every sample.
        grid: of the fine map.
    """
    (s_f, s_t), frames = low.cell, parts.noise.shape[1]
    rotation_hz = column_rotation_hz(rpm, grid)[:frames]
    whole = parts.incoherent
    found = {name: np.empty(whole.shape) for name in ("speed known", "one speed", "free lines")}
    count = max(1, round(SECONDS / (s_t * grid.dt)))
    columns = phase_variance.shape[1]
    for first in range(0, columns, count):
        last = min(first + count, columns)
        fine = slice(first * s_t, min(last * s_t, frames))
        power = whole[:, fine]
        coarse = pool_power(power, s_f, s_t)
        noise = pool_power(parts.noise[:, fine], s_f, s_t)
        spread = relative_variance(coarse, noise, low) + phase_variance[:, first:last]
        lines = np.square(np.abs(parts.lines[:, :, fine])).astype(np.float64)
        present = np.flatnonzero((lines / power).max(axis=(1, 2)) > 0.01)
        lines, slopes = lines[present], parts.slopes[present][:, :, fine].astype(np.float64)
        moved = parts.orders[present, None, None] * rotation_hz[fine] / grid.df * slopes
        sets: dict[str, tuple[Sequence[np.ndarray], list[float]]] = {
            "speed known": ([lines / DB], [LEVEL_PRIOR] * len(lines)),
            "one speed": (
                [lines / DB, moved.sum(axis=0, keepdims=True)],
                [LEVEL_PRIOR] * len(lines) + [SPEED_PRIOR],
            ),
            "free lines": (
                [lines / DB, slopes],
                [LEVEL_PRIOR] * len(lines) + [ROW_PRIOR] * len(lines),
            ),
        }
        for name, (derivatives, priors) in sets.items():
            fine_cells = np.concatenate(derivatives)
            coarse_cells = pool_power(fine_cells, s_f, s_t) / coarse
            flat = (coarse_cells / np.sqrt(spread)).reshape(len(priors), -1)
            covariance = np.linalg.inv(flat @ flat.T + np.diag(1 / np.square(priors)))
            change = (DB * fine_cells / power).reshape(len(priors), -1)
            bound = np.einsum("in,in->n", change, covariance @ change)
            found[name][:, fine] = bound.reshape(power.shape)
    return found
