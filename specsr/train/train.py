"""Training: one loop that reads from top to bottom."""

from __future__ import annotations

import contextlib
import logging
import math
import platform
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from specsr.errors import SpecsrError
from specsr.images.upscale import image_model
from specsr.models.bundled import load_model
from specsr.models.edsr import DIV2K_MEAN, EDSR, EDSRConfig
from specsr.models.mdsr import MDSR, MDSRConfig
from specsr.models.model import Model, save_model
from specsr.models.transfer import transfer
from specsr.pairs.band_input import CHANNELS
from specsr.pairs.order_input import CHANNELS as ORDER_CHANNELS
from specsr.train import checkpoint
from specsr.train.config import Config, ModelOptions
from specsr.train.data import Source, source
from specsr.train.learner import Learner, learning_rate
from specsr.train.log import RunLog, Waiting
from specsr.train.processes import Alone, join

log = logging.getLogger(__name__)
DIV2K_LUMA = 111.7  # luma of models.edsr.DIV2K_MEAN


def build_net(config: Config) -> EDSR | MDSR:
    """Return the untrained network of a config, seeded."""
    torch.manual_seed(config.train.seed)
    extra = ORDER_CHANNELS if config.model.order_input else 0
    options: dict[str, Any] = {
        "n_resblocks": config.model.n_resblocks,
        "n_feats": config.model.n_feats,
        "res_scale": config.model.res_scale,
        "in_channels": CHANNELS if config.pair.kind == "band" else 1 + extra,
        "out_channels": 1,
        "mean": (0.0,),
        "std": config.model.input_scale,
        "input_skip": config.model.input_skip,
        "uncertainty": config.model.uncertainty,
    }
    if config.pair.kind == "image":
        options["in_channels"] = options["out_channels"] = config.model.channels
        options["mean"] = DIV2K_MEAN if config.model.channels == 3 else (DIV2K_LUMA,)
    if config.model.name == "edsr":
        options["batch_norm"] = config.model.batch_norm
    if config.model.name == "mdsr":
        return MDSR(MDSRConfig(scales=tuple(config.pair.scales), **options))
    return EDSR(EDSRConfig(scale=config.pair.scales[0], fold=config.model.fold, **options))


@dataclass
class Run:
    """How far a run is; all of it is in the checkpoint.

    Attributes:
        step: steps done.
        seconds, waited: in the loop, and of these for data.
        best: score of the best model so far.
        running: moving average of the loss; None before the first step.
        started: what was carried over from ``train.start``.
        stages: which options were changed on resuming, and at which step.
    """

    best: float
    step: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    running: float | None = None
    started: str = ""
    stages: list[str] = field(default_factory=list)


def train(
    config: Config, folder: str | Path, resume: bool = False, progress: Any = None
) -> Path | None:
    """Train a config in ``folder``; return the model file, None where another process wrote it.

    Writes ``log.csv``, the same for TensorBoard where that is installed, ``checkpoint.pt`` (all
    that a resumed run needs, replaced whole; the one before it is ``checkpoint.previous.pt``) and,
    at every validation and the end, ``<name>.safetensors`` with the averaged weights; the best by
    validation stays beside it as ``<name>-best.safetensors``.  ``progress`` wraps an iterable of
    steps (for a bar).

    With no option changed a resumed run ends, on a CPU, bit for bit like an unbroken one, wherever
    it was killed.  Options of data and training may be changed (training in stages); the model's
    record says which, and from which step on.  Of several processes (`specsr.train.processes`)
    the first alone writes and validates.

    Raises:
        SpecsrError: the folder already holds a run and ``resume`` is not set, or holds another
            network's run or a damaged one; the loss is no number any more; see also
            `specsr.train.processes.join`.
    """
    options, folder = config.train, Path(folder)
    model_path = folder / f"{config.name}.safetensors"
    for path in (folder / "checkpoint.pt", model_path):
        if path.exists() and not resume:
            raise SpecsrError(f"{path} exists: go on with --resume, or choose another --out folder")
    with join(options.device, options.devices, unused=config.model.name == "mdsr") as ranks:
        _train(config, folder, resume, progress, ranks)
    return model_path if ranks.rank == 0 else None


