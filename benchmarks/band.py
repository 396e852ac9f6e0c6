"""Bandwidth extension: recordings at 24, 16 and 8 kHz upscaled to 48 kHz, scored by LSD.

The estimated band of every method starts at the same row: at `KNOWN_PART` of the band of the
low-resolution recording, the start of the roll-off of its resampler.

Peers whose weights are not at hand run elsewhere: `--peer-output FOLDER` scores FOLDER/KHZ/PATH,
the 48 kHz result for the recording PATH from KHZ kHz (FOLDER/16/drone/drone_013.flac), with the
same formula.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import CACHE, data_folder, mean_error, parser, progress, publish, read_first, run, some
from scipy.ndimage import uniform_filter, uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from specsr import BandOptions, Signal, SpectrogramTransform, upscale_band
from specsr.choices import NOISE_FILL
from specsr.enhance.segments import model_plan
from specsr.errors import SpecsrError
from specsr.io import replacing
from specsr.maps.frames import power_frames
from specsr.maps.grid import Grid
from specsr.maps.griffin_lim import griffin_lim
from specsr.maps.phase import random_phase
from specsr.maps.transform import istft, stft
from specsr.models.bundled import bundled_for, find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.pairs.band_input import cut_row
from specsr.scores import metrics
from specsr.signal import fit_length

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
fluctuations. *specsr*: `specsr.upscale_band`, which takes `band-speech` for what sounds like speech
and `band` for all else; *bundled*: each bundled model for all; *noise-fill*: its method without a
network; *top given*: with `top` = half the rate of the recording's file, so that it is known which
recordings are empty above 22.05 kHz. The last column is the run time over the length of the
recordings in this run, on one core that other work may share: compare its rows with each other.

Levels: error of the mean level of each third octave above the cut (up to 20 kHz), default model.
*half-width*: 68 % of the errors of all recordings lie within it; *covered*: share of a kind's
errors within the half-width of the other kinds, over all kinds.

Joints: the model `band` in segments of 1 s with joints 10 ms wide, the first eight recordings of
4 s and more. Level of the estimated band in the 10 ms of a joint over that in the 50 ms on either
side, mean over joints; the same at the same places of the whole; and both above 20 kHz, where a
step would be heard as a click.
"""


Scores = dict[tuple[int, str], list[dict[str, float]]]
"""(scale, method) -> scores of every recording."""


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


def specsr_band(
    case: Case, model: Model | str | None, phase: str = "auto", top: bool = False
) -> np.ndarray:
    """`specsr.upscale_band` with a model, and with the known top of the spectrum."""
    band = BandOptions(phase=phase, top=min(case.native, RATE) / 2 if top else None)
    return upscale_band(case.low, case.scale, model=model, band=band).samples[0]


def peer(case: Case, folder: Path) -> np.ndarray:
    """Return the result of another program, from a file."""
    path = folder / f"{RATE / case.scale / 1000:g}" / case.name
    found = [p for p in (path, path.with_suffix(".wav")) if p.is_file()]
    if not found:
        raise SpecsrError(f"{path}: no such file: expected the peer's result at 48 kHz")
    samples, rate = read_first(found[0])
    if rate != RATE:
        raise SpecsrError(f"{found[0]}: {rate:g} Hz: expected {RATE:g} Hz")
    return fit_length(samples, case.high.size)


def score(case: Case, samples: np.ndarray) -> dict[str, float]:
    """LSD over all rows, below and above half the low rate, and the SNR in dB."""
    border = case.low.rate / 2
    return {
        "LSD": float(metrics.lsd(case.high, samples, RATE)),
        "LSD-LF": float(metrics.lsd(case.high, samples, RATE, 0.0, border)),
        "LSD-HF": float(metrics.lsd(case.high, samples, RATE, border)),
        "SNR, dB": float(metrics.snr(case.high, samples)),
    }


def table(found: Scores, keep: list[bool]) -> list[dict]:
    """Return one row per scale and method: mean over the recordings marked by ``keep``."""
    rows = []
    for (scale, method), scores in found.items():
        kept = [s for s, used in zip(scores, keep, strict=True) if used]
        means = {key: mean_error(s[key] for s in kept)[0] for key in kept[0]}
        rows.append({"from": f"{RATE / scale / 1000:g} kHz", "method": method} | means)
    return rows


