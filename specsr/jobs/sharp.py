"""The job of ``spectrogram --sharp``: the sharp map of one recording."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from specsr.enhance.sharp import N_FFT, PAIR, sharp_columns, sharp_grid, sharp_map
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.inputs import load_recording
from specsr.jobs.long_files import long_recording
from specsr.jobs.plan import Result, Written, has_figure, kind_of
from specsr.jobs.spectrogram import MapWork, cells_note, refuse_waveforms
from specsr.jobs.task import Task, absolute_model
from specsr.jobs.uncertainty import UncertaintySummary
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import model_file
from specsr.models.options import InferOptions
from specsr.plots.overview import Overview


@dataclass(frozen=True)
class SharpSpectrogram(MapWork):
    """Sharp maps of recordings, with their uncertainty.

    ``resolution`` is that of the long window, by ``n_fft`` or ``df``; hop and window are fixed.

    Attributes:
        model: name or file of a model; None for the bundled one.
        options: how the network is run.
    """

    model: str | None = None
    options: InferOptions = InferOptions()
    command: ClassVar[str] = "spectrogram --sharp"

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording; the map of a long one is written block by block."""
        refuse_waveforms(task.targets, "a sharp map")
        segment = self.options.segment
        with long_recording(task.file, task.targets, self.reading, segment) as long:
            if long is not None:
                return self._long(task, long)
        signal = load_recording(task.file, self.reading)
        found = sharp_map(
            signal, n_fft=self._window(signal.rate), scaling=self.scaling, model=self.model,
            options=self.options, progress=task.progress,
        )  # fmt: skip
        maps = {task.file.stem: found} if has_figure(task.targets) else {}
        summary = UncertaintySummary(found.freqs)
        assert found.uncertainty_db is not None
        summary.add(found.uncertainty_db)
        notes = (cells_note(found.grid), summary.note)
        return Result(found, maps, notes=notes, figure=self.figure)

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

    def _long(self, task: Task, long: stream.Recording) -> Result:
        """Write the map of a recording that is read in pieces."""
        head = long.cut(0, 1)
        grid = dataclasses.replace(
            sharp_grid(head, self._window(long.rate), self.scaling), length=long.length
        )
        summary = UncertaintySummary(grid.freqs())
        overview = Overview(grid, long.channels[0]) if has_figure(task.targets) else None
        with ExitStack() as stack:
            puts = [
                stack.enter_context(
                    stream.array_sink(
                        target, grid, head, ("magnitude", "uncertainty_db"), task.overwrite
                    )
                )
                for target in task.targets
                if kind_of(target) == "map"
            ]
            for put in puts:
                if long.rpm is not None:
                    put("rpm", long.rpm)
            for columns in sharp_columns(
                long, grid, model=self.model, options=self.options, progress=task.progress
            ):
                summary.add(columns.uncertainty_db)
                for put in puts:
                    put("magnitude", columns.magnitude)
                    put("uncertainty_db", columns.uncertainty_db)
                if overview:
                    overview.add_columns(columns.magnitude[0])
        maps = {task.file.stem: overview.spec()} if overview else {}
        written = Written(f"levels in {grid.level_label}")
        notes = (cells_note(grid), summary.note)
        return Result(written, maps, notes=notes, figure=self.figure)

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model."""
        return model_file(self.model, PAIR, (1, 1))

    def absolute(self) -> SharpSpectrogram:
        """Return the work with an absolute path of the model file."""
        return dataclasses.replace(self, model=absolute_model(self.model))
