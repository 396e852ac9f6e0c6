"""Loudness, sharpness, roughness and tones over time

A fan with a whine that comes and a modulation that goes: loudness (ISO 532-1), sharpness (DIN
45692), roughness (Daniel, Weber 1997) and prominent tones (ECMA-418-1).
"""

import sys

import numpy as np

import specsr
from specsr.plots.sound_quality import plot_sound_quality

rate, t = 24000.0, np.arange(0, 4, 1 / 24000)
noise = specsr.Signal(np.random.default_rng(0).standard_normal(len(t)), rate).samples[0]
sound = 0.02 * noise * (1 + 0.9 * (t < 1.5) * np.sin(2 * np.pi * 70 * t))
sound += 0.03 * np.clip(t - 1, 0, 1) * np.sin(2 * np.pi * (1500 * t + 6 * t**2))
signal = specsr.Signal(sound, rate, unit="Pa", channels=("fan",))

curves, blocks = specsr.sound_quality_curves(signal), specsr.tone_blocks(signal)
figure = plot_sound_quality(curves, signal.channels, blocks, title="A fan")
specsr.save_figure(figure, sys.argv[1])
