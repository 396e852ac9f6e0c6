"""Machines of the other generator as tasks: coarse map, true levels, classes of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import generator
import numpy as np
from generator import Machine
from scipy import ndimage

from specsr import Signal
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.scores.map_errors import line_mask
from specsr.scores.ridges import ridge_length, split_lines

N_FFT, HOP = 2048, 256
LOW_HZ = 2000.0
"""Cells below this frequency have a coverage of their own."""


@dataclass(frozen=True, eq=False)
class Case:
    """One machine as a task.

    Attributes:
        machine: the machine.
        low: coarse map, with the speed.
        truth: expected levels of the fine map in dB re 1 Pa, [F, T].
        masks: name of a class of cells -> bool [F, T].
        scale: factor of both axes.
    """

    machine: Machine
    low: SpecMap
    truth: np.ndarray
    masks: dict[str, np.ndarray]
    scale: int


def case(kind: str, seed: int, scale: int) -> Case:
    """Return a machine as a task."""
    machine = generator.make(kind, seed)
    samples = machine.samples().astype(np.float32)
    fine = SpectrogramTransform(N_FFT, HOP)(
        Signal(samples[None], machine.rate, "Pa", rpm=machine.rpm)
    )
    clean = generator.clean_power(machine, N_FFT, HOP)
    noise = generator.noise_power(machine, N_FFT, HOP)
    touched = touched_columns(machine.impacts, machine.rate, clean.shape[1])
    truth, masks = classes(clean, noise, touched, fine.grid, scale)
    return Case(machine, pool(fine, scale, scale), truth, masks, scale)


def classes(
    clean: np.ndarray, noise: np.ndarray, touched: np.ndarray, grid: Grid, scale: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the true levels in dB and name of a class of cells -> mask [F, T].

    Args:
        clean, noise: expected power of the deterministic part and of the noise, [F, T].
        touched: columns whose window holds an impact, bool [1, T].
        grid: of the fine map.
        scale: factor of both axes.
    """
    truth = levels.to_db(clean + noise)
    lines = line_mask(truth)
    single, close = split_lines(truth, lines, ridge_length(grid), separation=2 * scale)
    raised = touched & (clean > 10 * noise)
    reach = 2 * 6 * scale + 1
    beside = ndimage.maximum_filter1d(raised, reach, axis=1) & ~touched & (clean < 0.1 * noise)
    below = np.broadcast_to((grid.freqs()[:-1] < LOW_HZ)[:, None], truth.shape)
    still = lines & ~touched
    return truth, {
        "all": np.ones(truth.shape, dtype=bool),
        "lines": still, "single": single & ~touched, "close": close & ~touched,
        "clicks": touched & (clean > noise), "beside": beside,
        "noise": (clean < 0.1 * noise) & ~touched & ~lines,
        "below 2 kHz": below, "lines below 2 kHz": below & still,
    }  # fmt: skip


def touched_columns(impacts: Sequence[float], rate: float, count: int) -> np.ndarray:
    """Return the columns whose window holds an impact or its decay, bool [1, T]."""
    at = np.arange(count) * HOP
    touched = np.zeros((1, count), dtype=bool)
    for time in impacts:
        touched[0] |= np.abs(at - time * rate) <= N_FFT / 2 + HOP
    return touched
