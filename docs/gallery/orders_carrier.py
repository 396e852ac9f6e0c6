"""The switching lines of an e-drive beside its orders

The lines of an inverter lie at its switching frequency, 8 kHz, +- multiples of the rotation: no
order tracking follows them. With the carrier they are kept with the orders, and the noise is gone
(`specsr denoise run.wav --orders --strict --carrier 8000 --rpm rpm.csv -o orders.wav`).
"""

import sys

import numpy as np

import specsr

rate = 24000.0
time = np.arange(round(4 * rate)) / rate
rotation = np.linspace(20, 150, time.size)  # Hz
turns = np.cumsum(rotation) / rate
orders = sum(np.sin(2 * np.pi * k * turns) / k**0.3 for k in (4, 8, 24, 48))
sides = sum(np.sin(2 * np.pi * (8000 * time + k * turns)) / 2 for k in (-16, -8, 8, 16))
noise = np.random.default_rng(0).standard_normal(time.size)
noisy = specsr.Signal((orders + sides + noise)[None], rate, "Pa", rpm=60 * rotation)
kept = specsr.keep_orders(noisy)
with_carrier = specsr.keep_orders(noisy, carrier_hz=8000.0)
shown = {"noisy": noisy, "orders": kept, "orders and carrier": with_carrier}
figure = specsr.plot_comparison(
    {title: specsr.spectrogram(signal, n_fft=2048) for title, signal in shown.items()},
    db_range=50,
)
specsr.save_figure(figure, sys.argv[1])
