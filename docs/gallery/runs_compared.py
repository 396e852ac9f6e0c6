"""Runs before and after a change

Three run-ups before and after a change, over one speed axis whatever their sweep:
`specsr.compare_runs`. The band is the mean with the scatter of the runs.
"""

import sys

import numpy as np

import specsr
from specsr.plots.runs import plot_runs


def run_up(order_4: float, seconds: float, seed: int) -> specsr.Signal:
    """Return a run-up with a mode at 160 Hz and an order 4 of some gain."""
    rng = np.random.default_rng(seed)
    t = np.arange(0, seconds, 1 / 6400)
    rpm = np.linspace(900, 4500, len(t))
    sound = 0.02 * rng.standard_normal(len(t))
    for order, gain in ((2, 0.3), (4, order_4)):
        freq = order * rpm / 60
        mode = np.abs(1 / (1 - (freq / 160) ** 2 + 0.1j * freq / 160)).clip(0.3)
        wobble = 1 + 0.2 * np.interp(t, np.linspace(0, seconds, 12), rng.standard_normal(12))
        sound += gain * mode * wobble * np.sin(2 * np.pi * np.cumsum(freq) / 6400)
    return specsr.Signal(sound, 6400, unit="Pa", channels=("driver's ear",), rpm=rpm)


runs = {f"before {i}": run_up(0.2, 8 + i, i) for i in (1, 2, 3)}
runs["after"] = run_up(0.05, 10, 4)
specsr.save_figure(plot_runs(specsr.compare_runs(runs, (2, 4))), sys.argv[1])
