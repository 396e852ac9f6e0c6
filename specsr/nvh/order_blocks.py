"""Orders of a recording by the Vold-Kalman filter, block by block: streamed, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from specsr.choices import SEGMENT
from specsr.errors import SpecsrError
from specsr.nvh.order_bandwidth import chosen_bandwidth, limits, watched
from specsr.nvh.order_piece import OrderPiece
from specsr.nvh.shafts import ShaftOrder
from specsr.nvh.vold_kalman import FAR, KNOTS, Normal, VoldKalman, at_centres, envelope
from specsr.progress import Progress
from specsr.signal import Signal, Source

CHUNK = 1 << 16
"""Approximate number of samples that are demodulated at a time."""

LEAST_STEP, MOST_STEP = 64, 1 << 18
"""Samples from knot to knot of a filter that is narrow for the length of the recording, and the
maximum; narrower filters have more knots than they need."""

FADE = 4
"""Length of a margin over that of a crossfade."""

MOST_SAMPLES = 1 << 27
"""Maximum number of samples of a block, over all channels: 1 GiB."""


@dataclass(frozen=True)
class BlockPlan:
    """Knot intervals of a recording and of its blocks.

    Attributes:
        step: samples in a knot interval.
        intervals: of the recording.
        margin: intervals on either side of a block.
        block: intervals of a block without margins.
    """

    step: int
    intervals: int
    margin: int
    block: int


def block_plan(
    source: Source, lines: Sequence[ShaftOrder], method: VoldKalman, segment: float = SEGMENT
) -> BlockPlan:
    """Return the knots and blocks of a recording.  Arguments as `order_pieces`.

    Raises:
        SpecsrError: a bandwidth out of range, or blocks that are too large for the memory.
    """
    spans = [line.shaft.span for line in lines]
    widest = max(float(method.hz(np.array(high), high)) for _, high in spans) * method.widening
    narrowest = min(float(method.hz(np.array(low), high)) for low, high in spans)
    if not 0 < widest <= source.rate / 2 / KNOTS:
        found = "" if method.unit == "Hz" else f" is {widest:.4g} Hz"
        given = method.bandwidth if method.widest is None else method.widest
        raise SpecsrError(
            f"a bandwidth of {given:g} {method.unit}{found}: expected above 0 up to "
            f"1/{2 * KNOTS} of the sampling rate, {source.rate / 2 / KNOTS:.4g} Hz"
        )
    longest = min(max(source.length, LEAST_STEP), MOST_STEP)
    step = min(int(source.rate / (KNOTS * widest)), longest)
    margin = int(np.ceil(method.memory / narrowest * source.rate / step)) + 4
    block = max(round(segment * source.rate / step), 4 * margin)
    intervals = -(-source.length // step)
    samples = min(block + 2 * margin, intervals) * step * len(source.channels)
    if samples > MOST_SAMPLES:
        raise SpecsrError(
            f"a bandwidth of {narrowest:.3g} Hz needs blocks of {samples / 1e6:.0f} million "
            f"samples: expected up to {MOST_SAMPLES / 1e6:.0f} million; take a wider one or fewer "
            "channels"
        )
    return BlockPlan(step, intervals, margin, block)


def order_pieces(
    source: Source,
    lines: Sequence[ShaftOrder],
    method: VoldKalman = VoldKalman(),
    segment: float = SEGMENT,
    progress: Progress | None = None,
    watch: bool = False,
) -> Iterator[OrderPiece]:
    """Yield the orders of a recording in consecutive pieces; memory does not grow with its length.

    Blocks are solved one after the other, each with a margin on both sides over which the
    influence of a sample falls to 1e-6 (`VoldKalman.memory`), and joined by a crossfade of the
    envelopes.  Orders that are not resolved (`specsr.nvh.resolvable`) have a longer memory; their
    envelopes depend slightly on the blocks.  A recording in memory and one read from a file have
    the same blocks and so the same result.

    Args:
        source: the recording.
        lines: orders and shafts.
        method: bandwidth and poles of the filter.
        segment: approximate length of a block, s; at least four margins.
        progress: wraps the blocks.
        watch: search for the bandwidth that follows the orders of a constant one too, which takes
            up to twice the time and changes nothing else.

    Raises:
        SpecsrError: a bandwidth out of range.
    """
    lines = tuple(lines)
    highest = np.array([line.shaft.span[1] for line in lines])
    plan = block_plan(source, lines, method, segment)
    starts: Sequence[int] | Iterator[int] = range(0, plan.intervals, plan.block)
    turns = {line.shaft.name: 0.0 for line in lines}  # at the first sample of the block
    begins, ahead = 0, None
    for start in starts if progress is None else progress(starts):
        stop = min(start + plan.block, plan.intervals)
        low, high = max(0, start - plan.margin), min(plan.intervals, stop + plan.margin)
        first, last = low * plan.step, min(high * plan.step, source.length)
        turns = _advance(lines, turns, begins, first, source.rate)
        begins = first
        block = _Block(source, lines, method, plan, (low, high), turns, highest)
        part = source.cut(first, last)
        coefficients = block.solve(part.samples, watch)
        if ahead is not None:
            joint = coefficients[:, start - low :][:, : ahead.shape[1]]
            fade = np.linspace(0, 1, ahead.shape[1] + 2)[1:-1, None]
            joint[:] = ahead + fade * (joint - ahead)
        ahead = coefficients[:, stop - low : stop - low + plan.margin // FADE].copy()
        per_chunk = max(1, CHUNK // plan.step)
        for at in range(start, stop, per_chunk):
            yield block.piece(part, coefficients, at, min(at + per_chunk, stop))


def _advance(
    lines: Sequence[ShaftOrder], turns: Mapping[str, float], first: int, last: int, rate: float
) -> dict[str, float]:
    """Return the angles of the shafts at sample ``last``, given those at ``first``."""
    shafts = {line.shaft.name: line.shaft for line in lines}
    moved = dict(turns)
    for name, shaft in shafts.items():
        for at in range(first, last, CHUNK):
            moved[name] = float(shaft.turns(at, min(at + CHUNK, last) + 1, moved[name], rate)[-1])
    return moved


class _Block:
    """The orders in one block of a recording, with its margins."""

    def __init__(
        self,
        source: Source,
        lines: Sequence[ShaftOrder],
        method: VoldKalman,
        plan: BlockPlan,
        span: tuple[int, int],
        turns: Mapping[str, float],
        highest: np.ndarray,
    ) -> None:
        self.lines, self.method, self.plan = lines, method, plan
        self.low, self.high = span
        self.rate, self.start, self.length = source.rate, source.start, source.length
        self.first, self.last = self.low * plan.step, min(self.high * plan.step, source.length)
        shafts = {line.shaft.name: line.shaft for line in lines}
        self.turns = {
            name: shaft.turns(self.first, self.last, turns[name], source.rate)
            for name, shaft in shafts.items()
        }
        centres = np.arange(self.low, self.high) * plan.step + plan.step // 2
        self.centres = np.minimum(centres, source.length - 1)
        self.rpm = np.stack([line.shaft.at(self.centres) for line in lines])
        self.bandwidth = np.stack([method.hz(x, y) for x, y in zip(self.rpm, highest)])
        self.freqs = np.array([line.order for line in lines])[:, None] * self.rpm / 60
        self.valid = self.freqs >= self.bandwidth
        self.valid &= self.freqs + self.bandwidth / 2 <= self.rate / 2
        self.needed = self.bandwidth

    def solve(self, samples: np.ndarray, watch: bool) -> np.ndarray:
        """Return the spline coefficients of all orders, [K, intervals + 3, C].

        Args:
            samples: of the block, [C, N].
            watch: find the bandwidth needed even if that of the filter is constant.
        """
        plan = self.plan
        normal = Normal(self.high - self.low, plan.step, len(self.lines), len(samples))
        far = FAR * self.rate / plan.step
        gaps = self.freqs[:, None] - self.freqs
        near = (gaps.min(axis=2) <= far) & (gaps.max(axis=2) >= -far)
        image = (self.freqs[:, None] + self.freqs).min(axis=2) <= far
        every = np.ones_like(near)
        per_chunk = max(1, CHUNK // plan.step)
        for at in range(0, self.high - self.low, per_chunk):
            part = slice(at * plan.step, (at + per_chunk) * plan.step)
            inside = samples[:, part].astype(np.float64)
            # the splines are cut off at the edges of the recording: no term is negligible there
            edge = self.first + part.start == 0 or self.first + part.stop >= self.length
            normal.add(at, inside, self._phasors(part), (every, every) if edge else (near, image))
        seconds, poles = plan.step / self.rate, self.method.poles
        adapts = self.method.widest is not None
        if adapts or watch:
            self.needed = chosen_bandwidth(
                self.bandwidth,
                limits(self.freqs, self.rpm, self.bandwidth, self.rate),
                self.method if adapts else watched(self.method),
                seconds,
                lambda widths: np.stack(
                    [at_centres(row) for row in normal.solve(widths, seconds, poles)]
                ),
            )
        if adapts:
            self.bandwidth = self.needed
        return normal.solve(self.bandwidth, seconds, poles)

    def _phasors(self, part: slice) -> np.ndarray:
        """Return exp(2 pi j order turns) at some samples, zero where out of range, [K, n]."""
        step = self.plan.step
        rows = []
        for line, valid in zip(self.lines, self.valid):
            cycles = line.order * self.turns[line.shaft.name][part]
            inside = np.repeat(valid[part.start // step : part.stop // step], step)
            rows.append(np.exp(2j * np.pi * (cycles % 1)) * inside[: len(cycles)])
        return np.stack(rows)

    def piece(self, signal: Signal, found: np.ndarray, start: int, stop: int) -> OrderPiece:
        """Return the orders in knot intervals ``start`` to ``stop`` of the recording.

        Args:
            signal: the block.
            found: spline coefficients.
            start, stop: intervals.
        """
        step = self.plan.step
        low, high = start - self.low, stop - self.low
        part = slice(low * step, min(high * step, signal.length))
        count = part.stop - part.start
        phasors = self._phasors(slice(low * step, high * step))
        rows = [coefficients[low : high + 3] for coefficients in found]
        waveforms = np.stack([
            (envelope(row, step)[:, :count] * phasor).real for row, phasor in zip(rows, phasors)
        ])  # fmt: skip
        return OrderPiece(
            signal.cut(part.start, part.stop),
            waveforms,
            self.start + self.centres[low:high] / self.rate,
            np.stack([at_centres(row) for row in rows]) / np.sqrt(2),
            self.rpm[:, low:high],
            self.bandwidth[:, low:high],
            self.needed[:, low:high],
            self.valid[:, low:high],
        )
