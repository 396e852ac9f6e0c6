"""Which arithmetic a network runs in: float32, or bfloat16 where that is the faster one."""

from __future__ import annotations

import copy
import functools
import logging
import time
from collections.abc import Callable

import torch
from torch import nn

from .models.blocks import ResBlock, conv
from .models.winograd import WinogradBody, fits

log = logging.getLogger(__name__)
PRECISIONS = ("auto", "float32", "bfloat16")
GAIN = 1.5
"""How much faster bfloat16 must be to be worth its rounding, and for chance not to decide."""
SIDE, REPEATS = 192, 5


def pick_precision(name: str, device: torch.device, n_feats: int = 64) -> str:
    """Return ``"float32"`` or ``"bfloat16"``; ``auto`` is the faster one on this device.

    A processor that knows bfloat16 need not be faster at it: some have half the rate of float32,
    others, with matrix units, a multiple.  So a residual block of ``n_feats`` features is timed
    both ways, once a process, some hundredths of a second; the log says what came out.
    """
    if name != "auto":
        return name
    faster = _gain(device, torch.get_num_threads(), n_feats)
    chosen = "bfloat16" if faster >= GAIN else "float32"
    log.info(
        "precision %s: on %s a residual block of %d features runs %.2f times as fast in bfloat16 "
        "as in float32 (from %g on it is taken)", chosen, device, n_feats, faster, GAIN,
    )  # fmt: skip
    return chosen


@functools.lru_cache
def _gain(device: torch.device, threads: int, n_feats: int) -> float:
    """How many times as fast a residual block is in bfloat16 as in float32."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return 0.0
    body = nn.Sequential(ResBlock(n_feats), conv(n_feats, n_feats, 3)).to(device)
    body = body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    run = WinogradBody(body) if fits(body) else body
    image = torch.zeros(1, n_feats, SIDE, SIDE, device=device)
    image = image.to(memory_format=torch.channels_last)
    quick = copy.deepcopy(body).to(torch.bfloat16)
    times: list[tuple[float, float]] = []
    with torch.inference_mode():
        # in turns, so that other work on the machine slows both alike; the first round warms up
        for _ in range(REPEATS + 1):
            times.append((_seconds(run, image), _seconds(quick, image.bfloat16())))
    exact, rounded = map(min, zip(*times[1:]))
    return exact / rounded


def _seconds(run: Callable[[torch.Tensor], torch.Tensor], image: torch.Tensor) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    run(image)
    if image.is_cuda:
        torch.cuda.synchronize(image.device)
    return time.perf_counter() - began
