"""Super-resolution of images: pixel types, tiles, self-ensemble, errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from specsr.errors import SpecsrError
from specsr.images.imresize import imresize, reduce
from specsr.images.pixels import to_float, to_pixels
from specsr.images.upscale import image_model, self_ensemble, upscale_image
from specsr.models.model import Model
from specsr.models.options import InferOptions
from support.image_samples import model, photo

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixel_type_and_alpha_are_kept(channels: int, dtype) -> None:
    image = np.dstack([photo(), photo()[..., 0]])[..., 4 - channels :].astype(dtype)
    image = (image * (257 if dtype == np.uint16 else 1)).astype(dtype)
    image = image[..., 0] if channels == 1 else image
    fine = upscale_image(image, 2, model=model())
    assert fine.dtype == dtype and fine.shape == (80, 72, *image.shape[2:])
    if channels in (2, 4):
        assert np.array_equal(fine[..., -1], imresize(image[..., -1], 2))
    eight = upscale_image((image // (257 if dtype == np.uint16 else 1)).astype(np.uint8), 2,
                          model=model())  # fmt: skip
    if dtype == np.uint16:
        assert np.abs(fine / 257 - eight).max() <= 0.51 or channels in (2, 4)


def test_strips_and_tiles_equal_the_whole_image() -> None:
    image = photo(97, 83)
    whole = upscale_image(image, 3, model=model((2, 3)))
    for options in (InferOptions(tile=(7, 11)), InferOptions(tile=(40, 1000))):
        pieces = upscale_image(image, 3, model=model((2, 3)), options=options)
        assert np.abs(pieces.astype(int) - whole).max() <= 1
        assert (pieces != whole).mean() < 1e-3  # sums of another order, rounded


@torch.no_grad()
def test_self_ensemble_is_the_mean_over_eight_symmetries() -> None:
    net = model().net
    x = torch.from_numpy(to_float(photo(20, 14), 3).copy())
    total = 0
    for turns in range(4):
        for mirrored in (False, True):
            seen = torch.rot90(x.flip(-1) if mirrored else x, turns, (-2, -1))
            back = torch.rot90(net(seen[None])[0], -turns, (-2, -1))
            total = total + (back.flip(-1) if mirrored else back)
    assert (self_ensemble(net, x, (2, 2)) - total / 8).abs().max() < 1e-3
    turned = self_ensemble(net, x.transpose(-2, -1).contiguous(), (2, 2))
    assert (turned.transpose(-2, -1) - self_ensemble(net, x, (2, 2))).abs().max() < 1e-3


def test_gray_model_processes_each_channel_alone() -> None:
    image, gray = photo(), model(channels=1)
    apart = np.dstack([upscale_image(image[..., c], 2, model=gray) for c in range(3)])
    assert np.array_equal(upscale_image(image, 2, model=gray), apart)


def test_unsuitable_images_and_models_are_refused() -> None:
    for image, message in (
        (np.zeros((4, 4, 5), np.uint8), "shape"), (np.zeros((4, 4), np.float32), "type"),
        (np.zeros((0, 4), np.uint8), "empty"),
    ):  # fmt: skip
        with pytest.raises(SpecsrError, match=message):
            upscale_image(image, 2, model=model())
    with pytest.raises(SpecsrError, match="has scale 2, not 3"):
        upscale_image(photo(), 3, model=model())
    with pytest.raises(SpecsrError, match="pair 'pool'"):
        upscale_image(photo(), 2, model=Model("m", model().net, "pool", (), (0, 0), 0))
    with pytest.raises(SpecsrError, match="has 2 input channels"):
        upscale_image(photo(), 2, model=model(channels=2))


def test_each_scale_has_a_bundled_model() -> None:
    for scale in (2, 3, 4):
        assert image_model(None, scale).name == f"image-x{scale}"
        assert upscale_image(photo(), scale).shape == (40 * scale, 36 * scale, 3)
    assert (4, 4) in image_model("image-mdsr").net.scales
    with pytest.raises(SpecsrError, match="not 5x5"):
        image_model(None, 5)


def test_pixels_are_rounded_half_up_and_clipped() -> None:
    values = np.array([[[-3.0, 0.49, 0.5, 254.5, 300.0]]])
    assert to_pixels(values).tolist() == [[0, 0, 1, 255, 255]]
    assert reduce(photo(), 4).shape == (10, 9, 3)
