"""The job of ``spectrogram --expected``: the expected map of one recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from specsr.enhance.expected import PAIR, expected, expected_columns
from specsr.enhance.segments import blocks
from specsr.io import stream
from specsr.jobs.inputs import load_recording
from specsr.jobs.long_files import long_recording
from specsr.jobs.plan import Result, Written, has_figure, kind_of
from specsr.jobs.spectrogram import BLOCK, MapWork, cells_note, refuse_waveforms
from specsr.jobs.task import Task, absolute_model
from specsr.jobs.uncertainty import UncertaintySummary
from specsr.maps.frames import Frames
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import model_file
from specsr.models.options import InferOptions
from specsr.plots.overview import Overview

TITLES = ("measured", "expected")
"""Titles of the maps in a figure."""


@dataclass(frozen=True)
class ExpectedSpectrogram(MapWork):
    """Expected maps of recordings, with their uncertainty.

    Attributes:
        model: name or file of a model; None for the bundled one.
        options: how the network is run.
    """

    model: str | None = None
    options: InferOptions = InferOptions()
    command: ClassVar[str] = "spectrogram --expected"

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording; the map of a long one is written block by block."""
        refuse_waveforms(task.targets, "an expected map")
        segment = self.options.segment
        with long_recording(task.file, task.targets, self.reading, segment) as long:
            if long is not None:
                return self._long(
                    task, long, SpectrogramTransform.for_rate(long.rate, **self.analysis)
                )
        signal = load_recording(task.file, self.reading)
        measured = SpectrogramTransform.for_rate(signal.rate, **self.analysis)(signal)
        clean = expected(
            measured, model=self.model, options=self.options, progress=task.progress
        )  # fmt: skip
        maps = dict(zip(TITLES, (measured, clean))) if has_figure(task.targets) else {}
        summary = UncertaintySummary(clean.freqs)
        assert clean.uncertainty_db is not None
        summary.add(clean.uncertainty_db)
        notes = (cells_note(clean.grid), summary.note)
        return Result(clean, maps, notes=notes, figure=self.figure)

    def _long(self, task: Task, long: stream.Recording, transform: SpectrogramTransform) -> Result:
        """Write the map of a recording that is read in pieces."""
        head = long.cut(0, 1)
        grid = dataclasses.replace(transform.grid(head), length=long.length)
        shown = [Overview(grid, long.channels[0]) for _ in TITLES * has_figure(task.targets)]
        summary = UncertaintySummary(grid.freqs())
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
            arriving = _magnitudes(long, grid, shown[:1], puts)
            for columns in expected_columns(
                arriving, grid, model=self.model, options=self.options, progress=task.progress
            ):
                summary.add(columns.uncertainty_db)
                for put in puts:
                    put("magnitude", columns.magnitude)
                    put("uncertainty_db", columns.uncertainty_db)
                for overview in shown[1:]:
                    overview.add_columns(columns.magnitude[0])
        maps: dict[str, SpecMap] = {t: overview.spec() for t, overview in zip(TITLES, shown)}
        written = Written(f"levels in {grid.level_label}")
        notes = (cells_note(grid), summary.note)
        return Result(written, maps, notes=notes, figure=self.figure)

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model."""
        return model_file(self.model, PAIR, (1, 1))

    def absolute(self) -> ExpectedSpectrogram:
        """Return the work with an absolute path of the model file."""
        return dataclasses.replace(self, model=absolute_model(self.model))


def _magnitudes(
    long: stream.Recording, grid: Grid, shown: Sequence[Overview],
    puts: Sequence[Callable[[str, np.ndarray], None]],
) -> Iterator[np.ndarray]:  # fmt: skip
    """Yield the magnitudes of a recording, [C, rows, k]; its speed is written, its map shown."""
    frames = Frames(grid, len(long.channels))
    for piece in blocks(long, max(1, BLOCK // len(long.channels))):
        if piece.rpm is not None:
            for put in puts:
                put("rpm", piece.rpm)
        for samples in stream.parts(piece, grid):
            magnitude = frames.magnitude(frames.add(samples)).numpy()
            for overview in shown:
                overview.add_columns(magnitude[0])
            yield magnitude
