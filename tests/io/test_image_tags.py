"""Orientation, colour profile and further pages of image files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from specsr.io.image import read_image, write_image
from specsr.io.image_tags import ImageTags, read_tags, with_chunk, with_tag
from support.command import run


def noise(*shape: int, dtype=np.uint8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_images_of_16_bits_are_turned_as_those_of_8_bits(
    tmp_path: Path, orientation: int, channels: int, suffix: str
) -> None:
    shallow = noise(5, 3, channels)
    shallow = shallow[..., 0] if channels == 1 else shallow
    tag = Image.Exif()
    tag[274] = orientation
    Image.fromarray(shallow).save(tmp_path / f"8{suffix}", exif=tag)
    deep = tmp_path / f"16{suffix}"
    write_image(deep, shallow.astype(np.uint16) * 257)
    if suffix == ".png":
        deep.write_bytes(with_chunk(deep.read_bytes(), b"eXIf", tag.tobytes()[6:]))
    else:
        deep.write_bytes(with_tag(deep.read_bytes(), 274, orientation))
    found = read_image(deep)
    assert found.dtype == np.uint16
    assert np.array_equal(found, read_image(tmp_path / f"8{suffix}") * np.uint16(257))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_a_colour_profile_is_kept(tmp_path: Path, dtype, channels: int, suffix: str) -> None:
    if dtype == np.uint16 and suffix not in (".png", ".tif"):
        pytest.skip("8 bits")
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if channels == 1:
        profile[16:20] = b"GRAY"
    pixels = noise(9, 6, channels, dtype=dtype)
    pixels = pixels[..., 0] if channels == 1 else pixels
    path = tmp_path / f"image{suffix}"
    write_image(path, pixels, profile=bytes(profile))
    if suffix == ".webp" and channels == 1:  # stored as colour, where this profile has no meaning
        assert read_tags(path).profile is None
        return
    assert read_tags(path) == ImageTags(profile=bytes(profile))
    if suffix in (".png", ".tif"):
        assert np.array_equal(read_image(path), pixels)


def test_a_profile_of_converted_pixels_and_further_pages_are_named(tmp_path: Path) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"CMYK"
    path = tmp_path / "print.tif"
    Image.fromarray(noise(8, 8, 4), "CMYK").save(path, icc_profile=bytes(profile))
    tags = read_tags(path)
    assert tags.profile is None and "for CMYK" in tags.notes[0]
    pages = [Image.fromarray(noise(8, 8, 3)) for _ in range(3)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    assert "page 1 of 3" in read_tags(tmp_path / "pages.tif").notes[0]
    assert read_tags(tmp_path / "pages.tif").orientation == 1
    deep = noise(8, 8, 3, dtype=np.uint16)
    good, data = cv2.imencodemulti(".tif", [deep, deep])
    assert good
    (tmp_path / "deep.tif").write_bytes(data.tobytes())
    assert "page 1 of 2" in read_tags(tmp_path / "deep.tif").notes[0]
    assert np.array_equal(read_image(tmp_path / "deep.tif")[..., ::-1], deep)


def test_upscale_keeps_the_profile_and_names_further_pages(tmp_path: Path, capsys) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pages = [Image.fromarray(noise(8, 8, 3)) for _ in range(2)]
    source = tmp_path / "pages.tif"
    pages[0].save(source, save_all=True, append_images=pages[1:], icc_profile=profile)
    for name, kept in (("a.png", profile), ("b.bmp", None)):
        code, _, err = run(capsys, "upscale", source, "-o", tmp_path / name)
        assert code == 0 and "page 1 of 2" in err, err
        assert read_tags(tmp_path / name).profile == kept
        assert ("BMP holds no colour profile" in err) == (kept is None)


@pytest.mark.parametrize("profile", [b"", b" " * 200, b"RGB " * 50, b"x"])
def test_a_damaged_profile_is_named_and_left_out(tmp_path: Path, profile: bytes) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(4, 5, 3)).save(path, icc_profile=profile)
    found = read_tags(path)
    assert found.profile is None
    assert found.notes == (("the colour profile is damaged: it is left out",) if profile else ())
