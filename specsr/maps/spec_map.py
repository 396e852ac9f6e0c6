"""A calibrated map of magnitudes over frequency and time: its data and its levels.

A full map has the rows DC, 1, ..., n_fft/2 (Nyquist).  The *image* that a model processes, and
every pooled map, has the n_fft/2 rows from DC up to but without Nyquist, so that whole scales
divide their number.  DC and Nyquist have no factor 2 in power, as they have no mirrored half.  A
full map that is computed from an image gets an estimated Nyquist row (`Grid.with_nyquist`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from specsr.choices import SpeedSource, check
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.shaft_speed import ShaftSpeed, checked_confidence, checked_shafts
from specsr.names import check_names

FLOOR_DB = -400.0
"""Lowest level of a map in dB re 1 unit: 1e-20 of a pascal or of full scale."""


@dataclass(frozen=True, eq=False)
class SpecMap:
    """A calibrated map of magnitudes over frequency and time.

    Attributes:
        magnitude: rms amplitude in ``unit`` (or unit/sqrt(Hz)), [C, rows, frames], float32, >= 0;
            [rows, frames] is taken as one channel.
        grid: axes and analysis settings.
        phase: phase of the STFT in rad, float32, same shape; None for a map without one.
        known: rows that were measured, not estimated, bool [rows]; None means all.
        channels: one name per channel; ``ch1``, ``ch2``, ... if none are given.
        rpm: speed of the machine in 1/min at every sample of the signal, [grid.length]; None if
            unknown.
        uncertainty_db: uncertainty of each level in dB, same shape: half-width of its 68 %
            interval; None if not estimated.
        rpm_confidence: how far the lines of each column are known to lie at the orders of ``rpm``,
            0 to 1, float32 [frames]; None if not examined (`specsr.nvh.speed_use`).
        rpm_source: ``"given"``; ``"corrected"`` (given, then corrected by the lines of the map);
            ``"found"`` in the map, as the spacing of its lines: the speed up to a simple factor;
            None if not examined.
        shafts: further shafts with speeds of their own, each name once.

    Raises:
        SpecsrError: a shape that does not fit the grid, or a value that is negative or not finite
            (named by channel, row and column).

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> spec = specsr.spectrogram(tone, n_fft=800, hop_length=200)
        >>> spec.freqs[:3], spec.times[:3]
        (array([ 0., 10., 20.]), array([0.   , 0.025, 0.05 ]))
        >>> float(spec.db.max().round(2))
        93.9800033569336
    """

    magnitude: np.ndarray
    grid: Grid
    phase: np.ndarray | None = None
    known: np.ndarray | None = None
    channels: tuple[str, ...] = ()
    rpm: np.ndarray | None = None
    uncertainty_db: np.ndarray | None = None
    rpm_confidence: np.ndarray | None = None
    rpm_source: SpeedSource | None = None
    shafts: tuple[ShaftSpeed, ...] = ()

    def __post_init__(self) -> None:
        magnitude = np.asarray(self.magnitude, dtype=np.float32)
        if magnitude.ndim == 2:
            magnitude = magnitude[None]
        expected = (self.grid.rows, self.grid.frames)
        if magnitude.ndim != 3 or magnitude.shape[1:] != expected or not magnitude.shape[0]:
            raise SpecsrError(
                f"the map has shape {magnitude.shape}: its grid expects [channels, {expected[0]}, "
                f"{expected[1]}]"
            )
        if not np.isfinite(magnitude).all() or magnitude.min() < 0:
            c, f, t = np.argwhere(~(np.isfinite(magnitude) & (magnitude >= 0)))[0]
            raise SpecsrError(
                f"the map holds {magnitude[c, f, t]} in channel {c + 1}, row {f}, column {t}: "
                "expected finite magnitudes from zero up"
            )
        if self.phase is not None and np.shape(self.phase) not in (
            magnitude.shape, magnitude.shape[1:]
        ):  # fmt: skip
            raise SpecsrError(f"phase has shape {np.shape(self.phase)}: expected {magnitude.shape}")
        if self.known is not None and np.shape(self.known) != (magnitude.shape[1],):
            raise SpecsrError(
                f"known has shape {np.shape(self.known)}: expected one value per row, "
                f"({magnitude.shape[1]},)"
            )
        if self.rpm is not None and np.shape(self.rpm) != (self.grid.length,):
            raise SpecsrError(f"rpm has shape {np.shape(self.rpm)}: expected ({self.grid.length},)")
        if self.rpm_source is not None:
            check(self.rpm_source, SpeedSource, "rpm_source")
        if self.rpm_confidence is not None:
            confidence = checked_confidence(self.rpm_confidence, expected[1], "rpm_confidence")
            object.__setattr__(self, "rpm_confidence", confidence)
        object.__setattr__(self, "shafts", checked_shafts(self.shafts, self.grid))
        if self.uncertainty_db is not None:
            uncertainty = np.asarray(self.uncertainty_db, dtype=np.float32)
            if uncertainty.shape not in (magnitude.shape, magnitude.shape[1:]):
                raise SpecsrError(
                    f"uncertainty_db has shape {uncertainty.shape}: expected {magnitude.shape}"
                )
            if not (uncertainty >= 0).all() or not np.isfinite(uncertainty).all():
                raise SpecsrError(
                    "uncertainty_db holds negative or non-finite values: expected finite dB from "
                    "zero up"
                )
            object.__setattr__(self, "uncertainty_db", uncertainty.reshape(magnitude.shape))
        names = tuple(self.channels) or tuple(f"ch{i + 1}" for i in range(magnitude.shape[0]))
        if len(names) != magnitude.shape[0]:
            raise SpecsrError(
                f"{len(names)} channel names for {magnitude.shape[0]} channels: expected one each"
            )
        check_names(names)
        object.__setattr__(self, "magnitude", magnitude)
        object.__setattr__(self, "channels", names)
        if self.phase is not None:
            phase = np.asarray(self.phase, dtype=np.float32).reshape(magnitude.shape)
            object.__setattr__(self, "phase", phase)
        if self.known is not None:
            object.__setattr__(self, "known", np.asarray(self.known, dtype=bool))

    @property
    def power(self) -> np.ndarray:
        """Mean square in unit² (or unit²/Hz), float64, [C, rows, frames]."""
        return np.square(self.magnitude, dtype=np.float64)

    @property
    def db(self) -> np.ndarray:
        """Levels in dB re the unit's reference, float32, [C, rows, frames]; floor -400 dB re 1."""
        floor = 10 ** (FLOOR_DB / 20)
        level = 20 * np.log10(np.maximum(self.magnitude, floor, dtype=np.float64))
        return (level - 20 * math.log10(self.grid.reference)).astype(np.float32)

    @property
    def freqs(self) -> np.ndarray:
        """Centre frequency of every row in Hz, [rows]."""
        return self.grid.freqs()

    @property
    def times(self) -> np.ndarray:
        """Centre time of every column in s, [frames]."""
        return self.grid.times()

    def replace(self, **changes: Any) -> SpecMap:
        """Return a copy with some attributes changed, checked as on creation."""
        return replace(self, **changes)

    def image(self) -> np.ndarray:
        """Return the magnitudes without the Nyquist row, [C, n_fft/2 / s_f, frames]."""
        return self.magnitude[:, :-1] if self.grid.cell == (1, 1) else self.magnitude
