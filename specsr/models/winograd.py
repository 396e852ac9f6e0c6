"""The body's 3x3 convolutions with a quarter of the multiplications, on a CPU in float32.

Winograd's minimal filtering F(4x4, 3x3): a tile of 4 x 4 cells of output comes of 6 x 6 cells of
input by transforms that are additions and small factors, around 36 matrix products where the plain
sum takes 144 (Lavin, Gray, arXiv 1509.09308; points 0, 1, -1, 2, -2, infinity).  The products are
torch's; the transforms take bias, ReLU and residual along, which saves their passes over memory.
Rounding grows about tenfold, to some 1e-6 of the features.
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

U = np.uintp  # unsigned places: signed ones may count from the end, which no vector load can
F2, F4, F5, F8 = (np.float32(factor) for factor in (2, 4, 5, 8))
TILE, SEEN = 4, 6
"""Cells of output, and of input, along a side of a tile."""
LANES, WIDEST = 16, 128
"""What the number of features is a multiple of, and the most that the scratch memory is for."""
PLANE = 3072
"""Floats of each of the 36 matrices of a chunk of tiles, which stays in a core's second cache;
divisible by all common numbers of features."""
SKEWED = PLANE + 16
"""The same for the input's, which do not all fall on the same places of the first cache."""
STRIP = TILE * PLANE + 2 * WIDEST
"""Floats of one row of a chunk's input."""

# Distances that the compiler knows let it see that what is read and what is written lie apart; so
# the loops over the features become vector code.
_inlined = njit(inline="always")
_compiled = njit(nogil=True, fastmath={"contract"}, cache=True)


@_inlined
def _forward(src, s, step, dst, d, stride, n):  # type: ignore[no-untyped-def]  # numba's
    """Six inputs, ``step`` apart, to six transformed ones, ``stride`` apart, for n features."""
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
    """Six products, ``step`` apart, to four outputs, ``stride`` apart, for n features."""
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
def _take(x, v, first, count, across, width, n, strip):  # type: ignore[no-untyped-def]  # numba's
    """Transform tiles ``first`` to ``first + count`` of x [.., width, n] into v [36, SKEWED].

    All tiles of a row are transformed down their columns at once, then each along its rows.
    """
    t = 0
    while t < count:
        row, column = divmod(first + t, across)
        tiles = min(count - t, across - column)
        corner = U((row * width + column) * TILE * n)
        _forward(x, corner, U(width * n), strip, U(0), U(STRIP), U((tiles * TILE + 2) * n))
        for tile in range(tiles):
            for i in range(SEEN):
                start, place = U(i * STRIP + tile * TILE * n), U((t + tile) * n + i * SEEN * SKEWED)
                _forward(strip, start, U(n), v, place, U(SKEWED), U(n))
        t += tiles


@_compiled
def _give(m, bias, y, first, count, across, size, width, n, scale, add, tile):  # type: ignore[no-untyped-def]  # numba's
    """Transform products m [36, PLANE], which it uses up, back into cells in y [.., width, n].

    Only cells within ``size``, rows and columns without the border, are touched.  With ``add``
    what comes, times ``scale``, is added to y, otherwise it replaces y behind a ReLU.
    """
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
    """Return weights [out, in, 3, 3] as the matrices [36, in, out] of the products."""
    points = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    g = torch.tensor(points, dtype=torch.float64) / 24
    taps = weight.detach().double().permute(2, 3, 1, 0)  # rows, columns, in, out
    made = torch.kron(g, g) @ taps.flatten(2).flatten(0, 1)
    return made.unflatten(1, taps.shape[2:]).float().contiguous()


class _Conv:
    """One convolution from one padded image to another, its tiles shared out among threads."""

    def __init__(self, conv: nn.Module, scale: float | None) -> None:
        assert isinstance(conv, nn.Conv2d) and conv.bias is not None
        self.weight, self.bias = transformed(conv.weight), conv.bias.detach().numpy()
        # to be added times so much, or (None) to go through a ReLU
        self.add, self.scale = scale is not None, np.float32(scale or 0)

    def __call__(
        self, x: np.ndarray, y: np.ndarray, size: tuple[int, int], workers: _Workers
    ) -> None:
        width, n = x.shape[1:]
        down, across = (-(-cells // TILE) for cells in size)
        total, chunk = down * across, PLANE // n

        def share(k: int) -> None:
            v, m, strip, tile = workers.scratch()
            seen = torch.from_numpy(v).as_strided((SEEN * SEEN, chunk, n), (SKEWED, n, 1))
            made = torch.from_numpy(m).view(SEEN * SEEN, chunk, n)
            with torch.inference_mode():
                for first in range(k * chunk, total, workers.count * chunk):
                    tiles = first, min(chunk, total - first), across
                    _take(x.reshape(-1), v, *tiles, width, n, strip)
                    torch.bmm(seen, self.weight, out=made)
                    _give(
                        m, self.bias, y.reshape(-1), *tiles, size, width, n, self.scale,
                        self.add, tile,
                    )  # fmt: skip

        workers.run(share)


class _Workers:
    """As many threads as torch uses, each with memory of its own and torch to itself."""

    def __init__(self) -> None:
        self.count = torch.get_num_threads()
        self.own = threading.local()
        # the setting is the calling thread's: the products within a share are not shared again
        self.pool = ThreadPoolExecutor(self.count, initializer=torch.set_num_threads, initargs=(1,))

    def scratch(self) -> list[np.ndarray]:
        """Return this thread's memory: tiles, their products, a strip and a row of a tile."""
        if not hasattr(self.own, "arrays"):
            cells = SEEN * SEEN
            sizes = (cells * SKEWED, cells * PLANE, SEEN * STRIP, TILE * WIDEST)
            # torch's memory starts on whole cache lines
            self.own.arrays = [torch.zeros(size).numpy() for size in sizes]
        return self.own.arrays  # type: ignore[no-any-return]

    def run(self, share: Callable[[int], None]) -> None:
        """Do every share; the first error of any is raised."""
        for _ in self.pool.map(share, range(self.count)):
            pass


def fits(body: nn.Module) -> bool:
    """Whether a body's layers, and where they are, are of the kind that `WinogradBody` takes."""
    *blocks, last = body.children()
    assert isinstance(last, nn.Conv2d)
    known = all(isinstance(block, ResBlock) and len(block.body) == 3 for block in blocks)
    plain = last.weight.device.type == "cpu" and last.weight.dtype == torch.float32
    n = last.out_channels
    return known and plain and n % LANES == 0 and n <= WIDEST and PLANE % n == 0


class WinogradBody:
    """Residual blocks and a last convolution, then the long skip.

    The weights are those of this moment.
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
        with workers.pool:
            return torch.cat([self._one(image, workers) for image in features])

    def _one(self, image: Tensor, workers: _Workers) -> Tensor:
        n, height, width = image.shape
        size = (height, width)
        rows, columns = (-(-cells // TILE) * TILE + 2 for cells in size)
        # the border stays zero, which is the convolutions' padding, and makes all tiles whole
        x, inner, result = (torch.zeros(rows, columns, n).numpy() for _ in range(3))
        for filled in (x, result):
            filled[1 : height + 1, 1 : width + 1] = image.permute(1, 2, 0).numpy()
        for first, second in zip(self.convs[:-1:2], self.convs[1::2]):
            first(x, inner, size, workers)
            second(inner, x, size, workers)
        self.convs[-1](x, result, size, workers)
        cut = result[1 : height + 1, 1 : width + 1]
        return torch.from_numpy(cut).permute(2, 0, 1)[None]
