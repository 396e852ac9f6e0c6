"""Signals and maps for the tests of measurement formats."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings

from specsr.signal import Signal
from support.io_samples import make_map, same_fields

QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
EXACT = [".csv", ".tsv", ".mat", ".uff", ".tdms", ".h5", ".npz", ".npy"]
"""Suffixes of formats that keep every field and sample of a signal."""


def noise(channels=2, length=400, seed=0, dtype=np.float64):
    """Return normal noise, [channels, length]."""
    return np.random.default_rng(seed).standard_normal((channels, length)).astype(dtype)


def signal(**changes):
    """Return a signal of which no field has its default."""
    fields = {
        "samples": noise(), "rate": 51200.131, "unit": "m/s2", "start": -0.125,
        "channels": ("Motor ä", "Gear"), "full_scale": 20.5, "rpm": np.linspace(800, 6000.123, 400),
    }  # fmt: skip
    return Signal(**(fields | changes))


def spectrogram(channels=2, **fields):
    """Return a map of random magnitudes with a hop of 16; ``fields`` are those of its grid."""
    return make_map(hop=16, channels=channels, **fields)


def same(a, b):
    """Assert that two signals are equal."""
    same_fields(a, b)
    np.testing.assert_array_equal(a.samples, b.samples)
