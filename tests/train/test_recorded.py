"""Recorded steps of training (CUDA graphs), without a GPU: a stand-in that repeats plain calls."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from specsr.train.batch import Batch, synthetic
from specsr.train.build import build_net
from specsr.train.data import delivered
from specsr.train.learner import Learner
from specsr.train.recorded import WARM_UP, Recorded
from support.step_samples import CPU, KINDS, crops_of, run_of

aten = torch.ops.aten


class CallsAgain:
    """A recorder that runs the work again where a GPU replays its kernels."""

    def __init__(self) -> None:
        self.warm_ups = self.recordings = self.replays = 0

    def warm_up(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        self.warm_ups += 1
        return work()

    def record(self, work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        self.recordings += 1

        def replay() -> torch.Tensor:
            self.replays += 1
            return work()

        return replay


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_steps_are_those_of_plain_calls(kind: str) -> None:
    """Bit for bit, with batches copied to the memory that a recording reads from."""
    options = run_of(kind, "mdsr")
    plain, recorded = (Learner(build_net(options), options, CPU) for _ in range(2))
    recorder = recorded.work.recorder = CallsAgain()
    crops = crops_of(options, 14)
    for step in range(14):
        batch = crops[step]
        kept = copy.deepcopy(batch)
        a, b = plain.step(batch, step), recorded.step(batch, step)
        assert torch.equal(a, b)
        assert all(torch.equal(x, y) for x, y in zip(batch[:2], kept[:2]))
    for ours, theirs in ((plain.net, recorded.net), (plain.average, recorded.average)):
        assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), theirs.parameters()))
    scales = len({tuple(crops[step].scale) for step in range(14)})
    assert scales == len(options.pair.scales)
    assert (recorder.recordings, recorder.warm_ups) == (scales, scales * WARM_UP)
    assert recorder.replays == 14 - recorder.warm_ups


class ReadsNoValue(TorchDispatchMode):
    """Refuses operations that make the host wait for a value, which no recording can contain."""

    waiting = (aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.equal)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        masks = func.overloadpacket in (aten.index, aten.index_put_, aten.index_put) and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        assert func.overloadpacket not in self.waiting and not masks, func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", KINDS)
def test_the_work_of_a_step_depends_on_no_value(kind: str) -> None:
    options = run_of(kind, "mdsr", accumulate=2, clip=0.1, examples_on="device")
    crops = crops_of(options, 4)
    draws, cut = delivered(crops, options, CPU.device)
    learner = Learner(build_net(options), options, CPU, cut=cut)
    for step in range(4):
        item = draws[step]
        with ReadsNoValue():
            learner.step(item, step)
    with pytest.raises(AssertionError), ReadsNoValue():
        torch.ones(2)[torch.ones(2, dtype=torch.bool)]


def test_a_scale_is_recorded_once_for_each_shape() -> None:
    recorder, seen = CallsAgain(), []

    def work(batch: Batch) -> torch.Tensor:
        seen.append(batch)
        return batch.low.sum()

    recorded = Recorded(work, torch.device("cpu"), recorder)
    shapes = [(2, 4, (2, 2)), (2, 4, (3, 3)), (1, 4, (2, 2))]
    for call in range(WARM_UP + 2):
        for count, side, scale in shapes:
            low = torch.full((count, 1, side, side), float(call))
            assert recorded(synthetic(low, low, scale)) == call * count * side**2
    assert recorder.recordings == 3 and recorder.replays == 2 * 3
    fixed = {id(batch.low) for batch in seen[-6:]}
    assert len(fixed) == 3  # a replay reads the memory of its recording


def test_what_cannot_be_recorded_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    class Refuses(CallsAgain):
        def record(self, work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
            raise RuntimeError("CUDA error: operation not permitted\nCompile with ...")

    options = run_of("denoise", "edsr")
    plain, refused = (Learner(build_net(options), options, CPU) for _ in range(2))
    refused.work.recorder = Refuses()
    crops = crops_of(options, 6)
    with caplog.at_level(logging.WARNING):
        for step in range(6):
            assert torch.equal(plain.step(crops[step], step), refused.step(crops[step], step))
    message = "steps run without CUDA graphs, more slowly: CUDA error: operation not permitted"
    assert [record.message for record in caplog.records] == [message]
