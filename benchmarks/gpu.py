"""Training and inference on a GPU: tests, speed beside eager PyTorch, roofline.

Takes under 8 minutes of a card.  What has been measured so far is in the folder ``--out`` at any
time; results/gpu.md is written at the end, and only where there is a GPU.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common
import torch
from roofline import counted, rates

from specsr.benchmark.network import SCALE, Reference, same_network
from specsr.errors import SpecsrError
from specsr.models.options import InferOptions
from specsr.models.precision import arithmetic
from specsr.models.tiling import prepared, run_tiled
from specsr.train.batch import synthetic
from specsr.train.build import build_net
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import Example
from specsr.train.learner import Learner
from specsr.train.log import Waiting
from specsr.train.processes import Alone
from specsr.train.train import train

PARTS = ("tests", "training", "inference", "run")
PRECISIONS = ("float32", "tf32", "bfloat16")


class Record:
    """Tables that are on the disk as soon as a row is added.

    Args:
        folder: folder of ``gpu.json``.
        minutes: time after which `late` is true.
        small: whether all sizes are small, to try the script on a CPU.
    """

    def __init__(self, folder: Path, minutes: float, small: bool) -> None:
        self.folder, self.until, self.small = folder, time.monotonic() + 60 * minutes, small
        self.facts: dict[str, Any] = {}
        self.tables: dict[str, list[dict[str, Any]]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, table: str, **row: Any) -> None:
        self.tables.setdefault(table, []).append(row)
        print(table, row, flush=True)
        text = json.dumps({"facts": self.facts, "tables": self.tables}, indent=1)
        partial = self.folder / "gpu.json.tmp"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / "gpu.json")

    def late(self) -> bool:
        return time.monotonic() > self.until


def timer(device: torch.device, seconds: float) -> Callable[[Callable[[], Any]], float]:
    """Return a function that returns the time of a call in s, the mean over ``seconds``."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def timed(work: Callable[[], Any]) -> float:
        for _ in range(3):
            work()
        wait()
        began, calls = time.perf_counter(), 0
        while not calls or time.perf_counter() - began < seconds:
            for _ in range(4):  # the host runs ahead of a GPU
                work()
            wait()
            calls += 4
        return (time.perf_counter() - began) / calls

    return timed


def tests(record: Record) -> None:
    """Run the tests that compare a GPU with the CPU."""
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-m", "gpu", "tests/test_gpu.py"]
    done = subprocess.run(
        command, cwd=common.ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    (record.folder / "tests.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    last = (done.stdout.strip().splitlines() or ["no output"])[-1]
    record.add("Tests", tests="tests/test_gpu.py", result=last)


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


def inference(record: Record, device: torch.device, speeds: dict[str, float]) -> None:
    """Time the EDSR baseline x4: eager on the device, and from host to host."""
    timed = timer(device, 0.2 if record.small else 2.0)
    torch.manual_seed(0)
    plain = Reference(*((1, 16) if record.small else (16, 64))).eval()
    net = same_network(plain).to(device)
    sides = (16, 32) if record.small else (256, 2048)
    for precision in PRECISIONS:
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        eager = Reference(len(plain.blocks), plain.last.out_channels).eval()
        eager.load_state_dict(plain.state_dict())
        eager = eager.to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore
        options = InferOptions(precision=precision, device=str(device))
        for side in sides:
            if record.late():
                return
            image = torch.randn(1, side, side)
            there = image[None].to(device, dtype)
            pieces = max(1, (side // sides[0]) ** 2 // 8)  # batches of 8 of the smaller size
            batch = there if side == sides[0] else there.new_zeros(8, 1, sides[0], sides[0])

            def on_device(batch: Any = batch, pieces: int = pieces, eager: Any = eager) -> None:
                for _ in range(pieces):
                    eager(batch)

            with torch.inference_mode(), arithmetic(device, precision):
                base = timed(on_device)
            with torch.no_grad():  # inference mode hides the convolutions
                work = counted(lambda batch=batch, eager=eager: eager(batch))
            with prepared(net, SCALE, options) as run:
                kept = timed(lambda image=image, run=run: run(image))
            whole = timed(lambda image=image, o=options: run_tiled(net, image, SCALE, o))
            least = pieces * work.seconds(speeds[precision], speeds["bytes"])
            for method, seconds in (
                ("eager, channels_last, without transfers", base),
                ("specsr, network prepared, host to host", kept),
                ("specsr, host to host", whole),
            ):
                record.add(
                    "Inference, EDSR baseline x4", image=f"{side} x {side}", precision=precision,
                    method=method, ms=1e3 * seconds,
                    **{
                        "times as fast": base / seconds,
                        "TFLOP/s of the published layers": pieces * work.flops / seconds / 1e12,
                        "least time of the published layers, ms": 1e3 * least,
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


def main() -> None:
    parser = common.parser(__doc__.splitlines()[0], PARTS, "gpu")
    parser.add_argument(
        "--out", type=Path, default=common.CACHE / "gpu", metavar="FOLDER",
        help="folder of gpu.json and tests.log, complete at any time (default: cache/gpu)",
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, default=7.0, help="last start of a measurement")
    parser.add_argument(
        "--small", action="store_true", help="small sizes, also on a CPU, to try this script"
    )
    args = parser.parse_args()
    if not torch.cuda.is_available() and not args.small:
        raise SpecsrError("no GPU: this benchmark needs one (--small tries it on the CPU)")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    record = Record(args.out, args.minutes, args.small)
    speeds = rates(device, timer(device, 0.1 if args.small else 0.5), 256 if args.small else 8192)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    record.facts = {"card": card} | {
        f"matrix product, {name}, TFLOP/s": speeds[name] / 1e12 for name in PRECISIONS
    }
    record.facts["copy, GB/s"] = speeds["bytes"] / 1e9
    parts: dict[str, Callable[[], None]] = {
        "tests": lambda: tests(record),
        "training": lambda: training(record, device, speeds),
        "inference": lambda: inference(record, device, speeds),
        "run": lambda: whole_run(record, device),
    }
    for name in args.only:
        parts[name]()
    if device.type != "cuda":
        print(f"measured on a CPU, only in {args.out}", file=sys.stderr)
        return
    if (args.small or set(args.only) != set(PARTS)) and args.name is None:
        args.limit = 1  # printed, and written only with --name
    common.publish(args, f"GPU: {card}", PROTOCOL, record.tables, facts=record.facts)


PROTOCOL = """
Wall-clock time, mean over seconds of calls. A training step is a whole one: crops (for the map, of
maps on the device), forward and backward pass, clipping, Adam, average of the weights; `eager` runs
the same work without CUDA graphs. TFLOP/s count convolutions and matrix products, two operations
for each multiplication. `least time` adds up the operations of the eager step, each bound by the
measured rate of matrix products or of a copy (it reads its inputs and writes its results once):
only fused kernels, and those whose data stay in a cache, can be faster.

Inference: the reference is the published layers on the device, in batches of eight 256 x 256 images
for the larger size, without transfers; specsr's times are from host to host. Its merged tail has
less arithmetic than the published layers. The whole run is `specsr train` of the map network on
synthetic machines, with the loader.
"""

if __name__ == "__main__":
    common.run(main)
