"""Orders of two shafts taken apart

Motor and pump have orders only 2 % apart, and one order passes a resonance.
`specsr.extract_orders` fits all of them jointly (Vold-Kalman filter, second generation); with
`widest` the filter widens where the amplitude changes fast.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import specsr

rate, t = 6400.0, np.arange(0, 12, 1 / 6400)
rpm = np.linspace(900, 4500, len(t))
shafts = {"motor": rpm, "pump": 1.02 * rpm}
ratio = 4 * rpm / 60 / 120  # order 4 of the motor passes a mode of 120 Hz and 3 % damping
true = {
    ("motor", 2): 0.5 + 0 * t,
    ("motor", 4): np.abs(0.2 + 0.048 / (1 - ratio**2 + 0.06j * ratio)),
    ("pump", 2): 0.3 + 0.1 * np.sin(2 * np.pi * t / 5),
}
sound = 0.1 * np.random.default_rng(0).standard_normal(len(t))
for (name, order), amplitude in true.items():
    sound += amplitude * np.cos(2 * np.pi * order * np.cumsum(shafts[name] / 60) / rate)
signal = specsr.Signal(sound, rate, unit="Pa", rpm=rpm)

figure = Figure(figsize=(8, 4.5), layout="constrained")
ax = figure.subplots()
narrow, adapted = specsr.VoldKalman(1.5), specsr.VoldKalman(1.5, widest=12.0)
for style, method, label in ((":", narrow, "1.5 Hz"), ("-", adapted, "1.5 to 12 Hz")):
    found = specsr.extract_orders(signal, {"motor": [2, 4], "pump": [2]}, shafts, method)
    for i, cut in enumerate(found.cuts):
        ax.plot(cut.times, cut.levels[0], style, color=f"C{i}", label=f"{cut.name}, {label}")
for amplitude in true.values():
    ax.plot(t, 20 * np.log10(amplitude / np.sqrt(2) / 20e-6), "k--", lw=0.8)
ax.set(xlabel="Time (s)", ylabel="Level (dB re 20 µPa)", title="Orders; dashed: the truth")
ax.grid(alpha=0.3)
ax.legend(fontsize=8, ncols=2)
specsr.save_figure(figure, sys.argv[1])
