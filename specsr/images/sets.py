"""Image pairs for training and benchmarks: folders -> decoded cache -> aligned crops.

Three layouts are known: DIV2K (``DIV2K_train_HR``, ``DIV2K_train_LR_bicubic/X2/0001x2.png``, the
same with ``valid``), benchmark sets (``HR``, ``LR_bicubic/X2/babyx2.png``) and any folder of
images.  Where a layout has no folder for a scale, its low images are made by `imresize.reduce`.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .data import place_rng, shared
from .errors import SpecsrError
from .image_metrics import FLOAT, luma, score
from .imresize import reduce
from .infer import InferOptions, run_tiled
from .io.atomic import replacing
from .io.image import find_images, read_image

if TYPE_CHECKING:
    from .config import Config

log = logging.getLogger(__name__)
FORMAT = 1  # raise whenever what the cache holds changes


@dataclass(frozen=True)
class ImageFiles:
    """One image: its high file and, by scale, its low ones; a scale without one is made."""

    high: Path
    low: dict[int, Path]


@dataclass(frozen=True, eq=False)
class ImagePair:
    """Decoded pixels [H, W] or [H, W, C], uint8 or uint16: high, and low by scale.

    ``low[s]`` is floor(H / s) x floor(W / s) and lies on the top left of ``high``.
    """

    name: str
    high: np.ndarray
    low: dict[int, np.ndarray]


def find_pairs(folder: str | Path, scales: Iterable[int], split: str = "train") -> list[ImageFiles]:
    """Return the images of a folder in one of the known layouts, sorted.

    Args:
        folder: DIV2K root, benchmark set, or any folder of images (searched to its depth).
        scales: those that are needed.
        split: ``"train"`` or ``"valid"`` of a DIV2K root.

    Raises:
        SpecsrError: no such folder, no image in it, or a low image missing beside others.
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
    lows = low or high  # without a folder of low images there is no scale to look for
    return [ImageFiles(path, {s: _low_file(path, lows, s) for s in there}) for path in images]


def _low_file(high: Path, low: Path, scale: int) -> Path:
    names = [f"{high.stem}x{scale}{high.suffix}", f"{high.stem}x{scale}.png", high.name]
    for name in names:
        if (low / f"X{scale}" / name).is_file():
            return low / f"X{scale}" / name
    raise SpecsrError(
        f"{low / f'X{scale}' / names[0]}: the low-resolution image of {high} is missing: add it, "
        f"or take the folder X{scale} away to have all of them made"
    )


