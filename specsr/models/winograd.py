"""The body's 3x3 convolutions with a quarter of the multiplications, on a CPU in float32.

Winograd's minimal filtering F(4x4, 3x3): a tile of 4 x 4 output cells is computed from 6 x 6 input
cells by 36 matrix products instead of 144, between transforms of additions and small factors
(Lavin and Gray, arXiv 1509.09308; points 0, 1, -1, 2, -2, infinity).  torch computes the products.
The output transform includes bias, ReLU and residual, which saves passes over the memory.  Rounding
errors are about ten times those of the direct sum, near 1e-6 of the features.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from specsr.models.blocks import ResBlock

U = np.uintp  # unsigned indices: signed ones may be negative, which prevents vector loads
F2, F4, F5, F8 = (np.float32(factor) for factor in (2, 4, 5, 8))
TILE, SEEN = 4, 6
"""Output and input cells along one side of a tile."""
LANES, NARROWEST, WIDEST = 16, 32, 128
"""The number of features is a multiple of the first, at least the second and at most the third.
With 16 features the transforms take longer than the multiplications that they save: plain
convolutions are 1.2 to 1.4 times as fast (`benchmarks/backends.py`)."""
PLANE = 3072
"""Floats in each of the 36 matrices of a chunk of tiles: the chunk fits in a core's L2 cache.
Divisible by all common numbers of features."""
SKEWED = PLANE + 16
"""Distance of the input's 36 matrices, offset so that they do not share lines of the L1 cache."""
STRIP = TILE * PLANE + 2 * WIDEST
"""Floats in one row of a chunk's input."""

# Compile-time strides let LLVM prove that source and destination do not overlap, so that the inner
# loops are vectorised.
_inlined = njit(inline="always")
_compiled = njit(nogil=True, fastmath={"contract"}, cache=True)


@_inlined
def _forward(src, s, step, dst, d, stride, n):  # type: ignore[no-untyped-def]  # numba's
    """Transform six inputs, ``step`` apart, to six values, ``stride`` apart, for n features."""
    for c in range(n):
        i, o = s + c, d + c
        x0, x1, x2 = src[i], src[i + step], src[i + U(2) * step]
        x3, x4, x5 = src[i + U(3) * step], src[i + U(4) * step], src[i + U(5) * step]
        even, odd = x4 - F4 * x2, x3 - F4 * x1
        even2, odd2 = x4 - x2, F2 * (x3 - x1)
        dst[o] = F4 * x0 - F5 * x2 + x4
        dst[o + stride] = even + odd
        dst[o + U(2) * stride] = even - odd
        dst[o + U(3) * stride] = even2 + odd2
        dst[o + U(4) * stride] = even2 - odd2
        dst[o + U(5) * stride] = F4 * x1 - F5 * x3 + x5


@_inlined
def _backward(src, s, step, dst, d, stride, n):  # type: ignore[no-untyped-def]  # numba's
    """Transform six products, ``step`` apart, to four outputs, ``stride`` apart, for n features."""
    for c in range(n):
        i, o = s + c, d + c
        m0, m1, m2 = src[i], src[i + step], src[i + U(2) * step]
        m3, m4, m5 = src[i + U(3) * step], src[i + U(4) * step], src[i + U(5) * step]
        even, odd = m1 + m2, m1 - m2
        even2, odd2 = m3 + m4, m3 - m4
        dst[o] = m0 + even + even2
        dst[o + stride] = odd + F2 * odd2
        dst[o + U(2) * stride] = even + F4 * even2
        dst[o + U(3) * stride] = odd + F8 * odd2 + m5


@_compiled
def _take(image, v, tiles, strip):  # type: ignore[no-untyped-def]  # numba's
    """Transform tiles of an image [rows, width, n] into v [36, SKEWED].

    ``tiles`` is (first, count, across): the first tile, their number, and the tiles in a row of the
    image.  All tiles of a row are transformed along their columns at once, then each along its
    rows.  ``strip`` is scratch memory.
    """
    first, total, across = tiles
    x, width, n = image.reshape(-1), image.shape[1], image.shape[2]
    t = 0
    while t < total:
        row, column = divmod(first + t, across)
        count = min(total - t, across - column)
        corner = U((row * width + column) * TILE * n)
        _forward(x, corner, U(width * n), strip, U(0), U(STRIP), U((count * TILE + 2) * n))
        for tile in range(count):
            for i in range(SEEN):
                start, place = U(i * STRIP + tile * TILE * n), U((t + tile) * n + i * SEEN * SKEWED)
                _forward(strip, start, U(n), v, place, U(SKEWED), U(n))
        t += count


@_compiled
def _give(m, bias, image, tiles, size, scale, add, tile):  # type: ignore[no-untyped-def]  # numba's
    """Transform products m [36, PLANE], which are overwritten, into an image [rows, width, n].

    ``tiles`` as in `_take`.  Only cells within ``size``, (rows, columns) without the border, are
    written.  With ``add`` the result times ``scale`` is added to the image, otherwise the result
    after a ReLU replaces it.  ``tile`` is scratch memory.
    """
    first, count, across = tiles
    y, width, n = image.reshape(-1), image.shape[1], image.shape[2]
    for j in range(SEEN):
        _backward(m, U(j * PLANE), U(6 * PLANE), m, U(j * PLANE), U(6 * PLANE), U(count * n))
    for t in range(count):
        row, column = divmod(first + t, across)
        corner = ((row * TILE + 1) * width + column * TILE + 1) * n
        for i in range(min(TILE, size[0] - row * TILE)):
            _backward(m, U(t * n + i * SEEN * PLANE), U(PLANE), tile, U(0), U(WIDEST), U(n))
            for j in range(min(TILE, size[1] - column * TILE)):
                to, of = U(corner + (i * width + j) * n), U(j * WIDEST)
                if add:
                    for c in range(U(n)):
                        y[to + c] += scale * (tile[of + c] + bias[c])
                else:
                    for c in range(U(n)):
                        y[to + c] = max(tile[of + c] + bias[c], np.float32(0))


