"""Signals of `benchmarks/phase.py`, and the errors of their NVH levels."""

from __future__ import annotations

from pathlib import Path

from specsr.extras import installed

RATE, SECONDS = 22050, 10
BANDS = tuple(1000 * 2 ** (k / 3) for k in range(-16, 10))


def speech(data: Path):
    """Return ten seconds of speech and their source; synthetic vowels without the data."""
    import numpy as np
    import soundfile
    import soxr

    files = sorted((data / "audio" / "val" / "speech_fullband").glob("nuwave2*.flac"))
    parts = [soxr.resample(*soundfile.read(f), RATE, quality="VHQ") for f in files]
    if sum(map(len, parts)) >= RATE * SECONDS:
        return np.concatenate(parts)[: RATE * SECONDS], "speech (VCTK)"
    rng = np.random.default_rng(0)
    t = np.arange(RATE * SECONDS) / RATE
    theta = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    formants = 500 + 300 * np.sin(2 * np.pi * 1.3 * t)
    voice = sum(
        np.cos(k * theta + rng.uniform(0, 6.28)) / (1 + ((k * 120 - formants) / 300) ** 2)
        for k in range(1, 40)
    )
    syllables = np.clip(np.sin(2 * np.pi * 2.1 * t), 0, 1)
    return voice * syllables + 0.003 * rng.standard_normal(t.size), "synthetic vowels (no data)"


def run_up(seed: int = 0):
    """Return samples, rpm and orders of a run-up: half orders, a gear, resonances and noise."""
    import numpy as np

    from specsr.synth.machine import Order, Resonance, RunUp
    from specsr.synth.synthesis import synthesise

    rng = np.random.default_rng(seed)
    orders = (*np.arange(0.5, 8.5, 0.5), 19.0, 38.0)
    made = synthesise(
        RunUp(
            rate=float(RATE),
            duration=float(SECONDS),
            rpm=(800.0, 6000.0),
            orders=tuple(Order(k, rng.uniform(-30, 0), rng.uniform(0, 6.28)) for k in orders),
            resonances=tuple(
                Resonance(rng.uniform(150, 3000), rng.uniform(0.01, 0.05), rng.uniform(0.3, 1))
                for _ in range(6)
            ),
            exponent=1.5,
            noise_shape=((500.0, 0.0), (11025.0, -27.0)),
            noise_exponent=1.5,
            line_to_noise=15.0,
            seed=seed,
        )
    )
    return made.signal.samples[0].astype(float), made.rpm, orders


def third_octaves(x):
    """Return the levels of the third octaves 25 Hz to 8 kHz in dB, summed from one FFT."""
    import numpy as np

    power = np.abs(np.fft.rfft(x)) ** 2
    f = np.fft.rfftfreq(x.size, 1 / RATE)
    bands = [power[(f >= c * 2 ** (-1 / 6)) & (f < c * 2 ** (1 / 6))].sum() for c in BANDS]
    return 10 * np.log10(np.array(bands))


def order_levels(x, rpm, orders, bandwidth: float = 0.4):
    """Return the level of every order over the run in dB, ``bandwidth`` in orders."""
    import numpy as np
    from scipy.signal import ShortTimeFFT, get_window

    transform = ShortTimeFFT(get_window("hann", 4096), 1024, RATE, scale_to="magnitude")
    power = np.abs(transform.stft(x)) ** 2
    at = np.interp(transform.t(x.size), np.arange(x.size) / RATE, rpm)
    row_order = transform.f[:, None] / (at / 60)
    cuts = [power[np.abs(row_order - order) < bandwidth / 2].sum() for order in orders]
    return 10 * np.log10(np.array(cuts))


def nvh_errors(true, found, rpm, orders, strong: float = 20.0) -> dict[str, float]:
    """Return the errors limited by `GATES`, in dB; orders within ``strong`` dB of the loudest."""
    import numpy as np

    cut = order_levels(true, rpm, orders)
    loud = cut > cut.max() - strong
    bands = np.abs(third_octaves(found) - third_octaves(true))
    return {
        "level": abs(10 * float(np.log10(np.mean(found**2) / np.mean(true**2)))),
        "third octave": float(bands.max()),
        "worst band, Hz": float(BANDS[bands.argmax()]),
        "third octave from 100 Hz": float(bands[6:].max()),
        "order": float(np.abs(order_levels(found, rpm, orders) - cut)[loud].max()),
        "loudness": abs(100 * (loudness(found) / loudness(true) - 1)),
    }


def loudness(samples) -> float:
    """Return the stationary loudness of samples in Pa, sone (ISO 532-1); nan without MoSQITo."""
    import soxr

    if not installed("mosqito"):
        return float("nan")
    from mosqito.sq_metrics import loudness_zwst

    return float(loudness_zwst(soxr.resample(samples, RATE, 48000, quality="VHQ"), 48000)[0])
