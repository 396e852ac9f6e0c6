"""Maps to draw, and values read from figures."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise


def flat(level: float, unit: str = "Pa", channels: int = 1, **changes: object) -> SpecMap:
    """A map with one level in dB."""
    grid = Grid(
        **{"rate": 1000.0, "n_fft": 32, "hop_length": 8, "length": 300, "unit": unit} | changes
    )
    value = grid.reference * 10 ** (level / 20)
    return SpecMap(np.full((channels, grid.rows, grid.frames), value), grid)


@functools.cache
def run_up_maps() -> dict[str, SpecMap]:
    """A run-up with order 20: in coarse cells, as measured, and its expected levels."""
    run = RunUp(
        rate=8000.0, duration=2.0, rpm=(1200.0, 3600.0), orders=(Order(20, 0),),
        line_to_noise=20.0,
    )  # fmt: skip
    synthetic = synthesise(run)
    high = SpectrogramTransform(512, 128)(synthetic.signal)
    return {"low": pool(high, 4, 4), "high": high, "truth": synthetic.truth(high.grid)}


def colour_bars(figure: Any) -> list[Any]:
    """Axes of the colour bars of a figure."""
    return [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]


def bar_labels(figure: Any) -> set[str]:
    """Labels of the colour bars of a figure."""
    return {ax.get_ylabel() or ax.get_xlabel() for ax in colour_bars(figure)}


def cell_at(ax: Any, time: float, freq: float) -> float:
    """Level drawn at a time in s and a frequency in Hz."""
    image = ax.images[0]
    left, right, bottom, top = image.get_extent()
    rows, columns = image.get_array().shape
    row, column = (freq - bottom) / (top - bottom) * rows, (time - left) / (right - left) * columns
    return float(image.get_array()[int(row), int(column)])
