"""Run time of a function, and facts of the machine that run times depend on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from specsr.jobs.environment import processor
from specsr.maps.device import pick_device

Row = dict[str, Any]
"""One row of a table: column title -> text or number."""


def fastest(work: Callable[[], Any], repeats: int, device: torch.device | None = None) -> float:
    """Return the time in s of the fastest of ``repeats`` runs, after one run to warm up.

    ``device`` is synchronised after every run if it is a GPU.
    """
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device is not None and device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[1:])


def machine(device_name: str = "cpu") -> dict[str, Any]:
    """Return processor, threads, version of torch, and the speed of a matrix product in GFLOP/s."""
    device = pick_device(device_name)
    size = 1536
    speed = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.randn(size, size).to(device, dtype)
        seconds = fastest(lambda a=a: a @ a, 40, device)  # type: ignore[misc]
        speed[f"matrix product, {str(dtype)[6:]}, GFLOP/s"] = round(2 * size**3 / seconds / 1e9)
    return {
        "processor": processor(device),
        "threads": torch.get_num_threads(), "torch": torch.__version__, **speed,
    }  # fmt: skip
