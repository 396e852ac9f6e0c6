"""Batches and validation of a run: from maps, or from images."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch.utils.data import Dataset

from specsr.images.sets import find_pairs
from specsr.maps.levels import LEVEL_RANGE_DB
from specsr.models.network import Network
from specsr.models.precision import autocast
from specsr.pairs.noise_input import HIGHEST_DB
from specsr.progress import Progress
from specsr.train.cache import load_examples
from specsr.train.config import Config
from specsr.train.crops import Crops, Cutter
from specsr.train.examples import Example, recipes
from specsr.train.images import ImageCrops, load_training, mean_psnr
from specsr.train.losses import back_project, deviance, enlarge_bicubic, waveform
from specsr.train.noise import unused_noise
from specsr.train.recordings import find_recordings

log = logging.getLogger(__name__)
T = TypeVar("T")
REAL_SCORES = ("real_deviance", "bicubic_deviance")
KNOWN_SCORES = ("validation_l1_db",)
NOISE_SCORES = ("validation_improvement_db",)
ROUNDS = 4
"""Rounds of back-projection of the validation."""


def real_scores(config: Config) -> tuple[str, str]:
    """Return the names of the scores on real recordings: the network's and a simple method's."""
    return (REAL_SCORES[0], "averaged_deviance") if config.pair.kind == "speckle" else REAL_SCORES


@dataclass(frozen=True, eq=False)
class Source:
    """Training batches and validation.

    Attributes:
        crops: batches by step.
        validate: function of network and device that returns the scores on held-out examples by
            name.
        scores: names of the scores, with their units; the first one decides which model is best.
        higher: whether a higher first score is better.
        examples: number of training examples.
        rates, level_range_db: those of the resulting `specsr.models.model.Model`.
    """

    crops: Crops | ImageCrops
    validate: Callable[[Network, str], dict[str, float]]
    scores: tuple[str, ...]
    higher: bool
    examples: int
    rates: tuple[float, float] = (0.0, 0.0)
    level_range_db: float = 0.0


def known_scores(config: Config) -> tuple[str]:
    """Return the name of the score on examples whose truth is known."""
    return NOISE_SCORES if config.pair.kind == "noise" else KNOWN_SCORES


def delivered(
    crops: Crops | ImageCrops, config: Config, device: torch.device
) -> tuple[Dataset[Any], Cutter | None]:
    """Return what the loader delivers for each step, and the function that makes a batch of it.

    With the maps on the device these are the draws of the crops and the function that cuts them
    there; otherwise the batches themselves, and None.
    """
    if not isinstance(crops, Crops) or config.train.examples_on == "host":
        return crops, None
    if config.train.examples_on == "auto":
        if device.type != "cuda":
            return crops, None
        free, _ = torch.cuda.mem_get_info(device)
        if 2 * crops.cut.store.nbytes > free:
            log.info("the maps take over half of the free memory of the GPU: kept on the host")
            return crops, None
    return crops.draws, crops.on(device)


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


def sources(config: Config) -> list[str]:
    """Return the kinds of training data of a config with their numbers, one text each.

    Raises:
        SpecsrError: no example, or a damaged recording.
    """
    if config.pair.kind == "image":
        scales = [scale[0] for scale in config.pair.scales]
        images = sum(len(find_pairs(f, scales)) for f in config.data.folders)
        return [f"{images} images"]
    found = recipes(config)
    known, real = ([r for r in found if r.file and r.real == kind] for kind in (False, True))
    machines = len(found) - len(known) - len(real)
    texts = [f"{machines} synthetic machines"] * bool(machines)
    for examples, name in ((known, "recordings"), (real, "real recordings")):
        files = len({r.file for r in examples})
        texts += [f"{len(examples)} examples of {files} {name}"] * bool(examples)
    if config.data.noise and config.pair.snr is not None:
        count, unused = len(find_recordings(config.data.noise)), unused_noise(config)
        left_out = "".join(f", {n} {reason}" for reason, n in unused.items())
        texts.append(f"noise of {count - sum(unused.values())} of {count} recordings{left_out}")
    return texts


def _maps(config: Config, progress: Progress, share: tuple[int, int]) -> Source:
    """Return the source of maps; the examples held out are evenly spread over all."""
    if config.data.noise and config.pair.snr is not None:
        for reason, count in unused_noise(config).items():
            log.warning("data.noise: %d recordings are not used: %s", count, reason)
    examples = load_examples(config, progress)
    real = [e for e in examples if e.real]
    known = [e for e in examples if not e.real]
    held_out = _spread(known, config.train.hold_out) or known
    seen = [e for e in known if not any(e is h for h in held_out)] or known
    # whole recordings: their channels and parts resemble each other
    files = _spread(list(dict.fromkeys(e.file for e in real)), config.data.real.hold_out)
    real_held_out = [e for e in real if e.file in files] or real
    seen += [e for e in real if e.file not in files]
    rates = list(config.data.synth.rates) if config.data.synth.count else []
    if config.data.folders:
        rates += [rate or config.data.min_rate for rate in config.data.rates]
    if real:
        rates += [rate for rate in config.data.real.rates if rate]

    names = known_scores(config) + real_scores(config) * bool(real)
    del examples, known, real  # their maps are moved into one buffer

    def validated(net: Network, device: str) -> dict[str, float]:
        scores = validate(net, held_out, config, device)
        if real_held_out:
            scores |= validate(net, real_held_out, config, device)
        return {name: score.item() for name, score in scores.items()}

    return Source(
        Crops(seen, config, config.train.steps, share), validated, names,
        config.pair.kind == "noise", len(seen), (min(rates), max(rates)),
        HIGHEST_DB if config.pair.kind == "noise" else LEVEL_RANGE_DB,
    )  # fmt: skip


def _spread(items: list[T], count: int) -> list[T]:
    """Return up to ``count`` and at most an eighth of the items, evenly spread; none of one."""
    held = max(1, min(count, len(items) // 8)) if len(items) > 1 else 0
    return items[:: len(items) // held][:held] if held else []


def _images(config: Config, progress: Progress, share: tuple[int, int]) -> Source:
    """Return the source of images; whole images are held out, or are in folders of their own."""
    seen, held_out = load_training(config, progress)
    return Source(
        ImageCrops(seen, config, config.train.steps, share),
        lambda net, device: {"validation_psnr_db": mean_psnr(net, held_out, device)},
        ("validation_psnr_db",), True, len(seen),
    )  # fmt: skip


@torch.no_grad()
def validate(
    net: Network, examples: list[Example], config: Config, device: str
) -> dict[str, torch.Tensor]:
    """Return mean scores over crops of held-out examples, the same in every call.

    Of synthetic machines the L1 in dB, for ``noise`` the improvement in dB; of real recordings the
    deviance from the measured power after back-projection, and that of bicubic interpolation beside
    it (`specsr.train.losses`); for ``speckle`` without back-projection, beside the mean power of
    three columns.

    Args:
        net: the network.
        examples: either all real or all synthetic.
        config: of the run.
        device: torch device of the network.
    """
    options = config.train.model_copy(update={"level_shift": 0.0, "seed": 12345})
    crops = Crops(examples, config.model_copy(update={"train": options}), 8)
    net.eval()
    rows: list[list[torch.Tensor]] = []
    for step in range(len(crops)):
        batch = crops[step]
        low, high, scale = batch.low.to(device), batch.high.to(device), batch.scale
        with autocast(torch.device(device), config.train.precision):
            estimate = net(low, scale)
        estimate = estimate.float()[:, :1]
        if config.pair.kind == "noise":
            rows.append([-waveform(estimate, high)])
            continue
        if not examples[0].real:
            rows.append([(estimate - high).abs().mean()])
            continue
        coarse = low[:, :1]
        if config.pair.kind == "speckle":
            mean = torch.nn.functional.avg_pool2d(10 ** (coarse / 10), (1, 3), 1, (0, 1))
            rows.append([deviance(guess, high) for guess in (estimate, 10 * mean.log10())])
            continue
        rows.append(
            [
                deviance(back_project(guess, coarse, scale, ROUNDS), high)
                for guess in (estimate, enlarge_bicubic(coarse, scale))
            ]
        )
    net.train()
    names = real_scores(config) if examples[0].real else known_scores(config)
    return {name: torch.stack(values).mean() for name, values in zip(names, zip(*rows))}
