"""A map without the scatter of noise

The level of a single cell of noise scatters by 5.6 dB, however good the recorder. `specsr.expected`
estimates the level that the mean over many runs would have, and how far off it may be
(`uncertainty_db`).
"""

import sys

import specsr

signal = specsr.read("examples/runup.flac")
signal = signal.cut(0, 3 * round(signal.rate))
measured = specsr.spectrogram(signal, n_fft=2048, hop_length=512)
expected = specsr.expected(measured)

figure = specsr.plot_comparison(
    {"one measurement": measured, "expected": expected}, uncertainty="expected", max_freq=6000
)
specsr.save_figure(figure, sys.argv[1])
