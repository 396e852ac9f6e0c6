"""Bandwidth extension: recordings at 24, 16 and 8 kHz upscaled to 48 kHz, scored by LSD.

The estimated band of every method starts at the same row: at `KNOWN_PART` of the band of the
low-resolution recording, the start of the roll-off of its resampler.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import CACHE, data_folder, mean_error, parser, progress, publish, read_first, run, some
from scipy.ndimage import uniform_filter, uniform_filter1d

from specsr import Signal, SpectrogramTransform, upscale_band
from specsr.io import replacing
from specsr.maps.frames import power_frames
from specsr.maps.grid import Grid
from specsr.maps.griffin_lim import griffin_lim
from specsr.maps.phase import random_phase
from specsr.maps.transform import istft, stft
from specsr.models.bundled import bundled_for, find_model
from specsr.models.model import Model
from specsr.pairs.band_input import cut_row
from specsr.scores import metrics

RATE = 48000.0
SHORTEST = 1.2  # s
TRANSFORM = SpectrogramTransform(metrics.LSD_N_FFT, metrics.LSD_HOP)
FLOOR = metrics.LSD_FLOOR
SMOOTH = (9, 5)
"""Rows and frames over which the oracle's levels are averaged."""
NOISE_DB = 2.51
"""Difference between the dB of the mean power of noise and the mean of its dB: 10 log10 e^gamma."""

PROTOCOL = """
Recordings: all of audio/val except speech_16k with at least 1.2 s, first channel, resampled to
48 kHz (soxr VHQ, float64) if they have another rate and cut to a multiple of the scale. Low
resolution: resampled to 48 kHz / scale by soxr VHQ. LSD: Hann 2048/512 of the waveform at 48 kHz,
log10 of power clamped to 1e-8, rms over rows, mean over frames (`specsr.scores.metrics.lsd`).
LSD-LF below half the low rate, LSD-HF above. Mean over the recordings. All training and averaging
uses audio/train only.

Methods: *soxr*: resampled, nothing added. *sbr*: spectral band replication, the top of the known
band copied upward with its phase, levels along the tilt of the known band. *noise*: noise with the
mean spectrum of the training recordings, level continued from the cut in every frame.
*griffin-lim*: the same levels without noise, phase by fast Griffin-Lim with the known band
reinserted. *oracle*: the same with the true levels (mean dB of the true map over 9 rows x 5
frames) instead of the estimated ones: the error that remains with known levels and unknown
fluctuations. *specsr*: `specsr.upscale_band` with each bundled model (or `--model`).
"""


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
        self.scale = scale
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


def soxr(case: Case) -> np.ndarray:
    """Resampled, nothing added above the cut."""
    return case.up.samples[0]


def sbr(case: Case) -> np.ndarray:
    """Copy the upper half of the known band upward, levels along the tilt of the known band.

    The width of the copied band is a multiple of four rows: with a hop of a quarter window the
    phase of a copy then advances as that of a tone at its new frequency.
    """
    cut, rows = case.cut, case.spectrum.shape[0]
    width = cut // 2 // 4 * 4
    source = np.resize(np.arange(cut - width, cut), rows - cut)
    # tilt: linear fit of the mean levels of the copied band over log frequency
    around = np.arange(cut - width, cut)
    octave = np.log2(np.arange(1, rows + 1) / cut)
    mean = case.db[around].mean(1)
    slope = min(0.0, np.polyfit(octave[around], mean, 1)[0])
    shape = slope * (octave[cut:] - octave[source])
    gain = torch.from_numpy(10 ** (shape / 20))[:, None]
    upper = torch.zeros_like(case.spectrum)
    upper[cut:] = case.spectrum[source] * gain
    return case.wave(upper)


def noise(case: Case) -> np.ndarray:
    """Noise with the smooth levels."""
    white = np.random.default_rng(0).standard_normal(case.grid.length)
    energy = np.square(case.grid.window_samples()).sum()
    gain = 10 ** ((case.level + NOISE_DB) / 20) / np.sqrt(energy)
    return case.wave(stft(torch.from_numpy(white), case.grid) * torch.from_numpy(gain))


