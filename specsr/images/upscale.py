"""Super-resolution of images of any size, pixel type and number of channels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from specsr.choices import SCALE
from specsr.errors import SpecsrError, expect
from specsr.extras import installed
from specsr.images.imresize import imresize
from specsr.images.pixels import to_float, to_pixels
from specsr.models.bundled import find_model, load_model
from specsr.models.edsr_pytorch import convert, read_state_dict
from specsr.models.model import SUFFIXES, Model, is_model_file
from specsr.models.network import Network
from specsr.models.options import InferOptions
from specsr.models.spandrel_bridge import load_foreign
from specsr.models.tiling import default_tile, run_tiled
from specsr.progress import Progress

STRIP = 2**20
"""Most pixels of input in one strip; wide images have strips of fewer rows."""


def image_model(model: str | Path | Model | None, scale: int | None = None) -> Model:
    """Return a model for images.

    Args:
        model: bundled name, model file of specsr, checkpoint of EDSR-PyTorch, checkpoint of another
            architecture (if spandrel is installed), or loaded model; None for the bundled default.
        scale: scale that the model must have; None for any.

    Raises:
        SpecsrError: no model fits, or the file is damaged, contains code, or is of an unknown type.
    """
    if model is not None and not isinstance(model, Model):
        path = Path(model)
        if path.suffix in SUFFIXES and path.is_file() and not is_model_file(path):
            model = _load_checkpoint(path)
    if scale is None:
        found = model if isinstance(model, Model) else load_model(str(model))
        scale = found.net.scales[0][0]
    return find_model(model, "image", (scale, scale))


def _load_checkpoint(path: Path) -> Model:
    read_state_dict(path)  # refuses damaged files and code
    try:
        return convert(path)
    except SpecsrError:
        if not installed("spandrel"):
            raise
    return load_foreign(path)


def upscale_image(
    image: np.ndarray,
    scale: int = SCALE,
    *,
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> np.ndarray:
    """Return an image enlarged ``scale`` times in height and width.

    It is computed in strips of rows that overlap by the network's reach, so that no seams appear;
    apart from the result the memory use does not grow with the image.  Alpha is resized by bicubic
    interpolation.  A network for RGB gets gray as three equal channels, and its result is their
    mean; a network for gray processes each colour separately.

    Args:
        image: [H, W], [H, W, 2] (gray, alpha), [H, W, 3] or [H, W, 4] (RGB, alpha), uint8 or
            uint16, as `specsr.io.image.read_image` returns it.
        scale: 2, 3 or 4, a scale of the model.
        model: see `image_model`; None for the bundled default.
        options: tile, precision, device; ``ensemble``: mean over the eight flips and quarter turns
            (`self_ensemble`, "+" in tables), for eight times the time.
        progress: wraps the iterable of strips, for a progress bar.

    Returns:
        Image of the same dtype and number of channels.

    Raises:
        SpecsrError: no model fits, or the image is empty or of another type or shape.

    Example:
        >>> specsr.upscale_image(np.zeros((20, 30), np.uint8), scale=2).shape
        (40, 60)
    """
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    if image.dtype not in (np.uint8, np.uint16):
        raise SpecsrError(f"the image is of type {image.dtype}: expected uint8 or uint16")
    if image.ndim not in (2, 3) or (image.ndim == 3 and not 2 <= image.shape[2] <= 4):
        raise SpecsrError(
            f"the image has shape {image.shape}: expected [H, W], or [H, W, C] with 2 (gray and "
            "alpha), 3 (RGB) or 4 (RGB and alpha) channels"
        )
    if not image.size:
        raise SpecsrError(f"the image is empty: {image.shape[0]} x {image.shape[1]}")
    net = image_model(model, scale).net
    if image.ndim == 3 and image.shape[2] in (2, 4):
        colours = image[..., 0] if image.shape[2] == 2 else image[..., :3]
        fine = upscale_image(colours, scale, model=model, options=options, progress=progress)
        alpha = imresize(image[..., -1], scale)
        return np.dstack([fine, alpha])
    return _strips(net, image, scale, options, progress)


def _strips(
    net: Network, image: np.ndarray, scale: int, options: InferOptions, progress: Progress | None
) -> np.ndarray:
    height, width = image.shape[:2]
    out = np.empty((height * scale, width * scale, *image.shape[2:]), image.dtype)
    reach = net.reach((scale, scale))[0]
    tile = options.tile or default_tile(net, (scale, scale), height)
    rows = min(tile[0], max(64, STRIP // width))
    # a tile is as high as a strip: run_tiled divides only its columns
    inside = replace(options, tile=(rows + 2 * reach, tile[1]), ensemble=False)
    starts = range(0, height, rows)
    for top in progress(starts) if progress else starts:
        first, last = max(0, top - reach), min(height, top + rows + reach)
        fine = run_image(net, image[first:last], scale, inside, options.ensemble)
        bottom = min(height, top + rows)
        kept = fine[..., (top - first) * scale : (bottom - first) * scale, :]
        out[top * scale : bottom * scale] = to_pixels(kept, image.dtype)
    return out


def run_image(
    net: Network, image: np.ndarray, scale: int, options: InferOptions, ensemble: bool = False
) -> torch.Tensor:
    """Return the network's output for pixels [H, W] or [H, W, 3], before rounding.

    Returns:
        [1 or 3, H scale, W scale], float32, in 0..255, with the channels of the image.

    Raises:
        SpecsrError: the network has not 1 or 3 input channels.
    """
    channels = net.config.in_channels
    gray = image.ndim == 2
    if channels not in (1, 3):
        raise SpecsrError(f"the model has {channels} input channels: expected 1 or 3 for images")
    if channels == 1 and not gray:
        planes = [run_image(net, image[..., c], scale, options, ensemble) for c in range(3)]
        return torch.cat(planes)
    low = torch.from_numpy(np.ascontiguousarray(to_float(image, channels)))
    run = self_ensemble if ensemble else run_tiled
    fine = run(net, low, (scale, scale), options)
    return fine.mean(0, keepdim=True) if gray else fine


def self_ensemble(
    net: Network,
    image: torch.Tensor,
    scale: tuple[int, int],
    options: InferOptions = InferOptions(),
) -> torch.Tensor:
    """Return the mean output over eight flips and quarter turns (Lim et al. 2017, section 3.4).

    image [C, H, W] -> [C, H scale, W scale], turned back; ``scale`` must be equal for both axes.
    """
    total: Any = 0.0
    for turned in (False, True):
        for axes in ((), (-2,), (-1,), (-2, -1)):
            seen = image.transpose(-2, -1) if turned else image
            fine = run_tiled(net, seen.flip(axes).contiguous(), scale, options).flip(axes)
            total = total + (fine.transpose(-2, -1) if turned else fine)
    return total / 8
