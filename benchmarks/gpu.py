"""Training and inference on a GPU: tests, speed beside eager PyTorch, roofline.

Takes under 8 minutes of a card.  What has been measured so far is in the folder ``--out`` at any
time; results/gpu.md is written at the end, and only where there is a GPU.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common
import torch
from gpu_record import PRECISIONS, Record, timer
from gpu_training import training, whole_run
from roofline import counted, rates

from specsr.benchmark.network import SCALE, Reference, same_network
from specsr.errors import SpecsrError
from specsr.models.options import InferOptions
from specsr.models.precision import arithmetic
from specsr.models.tiling import prepared, run_tiled

PARTS = ("tests", "training", "inference", "run")


def tests(record: Record) -> None:
    """Run the tests that compare a GPU with the CPU."""
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-m", "gpu", "tests/test_gpu.py"]
    done = subprocess.run(
        command, cwd=common.ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    (record.folder / "tests.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    last = (done.stdout.strip().splitlines() or ["no output"])[-1]
    record.add("Tests", tests="tests/test_gpu.py", result=last)


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