def griffin(case: Case, iterations: int, known_levels: bool = False) -> np.ndarray:
    """Smooth levels, or smoothed true ones, as magnitudes; phase by fast Griffin-Lim."""
    level = case.level
    if known_levels:
        true = stft(torch.from_numpy(case.high), case.grid).abs().square().numpy()
        level = uniform_filter(to_db(true), SMOOTH)
    magnitude = torch.from_numpy(10 ** (level / 20))
    magnitude[: case.cut] = case.spectrum[: case.cut].abs()
    known = torch.arange(magnitude.shape[0]) < case.cut
    result = griffin_lim(
        magnitude, case.grid, random_phase(magnitude), iterations,
        known=known, known_spectrum=case.spectrum,
    )  # fmt: skip
    return case.wave(result)


def specsr_band(case: Case, model: Model, phase: str) -> np.ndarray:
    """`specsr.upscale_band` with a model."""
    return upscale_band(case.low, case.scale, model=model, phase=phase).samples[0]


def score(case: Case, samples: np.ndarray) -> dict[str, float]:
    """LSD over all rows, below and above half the low rate, and the SNR in dB."""
    border = case.low.rate / 2
    return {
        "LSD": float(metrics.lsd(case.high, samples, RATE)),
        "LSD-LF": float(metrics.lsd(case.high, samples, RATE, 0.0, border)),
        "LSD-HF": float(metrics.lsd(case.high, samples, RATE, border)),
        "SNR, dB": float(metrics.snr(case.high, samples)),
    }


def table(found: dict[tuple[int, str], list[dict[str, float]]], keep: list[bool]) -> list[dict]:
    """Return one row per scale and method: mean over the recordings marked by ``keep``."""
    rows = []
    for (scale, method), scores in found.items():
        kept = [s for s, used in zip(scores, keep, strict=True) if used]
        means = {key: mean_error(s[key] for s in kept)[0] for key in kept[0]}
        rows.append({"from": f"{RATE / scale / 1000:g} kHz", "method": method} | means)
    return rows


METHODS = ("soxr", "sbr", "noise", "griffin-lim", "oracle", "specsr")


def main() -> None:
    options = parser(__doc__.splitlines()[0], METHODS, "band")
    options.add_argument("--scales", nargs="+", type=int, default=[2, 3, 6], metavar="S",
                         help="ratios of 48 kHz to the low rate (default: 2 3 6)")  # fmt: skip
    options.add_argument("--phase", nargs="+", default=["auto"], metavar="PHASE",
                         help="phases of specsr: auto, pghi, admm, gl (default: auto)")  # fmt: skip
    options.add_argument("--iterations", type=int, default=32, metavar="N",
                         help="iterations of the griffin-lim method (%(default)s)")  # fmt: skip
    args = options.parse_args()
    methods: dict[str, Callable[[Case], np.ndarray]] = {
        "soxr": soxr,
        "sbr": sbr,
        "noise": noise,
        "griffin-lim": functools.partial(griffin, iterations=args.iterations),
        "oracle": functools.partial(griffin, iterations=args.iterations, known_levels=True),
    }
    names = [name for name in args.only if name != "specsr"]
    if "specsr" in args.only:
        bundled = [args.model] if args.model else bundled_for("band", (1, 1))
        for model in (find_model(name, "band", (1, 1)) for name in bundled):
            for phase in args.phase:
                name = f"specsr, {model.name}" + ("" if phase == "auto" else f" ({phase})")
                names.append(name)
                methods[name] = functools.partial(specsr_band, model=model, phase=phase)

    mean_db = mean_spectrum(args.data)
    all_recordings = recordings(args.data, args.limit)
    found: dict[tuple[int, str], list[dict[str, float]]] = {
        (scale, name): [] for scale in args.scales for name in names
    }
    jobs = [(scale, recording) for scale in args.scales for recording in all_recordings]
    for scale, recording in progress(jobs, len(jobs), "band:"):
        case = Case(recording, scale, mean_db)
        for name in names:
            found[scale, name].append(score(case, methods[name](case)))

    full = [r.native == RATE for r in all_recordings]
    low = [not native for native in full]
    facts = {
        "recordings": len(full),
        "of these from files at 44.1 kHz (content up to 22.05 kHz)": sum(low),
        "total length, s": sum(r.samples.size for r in all_recordings) / RATE,
    }
    sets = {"All": [True] * len(full), "Files at 48 kHz": full, "Files at 44.1 kHz": low}
    tables = {
        f"{title} ({sum(keep)})": table(found, keep) for title, keep in sets.items() if any(keep)
    }
    publish(args, "Bandwidth extension to 48 kHz", PROTOCOL, tables, facts=facts)


if __name__ == "__main__":
    run(main)
