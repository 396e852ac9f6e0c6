"""The speed from the sound alone

`specsr.find_speed` finds the speed of a machine in a recording without a tacho: the path of the
highest harmonic sum, refined by the phases of the orders, with a confidence at every time.
"""

import sys

import specsr
from specsr.plots.speed import plot_speed

signal = specsr.read("examples/runup.flac").replace(rpm=None)
search = specsr.SpeedSearch((1500, 8000), orders=(3, 9, 10, 12, 16))
found = specsr.find_speed(signal, search)
map_ = specsr.spectrogram(signal, df=6, overlap=0.75)
specsr.save_figure(plot_speed(found, map_, title="The speed of a run-up"), sys.argv[1])
