"""Training: one loop that reads from top to bottom."""

from __future__ import annotations

import copy
import csv
import logging
import math
import pickle
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from .config import Config
from .data import Crops, Example, load_examples
from .errors import SpecsrError
from .guide import CHANNELS as GUIDE_CHANNELS
from .image import image_model
from .image_data import ImageCrops, load_training, mean_psnr
from .infer import pick_device
from .levels import DB_RANGE
from .losses import LOSSES, doubt
from .models import EDSR, MDSR, EDSRConfig, MDSRConfig
from .models.edsr import DIV2K_MEAN
from .prefill import CHANNELS
from .weights import Model, load_model, save_model, transfer

log = logging.getLogger(__name__)
DIV2K_LUMA = 111.7  # luma of models.edsr.DIV2K_MEAN


def build_net(config: Config) -> EDSR | MDSR:
    """Return the untrained network of a config, seeded."""
    torch.manual_seed(config.train.seed)
    extra = GUIDE_CHANNELS if config.model.guide else 0
    options: dict[str, Any] = {
        "n_resblocks": config.model.n_resblocks,
        "n_feats": config.model.n_feats,
        "res_scale": config.model.res_scale,
        "in_channels": CHANNELS if config.pair.kind == "band" else 1 + extra,
        "out_channels": 1,
        "mean": (0.0,),
        "std": config.model.std,
        "input_skip": config.model.input_skip,
        "doubt": config.model.doubt,
    }
    if config.pair.kind == "image":
        options["in_channels"] = options["out_channels"] = config.model.channels
        options["mean"] = DIV2K_MEAN if config.model.channels == 3 else (DIV2K_LUMA,)
    if config.model.name == "edsr":
        options["batch_norm"] = config.model.batch_norm
    if config.model.name == "mdsr":
        return MDSR(MDSRConfig(scales=tuple(config.pair.scales), **options))
    return EDSR(EDSRConfig(scale=config.pair.scales[0], fold=config.model.fold, **options))


