"""Window of the coarse map of a recording: order levels with fixed lengths and with the rule.

Synthetic run-ups of 6 s at 25.6 kHz with known speed: mean power of s x s cells, super-resolved
with the default consistency.  *Cuts*: error of order cuts (`specsr.order_cut`: power summed over
the line of an order) against the true rms, dB rms, of up to eight orders within 20 dB of the
loudest one, while they are 8 dB above the noise.  *Single* and *close* orders: error of the highest
cell of every order, by the protocol of raw_signal.md.  A speed that changes lowers the highest cell
of high orders; a cut sums up their line.  *Rule*: `specsr.enhance.resolution.window_length`, which
follows the speed and the scale.
"""

from __future__ import annotations

import numpy as np
from common import parser, progress, publish, run
from raw_signal import audible, errors, of_map, raster

from specsr import SpecMap, order_cut, random_run_up, synthesise
from specsr.enhance.maps import upscale_map
from specsr.enhance.resolution import low_map, map_transform
from specsr.nvh.speed_options import SpeedOptions
from specsr.synth.synthesis import Synthetic
from specsr.units import REFERENCES

SEED, MACHINES = 960_000, 6
REFERENCE_DB = -20 * np.log10(REFERENCES["Pa"])
LENGTHS = ("rule", "2048", "4096")


def scores(made: Synthetic, length: str, scale: int) -> tuple[dict[str, np.ndarray], int]:
    """Return the errors of a machine with a window, and its length."""
    n_fft = None if length == "rule" else int(length)
    transform = map_transform(made.signal, scale, n_fft=n_fft)
    low = low_map(made.signal, scale, transform=transform)
    high = upscale_map(low, scale, speed=SpeedOptions(find=False))
    found = errors(of_map(high, made), made) | {"cuts": cuts(high, made)}
    return found, transform.n_fft


def cuts(spec: SpecMap, made: Synthetic) -> np.ndarray:
    """Return the errors in dB of the cuts of the loudest orders."""
    at = raster(made)
    rms = {order: float(np.sqrt(np.mean(x**2.0))) for order, x in made.envelopes.items()}
    loud = sorted((x for x in rms if rms[x] > 0.1 * max(rms.values())), key=lambda x: -rms[x])
    kept = []
    for order in loud[:8]:
        cut = order_cut(spec, made.rpm, order)
        found = np.interp(at / made.run.rate, cut.times, cut.levels[0]) - REFERENCE_DB
        true = 20 * np.log10(np.maximum(made.envelopes[order][at], 1e-12))
        kept.append((found - true)[audible(made, order) & np.isfinite(found)])
    return np.concatenate(kept)


def row(length: str, scale: int, machines: list[Synthetic]) -> dict[str, object]:
    """Return the scores of a window over all machines."""
    found = [scores(made, length, scale) for made in machines]
    used = sorted({n_fft for _, n_fft in found})
    text = f"rule: {used[0]} to {used[-1]}" if length == "rule" else f"{length} for all"

    def rms(name: str) -> list[float]:
        kept = [one[name] for one, _ in found if one[name].size]
        return [float(np.sqrt(np.mean(np.square(each)))) for each in kept]

    cut, single, close = rms("cuts"), rms("single"), rms("close")
    return {
        "samples in a window": text,
        "cuts, dB": float(np.mean(cut)),
        "worst machine, cuts": max(cut),
        "single orders, dB": float(np.mean(single)),
        "worst machine, single": max(single),
        "close orders, dB": float(np.mean(close)),
        "worst machine, close": max(close),
    }


def main() -> None:
    args = parser(__doc__.splitlines()[0], LENGTHS, "resolution").parse_args()
    machines = [synthesise(random_run_up(SEED + i)) for i in range(args.limit or MACHINES)]
    tables = {
        f"x{scale}, mean over {len(machines)} run-ups": [
            row(length, scale, machines)
            for length in progress(args.only, len(args.only), f"x{scale}")
        ]
        for scale in (2, 4)
    }
    publish(
        args, "Window of a coarse map", __doc__ + f"\nSeeds from {SEED}.", tables, digits=2
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
