"""Signals and maps for the tests of measurement formats."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings

from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
EXACT = [".csv", ".tsv", ".mat", ".uff", ".tdms", ".h5", ".npz", ".npy"]


def noise(channels=2, length=400, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal((channels, length)).astype(dtype)


def signal(**changes):
    fields = {
        "samples": noise(), "rate": 51200.131, "unit": "m/s2", "start": -0.125,
        "channels": ("Motor ä", "Gear"), "full_scale": 20.5, "rpm": np.linspace(800, 6000.123, 400),
    }  # fmt: skip
    return Signal(**(fields | changes))


def spectrogram(channels=2, cell=(1, 1), **fields):
    grid = Grid(48000.0, 64, 16, 3000, cell=cell, **fields)
    values = np.random.default_rng(1).random((channels, grid.rows, grid.frames)) + 1e-3
    return SpecMap(values.astype(np.float32), grid)


def same(a, b):
    assert (a.rate, a.unit, a.channels, a.start, a.full_scale) == (
        b.rate, b.unit, b.channels, b.start, b.full_scale
    )  # fmt: skip
    np.testing.assert_array_equal(a.samples, b.samples)
    assert (a.rpm is None) == (b.rpm is None)
    if a.rpm is not None:
        np.testing.assert_array_equal(a.rpm, b.rpm)
