"""The merged network equals the plain one, for less arithmetic."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.models.merged import REACH, Merged
from specsr.models.network import build

SMALL = {"n_resblocks": 1, "n_feats": 6, "in_channels": 2, "out_channels": 2, "mean": (3.0,)}


@given(
    scale=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    fold=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    uncertainty=st.booleans(),
    input_skip=st.booleans(),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
@example((8, 8), (1, 1), True, True, (9, 7), 0)
@example((8, 8), (3, 2), False, True, (6, 6), 1)  # the largest, which takes seconds
def test_the_output_is_the_same_up_to_the_border(scale, fold, uncertainty, input_skip, size, seed):
    torch.manual_seed(seed)
    # a fold that enlarges is a network with one scale only where input and output match
    config = EDSRConfig(
        scale=scale, fold=fold, uncertainty=uncertainty, input_skip=input_skip, **SMALL
    )
    net = build(config).double().eval()
    image = torch.randn(2, 2, size[0] * fold[0], size[1] * fold[1], dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(Merged(net, scale)(image), net(image), rtol=0, atol=1e-10)


@pytest.mark.parametrize("scale", [(2, 2), (3, 3), (4, 4), (1, 3)])
def test_mdsr_at_each_of_its_scales(scale):
    torch.manual_seed(5)
    scales = ((2, 2), (3, 3), (4, 4), (1, 3))
    net = (
        MDSR(MDSRConfig(scales=scales, uncertainty=True, input_skip=True, **SMALL)).double().eval()
    )
    image = torch.randn(1, 2, 11, 9, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(Merged(net, scale)(image), net(image, scale), rtol=0, atol=1e-10)


def test_no_wider_kernel_is_needed():
    """The farthest taps are used (so 5 x 5 is not too wide); the test above says it is enough."""
    torch.manual_seed(0)
    for scale in ((2, 2), (3, 3), (4, 4)):
        merged = Merged(EDSR(EDSRConfig(scale=scale, n_feats=8, n_resblocks=1)), scale)
        taps = merged.tail.conv.weight.abs().amax((0, 1))
        assert taps.shape == (2 * REACH + 1,) * 2
        assert (taps[[0, -1]] > 0).all() and (taps[:, [0, -1]] > 0).all()


def test_the_tail_of_the_published_baseline_takes_a_tenth_of_its_arithmetic():
    net = EDSR(EDSRConfig(scale=(4, 4), in_channels=1, out_channels=1, mean=(0.0,))).eval()
    features = torch.randn(1, 64, 128, 128)
    merged = Merged(net, (4, 4))

    def flops(module: torch.nn.Module) -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(features)
        return counter.get_total_flops()

    assert flops(merged.tail) < 0.2 * flops(net.tail)  # of which the border takes most
    assert flops(merged.tail.conv) < 0.04 * flops(net.tail)


def test_made_in_inference_mode_the_network_can_still_be_trained():
    net = EDSR(EDSRConfig(n_resblocks=1, n_feats=4))
    with torch.inference_mode():
        Merged(net, (2, 2))(torch.randn(1, 3, 8, 8))
    net(torch.randn(1, 3, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
