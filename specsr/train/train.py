"""Training run: set-up, loop, validation, checkpoints and model files."""

from __future__ import annotations

import contextlib
import logging
import math
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import torch
from pydantic import TypeAdapter
from torch.utils.data import DataLoader

from specsr.errors import SpecsrError
from specsr.images.upscale import image_model
from specsr.io.temporaries import sweep
from specsr.maps.device import pick_device
from specsr.maps.grid import Grid
from specsr.models import bundled
from specsr.models.description import Analysis, describe
from specsr.models.model import Model, description, read_info, save_model
from specsr.models.network import Network
from specsr.models.precision import arithmetic
from specsr.models.transfer import transfer
from specsr.progress import Progress
from specsr.train import checkpoint
from specsr.train.build import build_net, check_memory
from specsr.train.config import Config, ModelOptions
from specsr.train.data import Source, delivered, source
from specsr.train.learner import Learner, learning_rate
from specsr.train.log import RunLog, Waiting
from specsr.train.processes import Alone, join

log = logging.getLogger(__name__)


@dataclass
class Run:
    """Progress of a run; every attribute is stored in the checkpoint.

    Attributes:
        best: best validation score so far.
        step: number of steps done.
        seconds: time in the loop, s.
        waited: part of ``seconds`` spent waiting for data, s.
        running: moving average of the loss; None before the first step.
        started: summary of the weights copied from ``train.start``.
        stages: options that were changed on resuming, with the step.
    """

    best: float
    step: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    running: float | None = None
    started: str = ""
    stages: list[str] = field(default_factory=list)


def train(
    config: Config, folder: str | Path, resume: bool = False, progress: Progress | None = None
) -> Path | None:
    """Train a config; return the model file, or None where another process wrote it.

    Files written to ``folder``:

    - ``log.csv``, and the same for TensorBoard where that is installed;
    - ``checkpoint.pt`` with the state of the run, replaced atomically; the one before it is
      ``checkpoint.previous.pt``;
    - ``<name>.safetensors`` with the averaged weights, at every validation and at the end;
    - ``<name>-best.safetensors``, the one with the best validation score.

    A run that was killed at any moment and resumed with the same options ends, on a CPU, bit for
    bit like an uninterrupted one.  Options of data and training may be changed on resuming
    (training in stages); the model's record lists the changes with their step.  Of several
    processes (`specsr.train.processes`) only the first writes and validates.

    Args:
        config: options of the run.
        folder: folder of the run.
        resume: continue from the checkpoint in the folder, if it has one.
        progress: wraps the iterables of examples and of steps, for a progress bar.

    Raises:
        SpecsrError: the folder has a run and ``resume`` is not set; its checkpoint is of another
            network or damaged; the loss is not finite; see also `specsr.train.processes.join`.
    """
    options, folder = config.train, Path(folder)
    model_path = folder / f"{config.name}.safetensors"
    for path in (folder / "checkpoint.pt", model_path):
        if path.exists() and not resume:
            raise SpecsrError(
                f"{path} exists: continue it with --resume, or choose another --out folder"
            )
    check(config, continued=(folder / "checkpoint.pt").exists())
    with (
        join(options.device, options.devices, unused=config.model.name == "mdsr") as ranks,
        # shapes repeat: search the fastest kernels once
        arithmetic(ranks.device, options.precision, search=True),
    ):
        _train(config, folder, resume, progress, ranks)
    return model_path if ranks.rank == 0 else None


def check(config: Config, continued: bool = False) -> None:
    """Check what needs no data: device, windows, the model that a run starts from, and memory.

    Raises:
        SpecsrError: no such device, window or model, or too large a network or batch.
    """
    for grid in config.grids:
        Grid(1.0, grid.n_fft, grid.hop_length, grid.n_fft, grid.window).window_samples()
    check_memory(config, on_cpu=pick_device(config.train.device).type == "cpu")
    if config.train.start and not continued:
        read_info(bundled.model_path(config.train.start))


