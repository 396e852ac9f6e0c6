"""A fault of a bearing in the envelope

Each ball that passes a pit of the outer ring excites a resonance. `specsr.kurtogram` finds the most
impulsive band, `specsr.envelope` its modulation; over orders the lines stand at the orders of the
bearing, whatever the speed does.
"""

import sys

import numpy as np

import specsr
from specsr.nvh.known_orders import parse_bearing
from specsr.plots.lines import plot_lines

rate, t = 25600.0, np.arange(0, 8, 1 / 25600)
rpm = 1200 + 600 * np.sin(2 * np.pi * t / 16)
turns = np.cumsum(rpm / 60) / rate
bearing = parse_bearing("9/7.94/39.04").named()  # balls, ball and pitch diameter
hits = np.flatnonzero(np.diff(np.floor(turns * bearing["BPFO"])))
ringing = np.exp(-800 * t[:500]) * np.sin(2 * np.pi * 4500 * t[:500])
sound = np.convolve(np.bincount(hits, minlength=len(t)), ringing)[: len(t)]
sound += np.sin(2 * np.pi * 2 * turns) + 0.2 * np.random.default_rng(0).standard_normal(len(t))
signal = specsr.Signal(sound, rate, unit="m/s2", channels=("housing",), rpm=rpm)

band = specsr.kurtogram(signal).band()
envelope = specsr.envelope(signal, band)
spectrum = specsr.order_map(envelope.without_mean(), resolution=0.05, max_order=12)
rms = np.sqrt(spectrum.spec.power.mean(axis=-1))
axes = plot_lines(
    spectrum.orders, rms, signal.channels, ("Order", "Envelope, rms (m/s²)"), marks=bearing,
    title=f"Envelope of {band[0]:.0f} to {band[1]:.0f} Hz",
)  # fmt: skip
specsr.save_figure(axes, sys.argv[1])
