"""One run-up whose speed is stored in several ways, for tests of the options of a speed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import specsr
from specsr.maps.pooling import pool
from specsr.maps.transform import spectrogram
from specsr.synth.machine import Order, RunUp

RUN = RunUp(
    rate=12800.0, duration=3.0, rpm=(1200.0, 4800.0), line_to_noise=50.0,
    orders=(Order(2, 0), Order(4, -6)),
)  # fmt: skip
PULSES = 8
"""Pulses of the tacho per revolution."""


def write_speed_files(folder: Path) -> None:
    """Write one run-up: without speed, with speed channels, as a map; and a table of its speed.

    The tacho pulses are short and have a single spike of twice their height, so that the middle
    of their range is no suitable threshold.
    """
    made = specsr.synthesise(RUN)
    plain = made.signal.replace(rpm=None)
    specsr.write(folder / "plain.wav", plain)
    turns = np.cumsum(made.rpm) / 60 / RUN.rate
    tacho = np.where(turns * PULSES % 1 < 0.3, 0.45, 0.0)
    tacho[19000] = 0.95
    samples = np.stack([plain.samples[0] / 20, made.rpm / 6000, tacho])
    specsr.write(
        folder / "three.wav", specsr.Signal(samples, RUN.rate, "Pa", ("mic", "n", "tacho"))
    )
    specsr.write_map(folder / "map.npz", pool(spectrogram(plain, hop_length=256), 2, 2))
    times = np.arange(0, 3.01, 0.05)
    speeds = np.interp(times, np.arange(made.rpm.size) / RUN.rate, made.rpm)
    lines = [f"{t:.2f};{n:.2f}" for t, n in zip(times, speeds)]
    (folder / "rpm.csv").write_text("\n".join(["t;n", *lines]))
