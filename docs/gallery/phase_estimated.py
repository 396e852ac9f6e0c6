"""A waveform from levels alone

A stored map has no phase. `specsr.to_signal` estimates one; the map of the waveform is then
compared with the given map. Phase gradient integration (`pghi`) is fast, ADMM (`admm`, the default)
more accurate.
"""

import sys

import specsr

signal = specsr.read("examples/runup.flac")
signal = signal.cut(0, 2 * round(signal.rate))
given = specsr.spectrogram(signal, n_fft=1024, hop_length=256).replace(phase=None)
again = {
    name: specsr.spectrogram(specsr.to_signal(given, name), n_fft=1024, hop_length=256)
    for name in ("pghi", "admm")
}

figure = specsr.plot_comparison(
    {"given": given, "pghi": again["pghi"], "admm": again["admm"]},
    difference=("admm", "given"),
    max_freq=4000,
)
specsr.save_figure(figure, sys.argv[1])
