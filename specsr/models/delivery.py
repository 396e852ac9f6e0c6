"""Copies between host and GPU that overlap its computations; on other devices plain copies."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def upload(image: Tensor, device: torch.device) -> Tensor:
    """Return an image [B, C, H, W] on a device in channels_last, without waiting for a GPU."""
    if device.type != "cuda":
        return image.to(device, memory_format=torch.channels_last)
    # the memory of the pinned copy is kept by PyTorch until the transfer is done
    image = image.contiguous(memory_format=torch.channels_last).pin_memory()
    return image.to(device, non_blocking=True)


class Delivery:
    """Results on their way from a device to the host.

    On a GPU they are copied to pinned memory on a stream of their own, while it computes on.
    """

    def __init__(self, device: torch.device) -> None:
        self.ahead = int(device.type == "cuda")
        """Results that may be on their way while the next one is computed."""
        self.stream = torch.cuda.Stream(device) if self.ahead else None

    def send(self, *results: Tensor) -> Callable[[], tuple[Tensor, ...]]:
        """Start the copies; the returned function waits for them and returns them."""
        if self.stream is None:
            here = tuple(result.cpu() for result in results)
            return lambda: here
        copies = []
        self.stream.wait_stream(torch.cuda.current_stream(self.stream.device))
        with torch.cuda.stream(self.stream):
            for result in results:
                result.record_stream(self.stream)  # its memory is in use until it is copied
                copy = torch.empty(result.shape, dtype=result.dtype, pin_memory=True)
                copies.append(copy.copy_(result, non_blocking=True))
            done = torch.cuda.Event()
            done.record()

        def received() -> tuple[Tensor, ...]:
            done.synchronize()
            return tuple(copies)

        return received
