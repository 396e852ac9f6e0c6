"""Denoising of synthetic run-ups and real recordings in white and recorded noise.

Scored by levels (orders, overall level) and by the waveform (SI-SDR).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import data_folder, mean_error, parser, progress, publish, read_first, run, some
from scipy.ndimage import uniform_filter

from specsr import Signal, SpectrogramTransform, denoise, find_noise, keep_orders
from specsr.choices import MAX_ATTENUATION
from specsr.enhance.noise_floor import floor_gain, floor_transform
from specsr.extras import need
from specsr.maps.transform import istft, stft
from specsr.models.bundled import bundled_for, find_model
from specsr.models.model import Model
from specsr.nvh.order_cut import order_cut
from specsr.scores import metrics
from specsr.scores.map_errors import floored
from specsr.synth.draws import random_run_up
from specsr.synth.synthesis import synthesise

RATE = 25600.0
DURATION = 6.0  # s
SHORTEST = 1.2  # s
SEEDS = range(960_000, 960_012)
SNRS = (0, 10, 20)  # dB
ORDERS = 3
RANGE_DB = 60.0
NOISES = ("drone", "helicopter", "background", "car_hvac", "ambient/maastricht_market_bells.flac")
CLEAN = {"vehicle": 1, "vehicles_short": 2, "machine": 3, "instrument": 3, "speech_fullband": 3}
"""Folder of real recordings -> number of recordings used, spread over its files."""
MIXED = 0.6
"""Fraction of a recorded noise that is added; the rest is the separate noise profile."""
LEVELS = SpectrogramTransform(4096, 1024)
ORACLE = SpectrogramTransform(2048, 512)

PROTOCOL = f"""
*Synthetic*: {len(SEEDS)} run-ups of `specsr.random_run_up` outside the training data
(seeds {SEEDS[0]} to {SEEDS[-1]}, {DURATION:g} s at {RATE:g} Hz); the clean signal is their
deterministic part. *Real*: {sum(CLEAN.values())} recordings of audio/val (vehicles, machines,
instruments, speech; first channel, native rate, at most {DURATION:g} s). They contain noise of
their own, and its removal counts as an error. Noise: white, or recordings of audio/val (drone,
helicopter, outdoor background, car HVAC, market bells) at the rate of the clean signal, at an SNR
of {SNRS[0]}, {SNRS[1]} and {SNRS[2]} dB over the whole recording.

SI-SDR against the clean signal, dB, higher is better. Orders: rms error in dB of the level over
time (`specsr.nvh.order_cut.order_cut`, Hann 4096/1024) of the {ORDERS} strongest orders, down to
{RANGE_DB:g} dB below the highest level of each order. Level: absolute error of the overall rms
level, dB. Mean ± standard error over the recordings.

Methods: *noisy*: unprocessed. *noisereduce*: default settings (non-stationary gate).
*noisereduce-stationary*: stationary gate, noise estimated from the recording itself.
*noisereduce-profile*: stationary gate with another part of the same noise as its profile.
*specsr*: `specsr.denoise` with each bundled model (or `--model`), without further information.
*floor*: `specsr.denoise` with ``method="floor"`` (gains from expected powers and their floor).
*found*: `specsr.denoise` with the noise that `specsr.find_noise` finds in the recording.
*floor-smoothed*: the same gains from the measured power, averaged over 3 x 5 cells in place of the
expected power.
*orders*: `specsr.keep_orders` with the known speed (`specsr denoise --orders --strict`;
synthetic run-ups only). *oracle*: ideal ratio mask S²/(S² + N²) with the noisy phase, Hann
2048/512; it uses the clean signal and the noise and is the bound for attenuation of such cells.
"""


@dataclass(frozen=True, eq=False)
class Case:
    """One clean signal and a noise of any level.

    Attributes:
        clean: one channel, float64; with rpm if synthetic.
        noise: noise of the same length, [N].
        profile: another part of the same noise, on the scale of ``noise``, [M].
        orders: orders whose levels are compared.
    """

    clean: Signal
    noise: np.ndarray
    profile: np.ndarray
    orders: tuple[float, ...] = ()

    def at(self, snr: float) -> Mix:
        """Return the mixture at a signal-to-noise ratio in dB."""
        signal, noise = (np.mean(np.square(x)) for x in (self.clean.samples, self.noise))
        gain = math.sqrt(signal / noise * 10 ** (-snr / 10))
        return Mix(self, gain * self.noise, gain * self.profile)

    @functools.cached_property
    def levels(self) -> list[np.ndarray]:
        """True level of each order over time in dB, [frames] each."""
        return order_levels(self.clean, self.orders)


@dataclass(frozen=True, eq=False)
class Mix:
    """A case with its noise scaled to one SNR."""

    case: Case
    noise: np.ndarray
    profile: np.ndarray

    @property
    def noisy(self) -> Signal:
        """Sum of the clean signal and the noise."""
        clean = self.case.clean
        return clean.replace(samples=clean.samples + self.noise)


def order_levels(signal: Signal, orders: Sequence[float]) -> list[np.ndarray]:
    """Return the level of each order over time in dB, nan where it is not readable."""
    spec = LEVELS(signal) if orders else None
    return [order_cut(spec, None, order).levels[0] for order in orders]


def noise_files(data: Path) -> list[Path]:
    """Return the files of recorded noise, in the order of `NOISES`."""
    folder = data_folder(data, "audio", "val")
    return [
        path
        for name in NOISES
        for path in (sorted((folder / name).glob("*.flac")) or [folder / name])
    ]


def recorded(path: Path, length: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return noise [length] from the first part of a recording, and its last part as profile."""
    samples, native = read_first(path)
    samples = Signal(samples, native).resample(rate).samples[0]
    border = int(MIXED * samples.size)
    return np.resize(samples[:border], length), samples[border:]


