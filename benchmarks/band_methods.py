"""Methods of the benchmark of bands: the simplest ones, bounds by true levels, and specsr."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import torch
from band_cases import RATE, Case, to_db
from scipy.ndimage import uniform_filter, uniform_filter1d

from specsr import BandOptions, upscale_band
from specsr.enhance.band import chosen_model
from specsr.enhance.band_top import assumed_top
from specsr.maps.griffin_lim import griffin_lim
from specsr.maps.phase import random_phase
from specsr.maps.transform import stft
from specsr.models.model import Model

SMOOTH = (9, 5)
"""Rows and frames over which the oracle's levels are averaged."""
NOISE_DB = 2.51
"""Difference between the dB of the mean power of noise and the mean of its dB: 10 log10 e^gamma."""


def soxr(case: Case) -> np.ndarray:
    """Resampled, nothing added above the cut."""
    return case.up.samples[0]


def sbr(case: Case) -> np.ndarray:
    """Copy the upper half of the known band upward, levels along the tilt of the known band.

    The width of the copied band is a multiple of four rows: with a hop of a quarter window the
    phase of a copy then advances as that of a tone at its new frequency.
    """
    cut, rows = case.cut, case.spectrum.shape[0]
    width = cut // 2 // 4 * 4
    source = np.resize(np.arange(cut - width, cut), rows - cut)
    # tilt: linear fit of the mean levels of the copied band over log frequency
    around = np.arange(cut - width, cut)
    octave = np.log2(np.arange(1, rows + 1) / cut)
    mean = case.db[around].mean(1)
    slope = min(0.0, np.polyfit(octave[around], mean, 1)[0])
    shape = slope * (octave[cut:] - octave[source])
    gain = torch.from_numpy(10 ** (shape / 20))[:, None]
    upper = torch.zeros_like(case.spectrum)
    upper[cut:] = case.spectrum[source] * gain
    return case.wave(upper)


def noise(case: Case, level: np.ndarray | None = None) -> np.ndarray:
    """Noise with given levels, dB [1025, frames]; None for the smooth ones."""
    level = case.level if level is None else level
    white = np.random.default_rng(0).standard_normal(case.grid.length)
    energy = np.square(case.grid.window_samples()).sum()
    gain = 10 ** ((level + NOISE_DB) / 20) / np.sqrt(energy)
    return case.wave(stft(torch.from_numpy(white), case.grid) * torch.from_numpy(gain))


def griffin(case: Case, iterations: int, level: np.ndarray | None = None) -> np.ndarray:
    """Given levels, or the smooth ones, as magnitudes; phase by fast Griffin-Lim."""
    level = case.level if level is None else level
    magnitude = torch.from_numpy(10 ** (level / 20))
    magnitude[: case.cut] = case.spectrum[: case.cut].abs()
    known = torch.arange(magnitude.shape[0]) < case.cut
    result = griffin_lim(
        magnitude, case.grid, random_phase(magnitude), iterations,
        known=known, known_spectrum=case.spectrum,
    )  # fmt: skip
    return case.wave(result)


def true_levels(case: Case, over: str) -> np.ndarray:
    """Return levels of the true recording, mean of dB, [1025, frames].

    Args:
        case: recording and scale.
        over: ``cells``, 9 rows x 5 frames; ``third octaves``, which also end at the cut and at
            half the rate of the file, x 5 frames; ``steady``, these over the whole recording.
    """
    true = stft(torch.from_numpy(case.high), case.grid).abs().square().numpy()
    db = to_db(true)
    if over == "cells":
        return uniform_filter(db, SMOOTH)
    rows = len(db)
    df = RATE / (2 * (rows - 1))
    edges = 1000 * 10 ** ((np.arange(31) - 0.5) / 10) / df
    ends = {int(e) for e in edges if case.cut < e < rows} | {case.cut, rows}
    first_empty = int(np.ceil(case.native / 2 / df))
    if case.cut < first_empty < rows:
        ends.add(first_empty)
    level = db.copy()
    borders = sorted(ends)
    for low, high in zip(borders, borders[1:]):
        mean = db[low:high].mean(0)
        level[low:high] = mean.mean() if over == "steady" else uniform_filter1d(mean, SMOOTH[1])
    return level


def oracle(case: Case, iterations: int, over: str) -> np.ndarray:
    """True levels as magnitudes; phase by fast Griffin-Lim."""
    return griffin(case, iterations, true_levels(case, over))


def oracle_noise(case: Case) -> np.ndarray:
    """Noise with the true levels of third octaves."""
    return noise(case, true_levels(case, "third octaves"))


@dataclass(frozen=True, eq=False)
class Specsr:
    """`specsr.upscale_band`.

    Attributes:
        model: of the band; None for the default.
        phase: of `specsr.BandOptions`.
        top_given: state the top of the spectrum, half the rate of the recording's file.
    """

    model: Model | str | None
    phase: str = "auto"
    top_given: bool = False

    def top(self, case: Case) -> float | None:
        """Return the top that is stated, Hz."""
        return min(case.native, RATE) / 2 if self.top_given else None

    def same(self, case: Case) -> Hashable:
        """Return what the result for a recording depends on."""
        top = assumed_top(case.low, case.scale, self.top(case))
        model = chosen_model(self.model, top) or "band"
        name = model if isinstance(model, str) else model.name
        return name, self.phase, top.hz, top.wall, top.speech

    def __call__(self, case: Case) -> np.ndarray:
        """Return the samples at 48 kHz."""
        band = BandOptions(phase=self.phase, top=self.top(case))
        return upscale_band(case.low, case.scale, model=self.model, band=band).samples[0]