def octave_errors(case: Case, samples: np.ndarray) -> list[tuple[float, float]]:
    """Return (octaves above the cut, error in dB) of every third octave above it, to 20 kHz."""
    power = [
        np.concatenate(list(power_frames(x, metrics.LSD_N_FFT, metrics.LSD_HOP))).mean(0)
        for x in (case.high, samples)
    ]
    freqs = np.arange(len(power[0])) * RATE / metrics.LSD_N_FFT
    cut = case.low.rate / 2
    centres = 1000 * 10 ** (np.arange(30) / 10)
    found = []
    for centre in centres:
        low, high = centre * 10**-0.05, centre * 10**0.05
        if cut <= low and high <= min(22400.0, case.native / 2):
            true, got = (p[(freqs >= low) & (freqs < high)].sum() for p in power)
            error = 10 * np.log10(max(got, FLOOR) / max(true, FLOOR))
            found.append((float(np.log2(centre / cut)), float(error)))
    return found


def level_table(errors: dict[str, list[tuple[float, float]]]) -> list[dict]:
    """Return half-widths by octaves above the cut, and their coverage of kinds left out."""
    rows = []
    for first, last in ((0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 3.0)):
        by_kind = {
            kind: np.array([e for o, e in found if first <= o < last])
            for kind, found in errors.items()
        }
        by_kind = {kind: found for kind, found in by_kind.items() if found.size}
        if len(by_kind) < 2:
            continue
        covered, count = 0, 0
        for kind, found in by_kind.items():
            others = np.concatenate([by_kind[k] for k in by_kind if k != kind])
            covered += int((np.abs(found) <= np.quantile(np.abs(others), 0.683)).sum())
            count += found.size
        everything = np.concatenate(list(by_kind.values()))
        rows.append({
            "octaves above the cut": f"{first:g} to {last:g}", "third octaves": count,
            "bias, dB": float(everything.mean()),
            "half-width, dB": float(np.quantile(np.abs(everything), 0.683)),
            "covered, %": 100 * covered / count,
        })  # fmt: skip
    return rows


def joints(case: Case, model: Model) -> tuple[float, float, float, float]:
    """Return the level of the estimated band at joints re beside them, dB; the same elsewhere;
    and both above 20 kHz."""
    made = upscale_band(case.low, case.scale, model=model, options=InferOptions(segment=1.0))
    whole = upscale_band(case.low, case.scale, model=model)
    border = model_plan(model, case.low, case.scale, InferOptions(segment=1.0)).size * case.scale
    found = []
    for low in (case.low.rate / 2, 20000.0):
        for samples in (made.samples[0], whole.samples[0]):
            high = sosfiltfilt(butter(6, 1.05 * low, "high", fs=RATE, output="sos"), samples)
            power = np.square(high)
            ratios = []
            for at in range(border, power.size - 4 * 2400, border):
                inside = power[at : at + 480].mean()
                beside = (power[at - 2400 : at].mean() + power[at + 480 : at + 2880].mean()) / 2
                if beside > 1e-12:
                    ratios.append(10 * np.log10(max(inside, 1e-14) / beside))
            found.append(float(np.mean(ratios)) if ratios else float("nan"))
    return found[0], found[1], found[2], found[3]


MACHINES = ("car_hvac", "drone", "helicopter", "machine", "vehicle", "vehicles_short")
"""Folders of machines and vehicles."""

PUBLISHED = [
    {"method": "NU-Wave2", "24 kHz": 0.72, "16 kHz": 0.86, "8 kHz": 1.09},
    {"method": "UDM+", "24 kHz": 0.64, "16 kHz": 0.79, "8 kHz": 1.03},
    {"method": "mdctGAN", "24 kHz": 0.71, "16 kHz": 0.83, "8 kHz": 0.93},
    {"method": "AP-BWE", "24 kHz": 0.61, "16 kHz": 0.72, "8 kHz": 0.84},
    {"method": "LavaSR v2 (its own table)", "24 kHz": 0.63, "16 kHz": 0.72, "8 kHz": 0.85},
]
"""LSD that others publish for speech of VCTK, by the rate it is estimated from."""

METHODS = ("soxr", "sbr", "noise", "griffin-lim", "oracle", "specsr", "bundled", "noise-fill")