def _train(config: Config, folder: Path, resume: bool, progress: Any, ranks: Alone) -> None:
    """Train in one process of a run."""
    options = config.train
    checkpoint_path = folder / "checkpoint.pt"
    model_path = folder / f"{config.name}.safetensors"
    if options.batch % (options.accumulate * ranks.size):
        raise SpecsrError(
            f"train.batch is {options.batch}: expected a multiple of train.accumulate "
            f"({options.accumulate}) times the {ranks.size} processes"
        )
    writes, device = ranks.rank == 0, ranks.device
    bar = progress if progress and writes else lambda steps: steps
    folder.mkdir(parents=True, exist_ok=True)
    with ranks.first_ahead():  # the others take the examples from the cache
        data = source(config, bar, (ranks.rank, ranks.size))

    net = build_net(config)
    run = Run(best=-math.inf if data.higher else math.inf)
    if resume and checkpoint_path.exists():
        learner = Learner(net, config, ranks)
        run = _resumed(checkpoint_path, learner, run)
    else:
        if options.start:
            first = image_model if config.pair.kind == "image" else load_model
            run.started = transfer(net, first(options.start).net).summary()
            log.warning("start from %s: %s", options.start, run.started)
        learner = Learner(net, config, ranks)
    if ranks.mean(torch.tensor(float(run.step), device=device)).item() != run.step:
        raise SpecsrError(f"{folder}: the processes see different checkpoints: share the folder")
    if run.step >= options.steps:
        log.warning("%s: already at step %d of %d", checkpoint_path, run.step, options.steps)

    if device.type == "cuda":
        torch.backends.cudnn.benchmark = (
            True  # shapes repeat: the fastest kernels are worth finding
        )
    batches = Waiting(
        DataLoader(
            data.crops, batch_size=None, sampler=range(run.step, options.steps),
            num_workers=options.workers, pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # its workers' seeds, which nothing uses, else the global
        )
    )  # fmt: skip
    if writes:
        checkpoint.sweep(folder)
    began, waited = time.monotonic() - run.seconds, run.waited
    running = None if run.running is None else torch.tensor(run.running, dtype=torch.float64)
    with RunLog(folder, data.score, run.step) if writes else contextlib.nullcontext() as rows:
        for low, high, scale in bar(batches):
            loss = learner.step(low, high, scale, run.step).double()
            running = loss if running is None else 0.98 * running.to(device) + 0.02 * loss
            run.step += 1
            last = run.step == options.steps
            validates = last or run.step % options.validate_every == 0
            saves = last or run.step % options.save_every == 0
            # reading the loss holds a GPU up: now and then is often enough
            if not (validates or saves or run.step % 50 == 0):
                continue
            running = ranks.mean(running)
            run.running = running.item()
            if not math.isfinite(run.running):
                raise SpecsrError(
                    f"the loss is {run.running} at step {run.step}: lower train.lr; the last "
                    f"checkpoint in {folder} is good"
                )
            if rows is None:
                continue
            if validates:
                score = data.validate(learner.average, str(device))
                run.seconds, run.waited = time.monotonic() - began, waited + batches.seconds
                rate = learning_rate(run.step, config)
                rows.write(run.step, run.seconds, rate, run.running, score)
                better = score > run.best if data.higher else score < run.best
                run.best = score if better else run.best
                model = _model(config, learner, data, run, score, ranks)
                save_model(model_path, model, overwrite=True)
                if better:
                    best_path = model_path.with_stem(f"{config.name}-best")
                    save_model(best_path, model, overwrite=True)
            if saves:
                run.seconds, run.waited = time.monotonic() - began, waited + batches.seconds
                checkpoint.save(checkpoint_path, _state(config, learner, run))


def _state(config: Config, learner: Learner, run: Run) -> dict[str, Any]:
    """Return what a checkpoint holds."""
    dump = config.model_dump(mode="json")
    random = {"random": checkpoint.random_states()}
    return learner.state() | asdict(run) | random | {"config": dump, "model": dump["model"]}


def _resumed(path: Path, learner: Learner, run: Run) -> Run:
    """Set a learner and the random generators to a checkpoint; ``run`` is one that begins."""
    config = learner.config
    state = checkpoint.load(path, learner.ranks.device)
    now = config.model_dump(mode="json")
    # by the model's own form: later options have their defaults, former names are understood
    if ModelOptions.model_validate(state["model"]) != config.model:
        raise SpecsrError(f"{path}: made by another network: choose another --out")
    learner.load(state)
    if "random" in state:
        checkpoint.restore_random_states(state["random"])
    worst = run.best
    # checkpoints of earlier versions lack some of it
    run = Run(**{f.name: state.get(f.name, getattr(run, f.name)) for f in fields(Run)})
    before = Config.model_validate(state["config"]) if "config" in state else config
    changed = checkpoint.changes(before.model_dump(mode="json"), now)
    if changed:
        log.warning("resumed at step %d with changed options: %s", run.step, "; ".join(changed))
        run.stages = [*run.stages, *(f"step {run.step}: {change}" for change in changed)]
    judged = ("data.", "pair.", "grids", "train.hold_out", "train.patch")
    if any(c.startswith(judged) and not c.startswith("data.cache") for c in changed):
        run.best = worst  # scores of other examples cannot be compared
    return run


def _model(
    config: Config, learner: Learner, data: Source, run: Run, score: float, ranks: Alone
) -> Model:
    """Return the averaged network as it is to be used, with its record."""
    kind = ranks.device.type
    where = f"cpu ({platform.machine()}, {torch.get_num_threads()} threads)"
    record = {
        "steps": run.step,
        "seconds": round(run.seconds),
        "loader_wait": round(run.waited / max(run.seconds, 1e-9), 4),  # share of the seconds
        "device": (where if kind == "cpu" else kind) + (f" x {ranks.size}" * (ranks.size > 1)),
        data.score: round(score, 4),
        "examples": data.examples,
        "config": config.model_dump(mode="json"),
    }
    if run.started:
        record["start"] = run.started
    if run.stages:
        record["stages"] = run.stages
    return Model(
        config.name, learner.average, config.pair.kind,
        tuple(g.model_dump() for g in config.grids) if config.pair.kind != "image" else (),
        data.rates, data.db_range, record,
    )  # fmt: skip
