"""Noise reduction of machines of all kinds in steady, swelling and passing noise, by kind.

Beside the modes of `specsr denoise` stand known methods that get the same recording of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import generator
import numpy as np
import torch
from common import DATA, in_processes, jobs_option, parser, publish, run
from denoise_mixes import MIXED, NOISES, SET, SNRS, Mix, mixed, mixes
from denoise_rows import Found, Scores, below, means, one
from scipy.signal import find_peaks
from scipy.special import exp1

from specsr import (
    Signal,
    SpectrogramTransform,
    denoise,
    keep_orders,
)
from specsr.choices import MAX_ATTENUATION
from specsr.enhance.excess import without_excess
from specsr.enhance.followed_noise import level_changes
from specsr.enhance.known_noise import (
    KnownNoise,
    cell_gains,
    noise_powers,
    signal_to_noise,
    wiener,
)
from specsr.enhance.low_lines import restrained_orders
from specsr.enhance.noise_profile import Noise, noise_spectrum
from specsr.enhance.noise_windows import least_error
from specsr.enhance.pulses import restored
from specsr.enhance.restraint import restrained
from specsr.errors import SpecsrError
from specsr.extras import need
from specsr.maps.transform import istft, stft
from specsr.models.options import InferOptions
from specsr.scores.metrics import si_sdr

FOUR = ("car run-up", "bearing", "e-drive", "diesel")
ORACLE = SpectrogramTransform(2048, 512)
CLEAR_DB = 10.0
"""Level of an order over the noise from which its level is scored, dB."""

CELLS = 20
"""Least clear cells of a third octave whose level is scored."""

CARRIER_HZ, WITH_CARRIER = 8000.0, ("e-drive",)
"""Switching frequency of the kinds with an inverter, Hz."""
IMPACTS = ("clicks", "bearing")
"""Kinds whose impacts are scored."""
HIGH_PEAK, PEAK_SECONDS = 0.3, 0.01
"""Least height of a peak, as a share of the highest one, and half the time around it, s."""

PROTOCOL = f"""
One machine of each kind in the tables, of `benchmarks/generator.py` (set {SET}, used for no
training and no choice); the clean signal is its deterministic part. Noise: white; *ventilation*,
car HVAC of audio/val; *swelling*, the same with a level that varies by 5 dB rms in seconds;
*passing*,
outdoor background of audio/val with a rise of 15 dB for two seconds. At {SNRS[0]}, {SNRS[1]}
and {SNRS[2]} dB over the whole recording. The first {MIXED:.0%} of a recording are mixed; the noise
profile that methods get is the rest of it, before any change of level.

SI-SDR against the clean signal, dB, higher is better. *Cells of orders*: rms error in dB of rows
and columns of the map (Hann 4096/1024) where the clean signal has a local maximum over frequency
that stands {CLEAR_DB:g} dB over the noise; the error of the input is the noise in these cells.
*Levels of orders*: the power of these cells together, in each third octave over the recording with
{CELLS} of them or more, rms error in dB over the third octaves. *Below*: number of machines whose
result is below the input by more than 0.05 dB.

Methods: *noisereduce*: stationary gate with the noise profile. *subtraction*: power spectral
subtraction with the profile, gain max(1 - N/|X|², 0.01), Hann of 40 ms (the better known method).
*mask*: true ratio mask, bound for such gains. *noise*: `specsr denoise --noise`. *noise, follow*:
with `--follow-noise`. *noise, steady*: with `--no-follow-noise`. *noise, Wiener*: with the
gain of Wiener alone, *noise, log*: steady, with the log-spectral one of Ephraim and Malah, from the
same ratio. *noise, long*, *middle*, *short*: one
of its three windows alone (0.32, 0.08 and 0.01 s at 25.6 kHz).
*network*, *floor*, *orders*: `specsr denoise`, `--method floor`, `--orders` with the true speed.
*noise, auto*: `--noise auto`, which gets no profile. *strict*: *network* with `--strict`.
*noise, impacts* and *strict, impacts*: with `--keep impacts`. *orders, carrier*: with
`--carrier {CARRIER_HZ:g}`, of kinds with an inverter.

