"""The job of ``spectrogram``: the calibrated map of one recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from specsr.choices import SEGMENT, Scaling
from specsr.enhance.segments import blocks
from specsr.errors import SpecsrError
from specsr.jobs.inputs import load_recording
from specsr.jobs.long_files import Panel, long_recording, write_pieces
from specsr.jobs.options import Figure, Reading, Resolution
from specsr.jobs.plan import Result, Written, kind_of
from specsr.jobs.task import Task, Work
from specsr.maps.grid import Grid
from specsr.maps.transform import SpectrogramTransform, spectrogram

BLOCK = 1 << 22
"""Samples, over all channels, of a long recording that are analysed at a time."""


@dataclass(frozen=True)
class MapWork(Work):
    """A job that turns recordings into maps.

    Attributes:
        reading: channels and calibration.
        resolution: window and hop.
        scaling: of the magnitudes, see `specsr.spectrogram`.
        figure: options of the figures.
    """

    reading: Reading
    resolution: Resolution = Resolution()
    scaling: Scaling = "rms"
    figure: Figure = Figure()

    @property
    def analysis(self) -> dict[str, Any]:
        """Keyword arguments of `specsr.spectrogram`."""
        return {**self.resolution.arguments(), "scaling": self.scaling}


@dataclass(frozen=True)
class Spectrogram(MapWork):
    """Calibrated spectrograms of recordings.

    Attributes:
        segment: length in s of the segments that a long recording is processed in.
    """

    segment: float = SEGMENT
    command: ClassVar[str] = "spectrogram"

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording; the map of a long one is written segment by segment."""
        path, analysis = task.file, self.analysis
        with long_recording(path, task.targets, self.reading, self.segment) as long:
            if long is not None:
                transform = SpectrogramTransform.for_rate(long.rate, **analysis)
                grid = transform.grid(long.cut(0, 1), long.length)
                # frames do not depend on the blocks that they are computed in
                most = max(transform.n_fft, BLOCK // len(long.channels))
                size = max(1, min(round(self.segment * long.rate), most))
                result = write_pieces(
                    long, blocks(long, size, task.progress), task, transform,
                    panels=[Panel(path.stem, transform)],
                )  # fmt: skip
                written = Written(f"levels in {grid.level_label}")
                return dataclasses.replace(
                    result, output=written, notes=(cells_note(grid),), figure=self.figure
                )
        spec = spectrogram(load_recording(path, self.reading), **analysis)
        return Result(spec, {path.stem: spec}, notes=(cells_note(spec.grid),), figure=self.figure)


def cells_note(grid: Grid) -> str:
    """Return size and unit of a map as a note, and whether it can be inverted."""
    text = (
        f"{grid.rows} rows of {grid.df:g} Hz, {grid.frames} columns of "
        f"{1000 * grid.dt:.4g} ms, {grid.level_label}"
    )
    if grid.is_invertible():
        return text
    return text + "; not invertible to a waveform with this window and hop: more overlap is needed"


def refuse_waveforms(targets: Sequence[Path], what: str) -> None:
    """Raise `SpecsrError` for an output that is a recording, of a map that has no waveform."""
    for target in targets:
        if kind_of(target) == "recording":
            raise SpecsrError(
                f"{target}: {what} has no waveform: expected a map (.npz, .h5) or a figure (.png)"
            )
