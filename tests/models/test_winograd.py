"""The body with a quarter of the multiplications computes what the plain layers do."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from specsr.models.blocks import ResBlock, conv
from specsr.models.config import EDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.merged import Merged
from specsr.models.winograd import PLANE, TILE, WinogradBody, fits, transformed


def body(n_feats: int, n_resblocks: int = 2, res_scale: float = 0.3) -> nn.Sequential:
    torch.manual_seed(n_feats)
    blocks = [ResBlock(n_feats, res_scale=res_scale) for _ in range(n_resblocks)]
    return nn.Sequential(*blocks, conv(n_feats, n_feats, 3)).eval()


def refined(layers: nn.Sequential, features: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return WinogradBody(layers)(features)


BODIES = {n: body(n) for n in (16, 32, 48, 64, 128)}


@given(
    n_feats=st.sampled_from(sorted(BODIES)),
    size=st.tuples(st.integers(1, 41), st.integers(1, 41)),
    images=st.integers(1, 2),
    level=st.sampled_from((1e-6, 1.0, 1e4)),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_the_plain_layers_in_double_precision_agree(n_feats, size, images, level, seed):
    features = level * torch.randn(
        images, n_feats, *size, generator=torch.Generator().manual_seed(seed)
    )
    exact = copy.deepcopy(BODIES[n_feats]).double()
    with torch.no_grad():
        wanted = exact(features.double()) + features.double()
    off = (refined(BODIES[n_feats], features).double() - wanted).abs().max() / wanted.abs().max()
    assert off < 1e-5


def test_an_impulse_gives_the_kernel():
    layers = body(16, n_resblocks=0)
    nn.init.zeros_(layers[-1].bias)
    for place in ((0, 0), (5, 6), (3, 4), (8, 9)):  # corners, and both sides of a tile's edge
        features = torch.zeros(1, 16, 9, 10)
        features[0, 2, place[0], place[1]] = 1.0
        response = refined(layers, features) - features
        for row in range(9):
            for column in range(10):
                tap = place[0] - row + 1, place[1] - column + 1
                inside = max(tap) <= 2 and min(tap) >= 0
                wanted = layers[-1].weight[:, 2, tap[0], tap[1]] if inside else torch.zeros(16)
                torch.testing.assert_close(response[0, :, row, column], wanted, rtol=0, atol=1e-6)


def test_constant_weights_are_transformed_as_the_paper_says():
    """G g G^T of a kernel of ones: the outer product of the row sums of G."""
    sums = torch.tensor([1 / 4, -1 / 2, -1 / 6, 7 / 24, 3 / 24, 1.0])
    made = transformed(torch.ones(3, 2, 3, 3))
    assert made.shape == (36, 2, 3)
    torch.testing.assert_close(made[:, 0, 0].reshape(6, 6), torch.outer(sums, sums))


@pytest.mark.parametrize("size", [(70, 90), (3, 2000), (2000, 3)])
def test_however_many_threads_the_result_is_the_same(size):
    assert size[0] * size[1] / TILE**2 > PLANE / 64  # more than one chunk
    features = torch.randn(1, 64, *size)
    before, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append(refined(BODIES[64], features))
            assert torch.get_num_threads() == count  # the workers' setting is their own
            with ThreadPoolExecutor(1) as pool:  # a new thread gets the number set last
                assert pool.submit(torch.get_num_threads).result() == count
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


def test_any_memory_format_goes_in():
    features = torch.randn(1, 32, 20, 30)
    plain = refined(BODIES[32], features)
    for other in (
        features.to(memory_format=torch.channels_last),
        features.transpose(2, 3).contiguous().transpose(2, 3),
    ):
        assert torch.equal(refined(BODIES[32], other), plain)


def test_the_input_is_left_alone_and_so_are_the_weights():
    features, layers = torch.randn(1, 16, 9, 9), body(16)
    before = features.clone(), copy.deepcopy(layers.state_dict())
    refined(layers, features)
    assert torch.equal(features, before[0])
    assert all(torch.equal(a, b) for a, b in zip(layers.state_dict().values(), before[1].values()))


def test_bodies_of_other_kinds_are_left_to_torch():
    assert fits(body(32)) and fits(body(128))
    assert not fits(body(16))  # plain convolutions are faster
    assert not fits(body(20)) and not fits(body(256)) and not fits(body(4))
    assert not fits(body(32).double()) and not fits(body(32).to(torch.bfloat16))
    assert not fits(nn.Sequential(ResBlock(32, batch_norm=True), conv(32, 32, 3)))
    if torch.cuda.is_available():
        assert not fits(body(32).cuda())


def test_networks_use_it_for_inference_in_float32_alone(monkeypatch):
    config = EDSRConfig(scale=(2, 2), n_feats=32, n_resblocks=1, in_channels=1, out_channels=1)
    net = EDSR(config).eval().to(memory_format=torch.channels_last)
    image = torch.randn(1, 1, 20, 20).to(memory_format=torch.channels_last)
    calls = []
    original = WinogradBody.__call__

    def counted(self, features):
        calls.append(features.dtype)
        return original(self, features)

    monkeypatch.setattr(WinogradBody, "__call__", counted)
    with torch.inference_mode():
        merged = Merged(net, (2, 2))
        torch.testing.assert_close(merged(image), net(image), rtol=1e-4, atol=1e-3)
        with torch.autocast("cpu", torch.bfloat16):
            merged(image)
    assert calls == [torch.float32]


def test_an_error_in_a_worker_is_raised(monkeypatch):
    def broken(*given, **options):
        raise MemoryError("no room")

    monkeypatch.setattr(torch, "bmm", broken)  # the products of all workers
    with pytest.raises(MemoryError, match="no room"):
        refined(BODIES[16], torch.randn(1, 16, 8, 8))
