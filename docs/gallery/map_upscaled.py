"""A stored map, four times finer

An archive often holds only the mean power of 4 x 4 cells. `specsr.upscale` estimates the fine map
and keeps the power that was measured. The run-up is synthetic, so the difference to its fine map is
known in every cell.
"""

import sys

import specsr

signal = specsr.read("examples/runup.flac")
transform = specsr.SpectrogramTransform(n_fft=2048, hop_length=256)
fine = transform(signal)
coarse = specsr.low_map(signal, 4, transform=transform)
high = specsr.upscale(coarse, scale=4)

figure = specsr.plot_comparison(
    {"coarse map": coarse, "super-resolved x4": high, "fine map": fine},
    difference=("super-resolved x4", "fine map"),
    max_freq=4000,
)
specsr.save_figure(figure, sys.argv[1])
