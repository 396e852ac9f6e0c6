"""Running a network over images of any size, tile by tile, equal to the whole in one piece."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from specsr.errors import SpecsrError
from specsr.maps.device import pick_device
from specsr.models.delivery import Delivery, upload
from specsr.models.edsr import outputs
from specsr.models.merged import Merged
from specsr.models.network import Network
from specsr.models.options import InferOptions
from specsr.models.precision import arithmetic, autocast
from specsr.models.winograd import TILE
from specsr.progress import Progress

FEATURES = 64 * 2**20
"""Bytes of one layer's features, or of input or output, in a tile of default size."""
ROWS = 1024
"""Most (folded) rows of a default tile: a wide tile has less margin for its area."""
GPU_FEATURES = 256 * 2**20
"""`FEATURES` on a GPU, of tiles that are computed at once."""
GPU_CELLS = 2**20
"""(Folded) cells that are computed at once on a GPU with memory for them."""

Span = tuple[int, int, int, int]
"""First and last + 1 of a tile's cells along one axis, then the same with its margins."""


def features_limit(device: torch.device, cell_bytes: int) -> int:
    """Return the bytes of one layer's features that are computed at once on a device.

    On a GPU those of `GPU_CELLS` (``cell_bytes`` each), so that a tile of a wide network has little
    margin too, but at most a 64th of its memory: five to ten times as much is in use at the peak.
    """
    if device.type != "cuda":
        return FEATURES
    most = torch.cuda.get_device_properties(device).total_memory // 64
    return min(max(GPU_FEATURES, GPU_CELLS * cell_bytes), most)


def _cell_bytes(net: Network, scale: tuple[int, int]) -> int:
    """Return the bytes that a folded cell takes in the widest layer, in float32."""
    outer = (net.config.in_channels, outputs(net.config) * math.prod(scale))
    return 4 * max(net.config.n_feats, max(outer) * math.prod(net.config.fold))


