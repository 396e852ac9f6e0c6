"""Segments whose decisions fade into those of their neighbours.

Some values of a segment are decided from all of it, such as the share of a band that is given back
(`specsr.enhance.restraint`).  Applied as they are, they would change in steps at the borders.  Here
they hold at the centres of the segments and change linearly from one centre to the next, so the
result is a continuous function of time.  A recording of one segment has one decision.

A segment is finished after the next one was drafted: the recording is read once, and what two
segments need is in memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from specsr.enhance.segments import Plan, one_channel, process, segments
from specsr.maps.grid import Grid
from specsr.progress import Progress
from specsr.signal import Signal, Source

State = TypeVar("State")


@dataclass(frozen=True, eq=False)
class Decision:
    """Values over time: linear between positions, constant before the first and after the last.

    Attributes:
        positions: of the values, samples from the start of a part, ascending, [K].
        values: [K, ...].
    """

    positions: np.ndarray
    values: np.ndarray

    @classmethod
    def constant(cls, values: np.ndarray) -> Decision:
        """Return one decision for all of a part; values of any shape."""
        return cls(np.zeros(1), np.asarray(values)[None])

    def __getitem__(self, index: int) -> Decision:
        """Return the decision of one index of the first axis of the values."""
        return Decision(self.positions, self.values[:, index])

    def at(self, grid: Grid) -> np.ndarray:
        """Return the values at the columns of a map of a part, [..., T]; [..., 1] if constant."""
        if len(self.positions) == 1:
            return np.asarray(self.values[0][..., None])
        times = np.arange(grid.frames) * grid.hop_length
        flat = self.values.reshape(len(self.positions), -1).T
        found = np.stack([np.interp(times, self.positions, each) for each in flat])
        return found.reshape(*self.values.shape[1:], len(times))


@dataclass(frozen=True, eq=False)
class Draft(Generic[State]):
    """A part before its decisions are applied.

    Attributes:
        state: what finishes it needs, besides the part.
        decided: values from all of it, any shape, alike in all parts.
    """

    state: State
    decided: np.ndarray


def process_decided(
    source: Source,
    draft: Callable[[Signal, int, Progress | None], Draft[State]],
    finish: Callable[[Signal, int, State, Decision], Signal],
    plan: Plan,
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of `specsr.enhance.segments.process` with decisions that fade.

    Args:
        source: the recording.
        draft: function (part, position of its first channel, progress) -> draft.
        finish: function (part, position of its first channel, state, decision) -> signal with
            ``plan.ratio`` times the samples.
        plan: lengths of the segments.
        progress: as for `specsr.enhance.segments.process`.
    """
    found = segments(source.length, plan.size, plan.margin)
    centres = np.array([(each.start + each.stop) / 2 for each in found])
    count = len(source.channels)
    decided: list[list[np.ndarray]] = []
    states: dict[tuple[int, int], State] = {}
    # the n-th call for a channel is that of its n-th segment
    turns = [itertools.count() for _ in range(count)]

    def prepare(index: int) -> None:
        """Draft all channels of a segment."""
        part = source.cut(found[index].first, found[index].last)
        values = []
        for channel in range(count):
            made = draft(one_channel(part, channel), channel, None)
            states[index, channel] = made.state
            values.append(made.decided)
        decided.append(values)

    def work(part: Signal, channel: int, steps: Progress | None) -> Signal:
        if len(found) == 1:
            made = draft(part, channel, steps)
            return finish(part, channel, made.state, Decision.constant(made.decided))
        index = next(turns[channel])
        while len(decided) < min(index + 2, len(found)):
            prepare(len(decided))
        near = range(max(0, index - 1), min(index + 2, len(found)))
        values = np.stack([decided[each][channel] for each in near])
        decision = Decision(centres[near.start : near.stop] - found[index].first, values)
        return finish(part, channel, states.pop((index, channel)), decision)

    yield from process(source, work, plan, progress)
