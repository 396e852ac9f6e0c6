"""Batches and validation of a run: from maps, or from images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from specsr.maps.levels import LEVEL_RANGE_DB
from specsr.models.network import Network
from specsr.progress import Progress
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import Example, load_examples
from specsr.train.images import ImageCrops, load_training, mean_psnr


@dataclass(frozen=True, eq=False)
class Source:
    """Training batches and validation.

    Attributes:
        crops: batches by step: (input, target, scale).
        validate: function of network and device that returns the score on held-out examples.
        score: name of the score, with its unit.
        higher: whether a higher score is better.
        examples: number of training examples.
        rates, level_range_db: those of the resulting `specsr.models.model.Model`.
    """

    crops: Crops | ImageCrops
    validate: Callable[[Network, str], float]
    score: str
    higher: bool
    examples: int
    rates: tuple[float, float] = (0.0, 0.0)
    level_range_db: float = 0.0


def source(config: Config, progress: Progress, share: tuple[int, int] = (0, 1)) -> Source:
    """Load the examples of a config.

    Args:
        config: options of the run.
        progress: wraps the iterable of examples.
        share: (i, n): the i-th of n parts of each batch.

    Raises:
        SpecsrError: no example, or a damaged file.
    """
    return (_images if config.pair.kind == "image" else _maps)(config, progress, share)


def _maps(config: Config, progress: Progress, share: tuple[int, int]) -> Source:
    """Return the source of maps; the examples held out are evenly spread over all."""
    examples = load_examples(config, progress)
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


def _images(config: Config, progress: Progress, share: tuple[int, int]) -> Source:
    """Return the source of images; whole images are held out, or are in folders of their own."""
    seen, held_out = load_training(config, progress)
    return Source(
        ImageCrops(seen, config, config.train.steps, share),
        lambda net, device: mean_psnr(net, held_out, device),
        "validation_psnr_db", True, len(seen),
    )  # fmt: skip


@torch.no_grad()
def validate(net: Network, examples: list[Example], config: Config, device: str) -> float:
    """Return the mean L1 in dB over crops of held-out examples, the same in every call."""
    held = config.model_copy(
        update={"train": config.train.model_copy(update={"level_shift": 0.0, "seed": 12345})}
    )
    crops = Crops(examples, held, 8)
    net.eval()
    losses = []
    for step in range(len(crops)):
        low, high, scale = crops[step]
        rounded = config.train.precision == "bfloat16"
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=rounded):
            estimate = net(low.to(device), scale)
        losses.append((estimate.float()[:, :1] - high.to(device)).abs().mean().item())
    net.train()
    return sum(losses) / len(losses)
