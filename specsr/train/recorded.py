"""The work of a training step as CUDA graphs: recorded once for each scale, then replayed.

A step of a small network is hundreds of short kernels, which Python starts more slowly than a GPU
runs them.  A replayed graph starts all of them at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger(__name__)

WARM_UP = 3
"""Calls before a recording: libraries choose kernels and the optimiser allocates its moments."""

Work = Callable[[], Tensor]


class CudaGraphs:
    """Recorder of CUDA graphs that share their memory: no two of them run at the same time."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.pool = torch.cuda.graph_pool_handle()
        self.aside = torch.cuda.Stream(device)

    def warm_up(self, work: Work) -> Tensor:
        """Run the work on a stream of its own, as is required before a recording."""
        current = torch.cuda.current_stream(self.device)
        self.aside.wait_stream(current)
        with torch.cuda.stream(self.aside):
            result = work()
        current.wait_stream(self.aside)
        return result

    def record(self, work: Work) -> Work:
        """Return a function that replays the kernels of the work, which are not run now.

        Raises:
            RuntimeError: the work waits for the device, or uses memory of the CPU.
        """
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self.device), torch.cuda.graph(graph, pool=self.pool):
            result = work()

        def replay() -> Tensor:
            with torch.cuda.device(self.device):
                graph.replay()
            return result.clone()  # the next replay overwrites it

        return replay


class Recorded:
    """A function of a batch that is recorded after its first calls and then replayed.

    Every call does the work of the function once, whichever way it is run.

    Args:
        work: function of a named tuple of tensors and a ``scale``.  It keeps its state in tensors
            that are changed in place, and depends on no value of a tensor outside the device.
        device: device of the work.
        recorder: `CudaGraphs`, or another object with its methods; None to call the function as it
            is.
    """

    def __init__(
        self, work: Callable[[Any], Tensor], device: torch.device, recorder: Any = None
    ) -> None:
        self.work, self.device, self.recorder = work, device, recorder
        self.calls: Counter[Any] = Counter()
        self.replays: dict[Any, tuple[Any, Work]] = {}

    def __call__(self, batch: Any) -> Tensor:
        """Return the result of the work for a batch, which may be on another device."""
        if self.recorder is None:
            return self.work(batch)
        tensors = {k: v for k, v in batch._asdict().items() if isinstance(v, Tensor)}
        key = tuple(batch.scale), *(tuple(value.shape) for value in tensors.values())
        self.calls[key] += 1
        if self.calls[key] <= WARM_UP:
            result: Tensor = self.recorder.warm_up(lambda: self.work(batch))
            return result
        if key not in self.replays:
            fixed = batch._replace(**{k: v.to(self.device, copy=True) for k, v in tensors.items()})
            try:
                self.replays[key] = fixed, self.recorder.record(lambda: self.work(fixed))
            except RuntimeError as error:
                reason = str(error).strip().partition("\n")[0]
                log.warning("steps run without CUDA graphs, more slowly: %s", reason)
                self.recorder = None
                return self.work(batch)
        fixed, replay = self.replays[key]
        for name, value in tensors.items():
            getattr(fixed, name).copy_(value, non_blocking=True)
        return replay()
