"""Training speed: images per second of specsr's step and of a plain loop, and the data share.

One run measures all variants in turn, so that their ratios hold on a shared machine.  Steps are
timed in processor time of the process, which other work does not affect.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common
import numpy as np
import torch
from torch import Tensor, nn

from specsr.benchmark.step import step_cost
from specsr.errors import SpecsrError
from specsr.models.edsr import EDSR
from specsr.train.batch import synthetic
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.config_file import load_config
from specsr.train.data import source
from specsr.train.learner import Learner
from specsr.train.processes import Alone

SETUPS = ("image", "map", "recipes")
RECIPES = (
    "map", "map-small", "expected", "band", "denoise", "denoise-orders", "image-x2", "image-x4",
    "image-mdsr", "edsr-baseline-x2",
)  # fmt: skip
"""Configs whose time on one core is estimated."""
BATCH = {"image": 4, "map": 8}
ALONE = Alone(torch.device("cpu"))
VARIANTS: dict[str, tuple[dict[str, Any], Any]] = {
    "specsr, NCHW": ({}, torch.contiguous_format),
    "specsr (channels last), float32": ({}, torch.channels_last),
    "… accumulate 2": ({"accumulate": 2}, torch.channels_last),
    "… compile": ({"compile": True}, torch.channels_last),
    "… bfloat16": ({"precision": "bfloat16"}, torch.channels_last),
}


class PlainBlock(nn.Module):
    """Residual block of the published baseline."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(n, n, 3, padding=1), nn.ReLU(), nn.Conv2d(n, n, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Plain(nn.Module):
    """EDSR x4 as published, written without specsr, for the plain loop."""

    def __init__(self, blocks: int, n: int, channels: int, out: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(channels, n, 3, padding=1)
        body = [PlainBlock(n) for _ in range(blocks)]
        self.body = nn.Sequential(*body, nn.Conv2d(n, n, 3, padding=1))
        self.tail = nn.Sequential(
            nn.Conv2d(n, 4 * n, 3, padding=1), nn.PixelShuffle(2),
            nn.Conv2d(n, 4 * n, 3, padding=1), nn.PixelShuffle(2),
            nn.Conv2d(n, out, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        return self.tail(x + self.body(x))


def plain_step(net: nn.Module) -> Callable[[Tensor, Tensor], None]:
    """Return one step of a plain loop: eager, float32, NCHW, Adam, L1."""
    optimiser = torch.optim.Adam(net.parameters(), 1e-4)

    def step(low: Tensor, high: Tensor) -> None:
        loss = nn.functional.l1_loss(net(low), high)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def specsr_step(config: Config, changes: dict[str, Any], layout: Any) -> Callable[..., None]:
    """Return specsr's training step with some options changed."""
    train = config.train.model_copy(update=changes)
    config = config.model_copy(update={"train": train})
    learner, scale = Learner(build_net(config), config, ALONE, layout), config.pair.scales[0]

    def step(low: Tensor, high: Tensor) -> None:
        learner.step(synthetic(low, high, scale), 1000)

    return step


def setup(name: str, folder: Path) -> Config:
    """Return a config with generated data: noise images, or a few run-ups."""
    root = common.ROOT / "configs"
    changes = [f"train.batch={BATCH[name]}", "train.workers=0", f"data.cache={folder / 'cache'}"]
    if name == "image":
        rng = np.random.default_rng(0)
        from PIL import Image

        (folder / "images").mkdir()
        for i in range(9):
            pixels = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / f"{i}.png")
        path = root / "edsr-baseline-x4.yaml"
        changes += [
            f"data.folders=[{folder / 'images'}]",
            "data.validate_on=[]",
            "train.start=null",
        ]
        return load_config(path, changes)
    changes += ["data.synth.count=4", "data.backgrounds=[]", "pair.scales=[4]", "model.name=edsr",
              "train.scale_weights=null", "train.start=null"]  # fmt: skip
    return load_config(root / "map.yaml", changes)


def measure(
    name: str, folder: Path, rounds: int, labels: list[str]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of one setup's table, and its row in the table of data."""
    config = setup(name, folder)
    net = build_net(config)
    assert isinstance(net, EDSR)
    crops = source(config, lambda items: items).crops
    began = time.process_time()
    drawn = [crops[step] for step in range(12)]
    data_seconds = (time.process_time() - began) / len(drawn)
    low, high = (side.float() for side in drawn[0][:2])  # images are 8-bit until then
    shape = net.config
    outs = shape.out_channels * (2 if shape.uncertainty else 1)
    plain = plain_step(Plain(shape.n_resblocks, shape.n_feats, shape.in_channels, outs))
    # the plain loop has no loss for an uncertainty: both outputs are compared with the target
    wide = high.expand(-1, outs, -1, -1) if shape.uncertainty else high
    steps = {"plain loop: NCHW, float32, eager": lambda: plain(low, wide)}
    for label, (changes, layout) in VARIANTS.items():
        if label in labels:
            made = specsr_step(config, changes, layout)
            steps[label] = lambda made=made: made(low, high)
    first, best = {}, {}
    for label, step in common.progress(steps.items(), len(steps), f"{name}, first steps"):
        began = time.perf_counter()
        step()
        first[label], best[label] = time.perf_counter() - began, np.inf
    for _ in common.progress(range(rounds), rounds, f"{name}, rounds"):
        for label, step in steps.items():
            began = time.process_time()
            step()
            best[label] = min(best[label], time.process_time() - began)
    count = len(low)
    reference = next(iter(best.values()))
    rows = [
        {
            "step": label,
            "images/s": count / best[label],
            "times the plain loop": reference / best[label],
            "first step, s": first[label],
        }
        for label in best
    ]
    own = best.get("specsr (channels last), float32", reference)
    share = data_seconds / (data_seconds + own)
    return rows, {
        "setup": name,
        "drawing a batch, ms": 1e3 * data_seconds,
        "step, ms": 1e3 * own,
        "data share without workers, %": 100 * share,
    }


def recipe(name: str) -> dict[str, Any]:
    """Return the row of a config: its steps, and their time here."""
    config = load_config(common.ROOT / "configs" / f"{name}.yaml", ["train.start=null"])
    cost = step_cost(config)
    return {
        "config": name, "parameters": f"{cost.parameters}", "batch": f"{config.train.batch}",
        "steps": f"{config.train.steps}", "steps/s": 1 / cost.seconds,
        "hours": config.train.steps * cost.seconds / 3600,
    }  # fmt: skip


def main() -> None:
    parser = common.parser(__doc__.splitlines()[0], SETUPS, "training")
    parser.add_argument(
        "--rounds", type=int, default=3, help="timed steps of each variant (default: 3)"
    )
    parser.add_argument("--no-compile", action="store_true", help="skip torch.compile")
    args = parser.parse_args()
    if args.rounds < 1:
        raise SpecsrError(f"rounds is {args.rounds}: expected a whole number from 1 up")
    labels = [label for label in VARIANTS if not (args.no_compile and "compile" in label)]
    tables: dict[str, list[dict[str, Any]]] = {}
    data = []
    for name in args.only:
        if name == "recipes":
            tables["Recipes"] = [recipe(one) for one in common.some(RECIPES, args.limit)]
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows, row = measure(name, Path(folder), args.rounds, labels)
        title = {"image": "EDSR baseline x4, 48 x 48", "map": "Map network x4, 32 x 32"}[name]
        tables[f"{title}, batch {BATCH[name]}"] = rows
        data.append(row)
    if data:
        tables["Data"] = data
    common.publish(
        args, "Training speed", PROTOCOL, tables,
        facts={"threads": torch.get_num_threads(), "fastest of": args.rounds},
    )  # fmt: skip


PROTOCOL = """
One optimiser step on one batch, in processor time of the process over all its threads (not
affected by other work on the machine); the fastest of several rounds, each of which runs every
variant once. The plain loop is part of the benchmark: the published layers, NCHW, float32, eager,
Adam. specsr's steps also clip the gradient and update the moving average of the weights.
`first step` is wall-clock time, including compilation. Data: drawing a batch of generated images
(480 x 640) or run-ups in the same process; workers draw in advance, so a training run waits less.
Recipes: a step of each config in processor time, and the time of all its steps.
"""

if __name__ == "__main__":
    common.run(main)
