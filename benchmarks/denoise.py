"""Denoising of synthetic run-ups and real recordings in white and recorded noise.

Scored by levels (orders, overall level) and by the waveform (SI-SDR).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from common import mean_error, parser, progress, publish, run
from denoise_cases import (
    CLEAN,
    DURATION,
    ORDERS,
    RANGE_DB,
    RATE,
    SEEDS,
    SETS,
    SNRS,
    Mix,
    order_levels,
)
from scipy.ndimage import uniform_filter

from specsr import SpectrogramTransform, denoise, find_noise, keep_orders
from specsr.choices import MAX_ATTENUATION
from specsr.enhance.noise_floor import floor_gain, floor_transform
from specsr.extras import need
from specsr.maps.transform import istft, stft
from specsr.models.bundled import bundled_for, find_model
from specsr.models.model import Model
from specsr.scores import metrics
from specsr.scores.map_errors import floored

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
