"""The job of ``spectrogram --sharp``: the sharp map of one recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from specsr.enhance.expected import Columns
from specsr.enhance.sharp import N_FFT, PAIR, sharp_columns, sharp_grid, sharp_map
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.estimated_map import EstimatedMapWork, Put
from specsr.jobs.plan import Result
from specsr.jobs.task import Task
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal


@dataclass(frozen=True)
class SharpSpectrogram(EstimatedMapWork):
    """Sharp maps of recordings, with their uncertainty.

    ``resolution`` is that of the long window, by ``n_fft`` or ``df``; hop and window are fixed.
    """

    command: ClassVar[str] = "spectrogram --sharp"
    pair: ClassVar[str] = PAIR
    titles: ClassVar[tuple[str, str]] = ("single window", "sharp")
    name: ClassVar[str] = "a sharp map"

    def whole(self, task: Task, signal: Signal) -> Result:
        """Return the map of a recording in memory."""
        found = sharp_map(
            signal, n_fft=self._window(signal.rate), scaling=self.scaling, model=self.model,
            options=self.options, progress=task.progress,
        )  # fmt: skip
        grid = found.grid
        single = SpectrogramTransform(grid.n_fft, grid.hop_length, grid.window, grid.scaling)
        return self.result(task, found, lambda: single(signal))

    def _window(self, rate: float) -> int:
        """Return the samples of the long window.

        Raises:
            SpecsrError: an option that a sharp map has no use for.
        """
        given = dataclasses.replace(self.resolution, df=None, n_fft=None).given
        if given:
            raise SpecsrError(
                f"{', '.join(given)}: a sharp map has Hann windows and a hop of 1/32 of the "
                "longest: leave it out, set --n-fft or --df"
            )
        if self.resolution.df is None and self.resolution.n_fft is None:
            return N_FFT
        return SpectrogramTransform.for_rate(
            rate, df=self.resolution.df, n_fft=self.resolution.n_fft
        ).n_fft

    def long(self, task: Task, long: stream.Recording) -> Result:
        """Write the map of a recording that is read in pieces."""
        window = self._window(long.rate)
        grid = sharp_grid(long.cut(0, 1), window, self.scaling, long.length)

        def estimate(puts: Sequence[Put]) -> Iterator[Columns]:
            for put in puts:
                if long.rpm is not None:
                    put("rpm", long.rpm)
            return sharp_columns(
                long, grid, model=self.model, options=self.options, progress=task.progress
            )

        return self.written(task, long, grid, estimate)
