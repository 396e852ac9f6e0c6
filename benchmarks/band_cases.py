"""Recordings of the benchmark of bands at 48 kHz, at a low rate and back, and their scores."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import CACHE, data_folder, progress, read_first, some
from scipy.ndimage import uniform_filter1d

from specsr import Signal, SpectrogramTransform
from specsr.io import replacing
from specsr.maps.frames import power_frames
from specsr.maps.grid import Grid
from specsr.maps.transform import istft, stft
from specsr.pairs.band_input import cut_row
from specsr.scores import metrics

RATE = 48000.0
SHORTEST = 1.2  # s
TRANSFORM = SpectrogramTransform(metrics.LSD_N_FFT, metrics.LSD_HOP)
FLOOR = metrics.LSD_FLOOR

MACHINES = ("car_hvac", "drone", "helicopter", "machine", "vehicle", "vehicles_short")
"""Folders of machines and vehicles."""


def kind_of(name: str) -> str:
    """Return the folder of a recording, the kind of its sound."""
    return name.split("/")[0]


def is_read_speech(name: str) -> bool:
    """Return whether a recording is one of read sentences (VCTK)."""
    return "/nuwave2" in name


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording at 48 kHz: name, sampling rate of its file in Hz, samples float64 [N]."""

    name: str
    native: float
    samples: np.ndarray


def recordings(data: Path, limit: int | None = None) -> list[Recording]:
    """Return the validation recordings, sorted by name."""
    folder = data_folder(data, "audio", "val")
    found = []
    for path in sorted(folder.rglob("*.flac")):
        samples, rate = read_first(path)
        name = path.relative_to(folder).as_posix()
        if not name.startswith("speech_16k/") and samples.size / rate >= SHORTEST:
            found.append((name, rate, samples))
    return [
        Recording(name, rate, Signal(samples, rate).resample(RATE).samples[0])
        for name, rate, samples in some(found, limit)
    ]


def mean_spectrum(data: Path) -> np.ndarray:
    """Return the mean dB spectrum of the training recordings at 48 kHz, [1025]; stored in cache/.

    Mean over the frames of each recording (first channel), then over the recordings; powers are
    clamped as for the LSD.
    """
    folder = data_folder(data, "audio", "train")
    left_out = ("speech_16k", "turbo", "runup_rpm")
    paths = [p for p in sorted(folder.rglob("*.flac")) if p.parent.name not in left_out]
    names = [p.relative_to(folder).as_posix() for p in paths]
    key = hashlib.sha256(json.dumps([names, RATE, metrics.LSD_N_FFT, FLOOR]).encode()).hexdigest()
    cache = CACHE / f"mean-spectrum-{key[:16]}.npy"
    if cache.exists():
        return np.load(cache)
    spectra = []
    for path in progress(paths, len(paths), "mean spectrum"):
        samples, rate = read_first(path)
        if rate >= 32000:
            samples = Signal(samples, rate).resample(RATE).samples[0]
            blocks = power_frames(samples, metrics.LSD_N_FFT, metrics.LSD_HOP)
            spectra.append(np.concatenate([to_db(block) for block in blocks]).mean(0))
    mean = np.mean(spectra, 0)
    with replacing(cache, overwrite=True) as (temp,), temp.open("wb") as file:
        np.save(file, mean)
    return mean


def to_db(power: np.ndarray) -> np.ndarray:
    """10 log10 of a power, clamped as for the LSD."""
    return 10 * np.log10(np.maximum(power, FLOOR))


class Case:
    """One recording at one scale, with shared intermediate results, each computed once.

    Attributes:
        high: true samples, float64 [N].
        low: low-resolution recording, float64.
        up: ``low`` resampled to 48 kHz.
        cut: first row of the estimated band.
    """

    def __init__(self, recording: Recording, scale: int, mean_db: np.ndarray) -> None:
        self.name, self.native, self.scale = recording.name, recording.native, scale
        self.mean_db = mean_db
        samples = recording.samples
        self.high = samples[: samples.size // scale * scale]
        self.low = Signal(self.high, RATE).resample(RATE / scale)
        self.up = self.low.resample(RATE)
        self.cut = cut_row(self.low.rate, RATE, metrics.LSD_N_FFT)
        self.grid: Grid = TRANSFORM.grid(self.up)

    @functools.cached_property
    def spectrum(self) -> torch.Tensor:
        """Plain STFT of ``up``, complex128 [1025, frames]."""
        return stft(torch.from_numpy(self.up.samples[0]), self.grid)

    @functools.cached_property
    def db(self) -> np.ndarray:
        """Power of ``spectrum`` in dB, [1025, frames]."""
        return to_db(self.spectrum.abs().square().numpy())

    @functools.cached_property
    def level(self) -> np.ndarray:
        """Smooth levels in dB: the mean spectrum, shifted to the level of each frame."""
        known = slice(self.cut - self.cut // 12, self.cut)
        shift = (self.db[known] - self.mean_db[known, None]).mean(0)
        # mean over five frames: the levels of one frame fluctuate
        return self.mean_db[:, None] + uniform_filter1d(shift, 5)

    def wave(self, upper: torch.Tensor) -> np.ndarray:
        """Samples of a spectrum with its known rows replaced by the measured ones."""
        whole = torch.cat([self.spectrum[: self.cut], upper[self.cut :]])
        return istft(whole, self.grid).numpy()


def score(case: Case, samples: np.ndarray) -> dict[str, float]:
    """LSD over all rows, below and above half the low rate, and the SNR in dB."""
    border = case.low.rate / 2
    return {
        "LSD": float(metrics.lsd(case.high, samples, RATE)),
        "LSD-LF": float(metrics.lsd(case.high, samples, RATE, 0.0, border)),
        "LSD-HF": float(metrics.lsd(case.high, samples, RATE, border)),
        "SNR, dB": float(metrics.snr(case.high, samples)),
    }
