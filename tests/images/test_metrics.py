"""Image files, MATLAB's bicubic, PSNR and SSIM under their protocols."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from specsr.errors import SpecsrError
from specsr.images.imresize import imresize, reduce, shave
from specsr.images.metrics import FLOAT, PAPER, RGB, luma, score
from specsr.io.image import find_images, read_image, write_image
from specsr.scores.similarity import psnr, ssim


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


# imresize


def slow_imresize(image: np.ndarray, scale: float) -> np.ndarray:
    """MATLAB's documented algorithm for one plane, sample by sample."""

    def kernel(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0

    def column(values: np.ndarray) -> np.ndarray:
        size, squeeze = len(values), min(1.0, scale)
        result = []
        for place in range(1, math.ceil(size * scale) + 1):
            centre = place / scale + 0.5 * (1 - 1 / scale)
            taps = range(math.floor(centre - 2 / squeeze) - 1, math.ceil(centre + 2 / squeeze) + 2)
            weights = [kernel(squeeze * (centre - tap)) for tap in taps]
            inside = []
            for tap in taps:
                while not 1 <= tap <= size:
                    tap = 1 - tap if tap < 1 else 2 * size + 1 - tap
                inside.append(values[tap - 1])
            total = sum(w * float(v) for w, v in zip(weights, inside)) / sum(weights)
            result.append(min(255, max(0, math.floor(total + 0.5))))
        return np.array(result, dtype=np.uint8)

    half = np.stack([column(c) for c in image.T], axis=1)
    return np.stack([column(r) for r in half], axis=0)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 19), st.integers(1, 17),
    st.sampled_from([1 / 2, 1 / 3, 1 / 4, 1 / 8, 2, 3, 1.5]), st.integers(0, 99),
)  # fmt: skip
def test_imresize_is_matlabs_algorithm(rows: int, columns: int, scale: float, seed: int) -> None:
    image = noise(rows, columns, seed=seed)
    made, expected = imresize(image, scale), slow_imresize(image, scale)
    assert made.shape == expected.shape == (math.ceil(rows * scale), math.ceil(columns * scale))
    # sums of another order may fall on the other side of a half
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert (made != expected).mean() <= 0.02 or made.size < 50


