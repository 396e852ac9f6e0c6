"""Time and memory of commands against length, channels and cells, with the figure of the docs.

python benchmarks/growth.py                     some minutes
python benchmarks/growth.py --only cells --limit 2
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from common import ROOT, parser, publish, run, some
from memory import COMMANDS, RATE, generate, measure

from specsr import Signal, read, spectrogram, write_map
from specsr.maps.pooling import pool

FIGURE = ROOT / "docs" / "growth.png"
AXES = {"length": "length, s", "channels": "channels of 15 s", "cells": "fine cells of a map"}
SIDES = (64, 128, 256, 512)
PROTOCOL = """
Each row is one command in a process of its own with one thread, from file to file: recordings of
{rate} Hz as in memory.py; for the cells a map of such a recording, mean power of 4 x 4 cells, with
as many rows as columns, super-resolved x4 without a speed. Seconds are the processor time of the
whole process, its start included; the peak is its maximum resident memory, with Python, PyTorch
and the model.
"""


def measured(folder: Path, axis: str, limit: int | None) -> Iterator[dict]:
    """Yield the rows of one axis."""
    if axis == "cells":
        yield from of_maps(folder, limit)
    else:
        yield from of_recordings(folder, axis, limit)


def of_recordings(folder: Path, axis: str, limit: int | None) -> Iterator[dict]:
    """Yield the rows of recordings of several lengths or numbers of channels."""
    sizes = [(s, 1) for s in (15, 30, 60, 120, 240)] if axis == "length" else [
        (15, c) for c in (1, 2, 4, 8)
    ]  # fmt: skip
    source = folder / "recording.wav"
    for seconds, channels in some(sizes, limit):
        generate(source, seconds / 60, channels)
        for command, (options, name) in COMMANDS.items():
            row = measure(command, options, source, folder / name)
            yield {"command": command, axis: seconds if axis == "length" else channels, **row}


def of_maps(folder: Path, limit: int | None) -> Iterator[dict]:
    """Yield the rows of square maps."""
    source, coarse = folder / "recording.wav", folder / "coarse.npz"
    generate(source, 1.0, 1)
    recording = read(source)
    for side in some(SIDES, limit):
        hop = 2 * side
        samples = recording.samples[..., : (4 * side - 1) * hop]
        fine = spectrogram(Signal(samples, RATE, unit="Pa"), n_fft=4 * hop, hop_length=hop)
        write_map(coarse, pool(fine, 4, 4), overwrite=True)
        options = ["--scale", "4", "--no-find-speed"]
        row = measure("upscale", options, coarse, folder / "fine.npz")
        yield {"command": "upscale, map", "cells": fine.magnitude[0].size, **row}


def draw(tables: dict[str, list[dict]]) -> None:
    """Draw processor time above peak memory, a column for each axis."""
    figure, grid = plt.subplots(
        2, len(tables), figsize=(10, 5.6), squeeze=False, layout="constrained", sharex="col"
    )
    for column, (axis, rows) in zip(grid.T, tables.items()):
        for command in dict.fromkeys(row["command"] for row in rows):
            own = [row for row in rows if row["command"] == command]
            x = [row[axis] for row in own]
            for panel, key in zip(column, ("processor s", "peak MB")):
                panel.plot(x, [row[key] for row in own], "o-", label=command)
        for panel in column:
            panel.grid(alpha=0.3)
            panel.set_xlim(left=0)
            panel.set_ylim(bottom=0)
        column[0].legend(fontsize=8)
        column[1].set_xlabel(AXES[axis])
    grid[0, 0].set_ylabel("processor time, s")
    grid[1, 0].set_ylabel("peak memory, MB")
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    args = parser(__doc__.split("\n")[0], list(AXES), "growth").parse_args()
    tables: dict[str, list[dict]] = {}
    with tempfile.TemporaryDirectory() as name:
        for axis in args.only:
            tables[axis] = []
            for row in measured(Path(name), axis, args.limit):
                print(row, file=sys.stderr, flush=True)
                tables[axis].append(row)
    if not args.limit and args.only == list(AXES):
        draw(tables)
    publish(
        args,
        "Growth of time and memory",
        PROTOCOL.format(rate=RATE),
        {f"Against {AXES[axis]}": rows for axis, rows in tables.items()},
        digits=1,
    )


if __name__ == "__main__":
    run(main)
