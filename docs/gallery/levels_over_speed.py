"""Overall level and orders over speed

The A-weighted overall level (Fast) of a run-up with the levels of two orders, in dB re 20 µPa:
`specsr.level_curve`, and its figure.
"""

import sys

import specsr
from specsr.nvh.level_curve import CurveOptions
from specsr.plots.level_curves import plot_level_curve

signal = specsr.read("examples/runup.flac")
curve = specsr.level_curve(signal, CurveOptions("rpm", "A", "fast", orders=(3.0, 10.0)))
specsr.save_figure(plot_level_curve(curve), sys.argv[1])
