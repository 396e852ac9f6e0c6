"""Tile by tile as if in one piece."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.device import pick_device
from specsr.models import tiling
from specsr.models.config import EDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.network import build
from specsr.models.options import InferOptions
from specsr.models.tiling import (
    prepared,
    rows_seen,
    run_tiled,
)
from specsr.models.winograd import TILE
from support.tiling_samples import FOLDED, MULTI, PLAIN, SCALES, SMALL, made, whole

SIZES = {
    "rows": st.integers(1, 67),
    "columns": st.integers(1, 67),
    "tile": st.tuples(st.integers(1, 80), st.integers(1, 80)).filter(lambda t: t[0] * t[1] > 60),
}


@given(scale=st.sampled_from(sorted(PLAIN)), **SIZES)
@settings(max_examples=25, deadline=None)
def test_tiled_is_whole(
    scale: tuple[int, int], rows: int, columns: int, tile: tuple[int, int]
) -> None:
    net, image = PLAIN[scale], 30 * torch.randn(1, rows, columns)
    result = run_tiled(net, image, scale, InferOptions(tile=tile, device="cpu"))
    assert result.shape == (1, rows * scale[0], columns * scale[1])
    torch.testing.assert_close(result, whole(net, image, scale), rtol=0, atol=1e-4)


@given(choice=st.sampled_from(sorted(FOLDED)), **SIZES)
@settings(max_examples=25, deadline=None)
def test_tiled_is_whole_with_folded_cells(
    choice: tuple, rows: int, columns: int, tile: tuple[int, int]
) -> None:
    net, image = FOLDED[choice], 30 * torch.randn(1, rows, columns)
    result = run_tiled(net, image, choice[0], InferOptions(tile=tile, device="cpu"))
    torch.testing.assert_close(result, whole(net, image, choice[0]), rtol=0, atol=1e-4)


@given(scale=st.sampled_from(SCALES), **SIZES)
@settings(max_examples=20, deadline=None)
def test_tiled_is_whole_at_every_scale_of_one_model(
    scale: tuple[int, int], rows: int, columns: int, tile: tuple[int, int]
) -> None:
    image = 30 * torch.randn(1, rows, columns)
    result = run_tiled(MULTI, image, scale, InferOptions(tile=tile, device="cpu"))
    torch.testing.assert_close(result, whole(MULTI, image, scale), rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_feats", [4, 32])
@given(
    rows=st.integers(1, 150), wanted=st.tuples(st.integers(0, 149), st.integers(1, 150)),
    fold=st.sampled_from([(1, 1), (2, 3)]),
)  # fmt: skip
@settings(max_examples=8, deadline=None)
def test_rows_that_are_seen_give_the_rows_of_the_whole(
    n_feats: int, rows: int, wanted: tuple[int, int], fold: tuple[int, int]
) -> None:
    """With 32 features the body has tiles of its own, which start on the same rows."""
    torch.manual_seed(rows)
    net = build(EDSRConfig(scale=(1, 1), fold=fold, **{**SMALL, "n_feats": n_feats})).eval()
    image = 30 * torch.randn(1, rows, 9)
    chosen = np.zeros(rows, bool)
    chosen[wanted[0] : wanted[1]] = True
    seen = rows_seen(net, chosen)
    if not chosen.any():
        assert not seen
        return
    step = TILE * fold[0]
    most = chosen.nonzero()[0][[0, -1]] + net.reach()[0] * np.array([-1, 1])
    assert seen.start % step == 0 and most[0] - step < seen.start <= max(0, most[0])
    assert min(rows, most[1] + 1) <= seen.stop <= min(rows, most[1] + step)
    part = run_tiled(net, image[:, seen.start : seen.stop], (1, 1), InferOptions(device="cpu"))
    result = run_tiled(net, image, (1, 1), InferOptions(device="cpu"))
    torch.testing.assert_close(
        part[:, chosen[seen.start : seen.stop]], result[:, chosen], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("most", [1, 3, 100])
def test_tiles_of_one_shape_are_computed_together(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """As on a GPU: 5 x 4 tiles, up to 4 of them of one shape; in parts of ``most``."""
    net, image = PLAIN[(4, 4)], 30 * torch.randn(1, 50, 44)
    monkeypatch.setattr(tiling, "at_once", lambda device, cells, room: most)
    counts: list[int] = []

    def progress(batches: Iterable) -> Iterable:
        for batch in batches:
            counts.append(len(batch))
            yield batch

    result = run_tiled(net, image, (4, 4), InferOptions(tile=(11, 11), device="cpu"), progress)
    assert sum(counts) == 20 and max(counts) == min(most, 4)
    torch.testing.assert_close(result, whole(net, image, (4, 4)), rtol=0, atol=1e-4)
    with prepared(net, (4, 4), InferOptions(tile=(11, 11), device="cpu")) as run:
        assert torch.equal(run(image), result)
        with pytest.raises(SpecsrError, match="the image has 2 channels"):
            run(torch.zeros(2, 4, 4))


def test_seams_are_exact_to_rounding_in_a_deeper_network_without_a_skip() -> None:
    """Values of order one, so that 1e-5 is a strict bound, and a reach of 19 cells."""
    options = {**SMALL, "n_resblocks": 8, "std": 1.0, "input_skip": False}
    net = made(EDSRConfig(scale=(2, 2), **options))
    for p in net.parameters():
        p.data *= 2  # far cells must count
    image = torch.randn(1, 61, 90)
    expected = whole(net, image, (2, 2))
    for tile in ((7, 90), (61, 11), (16, 16)):
        result = run_tiled(net, image, (2, 2), InferOptions(tile=tile, device="cpu"))
        assert (result - expected).abs().max() < 1e-5 * expected.abs().max()


def test_without_margins_the_seams_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: without margins the seams are wrong by much more."""
    net, image = PLAIN[(2, 2)], 30 * torch.randn(1, 40, 40)
    monkeypatch.setattr(net, "reach", lambda scale: (0, 0))
    result = run_tiled(net, image, (2, 2), InferOptions(tile=(16, 16), device="cpu"))
    assert (result - whole(net, image, (2, 2))).abs().max() > 1e-2


