"""Cells of a map in a page at their true resolution, shrunk by the browser to the part in view.

Cells are stored once, in tenths of a dB as integers of 16 bits: about one byte each after
compression.  A canvas draws only some of the cells of a large image, and lines of one row would
vanish; so every change of the zoom makes a new image of at most `DRAWN` blocks of the cells in
view.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from specsr.maps.pyramid import reduced
from specsr.maps.spec_map import SpecMap

DRAWN = (600, 1000)
"""Most rows and columns of blocks that are drawn at a time."""
MOST_CELLS = 3_000_000
"""Most cells of a map in a page; of a longer one blocks of columns are stored."""
STEPS = 10
"""Stored steps in a dB."""

Block = Literal["max", "mean"]
"""Value of a block that is drawn: the highest level, or the mean of a difference."""

_SHRINK = """
clearTimeout(x_range.tags[0])
x_range.tags = [setTimeout(() => {
  for (const {full, drawn, x, y, dx, dy, mean} of maps) {
    const cells = full.data.image[0]
    const [rows, columns] = cells.shape
    const part = (low, high, start, step, count, limit) => {
      let a = Math.min(Math.max(Math.floor((low - start) / step), 0), count - 1)
      const b = Math.min(Math.max(Math.ceil((high - start) / step), a + 1), count)
      const size = Math.ceil((b - a) / limit)
      a -= a % size
      return [a, b, size, Math.ceil((b - a) / size)]
    }
    const [c0, c1, sc, w] = part(x_range.start, x_range.end, x, dx, columns, limits[1])
    const [r0, r1, sr, h] = part(y_range.start, y_range.end, y, dy, rows, limits[0])
    const image = new cells.constructor(w * h, [h, w])
    for (let i = 0; i < h; i++) {
      for (let j = 0; j < w; j++) {
        let highest = -Infinity, sum = 0, n = 0
        for (let r = r0 + i * sr; r < Math.min(r0 + (i + 1) * sr, r1); r++) {
          for (let c = c0 + j * sc; c < Math.min(c0 + (j + 1) * sc, c1); c++) {
            const value = cells[r * columns + c]
            if (value > highest) highest = value
            sum += value
            n++
          }
        }
        image[i * w + j] = mean ? Math.round(sum / n) : highest
      }
    }
    drawn.data = {image: [image], x: [x + c0 * dx], y: [y + r0 * dy],
                  dw: [w * sc * dx], dh: [h * sr * dy]}
  }
}, 40)]
"""


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a map in a page.

    Attributes:
        full: Bokeh source of all cells.
        drawn: Bokeh source of the image that is shown.
        corner: left and lower edge of the first cell, s and Hz.
        size: width and height of a cell, s and Hz.
        block: value of a block of cells.
        columns: columns of the map in each stored cell.
    """

    full: Any
    drawn: Any
    corner: tuple[float, float]
    size: tuple[float, float]
    block: Block
    columns: int


def shown_part(
    spec: SpecMap, max_freq: float | None, span: tuple[float, float] | None
) -> tuple[slice, slice]:
    """Return the rows and columns of a map that reach into a part of it, at least one of each.

    Args:
        spec: the map.
        max_freq: highest frequency, Hz; None for all.
        span: first and last time, s; None for all.
    """
    grid = spec.grid
    rows, columns = slice(None), slice(None)
    if max_freq is not None:
        rows = slice(max(1, math.ceil((max_freq - float(spec.freqs[0])) / grid.df + 0.5)))
    if span is not None:
        left = grid.start - grid.dt / grid.cell[1] / 2
        first, last = ((time - left) / grid.dt for time in span)
        begin = min(max(math.floor(first), 0), grid.frames - 1)
        columns = slice(begin, max(math.ceil(last), begin + 1))
    return rows, columns


def cells(
    values: np.ndarray, spec: SpecMap, part: tuple[slice, slice], block: Block = "max"
) -> Cells:
    """Return the cells of a part of a map for a page.

    Args:
        values: of the whole map, in steps of the page, [rows, frames].
        spec: the map.
        part: of `shown_part`.
        block: value of a block of cells.
    """
    values = values[part]
    grid = spec.grid
    s_t = math.ceil(values.size / MOST_CELLS)
    left = grid.start - grid.dt / grid.cell[1] / 2 + (part[1].start or 0) * grid.dt
    corner = (left, float(spec.freqs[0]) - grid.df / 2)
    stored = np.ascontiguousarray(_shrunk(values, 1, s_t, block))
    sizes = [math.ceil(n / limit) for n, limit in zip(stored.shape, DRAWN)]
    small = np.ascontiguousarray(_shrunk(stored, sizes[0], sizes[1], block))
    size = (s_t * grid.dt, grid.df)
    full = _source(stored, corner, size)
    drawn = full if small.shape == stored.shape else None
    if drawn is None:
        drawn = _source(small, corner, (size[0] * sizes[1], size[1] * sizes[0]))
    return Cells(full, drawn, corner, size, block, s_t)


def follow_zoom(maps: Sequence[Cells], ranges: tuple[Any, Any]) -> None:
    """Draw the cells in view anew whenever the zoom changes; maps drawn in full stay."""
    from bokeh.models import CustomJS

    large = [
        {
            "full": each.full, "drawn": each.drawn, "x": each.corner[0], "y": each.corner[1],
            "dx": each.size[0], "dy": each.size[1], "mean": each.block == "mean",
        }
        for each in maps
        if each.full is not each.drawn
    ]  # fmt: skip
    if not large:
        return
    x_range, y_range = ranges
    x_range.tags = [0]
    args = {"maps": large, "x_range": x_range, "y_range": y_range, "limits": list(DRAWN)}
    shrink = CustomJS(args=args, code=_SHRINK)
    for each in ranges:
        for edge in ("start", "end"):
            each.js_on_change(edge, shrink)


def _shrunk(values: np.ndarray, s_f: int, s_t: int, block: Block) -> np.ndarray:
    """Return blocks of cells by the highest value or the mean, in the dtype of the values."""
    if (s_f, s_t) == (1, 1):
        return values
    if block == "max":
        return reduced(values, s_f, s_t, "max")
    total = values.astype(np.float64)
    for size, axis in ((s_f, 0), (s_t, 1)):
        starts = np.arange(0, total.shape[axis], size)
        counts = np.diff(np.append(starts, total.shape[axis]))
        total = np.add.reduceat(total, starts, axis=axis)
        total /= counts[:, None] if axis == 0 else counts
    return np.rint(total).astype(values.dtype)


def _source(values: np.ndarray, corner: tuple[float, float], size: tuple[float, float]) -> Any:
    from bokeh.models import ColumnDataSource

    rows, columns = values.shape
    return ColumnDataSource({
        "image": [values], "x": [corner[0]], "y": [corner[1]],
        "dw": [columns * size[0]], "dh": [rows * size[1]],
    })  # fmt: skip
