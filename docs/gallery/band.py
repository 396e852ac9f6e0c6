"""A logger at 3.2 kHz, the band above estimated

A run-up decimated to 3.2 kHz and brought back to 12.8 kHz: noise that continues the measured band
(`model="noise-fill"`), and with the speed the orders of the machine, which are continued above the
band at their exact frequencies and at the levels of their series.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import specsr

original = specsr.read("examples/runup.flac").resample(12800)
logger = original.resample(3200)
orders = specsr.BandOptions(orders=np.arange(1, 121) / 2)
recordings = {
    "logger, 3.2 kHz": logger,
    "noise above its band": specsr.upscale_band(logger, 4, model="noise-fill"),
    "and the orders": specsr.upscale_band(logger, 4, model="noise-fill", band=orders),
    "original": original,
}

figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), sharey=True, layout="constrained")
for ax, (title, recording) in zip(axes, recordings.items(), strict=True):
    spec = specsr.spectrogram(recording, n_fft=round(recording.rate / 12.5))
    db = 20 * np.log10(np.maximum(spec.image()[0], 1e-9) / 2e-5)
    image = ax.imshow(
        db, origin="lower", aspect="auto", vmin=0, vmax=70, cmap="magma",
        extent=(0, recording.duration, 0, recording.rate / 2000),
    )  # fmt: skip
    ax.set_title(title)
    ax.set_xlabel("time, s")
axes[0].set(ylim=(0, 6.4), ylabel="frequency, kHz")
figure.colorbar(image, ax=axes, label="level, dB re 20 µPa")
specsr.save_figure(figure, sys.argv[1])
