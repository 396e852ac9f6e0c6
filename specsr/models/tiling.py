"""Running a network over images of any size, tile by tile, equal to the whole in one piece."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from specsr.errors import SpecsrError
from specsr.models.edsr import outputs
from specsr.models.merged import Merged
from specsr.models.network import Network
from specsr.models.options import InferOptions
from specsr.models.precision import arithmetic, autocast
from specsr.progress import Progress

FEATURES = 64 * 2**20
"""Bytes of one layer's features, or of input or output, in a tile of default size."""
ROWS = 1024
"""Most (folded) rows of a default tile: a wide tile has less margin for its area."""


def pick_device(name: str) -> torch.device:
    """Return a device by name; ``auto`` is a GPU where available, else the CPU.

    Raises:
        SpecsrError: no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SpecsrError(f"device is {name!r}: expected auto, cpu or cuda ({error})") from None
    return device


def _tiles(size: int, tile: int, margin: int) -> list[tuple[int, int, int, int]]:
    """Return (first, last + 1, first and last + 1 with margins) of each tile of ``size`` cells."""
    return [
        (a, min(a + tile, size), max(0, a - margin), min(a + tile + margin, size))
        for a in range(0, size, tile)
    ]


def default_tile(net: Network, scale: tuple[int, int], rows: int) -> tuple[int, int]:
    """Return rows and columns of a tile of default size, for an image of ``rows`` rows."""
    fold = net.config.fold
    outer = (net.config.in_channels, outputs(net.config) * math.prod(scale))
    cells = FEATURES // (4 * max(net.config.n_feats, max(outer) * math.prod(fold)))
    high = min(-(-rows // fold[0]), ROWS)
    return high * fold[0], max(64, cells // high) * fold[1]


def run_tiled(
    net: Network,
    image: Tensor,
    scale: tuple[int, int],
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Tensor:
    """Return the network's output for an image of any size.

    Each tile is computed with margins as wide as the network's `reach`, which are cut off
    afterwards, so the result equals that of the whole image in one piece, without seams.

    Args:
        net: network; its device and mode (training or evaluation) are restored.
        image: [C, F, T], float32.
        scale: one of ``net.scales``.
        options: tile size, ensemble, precision, device.
        progress: wraps the iterable of tiles, for a progress bar.

    Returns:
        [out_channels, F s_f, T s_t], float32, on the CPU; with ``uncertainty`` twice the channels.

    Raises:
        SpecsrError: the network has no such scale or another number of channels; no such device;
            an output that is not finite.
    """
    if tuple(scale) not in [tuple(s) for s in net.scales]:
        raise SpecsrError(
            f"scale {_times(scale)}: this model has {', '.join(map(_times, net.scales))}"
        )
    if image.shape[0] != net.config.in_channels:
        raise SpecsrError(
            f"the image has {image.shape[0]} channels, the model takes {net.config.in_channels}"
        )
    if options.ensemble:
        once = replace(options, ensemble=False)
        forward = run_tiled(net, image, scale, once, progress)
        return (forward + run_tiled(net, image.flip(-1), scale, once, progress).flip(-1)) / 2

    device = pick_device(options.device)
    # restored afterwards
    home, training = next(net.parameters()).device, net.training
    rows, columns = image.shape[1:]
    fold = net.config.fold
    # whole folds only: the last cells are repeated up to there and cut off the result
    pad = (-columns % fold[1], -rows % fold[0])
    image = image[None]
    if any(pad):
        image = torch.nn.functional.pad(image, (0, pad[0], 0, pad[1]), mode="replicate")
    reach = net.reach(scale)
    tile = options.tile or default_tile(net, scale, rows)
    size = [-(-tile[i] // fold[i]) * fold[i] for i in (0, 1)]
    margin = [-(-reach[i] // fold[i]) * fold[i] for i in (0, 1)]
    s_f, s_t = scale
    out = torch.empty(outputs(net.config), image.shape[2] * s_f, image.shape[3] * s_t)
    jobs = [
        (r, c)
        for r in _tiles(image.shape[2], size[0], margin[0])
        for c in _tiles(image.shape[3], size[1], margin[1])
    ]
    try:
        net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        net = net.eval()
        # only the layers of specsr's own networks can be merged, not those of spandrel
        run: Callable[[Tensor], Tensor] = functools.partial(net, scale=scale)
        if isinstance(net, Network):
            run = Merged(net, scale)
        with torch.inference_mode(), arithmetic(device, options.precision):
            for (top, bottom, m_top, m_bottom), (left, right, m_left, m_right) in (
                progress(jobs) if progress else jobs
            ):
                piece = image[:, :, m_top:m_bottom, m_left:m_right]
                piece = piece.to(device, memory_format=torch.channels_last)
                with autocast(device, options.precision):
                    result = run(piece)[0].float()
                if not torch.isfinite(result).all():
                    raise SpecsrError(
                        "the network's output is not finite (NaN or infinity): use another model"
                    )
                out[:, top * s_f : bottom * s_f, left * s_t : right * s_t] = result[
                    :,
                    (top - m_top) * s_f : (bottom - m_top) * s_f,
                    (left - m_left) * s_t : (right - m_left) * s_t,
                ].cpu()
    finally:
        net.to(home).train(training)
    return out[:, : rows * s_f, : columns * s_t]


def _times(scale: tuple[int, int]) -> str:
    """Return ``x4``, or ``4x1`` where the axes differ."""
    return f"x{scale[0]}" if scale[0] == scale[1] else f"{scale[0]}x{scale[1]}"