def _cached(folder: Path | None, identity: list[Any], make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return an array from the cache folder (mapped into memory), made and stored if need be."""
    if folder is None:
        return make()
    key = hashlib.sha256(repr([FORMAT, *identity]).encode()).hexdigest()[:24]
    path = folder / f"{key}.npy"
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # not there, or cut short by a full disk
        with replacing(path, overwrite=True) as [partial], partial.open("wb") as file:
            np.save(file, make())
        return np.load(path, mmap_mode="r")


def load_pair(
    files: ImageFiles, scales: Iterable[int], cache: str | Path | None = None
) -> ImagePair:
    """Decode an image and its low versions, through a cache folder if one is given.

    Raises:
        SpecsrError: a damaged file, an image smaller than one cell, or a low image whose size is
            not that of the high one over the scale; it names the files.
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
                    f"{file}: {_size(low)}, but {files.high} is {_size(high)}: x{scale} asks for "
                    f"{expected[0]} x {expected[1]}; one of the two is of another image or scale"
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


def to_float(image: np.ndarray, channels: int) -> np.ndarray:
    """Return pixels as a network sees them: [channels, H, W] float32 in 0..255, without alpha.

    Gray becomes three equal channels where three are asked for, colour its luma where one is.
    """
    scale = np.float32(257 if image.dtype == np.uint16 else 1)
    image = image[..., None] if image.ndim == 2 else image
    colours = image[..., : 1 if image.shape[2] < 3 else 3].astype(np.float32) / scale
    if colours.shape[2] == 1:
        colours = np.repeat(colours, channels, axis=2)
    elif channels == 1:
        colours = luma(colours).astype(np.float32)[..., None]
    return colours.transpose(2, 0, 1)


def to_pixels(image: np.ndarray | torch.Tensor, dtype: Any = np.uint8) -> np.ndarray:
    """Return [C, H, W] in 0..255 rounded and clipped: [H, W] for one channel, else [H, W, C]."""
    scale = 257 if dtype == np.uint16 else 1
    values = np.asarray(image) * np.float32(scale) + np.float32(0.5)
    pixels = np.floor(values, out=values).clip(0, np.iinfo(dtype).max, out=values).astype(dtype)
    return np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


class ImageCrops(torch.utils.data.Dataset):
    """Batches of aligned crops: item ``step`` is (input, target, scale), the same every time.

    input [batch, C, patch], target [batch, C, patch x scale], float32 in 0..255, flipped and
    turned by quarters at random.  One scale a batch, drawn anew each step (as MDSR is trained),
    with the patch that ``train.patches`` gives it; every place of every image is equally likely.
    With ``share`` (i, n) an item holds the i-th of n parts of the batch, which is divisible by n.
    """

    def __init__(
        self, pairs: list[ImagePair], config: Config, steps: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        self.config, self.steps = config, steps
        self.share = shared(config.train.batch, share)
        self.scales = [scale[0] for scale in config.pair.scales]
        train = config.train
        self.patches = dict(zip(self.scales, train.patches or [train.patch] * len(self.scales)))
        self.pairs: dict[int, list[ImagePair]] = {}
        self.weights: dict[int, np.ndarray] = {}
        for scale in self.scales:
            side = max(self.patches[scale])  # quarter turns need room both ways
            fit = [pair for pair in pairs if min(pair.low[scale].shape[:2]) >= side]
            if not fit:
                raise SpecsrError(
                    f"no image holds a patch of {side} x {side} at x{scale}: lower train.patch, or "
                    f"give images of at least {side * scale} x {side * scale}"
                )
            if len(fit) < len(pairs):
                log.info("x%d: %d images are too small, left out", scale, len(pairs) - len(fit))
            areas = np.array([pair.high.shape[0] * pair.high.shape[1] for pair in fit], float)
            self.pairs[scale], self.weights[scale] = fit, areas / areas.sum()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
        if not 0 <= step < self.steps:  # also what ends a for loop over the batches
            raise IndexError(step)
        train = self.config.train
        rng = np.random.default_rng([train.seed, step])
        shares = np.array(train.scale_weights or [1.0] * len(self.scales))
        scale = int(rng.choice(self.scales, p=shares / shares.sum()))
        pairs = self.pairs[scale]
        chosen = rng.choice(len(pairs), train.batch, p=self.weights[scale])
        crops = [
            self.crop(pairs[chosen[i]], scale, place_rng(train.seed, step, i)) for i in self.share
        ]
        low, high = (torch.from_numpy(np.stack(side)) for side in zip(*crops))
        return low, high, (scale, scale)

    def crop(
        self, pair: ImagePair, scale: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut one aligned crop; flips and quarter turns hit both images alike."""
        low, channels = pair.low[scale], self.config.model.channels
        rows, columns = self.patches[scale]
        mirror_rows, mirror_columns, turn = rng.random(3) < 0.5
        if turn:
            rows, columns = columns, rows
        top = int(rng.integers(low.shape[0] - rows + 1))
        left = int(rng.integers(low.shape[1] - columns + 1))
        sides = []
        for image, s in ((low, 1), (pair.high, scale)):
            piece = image[top * s : (top + rows) * s, left * s : (left + columns) * s]
            piece = to_float(piece, channels)
            piece = piece[:, ::-1] if mirror_rows else piece
            piece = piece[:, :, ::-1] if mirror_columns else piece
            sides.append(np.ascontiguousarray(piece.swapaxes(1, 2) if turn else piece))
        return sides[0], sides[1]


def load_training(
    config: Config, progress: Callable[[Any], Any]
) -> tuple[list[ImagePair], list[ImagePair]]:
    """Return the images to train on and those to validate on.

    The latter are the first ``train.hold_out`` of ``data.validate``, or, without such folders, as
    many images spread over ``data.folders``, which are then not trained on.
    """
    scales = [scale[0] for scale in config.pair.scales]

    def load(folders: list[str], split: str) -> list[ImagePair]:
        files = [f for folder in folders for f in find_pairs(folder, scales, split)]
        return [load_pair(f, scales, config.data.cache) for f in progress(files)]

    seen = load(config.data.folders, "train")
    count = config.train.hold_out
    if config.data.validate_on:
        return seen, load(config.data.validate_on, "valid")[:count]
    if len(seen) == 1:
        return seen, seen
    count = max(1, min(count, len(seen) // 8))
    places = set(range(0, len(seen), len(seen) // count)[:count])
    held = [pair for i, pair in enumerate(seen) if i in places]
    return [pair for i, pair in enumerate(seen) if i not in places], held


def mean_psnr(net: Any, pairs: list[ImagePair], device: str) -> float:
    """Mean PSNR in dB over images and scales: luma in floating point, border of the scale."""
    channels = net.config.in_channels
    values = []
    for pair in pairs:
        for scale in net.scales:
            low = torch.from_numpy(np.ascontiguousarray(to_float(pair.low[scale[0]], channels)))
            estimate = to_pixels(run_tiled(net, low, scale, InferOptions(device=device)))
            rows, columns = estimate.shape[:2]
            wanted = to_pixels(to_float(pair.high[:rows, :columns], channels))
            values.append(score(estimate, wanted, scale[0], FLOAT)[0])
    return float(np.mean(values))
