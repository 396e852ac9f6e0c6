"""Spectrogram."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from specsr.choices import SEGMENT, Phase
from specsr.enhance.segments import blocks
from specsr.jobs.long_files import Panel, long_recording, write_pieces
from specsr.jobs.options import Reading
from specsr.jobs.plan import Result, Written
from specsr.jobs.task import Task
from specsr.maps.grid import Grid
from specsr.maps.transform import SpectrogramTransform, spectrogram


def _cells(grid: Grid) -> str:
    """Size and unit of a map, and whether it can be turned back."""
    text = (
        f"{grid.rows} rows of {grid.df:g} Hz, {grid.frames} columns of "
        f"{1000 * grid.dt:.4g} ms, {grid.level_label}"
    )
    if grid.is_invertible():
        return text
    return text + "; this window and hop cannot be turned back into a waveform (more overlap can)"


@dataclass(frozen=True)
class Spectrogram:
    """Calibrated spectrograms; the fields are the options of the command."""

    reading: Reading
    df: float | None = None
    overlap: float | None = None
    n_fft: int | None = None
    hop_length: int | None = None
    window: str = "hann"
    scaling: str = "rms"
    max_freq: float | None = None
    segment: float = SEGMENT
    phase: Phase = "auto"
    command: ClassVar[str] = "spectrogram"

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording; that of a long one is written as it is made."""
        path, options = task.file, self._analysis()
        with long_recording(path, task.targets, self.reading, self.segment) as long:
            if long is not None:
                transform = SpectrogramTransform.for_rate(long.rate, **options)
                grid = dataclasses.replace(transform.grid(long.cut(0, 1)), length=long.length)
                size = max(1, round(self.segment * long.rate))
                result = write_pieces(
                    long, blocks(long, size, task.progress), task.targets, transform,
                    task.overwrite, panels=[Panel(path.stem, transform)],
                )  # fmt: skip
                written = Written(f"levels in {grid.level_label}")
                return dataclasses.replace(
                    result, output=written, notes=(_cells(grid),), max_freq=self.max_freq
                )
        spec = spectrogram(self.reading.read(path), **options)
        return Result(spec, {path.stem: spec}, notes=(_cells(spec.grid),), max_freq=self.max_freq)

    def _analysis(self) -> dict[str, Any]:
        names = ("df", "overlap", "n_fft", "hop_length", "window", "scaling")
        return {name: getattr(self, name) for name in names}

    def model_file(self, file: Path) -> Path | None:
        """No model is used."""
        return None

    def absolute(self) -> Spectrogram:
        """Nothing in it depends on the folder."""
        return self
