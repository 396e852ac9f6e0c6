"""Long recordings at the command line: read, worked on and written piece by piece, in one pass."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from specsr import io
from specsr.io import audio, stream
from specsr.jobs import plan as jobs
from specsr.jobs.options import Reading
from specsr.maps.transform import SpectrogramTransform
from specsr.plots.overview import Overview
from specsr.signal import Signal
from specsr.units import REFERENCES, reference_label

if TYPE_CHECKING:
    from specsr.maps.grid import Grid


log = logging.getLogger(__name__)

SEGMENTS = 2
"""A recording longer than this many segments is streamed."""

_LARGE = 1 << 28
"""Bytes of a file from which on the user is told that it is read whole."""


@dataclass(frozen=True)
class Panel:
    """A map in a picture: its title, its transform, and whether it shows what was read."""

    title: str
    transform: SpectrogramTransform
    of_input: bool = False


@contextmanager
def long_recording(
    path: Path, targets: Sequence[Path], reading: Reading, segment: float
) -> Iterator[stream.Recording | None]:
    """Yield an open recording that should be streamed; None for one to be read whole.

    Streamed are audio files of more than `SEGMENTS` segments, if all that is asked for are audio
    files, maps (``.npz``, ``.h5``) and pictures.
    """
    kinds = {*audio.FORMATS, *io.MAP_SUFFIXES, *jobs.PICTURES}
    fitting = all(target.suffix.lower() in kinds for target in targets)
    given: dict[str, Any] = {
        "unit": reading.unit, "calib": reading.calib, "channels": reading.channels,
        "rate": reading.rate,
    }  # fmt: skip
    with ExitStack() as stack:
        found = stack.enter_context(stream.opened(path, **given)) if fitting else None
        if found is None and path.is_file() and path.stat().st_size > _LARGE:
            log.warning(
                "%s: is read whole, which takes memory: streamed are %s in, and these, %s and "
                "pictures out",
                path, " ".join(audio.FORMATS), " ".join(io.MAP_SUFFIXES),
            )  # fmt: skip
        if found is not None and found.length <= SEGMENTS * segment * found.rate:
            found = None
        for note in () if found is None else found.notes:
            log.warning("%s: %s", path, note)
        yield found


def write_pieces(
    source: stream.Recording,
    pieces: Generator[Signal, None, None],
    targets: Sequence[Path],
    transform: SpectrogramTransform,
    overwrite: bool,
    *,
    ratio: int = 1,
    panels: Sequence[Panel] = (),
) -> jobs.Result:
    """Write the pieces of a result into every target, and return what is left to draw and say.

    Args:
        source: what the pieces are made of, while they are made.
        pieces: the result in order, without gaps.
        targets: recordings and maps are written here; pictures are left to `jobs.save`.
        transform: of the maps.
        overwrite: replace files that exist.
        ratio: samples of the result for each of ``source``.
        panels: of the pictures.
    """
    first = next(pieces)
    length = source.length * ratio
    kinds = {target: jobs.kind_of(target) for target in targets}
    if "picture" not in kinds.values():
        panels = ()
    shown = [_overview(panel, source if panel.of_input else first, length) for panel in panels]
    squares = np.zeros(len(first.channels))
    done = 0
    with ExitStack() as stack:
        stack.enter_context(closing(pieces))  # ends the bar before an error is told
        adders = []
        for target, kind in kinds.items():
            if kind == "recording":
                sink = audio.audio_sink(target, first, length, overwrite=overwrite)
                adders.append(stack.enter_context(sink))
            elif kind == "map":
                grid = _grid(transform, first, length)
                sink = stream.map_sink(target, grid, first, overwrite=overwrite)
                adders.append(stack.enter_context(sink))
        for piece in itertools.chain([first], pieces):
            for add in adders:
                add(piece)
            for panel, overview in zip(panels, shown):
                if panel.of_input:
                    overview.add(source.cut(done, done + piece.length // ratio).samples[:1])
                else:
                    overview.add(piece.samples[:1])
            squares += np.square(piece.samples, dtype=np.float64).sum(axis=1)
            done += piece.length // ratio
    with np.errstate(divide="ignore"):
        levels = 10 * np.log10(squares / length / REFERENCES[first.unit] ** 2)
    text = ", ".join(f"{level:.1f}" for level in levels)
    return jobs.Result(
        jobs.Written(f"overall {text} dB {reference_label(first.unit)}"),
        {panel.title: overview.spec() for panel, overview in zip(panels, shown)},
    )


def _grid(transform: SpectrogramTransform, first: Signal, length: int) -> Grid:
    return replace(transform.grid(first), length=length)


def _overview(panel: Panel, like: Any, length: int) -> Overview:
    if panel.of_input:
        length = like.length
        like = like.cut(0, 1)
    return Overview(_grid(panel.transform, like, length), like.channels[0])
