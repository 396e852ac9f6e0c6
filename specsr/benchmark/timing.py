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


LONGEST = 30.0
"""Time after which no further run of one measurement is started, s."""
SIZES = (192, 384, 768, 1536)
"""Rows and columns of the matrices whose product is timed: from the first on, while it is short."""
SHORT = 0.1
"""Longest product, s, after which one of matrices twice as large is timed."""
SLOW = 4
"""A kind of arithmetic that is as many times slower than float32 is left out of the tables."""


def fastest(
    work: Callable[[], Any],
    repeats: int,
    device: torch.device | None = None,
    longest: float = LONGEST,
) -> float:
    """Return the time in s of the fastest of ``repeats`` runs, after one run to warm up.

    Args:
        work: function to time.
        repeats: number of runs.
        device: synchronised after every run if it is a GPU.
        longest: time in s after which no further run is started; if the first one alone takes
            that long, its time is returned.
    """
    times: list[float] = []
    end = time.perf_counter() + longest
    while not times or (len(times) <= repeats and time.perf_counter() < end):
        began = time.perf_counter()
        work()
        if device is not None and device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[1:] or times)


def product_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate of a matrix product in FLOP/s.

    Matrices grow up to the last of `SIZES` while a product takes no more than `SHORT`, so that the
    measurement takes seconds on a processor without instructions for a type, too.
    """
    for size in SIZES:
        a = torch.randn(size, size).to(device, dtype)
        seconds = fastest(lambda a=a: a @ a, 40, device, longest=1.0)  # type: ignore[misc]
        if seconds > SHORT:
            break
    return float(2 * size**3 / seconds)


def machine(device_name: str = "cpu") -> dict[str, Any]:
    """Return processor, threads, version of torch, and the speed of a matrix product in GFLOP/s."""
    device = pick_device(device_name)
    types = (torch.float32, torch.bfloat16)
    speed = {
        f"matrix product, {str(dtype)[6:]}, GFLOP/s": float(
            f"{product_rate(device, dtype) / 1e9:.3g}"
        )
        for dtype in types
    }
    return {
        "processor": processor(device),
        "threads": torch.get_num_threads(), "torch": torch.__version__, **speed,
    }  # fmt: skip


def slow_kinds(facts: dict[str, Any]) -> dict[str, float]:
    """Return the kinds of arithmetic that are too slow to be worth measuring, of `machine`.

    Returns:
        precision -> how many times slower than float32 its matrix product is.
    """
    plain, half = (facts[f"matrix product, {kind}, GFLOP/s"] for kind in ("float32", "bfloat16"))
    return {"bfloat16": plain / half} if plain > SLOW * half else {}
