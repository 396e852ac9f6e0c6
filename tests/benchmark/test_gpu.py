"""Counted work of the GPU benchmark: known arithmetic and traffic, on the device ``meta``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from support.benchmark_scripts import script


def test_work_is_counted_for_each_operation() -> None:
    conv = torch.nn.Conv2d(3, 5, 3, padding=1, device="meta")
    x = torch.empty(2, 3, 7, 11, device="meta")
    with script("roofline") as roofline:
        work = roofline.counted(lambda: conv(x).relu().transpose(1, 2))
    cells = 2 * 7 * 11
    flops = 2 * cells * 5 * 3 * 9
    weights = 5 * 3 * 9 + 5
    traffic = [4 * (cells * (3 + 5) + weights), 4 * cells * (5 + 5)]  # a view costs nothing
    assert work.parts == [(flops, traffic[0]), (0, traffic[1])]
    assert (work.flops, work.nbytes) == (flops, sum(traffic))
    # bound by its arithmetic, and by memory
    assert work.seconds(1.0, 1e9) == pytest.approx(flops + traffic[1] / 1e9)
    assert work.seconds(1e9, 1.0) == pytest.approx(sum(traffic))


def test_a_backward_pass_has_twice_the_arithmetic() -> None:
    conv = torch.nn.Conv2d(4, 4, 3, padding=1, device="meta")
    x = torch.empty(1, 4, 8, 8, device="meta", requires_grad=True)
    with script("roofline") as roofline:
        forward = roofline.counted(lambda: conv(x)).flops
        both = roofline.counted(lambda: conv(x).sum().backward()).flops
    assert both == 3 * forward > 0


def test_rows_are_on_the_disk_at_once(tmp_path: Path) -> None:
    with script("gpu_record") as gpu:
        record = gpu.Record(tmp_path / "out", 0.0, small=True)
        record.facts = {"card": "none"}
        for count in (1, 2):
            record.add("Table", ms=1.5 * count)
            stored = json.loads((tmp_path / "out" / "gpu.json").read_text())
            assert stored["facts"] == {"card": "none"}
            assert stored["tables"] == {"Table": [{"ms": 1.5 * n} for n in range(1, count + 1)]}
        assert record.late()
