"""Published checkpoints: a layer list built by hand, conversion, transfer, other loaders."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from specsr.cli.app import app
from specsr.errors import SpecsrError
from specsr.images.upscale import image_model, upscale_image
from specsr.models.bundled import load_model
from specsr.models.config import EDSRConfig, MDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.edsr_pytorch import convert, from_state_dict, read_state_dict, to_gray
from specsr.models.mdsr import MDSR
from specsr.models.model import Model, save_model
from specsr.models.transfer import transfer
from support.published_edsr import Published, published


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("blocks", "n"), [(16, 64), (4, 16), (2, 256)])
@torch.no_grad()
def test_edsr_checkpoints_give_equal_outputs(
    tmp_path: Path, scale: int, blocks: int, n: int
) -> None:
    theirs = published(blocks, n, [scale], 0.1 if n == 256 else 1.0)
    torch.save(theirs.state_dict(), tmp_path / "edsr.pt")
    model = convert(tmp_path / "edsr.pt")
    x = torch.rand(1, 3, 9, 12) * 255
    assert (model.net(x) - theirs(x, scale)).abs().max() < 1e-5 * 255
    assert model.net.config.res_scale == (0.1 if n == 256 else 1.0)  # as published
    save_model(tmp_path / "edsr.safetensors", model)
    again = load_model(tmp_path / "edsr.safetensors")
    assert torch.equal(again.net(x), model.net(x)) and again.pair == "image"


@pytest.mark.parametrize("blocks", [16, 3])
@torch.no_grad()
def test_mdsr_checkpoints_give_equal_outputs(tmp_path: Path, blocks: int) -> None:
    theirs = published(blocks, 32, [2, 3, 4])
    # as wrapped by data parallel training, with the head of a training state
    state = {"state_dict": {f"module.{k}": v for k, v in theirs.state_dict().items()}}
    torch.save(state, tmp_path / "mdsr.pth")
    net = convert(tmp_path / "mdsr.pth").net
    x = torch.rand(2, 3, 7, 9) * 255
    for scale in (2, 3, 4):
        assert (net(x, (scale, scale)) - theirs(x, scale)).abs().max() < 1e-5 * 255


@torch.no_grad()
def test_a_range_of_one_is_recognised() -> None:
    theirs = published(2, 16, [2], rgb_range=1)
    net = from_state_dict(theirs.state_dict())
    x = torch.rand(1, 3, 8, 8)
    assert (net(x * 255) / 255 - theirs(x, 2)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ((16, 64, [2]), 1_369_859),
        ((16, 64, [3]), 1_554_499),
        ((16, 64, [4]), 1_517_571),
        ((32, 256, [2]), 40_729_603),
        ((32, 256, [3]), 43_680_003),
        ((32, 256, [4]), 43_089_923),
        ((16, 64, [2, 3, 4]), 3_227_203),
        ((80, 64, [2, 3, 4]), 7_953_987),
    ],
)
def test_published_parameter_counts(options: tuple, count: int) -> None:
    blocks, n, scales = options
    with torch.device("meta"):
        theirs = Published(blocks, n, scales, 1.0)
        pairs = tuple((s, s) for s in scales)
        size = {"n_resblocks": blocks, "n_feats": n}
        ours = (
            MDSR(MDSRConfig(scales=pairs, **size))
            if len(scales) > 1
            else EDSR(EDSRConfig(scale=pairs[0], **size))
        )
    trained = sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    assert trained == sum(p.numel() for p in ours.parameters()) == count
    names = {k for k in theirs.state_dict() if "_mean" not in k}
    assert names == {k for k in ours.state_dict() if "_mean" not in k}


@pytest.mark.parametrize("scales", [[2], [2, 3]])
@torch.no_grad()
def test_gray_weights_treat_gray_as_colour_weights_do(scales: list[int]) -> None:
    colour = from_state_dict(published(3, 16, scales).state_dict())
    gray = to_gray(colour)
    scale = (scales[0], scales[0])
    reach = colour.reach(scale)[0] * scales[0]
    inside = slice(reach, -reach)
    large = torch.rand(1, 1, 20 + 2 * reach, 24 + 2 * reach) * 255
    wanted = colour(large.expand(1, 3, -1, -1), scale).mean(1, keepdim=True)
    found = gray(large, scale)
    assert found.shape == wanted.shape and gray.config.in_channels == 1
    error = (found - wanted)[..., inside, inside].abs().max()
    assert error < 1e-3
    with pytest.raises(SpecsrError, match="expected 3 and 3"):
        to_gray(gray)


# what is refused


class Attack:
    def __reduce__(self):
        return os.system, ("touch /tmp/specsr-was-here",)


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    attack = Attack()
    attack.__class__.__reduce__ = lambda self: (os.system, (f"touch {mark}",))
    torch.save({"head.0.weight": torch.zeros(1), "x": attack}, tmp_path / "bad.pt")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(attack))
    for name in ("bad.pt", "plain.pth"):
        for load in (convert, lambda path: image_model(path, 2)):
            with pytest.raises(SpecsrError, match=rf"{name}.*could run code"):
                load(tmp_path / name)
    assert not mark.exists()


def test_other_files_are_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("hello")
    torch.save(published(1, 8, [2]).state_dict(), tmp_path / "whole.pt")
    data = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "half.pt").write_bytes(data[: len(data) // 2])
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "other.safetensors").read_bytes()[:20])
    torch.save([1, 2], tmp_path / "list.pt")
    for name, message in {
        "text.pt": "damaged", "half.pt": "damaged", "cut.safetensors": "damaged",
        "other.safetensors": "not an EDSR or MDSR", "list.pt": "no state dict",
        "missing.pt": "no such checkpoint", "name.bin": "expected a checkpoint",
    }.items():  # fmt: skip
        with pytest.raises(SpecsrError, match=rf"{name}.*{message}"):
            convert(tmp_path / name)


def test_broken_state_dicts_are_refused() -> None:
    good = published(2, 8, [2]).state_dict()
    lost = {k: v for k, v in good.items() if k != "body.1.body.0.weight"}
    with pytest.raises(SpecsrError, match=r"body\.1\.body\.0\.weight"):
        from_state_dict(lost)
    with pytest.raises(SpecsrError, match="NaN"):
        from_state_dict({**good, "head.0.bias": torch.full((8,), torch.nan)})
    with pytest.raises(SpecsrError, match="not an EDSR or MDSR"):
        from_state_dict({"conv_first.weight": torch.zeros(8, 3, 3, 3)})


# transfer


def test_transfer_reports_every_tensor() -> None:
    options = {"n_resblocks": 2, "n_feats": 8}
    two = EDSR(EDSRConfig(scale=(2, 2), **options))
    three = EDSR(EDSRConfig(scale=(3, 3), **options))
    four = EDSR(EDSRConfig(scale=(4, 4), **options))
    report = transfer(three, two)
    assert [name for name, _, _ in report.refused] == ["tail.0.0.weight", "tail.0.0.bias"]
    assert report.refused[0][1:] == ((72, 8, 3, 3), (32, 8, 3, 3)) and not report.new
    assert torch.equal(three.body[0].body[0].weight, two.body[0].body[0].weight)
    assert "refused for their shape (tail.0.0.weight 32x8x3x3 for 72x8x3x3" in report.summary()
    report = transfer(four, two)
    assert report.new == ("tail.0.2.weight", "tail.0.2.bias") and not report.refused
    assert torch.equal(four.tail[0][0].weight, two.tail[0][0].weight)
    many = MDSR(MDSRConfig(**options))
    report = transfer(many, two)
    assert "upsample.0.0.weight" in report.carried and "upsample.1.0.weight" in report.new
    assert torch.equal(many.tail[0].weight, two.tail[1].weight)
    named = {*report.carried, *report.new, *(name for name, _, _ in report.refused)}
    assert named == {k for k in many.state_dict() if "_mean" not in k}
    with pytest.raises(SpecsrError, match="no weight"):
        transfer(EDSR(EDSRConfig(n_feats=4, n_resblocks=1)), EDSR(EDSRConfig(n_feats=5)))


# command line, half precision, spandrel


def test_convert_command(tmp_path: Path) -> None:
    torch.save(published(2, 8, [2]).state_dict(), tmp_path / "edsr.pt")
    out = tmp_path / "edsr.safetensors"
    run = CliRunner().invoke(app, ["convert", str(tmp_path / "edsr.pt"), "-o", str(out)])
    assert run.exit_code == 0 and "EDSR x2, 2 blocks x 8 features" in run.stderr
    again = CliRunner().invoke(app, ["convert", str(tmp_path / "edsr.pt"), "-o", str(out)])
    assert isinstance(again.exception, SpecsrError) and "exists already" in str(again.exception)
    small = tmp_path / "gray.safetensors"
    command = ["convert", str(out), "-o", str(small), "--half", "--gray"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert load_model(small).net.config.in_channels == 1
    assert small.stat().st_size < 0.7 * out.stat().st_size
    weight = load_model(small).net.body[0].body[0].weight
    assert weight.dtype == torch.float32
    assert torch.allclose(weight, load_model(out).net.body[0].body[0].weight, atol=1e-3)


def photo(rows: int = 12, columns: int = 10) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def test_spandrel_loads_specsrs_models(tmp_path: Path) -> None:
    pytest.importorskip("spandrel")
    from specsr.models.spandrel_bridge import loader

    config = MDSRConfig(n_resblocks=2, n_feats=8, std=64.0, input_skip=True)
    model = Model("mine", MDSR(config).eval(), "image", (), (0.0, 0.0), 0.0)
    save_model(tmp_path / "mine.safetensors", model)
    image = photo()
    x = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    for scale in (2, 3, 4):
        found = loader(scale).load_from_file(tmp_path / "mine.safetensors")
        assert found.scale == scale and found.architecture.id == "specsr"
        result = (found(x)[0].permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        ours = upscale_image(image, scale, model=model)
        assert np.abs(result.astype(int) - ours).max() <= 1
    torch.save(published(2, 8, [4]).state_dict(), tmp_path / "edsr.pth")
    assert loader().load_from_file(tmp_path / "edsr.pth").scale == 4


def test_specsr_runs_spandrels_models(tmp_path: Path) -> None:
    pytest.importorskip("spandrel")
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    net = Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=2).eval()
    torch.save(net.state_dict(), tmp_path / "compact.pth")
    image = photo(40, 33)
    with torch.no_grad():
        x = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
        wanted = (net(x).clamp(0, 1)[0].permute(1, 2, 0) * 255).numpy()
    found = upscale_image(image, 2, model=tmp_path / "compact.pth")
    assert found.shape == (80, 66, 3)
    assert np.abs(found - wanted).max() <= 0.51
    (tmp_path / "unknown.pth").write_bytes(b"")
    torch.save({"what.weight": torch.zeros(3)}, tmp_path / "unknown.pth")
    with pytest.raises(SpecsrError, match=r"unknown\.pth: spandrel cannot load it"):
        upscale_image(image, 2, model=tmp_path / "unknown.pth")


def test_read_state_dict_takes_safetensors(tmp_path: Path) -> None:
    save_file({"module.a": torch.ones(2)}, tmp_path / "a.safetensors")
    assert list(read_state_dict(tmp_path / "a.safetensors")) == ["a"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"params": {k: v + 1 for k, v in state.items()}, "params_ema": state},
        lambda state: {f"_orig_mod.{k}": v for k, v in state.items()},
        lambda state: {f"module.{k}": v for k, v in state.items()},
        lambda state: {f"module._orig_mod.model.{k}": v for k, v in state.items()},
        lambda state: {"state_dict": {f"net.{k}": v for k, v in state.items()}},
        lambda state: {"generator": state, "epoch": 3},
        lambda state: {
            "state_dict": {f"generator.{k}": v for k, v in state.items()}
            | {"discriminator.head.0.weight": torch.ones(1), "loss.scale": torch.ones(1)}
        },
    ],
)
@torch.no_grad()
def test_checkpoints_of_training_programs_are_unwrapped(tmp_path: Path, wrap) -> None:
    theirs = published(2, 16, [2])
    torch.save(wrap(theirs.state_dict()), tmp_path / "a.pt")
    x = torch.rand(1, 3, 9, 12) * 255
    assert (convert(tmp_path / "a.pt").net(x) - theirs(x, 2)).abs().max() < 1e-5 * 255
