"""EDSR and MDSR against their publication: sizes, names, structure and receptive field."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from specsr.models.blocks import MeanShift, PixelShuffle, PixelUnshuffle, ResBlock, enlarge
from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.models.network import build

LARGE = {"n_resblocks": 32, "n_feats": 256, "res_scale": 0.1}


def trained(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    "config, count",
    [
        (EDSRConfig(scale=(2, 2)), 1_369_859),
        (EDSRConfig(scale=(3, 3)), 1_554_499),
        (EDSRConfig(scale=(4, 4)), 1_517_571),
        (EDSRConfig(scale=(2, 2), **LARGE), 40_729_603),
        (EDSRConfig(scale=(3, 3), **LARGE), 43_680_003),
        (EDSRConfig(scale=(4, 4), **LARGE), 43_089_923),
        (MDSRConfig(), 3_227_203),
        (MDSRConfig(n_resblocks=80), 7_953_987),
    ],
)
def test_published_parameter_counts(config: EDSRConfig | MDSRConfig, count: int) -> None:
    with torch.device("meta"):
        assert trained(build(config)) == count


def test_names_are_those_of_the_published_checkpoints() -> None:
    with torch.device("meta"):
        edsr, mdsr = EDSR(EDSRConfig(scale=(4, 4))), MDSR(MDSRConfig())
    keys = {k: tuple(v.shape) for k, v in edsr.state_dict().items()}
    assert keys["head.0.weight"] == (64, 3, 3, 3)
    for key in ("body.0.body.0.weight", "body.0.body.2.weight", "body.16.weight"):
        assert keys[key] == (64, 64, 3, 3)
    assert keys["tail.0.0.weight"] == keys["tail.0.2.weight"] == (256, 64, 3, 3)
    assert keys["tail.1.weight"] == (3, 64, 3, 3)
    expected = {"head.0", "tail.0.0", "tail.0.2", "tail.1", "body.16"}
    expected |= {f"body.{i}.body.{j}" for i in range(16) for j in (0, 2)}
    shifts = {"sub_mean.mean", "sub_mean.std", "add_mean.mean", "add_mean.std"}
    assert set(keys) == {f"{e}.{p}" for e in expected for p in ("weight", "bias")} | shifts

    keys = {k: tuple(v.shape) for k, v in mdsr.state_dict().items()}
    assert keys["pre_process.0.0.body.0.weight"] == (64, 64, 5, 5)
    assert keys["upsample.0.0.weight"] == (256, 64, 3, 3)
    assert keys["upsample.1.0.weight"] == (576, 64, 3, 3)
    assert keys["tail.0.weight"] == (3, 64, 3, 3)
    expected = {"head.0", "tail.0", "body.16", "upsample.0.0", "upsample.1.0"}
    expected |= {"upsample.2.0", "upsample.2.2"}
    expected |= {f"body.{i}.body.{j}" for i in range(16) for j in (0, 2)}
    expected |= {
        f"pre_process.{s}.{i}.body.{j}" for s in range(3) for i in range(2) for j in (0, 2)
    }
    assert set(keys) == {f"{e}.{p}" for e in expected for p in ("weight", "bias")} | shifts


def test_no_normalisation_and_relu_only_inside_blocks() -> None:
    with torch.device("meta"):
        nets = [(EDSR(EDSRConfig()), 16), (MDSR(MDSRConfig()), 16 + 6)]
    for net, blocks in nets:
        kinds = [type(m) for m in net.modules()]
        assert not any(issubclass(k, nn.modules.batchnorm._NormBase) for k in kinds)
        assert kinds.count(ResBlock) == kinds.count(nn.ReLU) == blocks
        inside = [type(m) for b in net.modules() if isinstance(b, ResBlock) for m in b.modules()]
        assert inside.count(nn.ReLU) == blocks
        assert set(kinds) <= {
            type(net), nn.Sequential, nn.ModuleList, nn.Conv2d, nn.ReLU, ResBlock, PixelShuffle,
            PixelUnshuffle, MeanShift,
        }  # fmt: skip


def test_batch_norm_only_where_asked_for() -> None:
    with torch.device("meta"):
        net = EDSR(EDSRConfig(batch_norm=True, n_resblocks=3))
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 2 * 3
    block = ResBlock(2, batch_norm=True)
    assert [type(m) for m in block.body] == [
        nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Conv2d, nn.BatchNorm2d,
    ]  # fmt: skip


@pytest.mark.parametrize("res_scale", [1.0, 0.1])
def test_a_block_adds_its_scaled_residual(res_scale: float) -> None:
    block, x = ResBlock(4, 3, res_scale), torch.randn(1, 4, 6, 7)
    hidden = nn.functional.conv2d(x, block.body[0].weight, block.body[0].bias, padding=1)
    residual = nn.functional.conv2d(
        hidden.clamp(min=0), block.body[2].weight, block.body[2].bias, padding=1
    )
    torch.testing.assert_close(block(x), x + res_scale * residual)
    torch.testing.assert_close(block(x) - x, res_scale * block.body(x), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("config", [EDSRConfig, MDSRConfig])
def test_res_scale_enters_every_block(config: type) -> None:
    scales = {"scale": (2, 2)} if config is EDSRConfig else {"scales": ((2, 2),)}
    net = build(config(n_resblocks=2, n_feats=4, res_scale=0.1, **scales))
    blocks = [m for m in net.modules() if isinstance(m, ResBlock)]
    assert blocks and all(b.res_scale == 0.1 for b in blocks)


# --- shuffles -------------------------------------------------------------------------------


@given(
    s_f=st.integers(1, 4), s_t=st.integers(1, 4), c=st.integers(1, 3), h=st.integers(1, 5),
    w=st.integers(1, 5),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_shuffle_by_its_definition(s_f: int, s_t: int, c: int, h: int, w: int) -> None:
    x = torch.randn(2, c * s_f * s_t, h, w)
    y = PixelShuffle((s_f, s_t))(x)
    assert y.shape == (2, c, h * s_f, w * s_t)
    for i in range(s_f):
        for j in range(s_t):
            part = x.reshape(2, c, s_f, s_t, h, w)[:, :, i, j]
            assert torch.equal(y[:, :, i::s_f, j::s_t], part)
    assert torch.equal(PixelUnshuffle((s_f, s_t))(y), x)
    if s_f == s_t:
        assert torch.equal(y, nn.PixelShuffle(s_f)(x))
        assert torch.equal(PixelUnshuffle((s_f, s_t))(y), nn.PixelUnshuffle(s_f)(y))


def test_enlarge_repeats_cells() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    np.testing.assert_array_equal(enlarge(x, (2, 3))[0, 0], np.kron(x[0, 0], np.ones((2, 3))))


# --- shapes, shift and skip -----------------------------------------------------------------


@pytest.mark.parametrize("scale", [(1, 1), (2, 2), (3, 3), (4, 4), (4, 1), (1, 4), (2, 3), (8, 8)])
@pytest.mark.parametrize("channels", [(1, 1), (3, 3), (5, 1)])
@pytest.mark.parametrize("kind", ["edsr", "mdsr", "folded"])
def test_any_scale_and_channel_count(
    scale: tuple[int, int], channels: tuple[int, int], kind: str
) -> None:
    options = {
        "n_resblocks": 1, "n_feats": 4, "in_channels": channels[0], "out_channels": channels[1],
        "mean": (0.0,),
    }  # fmt: skip
    if kind == "mdsr":
        net = MDSR(MDSRConfig(scales=((2, 2), scale) if scale != (2, 2) else (scale,), **options))
    else:
        fold = (3, 2) if kind == "folded" else (1, 1)
        net = EDSR(EDSRConfig(scale=scale, fold=fold, **options))
    x = torch.randn(2, channels[0], 6, 8)
    with torch.no_grad():
        assert net(x, scale).shape == (2, channels[1], 6 * scale[0], 8 * scale[1])


def test_another_scale_is_refused() -> None:
    edsr = EDSR(EDSRConfig(n_resblocks=1, n_feats=4))
    mdsr = MDSR(MDSRConfig(n_resblocks=1, n_feats=4))
    x = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match="this model has"):
        edsr(x, (3, 3))
    for scale in (None, (5, 5)):
        with pytest.raises(ValueError, match="this model has"):
            mdsr(x, scale)
    with pytest.raises(ValueError, match="3 means for 5 channels"):
        EDSR(EDSRConfig(in_channels=5))


def test_mean_and_std_are_buffers_and_undo_each_other() -> None:
    shift, back = MeanShift((1.0, 2.0), 20.0, False), MeanShift((1.0, 2.0), 20.0, True)
    assert not list(shift.parameters())
    assert set(shift.state_dict()) == {"mean", "std"}
    x = 100 * torch.randn(1, 2, 3, 3)
    torch.testing.assert_close(shift(x), (x - torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1)) / 20)
    torch.testing.assert_close(back(shift(x)), x)


@pytest.mark.parametrize("kind", ["edsr", "mdsr"])
def test_an_untaught_network_with_input_skip_repeats_its_input(kind: str) -> None:
    options = {
        "n_resblocks": 1, "n_feats": 4, "in_channels": 3, "out_channels": 1, "mean": (5.0,),
        "std": 20.0, "input_skip": True,
    }  # fmt: skip
    net: nn.Module
    if kind == "edsr":
        net = EDSR(EDSRConfig(scale=(2, 3), **options))
        last = net.tail[1]
    else:
        net = MDSR(MDSRConfig(scales=((2, 3),), **options))
        last = net.tail[0]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    x = 30 * torch.randn(1, 3, 4, 5)
    with torch.no_grad():
        torch.testing.assert_close(net(x, (2, 3)), enlarge(x[:, :1], (2, 3)), rtol=0, atol=1e-4)


def test_published_networks_have_a_global_skip_of_features_alone() -> None:
    """With head and body written out: tail(head + body(head)) between the two mean shifts."""
    net = EDSR(EDSRConfig(n_resblocks=2, n_feats=4)).double()
    x = 255 * torch.rand(1, 3, 5, 6, dtype=torch.float64)
    mean = torch.tensor([0.4488, 0.4371, 0.4040], dtype=torch.float64).reshape(1, 3, 1, 1) * 255
    features = net.head(x - mean)
    expected = net.tail(features + net.body(features)) + mean
    torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-4)


def test_mdsr_scales_share_the_body_and_differ_ahead_and_behind() -> None:
    net = MDSR(MDSRConfig(n_resblocks=1, n_feats=4, in_channels=1, out_channels=1, mean=(0.0,)))
    x = torch.randn(1, 1, 6, 6)
    net(x, (3, 3)).sum().backward()
    touched = {k for k, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    assert {k.split(".")[1] for k in touched if k.startswith(("pre_process", "upsample"))} == {"1"}
    assert {"head.0.weight", "body.0.body.0.weight", "tail.0.weight"} <= touched


# --- receptive field of a network -----------------------------------------------------------------

NETS = [
    EDSRConfig(scale=(2, 2)),
    EDSRConfig(scale=(4, 4)),
    EDSRConfig(scale=(1, 1)),
    EDSRConfig(scale=(3, 1)),
    EDSRConfig(scale=(1, 1), fold=(4, 2)),
    EDSRConfig(scale=(2, 2), fold=(2, 3)),
    MDSRConfig(scales=((2, 2), (3, 3), (4, 4))),
]


@pytest.mark.parametrize("config", NETS, ids=str)
def test_reach_bounds_what_an_output_depends_on(config: EDSRConfig | MDSRConfig) -> None:
    """Change one input cell; which outputs move?  None beyond `reach`, and nearly all up to it."""
    torch.manual_seed(0)
    options = {**vars(config), "n_resblocks": 1, "n_feats": 2, "in_channels": 1,
               "out_channels": 1, "mean": (0.0,), "input_skip": True}  # fmt: skip
    net = build(type(config)(**options)).double()
    for p in net.parameters():  # positive everywhere: no path is lost to a ReLU or a sum to zero
        nn.init.uniform_(p, 0.1, 0.2)
    fold = getattr(config, "fold", (1, 1))
    for scale in net.scales:
        reach = net.reach(scale)
        size = [2 * (r + 3 * f) // f * f + f for r, f in zip(reach, fold)]
        base = torch.rand(1, 1, *size, dtype=torch.float64)
        farthest = [0, 0]
        # every position of a cell within its fold
        middle = [s // 2 // f * f for s, f in zip(size, fold)]
        for i in range(fold[0]):
            for j in range(fold[1]):
                at = (middle[0] + i, middle[1] + j)
                changed = base.clone()
                changed[0, 0, at[0], at[1]] += 1
                with torch.no_grad():
                    moved = (net(changed, scale) - net(base, scale))[0, 0] != 0
                for axis in (0, 1):
                    cells = torch.nonzero(moved.any(dim=1 - axis))[:, 0] // scale[axis]
                    farthest[axis] = max(farthest[axis], int((cells - at[axis]).abs().max()))
        for axis in (0, 1):
            assert farthest[axis] <= reach[axis]
            assert reach[axis] - farthest[axis] <= 2 * fold[axis]