@pytest.mark.parametrize("name", ["Set5", "Set14"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduction_equals_published_low_images(shared_data: Path, name: str, scale: int) -> None:
    folder = shared_data / "images/benchmark" / name
    files = find_images([folder / "HR"])
    for file in files:
        low = read_image(folder / f"LR_bicubic/X{scale}/{file.stem}x{scale}.png")
        assert np.array_equal(reduce(read_image(file), scale), low), file
    assert len(files) in (5, 14)


def test_channels_are_resized_apart_and_constants_stay() -> None:
    image = noise(20, 31, 3)
    apart = np.dstack([imresize(image[..., c], 1 / 3) for c in range(3)])
    assert np.array_equal(imresize(image, 1 / 3), apart)
    assert (imresize(np.full((17, 9), 77, np.uint8), 1 / 8) == 77).all()
    deep = imresize(image.astype(np.uint16) * 257, 1 / 2)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - imresize(image.astype(float), 1 / 2).clip(0, 255)).max() < 1


def test_a_large_image_is_reduced_in_well_under_a_second() -> None:
    image = noise(1356, 2040, 3)
    imresize(image[:64, :64], 1 / 2)
    began = time.process_time()
    imresize(image, 1 / 4)
    assert time.process_time() - began < 1.0


def test_imresize_refuses_nonsense() -> None:
    with pytest.raises(SpecsrError, match="scale is 0"):
        imresize(noise(4, 4), 0)
    with pytest.raises(SpecsrError, match="shape"):
        imresize(noise(4), 2)
    with pytest.raises(SpecsrError, match="smaller than one cell"):
        reduce(noise(3, 9), 4)


# files


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pixels_come_back(tmp_path: Path, dtype, channels: int, suffix: str) -> None:
    if suffix == ".tif" and channels == 2 and dtype == np.uint16:
        pytest.skip("TIFF of 16 bits stores gray with alpha as colour")
    pixels = noise(12, 7, channels, dtype=dtype)
    pixels = pixels[..., 0] if channels == 1 else pixels
    path = tmp_path / f"image{suffix}"
    write_image(path, pixels)
    again = read_image(path)
    if channels == 2 and dtype == np.uint16:  # written as colour
        assert np.array_equal(again[..., [0, 3]], pixels)
    else:
        assert again.dtype == dtype and np.array_equal(again, pixels)


def test_palettes_bits_and_orientation(tmp_path: Path) -> None:
    colours = noise(8, 8, 3)
    Image.fromarray(colours).quantize(16).save(tmp_path / "palette.png")
    assert read_image(tmp_path / "palette.png").shape == (8, 8, 3)
    Image.fromarray(colours[..., 0] > 99).save(tmp_path / "bits.png")
    assert set(np.unique(read_image(tmp_path / "bits.png"))) <= {0, 255}
    tag = Image.Exif()
    tag[274] = 6  # turned by a quarter
    Image.fromarray(np.zeros((4, 9, 3), np.uint8)).save(tmp_path / "turned.jpg", exif=tag)
    assert read_image(tmp_path / "turned.jpg").shape == (9, 4, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_cut_short_images_are_refused(tmp_path: Path, dtype, channels: int) -> None:
    pixels = noise(64, 64, 3, dtype=dtype)
    write_image(tmp_path / "whole.png", pixels if channels == 3 else pixels[..., 0])
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(SpecsrError, match=r"half\.png: damaged or cut short"):
        read_image(tmp_path / "half.png")


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "text.jpg").write_text("hello")
    for name in ("text.png", "text.jpg", "missing.png"):
        with pytest.raises(SpecsrError, match=name):
            read_image(tmp_path / name)
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(SpecsrError, match="8 or 16 bits"):
        read_image(tmp_path / "float.tif")
    with pytest.raises(SpecsrError, match="holds no image"):
        (tmp_path / "empty").mkdir()
        find_images([tmp_path / "empty"])


def test_formats_that_cannot_hold_it(tmp_path: Path) -> None:
    for pixels, message in ((noise(4, 4, dtype=np.uint16), "8 bits"), (noise(4, 4, 4), "alpha")):
        with pytest.raises(SpecsrError, match=message):
            write_image(tmp_path / "image.jpg", pixels)
    with pytest.raises(SpecsrError, match="cannot write"):
        write_image(tmp_path / "image.xyz", noise(4, 4))
    write_image(tmp_path / "image.png", noise(4, 4))
    with pytest.raises(SpecsrError, match="exists already"):
        write_image(tmp_path / "image.png", noise(4, 4))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["image.png"]


# metrics


def test_psnr_and_ssim_equal_torchmetrics() -> None:
    functional = pytest.importorskip("torchmetrics.functional.image")
    reference = np.kron(noise(12, 11), np.ones((4, 4))).astype(np.float64)
    estimate = np.clip(reference + np.random.default_rng(1).normal(0, 9, reference.shape), 0, 255)
    ours, wanted = (torch.from_numpy(x)[None, None] for x in (estimate, reference))
    theirs = functional.peak_signal_noise_ratio(ours, wanted, data_range=255.0)
    assert psnr(reference, estimate, 255.0) == pytest.approx(float(theirs), abs=1e-4)
    _, theirs = functional.structural_similarity_index_measure(
        ours, wanted, data_range=255.0, return_full_image=True
    )
    # torchmetrics also counts places where the window hangs over a mirrored border
    inside = float(theirs[..., 5:-5, 5:-5].mean())
    assert ssim(reference, estimate, 255.0) == pytest.approx(inside, abs=1e-6)
    assert psnr(reference, reference, 255.0) == math.inf
    assert ssim(reference, reference, 255.0) == pytest.approx(1)


def test_luma_is_bt601_in_studio_range() -> None:
    extremes = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8)
    assert luma(extremes)[0] == pytest.approx([16, 235, 81.481])
    assert list(luma(extremes, rounded=True)[0]) == [16, 235, 81]


def test_protocols_differ_as_stated() -> None:
    reference = noise(40, 40, 3)
    estimate = reference.copy()
    estimate[:4] = 255 - estimate[:4]  # all of the error in the border
    assert score(estimate, reference, 4, PAPER)[0] == math.inf
    assert score(estimate, reference, 3, PAPER)[0] < 40
    assert score(estimate, reference, 2, RGB)[0] == math.inf  # border 8
    gray, off = np.full((40, 40), 100, np.uint8), np.full((40, 40), 101, np.uint8)
    assert score(off, gray, 2, PAPER)[0] == pytest.approx(10 * math.log10(255**2))
    shrunk = (65.481 + 128.553 + 24.966) / 255  # gray as colour: its luma spans 219 steps
    assert score(off, gray, 2, FLOAT)[0] == pytest.approx(10 * math.log10((255 / shrunk) ** 2))


def test_scores_refuse_what_does_not_compare() -> None:
    with pytest.raises(SpecsrError, match="differ in shape"):
        score(noise(30, 30, 3), noise(32, 30, 3), 2)
    with pytest.raises(SpecsrError, match="uint8"):
        score(noise(30, 30, dtype=np.uint16), noise(30, 30, dtype=np.uint16), 2)
    with pytest.raises(SpecsrError, match="too small"):
        score(noise(14, 30), noise(14, 30), 2)


def test_shave_leaves_multiples() -> None:
    assert shave(noise(10, 11, 3), 3).shape == (9, 9, 3)


def test_an_image_of_absurd_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "large.png", noise(40, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert read_image(tmp_path / "large.png").shape == (40, 40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with pytest.raises(SpecsrError, match=r"large\.png: more than 0 million pixels"):
        read_image(tmp_path / "large.png")
