"""The job of ``spectrogram --expected``: the expected map of one recording or stored map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from specsr import io
from specsr.enhance.expected import PAIR, Columns, expected, expected_columns, finer
from specsr.enhance.expected_recording import expected_spectrogram, further, magnitudes
from specsr.enhance.segments import blocks
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.estimated_map import EstimatedMapWork, Put
from specsr.jobs.plan import Result
from specsr.jobs.spectrogram import BLOCK, MapWork, refuse_waveforms
from specsr.jobs.task import Task
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal


@dataclass(frozen=True)
class ExpectedSpectrogram(EstimatedMapWork):
    """Expected maps of recordings and of stored full maps, with their uncertainty."""

    command: ClassVar[str] = "spectrogram --expected"
    pair: ClassVar[str] = PAIR
    titles: ClassVar[tuple[str, str]] = ("measured", "expected")
    name: ClassVar[str] = "an expected map"

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording, or of a stored full map."""
        if not io.is_map(task.file):
            return super().__call__(task)
        refuse_waveforms(task.targets, self.name)
        scaling = () if self.scaling == MapWork.scaling else ("--scaling",)
        if given := (*self.resolution.given, *scaling):
            raise SpecsrError(
                f"{', '.join(given)}: a map has its own window, hop and scaling: leave it out"
            )
        measured = io.read_map(task.file)
        clean = expected(measured, model=self.model, options=self.options, progress=task.progress)
        return self.result(task, clean, lambda: measured)

    def whole(self, task: Task, signal: Signal) -> Result:
        """Return the map of a recording in memory."""
        clean = expected_spectrogram(
            signal, model=self.model, options=self.options, progress=task.progress,
            **self.analysis,
        )  # fmt: skip
        transform = SpectrogramTransform.for_rate(signal.rate, **self.analysis)
        return self.result(task, clean, lambda: transform(signal))

    def long(self, task: Task, long: stream.Recording) -> Result:
        """Write the map of a recording that is read in pieces."""
        transform = SpectrogramTransform.for_rate(long.rate, **self.analysis)
        grid = transform.grid(long.cut(0, 1), long.length)

        every = further(grid)

        def estimate(puts: Sequence[Put]) -> Iterator[Columns]:
            return expected_columns(
                magnitudes(_pieces(long, puts), finer(grid, every)), grid, every=every,
                model=self.model, options=self.options, progress=task.progress,
            )  # fmt: skip

        return self.written(task, long, grid, estimate)


def _pieces(long: stream.Recording, puts: Sequence[Put]) -> Iterator[Signal]:
    """Yield a recording in pieces; its speed is written."""
    for piece in blocks(long, max(1, BLOCK // len(long.channels))):
        if piece.rpm is not None:
            for put in puts:
                put("rpm", piece.rpm)
        yield piece
