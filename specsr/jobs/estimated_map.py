"""Maps with an uncertainty that networks estimate: ``spectrogram --expected`` and ``--sharp``.

A long recording gives its map column by column, which goes to all files and to the figure.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from specsr.enhance.expected import Columns
from specsr.enhance.segments import blocks
from specsr.io import stream
from specsr.jobs.inputs import load_recording
from specsr.jobs.long_files import long_recording
from specsr.jobs.plan import Result, Written, has_figure, kind_of, one_of_several
from specsr.jobs.spectrogram import BLOCK, MapWork, cells_note, refuse_waveforms
from specsr.jobs.task import Task, absolute_model
from specsr.jobs.uncertainty import UncertaintySummary
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import model_file
from specsr.models.options import InferOptions
from specsr.plots.overview import Overview
from specsr.signal import Signal

Put = Callable[[str, np.ndarray], None]
"""Appends columns to the array of a file, by its name."""


@dataclass(frozen=True)
class EstimatedMapWork(MapWork):
    """Maps of recordings that a network estimates, with their uncertainty.

    Attributes:
        model: name or file of a model; None for the bundled one.
        options: how the network is run.
    """

    model: str | None = None
    options: InferOptions = InferOptions()
    pair: ClassVar[str]
    titles: ClassVar[tuple[str, str]]
    """Of the single measurement and of the estimate in a figure."""
    name: ClassVar[str]
    """Of the map in messages, such as "an expected map"."""

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording; the map of a long one is written block by block."""
        refuse_waveforms(task.targets, self.name)
        segment = self.options.segment
        with long_recording(task.file, task.targets, self.reading, segment) as long:
            if long is not None:
                return self.long(task, long)
        return self.whole(task, load_recording(task.file, self.reading))

    @abstractmethod
    def whole(self, task: Task, signal: Signal) -> Result:
        """Return the map of a recording in memory."""

    @abstractmethod
    def long(self, task: Task, long: stream.Recording) -> Result:
        """Write the map of a recording that is read in pieces."""

    def result(self, task: Task, found: SpecMap, measured: Callable[[], SpecMap]) -> Result:
        """Return the result of a recording in memory; ``measured`` is called for a figure alone."""
        shown = has_figure(task.targets)
        maps = dict(zip(self.titles, (measured(), found))) if shown else {}
        summary = UncertaintySummary(found.freqs)
        assert found.uncertainty_db is not None
        summary.add(found.uncertainty_db)
        notes = (cells_note(found.grid), summary.note)
        return Result(found, maps, notes=notes, figure=self.figure)

    def written(
        self, task: Task, long: stream.Recording, grid: Grid,
        estimate: Callable[[Sequence[Put]], Iterator[Columns]],
    ) -> Result:  # fmt: skip
        """Write the map of a recording that is read in pieces.

        Args:
            task: its files.
            long: the recording.
            grid: of the whole map.
            estimate: yields the columns; it writes the speed to the files itself.
        """
        shown = has_figure(task.targets)
        overview = Overview(grid, long.channels[0]) if shown else None
        summary = UncertaintySummary(grid.freqs())
        with map_files(task, grid, long.cut(0, 1)) as puts:
            for columns in estimate(puts):
                summary.add(columns.uncertainty_db)
                for put in puts:
                    put("magnitude", columns.magnitude)
                    put("uncertainty_db", columns.uncertainty_db)
                if overview:
                    overview.add_columns(columns.magnitude[0])
        maps = {}
        if overview:
            pair = (self._measured(task, grid), overview.spec())
            maps = dict(zip(self.titles, pair))
        return Result(
            Written(f"levels in {grid.level_label}"), maps, notes=(cells_note(grid), summary.note),
            figure=self.figure, channel=one_of_several(long.channels),
        )  # fmt: skip

    def _measured(self, task: Task, grid: Grid) -> SpecMap:
        """Return the single measurement of the first channel for a figure: a second reading."""
        with stream.opened(task.file, **self.reading.arguments()) as long:
            assert long is not None  # it was read before
            overview = Overview(grid, long.channels[0])
            for piece in blocks(long, max(1, BLOCK // len(long.channels))):
                for samples in stream.parts(piece, grid):
                    overview.add(samples[:1])
            return overview.spec()

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model."""
        return model_file(self.model, self.pair, (1, 1))

    def absolute(self) -> EstimatedMapWork:
        """Return the work with an absolute path of the model file."""
        return dataclasses.replace(self, model=absolute_model(self.model))


@contextmanager
def map_files(task: Task, grid: Grid, head: Signal) -> Iterator[list[Put]]:
    """Open the map files of a task; yield functions that append to each."""
    names = ("magnitude", "uncertainty_db")
    with ExitStack() as stack:
        yield [
            stack.enter_context(stream.array_sink(target, grid, head, names, task.overwrite))
            for target in task.targets
            if kind_of(target) == "map"
        ]
