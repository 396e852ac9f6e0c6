"""Speech, recognised by how its level, colour and syllables change."""

from __future__ import annotations

import numpy as np

from specsr.maps.frames import power_frames
from specsr.signal import Signal

RATE = 8000.0
"""Rate in Hz at which a recording is judged; one of a lower rate is not judged."""

SHORTEST = 0.5
"""Shortest recording that is judged, s."""

WEIGHTS = (0.407, 0.274, 4.464, -9.7)
"""Weights of the features and the constant of a logistic regression on the training recordings.

On recordings that it was not fitted to, it takes all of 18 + 12 read sentences and none of eleven
machines and vehicles for speech.  Screams are missed; bells, animals' calls and plucked strings are
sometimes taken for speech.
"""


def is_speech(signal: Signal) -> bool:
    """Return whether the loudest channel of a recording sounds like speech."""
    if signal.rate < RATE or signal.duration < SHORTEST:
        return False
    loudest = int(np.argmax(np.abs(signal.samples).max(axis=1)))
    samples = signal.samples[loudest : loudest + 1].astype(np.float64)
    peak = np.abs(samples).max()
    if not peak:
        return False
    judged = Signal(samples / peak, signal.rate).resample(RATE).samples[0]
    return float(np.dot((*features(judged), 1.0), WEIGHTS)) > 0


def features(samples: np.ndarray) -> tuple[float, float, float]:
    """Return the three features of a recording at `RATE`, samples [N].

    They are the standard deviation of the level over time in dB; that of the difference between
    low (150 to 1000 Hz) and high (2 to 3.6 kHz) levels, as vowels and consonants alternate; and the
    share of 2 to 10 Hz, the rate of syllables, in the power of the envelope's changes.
    """
    n_fft, hop = 256, 128
    power = np.concatenate(list(power_frames(samples, n_fft, hop)))
    freqs = np.arange(n_fft // 2 + 1) * RATE / n_fft

    def within(low: float, high: float) -> np.ndarray:
        return power[:, (freqs >= low) & (freqs < high)].sum(axis=1)

    total = within(150, 3600)
    floor = 1e-5 * total.max() + 1e-30
    colour = 10 * np.log10((within(150, 1000) + floor) / (within(2000, 3600) + floor))
    loud = total > 1e-4 * total.max()
    envelope = np.sqrt(total)
    envelope = envelope / max(envelope.mean(), 1e-15) - 1
    count = max(1024, envelope.size)
    changes = np.square(np.abs(np.fft.rfft(envelope * np.hanning(envelope.size), count)))
    rate = np.fft.rfftfreq(count, hop / RATE)
    syllables = changes[(rate >= 2) & (rate < 10)].sum() / max(changes[rate >= 0.3].sum(), 1e-30)
    varied = colour[loud].std() if loud.any() else 0.0
    return float((10 * np.log10(total + floor)).std()), float(varied), float(syllables)
