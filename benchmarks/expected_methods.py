"""Simple estimates of the expected map that a network has to beat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import percentile_filter, uniform_filter, uniform_filter1d

from specsr import Signal, SpecMap, spectrogram
from specsr.enhance.expected import expected
from specsr.maps.levels import to_db
from specsr.models.model import Model
from specsr.models.options import InferOptions

TAPERS = 5
"""Sine tapers of the multitaper estimate: as many independent values for every cell."""

METHODS = {
    "periodogram": "measured",
    "columns": "mean of 3 columns",
    "smoothed": "lines kept, the rest averaged over 7 x 11 cells",
    "multitaper": f"{TAPERS} sine tapers",
    "specsr": "specsr, expected",
}
"""Method -> its label."""


def analysed(signal: Signal, n_fft: int, hop: int) -> SpecMap:
    """Return the measured Hann map."""
    return spectrogram(signal, n_fft=n_fft, hop_length=hop)


def power(spec: SpecMap) -> np.ndarray:
    """Return the power of the first channel without the Nyquist row, [F, T]."""
    return np.square(spec.image()[0], dtype=np.float64)


def mean_of_columns(measured: np.ndarray) -> np.ndarray:
    """Return the mean power of each column and its two neighbours."""
    return uniform_filter1d(measured, 3, axis=1, mode="nearest")


def smoothed(measured: np.ndarray) -> np.ndarray:
    """Return cells 6 dB over their floor as measured, the others averaged over 7 x 11 cells.

    The floor is the median over 31 x 9 cells in dB, raised by 1.6 dB to the mean of noise.
    """
    db = to_db(measured).astype(np.float64)
    floor = percentile_filter(db, 50, size=(31, 9)) + 1.6
    return np.where(db > floor + 6, measured, uniform_filter(measured, (7, 11)))


def multitaper(signal: Signal, measured: SpecMap) -> np.ndarray:
    """Return the mean power over sine tapers (Riedel and Sidorenko 1995), [F, T].

    Calibrated for noise: its expected power is that of the measured map.
    """
    grid = measured.grid
    n = grid.n_fft
    samples = signal.samples[0].astype(np.float64)
    padded = np.zeros((grid.frames - 1) * grid.hop_length + n)
    padded[n // 2 : n // 2 + samples.size] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, n)[:: grid.hop_length]
    total = np.zeros((n // 2, grid.frames))
    at = np.pi * (np.arange(n) + 1) / (n + 1)
    for k in range(1, TAPERS + 1):
        taper = np.sqrt(2 / (n + 1)) * np.sin(k * at)
        total += np.square(np.abs(np.fft.rfft(frames * taper, axis=1)[:, :-1].T)) / TAPERS
    energy = np.square(grid.window_samples()).sum()
    return total * np.square(grid.factor())[:-1, None] * energy


def estimates(
    signal: Signal, measured: SpecMap, model: Model | None, only: list[str]
) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Return power [F, T] and uncertainty in dB, or None, of each method of `METHODS`."""
    own = power(measured)
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    if "periodogram" in only:
        found["periodogram"] = own, None
    if "columns" in only:
        found["columns"] = mean_of_columns(own), None
    if "smoothed" in only:
        found["smoothed"] = smoothed(own), None
    if "multitaper" in only:
        found["multitaper"] = multitaper(signal, measured), None
    if "specsr" in only:
        clean = expected(measured, model=model, options=InferOptions(device="cpu"))
        assert clean.uncertainty_db is not None
        found["specsr"] = power(clean), clean.uncertainty_db[0, :-1]
    return found


def one_channel(signal: Signal) -> Signal:
    """Return the first channel without its speed."""
    return replace(signal, samples=signal.samples[:1], channels=(), rpm=None)
