"""Map super-resolution against the exact expected power of held-out synthetic run-ups.

The low map is the mean power of s x s cells of a Hann 2048/256 map of deterministic part + noise
at 25.6 kHz, 6 s; the truth is |STFT of the deterministic part|² + noise spectrum x window energy.
Error in dB, root of the mean over all cells of all run-ups; lines are cells whose truth is more
than 8 dB above its mean over 49 x 17 cells.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from common import parser, progress, publish, run

from specsr import levels, metrics
from specsr.consistency import consistency_db, impose
from specsr.degrade import pool
from specsr.enhance import upscale_map
from specsr.infer import InferOptions
from specsr.spectrogram import SpecMap, SpectrogramTransform
from specsr.synth import random_run_up, synthesise

HELD_OUT = 950_000
SEEN = 100_000  # of configs/map.yaml: the bias correction is measured there, not on the test set


def interpolate(low: SpecMap, scale: int, mode: str) -> np.ndarray:
    """Levels of the low map interpolated as an image, dB re 1 unit, [F, T]."""
    db = torch.from_numpy(levels.to_db(np.square(low.magnitude[:1], dtype=np.float64)))[None]
    keep = {} if mode == "nearest" else {"align_corners": False}
    fine = torch.nn.functional.interpolate(db, scale_factor=scale, mode=mode, **keep)
    return fine[0, 0, :, : low.grid.refined(scale, scale).frames].numpy()


def case(seed: int, scale: int) -> tuple[SpecMap, np.ndarray]:
    """Low map and true levels in dB re 1 Pa of one run-up."""
    made = synthesise(random_run_up(seed))
    n_fft = 2 * scale * round(2048 / (2 * scale))
    transform = SpectrogramTransform(n_fft, 256)
    fine = transform(made.signal)
    truth = made.expected_power(fine.grid)[:-1]
    return pool(fine, scale, scale), levels.to_db(truth)


METHODS = ("nearest", "bicubic", "corrected", "off", "band", "cell", "ensemble")


def estimator(method: str, scale: int, bias: float, model: str | None):
    """Return low map -> levels in dB re 1 Pa for one of `METHODS`."""
    if method in ("nearest", "bicubic"):
        return lambda low: interpolate(low, scale, method)
    if method == "corrected":
        return lambda low: interpolate(low, scale, "bicubic") - bias
    options = InferOptions(ensemble=method == "ensemble")
    mode = "band" if method == "ensemble" else method

    def refine(low: SpecMap) -> np.ndarray:
        power = refined(low, scale, model, options)
        return levels.to_db(impose(power, low.power[0], (scale, scale), mode))

    return refine


@functools.lru_cache(maxsize=64)
def refined(low: SpecMap, scale: int, model: str | None, options: InferOptions) -> np.ndarray:
    """Power of the network's own output: run once, corrected in several ways."""
    high = upscale_map(low, scale, model=model, consistency="off", options=options)
    return np.square(high.image()[0], dtype=np.float64)


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], METHODS, "map")
    arguments.add_argument("--scales", type=int, nargs="+", default=[2, 3, 4])
    args = arguments.parse_args()
    count = args.limit or 12
    tables = {}
    for scale in args.scales:
        cases = [case(HELD_OUT + i, scale) for i in range(count)]
        seen = [case(SEEN + i, scale) for i in range(count)] if "corrected" in args.only else []
        bias = np.mean([(interpolate(x, scale, "bicubic") - y).mean() for x, y in seen or cases])
        masks = [metrics.line_mask(truth) for _, truth in cases]
        rows = []
        for method in progress(args.only, len(args.only), f"x{scale}"):
            estimate = estimator(method, scale, bias, args.model)
            results = [estimate(low) for low, _ in cases]
            pairs = [
                (result - truth, mask) for result, (_, truth), mask in zip(results, cases, masks)
            ]
            error, mask = (np.concatenate([x.ravel() for x in side]) for side in zip(*pairs))
            held = [
                consistency_db(
                    10 ** (result.astype(float) / 10), low.power[0], (scale, scale), "band"
                )
                for result, (low, _) in zip(results, cases)
            ]
            rows.append(
                {
                    "method": LABELS.get(method, f"specsr, consistency {method}").format(-bias),
                    "all, RMSE dB": rms(error),
                    "std over run-ups": float(np.std([rms(e) for e, _ in pairs])),
                    "lines, RMSE dB": rms(error[mask]),
                    "lines, bias dB": float(error[mask].mean()),
                    "rest, RMSE dB": rms(error[~mask]),
                    "bias dB": float(error.mean()),
                    "rows differ from input by dB": float(np.mean(held)),
                }
            )
        tables[f"x{scale}"] = rows
    publish(
        args,
        "Map super-resolution",
        __doc__
        + f"\n{count} run-ups, seeds from {HELD_OUT}; none was seen in training. The correction "
        f"of the bicubic rows is measured on training seeds.",
        tables,
        digits=2,
    )


LABELS = {
    "nearest": "nearest",
    "bicubic": "bicubic",
    "corrected": "bicubic {:+.1f} dB",
    "ensemble": "specsr, consistency band, time-reversal ensemble",
}


def rms(error: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))


if __name__ == "__main__":
    run(main)
