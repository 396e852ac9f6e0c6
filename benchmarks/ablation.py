"""Effect of loss, residual scaling, shape and shared scales on a small map model.

All models have the same training (x4 `pool`, the same synthetic machines, batch 8 of 24 x 24
low-resolution cells, Adam with a cosine schedule) and are scored on held-out run-ups of the map
benchmark, without consistency.  One option is changed at a time against the first row; mean and
standard deviation are over the seeds of initialisation and data.  These are small models after a
short training: compare differences, not absolute values.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from common import ROOT, parser, progress, publish, run
from map import FRESH, Case, case, row

from specsr.synth.draws import random_run_up
from specsr.train.config_file import load_config
from specsr.train.train import train

BASE = [
    "model.name=edsr", "pair.scales=[4]", "model.n_resblocks=8", "model.n_feats=24",
    "model.uncertainty=false", "model.order_input=false", "train.scale_weights=null",
    "train.loss=l1", "grids=[{n_fft: 2048, hop_length: 256}]", "data.synth.rates=[25600.0]",
    "data.synth.count=200", "data.backgrounds=[]", "train.start=null", "train.batch=8",
    "train.patch=[24, 24]", "train.lr=1e-3", "train.validate_every=100000",
]  # fmt: skip

VARIANTS: dict[str, list[str]] = {
    "L1, 8 blocks x 24, residual scaling 1": [],
    "L2": ["train.loss=l2"],
    "Charbonnier": ["train.loss=charbonnier"],
    "L1+PSNR": ["train.loss=l1+psnr"],
    "Itakura-Saito": ["train.loss=itakura-saito"],
    "Itakura-Saito+L2": ["train.loss=itakura-saito+l2"],
    "residual scaling 0.3": ["model.res_scale=0.3"],
    "residual scaling 0.1": ["model.res_scale=0.1"],
    "deep: 18 blocks x 16": ["model.n_resblocks=18", "model.n_feats=16"],
    "wide: 3 blocks x 40": ["model.n_resblocks=3", "model.n_feats=40"],
    "x2, x3, x4 in one (MDSR)": ["model.name=mdsr", "pair.scales=[2, 3, 4]"],
}


def trained(name: str, seed: int, steps: int, folder: Path) -> Path:
    """Train one variant, or load it from an earlier run of this benchmark."""
    slug = "".join(c if c.isalnum() else "-" for c in name)
    place = folder / f"{slug}-{seed}-{steps}"
    finished = place / "finished"
    if not finished.exists():
        changes = [*BASE, *VARIANTS[name], f"train.seed={seed}", f"train.steps={steps}"]
        config = load_config(ROOT / "configs" / "map.yaml", changes)
        train(config, place, resume=True)
        finished.touch()
    return place / "map.safetensors"


def scores(name: str, seeds: int, steps: int, cases: list[Case], folder: Path) -> dict[str, object]:
    """One row: mean and standard deviation of every score over the seeds."""
    rows = [
        row("off", cases, 0.0, str(trained(name, seed, steps, folder))) for seed in range(seeds)
    ]
    line: dict[str, object] = {"changed option": name}
    for key in KEPT:
        values = [float(r[key]) for r in rows]  # type: ignore[arg-type]
        spread = statistics.stdev(values) if seeds > 1 else float("nan")
        line[key] = (statistics.mean(values), spread)
    return line


KEPT = (
    "all, RMSE dB", "lines, RMSE dB", "single lines, RMSE dB", "peaks of single lines, bias dB",
    "rest, RMSE dB", "bias dB", "single ridges found, %", "invented, %",
)  # fmt: skip


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], list(VARIANTS), "ablation")
    arguments.add_argument("--steps", type=int, default=1500)
    arguments.add_argument("--seeds", type=int, default=3)
    args = arguments.parse_args()
    cases = [case(random_run_up(FRESH + i), 4) for i in range(args.limit or 8)]
    folder = ROOT / "runs" / "ablation"
    table = [
        scores(name, args.seeds, args.steps, cases, folder)
        for name in progress(args.only, len(args.only), "variants")
    ]
    publish(
        args, "Losses, residual scaling, shape and scales", __doc__,
        {f"{args.seeds} seeds, {args.steps} steps, {len(cases)} run-ups": table}, digits=2,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