def transformed(weight: Tensor) -> Tensor:
    """Return weights [out, in, 3, 3] transformed to the 36 matrices [36, in, out], float32."""
    points = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    g = torch.tensor(points, dtype=torch.float64) / 24
    taps = weight.detach().double().permute(2, 3, 1, 0)  # rows, columns, in, out
    made = torch.kron(g, g) @ taps.flatten(2).flatten(0, 1)
    return made.unflatten(1, taps.shape[2:]).float().contiguous()


class _Conv:
    """One convolution from a padded image to another; its tiles are distributed over threads."""

    def __init__(self, conv: nn.Module, scale: float | None) -> None:
        assert isinstance(conv, nn.Conv2d) and conv.bias is not None
        self.weight, self.bias = transformed(conv.weight), conv.bias.detach().numpy()
        # the result is added times ``scale``, or (None) replaces the image after a ReLU
        self.add, self.scale = scale is not None, np.float32(scale or 0)

    def __call__(
        self, x: np.ndarray, y: np.ndarray, size: tuple[int, int], workers: _Workers
    ) -> None:
        n = x.shape[-1]
        down, across = (-(-cells // TILE) for cells in size)
        total, chunk = down * across, PLANE // n

        def share(k: int) -> None:
            v, m, strip, tile = workers.scratch()
            seen = torch.from_numpy(v).as_strided((SEEN * SEEN, chunk, n), (SKEWED, n, 1))
            made = torch.from_numpy(m).view(SEEN * SEEN, chunk, n)
            with torch.inference_mode():
                for first in range(k * chunk, total, workers.count * chunk):
                    tiles = first, min(chunk, total - first), across
                    _take(x, v, tiles, strip)
                    torch.bmm(seen, self.weight, out=made)
                    _give(m, self.bias, y, tiles, size, self.scale, self.add, tile)

        workers.run(share)


class _Workers:
    """As many threads as torch uses, each with its own scratch memory and single-threaded torch."""

    def __init__(self) -> None:
        self.count = torch.get_num_threads()
        self.own = threading.local()
        # the number of threads is set for each worker: its products run in one thread
        self.pool = ThreadPoolExecutor(self.count, initializer=torch.set_num_threads, initargs=(1,))

    def scratch(self) -> list[np.ndarray]:
        """Return this thread's memory: tiles, their products, a strip, a row of a tile."""
        if not hasattr(self.own, "arrays"):
            cells = SEEN * SEEN
            sizes = (cells * SKEWED, cells * PLANE, SEEN * STRIP, TILE * WIDEST)
            # allocated by torch: aligned to cache lines
            self.own.arrays = [torch.zeros(size).numpy() for size in sizes]
        return self.own.arrays  # type: ignore[no-any-return]

    def run(self, share: Callable[[int], None]) -> None:
        """Call ``share`` with each index; the first error is raised."""
        for _ in self.pool.map(share, range(self.count)):
            pass


def fits(body: nn.Module) -> bool:
    """Whether `WinogradBody` supports a body: its kind of layers, device and dtype."""
    *blocks, last = body.children()
    assert isinstance(last, nn.Conv2d)
    known = all(isinstance(block, ResBlock) and len(block.body) == 3 for block in blocks)
    plain = last.weight.device.type == "cpu" and last.weight.dtype == torch.float32
    n = last.out_channels
    return known and plain and n % LANES == 0 and NARROWEST <= n <= WIDEST and PLANE % n == 0


class WinogradBody:
    """Residual blocks and a last convolution, then the long skip.

    The weights are transformed once, on construction.
    """

    def __init__(self, body: nn.Module) -> None:
        self.convs: list[_Conv] = []
        for layer in body.children():
            if isinstance(layer, ResBlock):
                first, _, second = layer.body
                self.convs += [_Conv(first, None), _Conv(second, layer.res_scale)]
            else:
                self.convs.append(_Conv(layer, 1.0))

    def __call__(self, features: Tensor) -> Tensor:
        """[B, n_feats, H, W] -> the same shape."""
        workers = _Workers()
        try:
            with workers.pool:
                images = [self._one(image, workers) for image in features]
        finally:  # the number that a worker sets for itself would be that of all new threads
            torch.set_num_threads(workers.count)
        return images[0] if len(images) == 1 else torch.cat(images)

    def _one(self, image: Tensor, workers: _Workers) -> Tensor:
        n, height, width = image.shape
        size = (height, width)
        rows, columns = (-(-cells // TILE) * TILE + 2 for cells in size)
        # the border stays zero: it is the padding of the convolutions and fills incomplete tiles
        x, inner, result = (torch.zeros(rows, columns, n).numpy() for _ in range(3))
        for filled in (x, result):
            filled[1 : height + 1, 1 : width + 1] = image.permute(1, 2, 0).numpy()
        for first, second in zip(self.convs[:-1:2], self.convs[1::2]):
            first(x, inner, size, workers)
            second(inner, x, size, workers)
        self.convs[-1](x, result, size, workers)
        cut = result[1 : height + 1, 1 : width + 1]
        return torch.from_numpy(cut).permute(2, 0, 1)[None]