def run_up(seed: int) -> tuple[Signal, tuple[float, ...]]:
    """Return the clean part of a run-up and its strongest orders."""
    made = synthesise(random_run_up(seed, RATE, DURATION))
    power = {k: np.mean(np.square(v, dtype=float)) for k, v in made.envelopes.items()}
    strongest = sorted(power, key=power.__getitem__, reverse=True)[:ORDERS]
    clean = made.clean.replace(samples=made.clean.samples.astype(np.float64))
    return clean, tuple(sorted(strongest))


def white_cases(data: Path, limit: int | None) -> Iterator[Case]:
    """Yield run-ups with white noise."""
    for seed in some(SEEDS, limit):
        clean, orders = run_up(seed)
        noise = np.random.default_rng([seed, 1]).standard_normal((2, clean.length))
        yield Case(clean, *noise, orders)


def recorded_cases(data: Path, limit: int | None) -> Iterator[Case]:
    """Yield run-ups with recorded noise; the recordings are used in turn."""
    files = noise_files(data)
    for seed in some(SEEDS, limit):
        clean, orders = run_up(seed)
        path = files[(seed - SEEDS[0]) % len(files)]
        yield Case(clean, *recorded(path, clean.length, RATE), orders)


def real_paths(data: Path) -> list[Path]:
    """Return the files of the real recordings that are scored."""
    import soundfile

    folder, paths = data_folder(data, "audio", "val"), []
    for name, count in CLEAN.items():
        long = [
            p for p in sorted((folder / name).glob("*.flac"))
            if soundfile.info(p).duration >= SHORTEST
        ]  # fmt: skip
        paths += some(long, count)
    return paths


def real_cases(data: Path, limit: int | None) -> Iterator[Case]:
    """Yield real recordings with recorded noise; the noises are used in turn."""
    files = noise_files(data)
    for i, path in some(list(enumerate(real_paths(data))), limit):
        samples, rate = read_first(path)
        clean = Signal(samples[: round(DURATION * rate)], rate)
        yield Case(clean, *recorded(files[i % len(files)], clean.length, rate))


SETS: dict[str, Callable[[Path, int | None], Iterator[Case]]] = {
    "white": white_cases,
    "recorded": recorded_cases,
    "real": real_cases,
}
TITLES = {
    "white": "Synthetic run-ups, white noise",
    "recorded": "Synthetic run-ups, recorded noise",
    "real": "Real recordings, recorded noise",
}


def noisy(mix: Mix) -> np.ndarray:
    """Unprocessed."""
    return mix.noisy.samples[0]


def reduced(mix: Mix, stationary: bool = False, profile: bool = False) -> np.ndarray:
    """The spectral gates of the noisereduce package."""
    noisereduce = need("noisereduce", "benchmark", "the noisereduce methods")
    samples = mix.noisy.samples[0]
    noise = mix.profile if profile else None
    return noisereduce.reduce_noise(
        samples, mix.case.clean.rate, stationary=stationary, y_noise=noise
    )


def cleaned(mix: Mix, model: Model, attenuation: float) -> np.ndarray:
    """`specsr.denoise` with a model."""
    return denoise(mix.noisy, model=model, attenuation=attenuation).samples[0]


def by_floor(mix: Mix) -> np.ndarray:
    """`specsr.denoise` by the noise floor of the expected map."""
    return denoise(mix.noisy, method="floor").samples[0]


def by_found(mix: Mix) -> np.ndarray:
    """`specsr.denoise` with the noise found in the recording."""
    return denoise(mix.noisy, noise=find_noise(mix.noisy)).samples[0]


