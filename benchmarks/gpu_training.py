"""Training steps and whole runs of `benchmarks/gpu.py`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_record import PRECISIONS, Record, timer
from roofline import counted

from specsr.models.precision import arithmetic
from specsr.train.batch import synthetic
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import Example
from specsr.train.learner import Learner
from specsr.train.log import Waiting
from specsr.train.processes import Alone
from specsr.train.train import train


def setups(small: bool) -> dict[str, Config]:
    """Return the runs whose steps are timed, on examples that are made here."""
    blocks, feats = (1, 16) if small else (16, 64)
    patch = 8 if small else 40
    common_train = {"batch": 4 if small else 40, "patch": [patch, patch], "warmup": 0}
    shape = {"n_resblocks": blocks, "n_feats": feats}
    maps = {
        "name": "map", "pair": {"kind": "pool", "scales": [2, 3, 4]},
        "model": {"name": "mdsr", "uncertainty": True, "order_input": True, **shape},
        "data": {"synth": {"count": 1}, "real": {"folders": ["x"]}},
        "train": {**common_train, "places": 2, "loss": "itakura-saito+l2",
                  "scale_weights": [1, 1, 3], "examples_on": "device"},
    }  # fmt: skip
    image = {
        "name": "image", "pair": {"kind": "image", "scales": [4]},
        "model": {"name": "edsr", **shape}, "data": {"folders": ["x"]},
        "train": {**common_train, "batch": 4 if small else 16,
                  "patch": [8, 8] if small else [48, 48]},
    }  # fmt: skip
    return {
        f"map: MDSR {blocks} x {feats}, x2 x3 x4, {maps['train']['batch']} crops":  # type: ignore
        Config.model_validate(maps),
        f"image: EDSR {blocks} x {feats}, x4, {image['train']['batch']} crops":  # type: ignore
        Config.model_validate(image),
    }  # fmt: skip


def noise_maps(small: bool) -> list[Example]:
    """Return maps of noise with a speed, a third of them real."""
    rows, frames = (64, 80) if small else (1024, 600)
    noise = torch.randn(12, rows, frames).mul_(10).half().numpy()
    speed = torch.linspace(5, 60, frames).numpy()
    return [Example(m, m, 0, 12.5, speed, real=i % 3 == 0) for i, m in enumerate(noise)]


def steps_of(
    config: Config, device: torch.device, graphs: bool, small: bool
) -> tuple[Callable[[], Any], Learner]:
    """Return a function that does one step of a run, and its learner."""
    if config.pair.kind == "image":
        rows, columns = config.train.patch
        low = torch.randint(256, (config.train.batch, 3, rows, columns), dtype=torch.uint8)
        high = low.repeat_interleave(4, -1).repeat_interleave(4, -2)
        batch = synthetic(low, high, (4, 4))
        if device.type == "cuda":
            batch = batch._replace(low=low.pin_memory(), high=high.pin_memory())
        cut, items = None, [batch]
    else:
        crops = Crops(noise_maps(small), config, 64)
        cut, items = crops.on(device), [crops.draws[step] for step in range(64)]
    learner = Learner(build_net(config), config, Alone(device), cut=cut)
    if not graphs:
        learner.work.recorder = None
    count = 0

    def step() -> None:
        nonlocal count
        learner.step(items[count % len(items)], 0)
        count += 1

    return step, learner


def training(record: Record, device: torch.device, speeds: dict[str, float]) -> None:
    """Time steps of a run: eager and as CUDA graphs, with the least time of their kernels."""
    timed = timer(device, 0.2 if record.small else 4.0)
    for name, config in setups(record.small).items():
        for precision in PRECISIONS:
            for graphs in (False, True):
                if record.late():
                    return
                train_options = config.train.model_copy(update={"precision": precision})
                chosen = config.model_copy(update={"train": train_options})
                with arithmetic(device, precision, search=True):
                    step, learner = steps_of(chosen, device, graphs, record.small)
                    for _ in range(24 if graphs else 6):  # all scales are recorded
                        step()
                    seconds = timed(step)
                    learner.work.recorder = None
                    work = [counted(step) for _ in range(1 if config.pair.kind == "image" else 8)]
                flops = sum(w.flops for w in work) / len(work)
                least = sum(w.seconds(speeds[precision], speeds["bytes"]) for w in work) / len(work)
                record.add(
                    "Training steps", run=name, precision=precision,
                    method="CUDA graphs" if graphs else "eager", ms=1e3 * seconds,
                    **{
                        "steps/s": 1 / seconds,
                        "TFLOP/s": flops / seconds / 1e12,
                        "of matrix product, %": 100 * flops / seconds / speeds[precision],
                        "least time, ms": 1e3 * least,
                        "of least time, %": 100 * least / seconds,
                    },
                )  # fmt: skip


def whole_run(record: Record, device: torch.device) -> None:
    """Time a whole run: examples, loader, steps, validation, checkpoint."""
    steps = 8 if record.small else 600
    with tempfile.TemporaryDirectory() as folder:
        tree = setups(record.small)
        config = next(iter(tree.values())).model_dump(mode="json")
        count = 8 if record.small else 64
        config["data"] = {
            "synth": {"count": count, "duration": 3.0}, "cache": str(Path(folder) / "cache")
        }  # fmt: skip
        config["train"] |= {
            "steps": steps, "device": str(device), "precision": "bfloat16",
            "validate_every": steps, "save_every": steps,
        }  # fmt: skip
        for place in ("device", "host"):
            if record.late():
                return
            config["train"]["examples_on"] = place
            began, marks, waits = time.monotonic(), [], []

            def watched(items: Any, marks: Any = marks, waits: Any = waits) -> Any:
                if not isinstance(items, Waiting):  # the examples
                    yield from items
                    marks.append(time.monotonic())
                    return
                for done, item in enumerate(items):
                    if done == len(items) // 2:
                        marks.append(time.monotonic())
                        waits.append(items.seconds)
                    yield item
                marks.append(time.monotonic())
                waits.append(items.seconds)

            train(Config.model_validate(config), Path(folder) / place, progress=watched)
            ready, half, end = marks
            record.add(
                "Whole run, map, bfloat16",
                **{
                    "maps on": place,
                    f"{count} examples, s": ready - began,
                    "steps/s, second half": (steps - steps // 2) / (end - half),
                    "waiting for data, %": 100 * (waits[1] - waits[0]) / (end - half),
                },
            )
