"""A recording of harmonics in noise."""

from __future__ import annotations

import numpy as np

import specsr


def music() -> specsr.Signal:
    """Two channels at 24 kHz: harmonics in noise, and noise."""
    rng = np.random.default_rng(5)
    t = np.arange(24000) / 24000
    tones = sum(np.sin(2 * np.pi * 300 * k * t) / k for k in range(1, 30))
    samples = np.stack(
        [0.1 * tones + 0.01 * rng.standard_normal(t.size), 0.05 * rng.standard_normal(t.size)]
    )
    return specsr.Signal(samples.astype(np.float32), 24000.0, "Pa", ("left", "right"), start=1.5)
