"""A run-down without its background, and what was taken

The background was recorded with the machine at rest: its spectrum is removed, with 6 dB between
machine and noise (`specsr denoise run.wav --noise idle.wav --plot figure.png`).
"""

import sys

import numpy as np

import specsr

made = specsr.synthesise(specsr.random_run_up(3, 25600.0, 5.0))
clean = made.clean
rng = np.random.default_rng(0)


def ventilation(length: int) -> np.ndarray:
    """Noise with most of its power at low frequencies, rms 1."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    freqs = np.fft.rfftfreq(length, 1 / clean.rate)
    noise = np.fft.irfft(spectrum / (1 + (freqs / 200) ** 2) ** 0.4, length)
    return noise / np.std(noise)


level = 0.5 * np.std(clean.samples)
noise = (level * ventilation(clean.length)).astype(np.float32)
idle = specsr.Signal(level * ventilation(51200)[None], clean.rate, "Pa")
noisy = clean.replace(samples=clean.samples + noise)
quiet = specsr.denoise(noisy, noise=idle)
removed = noisy.replace(samples=noisy.samples - quiet.samples)
figure = specsr.plot_comparison(
    {
        title: specsr.spectrogram(signal, n_fft=4096)
        for title, signal in (("noisy", noisy), ("removed", removed), ("denoised", quiet))
    },
    difference=("denoised", "noisy"),
    max_freq=6000,
    db_range=60,
)
specsr.save_figure(figure, sys.argv[1])