def _train(
    config: Config, folder: Path, resume: bool, progress: Progress | None, ranks: Alone
) -> None:
    """Train as one of the processes of a run."""
    options = config.train
    checkpoint_path = folder / "checkpoint.pt"
    model_path = folder / f"{config.name}.safetensors"
    if options.batch % (options.accumulate * ranks.size):
        raise SpecsrError(
            f"train.batch is {options.batch}: expected a multiple of train.accumulate "
            f"({options.accumulate}) x {ranks.size} processes"
        )
    writes, device = ranks.rank == 0, ranks.device
    bar: Progress = progress if progress and writes else lambda steps: steps
    folder.mkdir(parents=True, exist_ok=True)
    with ranks.first_ahead():  # the others read the examples from the cache
        data = source(config, bar, (ranks.rank, ranks.size))

    net = build_net(config)
    _check_loadable(config, net, data)
    items, cut = delivered(data.crops, config, device)
    run = Run(best=-math.inf if data.higher else math.inf)
    continued = resume and checkpoint_path.exists()
    if options.start and not continued:
        first = image_model if config.pair.kind == "image" else bundled.load_model
        run.started = transfer(net, first(options.start).net).summary()
        log.warning("initial weights from %s: %s", options.start, run.started)
    learner = Learner(net, config, ranks, cut=cut)
    if continued:
        run = _resumed(checkpoint_path, learner, run)
    if ranks.mean(torch.tensor(float(run.step), device=device)).item() != run.step:
        raise SpecsrError(f"{folder}: the processes see different checkpoints: share the folder")
    if run.step >= options.steps:
        log.warning("%s: already at step %d of %d", checkpoint_path, run.step, options.steps)

    batches = Waiting(
        DataLoader(
            items, batch_size=None, sampler=range(run.step, options.steps),
            num_workers=options.workers, pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # else the loader draws from the global generator
        )
    )  # fmt: skip
    if writes:
        sweep(folder, everything=True)  # the folder belongs to this run
    began, waited = time.monotonic() - run.seconds, run.waited
    running = None if run.running is None else torch.tensor(run.running, dtype=torch.float64)
    with RunLog(folder, data.scores, run.step) if writes else contextlib.nullcontext() as rows:
        for batch in bar(batches):
            loss = learner.step(batch, run.step).double()
            running = loss if running is None else 0.98 * running.to(device) + 0.02 * loss
            run.step += 1
            last = run.step == options.steps
            validates = last or run.step % options.validate_every == 0
            saves = last or run.step % options.save_every == 0
            # reading the loss waits for the GPU: only every 50 steps
            if not (validates or saves or run.step % 50 == 0):
                continue
            running = ranks.mean(running)
            run.running = running.item()
            if not math.isfinite(run.running):
                raise SpecsrError(
                    f"the loss is {run.running} at step {run.step}: lower train.lr; the last "
                    f"checkpoint in {folder} is intact"
                )
            if rows is None:
                continue
            if validates:
                scores = data.validate(learner.average, str(device))
                score = scores[data.scores[0]]
                run.seconds, run.waited = time.monotonic() - began, waited + batches.seconds
                rate = learning_rate(run.step, config)
                rows.write(run.step, run.seconds, rate, run.running, scores)
                better = score > run.best if data.higher else score < run.best
                run.best = score if better else run.best
                model = _model(config, learner, data, run, scores, ranks)
                save_model(model_path, model, overwrite=True)
                if better:
                    best_path = model_path.with_stem(f"{config.name}-best")
                    save_model(best_path, model, overwrite=True)
            if saves:
                run.seconds, run.waited = time.monotonic() - began, waited + batches.seconds
                checkpoint.save(checkpoint_path, _state(config, learner, run))


def _check_loadable(config: Config, net: Network, data: Source) -> None:
    """Raise `SpecsrError` before the first step for a model that could not be loaded afterwards."""
    model = Model(
        config.name, net, config.pair.kind, _grids(config), data.rates, data.level_range_db
    )
    try:
        describe(description(model))
    except SpecsrError as error:
        raise SpecsrError(f"the model of this config could not be loaded: {error}") from None


def _state(config: Config, learner: Learner, run: Run) -> dict[str, Any]:
    """Return the content of a checkpoint."""
    dump = config.model_dump(mode="json")
    random = {"random": checkpoint.random_states()}
    return learner.state() | asdict(run) | random | {"config": dump, "model": dump["model"]}


def _resumed(path: Path, learner: Learner, run: Run) -> Run:
    """Restore learner and random generators from a checkpoint; ``run`` has the initial values."""
    config = learner.config
    state = checkpoint.load(path, learner.ranks.device)
    now = config.model_dump(mode="json")
    worst = run.best
    with checkpoint.refusing(path):
        # validated: missing options get their defaults, names of version 0.1.0 the present ones
        if ModelOptions.model_validate(state["model"]) != config.model:
            raise SpecsrError(
                f"{path}: of another network: choose another --out folder, or the config of this "
                "run"
            )
        before = Config.model_validate(state["config"]) if "config" in state else config
        # checkpoints of earlier versions may lack some attributes
        run = Run(
            **{
                name: TypeAdapter(kind).validate_python(
                    state.get(name, getattr(run, name)), strict=True
                )
                for name, kind in get_type_hints(Run).items()
            }
        )
        if run.step < 0:
            raise ValueError(f"step is {run.step}")
        learner.load(state)
        if "random" in state:
            checkpoint.restore_random_states(state["random"])
    changed = checkpoint.changes(before.model_dump(mode="json"), now)
    if changed:
        log.warning("resumed at step %d with changed options: %s", run.step, "; ".join(changed))
        run.stages = [*run.stages, *(f"step {run.step}: {change}" for change in changed)]
    judged = ("data.", "pair.", "grids", "train.hold_out", "train.patch")
    same = ("data.cache", "data.workers")
    if any(c.startswith(judged) and not c.startswith(same) for c in changed):
        run.best = worst  # scores on other examples are not comparable
    return run


def _model(
    config: Config, learner: Learner, data: Source, run: Run, scores: dict[str, float],
    ranks: Alone,
) -> Model:  # fmt: skip
    """Return the averaged network as a model with its training record."""
    kind = ranks.device.type
    where = f"cpu ({platform.machine()}, {torch.get_num_threads()} threads)"
    record = {
        "steps": run.step,
        "seconds": round(run.seconds),
        "loader_wait": round(run.waited / max(run.seconds, 1e-9), 4),  # share of ``seconds``
        "device": (where if kind == "cpu" else kind) + (f" x {ranks.size}" * (ranks.size > 1)),
        **{name: round(score, 4) for name, score in scores.items()},
        "examples": data.examples,
        "config": config.model_dump(mode="json"),
    }
    record |= {k: v for k, v in (("start", run.started), ("stages", run.stages)) if v}
    return Model(
        config.name, learner.average, config.pair.kind, _grids(config), data.rates,
        data.level_range_db, record,
    )  # fmt: skip


def _grids(config: Config) -> tuple[Analysis, ...]:
    """Return the analyses of a model's maps; none for images."""
    maps = config.pair.kind != "image"
    return tuple(Analysis(**grid.model_dump()) for grid in config.grids) if maps else ()