def by_smoothed_floor(mix: Mix) -> np.ndarray:
    """The gains of the floor from averaged cells."""
    transform = floor_transform(mix.case.clean.rate)
    spec = transform(mix.noisy)
    power = uniform_filter(np.square(spec.magnitude[0], dtype=np.float64), (3, 5))
    gain = floor_gain(power[:-1], spec.grid, MAX_ATTENUATION)
    gain = np.concatenate([gain, gain[-1:]]).astype(np.float32)
    return SpectrogramTransform.inverse(spec.replace(magnitude=spec.magnitude * gain)).samples[0]


def orders(mix: Mix) -> np.ndarray:
    """`specsr.keep_orders` at the known speed."""
    return keep_orders(mix.noisy).samples[0]


def oracle(mix: Mix) -> np.ndarray:
    """Ideal ratio mask, noisy phase."""
    grid = ORACLE.grid(mix.case.clean)
    s, n = (stft(torch.from_numpy(x), grid) for x in (mix.case.clean.samples[0], mix.noise))
    power = s.abs().square()
    mask = power / (power + n.abs().square()).clamp_min(1e-300)
    return istft(mask * (s + n), grid).numpy()


def score(mix: Mix, samples: np.ndarray) -> dict[str, float]:
    """SI-SDR, rms error of the order levels, absolute error of the overall level; all in dB."""
    case = mix.case
    result = case.clean.replace(samples=np.asarray(samples, np.float64)[None])
    squares = []
    for true, found in zip(case.levels, order_levels(result, case.orders), strict=True):
        readable = np.isfinite(true) & ~np.isnan(found)
        if readable.any():
            true, found = floored(true[readable], found[readable], RANGE_DB)
            squares.append(np.square(found - true))
    scores = {"SI-SDR, dB": float(metrics.si_sdr(case.clean.samples[0], result.samples[0]))}
    if case.orders:
        scores["orders, dB"] = math.sqrt(np.concatenate(squares).mean()) if squares else math.nan
    # silence has a level of -inf dB; its error counts as 100 dB
    error = abs(float((result.level() - case.clean.level())[0]))
    scores["level, dB"] = min(error, 100.0)
    return scores


METHODS = (
    "noisy", "noisereduce", "noisereduce-stationary", "noisereduce-profile", "specsr", "floor",
    "floor-smoothed", "found", "orders", "oracle",
)  # fmt: skip


def main() -> None:
    options = parser(__doc__.splitlines()[0], METHODS, "denoise")
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET",
                         help=f"sets to denoise, of {', '.join(SETS)} (default: all)")  # fmt: skip
    options.add_argument("--snr", nargs="+", type=float, default=list(SNRS), metavar="DB",
                         help="signal-to-noise ratios (default: 0 10 20)")  # fmt: skip
    options.add_argument("--attenuation", type=float, default=MAX_ATTENUATION, metavar="DB",
                         help="largest attenuation of specsr (default: %(default)g)")  # fmt: skip
    args = options.parse_args()
    functions: dict[str, Callable[[Mix], np.ndarray]] = {
        "noisy": noisy,
        "noisereduce": reduced,
        "noisereduce-stationary": functools.partial(reduced, stationary=True),
        "noisereduce-profile": functools.partial(reduced, stationary=True, profile=True),
        "floor": by_floor,
        "floor-smoothed": by_smoothed_floor,
        "found": by_found,
        "orders": orders,
        "oracle": oracle,
    }
    methods = [name for name in args.only if name != "specsr"]
    if "specsr" in args.only:
        names = [args.model] if args.model else bundled_for("denoise", (1, 1))
        for model in (find_model(name, "denoise", (1, 1)) for name in names):
            method = f"specsr, {model.name}"
            methods.insert(methods.index("oracle") if "oracle" in methods else 99, method)
            functions[method] = functools.partial(
                cleaned, model=model, attenuation=args.attenuation
            )
    tables = {}
    for name in args.sets:
        cases = list(SETS[name](args.data, args.limit))
        speed_known = all(case.clean.rpm is not None for case in cases)
        found: dict[tuple[float, str], list[dict[str, float]]] = {
            (snr, method): [] for snr in args.snr for method in methods
            if speed_known or method != "orders"
        }  # fmt: skip
        for case in progress(cases, len(cases), f"{name}:"):
            for snr, method in found:
                mix = case.at(snr)
                found[snr, method].append(score(mix, functions[method](mix)))
        tables[f"{TITLES[name]} ({len(cases)})"] = [
            {"SNR, dB": f"{snr:g}", "method": method}
            | {key: mean_error(s[key] for s in scores) for key in scores[0]}
            for (snr, method), scores in found.items()
        ]
    publish(args, "Denoising", PROTOCOL, tables, digits=2)


if __name__ == "__main__":
    run(main)
