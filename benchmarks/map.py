"""Map super-resolution against the exact expected power of held-out synthetic run-ups.

The low map is the mean power of s x s cells of a Hann 2048/256 map of deterministic part + noise
at 25.6 kHz, 6 s; the truth is |STFT of the deterministic part|² + noise spectrum x window energy.
Error in dB, root of the mean over all cells of all run-ups; lines are cells whose truth is more
than 8 dB above its mean over 49 x 17 cells.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from common import write_table

from specsr import levels, metrics
from specsr.consistency import consistency_db
from specsr.degrade import pool
from specsr.enhance import upscale_map
from specsr.infer import InferOptions
from specsr.spectrogram import SpecMap, SpectrogramTransform
from specsr.synth import random_run_up, synthesise

HELD_OUT = 900_000
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="model file or name; the bundled one if not given")
    parser.add_argument("--scales", default="2,3,4")
    parser.add_argument("--count", type=int, default=12, help="held-out run-ups")
    parser.add_argument("--name", default="map", help="name of the tables")
    args = parser.parse_args()
    rows = []
    for scale in map(int, args.scales.split(",")):
        cases = [case(HELD_OUT + i, scale) for i in range(args.count)]
        bias = np.mean(
            [
                (interpolate(low, scale, "bicubic") - truth).mean()
                for low, truth in (case(SEEN + i, scale) for i in range(args.count))
            ]
        )
        methods = {
            "nearest": lambda low: interpolate(low, scale, "nearest"),
            "bicubic": lambda low: interpolate(low, scale, "bicubic"),
            f"bicubic {-bias:+.1f} dB": lambda low: interpolate(low, scale, "bicubic") - bias,
        }
        for mode in ("off", "band", "cell"):
            methods[f"specsr, consistency {mode}"] = lambda low, mode=mode: _levels(
                upscale_map(low, scale, model=args.model, consistency=mode)
            )
        methods["specsr, consistency band, ensemble"] = lambda low: _levels(
            upscale_map(low, scale, model=args.model, options=InferOptions(ensemble=True))
        )
        for name, method in methods.items():
            errors, masks, measured, spread = [], [], [], []
            for low, truth in cases:
                estimate = method(low)
                errors.append(estimate - truth)
                masks.append(metrics.line_mask(truth))
                spread.append(np.sqrt(np.mean(np.square(errors[-1]))))
                powers = (10 ** (estimate.astype(float) / 10), low.power[0])
                measured.append(consistency_db(*powers, (scale, scale), per="band"))
            error, mask = (np.concatenate([x.ravel() for x in y]) for y in (errors, masks))
            rows.append(
                {
                    "scale": f"x{scale}",
                    "method": name,
                    "all RMSE dB": _rms(error),
                    "spread over run-ups": float(np.std(spread)),
                    "lines RMSE dB": _rms(error[mask]),
                    "lines bias dB": float(error[mask].mean()),
                    "rest RMSE dB": _rms(error[~mask]),
                    "bias dB": float(error.mean()),
                    "band level held to dB": float(np.mean(measured)),
                }
            )
            print(rows[-1], flush=True)
    write_table(
        args.name,
        rows,
        f"Map x2, x3, x4 (`pool`) against the expected power of {args.count} held-out run-ups",
        "python benchmarks/map.py",
        protocol=__doc__,
    )


def _levels(spec: SpecMap) -> np.ndarray:
    return levels.to_db(np.square(spec.image()[0], dtype=np.float64))


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(error))))


if __name__ == "__main__":
    main()
