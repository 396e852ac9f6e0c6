"""Long recordings processed in segments with margins, joined by crossfades.

A recording in memory and one that is read from a file piece by piece have the same segments and so
the same result; the memory does not grow with the length.  Segments start on a hop of the model's
grid and on a block of folded cells, so their cells are those of the whole recording.  Two things
differ from processing the recording at once: levels are relative to the median of the segment, and
phase estimation starts anew in each segment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.levels import FIRST_SECONDS
from specsr.maps.transform import SpectrogramTransform
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.progress import Progress
from specsr.signal import Signal, Source

FADE_SECONDS = 0.01
"""Length of the crossfade from one segment to the next."""

LARGEST = 3 << 18
"""Maximum number of samples of the result in a segment: 16 s at 48 kHz, less at higher rates."""

WHOLE = 1 << 22
"""Samples of the result, over all channels, up to which one segment is processed as a whole."""


@dataclass(frozen=True)
class Segment:
    """One segment of a recording, in samples; upper limits are exclusive.

    Attributes:
        start, stop: the segment.
        first, last: the segment with its margins, which end at the edges of the recording.
    """

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Lengths that define the segments of a recording, in samples of the input.

    Attributes:
        size: length of a segment.
        margin: samples on either side that are processed with a segment and then discarded.
        fade: length of the crossfade into the next segment, at most ``margin`` and ``size``.
        ratio: samples of the result per sample of the input.

    Raises:
        SpecsrError: a length out of range.
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
        seconds: approximate length of a segment in s, limited to `LARGEST` samples of the result;
            infinite for one segment.
        rate: sampling rate of the result in Hz.
        hop: borders are multiples of this number of samples of the result.
        margin: minimum margin on either side, samples of the result.
        length: number of samples of the recording.
        ratio: samples of the result per sample of the input.
    """
    unit = math.lcm(hop, ratio) // ratio
    margin = unit * math.ceil(margin / ratio / unit)
    if math.isinf(seconds):
        return Plan(max(1, length), margin, 0, ratio)
    size = unit * max(1, round(min(seconds * rate, LARGEST) / ratio / unit))
    fade = min(margin, size, max(1, round(FADE_SECONDS * rate / ratio)))
    return Plan(size, margin, fade, ratio)


def segments(length: int, size: int, margin: int) -> list[Segment]:
    """Return segments that together hold every sample once.

    A remainder no longer than the margin is added to the last segment, so a recording no longer
    than a segment and a margin is one segment.

    Args:
        length: number of samples of the recording.
        size, margin: see `Plan`.
    """
    count = max(1, math.ceil((length - margin) / size))
    borders = [i * size for i in range(count)] + [length]
    return [
        Segment(a, b, max(0, a - margin), min(length, b + margin))
        for a, b in zip(borders, borders[1:])
    ]


def process(
    source: Source,
    work: Callable[[Signal, int, Progress | None], Signal],
    plan: Plan,
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of ``work`` for a recording, piece by piece, in order and without gaps.

    A recording of one segment and up to `WHOLE` samples is processed as a whole, otherwise each
    channel of each segment by itself, which gives the same.  Then the input and the result of one
    segment of all channels are in memory, and what ``work`` needs for one channel.  Neighbouring
    segments are joined by a linear crossfade, which leaves samples that are equal in both
    unchanged.

    Args:
        source: the recording.
        work: function (signal, position of its first channel, progress) -> signal with
            ``plan.ratio`` times the samples.
        plan: lengths of the segments.
        progress: wraps the steps of ``work`` for one segment, else segments times channels.
    """
    found = segments(source.length, plan.size, plan.margin)
    if len(found) == 1 and source.length * plan.ratio * len(source.channels) <= WHOLE:
        yield work(source.cut(0, source.length), 0, progress)
        return
    ratio, fade = plan.ratio, plan.fade * plan.ratio
    rise = ((np.arange(fade) + 0.5) / max(1, fade)).astype(np.float32)
    tail: np.ndarray | None = None
    steps = [(segment, c) for segment in found for c in range(len(source.channels))]
    for segment, channel in progress(steps) if progress else steps:
        if channel == 0:
            part = source.cut(segment.first, segment.last)
        head = work(one_channel(part, channel), channel, None)
        if channel == 0:
            samples = np.empty((len(part.channels), head.length), head.samples.dtype)
        samples[channel] = head.samples[0]
        if channel < len(part.channels) - 1:
            continue
        a, b = ((at - segment.first) * ratio for at in (segment.start, segment.stop))
        piece = samples[:, a:b]
        if tail is not None:
            piece[:, :fade] = tail * (1 - rise) + piece[:, :fade] * rise
        tail = samples[:, b : b + fade].copy()
        del part, samples  # a segment of all channels is large: only the piece stays
        yield head.replace(
            samples=piece, channels=source.channels, start=head.start + a / head.rate,
            rpm=None if head.rpm is None else head.rpm[a:b],
        )  # fmt: skip
        del piece


def one_channel(signal: Signal, channel: int) -> Signal:
    """Return one channel of a recording by its position."""
    return signal.replace(
        samples=signal.samples[channel : channel + 1], channels=signal.channels[channel:][:1]
    )


def join(pieces: Iterable[Signal]) -> Signal:
    """Return consecutive pieces as one recording that starts with the first."""
    parts = list(pieces)
    if len(parts) == 1:
        return parts[0]
    rpm = None if parts[0].rpm is None else np.concatenate([part.rpm for part in parts])
    samples = np.concatenate([part.samples for part in parts], axis=1)
    return parts[0].replace(samples=samples, rpm=rpm)


def blocks(
    source: Source, size: int, progress: Progress | None = None
) -> Generator[Signal, None, None]:
    """Yield a recording in blocks of ``size`` samples; the last one may be shorter."""
    firsts = list(range(0, source.length, size))
    for first in progress(firsts) if progress else firsts:
        yield source.cut(first, min(source.length, first + size))


def model_plan(model: Model, source: Source, ratio: int, options: InferOptions) -> Plan:
    """Return the plan for a recording that a model processes.

    Borders lie on whole blocks of folded cells; margins hold the receptive field of the model and
    the windows of two transforms.

    Args:
        model: a model with at least one grid.
        source: the recording.
        ratio: samples of the result per sample of the input.
        options: with the length of the segments in s.
    """
    grid = model.grids[0]
    margin = grid.hop_length * model.net.reach((1, 1))[1] + 4 * grid.n_fft
    hop = grid.hop_length * model.net.config.fold[1]
    return plan(options.segment, source.rate * ratio, hop, margin, source.length, ratio)


def first_seconds(source: Source, n_fft: int) -> Signal:
    """Return the part of a recording that its reference level comes from.

    It is `specsr.maps.levels.FIRST_SECONDS` long and continues for as many samples as two windows
    of ``n_fft`` and a resampler see beyond.
    """
    length = math.ceil(FIRST_SECONDS * source.rate) + 2 * n_fft
    return source.cut(0, min(source.length, length))


def model_transform(model: Model) -> SpectrogramTransform:
    """Return the transform that a model processes recordings with: the first of its grids."""
    grid = model.grids[0]
    return SpectrogramTransform(grid.n_fft, grid.hop_length, grid.window)