def learning_rate(step: int, config: Config) -> float:
    """Rate at a step: linear warm-up, then a cosine to 1 % or halvings (Lim et al. 2017)."""
    train = config.train
    warm = min(1.0, (step + 1) / max(1, train.warmup))
    if train.schedule == "halve":
        return train.lr * warm * 0.5 ** (step // train.halve_every)
    part = 0.5 * (1 + math.cos(math.pi * step / train.steps))
    return train.lr * warm * (0.01 + 0.99 * part)


@dataclass(frozen=True, eq=False)
class Source:
    """Where a run's batches and its validation come from.

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


def map_source(config: Config, bar: Any) -> Source:
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
        Crops(seen, config, config.train.steps),
        lambda net, device: validate(net, held_out, config, device),
        "validation_l1_db", False, len(seen), (min(rates), max(rates)), DB_RANGE,
    )  # fmt: skip


def image_source(config: Config, bar: Any) -> Source:
    """Images: whole ones are held out, or come from folders of their own."""
    seen, held_out = load_training(config, bar)
    return Source(
        ImageCrops(seen, config, config.train.steps),
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


def tensorboard(folder: Path, score: str) -> Callable[[int, float, float, float], None]:
    """Return a function that logs (step, rate, loss, score), idle without tensorboard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("no tensorboard: log.csv alone (pip install 'specsr[train]' for both)")
        return lambda *values: None
    writer = SummaryWriter(str(folder / "tensorboard"))

    def write(step: int, rate: float, loss: float, value: float) -> None:
        for name, number in (("lr", rate), ("train_loss", loss), (score, value)):
            writer.add_scalar(name, number, step)
        writer.flush()

    return write


def train(config: Config, folder: str | Path, resume: bool = False, progress: Any = None) -> Path:
    """Train a config in ``folder`` and return the path of the model file.

    Writes ``log.csv``, the same for TensorBoard where that is installed, ``checkpoint.pt`` (all
    that a resumed run needs, replaced whole) and, at every validation and the end,
    ``<name>.safetensors`` with the averaged weights; the best by validation stays beside it as
    ``<name>-best.safetensors``.  ``progress`` wraps an iterable of steps (for a bar); it may have
    ``set_postfix``.

    Raises:
        SpecsrError: the folder already holds a run and ``resume`` is not set, or holds another
            network's run.
    """
    train_options = config.train
    folder = Path(folder)
    checkpoint_path = folder / "checkpoint.pt"
    model_path = folder / f"{config.name}.safetensors"
    best_path = folder / f"{config.name}-best.safetensors"
    for path in (checkpoint_path, model_path):
        if path.exists() and not resume:
            raise SpecsrError(f"{path} exists: go on with --resume, or choose another --out folder")
    folder.mkdir(parents=True, exist_ok=True)
    device = str(pick_device(train_options.device))

    bar = progress or (lambda steps: steps)
    source = (image_source if config.pair.kind == "image" else map_source)(config, bar)

    net: Any = build_net(config)  # torch's stubs of `to` know no memory format
    net = net.to(device, memory_format=torch.channels_last)
    started, resumed = "", resume and checkpoint_path.exists()
    if train_options.start and not resumed:
        first = image_model if config.pair.kind == "image" else load_model
        started = transfer(net, first(train_options.start).net).summary()
        log.warning("start from %s: %s", train_options.start, started)
    average = copy.deepcopy(net)
    optimiser = torch.optim.Adam(net.parameters(), train_options.lr, fused=True)
    start, spent = 0, 0.0
    best = -math.inf if source.higher else math.inf
    if resumed:
        try:
            state = torch.load(checkpoint_path, map_location=device, weights_only=True)
            made_by = state["model"]
        except (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise SpecsrError(
                f"{checkpoint_path}: not a checkpoint of a run: choose another --out ({error})"
            ) from None
        now = config.model.model_dump(mode="json")
        if {**now, **made_by} != now:  # options that came later had their defaults
            raise SpecsrError(f"{checkpoint_path}: made by another network: choose another --out")
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        start, spent = state["step"], state["seconds"]
        best, started = state.get("best", best), state.get("started", started)

    def save(step: int, seconds: float) -> None:
        partial = checkpoint_path.with_suffix(".tmp")
        state = {
            "net": net.state_dict(), "average": average.state_dict(),
            "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds,
            "best": best, "started": started, "model": config.model.model_dump(mode="json"),
        }  # fmt: skip
        torch.save(state, partial)
        partial.replace(checkpoint_path)

    def export(step: int, seconds: float, score: float, better: bool) -> None:
        record = {
            "steps": step,
            "seconds": round(seconds),
            "device": device
            if device != "cpu"
            else f"cpu ({platform.machine()}, {torch.get_num_threads()} threads)",
            source.score: round(score, 4),
            "examples": source.examples,
            "config": config.model_dump(mode="json"),
        }
        if started:
            record["start"] = started
        model = Model(
            config.name, average, config.pair.kind,
            tuple(g.model_dump() for g in config.grids) if config.pair.kind != "image" else (),
            source.rates, source.db_range, record,
        )  # fmt: skip
        save_model(model_path, model, overwrite=True)
        if better:
            save_model(best_path, model, overwrite=True)

    loader = DataLoader(
        source.crops, batch_size=None, sampler=range(start, train_options.steps),
        num_workers=train_options.workers, persistent_workers=False,
    )  # fmt: skip
    loss_function = LOSSES[train_options.loss]
    began = time.monotonic() - spent
    running, step = 0.0, start
    curves = tensorboard(folder, source.score)
    new_log = not (resume and (folder / "log.csv").exists())
    with (folder / "log.csv").open("w" if new_log else "a", newline="") as file:
        rows = csv.writer(file)
        if new_log:
            rows.writerow(["step", "seconds", "lr", "train_loss", source.score])
        for low, high, scale in bar(loader):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, config)
            low = low.to(device, memory_format=torch.channels_last)
            high = high.to(device, memory_format=torch.channels_last)
            with torch.autocast(
                torch.device(device).type,
                torch.bfloat16,
                enabled=train_options.precision == "bfloat16",
            ):
                estimate = net(low, scale)
            estimate = estimate.float()
            loss = loss_function(estimate[:, :1], high)
            if config.model.doubt:
                # learned from the level's error as it is: growing the doubt must not move the level
                off = (estimate[:, :1] - high).detach()
                loss = loss + train_options.doubt_weight * doubt(off, estimate[:, 1:])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            if train_options.clip:
                torch.nn.utils.clip_grad_norm_(net.parameters(), train_options.clip)
            optimiser.step()
            step += 1
            # the average forgets its untrained start: a short memory first, then a long one
            decay = min(train_options.ema, (1 + step) / (10 + step))
            with torch.no_grad():
                for mean, now in zip(average.parameters(), net.parameters()):
                    mean.lerp_(now, 1 - decay)
                for mean, now in zip(average.buffers(), net.buffers()):
                    mean.copy_(now)  # what batch normalisation has seen
            value = loss.item()
            if not math.isfinite(value):
                raise SpecsrError(
                    f"the loss is {value} at step {step}: lower train.lr; the last checkpoint in "
                    f"{folder} is good"
                )
            running = value if running == 0 else 0.98 * running + 0.02 * value
            if step % train_options.validate_every == 0 or step == train_options.steps:
                score = source.validate(average, device)
                seconds = time.monotonic() - began
                rows.writerow(
                    [
                        step,
                        round(seconds),
                        f"{learning_rate(step, config):.3g}",
                        f"{running:.4f}",
                        f"{score:.4f}",
                    ]
                )
                file.flush()
                log.info("step %d: loss %.3f, %s %.3f", step, running, source.score, score)
                curves(step, learning_rate(step, config), running, score)
                better = score > best if source.higher else score < best
                best = score if better else best
                export(step, seconds, score, better)
            if step % train_options.save_every == 0 or step == train_options.steps:
                save(step, time.monotonic() - began)
    return model_path
