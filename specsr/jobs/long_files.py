"""Long recordings in jobs: read, processed and written in segments, in one pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from specsr import io
from specsr.choices import FIGURES
from specsr.io import audio, stream
from specsr.jobs.inputs import WHOLE
from specsr.jobs.options import Reading
from specsr.jobs.plan import Result, Written, has_figure, kind_of, one_of_several
from specsr.jobs.task import Task
from specsr.maps.frames import Frames
from specsr.maps.polar import angle
from specsr.maps.transform import SpectrogramTransform
from specsr.plots.overview import Overview
from specsr.signal import Signal, Source
from specsr.units import REFERENCES, reference_label

if TYPE_CHECKING:
    from specsr.maps.grid import Grid


log = logging.getLogger(__name__)

SEGMENTS = 2
"""A recording longer than this many segments is streamed."""

LARGE = 1 << 28
"""Size in bytes from which a file that is read whole is reported."""


@dataclass(frozen=True)
class Panel:
    """A map in a figure.

    Attributes:
        title: title of the panel.
        transform: analysis.
        shows: the input, the result, or the input without the result, which has its rate.
    """

    title: str
    transform: SpectrogramTransform
    shows: Literal["input", "result", "removed"] = "result"


@contextmanager
def long_recording(
    path: Path, targets: Sequence[Path], reading: Reading, segment: float
) -> Iterator[stream.Recording | None]:
    """Yield an open recording to be streamed; None for one to be read whole.

    Audio files of more than `SEGMENTS` segments or `WHOLE` samples are streamed if all outputs are
    audio files, maps (``.npz``, ``.h5``) or figures.

    Args:
        path: the recording.
        targets: the outputs.
        reading: channels and calibration.
        segment: length of a segment, s.
    """
    kinds = {*audio.FORMATS, *io.MAP_SUFFIXES, *FIGURES}
    fitting = all(target.suffix.lower() in kinds for target in targets)
    with ExitStack() as stack:
        found = None
        if fitting:
            found = stack.enter_context(stream.opened(path, **reading.arguments()))
        if found is None and path.is_file() and path.stat().st_size > LARGE:
            log.warning(
                "%s: is read whole into memory; streamed are %s files with outputs of these "
                "formats, %s and figures",
                path, " ".join(audio.FORMATS), " ".join(io.MAP_SUFFIXES),
            )  # fmt: skip
        if found is not None and (
            found.length <= SEGMENTS * segment * found.rate
            and found.length * len(found.channels) <= WHOLE
        ):
            found = None
        for note in () if found is None else found.notes:
            log.warning("%s: %s", path, note)
        yield found


def write_pieces(
    source: Source,
    pieces: Generator[Signal, None, None],
    task: Task,
    transform: SpectrogramTransform,
    *,
    ratio: int = 1,
    panels: Sequence[Panel] = (),
    uncertainty: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Result:
    """Write the pieces of a result into all recordings and maps of a task.

    Args:
        source: the recording that the pieces are computed from; if they are computed from more of
            it than the segment of each, it is opened once more.
        pieces: the result in order, without gaps.
        task: its targets are written, but for figures, which `specsr.jobs.plan.save` draws.
        transform: analysis of the maps.
        ratio: samples of the result for each of ``source``.
        panels: of the figures.
        uncertainty: function (magnitudes of the next columns of the map) -> their uncertainty, dB,
            both [C, rows, k]; None for maps without it.

    Returns:
        Overall levels, and the maps of the panels.
    """
    first = next(pieces)
    head, piece = _head(first), cast("Signal | None", first)
    del first
    length = source.length * ratio
    if not has_figure(task.targets):
        panels = ()
    shown = [
        _overview(panel, head if panel.shows == "result" else source, length) for panel in panels
    ]
    squares = np.zeros(len(head.channels))
    done = 0
    with ExitStack() as stack:
        stack.enter_context(closing(pieces))  # closes the bar before an error is reported
        adders = _sinks(stack, task, transform, head, length, uncertainty)
        while piece is not None:
            for add in adders:
                add(piece)
            for panel, overview in zip(panels, shown):
                shown_part = piece.samples[:1]
                if panel.shows != "result":
                    before = source.cut(done, done + piece.length // ratio).samples[:1]
                    shown_part = before - shown_part if panel.shows == "removed" else before
                overview.add(shown_part)
            squares += [np.square(row, dtype=np.float64).sum() for row in piece.samples]
            done += piece.length // ratio
            piece = None  # large with many channels: freed before the next one is computed
            piece = next(pieces, None)
    with np.errstate(divide="ignore"):
        levels = 10 * np.log10(squares / length / REFERENCES[head.unit] ** 2)
    text = ", ".join(f"{level:.1f}" for level in levels)
    return Result(
        Written(f"overall {text} dB {reference_label(head.unit)}"),
        {panel.title: overview.spec() for panel, overview in zip(panels, shown)},
        channel=one_of_several(head.channels),
    )


def _head(piece: Signal) -> Signal:
    """Return a copy of the first sample of all channels, without which the piece can be freed."""
    rpm = None if piece.rpm is None else piece.rpm[:1].copy()
    return piece.replace(samples=piece.samples[:, :1].copy(), rpm=rpm)


def _sinks(
    stack: ExitStack, task: Task, transform: SpectrogramTransform, head: Signal, length: int,
    uncertainty: Callable[[np.ndarray], np.ndarray] | None,
) -> list[Callable[[Signal], None]]:  # fmt: skip
    """Open the recordings and maps of a task; return functions that append a piece to each."""
    adders = [
        stack.enter_context(audio.audio_sink(target, head, length, overwrite=task.overwrite))
        for target in task.targets
        if kind_of(target) == "recording"
    ]
    maps = [target for target in task.targets if kind_of(target) == "map"]
    if maps:
        grid = transform.grid(head, length)
        sink = map_sink(maps, grid, head, task.overwrite, uncertainty)
        adders.append(stack.enter_context(sink))
    return adders


@contextmanager
def map_sink(
    paths: Sequence[Path],
    grid: Grid,
    head: Signal,
    overwrite: bool = False,
    uncertainty: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Iterator[Callable[[Signal], None]]:
    """Yield a function that takes consecutive pieces and writes the spectrogram, with phase.

    The files (``.npz``, ``.h5``, ``.hdf5``) are those of `specsr.io.write_map` for the whole map.

    Args:
        paths: the files; their suffixes decide the formats.
        grid: full grid of the whole recording.
        head: first piece; the others have the same rate, unit and channels.
        overwrite: replace files that exist.
        uncertainty: function (magnitudes of the next columns) -> their uncertainty, dB, both
            [C, rows, k]; None for maps without it.

    Raises:
        SpecsrError: an output exists, does not fit on the disk, or cannot be written.
    """
    frames = Frames(grid, len(head.channels))
    names = ("magnitude", "phase", *(() if uncertainty is None else ("uncertainty_db",)))

    def put(name: str, values: np.ndarray) -> None:
        for each in puts:
            each(name, values)

    def add(piece: Signal) -> None:
        for samples in stream.parts(piece, grid):
            spectrum = frames.add(samples)
            magnitude = frames.magnitude(spectrum).numpy()
            put("magnitude", magnitude)
            put("phase", angle(spectrum).numpy())
            if uncertainty is not None:
                put("uncertainty_db", uncertainty(magnitude))
        if piece.rpm is not None:
            put("rpm", piece.rpm)

    with ExitStack() as stack:
        sinks = (stream.array_sink(path, grid, head, names, overwrite) for path in paths)
        puts = [stack.enter_context(sink) for sink in sinks]
        yield add


def _overview(panel: Panel, like: Source, length: int) -> Overview:
    """Return the empty overview of a panel: of the whole input, or of a result of ``length``."""
    if panel.shows == "input":
        length = like.length
    head = like.cut(0, 1)
    return Overview(panel.transform.grid(head, length), head.channels[0])
