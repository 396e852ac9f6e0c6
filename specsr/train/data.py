"""Where a run's batches and its validation come from: maps, or images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from specsr.maps.levels import LEVEL_RANGE_DB
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import Example, load_examples
from specsr.train.images import ImageCrops, load_training, mean_psnr


@dataclass(frozen=True, eq=False)
class Source:
    """Batches by step, and a judge.

    Attributes:
        crops: batches by step: (input, target, scale).
        validate: network and device -> score of held-out examples.
        score: what the score is called, with its unit.
        higher: whether a higher score is the better one.
        examples: how many are trained on.
        rates, db_range: of the `Model` that comes out.
    """

    crops: Crops | ImageCrops
    validate: Callable[[EDSR | MDSR, str], float]
    score: str
    higher: bool
    examples: int
    rates: tuple[float, float] = (0.0, 0.0)
    db_range: float = 0.0


def source(config: Config, bar: Any, share: tuple[int, int] = (0, 1)) -> Source:
    """Load the examples of a config; ``share`` (i, n) is the i-th part of n of each batch."""
    return (_images if config.pair.kind == "image" else _maps)(config, bar, share)


def _maps(config: Config, bar: Any, share: tuple[int, int]) -> Source:
    """Spectrograms: a few examples are held out, evenly spread."""
    examples = load_examples(config, bar)
    count = config.train.hold_out
    held = max(1, min(count, len(examples) // 8)) if len(examples) > 1 else 0
    stride = len(examples) // held if held else 0
    held_out = [examples[i] for i in range(0, len(examples), stride)][:held] if held else examples
    seen = [e for e in examples if not any(e is h for h in held_out)] or examples
    rates = list(config.data.synth.rates) if config.data.synth.count else []
    if config.data.folders:
        rates += [rate or config.data.min_rate for rate in config.data.rates]
    return Source(
        Crops(seen, config, config.train.steps, share),
        lambda net, device: validate(net, held_out, config, device),
        "validation_l1_db", False, len(seen), (min(rates), max(rates)), LEVEL_RANGE_DB,
    )  # fmt: skip


def _images(config: Config, bar: Any, share: tuple[int, int]) -> Source:
    """Images: whole ones are held out, or come from folders of their own."""
    seen, held_out = load_training(config, bar)
    return Source(
        ImageCrops(seen, config, config.train.steps, share),
        lambda net, device: mean_psnr(net, held_out, device),
        "validation_psnr_db", True, len(seen),
    )  # fmt: skip


@torch.no_grad()
def validate(net: EDSR | MDSR, examples: list[Example], config: Config, device: str) -> float:
    """Mean L1 in dB on the same crops of held-out examples each time."""
    held = config.model_copy(
        update={"train": config.train.model_copy(update={"level_shift": 0.0, "seed": 12345})}
    )
    crops = Crops(examples, held, 8)
    net.eval()
    losses = []
    for step in range(len(crops)):
        low, high, scale = crops[step]
        with torch.autocast(
            torch.device(device).type,
            torch.bfloat16,
            enabled=config.train.precision == "bfloat16",
        ):
            estimate = net(low.to(device), scale)
        losses.append((estimate.float()[:, :1] - high.to(device)).abs().mean().item())
    net.train()
    return sum(losses) / len(losses)