@pytest.mark.parametrize("net, scale", [(PLAIN[(2, 2)], (2, 2)), (MULTI, (4, 1))])
def test_ensemble_is_the_mean_over_both_directions_of_time(net: EDSR, scale: tuple) -> None:
    image = 30 * torch.randn(1, 21, 34)
    forward = whole(net, image, scale)
    backward = whole(net, image.flip(2), scale).flip(2)
    options = InferOptions(tile=(10, 9), ensemble=True, device="cpu")
    result = run_tiled(net, image, scale, options)
    torch.testing.assert_close(result, (forward + backward) / 2, rtol=0, atol=1e-4)
    mirrored = run_tiled(net, image.flip(2), scale, options)
    torch.testing.assert_close(mirrored, result.flip(2), rtol=0, atol=1e-4)
    assert (forward - backward).abs().max() > 1e-2  # else the mean is not tested


def test_bfloat16_is_close_and_keeps_the_skip_in_full() -> None:
    net, image = PLAIN[(2, 2)], 60 * torch.randn(1, 30, 30)
    full = run_tiled(net, image, (2, 2), InferOptions(device="cpu"))
    half = run_tiled(net, image, (2, 2), InferOptions(precision="bfloat16", device="cpu"))
    assert half.dtype == torch.float32
    error = (half - full).abs().max()
    # levels run to 200 dB, where bfloat16 has steps of 1 dB: the skip goes around that
    assert 0 < error < 0.5


def test_the_network_is_left_as_it_was() -> None:
    net = made(EDSRConfig(scale=(2, 2), **SMALL)).train()
    before = copy.deepcopy(net.state_dict())
    image = torch.randn(1, 9, 9)
    kept = image.clone()
    run_tiled(net, image, (2, 2), InferOptions(device="cpu"))
    assert net.training and all(m.training for m in net.modules())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert torch.equal(image, kept)

    def interrupted(jobs: Iterable) -> Iterable:
        yield next(iter(jobs))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tiled(net, image, (2, 2), InferOptions(tile=(4, 4), device="cpu"), interrupted)
    assert net.training
    net(image[None]).sum().backward()  # no inference tensors were left in it


def test_several_channels_in_and_one_out() -> None:
    net = made(EDSRConfig(scale=(1, 1), fold=(2, 2), **{**SMALL, "in_channels": 11}))
    image = torch.randn(11, 15, 17)
    result = run_tiled(net, image, (1, 1), InferOptions(tile=(6, 6), device="cpu"))
    torch.testing.assert_close(result, whole(net, image, (1, 1)), rtol=0, atol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    net = PLAIN[(2, 2)]
    with pytest.raises(SpecsrError, match="scale x3: this model has x2"):
        run_tiled(net, torch.zeros(1, 4, 4), (3, 3))
    with pytest.raises(SpecsrError, match="scale 2x1: this model has x2, x3, x4, 4x1, 1x3"):
        run_tiled(MULTI, torch.zeros(1, 4, 4), (2, 1))
    with pytest.raises(SpecsrError, match="the image has 3 channels, the model takes 1"):
        run_tiled(net, torch.zeros(3, 4, 4), (2, 2))
    with pytest.raises(SpecsrError, match="tile"):
        InferOptions(tile=(0, 4))
    with pytest.raises(SpecsrError, match="expected one of float32, tf32, bfloat16"):
        InferOptions(precision="int8")


def test_devices_by_name() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(SpecsrError, match="'tpu': expected auto, cpu or cuda"):
        pick_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(SpecsrError, match="'cuda'"):
            pick_device("cuda")
