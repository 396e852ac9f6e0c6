"""TF32 on request only, deterministic kernels: flags are set within a run and restored after."""

from __future__ import annotations

import pytest
import torch

from specsr.errors import SpecsrError
from specsr.models import tiling
from specsr.models.config import EDSRConfig
from specsr.models.network import build
from specsr.models.options import InferOptions
from specsr.models.precision import arithmetic
from specsr.models.tiling import run_tiled


def flags() -> tuple[bool, bool, bool, bool]:
    cudnn = torch.backends.cudnn
    matmul = torch.backends.cuda.matmul
    return matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark


def set_flags(*values: bool) -> None:
    cudnn = torch.backends.cudnn
    torch.backends.cuda.matmul.allow_tf32 = values[0]
    cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark = values[1:]


@pytest.fixture(params=[False, True])
def before(request):
    """Flags of the application, all off or all on."""
    own = flags()
    set_flags(*[request.param] * 4)
    yield flags()
    set_flags(*own)


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize(
    "precision, tf32", [("float32", False), ("tf32", True), ("bfloat16", False)]
)
def test_flags_are_set_within_and_restored_after(before, precision, tf32, search):
    with arithmetic(torch.device("cuda"), precision, search):
        assert flags() == (tf32, tf32, True, search)
    assert flags() == before
    with (
        pytest.raises(KeyError),
        arithmetic(torch.device("cuda"), precision, search),
    ):
        raise KeyError
    assert flags() == before
    with arithmetic(torch.device("cpu"), precision, search):
        assert flags() == before


def small() -> torch.nn.Module:
    torch.manual_seed(0)
    config = EDSRConfig(
        scale=(2, 2), n_resblocks=1, n_feats=4, in_channels=1, out_channels=1, mean=(0.0,)
    )
    return build(config).eval()


@pytest.mark.parametrize("precision, tf32", [("float32", False), ("tf32", True)])
def test_a_network_runs_within_them(before, monkeypatch, precision, tf32):
    """The device is a CPU; only the flags are those of a GPU."""
    monkeypatch.setattr(
        tiling, "arithmetic", lambda device, chosen: arithmetic(torch.device("cuda"), chosen)
    )
    net = small()
    seen = []
    net.body.register_forward_hook(lambda *_: seen.append(flags()))
    net.head.register_forward_hook(lambda *_: seen.append(flags()))
    run_tiled(net, torch.zeros(1, 8, 8), (2, 2), InferOptions(device="cpu", precision=precision))
    assert seen and set(seen) == {(tf32, tf32, True, False)}
    assert flags() == before


def test_tf32_on_a_cpu_is_float32():
    net, image = small(), torch.randn(1, 9, 9)
    a, b = (
        run_tiled(net, image, (2, 2), InferOptions(device="cpu", precision=precision))
        for precision in ("float32", "tf32")
    )
    assert torch.equal(a, b)


def test_an_output_that_is_not_finite_is_refused():
    net = small()
    with torch.no_grad():
        net.head[0].weight.fill_(3e38)
        net.body[1].weight.fill_(3e38)
    with pytest.raises(SpecsrError, match="output is not finite"):
        run_tiled(net, torch.ones(1, 9, 9), (2, 2), InferOptions(device="cpu"))