*Peaks*: rms error in dB of the peaks of impacts, of those above {HIGH_PEAK:.0%} of the highest one.
"""


def noisereduce(mix: Mix) -> np.ndarray:
    module = need("noisereduce", "benchmark", "the noisereduce method")
    return module.reduce_noise(
        mix.noisy.samples[0], mix.clean.rate, stationary=True, y_noise=mix.profile
    )


def subtraction(mix: Mix) -> np.ndarray:
    n_fft = 2 ** round(np.log2(0.04 * mix.clean.rate))
    transform = SpectrogramTransform(n_fft, n_fft // 4)
    spec = transform(mix.noisy)
    noise = noise_spectrum(mix.alone, transform)[0][:, None]
    gain = 1 - noise / np.maximum(np.square(spec.magnitude[0], dtype=np.float64), 1e-30)
    gain = np.maximum(gain, 0.01).astype(np.float32)
    return SpectrogramTransform.inverse(spec.replace(magnitude=spec.magnitude * gain)).samples[0]


def mask(mix: Mix) -> np.ndarray:
    grid = ORACLE.grid(mix.clean)
    s, n = (stft(torch.from_numpy(x), grid) for x in (mix.clean.samples[0], mix.noise))
    power = s.abs().square()
    share = power / (power + n.abs().square()).clamp_min(1e-300)
    return istft(share * (s + n), grid).numpy()


def by_noise(
    mix: Mix, follow: bool | None = None, gain: str = "clear", auto: bool = False,
    windows: slice = slice(None),
) -> np.ndarray:  # fmt: skip
    """`specsr.denoise(noise=...)`, by its parts: the expected maps are made once for each mix.

    With ``follow`` None the recording decides, as by default.  ``gain``: that of Wiener, raised in
    clear cells (*clear*), alone (*wiener*), or r/(1+r) exp(E1(v)/2), v = r/(1+r) |X|²/N (*log*;
    Ephraim, Malah 1985).  ``windows``: those used, from the longest on.
    """
    alone = mix.found if auto else mix.alone
    if follow is None:
        follow = bool(KnownNoise.of(Noise(alone, None, auto), mix.noisy, None).follow.any())
    specs, gains, noises = [], [], []
    for spec, estimate in mix.maps()[windows]:
        known = KnownNoise.of(Noise(alone, follow), spec, None)
        noise = known.spectrum(spec.grid)
        change = level_changes(noise, estimate) if follow else None
        ratio = signal_to_noise(estimate, spec, noise, known.models[1], InferOptions(), change)[0]
        powers = noise_powers(noise, estimate.image(), change)
        found = wiener(ratio, MAX_ATTENUATION)[None]
        if gain == "clear":
            found = cell_gains([ratio], estimate, noise, change, MAX_ATTENUATION)
        found = without_excess(spec, found, powers)
        if gain == "log":
            over = np.square(spec.image(), dtype=np.float64) / noise[:, :-1, None]
            found = np.minimum(found * np.exp(0.5 * exp1(np.maximum(found * over, 1e-6))), 1)
        specs.append(spec)
        gains.append(found)
        noises.append(powers)
    samples = least_error(specs, gains, noises).samples
    clean = mix.clean.replace(samples=samples)
    if auto:
        return restrained(mix.noisy, clean).samples[0]
    return restored(mix.noisy, clean, mix.alone).samples[0]


def orders(mix: Mix, carrier_hz: float | None = None) -> np.ndarray:
    if carrier_hz is not None and mix.kind not in WITH_CARRIER:
        raise SpecsrError(f"{mix.kind}: has no carrier")
    return restrained_orders(mix.noisy, keep_orders(mix.noisy, carrier_hz=carrier_hz)).samples[0]


METHODS: dict[str, Callable[[Mix], np.ndarray]] = {
    "input": lambda mix: mix.noisy.samples[0],
    "noisereduce": noisereduce,
    "subtraction": subtraction,
    "mask": mask,
    "noise": by_noise,
    "noise, follow": lambda mix: by_noise(mix, follow=True),
    "noise, steady": lambda mix: by_noise(mix, follow=False),
    "noise, Wiener": lambda mix: by_noise(mix, gain="wiener"),
    "noise, log": lambda mix: by_noise(mix, follow=False, gain="log"),
    "noise, long": lambda mix: by_noise(mix, windows=slice(0, 1)),
    "noise, middle": lambda mix: by_noise(mix, windows=slice(1, 2)),
    "noise, short": lambda mix: by_noise(mix, windows=slice(2, 3)),
    "network": lambda mix: denoise(mix.noisy).samples[0],
    "floor": lambda mix: denoise(mix.noisy, method="floor").samples[0],
    "orders": orders,
    "noise, auto": lambda mix: by_noise(mix, auto=True),
    "noise, impacts": lambda mix: mix.impacts(by_noise(mix)),
    "strict": lambda mix: mix.strict,
    "strict, impacts": lambda mix: mix.impacts(mix.strict),
    "orders, carrier": lambda mix: orders(mix, CARRIER_HZ),
}


def score(mix: Mix, samples: np.ndarray) -> Scores:
    """Return the scores of a result."""
    transform = SpectrogramTransform(4096, 1024)
    result = Signal(np.asarray(samples, np.float64)[None], mix.clean.rate, "Pa")
    noise = Signal(mix.noise[None], mix.clean.rate, "Pa")
    ours, true, rest = (transform(x).power[0] for x in (result, mix.clean, noise))
    around = np.maximum(np.roll(true, 1, 0), np.roll(true, -1, 0))
    rest = rest.mean(axis=1, keepdims=True)
    clear = (true > around) & (true > 10 ** (CLEAR_DB / 10) * rest) & (true > 1e-6 * true.max())
    error = 10 * np.log10(np.maximum(ours[clear], 1e-12 * true.max()) / true[clear])
    rms = math.sqrt(float(np.mean(np.square(error)))) if clear.any() else math.nan
    levels = order_levels(ours, true, clear, transform(mix.clean).freqs)
    return float(si_sdr(mix.clean.samples[0], samples)), rms, peaks(mix, samples), levels


def order_levels(ours: np.ndarray, true: np.ndarray, clear: np.ndarray, freqs: np.ndarray) -> float:
    """Return the rms error of the power of clear cells in third octaves, dB; nan without such."""
    band = np.round(10 * np.log10(np.maximum(freqs, 1.0) / 1000)).astype(int)
    error = []
    for each in np.unique(band):
        cells = clear & (band == each)[:, None]
        if cells.sum() >= CELLS:
            ratio = ours[cells].sum() / true[cells].sum()
            error.append(10 * np.log10(max(ratio, 1e-12)))
    return math.sqrt(float(np.mean(np.square(error)))) if error else math.nan


def peaks(mix: Mix, samples: np.ndarray) -> float:
    """Return the rms error of the peaks of impacts, dB; nan for kinds without."""
    if mix.kind not in IMPACTS:
        return math.nan
    clean = np.abs(mix.clean.samples[0])
    half = round(PEAK_SECONDS * mix.clean.rate)
    at = find_peaks(clean, HIGH_PEAK * clean.max(), distance=half)[0]
    error = [
        20
        * np.log10(
            max(np.abs(samples[max(0, i - half // 4) : i + half // 4]).max(), 1e-6) / clean[i]
        )
        for i in at
    ]
    return math.sqrt(float(np.mean(np.square(error))))


def judged(each: tuple[str, int, str, float], methods: list[str], data: Path) -> dict[str, Scores]:
    """Return the scores of each method on one mix (kind, seed, noise, ratio in dB)."""
    mix = mixed(*each, data)
    found = {}
    for method in methods:
        with suppress(SpecsrError):  # no speed, or a rate that the network is not for
            found[method] = score(mix, METHODS[method](mix))
    return found


def main() -> None:
    options = parser(__doc__.splitlines()[0], tuple(METHODS), "denoise_kinds")
    options.add_argument(
        "--kinds", nargs="+", choices=tuple(generator.KINDS), metavar="KIND",
        default=list(generator.KINDS), help="kinds of machines (default: all)",
    )  # fmt: skip
    options.add_argument(
        "--noises", nargs="+", choices=NOISES, default=list(NOISES), help="noises (default: all)"
    )
    options.add_argument(
        "--levels", nargs="+", type=int, choices=SNRS, default=list(SNRS), metavar="DB",
        help="ratios of signal to noise (default: all)",
    )  # fmt: skip
    jobs_option(options)
    args = options.parse_args()
    args.data = args.data or DATA
    todo = [each for each in mixes(args.kinds) if each[2] in args.noises and each[3] in args.levels]
    if args.limit:
        todo = todo[:: max(1, len(todo) // args.limit)]
    found: Found = {}
    work = partial(judged, methods=args.only, data=args.data)
    done = in_processes(work, todo, args.jobs, "mixes:")
    for (kind, _, noise, snr), values in zip(todo, done, strict=True):
        found |= {(kind, noise, snr, method): value for method, value in values.items()}
    tables = {
        "SI-SDR, dB, mean of run-up, bearing, e-drive and diesel": means(found, args.only, FOUR),
        "SI-SDR, dB, mean of all kinds": means(found, args.only, tuple(generator.KINDS)),
        "Machines below their input": below(found, args.only),
        "Levels of orders, rms error in dB, mean of all kinds": means(
            found, args.only, tuple(generator.KINDS), 3
        ),
        "Cells of orders, rms error in dB, mean of all kinds": means(
            found, args.only, tuple(generator.KINDS), 1
        ),
        "Peaks of impacts, rms error in dB, mean of clicks and bearing": means(
            found, args.only, IMPACTS, 2
        ),
    }
    for snr in args.levels:
        for noise in args.noises:
            rows = [
                {"kind": kind} | {m: one(found, kind, noise, snr, m) for m in args.only}
                for kind in args.kinds
            ]
            tables[f"By kind, {noise}, {snr} dB: SI-SDR, dB"] = rows
    tables = {heading: rows for heading, rows in tables.items() if rows}
    publish(args, "Noise reduction by kind of machine", PROTOCOL, tables, digits=1)


if __name__ == "__main__":
    run(main)
