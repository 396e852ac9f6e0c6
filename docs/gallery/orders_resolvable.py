"""Which orders a bandwidth separates

Before a cut, `unresolved` names the orders that a Vold-Kalman filter cannot separate at these
speeds, when, and the bandwidth that separates them: here order 2 of two shafts of which one
overtakes the other.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import specsr
from specsr.nvh.resolvable import unresolved
from specsr.nvh.shafts import Shaft, shaft_orders

rate, t = 4000.0, np.arange(0, 30, 1 / 4000)
motor = np.linspace(1500, 3500, len(t))
pump = motor * np.linspace(0.97, 1.03, len(t))
lines = shaft_orders([2], [Shaft("motor", motor), Shaft("pump", pump)])

figure = Figure(figsize=(8, 4.2), layout="constrained")
ax = figure.subplots()
ax.plot(t, 2 * np.abs(motor - pump) / 60, "k", label="distance of the two orders")
for i, bandwidth in enumerate((0.5, 1.5, 4.0)):
    ax.axhline(bandwidth / 2, color=f"C{i}", lw=1, ls="--")
    for pair in unresolved(lines, len(t), rate, 0.0, specsr.VoldKalman(bandwidth)):
        ax.axvspan(*pair.span, color=f"C{i}", alpha=0.15)
        advice = "none" if pair.bandwidth is None else f"{pair.bandwidth:.2g} Hz"
        ax.plot(
            [], [], color=f"C{i}", lw=6, alpha=0.4, label=f"{bandwidth:g} Hz: not separated for "
            f"{pair.seconds:.2g} s; largest bandwidth that does: {advice}",
        )  # fmt: skip
ax.set(xlabel="Time (s)", ylabel="Hz", ylim=(0, 3), title="Dashed: half the bandwidth")
figure.legend(fontsize=8, loc="outside lower center")
ax.grid(alpha=0.3)
specsr.save_figure(figure, sys.argv[1])
