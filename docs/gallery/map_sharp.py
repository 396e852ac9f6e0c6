"""Close lines and short clicks in one map

A long window separates lines and smears clicks; a short one does the opposite. `specsr.sharp_map`
combines three windows into one expected map.
"""

import sys

import numpy as np

import specsr

rate, t = 16000, np.arange(32000) / 16000
rng = np.random.default_rng(0)
sound = 0.02 * rng.standard_normal(len(t))
sound += 0.1 * np.sin(2 * np.pi * 200 * t) + 0.1 * np.sin(2 * np.pi * 212 * t)
for click in (0.5, 0.9, 1.3):
    sound[int(click * rate)] += 8
signal = specsr.Signal(sound, rate, unit="Pa")

figure = specsr.plot_comparison(
    {
        "window of 512 ms": specsr.spectrogram(signal, n_fft=8192, hop_length=256),
        "window of 32 ms": specsr.spectrogram(signal, n_fft=512, hop_length=256),
        "sharp map": specsr.sharp_map(signal, n_fft=8192),
    },
    max_freq=400,
)
specsr.save_figure(figure, sys.argv[1])
