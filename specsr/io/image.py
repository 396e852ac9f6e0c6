"""Image files in and out: gray, colour and alpha, 8 or 16 bits per sample."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from specsr.choices import IMAGE_SUFFIXES
from specsr.errors import SpecsrError
from specsr.io import origin
from specsr.io.atomic import replacing
from specsr.io.find import find_files
from specsr.io.image_tags import (
    PROFILE_SUFFIXES,
    read_tags,
    unturned,
    upright,
    with_chunk,
    with_profile,
)
from specsr.io.limits import check_size

SUFFIXES = IMAGE_SUFFIXES
DEEP_SUFFIXES = (".png", ".tif", ".tiff")
"""Suffixes of formats with 16 bits per sample."""


def is_image(path: str | os.PathLike[str]) -> bool:
    """Return whether a path has the suffix of an image file."""
    return Path(path).suffix.lower() in SUFFIXES


def image_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of an image file to write, in lower case.

    Raises:
        SpecsrError: it is not the suffix of a known image format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise SpecsrError(
            f"{path}: cannot write {suffix or 'a file without a suffix'} as an image: expected "
            f"{', '.join(SUFFIXES)}"
        )
    return suffix


def find_images(paths: Iterable[str | os.PathLike[str]], without: Path | None = None) -> list[Path]:
    """Return the given files, and all image files in the given folders, sorted.

    Folders are searched recursively; hidden files and folders are skipped, and so is the folder
    ``without``.

    Raises:
        SpecsrError: a path that does not exist, or a folder without an image.
    """
    return find_files(paths, SUFFIXES, "image", without)


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Return the pixels of an image file, turned as its EXIF orientation requires.

    Of several pages (TIFF) the first is read; `specsr.io.image_tags.read_tags` notes it.

    Returns:
        [H, W] gray, [H, W, 2] gray and alpha, [H, W, 3] RGB or [H, W, 4] RGB and alpha; uint8, or
        uint16 from files of 16 bits.  Palettes are converted to RGB.

    Raises:
        SpecsrError: no such file, not an image, damaged or cut short, or another type of pixels
            (floating point); the message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise SpecsrError(f"{path}: no such image file: check the name")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # of a named file Pillow 13 maps the pixels of a turned TIFF with width for height
            with open(path, "rb") as file, Image.open(file) as image:
                _check_memory(image, path)
                deep = any(";16" in str(tile[3]) for tile in image.tile) and image.mode != "I;16"
                image.load()  # Pillow raises for a file that is cut off, OpenCV may not
                return _deep(path) if deep else _pixels(ImageOps.exif_transpose(image), path)
    except UnidentifiedImageError:
        if path.suffix.lower() in DEEP_SUFFIXES:
            return _deep(path)  # 16-bit colour TIFF, which Pillow cannot open
        raise SpecsrError(
            f"{path}: not an image, or damaged: expected one of {', '.join(SUFFIXES)}"
        ) from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise SpecsrError(
            f"{path}: more than {limit:.0f} million pixels: split it into parts"
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, SpecsrError):
            raise
        raise SpecsrError(
            f"{path}: damaged or cut short ({error}): copy or download it again"
        ) from None


def _check_memory(image: Image.Image, path: Path) -> None:
    """Raise `SpecsrError` if a decoded image exceeds the limit of memory."""
    tags = getattr(image, "tag_v2", {})
    # the decoder of TIFF holds a whole tile, which may be larger than the image
    _check_pixels(path, *image.size, int(tags.get(322, 0)) * int(tags.get(323, 0)))


def _check_pixels(path: Path, width: int, height: int, tile: int = 0) -> None:
    # Up to 4 samples of 2 bytes, three times: the decoder's pixels (of JPEG: its coefficients),
    # the rotated ones, and the array.
    needed = 3 * 4 * 2 * max(width * height, tile)
    check_size(needed, f"{path}: an image of {width} x {height} pixels")


def _check_undecoded(path: Path) -> None:
    """Check the size that a PNG or TIFF declares, for files that Pillow cannot open."""
    try:
        with open(path, "rb") as file:
            head = file.read(24)
            if head.startswith(b"\x89PNG"):
                width, height = struct.unpack(">II", head[16:24])
            else:
                tags = TiffImagePlugin.ImageFileDirectory_v2(head[: 16 if head[2] == 43 else 8])
                file.seek(tags.next)
                tags.load(file)
                width, height = int(tags[256]), int(tags[257])
    except Exception as error:  # Pillow raises any exception for damaged tags
        raise SpecsrError(
            f"{path}: not an image, or damaged ({type(error).__name__}: {error}): copy or download "
            "it again"
        ) from None
    _check_pixels(path, width, height)


def _pixels(image: Image.Image, path: Path) -> np.ndarray:
    mode = image.mode
    if mode == "1":
        image = image.convert("L")
    elif mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info or mode == "PA" else "RGB")
    elif mode in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "La"):
        image = image.convert({"RGBa": "RGBA", "La": "LA"}.get(mode, "RGB"))
    pixels = np.array(image)
    if mode.startswith("I") and pixels.size and pixels.min() >= 0 and pixels.max() < 65536:
        return pixels.astype(np.uint16)
    if pixels.dtype != np.uint8:
        raise SpecsrError(
            f"{path}: pixels of type {mode}: expected 8 or 16 bits per sample; store it as PNG"
        )
    return pixels


def _deep(path: Path) -> np.ndarray:
    """Return the pixels of an image of 16 bits in colour, which Pillow cannot represent."""
    import cv2

    _check_undecoded(path)
    # with IMREAD_UNCHANGED OpenCV turns the pixels of a TIFF, and of nothing else
    data = np.frombuffer(unturned(path.read_bytes()), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise SpecsrError(f"{path}: not an image of 8 or 16 bits per sample, or damaged")
    pixels = upright(pixels, read_tags(path).orientation)
    if pixels.ndim == 2:
        return pixels
    pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]
    gray = pixels.shape[2] == 4 and (pixels[..., :1] == pixels[..., 1:3]).all()
    return np.ascontiguousarray(pixels[..., [0, 3]] if gray and _is_gray(path) else pixels)


def _is_gray(path: Path) -> bool:
    """Return whether a PNG is stored as gray with alpha, which OpenCV reads as colour."""
    with Image.open(path) as image:
        return any(str(tile[3]).startswith("L") for tile in image.tile)


def write_image(
    path: str | os.PathLike[str],
    pixels: np.ndarray,
    *,
    profile: bytes | None = None,
    overwrite: bool = False,
) -> None:
    """Write pixels in the form of `read_image`; the file appears complete or not at all.

    Args:
        path: the file; its suffix decides the format (`SUFFIXES`).
        pixels: [H, W] or [H, W, 2 to 4], uint8 or uint16.
        profile: ICC colour profile of the pixels; BMP holds none.
        overwrite: replace a file that exists.

    Raises:
        SpecsrError: an unknown suffix, pixels that the format cannot hold (16 bits or alpha in
            JPEG), or an output that exists.

    Example:
        >>> image = np.zeros((20, 30, 3), np.uint8)
        >>> specsr.write_image("black.png", image)
        >>> specsr.read_image("black.png").shape
        (20, 30, 3)
    """
    path = Path(path)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    suffix = image_suffix(path)
    if pixels.dtype == np.uint16 and suffix not in DEEP_SUFFIXES:
        raise SpecsrError(f"{path}: {suffix} holds 8 bits per sample, the image has 16: use .png")
    if channels in (2, 4) and suffix not in (".png", ".tif", ".tiff", ".webp"):
        raise SpecsrError(f"{path}: {suffix} holds no alpha: use .png")
    with replacing(path, overwrite=overwrite) as [partial]:
        if pixels.dtype == np.uint16:
            import cv2

            if channels == 2:  # OpenCV cannot write gray with alpha
                pixels = pixels[..., [0, 0, 0, 1]]
            order = pixels if channels == 1 else pixels[..., [2, 1, 0, *range(3, pixels.shape[-1])]]
            good, data = cv2.imencode(suffix, order)
            if not good:
                raise SpecsrError(f"{path}: could not be encoded as {suffix}")
            coded = data.tobytes()
            partial.write_bytes(with_profile(coded, suffix, profile) if profile else coded)
        else:
            kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}.get(
                suffix, suffix[1:].upper()
            )
            options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {}
            options |= {"lossless": True} if kind == "WEBP" else {}
            if profile and suffix in PROFILE_SUFFIXES:
                options |= {"icc_profile": profile}
            Image.fromarray(np.ascontiguousarray(pixels)).save(partial, kind, **options)
        if suffix == ".png" and (text := origin.text()) is not None:
            entry = f"{origin.KEY}\0{text}".encode("ascii")
            partial.write_bytes(with_chunk(partial.read_bytes(), b"tEXt", entry))
