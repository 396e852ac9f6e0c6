"""Sizes of tiles: what is computed at once, the default, margins."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

import pytest
import torch

from specsr.models import tiling
from specsr.models.config import EDSRConfig
from specsr.models.options import InferOptions
from specsr.models.tiling import (
    at_once,
    default_tile,
    features_limit,
    run_tiled,
)
from support.tiling_samples import FOLDED, PLAIN, SMALL, made


def test_what_is_computed_at_once_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda")
    card = SimpleNamespace(total_memory=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    for card.total_memory, cell_bytes, limit in (
        (80 * 2**30, 16, 2**28), (80 * 2**30, 1024, 2**30), (8 * 2**30, 1024, 2**27)
    ):  # fmt: skip
        assert features_limit(gpu, cell_bytes) == limit
    assert features_limit(torch.device("cpu"), 1024) == tiling.FEATURES
    assert at_once(torch.device("cpu"), 10, 1000) == 1
    assert [at_once(gpu, cells, 1000) for cells in (10, 501, 5000)] == [100, 1, 1]


def test_progress_sees_every_tile_once() -> None:
    seen: list = []

    def progress(jobs: Iterable) -> Iterable:
        for job in jobs:
            seen.append(job)
            yield job

    options = InferOptions(tile=(5, 4), device="cpu")
    run_tiled(PLAIN[(2, 2)], torch.zeros(1, 11, 9), (2, 2), options, progress)
    assert len(seen) == 3 * 3


def test_a_default_tile_holds_64_mib_of_features_and_1024_rows() -> None:
    """Four bytes a value; the widest of features, input and output, in whole folds."""
    plain = PLAIN[(2, 2)]  # 4 features, 1 channel in, 4 values out a cell: 4 Mi cells
    assert default_tile(plain, (2, 2), 128) == (128, 2**22 // 128)
    assert default_tile(plain, (2, 2), 5000) == (1024, 4096)
    assert default_tile(plain, (8, 8), 1024) == (1024, 2**24 // 64 // 1024)
    folded = FOLDED[((1, 1), (8, 2))]  # 16 values of input a folded cell: 1 Mi cells
    assert default_tile(folded, (1, 1), 128) == (128, 2 * 2**20 // 16)
    assert default_tile(folded, (1, 1), 121) == (128, 2 * 2**20 // 16)
    assert default_tile(folded, (1, 1), 9000) == (8192, 2048)
    wide = made(EDSRConfig(scale=(1, 1), **{**SMALL, "in_channels": 1024}))
    assert default_tile(wide, (1, 1), 1024) == (1024, 64)  # at least 64 columns


def test_margins_are_no_wider_than_the_reach_in_whole_folds() -> None:
    net = FOLDED[((1, 1), (2, 2))]
    seen: list[tuple] = []

    def progress(jobs: Iterable) -> Iterable:
        for job in jobs:
            seen.append(job)
            yield job

    run_tiled(net, torch.zeros(1, 100, 90), (1, 1), InferOptions(tile=(19, 20)), progress)
    reach = [-(-r // 2) * 2 for r in net.reach((1, 1))]
    for [((top, bottom, first, last), (left, right, start, end))] in seen:
        assert (top % 20, left % 20) == (0, 0)  # whole folds
        assert (bottom, right) == (min(top + 20, 100), min(left + 20, 90))
        assert (first, last) == (max(0, top - reach[0]), min(bottom + reach[0], 100))
        assert (start, end) == (max(0, left - reach[1]), min(right + reach[1], 90))
    assert len(seen) == 25
