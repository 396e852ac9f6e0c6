"""Long recordings in segments: each with margins, worked on by itself, joined without a seam.

The same segments are taken of a recording in memory and of one that comes from a file bit by bit,
so both give the same result, and the memory does not grow with the length.  A segment begins on a
hop of the model's grid (and on a block of folded cells), so its cells are those of the whole.
What a model finds is the same in a segment as in the whole, but for two things: the level that
everything is seen about is the segment's own, and an estimated phase starts anew in each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.transform import SpectrogramTransform
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.progress import Progress
from specsr.signal import Signal

FADE_SECONDS = 0.01
"""Length of the crossfade from one segment to the next."""

LARGEST = 3 << 18
"""Samples of the result in a segment at most: 16 s at 48 kHz, and less at higher rates."""


class Source(Protocol):
    """A recording that is handed out in parts: a `Signal`, or one that is read as it is needed."""

    @property
    def length(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def channels(self) -> tuple[str, ...]: ...
    def cut(self, first: int, last: int) -> Signal:
        """Samples ``first`` to ``last`` (exclusive); neither ever goes back."""


@dataclass(frozen=True)
class Segment:
    """Samples ``start`` to ``stop`` of a recording, and those with margins: ``first`` to ``last``.

    All ends are exclusive; margins stop at the ends of the recording.
    """

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """How a recording is cut, in samples of the input.

    Attributes:
        size: of a segment.
        margin: seen on either side of it, and thrown away.
        fade: length of the crossfade into the next segment, at most ``margin``.
        ratio: samples of the result for each of the input.
    """

    size: int
    margin: int
    fade: int
    ratio: int = 1

    def __post_init__(self) -> None:
        if self.size < 1 or self.ratio < 1 or not 0 <= self.fade <= min(self.margin, self.size):
            raise SpecsrError(
                f"{self}: expected a size and ratio from 1 up, and a fade no longer than margin "
                "and size"
            )


def plan(
    seconds: float, rate: float, hop: int, margin: int, length: int, ratio: int = 1
) -> Plan:  # fmt: skip
    """Return a plan whose borders lie on whole hops of the result and whole input samples.

    Args:
        seconds: length of a segment, about, shortened to `LARGEST` samples of the result; infinite
            for the whole recording in one.
        rate: of the result, Hz.
        hop: samples of the result that a border must be a multiple of.
        margin: samples of the result that a segment must see on either side.
        length: samples of the recording.
        ratio: samples of the result for each of the input.
    """
    unit = math.lcm(hop, ratio) // ratio
    margin = unit * math.ceil(margin / ratio / unit)
    if math.isinf(seconds):
        return Plan(max(1, length), margin, 0, ratio)
    size = unit * max(1, round(min(seconds * rate, LARGEST) / ratio / unit))
    fade = min(margin, size, max(1, round(FADE_SECONDS * rate / ratio)))
    return Plan(size, margin, fade, ratio)


def segments(length: int, size: int, margin: int) -> list[Segment]:
    """Cut a recording into segments that hold every sample once.

    A rest no longer than a margin goes with the last segment, so a recording that is no longer
    than a segment and a margin stays whole.
    """
    count = max(1, math.ceil((length - margin) / size))
    borders = [i * size for i in range(count)] + [length]
    return [
        Segment(a, b, max(0, a - margin), min(length, b + margin))
        for a, b in zip(borders, borders[1:])
    ]


def process(
    source: Source,
    work: Callable[[Signal, Progress | None], Signal],
    plan: Plan,
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of ``work`` for a recording, piece by piece, in order, without gaps.

    A recording of one segment goes through ``work`` whole.  Of a longer one, each channel of each
    segment does so by itself, and neighbours are joined by a linear crossfade: what both agree on
    is kept exactly.

    Args:
        source: the recording.
        work: signal, progress -> signal with ``plan.ratio`` times the samples.
        plan: see `plan`.
        progress: wraps the steps of ``work`` (one segment), or segments times channels.
    """
    found = segments(source.length, plan.size, plan.margin)
    if len(found) == 1:
        yield work(source.cut(0, source.length), progress)
        return
    ratio, fade = plan.ratio, plan.fade * plan.ratio
    rise = ((np.arange(fade) + 0.5) / max(1, fade)).astype(np.float32)
    tail: np.ndarray | None = None
    steps = [(segment, c) for segment in found for c in range(len(source.channels))]
    for segment, channel in progress(steps) if progress else steps:
        if channel == 0:
            given = source.cut(segment.first, segment.last)
            done: list[Signal] = []
        one = given.replace(
            samples=given.samples[channel : channel + 1], channels=given.channels[channel:][:1]
        )
        done.append(work(one, None))
        if len(done) < len(source.channels):
            continue
        samples = np.concatenate([part.samples for part in done])
        a, b = ((at - segment.first) * ratio for at in (segment.start, segment.stop))
        piece = samples[:, a:b].copy()
        if tail is not None:
            piece[:, :fade] = tail * (1 - rise) + piece[:, :fade] * rise
        tail = samples[:, b : b + fade].copy()
        head = done[0]
        yield head.replace(
            samples=piece, channels=given.channels, start=head.start + a / head.rate,
            rpm=None if head.rpm is None else head.rpm[a:b],
        )  # fmt: skip


def join(pieces: Iterable[Signal]) -> Signal:
    """Return pieces that follow each other as one recording, with the start of the first."""
    parts = list(pieces)
    if len(parts) == 1:
        return parts[0]
    rpm = None if parts[0].rpm is None else np.concatenate([part.rpm for part in parts])
    samples = np.concatenate([part.samples for part in parts], axis=1)
    return parts[0].replace(samples=samples, rpm=rpm)


def blocks(
    source: Source, size: int, progress: Progress | None = None
) -> Generator[Signal, None, None]:
    """Yield a recording in blocks of ``size`` samples, the last one shorter."""
    firsts = list(range(0, source.length, size))
    for first in progress(firsts) if progress else firsts:
        yield source.cut(first, min(source.length, first + size))


def _plan(found: Model, source: Source, ratio: int, options: InferOptions) -> Plan:
    """Cut on whole blocks of cells; a margin holds all that a model and two transforms see."""
    grid = found.grids[0]
    hop = grid["hop_length"]
    fold = getattr(found.net.config, "fold", (1, 1))[1]
    margin = hop * found.net.reach((1, 1))[1] + 4 * grid["n_fft"]
    rate = source.rate * ratio
    return plan(options.segment, rate, hop * fold, margin, source.length, ratio)


def _transform(model: Model) -> SpectrogramTransform:
    grid = model.grids[0]
    return SpectrogramTransform(grid["n_fft"], grid["hop_length"], grid["window"])
