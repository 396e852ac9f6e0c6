"""Image files: pixels as they are stored, gray, colour and alpha, 8 or 16 bits."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from specsr.errors import SpecsrError
from specsr.io.atomic import replacing

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
DEEP_SUFFIXES = (".png", ".tif", ".tiff")
"""Suffixes that can hold 16 bits a sample."""


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether the suffix is that of an image file."""
    return Path(path).suffix.lower() in SUFFIXES


def image_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a file to write, in lower case.

    Raises:
        SpecsrError: no image format has it.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise SpecsrError(
            f"{path}: cannot write {suffix or 'a file without a suffix'} as an image: expected "
            f"{', '.join(SUFFIXES)}"
        )
    return suffix


def find_images(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the image files that paths name: files as given, of folders all, sorted.

    Folders are searched to their depth; hidden files and folders are left out.

    Raises:
        SpecsrError: a path that does not exist, or a folder without an image.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise SpecsrError(f"{path}: no such file or folder: check the name")
        files = [path]
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if is_image(file) and file.is_file())
            files = [
                file
                for file in inside
                if not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
        if not files:
            raise SpecsrError(f"{path}: holds no image: expected {', '.join(SUFFIXES)}")
        found |= dict.fromkeys(files)
    return list(found)


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Return the pixels of an image file, turned upright where a camera says how.

    Returns:
        [H, W] gray, [H, W, 2] gray and alpha, [H, W, 3] RGB or [H, W, 4] RGB and alpha; uint8, or
        uint16 from files of 16 bits.  Palettes come out as RGB.

    Raises:
        SpecsrError: no such file, not an image, damaged or cut short, or a kind of pixel (floating
            point) that models of images do not take; it names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise SpecsrError(f"{path}: no such image file: check the name")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                deep = any(";16" in str(tile[3]) for tile in image.tile) and image.mode != "I;16"
                image.load()  # Pillow refuses a file that is cut short, OpenCV may not
                return _deep(path) if deep else _pixels(ImageOps.exif_transpose(image), path)
    except UnidentifiedImageError:
        if path.suffix.lower() in DEEP_SUFFIXES:
            return _deep(path)  # 16-bit colour TIFF, which Pillow does not know
        raise SpecsrError(
            f"{path}: not an image, or damaged: expected one of {', '.join(SUFFIXES)}"
        ) from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise SpecsrError(
            f"{path}: more than {limit:.0f} million pixels: cut it into parts"
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, SpecsrError):
            raise
        raise SpecsrError(
            f"{path}: damaged or cut short ({error}): copy or download it again"
        ) from None


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
            f"{path}: pixels of kind {mode}: expected 8 or 16 bits a sample; store it as PNG"
        )
    return pixels


def _deep(path: Path) -> np.ndarray:
    """Read colour of 16 bits, which Pillow cannot hold."""
    import cv2

    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise SpecsrError(f"{path}: not an image of 8 or 16 bits a sample, or damaged")
    if pixels.ndim == 2:
        return pixels
    pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]
    gray = pixels.shape[2] == 4 and (pixels[..., :1] == pixels[..., 1:3]).all()
    return np.ascontiguousarray(pixels[..., [0, 3]] if gray and _is_gray(path) else pixels)


def _is_gray(path: Path) -> bool:
    """Whether a PNG is stored as gray with alpha, which OpenCV reads as colour."""
    with Image.open(path) as image:
        return any(str(tile[3]).startswith("L") for tile in image.tile)


def write_image(
    path: str | os.PathLike[str], pixels: np.ndarray, *, overwrite: bool = False
) -> None:
    """Write pixels as `read_image` returns them; the file appears whole or not at all.

    Raises:
        SpecsrError: an unknown suffix, pixels that the format cannot hold (16 bits or alpha in
            JPEG), or an output that exists.
    """
    path = Path(path)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    suffix = image_suffix(path)
    if pixels.dtype == np.uint16 and suffix not in DEEP_SUFFIXES:
        raise SpecsrError(f"{path}: {suffix} holds 8 bits a sample, the image has 16: use .png")
    if channels in (2, 4) and suffix not in (".png", ".tif", ".tiff", ".webp"):
        raise SpecsrError(f"{path}: {suffix} holds no alpha: use .png")
    with replacing(path, overwrite=overwrite) as [partial]:
        if pixels.dtype == np.uint16:
            import cv2

            if channels == 2:  # OpenCV writes no gray with alpha
                pixels = pixels[..., [0, 0, 0, 1]]
            order = pixels if channels == 1 else pixels[..., [2, 1, 0, *range(3, pixels.shape[-1])]]
            good, data = cv2.imencode(suffix, order)
            if not good:
                raise SpecsrError(f"{path}: could not be encoded as {suffix}")
            partial.write_bytes(data.tobytes())
        else:
            kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}.get(
                suffix, suffix[1:].upper()
            )
            options = {"quality": 95} if kind == "JPEG" else {}
            options |= {"lossless": True} if kind == "WEBP" else {}
            Image.fromarray(np.ascontiguousarray(pixels)).save(partial, kind, **options)
