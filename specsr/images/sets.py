"""Image pairs for training and benchmarks: files of a folder, decoded through a cache.

Three layouts are supported: DIV2K (``DIV2K_train_HR``, ``DIV2K_train_LR_bicubic/X2/0001x2.png``,
the same with ``valid``), benchmark sets (``HR``, ``LR_bicubic/X2/babyx2.png``) and any folder of
images.  Without a folder for a scale, low-resolution images are computed by
`specsr.images.imresize.reduce`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.images.imresize import reduce
from specsr.io.atomic import replacing
from specsr.io.image import find_images, read_image

FORMAT = 1
"""Version of the cache: to be raised with every change of its content."""


@dataclass(frozen=True)
class ImageFiles:
    """Files of one image: high resolution, and low resolution by scale where they exist."""

    high: Path
    low: dict[int, Path]


@dataclass(frozen=True, eq=False)
class ImagePair:
    """Decoded pixels [H, W] or [H, W, C], uint8 or uint16: high, and low by scale.

    ``low[s]`` is floor(H / s) x floor(W / s), aligned with the top left corner of ``high``.
    """

    name: str
    high: np.ndarray
    low: dict[int, np.ndarray]


def find_pairs(folder: str | Path, scales: Iterable[int], split: str = "train") -> list[ImageFiles]:
    """Return the images of a folder in one of the known layouts, sorted.

    Args:
        folder: DIV2K root, benchmark set, or any folder of images (searched recursively).
        scales: required scales.
        split: ``"train"`` or ``"valid"`` of a DIV2K root.

    Raises:
        SpecsrError: no such folder, no image in it, or a folder with some of the low-resolution
            images lacks one.
    """
    folder, scales = Path(folder), tuple(scales)
    if not folder.is_dir():
        raise SpecsrError(f"{folder}: no such folder of images: check data.folders")
    div2k = folder / f"DIV2K_{split}_HR"
    if div2k.is_dir():
        high, low = div2k, folder / f"DIV2K_{split}_LR_bicubic"
    elif (folder / "HR").is_dir():
        high, low = folder / "HR", folder / "LR_bicubic"
    else:
        high, low = folder, None
    images = find_images([high])
    there = [s for s in scales if low is not None and (low / f"X{s}").is_dir()]
    lows = low or high  # without a folder of low images `there` is empty
    return [ImageFiles(path, {s: _low_file(path, lows, s) for s in there}) for path in images]


def _low_file(high: Path, low: Path, scale: int) -> Path:
    names = [f"{high.stem}x{scale}{high.suffix}", f"{high.stem}x{scale}.png", high.name]
    for name in names:
        if (low / f"X{scale}" / name).is_file():
            return low / f"X{scale}" / name
    raise SpecsrError(
        f"{low / f'X{scale}' / names[0]}: the low-resolution image of {high} is missing: add it, "
        f"or remove the folder X{scale} to have all of them computed"
    )


def _cached(folder: Path | None, identity: list[Any], make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return an array from the cache folder, memory-mapped; computed and stored if missing."""
    if folder is None:
        return make()
    key = hashlib.sha256(repr([FORMAT, *identity]).encode()).hexdigest()[:24]
    path = folder / f"{key}.npy"
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # missing, or incomplete
        with replacing(path, overwrite=True) as [partial], partial.open("wb") as file:
            np.save(file, make())
        return np.load(path, mmap_mode="r")


def load_pair(
    files: ImageFiles, scales: Iterable[int], cache: str | Path | None = None
) -> ImagePair:
    """Decode an image and its low-resolution versions.

    Args:
        files: files of the image.
        scales: required scales.
        cache: folder of decoded images; None for no cache.

    Raises:
        SpecsrError: a damaged file, an image smaller than one cell, or a low-resolution image whose
            size is not that of the high one divided by the scale; the message names the files.
    """
    folder = None if cache is None else Path(cache)

    def identity(path: Path) -> list[Any]:
        state = path.stat()
        return [os.path.realpath(path), state.st_size, state.st_mtime_ns]

    high = _cached(folder, identity(files.high), lambda: read_image(files.high))
    lows = {}
    for scale in scales:
        if scale in files.low:
            file = files.low[scale]
            low = _cached(folder, identity(file), partial(read_image, file))
            expected = (high.shape[0] // scale, high.shape[1] // scale)
            if low.shape[:2] != expected or low.shape[2:] != high.shape[2:]:
                raise SpecsrError(
                    f"{file}: {_size(low)}, but {files.high} is {_size(high)}: x{scale} needs "
                    f"{expected[0]} x {expected[1]}: replace the one of another image or scale"
                )
        else:
            try:
                low = _cached(folder, [*identity(files.high), scale], partial(reduce, high, scale))
            except SpecsrError as error:
                raise SpecsrError(f"{files.high}: {error}") from None
        lows[scale] = low
    return ImagePair(files.high.stem, high, lows)


def _size(image: np.ndarray) -> str:
    channels = image.shape[2] if image.ndim == 3 else 1
    return f"{image.shape[0]} x {image.shape[1]} with {channels} channel{'s'[: channels > 1]}"
