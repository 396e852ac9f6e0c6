"""Rows of `benchmarks/gpu.py` that are on the disk at once, and the time of a call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

PRECISIONS = ("float32", "tf32", "bfloat16")


class Record:
    """Tables that are on the disk as soon as a row is added.

    Args:
        folder: folder of ``gpu.json``.
        minutes: time after which `late` is true.
        small: whether all sizes are small, to try the script on a CPU.
    """

    def __init__(self, folder: Path, minutes: float, small: bool) -> None:
        self.folder, self.until, self.small = folder, time.monotonic() + 60 * minutes, small
        self.facts: dict[str, Any] = {}
        self.tables: dict[str, list[dict[str, Any]]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, table: str, **row: Any) -> None:
        self.tables.setdefault(table, []).append(row)
        print(table, row, flush=True)
        text = json.dumps({"facts": self.facts, "tables": self.tables}, indent=1)
        partial = self.folder / "gpu.json.tmp"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / "gpu.json")

    def late(self) -> bool:
        return time.monotonic() > self.until


def timer(device: torch.device, seconds: float) -> Callable[[Callable[[], Any]], float]:
    """Return a function that returns the time of a call in s, the mean over ``seconds``."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def timed(work: Callable[[], Any]) -> float:
        for _ in range(3):
            work()
        wait()
        began, calls = time.perf_counter(), 0
        while not calls or time.perf_counter() - began < seconds:
            for _ in range(4):  # the host runs ahead of a GPU
                work()
            wait()
            calls += 4
        return (time.perf_counter() - began) / calls

    return timed
