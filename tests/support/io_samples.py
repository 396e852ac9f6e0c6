"""Signals and maps for the tests of files, and comparisons of their fields."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings

from specsr.io import audio
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def noise(channels=2, length=1001, dtype=np.float32, peak=0.9, seed=0):
    """Return uniform noise within ``peak``, [channels, length]."""
    samples = np.random.default_rng(seed).uniform(-peak, peak, (channels, length))
    return samples.astype(dtype)


def full_signal(**changes):
    """Return a signal of which no field has its default."""
    fields = {
        "samples": noise() * 20, "rate": 51200.131, "unit": "m/s²", "start": -0.125,
        "channels": ("Motor ä", "Gear"), "full_scale": 20.5,
        "rpm": np.linspace(800, 6000.123, 1001),
    }  # fmt: skip
    return Signal(**(fields | changes))


def make_map(length=3000, cell=(1, 1), n_fft=64, hop=17, channels=2, rate=48000.0, **fields):
    """Return a map of random magnitudes; ``fields`` are those of its grid."""
    grid = Grid(rate, n_fft, hop, length, cell=cell, **fields)
    magnitude = np.random.default_rng(1).random((channels, grid.rows, grid.frames)) + 1e-3
    return SpecMap(magnitude, grid)


def same_fields(a, b):
    """Assert that two signals have the same fields, except for their samples."""
    assert (a.rate, a.unit, a.channels, a.start, a.full_scale) == (
        b.rate, b.unit, b.channels, b.start, b.full_scale
    )  # fmt: skip
    assert (a.rpm is None) == (b.rpm is None)
    if a.rpm is not None:
        np.testing.assert_array_equal(a.rpm, b.rpm)


def audio_form(path):
    """Return the name that libsndfile uses for the format of a path."""
    return audio.FORMATS[path.suffix]