def default_tile(
    net: Network, scale: tuple[int, int], rows: int, limit: int = FEATURES
) -> tuple[int, int]:
    """Return rows and columns of a tile of default size, for an image of ``rows`` rows.

    ``limit`` is that of `features_limit`.
    """
    fold = net.config.fold
    cells = limit // _cell_bytes(net, scale)
    high = min(-(-rows // fold[0]), ROWS)
    return high * fold[0], max(64, cells // high) * fold[1]


def _tiles(size: int, tile: int, margin: int) -> list[Span]:
    """Return the tiles of ``size`` cells."""
    return [
        (a, min(a + tile, size), max(0, a - margin), min(a + tile + margin, size))
        for a in range(0, size, tile)
    ]


def at_once(device: torch.device, cells: int, room: int) -> int:
    """Return how many tiles of ``cells`` cells are computed at once, of ``room`` cells in all.

    On a CPU one tile keeps all threads busy.
    """
    return 1 if device.type == "cpu" else max(1, room // cells)


def _batches(
    rows: list[Span], columns: list[Span], most: Callable[[int], int]
) -> list[list[tuple[Span, Span]]]:
    """Return the tiles in batches of one shape, up to ``most(cells of one with margins)`` each."""
    shapes: dict[tuple[int, int], list[tuple[Span, Span]]] = {}
    for row in rows:
        for column in columns:
            shapes.setdefault((row[3] - row[2], column[3] - column[2]), []).append((row, column))
    batches = []
    for (high, wide), tiles in shapes.items():
        count = most(high * wide)
        batches += [tiles[i : i + count] for i in range(0, len(tiles), count)]
    return batches


def _taken(image: Tensor, tiles: list[tuple[Span, Span]]) -> Tensor:
    """Return tiles of one shape in channels_last, [B, C, H, W]; the image's last cells repeat."""
    (_, _, a, b), (_, _, c, d) = tiles[0]
    batch = torch.empty(
        (len(tiles), len(image), b - a, d - c), dtype=image.dtype,
        memory_format=torch.channels_last,
    )  # fmt: skip
    for one, (row, column) in zip(batch, tiles):
        seen = image[:, row[2] : row[3], column[2] : column[3]]
        high, wide = seen.shape[1:]
        one[:, :high, :wide] = seen
        one[:, :high, wide:] = one[:, :high, wide - 1 : wide]
        one[:, high:] = one[:, high - 1 : high]
    return batch


def rows_seen(net: Network, wanted: np.ndarray) -> range:
    """Return the rows of an image that wanted rows of the output at scale 1, bool [F], depend on.

    An image of these rows alone gives them as the whole one does, to the rounding: they start on
    a tile of `specsr.models.winograd`.  The range is empty where no row is wanted.
    """
    found = np.flatnonzero(wanted)
    if not found.size:
        return range(0)
    reach, step = net.reach((1, 1))[0], TILE * net.config.fold[0]
    first, last = (step * (int(at) // step) for at in (found[0] - reach, found[-1] + reach + step))
    return range(max(0, first), min(len(wanted), last))


@contextmanager
def prepared(
    net: Network, scale: tuple[int, int], options: InferOptions = InferOptions()
) -> Iterator[Prepared]:
    """Prepare a network for any number of images; afterwards device and mode are restored.

    Args:
        net: network; it must not change within the block.
        scale: one of ``net.scales``.
        options: tile size, ensemble, precision, device.

    Raises:
        SpecsrError: the network has no such scale; no such device.
    """
    if tuple(scale) not in [tuple(s) for s in net.scales]:
        raise SpecsrError(
            f"scale {_times(scale)}: this model has {', '.join(map(_times, net.scales))}"
        )
    device = pick_device(options.device)
    home, training = next(net.parameters()).device, net.training
    try:
        net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        net = net.eval()
        # only the layers of specsr's own networks can be merged, not those of spandrel
        run: Callable[[Tensor], Tensor] = functools.partial(net, scale=scale)
        if isinstance(net, Network):
            run = Merged(net, scale)
        yield Prepared(net, (scale[0], scale[1]), options, device, run)
    finally:
        net.to(home).train(training)


@dataclass(frozen=True)
class Prepared:
    """A network on its device, with the layers of its tail merged, see `prepared`."""

    net: Network
    scale: tuple[int, int]
    options: InferOptions
    device: torch.device
    run: Callable[[Tensor], Tensor]

    def __call__(self, image: Tensor, progress: Progress | None = None) -> Tensor:
        """Return the network's output for an image of any size, see `run_tiled`.

        Raises:
            SpecsrError: the network has another number of channels; an output that is not finite.
        """
        if image.shape[0] != self.net.config.in_channels:
            raise SpecsrError(
                f"the image has {image.shape[0]} channels, the model takes "
                f"{self.net.config.in_channels}"
            )
        if self.options.ensemble:
            forward = self._tiled(image, progress)
            return (forward + self._tiled(image.flip(-1), progress).flip(-1)) / 2
        return self._tiled(image, progress)

    def _tiled(self, image: Tensor, progress: Progress | None) -> Tensor:
        """Return the output without ensemble, tile by tile."""
        net, device, (s_f, s_t) = self.net, self.device, self.scale
        rows, columns = image.shape[1:]
        fold = net.config.fold
        # whole folds only: the last cells are repeated up to there and cut off the result
        high, wide = (-(-cells // f) * f for cells, f in zip((rows, columns), fold))
        reach, cell_bytes = net.reach(self.scale), _cell_bytes(net, self.scale)
        limit = features_limit(device, cell_bytes)
        tile = self.options.tile or default_tile(net, self.scale, rows, limit)
        size = [-(-tile[i] // fold[i]) * fold[i] for i in (0, 1)]
        margin = [-(-reach[i] // fold[i]) * fold[i] for i in (0, 1)]
        room = limit // cell_bytes * math.prod(fold)
        batches = _batches(
            _tiles(high, size[0], margin[0]),
            _tiles(wide, size[1], margin[1]),
            lambda cells: at_once(device, cells, room),
        )
        out = torch.empty(outputs(net.config), high * s_f, wide * s_t)
        delivery, sent = Delivery(device), deque[Any]()

        def receive() -> None:
            tiles, received = sent.popleft()
            results, finite = received()
            if not finite:
                raise SpecsrError(
                    "the network's output is not finite (NaN or infinity): use another model"
                )
            for result, ((top, bottom, m_top, _), (left, right, m_left, _)) in zip(results, tiles):
                out[:, top * s_f : bottom * s_f, left * s_t : right * s_t] = result[
                    :,
                    (top - m_top) * s_f : (bottom - m_top) * s_f,
                    (left - m_left) * s_t : (right - m_left) * s_t,
                ]

        with torch.inference_mode(), arithmetic(device, self.options.precision):
            for tiles in progress(batches) if progress else batches:
                batch = upload(_taken(image, tiles), device)
                with autocast(device, self.options.precision):
                    result = self.run(batch).float()
                sent.append((tiles, delivery.send(result, torch.isfinite(result).all())))
                if len(sent) > delivery.ahead:
                    receive()
            while sent:
                receive()
        return out[:, : rows * s_f, : columns * s_t]


def run_tiled(
    net: Network,
    image: Tensor,
    scale: tuple[int, int],
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Tensor:
    """Return the network's output for an image of any size.

    Each tile is computed with margins as wide as the network's `reach`, which are cut off
    afterwards, so the result equals that of the whole image in one piece, without seams.  Tiles of
    one shape are computed together on a GPU, and their results are copied to the host meanwhile.

    Args:
        net: network; its device and mode (training or evaluation) are restored.
        image: [C, F, T], float32.
        scale: one of ``net.scales``.
        options: tile size, ensemble, precision, device.
        progress: wraps the iterable of batches of tiles, on a CPU one tile each, for a progress
            bar.

    Returns:
        [out_channels, F s_f, T s_t], float32, on the CPU; with ``uncertainty`` twice the channels.

    Raises:
        SpecsrError: the network has no such scale or another number of channels; no such device;
            an output that is not finite.
    """
    with prepared(net, scale, options) as run:
        return run(image, progress)


def _times(scale: tuple[int, int]) -> str:
    """Return ``x4``, or ``4x1`` where the axes differ."""
    return f"x{scale[0]}" if scale[0] == scale[1] else f"{scale[0]}x{scale[1]}"