def main() -> None:
    options = parser(__doc__.splitlines()[0], METHODS, "band")
    options.add_argument("--scales", nargs="+", type=int, default=[2, 3, 6], metavar="S",
                         help="ratios of 48 kHz to the low rate (default: 2 3 6)")  # fmt: skip
    options.add_argument("--phase", nargs="+", default=["auto"], metavar="PHASE",
                         help="phases of specsr: auto, pghi, admm, gl (default: auto)")  # fmt: skip
    options.add_argument("--iterations", type=int, default=32, metavar="N",
                         help="iterations of the griffin-lim method (%(default)s)")  # fmt: skip
    options.add_argument("--peer-output", type=Path, metavar="FOLDER",
                         help="score results of a peer, FOLDER/KHZ/PATH at 48 kHz")  # fmt: skip
    args = options.parse_args()
    methods: dict[str, Callable[[Case], np.ndarray]] = {
        "soxr": soxr,
        "sbr": sbr,
        "noise": noise,
        "griffin-lim": functools.partial(griffin, iterations=args.iterations),
        "oracle": functools.partial(griffin, iterations=args.iterations, known_levels=True),
    }
    names = [name for name in args.only if name in methods]
    chosen = [args.model] if args.model else bundled_for("band", (1, 1))
    models = [find_model(name, "band", (1, 1)) for name in chosen]
    for phase in args.phase if "specsr" in args.only else ():
        name = ("specsr" if not args.model else f"specsr, {models[0].name}") + (
            "" if phase == "auto" else f" ({phase})"
        )
        model = models[0] if args.model else None
        methods[name] = functools.partial(specsr_band, model=model, phase=phase)
        methods[f"{name}, top given"] = functools.partial(methods[name], top=True)
        names += [name, f"{name}, top given"]
    for model in models if "bundled" in args.only and not args.model else ():
        methods[f"specsr, {model.name}"] = functools.partial(specsr_band, model=model)
        names.append(f"specsr, {model.name}")
    if "noise-fill" in args.only:
        name = f"specsr, {NOISE_FILL}"
        methods[name] = functools.partial(specsr_band, model=NOISE_FILL)
        methods[f"{name}, top given"] = functools.partial(methods[name], top=True)
        names += [name, f"{name}, top given"]
    if args.peer_output:
        methods[args.peer_output.name] = functools.partial(peer, folder=args.peer_output)
        names.append(args.peer_output.name)

    mean_db = mean_spectrum(args.data)
    all_recordings = recordings(args.data, args.limit)
    found: Scores = {(scale, name): [] for scale in args.scales for name in names}
    seconds = dict.fromkeys(found, 0.0)
    errors: dict[str, list[tuple[float, float]]] = {}
    jobs = [(scale, recording) for scale in args.scales for recording in all_recordings]
    default = "specsr" if not args.model else f"specsr, {models[0].name}"
    joint = []
    for scale, recording in progress(jobs, len(jobs), "band:"):
        case = Case(recording, scale, mean_db)
        kind = recording.name.split("/")[0]
        for name in names:
            started = time.perf_counter()
            samples = methods[name](case)
            seconds[scale, name] += time.perf_counter() - started
            found[scale, name].append(score(case, samples))
            if name == default:
                errors.setdefault(kind, []).extend(octave_errors(case, samples))
        if default in names and recording.samples.size > 4 * RATE and len(joint) < 8:
            joint.append((scale, *joints(case, models[0])))

    full = [r.native == RATE for r in all_recordings]
    low = [not native for native in full]
    length = sum(r.samples.size for r in all_recordings) / RATE
    facts = {
        "recordings": len(full),
        "of these from files at 44.1 kHz (content up to 22.05 kHz)": sum(low),
        "total length, s": length,
    }
    kinds = [recording.name.split("/")[0] for recording in all_recordings]
    read = ["/nuwave2" in recording.name for recording in all_recordings]
    sets = {
        "All": [True] * len(full), "Files at 48 kHz": full, "Files at 44.1 kHz": low,
        "Machines and vehicles": [kind in MACHINES for kind in kinds],
        "Read speech (VCTK)": read,
        "Voices of games": [k == "speech_fullband" and not r for k, r in zip(kinds, read)],
        "Instruments": [kind == "instrument" for kind in kinds],
        "Surroundings": [kind in ("ambient", "background") for kind in kinds],
    }  # fmt: skip
    tables = {
        f"{title} ({sum(keep)})": table(found, keep) for title, keep in sets.items() if any(keep)
    }
    for row, time_used in zip(next(iter(tables.values())), seconds.values(), strict=True):
        row["run time / length"] = time_used / length
    tables |= {"Published for VCTK": PUBLISHED}
    if errors:
        tables["Levels of the estimated band"] = level_table(errors)
    if joint:
        tables["Joints of segments"] = joint_table(joint)
    publish(args, "Bandwidth extension to 48 kHz", PROTOCOL, tables, facts=facts)


def joint_table(joint: list[tuple[float, ...]]) -> list[dict]:
    """Return the mean levels at joints by scale."""
    columns = ("at joints, dB", "elsewhere, dB", "above 20 kHz, dB", "elsewhere there, dB")
    rows = []
    for scale in sorted({row[0] for row in joint}):
        values = np.nanmean([row[1:] for row in joint if row[0] == scale], axis=0)
        rows.append(
            {"from": f"{RATE / scale / 1000:g} kHz"}
            | dict(zip(columns, map(float, values), strict=True))
        )
    return rows


if __name__ == "__main__":
    run(main)
